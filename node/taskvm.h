/* taskvm.h - the state of a task VM: what hosts the tasks of one job on one node.
 *
 * One thread around one poll(2), and some that start tasks (taskvm_crew.c). taskvm.c has the loop, taskvm_conn.c the
 * connection to weftd, taskvm_control.c those of the tasks, taskvm_launch.c what to start, taskvm_order.h the starting,
 * taskvm_output.c the pipes, taskvm_reap.c the ends, taskvm_mpi.h the hosting of other MPIs.
 */
#ifndef WEFT_NODE_TASKVM_H
#define WEFT_NODE_TASKVM_H

#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "node/bind.h"
#include "node/family.h"
#include "node/world.h"
#include "node/shmclean.h"
#include "proto/proto.h"
#include "proto/session.h"

enum {
	TASKVM_TASK_FD = 3, /* the number of WEFT_FD in a task: the first after its standard ones */
	TASKVM_PMI_FD  = 4, /* and of PMI_FD in one that MPICH's library expects to be hosted */
	TASKVM_TEXT    = 256,
	TASKVM_MASK_BYTES = CPUS_MAX / 8, /* of a cpu_set_t */
};

/* A task's life. Each step is logged once, by taskvm_task_step. */
enum taskvm_state {
	TASKVM_WAITING, /* asked for */
	TASKVM_STARTING, /* ordered */
	TASKVM_RUNNING, /* has a process */
	TASKVM_ENDED,   /* was reaped */
	TASKVM_FAILED,  /* never ran */
};

/* The reading end of what a task writes. */
struct taskvm_stream {
	struct taskvm_task *task;
	int fd;     /* -1: at its end */
	int number; /* 1 standard output, 2 standard error */
};

struct taskvm_task {
	struct weft__list link; /* in taskvm.tasks */
	uint64_t tid;
	uint32_t rank;
	uint32_t index; /* its number among the job's tasks on this node */
	uint32_t program; /* number of its program in the job */
	enum taskvm_state state;
	pid_t pid;   /* also its process group; valid while RUNNING */
	int control; /* weftd's end of the task's control socket; -1 */
	bool speaks; /* it has said something there: weftd has a copy, or gets one when it comes back */
	struct taskvm_stream streams[2];
	struct weft__msg_exited exited; /* ENDED */
	enum family family;     /* whose MPI hosts it */
	uint32_t mpi_rank, local; /* its rank in its MPI's world, and among those of that on this node */
	int mpi_fd;             /* our end of its PMI_FD; -1 */
	struct weft__buf mpi_out; /* what that has not taken yet */
	char **variables;       /* for its environment, while it is started; NULL */
	int code;                       /* FAILED: why */
	char text[TASKVM_TEXT];
	bool stands_in;     /* a tasker starts the program; our process stands for it: standin.h */
	bool began, in_mpi; /* Open MPI's: it has called MPI_Init; and not MPI_Finalize so far */
	char cpus[64]; /* processors that it is bound to; "" when it is not */
	struct taskvm_sink *sink; /* who gets what it writes; NULL: who gets the job's */
};

/* One LAUNCH: a program and the tasks that run it. */
struct taskvm_launch {
	struct weft__list link; /* in taskvm.launches while tasks of it wait */
	char **argv;            /* ends with NULL */
	char **env;             /* as given; ends with NULL */
	char **own;             /* variables that say where its tasks are; ends with NULL */
	char *wdir;             /* "" is the node's own */
	char *path;             /* where the program was found */
	int code;               /* why none can be started, or 0 */
	char text[TASKVM_TEXT];
	struct taskvm_task **tasks;
	size_t ntasks, next; /* tasks[next..] wait */
	size_t nstarting;    /* so many of the others are being started */
	bool spent;          /* none waits: it goes with the last order */
	bool with_stdin;     /* rank 0 reads what the tool sends */
	bool alone;          /* no other job has tasks on this node */
	size_t nlocal;       /* tasks of the job on this node */
	struct bind_plan bind;
	bool held;           /* until the worlds of the job's MPIs are known */
	unsigned mpi;        /* WEFT__MPI_* as it was asked for */
	enum family family;  /* of the MPI that hosts its tasks */
	bool tells_begin;    /* by begin, which but for the tid is what to send */
	struct weft__msg_output_begin begin;
	uint32_t program;    /* its number in the job */
	char interface[32];    /* as in LAUNCH */
	int64_t tasker;        /* process that starts its tasks; 0: we do */
};

