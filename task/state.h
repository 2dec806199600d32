/* state.h - the engine's inside, for the files of this room alone.
 *
 * Everything here is touched with the engine's lock held (lock.c), save what says otherwise.
 */
#ifndef WEFT_TASK_STATE_H
#define WEFT_TASK_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "proto/output.h"
#include "proto/proto.h"
#include "proto/session.h"
#include "task/engine.h"
#include "task/match.h"
#include "transport/transport.h"

/* --- on the wire ------------------------------------------------------------------------------ */

/* What a message between two engines is: weft__hdr.kind. */
enum weft__kind {
	WEFT__EAGER = 1, /* a whole message */
	WEFT__RTS,       /* id, total: a long message wants to come */
	WEFT__CTS,       /* id as in the RTS: send `total` bytes of it, beyond those of a HEAD */
	WEFT__DATA,      /* id as in the RTS: a piece, `total` is its place */
	WEFT__CREDIT,    /* `total` bytes of messages have been received */
	WEFT__CANCEL,    /* id as in the RTS: I take it back, whatever of it is there */
	WEFT__HEAD,      /* an RTS with the first bytes of it */
};

/* What a kept message costs of a sender's credit beyond its bytes. */
enum { WEFT__MESSAGE_COST = 256 };

/* An RTS may say where the bytes are (share.c): its payload. Both are on one node. */
struct weft__place {
	uint32_t region, slot; /* of the sender's regions, of its ledger for the receiver */
	uint64_t offset;
};

struct weft__request;

/* Something that waits for its turn on a peer's channel. */
struct weft__out {
	struct weft__list link;
	struct weft__hdr hdr;
	const void *payload;
	size_t taken;                  /* bytes of the payload that the channel has */
	struct weft__request *request; /* whose it is; NULL: the peer's own */
};

/* --- messages that came and are kept ---------------------------------------------------------- */

enum weft__message_state {
	WEFT__WHOLE,    /* all bytes are here */
	WEFT__ARRIVING, /* they are being written */
	WEFT__OFFERED,  /* a rendezvous: they are with the sender, but for `have` of them */
};

struct weft__message {
	struct weft__kept kept;
	enum weft__message_state state;
	struct weft__peer *peer;       /* NULL: the own task, or one that has ended */
	struct weft__request *claimed; /* ARRIVING: the receive that will have it; not kept then */
	size_t room;                   /* at `bytes` */
	size_t nbytes;                 /* of the message */
	size_t have; /* of them here, or to come: fewer when a short receive was given up */
	size_t cost; /* of the sender's credit */
	uint64_t id; /* OFFERED: the sender's number for it */
	bool head;   /* ARRIVING: OFFERED when it is here */
	bool placed; /* OFFERED: its bytes are at `place` */
	struct weft__place place;
	uint8_t bytes[];
};

/* Memory for messages to come, by weft__message.kept.all. */
enum {
	WEFT__STOCK_MIN = 32,      /* room in the smallest class */
	WEFT__STOCK_NCLASSES = 13, /* ... and 128 KiB in the largest */
	WEFT__STOCK_MAX = 5 << 20, /* bytes, in all */
};

struct weft__stock {
	struct weft__list classes[WEFT__STOCK_NCLASSES];
	size_t nbytes;
};

/* --- requests --------------------------------------------------------------------------------- */

enum weft__request_state {
	WEFT__FREE,
	WEFT__QUEUED,    /* send: waits for its turn, or is under way on the channel (EAGER, RTS, HEAD) */
	WEFT__AWAITING,  /* send: the RTS or HEAD is out, the CTS is not here */
	WEFT__STREAMING, /* send: DATA is queued or under way */
	WEFT__TELLING,   /* an orphan that holds a CANCEL */
	WEFT__POSTED,    /* receive: nothing has matched */
	WEFT__FILLING,   /* receive: a message is being written into its buffer, or will be copied
	                    from `message` */
	WEFT__PULLING,   /* receive: a rendezvous' DATA comes */
	WEFT__ENDED,     /* status.code tells how */
};

