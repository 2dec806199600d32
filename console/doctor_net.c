/* doctor_net.c - the network between the nodes.
 *
 * Happy path: each node is asked to dial all others at all their addresses; when all have told, there are two tables,
 * the nodes with port and addresses, and the pairs with the address that works and how long packets take.
 *
 * What can go wrong: a node does not tell in time: that is said, the others are shown. A pair is not reached by
 * any address: each address with its reason, and the line for the firewall of the machine that was dialled. One
 * of the two directions is enough for Weft, so that only pairs without any are an error.
 */
#include "config.h"

#include "console/doctor_net.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/table.h"

enum { NODES_MAX = 32, PATHS_MAX = 16384, NET_MS = 16000 };

struct net_node {
	uint64_t index;
	char host[256];
	char addresses[1024], firewall[256];
	uint64_t port;
	bool told; /* its last row has come */
	int code;  /* why it tells nothing */
	int64_t req;
	struct net *net;
};

struct path {
	uint64_t from, to, port, rtt_us;
	int code;
	unsigned linked;
	char address[64], text[256];
};

struct net {
	struct net_node nodes[NODES_MAX];
	size_t nnodes, nopen;
	uint64_t left_out; /* nodes that there were too many */
	struct path *paths;
	size_t npaths, room;
	bool done;
};

/* --- asking ---------------------------------------------------------------------------------------- */

static void on_node(void *arg, const struct weft__msg *m)
{
	struct net *net = arg;
	if (m->code != WEFT__MSG_NODE_ROW || m->node_row.state != WEFT__NODE_UP)
		return;
	if (net->nnodes == NODES_MAX) {
		net->left_out++;
		return;
	}
	struct net_node *n = &net->nodes[net->nnodes++];
	n->index = m->node_row.node;
	n->net = net;
	snprintf(n->host, sizeof n->host, "%s", m->node_row.host.p);
}

static void keep_path(struct net *net, const struct weft__msg_net_row *r)
{
	if (net->npaths == net->room) {
		size_t room = net->room ? 2 * net->room : 64;
		struct path *grown = room <= PATHS_MAX ? weft__realloc(net->paths, room * sizeof *grown) : NULL;
		if (!grown)
			return;
		net->paths = grown;
		net->room = room;
	}
	struct path *p = &net->paths[net->npaths++];
	*p = (struct path){.from   = r->from,
	                   .to     = r->to,
	                   .port   = r->port,
	                   .rtt_us = r->rtt_us,
	                   .code   = (int)r->code,
	                   .linked = (unsigned)r->linked};
	snprintf(p->address, sizeof p->address, "%.63s", r->address.p);
	snprintf(p->text, sizeof p->text, "%s", r->text.p);
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct net_node *n = arg;
	struct net *net = n->net;
	if (m->code == WEFT__MSG_NET_ROW && !m->net_row.last) {
		const struct weft__msg_net_row *r = &m->net_row;
		if (r->to != r->from) {
			keep_path(net, r);
			return false;
		}
		n->port = r->port;
		snprintf(n->addresses, sizeof n->addresses, "%s", r->address.p);
		snprintf(n->firewall, sizeof n->firewall, "%s", r->text.p);
		return false;
	}
	n->code = (int)(m->code == WEFT__MSG_NET_ROW ? m->net_row.code : m->result.code);
	n->told = n->code == 0;
	n->req = 0;
	net->done = --net->nopen == 0;
	return true;
}

