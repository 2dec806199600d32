/* engine.h - what lives inside a task: one engine, its messages, its questions to the VM.
 *
 * The functions are those of weft.h with an engine in front, and keep its contract; weft.h is one
 * engine for the process, weft__here(). Tests make several. Contexts with WEFT__CONTEXT_INTERNAL
 * set are the library's own: no user's receive sees them. A failure that has more to say than its
 * code leaves a text with weft__fail.
 *
 * The room's map: match.c (which message for which receive), message.c, request.c (handles), peer.c
 * (other tasks), queue.c (what goes out), arrive.c (what comes in), send.c, recv.c, direct.c and
 * complete.c (the calls), region.c and share.c (buffers that others read), wait.c (progress and
 * sleep), lock.c; control.c (the connection with the node), introduce.c, notice.c, output.c, enrol.c,
 * vm.c, group.c and mbox.c (questions), here.c (the process' own engine).
 */
#ifndef WEFT_TASK_ENGINE_H
#define WEFT_TASK_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "bindings/c/weft.h"

struct weft__engine;

#define WEFT__CONTEXT_INTERNAL UINT32_C(0x80000000)

/* --- becoming a task, leaving ----------------------------------------------------------------- */

/* Enrols: by $WEFT_FD, the first time in this process, else with the VM that $WEFT_DIR or $WEFT_VM
 * names. */
int weft__enrol(struct weft__engine **e);

/* Flushes what is queued (5 s at most), says goodbye, frees. *e is NULL afterwards. */
void weft__leave(struct weft__engine **e);

/* The process ends without that: a short message that the channel has taken by half still goes out,
 * and the channels are closed, so that nothing on them is lost. Nothing may be done with e after.
 */
void weft__leave_behind(struct weft__engine *e);

/* In the child of a fork: closes its descriptors, touches nothing else. */
void weft__engine_abandon(struct weft__engine *e);

/* The process' engine, that weft_init made; NULL: not enrolled, or a child of the process that was.
 * A function of weft.h is: e = weft__here(); return weft__ended(e ? weft__x(e, ...) :
 * WEFT_ENOTINIT). */
struct weft__engine *weft__here(void);
int weft__here_init(void);
int weft__here_fini(void);

/* What weft_team_job returns, made by team.c the first time; weft__leave calls destroy if there is
 * a team. */
struct weft__job_team {
	weft_team_t *team;
	void (*destroy)(weft_team_t **team);
};
struct weft__job_team *weft__engine_job_team(struct weft__engine *e);

/* --- who one is ------------------------------------------------------------------------------- */

weft_tid_t weft__self(const struct weft__engine *e);
weft_tid_t weft__parent(const struct weft__engine *e); /* {0}: none */
uint32_t weft__rank(const struct weft__engine *e);
uint32_t weft__size(const struct weft__engine *e);
uint32_t weft__node(const struct weft__engine *e);
const weft_tid_t *weft__job_tids(const struct weft__engine *e); /* [weft__size], by rank */

/* --- messages --------------------------------------------------------------------------------- */

int weft__send(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
               const void *buf, size_t nbytes, int timeout_ms);
int weft__recv(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
               void *buf, size_t size, weft_status_t *status, int timeout_ms);

/* *buf: weft__free of base/heap.h. */
int weft__recv_alloc(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                     void **buf, weft_status_t *status, int timeout_ms);
/* The same with an allocator of the caller's, for memory that weft__free takes. It is called with the engine's lock held. */
typedef void *weft__alloc_fn(size_t nbytes);
int weft__recv_alloc_by(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                        weft__alloc_fn *alloc, void **buf, weft_status_t *status, int timeout_ms);
int weft__sendrecv(struct weft__engine *e, weft_tid_t to, int32_t sendtag, const void *sendbuf,
                   size_t sendbytes, weft_tid_t from, int32_t recvtag, void *recvbuf,
                   size_t recvsize, weft_context_t context, weft_status_t *status, int timeout_ms);
