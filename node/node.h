/* node.h - what the files of weftd share: the daemon's state, and what each file offers the others.
 *
 * Everything runs on one libuv loop, in one thread. Who owns what: clients, jobs, children, peers and pairs
 * belong to their files, which keep them in the maps below.
 */
#ifndef WEFT_NODE_NODE_H
#define WEFT_NODE_NODE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <uv.h>

#include "base/err.h"
#include "base/ids.h"
#include "base/list.h"
#include "base/map.h"
#include "link/link.h"
#include "node/keeper.h"
#include "proto/proto.h"
#include "proto/session.h"

enum {
	NODE_HOME         = 1, /* index and incarnation of the coordinator's own node */
	NODE_HOST_MAX     = 255,
	NODE_UNSENT_MAX   = 4 << 20, /* bytes for an absent coordinator at which clients have to wait */
	NODE_HEARTBEAT_MS = 500,
	HALT_TICK_MS      = 500,
	HALT_KILL_MS      = 6000, /* what has not ended by then is killed */
	NODE_SILENT_MS    = 4000, /* a daemon that says nothing so long is given up */
};

/* The daemon's life. Each step is logged, and what it may be is checked, by node_step. */
enum node_state {
	NODE_STARTING,
	NODE_UP,      /* serves its socket */
	NODE_HALTING, /* kills what runs here and waits for its end */
	NODE_LEAVING, /* waits for the coordinator to be gone */
	NODE_DOWN,
};

struct client;
struct job;
struct peer;
struct race;

/* The connection with the coordinator: coord_link.c. */
struct coord_link {
	struct link *link; /* NULL: there is none */
	int state;
	struct weft__session session;
	struct race *race;    /* to its addresses, NULL: none is under way */
	uint64_t lost_ns;     /* since when it is away */
	uint64_t beats;       /* heartbeats sent */
	unsigned silent;      /* beats since something came */
	uv_timer_t timer;     /* heartbeats, and the next attempt */
	uv_fs_event_t folder; /* home: tells when the coordinator's socket is there */
	bool watching;
	pid_t pid; /* home: the coordinator's process, 0: none */
	unsigned restarts;
	bool told;  /* it told us to halt: it ends by itself */
};

struct node {
	/* from the command line */
	bool home, private_vm;
	bool batch;     /* its VM is a batch job's: SIGTERM announces the end of that */
	pid_t leader;   /* of the job's script, with a standing VM: when it has ended the job has; 0: it is not known */
	bool slurm;     /* the job is Slurm's, which sends SIGTERM to the tasks as well */
	unsigned local_nodes;
	char dir[PATH_MAX], nodedir[PATH_MAX], vm[65], host[NODE_HOST_MAX + 1];
	char wdir[PATH_MAX]; /* where tasks start that were told nothing else; empty: nobody has said so */
	uint32_t index, incarnation;
	char join_list[1024], join_address[LINK_ADDRESS_TEXT], listen_address[64]; /* address: the one that answered */
	uint16_t join_port, port_first, port_last;
	uint64_t orphan_ms;
	uint8_t key[LINK_KEY_BYTES]; /* home: the VM's, else the node's own */
	struct rlimit nofile, core;  /* the user's */

	/* takeover.c: in place of a daemon that has crashed */
	struct keeper keeper;
	bool again;          /* we are such a one */
	bool taking_over;    /* clients may still come back to us */
	unsigned nawaited;   /* task VMs that are to come back */
	uint32_t clients_before; /* numbers up to this one are of earlier daemons' clients */
	uv_timer_t takeover_timer;
	struct weft__buf modexes; /* struct weft__msg_modex, for those task VMs */
	uv_poll_t words;
	bool hearing;        /* words is open */

