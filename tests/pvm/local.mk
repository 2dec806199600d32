pvm_checks = %D%/symbols.sh %D%/source.sh
dist_check_SCRIPTS += $(pvm_checks)
EXTRA_DIST += %D%/calls.c
TESTS += $(pvm_checks)
