/* What comes from a peer's channel.
 *
 * An EAGER message goes into the buffer of the receive that awaits it, or is kept. An RTS makes a
 * receive ask for the bytes (CTS), or is kept without them; a HEAD is both, and the rest of it is
 * asked for before its first bytes are all here. CTS, DATA, CREDIT and CANCEL serve what
 * is under way.
 *
 * The peer is not trusted: a negative tag, a message beyond its credit, data that nobody asked for
 * in this amount, or an unknown kind sets p->error, upon which its channel is closed after the
 * poll. A CTS or CANCEL for something that has ended meanwhile is no fault: it crossed our own
 * message about it. DATA for a pull that has been taken back is thrown away. Without memory for a
 * message the channel is closed as well: that ends the calls that wait for this peer, where losing
 * one message would not.
 */
#include "config.h"

#include <string.h>

#include "task/quick.h"

static struct weft__match_key key_of(const struct weft__peer *p, const struct weft__hdr *hdr)
{
	return (struct weft__match_key){p->tid.v, hdr->context, hdr->tag};
}

static void bad(struct weft__peer *p, int code)
{
	if (!p->error)
		p->error = code;
}

/* A new message: may it be, and its cost is noted. */
static bool admit(struct weft__peer *p, const struct weft__hdr *hdr)
{
	uint64_t credit = p->engine->settings.credit_bytes;
	if (hdr->tag < 0 || hdr->len > credit || p->held + WEFT__MESSAGE_COST + hdr->len > credit) {
		bad(p, WEFT_EPROTO);
		return false;
	}
	p->held += WEFT__MESSAGE_COST + hdr->len;
	return true;
}

/* The receive for a message, with room for it; NULL: none. */
static struct weft__request *match(struct weft__engine *e, const struct weft__match_key *key,
                                   size_t nbytes)
{
	struct weft__posted *posted;
	struct weft__request *direct = e->direct ? weft__direct_become(e, key) : NULL;
	if (direct)
		return direct;
	while ((posted = weft__match_arrive(&e->match, key))) {
		struct weft__request *r = WEFT__CONTAINER(posted, struct weft__request, posted);
		if (weft__recv_room(r, nbytes) == 0)
			return r;
		weft__request_end(e, r, WEFT_ENOMEM);
	}
	return NULL;
}

static struct weft__message *message_from(struct weft__peer *p, const struct weft__match_key *key,
                                          size_t nbytes, size_t have)
{
	struct weft__message *m = weft__message_new(p->engine, key, have);
	if (!m) {
		bad(p, WEFT_ENOMEM);
		return NULL;
	}
	m->peer = p;
	m->nbytes = nbytes;
	m->cost = WEFT__MESSAGE_COST + have;
	return m;
}

/* --- messages --------------------------------------------------------------------------------- */

/* A message for a receive that was posted, has its room and was not touched since. */
static inline void fill(struct weft__engine *e, struct weft__request *r,
                        const struct weft__match_key *key, const void *payload, size_t nbytes)
{
	size_t n = nbytes < r->size ? nbytes : r->size;
	weft__copy_payload(r->buf, payload, n);
	r->status.source.v = key->source;
	r->status.tag = key->tag;
	r->status.nbytes = nbytes;
	r->status.code = n < nbytes ? WEFT_ETRUNC : 0;
	r->state = WEFT__ENDED;
	if (r == e->awaited)
		e->sated = true;
	weft__changed(e);
}

/* To the receive that awaits it, or it is kept. */
static __attribute__((noinline)) void find_taker(struct weft__peer *p, const struct weft__hdr *hdr,
                                                 const void *payload)
{
	struct weft__engine *e = p->engine;
	struct weft__match_key key = key_of(p, hdr);
	struct weft__request *r = match(e, &key, hdr->len);
	if (r) {
		weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
		weft__recv_copy(e, r, &key, payload, hdr->len, hdr->len);
		return;
	}
	struct weft__message *m = message_from(p, &key, hdr->len, hdr->len);
	if (!m)
		return;
	if (hdr->len)
		memcpy(m->bytes, payload, hdr->len);
	weft__match_keep(&e->match, &m->kept);
	weft__changed(e);
}

/* To this receive, unless there is no room for it. */
static __attribute__((noinline)) void give(struct weft__peer *p, struct weft__request *r,
                                           const struct weft__hdr *hdr, const void *payload)
{
	struct weft__engine *e = p->engine;
	struct weft__match_key key = key_of(p, hdr);
	if (weft__recv_room(r, hdr->len)) {
		weft__request_end(e, r, WEFT_ENOMEM);
		find_taker(p, hdr, payload);
		return;
	}
	weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
	weft__recv_copy(e, r, &key, payload, hdr->len, hdr->len);
}

