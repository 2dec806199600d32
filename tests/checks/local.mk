CHECK_SCRIPTS = %D%/layering.sh %D%/sizes.sh %D%/headers.sh
dist_check_SCRIPTS += $(CHECK_SCRIPTS)
EXTRA_DIST += %D%/tap.sh
TESTS += $(CHECK_SCRIPTS)
