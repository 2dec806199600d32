/* Receiving.
 *
 * A receive takes the oldest kept message that matches: copies it, or claims it while it is still
 * being written, or asks for its bytes when they are with the sender (CTS). When there is none it
 * is posted, and what arrives does the same to it (arrive.c). A receive from one task wants a
 * channel with it at once, so that the end of that task ends the receive.
 *
 * What can go wrong: the source dies (WEFT_ENOTASK when the receive names it, else the receive goes
 * on waiting for others); the sender takes the message back half-way (the receive looks again); the
 * time is over while the bytes come: then the message becomes a kept one, as if it had not been
 * touched, whose bytes an orphan request goes on collecting. Only a single piece that is under way
 * is waited for.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "task/quick.h"

int weft__recv_room(struct weft__request *r, size_t nbytes)
{
	if (!r->alloc)
		return 0;
	r->buf = r->alloc(nbytes);
	if (!r->buf)
		return WEFT_ENOMEM;
	r->size = nbytes;
	return 0;
}

static int code_of(const struct weft__request *r)
{
	return r->status.nbytes > r->size ? WEFT_ETRUNC : 0;
}

void weft__recv_copy(struct weft__engine *e, struct weft__request *r,
                     const struct weft__match_key *key, const void *bytes, size_t have,
                     size_t nbytes)
{
	size_t n = have < r->size ? have : r->size;
	weft__copy_payload(r->buf, bytes, n);
	r->message = NULL;
	r->status = (weft_status_t){.source = {key->source}, .tag = key->tag, .nbytes = nbytes};
	weft__request_end(e, r, n < nbytes ? WEFT_ETRUNC : 0);
}

void weft__recv_pull(struct weft__request *r, struct weft__peer *p,
                     const struct weft__match_key *key, const struct weft__offer *offer)
{
	size_t nbytes = offer->nbytes;
	r->state = WEFT__PULLING;
	r->peer = p;
	r->id = offer->id;
	r->order = offer->order;
	r->wanted = nbytes < r->size ? nbytes : r->size;
	r->moved = 0;
	r->message = NULL;
	r->status = (weft_status_t){.source = {key->source}, .tag = key->tag, .nbytes = nbytes};
	weft__list_remove(&r->link);
	weft__list_push(&p->pulls, &r->link);
	size_t here = offer->nhead < r->wanted ? offer->nhead : r->wanted;
	if (offer->head && here) {
		memcpy(r->buf, offer->head, here);
		r->moved = here;
	} else if (offer->place &&
	           weft__share_fetch(p, offer->place, offer->id, nbytes, r->buf, r->wanted)) {
		here = r->moved = r->wanted;
	}
	r->out.hdr = (struct weft__hdr){
	        .kind = WEFT__CTS, .id = offer->id, .total = r->wanted - here};
	r->out.payload = NULL;
	r->out.taken = 0;
	weft__queue_add(p, &p->control, &r->out);
}

void weft__recv_piece(struct weft__engine *e, struct weft__request *r, size_t nbytes)
{
	r->moved += nbytes;
	if (r->hurry)
		weft__changed(e);
	if (r->moved < r->wanted || weft__queue_has(r->peer, &r->out))
		return; /* without the CTS the sender would not know */
	struct weft__message *m = r->message;
	weft__request_end(e, r, code_of(r)); /* with a message it is an orphan */
	if (m)
		weft__message_whole(e, m);
}

void weft__recv_pull_kept(struct weft__request *r, struct weft__message *m)
{
	weft__recv_pull(r, m->peer, &m->kept.key,
	                &(struct weft__offer){.id = m->id,
	                                      .order = m->kept.order,
	                                      .nbytes = m->nbytes,
	                                      .place = m->placed ? &m->place : NULL,
	                                      .nhead = m->have,
	                                      .head = m->bytes});
}

/* --- matching --------------------------------------------------------------------------------- */

/* Take a kept message. WEFT_ENOMEM: no room for it was to be had, and it stays. */
static int take(struct weft__engine *e, struct weft__request *r, struct weft__message *m)
{
	int rc = weft__recv_room(r, m->nbytes);
	if (rc)
		return rc;
	weft__match_take(&e->match, &m->kept);
	if (m->state == WEFT__ARRIVING) {
		m->claimed = r;
		r->message = m;
		r->state = WEFT__FILLING;
		return 0;
	}
	if (m->peer)
		weft__queue_owe(m->peer, m->cost);
	if (m->state == WEFT__OFFERED)
		weft__recv_pull_kept(r, m);
	else
		weft__recv_copy(e, r, &m->kept.key, m->bytes, m->have, m->nbytes);
	weft__message_free(e, m);
	return 0;
}

static struct weft__message *find(struct weft__engine *e, const struct weft__match_key *key)
{
	struct weft__kept *k = e->match.nkept ? weft__match_find(&e->match, key) : NULL;
	return k ? WEFT__CONTAINER(k, struct weft__message, kept) : NULL;
}

/* A channel with the source, if it is one task. What a dead one can still bring is the notice of
 * its end. */
