/* weft.h - programs for the Weft virtual machine, in C.
 *
 * A program enrols (weft_init), finds out who it is (weft_rank, weft_self), sends and receives messages, and
 * leaves (weft_fini). Every function that can fail returns 0 or a negative enum weft_err; outputs are
 * written only on success. All functions may be called from any thread, none from a signal handler. The
 * library prints nothing, starts no thread and installs no signal handler.
 *
 * Time-outs are in milliseconds: < 0 waits for ever, 0 never waits. No call waits for ever on a dead task:
 * it returns WEFT_ENOTASK.
 */
#ifndef WEFT_H
#define WEFT_H

#include <stddef.h>
#include <stdint.h>

#include "weft_base.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define WEFT_API __attribute__((visibility("default")))
#else
#define WEFT_API
#endif

#define WEFT_VERSION "0.1.0"

/* --- types ------------------------------------------------------------------------------------ */

#ifdef __cplusplus
#define WEFT_ID(type, value) (type{value})
#else
#define WEFT_ID(type, value) ((type){value})
#endif

#define WEFT_ANY_TASK  WEFT_ID(weft_tid_t, UINT64_MAX) /* receive from whoever sends */
#define WEFT_ANY_TAG   INT32_MIN                  /* receive whatever the tag; tags are >= 0 */
#define WEFT_MSG_MAX   ((size_t)1 << 40)          /* bytes of one message */
#define WEFT_NAME_MAX  64                         /* bytes of a task's name */
#define WEFT_TEXT_MAX  256                        /* bytes of a host or program name, with its NUL */
#define WEFT_VALUE_MAX 65536                      /* bytes of a value in the name store */

/* A context keeps one library's messages apart from another's; a receive sees its own context only. */
typedef struct {
	uint32_t v;
} weft_context_t;
#define WEFT_CONTEXT WEFT_ID(weft_context_t, 0) /* where a program starts */

/* What came, or how a request ended. */
typedef struct {
	weft_tid_t source;
	int32_t tag;
	int32_t code;  /* 0, WEFT_ETRUNC, WEFT_ECANCELED, WEFT_ENOTASK … */
	size_t nbytes; /* length of the message, also when it was cut */
} weft_status_t;

/* An operation under way; {0} is none. */
typedef struct {
	uint64_t v;
} weft_request_t;
#define WEFT_NO_REQUEST WEFT_ID(weft_request_t, 0)

/* How a task ended. */
typedef struct {
	weft_tid_t tid;
	int32_t code;        /* exit code; -1 when a signal ended it or nobody knows */
	int32_t signo;       /* the signal that ended it, else 0 */
	int32_t core_dumped; /* 1: it left a core */
	int32_t lost;        /* 1: it was lost with its node, nobody saw its end */
	int64_t utime_us, stime_us, maxrss_kib; /* what it used, where known, else 0 */
} weft_exit_t;

typedef struct {
	uint32_t node; /* index, 1.. */
	uint32_t ncores, ntasks;
	char host[WEFT_TEXT_MAX];
} weft_node_t;

typedef struct {
	weft_tid_t tid, parent; /* parent {0}: none */
	uint32_t job, rank, node;
	int32_t pid;
	char program[WEFT_TEXT_MAX];
	char name[WEFT_NAME_MAX + 1];
} weft_task_t;

typedef enum {
	WEFT_BYTE = 1, /* 8 bits, never converted */
	WEFT_INT8,
	WEFT_UINT8,
	WEFT_INT16,
	WEFT_UINT16,
	WEFT_INT32,
	WEFT_UINT32,
	WEFT_INT64,
	WEFT_UINT64,
	WEFT_FLOAT,   /* IEEE 754, 32 bits */
	WEFT_DOUBLE,  /* IEEE 754, 64 bits */
	WEFT_COMPLEX, /* two WEFT_FLOAT */
	WEFT_DCOMPLEX /* two WEFT_DOUBLE */
} weft_type_t;

typedef enum {
	WEFT_SUM = 1,
	WEFT_PROD,
	WEFT_MIN, /* not for complex */
	WEFT_MAX, /* not for complex */
	WEFT_LAND, /* the logical and bitwise ones: integers and bytes only */
	WEFT_LOR,
	WEFT_LXOR,
	WEFT_BAND,
	WEFT_BOR,
	WEFT_BXOR
} weft_op_t;

