/* Messages that no receive awaited, and messages that came by no channel. */
#include "config.h"

#include "base/heap.h"
#include "task/quick.h"

/* Short ones come back soon, as a rule. Given to the heap, their memory would go back to the kernel
 * and come again page by page, which costs more than all else about a message. So some stay here, by
 * size: a class has room for WEFT__STOCK_MIN bytes, or twice, four times ... as many. */
static unsigned class_for(size_t nbytes)
{
	return nbytes <= WEFT__STOCK_MIN
	               ? 0
	               : 64u - (unsigned)__builtin_clzll((nbytes - 1) / WEFT__STOCK_MIN);
}

struct weft__message *weft__message_new(struct weft__engine *e, const struct weft__match_key *key,
                                        size_t nbytes)
{
	if (nbytes > SIZE_MAX - sizeof(struct weft__message))
		return NULL;
	struct weft__stock *stock = &e->stock;
	struct weft__list *l = NULL;
	unsigned class = class_for(nbytes);
	size_t room = nbytes;
	if (class < WEFT__STOCK_NCLASSES) {
		room = (size_t)WEFT__STOCK_MIN << class;
		l = weft__list_pop(&stock->classes[class]);
	}
	struct weft__message *m = l ? WEFT__CONTAINER(l, struct weft__message, kept.all)
	                            : weft__malloc(sizeof *m + room);
	if (!m)
		return NULL;
	if (l)
		stock->nbytes -= sizeof *m + room;
	*m = (struct weft__message){
	        .state = WEFT__WHOLE, .room = room, .nbytes = nbytes, .have = nbytes};
	m->kept.key = *key;
	return m;
}

void weft__message_free(struct weft__engine *e, struct weft__message *m)
{
	struct weft__stock *stock = &e->stock;
	unsigned class = class_for(m->room);
	size_t size = sizeof *m + m->room;
	if (class >= WEFT__STOCK_NCLASSES || stock->nbytes + size > WEFT__STOCK_MAX) {
		weft__free(m);
		return;
	}
	/* At the front: the next one takes it while it is warm. */
	weft__list_push(stock->classes[class].next, &m->kept.all);
	stock->nbytes += size;
}

void weft__stock_init(struct weft__stock *stock)
{
	for (unsigned class = 0; class < WEFT__STOCK_NCLASSES; class ++)
		weft__list_init(&stock->classes[class]);
}

void weft__stock_fini(struct weft__stock *stock)
{
	struct weft__list *l;
	for (unsigned class = 0; class < WEFT__STOCK_NCLASSES; class ++)
		while ((l = weft__list_pop(&stock->classes[class])))
			weft__free(WEFT__CONTAINER(l, struct weft__message, kept.all));
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
		weft__message_free(e, m);
		return;
	}
	weft__match_keep(&e->match, &m->kept);
	weft__changed(e);
}

void weft__message_whole(struct weft__engine *e, struct weft__message *m)
{
	m->state = m->head ? WEFT__OFFERED : WEFT__WHOLE;
	if (!m->claimed) {
		weft__changed(e);
		return;
	}
	if (m->peer)
		weft__queue_owe(m->peer, m->cost);
	if (m->head)
		weft__recv_pull_kept(m->claimed, m);
	else
		weft__recv_copy(e, m->claimed, &m->kept.key, m->bytes, m->have, m->nbytes);
	weft__message_free(e, m);
}

void weft__message_drop(struct weft__engine *e, struct weft__message *m, bool dead)
{
	struct weft__request *claimed = m->claimed;
	if (!claimed)
		weft__match_take(&e->match, &m->kept);
	if (!dead && m->peer)
		weft__queue_owe(m->peer, m->cost);
	weft__message_free(e, m);
	if (claimed)
		weft__recv_again(e, claimed, dead);
}