/* All at once. Too many for all pairs: only the one that we talk to looks at the others. */
static int ask_all(struct context *c, struct net *net, struct weft_error *e)
{
	int rc = session_list(c->session, WEFT__LIST_NODES, 0, 0, on_node, net, e);
	for (size_t i = 0; i < net->nnodes && !rc; i++) {
		struct net_node *n = &net->nodes[i];
		struct weft__msg m = {.code = WEFT__MSG_NET_PROBE, .net_probe = {.node = n->index}};
		if (net->left_out && n->index != (uint64_t)session_node(c->session))
			continue;
		n->req = session_ask(c->session, &m, on_answer, n);
		if (n->req < 0)
			rc = weft__err_set(e, (int)n->req, "%s", weft__err_text((int)n->req));
		else
			net->nopen++;
	}
	net->done = net->nopen == 0;
	if (!rc)
		rc = session_wait(c->session, &net->done, NET_MS, e);
	for (size_t i = 0; i < net->nnodes; i++) {
		if (net->nodes[i].req > 0) {
			session_forget(c->session, net->nodes[i].req);
			net->nodes[i].code = WEFT_ETIMEDOUT;
		}
	}
	return rc == WEFT_ETIMEDOUT ? 0 : rc;
}

/* --- what is found --------------------------------------------------------------------------------- */

/* The path that answers fastest, or the last one that does not; NULL: none was tried. */
static const struct path *best(const struct net *net, uint64_t from, uint64_t to)
{
	const struct path *found = NULL;
	for (size_t i = 0; i < net->npaths; i++) {
		const struct path *p = &net->paths[i];
		if (p->from != from || p->to != to)
			continue;
		if (!found || (p->code == 0 && (found->code != 0 || p->rtt_us < found->rtt_us)))
			found = p;
	}
	return found;
}

static bool reaches(const struct net *net, uint64_t from, uint64_t to)
{
	const struct path *p = best(net, from, to);
	return p && p->code == 0;
}

/* Neither of the two reaches the other, as far as they were asked. */
static bool is_apart(const struct net *net, const struct net_node *a, const struct net_node *b)
{
	return (a->told || b->told) && !reaches(net, a->index, b->index) && !reaches(net, b->index, a->index);
}

static bool is_well(const struct net *net)
{
	for (size_t i = 0; i < net->nnodes; i++) {
		if (net->nodes[i].code)
			return false;
		for (size_t k = 0; k < i; k++)
			if (is_apart(net, &net->nodes[i], &net->nodes[k]))
				return false;
	}
	return true;
}

/* --- tables ---------------------------------------------------------------------------------------- */

static void print_nodes(const struct net *net)
{
	static const char *const columns[] = {">NODE", "HOST", ">PORT", "ADDRESSES"};
	struct table t;
	table_init(&t, columns, 4);
	for (size_t i = 0; i < net->nnodes; i++) {
		const struct net_node *n = &net->nodes[i];
		table_add(&t, "%llu", (unsigned long long)n->index);
		table_add(&t, "%s", n->host);
		table_add(&t, "%llu", (unsigned long long)n->port);
		table_add(&t, "%s", n->told ? n->addresses : weft__err_text(n->code ? n->code : WEFT_EAGAIN));
	}
	table_print(&t, stdout, context_colour(1));
	table_fini(&t);
}

static void print_paths(const struct net *net)
{
	static const char *const columns[] = {"FROM", "TO", "BY", ">RTT", "STATE"};
	struct table t;
	table_init(&t, columns, 5);
	for (size_t i = 0; i < net->nnodes; i++) {
		for (size_t k = 0; k < net->nnodes; k++) {
			const struct path *p = best(net, net->nodes[i].index, net->nodes[k].index);
			if (!p)
				continue;
			table_add(&t, "%s", net->nodes[i].host);
			table_add(&t, "%s", net->nodes[k].host);
			table_add(&t, strchr(p->address, ':') ? "[%s]:%llu" : "%s:%llu", p->address, (unsigned long long)p->port);
			if (p->code)
				table_add(&t, "-");
			else
				table_add(&t, "%.2f ms", (double)p->rtt_us / 1000);
			table_add(&t, "%s", !p->code ? "answers"
			                    : reaches(net, p->to, p->from) ? "only the other way round"
			                                                   : "no answer");
		}
	}
	table_print(&t, stdout, context_colour(1));
	table_fini(&t);
}