	uv_loop_t *loop;
	enum node_state state;
	int dirfd, nodedirfd, lockfd, ownerfd;
	bool locked; /* the node's folder is ours */
	int exit_status; /* of the process, when it ends well enough: launch.h */
	unsigned halt_ms; /* since when it halts */
	bool stopping;    /* the batch system has told it that the end is near */
	uint32_t ncores, epoch;
	uint16_t port;
	struct link_listener *unix_listener, *tcp_listener;
	uv_signal_t on_child, on_term, on_int, on_hup;
	uv_timer_t halt_timer, doom_timer;
	struct weft__arena arena, carried; /* for a message, and for one inside it */

	struct coord_link coord;
	struct weft__map children;  /* pid: struct child */
	struct link *spare;         /* a task VM that waits for a job; NULL: there is none, or it is ending */
	pid_t spare_pid;            /* 0: there is none */
	uv_timer_t spare_timer;
	struct weft__map clients;   /* number: struct client */
	bool clients_paused;
	bool blind;                 /* in place of another daemon, and not told yet of the other nodes: the doors stay closed */
	uint64_t npeers_awaited;    /* of those */
	uint32_t owner;             /* number of the client for which this VM was started, 0 none (any more) */
	uint32_t tasker;            /* number of the client that starts the tasks, 0: none */
	uint32_t hoster;            /* home: number of the client that starts daemons, 0: none */
	struct weft__list hostings; /* that it is to start, or has: hosting.c */
	struct weft__map jobs;      /* job: struct job */
	struct weft__map askers;    /* number of a task VM as a client: struct job */
	struct weft__map tasks;     /* tid: struct task */
	uint64_t newest;            /* the highest tid of this node that the coordinator has told of: they ascend */
	struct weft__map endpoints; /* tid: struct endpoint */
	struct weft__map tokens;    /* first bytes of a token: struct pair */
	struct weft__map peers;     /* node index: struct peer */

	/* intro.c: connections for tasks */
	struct weft__list dials, redials; /* pairs that wait for their turn; that are to be tried again */
	struct weft__list unborn;         /* pairs that wait for the coordinator to tell of a task here */
	bool told;                        /* what it had to say when it was joined has come */
	unsigned ndials;                  /* under way */
	uv_timer_t redial_timer;

	/* linger.c */
	struct weft__list lingering;
	long nkept; /* copies of tasks' ends of channels */
};

/* --- weftd.c: options; node.c: start, end, signals ---------------------------------------------- */

int node_start(struct node *n, struct weft_error *e);
int node_listen_everywhere(struct node *n, struct weft_error *e); /* others than those of this machine are to come */
void node_clean(void *node);       /* the keeper's: no daemon is left to remove the folders */
void node_abandon(struct node *n); /* a start that failed before the node's folder was ours */
void node_fini(struct node *n);    /* after the loop has ended */
void node_step(struct node *n, enum node_state to);
void node_look_for_leader(struct node *n);       /* has the job's script ended? */
void node_halt(struct node *n, const char *why); /* the orderly end: tasks first, then us */
void node_settled(struct node *n);               /* something is gone: is all of it? */
void node_owner_gone(struct node *n);            /* the tool that this VM was for has gone */

/* --- cores.c ------------------------------------------------------------------------------------ */

uint32_t cores_count(void); /* that tasks may use, at least 1 */

/* --- starter.c: child processes ------------------------------------------------------------------ */

struct child {
	pid_t pid;
	void (*ended)(void *arg, int status);
	void *arg;
	bool awaited; /* a task VM of an earlier daemon, which has not come back so far */
};

struct starter_order {
	enum keeper_kind kind;   /* what another daemon is to know of it */
	const char *room, *program; /* one of ours, or NULL: argv[0] in PATH */
	const char *const *argv;
	const char *fd_variable; /* with fd: names the variable that tells its number */
	int fd;                  /* passed on; -1: none */
	const void *input;       /* written to its standard input */
	size_t ninput;           /* at most what a pipe takes; 0: /dev/null */
	int output;              /* its standard output and error; -1: ours */
	void (*ended)(void *arg, int status);
	void *arg;
};