int weft__mcast(struct weft__engine *e, const weft_tid_t *to, int n, weft_context_t context,
                int32_t tag, const void *buf, size_t nbytes, int timeout_ms);
int weft__probe(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                weft_status_t *status, int timeout_ms);

int weft__isend(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
                const void *buf, size_t nbytes, weft_request_t *r);

/* A part of a message where it lies. */
struct weft__slice {
	const void *bytes;
	size_t nbytes;
};

/* The same for a message in slices, nbytes in all, whose bytes are the caller's again when the call returns: it never waits
 * for the receiver. copy[nbytes] takes what did not go at once, and must stay until the request has ended; slices may lie
 * in it, at their places. NULL: all do. */
int weft__isend_lent(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
                     const struct weft__slice *slices, void *copy, size_t nbytes, weft_request_t *r);
int weft__irecv(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                void *buf, size_t size, weft_request_t *r);
int weft__test(struct weft__engine *e, weft_request_t *r, weft_status_t *status);
int weft__wait(struct weft__engine *e, weft_request_t *r, weft_status_t *status, int timeout_ms);
int weft__wait_any(struct weft__engine *e, weft_request_t *r, int n, int *index,
                   weft_status_t *status, int timeout_ms);
int weft__wait_all(struct weft__engine *e, weft_request_t *r, int n, weft_status_t *statuses,
                   int timeout_ms);
int weft__cancel(struct weft__engine *e, weft_request_t r);

/* What a call does whose time is over: the request ends, without waiting for the peer if it can be
 * helped, and the buffer is the caller's. A short message that has begun still arrives. *r becomes
 * WEFT_NO_REQUEST. */
void weft__give_up(struct weft__engine *e, weft_request_t *r);

/* What is queued goes out, as far as the peers take it within that time. */
void weft__flush(struct weft__engine *e, int timeout_ms);

/* Brings a send as far as it can go without the receiver's being in a call: out of our queue, that is announced or gone; and to its
 * end when a receive asks for it by then or soon. Returns when nothing more is to be had, and in any case within `patience_ms`, or a
 * part of it where there was a channel when the send began. */
void weft__hand_over(struct weft__engine *e, const weft_request_t *r, bool is_new, int patience_ms);
bool weft__lacks_channel(struct weft__engine *e, const weft_request_t *r); /* so far; false also when it has ended */

/* Nobody will ask how this one ends: it goes on by itself. Its buffer must be empty, or stay for
 * ever. */
void weft__let_go(struct weft__engine *e, weft_request_t *r);

/* count contexts in a row that nobody else in the VM has; without WEFT__CONTEXT_INTERNAL. */
int weft__context_new(struct weft__engine *e, uint32_t count, weft_context_t *first);

int weft__fd(struct weft__engine *e);
int weft__progress(struct weft__engine *e);

/* --- questions to the VM ---------------------------------------------------------------------- */

int weft__set_name(struct weft__engine *e, const char *name);
int weft__nodes(struct weft__engine *e, weft_node_t *nodes, int max, int *n);
int weft__tasks(struct weft__engine *e, uint32_t job, uint32_t node, weft_task_t *tasks, int max,
                int *n);
/* The same with their WEFT__TASK_ENROLLED and WEFT__TASK_CONNECTED. */
int weft__tasks_flags(struct weft__engine *e, uint32_t node, weft_task_t *tasks, uint32_t *flags, int max, int *n);
int weft__add_node(struct weft__engine *e, const char *host, uint32_t *node);

/* The same for several hosts, many at a time, each with what a list of hosts may say of it; a NULL or 0 says nothing. What
 * became of them is in code and node. 0, or why none was asked for. */
