/* pvm.h - what the files of libpvm3 share: the process' PVM state, its buffers, its messages.
 *
 * task.c (enrolment, who is who), options.c, error.c, buffer.c (buffer ids), pack.c and packf.c,
 * send.c, recv.c, notify.c, machine.c, spawn.c and mailbox.c (questions to the VM). A PVM program
 * calls from one thread at a time, as PVM's own library demands.
 */
#ifndef WEFT_PVM_PVM_H
#define WEFT_PVM_PVM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "bindings/pvm/exported.h"
#include "task/engine.h"

static inline uint64_t weft__clock_ms(void)
{
	return weft__clock_ns() / 1000000;
}

/* --- errors ----------------------------------------------------------------------------------- */

int weft__pvm_code(int weft_code);           /* PVM's word for one of our errors */
int weft__pvm_silent(int code);              /* as lpvmerr where PVM's library says nothing, whatever PvmAutoErr is */

/* --- the task --------------------------------------------------------------------------------- */

struct weft__pvm {
	struct weft__engine *e; /* NULL: not enrolled */
	int tid;
	int sbuf, rbuf; /* current buffers, 0: none */
	int autoerr, route, resvtids, showtids, fragsize, debugmask;
	int noreset;
	int code; /* of the last call that failed */
	int (*match)(int bufid, int tid, int tag); /* pvm_recvf; NULL: the usual one */
	int nhandlers;
};
extern struct weft__pvm weft__pvm;

/* What a spawned task has of its parent in its environment, beside contexts. */
#define WEFT__PVM_TARGETS "WEFT_PVM_TARGETS" /* where output and traces go */
#define WEFT__PVM_PARENT "WEFT_PVM_PARENT" /* its tid, when a resource manager has spawned the task for another one */
struct weft__bequest {
	char targets[128], mask[64], buffer[32], options[32];
};
void weft__pvm_inherit(void);
void weft__pvm_bequeath(const struct Pvmtracer *t, struct weft__bequest *b);

/* Enrols if need be; 0 or an error of PVM's. */
int weft__pvm_enrol(void);
bool weft__pvm_is_task(int tid);
bool weft__pvm_is_host(int tid); /* a host's tid */
int weft__pvm_host_of(uint32_t node);
uint32_t weft__pvm_node_of(int tid); /* of a task's or a host's tid */

/* Where messages come from that no task has sent: a daemon, whichever. */
#define WEFT__PVM_DAEMON INT32_MIN

/* A slot is all that PVM knows of a tid: learn notes the whole, find looks it up, in the VM too. */
void weft__pvm_learn(weft_tid_t tid);
weft_tid_t weft__pvm_find(int tid);    /* {0}: there is no such task */
weft_tid_t weft__pvm_refind(int tid);  /* the slot has a new owner, or {0} */

/* Who a message came from, for the user. */
int weft__pvm_slot(weft_tid_t tid);

/* All tasks of a node (0: all nodes); *tasks is to be weft__free'd. 0 or an error of PVM's. */
int weft__pvm_list_tasks(uint32_t node, weft_task_t **tasks, int *n);
int weft__pvm_list_nodes(weft_node_t **nodes, int *n);

/* --- buffers ---------------------------------------------------------------------------------- */

enum { WEFT__PVM_DSIG = 0x408c41 }; /* PVM's signature of machines like this */
enum { WEFT__PVM_RESERVED_AT = 12 }; /* in the header: 1 when the tag is one of PVM's own */
enum { WEFT__PVM_TRACES_AT = 13 }; /* and 1 in the first message of a task's traces */
enum { WEFT__PVM_HEADER = 16 }; /* bytes before a message's body */

/* A message's bytes, header included; messages under way hold it, too. */
struct weft__pvm_blob {
	unsigned refs;
	unsigned char *bytes;
	size_t size, room;
	struct weft__slice *slices; /* where its bytes still are, for the send that comes now; NULL: in `bytes` */
};

/* Memory for a message's bytes. What weft__pvm_bytes_free gets may serve the next ones: the kernel takes much longer to
 * give fresh pages than we to fill them. weft__free takes it, too. */
