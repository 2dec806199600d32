/* The other tasks, as the engine sees them.
 *
 * The first message for a task, or the first receive from it, makes it a peer and asks the node for
 * a channel (CONNECT). When the channel comes (CHANNEL, also unasked, because the other one asked),
 * what was queued goes out (queue.c) and what comes goes to the matching (arrive.c).
 *
 * What can go wrong: there is no such task, or no channel to be had (weft__peer_fail: the calls
 * that wait end, a later one may try again unless the task is dead); the channel takes no more (the
 * sends end with WEFT_ENOTASK, what the peer has committed is still received); the channel ends or
 * brings bad bytes, or the task has ended and its channel is drained (weft__peer_end: its exit
 * notices are delivered, then the receives that name it end with WEFT_ENOTASK). A dead peer leaves
 * a tombstone: tids do not come back.
 */
#include "config.h"

#include "base/clock.h"
#include "base/heap.h"
#include "task/quick.h"

#define DRAIN_NS                                                                                   \
	UINT64_C(2000000000) /* quiet time after which a stream of an ended task counts as drained \
	                      */

enum { NACTIVE_MIN = 8 };

/* What stands in the map for all that are dead. */
static struct weft__peer tombstone = {.state = WEFT__DEAD, .fd = -1};

struct weft__peer *weft__peer_find(struct weft__engine *e, weft_tid_t tid)
{
	struct weft__peer *p = weft__peer_recent(e, tid.v);
	if (p)
		return p;
	p = weft__map_get(&e->peers, tid.v);
	if (p && p != &tombstone)
		e->recent[weft__peer_place(tid.v)] = p;
	return p;
}

static struct weft__peer *peer_new(struct weft__engine *e, weft_tid_t tid)
{
	struct weft__peer *p = weft__calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->tid = tid;
	p->state = WEFT__STRANGER;
	p->engine = e;
	p->fd = -1;
	p->sink = weft__sink;
	p->sink.arg = p;
	p->sink.sated = &e->sated;
	p->sink.leisure_ns = &e->leisure_ns;
	weft__list_init(&p->ready);
	weft__list_init(&p->control);
	weft__list_init(&p->messages);
	weft__list_init(&p->streams);
	weft__list_init(&p->sends);
	weft__list_init(&p->pulls);
	weft__list_init(&p->notices);
	if (weft__map_put(&e->peers, tid.v, p)) {
		weft__free(p);
		return NULL;
	}
	return p;
}

struct weft__peer *weft__peer_get(struct weft__engine *e, weft_tid_t tid)
{
	struct weft__peer *p = weft__peer_find(e, tid);
	return p ? p : peer_new(e, tid);
}

int weft__peer_connect(struct weft__engine *e, struct weft__peer *p)
{
	if (p->state != WEFT__STRANGER)
		return p->state == WEFT__DEAD ? WEFT_ENOTASK : 0;
	struct weft__msg m = {.code = WEFT__MSG_CONNECT, .connect = {.tid = p->tid.v}};
	int rc = weft__control_send(e, &m);
	if (rc == 0)
		p->state = WEFT__CONNECTING;
	return rc;
}

