SYSTEM_SCRIPTS = %D%/vm.sh %D%/faults.sh %D%/bad_input.sh %D%/install.sh
dist_check_SCRIPTS += $(SYSTEM_SCRIPTS)
EXTRA_DIST += %D%/lib.sh
TESTS += $(SYSTEM_SCRIPTS)
