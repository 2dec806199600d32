noinst_LTLIBRARIES += link/liblink.la
link_liblink_la_SOURCES = %D%/complaint.c %D%/complaint.h %D%/inner.h %D%/link.c %D%/link.h \
	%D%/listen.c %D%/listen_unix.c %D%/listener.h %D%/unix.c
link_liblink_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(OPENSSL_CFLAGS) $(MSGPACK_CFLAGS)
