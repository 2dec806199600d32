/* The other nodes of the VM, and the links with them: made when there is something to say.
 *
 * Happy path: the coordinator tells each node of each other by PEER, with a key for the two. The first message
 * dials the other's port (LINK_TO_PEER) at all its addresses, TLS proves both, and messages flow both ways; the
 * address that answered is where tasks are dialled as well. When both dial at once there
 * are two links; each keeps sending on its own, so that order holds.
 *
 * Where one of them can't be dialled, as a firewall lets connections out and none in, it is asked through the
 * coordinator to dial the other one.
 *
 * What can go wrong: the link breaks (introductions under way are asked for again, output that was under way is
 * sent again, one log line); it can't be made from either side in several attempts (introductions fail with
 * WEFT_ENONODE); the node is gone (PEER_GONE: its tasks are gone for their partners here). A
 * stranger without the key, or of an older incarnation, is refused by TLS.
 */
#include "config.h"

#include "node/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "node/addresses.h"
#include "node/race.h"
#include "proto/output.h"

enum { FAILURES_MAX = 10, RETRY_MS = 1000, CALL_MS = 6000 };

struct peer *peer_find(const struct node *n, uint64_t index)
{
	return weft__map_get(&n->peers, index);
}

/* --- links ---------------------------------------------------------------------------------------- */

static bool is_for_tool(const struct peer *p, const struct weft__msg *m)
{
	struct weft__output_span span;
	if (!weft__output_span(m, &span))
		return m->code == WEFT__MSG_STDIN_ACK;
	return span.node == p->index || (span.node == 0 && m->code == WEFT__MSG_OUTPUT_END);
}

/* A message for a client or a task VM, inside one for us. */
static void take_carried(struct peer *p, const struct weft__msg *m)
{
	struct node *n = p->node;
	struct weft__msg carried;
	struct weft_error e = {0};
	bool is_down = m->code == WEFT__MSG_PEER_DOWN;
	const struct weft__bin *frame = is_down ? &m->peer_down.frame : &m->peer_up.frame;
	enum weft__role from = is_down ? WEFT__ROLE_TASKVM : WEFT__ROLE_TOOL;
	int rc = weft__msg_decode(frame->p, frame->n, from, WEFT__ROLE_NODE, &n->carried, &carried, &e);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "node=%u carried: %s", p->index, e.text);
	else if (is_down && is_for_tool(p, &carried))
		output_deliver(n, m->peer_down.client, &carried, frame->p, frame->n);
	else if (carried.code == WEFT__MSG_OUTPUT_ACK || carried.code == WEFT__MSG_STDIN)
		output_to_vm(n, n->index, m->peer_up.job, &carried);
}

static void message(struct peer *p, const struct weft__msg *m)
{
	switch (m->code) {
	case WEFT__MSG_PEER_DOWN:
	case WEFT__MSG_PEER_UP:
		take_carried(p, m);
		break;
	case WEFT__MSG_LOG_READ:
		joblog_read_for(p, &m->log_read);
		break;
	case WEFT__MSG_LOG_BYTES:
		joblog_bytes(p, &m->log_bytes);
		break;
	case WEFT__MSG_MODEX:
		modex_from_peer(p, &m->modex);
		break;
	case WEFT__MSG_NET_PROBE:
		probe_ask_for(p, &m->net_probe);
		break;
	case WEFT__MSG_NET_ROW:
		probe_row(p, &m->net_row);
		break;
	case WEFT__MSG_HEARTBEAT:
		break;
	case WEFT__MSG_OUTPUT_AGAIN:
		output_peer_again(p->node, p->index, m->output_again.client);
		break;
	default:
		intro_message(p, m);
	}
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct peer *p = arg;
	struct weft__msg m;
	struct weft_error e = {0};
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_NODE, WEFT__ROLE_NODE, &p->node->arena, &m, &e);
	if (!rc) {
		message(p, &m);
		return;
	}
	weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "node=%u: %s", p->index, e.text);
	if (l == p->dialled)
		link_close(&p->dialled);
	else if (l == p->accepted)
		link_close(&p->accepted);
	intro_peer_broken(p->node, p->index);
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	struct peer *p = arg;
	p->failures = 0;
	weft__log(WEFT__LOG_DEBUG, "WEFT-PEER-LINK", "node=%u at %s", p->index, link_peer(l));
}

static void retry(uv_timer_t *timer)
{
	struct peer *p = timer->data;
	p->lost_some = false;
	intro_peer_broken(p->node, p->index); /* dials, when anything is still wanted */
	output_peer_lost_some(p->node, p->index);
}

