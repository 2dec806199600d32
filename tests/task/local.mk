if HAVE_CMOCKA
TASK_TESTS = tests/task/test_pack tests/task/test_op
check_PROGRAMS += $(TASK_TESTS)
TESTS += $(TASK_TESTS)
TASK_TEST_LIBS = task/libtask.la transport/libtransport.la proto/libproto.la base/libbase.la $(CMOCKA_LIBS)

tests_task_test_pack_SOURCES = %D%/test_pack.c
tests_task_test_pack_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_pack_LDADD = task/libtask.la base/libbase.la $(CMOCKA_LIBS)

tests_task_test_op_SOURCES = %D%/test_op.c
tests_task_test_op_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_task_test_op_LDADD = task/libtask.la base/libbase.la $(CMOCKA_LIBS)
endif
