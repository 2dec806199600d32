man_MANS += %D%/weft.3
%D%/weft.3: %D%/manpage.awk base/weft_base.h bindings/c/weft.h
	$(AM_V_GEN)$(MKDIR_P) %D% && $(AWK) -f $(srcdir)/%D%/manpage.awk $(srcdir)/base/weft_base.h \
		$(srcdir)/bindings/c/weft.h >$@.tmp && mv $@.tmp $@
CLEANFILES += %D%/weft.3
dist_man_MANS += %D%/weft-pvm.3
EXTRA_DIST += %D%/manpage.awk
# Where README.md, which is installed beside this folder, expects them.
nobase_dist_doc_DATA = %D%/architecture.md %D%/protocol.md %D%/mpi.md %D%/pvm-compatibility.md %D%/pvm-differences.md \
	%D%/figures/compare.txt %D%/figures/hosted.txt %D%/figures/latency.svg %D%/figures/bandwidth.svg \
	%D%/figures/tcp-latency.svg %D%/figures/tcp-bandwidth.svg bench/README.md
nobase_dist_doc_DATA += %D%/decisions/0001-link-room.md %D%/decisions/0002-sleeping-on-a-ring.md \
	%D%/decisions/0003-task-vm.md %D%/decisions/0004-journal-of-inputs.md \
	%D%/decisions/0005-messages-between-engines.md %D%/decisions/0006-typed-buffers.md \
	%D%/decisions/0007-collectives-that-fail.md %D%/decisions/0008-fortran-module.md \
	%D%/decisions/0010-command-line.md %D%/decisions/0011-shared-buffers.md \
	%D%/decisions/0012-collectives-of-small-teams.md %D%/decisions/0013-starting-fast.md \
	%D%/decisions/0014-teams-meet-in-shared-memory.md %D%/decisions/0015-open-mpi.md \
	%D%/decisions/0016-the-task-vm-hosts-other-mpis.md %D%/decisions/0018-batch-jobs.md \
	%D%/decisions/0019-which-address.md %D%/decisions/0021-console-of-pvm.md \
	%D%/decisions/0022-lines-between-cores.md %D%/decisions/0023-groups-meet-on-a-page.md \
	%D%/decisions/0024-worlds-of-mpi.md %D%/decisions/0025-a-daemon-that-comes-back.md \
	%D%/decisions/0026-last-messages.md %D%/decisions/0027-services-of-pvm.md %D%/decisions/README.md
