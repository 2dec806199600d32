/* inner.h - the inside of a link, shared by the files of this room only. */
#ifndef WEFT_LINK_INNER_H
#define WEFT_LINK_INNER_H

#include "base/buf.h"
#include "base/err.h"
#include "base/list.h"
#include "link/link.h"

/* A link's life. link.c has the table of who may follow whom. */
enum link_state {
	LINK_DIALLING, /* a dial is at work, there is no descriptor yet */
	LINK_SHAKING,  /* TLS handshake */
	LINK_OPENING,  /* usable; the timer is about to tell `opened` */
	LINK_OPEN,
	LINK_FAILED,  /* broken; the timer is about to tell `closed` */
	LINK_LEAVING, /* the owner has closed it; what is queued goes out */
	LINK_GONE,    /* its handles are closing; libuv frees it */
};

/* What tells the two kinds apart. */
struct link_kind {
	/* Hand on what can be read now, frame by frame, while link_may_read. Failures: link_fail.
	 */
	void (*read)(struct link *l);

	/* Give the kernel what it takes of `out`. 0 (also when something is left), or the reason.
	 */
	int (*write)(struct link *l, struct weft_error *e);

	/* Hand on frames that have been read already; NULL: there never are any. */
	void (*resume)(struct link *l);

	/* Bring the handshake forward; NULL: there is none. */
	void (*shake)(struct link *l);

	/* All is sent, the owner has gone: say goodbye. True: call again when readable, false:
	 * done. NULL: no goodbye is needed. */
	bool (*leave)(struct link *l);

	/* Just before the descriptor is closed; NULL: nothing to do. */
	void (*hang_up)(struct link *l);

	/* Frees what is the kind's in the link; NULL: there is nothing. */
	void (*fini)(struct link *l);

	bool carries_fds;
};
extern const struct link_kind link_unix_kind;
extern const struct link_kind link_tls_kind;

struct link {
	/* libuv: each live handle counts in nhandles; the struct is freed with the last of them. */
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t timer; /* the state says what for */
	unsigned nhandles;
	int watched; /* the events that poll waits for */

	enum link_state state;
	bool paused;
	bool gathers;          /* frames leave with the loop's next turn, together */
	bool read_wants_write; /* TLS: reading goes on when the socket is writable */
	bool write_broken;     /* sending failed; reading goes on to the end */
	int fd;                /* -1 while dialling */
	const struct link_kind *kind;
	const struct link_handler *handler;
	void *arg;
	struct weft_error error; /* why it is FAILED */

	/* What goes out: whole frames; the first out_sent bytes have gone. */
	struct weft__buf out;
	size_t out_sent;
	uint64_t frames_queued, frames_sent;
	struct weft__list baggage; /* struct baggage, in the order of their frames */

	struct tls *tls;   /* TLS links: what OpenSSL and tls.c keep */
	struct dial *dial; /* while DIALLING */

	int64_t pid;
	char peer[LINK_ADDRESS_TEXT];
	char peer_host[LINK_ADDRESS_TEXT];
};

/* Descriptors that travel with one frame. */
struct baggage {
	struct weft__list list;
	uint64_t frame; /* its number: 1 is the link's first */
	size_t nfds;
	int fds[LINK_FDS_MAX];
};

void link_drop_baggage(struct baggage *b);

/* A link in the given state without a descriptor: 0 or WEFT_ENOMEM. */
int link_create(uv_loop_t *loop, const struct link_kind *kind, enum link_state state,
                const struct link_handler *handler, void *arg, struct link **l);

/* Gives the link its descriptor; on failure the descriptor is closed. 0, WEFT_EIO. */
int link_attach(struct link *l, int *fd);

void link_become(struct link *l, enum link_state state);
void link_watch(struct link *l); /* after anything that changes what it waits for */
void link_wake(struct link *l);  /* the timer fires with the loop's next turn */
void link_timer(struct link *l, uint64_t timeout_ms); /* or later */
bool link_may_read(const struct link *l);             /* open and not paused */
void link_destroy(struct link *l);                    /* at once, nothing is told */
void link_opened(struct link *l,
                 const char *identity); /* from a callback of the loop: tell the owner */

/* The link is broken: `closed` follows with the next turn of the loop. */
void link_fail(struct link *l, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
