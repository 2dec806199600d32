/* The name store: values under names for the whole VM. A name that is only waited for is there without a
 * value, and goes with the last one that waits. What a task VM puts for the MPI that it hosts goes with it. */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "coord/state.h"

struct name *name_create(struct coord *c, struct weft__str text)
{
	struct name *n = coord_alloc(c, sizeof *n);
	char *copy = n ? coord_strndup(c, text.p, text.n) : NULL;
	if (!copy) {
		weft__free(n);
		return NULL;
	}
	n->entry.name = copy;
	weft__list_init(&n->asks);
	weft__list_init(&n->at_owner);
	weft__list_push(&c->names, &n->all);
	entry_put(c, &c->name_map, &n->entry);
	c->nnames++;
	return n;
}

void name_own(struct name *n, struct client *owner)
{
	weft__list_remove(&n->at_owner);
	n->owner = owner;
	if (owner)
		weft__list_push(&owner->names, &n->at_owner);
}

static void drop_value(struct coord *c, struct name *n)
{
	name_own(n, NULL);
	c->name_bytes -= n->nbytes;
	weft__free(n->value);
	n->value = NULL;
	n->nbytes = 0;
	n->there = 0;
}

void name_release(struct coord *c, struct name *n)
{
	if (n->there || !weft__list_empty(&n->asks))
		return;
	entry_remove(c, &c->name_map, &n->entry);
	weft__list_remove(&n->all);
	c->nnames--;
	weft__free(n);
}

bool name_set(struct coord *c, struct name *n, const void *value, size_t nbytes)
{
	void *copy = coord_alloc(c, nbytes);
	if (!copy)
		return false;
	if (nbytes > 0)
		memcpy(copy, value, nbytes);
	drop_value(c, n);
	n->value = copy;
	n->nbytes = nbytes;
	n->there = 1;
	c->name_bytes += nbytes;
	return true;
}

void name_disown(struct coord *c, struct client *owner)
{
	while (!weft__list_empty(&owner->names)) {
		struct name *n = WEFT__CONTAINER(owner->names.next, struct name, at_owner);
		drop_value(c, n);
		name_release(c, n);
	}
}

static struct name *find(const struct coord *c, struct weft__str text)
{
	struct entry *e = entry_find(&c->name_map, text);
	return e ? WEFT__CONTAINER(e, struct name, entry) : NULL;
}

static void send_value(struct coord *c, struct client *to, uint64_t req, int code, const struct name *n)
{
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_NAME_VALUE,
	                                .name_value = {.req = req,
	                                               .code = code,
	                                               .value = {n ? n->value : NULL, n ? n->nbytes : 0}}});
}

void name_put(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_name_put *m = &msg->name_put;
	struct name *n = find(c, m->name);
	size_t freed = n ? n->nbytes : 0;
	if (m->name.n == 0) {
		send_result(c, from, m->req, WEFT_EINVAL, 0, "an empty name");
		return;
	}
	if (n && n->there && !m->replace) {
		send_result(c, from, m->req, WEFT_EEXIST, 0, "the name \"%s\" is taken", m->name.p);
		return;
	}
	if ((!n && c->nnames >= COORD_NAMES_MAX) || c->name_bytes - freed + m->value.n > COORD_NAME_BYTES_MAX) {
		send_result(c, from, m->req, WEFT_ENOSPC, 0, "the name store is full: at most %d names with %d bytes",
		            COORD_NAMES_MAX, COORD_NAME_BYTES_MAX);
		return;
	}
	if (!n)
		n = name_create(c, m->name);
	if (!n || !name_set(c, n, m->value.p, m->value.n))
		return;
	if (from->role == WEFT__ROLE_TASKVM)
		name_own(n, from);
	send_result(c, from, m->req, 0, 0, "%s", "");
	while (!weft__list_empty(&n->asks)) {
		struct ask *a = WEFT__CONTAINER(n->asks.next, struct ask, at_target);
		send_value(c, a->client, a->req, 0, n);
		ask_destroy(c, a);
	}
}

void name_get(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_name_get *m = &msg->name_get;
	struct name *n = find(c, m->name);
	if (n && n->there) {
		send_value(c, from, m->req, 0, n);
		return;
	}
	int code = 0;
	if (m->name.n == 0)
		code = WEFT_EINVAL;
	else if (!m->wait)
		code = WEFT_ENOENT;
	else if (from->nasks >= COORD_ASKS_MAX || (!n && c->nnames >= COORD_NAMES_MAX))
		code = WEFT_EAGAIN;
	if (code) {
		send_value(c, from, m->req, code, NULL);
		return;
	}
	if (!n)
		n = name_create(c, m->name);
	struct ask *a = n ? ask_new(c, from, m->req, ASK_NAME) : NULL;
	if (!a)
		return;
	a->name = n;
	weft__list_push(&n->asks, &a->at_target);
}

void name_del(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_name_del *m = &msg->name_del;
	struct name *n = find(c, m->name);
	if (!n || !n->there) {
		send_result(c, from, m->req, WEFT_ENOENT, 0, "there is no name \"%s\"", m->name.p);
		return;
	}
	drop_value(c, n);
	name_release(c, n);
	send_result(c, from, m->req, 0, 0, "%s", "");
}
