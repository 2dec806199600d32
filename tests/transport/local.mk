if HAVE_CMOCKA
check_LTLIBRARIES += tests/transport/libpair.la
tests_transport_libpair_la_SOURCES = %D%/pair.c %D%/pair.h
tests_transport_libpair_la_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_libpair_la_LIBADD = transport/libtransport.la base/libbase.la $(CMOCKA_LIBS)

TRANSPORT_TESTS = tests/transport/test_conformance tests/transport/test_wake
check_PROGRAMS += $(TRANSPORT_TESTS)
TESTS += $(TRANSPORT_TESTS)

tests_transport_test_conformance_SOURCES = %D%/test_conformance.c
tests_transport_test_conformance_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_conformance_LDADD = tests/transport/libpair.la

tests_transport_test_wake_SOURCES = %D%/test_wake.c
tests_transport_test_wake_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_transport_test_wake_LDADD = tests/transport/libpair.la
endif
