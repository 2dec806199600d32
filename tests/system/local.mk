system_tests = %D%/many_jobs.sh %D%/vm.sh %D%/faults.sh %D%/again.sh %D%/crashpoints.sh %D%/last_words.sh %D%/bad_input.sh \
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

# Loaded into the daemons of crashpoints.sh by the dynamic linker.
check_LTLIBRARIES += tests/system/crashpoint.la
tests_system_crashpoint_la_SOURCES = %D%/crashpoint.c %D%/crashpoint.h
tests_system_crashpoint_la_LIBADD = $(DL_LIBS)
tests_system_crashpoint_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere

check_PROGRAMS += tests/system/crasharm
tests_system_crasharm_SOURCES = %D%/crasharm.c %D%/crashpoint.h
