/* Requests live in chunks that never move. A handle is place and generation, so that one which has
 * been waited for already, or is garbage, is found out. */
#include "config.h"

#include "base/heap.h"
#include "task/state.h"

enum { CHUNK = 64 };

static bool add_chunk(struct weft__engine *e)
{
	struct weft__request_table *t = &e->requests;
	struct weft__request **chunks = weft__realloc(t->chunks, (t->nchunks + 1) * sizeof *chunks);
	if (!chunks)
		return false;
	t->chunks = chunks;
	struct weft__request *chunk = weft__calloc(CHUNK, sizeof *chunk);
	if (!chunk)
		return false;
	for (uint32_t i = 0; i < CHUNK; i++) {
		chunk[i].index = t->nchunks * CHUNK + i;
		chunk[i].generation = 1;
		weft__list_push(&t->free, &chunk[i].link);
	}
	t->chunks[t->nchunks++] = chunk;
	return true;
}

struct weft__request *weft__request_new(struct weft__engine *e)
{
	struct weft__list *l = weft__list_pop(&e->requests.free);
	if (!l) {
		if (!add_chunk(e))
			return NULL;
		l = weft__list_pop(&e->requests.free);
	}
	struct weft__request *r = WEFT__CONTAINER(l, struct weft__request, link);
	weft__list_init(&r->out.link);
	r->out.request = r;
	r->out.payload = NULL;
	r->out.taken = 0;
	r->orphan = r->alloc = r->hurry = false;
	r->peer = NULL;
	r->message = NULL;
	r->wanted = r->moved = 0;
	return r;
}

void weft__request_free(struct weft__engine *e, struct weft__request *r)
{
	r->state = WEFT__FREE;
	r->generation++;
	/* At the front: the next one takes it while it is warm. */
	weft__list_push(e->requests.free.next, &r->link);
}

weft_request_t weft__request_handle(const struct weft__request *r)
{
	return (weft_request_t){(uint64_t)r->generation << 32 | r->index};
}

struct weft__request *weft__request_get(const struct weft__engine *e, weft_request_t handle)
{
	uint32_t index = (uint32_t)handle.v, generation = (uint32_t)(handle.v >> 32);
	if (index / CHUNK >= e->requests.nchunks)
		return NULL;
	struct weft__request *r = &e->requests.chunks[index / CHUNK][index % CHUNK];
	return r->state != WEFT__FREE && r->generation == generation ? r : NULL;
}

void weft__request_end(struct weft__engine *e, struct weft__request *r, int code)
{
	weft__list_remove(&r->link);
	weft__list_remove(&r->out.link);
	r->state = WEFT__ENDED;
	r->status.code = code;
	r->peer = NULL;
	if (r->orphan)
		weft__request_free(e, r);
	weft__changed(e);
}

void weft__requests_cancel(struct weft__engine *e)
{
	struct weft__request_table *t = &e->requests;
	for (uint32_t i = 0; i < t->nchunks * CHUNK; i++) {
		struct weft__request *r = &t->chunks[i / CHUNK][i % CHUNK];
		if (r->state == WEFT__POSTED)
			weft__recv_cancel(e, r);
		else if (r->state == WEFT__QUEUED || r->state == WEFT__AWAITING)
			weft__send_cancel(e, r);
	}
}

void weft__requests_fini(struct weft__engine *e)
{
	struct weft__request_table *t = &e->requests;
	for (uint32_t c = 0; c < t->nchunks; c++)
		weft__free(t->chunks[c]);
	weft__free(t->chunks);
	t->chunks = NULL;
	t->nchunks = 0;
}
