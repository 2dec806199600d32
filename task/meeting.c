/* Barriers of a group that is on one node: the members meet on a page that the coordinator granted them (coord/group.c).
 *
 * All goes well. The page holds one word: the number of the meeting, and how many have arrived. A member adds itself; the
 * last one makes the number the next one, which is what the others look for. Nobody else has a part in it. A page
 * serves the members for whom it was made, and only barriers of as many as they are, so that a meeting that ends there
 * had each of them in it, whatever the group is meanwhile.
 *
 * What can go wrong. Somebody computes, has died, has left, has no page, or asks for a barrier of another count: whoever has
 * waited for long enough breaks the meeting off, by a bit of the same word. So a meeting ends or is broken off, and all see
 * the same. Then all that were there, and those that come later, ask the coordinator, for whom they arrive only now; there
 * they can wait for long, and there is known who lives. With its answer it says whether each member of the group, none new
 * and none gone, has come to it from this meeting. If so the meeting is settled, and the next one takes place here; else
 * the page is dropped. One who knows nothing of that waits here in vain for a while, no more.
 *
 * A member that leaves drops its page: none of its meetings can end from then on. A barrier of another count while some
 * wait here is the error that it would be there. What others write into the page is never used as a length or a place.
 */
#include "config.h"

#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "base/heap.h"
#include "task/quick.h"
#include "transport/region.h"

enum {
	ROUNDS = 64,        /* looks between two looks at everything else */
	ROUNDS_CROWDED = 8, /* the same where each is a turn of the scheduler */
	PATIENCE_MIN_NS = 50000, /* after the last one has arrived: it adapts between these */
	PATIENCE_MAX_NS = 400000,
	PAGES_MAX = 64, /* of one task */
};

/* The word, from the low end: 31 bits how many have arrived, the bit that the meeting is broken off, 32 bits its number. */
#define BROKEN (UINT64_C(1) << 31)

struct page {
	struct weft__list link;
	_Atomic uint64_t *word;
	uint64_t grant;
	uint64_t n;       /* members */
	uint64_t meeting; /* the one that this task is in */
	uint64_t settled; /* the last one that was broken off, and then was a barrier of all; UINT64_MAX: none so far */
	uint64_t patience_ns;
	bool busy;  /* a thread is in a barrier with it */
	bool stale; /* ... after which it is to go */
	char group[];
};

enum verdict { HERE, MET, APART, MISFIT };

/* --- having pages ------------------------------------------------------------------------------- */

static struct page *find(const struct weft__engine *e, const char *group)
{
	for (struct weft__list *l = e->pages.next; l != &e->pages; l = l->next) {
		struct page *p = WEFT__CONTAINER(l, struct page, link);
		if (!p->stale && strcmp(p->group, group) == 0)
			return p;
	}
	return NULL;
}

static void drop(struct page *p)
{
	p->stale = true;
	if (p->busy)
		return;
	weft__list_remove(&p->link);
	munmap((void *)p->word, WEFT__GROUP_PAGE_BYTES);
	weft__free(p);
}

void weft__on_group_page(struct weft__engine *e, const struct weft__msg_group_page *m, const int *fds,
                         size_t nfds)
{
	size_t npages = 0;
	struct page *old = find(e, m->name.p);
	if (old)
		drop(old);
	for (struct weft__list *l = e->pages.next; l != &e->pages; l = l->next)
		npages++;
	if (npages >= PAGES_MAX || nfds == 0 || m->tids.n < 2 || !weft__region_sound(fds[0], WEFT__GROUP_PAGE_BYTES))
		return;
	struct page *p = weft__malloc(sizeof *p + m->name.n + 1);
	void *at = p ? weft__region_map(fds[0], WEFT__GROUP_PAGE_BYTES, true) : NULL;
	if (!at) {
		weft__free(p);
		return;
	}
	*p = (struct page){.word = at,
	                   .grant = m->grant,
	                   .n = m->tids.n,
	                   .settled = UINT64_MAX,
	                   .patience_ns = PATIENCE_MAX_NS};
	memcpy(p->group, m->name.p, m->name.n + 1);
	weft__list_push(&e->pages, &p->link);
}

void weft__page_forget(struct weft__engine *e, const char *group)
{
	weft__lock(e);
	struct page *p = find(e, group);
	if (p)
		drop(p);
	weft__unlock(e);
}

void weft__pages_fini(struct weft__engine *e)
{
	while (!weft__list_empty(&e->pages)) {
		struct page *p = WEFT__CONTAINER(e->pages.next, struct page, link);
		p->busy = false;
		drop(p);
	}
}

/* --- meeting ------------------------------------------------------------------------------------ */

