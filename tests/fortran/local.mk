FORTRAN_CHECKS = tests/fortran/test_constants.sh tests/fortran/test_interfaces.sh tests/fortran/test_weftfort.sh \
	tests/fortran/test_crew.sh
dist_check_SCRIPTS += $(FORTRAN_CHECKS)
TESTS += $(FORTRAN_CHECKS)

if HAVE_FORTRAN
check_PROGRAMS += tests/fortran/test_module tests/fortran/crew
TESTS += tests/fortran/test_module
tests_fortran_test_module_SOURCES = %D%/test_module.f90 %D%/layout.c
tests_fortran_test_module_LDADD = $(FORTRAN_LIBS)
tests_fortran_test_module_LINK = $(LIBTOOL) $(AM_V_lt) --tag=FC --mode=link $(FC) $(FCFLAGS) $(LDFLAGS) -o $@
tests_fortran_crew_SOURCES = %D%/crew.f90
tests_fortran_crew_LDADD = $(FORTRAN_LIBS)
%D%/test_module.$(OBJEXT) %D%/crew.$(OBJEXT): $(FORTRAN_MODULE)
endif
