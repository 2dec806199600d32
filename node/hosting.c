/* A hoster: a task that starts daemons on other machines in the place of ssh, as PVM knows it.
 *
 * A command that somebody else runs has nothing to keep a secret in, so the new daemon gets the node's key later. Happy path:
 * NODE_START comes while a hoster is there. Home makes a pair and has the hoster run a command with the shown half. The
 * daemon makes a pair, too, and shows its half in the line that it prints (hosted.c); the hoster passes that on. Both have now
 * agreed on a key that nobody else knows who has but seen the halves. With it the daemon dials home (LINK_TO_KEY),
 * gets the node's own key, and joins with that as all do.
 *
 * What can go wrong: the hoster says why it could not start it, or ends first: NODE_FAILED. It says nothing, or the daemon
 * does not come: the coordinator's time for it runs out. The daemon dials before its half is known: it is refused, and
 * dials again. The hoster itself could show a half of its own: it is a task of the same user, and what starts
 * daemons is believed, as ssh is. Home's daemon crashes: the next one is told of the hoster, what was under way fails.
 */
#include "config.h"

#include "node/hosting.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "node/remote.h"

enum { WANTED_MS = 60000 }; /* the coordinator has given up long before */

struct hosting {
	struct weft__list list;
	uint64_t began_ns;
	uint32_t node, incarnation;
	char host[NODE_HOST_MAX + 1];
	struct link_pair pair;
	uint8_t agreed[LINK_KEY_BYTES], key[LINK_KEY_BYTES];
	bool answered; /* agreed is known */
};

/* --- halves as text --------------------------------------------------------------------------------- */

void hosting_print_half(const uint8_t half[static LINK_KEY_BYTES], char text[static HOSTING_HALF_TEXT])
{
	for (size_t i = 0; i < LINK_KEY_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", half[i]);
}

bool hosting_read_half(const char *text, uint8_t half[static LINK_KEY_BYTES])
{
	for (size_t i = 0; i < LINK_KEY_BYTES; i++, text += 2) {
		unsigned byte;
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) || sscanf(text, "%2x", &byte) != 1)
			return false;
		half[i] = (uint8_t)byte;
	}
	return !isxdigit((unsigned char)*text);
}

void hosting_label(uint32_t node, uint32_t incarnation, char label[static HOSTING_LABEL_TEXT])
{
	snprintf(label, HOSTING_LABEL_TEXT, "start %u %u", node, incarnation);
}

/* --- what is under way ------------------------------------------------------------------------------ */

static struct hosting *next(const struct node *n, const struct weft__list *at)
{
	return at->next == &n->hostings ? NULL : WEFT__CONTAINER(at->next, struct hosting, list);
}

static struct hosting *find(const struct node *n, uint64_t node)
{
	struct hosting *h = next(n, &n->hostings);
	while (h && h->node != node)
		h = next(n, &h->list);
	return h;
}

static void forget(struct hosting *h)
{
	weft__list_remove(&h->list);
	explicit_bzero(h, sizeof *h);
	weft__free(h);
}

void hosting_forget_all(struct node *n)
{
	for (struct hosting *h; (h = next(n, &n->hostings));)
		forget(h);
}

/* Its node has joined, or will never. */
static void forget_old(struct node *n)
{
	for (struct hosting *h = next(n, &n->hostings), *after; h; h = after) {
		const struct peer *p = peer_find(n, h->node);
		after = next(n, &h->list);
		bool joined = p && p->incarnation == h->incarnation;
		if (joined || weft__clock_ns() - h->began_ns > WANTED_MS * UINT64_C(1000000))
			forget(h);
	}
}

static void fail(struct node *n, struct hosting *h, int code, const char *said, const char *why)
{
	struct blame b = {.code = code};
	snprintf(b.text, sizeof b.text, "the hoster, a task of yours, did not start the daemon of %s: %s", h->host, why);
	remote_failed(n, h->node, h->incarnation, &b, said);
	forget(h);
}

/* --- the hoster --------------------------------------------------------------------------------------- */

void hosting_register(struct client *c, const struct weft__msg_hoster *m)
{
	struct node *n = c->node;
	struct weft__msg result = {.code = WEFT__MSG_RESULT, .result = {.req = m->req}};
	if (m->on && n->hoster && n->hoster != c->number)
		result.result.code = WEFT_EEXIST;
	else if (!m->on && n->hoster != c->number)
		result.result.code = WEFT_ENOENT;
	else if (m->on)
		n->hoster = c->number;
	else
		hosting_gone(c);
	weft__log(WEFT__LOG_INFO, "WEFT-HOSTER", "client=%u pid=%lld on=%d code=%lld", c->number, (long long)c->pid, (int)m->on,
	          (long long)result.result.code);
	if (m->req)
		client_send(c, &result, NULL, 0);
}

