/* Sending.
 *
 * A short message goes out whole (EAGER); a call returns when the channel has taken it. Of a long
 * one only its announcement goes out (RTS), on some channels with its first bytes (HEAD), which are
 * on their way while the answer comes; when a receive matches it there, the rest is asked for (CTS)
 * and goes out in pieces (DATA), so that other messages need not wait behind them. A message for the
 * own task is copied at once, however long it is: nobody else could receive it while its sender
 * waits.
 *
 * What can go wrong: there is no channel yet, or no room in it, or the receiver has not received
 * enough of what it was sent (the message waits in its peer's queue); the peer dies (WEFT_ENOTASK);
 * the time is over: what has not begun is taken out of the queue, an announced message is taken
 * back by CANCEL, and a short one that the channel has taken by half goes on from a copy, and
 * counts as sent.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "task/quick.h"

/* --- a message for oneself -------------------------------------------------------------------- */

static int send_self(struct weft__engine *e, struct weft__request *r,
                     const struct weft__match_key *key)
{
	struct weft__posted *posted;
	while ((posted = weft__match_arrive(&e->match, key))) {
		struct weft__request *to = WEFT__CONTAINER(posted, struct weft__request, posted);
		if (weft__recv_room(to, r->size)) {
			weft__request_end(e, to, WEFT_ENOMEM);
			continue;
		}
		weft__recv_copy(e, to, key, r->data, r->size, r->size);
		weft__request_end(e, r, 0);
		return 0;
	}
	struct weft__message *m = weft__message_new(e, key, r->size);
	if (!m)
		return WEFT_ENOMEM;
	if (r->size)
		memcpy(m->bytes, r->data, r->size);
	weft__message_deliver(e, m);
	weft__request_end(e, r, 0);
	return 0;
}

/* --- starting --------------------------------------------------------------------------------- */

int weft__send_start(struct weft__engine *e, struct weft__request *r, weft_tid_t to,
                     weft_context_t context, int32_t tag)
{
	r->status = (weft_status_t){.source = to, .tag = tag, .nbytes = r->size};
	r->state = WEFT__QUEUED;
	if (to.v == e->self.v)
		return send_self(e, r, &(struct weft__match_key){to.v, context.v, tag});
	if (to.v == 0)
		return weft__no_task(to);
	struct weft__peer *p = weft__peer_get(e, to);
	if (!p)
		return WEFT_ENOMEM;
	int rc = p->deaf || p->gone ? WEFT_ENOTASK : weft__peer_connect(e, p);
	if (rc)
		return rc == WEFT_ENOTASK ? weft__no_task(to) : rc;
	r->peer = p;
	r->out.hdr = (struct weft__hdr){.context = context.v, .tag = tag};
	if (r->size <= e->settings.eager_max) {
		r->out.hdr.kind = WEFT__EAGER;
		r->out.hdr.len = r->size;
		r->out.payload = r->data;
	} else {
		r->out.hdr.kind = WEFT__RTS;
		r->out.hdr.id = weft__request_handle(r).v;
		r->out.hdr.total = r->size;
		weft__share_offer(p, r);
	}
	weft__queue_add(p, &p->messages, &r->out);
	weft__queue_flush(e);
	return 0;
}

/* --- going on --------------------------------------------------------------------------------- */

static void next_piece(struct weft__request *r, struct weft__list *at)
{
	size_t left = r->wanted - r->moved, max = r->peer->engine->settings.segment_bytes;
	size_t n = left < max ? left : max;
	r->out.payload = r->moved < r->lent ? weft__lend_find(r, r->moved, &n)
	                                    : (const uint8_t *)r->data + r->moved;
	r->out.hdr.kind = WEFT__DATA;
	r->out.hdr.len = n;
	r->out.hdr.total = r->moved;
	r->out.taken = 0;
	weft__queue_add(r->peer, at, &r->out);
}

void weft__send_ahead(struct weft__peer *p, struct weft__request *r)
{
	const struct weft__settings *s = &p->engine->settings;
	const struct weft__channel_ops *ops = p->channel->ops;
	bool whole = r->size <= ops->whole_bytes && r->size <= s->ahead_bytes;
	size_t most = ops->ahead_bytes < s->ahead_bytes ? ops->ahead_bytes : s->ahead_bytes;
	if (whole)
		most = r->size;
	/* What is left of the credit is for announcements: a receiver may want a later message first. */
	if (most == 0 || r->placed || p->credit_used + WEFT__MESSAGE_COST + most > s->credit_bytes / 2)
		return;
	r->out.payload = r->data;
	r->out.hdr.kind = whole ? WEFT__EAGER : WEFT__HEAD;
	r->out.hdr.len = most;
	if (r->lent)
		weft__lend_save(r, 0, r->out.hdr.len);
	r->moved = r->out.hdr.len;
}