static inline void on_eager(struct weft__peer *p, const struct weft__hdr *hdr, const void *payload)
{
	struct weft__engine *e = p->engine;
	struct weft__match_key key = key_of(p, hdr);
	if (!admit(p, hdr))
		return;
	if (e->direct) {
		if (weft__direct_arrive(e, &key, payload, hdr->len)) {
			weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
			return;
		}
	} else {
		struct weft__posted *posted = weft__match_arrive_recent(&e->match, &key);
		if (posted) {
			struct weft__request *r =
			        WEFT__CONTAINER(posted, struct weft__request, posted);
			if ((r->alloc != NULL) | r->orphan) {
				give(p, r, hdr, payload);
				return;
			}
			weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
			fill(e, r, &key, payload, hdr->len);
			return;
		}
	}
	find_taker(p, hdr, payload);
}

/* hdr->len bytes come for which there is no receive, or one that has no room for them. */
static void *keep_coming(struct weft__peer *p, const struct weft__match_key *key,
                         const struct weft__hdr *hdr, struct weft__request *r)
{
	struct weft__engine *e = p->engine;
	struct weft__message *m = message_from(p, key, hdr->len, hdr->len);
	if (!m) {
		if (r)
			weft__request_end(e, r, WEFT_ENOMEM);
		return NULL;
	}
	m->state = WEFT__ARRIVING;
	m->claimed = r;
	if (r) {
		r->state = WEFT__FILLING;
		r->message = m;
		m->kept.order = e->match.order_next++;
	} else {
		weft__match_keep(&e->match, &m->kept);
		weft__changed(e);
	}
	p->arriving = m;
	return m->bytes;
}

static void *begin_eager(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__engine *e = p->engine;
	struct weft__match_key key = key_of(p, hdr);
	if (!admit(p, hdr))
		return NULL;
	struct weft__request *r = match(e, &key, hdr->len);
	if (r && r->size >= hdr->len) {
		r->state = WEFT__FILLING;
		p->filling = r;
		return r->buf;
	}
	return keep_coming(p, &key, hdr, r);
}

static void end_eager(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__engine *e = p->engine;
	struct weft__request *r = p->filling;
	struct weft__message *m = p->arriving;
	p->filling = NULL;
	p->arriving = NULL;
	if (m) {
		weft__message_whole(e, m);
	} else if (r) {
		weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
		r->status = (weft_status_t){.source = p->tid, .tag = hdr->tag, .nbytes = hdr->len};
		weft__request_end(e, r, 0);
	}
}

static void on_rts(struct weft__peer *p, const struct weft__hdr *hdr, const void *payload)
{
	struct weft__engine *e = p->engine;
	struct weft__match_key key = key_of(p, hdr);
	struct weft__place place;
	bool placed = hdr->len == sizeof place;
	if (hdr->total > WEFT_MSG_MAX || (hdr->len && !placed))
		bad(p, WEFT_EPROTO);
	if (p->error || !admit(p, hdr))
		return;
	if (placed)
		memcpy(&place, payload, sizeof place);
	struct weft__request *r = match(e, &key, hdr->total);
	if (r) {
		weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
		weft__recv_pull(r, p, &key,
		                &(struct weft__offer){.id = hdr->id,
		                                      .order = e->match.order_next++,
		                                      .nbytes = hdr->total,
		                                      .place = placed ? &place : NULL});
		return;
	}
	struct weft__message *m = message_from(p, &key, hdr->total, 0);
	if (!m)
		return;
	m->state = WEFT__OFFERED;
	m->id = hdr->id;
	m->cost += hdr->len;
	m->placed = placed;
	if (placed)
		m->place = place;
	weft__match_keep(&e->match, &m->kept);
	weft__changed(e);
}

/* The receive asks at once for what is missing. Its buffer may be too short even for the head. */
static void *begin_head(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__engine *e = p->engine;
	struct weft__match_key key = key_of(p, hdr);
	if (hdr->total > WEFT_MSG_MAX || hdr->total <= hdr->len)
		bad(p, WEFT_EPROTO);
	if (p->error || !admit(p, hdr))
		return NULL;
	struct weft__request *r = match(e, &key, hdr->total);
	if (r && r->size >= hdr->len) {
		weft__queue_owe(p, WEFT__MESSAGE_COST + hdr->len);
		weft__recv_pull(r, p, &key,
		                &(struct weft__offer){.id = hdr->id,
		                                      .order = e->match.order_next++,
		                                      .nbytes = hdr->total,
		                                      .nhead = hdr->len});
		p->filling = r;
		e->sated = true; /* the question goes out before the head is read */
		return r->buf;
	}
	void *to = keep_coming(p, &key, hdr, r);
	if (to) {
		p->arriving->nbytes = hdr->total;
		p->arriving->id = hdr->id;
		p->arriving->head = true;
	}
	return to;
}

/* --- what serves them ------------------------------------------------------------------------- */

