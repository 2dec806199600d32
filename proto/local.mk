noinst_LTLIBRARIES += proto/libproto.la
proto_libproto_la_SOURCES = %D%/frame.c %D%/msg.c %D%/msg_print.c %D%/msgs.def %D%/msgs_only.h \
	%D%/msgs_undef.h %D%/prescan.c %D%/prescan.h %D%/proto.h %D%/session.c %D%/session.h
proto_libproto_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS)
