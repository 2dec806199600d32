if HAVE_CMOCKA
coord_tests = %D%/test_exchange %D%/test_journal %D%/test_session %D%/test_sim %D%/test_shell %D%/test_spawn \
	%D%/test_place %D%/test_store %D%/test_talk %D%/test_member %D%/test_mbox %D%/test_stopping
check_PROGRAMS += $(coord_tests)
TESTS += $(coord_tests)
coord_test_libs = coord/libcoord.la proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(CMOCKA_LIBS)

tests_coord_test_exchange_SOURCES = %D%/test_exchange.c %D%/drive.c %D%/drive.h
tests_coord_test_exchange_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_exchange_LDADD = $(coord_test_libs)

tests_coord_test_stopping_SOURCES = %D%/test_stopping.c %D%/drive.c %D%/drive.h
tests_coord_test_stopping_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_stopping_LDADD = $(coord_test_libs)
tests_coord_test_session_SOURCES = %D%/test_session.c
tests_coord_test_session_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_session_LDADD = $(coord_test_libs)
tests_coord_test_sim_SOURCES = %D%/test_sim.c %D%/sim.c %D%/sim.h %D%/sim_client.c %D%/sim_node.c %D%/sim_vm.c
tests_coord_test_sim_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_sim_LDADD = $(coord_test_libs)
tests_coord_test_journal_SOURCES = %D%/test_journal.c
tests_coord_test_journal_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_journal_LDADD = $(coord_test_libs)

tests_coord_test_spawn_SOURCES = %D%/test_spawn.c %D%/drive.c %D%/drive.h
tests_coord_test_spawn_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_spawn_LDADD = $(coord_test_libs)

tests_coord_test_place_SOURCES = %D%/test_place.c %D%/drive.c %D%/drive.h
tests_coord_test_place_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_place_LDADD = $(coord_test_libs)

tests_coord_test_talk_SOURCES = %D%/test_talk.c %D%/drive.c %D%/drive.h
tests_coord_test_talk_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_talk_LDADD = $(coord_test_libs)

tests_coord_test_mbox_SOURCES = %D%/test_mbox.c %D%/drive.c %D%/drive.h
tests_coord_test_mbox_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_mbox_LDADD = $(coord_test_libs)

tests_coord_test_member_SOURCES = %D%/test_member.c %D%/drive.c %D%/drive.h
tests_coord_test_member_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_member_LDADD = $(coord_test_libs)

tests_coord_test_store_SOURCES = %D%/test_store.c coord/store.c coord/store.h
tests_coord_test_store_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_store_LDADD = $(coord_test_libs)

tests_coord_test_shell_SOURCES = %D%/test_shell.c
tests_coord_test_shell_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_coord_test_shell_LDADD = $(coord_test_libs)
endif