static int reach(struct weft__engine *e, const struct weft__match_key *key)
{
	struct weft__peer *p = weft__peer_recent(e, key->source);
	if ((p && p->state == WEFT__OPEN) || key->source == WEFT_ANY_TASK.v ||
	    key->source == e->self.v)
		return 0;
	if (key->source == 0)
		return WEFT_ENOTASK;
	p = weft__peer_get(e, (weft_tid_t){key->source});
	int rc = p ? weft__peer_connect(e, p) : WEFT_ENOMEM;
	return rc == WEFT_ENOTASK && weft__notice_expected(e, key) ? 0 : rc;
}

int weft__recv_start(struct weft__engine *e, struct weft__request *r,
                     const struct weft__match_key *key)
{
	r->posted.key = *key;
	r->status = (weft_status_t){.source.v = key->source};
	struct weft__message *m = find(e, key);
	if (m)
		return take(e, r, m);
	int rc = reach(e, key);
	if (rc == 0)
		rc = weft__match_post(&e->match, &r->posted);
	if (rc == 0)
		r->state = WEFT__POSTED;
	return rc;
}

void weft__recv_again(struct weft__engine *e, struct weft__request *r, bool dead)
{
	weft__list_remove(&r->link);
	if (r->peer && weft__queue_withdraw(r->peer, &r->out) == WEFT_ENOMEM)
		r->peer->error = WEFT_ENOMEM;
	r->peer = NULL;
	r->message = NULL;
	if (r->alloc) {
		weft__free(r->buf);
		r->buf = NULL;
	}
	if (dead && r->posted.key.source != WEFT_ANY_TASK.v) {
		weft__request_end(e, r, WEFT_ENOTASK);
		return;
	}
	struct weft__message *m = find(e, &r->posted.key);
	int rc = m ? take(e, r, m) : weft__match_repost(&e->match, &r->posted);
	if (rc)
		weft__request_end(e, r, rc);
	else if (!m)
		r->state = WEFT__POSTED;
}

/* --- giving up -------------------------------------------------------------------------------- */

int weft__recv_cancel(struct weft__engine *e, struct weft__request *r)
{
	if (r->state != WEFT__POSTED)
		return WEFT_EALREADY;
	weft__match_withdraw(&e->match, &r->posted);
	weft__request_end(e, r, WEFT_ECANCELED);
	return 0;
}

/* A message that comes, and that its receive no longer wants, goes to another receive, or is kept.
 */
static void pass_on(struct weft__engine *e, struct weft__message *m)
{
	m->claimed = NULL;
	struct weft__posted *posted;
	while ((posted = weft__match_arrive(&e->match, &m->kept.key))) {
		struct weft__request *r = WEFT__CONTAINER(posted, struct weft__request, posted);
		if (weft__recv_room(r, m->nbytes)) {
			weft__request_end(e, r, WEFT_ENOMEM);
			continue;
		}
		m->claimed = r;
		r->message = m;
		r->state = WEFT__FILLING;
		return;
	}
	weft__match_rekeep(&e->match, &m->kept);
	weft__changed(e);
}

/* The bytes go on coming, into a message. false: no memory. */
static bool land(struct weft__engine *e, struct weft__request *r)
{
	struct weft__match_key key = {r->status.source.v, r->posted.key.context, r->status.tag};
	struct weft__message *m = weft__message_new(e, &key, r->wanted);
	if (!m)
		return false;
	m->state = WEFT__ARRIVING;
	m->nbytes = r->status.nbytes;
	m->peer = r->peer;
	m->kept.order = r->order;
	if (r->moved)
		memcpy(m->bytes, r->buf, r->moved);
	if (r->alloc)
		weft__free(r->buf);
	r->alloc = NULL;
	r->buf = m->bytes;
	r->message = m;
	r->orphan = true;
	pass_on(e, m);
	return true;
}

static bool between_pieces(void *request)
{
	const struct weft__request *r = request;
	return r->state == WEFT__ENDED || !r->peer || r->peer->filling != r;
}

int weft__recv_give_up(struct weft__engine *e, struct weft__request *r)
{
	if (r->state == WEFT__POSTED) {
		weft__match_withdraw(&e->match, &r->posted);
		weft__request_free(e, r);
		return WEFT_ETIMEDOUT;
	}
	if (r->state == WEFT__FILLING && r->message) {
		struct weft__message *m = r->message;
		if (r->alloc)
			weft__free(r->buf);
		weft__request_free(e, r);
		pass_on(e, m);
		return WEFT_ETIMEDOUT;
	}
	if (r->state == WEFT__PULLING) {
		r->hurry = true;
		weft__await(e, between_pieces, r, WEFT__NEVER);
		if (r->state == WEFT__POSTED)
			return weft__recv_give_up(e, r);
		if (r->state == WEFT__PULLING && land(e, r))
			return WEFT_ETIMEDOUT;
	}
	weft__await(e, weft__has_ended, r, WEFT__NEVER);
	return 0;
}

/* --- the calls -------------------------------------------------------------------------------- */

static bool bad_pattern(int32_t tag)
{
	return tag < 0 && tag != WEFT_ANY_TAG;
}

