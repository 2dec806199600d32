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

#include "base/clock.h"
#include "bindings/pvm/exported.h"
#include "task/engine.h"

static inline uint64_t weft__clock_ms(void)
{
	return weft__clock_ns() / 1000000;
}

/* --- errors ----------------------------------------------------------------------------------- */

int weft__pvm_code(int weft_code);           /* PVM's word for one of our errors */

/* --- the task --------------------------------------------------------------------------------- */

struct weft__pvm {
	struct weft__engine *e; /* NULL: not enrolled */
	int tid;
	int sbuf, rbuf; /* current buffers, 0: none */
	int autoerr, route, resvtids, showtids, fragsize, debugmask;
	int polltype, polltime, noreset;
	int code; /* of the last call that failed */
	int (*match)(int bufid, int tid, int tag); /* pvm_recvf; NULL: the usual one */
	int nhandlers;
};
extern struct weft__pvm weft__pvm;

/* Enrols if need be; 0 or an error of PVM's. */
int weft__pvm_enrol(void);
bool weft__pvm_is_task(int tid);
bool weft__pvm_is_host(int tid); /* a daemon's tid */
int weft__pvm_host_of(uint32_t node);
uint32_t weft__pvm_node_of(int tid); /* of a task's or a daemon's tid */

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
enum { WEFT__PVM_HEADER = 16 }; /* bytes before a message's body */

/* A message's bytes, header included; messages under way hold it, too. */
struct weft__pvm_blob {
	unsigned refs;
	unsigned char *bytes;
	size_t size, room;
};

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
	int tag, src, dst, context, wid, crc;
};

struct weft__pvm_buf *weft__pvm_buf(int bufid); /* NULL: there is none */
int weft__pvm_buf_new(int encoding, struct weft__pvm_buf **b); /* its id, or an error */
void weft__pvm_buf_drop(int bufid);
void weft__pvm_bufs_fini(void);
size_t weft__pvm_buf_bytes(const struct weft__pvm_buf *b); /* of the body */

/* The whole message as it travels; the caller lets go with weft__pvm_blob_drop. NULL: no memory. */
struct weft__pvm_blob *weft__pvm_buf_seal(struct weft__pvm_buf *b);
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

/* --- messages --------------------------------------------------------------------------------- */

/* Sends go on by themselves; this waits until the receivers have them or are dead. */
void weft__pvm_sends_finish(int timeout_ms);
void weft__pvm_sends_reap(void);

/* A buffer's message to one task; 0 also when it is dead. */
int weft__pvm_send_blob(int tid, int tag, struct weft__pvm_blob *blob);

/* Puts a message into the queue of received ones, as if it had come just now. */
int weft__pvm_deliver(int bufid);

/* The received message becomes the current one, in place of the last. bufid. */
int weft__pvm_become_current(int bufid);

/* Whether a reset of the machine spares this task. */
int weft__pvm_spare(bool spare);

void weft__pvm_recv_fini(void);

/* If the message is a notice of the engine's, makes PVM's of it. */
bool weft__pvm_notice(const void *bytes, size_t nbytes, const weft_status_t *status, int context,
                      int *bufid);
void weft__pvm_notify_fini(void);

#endif
