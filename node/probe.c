/* probe.c - which addresses of the other nodes work from here; weft doctor net asks.
 *
 * Happy path: NET_PROBE comes from a tool, or from the node to which the tool talks; every address of every other
 * node is dialled, TLS with the pair's key proves it, and a NET_ROW tells how long packets take; the last row says
 * that this was all. Links that are in use are not touched.
 *
 * What can go wrong: an address does not answer: its row says why, within LINK_HANDSHAKE_MS. More addresses than
 * ATTEMPTS_MAX: the rest is not looked at. Who asked has gone: nobody is told.
 */
#include "config.h"

#include "node/node.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/log.h"
#include "node/addresses.h"

enum { ATTEMPTS_MAX = 512, ADDRESSES_EACH = 8 };

/* Who asked: a client of this node, or a node for one of its own. */
struct probe {
	struct node *node;
	uint32_t client, peer; /* 0: it is the other */
	uint64_t req;
	size_t nopen;
};

struct attempt {
	struct probe *probe;
	struct link *link;
	uint32_t to;
	uint16_t port;
	unsigned linked;
	char address[LINK_ADDRESS_TEXT];
};

static void answer(const struct probe *p, struct weft__msg_net_row row)
{
	struct client *c = p->client ? client_find(p->node, p->client) : NULL;
	row.req = p->req;
	row.from = p->node->index;
	struct weft__msg m = {.code = WEFT__MSG_NET_ROW, .net_row = row};
	if (c)
		client_send(c, &m, NULL, 0);
	else if (p->peer)
		peer_send(p->node, p->peer, &m);
}

static void settle(struct probe *p)
{
	if (--p->nopen > 0)
		return;
	answer(p, (struct weft__msg_net_row){.last = 1});
	weft__free(p);
}

static void attempt_end(struct attempt *a, int code, const char *text, uint64_t rtt_us)
{
	char why[200];
	struct probe *p = a->probe;
	snprintf(why, sizeof why, "%.190s", text);
	answer(p, (struct weft__msg_net_row){.to = a->to,
	                                     .address = weft__str(a->address),
	                                     .port = a->port,
	                                     .code = code,
	                                     .rtt_us = rtt_us,
	                                     .linked = a->linked,
	                                     .text = weft__str(why)});
	weft__free(a);
	settle(p);
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	uint64_t rtt_us = link_rtt_us(l);
	link_close(&l);
	attempt_end(arg, 0, "", rtt_us);
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	attempt_end(arg, code, text, 0);
}

static void attempt(struct probe *p, const struct peer *peer, const char *address)
{
	static const struct link_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};
	const struct node *n = p->node;
	char identity[96];
	struct attempt *a = p->nopen < ATTEMPTS_MAX ? weft__calloc(1, sizeof *a) : NULL;
	if (!a)
		return;
	a->probe = p;
	a->to = peer->index;
	a->port = peer->port;
	a->linked = (peer->dialled ? 1u : 0u) | (peer->accepted ? 2u : 0u);
	snprintf(a->address, sizeof a->address, "%s", address);
	snprintf(identity, sizeof identity, "peer %u %u %u %u", n->index, n->incarnation, peer->index, peer->incarnation);
	p->nopen++;
	int rc = link_dial(n->loop, address, peer->port, LINK_TO_PROBE, identity, peer->key, &handler, a, &a->link);
	if (rc)
		attempt_end(a, rc, weft__err_text(rc), 0);
}

/* Each address once: the first are there twice when they are known from the connection as well. */
static void attempt_all(struct probe *p, const struct peer *peer)
{
	char seen[ADDRESSES_EACH][LINK_ADDRESS_TEXT];
	const char *list = peer->addresses;
	size_t n = 0;
	while (*list && n < ADDRESSES_EACH) {
		unsigned short unused;
		size_t i = 0;
		if (!addresses_next(&list, seen[n], &unused))
			continue;
		while (i < n && strcmp(seen[i], seen[n]))
			i++;
		if (i < n)
			continue;
		attempt(p, peer, seen[n++]);
	}
}

/* Where we listen, and what lets others in. */
static void tell_own(const struct probe *p)
{
	const struct node *n = p->node;
	char addresses[ADDRESSES_TEXT], firewall[200];
	if (*n->listen_address)
		snprintf(addresses, sizeof addresses, "%s", n->listen_address);
	else
		addresses_list(addresses, sizeof addresses, "");
	link_firewall_line(n->port, firewall, sizeof firewall);
	answer(p, (struct weft__msg_net_row){
	                  .to = n->index, .address = weft__str(addresses), .port = n->port, .text = weft__str(firewall)});
}

static void probe_here(struct node *n, uint32_t client, uint32_t peer, uint64_t req)
{
	struct probe *p = weft__calloc(1, sizeof *p);
	size_t cursor = 0;
	uint64_t index;
	void *other;
	if (!p)
		return;
	*p = (struct probe){.node = n, .client = client, .peer = peer, .req = req, .nopen = 1};
	tell_own(p);
	while (weft__map_next(&n->peers, &cursor, &index, &other))
		attempt_all(p, other);
	settle(p);
}

/* On the way to another node and back the question's number has the client's above it. */
void probe_ask(struct node *n, struct client *c, const struct weft__msg_net_probe *m)
{
	if (m->node == n->index) {
		probe_here(n, c->number, 0, m->req);
		return;
	}
	struct weft__msg forward = {.code = WEFT__MSG_NET_PROBE,
	                            .net_probe = {.req = (uint64_t)c->number << 32 | (uint32_t)m->req, .node = m->node}};
	int rc = m->req > UINT32_MAX ? WEFT_EINVAL : peer_send(n, m->node, &forward);
	if (rc)
		client_send(c,
		            &(struct weft__msg){.code = WEFT__MSG_NET_ROW,
		                                .net_row = {.req = m->req, .last = 1, .code = rc, .from = m->node}},
		            NULL, 0);
}

void probe_ask_for(struct peer *p, const struct weft__msg_net_probe *m)
{
	if (m->node == p->node->index)
		probe_here(p->node, 0, p->index, m->req);
}

void probe_row(struct peer *p, const struct weft__msg_net_row *m)
{
	struct client *c = client_find(p->node, m->req >> 32);
	struct weft__msg row = {.code = WEFT__MSG_NET_ROW, .net_row = *m};
	row.net_row.req = (uint32_t)m->req;
	row.net_row.from = p->index;
	if (c)
		client_send(c, &row, NULL, 0);
}

/* --- the other side ------------------------------------------------------------------------------- */

static void visitor_opened(struct link *l, void *arg, const char *identity)
{
	link_close(&l); /* that was it */
}

static void visitor_closed(struct link *l, void *arg, int code, const char *text)
{
	if (link_complain(link_peer(l)))
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-REFUSED", "%s", text);
}

void probe_accept(struct node *n, int *fd)
{
	static const struct link_handler visitor = {.opened = visitor_opened, .frame = on_frame, .closed = visitor_closed};
	struct link *l;
	int rc = link_accept(n->loop, fd, peer_find_key, n, &visitor, n, &l);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-REFUSED", "a link can't be made: %s", weft__err_text(rc));
}