typedef struct weft_team weft_team_t; /* an ordered set of tasks, for collectives */
typedef struct weft_buf weft_buf_t;   /* a message of typed items */

/* --- enrolment -------------------------------------------------------------------------------- */

/* weft_init - become a task of the virtual machine.
 *
 * A program started by Weft is that task; any other enrols with the VM named by WEFT_VM (default
 * that of the batch job, else "default") and is a job of its own. Calling it again while enrolled does nothing. WEFT_EAGER_BYTES is the
 * length up to which a message is sent before it is asked for (65536), WEFT_SPIN_US how long a call that waits
 * polls before it sleeps (50; less when there are more tasks than cores).
 * Returns  0; WEFT_ENOVM (none is up), WEFT_EUNSUP (one of several copies that srun or the like started, which would
 *          each be alone; weft_last_error has the command that starts a team), WEFT_EVERSION, WEFT_EDENIED, WEFT_ENOMEM,
 *          WEFT_ENOSPC.
 */
WEFT_API int weft_init(void);

/* weft_fini - leave the VM. Unfinished requests are canceled; messages already sent still arrive.
 *
 * Returns  0; WEFT_ENOTINIT. weft_init may be called again later: it enrols as a new task.
 */
WEFT_API int weft_fini(void);

WEFT_API weft_tid_t weft_self(void);   /* own id; {0} when not enrolled */
WEFT_API weft_tid_t weft_parent(void); /* the task that spawned this one; {0}: none did */
WEFT_API int weft_rank(void);          /* rank in the own job; WEFT_ENOTINIT */
WEFT_API int weft_size(void);          /* tasks of the own job; WEFT_ENOTINIT */
WEFT_API int weft_node(void);          /* index of the own node; WEFT_ENOTINIT */

/* weft_set_name - give this task a name that ps and error lines show.
 *
 * Returns  0; WEFT_ETOOBIG (over WEFT_NAME_MAX bytes), WEFT_EINVAL, WEFT_ENOTINIT, WEFT_ENOVM.
 */
WEFT_API int weft_set_name(const char *name);

WEFT_API const char *weft_strerror(int code); /* static text, never NULL */
WEFT_API const char *weft_version(void);      /* of the library, "0.1.0" */

/* weft_last_error - why the last failing call of this thread failed, for people.
 *
 * Returns  a text that names host, task or program where it can; valid until the thread's next call.
 */
WEFT_API const char *weft_last_error(void);

/* weft_tid_text - "t20001"; writes at most size bytes with the NUL. Returns text. */
WEFT_API char *weft_tid_text(weft_tid_t tid, char *text, size_t size);
WEFT_API int weft_tid_equal(weft_tid_t a, weft_tid_t b); /* 1 or 0 */

/* --- the virtual machine ------------------------------------------------------------------------ */

/* weft_nodes - the nodes of the VM, by index.
 *
 * Shape    nodes[max]; *n is how many there are, also when more than max.
 * Returns  0; WEFT_ENOVM, WEFT_ENOTINIT.
 */
WEFT_API int weft_nodes(weft_node_t *nodes, int max, int *n);

/* weft_tasks - the tasks that run: of one job (0: all) on one node (0: all).
 *
 * Shape    tasks[max]; *n is how many there are, also when more than max.
 * Returns  0; WEFT_ENOVM, WEFT_ENOTINIT.
 */
WEFT_API int weft_tasks(uint32_t job, uint32_t node, weft_task_t *tasks, int max, int *n);

/* weft_add_node - take a machine into the VM, or with host NULL another node on the coordinator's machine.
 *
 * Returns  0 with its index in *node (may be NULL); WEFT_ENONODE (can't be reached), WEFT_ETIMEDOUT, WEFT_EVERSION.
 */
WEFT_API int weft_add_node(const char *host, uint32_t *node);

/* weft_remove_node - take a node out of the VM; its tasks are killed.
 *
 * Returns  0; WEFT_ENONODE, WEFT_EDENIED (the coordinator's own node).
 */
WEFT_API int weft_remove_node(uint32_t node);

/* --- spawn, signal, wait ------------------------------------------------------------------------ */