void *weft__pvm_bytes_alloc(size_t nbytes);
void weft__pvm_bytes_free(void *bytes, size_t room);

/* memcpy. For what is longer than a second-level cache the C library's does not move strings: a fifth to a half slower. */
enum { WEFT__PVM_COPY_LONG = 512 << 10 };
void weft__pvm_copy_long(void *to, const void *from, size_t nbytes);

static inline void weft__pvm_copy(void *to, const void *from, size_t nbytes)
{
	if (nbytes < WEFT__PVM_COPY_LONG)
		memcpy(to, from, nbytes);
	else
		weft__pvm_copy_long(to, from, nbytes);
}

struct weft__pvm_piece { /* of a message that is left in place */
	const unsigned char *p;
	int count;
	ptrdiff_t stride_bytes;
	size_t item_bytes;
};

struct weft__pvm_buf {
	struct weft__pvm_blob *blob;
	struct weft__pvm_piece *pieces;
	size_t npieces, pieces_bytes;
	size_t at; /* unpacked so far, from the blob's start */
	int encoding;
	bool packs; /* something was packed since it came, or since something was unpacked */
	bool reserved; /* as it came: its tag is below 0 */
	bool is_event; /* PvmDataTrace: of the program's own, each value behind what it is */
	bool swap; /* its numbers have another byte order than this machine's */
	int tag, src, dst, context, wid, crc;
};

struct weft__pvm_buf *weft__pvm_buf(int bufid); /* NULL: there is none */
int weft__pvm_buf_new(int encoding, struct weft__pvm_buf **b); /* its id, or an error */
void weft__pvm_buf_drop(int bufid);
size_t weft__pvm_buf_bytes(const struct weft__pvm_buf *b); /* of the body */

/* The whole message as it travels; the caller lets go with weft__pvm_blob_drop. NULL: no memory. */
struct weft__pvm_blob *weft__pvm_buf_seal(struct weft__pvm_buf *b);
/* The same for a single send, which takes large pieces from where they lie. */
struct weft__pvm_blob *weft__pvm_buf_lend(struct weft__pvm_buf *b);
void weft__pvm_blob_drop(struct weft__pvm_blob *blob);
/* size more bytes at the body's end, to be filled; NULL: no memory. */
unsigned char *weft__pvm_buf_extend(struct weft__pvm_buf *b, size_t size);
/* Takes *bytes (weft__malloc'd), a message as it travelled. The new buffer's id, or an error. */
int weft__pvm_buf_adopt(void **bytes, size_t nbytes, struct weft__pvm_buf **b);

/* Size of an item in memory; 0: no such type, or strings. */
size_t weft__pvm_type_size(int type);

/* Append count items, or take them out; 0 or an error of PVM's. */
int weft__pvm_pack(struct weft__pvm_buf *b, int type, const void *p, int count, int stride);
int weft__pvm_unpack(struct weft__pvm_buf *b, int type, void *p, int count, int stride);

/* An event of the program's own: its head, after which what is packed has its type before it. */
int weft__pvm_event_begin(struct weft__pvm_buf *b);

/* A text, with its length before it. */
int weft__pvm_pack_text(struct weft__pvm_buf *b, const char *text);
int weft__pvm_unpack_text(struct weft__pvm_buf *b, char *text);

/* --- messages --------------------------------------------------------------------------------- */

/* Sends go on by themselves; this waits until the receivers have them or are dead. */
void weft__pvm_sends_finish(int timeout_ms);
void weft__pvm_sends_reap(void);

/* A buffer's message to one task; 0 also when it is dead. */
int weft__pvm_send_blob(int tid, int context, int tag, struct weft__pvm_blob *blob);

/* Puts a message into the queue of received ones, as if it had come just now. */
int weft__pvm_deliver(int bufid);

/* The received message becomes the current one, in place of the last. bufid. */
int weft__pvm_become_current(int bufid);

/* Whether a reset of the machine spares this task. */
int weft__pvm_spare(bool spare);

