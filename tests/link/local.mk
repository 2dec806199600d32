if HAVE_CMOCKA
link_tests = tests/link/test_listen tests/link/test_strangers tests/link/test_task_socket \
	tests/link/test_tls tests/link/test_unix
check_PROGRAMS += $(link_tests)
TESTS += $(link_tests)

link_test_cflags = $(AM_CFLAGS) $(UV_CFLAGS) $(OPENSSL_CFLAGS) $(MSGPACK_CFLAGS) $(CMOCKA_CFLAGS)
link_test_libs = link/liblink.la proto/libproto.la base/libbase.la $(UV_LIBS) $(OPENSSL_LIBS) $(DL_LIBS) \
	$(MSGPACK_LIBS) $(CMOCKA_LIBS)

tests_link_test_listen_SOURCES = %D%/test_listen.c %D%/party.c %D%/party.h
tests_link_test_listen_CFLAGS = $(link_test_cflags)
tests_link_test_listen_LDADD = $(link_test_libs)

tests_link_test_strangers_SOURCES = %D%/test_strangers.c %D%/party.c %D%/party.h \
	%D%/tls_node.c %D%/tls_node.h
tests_link_test_strangers_CFLAGS = $(link_test_cflags)
tests_link_test_strangers_LDADD = $(link_test_libs)

tests_link_test_task_socket_SOURCES = %D%/test_task_socket.c %D%/party.c %D%/party.h
tests_link_test_task_socket_CFLAGS = $(link_test_cflags)
tests_link_test_task_socket_LDADD = $(link_test_libs)

tests_link_test_tls_SOURCES = %D%/test_tls.c %D%/party.c %D%/party.h \
	%D%/tls_node.c %D%/tls_node.h
tests_link_test_tls_CFLAGS = $(link_test_cflags)
tests_link_test_tls_LDADD = $(link_test_libs)

tests_link_test_unix_SOURCES = %D%/test_unix.c %D%/party.c %D%/party.h
tests_link_test_unix_CFLAGS = $(link_test_cflags)
tests_link_test_unix_LDADD = $(link_test_libs)
endif
