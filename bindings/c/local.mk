# libweft: weft.h, thin over the rooms that land in a user's process.
lib_LTLIBRARIES += bindings/c/libweft.la
include_HEADERS += %D%/weft.h
bindings_c_libweft_la_SOURCES = %D%/enrolment.c %D%/machine.c %D%/messages.c
bindings_c_libweft_la_LIBADD = task/libtask.la transport/libtransport.la proto/libproto.la base/libbase.la \
	$(MSGPACK_LIBS)
bindings_c_libweft_la_LDFLAGS = -version-info 0:0:0 -no-undefined \
	-Wl,--version-script=$(srcdir)/%D%/weft.map $(WEFT_NO_UNDEFINED)
EXTRA_bindings_c_libweft_la_DEPENDENCIES = %D%/weft.map
EXTRA_DIST += %D%/weft.map %D%/weftcc.in

pkgconfig_DATA += %D%/weft.pc

bin_SCRIPTS += %D%/weftcc
CLEANFILES += %D%/weftcc
%D%/weftcc: %D%/weftcc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && sed -e 's|@VERSION[@]|$(VERSION)|g' -e 's|@CC[@]|$(CC)|g' \
		-e 's|@libdir[@]|$(libdir)|g' -e 's|@includedir[@]|$(includedir)|g' \
		$(srcdir)/%D%/weftcc.in >$@.tmp && chmod +x $@.tmp && mv $@.tmp $@
