if HAVE_CMOCKA
node_tests = tests/node/test_taskvm
check_PROGRAMS += $(node_tests)
TESTS += $(node_tests)

tests_node_test_taskvm_SOURCES = %D%/test_taskvm.c %D%/fake.c %D%/fake.h node/children.c node/children.h
tests_node_test_taskvm_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_node_test_taskvm_LDADD = proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(CMOCKA_LIBS)
endif
