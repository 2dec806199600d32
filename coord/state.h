/* state.h - what the core's files share: the state, and what they call of each other.
 *
 * All that decides what happens is in here, and all of it but the members marked volatile comes back from
 * the journal. Therefore nothing may depend on a volatile member but whether a message goes out now, and
 * nothing may depend on the order of a map: maps only find things, lists (in order of creation) are
 * walked. coord_save and coord_replay of it (save.c) have to know every member.
 *
 * An allocation that fails sets coord.failed; the step then only has to end without harm.
 */
#ifndef WEFT_COORD_STATE_H
#define WEFT_COORD_STATE_H

#include "base/ids.h"
#include "base/list.h"
#include "base/map.h"
#include "coord/coord.h"
#include "proto/session.h"

/* A thing with a name: groups and names of the store are found by it. */
struct entry {
	char *name;
	struct entry *same; /* next one with the same hash */
};

struct node {
	struct weft__list all; /* coord.nodes */
	uint32_t index, incarnation;
	uint64_t state;         /* WEFT__NODE_* */
	uint64_t kind;          /* WEFT__ADD_*, 0 home */
	uint64_t initial;       /* 1: one of options.local_nodes; spawns wait for it */
	uint64_t rejoining;     /* 1: it has more time to rejoin, as it was the coordinator that broke the link */
	uint64_t add;           /* id of the NODE_ADD question that wants to know, 0 none */
	char *wanted;           /* host as given in NODE_ADD */
	char *host, *address, *addresses, *release;
	uint64_t port, ncores, pid;
	uint64_t drained;       /* 1: it gets no new tasks */
	uint64_t slots, speed;  /* what the user says about it, 0: nothing */
	struct weft__session session;
	struct weft__list tasks;   /* task.at_node: those that have not ended */
	size_t ntasks;
	struct weft__list clients; /* client.at_node */
	struct weft__map numbers;  /* clients by number */
	struct weft__list watches; /* watch.at_target */
	/* while one job is spawned or signalled */
	uint32_t planned;  /* tasks that it gets beside ntasks */
	uint64_t mark;     /* coord.mark: seen already */
	size_t last_part;  /* the last program that has tasks here */
	bool drowned;              /* over COORD_OUTBOX_MAX: to be lost at the end of this step */
	bool gone;                 /* being removed: nothing more is sent there */

	/* volatile */
	uint64_t link;        /* 0: none */
	uint64_t timed_state; /* the state whose time began at since_ms, 0: begins with the next tick */
	uint64_t since_ms, heard_ms, beat_ms, beat;
	uint64_t its_beat; /* seq of its last heartbeat on this link */
};

struct task {
	uint64_t tid;
	struct job *job;
	uint32_t rank;
	uint32_t node_index;
	struct node *node;  /* NULL when it has ended */
	uint64_t state;     /* WEFT__TASK_* */
	uint64_t enrolled;  /* 1: came from outside */
	uint64_t spoke;     /* 1: has said HELLO: it may have sent messages */
	uint64_t killed;    /* 1: SIGKILL was sent */
	uint64_t doubtful;  /* 1: a new weftd has not said yet that it is there */
	uint64_t pid;
	char *name;         /* of TASK_NAME, or NULL */
	struct client *client; /* its connection, or NULL */
	int64_t exit_code, error; /* error: why it did not start */
	uint64_t signo, flags, utime_us, stime_us, maxrss_kib;
	char *error_text;
	struct weft__list at_node;
	struct weft__list members; /* member.at_task */
	size_t nmembers;
	struct weft__list watches; /* watch.at_target */
	struct weft__list asks;    /* ask.at_target: WAIT */
	struct weft__list takers;  /* taker.at_task */
	struct weft__list letters; /* letter.at_owner */
};

