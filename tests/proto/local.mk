if HAVE_CMOCKA
proto_tests = %D%/test_frame %D%/test_table %D%/test_msg \
	%D%/test_prescan %D%/test_msg_print %D%/test_mutation %D%/test_output
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
tests_proto_test_output_SOURCES = %D%/test_output.c
tests_proto_test_output_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS)
tests_proto_test_output_LDADD = $(proto_test_libs)
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

dist_check_SCRIPTS += %D%/protocol_document.sh
TESTS += %D%/protocol_document.sh

# The decoder under libFuzzer, for FUZZ_SECONDS; needs clang. What it finds stays in the corpus.
FUZZ_CC = clang
FUZZ_SECONDS = 60
FUZZ_CORPUS = tests/proto/corpus
FUZZ_FILES = $(addprefix $(srcdir)/,tests/proto/sample.c proto/frame.c proto/msg.c proto/msg_print.c \
	proto/prescan.c base/buf.c base/err.c base/heap.c base/ids.c base/rng.c)
FUZZ_CFLAGS = -g -O1 -std=gnu11 -fno-omit-frame-pointer $(DEFS) -I. -I$(srcdir) $(MSGPACK_CFLAGS)
EXTRA_DIST += %D%/fuzz_msg.c %D%/fuzz_seeds.c
CLEANFILES += tests/proto/fuzz_msg tests/proto/fuzz_seeds
fuzz:
	$(MKDIR_P) $(FUZZ_CORPUS)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -o tests/proto/fuzz_seeds $(srcdir)/tests/proto/fuzz_seeds.c $(FUZZ_FILES) \
		$(MSGPACK_LIBS)
	tests/proto/fuzz_seeds $(FUZZ_CORPUS)
	$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
		-o tests/proto/fuzz_msg $(srcdir)/tests/proto/fuzz_msg.c $(FUZZ_FILES) $(MSGPACK_LIBS)
	tests/proto/fuzz_msg -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -rss_limit_mb=512 \
		-artifact_prefix=tests/proto/ $(FUZZ_CORPUS)
.PHONY: fuzz
