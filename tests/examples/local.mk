dist_check_SCRIPTS += %D%/examples.sh
TESTS += %D%/examples.sh
