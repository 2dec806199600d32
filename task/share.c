/* Long messages that lie in a shared buffer (region.c): the receiver copies them once, itself.
 *
 * The first one for a peer hands it, through the node, the region to read and a ledger to write:
 * one page with a word for each message on offer. The announcement (RTS) then says where the bytes
 * are. The receiver copies them, and takes the message by turning its word; the CTS that asks for
 * nothing tells the sender. Who gives up a send turns the word the other way. Whoever turns it
 * first has decided: a copy that was made of bytes no longer on offer is void, and nobody waits.
 *
 * What can go wrong: the region has not arrived there, or never will (no descriptors, another
 * daemon, too many): the receiver asks for the bytes as for any others, and they are sent. A place
 * that is none, or a ledger full of nonsense: the same. The peer dies: what it shared stays mapped
 * here until its last message has been seen.
 */
#include "config.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/heap.h"
#include "task/quick.h"
#include "task/region.h"
#include "transport/region.h"

enum {
	SLOTS = 64, /* messages on offer to a peer */
	LEDGER = 0, /* what the ledger is called where regions have their ids */
	/* A copy is made with the engine locked: a longer message goes in pieces. */
	SHARE_MAX = 64 << 20,
};

/* Slot i holds the number of the message that is on offer, its complement when it was taken. */
struct ledger {
	struct {
		_Alignas(64) _Atomic uint64_t word;
	} slots[SLOTS];
};

struct weft__share {
	/* To the peer. */
	struct ledger *ledger; /* NULL: not made */
	uint64_t used;         /* its slots, a bit each */
	bool over;             /* the node counts more than we: nothing new is shared */
	uint32_t told[WEFT__REGIONS_MAX]; /* by place: the id of the region that it can read */

	/* From the peer. */
	struct ledger *theirs;
	struct weft__region in[WEFT__REGIONS_MAX];
};

static struct weft__share *share_of(struct weft__peer *p)
{
	if (!p->share)
		p->share = weft__calloc(1, sizeof *p->share);
	return p->share;
}

void weft__share_end(struct weft__peer *p)
{
	struct weft__share *s = p->share;
	p->share = NULL;
	if (!s)
		return;
	if (s->ledger)
		munmap(s->ledger, sizeof *s->ledger);
	if (s->theirs)
		munmap(s->theirs, sizeof *s->theirs);
	for (unsigned i = 0; i < WEFT__REGIONS_MAX; i++)
		if (s->in[i].at)
			munmap(s->in[i].at, s->in[i].nbytes);
	weft__free(s);
}

/* --- sending ---------------------------------------------------------------------------------- */

static int hand(const struct weft__peer *p, uint32_t id, size_t nbytes, int fd)
{
	struct weft__msg m = {.code = WEFT__MSG_SHARE,
	                      .share = {.tid = p->tid.v, .region = id, .nbytes = nbytes}};
	return weft__control_send_fd(p->engine, &m, fd);
}

static bool hand_ledger(const struct weft__peer *p, struct weft__share *s)
{
	int fd;
	void *at;
	if (s->ledger)
		return true;
	if (weft__region_create(sizeof *s->ledger, true, &fd, &at))
		return false;
	if (hand(p, LEDGER, sizeof *s->ledger, fd) == 0)
		s->ledger = at;
	else
		munmap(at, sizeof *s->ledger);
	close(fd);
	return s->ledger;
}

static bool hand_region(const struct weft__peer *p, struct weft__share *s,
                        const struct weft__region *r)
{
	if (s->told[r->place] != r->id && !s->over && hand(p, r->id, r->nbytes, r->fd) == 0)
		s->told[r->place] = r->id;
	return s->told[r->place] == r->id;
}

/* Shared memory alone: what comes by a stream has no place for it, and often no node in common. */
static bool may_share(const struct weft__peer *p, const struct weft__request *r)
{
	short events;
	size_t min = p->engine->settings.share_min;
	return min && r->size >= min && r->size <= SHARE_MAX && p->state == WEFT__OPEN &&
	       p->channel->ops->pollfd(p->channel, &events) < 0;
}

void weft__share_offer(struct weft__peer *p, struct weft__request *r)
{
	struct weft__region region;
	if (!may_share(p, r) || !weft__region_find(r->data, r->size, &region))
		return;
	struct weft__share *s = share_of(p);
	if (!s || !hand_ledger(p, s) || !hand_region(p, s, &region) || !~s->used)
		return;
	unsigned slot = 0;
	while (s->used >> slot & 1)
		slot++;
	s->used |= UINT64_C(1) << slot;
	r->place = (struct weft__place){
	        .region = region.id,
	        .slot = slot,
	        .offset = (uint64_t)((const uint8_t *)r->data - region.at),
	};
	atomic_store_explicit(&s->ledger->slots[slot].word, r->out.hdr.id, memory_order_release);
	r->placed = true;
	r->out.hdr.len = sizeof r->place;
	r->out.payload = &r->place;
}

