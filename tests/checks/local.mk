house_checks = %D%/docs.sh %D%/layering.sh %D%/sizes.sh %D%/headers.sh %D%/symbols.sh %D%/manpages.sh %D%/report.sh
dist_check_SCRIPTS += $(house_checks)
EXTRA_DIST += %D%/tap.sh
TESTS += $(house_checks)