struct job {
	struct weft__list all; /* coord.live_jobs or coord.ended_jobs */
	uint32_t id, parent, root;
	uint64_t parent_tid;
	uint32_t size, running, undecided;
	uint64_t flags;  /* WEFT__SPAWN_* */
	uint64_t killed; /* 1: its tool is gone, or it is aborted; it gets no more children */
	uint64_t aborted; /* 1: by JOB_ABORT, which said the exit code */
	uint32_t world;   /* the first of the jobs that an MPI connects with it by spawns; itself when there is none */
	int64_t exit_code;
	char *program;
	struct client *tool;        /* gets JOB_EVENTs; when it goes the job is killed */
	struct weft__list at_tool;
	uint32_t sink_node, sink_client;
	uint64_t sink_task;    /* 1: the sink is a task, which wants to be told by OUTPUT_BEGIN: */
	uint64_t sink_context;
	int64_t sink_tag;
	struct ask *ask;            /* SPAWN not answered so far */
	struct task *tasks;         /* by rank */
};

struct client {
	struct weft__list at_node;
	struct node *node;
	uint32_t number;
	uint64_t role, owner, pid;
	struct weft__session session;
	uint64_t pass;   /* what it proves itself with to another daemon of its node */
	uint64_t away;   /* 1: there is another daemon, and it has not come back so far */
	uint64_t unkept; /* 1: the session's messages are not kept any more */
	struct task *task; /* it is this task's connection */
	uint32_t job; /* a task VM's */
	char *name;
	struct weft__list asks, watches, takers, jobs, drafts;
	struct weft__list gifts; /* gift.at_client */
	struct weft__list names; /* name.at_owner */
	struct weft__list letters; /* letter.at_owner */
	struct parcel {            /* a long message for a mailbox, of which not all parts have come */
		uint64_t req;
		void *value;           /* NULL: there is none */
		size_t nbytes, size;
	} parcel;
	size_t nasks, nwatches, ndrafts, ngifts;
};

/* A question that waits for its answer. */
enum ask_kind { ASK_WAIT = 1, ASK_NAME, ASK_BARRIER, ASK_SPAWN, ASK_NODE_ADD, ASK_NODE_DEL, ASK_HALT, ASK_DRAIN,
	        ASK_MBOX };

struct ask {
	struct weft__list all; /* coord.asks */
	struct weft__list at_client, at_target;
	uint64_t id;
	struct client *client;
	uint64_t req;
	uint64_t kind;
	uint64_t left;  /* NODE_ADD: answers to come */
	uint64_t index; /* NODE_DEL, DRAIN: the node; MBOX: as asked, and ... */
	uint64_t flags;
	struct task *task;
	struct job *job;
	struct name *name;
	struct mbox *mbox;
	struct member *member;
};

/* A SPAWN whose programs have not all come, or that waits until the first nodes are there. */
struct draft {
	struct weft__list at_client;
	struct weft__list parked; /* coord.parked */
	struct client *client;
	uint64_t req;
	uint64_t complete;
	uint64_t count, nparts;
	size_t nbytes;
	int64_t code;  /* what was wrong with a part */
	char *text;
	struct weft__list parts; /* weft__unseen: the messages' bodies */
};

struct watch {
	struct weft__list all; /* coord.watches */
	struct weft__list at_client, at_target;
	struct client *client;
	uint64_t kind, id; /* id: tid or node index */
	uint64_t context;
	int64_t tag;
	uint64_t left; /* ADDED: how many to tell */
};

/* A client that got a task's status: it gets it once. */
struct taker {
	struct weft__list at_task, at_client;
	struct task *task;
	struct client *client;
	uint64_t req;
};

struct group {
	struct entry entry;
	struct weft__list all;
	struct member **by_instance;
	size_t ninstances_max;
	size_t nmembers, lowest_free;
	uint64_t barrier; /* members that have to arrive; 0: no barrier is under way */
	size_t narrived;
	struct weft__list arrived; /* ask.at_target */
	uint64_t grant;   /* of the page by which the members, as they are now, meet; 0: there is none */
	uint64_t ngrants; /* so far */
	uint64_t calm;    /* barriers of all members since the last change */
	uint64_t meeting; /* the barrier: the meeting that the first to arrive broke off, and ... */
	uint64_t pure;    /* ... 1: so did all others, by the page that is granted */
};

struct member {
	struct weft__list all; /* coord.members */
	struct weft__list at_task;
	struct group *group;
	struct task *task;
	uint32_t instance;
	struct ask *arrived; /* it waits in the barrier */
};

struct name {
	struct entry entry;
	struct weft__list all;
	uint64_t there; /* 0: only waited for */
	void *value;
	size_t nbytes;
	struct weft__list asks;
	struct client *owner; /* a task VM, with which it goes; or NULL */
	struct weft__list at_owner;
};

