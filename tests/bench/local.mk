dist_check_SCRIPTS += %D%/compare.sh
TESTS += %D%/compare.sh
