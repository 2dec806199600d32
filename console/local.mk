noinst_LTLIBRARIES += console/libconsole.la
console_libconsole_la_SOURCES = \
	%D%/adder.c %D%/adder.h %D%/sshmaster.c %D%/sshmaster.h \
	%D%/aliases.c %D%/aliases.h \
	%D%/allocation.c %D%/allocation.h \
	%D%/args.c %D%/args.h \
	%D%/cmd_add.c \
	%D%/cmd_alias.c \
	%D%/cmd_attach.c \
	%D%/cmd_conf.c \
	%D%/cmd_delete.c \
	%D%/cmd_doctor.c \
	%D%/cmd_down.c \
	%D%/cmd_drain.c \
	%D%/cmd_echo.c %D%/cmd_tickle.c \
	%D%/cmd_getopt.c \
	%D%/cmd_help.c \
	%D%/cmd_jobs.c \
	%D%/cmd_logs.c \
	%D%/cmd_mpirun.c \
	%D%/cmd_names.c \
	%D%/cmd_ps.c \
	%D%/cmd_reset.c \
	%D%/cmd_run.c \
	%D%/cmd_setenv.c \
	%D%/cmd_sig.c \
	%D%/cmd_spawn.c \
	%D%/cmd_stat.c \
	%D%/cmd_up.c \
	%D%/cmd_version.c \
	%D%/command.h \
	%D%/commands.c \
	%D%/complete.c \
	%D%/console.c %D%/console.h \
	%D%/context.c %D%/context.h \
	%D%/cores.c %D%/cores.h \
	%D%/doctor_net.c %D%/doctor_net.h \
	%D%/environ.c %D%/environ.h \
	%D%/editline.c %D%/editline.h \
	%D%/exitcode.c %D%/exitcode.h \
	%D%/feeder.c %D%/feeder.h \
	%D%/help.c %D%/help.h \
	%D%/hostfile.c %D%/hostfile.h \
	%D%/json.c %D%/json.h \
	%D%/layout.c %D%/layout.h \
	%D%/line.c %D%/line.h \
	%D%/lines.c %D%/lines.h \
	%D%/listing.c %D%/listing.h \
	%D%/live.c %D%/live.h \
	%D%/machines.c %D%/machines.h \
	%D%/mailbox.c %D%/mailbox.h \
	%D%/mapping.c %D%/mapping.h \
	%D%/mdoc.c \
	%D%/mpirun.c %D%/mpirun.h \
	%D%/mux.c %D%/mux.h \
	%D%/nodes.c %D%/nodes.h \
	%D%/output.c %D%/output.h \
	%D%/pieces.c %D%/pieces.h \
	%D%/place.c %D%/place.h \
	%D%/plan.c %D%/plan.h \
	%D%/proc.c %D%/proc.h \
	%D%/pvmenv.c %D%/pvmenv.h \
	%D%/pvmopts.c %D%/pvmopts.h \
	%D%/runhosts.c %D%/runhosts.h \
	%D%/runner.c %D%/runner.h \
	%D%/session.c %D%/session.h \
	%D%/sink.c %D%/sink.h \
	%D%/start.c %D%/start.h \
	%D%/suggest.c %D%/suggest.h \
	%D%/table.c %D%/table.h \
	%D%/target.c %D%/target.h \
	%D%/tracemask.c %D%/tracemask.h \
	%D%/tracer.c %D%/tracer.h \
	%D%/vmdir.c %D%/vmdir.h \
	%D%/words.c %D%/words.h
console_libconsole_la_CPPFLAGS = $(AM_CPPFLAGS) -DWEFT_PVM3LIBDIR='"$(libdir)/weft/pvm3/lib"'
console_libconsole_la_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(MSGPACK_CFLAGS) $(EDIT_CFLAGS)

bin_PROGRAMS += console/weft
console_weft_SOURCES = %D%/main.c
console_weft_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS) $(MSGPACK_CFLAGS)
console_weft_LDADD = console/libconsole.la link/liblink.la proto/libproto.la base/libbase.la \
	$(UV_LIBS) $(MSGPACK_LIBS) $(DL_LIBS)

# Pages and completions are made by the program itself, from its option table.
console_pages = %D%/weft.1 %D%/weft-run.1 %D%/weft-mpirun.1 %D%/weft-up.1 %D%/weft-attach.1 %D%/weft-down.1 %D%/weft-conf.1 %D%/weft-ps.1 \
	%D%/weft-jobs.1 %D%/weft-spawn.1 %D%/weft-kill.1 %D%/weft-sig.1 %D%/weft-logs.1 %D%/weft-add.1 \
	%D%/weft-delete.1 %D%/weft-drain.1 %D%/weft-mstat.1 %D%/weft-pstat.1 %D%/weft-reset.1 %D%/weft-names.1 \
	%D%/weft-put.1 %D%/weft-pvm.1 %D%/weft-doctor.1 %D%/weft-version.1 %D%/weft-help.1
dist_man_MANS += $(console_pages)
$(console_pages): console/weft$(EXEEXT)
	$(AM_V_GEN)page=`basename $@ .1` && console/weft$(EXEEXT) help --mdoc $${page#weft-} > $@.tmp && mv $@.tmp $@

# The console as PVM's users call it, beside the libraries: not in bin, where another PVM's may be.
install-exec-local:
	$(MKDIR_P) "$(DESTDIR)$(libdir)/weft/pvm3/bin"
	rm -f "$(DESTDIR)$(libdir)/weft/pvm3/bin/pvm"
	ln -sr "$(DESTDIR)$(bindir)/weft" "$(DESTDIR)$(libdir)/weft/pvm3/bin/pvm"
uninstall-local:
	rm -f "$(DESTDIR)$(libdir)/weft/pvm3/bin/pvm"

dist_bashcompletion_DATA = %D%/bash/weft
dist_zshcompletion_DATA = %D%/zsh/_weft
%D%/bash/weft: console/weft$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) console/bash && console/weft$(EXEEXT) help --bash > $@.tmp && mv $@.tmp $@
%D%/zsh/_weft: console/weft$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) console/zsh && console/weft$(EXEEXT) help --zsh > $@.tmp && mv $@.tmp $@
CLEANFILES += $(console_pages) $(dist_bashcompletion_DATA) $(dist_zshcompletion_DATA)