static void on_cts(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__request *r = weft__request_get(p->engine, (weft_request_t){hdr->id});
	bool early = r && r->peer == p && p->current == &r->out && r->out.hdr.kind == WEFT__HEAD;
	if (!r || r->peer != p || (r->state != WEFT__AWAITING && !early))
		return;
	if (hdr->total > r->size - r->moved)
		bad(p, WEFT_EPROTO);
	else
		weft__send_granted(p->engine, r, hdr->total);
}

static void on_credit(struct weft__peer *p, const struct weft__hdr *hdr)
{
	if (hdr->total > p->credit_used) {
		bad(p, WEFT_EPROTO);
		return;
	}
	p->credit_used -= hdr->total;
	weft__queue_ready(p);
}

/* The data of a peer comes in the order of our CTS, so that the first pull is the one, as a rule.
 */
static struct weft__request *pull_of(const struct weft__peer *p, uint64_t id)
{
	for (struct weft__list *l = p->pulls.next; l != &p->pulls; l = l->next) {
		struct weft__request *r = WEFT__CONTAINER(l, struct weft__request, link);
		if (r->id == id)
			return r;
	}
	return NULL;
}

static void on_cancel(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__engine *e = p->engine;
	struct weft__request *r = pull_of(p, hdr->id);
	if (r) {
		weft__list_remove(&r->link);
		if (r->message) {
			weft__message_drop(e, r->message, false);
			weft__request_end(e, r, WEFT_ECANCELED); /* an orphan */
		} else {
			weft__recv_again(e, r, false);
		}
		return;
	}
	for (struct weft__list *l = e->match.kept.next; l != &e->match.kept; l = l->next) {
		struct weft__kept *k = WEFT__CONTAINER(l, struct weft__kept, all);
		struct weft__message *m = WEFT__CONTAINER(k, struct weft__message, kept);
		if (m->peer == p && m->state == WEFT__OFFERED && m->id == hdr->id) {
			weft__message_drop(e, m, false);
			return;
		}
	}
}

static uint8_t *begin_data(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__request *r = pull_of(p, hdr->id);
	if (!r)
		return NULL;
	if (hdr->total != r->moved || hdr->len > r->wanted - r->moved) {
		bad(p, WEFT_EPROTO);
		return NULL;
	}
	p->filling = r;
	return (uint8_t *)r->buf + r->moved;
}

static void end_data(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__request *r = p->filling;
	p->filling = NULL;
	if (r)
		weft__recv_piece(p->engine, r, hdr->len);
}

static void end_head(struct weft__peer *p, const struct weft__hdr *hdr)
{
	struct weft__message *m = p->arriving;
	p->arriving = NULL;
	if (m)
		weft__message_whole(p->engine, m);
	else
		end_data(p, hdr);
}

/* --- the sink --------------------------------------------------------------------------------- */

static __attribute__((noinline)) void serve(struct weft__peer *p, const struct weft__hdr *hdr,
                                            const void *payload)
{
	switch (hdr->kind) {
	case WEFT__RTS:
		on_rts(p, hdr, payload);
		break;
	case WEFT__CTS:
		on_cts(p, hdr);
		break;
	case WEFT__DATA: {
		uint8_t *to = begin_data(p, hdr);
		if (to && hdr->len)
			memcpy(to, payload, hdr->len);
		end_data(p, hdr);
		break;
	}
	case WEFT__HEAD: {
		uint8_t *to = begin_head(p, hdr);
		if (to && hdr->len)
			memcpy(to, payload, hdr->len);
		if (!p->error)
			end_head(p, hdr);
		break;
	}
	case WEFT__CREDIT:
		on_credit(p, hdr);
		break;
	case WEFT__CANCEL:
		on_cancel(p, hdr);
		break;
	default:
		bad(p, WEFT_EPROTO);
	}
}

static void sink_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	struct weft__peer *p = arg;
	if (p->error)
		return;
	if (hdr->kind == WEFT__EAGER)
		on_eager(p, hdr, payload);
	else
		serve(p, hdr, payload);
}

static void *sink_begin(void *arg, const struct weft__hdr *hdr)
{
	struct weft__peer *p = arg;
	if (p->error)
		return NULL;
	if (hdr->kind == WEFT__EAGER)
		return begin_eager(p, hdr);
	if (hdr->kind == WEFT__DATA)
		return begin_data(p, hdr);
	if (hdr->kind == WEFT__HEAD)
		return begin_head(p, hdr);
	bad(p, WEFT_EPROTO); /* the others have no payload */
	return NULL;
}

static void sink_end(void *arg, const struct weft__hdr *hdr)
{
	struct weft__peer *p = arg;
	if (p->error)
		return;
	if (hdr->kind == WEFT__EAGER)
		end_eager(p, hdr);
	else if (hdr->kind == WEFT__HEAD)
		end_head(p, hdr);
	else
		end_data(p, hdr);
}

const struct weft__sink weft__sink = {
        .message = sink_message, .begin = sink_begin, .end = sink_end};
