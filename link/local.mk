noinst_LTLIBRARIES += link/liblink.la
link_liblink_la_SOURCES = %D%/address.c %D%/address.h %D%/complaint.c %D%/complaint.h %D%/dial.c \
	%D%/dial.h %D%/exchange.c %D%/exchange.h %D%/firewall.c %D%/inner.h %D%/key.c %D%/link.c %D%/link.h \
	%D%/listen.c %D%/listen_tcp.c %D%/listen_unix.c %D%/listener.h %D%/openssl.c %D%/openssl.h %D%/pair.c %D%/preamble.c %D%/preamble.h \
	%D%/strangers.c %D%/strangers.h %D%/task_socket.c %D%/tls.c %D%/unix.c
link_liblink_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(OPENSSL_CFLAGS) $(MSGPACK_CFLAGS)
