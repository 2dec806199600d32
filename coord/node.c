/* Nodes: how they come, are lost and go.
 *
 *   STARTING   home was told to start it. It joins: UP. NODE_FAILED or COORD_START_MS: removed.
 *   UP         its link is there. Link gone: SUSPECT. Silent for COORD_SILENCE_MS: lost.
 *   SUSPECT    it rejoins: UP, nothing has happened. Else lost.
 *   LEAVING    it was told to halt. Its link closes, or COORD_LEAVE_MS: removed.
 *
 * Losing a node ends its tasks and clients and tells the other nodes; a node that comes back after that is
 * refused and kills what it has. A weftd that was restarted joins anew (epoch 0): its tasks may live on in their task VMs,
 * and the inventory says which do. Its clients are gone, unless it is one that took the place of a crashed one (again.c). */
#include "config.h"

#include <inttypes.h>

#include "base/heap.h"
#include "coord/state.h"

struct node *node_find(const struct coord *c, uint64_t index)
{
	return index >= 1 && index <= WEFT__NODE_MAX ? c->seats[index].node : NULL;
}

/* It has joined at some time, so that the others know it. */
static bool is_member(const struct node *n)
{
	return !n->gone && n->release != NULL;
}

/* Indexes are given out once; only when all have been are free ones used again. */
static uint64_t free_index(struct coord *c)
{
	if (c->next_index <= WEFT__NODE_MAX)
		return c->next_index++;
	uint64_t index = COORD_HOME + 1;
	while (index <= WEFT__NODE_MAX && c->seats[index].node)
		index++;
	return index;
}

struct node *node_create(struct coord *c, uint64_t kind, struct weft__str wanted)
{
	struct node *n = coord_alloc(c, sizeof *n);
	if (!n)
		return NULL;
	uint64_t index = free_index(c);
	if (index > WEFT__NODE_MAX) {
		weft__free(n);
		return NULL;
	}
	n->index = (uint32_t)index;
	n->incarnation = (uint32_t)c->next_incarnation++;
	n->state = WEFT__NODE_STARTING;
	n->kind = kind;
	coord_replace(c, &n->wanted, wanted);
	coord_replace(c, &n->host, wanted);
	weft__session_init(&n->session);
	weft__list_init(&n->tasks);
	weft__list_init(&n->clients);
	weft__list_init(&n->watches);
	weft__list_push(&c->nodes, &n->all);
	c->seats[index].node = n;
	c->nnodes++;
	c->nstarting++;
	return n;
}

void node_destroy(struct coord *c, struct node *n)
{
	c->seats[n->index].node = NULL;
	c->nnodes--;
	if (n->state == WEFT__NODE_STARTING)
		c->nstarting--;
	weft__list_remove(&n->all);
	weft__session_fini(&n->session);
	weft__map_fini(&n->numbers);
	weft__free(n->wanted);
	weft__free(n->host);
	weft__free(n->address);
	weft__free(n->addresses);
	weft__free(n->release);
	weft__free(n);
}

void node_start(struct coord *c, struct node *n, const struct weft__msg_node_add *how)
{
	struct node *home = node_find(c, COORD_HOME);
	struct weft__msg m = {.code = WEFT__MSG_NODE_START,
	                      .node_start = {.node = n->index,
	                                     .incarnation = n->incarnation,
	                                     .kind = n->kind,
	                                     .host = weft__str(n->wanted)}};
	if (how) {
		m.node_start.login = how->login;
		m.node_start.address = how->address;
		m.node_start.daemon = how->daemon;
		m.node_start.path = how->path;
		m.node_start.wdir = how->wdir;
		m.node_start.ports = how->ports;
		m.node_start.start = how->start;
	}
	if (home)
		send_node(c, home, &m);
}

/* --- joining ------------------------------------------------------------------------------------- */

int node_check_join(struct coord *c, const struct coord_event *ev, const struct weft__msg_join *m, struct weft_error *e)
{
	if (m->node != ev->node || m->incarnation != ev->incarnation)
		return weft__err_set(e, WEFT_EDENIED,
		                     "the link belongs to node %u incarnation %u, but JOIN says node %" PRIu64
		                     " incarnation %" PRIu64,
		                     ev->node, ev->incarnation, m->node, m->incarnation);
	const struct node *n = node_find(c, m->node);
	if (!n || n->incarnation != m->incarnation)
		return weft__err_set(e, WEFT_EFENCED,
		                     "node %" PRIu64 " incarnation %" PRIu64
		                     " is no longer in the virtual machine: it was removed, or lost after a silence",
		                     m->node, m->incarnation);
	if (m->epoch > c->epoch)
		return weft__err_set(e, WEFT_EFENCED, "the node has followed epoch %" PRIu64 ", this coordinator is at %" PRIu64,
		                     m->epoch, c->epoch);
	if (m->epoch == 0)
		return m->seen == 0 ? 0 : weft__err_set(e, WEFT_EPROTO, "JOIN with epoch 0 has seen messages");
	if (n->state == WEFT__NODE_STARTING)
		return weft__err_set(e, WEFT_EPROTO, "JOIN says epoch %" PRIu64 ", but the node has never joined", m->epoch);
	const struct weft__session *s = &n->session;
	uint64_t oldest = weft__list_empty(&s->kept) ? s->sent
	                                             : WEFT__CONTAINER(s->kept.next, struct weft__unseen, link)->number - 1;
	if (m->seen < oldest || m->seen > s->sent)
		return weft__err_set(e, WEFT_EFENCED,
		                     "the node has seen %" PRIu64 " messages, the coordinator sent %" PRIu64
		                     " and has %" PRIu64 " confirmed",
		                     m->seen, s->sent, oldest);
	return 0;
}