struct weft__request {
	struct weft__list link; /* of the peer's `sends` or `pulls` */
	struct weft__request *next_free;
	enum weft__request_state state;
	bool orphan; /* nobody will ask for it: freed when it ends */
	weft__alloc_fn *alloc; /* receive: allocates the buffer when the length is known; NULL: there is one */
	bool placed; /* send: it is on offer at `place`, and nobody has asked for its bytes */
	bool hurry;  /* receive: its time is over, it waits for the end of a piece */
	bool granted; /* send: the CTS is here, but the HEAD is not all out */
	uint32_t index, generation;
	struct weft__peer *peer; /* send, and a receive under way; NULL: the own task, or ended */
	struct weft__posted posted;
	struct weft__out out;
	struct weft__message *message; /* FILLING: claimed; PULLING: an orphan fills it */
	const void *data;              /* send: the caller's bytes */
	void *buf;                     /* receive: the caller's room */
	size_t size;                   /* send: of data; receive: of buf */
	const struct weft__slice *slices; /* send: the first `lent` bytes lie there, lend.c */
	size_t lent;                      /* 0 but in that call */
	size_t wanted;                 /* a rendezvous: bytes that go over */
	size_t moved;                  /* of them, so far */
	uint64_t id;                   /* PULLING: the sender's number */
	uint64_t order;                /* PULLING: the message's place among those that came */
	struct weft__place place;
	weft_status_t status;
};

enum { WEFT__REQUEST_CHUNK = 64 };

struct weft__request_table {
	struct weft__request **chunks;
	uint32_t nchunks;
	struct weft__request *free; /* by next_free, the last one that was freed first */
};

/* --- peers ------------------------------------------------------------------------------------ */

enum weft__peer_state {
	WEFT__STRANGER,   /* no channel was asked for */
	WEFT__CONNECTING, /* CONNECT is out */
	WEFT__OPEN,       /* there is a channel */
	WEFT__DEAD,       /* for ever */
};

struct weft__peer {
	weft_tid_t tid;
	enum weft__peer_state state;
	struct weft__engine *engine;
	struct weft__channel *channel; /* OPEN */
	uint32_t active;               /* OPEN: place in engine->active */
	int error;                     /* the sink found bad bytes: to be closed after the poll */
	bool deaf;    /* the channel takes no more, but may still have something for us */
	bool blocked; /* the channel said EAGAIN */
	bool doomed;  /* CONNECTING: it has ended, but what it sent may be on its way */
	bool gone;    /* OPEN: the task has ended: drain, then DEAD */
	bool lost;    /* ... with its node: no end of stream will come */
	uint64_t quiet_since_ns; /* gone: nothing has come since */
	short events;            /* what the epoll set has for its descriptor */
	int fd;                  /* that descriptor, -1: not in the set */

	struct weft__sink sink;
	struct weft__list ready;    /* in engine->ready: something may be offered */
	struct weft__out *current;  /* half taken: first of all */
	struct weft__out limbo;     /* current, when its owner gave it up */
	void *limbo_copy;           /* ... with its payload */
	struct weft__list control;  /* CTS, CREDIT, CANCEL */
	struct weft__list messages; /* EAGER, RTS, HEAD: in the order of the sends, as the credit goes */
	struct weft__list streams;  /* DATA */
	bool stream_turn;           /* messages and streams take turns */
	struct weft__list sends;    /* rendezvous after their RTS, by request.link */
	struct weft__list pulls;    /* receives that DATA comes for, by request.link */
	uint64_t credit_used;       /* of ours, there */
	uint64_t held, owed;        /* of its, here: in all; of these received and not yet told */
	struct weft__out credit;    /* the CREDIT message */
	bool credit_queued;

	/* Between the sink's begin and end: where the bytes go. */
	struct weft__message *arriving;
	struct weft__request *filling;

