/* sim.h - a virtual machine without machines: the real core, and nodes and clients that speak real messages
 * over links that delay and break, on a virtual clock. All chance comes from one seed.
 *
 * sim.c        time, links, the coordinator's process and its disk
 * sim_node.c   nodes: sessions, starting and ending tasks, daemons that restart, machines that crash
 * sim_client.c tasks and tools: random questions, and what their answers must be
 * sim_vm.c     task VMs that host an MPI: exchanges, spawns, ends of jobs
 * test_sim.c   the tests
 *
 * What must hold is checked where it is seen; sim_check() fails the test with the seed that shows it again.
 */
#ifndef TESTS_COORD_SIM_H
#define TESTS_COORD_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"
#include "coord/coord.h"
#include "proto/session.h"

enum sim_event_kind {
	SIM_TICK,       /* the coordinator's timer */
	SIM_FLUSH,      /* the coordinator writes, syncs and sends what it has gathered */
	SIM_CRASH,      /* of the coordinator */
	SIM_RESTART,    /* of the coordinator */
	SIM_TO_COORD,   /* a message arrives; a: link */
	SIM_TO_NODE,    /* a: link */
	SIM_BREAK,      /* some link breaks */
	SIM_COORD_DOWN, /* the coordinator sees that a link is gone; a: link */
	SIM_NODE_DOWN,  /* the node sees that a link is gone; a: link */
	SIM_DIAL,       /* a: node */
	SIM_BEAT,       /* a: node */
	SIM_APPEAR,     /* a node that home was told to start; a: index, b: incarnation */
	SIM_START,      /* a task starts or fails to; a: node, b: tid */
	SIM_EXIT,       /* a task ends by itself; a: node, b: tid */
	SIM_ACT,        /* a client does something; a: node, b: client */
	SIM_BACK,       /* a client says HELLO to the next daemon; a: node, b: client */
	SIM_RESUME_END, /* a: node */
	SIM_MISFORTUNE, /* a daemon restarts, or another one takes its place, or a machine crashes */
};

struct sim_event {
	uint64_t at, order;
	enum sim_event_kind kind;
	uint64_t a, b, life; /* life: of the node, so that events of an earlier one are void */
};

struct sim_link {
	uint64_t id;
	struct sim_node *node;
	uint64_t epoch_before; /* of the coordinator's process at its other end */
	bool coord_end, node_end; /* whether this end still thinks it is open */
	bool broken;              /* nothing more arrives */
	struct weft__list to_coord, to_node;
	uint64_t last_to_coord, last_to_node; /* arrival of the last one: no overtaking */
};

struct sim_task {
	struct weft__list all;
	uint64_t tid;
	uint32_t job, rank;
	bool running;
	bool eternal; /* ends only when it is killed, as its tool is gone */
	uint64_t tool_node, tool;
};

struct sim_node {
	uint32_t index, incarnation;
	uint64_t life; /* counts daemons of this node */
	uint32_t crashes; /* daemons whose place another one took, with all tasks and clients; */
	bool took_over;   /* ... which the present one did */
	bool up;       /* its machine is there */
	bool cut_off;  /* can't dial, until cut_until */
	uint64_t cut_until;
	struct sim_link *link;
	bool joined;
	uint64_t epoch;
	struct weft__session session;
	struct weft__list tasks;   /* sim_task: alive here */
	struct weft__list clients; /* sim_client */
	uint32_t next_client;
	struct weft__map peers;    /* index: incarnation + 1 as PEER said */
};

struct sim_question {
	struct weft__list all;
	uint64_t req;
	enum weft__msg_code code;
	uint64_t op;   /* GROUP */
	uint64_t rows, left;
	uint64_t asked_at;
};

/* A notification that must be told so many times more; UINT64_MAX: as often as it happens. */
struct sim_watch {
	struct weft__list all;
	uint64_t context, kind, left;
};

struct sim_client {
	struct weft__list all;
	struct sim_node *node;
	uint32_t number;
	bool tool, waits_for_tid;
	bool away;     /* has not said HELLO to the next daemon */
	bool held;     /* away, but its connection is there */
	bool resuming; /* the coordinator has not said how much has come to it */
	uint64_t pass;
	struct weft__session counts;
	uint32_t vm_job; /* it is the task VM of this job; 0: none */
	size_t gave; /* bytes, to the exchange under way */
	struct weft__buf all_gave;
	uint64_t tid;
	struct weft__list questions, watches;
	struct weft__map seen;      /* tid: SEEN_* of JOB_EVENTs */
	struct weft__map jobs_done; /* job */
	uint64_t next_req, next_tag;
	uint64_t nevents;
};

struct sim {
	uint64_t seed, now_ms, order, hash;
	struct weft__rng rng;
	bool story;
	struct sim_event *events; /* a heap by (at, order) */
	size_t nevents, events_max;

	struct coord *coord; /* NULL: its process is not there */
	struct coord_actions out;
	bool flush_planned, stopped;
	uint64_t now_skew_ms;   /* another process, another start of its clock */
	struct weft__buf disk;  /* the journal as written */
	size_t synced;          /* as much of it survives a crash */
	struct coord_options options;
	unsigned restarts, snapshots;
	uint64_t epoch_seen, epoch_before; /* highest that a node was told; the same when the last process began */
	struct coord *shadow;              /* came from a snapshot, fed with records: must stay the same */