struct weft__new_host {
	const char *host; /* NULL: local */
	const char *login, *address, *daemon, *path, *wdir, *ports, *start;
	uint32_t slots, speed;
	int code;
	uint32_t node;
};
int weft__add_hosts(struct weft__engine *e, struct weft__new_host *hosts, int n);
/* weft__nodes with their speeds, 0: not said. */
int weft__nodes_speeds(struct weft__engine *e, weft_node_t *nodes, uint32_t *speeds, int max, int *n);
int weft__remove_node(struct weft__engine *e, uint32_t node);
int weft__spawn(struct weft__engine *e, const char *program, const char *const *argv,
                const weft_spawn_opts_t *opts, int count, weft_tid_t *tids, int *errors);
int weft__signal(struct weft__engine *e, weft_tid_t tid, int signo);
int weft__wait_exit(struct weft__engine *e, weft_tid_t tid, weft_exit_t *how, int timeout_ms);
int weft__notify(struct weft__engine *e, int what, weft_context_t context, int32_t tag,
                 const uint64_t *ids, int n);

/* op is a WEFT__GROUP_ of proto.h; the answer, where there is one, comes in *value (may be NULL).
 */
int weft__group(struct weft__engine *e, int op, const char *group, uint64_t arg, uint64_t *value,
                int timeout_ms);
/* A barrier of it, count 0: of all members. In memory that they share, where that can be. */
int weft__group_barrier(struct weft__engine *e, const char *group, uint64_t count, int timeout_ms);
int weft__name_put(struct weft__engine *e, const char *name, const void *value, size_t nbytes,
                   bool replace);
int weft__name_get(struct weft__engine *e, const char *name, void *value, size_t size,
                   size_t *nbytes, int timeout_ms); /* 0: WEFT_ENOENT when it is not there */
int weft__name_delete(struct weft__engine *e, const char *name);

/* The members by instance, {0} where nobody is; *tids is to be weft__free'd. */
int weft__group_members(struct weft__engine *e, const char *group, weft_tid_t **tids, size_t *n);

/* All groups; *rows is to be weft__free'd, with what is in them. */
struct weft__group_row {
	char name[256];
	uint32_t size, barrier; /* barrier 0: none is under way */
	weft_tid_t *waiting;
	size_t nwaiting;
};
int weft__group_list(struct weft__engine *e, struct weft__group_row **rows, size_t *n);
void weft__group_rows_free(struct weft__group_row *rows, size_t n);

/* Microseconds since 1970 on a node. WEFT_ENONODE; WEFT_ETIMEDOUT: it does not answer. */
int weft__clock_of(struct weft__engine *e, uint32_t node, uint64_t *time_us, int timeout_ms);

/* Mailboxes (PVM's); flags are WEFT__MBOX_ of proto.h. put gives the index; alone: at that
 * index, if nothing is there. A get without
 * WEFT__MBOX_WAIT does not wait; *bytes and *rows are to be weft__free'd. */
struct weft__letter {
	void *bytes;
	size_t nbytes;
	weft_tid_t owner;
	uint32_t index;
};
struct weft__letter_row {
	char name[256];
	weft_tid_t owner;
	uint32_t index, flags;
};
enum { WEFT__LETTER_MAX = 16 << 20 };
int weft__mbox_put(struct weft__engine *e, const char *name, uint32_t flags, bool alone,
                   const void *bytes, size_t nbytes, uint32_t *index);
int weft__mbox_get(struct weft__engine *e, const char *name, uint32_t index, uint32_t flags,
                   struct weft__letter *letter);
int weft__mbox_delete(struct weft__engine *e, const char *name, uint32_t index);
int weft__mbox_list(struct weft__engine *e, struct weft__letter_row **rows, size_t *n);

/* Deletes: of that mailbox (NULL: of all), with that index (< 0: with any), whosever they are, or only what
 * nobody owns any more. */
int weft__mbox_reset(struct weft__engine *e, const char *name, int index, bool only_stale);

/* --- output of other tasks -------------------------------------------------------------------- */

/* Who gets the output of the tasks that a spawn starts, as messages; tid {0}: whoever gets one's own. usual_wdir: the folder
 * of opts is only the usual one, a node's own comes before it. */
