/* NODE_ADD and NODE_DEL: who asked for a node, and what became of it. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "coord/state.h"

static void send_added(struct coord *c, struct client *to, uint64_t req, int code, const char *text,
                       const char *host, uint64_t node, uint64_t left)
{
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_NODE_ADDED,
	                                .node_added = {.req = req,
	                                               .code = code,
	                                               .text = weft__str(text),
	                                               .host = weft__str(host),
	                                               .node = node,
	                                               .left = left}});
}

/* The name goes to ssh as an argument: it must be a name and nothing else. */
static bool is_host_name(struct weft__str host)
{
	if (host.n == 0 || host.p[0] == '-')
		return false;
	for (size_t i = 0; i < host.n; i++)
		if ((unsigned char)host.p[i] <= ' ' || host.p[i] == 0x7f || strchr(",#'\"\\$`;&|<>()", host.p[i]))
			return false;
	return true;
}

static int check_add(struct coord *c, struct client *from, const struct weft__msg_node_add *m, struct weft_error *e)
{
	if (c->halting)
		return weft__err_set(e, WEFT_ENOVM, "the virtual machine is going down");
	if (m->kind != WEFT__ADD_LOCAL && m->kind != WEFT__ADD_SSH)
		return weft__err_set(e, WEFT_EINVAL, "a node is added on this machine (1) or by ssh (2)");
	if (m->kind == WEFT__ADD_SSH && !is_host_name(m->host))
		return weft__err_set(e, WEFT_EINVAL, "\"%.60s\" is not a host name", m->host.p);
	if (m->kind == WEFT__ADD_LOCAL && m->host.n > 0)
		return weft__err_set(e, WEFT_EINVAL, "a node on this machine has no host to give");
	if (m->count == 0 || (m->kind == WEFT__ADD_SSH && m->count != 1))
		return weft__err_set(e, WEFT_EINVAL, "%" PRIu64 " nodes cannot be added%s", m->count,
		                     m->count ? " on one host by ssh, only 1" : "");
	if (c->nstarting + m->count > COORD_NODES_START)
		return weft__err_set(e, WEFT_EAGAIN, "%zu nodes are being started, at most %d can be at one time",
		                     c->nstarting, COORD_NODES_START);
	if (c->nnodes + m->count > WEFT__NODE_MAX)
		return weft__err_set(e, WEFT_ENOSPC, "a virtual machine has at most %d nodes", WEFT__NODE_MAX);
	if (from->nasks >= COORD_ASKS_MAX)
		return weft__err_set(e, WEFT_EAGAIN, "too many questions are open");
	if (m->kind != WEFT__ADD_SSH)
		return 0;
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		const struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (strcmp(n->wanted, m->host.p) == 0)
			return weft__err_set(e, WEFT_EEXIST, "%.100s is a node already, or is becoming one: #%u", m->host.p,
			                     n->index);
	}
	return 0;
}

void member_add(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_node_add *m = &msg->node_add;
	struct weft_error e = {0};
	int rc = check_add(c, from, m, &e);
	if (rc) {
		send_added(c, from, m->req, rc, e.text, m->host.p, 0, 0);
		return;
	}
	struct ask *a = ask_new(c, from, m->req, ASK_NODE_ADD);
	if (!a)
		return;
	a->left = m->count;
	for (uint64_t i = 0; i < m->count; i++) {
		struct node *n = node_create(c, m->kind, m->host);
		if (!n)
			return;
		n->add = a->id;
		node_start(c, n);
	}
}

void member_added(struct coord *c, struct node *n, int code, const char *text)
{
	if (n->add == 0) {
		if (code && n->state == WEFT__NODE_STARTING && !n->gone)
			send_log(c, WEFT__LOG_WARN, "WEFT-NODE-FAILED", "node=%u: %s", n->index, text);
		return;
	}
	struct ask *a = ask_find(c, n->add);
	n->add = 0;
	if (!a)
		return;
	a->left--;
	send_added(c, a->client, a->req, code, text, n->host, code ? 0 : n->index, a->left);
	if (a->left == 0)
		ask_destroy(c, a);
}

void member_del(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	uint64_t req = msg->node_del.req, index = msg->node_del.node;
	struct node *n = node_find(c, index);
	if (!n) {
		send_result(c, from, req, WEFT_ENONODE, 0, "there is no node #%" PRIu64, index);
	} else if (index == COORD_HOME) {
		send_result(c, from, req, WEFT_EDENIED, 0, "node #1 is the coordinator's own; \"weft down\" takes the whole virtual machine down");
	} else if (n->state == WEFT__NODE_STARTING) {
		send_result(c, from, req, WEFT_EAGAIN, 0, "node #%" PRIu64 " is still being started", index);
	} else if (from->nasks >= COORD_ASKS_MAX) {
		send_result(c, from, req, WEFT_EAGAIN, 0, "too many questions are open");
	} else {
		struct ask *a = ask_new(c, from, req, ASK_NODE_DEL);
		if (a)
			a->index = index;
		if (n->state != WEFT__NODE_LEAVING) {
			send_node(c, n, &(struct weft__msg){.code = WEFT__MSG_HALT});
			n->state = WEFT__NODE_LEAVING;
		}
	}
}

void member_removed(struct coord *c, struct node *n)
{
	struct weft__list *next;
	for (struct weft__list *l = c->asks.next; l != &c->asks; l = next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, all);
		next = l->next;
		if (a->kind != ASK_NODE_DEL || a->index != n->index)
			continue;
		send_result(c, a->client, a->req, 0, 0, "%s", "");
		ask_destroy(c, a);
	}
}
