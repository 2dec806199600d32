pkglibexec_PROGRAMS += node/weftd node/weft-taskvm node/weft-standin

node_weftd_SOURCES = \
	%D%/addresses.c %D%/addresses.h %D%/blame.c %D%/blame.h %D%/children.c %D%/children.h %D%/client.c \
	%D%/coord_link.c %D%/cores.c %D%/descriptors.c \
	%D%/descriptors.h %D%/folder.c %D%/folder.h %D%/intro.c %D%/job.c %D%/joblog.c %D%/keeper.c %D%/keeper.h \
	%D%/hosted.c %D%/hosting.c %D%/hosting.h %D%/launch.c %D%/launch.h \
	%D%/linger.c %D%/modex.c %D%/mpi_shm.c %D%/mpi_shm.h %D%/node.c %D%/node.h %D%/output.c %D%/pair.c %D%/pair.h %D%/peer.c %D%/probe.c \
	%D%/race.c %D%/race.h %D%/remote.c %D%/remote.h %D%/starter.c %D%/takeover.c \
	%D%/tasker.c %D%/taskvm_link.c %D%/weftd.c
node_weftd_CFLAGS = $(AM_CFLAGS) $(UV_CFLAGS)
node_weftd_LDADD = link/liblink.la transport/libtransport.la proto/libproto.la base/libbase.la \
	$(UV_LIBS) $(MSGPACK_LIBS) $(DL_LIBS)

# The task VM starts once for each job: it does without libuv and OpenSSL.
node_weft_taskvm_SOURCES = \
	%D%/ask.c %D%/ask.h %D%/behind.c %D%/behind.h %D%/bind.c %D%/bind.h %D%/children.c %D%/children.h %D%/cpus.c \
	%D%/cpus.h %D%/descriptors.c %D%/descriptors.h \
	%D%/exchange.c %D%/exchange.h %D%/family.c %D%/family.h %D%/folder.c %D%/folder.h %D%/jobmap.c %D%/jobmap.h %D%/keys.c %D%/keys.h \
	%D%/pmi1.c %D%/pmi1.h %D%/pmi1_spawn.c %D%/pmi1_spawn.h %D%/script.c %D%/script.h %D%/shmclean.c %D%/shmclean.h \
	%D%/taskvm_mpi.c %D%/taskvm_mpi.h %D%/taskvm_pmi1.c \
	%D%/taskvm.c %D%/taskvm.h %D%/taskvm_alone.c %D%/taskvm_bind.c %D%/taskvm_conn.c \
	%D%/taskvm_control.c %D%/taskvm_crew.c %D%/taskvm_exec.c \
	%D%/taskvm_launch.c %D%/taskvm_output.c \
	%D%/mpi_part.h %D%/mpi_shm.c %D%/mpi_shm.h %D%/taskvm_pmix.c %D%/taskvm_pmix.h %D%/taskvm_pmix_space.c \
	%D%/taskvm_order.h %D%/taskvm_pmix_wish.c %D%/taskvm_reap.c %D%/taskvm_spawn.c %D%/taskvm_world.c %D%/topology.c %D%/topology.h %D%/world.c %D%/world.h
node_weft_taskvm_LDADD = proto/libproto.la base/libbase.la $(MSGPACK_LIBS) $(DL_LIBS)

# What the task VM starts where a tasker of PVM's starts the tasks.
node_weft_standin_SOURCES = %D%/standin.c %D%/standin.h
node_weft_standin_LDADD = proto/libproto.la base/libbase.la $(MSGPACK_LIBS)

# A part of the task VM that is loaded when a job asks for a binding.
if HAVE_HWLOC
pkglibexec_PROGRAMS += node/weft-hwloc.so
node_weft_hwloc_so_SOURCES = %D%/cpus.c %D%/cpus.h %D%/topology.h %D%/topology_hwloc.c
node_weft_hwloc_so_CFLAGS = $(AM_CFLAGS) $(HWLOC_CFLAGS) -fPIC
node_weft_hwloc_so_LDFLAGS = $(AM_LDFLAGS) -Wc,-shared
node_weft_hwloc_so_LDADD = $(HWLOC_LIBS)
endif

# What serves PMIx is a part, too: it is loaded for programs that are linked with Open MPI.
if HAVE_PMIX
pkglibexec_PROGRAMS += node/weft-pmix.so
node_weft_pmix_so_SOURCES = %D%/mpi_part.h %D%/pmix_part.c %D%/pmix_part.h %D%/pmix_wish.c
node_weft_pmix_so_CFLAGS = $(AM_CFLAGS) $(PMIX_CFLAGS) -fPIC
node_weft_pmix_so_LDFLAGS = $(AM_LDFLAGS) -Wc,-shared
node_weft_pmix_so_LDADD = $(PMIX_LIBS)
endif