	/* Exit notices for after the last message, by weft__message.kept.all. */
	struct weft__list notices;

	struct weft__share *share; /* buffers that one lets the other read; NULL: none */
};

/* --- questions -------------------------------------------------------------------------------- */

struct weft__ask {
	struct weft__list link;
	uint64_t req;
	struct weft__buf frames;
	bool done;
	int code;
	uint64_t value;
	/* Takes an answer; true: it was the last one. Sets code. */
	bool (*answer)(struct weft__ask *ask, const struct weft__msg *m);
	void *arg;
	struct weft_error detail;
};

struct weft__control {
	int fd;                  /* -1: no daemon, or it is gone */
	struct weft__buf outbox; /* frames that the socket did not take */
	struct weft__list asks;
	uint64_t req_next;
	struct weft__arena arena;
	uint8_t *packet; /* [WEFT__FRAME_HEADER + WEFT__FRAME_MAX + 1] */
	uint32_t epoll_events;
	bool cut; /* descriptors of the last packet were lost */

	struct weft__session session; /* with the coordinator, whatever daemon is between */
	bool resuming;                /* it has not said yet how much of that has come to it */
	uint64_t client, pass;        /* who we are to another daemon of the node */
	char *nodedir;                /* where the daemon listens, if we came to it there; NULL: the task VM has our socket */
};

enum { WEFT__TRIM_MS = 100 };

/* Peers that are found without a search: with many more of them most still are. */
enum { WEFT__RECENT_PEERS = 64 };

/* --- the engine ------------------------------------------------------------------------------- */

struct weft__engine {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool locked;          /* the mutex is held: it was not skipped */
	atomic_uint nwanting; /* threads that wait for the mutex (without it) */
	unsigned nwaiters;    /* threads that wait for `changed` */
	bool polling;         /* a thread is in charge of progress */
	bool asleep;          /* ... and in epoll_wait, without the lock */
	bool rung;            /* ... and was woken already */
	uint64_t npushed;     /* times that a channel took something out of a queue */
	uint64_t nchanges;    /* requests ended, messages kept, answers, peers that died */
	const void *awaited;  /* what the polling thread's condition is about, as a rule a request */
	bool sated;           /* it has ended: what else came may stay in the channel */
	uint64_t due;         /* nchanges at which the call that polls lacks one message; less: it lacks more */
	uint32_t leisure_ns;  /* how long the next one may wait therefore */
	struct weft__direct *direct; /* the receive of direct.c that is under way */
	unsigned direct_rounds;      /* of all these, so far */

	weft_tid_t self, parent;
	uint32_t job, rank, size, nlocal, ncores, node;
	weft_tid_t *tids;
	uint32_t ntids; /* known so far */
	bool welcome;   /* by the node */
	int refused;    /* or why not */
	bool crowded;   /* more tasks than cores on the node */

	struct weft__settings settings;
	uint64_t spin_ns; /* adapts below settings.spin_ns */
	struct weft__match match;
	struct weft__stock stock;
	struct weft__request_table requests;
	struct weft__map peers; /* tid -> weft__peer */
	struct weft__peer *recent[WEFT__RECENT_PEERS]; /* of `peers`, by weft__peer_place */
	struct weft__peer **active;
	uint32_t nactive, nactive_max;
	uint32_t ndraining;      /* OPEN peers that are gone */
	bool spare;              /* a channel has memory that only traffic needs */
	int trim_ms;             /* after so long a sleep it is given back: from WEFT__TRIM_MS on */
	bool unwatched;          /* the epoll set lacks a descriptor: look at it now and then */
	struct weft__list ready; /* peers to push, by weft__peer.ready */
	struct weft__control control;
	struct weft__list exits;   /* WAITs that are out, vm.c */
	struct weft__list halls;   /* that came and are not looked for yet, coll_hall.c */
	uint32_t nhalls;           /* made here so far */
	struct weft__list pages;   /* of groups, meeting.c */
	struct weft__map expected; /* tid -> exit notices that will come, notice.c */
	struct weft__map writers;  /* tid -> tasks whose output comes here, output.c */
	struct weft__output_counts outputs;
	struct weft__service {     /* it does a daemon's work, and is asked with this tag */
		bool on;
		uint32_t context;
		int32_t tag;
	} tasker, hoster; /* tasker.c, hoster.c */
	struct weft__asking { /* of what is handed over, complete.c */
		unsigned vain, skip; /* times that nobody asked; times that are not to be tried */
	} asking, asking_new; /* the latter where there was no channel before */
	uint64_t born; /* the tid that we were started with, 0: none */
	unsigned control_countdown;
	uint64_t control_at_ns;