/* There was a link, or was to be one. */
static void broken(struct peer *p, const char *text)
{
	struct node *n = p->node;
	weft__log(WEFT__LOG_WARN, "WEFT-PEER-LOST", "node=%u: %s", p->index, text);
	p->lost_some = true;
	if (++p->failures > FAILURES_MAX) {
		p->failures = 0;
		output_peer_broken(n, p->index);
		intro_peer_failed(n, p->index);
	} else {
		uv_timer_start(p->retry, retry, p->failures > 1 ? RETRY_MS : 0, 0);
	}
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct peer *p = arg;
	if (l == p->accepted)
		p->accepted = NULL;
	else
		p->dialled = NULL;
	broken(p, text);
}

static const struct link_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};

/* What was to be said while there was no link. */
static void say_waiting(struct peer *p)
{
	struct link *l = p->dialled ? p->dialled : p->accepted;
	uint32_t length;
	for (size_t at = 0; at < p->waiting.len; at += sizeof length + length) {
		memcpy(&length, p->waiting.data + at, sizeof length);
		link_send_body(l, p->waiting.data + at + sizeof length, length);
	}
	weft__buf_fini(&p->waiting);
}

/* There is a link: whom we called need not come any more. The call took the place of a retry that was to come. */
static void settled(struct peer *p)
{
	if (p->called && p->lost_some)
		uv_timer_start(p->retry, retry, 0, 0);
	else if (p->called)
		uv_timer_stop(p->retry);
	p->called = false;
}

static void race_won(void *arg, struct link *l, const char *address, uint16_t port)
{
	struct peer *p = arg;
	p->race = NULL;
	p->dialled = l;
	p->deaf = p->answering = false;
	settled(p);
	snprintf(p->address, sizeof p->address, "%s", address);
	link_set_handler(l, &handler, p);
	on_opened(l, p, NULL);
	say_waiting(p);
}

/* Neither way: who waits for a channel is told so, rather than after many more attempts. */
static void call_over(uv_timer_t *timer)
{
	struct peer *p = timer->data;
	p->called = false;
	weft__buf_fini(&p->waiting);
	weft__log(WEFT__LOG_WARN, "WEFT-PEER-LOST",
	          "node=%u host=%s can't be dialled, and does not dial when it is asked to; see: weft doctor net", p->index, p->host);
	output_peer_broken(p->node, p->index);
	intro_peer_failed(p->node, p->index);
}

static void call(struct peer *p)
{
	struct weft__msg m = {.code = WEFT__MSG_PEER_CALL, .peer_call = {.node = p->index, .incarnation = p->incarnation}};
	p->called = true;
	coord_link_send(p->node, &m);
	uv_timer_start(p->retry, call_over, CALL_MS, 0);
}

static void race_lost(void *arg, int code, const char *text)
{
	struct peer *p = arg;
	bool answered = p->answering;
	p->race = NULL;
	p->answering = false;
	if (!p->deaf)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-DEAF", "node=%u host=%s can't be dialled from here: %s", p->index, p->host, text);
	p->deaf = true;
	if (p->called || (answered && !p->waiting.len)) /* it may still come; or it knows by itself */
		return;
	call(p);
}

static int dial(struct peer *p)
{
	static const struct race_handler racing = {.won = race_won, .lost = race_lost};
	const struct node *n = p->node;
	char identity[96], list[sizeof p->addresses + LINK_ADDRESS_TEXT + 4];
	snprintf(identity, sizeof identity, "peer %u %u %u %u", n->index, n->incarnation, p->index, p->incarnation);
	snprintf(list, sizeof list, *p->address ? "[%s],%s" : "%s%s", p->address, p->addresses);
	if (p->deaf && !p->answering && !p->called)
		call(p);
	return race_start(n->loop, list, p->port, LINK_TO_PEER, identity, p->key, &racing, p, &p->race);
}

/* --- accepting ------------------------------------------------------------------------------------- */

static struct peer *by_identity(const struct node *n, const char *identity)
{
	unsigned from, from_incarnation, to, to_incarnation;
	char end;
	if (sscanf(identity, "peer %u %u %u %u%c", &from, &from_incarnation, &to, &to_incarnation, &end) != 4)
		return NULL;
	struct peer *p = peer_find(n, from);
	bool fits = p && p->incarnation == from_incarnation && to == n->index && to_incarnation == n->incarnation;
	return fits ? p : NULL;
}