/* Whether the job runs an MPI that nobody hosts: taskvm_alone.c. */
struct taskvm_alone {
	struct taskvm_task *task; /* whom to look at; NULL: nobody, or not any more */
	uint64_t start_ns, due_ns; /* of the next look */
	uint64_t pause_ns;         /* no look for its writing before */
	size_t nlooks;
};

/* A frame on its way. */
struct taskvm_packet {
	struct weft__list link;
	struct weft__buf frame;
	int fd;       /* goes along; -1: none */
};

/* Who gets output: of the job, or of a task that has wanted it elsewhere. */
struct taskvm_sink {
	struct weft__list link; /* in taskvm.sinks */
	uint64_t number;        /* 0: the job's */
	uint64_t node, client;  /* of another one */
	bool tells_begin;       /* it is a task, which is told of begins */
	struct weft__msg_output_begin begin;
	size_t nusers; /* tasks; without, it goes when all is acknowledged */
	uint64_t sent, acked;      /* offsets, see proto/output.h */
	struct weft__list unacked; /* taskvm_output, oldest first */
};

/* Output that has not been acknowledged, or the message about its begin or end. */
struct taskvm_output {
	struct weft__list link;
	struct weft__buf frame;
	uint64_t end; /* offset behind it */
};

struct taskvm {
	/* from the command line */
	const char *dir, *host, *vm;
	uint32_t node, job;
	uint64_t orphan_ms;
	struct rlimit nofile, core; /* the user's, for the tasks */
	int changed_signals[NSIG];  /* which a task must have as they are by default */
	size_t nchanged_signals;

	int dirfd; /* the node's folder, to see it removed */
	int conn;  /* -1: weftd is gone */
	struct weft__list packets; /* what goes out, at the latest at the end of a turn */
	size_t npackets;
	bool full; /* the connection takes no more for now */
	struct weft__session session; /* with the coordinator */
	bool resuming;                /* it has not said yet how much of that has come to it */
	bool holds, released;         /* stay until RELEASED; it has come */
	uint64_t parent, flags, sink_client; /* of LAUNCH, for a daemon that takes the place of ours */
	uint32_t sink_node;
	uint64_t orphan_deadline_ns, retry_ns; /* while conn is -1 */
	uint8_t *packet;                       /* room for the largest one */
	struct weft__arena arena;

	int signals;      /* signalfd: SIGCHLD, SIGTERM */
	int dev_null;     /* standard input of all but rank 0 */
	bool terminating; /* kill everything and go */
	bool ending;      /* nothing waits or runs, and no more comes */
	bool childless;    /* wait4 said so */
	uint64_t sweep_ns; /* while ending: look for what is left again then */
	uint64_t give_up_ns;

	int controls; /* epoll of the tasks' control sockets that nobody has spoken on so far */

	struct weft__list launches;
	bool last_launch; /* the job has no more for this node */
	uint32_t size;    /* tasks of the job */
	struct weft__list tasks;
	struct weft__map by_tid, by_pid;
	uint32_t ntasks; /* ever */
	size_t nwaiting, nstarting, nrunning;
	struct taskvm_crew *crew; /* NULL: none is needed */
	struct weft__list orders; /* that are out: made, and not ended */

	int outputs;       /* epoll of the streams' descriptors */
	size_t nstreams;   /* open ones */
	struct taskvm_sink job_sink;
	struct weft__list sinks;
	uint64_t last_sink; /* number of the last one that was made */
	bool output_held;  /* another daemon has not asked for it yet */
	uint64_t heard_ns; /* all is said: until then somebody shall acknowledge it; 0: there is more to say */
	uint8_t *chunk;

