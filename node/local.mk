pkglibexec_PROGRAMS += node/weft-taskvm

# The task VM starts once for each job: it does without libuv and OpenSSL.
node_weft_taskvm_SOURCES = \
	%D%/children.c %D%/children.h %D%/descriptors.c %D%/descriptors.h %D%/loglevel.c %D%/loglevel.h %D%/taskvm.c %D%/taskvm.h \
	%D%/taskvm_conn.c %D%/taskvm_launch.c %D%/taskvm_output.c %D%/taskvm_reap.c %D%/taskvm_spawn.c
node_weft_taskvm_LDADD = proto/libproto.la base/libbase.la $(MSGPACK_LIBS)
