/* Sends that give their bytes back at once, though they do not wait for their receiver.
 *
 * The happy path: the receiver waits for the message. It is announced, the answer comes within a
 * microsecond, and all of it goes straight from where it lies; nothing is copied beside.
 *
 * What can go wrong: the receiver is busy, or slow, or there is no channel yet. Whenever nothing
 * has moved for a moment, a part of what is left is copied away, the last one first, and the
 * channel is tried again: an answer that comes late still finds the front of the message where it
 * was. When nothing is left to copy, and for a moment nothing moves, the rest goes on from the copy in later
 * calls, as for any send. So a receiver that does not receive costs the sender one copy.
 */
#include "config.h"

#include <string.h>

#include "base/clock.h"
#include "task/quick.h"

enum {
	PATIENCE_NS = 2000,  /* several times what an answer takes on its way, and a copy's piece */
	SAVE_BYTES = 32 << 10, /* copied between two looks: they take less than that */
};

const void *weft__lend_find(const struct weft__request *r, size_t at, size_t *nbytes)
{
	const struct weft__slice *s = r->slices;
	size_t first = 0; /* of the slice, in the message */
	for (; at - first >= s->nbytes; s++)
		first += s->nbytes;
	size_t here = s->nbytes - (at - first);
	if (here > r->lent - at)
		here = r->lent - at;
	*nbytes = here < *nbytes ? here : *nbytes;
	return (const uint8_t *)s->bytes + (at - first);
}

void weft__lend_save(struct weft__request *r, size_t from, size_t to)
{
	uint8_t *copy = (uint8_t *)(uintptr_t)r->data; /* not const: the second memory that the caller gave */
	if (to > r->lent)
		to = r->lent;
	while (from < to) {
		size_t n = to - from;
		const void *lies = weft__lend_find(r, from, &n);
		if (lies != copy + from)
			memcpy(copy + from, lies, n);
		from += n;
	}
}

/* Another part comes home; false: all has, or need not. */
static bool save_some(struct weft__request *r)
{
	size_t from = r->moved + (r->state == WEFT__STREAMING ? r->out.taken : 0);
	if (from >= r->lent)
		return false;
	if (r->lent - from > SAVE_BYTES)
		from = r->lent - SAVE_BYTES;
	weft__lend_save(r, from, r->lent);
	r->lent = from;
	return true;
}

/* As long as it moves, or there is something to save. */
static void send_off(struct weft__engine *e, struct weft__request *r)
{
	uint64_t moved_ns = e->crowded ? 0 : weft__clock_ns();
	size_t before = 0;
	while (r->state != WEFT__ENDED) {
		weft__step(e);
		uint64_t now = weft__clock_ns();
		size_t moved = r->moved + r->out.taken;
		if (moved != before) {
			before = moved;
			moved_ns = now;
		} else if (now - moved_ns >= PATIENCE_NS && !save_some(r)) {
			break;
		}
	}
	r->lent = 0;
	if (r->state == WEFT__STREAMING) /* what is queued, or taken by half */
		r->out.payload = (const uint8_t *)r->data + r->moved;
}

int weft__isend_lent(struct weft__engine *e, weft_tid_t to, weft_context_t context, int32_t tag,
                     const struct weft__slice *slices, void *copy, size_t nbytes,
                     weft_request_t *handle)
{
	weft__lock(e);
	struct weft__request *r = weft__request_new(e);
	int rc = r ? 0 : WEFT_ENOMEM;
	if (r) {
		r->data = copy;
		r->size = nbytes;
		bool at_once = to.v == e->self.v || nbytes <= e->settings.eager_max;
		r->slices = slices;
		r->lent = slices ? nbytes : 0;
		if (at_once) {
			weft__lend_save(r, 0, r->lent);
			r->lent = 0;
		}
		rc = weft__send_start(e, r, to, context, tag);
		if (rc == 0 && !at_once)
			send_off(e, r);
		r->lent = 0;
		if (rc)
			weft__request_free(e, r);
		else
			*handle = weft__request_handle(r);
	}
	weft__unlock(e);
	return rc;
}
