system_tests = %D%/many_jobs.sh %D%/vm.sh %D%/faults.sh %D%/bad_input.sh %D%/install.sh
dist_check_SCRIPTS += $(system_tests)
EXTRA_DIST += %D%/lib.sh
TESTS += $(system_tests)
