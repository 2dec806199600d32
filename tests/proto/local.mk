if HAVE_CMOCKA
proto_tests = %D%/test_frame %D%/test_table %D%/test_msg \
	%D%/test_prescan %D%/test_msg_print %D%/test_mutation
check_PROGRAMS += $(proto_tests)
TESTS += $(proto_tests)
proto_test_libs = proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(CMOCKA_LIBS)

tests_proto_test_frame_SOURCES = %D%/test_frame.c
tests_proto_test_frame_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_frame_LDADD = $(proto_test_libs)
tests_proto_test_table_SOURCES = %D%/test_table.c
tests_proto_test_table_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_table_LDADD = $(proto_test_libs)
tests_proto_test_msg_SOURCES = %D%/test_msg.c %D%/sample.c %D%/sample.h
tests_proto_test_msg_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_msg_LDADD = $(proto_test_libs)
tests_proto_test_prescan_SOURCES = %D%/test_prescan.c %D%/sample.c %D%/sample.h
tests_proto_test_prescan_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_prescan_LDADD = $(proto_test_libs)
tests_proto_test_msg_print_SOURCES = %D%/test_msg_print.c %D%/sample.c %D%/sample.h
tests_proto_test_msg_print_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_msg_print_LDADD = $(proto_test_libs)
tests_proto_test_mutation_SOURCES = %D%/test_mutation.c %D%/sample.c %D%/sample.h
tests_proto_test_mutation_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_mutation_LDADD = $(proto_test_libs)
endif