void weft__send_granted(struct weft__engine *e, struct weft__request *r, size_t nbytes)
{
	if (r->state == WEFT__QUEUED) {
		r->granted = true;
		r->wanted = nbytes;
		return;
	}
	if (nbytes == 0) {
		weft__request_end(e, r, 0);
		return;
	}
	if (r->placed)
		weft__share_release(r);
	weft__list_remove(&r->link);
	r->state = WEFT__STREAMING;
	r->wanted = r->moved + nbytes;
	next_piece(r, &r->peer->streams);
}

void weft__send_taken(struct weft__engine *e, struct weft__request *r)
{
	switch (r->out.hdr.kind) {
	case WEFT__RTS:
	case WEFT__HEAD:
		r->state = WEFT__AWAITING;
		weft__list_remove(&r->link);
		weft__list_push(&r->peer->sends, &r->link);
		if (r->granted)
			weft__send_granted(e, r, r->wanted);
		break;
	case WEFT__DATA:
		r->moved += r->out.hdr.len;
		if (r->moved < r->wanted)
			next_piece(r, r->peer->streams.next); /* before the others */
		else
			weft__request_end(e, r, 0);
		break;
	case WEFT__CTS:
		if (r->moved == r->wanted)
			weft__recv_piece(e, r, 0);
		break;
	default: /* EAGER; CANCEL, of an orphan */
		weft__request_end(e, r, 0);
	}
}

/* --- giving up -------------------------------------------------------------------------------- */

/* What was announced is taken back; r becomes the orphan that does it. */
static void tell_cancel(struct weft__request *r, struct weft__peer *p, uint64_t id)
{
	weft__list_remove(&r->link);
	r->state = WEFT__TELLING;
	r->orphan = true;
	r->peer = p;
	r->out.hdr = (struct weft__hdr){.kind = WEFT__CANCEL, .id = id};
	r->out.payload = NULL;
	r->out.taken = 0;
	weft__queue_add(p, &p->control, &r->out);
}

int weft__send_cancel(struct weft__engine *e, struct weft__request *r)
{
	struct weft__peer *p = r->peer;
	bool begun = r->state != WEFT__QUEUED || p->current == &r->out;
	if (!begun) {
		weft__list_remove(&r->out.link);
		weft__request_end(e, r, WEFT_ECANCELED);
		return 0;
	}
	if (r->state == WEFT__STREAMING || r->out.hdr.kind == WEFT__EAGER)
		return WEFT_EALREADY;
	struct weft__request *teller = weft__request_new(e);
	if (!teller)
		return WEFT_ENOMEM;
	int rc = r->placed && !weft__share_withdraw(r) ? WEFT_EALREADY : 0;
	if (rc == 0 && weft__queue_withdraw(p, &r->out) == WEFT_ENOMEM)
		rc = WEFT_ENOMEM;
	if (rc) {
		weft__request_free(e, teller);
		return rc;
	}
	tell_cancel(teller, p, weft__request_handle(r).v);
	weft__request_end(e, r, WEFT_ECANCELED);
	weft__queue_flush(e);
	return 0;
}

int weft__send_give_up(struct weft__engine *e, struct weft__request *r)
{
	struct weft__peer *p = r->peer;
	bool whole = r->out.hdr.kind == WEFT__EAGER;
	bool told = r->state != WEFT__QUEUED || p->current == &r->out;
	if (r->placed && !weft__share_withdraw(r)) {
		weft__request_end(e, r, 0);
		return 0;
	}
	int rc = weft__queue_withdraw(p, &r->out);
	if (rc == WEFT_ENOMEM) {
		weft__await(e, weft__has_ended, r, WEFT__NEVER);
		return 0;
	}
	if (rc == WEFT_EALREADY && whole) {
		weft__request_end(e, r, 0);
		return 0;
	}
	if (told) {
		tell_cancel(r, p, weft__request_handle(r).v);
		weft__queue_flush(e);
	} else {
		weft__request_free(e, r);
	}
	return WEFT_ETIMEDOUT;
}

/* --- the calls -------------------------------------------------------------------------------- */