/* count 0: this one wants to go to the coordinator, and all others shall. */
static enum verdict arrive(struct page *p, uint64_t count)
{
	uint64_t word = atomic_load_explicit(p->word, memory_order_acquire);
	for (;;) {
		uint64_t now = word, next;
		enum verdict verdict = HERE;
		p->meeting = word >> 32;
		if (word & BROKEN) {
			if (p->meeting != p->settled)
				return APART;
			now = (p->meeting + 1) << 32;
		}
		if (count == p->n && (now & (BROKEN - 1)) + 1 < p->n) {
			next = now + 1;
		} else if (count == p->n) {
			verdict = MET;
			next = ((now >> 32) + 1) << 32;
		} else if (count && now & (BROKEN - 1)) {
			return MISFIT;
		} else {
			verdict = APART;
			next = now | BROKEN;
		}
		p->meeting = now >> 32;
		if (atomic_compare_exchange_weak_explicit(p->word, &word, next, memory_order_acq_rel,
		                                          memory_order_acquire))
			return verdict;
	}
}

static bool is_over(void *arg)
{
	const struct page *p = arg;
	uint64_t word = atomic_load_explicit(p->word, memory_order_acquire);
	return word >> 32 != p->meeting || word & BROKEN;
}

static void break_off(struct page *p)
{
	uint64_t word = atomic_load_explicit(p->word, memory_order_acquire);
	while (word >> 32 == p->meeting && !(word & BROKEN))
		if (atomic_compare_exchange_weak(p->word, &word, word | BROKEN))
			return;
}

/* Whoever waits for a processor gets this one. */
static void pause_for(bool crowded)
{
	if (crowded)
		sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

/* As long as some arrive, and a little longer. */
static enum verdict wait_here(struct weft__engine *e, struct page *p)
{
	bool crowded = e->crowded || p->n > e->ncores;
	unsigned rounds = crowded ? ROUNDS_CROWDED : ROUNDS;
	uint64_t since = 0, before = 0;
	for (unsigned round = 1; !is_over(p); round++) {
		pause_for(crowded);
		if (round % rounds)
			continue;
		weft__lock(e);
		weft__await(e, is_over, p, 0);
		weft__unlock(e);
		uint64_t now = weft__clock_ns(), word = atomic_load_explicit(p->word, memory_order_relaxed);
		if (word != before)
			since = now;
		before = word;
		if (now - since >= p->patience_ns) {
			break_off(p);
			p->patience_ns /= 2;
		}
	}
	bool met = atomic_load_explicit(p->word, memory_order_acquire) >> 32 != p->meeting;
	if (met)
		p->patience_ns *= 2;
	if (p->patience_ns < PATIENCE_MIN_NS)
		p->patience_ns = PATIENCE_MIN_NS;
	if (p->patience_ns > PATIENCE_MAX_NS)
		p->patience_ns = PATIENCE_MAX_NS;
	return met ? MET : APART;
}

/* --- the call ----------------------------------------------------------------------------------- */

static int ask_coordinator(struct weft__engine *e, struct page *p, uint64_t count, int timeout_ms)
{
	uint64_t value = 0;
	struct weft__msg m = {.code = WEFT__MSG_GROUP_MEET,
	                      .group_meet = {.name = weft__str(p->group),
	                                     .count = count,
	                                     .grant = p->grant,
	                                     .meeting = p->meeting}};
	int rc = weft__ask_result(e, &m, &value, timeout_ms);
	weft__lock(e);
	p->settled = p->meeting;
	p->stale |= rc || !(value & WEFT__GROUP_KEPT);
	weft__unlock(e);
	return rc;
}

static int meet(struct weft__engine *e, struct page *p, uint64_t count, int timeout_ms)
{
	enum verdict verdict = arrive(p, timeout_ms ? count : 0);
	if (verdict == HERE)
		verdict = wait_here(e, p);
	if (verdict == MET)
		return 0;
	if (verdict == MISFIT)
		return weft__fail(WEFT_EINVAL, "count %" PRIu64 ", but others wait in this barrier with count %" PRIu64,
		                  count, p->n);
	return ask_coordinator(e, p, count, timeout_ms);
}

int weft__group_barrier(struct weft__engine *e, const char *group, uint64_t count, int timeout_ms)
{
	weft__lock(e);
	struct page *p = group ? find(e, group) : NULL;
	bool busy = p && p->busy;
	if (p)
		p->busy = true;
	weft__unlock(e);
	if (!p)
		return weft__group(e, WEFT__GROUP_BARRIER, group, count, NULL, timeout_ms);
	if (busy)
		return weft__fail(WEFT_EALREADY, "the task waits in this barrier already");
	int rc = meet(e, p, count, timeout_ms);
	weft__lock(e);
	p->busy = false;
	if (p->stale)
		drop(p);
	weft__unlock(e);
	return rc;
}