struct weft__spawn_how {
	weft_tid_t tid;
	weft_context_t context;
	int32_t tag;
	bool usual_wdir;
};
int weft__spawn_for(struct weft__engine *e, const char *program, const char *const *argv,
                    const weft_spawn_opts_t *opts, const struct weft__spawn_how *how, int count,
                    weft_tid_t *tids, int *errors);

/* Where one's own output goes from now on, as how says; tid {0}: where it went at first, if no task got it, else into the job's
 * log. What was written before has gone where it did. */
int weft__output_to(struct weft__engine *e, const struct weft__spawn_how *how, int timeout_ms);

/* Such a message, which comes from oneself; what was written follows it. */
#define WEFT__OUTPUT_MAGIC "WEFTOUT"
enum { WEFT__OUTPUT_BEGINS = 1, WEFT__OUTPUT_BYTES = 2, WEFT__OUTPUT_ENDS = 3 };
struct weft__output {
	char magic[8];
	uint32_t what, nbytes;
	weft_tid_t tid, parent;
	uint32_t job, node, sink;
};
/* It was received: the writer may go on. */
void weft__output_received(struct weft__engine *e, const struct weft__output *output);

/* --- starting the node's tasks, for a dialect --------------------------------------------------- */

/* The caller starts them from now on, or no longer: it is told of each by such a message, from itself, in context and with tag.
 * WEFT_EEXIST, WEFT_ENOENT. */
int weft__tasker(struct weft__engine *e, bool on, weft_context_t context, int32_t tag);
#define WEFT__START_MAGIC "WEFTTSK"
struct weft__start {
	char magic[8];
	weft_tid_t tid;
	uint32_t argc, nenv; /* texts that follow, each with its NUL: the program, its arguments, its environment */
};
/* What it started has ended, or could not be started; status as of wait(). */
int weft__task_ended(struct weft__engine *e, weft_tid_t tid, uint32_t status);

/* --- starting daemons, for a dialect ------------------------------------------------------------ */

/* As weft__tasker, of the daemons of other machines. */
int weft__hoster(struct weft__engine *e, bool on, weft_context_t context, int32_t tag);
#define WEFT__HOST_MAGIC "WEFTHST"
struct weft__host_order {
	char magic[8];
	uint32_t node; /* three texts follow, each with its NUL: the host, perhaps behind USER@, the command, and PVM's so= */
};
/* The line that the command has printed, or why it could not be run. */
int weft__host_started(struct weft__engine *e, uint32_t node, const char *line);

/* --- errors, for people ----------------------------------------------------------------------- */

/* Leave a text for weft_last_error of this thread and return the code. */
int weft__fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* At the end of each function of weft.h: rc goes through; an error that left no text gets its plain
 * one. */
int weft__ended(int rc);
const char *weft__last_error(void);

/* --- for tests: engines without a daemon ------------------------------------------------------ */

struct weft__channel;
struct weft__settings {
	size_t eager_max;     /* longer messages go by rendezvous */
	size_t segment_bytes; /* a rendezvous' data goes in pieces of this size */
	size_t ahead_bytes;   /* so many of them, at most, go before it is asked for; if the channel likes */
	size_t share_min;     /* so long ones in shared buffers are copied by their receiver; 0: none;
	                         SIZE_MAX: as the node is crowded */
	size_t credit_bytes;  /* unreceived bytes that one peer may have here */
	uint64_t spin_ns;     /* longest spin before a sleep; 0: none */
};

/* An engine that knows nobody and has no node. settings NULL: the usual ones. tids[size] is its
 * job. */
int weft__engine_create(struct weft__engine **e, const weft_tid_t *tids, uint32_t size,
                        uint32_t rank, const struct weft__settings *settings);
int weft__engine_doorbell(const struct weft__engine *e); /* its eventfd */

/* Takes the channel with a task, as an introduction does. */
int weft__engine_plug(struct weft__engine *e, weft_tid_t tid, struct weft__channel **c);

/* What TASK_GONE does. */
void weft__engine_unplug(struct weft__engine *e, weft_tid_t tid, bool lost);

#endif
