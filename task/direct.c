/* The shortest way to receive a message that is about to come.
 *
 * Nothing is posted and there is no request: the receive says in e->direct what it wants and polls
 * the sender's channel; the sink gives it the first message that fits, and the poll ends there
 * (e->sated), so that what comes behind stays in the channel until it is wanted. A message that
 * comes in parts, or is only announced, makes a request of the receive, which goes on as any other.
 *
 * It is a shortcut, taken when it makes no difference: no message is kept and no receive is posted
 * that could come before it, nobody else polls. When the message has not come within some
 * microseconds, or another one had to be kept, or the peer ends, it gives up, with nothing changed,
 * and the usual receive goes on from there.
 */
#include "config.h"

#include <string.h>

#include "task/quick.h"

enum {
	ROUNDS = 512,         /* some microseconds */
	ROUNDS_CROWDED = 1,   /* the sender may wait for this processor */
	ROUNDS_PER_STEP = 32, /* also of successive receives: other peers' turn */
};

/* Is there nothing that goes before? */
static bool is_alone(const struct weft__engine *e)
{
	const struct weft__match *m = &e->match;
	return m->nkept + m->nposted[WEFT__MATCH_EXACT] + m->nposted[WEFT__MATCH_ANY_TAG] +
	               m->nposted[WEFT__MATCH_ANY_TASK] + m->nposted[WEFT__MATCH_ANY] ==
	       0;
}

/* The sender, when it has a channel in good order; NULL: it has not. */
static struct weft__peer *sender(struct weft__engine *e, uint64_t source)
{
	struct weft__peer *p = weft__peer_recent(e, source);
	if (!p)
		p = weft__peer_find(e, (weft_tid_t){source});
	return p && p->state == WEFT__OPEN && !p->gone ? p : NULL;
}

bool weft__direct(struct weft__engine *e, struct weft__direct *d)
{
	/* A thread that looks on needs to be told of changes, and may want the lock. */
	struct weft__peer *p = e->polling || e->locked || !is_alone(e) ? NULL : sender(e, d->key.source);
	if (!p)
		return false;
	uint32_t place = p->active;
	unsigned rounds = e->crowded ? ROUNDS_CROWDED : ROUNDS;
	weft__queue_flush(e);
	e->direct = d;
	for (unsigned round = 0; e->direct && round < rounds; round++) {
		e->sated = false;
		if (e->direct_rounds++ % ROUNDS_PER_STEP == 0)
			weft__step(e);
		else
			weft__peer_poll(e, p);
		if (!is_alone(e) || place >= e->nactive || e->active[place] != p)
			break; /* p may be no more */
	}
	bool ended = !e->direct;
	e->direct = NULL;
	e->awaited = NULL;
	return ended;
}

static bool fits(const struct weft__engine *e, const struct weft__match_key *key)
{
	const struct weft__match_key *k = &e->direct->key;
	return k->source == key->source && k->context == key->context && k->tag == key->tag &&
	       is_alone(e);
}

bool weft__direct_arrive(struct weft__engine *e, const struct weft__match_key *key,
                         const void *payload, size_t nbytes)
{
	struct weft__direct *d = e->direct;
	if (!fits(e, key))
		return false;
	size_t n = nbytes < d->size ? nbytes : d->size;
	if (n)
		memcpy(d->buf, payload, n);
	d->status = (weft_status_t){.source.v = key->source,
	                            .tag = key->tag,
	                            .nbytes = nbytes,
	                            .code = n < nbytes ? WEFT_ETRUNC : 0};
	e->direct = NULL;
	e->sated = true;
	return true;
}

struct weft__request *weft__direct_become(struct weft__engine *e, const struct weft__match_key *key)
{
	struct weft__direct *d = e->direct;
	struct weft__request *r = fits(e, key) ? weft__request_new(e) : NULL;
	if (!r)
		return NULL; /* the message is kept */
	r->buf = d->buf;
	r->size = d->size;
	r->posted.key = d->key;
	r->status = (weft_status_t){.source.v = d->key.source};
	d->request = r;
	e->direct = NULL;
	e->awaited = r;
	return r;
}