	int doorbell;
	int epoll;
	bool fd_given; /* weft__fd was called: keep it armed between calls */
	struct weft__job_team job_team;
};

/* --- lock.c ----------------------------------------------------------------------------------- */
/* weft__lock, weft__unlock and weft__changed: quick.h. */
void weft__lock_mutex(struct weft__engine *e);
void weft__unlock_mutex(struct weft__engine *e);
void weft__tell_changed(struct weft__engine *e);
void weft__yield(struct weft__engine *e); /* let others have the lock, if they want it */
void weft__rouse(struct weft__engine *e); /* a sleeper must look at the channels again */

/* --- request.c -------------------------------------------------------------------------------- */
/* Making and finding them: quick.h. */
bool weft__requests_grow(struct weft__engine *e);
void weft__request_end(struct weft__engine *e, struct weft__request *r, int code);
void weft__requests_cancel(struct weft__engine *e); /* all that can be */
void weft__requests_fini(struct weft__engine *e);

/* --- peer.c: other tasks ---------------------------------------------------------------------- */
/* Made when missing; NULL: no memory. */
struct weft__peer *weft__peer_get(struct weft__engine *e, weft_tid_t tid);
struct weft__peer *weft__peer_find(struct weft__engine *e, weft_tid_t tid);
int weft__peer_connect(struct weft__engine *e, struct weft__peer *p);
int weft__peer_open(struct weft__engine *e, struct weft__peer *p, struct weft__channel **c);

/* How much came. */
int weft__peer_poll(struct weft__engine *e, struct weft__peer *p);

/* It has ended: drain, then end. No channel is to be had now. It is dead. */
void weft__peer_gone(struct weft__engine *e, struct weft__peer *p, bool lost);
void weft__peer_fail(struct weft__engine *e, struct weft__peer *p, int code);
void weft__peer_end(struct weft__engine *e, struct weft__peer *p);

/* A notice of its end came, or will not come. */
void weft__peer_told(struct weft__engine *e, weft_tid_t tid);

/* For those that wait for a channel: none will come; there is a new daemon to ask. */
void weft__peers_unreachable(struct weft__engine *e, int code);
void weft__peers_ask_again(struct weft__engine *e);
void weft__peers_known(struct weft__engine *e); /* tells another daemon with whom there is a channel */
void weft__peers_close(struct weft__engine *e); /* their channels, at the process' end */
void weft__peers_fini(struct weft__engine *e);

/* --- queue.c: what goes out to a peer --------------------------------------------------------- */
/* Add one; have the peer pushed soon. Both may be called in a sink. */
void weft__queue_add(struct weft__peer *p, struct weft__list *queue, struct weft__out *out);
void weft__queue_ready(struct weft__peer *p);

/* Offer what is queued, of one peer or all that are ready. Not in a sink. */
void weft__queue_push(struct weft__peer *p);
void weft__queue_flush_all(struct weft__engine *e); /* weft__queue_flush: quick.h */

/* Is it still to go out, all of it or a part? */
bool weft__queue_has(const struct weft__peer *p, const struct weft__out *out);

/* Take one back. 0: it had not begun; WEFT_EALREADY: it had, and goes on from a copy; WEFT_ENOMEM.
 */
