/* Matching in constant time.
 *
 * There is one queue for each key that is in use; the wildcards stand in keys as values of their
 * own. A posted receive waits in the queue of its key. A message may be asked for by four keys (its
 * own, any tag, any task, any of both) and looks at the front of these four queues: the oldest
 * receive wins. Classes in which nothing is posted are skipped.
 *
 * The other way round a kept message waits in four queues, of which a receive looks at one. Most
 * programs ask in one or two of the four ways, so that a class's index is made at the first
 * question of that class and kept up to date from then on. Should memory for an index run out, it
 * is dropped and questions walk over all kept messages: slow, but right.
 *
 * Queues that become empty stay for a while, since the same keys come back.
 */
#include "config.h"

#include "task/match.h"

#include "base/heap.h"
#include "bindings/c/weft.h"

enum {
	NBUCKETS_MIN = 64,
	NIDLE_MAX = 1024,
};

static const uint64_t any_source = UINT64_MAX;

static unsigned class_of(const struct weft__match_key *key)
{
	return (key->source == any_source ? WEFT__MATCH_ANY_TASK : 0u) |
	       (key->tag == WEFT_ANY_TAG ? WEFT__MATCH_ANY_TAG : 0u);
}

/* The key by which a receive of this class asks for a message. */
static struct weft__match_key as_asked(const struct weft__match_key *key, unsigned class)
{
	return (struct weft__match_key){
	        .source = class & WEFT__MATCH_ANY_TASK ? any_source : key->source,
	        .context = key->context,
	        .tag = class & WEFT__MATCH_ANY_TAG ? WEFT_ANY_TAG : key->tag,
	};
}

static size_t hash(const struct weft__match_key *key)
{
	uint64_t h = key->source * 0x9e3779b97f4a7c15u;
	h ^= ((uint64_t)key->context << 32 | (uint32_t)key->tag) * 0xbf58476d1ce4e5b9u;
	h = (h ^ h >> 29) * 0x94d049bb133111ebu;
	return (size_t)(h ^ h >> 32);
}

/* --- queues ----------------------------------------------------------------------------------- */

static struct weft__match_queue *queue_find(const struct weft__match *m,
                                            const struct weft__match_key *key)
{
	struct weft__match_queue *q = weft__match_recent(m, key);
	if (q || !m->nbuckets)
		return q;
	q = m->buckets[hash(key) & (m->nbuckets - 1)];
	while (q && !weft__match_equal(&q->key, key))
		q = q->next;
	return q;
}

static void buckets_grow(struct weft__match *m)
{
	size_t n = m->nbuckets ? m->nbuckets * 2 : NBUCKETS_MIN;
	struct weft__match_queue **buckets = weft__calloc(n, sizeof *buckets);
	if (!buckets)
		return; /* the chains get longer, that is all */
	for (size_t i = 0; i < m->nbuckets; i++) {
		while (m->buckets[i]) {
			struct weft__match_queue *q = m->buckets[i];
			m->buckets[i] = q->next;
			q->next = buckets[hash(&q->key) & (n - 1)];
			buckets[hash(&q->key) & (n - 1)] = q;
		}
	}
	weft__free(m->buckets);
	m->buckets = buckets;
	m->nbuckets = n;
}

static void queue_unchain(struct weft__match *m, struct weft__match_queue *q)
{
	struct weft__match_queue **at = &m->buckets[hash(&q->key) & (m->nbuckets - 1)];
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	m->nqueues--;
}

/* A queue that can be given a key: the longest idle one when there are many, else a new one. */
static struct weft__match_queue *queue_spare(struct weft__match *m)
{
	if (m->nidle < NIDLE_MAX) {
		struct weft__match_queue *q = weft__malloc(sizeof *q);
		if (q) {
			weft__list_init(&q->posted);
			weft__list_init(&q->kept);
			weft__list_init(&q->idle);
			q->recent = false;
			return q;
		}
	}
	struct weft__list *oldest = weft__list_pop(&m->idle);
	if (!oldest)
		return NULL;
	m->nidle--;
	struct weft__match_queue *q = WEFT__CONTAINER(oldest, struct weft__match_queue, idle);
	queue_unchain(m, q);
	return q;
}

