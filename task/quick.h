/* quick.h - what every short message needs, small enough to be compiled into the callers.
 *
 * A message of 8 bytes costs some 300 instructions at either end, calls of the program included;
 * calls from file to file, and functions that save registers for what is rare, would double that.
 * What is rare is elsewhere (lock.c, request.c, queue.c), or a function that is not inlined.
 */
#ifndef WEFT_TASK_QUICK_H
#define WEFT_TASK_QUICK_H

#include <string.h>
#if HAVE_SYS_SINGLE_THREADED_H
#include <sys/single_threaded.h>
#endif

#include "task/state.h"

/* --- the lock (lock.c) ------------------------------------------------------------------------ */

static inline bool weft__single_threaded(void)
{
#if HAVE_SYS_SINGLE_THREADED_H
	return __libc_single_threaded;
#else
	return false;
#endif
}

static inline void weft__lock(struct weft__engine *e)
{
	if (!weft__single_threaded())
		weft__lock_mutex(e);
}

static inline void weft__unlock(struct weft__engine *e)
{
	/* Not single_threaded(): that may have changed since, when another thread ended. */
	if (e->locked)
		weft__unlock_mutex(e);
}

/* Something that a thread may wait for has happened. */
static inline void weft__changed(struct weft__engine *e)
{
	e->nchanges++;
	if (e->nwaiters || e->asleep)
		weft__tell_changed(e);
}

/* --- requests (request.c) --------------------------------------------------------------------- */

/* NULL: no memory. */
static inline struct weft__request *weft__request_new(struct weft__engine *e)
{
	if (!e->requests.free && !weft__requests_grow(e))
		return NULL;
	struct weft__request *r = e->requests.free;
	e->requests.free = r->next_free;
	weft__list_init(&r->link);
	weft__list_init(&r->out.link);
	r->out.payload = NULL;
	r->out.taken = 0;
	r->orphan = r->hurry = r->placed = r->granted = false;
	r->alloc = NULL;
	r->peer = NULL;
	r->message = NULL;
	r->wanted = r->moved = 0;
	return r;
}

static inline void weft__request_free(struct weft__engine *e, struct weft__request *r)
{
	r->state = WEFT__FREE;
	r->generation++;
	r->next_free = e->requests.free;
	e->requests.free = r;
}

static inline weft_request_t weft__request_handle(const struct weft__request *r)
{
	return (weft_request_t){(uint64_t)r->generation << 32 | r->index};
}

/* NULL: there is none. */
static inline struct weft__request *weft__request_get(const struct weft__engine *e,
                                                      weft_request_t handle)
{
	uint32_t index = (uint32_t)handle.v, generation = (uint32_t)(handle.v >> 32);
	if (index / WEFT__REQUEST_CHUNK >= e->requests.nchunks)
		return NULL;
	struct weft__request *r =
	        &e->requests.chunks[index / WEFT__REQUEST_CHUNK][index % WEFT__REQUEST_CHUNK];
	return r->state != WEFT__FREE && r->generation == generation ? r : NULL;
}

/* How it ended; the request is gone. */
static inline int weft__request_collect(struct weft__engine *e, struct weft__request *r,
                                        weft_status_t *status)
{
	int rc = r->status.code;
	if (status)
		*status = r->status;
	weft__request_free(e, r);
	return rc;
}

/* --- peers and queues (peer.c, queue.c) ------------------------------------------------------- */

/* Tasks of a node have their numbers in a row, in the lowest bits. */
static inline unsigned weft__peer_place(uint64_t tid)
{
	return (unsigned)(tid ^ tid >> WEFT__LOCAL_BITS) % WEFT__RECENT_PEERS;
}

/* If it is one of those that were asked for lately; NULL: look for it. */
static inline struct weft__peer *weft__peer_recent(const struct weft__engine *e, uint64_t tid)
{
	struct weft__peer *p = e->recent[weft__peer_place(tid)];
	return p && p->tid.v == tid ? p : NULL;
}

/* Offer what is queued for all peers that are ready. Not in a sink. */
static inline void weft__queue_flush(struct weft__engine *e)
{
	if (!weft__list_empty(&e->ready))
		weft__queue_flush_all(e);
}

/* A message of that cost was received. */
static inline void weft__queue_owe(struct weft__peer *p, size_t cost)
{
	p->owed += cost;
	if (p->owed >= p->engine->settings.credit_bytes / 4)
		weft__queue_tell_credit(p);
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* A word is the most frequent message. */
static inline void weft__copy_payload(void *to, const void *from, size_t nbytes)
{
	if (nbytes == 8)
		memcpy(to, from, 8);
	else if (nbytes)
		memcpy(to, from, nbytes);
}

#endif
