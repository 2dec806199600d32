/* match.h - which message belongs to which receive.
 *
 * Receives are posted, messages that no receive awaits are kept. A receive names a context, and a
 * source and a tag, either of which may be a wildcard (WEFT_ANY_TASK, WEFT_ANY_TAG); a message has
 * all three. The oldest posted receive gets a message, the oldest kept message goes to a receive,
 * whatever the mixture of wildcards. The time for it does not depend on how many there are.
 */
#ifndef WEFT_TASK_MATCH_H
#define WEFT_TASK_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct weft__match_key {
	uint64_t source; /* a tid's v */
	uint32_t context;
	int32_t tag;
};

/* Those who wait with one key. */
struct weft__match_queue {
	struct weft__match_queue *next; /* in its bucket */
	struct weft__match_key key;
	struct weft__list posted;
	struct weft__list kept;
	struct weft__list idle;
	bool recent; /* among match->recent */
};

/* Part of a posted receive. */
struct weft__posted {
	struct weft__list link;
	struct weft__match_queue *queue; /* NULL: not posted */
	struct weft__match_key key;
	uint64_t order;
};

/* By which of source and tag a receive asks. */
enum {
	WEFT__MATCH_EXACT,
	WEFT__MATCH_ANY_TAG,
	WEFT__MATCH_ANY_TASK,
	WEFT__MATCH_ANY,
	WEFT__MATCH_NCLASSES
};

/* Part of a kept message. */
struct weft__kept {
	struct weft__list all;
	struct weft__list links[WEFT__MATCH_NCLASSES];
	struct weft__match_queue *queues[WEFT__MATCH_NCLASSES]; /* NULL: not in that index */
	struct weft__match_key key;
	uint64_t order;
};

enum { WEFT__MATCH_RECENT = 32 };

struct weft__match {
	struct weft__match_queue **buckets;
	size_t nbuckets; /* 0 or a power of two */
	size_t nqueues;
	struct weft__list idle; /* queues without entries, longest idle first */
	size_t nidle;
	/* Queues that were used lately, by weft__match_place; never among the idle. */
	struct weft__match_queue *recent[WEFT__MATCH_RECENT];
	struct weft__list kept; /* all messages, oldest first */
	size_t nkept;
	size_t nposted[WEFT__MATCH_NCLASSES];
	bool indexed[WEFT__MATCH_NCLASSES]; /* kept messages are in this class's queues */
	uint64_t order_next;
};

static inline bool weft__match_equal(const struct weft__match_key *a,
                                     const struct weft__match_key *b)
{
	return a->source == b->source && a->tag == b->tag && a->context == b->context;
}

/* Cheap, and apart for the sources, and for the tags, of one program. */
static inline unsigned weft__match_place(const struct weft__match_key *key)
{
	return ((unsigned)key->source + (unsigned)key->tag * 5 + key->context * 7) %
	       WEFT__MATCH_RECENT;
}

/* The queue of a key if it was used lately, or NULL. */
static inline struct weft__match_queue *weft__match_recent(const struct weft__match *m,
                                                           const struct weft__match_key *key)
{
	struct weft__match_queue *q = m->recent[weft__match_place(key)];
	return q && weft__match_equal(&q->key, key) ? q : NULL;
}

void weft__match_init(struct weft__match *m);
void weft__match_fini(struct weft__match *m); /* posted and kept ones are forgotten */

/* Post a receive: p->key is set. 0 or WEFT_ENOMEM. */
int weft__match_post(struct weft__match *m, struct weft__posted *p);

/* The same in the shortest way: the key has no wildcards, and its queue was used lately; false: it
 * was not. */
static inline bool weft__match_post_recent(struct weft__match *m, struct weft__posted *p)
{
	struct weft__match_queue *q = weft__match_recent(m, &p->key);
	if (!q)
		return false;
	p->order = m->order_next++;
	p->queue = q; /* the newest of all: at the end */
	m->nposted[WEFT__MATCH_EXACT]++;
	weft__list_push(&q->posted, &p->link);
	return true;
}

/* Post one again that was taken, at its old place. 0 or WEFT_ENOMEM. */
int weft__match_repost(struct weft__match *m, struct weft__posted *p);
void weft__match_withdraw(struct weft__match *m, struct weft__posted *p);

/* The receive that a message goes to, withdrawn; NULL: none. */
struct weft__posted *weft__match_arrive(struct weft__match *m, const struct weft__match_key *key);

/* It again in the shortest way, or NULL: then it is to be looked for. The oldest of a recent queue
 * is the one, if nothing but its key can have been asked for. */
static inline struct weft__posted *weft__match_arrive_recent(struct weft__match *m,
                                                             const struct weft__match_key *key)
{
	if (m->nposted[WEFT__MATCH_ANY_TAG] | m->nposted[WEFT__MATCH_ANY_TASK] |
	    m->nposted[WEFT__MATCH_ANY])
		return NULL;
	struct weft__match_queue *q = weft__match_recent(m, key);
	if (!q || weft__list_empty(&q->posted))
		return NULL;
	struct weft__posted *p = WEFT__CONTAINER(q->posted.next, struct weft__posted, link);
	weft__list_remove(&p->link);
	p->queue = NULL;
	m->nposted[WEFT__MATCH_EXACT]--;
	return p;
}

/* Some posted receive that names this source, NULL when there is none. */
struct weft__posted *weft__match_posted_from(const struct weft__match *m, uint64_t source);

/* Keep a message: k->key is set. */
void weft__match_keep(struct weft__match *m, struct weft__kept *k);

/* Keep one again that was taken, at its old place. */
void weft__match_rekeep(struct weft__match *m, struct weft__kept *k);

/* The message that a receive with this key gets, left where it is; NULL: none. */
struct weft__kept *weft__match_find(struct weft__match *m, const struct weft__match_key *key);
void weft__match_take(struct weft__match *m, struct weft__kept *k);

#endif