int peer_find_key(void *arg, const char *identity, uint8_t key[static LINK_KEY_BYTES])
{
	const struct peer *p = by_identity(arg, identity);
	if (!p)
		return WEFT_EDENIED;
	memcpy(key, p->key, LINK_KEY_BYTES);
	return 0;
}

/* A link whose peer has just proved who it is. */
static void stranger_opened(struct link *l, void *arg, const char *identity)
{
	struct node *n = arg;
	struct peer *p = identity ? by_identity(n, identity) : NULL;
	if (!p) {
		link_close(&l);
		return;
	}
	if (p->accepted)
		link_close(&p->accepted);
	p->accepted = l;
	link_set_handler(l, &handler, p);
	on_opened(l, p, identity);
	race_cancel(&p->race); /* it was faster, and there is a way in this direction */
	p->answering = false;
	settled(p);
	say_waiting(p);
}

static void stranger_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	link_close(&l); /* not before it has opened */
}

static void stranger_closed(struct link *l, void *arg, int code, const char *text)
{
	if (link_complain(link_peer(l)))
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-REFUSED", "%s", text);
}

void peer_accept(struct node *n, int *fd)
{
	static const struct link_handler stranger = {
	        .opened = stranger_opened, .frame = stranger_frame, .closed = stranger_closed};
	struct link *l;
	int rc = link_accept(n->loop, fd, peer_find_key, n, &stranger, n, &l);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-REFUSED", "a link can't be made: %s", weft__err_text(rc));
}

/* --- membership ------------------------------------------------------------------------------------- */

static void free_timer(uv_handle_t *timer)
{
	weft__free(timer);
}

static void peer_free(struct peer *p)
{
	weft__map_remove(&p->node->peers, p->index);
	race_cancel(&p->race);
	weft__buf_fini(&p->waiting);
	if (p->dialled)
		link_close(&p->dialled);
	if (p->accepted)
		link_close(&p->accepted);
	uv_close((uv_handle_t *)p->retry, free_timer);
	explicit_bzero(p->key, sizeof p->key);
	weft__free(p);
}

void peer_known(struct node *n, const struct weft__msg_peer *m)
{
	struct peer *p = peer_find(n, m->node);
	if (p && p->incarnation != m->incarnation) {
		peer_free(p);
		p = NULL;
	}
	if (m->node == n->index || m->key.n != LINK_KEY_BYTES)
		return;
	bool again = p || n->again;
	if (!p) {
		p = weft__calloc(1, sizeof *p);
		uv_timer_t *timer = weft__calloc(1, sizeof *timer);
		if (!p || !timer || weft__map_put(&n->peers, m->node, p)) {
			weft__free(p);
			weft__free(timer);
			weft__log(WEFT__LOG_ERROR, "WEFT-PEER-MEMORY", "node=%llu", (unsigned long long)m->node);
			return;
		}
		uv_timer_init(n->loop, timer);
		timer->data = p;
		p->retry = timer;
		p->node = n;
		p->index = (uint32_t)m->node;
		p->incarnation = (uint32_t)m->incarnation;
		weft__log(WEFT__LOG_DEBUG, "WEFT-PEER-KNOWN", "node=%u host=%s at %s:%llu", p->index, m->host.p,
		          m->address.p, (unsigned long long)m->port);
	}
	snprintf(p->host, sizeof p->host, "%s", m->host.p);
	/* The home node is where we joined it; what it thinks of itself may be older than that it listens everywhere. */
	bool is_home = m->node == NODE_HOME;
	snprintf(p->addresses, sizeof p->addresses, strchr(is_home ? n->join_address : m->address.p, ':') ? "[%.63s],%s" : "%.63s,%s",
	         is_home ? n->join_address : m->address.p, m->addresses.p);
	snprintf(p->address, sizeof p->address, "%s", is_home ? n->join_address : "");
	p->port = (uint16_t)m->port;
	memcpy(p->key, m->key.p, sizeof p->key);
	p->failures = 0;
	if (again) /* told a second time: another daemon serves that node, or this one */
		intro_peer_again(n, p->index);
	if (n->taking_over) { /* tools that came back before we knew of it, and task VMs whose readers are there */
		peer_send(n, p->index, &(struct weft__msg){.code = WEFT__MSG_OUTPUT_AGAIN});
		output_peer_again(n, p->index, 0);
	}
}

