if HAVE_CMOCKA
TASK_TESTS = tests/task/test_pack tests/task/test_op tests/task/test_match tests/task/test_engine tests/task/test_hostile \
	tests/task/test_share tests/task/test_lend tests/task/test_control tests/task/test_threads tests/task/test_processes
check_PROGRAMS += $(TASK_TESTS)
TESTS += $(TASK_TESTS)
TASK_TEST_LIBS = task/libtask.la transport/libtransport.la proto/libproto.la base/libbase.la $(CMOCKA_LIBS)

tests_task_test_pack_SOURCES = %D%/test_pack.c
tests_task_test_pack_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_pack_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)

tests_task_test_op_SOURCES = %D%/test_op.c
tests_task_test_op_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_op_LDADD = task/libtask.la base/libbase.la $(CMOCKA_LIBS)

tests_task_test_match_SOURCES = %D%/test_match.c
tests_task_test_match_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_match_LDADD = task/libtask.la base/libbase.la $(CMOCKA_LIBS)

TASKS = %D%/tasks.c %D%/tasks.h
tests_task_test_engine_SOURCES = %D%/test_engine.c $(TASKS)
tests_task_test_engine_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_engine_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
tests_task_test_hostile_SOURCES = %D%/test_hostile.c $(TASKS)
tests_task_test_hostile_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_hostile_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
tests_task_test_share_SOURCES = %D%/test_share.c $(TASKS)
tests_task_test_share_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_share_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
tests_task_test_lend_SOURCES = %D%/test_lend.c $(TASKS)
tests_task_test_lend_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_lend_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
tests_task_test_control_SOURCES = %D%/test_control.c $(TASKS)
tests_task_test_control_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_control_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)

COLL_TESTS = tests/task/test_coll tests/task/test_team
check_PROGRAMS += $(COLL_TESTS)
TESTS += $(COLL_TESTS)
CREW = %D%/crew.c %D%/crew.h
tests_task_test_coll_SOURCES = %D%/test_coll.c $(CREW)
tests_task_test_coll_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_coll_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
tests_task_test_team_SOURCES = %D%/test_team.c $(CREW)
tests_task_test_team_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_team_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)

tests_task_test_threads_SOURCES = %D%/test_threads.c $(TASKS)
tests_task_test_threads_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_threads_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
tests_task_test_processes_SOURCES = %D%/test_processes.c $(TASKS)
tests_task_test_processes_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_processes_LDADD = $(TASK_TEST_LIBS) $(MSGPACK_LIBS)
endif

# Teams that meet in a hall once more, under ThreadSanitizer: the library without its warnings, which say that it knows
# no fences. It is all the stricter with what is done without them.
dist_check_SCRIPTS += %D%/race.sh
if HAVE_CMOCKA
if HAVE_TSAN
TESTS += tests/task/race.sh
check_LIBRARIES += tests/task/librace.a
tests_task_librace_a_SOURCES = $(task_libtask_la_SOURCES) $(transport_libtransport_la_SOURCES) $(proto_libproto_la_SOURCES) \
	$(base_libbase_la_SOURCES) $(CREW)
tests_task_librace_a_CFLAGS = $(MSGPACK_CFLAGS) $(CMOCKA_CFLAGS) -fsanitize=thread -w
check_PROGRAMS += tests/task/race_coll tests/task/race_team
tests_task_race_coll_SOURCES = %D%/test_coll.c
tests_task_race_coll_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -fsanitize=thread
tests_task_race_coll_LDADD = tests/task/librace.a $(CMOCKA_LIBS) $(MSGPACK_LIBS)
tests_task_race_team_SOURCES = %D%/test_team.c
tests_task_race_team_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) -fsanitize=thread
tests_task_race_team_LDADD = tests/task/librace.a $(CMOCKA_LIBS) $(MSGPACK_LIBS)
endif
endif

# All of weft.h on a real machine.
check_PROGRAMS += tests/task/calls
tests_task_calls_SOURCES = %D%/calls.c
tests_task_calls_LDADD = bindings/c/libweft.la
tests_task_calls_LDFLAGS = -no-install
check_PROGRAMS += tests/task/hall
tests_task_hall_SOURCES = %D%/hall.c
tests_task_hall_LDADD = bindings/c/libweft.la
tests_task_hall_LDFLAGS = -no-install
dist_check_SCRIPTS += %D%/calls.sh %D%/hall.sh
TESTS += %D%/calls.sh %D%/hall.sh