/* After something left it. A recent one is not idle, even when it is empty. */
static void queue_settle(struct weft__match *m, struct weft__match_queue *q)
{
	if (!q->recent && weft__list_empty(&q->posted) && weft__list_empty(&q->kept)) {
		weft__list_push(&m->idle, &q->idle);
		m->nidle++;
	}
}

static struct weft__match_queue *queue_use(struct weft__match *m, struct weft__match_queue *q)
{
	struct weft__match_queue **place = &m->recent[weft__match_place(&q->key)], *before = *place;
	if (!weft__list_empty(&q->idle)) {
		weft__list_remove(&q->idle);
		m->nidle--;
	}
	*place = q;
	q->recent = true;
	if (before) {
		before->recent = false;
		queue_settle(m, before);
	}
	return q;
}

/* The queue of a key, made when missing; NULL when there is no memory. */
static struct weft__match_queue *queue_get(struct weft__match *m, const struct weft__match_key *key)
{
	struct weft__match_queue *q = queue_find(m, key);
	if (q)
		return q->recent ? q : queue_use(m, q);
	if (m->nqueues >= m->nbuckets)
		buckets_grow(m);
	if (!m->nbuckets)
		return NULL;
	q = queue_spare(m);
	if (!q)
		return NULL;
	q->key = *key;
	struct weft__match_queue **bucket = &m->buckets[hash(key) & (m->nbuckets - 1)];
	q->next = *bucket;
	*bucket = q;
	m->nqueues++;
	return queue_use(m, q);
}

void weft__match_init(struct weft__match *m)
{
	*m = (struct weft__match){.indexed = {[WEFT__MATCH_EXACT] = true}};
	weft__list_init(&m->idle);
	weft__list_init(&m->kept);
}

void weft__match_fini(struct weft__match *m)
{
	for (size_t i = 0; i < m->nbuckets; i++) {
		while (m->buckets[i]) {
			struct weft__match_queue *q = m->buckets[i];
			m->buckets[i] = q->next;
			weft__free(q);
		}
	}
	weft__free(m->buckets);
	weft__match_init(m);
}

/* --- receives --------------------------------------------------------------------------------- */

static int post(struct weft__match *m, struct weft__posted *p)
{
	p->queue = queue_get(m, &p->key);
	if (!p->queue)
		return WEFT_ENOMEM;
	m->nposted[class_of(&p->key)]++;
	/* Behind all older ones: at the end, unless it was posted before. */
	struct weft__list *at = &p->queue->posted;
	while (at->prev != &p->queue->posted &&
	       WEFT__CONTAINER(at->prev, struct weft__posted, link)->order > p->order)
		at = at->prev;
	weft__list_push(at, &p->link);
	return 0;
}

int weft__match_post(struct weft__match *m, struct weft__posted *p)
{
	p->order = m->order_next++;
	return post(m, p);
}

int weft__match_repost(struct weft__match *m, struct weft__posted *p)
{
	return post(m, p);
}

void weft__match_withdraw(struct weft__match *m, struct weft__posted *p)
{
	struct weft__match_queue *q = p->queue;
	weft__list_remove(&p->link);
	p->queue = NULL;
	m->nposted[class_of(&p->key)]--;
	queue_settle(m, q);
}

struct weft__posted *weft__match_arrive(struct weft__match *m, const struct weft__match_key *key)
{
	struct weft__posted *oldest = weft__match_arrive_recent(m, key);
	if (oldest)
		return oldest;
	for (unsigned class = 0; class < WEFT__MATCH_NCLASSES; class ++) {
		if (!m->nposted[class])
			continue;
		struct weft__match_key asked = as_asked(key, class);
		struct weft__match_queue *q = queue_find(m, &asked);
		if (!q || weft__list_empty(&q->posted))
			continue;
		struct weft__posted *p = WEFT__CONTAINER(q->posted.next, struct weft__posted, link);
		if (!oldest || p->order < oldest->order)
			oldest = p;
	}
	if (oldest)
		weft__match_withdraw(m, oldest);
	return oldest;
}

