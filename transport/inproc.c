/* Channels within one process, for tests and for messages to oneself.
 *
 * Two bounded queues of pieces, allocated at creation. Both ends are used by one thread at a time:
 * there is no locking here. A sink may send on the very channel that is polled. The queues live
 * until both ends are closed.
 */
#include "config.h"

#include "transport/transport.h"

#include "base/heap.h"

#include <string.h>

enum {
	PIECES = 16,
	PIECE_BYTES = 4096,
	POLL_PIECES = 16, /* a poll takes at most so many */
};

struct piece {
	struct weft__hdr hdr;
	size_t n; /* payload bytes here */
	bool first;
	uint8_t bytes[PIECE_BYTES];
};

struct queue {
	unsigned head, tail; /* pieces taken and put, since the beginning */
	bool closed;         /* the sender closed */
	bool deaf;           /* the receiver closed */
	bool armed, want;    /* receiver and sender want their doorbell rung */
	struct piece pieces[PIECES];
};

struct shared {
	struct queue queues[2]; /* [i]: what end i sends */
	int doorbells[2];       /* of the ends */
	int open;               /* ends */
};

struct inproc {
	struct weft__channel channel;
	struct shared *shared;
	int side;
	bool active; /* a message is half here */
	struct weft__hdr hdr;
	uint8_t *to;
	uint64_t got;
};

static void ring_if(struct inproc *e, bool *flag)
{
	if (!*flag)
		return;
	*flag = false;
	weft__doorbell_ring(e->shared->doorbells[!e->side]);
}

static int inproc_send(struct weft__channel *c, const struct weft__hdr *hdr, const void *payload,
                       size_t *taken)
{
	struct inproc *e = (struct inproc *)c;
	struct queue *q = &e->shared->queues[e->side];
	bool first = *taken == 0;
	if (q->deaf)
		return WEFT_ECLOSED;
	while (first || *taken < hdr->len) {
		if (q->tail - q->head == PIECES)
			return WEFT_EAGAIN;
		struct piece *p = &q->pieces[q->tail % PIECES];
		p->hdr = *hdr;
		p->first = first;
		p->n = hdr->len - *taken < PIECE_BYTES ? hdr->len - *taken : PIECE_BYTES;
		if (p->n > 0)
			memcpy(p->bytes, (const uint8_t *)payload + *taken, p->n);
		*taken += p->n;
		first = false;
		q->tail++;
		ring_if(e, &q->armed);
	}
	return 0;
}

static void take(struct inproc *e, const struct piece *p, const struct weft__sink *sink)
{
	if (p->first && p->n == p->hdr.len) {
		sink->message(sink->arg, &p->hdr, p->bytes);
		return;
	}
	if (p->first) {
		e->hdr = p->hdr;
		e->got = 0;
		e->active = true;
		e->to = sink->begin(sink->arg, &e->hdr);
	}
	if (e->to)
		memcpy(e->to + e->got, p->bytes, p->n);
	e->got += p->n;
	if (e->got == e->hdr.len) {
		e->active = false;
		sink->end(sink->arg, &e->hdr);
	}
}

static int inproc_poll(struct weft__channel *c, const struct weft__sink *sink)
{
	struct inproc *e = (struct inproc *)c;
	struct queue *q = &e->shared->queues[!e->side];
	int pieces = 0;
	while (q->head != q->tail && pieces < POLL_PIECES) {
		take(e, &q->pieces[q->head % PIECES], sink);
		q->head++;
		pieces++;
		ring_if(e, &q->want);
	}
	return pieces > 0 ? pieces : q->closed ? WEFT_ECLOSED : 0;
}

static bool inproc_arm(struct weft__channel *c, bool want_send)
{
	struct inproc *e = (struct inproc *)c;
	struct queue *in = &e->shared->queues[!e->side], *out = &e->shared->queues[e->side];
	in->armed = true;
	out->want = want_send;
	return in->head != in->tail || in->closed ||
	       (want_send && (out->tail - out->head < PIECES || out->deaf));
}

static void inproc_disarm(struct weft__channel *c)
{
	struct inproc *e = (struct inproc *)c;
	e->shared->queues[!e->side].armed = false;
	e->shared->queues[e->side].want = false;
}

static int inproc_pollfd(const struct weft__channel *c, short *events)
{
	*events = 0;
	return -1;
}

static void inproc_close(struct weft__channel **c)
{
	struct inproc *e = (struct inproc *)*c;
	struct shared *s = e->shared;
	*c = NULL;
	inproc_disarm(&e->channel);
	s->queues[e->side].closed = true;
	s->queues[!e->side].deaf = true;
	ring_if(e, &s->queues[e->side].armed);
	ring_if(e, &s->queues[!e->side].want);
	if (--s->open == 0)
		weft__free(s);
	weft__free(e);
}

static const struct weft__channel_ops inproc_ops = {
        .name = "inproc",
        .send = inproc_send,
        .poll = inproc_poll,
        .arm = inproc_arm,
        .disarm = inproc_disarm,
        .pollfd = inproc_pollfd,
        .close = inproc_close,
};

int weft__inproc_open(const int doorbells[2], struct weft__channel *ends[2])
{
	struct shared *s = weft__calloc(1, sizeof *s);
	struct inproc *a = weft__calloc(1, sizeof *a), *b = weft__calloc(1, sizeof *b);
	if (!s || !a || !b) {
		weft__free(s);
		weft__free(a);
		weft__free(b);
		return WEFT_ENOMEM;
	}
	s->open = 2;
	s->doorbells[0] = doorbells[0];
	s->doorbells[1] = doorbells[1];
	*a = (struct inproc){.channel.ops = &inproc_ops, .shared = s, .side = 0};
	*b = (struct inproc){.channel.ops = &inproc_ops, .shared = s, .side = 1};
	ends[0] = &a->channel;
	ends[1] = &b->channel;
	return 0;
}