/* Output of other tasks that comes as messages of the engine's: PVM's message of it, or, when this task catches
 * output, a line where it wants it. False: it is no such message. */
bool weft__pvm_output(const void *bytes, size_t nbytes, const weft_status_t *status, int context, int *bufid);
bool weft__pvm_is_catching(void);

/* What PVM's tools take for the group server, after they have asked for it; 0 before. */
int weft__pvm_group_server(void);
int weft__pvm_tell_group_server(int tag);

/* Under the name of a service there is who it is: the buffer's message, which is dropped. */
int weft__pvm_register(const char *service, int bufid);
int weft__pvm_tid_message(void); /* a new buffer, or an error */

/* Something that daemons do, and that a task may do in their place. Static, place -1. */
struct weft__pvm_service {
	const char *name; /* of its mailbox */
	int (*change)(struct weft__engine *e, bool on, weft_context_t context, int32_t tag);
	int32_t tag; /* of what it is asked */
	int tid, place; /* who it was last, and where in the mailbox; -1: it is not in there */
};
int weft__pvm_serve(struct weft__pvm_service *s); /* from now on, or no longer */

/* An order to start a daemon, when this task is the hoster: PVM's message of it. */
bool weft__pvm_host_order(const void *bytes, size_t nbytes, int *bufid);
int weft__hosts_started(struct weft__pvm_buf *b); /* what it answers */

/* An order of the node's to start a task, when this one is its tasker: PVM's message of it. */
bool weft__pvm_start_order(const void *bytes, size_t nbytes, int context, int *bufid);
int weft__pvm_tell_daemon(struct weft__pvm_buf *b, int host, int tag); /* what a service sends to a daemon */
enum { WEFT__PVM_CATCH_CONTEXT = 0x7ffff, WEFT__PVM_TC_OUTPUT = (int)0x80030005 };
void weft__pvm_spawned(const weft_tid_t *tids, int n); /* whose output this task may get */
void weft__pvm_catch_all(void); /* until all of them have ended */
int weft__pvm_catch_some(int timeout_ms); /* what is there, or comes within that time. 0 or an error */
void weft__pvm_output_fini(void);

void weft__pvm_recv_fini(void);

/* --- traces ----------------------------------------------------------------------------------- */

/* A record: begin, its fields, end. begin is false when nobody wants it: then nothing more is to be done. event has
 * TEV_EVENT_ENTRY or _EXIT. */
bool weft__trace_begin(int event);
void weft__trace_int(int field, int value);
void weft__trace_ints(int field, const int *values, int n);
void weft__trace_text(int field, const char *text);
void weft__trace_texts(int field, char *const *texts, int n);
void weft__trace_address(int field, const void *p);
void weft__trace_end(void);

static inline bool weft__trace_is_on(void)
{
	return pvmtrc.trctid > 0;
}

void weft__trace_target(void); /* where traces go, or which, has changed */
void weft__trace_registered(struct Pvmtracer *t); /* as the registered tracer wants it, if there is one */
void weft__trace_begins(void); /* the task */
void weft__trace_spawned(const struct Pvmtracer *t, const int *tids, int n);
void weft__trace_exit(void); /* the task leaves: the last records */

/* In the task that they are for (traced.c): a task's first message came; a notice is of its end: PVM's message of it. */
void weft__traced_begins(weft_tid_t who, int context, int tag, bool reserved);
bool weft__traced_notice(const weft_notice_t *notice, int tag, int context, int *bufid);
void weft__traced_fini(void);

/* If the message is a notice of the engine's, makes PVM's of it. */
bool weft__pvm_notice(const void *bytes, size_t nbytes, const weft_status_t *status, int context,
                      int *bufid);
/* As wait(2) has it; 0 when nobody knows, as of a process that goes on. */
static inline int weft__pvm_wait_status(const weft_exit_t *how)
{
	return how->signo ? how->signo : how->code < 0 ? 0 : (how->code & 0xff) << 8;
}

void weft__pvm_notify_fini(void);

/* A message goes there directly (PvmRouteDirect): a new route, if it is the first. */
void weft__pvm_route(int tid);

#endif