/* What one task VM gives to an exchange, and how far it has what all gave. */
enum gift_state { GIFT_AWAITED, GIFT_PARTIAL, GIFT_GIVEN, GIFT_SETTLED };

struct gift {
	uint32_t job, node;
	uint64_t state;
	struct client *client; /* PARTIAL, GIVEN */
	uint64_t req;
	struct weft__buf bytes; /* until all have given */
	uint64_t sent;          /* bytes of the exchange's result */
	struct weft__list at_client;
	struct exchange *exchange;
};

struct exchange {
	struct weft__list all; /* coord.exchanges */
	char *name;
	struct gift *gifts; /* by job and node */
	size_t ngifts, nawaited; /* nawaited: not given so far */
	size_t nbytes;           /* that it takes */
	struct weft__buf result; /* when all have given */
};

struct mbox {
	struct entry entry;
	struct weft__list all;
	struct weft__list letters; /* by index */
	struct weft__list asks;
};

struct letter {
	struct weft__list link;
	struct weft__list at_owner;
	struct mbox *mbox;
	uint64_t index, flags;
	struct task *task;   /* its owner, or ... */
	struct client *tool; /* ... this tool, or nobody */
	void *value;
	size_t nbytes;
};

enum halt_phase { HALT_NO, HALT_OTHERS, HALT_DONE };

/* What the coordinator has for each node index. */
struct seat {
	struct node *node; /* NULL: free */
	uint64_t ntids;    /* given out so far: tid.c */
};

struct coord {
	char *vm;
	uint64_t private_vm, orphan_ms, local_nodes;
	uint64_t epoch;      /* starts so far */
	uint64_t halting;    /* enum halt_phase */
	char *stopped_by;    /* the first node that the batch system told to end, or NULL */
	uint64_t next_index, next_incarnation, next_job, next_context, next_ask;
	uint64_t place_next; /* index of the node that is first among equals */
	struct seat *seats; /* by node index; too large for the heap, so that those never used take no memory */

	struct weft__list nodes, live_jobs, ended_jobs, asks, watches, members, groups, names, mboxes, exchanges;
	struct weft__list added;  /* watch.at_target of the kind ADDED */
	struct weft__list parked; /* drafts that wait for the first nodes */
	struct weft__map tasks;   /* by tid */
	struct weft__map slots;   /* tasks that have not ended, by slot */
	struct weft__map jobs;    /* by id */
	struct weft__map group_map, name_map, mbox_map;
	size_t nnodes, nstarting, nclients, nlive_jobs, nended_jobs, nlive_tasks, nended_tasks, nkept_tasks, nasks,
	        ndrafts, nwatches, ngroups, nmembers, nnames, nmboxes, nletters, ntakers, name_bytes, nexchanges,
	        exchange_bytes;

	bool drowned; /* a node is */
	uint64_t mark;

	/* volatile */
	uint64_t now_ms, ticked_ms;
	struct coord_actions *out;
	int failed;
	bool replaying;
	struct weft__buf body, down; /* where messages are encoded */
	struct weft__arena outer, inner, part;
	struct weft__bin frame; /* the client's message under way, encoded */
};

/* --- coord.c ------------------------------------------------------------------------------------ */

/* Allocation that marks the core as failed. NULL on failure; strings as in base/heap.h. */
void *coord_alloc(struct coord *c, size_t nbytes); /* zeroed */
char *coord_strndup(struct coord *c, const char *s, size_t n);
void coord_replace(struct coord *c, char **text, struct weft__str s); /* *text becomes a copy of s */
bool coord_put(struct coord *c, struct weft__map *m, uint64_t key, void *value);

/* --- send.c: actions ---------------------------------------------------------------------------- */