int weft__queue_withdraw(struct weft__peer *p, struct weft__out *out);
void weft__queue_end(struct weft__peer *p, int code);    /* nothing more can be sent */
void weft__queue_tell_credit(struct weft__peer *p);      /* what is owed, if that is much */

/* --- arrive.c: what a channel brings ---------------------------------------------------------- */
extern const struct weft__sink weft__sink;

/* --- message.c: messages that are kept -------------------------------------------------------- */
struct weft__message *weft__message_new(struct weft__engine *e, const struct weft__match_key *key,
                                        size_t nbytes);
void weft__message_free(struct weft__engine *e, struct weft__message *m);
void weft__stock_init(struct weft__stock *stock);
void weft__stock_fini(struct weft__stock *stock);

/* To a posted receive, or keep it. */
void weft__message_deliver(struct weft__engine *e, struct weft__message *m);

/* It was ARRIVING: its last byte came; its bytes will not come. */
void weft__message_whole(struct weft__engine *e, struct weft__message *m);
void weft__message_drop(struct weft__engine *e, struct weft__message *m, bool dead);

/* --- recv.c ----------------------------------------------------------------------------------- */
int weft__recv_start(struct weft__engine *e, struct weft__request *r,
                     const struct weft__match_key *key);

/* The length is known: allocates the buffer if the receive wants that. 0 or WEFT_ENOMEM. */
int weft__recv_room(struct weft__request *r, size_t nbytes);

/* What matched is here: copy, and end. It is with the sender: ask for it. A piece of it came. */
void weft__recv_copy(struct weft__engine *e, struct weft__request *r,
                     const struct weft__match_key *key, const void *bytes, size_t have,
                     size_t nbytes);
struct weft__offer {
	uint64_t id; /* the sender's number */
	uint64_t order;
	size_t nbytes;
	const struct weft__place *place; /* NULL: nowhere that we could read */
	size_t nhead;     /* of the bytes, so many need not be asked for */
	const void *head; /* there; NULL: they are still coming, to the receive's buffer */
};
void weft__recv_pull(struct weft__request *r, struct weft__peer *p,
                     const struct weft__match_key *key, const struct weft__offer *offer);
void weft__recv_pull_kept(struct weft__request *r, struct weft__message *m);
void weft__recv_piece(struct weft__engine *e, struct weft__request *r, size_t nbytes);

/* What it matched is gone. */
void weft__recv_again(struct weft__engine *e, struct weft__request *r, bool dead);
int weft__recv_cancel(struct weft__engine *e, struct weft__request *r);

/* Its time is over. WEFT_ETIMEDOUT, and the request is gone; else it has ended after all. */
int weft__recv_give_up(struct weft__engine *e, struct weft__request *r);

/* --- direct.c --------------------------------------------------------------------------------- */
/* A receive that is not posted, and has its message within some microseconds or not at all. */
struct weft__direct {
	struct weft__match_key key; /* with a wildcard it never has one */
	void *buf;
	size_t size;
	weft_status_t status;          /* with the code */
	struct weft__request *request; /* the message is long: what the receive goes on as */
};

/* true: it has ended, with status.code, or has become a request. false: nothing has happened, receive
 * in the usual way. */
bool weft__direct(struct weft__engine *e, struct weft__direct *d);

/* In a sink. A whole message is here; true: it was the one. A long one begins: the request that has it,
 * or NULL. */
bool weft__direct_arrive(struct weft__engine *e, const struct weft__match_key *key,
                         const void *payload, size_t nbytes);
struct weft__request *weft__direct_become(struct weft__engine *e, const struct weft__match_key *key);

/* --- send.c ----------------------------------------------------------------------------------- */
/* r->data and size are set. */
int weft__send_start(struct weft__engine *e, struct weft__request *r, weft_tid_t to,
                     weft_context_t context, int32_t tag);

