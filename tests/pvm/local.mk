pvm_checks = %D%/symbols.sh %D%/source.sh %D%/fortran.sh %D%/examples.sh %D%/foreign.sh %D%/meeting.sh %D%/tools.sh
dist_check_SCRIPTS += $(pvm_checks)
EXTRA_DIST += %D%/calls.c %D%/calls.f %D%/large.c %D%/mailbox.c %D%/meeting.c %D%/output.c %D%/trace.c \
	%D%/foreign.c %D%/reads.c %D%/tap.h %D%/examples.list %D%/lib.sh %D%/normal.sh %D%/record.sh
EXTRA_DIST += %D%/recorded/fgexample %D%/recorded/fmaster1 %D%/recorded/frsg %D%/recorded/fspmd \
	%D%/recorded/ge %D%/recorded/gexamp %D%/recorded/gexample %D%/recorded/gs.pvm %D%/recorded/hello.pvm \
	%D%/recorded/hitc %D%/recorded/inherita %D%/recorded/master1 %D%/recorded/spmd %D%/recorded/thb \
	%D%/recorded/timing %D%/recorded/tjf %D%/recorded/tjl %D%/recorded/trsg %D%/recorded/tst
TESTS += $(pvm_checks)
dist_check_SCRIPTS += %D%/every.sh %D%/master.sh %D%/hosts.sh
EXTRA_DIST += %D%/master.c %D%/pairs.sh %D%/examples.parts %D%/recorded/inheritb %D%/recorded/pairs
EXTRA_DIST += %D%/every.c %D%/every.h %D%/every_buffers.c %D%/every_messages.c %D%/every_groups.c %D%/every_corners.c \
	%D%/every_danger.c %D%/every_f.f %D%/every.differs %D%/recorded/every %D%/recorded/every_f
TESTS += %D%/every.sh %D%/master.sh %D%/hosts.sh
EXTRA_DIST += %D%/handed.c %D%/hosts.c
dist_check_SCRIPTS += %D%/tasker.sh
dist_check_SCRIPTS += %D%/manager.sh
TESTS += %D%/manager.sh
EXTRA_DIST += %D%/ints.h %D%/handoff.c %D%/manager.c %D%/recorded/manager
EXTRA_DIST += %D%/tasker.c %D%/recorded/tasker %D%/groups.c %D%/groups.command %D%/recorded/groups
TESTS += %D%/tasker.sh
dist_check_SCRIPTS += %D%/hoster.sh
EXTRA_DIST += %D%/hoster.c %D%/recorded/hoster
TESTS += %D%/hoster.sh
dist_check_SCRIPTS += %D%/moved.sh
EXTRA_DIST += %D%/moved.c
TESTS += %D%/moved.sh