	struct sim_link **links;
	size_t nlinks;
	struct sim_node **nodes;
	size_t nnodes;

	bool calm;              /* no more faults, no new questions */
	struct weft__map given; /* every tid that was ever given */
	uint64_t *tids;         /* the same, to pick from */
	size_t ntids;
	struct weft__map slots;    /* slots of tasks that are alive somewhere */
	struct weft__map launched; /* tids whose LAUNCH has come to their node */
	struct weft__map contexts;
	uint64_t ntasks_alive, nquestions, nanswers, nlost, nstarved, nexchanged, ntakeovers;
};

/* --- sim.c --- */

struct sim *sim_create(uint64_t seed);
void sim_destroy(struct sim *s);
void sim_run(struct sim *s, uint64_t until_ms);
void sim_plan(struct sim *s, uint64_t delay_ms, enum sim_event_kind kind, uint64_t a, uint64_t b, uint64_t life);
uint64_t sim_below(struct sim *s, uint64_t n);
bool sim_chance(struct sim *s, unsigned percent);
void sim_say(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define sim_check(s, condition, ...) ((condition) ? (void)0 : sim_fail(s, #condition, __FILE__, __LINE__, __VA_ARGS__))
void sim_fail(struct sim *s, const char *condition, const char *file, int line, const char *format, ...)
        __attribute__((format(printf, 5, 6), noreturn));
struct sim_link *sim_link_open(struct sim *s, struct sim_node *n);
void sim_link_send(struct sim *s, struct sim_link *l, const void *body, size_t nbytes); /* node to coordinator */
void sim_link_break(struct sim *s, struct sim_link *l);
void sim_crash(struct sim *s); /* the coordinator; it comes back */
void sim_compare_snapshot(struct sim *s);
void sim_compact(struct sim *s); /* the journal becomes a snapshot */

/* --- sim_node.c --- */

struct sim_node *sim_node_create(struct sim *s, uint32_t index, uint32_t incarnation);
void sim_node_destroy(struct sim *s, struct sim_node *n);
struct sim_node *sim_node_find(struct sim *s, uint64_t index);
void sim_node_dial(struct sim *s, struct sim_node *n);
void sim_node_beat(struct sim *s, struct sim_node *n);
void sim_node_receive(struct sim *s, struct sim_node *n, const void *body, size_t nbytes);
void sim_node_link_down(struct sim *s, struct sim_node *n);
void sim_node_send(struct sim *s, struct sim_node *n, const struct weft__msg *m); /* numbered */
void sim_node_restart(struct sim *s, struct sim_node *n); /* another weftd, the same task VMs */
void sim_node_takeover(struct sim *s, struct sim_node *n); /* another weftd in place of one that crashed */
void sim_node_resume_end(struct sim *s, struct sim_node *n);
void sim_node_crash(struct sim *s, struct sim_node *n);   /* nothing is left of it */
void sim_node_task_start(struct sim *s, struct sim_node *n, uint64_t tid);
void sim_node_task_exit(struct sim *s, struct sim_node *n, uint64_t tid, int64_t code, uint64_t signo);
bool sim_tool_is_there(struct sim *s, const struct sim_task *t);
struct sim_task *sim_task_find(struct sim_node *n, uint64_t tid);

/* --- sim_client.c --- */

struct sim_client *sim_client_open(struct sim *s, struct sim_node *n, bool tool, uint64_t tid);
struct sim_client *sim_client_open_vm(struct sim *s, struct sim_node *n, uint32_t job);
bool sim_client_is_outside(struct sim *s, const struct sim_client *c); /* a task that nobody spawned */
void sim_client_back(struct sim *s, struct sim_client *c);
void sim_client_close(struct sim *s, struct sim_client *c, bool say);
struct sim_client *sim_client_find(struct sim_node *n, uint64_t number);
void sim_client_receive(struct sim *s, struct sim_client *c, const struct weft__msg *m, size_t nbytes);
void sim_client_act(struct sim *s, struct sim_client *c); /* ask something */
void sim_client_ask(struct sim *s, struct sim_client *c, const struct weft__msg *m, uint64_t req);
void sim_client_calm(struct sim *s, struct sim_client *c); /* take back what nobody will answer */
void sim_client_check_end(struct sim *s, struct sim_client *c);
void sim_client_up(struct sim *s, struct sim_client *c, const struct weft__msg *m); /* no question */

/* --- sim_vm.c --- */

void sim_vm_launched(struct sim *s, struct sim_node *n, uint32_t job);
void sim_vm_task_gone(struct sim *s, struct sim_node *n, uint32_t job);
void sim_vm_act(struct sim *s, struct sim_client *c);
bool sim_vm_exchanged(struct sim *s, struct sim_client *c, const struct weft__msg_exchanged *m); /* it is the last piece */

void sim_given(struct sim *s, uint64_t tid); /* P1: a new tid */

#endif
