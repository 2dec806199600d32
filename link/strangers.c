#include "config.h"

#include "link/strangers.h"

void strangers_enter(struct strangers *among, struct stranger *s, void (*evict)(struct stranger *s))
{
	if (!among->list.next)
		weft__list_init(&among->list);
	weft__list_push(&among->list, &s->list);
	s->among = among;
	s->evict = evict;
	if (++among->count <= STRANGERS_MAX)
		return;
	struct stranger *oldest = WEFT__CONTAINER(among->list.next, struct stranger, list);
	strangers_leave(oldest);
	oldest->evict(oldest);
}

void strangers_leave(struct stranger *s)
{
	if (!s->among)
		return;
	weft__list_remove(&s->list);
	s->among->count--;
	s->among = NULL;
}
