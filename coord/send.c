/* What leaves the core. Messages are encoded at once; numbered ones are kept by the node's session and go
 * out now only if the node's link is there. */
#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "coord/state.h"

void coord_actions_clear(struct coord_actions *a)
{
	a->records.len = 0;
	a->bytes.len = 0;
	a->nitems = 0;
	a->sync = false;
}

void coord_actions_fini(struct coord_actions *a)
{
	weft__buf_fini(&a->records);
	weft__buf_fini(&a->bytes);
	weft__free(a->items);
	*a = (struct coord_actions){0};
}

/* A new item, or NULL: no memory. */
static struct coord_action *add(struct coord *c, enum coord_action_kind kind)
{
	struct coord_actions *a = c->out;
	if (a->nitems == a->items_max) {
		size_t max = a->items_max ? a->items_max * 2 : 16;
		struct coord_action *items = weft__realloc(a->items, max * sizeof *items);
		if (!items) {
			c->failed = WEFT_ENOMEM;
			return NULL;
		}
		a->items = items;
		a->items_max = max;
	}
	struct coord_action *item = &a->items[a->nitems++];
	*item = (struct coord_action){.kind = kind, .at = a->bytes.len};
	return item;
}

static void add_send(struct coord *c, uint64_t link, const struct node *to, const void *body, size_t nbytes)
{
	if (c->replaying)
		return;
	struct coord_action *item = add(c, COORD_SEND);
	if (!item || weft__buf_append(&c->out->bytes, body, nbytes)) {
		c->failed = WEFT_ENOMEM;
		return;
	}
	item->link = link;
	item->node = to ? to->index : 0;
	item->incarnation = to ? to->incarnation : 0;
	item->nbytes = nbytes;
}

void send_log(struct coord *c, enum weft__log_level level, const char *id, const char *format, ...)
{
	if (c->replaying)
		return;
	char text[1024];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	struct coord_action *item = add(c, COORD_LOG);
	size_t n = strlen(text);
	if (!item || weft__buf_append(&c->out->bytes, text, n + 1)) {
		c->failed = WEFT_ENOMEM;
		return;
	}
	item->level = level;
	item->id = id;
	item->nbytes = n;
}

void send_close(struct coord *c, uint64_t link)
{
	struct coord_action *item = c->replaying ? NULL : add(c, COORD_CLOSE);
	if (item)
		item->link = link;
}

void send_stop(struct coord *c)
{
	if (!c->replaying)
		add(c, COORD_STOP);
}

/* Into *b, which is emptied first. Messages are made by us: one that does not encode is our fault. */
static bool encode(struct coord *c, struct weft__buf *b, const struct weft__msg *m)
{
	struct weft_error e = {0};
	b->len = 0;
	int rc = weft__msg_encode_body(b, m, &e);
	if (rc && rc != WEFT_ENOMEM)
		send_log(c, WEFT__LOG_ERROR, "WEFT-COORD-BUG", "%s does not encode: %s", weft__msg_name(m->code), e.text);
	if (rc)
		c->failed = rc;
	return rc == 0;
}

void send_link(struct coord *c, uint64_t link, const struct node *to, const struct weft__msg *m)
{
	if (encode(c, &c->body, m))
		add_send(c, link, to, c->body.data, c->body.len);
}

void send_body(struct coord *c, struct node *to, const void *body, size_t nbytes)
{
	if (weft__session_push(&to->session, body, nbytes)) {
		c->failed = WEFT_ENOMEM;
		return;
	}
	if (to->session.nbytes > COORD_OUTBOX_MAX)
		to->drowned = c->drowned = true;
	if (to->link)
		add_send(c, to->link, to, body, nbytes);
}

void send_node(struct coord *c, struct node *to, const struct weft__msg *m)
{
	if (!to->gone && encode(c, &c->body, m))
		send_body(c, to, c->body.data, c->body.len);
}

void send_kept(struct coord *c, struct node *to)
{
	for (struct weft__list *l = to->session.kept.next; l != &to->session.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		add_send(c, to->link, to, k->body, k->nbytes);
	}
}

uint64_t send_count_kept(const struct node *to, enum weft__msg_code code)
{
	uint64_t count = 0;
	for (struct weft__list *l = to->session.kept.next; l != &to->session.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		count += weft__msg_peek(k->body, k->nbytes) == (int)code;
	}
	return count;
}

void send_down(struct coord *c, struct node *n, uint32_t client, const void *body, size_t nbytes)
{
	send_node(c, n, &(struct weft__msg){.code = WEFT__MSG_DOWN, .down = {.client = client, .frame = {body, nbytes}}});
}

void send_client(struct coord *c, struct client *to, const struct weft__msg *m)
{
	if (to->node->gone || !encode(c, &c->down, m))
		return;
	if (weft__session_answers(m->code))
		again_keep(c, to, c->down.data, c->down.len);
	if (!to->away)
		send_down(c, to->node, to->number, c->down.data, c->down.len);
}

void send_result(struct coord *c, struct client *to, uint64_t req, int code, uint64_t value, const char *format, ...)
{
	char text[256] = "";
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_RESULT,
	                                .result = {.req = req, .code = code, .value = value, .text = weft__str(text)}});
}

bool coord_key_label(const struct coord_action *a, const struct weft__msg *m, char label[static COORD_LABEL_TEXT])
{
	if (m->code == WEFT__MSG_NODE_START) {
		snprintf(label, COORD_LABEL_TEXT, "node %" PRIu64 " %" PRIu64, m->node_start.node,
		         m->node_start.incarnation);
		return true;
	}
	if (m->code == WEFT__MSG_LAUNCH && m->launch.size > m->launch.tids.n) {
		snprintf(label, COORD_LABEL_TEXT, "job %" PRIu64, m->launch.job);
		return true;
	}
	if (m->code != WEFT__MSG_PEER)
		return false;
	uint64_t low = a->node, low_incarnation = a->incarnation;
	uint64_t high = m->peer.node, high_incarnation = m->peer.incarnation;
	bool swap = low > high;
	snprintf(label, COORD_LABEL_TEXT, "pair %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, swap ? high : low,
	         swap ? high_incarnation : low_incarnation, swap ? low : high, swap ? low_incarnation : high_incarnation);
	return true;
}
