#include "config.h"

#include "proto/session.h"

#include <string.h>

#include "base/heap.h"
#include "proto/prescan.h"

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

enum { CLIENTS = WEFT__ROLE_TASK | WEFT__ROLE_TASKVM | WEFT__ROLE_TOOL };

/* HALT and CLOCK go on from the coordinator to nodes, which take none of them from a client. */
bool weft__session_asks(enum weft__msg_code code)
{
	const struct weft__msg_type *t = weft__msg_type(code);
	bool passes = code == WEFT__MSG_HALT || code == WEFT__MSG_CLOCK;
	return t && code != WEFT__MSG_SEEN && t->from & CLIENTS && t->to & WEFT__ROLE_COORD &&
	       (passes || !(t->to & WEFT__ROLE_NODE));
}

/* TEAM comes from the node as well; it follows a question, and that is asked again. */
bool weft__session_answers(enum weft__msg_code code)
{
	switch (code) {
	case WEFT__MSG_WELCOME:
	case WEFT__MSG_REFUSED:
	case WEFT__MSG_TEAM:
	case WEFT__MSG_SEEN:
	case WEFT__MSG_RESUMED:
		return false;
	default: {
		const struct weft__msg_type *t = weft__msg_type(code);
		return t && t->from & WEFT__ROLE_COORD && t->to & CLIENTS && !(t->to & WEFT__ROLE_NODE);
	}
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
		struct weft__unseen *k = WEFT__CONTAINER(s->kept.next, struct weft__unseen, link);
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
	struct weft__unseen *k = weft__malloc(sizeof *k + nbytes);
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
		confirmed = WEFT__CONTAINER(s->kept.next, struct weft__unseen, link)->number - 1;
	if (seen < confirmed || seen > s->sent)
		return WEFT_EPROTO;
	forget(s, seen);
	return 0;
}

bool weft__session_took(struct weft__session *s, size_t nbytes)
{
	s->received++;
	s->untold_bytes += nbytes;
	if (s->received - s->told < WEFT__SESSION_SEEN && s->untold_bytes < WEFT__SESSION_SEEN_BYTES)
		return false;
	s->told = s->received;
	s->untold_bytes = 0;
	return true;
}
