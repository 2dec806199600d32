#include "config.h"

#include "proto/session.h"

#include <string.h>

#include "base/heap.h"

bool weft__session_numbered(enum weft__msg_code code)
{
	switch (code) {
	case WEFT__MSG_HELLO:
	case WEFT__MSG_WELCOME:
	case WEFT__MSG_REFUSED:
	case WEFT__MSG_JOIN:
	case WEFT__MSG_JOINED:
	case WEFT__MSG_HEARTBEAT:
	case WEFT__MSG_PASS_LINK:
		return false;
	default:
		return true;
	}
}

void weft__session_init(struct weft__session *s)
{
	*s = (struct weft__session){0};
	weft__list_init(&s->kept);
}

static void forget(struct weft__session *s, uint64_t seen)
{
	while (!weft__list_empty(&s->kept)) {
		struct weft__kept *k = WEFT__CONTAINER(s->kept.next, struct weft__kept, link);
		if (k->number > seen)
			break;
		weft__list_remove(&k->link);
		s->nbytes -= k->nbytes;
		weft__free(k);
	}
}

void weft__session_fini(struct weft__session *s)
{
	forget(s, UINT64_MAX);
}

void weft__session_reset(struct weft__session *s)
{
	weft__session_fini(s);
	weft__session_init(s);
}

int weft__session_push(struct weft__session *s, const void *body, size_t nbytes)
{
	struct weft__kept *k = weft__malloc(sizeof *k + nbytes);
	if (!k)
		return WEFT_ENOMEM;
	k->number = ++s->sent;
	k->nbytes = nbytes;
	memcpy(k->body, body, nbytes);
	weft__list_push(&s->kept, &k->link);
	s->nbytes += nbytes;
	return 0;
}

int weft__session_confirm(struct weft__session *s, uint64_t seen)
{
	uint64_t confirmed = s->sent;
	if (!weft__list_empty(&s->kept))
		confirmed = WEFT__CONTAINER(s->kept.next, struct weft__kept, link)->number - 1;
	if (seen < confirmed || seen > s->sent)
		return WEFT_EPROTO;
	forget(s, seen);
	return 0;
}