void peer_gone(struct node *n, const struct weft__msg_peer_gone *m)
{
	struct peer *p = peer_find(n, m->node);
	if (!p || p->incarnation != m->incarnation)
		return;
	weft__log(m->lost ? WEFT__LOG_WARN : WEFT__LOG_INFO, m->lost ? "WEFT-NODE-LOST" : "WEFT-NODE-GONE", "node=%u host=%s",
	          p->index, p->host);
	uint32_t index = p->index;
	peer_free(p); /* first: nothing is sent to it any more */
	intro_peer_gone(n, index, m->lost);
	linger_stop(n, index);
	output_peer_broken(n, index);
}

void peer_called(struct node *n, const struct weft__msg_peer_call *m)
{
	struct peer *p = peer_find(n, m->node);
	if (!p || p->incarnation != m->incarnation || p->dialled || p->accepted || p->race)
		return;
	p->answering = true;
	if (dial(p))
		p->answering = false;
}

void peer_where(const struct peer *p, char address[static LINK_ADDRESS_TEXT])
{
	const char *list = p->addresses;
	unsigned short unused;
	if (*p->address)
		snprintf(address, LINK_ADDRESS_TEXT, "%s", p->address);
	else if (p->accepted)
		snprintf(address, LINK_ADDRESS_TEXT, "%s", link_peer_host(p->accepted));
	else if (!addresses_next(&list, address, &unused))
		address[0] = '\0';
}

/* --- sending ---------------------------------------------------------------------------------------- */

static int wait_for_link(struct peer *p, const struct weft__msg *m)
{
	struct weft__buf body = {0};
	int rc = weft__msg_encode_body(&body, m, NULL);
	uint32_t length = (uint32_t)body.len;
	size_t before = p->waiting.len;
	if (!rc)
		rc = weft__buf_append(&p->waiting, &length, sizeof length);
	if (!rc && (rc = weft__buf_append(&p->waiting, body.data, body.len)) != 0)
		p->waiting.len = before;
	weft__buf_fini(&body);
	return rc;
}

/* To a link that has broken, as we are about to hear, is said what is lost with it, and will be asked again. */
int peer_send(struct node *n, uint64_t index, const struct weft__msg *m)
{
	struct peer *p = peer_find(n, index);
	if (!p)
		return WEFT_ENONODE;
	struct link *l = p->dialled ? p->dialled : p->accepted;
	int rc = l ? link_send(l, m, NULL, 0) : 0;
	if (l)
		return rc == WEFT_ECLOSED ? 0 : rc;
	rc = p->race || p->called ? 0 : dial(p);
	return rc ? rc : wait_for_link(p, m);
}

int peer_down(struct node *n, uint64_t index, uint64_t client, const uint8_t *body, size_t nbytes)
{
	struct weft__msg m = {.code = WEFT__MSG_PEER_DOWN, .peer_down = {.client = client, .frame = {body, nbytes}}};
	return peer_send(n, index, &m);
}

void peer_up(struct node *n, uint64_t index, uint64_t job, const struct weft__msg *m)
{
	struct weft__buf body = {0};
	if (weft__msg_encode_body(&body, m, NULL) == 0) {
		struct weft__msg up = {.code = WEFT__MSG_PEER_UP, .peer_up = {.job = job, .frame = {body.data, body.len}}};
		peer_send(n, index, &up);
	}
	weft__buf_fini(&body);
}

void peer_close_all(struct node *n)
{
	for (;;) {
		size_t cursor = 0;
		uint64_t index;
		void *p;
		if (!weft__map_next(&n->peers, &cursor, &index, &p))
			return;
		peer_free(p);
	}
}

/* --- the interface towards other nodes ---------------------------------------------------------------- */

/* A node that has tasks of the job, or any other one. */
static const struct peer *some_peer(const struct node *n, const struct job *j)
{
	size_t cursor = 0;
	uint64_t index;
	void *any = NULL;
	for (uint32_t i = 0; i < j->ntids; i++) {
		const struct peer *p = peer_find(n, weft__tid_node((weft_tid_t){j->tids[i]}));
		if (p)
			return p;
	}
	return weft__map_next(&n->peers, &cursor, &index, &any) ? any : NULL;
}

void peer_interface(const struct node *n, const struct job *j, char *name, size_t size)
{
	struct address found[ADDRESSES_MAX];
	char toward[LINK_ADDRESS_TEXT] = "";
	const struct peer *p = some_peer(n, j);
	if (p)
		peer_where(p, toward);
	if (!strncmp(toward, "127.", 4) || !strcmp(toward, "::1"))
		snprintf(name, size, "lo"); /* pretend nodes */
	else if (*toward && addresses_own(found, toward) > 0 && found[0].rank == ADDRESS_ROUTE)
		snprintf(name, size, "%s", found[0].interface);
	else
		*name = '\0';
}
