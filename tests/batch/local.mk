batch_tests = %D%/slurm.sh %D%/others.sh
dist_check_SCRIPTS += $(batch_tests)
EXTRA_DIST += %D%/rig.sh
TESTS += $(batch_tests)
