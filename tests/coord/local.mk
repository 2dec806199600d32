if HAVE_CMOCKA
coord_tests = %D%/test_session
check_PROGRAMS += $(coord_tests)
TESTS += $(coord_tests)
coord_test_libs = proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(CMOCKA_LIBS)

tests_coord_test_session_SOURCES = %D%/test_session.c
tests_coord_test_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_session_LDADD = $(coord_test_libs)
endif
