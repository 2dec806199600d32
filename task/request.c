/* Requests live in chunks that never move. A handle is place and generation, so that one which has
 * been waited for already, or is garbage, is found out. */
#include "config.h"

#include "base/heap.h"
#include "task/quick.h"

bool weft__requests_grow(struct weft__engine *e)
{
	struct weft__request_table *t = &e->requests;
	struct weft__request **chunks = weft__realloc(t->chunks, (t->nchunks + 1) * sizeof *chunks);
	if (!chunks)
		return false;
	t->chunks = chunks;
	struct weft__request *chunk = weft__calloc(WEFT__REQUEST_CHUNK, sizeof *chunk);
	if (!chunk)
		return false;
	for (uint32_t i = WEFT__REQUEST_CHUNK; i-- > 0;) {
		chunk[i].index = t->nchunks * WEFT__REQUEST_CHUNK + i;
		chunk[i].generation = 1;
		chunk[i].out.request = &chunk[i];
		chunk[i].next_free = t->free;
		t->free = &chunk[i];
	}
	t->chunks[t->nchunks++] = chunk;
	return true;
}

void weft__request_end(struct weft__engine *e, struct weft__request *r, int code)
{
	weft__list_remove(&r->link);
	weft__list_remove(&r->out.link);
	r->state = WEFT__ENDED;
	if (r == e->awaited)
		e->sated = true;
	r->status.code = code;
	if (r->placed)
		weft__share_release(r);
	r->peer = NULL;
	if (r->orphan)
		weft__request_free(e, r);
	weft__changed(e);
}

void weft__requests_cancel(struct weft__engine *e)
{
	struct weft__request_table *t = &e->requests;
	for (uint32_t i = 0; i < t->nchunks * WEFT__REQUEST_CHUNK; i++) {
		struct weft__request *r = &t->chunks[i / WEFT__REQUEST_CHUNK][i % WEFT__REQUEST_CHUNK];
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
