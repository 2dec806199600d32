if HAVE_CMOCKA
console_tests = %D%/test_allocation %D%/test_args %D%/test_hostfile %D%/test_layout %D%/test_line %D%/test_mux \
	%D%/test_runner %D%/test_session \
	%D%/test_text \
	%D%/test_vmdir
check_PROGRAMS += $(console_tests)
TESTS += $(console_tests)
console_test_flags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(UV_CFLAGS) $(MSGPACK_CFLAGS)
console_test_libs = console/libconsole.la link/liblink.la proto/libproto.la base/libbase.la \
	$(UV_LIBS) $(OPENSSL_LIBS) $(MSGPACK_LIBS) $(DL_LIBS) $(CMOCKA_LIBS)

tests_console_test_allocation_SOURCES = %D%/test_allocation.c
tests_console_test_allocation_CFLAGS = $(console_test_flags)
tests_console_test_allocation_LDADD = $(console_test_libs)
tests_console_test_args_SOURCES = %D%/test_args.c
tests_console_test_args_CFLAGS = $(console_test_flags)
tests_console_test_args_LDADD = $(console_test_libs)
tests_console_test_hostfile_SOURCES = %D%/test_hostfile.c
tests_console_test_hostfile_CFLAGS = $(console_test_flags)
tests_console_test_hostfile_LDADD = $(console_test_libs)
tests_console_test_layout_SOURCES = %D%/test_layout.c
tests_console_test_layout_CFLAGS = $(console_test_flags)
tests_console_test_layout_LDADD = $(console_test_libs)
tests_console_test_line_SOURCES = %D%/test_line.c
tests_console_test_line_CFLAGS = $(console_test_flags)
tests_console_test_line_LDADD = $(console_test_libs)
tests_console_test_mux_SOURCES = %D%/test_mux.c
tests_console_test_mux_CFLAGS = $(console_test_flags)
tests_console_test_mux_LDADD = $(console_test_libs)
tests_console_test_text_SOURCES = %D%/test_text.c
tests_console_test_text_CFLAGS = $(console_test_flags)
tests_console_test_text_LDADD = $(console_test_libs)
tests_console_test_runner_SOURCES = %D%/test_runner.c %D%/fake.c %D%/fake.h
tests_console_test_runner_CFLAGS = $(console_test_flags)
tests_console_test_runner_LDADD = $(console_test_libs)
tests_console_test_session_SOURCES = %D%/test_session.c %D%/fake.c %D%/fake.h
tests_console_test_session_CFLAGS = $(console_test_flags)
tests_console_test_session_LDADD = $(console_test_libs)
tests_console_test_vmdir_SOURCES = %D%/test_vmdir.c
tests_console_test_vmdir_CFLAGS = $(console_test_flags)
tests_console_test_vmdir_LDADD = $(console_test_libs)
endif

console_scripts = %D%/console.sh %D%/exit_status.sh %D%/layout.sh %D%/output.sh %D%/pvm.sh %D%/query.sh %D%/signals.sh %D%/stdin.sh
dist_check_SCRIPTS += $(console_scripts)
TESTS += $(console_scripts)
