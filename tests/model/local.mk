dist_check_SCRIPTS += %D%/ring.sh
TESTS += tests/model/ring.sh
EXTRA_DIST += %D%/ring.pml