static int check(const void *buf, size_t nbytes, weft_tid_t to, int32_t tag)
{
	if (tag < 0 || (!buf && nbytes) || to.v == WEFT_ANY_TASK.v)
		return WEFT_EINVAL;
	return nbytes > WEFT_MSG_MAX ? WEFT_ETOOBIG : 0;
}

/* The peer, if a short message for it can be offered at once: no queue, no question. */
static struct weft__peer *open_to(struct weft__engine *e, weft_tid_t to, size_t nbytes)
{
	struct weft__peer *p = weft__peer_recent(e, to.v);
	if (!p)
		p = weft__peer_find(e, to);
	if (!p || p->state != WEFT__OPEN || p->current || p->deaf || p->gone ||
	    nbytes > e->settings.eager_max || !weft__list_empty(&p->messages) ||
	    !weft__list_empty(&p->control) ||
	    p->credit_used + WEFT__MESSAGE_COST + nbytes > e->settings.credit_bytes)
		return NULL;
	return p;
}

/* The channel has not taken all of it: it goes on as the request r (0), or nothing more can be
 * sent. */
static __attribute__((noinline)) int send_rest(struct weft__engine *e, struct weft__peer *p,
                                               struct weft__request *r, const struct weft__hdr *hdr,
                                               const void *buf, size_t taken, int rc)
{
	if (rc != WEFT_EAGAIN) {
		p->deaf = true;
		weft__queue_end(p, WEFT_ENOTASK);
		weft__request_free(e, r);
		return WEFT_ENOTASK;
	}
	r->data = buf;
	r->size = hdr->len;
	r->state = WEFT__QUEUED;
	r->status = (weft_status_t){.source = p->tid, .tag = hdr->tag, .nbytes = hdr->len};
	r->peer = p;
	r->out.hdr = *hdr;
	r->out.payload = buf;
	r->out.taken = taken;
	p->credit_used += WEFT__MESSAGE_COST + hdr->len;
	p->current = &r->out;
	p->blocked = true;
	weft__rouse(e);
	return 0;
}

/* No channel, or no room in it: not so short. */
static __attribute__((noinline)) int begin_slowly(struct weft__engine *e, weft_tid_t to,
                                                  weft_context_t context, int32_t tag,
                                                  const void *buf, size_t nbytes,
                                                  struct weft__request *r)
{
	r->data = buf;
	r->size = nbytes;
	int rc = weft__send_start(e, r, to, context, tag);
	if (rc)
		weft__request_free(e, r);
	return rc;
}

/* Begin in the shortest way there is: as a rule it has ended already. */
static inline int begin(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
                        const void *buf, size_t nbytes, struct weft__request **out)
{
	struct weft__request *r = weft__request_new(e); /* it must be had when the channel has begun */
	if (!r)
		return WEFT_ENOMEM;
	*out = r;
	struct weft__peer *p = open_to(e, to, nbytes);
	if (!p)
		return begin_slowly(e, to, context, tag, buf, nbytes, r);
	struct weft__hdr hdr = {
	        .len = nbytes, .context = context.v, .tag = tag, .kind = WEFT__EAGER};
	size_t taken = 0;
	int rc = p->channel->ops->send(p->channel, &hdr, buf, &taken);
	if (rc)
		return send_rest(e, p, r, &hdr, buf, taken, rc);
	p->credit_used += WEFT__MESSAGE_COST + nbytes;
	r->state = WEFT__ENDED;
	r->status.source = to;
	r->status.tag = tag;
	r->status.nbytes = nbytes;
	r->status.code = 0;
	return 0;
}

int weft__send(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
               const void *buf, size_t nbytes, int timeout_ms)
{
	int rc = check(buf, nbytes, to, tag);
	if (rc)
		return rc;
	struct weft__request *r;
	weft__lock(e);
	rc = begin(e, to, context, tag, buf, nbytes, &r);
	if (rc == 0)
		rc = weft__complete(e, r, NULL, NULL,
		                    r->state == WEFT__ENDED ? 0 : weft__until(timeout_ms));
	weft__unlock(e);
	return rc == WEFT_ENOTASK ? weft__no_task(to) : rc;
}

int weft__isend(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
                const void *buf, size_t nbytes, weft_request_t *handle)
{
	int rc = handle ? check(buf, nbytes, to, tag) : WEFT_EINVAL;
	if (rc)
		return rc;
	struct weft__request *r;
	weft__lock(e);
	rc = begin(e, to, context, tag, buf, nbytes, &r);
	if (rc == 0)
		*handle = weft__request_handle(r);
	weft__unlock(e);
	return rc;
}