	int stdin_fd;    /* from the tool, for rank 0; -1 */
	int stdin_pipe;  /* writing end of rank 0's standard input; -1 */
	bool stdin_end;  /* close it when stdin_bytes is empty */
	bool stdin_gone; /* nobody reads it */
	struct weft__buf stdin_bytes;
	uint64_t stdin_come, stdin_taken; /* bytes in all */

	/* for the MPI that is hosted */
	uint64_t *tids;      /* [size] of the whole job, by rank; NULL: TEAM has not come */
	uint8_t *families;   /* [size] by rank, enum family; NULL: the job has one program */
	bool completed;      /* what we know of them was given to the other nodes ... */
	bool meeting;        /* ... who have not all given theirs: we must not go before */
	struct world *worlds[2]; /* of Open MPI, of MPICH; made when they are asked for: taskvm_world */
	uint8_t *hosting;    /* from the task VM that hosts our parent; NULL */
	size_t nhosting;
	int mpi_fds;         /* epoll of the tasks' mpi_fd; -1 */
	bool logged;         /* what the job's tasks write goes into its log: no tool shows it, or why it ended */
	bool blamed;         /* the job is being ended because of a task here */
	uint32_t universe;   /* tasks that the virtual machine has room for */
	struct pmi1 *pmi1;   /* hosts MPICH's programs; NULL */
	struct taskvm_task **pmi1_tasks; /* by local rank; NULL: not started yet */
	struct taskvm_task *pmi1_gone;   /* the first one that has ended */
	char **mpi_env, *mpi_wdir;       /* for what they spawn */
	struct shmclean shm;
	uint64_t last_req;   /* numbers of questions */
	struct weft__list asks, exchanges;
	uint8_t secret[16];       /* that only task VMs of the job know; all 0: none has come */
	struct taskvm_pmix *pmix; /* NULL: it hosts no Open MPI */
	struct taskvm_alone alone;
};

/* taskvm.c */
void taskvm_message(struct taskvm *vm, const struct weft__msg *m, int *fd);
void taskvm_task_step(struct taskvm *vm, struct taskvm_task *t, enum taskvm_state to);

/* taskvm_world.c: which tasks belong to which MPI. */
void taskvm_world_add(struct taskvm *vm, const struct taskvm_launch *l); /* in a job of several programs */
void taskvm_world_complete(struct taskvm *vm);                            /* no more of them come */
const struct world *taskvm_world(struct taskvm *vm, enum family family);  /* NULL: no memory, or TEAM has not come */

/* ask.c, exchange.c: answers of the coordinator. */
void ask_take(struct taskvm *vm, const struct weft__msg *m);
void ask_take_team(struct taskvm *vm, const struct weft__msg_team *m); /* of another job */
void exchange_take(struct taskvm *vm, const struct weft__msg_exchanged *m);

/* taskvm_conn.c: the connection to weftd. */
void taskvm_conn_send(struct taskvm *vm, const struct weft__msg *m, int fd); /* fd is dup'ed */
void taskvm_conn_send_body(struct taskvm *vm, const struct weft__buf *body);
void taskvm_conn_read(struct taskvm *vm);
void taskvm_conn_flush(struct taskvm *vm);
void taskvm_conn_lost(struct taskvm *vm, const char *why);
void taskvm_conn_retry(struct taskvm *vm);
void taskvm_conn_hello(struct taskvm *vm);
void taskvm_conn_resumed(struct taskvm *vm, uint64_t seen);
bool taskvm_conn_ready(const struct taskvm *vm); /* open, and takes more */

/* taskvm_control.c: the tasks' control sockets. */
int taskvm_control_watch(struct taskvm *vm, struct taskvm_task *t);
void taskvm_control_ready(struct taskvm *vm);
void taskvm_control_give(struct taskvm *vm, const struct taskvm_task *t); /* to weftd */
void taskvm_control_close(struct taskvm *vm, struct taskvm_task *t); /* what it has said is given first */