/* Why a node is not reached by another, address by address. */
static void print_reasons(const struct net *net, const struct net_node *from, const struct net_node *to, bool apart)
{
	bool colour = context_colour(1);
	printf(" %s%s%s %s can't dial %s%s\n", colour ? (apart ? "\033[31m" : "\033[33m") : "", apart ? "✘" : "!",
	       colour ? "\033[0m" : "", from->host, to->host, apart ? "" : ", but is dialled by it, which is enough");
	for (size_t i = 0; i < net->npaths; i++) {
		const struct path *p = &net->paths[i];
		if (p->from != from->index || p->to != to->index)
			continue;
		if (strstr(p->text, p->address)) /* most name it themselves */
			printf("    | %s\n", p->text);
		else
			printf("    | %s:%llu: %s\n", p->address, (unsigned long long)p->port, p->text);
	}
	if (*to->firewall)
		printf("     mend it with, on %s: %s\n", to->host, to->firewall);
}

static void print_findings(const struct net *net)
{
	for (size_t i = 0; i < net->nnodes; i++) {
		const struct net_node *from = &net->nodes[i];
		if (from->code)
			printf(" ✘ %s does not tell what it reaches: %s\n     mend it with: weft logs\n", from->host,
			       weft__err_text(from->code));
		for (size_t k = 0; k < net->nnodes; k++)
			if (k != i && from->told && !reaches(net, from->index, net->nodes[k].index))
				print_reasons(net, from, &net->nodes[k], is_apart(net, from, &net->nodes[k]));
	}
	if (net->left_out)
		printf(" ! with more than %d nodes only this one looks at others, and at no more than these\n", NODES_MAX);
	else if (net->nnodes < 2)
		printf(" ✔ one node, no network\n");
	else if (is_well(net))
		printf(" ✔ all nodes can talk with each other\n");
}

static void write_json(const struct net *net)
{
	struct json j;
	json_init(&j, stdout);
	json_open(&j, NULL);
	json_number(&j, "schema", 1);
	json_open_array(&j, "nodes");
	for (size_t i = 0; i < net->nnodes; i++) {
		const struct net_node *n = &net->nodes[i];
		json_open(&j, NULL);
		json_number(&j, "node", (int64_t)n->index);
		json_text(&j, "host", n->host);
		json_number(&j, "port", (int64_t)n->port);
		json_text(&j, "addresses", n->addresses);
		json_text(&j, "firewall", *n->firewall ? n->firewall : NULL);
		json_text(&j, "error", n->code ? weft__err_name(n->code) : NULL);
		json_close(&j);
	}
	json_close(&j);
	json_open_array(&j, "paths");
	for (size_t i = 0; i < net->npaths; i++) {
		const struct path *p = &net->paths[i];
		json_open(&j, NULL);
		json_number(&j, "from", (int64_t)p->from);
		json_number(&j, "to", (int64_t)p->to);
		json_text(&j, "address", p->address);
		json_number(&j, "port", (int64_t)p->port);
		json_bool(&j, "ok", p->code == 0);
		json_number(&j, "rtt_us", (int64_t)p->rtt_us);
		json_text(&j, "text", p->code ? p->text : NULL);
		json_close(&j);
	}
	json_close(&j);
	json_bool(&j, "ok", is_well(net));
	json_close(&j);
}

int doctor_net(struct context *c, const struct args *a)
{
	struct net *net = weft__calloc(1, sizeof *net);
	struct weft_error e = {0};
	int status = EXITCODE_FAILURE;
	if (!net) {
		context_error(c, "out of memory");
		return status;
	}
	if (context_attach(c, a) == 0) {
		int rc = ask_all(c, net, &e);
		if (rc) {
			context_error(c, "%s", e.text);
		} else if (args_has(a, OPT_JSON)) {
			write_json(net);
		} else {
			print_nodes(net);
			if (net->npaths > 0)
				print_paths(net);
			print_findings(net);
		}
		status = rc ? EXITCODE_FAILURE : !is_well(net);
		context_detach(c);
	}
	weft__free(net->paths);
	weft__free(net);
	return status;
}
