/* Notifications: a watch waits for a task's end, a node's loss, or nodes that are added, and becomes a NOTICE.
 * What has happened already, or concerns what never was, is told at once. */
#include "config.h"

#include <inttypes.h>

#include "base/heap.h"
#include "coord/state.h"

struct watch *notify_watch(struct coord *c, struct client *client, uint64_t kind)
{
	struct watch *w = coord_alloc(c, sizeof *w);
	if (!w)
		return NULL;
	w->client = client;
	w->kind = kind;
	weft__list_push(&c->watches, &w->all);
	weft__list_push(&client->watches, &w->at_client);
	weft__list_init(&w->at_target);
	client->nwatches++;
	c->nwatches++;
	return w;
}

void notify_cancel(struct coord *c, struct watch *w)
{
	weft__list_remove(&w->all);
	weft__list_remove(&w->at_client);
	weft__list_remove(&w->at_target);
	w->client->nwatches--;
	c->nwatches--;
	weft__free(w);
}

/* --- telling --------------------------------------------------------------------------------------- */

static struct weft__msg notice(uint64_t kind, uint64_t context, int64_t tag, uint64_t node)
{
	return (struct weft__msg){.code = WEFT__MSG_NOTICE,
	                          .notice = {.kind = kind, .context = context, .tag = tag, .node = node}};
}

static void send_exit(struct coord *c, struct client *to, uint64_t context, int64_t tag, uint64_t tid, const struct task *t)
{
	struct weft__msg m = notice(WEFT__NOTIFY_EXIT, context, tag, weft__tid_node((weft_tid_t){tid}));
	m.notice.tid = tid;
	m.notice.exit_code = t ? t->exit_code : -1;
	m.notice.signo = t ? t->signo : 0;
	m.notice.flags = t ? t->flags | (t->spoke ? WEFT__EXIT_SPOKE : 0) : WEFT__EXIT_LOST;
	send_client(c, to, &m);
}

static void send_about_node(struct coord *c, struct client *to, uint64_t kind, uint64_t context, int64_t tag, uint64_t node)
{
	struct weft__msg m = notice(kind, context, tag, node);
	send_client(c, to, &m);
}

void notify_task(struct coord *c, struct task *t)
{
	while (!weft__list_empty(&t->watches)) {
		struct watch *w = WEFT__CONTAINER(t->watches.next, struct watch, at_target);
		send_exit(c, w->client, w->context, w->tag, t->tid, t);
		notify_cancel(c, w);
	}
}

void notify_lost(struct coord *c, struct node *n)
{
	while (!weft__list_empty(&n->watches)) {
		struct watch *w = WEFT__CONTAINER(n->watches.next, struct watch, at_target);
		send_about_node(c, w->client, WEFT__NOTIFY_LOST, w->context, w->tag, n->index);
		notify_cancel(c, w);
	}
}

void notify_added(struct coord *c, struct node *n)
{
	struct weft__list *next;
	for (struct weft__list *l = c->added.next; l != &c->added; l = next) {
		struct watch *w = WEFT__CONTAINER(l, struct watch, at_target);
		next = l->next;
		send_about_node(c, w->client, WEFT__NOTIFY_ADDED, w->context, w->tag, n->index);
		if (w->left != UINT64_MAX && --w->left == 0)
			notify_cancel(c, w);
	}
}

/* --- asking ---------------------------------------------------------------------------------------- */

static void cancel_matching(struct coord *c, struct client *from, const struct weft__msg_notify *m)
{
	struct weft__map ids = {0};
	struct weft__list *next;
	for (size_t i = 0; i < m->ids.n; i++)
		coord_put(c, &ids, m->ids.p[i], &ids);
	for (struct weft__list *l = from->watches.next; l != &from->watches; l = next) {
		struct watch *w = WEFT__CONTAINER(l, struct watch, at_client);
		next = l->next;
		if (w->kind == m->kind && w->context == m->context && w->tag == m->tag &&
		    (w->kind == WEFT__NOTIFY_ADDED || weft__map_get(&ids, w->id)))
			notify_cancel(c, w);
	}
	weft__map_fini(&ids);
}

struct weft__list *notify_target(struct coord *c, uint64_t kind, uint64_t id)
{
	if (kind == WEFT__NOTIFY_ADDED)
		return &c->added;
	if (kind == WEFT__NOTIFY_EXIT) {
		struct task *t = task_find(c, id);
		return t && t->node ? &t->watches : NULL;
	}
	struct node *n = node_find(c, id);
	return n && !n->gone ? &n->watches : NULL;
}

static void watch_each(struct coord *c, struct client *from, const struct weft__msg_notify *m)
{
	for (size_t i = 0; i < m->ids.n; i++) {
		uint64_t id = m->ids.p[i];
		struct weft__list *at = notify_target(c, m->kind, id);
		if (!at && m->kind == WEFT__NOTIFY_EXIT)
			send_exit(c, from, m->context, m->tag, id, task_find(c, id));
		else if (!at)
			send_about_node(c, from, m->kind, m->context, m->tag, id <= WEFT__NODE_MAX ? id : 0);
		struct watch *w = at ? notify_watch(c, from, m->kind) : NULL;
		if (!w)
			continue;
		w->id = id;
		w->context = m->context;
		w->tag = m->tag;
		weft__list_push(at, &w->at_target);
	}
}

static void watch_added(struct coord *c, struct client *from, const struct weft__msg_notify *m)
{
	cancel_matching(c, from, m); /* the new number replaces the old one */
	struct watch *w = m->ids.p[0] ? notify_watch(c, from, m->kind) : NULL;
	if (!w)
		return;
	w->context = m->context;
	w->tag = m->tag;
	w->left = m->ids.p[0];
	weft__list_push(&c->added, &w->at_target);
}

void notify_ask(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_notify *m = &msg->notify;
	bool added = m->kind == WEFT__NOTIFY_ADDED;
	if (m->kind == 0 || (m->ids.n == 0 && !(added && m->cancel)) || (added && m->ids.n > 1)) {
		send_result(c, from, m->req, WEFT_EINVAL, 0, m->kind ? "%zu numbers with a notification of kind %" PRIu64
		                                                     : "%zu numbers, and no kind of notification (%" PRIu64 ")",
		            m->ids.n, m->kind);
		return;
	}
	if (!m->cancel && from->nwatches + m->ids.n > COORD_WATCHES_MAX) {
		send_result(c, from, m->req, WEFT_ENOSPC, 0, "a task can wait for %d notifications at most", COORD_WATCHES_MAX);
		return;
	}
	send_result(c, from, m->req, 0, 0, "%s", "");
	if (m->cancel)
		cancel_matching(c, from, m);
	else if (added)
		watch_added(c, from, m);
	else
		watch_each(c, from, m);
}