void hosting_gone(struct client *c)
{
	struct node *n = c->node;
	if (n->hoster != c->number)
		return;
	n->hoster = 0;
	for (struct hosting *h = next(n, &n->hostings), *after; h; h = after) {
		after = next(n, &h->list);
		if (!h->answered)
			fail(n, h, WEFT_ENONODE, "", "it has ended");
	}
}

bool hosting_start(struct node *n, const struct weft__msg_node_start *m)
{
	struct client *c = n->hoster ? client_find(n, n->hoster) : NULL;
	if (!c || m->kind != WEFT__ADD_SSH || m->key.n != LINK_KEY_BYTES)
		return false;
	static char command[LAUNCH_TEXT_MAX]; /* one thread, and it is sent before this returns */
	char login[2 * NODE_HOST_MAX + 2], half[HOSTING_HALF_TEXT];
	struct weft_error e = {0};
	struct hosting *h = weft__calloc(1, sizeof *h);
	if (!h)
		return false;
	forget_old(n);
	weft__list_push(&n->hostings, &h->list);
	h->began_ns = weft__clock_ns();
	h->node = (uint32_t)m->node;
	h->incarnation = (uint32_t)m->incarnation;
	snprintf(h->host, sizeof h->host, "%s", m->host.p);
	memcpy(h->key, m->key.p, sizeof h->key);
	int rc = link_pair_make(&h->pair);
	if (!rc) {
		hosting_print_half(h->pair.shown, half);
		rc = remote_command(n, m, half, command, sizeof command, &e);
	}
	if (rc) {
		fail(n, h, rc, "", *e.text ? e.text : weft__err_text(rc));
		return true;
	}
	snprintf(login, sizeof login, "%s%s%s", m->login.n ? m->login.p : "", m->login.n ? "@" : "",
	         m->address.n ? m->address.p : m->host.p);
	struct weft__msg order = {.code = WEFT__MSG_START_HOST,
	                          .start_host = {.node = m->node,
	                                         .login = weft__str(login),
	                                         .command = weft__str(command),
	                                         .start = m->start}};
	client_send(c, &order, NULL, 0);
	return true;
}

/* PVM's words for errors, in a hoster's answer. */
static int code_of(const char *line)
{
	if (!strncmp(line, "PvmDSysErr", 10))
		return WEFT_EINTERNAL;
	return strncmp(line, "PvmDupHost", 10) ? WEFT_ENONODE : WEFT_EEXIST;
}

void hosting_answered(struct client *c, const struct weft__msg_host_started *m)
{
	struct node *n = c->node;
	struct hosting *h = n->hoster == c->number ? find(n, m->node) : NULL;
	char label[HOSTING_LABEL_TEXT], why[200];
	uint8_t half[LINK_KEY_BYTES];
	if (!h || h->answered)
		return;
	const char *line = m->line.n ? m->line.p : "", *at = strstr(line, "key<");
	hosting_label(h->node, h->incarnation, label);
	h->answered = at && hosting_read_half(at + 4, half) && link_pair_agree(&h->pair, half, label, h->agreed) == 0;
	if (h->answered)
		return;
	snprintf(why, sizeof why, "it says \"%.150s\"", line);
	for (char *p = why; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	fail(n, h, code_of(line), line, why);
}

/* --- the daemon ----------------------------------------------------------------------------------------- */

static struct hosting *by_label(const struct node *n, const char *identity)
{
	char label[HOSTING_LABEL_TEXT];
	for (struct hosting *h = next(n, &n->hostings); h; h = next(n, &h->list)) {
		hosting_label(h->node, h->incarnation, label);
		if (h->answered && !strcmp(label, identity))
			return h;
	}
	return NULL;
}

static int find_agreed(void *arg, const char *identity, uint8_t key[static LINK_KEY_BYTES])
{
	const struct hosting *h = by_label(arg, identity);
	if (!h)
		return WEFT_EDENIED;
	memcpy(key, h->agreed, LINK_KEY_BYTES);
	return 0;
}

static void opened(struct link *l, void *arg, const char *identity)
{
	struct hosting *h = identity ? by_label(arg, identity) : NULL;
	struct weft__msg m = {.code = WEFT__MSG_NODE_KEY};
	if (h) {
		m.node_key.key.p = h->key;
		m.node_key.key.n = sizeof h->key;
		link_send(l, &m, NULL, 0);
	}
	link_close(&l); /* what is queued still goes out */
}

static void frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	link_close(&l); /* it has nothing to say */
}

static void closed(struct link *l, void *arg, int code, const char *text)
{
	if (link_complain(link_peer(l)))
		weft__log(WEFT__LOG_DEBUG, "WEFT-PEER-REFUSED", "%s", text); /* it may only have been early */
}

void hosting_accept(struct node *n, int *fd)
{
	static const struct link_handler handler = {.opened = opened, .frame = frame, .closed = closed};
	struct link *l;
	int rc = link_accept(n->loop, fd, find_agreed, n, &handler, n, &l);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-REFUSED", "a link can't be made: %s", weft__err_text(rc));
}