typedef struct {
	const char *host;       /* node name, "#2" for node 2; NULL: anywhere, free cores first */
	const char *wdir;       /* NULL: the caller's */
	const char *const *env; /* NAME=value … NULL, added to the caller's environment; may be NULL */
} weft_spawn_opts_t;

/* weft_spawn - start a program as a new job whose parent is the caller.
 *
 * Shape    argv[] ends with NULL and does not hold the program; NULL: no arguments. tids[count], errors[count]
 *          (either may be NULL): per task its id and 0, or {0} and the error.
 * Returns  the number of tasks that run; an error when not one does: WEFT_ENOFILE, WEFT_ENOEXEC, WEFT_ENONODE,
 *          WEFT_EINVAL (count < 1), WEFT_ETOOBIG (argv and the environment: 160 KiB), WEFT_ENOSPC, WEFT_ENOVM.
 * Context  returns when all have started or failed.
 */
WEFT_API int weft_spawn(const char *program, const char *const *argv, const weft_spawn_opts_t *opts, int count,
                        weft_tid_t *tids, int *errors);

/* weft_signal - send a signal to a task. Returns 0; WEFT_ENOTASK, WEFT_EINVAL. */
WEFT_API int weft_signal(weft_tid_t tid, int signo);

/* weft_kill - end a task at once (SIGKILL). Returns 0; WEFT_ENOTASK. */
WEFT_API int weft_kill(weft_tid_t tid);

/* weft_wait_exit - wait until a task has ended. Each asker gets a task's status once.
 *
 * Returns  0; WEFT_ETIMEDOUT, WEFT_ENOTASK (never was, or its status was taken already).
 * Context  with timeout_ms 0 the first call only asks; a later one finds the answer.
 */
WEFT_API int weft_wait_exit(weft_tid_t tid, weft_exit_t *how, int timeout_ms);

/* --- messages ----------------------------------------------------------------------------------- */

/* weft_send - send a message to one task.
 *
 * Shape    buf[nbytes]; nbytes 0..WEFT_MSG_MAX; tag >= 0. buf may be used again at once.
 * Returns  0; WEFT_ENOTASK (unknown or dead), WEFT_ENONODE (its node can't be reached from here, nor this one from there),
 *          WEFT_ETIMEDOUT (nothing was sent), WEFT_ETOOBIG, WEFT_EINVAL.
 * Order    messages from one task to another in one context arrive in the order sent.
 * Context  waits while the receiver is too far behind, and, with a long message, until it is received.
 */
WEFT_API int weft_send(weft_tid_t to, weft_context_t context, int32_t tag, const void *buf, size_t nbytes,
                       int timeout_ms);

/* weft_recv - receive a message: the oldest one that matches.
 *
 * Shape    buf[size]; a longer message is cut: WEFT_ETRUNC, the rest is lost. status may be NULL.
 *          from may be WEFT_ANY_TASK, tag WEFT_ANY_TAG.
 * Returns  0; WEFT_ETIMEDOUT (nothing was received), WEFT_ENOTASK (from is dead and nothing of it is left), WEFT_ETRUNC.
 * Context  a piece of the message that is under way when the time is over is waited for; what was received
 *          so far is left for the next call.
 */
WEFT_API int weft_recv(weft_tid_t from, weft_context_t context, int32_t tag, void *buf, size_t size,
                       weft_status_t *status, int timeout_ms);

/* weft_recv_alloc - the same for a message of unknown length.
 *
 * Owner    *buf is the caller's: weft_free.
 */
WEFT_API int weft_recv_alloc(weft_tid_t from, weft_context_t context, int32_t tag, void **buf,
                             weft_status_t *status, int timeout_ms);

/* weft_sendrecv - send and receive at the same time, without a deadlock.
 *
 * Returns  as weft_recv, or as weft_send when sending failed.
 */
WEFT_API int weft_sendrecv(weft_tid_t to, int32_t sendtag, const void *sendbuf, size_t sendbytes,
                           weft_tid_t from, int32_t recvtag, void *recvbuf, size_t recvsize,
                           weft_context_t context, weft_status_t *status, int timeout_ms);

/* weft_mcast - send one message to several tasks, oneself included if listed.
 *
 * Shape    to[n].
 * Returns  0; WEFT_ENOTASK when one is dead: the others have got it.
 */