int weft__peer_open(struct weft__engine *e, struct weft__peer *p, struct weft__channel **c)
{
	if (e->nactive == e->nactive_max) {
		uint32_t max = e->nactive_max ? 2 * e->nactive_max : NACTIVE_MIN;
		struct weft__peer **active =
		        weft__realloc(e->active, max * sizeof(struct weft__peer *));
		if (!active)
			return WEFT_ENOMEM;
		e->active = active;
		e->nactive_max = max;
	}
	p->channel = *c;
	*c = NULL;
	p->state = WEFT__OPEN;
	p->active = e->nactive;
	e->active[e->nactive++] = p;
	weft__queue_push(p);
	weft__rouse(e);
	return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Receives that named it and were not matched; a dead one's notices may still be on their way. */
static void end_posted(struct weft__engine *e, weft_tid_t tid, int code)
{
	struct weft__posted *posted;
	struct weft__list *l, stay;
	weft__list_init(&stay);
	while ((posted = weft__match_posted_from(&e->match, tid.v))) {
		weft__match_withdraw(&e->match, posted);
		if (code == WEFT_ENOTASK && weft__notice_expected(e, &posted->key))
			weft__list_push(&stay, &posted->link);
		else
			weft__request_end(e, WEFT__CONTAINER(posted, struct weft__request, posted),
			                  code);
	}
	while ((l = weft__list_pop(&stay))) {
		posted = WEFT__CONTAINER(l, struct weft__posted, link);
		if (weft__match_repost(&e->match, posted))
			weft__request_end(e, WEFT__CONTAINER(posted, struct weft__request, posted),
			                  WEFT_ENOMEM);
	}
}

void weft__peer_told(struct weft__engine *e, weft_tid_t tid)
{
	if (weft__peer_find(e, tid) == &tombstone)
		end_posted(e, tid, WEFT_ENOTASK);
}

/* Messages that it left unfinished. Its whole ones stay. */
static void end_messages(struct weft__engine *e, struct weft__peer *p)
{
	for (struct weft__list *l = p->pulls.next; l != &p->pulls;) {
		struct weft__request *r = WEFT__CONTAINER(l, struct weft__request, link);
		l = l->next;
		if (r->message) {
			weft__list_remove(&r->link);
			weft__message_drop(e, r->message, true);
			weft__request_end(e, r, WEFT_ENOTASK); /* an orphan */
		}
	}
	for (struct weft__list *l = e->match.kept.next; l != &e->match.kept;) {
		struct weft__kept *k = WEFT__CONTAINER(l, struct weft__kept, all);
		struct weft__message *m = WEFT__CONTAINER(k, struct weft__message, kept);
		l = l->next;
		if (m->peer != p)
			continue;
		m->peer = NULL;
		if (m->state == WEFT__WHOLE)
			continue;
		if (p->arriving == m)
			p->arriving = NULL;
		weft__message_drop(e, m, true);
	}
	if (p->arriving)
		weft__message_drop(e, p->arriving, true);
	p->arriving = NULL;
}

/* Receives that it had begun to fill: other tasks' messages may do for those that named nobody. */
static void end_receives(struct weft__engine *e, struct weft__peer *p)
{
	struct weft__list *l;
	if (p->filling && p->filling->state == WEFT__FILLING)
		weft__recv_again(e, p->filling, true);
	p->filling = NULL;
	while ((l = weft__list_pop(&p->pulls)))
		weft__recv_again(e, WEFT__CONTAINER(l, struct weft__request, link), true);
}

/* Its last messages: that it has ended. */
static void deliver_notices(struct weft__engine *e, struct weft__peer *p)
{
	struct weft__list *l;
	while ((l = weft__list_pop(&p->notices))) {
		struct weft__kept *k = WEFT__CONTAINER(l, struct weft__kept, all);
		weft__message_deliver(e, WEFT__CONTAINER(k, struct weft__message, kept));
	}
}

static void close_channel(struct weft__engine *e, struct weft__peer *p)
{
	weft__wait_forget_fd(e, p->fd);
	p->channel->ops->close(&p->channel);
	struct weft__peer *last = e->active[--e->nactive];
	e->active[p->active] = last;
	last->active = p->active;
	if (p->gone)
		e->ndraining--;
}

static void peer_free(struct weft__engine *e, struct weft__peer *p)
{
	weft__list_remove(&p->ready);
	if (weft__peer_recent(e, p->tid.v))
		e->recent[weft__peer_place(p->tid.v)] = NULL;
	weft__free(p->limbo_copy);
	weft__share_end(p);
	weft__free(p);
}

void weft__peer_end(struct weft__engine *e, struct weft__peer *p)
{
	if (p == &tombstone)
		return;
	if (p->state == WEFT__OPEN)
		close_channel(e, p);
	p->state = WEFT__DEAD;
	weft__queue_end(p, WEFT_ENOTASK);
	end_messages(e, p);
	end_receives(e, p);
	deliver_notices(e, p);
	end_posted(e, p->tid, WEFT_ENOTASK);
	weft__map_put(&e->peers, p->tid.v, &tombstone); /* its place is there: this can't fail */
	peer_free(e, p);
	weft__changed(e);
}

void weft__peer_gone(struct weft__engine *e, struct weft__peer *p, bool lost)
{
	if (p->state != WEFT__OPEN) {
		weft__peer_end(e, p);
		return;
	}
	p->lost = p->lost || lost;
	if (p->gone)
		return;
	p->gone = true;
	p->quiet_since_ns = weft__clock_ns();
	e->ndraining++;
	weft__rouse(e);
}

void weft__peer_fail(struct weft__engine *e, struct weft__peer *p, int code)
{
	if (p->state != WEFT__CONNECTING)
		return;
	if (code == WEFT_ENOTASK || p->doomed) {
		weft__peer_end(e, p);
		return;
	}
	p->state = WEFT__STRANGER;
	weft__queue_end(p, code);
	end_posted(e, p->tid, code);
	weft__changed(e);
}

/* Some peer that waits for its channel, NULL: none. */
static struct weft__peer *connecting(struct weft__engine *e, size_t *cursor)
{
	void *value;
	uint64_t tid;
	while (weft__map_next(&e->peers, cursor, &tid, &value)) {
		struct weft__peer *p = value;
		if (p->state == WEFT__CONNECTING)
			return p;
	}
	return NULL;
}

void weft__peers_unreachable(struct weft__engine *e, int code)
{
	struct weft__peer *p;
	size_t cursor = 0;
	while ((p = connecting(e, &cursor)))
		weft__peer_fail(e, p, code);
}

void weft__peers_known(struct weft__engine *e)
{
	enum { PART = 4096 };
	uint64_t tids[PART];
	size_t n = 0;
	for (uint32_t i = 0; i < e->nactive; i++) {
		tids[n++] = e->active[i]->tid.v;
		if (n < PART && i + 1 < e->nactive)
			continue;
		struct weft__msg m = {.code = WEFT__MSG_CONNECTED, .connected = {.tids = {tids, n}}};
		weft__control_send(e, &m);
		n = 0;
	}
}

void weft__peers_ask_again(struct weft__engine *e)
{
	struct weft__peer *p;
	size_t cursor = 0;
	while ((p = connecting(e, &cursor))) {
		p->state = WEFT__STRANGER;
		if (weft__peer_connect(e, p)) {
			p->state = WEFT__CONNECTING;
			weft__peer_fail(e, p, WEFT_ENOVM);
		}
	}
}

/* --- receiving -------------------------------------------------------------------------------- */

/* The task has ended: is there nothing more in its channel? */
static bool drained(const struct weft__peer *p)
{
	short events;
	if (p->lost || p->channel->ops->pollfd(p->channel, &events) < 0)
		return true; /* shared memory: what it committed is there to be seen */
	return weft__clock_ns() - p->quiet_since_ns >
	       DRAIN_NS; /* else the end of the stream tells */
}

int weft__peer_poll(struct weft__engine *e, struct weft__peer *p)
{
	int rc = p->channel->ops->poll(p->channel, &p->sink);
	if (rc < 0 || p->error) {
		weft__peer_end(e, p);
		return 1;
	}
	if (p->gone) {
		if (rc) {
			p->quiet_since_ns = weft__clock_ns();
		} else if (drained(p)) {
			weft__peer_end(e, p);
			return 1;
		}
	}
	if (p->blocked)
		weft__queue_push(p);
	return rc;
}

void weft__peers_close(struct weft__engine *e)
{
	while (e->nactive) {
		struct weft__peer *p = e->active[e->nactive - 1];
		close_channel(e, p);
		p->state = WEFT__STRANGER;
	}
}

void weft__peers_fini(struct weft__engine *e)
{
	size_t cursor = 0;
	void *value;
	uint64_t tid;
	while (weft__map_next(&e->peers, &cursor, &tid, &value)) {
		struct weft__peer *p = value;
		if (p == &tombstone)
			continue;
		if (p->state == WEFT__OPEN)
			close_channel(e, p);
		for (struct weft__list *l; (l = weft__list_pop(&p->pulls));) {
			struct weft__request *r = WEFT__CONTAINER(l, struct weft__request, link);
			if (r->message && r->message->claimed)
				weft__message_free(
				        e, r->message); /* the kept ones are freed with the others */
		}
		if (p->arriving && p->arriving->claimed)
			weft__message_free(e, p->arriving);
		for (struct weft__list *l; (l = weft__list_pop(&p->notices));)
			weft__message_free(e,
			        WEFT__CONTAINER(WEFT__CONTAINER(l, struct weft__kept, all),
			                        struct weft__message, kept));
		peer_free(e, p);
	}
	weft__map_fini(&e->peers);
	weft__free(e->active);
}