/* taskvm_launch.c: what to start. */
int taskvm_launch_add(struct taskvm *vm, const struct weft__msg_launch *m);
void taskvm_launch_some(struct taskvm *vm, size_t ntasks_max); /* start waiting tasks */
void taskvm_launch_rest(struct taskvm *vm); /* who starts tasks may go if none waits */
void taskvm_launch_all(struct taskvm *vm); /* until none waits that is not held */
bool taskvm_launch_can(const struct taskvm *vm); /* some more can be started now */
void taskvm_launch_release(struct taskvm *vm, int code, const char *text); /* those that are held start, or fail */
void taskvm_launch_cancel(struct taskvm *vm, uint64_t tid, const char *why); /* 0: all */

/* taskvm_spawn.c: what to start, as this node has it. */
void taskvm_spawn_resolve(struct taskvm *vm, struct taskvm_launch *l, const struct weft__msg_launch *m);
void taskvm_spawn_host(struct taskvm *vm, struct taskvm_launch *l); /* then who hosts its MPI gets ready */

/* taskvm_pmix.c: hosting Open MPI. */
uint64_t taskvm_pmix_due_ns(const struct taskvm *vm);
void taskvm_pmix_timers(struct taskvm *vm, uint64_t now_ns);
void taskvm_pmix_modex(struct taskvm *vm, const struct weft__msg_modex *m);
void taskvm_pmix_ask_again(struct taskvm *vm); /* what was asked through a daemon that has crashed */

/* taskvm_alone.c: an MPI that nobody hosts. */
void taskvm_alone_started(struct taskvm *vm, const struct taskvm_launch *l, struct taskvm_task *t);
void taskvm_alone_wrote(struct taskvm *vm, const struct taskvm_task *t);
uint64_t taskvm_alone_due_ns(const struct taskvm *vm);
void taskvm_alone_timers(struct taskvm *vm, uint64_t now_ns);

/* taskvm_bind.c: which processors a task may use. */
int taskvm_bind_prepare(struct taskvm_launch *l, const struct weft__msg_launch *m, struct weft_error *e);
bool taskvm_bind_choose(const struct taskvm_launch *l, struct taskvm_task *t, cpu_set_t *mask); /* false: any */

/* taskvm_output.c: what tasks write and read. */
int taskvm_output_watch(struct taskvm *vm, struct taskvm_task *t);
bool taskvm_output_open(const struct taskvm *vm); /* the window has room */
void taskvm_output_read(struct taskvm *vm);
void taskvm_output_say(struct taskvm *vm, struct taskvm_task *t, const char *text); /* as if the task had, a line */
void taskvm_output_drain(struct taskvm *vm);
void taskvm_output_begin(struct taskvm *vm, const struct taskvm_task *t, struct taskvm_sink *s,
                         const struct weft__msg_output_begin *begin);
void taskvm_output_acknowledged(struct taskvm *vm, const struct weft__msg_output_ack *m);
void taskvm_output_move(struct taskvm *vm, const struct weft__msg_output_move *m); /* a task's goes elsewhere */
void taskvm_output_init(struct taskvm *vm);
uint64_t taskvm_output_unacked(const struct taskvm *vm); /* of all sinks */
void taskvm_output_again(struct taskvm *vm);
void taskvm_stdin_open(struct taskvm *vm, int *fd); /* takes rank 0's pipe */
void taskvm_stdin_take(struct taskvm *vm, const struct weft__msg_stdin_bytes *m, int *fd);
void taskvm_stdin_write(struct taskvm *vm);

/* taskvm_reap.c: the ends of tasks and of what they leave. */
void taskvm_reap(struct taskvm *vm);
void taskvm_ended(struct taskvm *vm, struct taskvm_task *t, int status, const struct rusage *used); /* it was reaped */
void taskvm_signal(struct taskvm *vm, const struct weft__msg_task_signal *m);
void taskvm_kill_children(struct taskvm *vm);
void taskvm_report(struct taskvm *vm, const struct taskvm_task *t); /* STARTED, EXITED ... */

#endif