WEFT_API int weft_mcast(const weft_tid_t *to, int n, weft_context_t context, int32_t tag, const void *buf,
                        size_t nbytes, int timeout_ms);

/* weft_isend, weft_irecv - begin; buf must stay until the request has ended.
 *
 * Returns  0 with the request in *r; errors as weft_send and weft_recv, WEFT_ENOMEM.
 */
WEFT_API int weft_isend(weft_tid_t to, weft_context_t context, int32_t tag, const void *buf, size_t nbytes,
                        weft_request_t *r);
WEFT_API int weft_irecv(weft_tid_t from, weft_context_t context, int32_t tag, void *buf, size_t size,
                        weft_request_t *r);

/* weft_test - has it ended? Then *r becomes WEFT_NO_REQUEST.
 *
 * Returns  0: ended well; WEFT_EAGAIN: not yet; else how it ended. WEFT_NO_REQUEST: 0. status may be NULL.
 */
WEFT_API int weft_test(weft_request_t *r, weft_status_t *status);

/* weft_wait - wait until it has ended; as weft_test, WEFT_ETIMEDOUT leaves it under way. */
WEFT_API int weft_wait(weft_request_t *r, weft_status_t *status, int timeout_ms);

/* weft_wait_any - wait until one has ended; its place in *index. WEFT_NO_REQUEST entries are passed over.
 *
 * Returns  how that one ended; WEFT_ETIMEDOUT; WEFT_EINVAL: there is none to wait for.
 */
WEFT_API int weft_wait_any(weft_request_t *r, int n, int *index, weft_status_t *status, int timeout_ms);

/* weft_wait_all - wait until all have ended.
 *
 * Shape    r[n]; statuses[n] or NULL, each with its own code.
 * Returns  0; the first failure's code when all have ended; WEFT_ETIMEDOUT: some are under way still.
 */
WEFT_API int weft_wait_all(weft_request_t *r, int n, weft_status_t *statuses, int timeout_ms);

/* weft_cancel - give up a request: it ends with WEFT_ECANCELED, unless it has ended or matched already.
 *
 * Returns  0; WEFT_EALREADY: too late, wait for it; WEFT_EINVAL, WEFT_ENOMEM. A canceled one still needs weft_wait
 *          or weft_test.
 */
WEFT_API int weft_cancel(weft_request_t r);

/* weft_probe - wait for a message that matches, without receiving it.
 *
 * Returns  0 with its source, tag and length in *status; WEFT_ETIMEDOUT; WEFT_ENOTASK.
 */
WEFT_API int weft_probe(weft_tid_t from, weft_context_t context, int32_t tag, weft_status_t *status, int timeout_ms);

/* weft_context_new - a context that no one else in the VM has; tell it to whom it concerns.
 *
 * Returns  0; WEFT_ENOVM, WEFT_ENOSPC, WEFT_ENOTINIT.
 */
WEFT_API int weft_context_new(weft_context_t *context);

/* weft_fd - a descriptor for poll(2) that is readable when weft_progress has something to do.
 *
 * Returns  the descriptor, the library's to close; WEFT_ENOTINIT.
 */
WEFT_API int weft_fd(void);

/* weft_progress - do what can be done without waiting, and rearm weft_fd. Returns 0. */
WEFT_API int weft_progress(void);

/* weft_alloc - memory for long messages.
 *
 * From 128 KiB on, in a task, it is shared: where a node has more tasks than cores, messages to tasks of that node that
 * lie in it and have at least that length are copied once instead of twice. WEFT_SHARE_BYTES is the length
 * from which on this is done on any node (0: never). All of it is there at once, and it costs a descriptor; a
 * child of fork shares it with its parent. Shorter memory, what is more than 32 buffers or than a quarter of the free
 * memory, is ordinary.
 *
 * Owner    the caller's, until weft_free, also after weft_fini. Page-aligned. NULL when there is none.
 */
WEFT_API void *weft_alloc(size_t nbytes);
WEFT_API void weft_free(void *p); /* also what weft_recv_alloc returned; NULL is fine */

/* --- typed buffers ------------------------------------------------------------------------------- */

/* weft_buf_create - an empty buffer. Items are packed at its end and unpacked from its front; each carries
 * its type, so that unpacking checks it and a machine of another byte order reads it right. */
