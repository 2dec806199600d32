/* transport.h - channels between two tasks: one contract, kept by every transport.
 *
 * A channel carries messages (a header and a payload) both ways, each direction once and in order. It never
 * blocks, never allocates after creation on the fast path and never calls into the engine except through the
 * sink. What passes tests/transport's suite is a transport.
 *
 * The far end is not trusted: a bad byte closes the channel (WEFT_EPROTO), nothing else.
 *
 * One thread at a time uses an end. A sink may send on the channel that it is called from, but neither
 * poll nor close it.
 */
#ifndef WEFT_TRANSPORT_H
#define WEFT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/weft_base.h"

/* A message's header as the engine sees it; each transport has its own form on the wire.
 * The transport looks at len alone. */
struct weft__hdr {
	uint64_t len;   /* bytes of payload in this message */
	uint64_t id;    /* the engine's: rendezvous number */
	uint64_t total; /* the engine's: whole length of a rendezvous message, credit */
	uint32_t context;
	int32_t tag;
	uint8_t kind;  /* the engine's */
	uint8_t flags; /* the engine's */
};

/* Nobody sends more in one message (WEFT_ETOOBIG); more that comes is an attack. */
#define WEFT__LEN_MAX ((uint64_t)1 << 40)

/* Where arriving messages go. A message comes either whole by `message`, or by `begin` and `end`. */
struct weft__sink {
	/* All of it is at payload[hdr->len], valid for the call only, and private: the far end can't change it. */
	void (*message)(void *arg, const struct weft__hdr *hdr, const void *payload);

	/* The payload is still coming: where to, room for hdr->len bytes, valid until `end` or the channel's
	 * close. NULL: throw it away. */
	void *(*begin)(void *arg, const struct weft__hdr *hdr);

	/* What `begin` announced is complete. Not called when the channel breaks before. */
	void (*end)(void *arg, const struct weft__hdr *hdr);

	void *arg;

	/* Once it is true, poll had better return: what else has come is not wanted yet, and would have to be kept
	 * elsewhere. NULL: more is always welcome. */
	const bool *sated;

	/* So long may wait what comes behind what has just come, since nobody can go on before still more has come: a
	 * transport whose looks are dear had better look less often, and disturb the far end less. NULL: never. */
	const uint32_t *leisure_ns;
};

struct weft__channel;

struct weft__channel_ops {
	const char *name; /* "shm" */

	/* A message of up to so many bytes may as well go out whole; of a longer one so many with its
	 * announcement: they are on their way while the answer comes. 0: they had better not. */
	size_t whole_bytes, ahead_bytes;

	/* Offer a message. *taken is how many payload bytes the channel has taken so far: 0 at the first call
	 * of a message; the same message is offered again with it until 0 is returned. 0: all is taken and
	 * copied; WEFT_EAGAIN: offer again after progress; WEFT_ECLOSED, WEFT_EPROTO: the channel is broken,
	 * nothing more will be taken. */
	int (*send)(struct weft__channel *c, const struct weft__hdr *hdr, const void *payload, size_t *taken);

	/* Take what has come, at most a bounded amount; the number of messages or pieces of one that
	 * came (0: nothing), or WEFT_ECLOSED (orderly end, or the far end died; all that it committed has been
	 * delivered), WEFT_EPROTO. */
	int (*poll)(struct weft__channel *c, const struct weft__sink *sink);

	/* Get ready to sleep: from now on something that comes, or (want_send) room for the message that got
	 * WEFT_EAGAIN, makes the doorbell or the descriptor ready. true: there is something already, do not
	 * sleep. disarm afterwards in any case. */
	bool (*arm)(struct weft__channel *c, bool want_send);
	void (*disarm)(struct weft__channel *c);

	/* Is there memory that only traffic needs? now: give it back, as far as nothing is on its
	 * way. NULL: there never is. */
	bool (*trim)(struct weft__channel *c, bool now);

	/* A descriptor to wait for: *events as in poll(2), by the last arm. -1: the doorbell does it. */
	int (*pollfd)(const struct weft__channel *c, short *events);

	/* No more will be sent; what was taken still arrives. Frees the channel. *c is NULL afterwards. */
	void (*close)(struct weft__channel **c);
};

/* Every channel starts with this. */
struct weft__channel {
	const struct weft__channel_ops *ops;
};

/* --- the transports ---------------------------------------------------------------------------- */

/* Two ends in one process, for tests and for messages to oneself. doorbells are eventfds (or -1) that are
 * written when that end is armed and something happens; they stay the caller's. */
int weft__inproc_open(const int doorbells[2], struct weft__channel *ends[2]);

/* A connected stream socket (TCP between nodes; a Unix pair where shared memory can't be had).
 * Takes the descriptor, also on failure. */
int weft__stream_open(int *fd, struct weft__channel **c);

/* Shared memory. The node makes one sealed, fallocated memfd for a pair of tasks and gives it to both, with
 * the other's doorbell: side 0 is the lower tid. */
int weft__shm_create(int *memfd);                                                     /* 0, WEFT_ENOSPC, WEFT_EIO */
int weft__shm_open(int *memfd, int *peer_doorbell, int side, struct weft__channel **c); /* takes both */

/* Ring a doorbell (an eventfd), and silence it after a sleep. */
void weft__doorbell_ring(int doorbell);
void weft__doorbell_clear(int doorbell);

#endif
