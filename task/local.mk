# What lives inside a task: libweft is made of this room.
noinst_LTLIBRARIES += task/libtask.la
task_libtask_la_SOURCES = \
	%D%/engine.h %D%/pack.c %D%/pack.h %D%/types.c %D%/types.h

task_libtask_la_SOURCES += \
	%D%/op.c %D%/op.h %D%/op_loops.inc