int starter_run(struct node *n, const struct starter_order *o, pid_t *pid, struct weft_error *e);
bool starter_tell(struct node *n, pid_t pid, void (*ended)(void *arg, int status), void *arg); /* from now on; false: it has ended */
int starter_adopt(struct node *n, pid_t pid, bool awaited); /* what an earlier daemon has started */
void starter_settle(struct node *n, struct child *c);       /* it is awaited no more */
void starter_ended(struct node *n, pid_t pid, int status);  /* one of those */
void starter_reap(struct node *n);
size_t starter_sweep(struct node *n); /* kill adopted processes that are none of ours; how many there are */

/* --- takeover.c: in place of a daemon that has crashed --------------------------------------------- */

int takeover_start(struct node *n, struct weft_error *e); /* the coordinator is joined when all task VMs have come */
bool takeover_awaits(const struct node *n, pid_t pid);    /* it is a task VM that has not come so far */
void takeover_settled(struct node *n);                    /* one less is awaited */
void takeover_stop(struct node *n);
bool takeover_expects(const struct node *n, uint64_t client); /* it may still come back */
void takeover_joined(struct node *n, uint64_t npeers);    /* the coordinator tells of so many nodes, and then: */
void takeover_told(struct node *n);                       /* of one of them */

/* --- coord_link.c ------------------------------------------------------------------------------- */

int coord_link_start(struct node *n, struct weft_error *e);
void coord_link_send(struct node *n, const struct weft__msg *m); /* kept until the coordinator has it */
void coord_link_up(struct node *n, uint32_t client, const uint8_t *body, size_t nbytes);
void coord_link_pass(struct node *n, int *fd, const char *from); /* a socket for the coordinator */
void coord_link_stop(struct node *n);

/* --- remote.c: daemons of other nodes that this one starts ------------------------------------------ */

void remote_start(struct node *n, const struct weft__msg_node_start *m);

/* --- client.c: tasks and tools on the node's socket ----------------------------------------------- */

struct task;

enum client_state {
	CLIENT_NEW,     /* has said nothing yet */
	CLIENT_WAITING, /* enrols: the coordinator gives it a tid */
	CLIENT_OPEN,
	CLIENT_LEFT, /* said BYE */
	CLIENT_GONE,
};

struct client {
	uint32_t number;
	enum client_state state;
	struct node *node;
	struct link *link;
	enum weft__role role;
	struct task *task; /* a spawned task's connection, or the task that it enrolled as; else NULL */
	bool spawned;      /* the connection was made for task */
	bool held;         /* of a task from outside; the keeper has a copy of it */
	bool owner;
	int64_t pid;
	bool doomed;       /* could not be sent something: is closed in the loop's next turn */
	bool stale;        /* NEW: an earlier daemon served the connection; what comes before a HELLO was for that */
	uint64_t pass;     /* what it proves itself with to another daemon */
	int stdin_fd;      /* from a tool, for its next job's rank 0; -1 */
	uint64_t stands_for; /* the task that the tasker was asked to start in its place, 0: none */
	struct weft__map sent; /* (job, node, sink): offset up to which it was sent OUTPUT; absent: all is acknowledged */
};

int client_open(struct node *n, int *fd, struct task *task, bool owner); /* takes fd */
void client_close(struct client *c);
void client_again(struct client *c); /* an earlier daemon served it */
void client_held(struct node *n, const struct keeper_held *h, int *fd); /* one of a task from outside; takes fd */
struct client *client_find(const struct node *n, uint64_t number);
uint32_t client_number(struct node *n); /* for the next one */
void client_send(struct client *c, const struct weft__msg *m, const int *fds, size_t nfds);
void client_send_body(struct client *c, const void *body, size_t nbytes);
void client_doom(struct client *c); /* close it, but not within this call */
void client_enrolled(struct node *n, const struct weft__msg_client_enrolled *m);
void client_down(struct node *n, const struct weft__msg_down *m);
void client_pause_all(struct node *n, bool paused);
void client_tell_tools(struct node *n, int code, const char *text); /* why the VM ends */
void client_close_all(struct node *n);