WEFT_API int weft_buf_create(weft_buf_t **buf);
WEFT_API void weft_buf_destroy(weft_buf_t **buf);    /* *buf becomes NULL */
WEFT_API int weft_buf_reset(weft_buf_t *buf);        /* empty again */
WEFT_API int weft_buf_rewind(weft_buf_t *buf);       /* unpack from the front again */
WEFT_API size_t weft_buf_size(const weft_buf_t *buf); /* bytes that a message of it has */

/* weft_pack - append count values, taken every stride-th (1: one after the other).
 *
 * Shape    values[(count - 1) * stride + 1].
 * Returns  0; WEFT_EINVAL (type, count < 0, stride < 1), WEFT_ENOMEM, WEFT_ETOOBIG. Nothing was packed on failure.
 */
WEFT_API int weft_pack(weft_buf_t *buf, weft_type_t type, const void *values, int64_t count, int64_t stride);

/* weft_unpack - take the next count values out, which must be of this type; a part of a packed run may be taken.
 *
 * Returns  0; WEFT_ETYPE (the next item is of another type), WEFT_EEND (fewer are left), WEFT_EINVAL, WEFT_EPROTO.
 *          Nothing was taken on failure.
 */
WEFT_API int weft_unpack(weft_buf_t *buf, weft_type_t type, void *values, int64_t count, int64_t stride);

/* weft_pack_string, weft_unpack_string - a text with its length.
 *
 * Shape    text[size]; the text and a NUL must fit.
 * Returns  as weft_unpack; WEFT_ETRUNC when it does not fit: nothing was taken, its length is in *len (may be NULL).
 */
WEFT_API int weft_pack_string(weft_buf_t *buf, const char *text);
WEFT_API int weft_unpack_string(weft_buf_t *buf, char *text, size_t size, size_t *len);

/* weft_buf_next - type and count of what comes next; a text has WEFT_BYTE's place 0 and its length.
 *
 * Returns  0; WEFT_EEND.
 */
WEFT_API int weft_buf_next(const weft_buf_t *buf, int *type, int64_t *count);

/* Messages made of buffers; as weft_send, weft_mcast and weft_recv. Receiving replaces what the buffer held. */
WEFT_API int weft_buf_send(const weft_buf_t *buf, weft_tid_t to, weft_context_t context, int32_t tag, int timeout_ms);
WEFT_API int weft_buf_mcast(const weft_buf_t *buf, const weft_tid_t *to, int n, weft_context_t context, int32_t tag,
                            int timeout_ms);
WEFT_API int weft_buf_recv(weft_buf_t *buf, weft_tid_t from, weft_context_t context, int32_t tag,
                           weft_status_t *status, int timeout_ms);

/* --- teams and collectives ----------------------------------------------------------------------- */

/* weft_team_job - the team of the own job; not to be freed. NULL when not enrolled. */
WEFT_API weft_team_t *weft_team_job(void);

/* weft_team_split - teams of those that gave the same color, ordered by key, then by old rank. Collective.
 *
 * Returns  0; color < 0 gives *out = NULL: in no team. Errors as of collectives, WEFT_ENOMEM.
 */
WEFT_API int weft_team_split(weft_team_t *team, int color, int key, weft_team_t **out);

/* weft_team_create - a team of the listed tasks, the caller among them; all of them call it with the same list
 * and the same context. */
WEFT_API int weft_team_create(const weft_tid_t *tids, int n, weft_context_t context, weft_team_t **out);
WEFT_API void weft_team_free(weft_team_t **team); /* *team becomes NULL */
WEFT_API int weft_team_rank(const weft_team_t *team);
WEFT_API int weft_team_size(const weft_team_t *team);
WEFT_API weft_tid_t weft_team_tid(const weft_team_t *team, int rank); /* {0}: no such rank */

/* Collectives: every task of the team calls the same one in the same order, with equal counts and types.
 * count is the number of values that one task contributes; root is a rank. In gather, scatter, allgather and
 * alltoall the gathered side holds size × count values in rank order. send may be NULL for "in place":
 * what recv holds at the own place (reduce: at the root; scan, allreduce: everywhere) is the contribution.
 * The machines of a team must have one byte order; between others, send typed buffers (weft_pack).
 *
 * Returns  0; WEFT_EINVAL, WEFT_ENOTASK (a member is dead), WEFT_ENOMEM, WEFT_ETRUNC (counts differ).
 */