/* Its turn has come: what of it goes out with its announcement, or instead. */
void weft__send_ahead(struct weft__peer *p, struct weft__request *r);

/* A CTS came for it. The channel has taken r->out. */
void weft__send_granted(struct weft__engine *e, struct weft__request *r, size_t nbytes);
void weft__send_taken(struct weft__engine *e, struct weft__request *r);
int weft__send_cancel(struct weft__engine *e, struct weft__request *r);
int weft__send_give_up(struct weft__engine *e, struct weft__request *r); /* as weft__recv_give_up */

/* --- lend.c: bytes that are the caller's again soon -------------------------------------------- */
/* Where the message's byte at `at` (< r->lent) lies; *nbytes: at most so many, from there on in a row. */
const void *weft__lend_find(const struct weft__request *r, size_t at, size_t *nbytes);

/* These, from..to, come to r->data. */
void weft__lend_save(struct weft__request *r, size_t from, size_t to);

/* --- share.c: messages that their receiver copies itself --------------------------------------- */
struct weft__region;

/* Before its RTS goes out: says in it where the bytes are, if the peer can be let read them. */
void weft__share_offer(struct weft__peer *p, struct weft__request *r);

/* What was on offer is so no more; false: the peer has it. */
bool weft__share_withdraw(struct weft__request *r);
void weft__share_release(struct weft__request *r); /* the same, when that is known */

/* Copies it, wanted bytes of total; false: it can't be, and must be asked for. */
bool weft__share_fetch(struct weft__peer *p, const struct weft__place *place, uint64_t id,
                       uint64_t total, void *to, size_t wanted);

/* That region is about to go; the peer has gone. */
void weft__share_revoke(struct weft__engine *e, const struct weft__region *r);
void weft__share_end(struct weft__peer *p);

/* --- coll_hall.c: shared memory of teams -------------------------------------------------------- */
/* What a hall is called where regions have their ids: this and above. */
#define WEFT__HALL_FIRST (UINT32_C(1) << 31)

/* The node brought one, sound, of that size; the descriptor stays the caller's. */
void weft__hall_came(struct weft__engine *e, int fd, size_t nbytes);
void weft__halls_fini(struct weft__engine *e);

/* --- meeting.c: barriers of groups ---------------------------------------------------------------- */
void weft__page_forget(struct weft__engine *e, const char *group); /* this task leaves it */
void weft__pages_fini(struct weft__engine *e);

/* --- complete.c ------------------------------------------------------------------------------- */
bool weft__has_ended(void *request);

/* Waits for a request of the library's own and frees it. *buf: where an allocated one goes, or
 * NULL. */
int weft__complete(struct weft__engine *e, struct weft__request *r, weft_status_t *status,
                   void **buf, uint64_t deadline);

/* --- wait.c ----------------------------------------------------------------------------------- */
typedef bool (*weft__condition)(void *arg);

/* 0 when it holds, WEFT_ETIMEDOUT; the condition is asked again after each change. */
int weft__await(struct weft__engine *e, weft__condition holds, void *arg, uint64_t deadline_ns);
uint64_t weft__until(int timeout_ms);   /* a deadline; 0: do not wait */
int weft__step(struct weft__engine *e); /* one round of progress: how much happened */
void weft__wait_forget_fd(struct weft__engine *e, int fd); /* before it is closed */

/* --- control.c: the connection with the node -------------------------------------------------- */
int weft__control_open(struct weft__engine *e, int *fd, const char *nodedir); /* takes it; nodedir NULL: it was born with it */
void weft__control_close(struct weft__engine *e);
void weft__control_poll(struct weft__engine *e);
int weft__control_send(struct weft__engine *e, const struct weft__msg *m);
void weft__control_again(struct weft__engine *e); /* another daemon has said WELCOME */

/* With a descriptor, which stays the caller's, and at once or not at all: WEFT_EAGAIN. */
int weft__control_send_fd(struct weft__engine *e, const struct weft__msg *m, int fd);

