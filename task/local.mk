# What lives inside a task: libweft is made of this room.
noinst_LTLIBRARIES += task/libtask.la
task_libtask_la_SOURCES = \
	%D%/arrive.c %D%/complete.c %D%/control.c %D%/direct.c %D%/engine.c %D%/engine.h %D%/enrol.c %D%/here.c \
	%D%/group.c %D%/hoster.c %D%/introduce.c %D%/lend.c %D%/lock.c %D%/match.c %D%/match.h %D%/meeting.c %D%/mbox.c %D%/message.c \
	%D%/notice.c %D%/output.c %D%/peer.c %D%/queue.c \
	%D%/quick.h %D%/recv.c %D%/region.c %D%/region.h %D%/request.c %D%/send.c %D%/share.c %D%/state.h %D%/tasker.c %D%/vm.c \
	%D%/wait.c \
	%D%/pack.c %D%/pack.h %D%/types.c %D%/types.h

task_libtask_la_SOURCES += \
	%D%/coll.c %D%/coll.h %D%/coll_alltoall.c %D%/coll_batch.c %D%/coll_bcast.c %D%/coll_gather.c %D%/coll_hall.c %D%/coll_reduce.c \
	%D%/op.c %D%/op.h %D%/op_loops.inc %D%/team.c