/* Nothing is kept, the source has its channel, and such receives were posted before: it is posted.
 */
static inline bool post_quickly(struct weft__engine *e, struct weft__request *r)
{
	struct weft__peer *p = weft__peer_recent(e, r->posted.key.source);
	if (e->match.nkept || !p || p->state != WEFT__OPEN || r->posted.key.tag < 0 ||
	    !weft__match_post_recent(&e->match, &r->posted))
		return false;
	r->state = WEFT__POSTED;
	return true;
}

static __attribute__((noinline)) int irecv_slowly(struct weft__engine *e, struct weft__request *r,
                                                  weft_request_t *handle)
{
	struct weft__match_key key = r->posted.key;
	int rc = weft__recv_start(e, r, &key);
	if (rc)
		weft__request_free(e, r);
	else
		*handle = weft__request_handle(r);
	return rc;
}

int weft__irecv(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                void *buf, size_t size, weft_request_t *handle)
{
	if (bad_pattern(tag) || (!buf && size) || !handle)
		return WEFT_EINVAL;
	weft__lock(e);
	struct weft__request *r = weft__request_new(e);
	int rc = WEFT_ENOMEM;
	if (r) {
		r->buf = buf;
		r->size = size;
		r->posted.key = (struct weft__match_key){from.v, context.v, tag};
		r->status.source = from;
		if (post_quickly(e, r)) {
			*handle = weft__request_handle(r);
			rc = 0;
		} else {
			rc = irecv_slowly(e, r, handle);
		}
		weft__queue_flush(e);
	}
	weft__unlock(e);
	return rc;
}

static int receive(struct weft__engine *e, const struct weft__match_key *key, weft__alloc_fn *alloc,
                   void **buf, size_t size, weft_status_t *status, int timeout_ms)
{
	weft__lock(e);
	struct weft__direct direct = {.key = *key, .buf = alloc ? NULL : *buf, .size = size};
	if (!alloc && timeout_ms && weft__direct(e, &direct)) {
		int code = direct.status.code;
		if (direct.request) {
			weft__queue_flush(e); /* it may have to be asked for */
			code = weft__complete(e, direct.request, status, NULL, weft__until(timeout_ms));
		} else if (status) {
			*status = direct.status;
		}
		weft__unlock(e);
		return code == WEFT_ENOTASK ? weft__no_task((weft_tid_t){key->source}) : code;
	}
	int rc = WEFT_ENOMEM;
	struct weft__request *r = weft__request_new(e);
	if (r) {
		r->alloc = alloc;
		r->buf = alloc ? NULL : *buf;
		r->size = size;
		rc = weft__recv_start(e, r, key);
		weft__queue_flush(e);
		if (rc)
			weft__request_free(e, r);
		else
			rc = weft__complete(e, r, status, buf,
			                    r->state == WEFT__ENDED ? 0 : weft__until(timeout_ms));
	}
	weft__unlock(e);
	return rc == WEFT_ENOTASK ? weft__no_task((weft_tid_t){key->source}) : rc;
}

int weft__recv(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
               void *buf, size_t size, weft_status_t *status, int timeout_ms)
{
	if (bad_pattern(tag) || (!buf && size))
		return WEFT_EINVAL;
	struct weft__match_key key = {from.v, context.v, tag};
	return receive(e, &key, NULL, &buf, size, status, timeout_ms);
}

int weft__recv_alloc_by(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                        weft__alloc_fn *alloc, void **buf, weft_status_t *status, int timeout_ms)
{
	if (bad_pattern(tag) || !buf)
		return WEFT_EINVAL;
	struct weft__match_key key = {from.v, context.v, tag};
	return receive(e, &key, alloc, buf, 0, status, timeout_ms);
}

int weft__recv_alloc(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                     void **buf, weft_status_t *status, int timeout_ms)
{
	return weft__recv_alloc_by(e, from, context, tag, weft__malloc, buf, status, timeout_ms);
}

struct probe {
	struct weft__engine *e;
	struct weft__match_key key;
	const struct weft__message *found;
	int code;
};

static bool probed(void *arg)
{
	struct probe *probe = arg;
	probe->found = find(probe->e, &probe->key);
	if (!probe->found)
		probe->code = reach(probe->e, &probe->key);
	return probe->found || probe->code;
}

int weft__probe(struct weft__engine *e, weft_tid_t from, weft_context_t context, int32_t tag,
                weft_status_t *status, int timeout_ms)
{
	if (bad_pattern(tag))
		return WEFT_EINVAL;
	weft__lock(e);
	struct probe probe = {.e = e, .key = {from.v, context.v, tag}};
	int rc = weft__await(e, probed, &probe, weft__until(timeout_ms));
	if (rc == 0)
		rc = probe.code;
	if (rc == 0 && status)
		*status = (weft_status_t){.source = {probe.found->kept.key.source},
		                          .tag = probe.found->kept.key.tag,
		                          .nbytes = probe.found->nbytes};
	weft__unlock(e);
	return rc == WEFT_ENOTASK ? weft__no_task(from) : rc;
}
