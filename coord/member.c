/* NODE_ADD, NODE_DEL and NODE_SET: who asked for a node, and what became of it. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "coord/state.h"

static void send_refused(struct coord *c, struct client *to, const struct weft__msg_node_add *m, int code,
                         const char *text)
{
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_NODE_ADDED,
	                                .node_added = {.req = m->req,
	                                               .code = code,
	                                               .text = weft__str(text),
	                                               .host = weft__str(m->host.p)}});
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

static bool is_printable(struct weft__str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return true;
}

/* How it is started: parts of a command line, all of them. */
static int check_how(const struct weft__msg_node_add *m, struct weft_error *e)
{
	const struct {
		const char *what;
		const struct weft__str *value;
		bool name;
	} parts[] = {{"host", &m->host, true},      {"login", &m->login, true},  {"address", &m->address, true},
	             {"daemon", &m->daemon, false}, {"path", &m->path, false},   {"working directory", &m->wdir, false},
	             {"port", &m->ports, true},     {"way to start", &m->start, false}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		struct weft__str s = *parts[i].value;
		if (s.n > 0 && !(parts[i].name ? is_host_name(s) : is_printable(s)))
			return weft__err_set(e, WEFT_EINVAL, "\"%.60s\" is not a %s%s", s.p, parts[i].what,
			                     i == 0 ? " name" : "");
	}
	if (m->kind != WEFT__ADD_LOCAL && m->host.n == 0)
		return weft__err_set(e, WEFT_EINVAL, "\"\" is not a host name");
	return 0;
}

static int check_add(struct coord *c, struct client *from, const struct weft__msg_node_add *m, struct weft_error *e)
{
	if (c->halting)
		return weft__err_set(e, WEFT_ENOVM, "the virtual machine is going down");
	if (m->kind < WEFT__ADD_LOCAL)
		return weft__err_set(e, WEFT_EINVAL, "a node is added on this machine (1), by ssh (2) or by a batch system's launcher");
	int rc = check_how(m, e);
	if (rc)
		return rc;
	if (m->kind == WEFT__ADD_LOCAL && m->host.n > 0)
		return weft__err_set(e, WEFT_EINVAL, "a node on this machine has no host to give");
	if (m->count == 0 || (m->kind != WEFT__ADD_LOCAL && m->count != 1))
		return weft__err_set(e, WEFT_EINVAL, "%" PRIu64 " nodes cannot be added%s", m->count,
		                     m->count ? " on one host, only 1" : "");
	if (c->nstarting + m->count > COORD_NODES_START)
		return weft__err_set(e, WEFT_EAGAIN, "%zu nodes are being started, at most %d can be at one time",
		                     c->nstarting, COORD_NODES_START);
	if (c->nnodes + m->count > WEFT__NODE_MAX)
		return weft__err_set(e, WEFT_ENOSPC, "a virtual machine has at most %d nodes", WEFT__NODE_MAX);
	if (from->nasks >= COORD_ASKS_MAX)
		return weft__err_set(e, WEFT_EAGAIN, "too many questions are open");
	if (m->kind == WEFT__ADD_LOCAL)
		return 0;
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		const struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (strcmp(n->wanted, m->host.p) == 0 || strcmp(n->host, m->host.p) == 0)
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
		send_refused(c, from, m, rc, e.text);
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
		n->slots = m->slots;
		n->speed = m->speed;
		node_start(c, n, m);
	}
}

void member_failed(struct coord *c, struct node *n, int code, const char *text)
{
	member_added(c, n, &(struct weft__msg_node_failed){.code = code, .text = weft__str(text)});
}

void member_added(struct coord *c, struct node *n, const struct weft__msg_node_failed *why)
{
	if (n->add == 0) {
		if (why && n->state == WEFT__NODE_STARTING && !n->gone)
			send_log(c, WEFT__LOG_WARN, "WEFT-NODE-FAILED", "node=%u: %s", n->index, why->text.p);
		return;
	}
	struct ask *a = ask_find(c, n->add);
	n->add = 0;
	if (!a)
		return;
	a->left--;
	struct weft__msg m = {.code = WEFT__MSG_NODE_ADDED,
	                      .node_added = {.req = a->req, .host = weft__str(n->host), .left = a->left}};
	if (why) {
		m.node_added.code = why->code < 0 ? why->code : WEFT_ENONODE;
		m.node_added.text = why->text;
		m.node_added.said = why->said;
		m.node_added.fix = why->fix;
	} else {
		m.node_added.node = n->index;
	}
	send_client(c, a->client, &m);
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
		send_result(c, from, req, WEFT_EDENIED, 0,
		            "node #1 is the coordinator's own; \"weft down\" takes the whole virtual machine down");
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

/* Answers those who wait for something of this node. */
static void answer_all(struct coord *c, const struct node *n, enum ask_kind kind, int code, const char *text)
{
	struct weft__list *next;
	for (struct weft__list *l = c->asks.next; l != &c->asks; l = next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, all);
		next = l->next;
		if (a->kind != (uint64_t)kind || a->index != n->index)
			continue;
		send_result(c, a->client, a->req, code, 0, "%s", text);
		ask_destroy(c, a);
	}
}

void member_removed(struct coord *c, struct node *n)
{
	answer_all(c, n, ASK_NODE_DEL, 0, "");
	answer_all(c, n, ASK_DRAIN, WEFT_ENONODE, "the node has left the virtual machine");
}

/* --- draining ------------------------------------------------------------------------------------- */

void member_idle(struct coord *c, struct node *n)
{
	if (n->drained && n->ntasks == 0 && !n->gone)
		answer_all(c, n, ASK_DRAIN, 0, "");
}

void member_set(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_node_set *m = &msg->node_set;
	struct node *n = node_find(c, m->node);
	if (!n || n->gone) {
		send_result(c, from, m->req, WEFT_ENONODE, 0, "there is no node #%" PRIu64, m->node);
		return;
	}
	if (from->nasks >= COORD_ASKS_MAX) {
		send_result(c, from, m->req, WEFT_EAGAIN, 0, "too many questions are open");
		return;
	}
	n->slots = m->slots ? m->slots : n->slots;
	n->speed = m->speed ? m->speed : n->speed;
	if (m->drain && n->drained != (m->drain == WEFT__DRAIN_YES)) {
		n->drained = m->drain == WEFT__DRAIN_YES;
		send_log(c, WEFT__LOG_INFO, n->drained ? "WEFT-NODE-DRAINED" : "WEFT-NODE-TAKES", "node=%u host=%s ntasks=%zu",
		         n->index, n->host, n->ntasks);
		if (!n->drained)
			answer_all(c, n, ASK_DRAIN, WEFT_ECANCELED, "the node takes tasks again");
	}
	if (!n->drained || !m->wait || n->ntasks == 0) {
		send_result(c, from, m->req, 0, n->ntasks, "%s", "");
		return;
	}
	struct ask *a = ask_new(c, from, m->req, ASK_DRAIN);
	if (a)
		a->index = n->index;
}