/* Ask and wait; the answers go through ask->answer. The answer's code, WEFT_ENOVM, WEFT_ETIMEDOUT.
 */
int weft__ask(struct weft__engine *e, struct weft__ask *ask, struct weft__msg *m, int timeout_ms);

/* The same step by step. */
int weft__ask_add(struct weft__engine *e, struct weft__ask *ask, struct weft__msg *m);
int weft__ask_send(struct weft__engine *e, struct weft__ask *ask);
bool weft__ask_answered(void *ask);
int weft__ask_wait(struct weft__engine *e, struct weft__ask *ask, int timeout_ms); /* send, wait */
bool weft__answer_result(struct weft__ask *ask, const struct weft__msg *m); /* for RESULT */

int weft__hello_send(struct weft__engine *e, uint64_t again); /* enrol.c; again: of AGAIN, or 0 */

/* --- what the node says; descriptors that are taken become -1 --------------------------------- */
void weft__on_welcome(struct weft__engine *e, const struct weft__msg_welcome *m, int *fds,
                      size_t nfds);
void weft__on_refused(struct weft__engine *e, const struct weft__msg_refused *m);
void weft__on_team(struct weft__engine *e, const struct weft__msg_team *m);
void weft__on_channel(struct weft__engine *e, const struct weft__msg_channel *m, int *fds,
                      size_t nfds);
void weft__on_shared(struct weft__engine *e, const struct weft__msg_shared *m, const int *fds,
                     size_t nfds);
void weft__on_group_page(struct weft__engine *e, const struct weft__msg_group_page *m, const int *fds,
                         size_t nfds);
void weft__on_task_gone(struct weft__engine *e, const struct weft__msg_task_gone *m);
void weft__on_notice(struct weft__engine *e, const struct weft__msg_notice *m);

/* --- output.c --------------------------------------------------------------------------------- */
void weft__on_output(struct weft__engine *e, const struct weft__msg *m); /* OUTPUT_BEGIN, OUTPUT, OUTPUT_END */
void weft__outputs_fini(struct weft__engine *e);

/* --- tasker.c --------------------------------------------------------------------------------- */
/* By the message m, which says so, this task becomes what `to` says, or no longer is it. */
int weft__service_change(struct weft__engine *e, struct weft__service *s, struct weft__msg *m, const struct weft__service *to);
void weft__on_start_task(struct weft__engine *e, const struct weft__msg_start_task *m);
void weft__tasker_again(struct weft__engine *e); /* the node's daemon is a new one */

/* --- hoster.c --------------------------------------------------------------------------------- */
void weft__on_start_host(struct weft__engine *e, const struct weft__msg_start_host *m);
void weft__hoster_again(struct weft__engine *e);

/* --- vm.c ------------------------------------------------------------------------------------- */
/* A question that RESULT answers; value may be NULL. */
int weft__ask_result(struct weft__engine *e, struct weft__msg *m, uint64_t *value, int timeout_ms);

/* --- notice.c, enrol.c, vm.c ------------------------------------------------------------------ */
bool weft__notice_expected(const struct weft__engine *e, const struct weft__match_key *key);
void weft__notices_lost(struct weft__engine *e); /* none will come any more */
void weft__exit_of(weft_exit_t *how, uint64_t tid, int64_t code, uint64_t signo, uint64_t flags);

/* Enrol over this connection, which it takes; nodedir: where it leads to, NULL: one that the task was born with. */
int weft__enrol_by(struct weft__engine **e, int *fd, const char *nodedir, uint64_t tid);
void weft__exits_fini(struct weft__engine *e);

/* --- engine.c --------------------------------------------------------------------------------- */
int weft__engine_new(struct weft__engine **e, const struct weft__settings *settings);
void weft__engine_destroy(struct weft__engine **e); /* no goodbye */
int weft__engine_watch_doorbell(struct weft__engine *e);
int weft__no_task(weft_tid_t tid); /* WEFT_ENOTASK, in words */

#endif
