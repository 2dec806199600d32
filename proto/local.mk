noinst_LTLIBRARIES += proto/libproto.la
proto_libproto_la_SOURCES = %D%/frame.c %D%/msg.c %D%/msg_print.c %D%/msgs.def %D%/msgs_only.h \
	%D%/msgs_undef.h %D%/output.c %D%/output.h %D%/prescan.c %D%/prescan.h %D%/proto.h %D%/session.c %D%/session.h %D%/tracer.h
proto_libproto_la_CFLAGS = $(AM_CFLAGS) $(MSGPACK_CFLAGS)

noinst_PROGRAMS += proto/print_protocol
proto_print_protocol_SOURCES = %D%/print_protocol.c
proto_print_protocol_LDADD = proto/libproto.la base/libbase.la $(MSGPACK_LIBS)

# docs/protocol.md is printed from msgs.def; tests/proto/protocol_document.sh compares the two.
update-protocol: proto/print_protocol$(EXEEXT)
	proto/print_protocol$(EXEEXT) > $(srcdir)/docs/protocol.md.new
	mv -f $(srcdir)/docs/protocol.md.new $(srcdir)/docs/protocol.md
.PHONY: update-protocol
EXTRA_DIST += %D%/releases