/* --- tasker.c: a task that starts the others ------------------------------------------------------- */

void tasker_register(struct client *c, const struct weft__msg_tasker *m);
void tasker_start(struct client *c, const struct weft__msg *m); /* from the process that stands for the task */
void tasker_ended(struct client *c, const struct weft__msg *m); /* from the tasker */
void tasker_gone(const struct client *c);
int64_t tasker_pid(const struct node *n); /* 0: there is none */

/* --- job.c: the jobs that have tasks here ---------------------------------------------------------- */

enum task_state {
	TASK_EXPECTED, /* its tid is known */
	TASK_LAUNCHED, /* its task VM was told */
	TASK_RUNNING,
	TASK_ENDED,
};

struct task {
	uint64_t tid;
	uint32_t rank;
	struct job *job;
	enum task_state state;
	int64_t pid;
	struct client *client; /* its connection, NULL: none (any more) */
	int doorbell;          /* eventfd, -1: it has not enrolled */
	bool spoke;            /* its task VM has given us its connection */
	bool enrolled;         /* has said HELLO and not BYE */
	bool left;             /* has said BYE, or its connection closed: it never comes back under this tid */
	bool output_ended;
	struct weft__list link; /* in job.tasks */
};

struct job {
	struct node *node;
	uint32_t id, size;
	uint64_t parent, flags;
	uint32_t sink_node, sink_client;
	uint64_t *tids; /* of the whole job, by rank; NULL until TEAM came */
	uint32_t ntids;
	struct weft__list tasks; /* here */
	uint32_t nlocal, nlaunched, nended;
	bool last;          /* no more LAUNCH will come */
	bool outside;       /* of a task that enrolled by itself: no task VM */
	struct link *vm;    /* the task VM's connection, NULL: none (any more) */
	pid_t vm_pid;       /* 0: not started, or ended */
	int vm_status;      /* how it ended */
	bool vm_lost;       /* it ended before the last LAUNCH, and takes a part of the job along */
	uint32_t vm_client; /* its number as a client of the coordinator, 0: it has asked nothing */
	struct weft__buf late; /* LAUNCHes, each behind its length: its tool must come back to this daemon first */
	struct weft__map sinks; /* number -> where output.c sends what tasks want elsewhere */
	uint64_t output_sent; /* offset of its OUTPUT on its way to another node; 0: all is acknowledged */
	bool rejoining;     /* its task VM says what it had said to an earlier daemon */
	uint64_t reported;  /* number of the last message to the coordinator about an end here; 0: it is confirmed */
};

struct job *job_find(const struct node *n, uint64_t id);
struct task *job_task(const struct node *n, uint64_t tid);
struct job *job_rejoin(struct node *n, uint64_t id, struct link *vm, pid_t pid); /* its task VM is back; NULL: no memory */
void job_rejoin_as(struct job *j, const struct weft__msg_rejoin *m);
void job_rejoin_tasks(struct job *j, const struct weft__msg_rejoined *m);
int job_outside(struct node *n, struct client *c, uint64_t tid, uint64_t id, struct task **t);
void job_team(struct node *n, const struct weft__msg_team *m);
uint32_t job_team_part(const struct job *j, uint32_t first, struct weft__msg *m); /* TEAM from a rank on; the next one's */
void job_launch(struct node *n, const struct weft__msg_launch *m);
void job_launch_late(struct node *n, uint64_t client); /* that client's tool has come back; 0: those of all others won't */
void job_signal(struct node *n, const struct weft__msg_task_signal *m);
void job_started(struct job *j, const struct weft__msg_started *m);
void job_task_speaks(struct job *j, const struct weft__msg_task_speaks *m, int *fd);
void job_start_failed(struct job *j, const struct weft__msg_start_failed *m);
void job_exited(struct job *j, const struct weft__msg_exited *m);
void job_confirmed(struct node *n, uint64_t seen); /* the coordinator has so many of our messages */
void job_vm_gone(struct job *j); /* its task VM has ended and all that it sent is here */
void job_vm_asks(struct job *j, const uint8_t *body, size_t nbytes); /* something of the coordinator */
bool job_vm_down(struct node *n, uint64_t client, const void *body, size_t nbytes); /* the answer; false: not for one */
void job_task_left(struct node *n, struct task *t); /* said BYE, or its connection closed */
void job_inventory(struct node *n);
void job_kill_all(struct node *n);
void job_forget_all(struct node *n);

