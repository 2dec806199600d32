noinst_LTLIBRARIES += coord/libcoord.la
coord_libcoord_la_SOURCES = %D%/again.c %D%/client.c %D%/coord.c %D%/coord.h %D%/entry.c %D%/exchange.c %D%/group.c %D%/halt.c \
	%D%/io.c %D%/io.h %D%/job.c %D%/journal.c %D%/journal.h %D%/list.c %D%/mbox.c %D%/member.c %D%/name.c %D%/node.c \
	%D%/notify.c %D%/place.c %D%/save.c %D%/save.h %D%/send.c %D%/state.h %D%/stopping.c %D%/task.c %D%/tid.c

pkglibexec_PROGRAMS += coord/weft-coord
coord_weft_coord_SOURCES = %D%/main.c %D%/shell.c %D%/shell.h %D%/store.c %D%/store.h
coord_weft_coord_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
coord_weft_coord_LDADD = coord/libcoord.la link/liblink.la proto/libproto.la base/libbase.la \
	$(UV_LIBS) $(MSGPACK_LIBS) $(DL_LIBS)
