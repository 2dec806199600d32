# PVM 3 over the engine: libraries that take the place of PVM's own, in a folder of their own, with the soname and
# the unversioned names of the originals (3:0:0 is .so.3). libgpvm3 uses libpvm3, as the original does.
pvm3libdir = $(libdir)/weft/pvm3/lib
pvm3includedir = $(libdir)/weft/pvm3/include
pvm3lib_LTLIBRARIES = %D%/libpvm3.la %D%/libgpvm3.la %D%/libfpvm3.la
pvm3include_HEADERS = %D%/pvm3.h %D%/pvmtev.h %D%/pvmproto.h %D%/fpvm3.h

bindings_pvm_libpvm3_la_SOURCES = %D%/pvm.h %D%/exported.h %D%/buffer.c %D%/calls.c %D%/calls.h %D%/calls_message.c \
	%D%/calls_service.c %D%/error.c %D%/group_hook.c %D%/hosts.c %D%/machine.c %D%/mailbox.c \
	%D%/notify.c %D%/options.c %D%/output.c %D%/pack.c %D%/packf.c %D%/recv.c %D%/send.c %D%/service.c %D%/spawn.c \
	%D%/task.c %D%/trace.c %D%/trace_names.c
bindings_pvm_libpvm3_la_SOURCES += %D%/group_server.c %D%/hoster.c %D%/managed.c %D%/manager.c %D%/manager.h %D%/talk.c %D%/tasker.c %D%/traced.c
bindings_pvm_libpvm3_la_LIBADD = task/libtask.la transport/libtransport.la proto/libproto.la base/libbase.la \
	$(MSGPACK_LIBS)
bindings_pvm_libpvm3_la_LDFLAGS = -version-info 3:0:0 -no-undefined \
	-Wl,--version-script=$(srcdir)/%D%/pvm3.map $(WEFT_NO_UNDEFINED)
EXTRA_bindings_pvm_libpvm3_la_DEPENDENCIES = %D%/pvm3.map

bindings_pvm_libgpvm3_la_SOURCES = %D%/exported.h %D%/group.c %D%/reducers.c
bindings_pvm_libgpvm3_la_LIBADD = %D%/libpvm3.la
bindings_pvm_libgpvm3_la_LDFLAGS = -version-info 3:0:0 -no-undefined \
	-Wl,--version-script=$(srcdir)/%D%/gpvm3.map $(WEFT_NO_UNDEFINED)
EXTRA_bindings_pvm_libgpvm3_la_DEPENDENCIES = %D%/gpvm3.map

# Its objects need no Fortran compiler. It exports what fortran.h declares.
bindings_pvm_libfpvm3_la_SOURCES = %D%/exported.h %D%/fortran.h %D%/fortran.c
bindings_pvm_libfpvm3_la_LIBADD = %D%/libgpvm3.la %D%/libpvm3.la
bindings_pvm_libfpvm3_la_LDFLAGS = -version-info 3:0:0 -no-undefined $(WEFT_NO_UNDEFINED)

# Who prints the traces of spawn -@: a task, started by the console.
pkglibexec_PROGRAMS += %D%/weft-pvmtrace
bindings_pvm_weft_pvmtrace_SOURCES = %D%/exported.h %D%/weft-pvmtrace.c
bindings_pvm_weft_pvmtrace_LDADD = %D%/libpvm3.la base/libbase.la

EXTRA_DIST += %D%/pvm3.map %D%/gpvm3.map