void weft__share_release(struct weft__request *r)
{
	struct weft__share *s = r->peer ? r->peer->share : NULL;
	r->placed = false;
	if (!s)
		return;
	atomic_store_explicit(&s->ledger->slots[r->place.slot].word, 0, memory_order_relaxed);
	s->used &= ~(UINT64_C(1) << r->place.slot);
}

bool weft__share_withdraw(struct weft__request *r)
{
	uint64_t id = weft__request_handle(r).v;
	_Atomic uint64_t *word = &r->peer->share->ledger->slots[r->place.slot].word;
	/* Before the announcement is out nobody can have taken it, whatever the ledger says. */
	bool mine = r->state == WEFT__QUEUED || atomic_compare_exchange_strong(word, &id, 0);
	if (mine)
		weft__share_release(r);
	return mine;
}

void weft__share_revoke(struct weft__engine *e, const struct weft__region *r)
{
	size_t cursor = 0;
	uint64_t tid;
	void *value;
	weft__lock(e);
	while (weft__map_next(&e->peers, &cursor, &tid, &value)) {
		struct weft__peer *p = value;
		if (!p->share || p->share->told[r->place] != r->id)
			continue;
		struct weft__msg m = {.code = WEFT__MSG_SHARE,
		                      .share = {.tid = tid, .region = r->id}};
		p->share->told[r->place] = 0;
		if (weft__control_send(e, &m)) /* then it keeps it until one of us ends */
			p->share->over = true;
	}
	weft__unlock(e);
}

/* --- receiving -------------------------------------------------------------------------------- */

static struct weft__region *in_place(struct weft__share *s, uint64_t id)
{
	for (unsigned i = 0; i < WEFT__REGIONS_MAX; i++)
		if (s->in[i].at && s->in[i].id == id)
			return &s->in[i];
	return NULL;
}

static struct weft__region *vacancy(struct weft__share *s)
{
	for (unsigned i = 0; i < WEFT__REGIONS_MAX; i++)
		if (!s->in[i].at)
			return &s->in[i];
	return NULL;
}

static void take_region(struct weft__share *s, const struct weft__msg_shared *m, int fd)
{
	if (m->region == LEDGER) {
		if (!s->theirs && m->nbytes == sizeof *s->theirs)
			s->theirs = weft__region_map(fd, sizeof *s->theirs, true);
		return;
	}
	struct weft__region *r = in_place(s, m->region) ? NULL : vacancy(s);
	if (!r)
		return;
	r->at = weft__region_map(fd, (size_t)m->nbytes, false);
	r->nbytes = (size_t)m->nbytes;
	r->id = (uint32_t)m->region;
}

void weft__on_shared(struct weft__engine *e, const struct weft__msg_shared *m, const int *fds,
                     size_t nfds)
{
	struct weft__peer *p = weft__peer_find(e, (weft_tid_t){m->tid});
	if (!p || p->state != WEFT__OPEN)
		return;
	if (m->region >= WEFT__HALL_FIRST) {
		if (m->nbytes && nfds && weft__region_sound(fds[0], m->nbytes))
			weft__hall_came(e, fds[0], (size_t)m->nbytes);
		return;
	}
	if (m->nbytes == 0) {
		struct weft__region *r = p->share ? in_place(p->share, m->region) : NULL;
		if (r) {
			munmap(r->at, r->nbytes);
			r->at = NULL;
		}
		return;
	}
	if (nfds == 0 || !weft__region_sound(fds[0], m->nbytes))
		return;
	struct weft__share *s = share_of(p);
	if (s)
		take_region(s, m, fds[0]);
}

bool weft__share_fetch(struct weft__peer *p, const struct weft__place *place, uint64_t id,
                       uint64_t total, void *to, size_t wanted)
{
	struct weft__share *s = p->share;
	const struct weft__region *r = s && s->theirs ? in_place(s, place->region) : NULL;
	if (!r || place->slot >= SLOTS || total > r->nbytes || place->offset > r->nbytes - total ||
	    wanted > total)
		return false;
	_Atomic uint64_t *word = &s->theirs->slots[place->slot].word;
	if (atomic_load_explicit(word, memory_order_acquire) != id)
		return false;
	if (wanted)
		memcpy(to, r->at + place->offset, wanted);
	return atomic_compare_exchange_strong(word, &id, ~id);
}
