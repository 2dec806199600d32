FORTRAN_CHECKS = tests/fortran/test_constants.sh tests/fortran/test_interfaces.sh
dist_check_SCRIPTS += $(FORTRAN_CHECKS)
TESTS += $(FORTRAN_CHECKS)