/* The weftd is another process than before: what it knew of its clients is gone. */
static void renew(struct coord *c, struct node *n)
{
	while (!weft__list_empty(&n->clients)) {
		struct client *client = WEFT__CONTAINER(n->clients.next, struct client, at_node);
		bool hosted = client->task && !client->task->enrolled;
		client_end(c, client, hosted ? CLIENT_FORGOTTEN : CLIENT_GONE);
	}
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = l->next)
		WEFT__CONTAINER(l, struct task, at_node)->doubtful = 1;
	weft__session_reset(&n->session);
	if (n->state == WEFT__NODE_LEAVING)
		send_node(c, n, &(struct weft__msg){.code = WEFT__MSG_HALT});
}

static void send_peer(struct coord *c, struct node *to, const struct node *about)
{
	send_node(c, to,
	          &(struct weft__msg){.code = WEFT__MSG_PEER,
	                              .peer = {.node = about->index,
	                                       .incarnation = about->incarnation,
	                                       .host = weft__str(about->host),
	                                       .address = weft__str(about->address),
	                                       .port = about->port,
	                                       .ncores = about->ncores,
	                                       .addresses = weft__str(about->addresses)}});
}

/* Each node that is there and this one learn of each other. */
static void introduce(struct coord *c, struct node *n)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *other = WEFT__CONTAINER(l, struct node, all);
		if (other == n || !is_member(other))
			continue;
		send_peer(c, other, n);
		send_peer(c, n, other);
	}
}

static void start_first_nodes(struct coord *c)
{
	for (uint64_t i = 2; i <= c->local_nodes && c->nnodes < WEFT__NODE_MAX; i++) {
		struct node *n = node_create(c, WEFT__ADD_LOCAL, weft__str(""));
		if (!n)
			return;
		n->initial = 1;
		node_start(c, n, NULL);
	}
}

/* One of the nodes that spawns wait for has come, or never will. */
static void initial_settled(struct coord *c)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		const struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (n->initial)
			return;
	}
	job_unpark(c);
}

void node_join(struct coord *c, struct node *n, const struct weft__msg_join *m, const char *from)
{
	bool first = n->state == WEFT__NODE_STARTING, fresh = m->epoch == 0;
	if (fresh && !first && m->again)
		again_begin(c, n);
	else if (fresh && !first)
		renew(c, n);
	else if (!fresh && weft__session_confirm(&n->session, m->seen)) {
		c->failed = c->failed ? c->failed : WEFT_EPROTO;
		return;
	}
	coord_replace(c, &n->host, m->host);
	coord_replace(c, &n->address, m->address.n ? m->address : weft__str(from));
	coord_replace(c, &n->addresses, m->addresses);
	coord_replace(c, &n->release, m->release);
	n->port = m->port;
	n->ncores = m->ncores ? m->ncores : 1;
	n->pid = m->pid;
	n->rejoining = 0;
	if (n->state == WEFT__NODE_LEAVING)
		return;
	send_log(c, WEFT__LOG_INFO, "WEFT-NODE-UP", "node=%u incarnation=%u host=%s address=%s:%" PRIu64 "%s", n->index,
	         n->incarnation, n->host, n->address, n->port, first ? "" : fresh ? " restarted" : " rejoined");
	if (first)
		c->nstarting--;
	n->state = WEFT__NODE_UP;
	if (fresh)
		introduce(c, n);
	if (!first)
		return;
	if (n->index == COORD_HOME)
		start_first_nodes(c);
	member_added(c, n, NULL);
	notify_added(c, n);
	if (n->initial) {
		n->initial = 0;
		initial_settled(c);
	}
}

void node_hosted(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct task *t = task_find(c, m->hosted.tid);
	if (!t || t->node != n) {
		task_kill(c, n, m->hosted.tid); /* it was given up: it must not run on */
		return;
	}
	t->doubtful = 0;
	if (t->state == WEFT__TASK_STARTING && m->hosted.pid > 0)
		task_started(c, t, m->hosted.pid, weft__str(""));
}

void node_inventory_end(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct weft__list *next;
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = next) {
		struct task *t = WEFT__CONTAINER(l, struct task, at_node);
		next = l->next;
		if (t->killed && !t->doubtful)
			task_kill(c, n, t->tid);
	}
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = next) {
		struct task *t = WEFT__CONTAINER(l, struct task, at_node);
		next = l->next;
		if (t->doubtful)
			task_lose(c, t, WEFT__EXIT_LOST);
	}
}

