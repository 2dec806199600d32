system_tests = %D%/many_jobs.sh %D%/vm.sh %D%/faults.sh %D%/again.sh %D%/last_words.sh %D%/bad_input.sh \
	%D%/nonsense.sh %D%/install.sh
dist_check_SCRIPTS += $(system_tests)
EXTRA_DIST += %D%/lib.sh
TESTS += $(system_tests)

check_PROGRAMS += tests/system/last_words
tests_system_last_words_SOURCES = %D%/last_words.c
tests_system_last_words_LDADD = bindings/c/libweft.la
tests_system_last_words_LDFLAGS = -no-install

check_PROGRAMS += tests/system/again
tests_system_again_SOURCES = %D%/again.c
tests_system_again_CPPFLAGS = $(example_includes)
tests_system_again_LDADD = bindings/c/libweft.la
tests_system_again_LDFLAGS = -no-install

check_PROGRAMS += tests/system/nonsense
tests_system_nonsense_SOURCES = %D%/nonsense.c tests/proto/sample.c tests/proto/sample.h
tests_system_nonsense_CFLAGS = $(AM_CFLAGS)
tests_system_nonsense_LDADD = proto/libproto.la base/libbase.la $(MSGPACK_LIBS)
