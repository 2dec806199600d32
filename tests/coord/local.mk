if HAVE_CMOCKA
coord_tests = %D%/test_session %D%/test_sim
check_PROGRAMS += $(coord_tests)
TESTS += $(coord_tests)
coord_test_libs = coord/libcoord.la proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(CMOCKA_LIBS)

tests_coord_test_session_SOURCES = %D%/test_session.c
tests_coord_test_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_session_LDADD = $(coord_test_libs)
tests_coord_test_sim_SOURCES = %D%/test_sim.c %D%/sim.c %D%/sim.h %D%/sim_client.c %D%/sim_node.c
tests_coord_test_sim_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_sim_LDADD = $(coord_test_libs)
endif
