/* Messages that no receive awaited, and messages that came by no channel. */
#include "config.h"

#include "base/heap.h"
#include "task/state.h"

struct weft__message *weft__message_new(const struct weft__match_key *key, size_t nbytes)
{
	if (nbytes > SIZE_MAX - sizeof(struct weft__message))
		return NULL;
	struct weft__message *m = weft__malloc(sizeof *m + nbytes);
	if (!m)
		return NULL;
	*m = (struct weft__message){.state = WEFT__WHOLE, .nbytes = nbytes, .have = nbytes};
	m->kept.key = *key;
	return m;
}

void weft__message_free(struct weft__message *m)
{
	weft__free(m);
}

void weft__message_deliver(struct weft__engine *e, struct weft__message *m)
{
	struct weft__posted *posted;
	while ((posted = weft__match_arrive(&e->match, &m->kept.key))) {
		struct weft__request *r = WEFT__CONTAINER(posted, struct weft__request, posted);
		if (weft__recv_room(r, m->nbytes)) {
			weft__request_end(e, r, WEFT_ENOMEM);
			continue;
		}
		weft__recv_copy(e, r, &m->kept.key, m->bytes, m->have, m->nbytes);
		weft__message_free(m);
		return;
	}
	weft__match_keep(&e->match, &m->kept);
	weft__changed(e);
}

void weft__message_whole(struct weft__engine *e, struct weft__message *m)
{
	m->state = WEFT__WHOLE;
	if (!m->claimed) {
		weft__changed(e);
		return;
	}
	if (m->peer)
		weft__queue_owe(m->peer, m->cost);
	weft__recv_copy(e, m->claimed, &m->kept.key, m->bytes, m->have, m->nbytes);
	weft__message_free(m);
}

void weft__message_drop(struct weft__engine *e, struct weft__message *m, bool dead)
{
	struct weft__request *claimed = m->claimed;
	if (!claimed)
		weft__match_take(&e->match, &m->kept);
	if (!dead && m->peer)
		weft__queue_owe(m->peer, m->cost);
	weft__message_free(m);
	if (claimed)
		weft__recv_again(e, claimed, dead);
}