/* --- taskvm_link.c -------------------------------------------------------------------------------- */

int taskvm_link_start(struct job *j, struct weft_error *e);
void taskvm_link_rejoin(struct node *n, struct link **l, pid_t pid, uint64_t job); /* of an earlier daemon */
void taskvm_link_spare(struct node *n);      /* keep one ready for the next job */
void taskvm_link_spare_soon(struct node *n); /* when there is time for that */
void taskvm_link_drop(struct node *n);       /* none is needed any more */
void taskvm_link_send(struct job *j, const struct weft__msg *m, int fd); /* -1: none */
void taskvm_link_send_body(struct job *j, const void *body, size_t nbytes);

/* --- output.c, joblog.c ------------------------------------------------------------------------------ */

void output_from_vm(struct job *j, const struct weft__msg *m, const uint8_t *body, size_t nbytes);
void output_end(struct job *j, struct task *t); /* for a task VM that can't say it any more */
void output_deliver(struct node *n, uint64_t client, const struct weft__msg *m, const uint8_t *body, size_t nbytes);
void output_acknowledged(struct client *c, const struct weft__msg_output_ack *m);
void output_to_vm(struct node *n, uint64_t node, uint64_t job, const struct weft__msg *m);
void output_client_gone(struct client *c);
void output_job_fini(struct job *j);
void output_move(struct node *n, const struct weft__msg *m); /* to the task VM */
void output_moved(struct node *n, const struct weft__msg_output_moved *m);
void output_peer_broken(struct node *n, uint32_t index); /* for good: nobody will acknowledge */
/* All for a client, 0 any, of that node is to be said once more; */
void output_peer_again(struct node *n, uint32_t index, uint64_t client);
void output_peer_lost_some(struct node *n, uint32_t index); /* or only what was on its way there. */
bool output_may_come(const struct job *j); /* after a takeover: its reader is back, or never will be */
void output_again(struct node *n, uint64_t client); /* all for a client of this node, 0 for any */

void joblog_append(struct node *n, uint64_t job, const void *bytes, size_t nbytes);
void joblog_read(struct node *n, struct client *c, const struct weft__msg_log_read *m);
void joblog_read_for(struct peer *p, const struct weft__msg_log_read *m);
void joblog_bytes(struct peer *p, const struct weft__msg_log_bytes *m);

/* --- peer.c: the other nodes ------------------------------------------------------------------------ */

struct peer {
	struct node *node;
	uint32_t index, incarnation;
	char host[NODE_HOST_MAX + 1];
	char addresses[1024 + LINK_ADDRESS_TEXT];            /* where it may be, the likeliest first */
	char address[LINK_ADDRESS_TEXT]; /* where it was reached; "": nowhere so far */
	uint16_t port;
	struct race *race;         /* to its addresses; what is to be said meanwhile: */
	struct weft__buf waiting;  /* bodies, each with its length before it */
	bool deaf;      /* it can't be dialled from here, so it is asked to dial us */
	bool called;    /* it was asked to, and we wait for it */
	bool lost_some; /* a link broke, and what was under way is to be said again */
	bool answering; /* the race is because it asked us to */
	uint8_t key[LINK_KEY_BYTES];
	struct link *dialled, *accepted; /* sending prefers the first */
	unsigned failures;               /* of dialling, in a row */
	uv_timer_t *retry;
};