struct weft__posted *weft__match_posted_from(const struct weft__match *m, uint64_t source)
{
	for (size_t i = 0; i < m->nbuckets; i++)
		for (struct weft__match_queue *q = m->buckets[i]; q; q = q->next)
			if (q->key.source == source && !weft__list_empty(&q->posted))
				return WEFT__CONTAINER(q->posted.next, struct weft__posted, link);
	return NULL;
}

/* --- kept messages ---------------------------------------------------------------------------- */

static void index_remove(struct weft__match *m, struct weft__kept *k, unsigned class)
{
	struct weft__match_queue *q = k->queues[class];
	if (!q)
		return;
	weft__list_remove(&k->links[class]);
	k->queues[class] = NULL;
	queue_settle(m, q);
}

static void index_drop(struct weft__match *m, unsigned class)
{
	m->indexed[class] = false;
	for (struct weft__list *l = m->kept.next; l != &m->kept; l = l->next)
		index_remove(m, WEFT__CONTAINER(l, struct weft__kept, all), class);
}

/* Behind all older ones in the queue of this class; false when there is no memory. */
static bool index_add(struct weft__match *m, struct weft__kept *k, unsigned class)
{
	struct weft__match_key asked = as_asked(&k->key, class);
	struct weft__match_queue *q = queue_get(m, &asked);
	if (!q)
		return false;
	struct weft__list *at = &q->kept;
	while (at->prev != &q->kept &&
	       WEFT__CONTAINER(at->prev - class, struct weft__kept, links)->order > k->order)
		at = at->prev;
	weft__list_push(at, &k->links[class]);
	k->queues[class] = q;
	return true;
}

static bool index_make(struct weft__match *m, unsigned class)
{
	m->indexed[class] = true;
	for (struct weft__list *l = m->kept.next; l != &m->kept; l = l->next) {
		if (!index_add(m, WEFT__CONTAINER(l, struct weft__kept, all), class)) {
			index_drop(m, class);
			return false;
		}
	}
	return true;
}

void weft__match_rekeep(struct weft__match *m, struct weft__kept *k)
{
	struct weft__list *at = &m->kept;
	while (at->prev != &m->kept &&
	       WEFT__CONTAINER(at->prev, struct weft__kept, all)->order > k->order)
		at = at->prev;
	weft__list_push(at, &k->all);
	m->nkept++;
	for (unsigned class = 0; class < WEFT__MATCH_NCLASSES; class ++) {
		k->queues[class] = NULL;
		if (m->indexed[class] && !index_add(m, k, class))
			index_drop(m, class);
	}
}

void weft__match_keep(struct weft__match *m, struct weft__kept *k)
{
	k->order = m->order_next++;
	weft__match_rekeep(m, k);
}

static struct weft__kept *walk(struct weft__match *m, const struct weft__match_key *key,
                               unsigned class)
{
	for (struct weft__list *l = m->kept.next; l != &m->kept; l = l->next) {
		struct weft__kept *k = WEFT__CONTAINER(l, struct weft__kept, all);
		struct weft__match_key asked = as_asked(&k->key, class);
		if (weft__match_equal(&asked, key))
			return k;
	}
	return NULL;
}

struct weft__kept *weft__match_find(struct weft__match *m, const struct weft__match_key *key)
{
	unsigned class = class_of(key);
	if (!m->nkept)
		return NULL;
	if (!m->indexed[class] && !index_make(m, class))
		return walk(m, key, class);
	struct weft__match_queue *q = queue_find(m, key);
	if (!q || weft__list_empty(&q->kept))
		return NULL;
	return WEFT__CONTAINER(q->kept.next - class, struct weft__kept, links);
}

void weft__match_take(struct weft__match *m, struct weft__kept *k)
{
	weft__list_remove(&k->all);
	m->nkept--;
	for (unsigned class = 0; class < WEFT__MATCH_NCLASSES; class ++)
		index_remove(m, k, class);
}