void send_log(struct coord *c, enum weft__log_level level, const char *id, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void send_close(struct coord *c, uint64_t link);
void send_stop(struct coord *c);
void send_link(struct coord *c, uint64_t link, const struct node *to, const struct weft__msg *m); /* not numbered */
void send_node(struct coord *c, struct node *to, const struct weft__msg *m); /* numbered: arrives once */
void send_kept(struct coord *c, struct node *to); /* all that is not confirmed, again */
uint64_t send_count_kept(const struct node *to, enum weft__msg_code code); /* how many of those */
void send_body(struct coord *c, struct node *to, const void *body, size_t nbytes); /* the same, encoded already */
void send_client(struct coord *c, struct client *to, const struct weft__msg *m);
void send_down(struct coord *c, struct node *n, uint32_t client, const void *body, size_t nbytes);
void send_result(struct coord *c, struct client *to, uint64_t req, int code, uint64_t value, const char *format, ...)
        __attribute__((format(printf, 6, 7))); /* format "" : no text */

/* --- node.c, member.c, halt.c: membership ------------------------------------------------------- */

struct node *node_find(const struct coord *c, uint64_t index); /* NULL: there is none */
struct node *node_create(struct coord *c, uint64_t kind, struct weft__str wanted);
void node_destroy(struct coord *c, struct node *n); /* frees the record alone */
void node_remove(struct coord *c, struct node *n, bool lost, const char *why);
void node_start(struct coord *c, struct node *n, const struct weft__msg_node_add *how); /* have home start it; how may be NULL */
int node_check_join(struct coord *c, const struct coord_event *ev, const struct weft__msg_join *m,
                    struct weft_error *e);
void node_join(struct coord *c, struct node *n, const struct weft__msg_join *m, const char *from);
void node_down(struct coord *c, struct node *n);
void node_expire(struct coord *c, struct node *n);
bool node_is_due(struct coord *c, struct node *n); /* volatile: its time is over */
void node_hosted(struct coord *c, struct node *n, const struct weft__msg *m);
void node_inventory_end(struct coord *c, struct node *n, const struct weft__msg *m);
void node_failed(struct coord *c, struct node *n, const struct weft__msg *m);
void node_call(struct coord *c, struct node *n, const struct weft__msg *m); /* PEER_CALL */

void member_add(struct coord *c, struct client *from, const struct weft__msg *m); /* NODE_ADD */
void member_del(struct coord *c, struct client *from, const struct weft__msg *m); /* NODE_DEL */
/* Tell who asked for it; why NULL: it is there. */
void member_added(struct coord *c, struct node *n, const struct weft__msg_node_failed *why);
void member_failed(struct coord *c, struct node *n, int code, const char *text);
void member_removed(struct coord *c, struct node *n);
void member_set(struct coord *c, struct client *from, const struct weft__msg *m); /* NODE_SET */
void member_idle(struct coord *c, struct node *n);                                /* its last task has ended */

void halt_ask(struct coord *c, struct client *from, const struct weft__msg *m);
void halt_begin(struct coord *c, const char *why);
void halt_step(struct coord *c);   /* go on when the others are gone */
void halt_resume(struct coord *c); /* after a restart: the end may have been reached already */

/* --- stopping.c --- */

void stopping_begin(struct coord *c, struct node *from, const struct weft__msg *m); /* STOPPING */
void stopping_step(struct coord *c);                                                /* a job has ended */

/* --- client.c ------------------------------------------------------------------------------------ */

void client_open(struct coord *c, struct node *n, const struct weft__msg *m);
void client_close_msg(struct coord *c, struct node *n, const struct weft__msg *m);
void client_up(struct coord *c, struct node *n, const struct weft__msg *m);
void clock_answer(struct coord *c, struct node *n, const struct weft__msg *m);
struct client *client_add(struct coord *c, struct node *n, uint32_t number);
struct client *client_find(const struct coord *c, uint64_t node, uint64_t number);
void client_refuse(struct coord *c, struct node *n, uint64_t number, int code, const char *text);
enum client_end { CLIENT_GONE, CLIENT_FORGOTTEN }; /* forgotten: by a new weftd; its task lives on */
void client_end(struct coord *c, struct client *client, enum client_end how);
void client_destroy(struct coord *c, struct client *client); /* frees the record alone */
struct task *client_live_task(const struct client *client);   /* NULL: a tool, or it has ended */

/* An unanswered question; the caller has looked at nasks. NULL: no memory. */
struct ask *ask_new(struct coord *c, struct client *client, uint64_t req, enum ask_kind kind);
struct ask *ask_find(const struct coord *c, uint64_t id);
void ask_destroy(struct coord *c, struct ask *a); /* also takes it from its target */
void ask_forget(struct coord *c, struct client *from, const struct weft__msg *m);

/* --- again.c: another daemon in the place of one that crashed ---------------------------------------- */

void again_begin(struct coord *c, struct node *n); /* JOIN says that it is one */
void again_end(struct coord *c, struct node *n, const struct weft__msg *m);          /* RESUME_END */
bool again_open(struct coord *c, struct node *n, const struct weft__msg_client_open *m); /* false: it is new to us */
void again_resumed(struct coord *c, struct client *client);
void again_count(struct coord *c, struct client *client, size_t nbytes);             /* it has said something */
void again_confirm(struct coord *c, struct client *client, const struct weft__msg *m); /* SEEN */
void again_keep(struct coord *c, struct client *client, const void *body, size_t nbytes); /* it is told something */

/* --- tid.c, place.c, job.c, task.c ------------------------------------------------------------------ */

int tid_next(struct coord *c, uint32_t node, uint64_t *tid); /* 0; WEFT_ENOSPC: no slot is free there */

/* Where the tasks of one program go: places[*n], the caller's to weft__free. With WEFT__MAP_TURN neighbours in rank are
 * dealt out over them in turn; else each has ranks in a row. With WEFT__SPAWN_FILL it sets m->count. Counts what it
 * gives in node.planned, on which the next call builds. WEFT_EINVAL, WEFT_ENONODE, WEFT_ENOSPC. */
struct place {
	struct node *node;
	uint32_t count, count_max; /* count_max: what it may have of them */
	uint32_t turn;             /* its place among equals */
	uint32_t weight;           /* how many of them it gets while others get one; 0: nobody said */
	uint32_t at;               /* while they are sent: behind its tasks */
};
int place_tasks(struct coord *c, struct weft__msg_spawn *m, struct place **places, size_t *n, struct weft_error *e);

void job_spawn(struct coord *c, struct client *from, const struct weft__msg *m); /* SPAWN */
void job_unpark(struct coord *c); /* the first nodes are there: go on with what waited for them */
struct draft *job_draft_create(struct coord *c, struct client *client, uint64_t req);
void job_draft_add(struct coord *c, struct draft *d, const void *body, size_t nbytes); /* a part */
void job_draft_destroy(struct coord *c, struct draft *d);
struct job *job_create(struct coord *c, uint32_t size, struct weft__str program);
struct job *job_find(const struct coord *c, uint64_t id);
bool job_put_task(struct coord *c, struct job *j, uint32_t rank, uint64_t tid, struct node *n); /* false: no memory */
void job_send_team(struct coord *c, struct job *j, struct node *to);
void job_ask_to_end(struct coord *c, struct job *j); /* by SIGTERM */
void job_signal(struct coord *c, struct client *from, const struct weft__msg *m);
void job_abort(struct coord *c, struct client *from, const struct weft__msg *m);
void job_team_ask(struct coord *c, struct client *from, const struct weft__msg *m);
void job_answer(struct coord *c, struct job *j); /* SPAWNED, when all is decided */
void job_done(struct coord *c, struct job *j);   /* its last task has ended */
void job_destroy(struct coord *c, struct job *j);
void job_orphaned(struct coord *c, struct client *tool); /* the tool is gone: kill what it started */

struct task *task_find(const struct coord *c, uint64_t tid); /* also ended ones that are remembered */
void task_link(struct coord *c, struct task *t, struct node *n); /* it is at this node */
void task_started_msg(struct coord *c, struct node *n, const struct weft__msg *m);
void task_failed_msg(struct coord *c, struct node *n, const struct weft__msg *m);
void task_exited_msg(struct coord *c, struct node *n, const struct weft__msg *m);
void task_started(struct coord *c, struct task *t, uint64_t pid, struct weft__str cpus);
void task_end(struct coord *c, struct task *t, const struct weft__msg_exited *how, int error, struct weft__str text);
void task_lose(struct coord *c, struct task *t, uint64_t flags); /* it ended, nobody saw how */
void task_kill(struct coord *c, struct node *n, uint64_t tid);
void task_wait(struct coord *c, struct client *from, const struct weft__msg *m); /* WAIT */
void task_set_name(struct coord *c, struct client *from, const struct weft__msg *m);
struct taker *task_take(struct coord *c, struct task *t, struct client *client, uint64_t req);
void taker_destroy(struct coord *c, struct taker *t);

/* --- exchange.c: between the task VMs of jobs --------------------------------------------------------- */

void exchange_give(struct coord *c, struct client *from, const struct weft__msg *m);
void exchange_read(struct coord *c, struct client *from, const struct weft__msg *m);
void exchange_task_ended(struct coord *c, const struct job *j, uint32_t node); /* a task of j there */
void exchange_client_gone(struct coord *c, struct client *client);
struct exchange *exchange_create(struct coord *c, struct weft__str name, const uint64_t *members, size_t nmembers);
void exchange_bind(struct gift *g, struct client *client, uint64_t req); /* whose gift it is */
void exchange_grow(struct coord *c, struct exchange *x, size_t nbytes); /* it takes more */
void exchange_destroy(struct coord *c, struct exchange *x);

/* --- group.c, name.c, mbox.c, notify.c, list.c ------------------------------------------------------ */

struct entry *entry_find(const struct weft__map *m, struct weft__str name);
bool entry_put(struct coord *c, struct weft__map *m, struct entry *e);
void entry_remove(struct coord *c, struct weft__map *m, struct entry *e); /* frees its name */

void group_op(struct coord *c, struct client *from, const struct weft__msg *m);
void group_list(struct coord *c, struct client *from, const struct weft__msg *m);
struct group *group_create(struct coord *c, struct weft__str name);
struct member *group_add(struct coord *c, struct group *g, struct task *t, uint32_t instance);
struct member *group_member(const struct group *g, const struct task *t); /* NULL: it is none */
void group_leave(struct coord *c, struct member *member);
void group_destroy(struct coord *c, struct group *g);
void group_meet(struct coord *c, struct client *from, const struct weft__msg *m);
void group_retreat(struct coord *c, struct ask *a); /* a barrier's waiter gives up */

void name_put(struct coord *c, struct client *from, const struct weft__msg *m);
void name_get(struct coord *c, struct client *from, const struct weft__msg *m);
void name_del(struct coord *c, struct client *from, const struct weft__msg *m);
struct name *name_create(struct coord *c, struct weft__str name);
bool name_set(struct coord *c, struct name *n, const void *value, size_t nbytes);
void name_own(struct name *n, struct client *owner); /* it goes with this task VM; NULL: with nobody */
void name_disown(struct coord *c, struct client *owner); /* who is gone: so are its names */
void name_release(struct coord *c, struct name *n); /* free it when it is neither there nor waited for */

void mbox_put(struct coord *c, struct client *from, const struct weft__msg *m);
void mbox_get(struct coord *c, struct client *from, const struct weft__msg *m);
void mbox_del(struct coord *c, struct client *from, const struct weft__msg *m);
void mbox_list(struct coord *c, struct client *from, const struct weft__msg *m);
void mbox_reset(struct coord *c, struct client *from, const struct weft__msg *m);
struct mbox *mbox_create(struct coord *c, struct weft__str name);
void mbox_release(struct coord *c, struct mbox *b); /* free it when nothing is in it and nobody waits */
struct letter *letter_create(struct coord *c, struct mbox *b, uint64_t index, const void *value, size_t nbytes);
void letter_own(struct letter *letter, struct task *task, struct client *tool);
void letter_destroy(struct coord *c, struct letter *letter);
void parcel_drop(struct coord *c, struct client *client);
bool parcel_create(struct coord *c, struct client *client, uint64_t req, size_t size); /* false: no memory */
void mbox_owner_gone(struct coord *c, struct weft__list *letters); /* what a task or tool leaves */

void notify_ask(struct coord *c, struct client *from, const struct weft__msg *m);
struct watch *notify_watch(struct coord *c, struct client *client, uint64_t kind);
struct weft__list *notify_target(struct coord *c, uint64_t kind, uint64_t id); /* NULL: it has happened */
void notify_task(struct coord *c, struct task *t);
void notify_lost(struct coord *c, struct node *n);
void notify_added(struct coord *c, struct node *n);
void notify_cancel(struct coord *c, struct watch *w);

void list_rows(struct coord *c, struct client *from, const struct weft__msg *m);

#endif