WEFT_API int weft_barrier(weft_team_t *team);
WEFT_API int weft_bcast(weft_team_t *team, void *values, int64_t count, weft_type_t type, int root);
WEFT_API int weft_reduce(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type,
                         weft_op_t op, int root);
WEFT_API int weft_allreduce(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type,
                            weft_op_t op);
WEFT_API int weft_gather(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, int root);
WEFT_API int weft_scatter(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, int root);
WEFT_API int weft_allgather(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type);
WEFT_API int weft_alltoall(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type);
WEFT_API int weft_scan(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type,
                       weft_op_t op); /* inclusive */

/* --- groups --------------------------------------------------------------------------------------- */

/* weft_group_join - join a named group, which the first one makes.
 *
 * Returns  the instance number, the smallest that is free; WEFT_EALREADY, WEFT_ETOOBIG, WEFT_ENOVM.
 */
WEFT_API int weft_group_join(const char *group);
WEFT_API int weft_group_leave(const char *group);                             /* WEFT_ENOGROUP, WEFT_ENOTMEMBER */
WEFT_API int weft_group_size(const char *group);                              /* members; WEFT_ENOGROUP */
WEFT_API int weft_group_member(const char *group, int instance, weft_tid_t *tid); /* WEFT_ENOGROUP, WEFT_ENOTMEMBER */
WEFT_API int weft_group_instance(const char *group, weft_tid_t tid);          /* WEFT_ENOGROUP, WEFT_ENOTMEMBER */

/* weft_group_barrier - wait until count members (0: all of now) have called it.
 *
 * Returns  0; WEFT_ENOTMEMBER, WEFT_ENOGROUP, WEFT_ETIMEDOUT, WEFT_EINVAL (counts differ),
 *          WEFT_ENOTASK (a member that was waited for has died).
 */
WEFT_API int weft_group_barrier(const char *group, int count, int timeout_ms);

/* --- notify ---------------------------------------------------------------------------------------- */

typedef enum {
	WEFT_NOTIFY_EXIT = 1,  /* a task has ended */
	WEFT_NOTIFY_LOST = 2,  /* a node has left or is lost */
	WEFT_NOTIFY_ADDED = 3, /* a node has been added */
	WEFT_NOTIFY_CANCEL = 256 /* or-ed: take it back */
} weft_notify_t;

/* What a notification's message holds. It comes from the task that ended, else from oneself. */
typedef struct {
	int32_t what; /* weft_notify_t */
	uint32_t node;
	weft_exit_t how; /* WEFT_NOTIFY_EXIT: of the task */
} weft_notice_t;

/* weft_notify - ask for a message (context, tag) when something happens; what has happened already comes at once.
 * A task's notice comes after its last message.
 *
 * Shape    EXIT: ids are tids (their v); LOST: node indexes; ids[n]. ADDED: ids NULL, n additions to tell, -1 all.
 * Returns  0; WEFT_EINVAL, WEFT_ENOVM.
 */
WEFT_API int weft_notify(int what, weft_context_t context, int32_t tag, const uint64_t *ids, int n);

/* --- names ----------------------------------------------------------------------------------------- */

/* weft_name_put - store a value under a name, for the whole VM, until it is deleted.
 *
 * Shape    value[nbytes], at most WEFT_VALUE_MAX; name 1..255 bytes.
 * Returns  0; WEFT_EEXIST (and replace is 0), WEFT_ETOOBIG, WEFT_ENOVM.
 */
WEFT_API int weft_name_put(const char *name, const void *value, size_t nbytes, int replace);

/* weft_name_get - read it; weft_name_wait - wait until it is there.
 *
 * Shape    value[size]; its length in *nbytes (may be NULL).
 * Returns  0; WEFT_ENOENT, WEFT_ETRUNC (nothing was written, *nbytes was), WEFT_ETIMEDOUT.
 */
WEFT_API int weft_name_get(const char *name, void *value, size_t size, size_t *nbytes);
WEFT_API int weft_name_wait(const char *name, void *value, size_t size, size_t *nbytes, int timeout_ms);
WEFT_API int weft_name_delete(const char *name); /* WEFT_ENOENT */

#ifdef __cplusplus
}
#endif
#endif