struct peer *peer_find(const struct node *n, uint64_t index);
void peer_known(struct node *n, const struct weft__msg_peer *m);
void peer_gone(struct node *n, const struct weft__msg_peer_gone *m);
void peer_accept(struct node *n, int *fd);
int peer_find_key(void *node, const char *identity, uint8_t key[static LINK_KEY_BYTES]); /* a link_key_fn */
void peer_called(struct node *n, const struct weft__msg_peer_call *m); /* it wants us to dial it */
int peer_send(struct node *n, uint64_t index, const struct weft__msg *m); /* 0, WEFT_ENONODE, WEFT_ENOMEM … */
int peer_down(struct node *n, uint64_t index, uint64_t client, const uint8_t *body, size_t nbytes);
void peer_up(struct node *n, uint64_t index, uint64_t job, const struct weft__msg *m);
void peer_where(const struct peer *p, char address[static LINK_ADDRESS_TEXT]); /* that reaches it, as far as is known */
void peer_close_all(struct node *n);
void peer_interface(const struct node *n, const struct job *j, char *name, size_t size); /* towards its nodes; "": unknown */

/* --- modex.c: between the task VMs that host Open MPI ---------------------------------------------- */

void modex_from_vm(struct job *j, const struct weft__msg_modex *m);
void modex_from_peer(struct peer *p, const struct weft__msg_modex *m);
void modex_resume(struct node *n); /* all task VMs that were to come back are here */

/* --- probe.c: which addresses of the others work ---------------------------------------------------- */

void probe_ask(struct node *n, struct client *c, const struct weft__msg_net_probe *m);
void probe_ask_for(struct peer *p, const struct weft__msg_net_probe *m); /* another node passes it on */
void probe_row(struct peer *p, const struct weft__msg_net_row *m);       /* an answer of one that we passed on */
void probe_accept(struct node *n, int *fd);

/* --- intro.c: channels between tasks --------------------------------------------------------------- */

void intro_wanted(struct node *n, struct task *from, uint64_t tid);

/* A task shares a buffer, fd (which stays the caller's) or takes it back. NULL, or what is wrong with it. */
const char *intro_share(struct node *n, const struct task *from, const struct weft__msg_share *m, int fd);
/* Hands a page to those members of a group that are here. */
void intro_group(struct node *n, const struct weft__msg_group_page *m);
void intro_enrolled(struct node *n, struct task *t);
void intro_told(struct node *n, uint64_t beat); /* what the coordinator had said when it heard that heartbeat has come */
void intro_known(struct node *n, struct task *t, const struct weft__msg_connected *m); /* by an earlier daemon */
void intro_peer_again(struct node *n, uint32_t index); /* its daemon or this one is another: who has ended meanwhile? */
void intro_forget_lost(struct node *n);                /* tasks of nodes that are not there any more */
void intro_gone(struct node *n, uint64_t tid, bool lost); /* a task has ended or left */
void intro_message(struct peer *p, const struct weft__msg *m);
void intro_accept(struct node *n, int *fd);               /* a connection for two tasks */
void intro_peer_broken(struct node *n, uint32_t index);   /* messages may be lost: ask again */
void intro_peer_failed(struct node *n, uint32_t index);   /* it can't be reached */
void intro_peer_gone(struct node *n, uint32_t index, bool lost);

/* --- linger.c: the last messages of tasks that have ended -------------------------------------------- */

int linger_keep(struct node *n, int *fd);  /* a task has this end, too: takes it; the copy, -1: there are too many */
void linger_drop(struct node *n, int *fd); /* the copy is not needed any more */
void linger_start(struct node *n, int *fd, uint32_t peer); /* that task has ended, its partner is on that node */
void linger_stop(struct node *n, uint32_t peer);           /* for partners on that node; 0: for all */

#endif