/* A firewall, or a translation of addresses, may let two nodes meet in one direction alone. */
void node_call(struct coord *c, struct node *from, const struct weft__msg *m)
{
	struct node *to = node_find(c, m->peer_call.node);
	if (to && to != from && is_member(to) && to->incarnation == m->peer_call.incarnation)
		send_node(c, to,
		          &(struct weft__msg){.code = WEFT__MSG_PEER_CALL,
		                              .peer_call = {.node = from->index, .incarnation = from->incarnation}});
}

/* --- going ---------------------------------------------------------------------------------------- */

void node_failed(struct coord *c, struct node *from, const struct weft__msg *m)
{
	struct node *n = node_find(c, m->node_failed.node);
	if (from->index != COORD_HOME || !n || n->incarnation != m->node_failed.incarnation ||
	    n->state != WEFT__NODE_STARTING || n->index == COORD_HOME)
		return;
	member_added(c, n, &m->node_failed);
	node_remove(c, n, false, "it could not be started");
}

void node_down(struct coord *c, struct node *n)
{
	if (n->state == WEFT__NODE_LEAVING) {
		node_remove(c, n, false, "it has halted");
	} else if (n->state == WEFT__NODE_UP) {
		n->state = WEFT__NODE_SUSPECT;
		send_log(c, WEFT__LOG_WARN, "WEFT-NODE-SUSPECT", "node=%u host=%s: its link is gone", n->index, n->host);
	}
}

/* How long it may stay in its state, or silent; that is decided by the present alone. */
static uint64_t patience_ms(const struct coord *c, const struct node *n)
{
	uint64_t ms = COORD_SILENCE_MS;
	if (n->state == WEFT__NODE_STARTING)
		ms = COORD_START_MS;
	else if (n->state == WEFT__NODE_LEAVING)
		ms = COORD_LEAVE_MS;
	else if (n->index == COORD_HOME)
		ms = n->link && c->orphan_ms < COORD_SILENCE_MS ? COORD_SILENCE_MS : c->orphan_ms;
	if (n->state == WEFT__NODE_SUSPECT && n->rejoining && ms < COORD_REJOIN_MS)
		ms = COORD_REJOIN_MS;
	return ms;
}

bool node_is_due(struct coord *c, struct node *n)
{
	if (n->timed_state != n->state) {
		n->timed_state = n->state;
		n->since_ms = c->now_ms;
	}
	uint64_t since = n->state == WEFT__NODE_UP ? n->heard_ms : n->since_ms;
	return c->now_ms > since && c->now_ms - since >= patience_ms(c, n);
}

void node_expire(struct coord *c, struct node *n)
{
	char text[300];
	switch (n->state) {
	case WEFT__NODE_STARTING:
		snprintf(text, sizeof text,
		         "node %u%s%.60s did not join within %d s; look at its log, and whether it can reach this machine",
		         n->index, *n->wanted ? " on " : "", n->wanted, COORD_START_MS / 1000);
		member_failed(c, n, WEFT_ETIMEDOUT, text);
		node_remove(c, n, false, "it did not join in time");
		break;
	case WEFT__NODE_LEAVING:
		node_remove(c, n, false, "it was told to halt and took too long");
		break;
	default:
		node_remove(c, n, true, n->state == WEFT__NODE_UP ? "silent" : "its link did not come back");
	}
}

static void say_gone(struct coord *c, struct node *n, bool lost)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *other = WEFT__CONTAINER(l, struct node, all);
		if (is_member(other))
			send_node(c, other,
			          &(struct weft__msg){.code = WEFT__MSG_PEER_GONE,
			                              .peer_gone = {.node = n->index,
			                                            .incarnation = n->incarnation,
			                                            .lost = lost}});
	}
}

void node_remove(struct coord *c, struct node *n, bool lost, const char *why)
{
	bool was_member = is_member(n), was_home = n->index == COORD_HOME;
	if (n->gone)
		return;
	n->gone = true;
	send_log(c, lost ? WEFT__LOG_WARN : WEFT__LOG_INFO, lost ? "WEFT-NODE-LOST" : "WEFT-NODE-GONE",
	         "node=%u incarnation=%u host=%s: %s", n->index, n->incarnation, n->host, why);
	if (n->link) {
		if (lost)
			send_link(c, n->link, n,
			          &(struct weft__msg){.code = WEFT__MSG_REFUSED,
			                              .refused = {.code = WEFT_EFENCED, .text = weft__str(why)}});
		send_close(c, n->link);
		n->link = 0;
	}
	while (!weft__list_empty(&n->clients))
		client_end(c, WEFT__CONTAINER(n->clients.next, struct client, at_node), CLIENT_GONE);
	while (!weft__list_empty(&n->tasks))
		task_lose(c, WEFT__CONTAINER(n->tasks.next, struct task, at_node), WEFT__EXIT_LOST);
	if (was_member)
		say_gone(c, n, lost);
	notify_lost(c, n);
	member_failed(c, n, WEFT_ENONODE, why);
	member_removed(c, n);
	bool initial = n->initial;
	node_destroy(c, n);
	if (initial)
		initial_settled(c);
	if (was_home)
		halt_begin(c, "the home node is gone");
	halt_step(c);
}
