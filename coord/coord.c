/* The step: an event becomes a record, the record is applied, messages go to the files that know them.
 *
 * coord_step decides what only the present can tell: whether a link may say this, whether a node's time is
 * over. What remains is a record, and apply() turns the state by it, now and again at each replay. */
#include "config.h"

#include "coord/coord.h"

#include <assert.h>
#include <string.h>

#include "base/heap.h"
#include "coord/io.h"
#include "coord/journal.h"
#include "coord/save.h"
#include "coord/state.h"

enum record_kind {
	RECORD_SNAPSHOT = 1, /* the whole state; the first one of a journal, or absent */
	RECORD_START,
	RECORD_JOIN,
	RECORD_MESSAGE, /* a numbered one; its number is the next one of its node */
	RECORD_SEEN,    /* a node has confirmed messages */
	RECORD_DOWN,    /* a node's link is gone */
	RECORD_EXPIRE,  /* a node's time is over */
	RECORD_HALT,    /* the process was told to end */
};

struct record {
	uint64_t kind;
	uint64_t node;
	uint64_t seen;                /* SEEN */
	struct coord_options options; /* START */
	const void *from, *body;      /* JOIN, MESSAGE; options.vm for START in from */
	size_t from_bytes, nbytes;
	const struct weft__msg *m;    /* JOIN, MESSAGE: decoded already, or NULL */
};

/* --- allocation --------------------------------------------------------------------------------- */

void *coord_alloc(struct coord *c, size_t nbytes)
{
	void *p = weft__calloc(1, nbytes);
	if (!p)
		c->failed = WEFT_ENOMEM;
	return p;
}

char *coord_strndup(struct coord *c, const char *s, size_t n)
{
	char *copy = weft__strndup(s, n);
	if (!copy)
		c->failed = WEFT_ENOMEM;
	return copy;
}

void coord_replace(struct coord *c, char **text, struct weft__str s)
{
	char *copy = coord_strndup(c, s.n ? s.p : "", s.n);
	if (!copy)
		return;
	weft__free(*text);
	*text = copy;
}

bool coord_put(struct coord *c, struct weft__map *m, uint64_t key, void *value)
{
	int rc = weft__map_put(m, key, value);
	if (rc)
		c->failed = rc;
	return rc == 0;
}

int coord_create(struct coord **out)
{
	struct coord *c = weft__calloc(1, sizeof *c);
	if (!c)
		return WEFT_ENOMEM;
	struct weft__list *lists[] = {&c->nodes,   &c->live_jobs, &c->ended_jobs, &c->asks,  &c->watches,
	                              &c->members, &c->groups,    &c->names,      &c->added, &c->parked,
	                              &c->exchanges, &c->mboxes};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		weft__list_init(lists[i]);
	c->seats = weft__calloc(WEFT__NODE_MAX + 1, sizeof *c->seats);
	c->next_index = c->next_incarnation = COORD_HOME;
	c->place_next = COORD_HOME;
	c->next_job = c->next_ask = 1;
	c->next_context = COORD_CONTEXT_FIRST;
	if (!c->seats) {
		coord_destroy(&c);
		return WEFT_ENOMEM;
	}
	*out = c;
	return 0;
}

void coord_destroy(struct coord **cp)
{
	struct coord *c = *cp;
	if (!c)
		return;
	*cp = NULL;
	save_clear(c);
	weft__free(c->seats);
	weft__map_fini(&c->tasks);
	weft__map_fini(&c->slots);
	weft__map_fini(&c->jobs);
	weft__map_fini(&c->group_map);
	weft__map_fini(&c->name_map);
	weft__map_fini(&c->mbox_map);
	weft__buf_fini(&c->body);
	weft__buf_fini(&c->down);
	weft__arena_fini(&c->outer);
	weft__arena_fini(&c->inner);
	weft__arena_fini(&c->part);
	weft__free(c->vm);
	weft__free(c->stopped_by);
	weft__free(c);
}

uint32_t coord_epoch(const struct coord *c)
{
	return (uint32_t)c->epoch;
}

/* --- records ------------------------------------------------------------------------------------ */

static void record_io(struct io *io, struct record *r)
{
	io_u64(io, &r->kind);
	io_u64(io, &r->node);
	switch (r->kind) {
	case RECORD_START:
		io_bytes(io, &r->from, &r->from_bytes);
		io_u64(io, &r->options.private_vm);
		io_u64(io, &r->options.orphan_ms);
		io_u64(io, &r->options.local_nodes);
		break;
	case RECORD_JOIN:
		io_bytes(io, &r->from, &r->from_bytes);
		io_bytes(io, &r->body, &r->nbytes);
		break;
	case RECORD_MESSAGE:
		io_bytes(io, &r->body, &r->nbytes);
		break;
	case RECORD_SEEN:
		io_u64(io, &r->seen);
		break;
	case RECORD_DOWN:
	case RECORD_EXPIRE:
	case RECORD_HALT:
		break;
	default:
		io->failed = WEFT_EPROTO;
	}
}

/* A message of a node by its code. */
static const struct {
	enum weft__msg_code code;
	void (*act)(struct coord *c, struct node *n, const struct weft__msg *m);
} from_node[] = {
        {WEFT__MSG_UP, client_up},
        {WEFT__MSG_CLIENT_OPEN, client_open},
        {WEFT__MSG_CLIENT_CLOSE, client_close_msg},
        {WEFT__MSG_STARTED, task_started_msg},
        {WEFT__MSG_START_FAILED, task_failed_msg},
        {WEFT__MSG_EXITED, task_exited_msg},
        {WEFT__MSG_HOSTED, node_hosted},
        {WEFT__MSG_INVENTORY_END, node_inventory_end}, {WEFT__MSG_RESUME_END, again_end},
        {WEFT__MSG_NODE_FAILED, node_failed}, {WEFT__MSG_PEER_CALL, node_call},
        {WEFT__MSG_CLOCK, clock_answer},
        {WEFT__MSG_STOPPING, stopping_begin},
};

static void apply_message(struct coord *c, struct node *n, const struct weft__msg *m)
{
	n->session.received++;
	for (size_t i = 0; i < sizeof from_node / sizeof *from_node; i++)
		if (from_node[i].code == m->code) {
			from_node[i].act(c, n, m);
			return;
		}
	send_log(c, WEFT__LOG_WARN, "WEFT-COORD-ODD", "node=%u sent %s, which is not for the coordinator", n->index,
	         weft__msg_name(m->code));
}

static void apply_start(struct coord *c, const struct record *r)
{
	c->epoch++;
	if (c->epoch == 1) {
		coord_replace(c, &c->vm, (struct weft__str){r->from, r->from_bytes});
		c->private_vm = r->options.private_vm;
		c->orphan_ms = r->options.orphan_ms;
		c->local_nodes = r->options.local_nodes ? r->options.local_nodes : 1;
		node_create(c, 0, weft__str(""));
		return;
	}
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (n->state == WEFT__NODE_UP) {
			n->state = WEFT__NODE_SUSPECT;
			n->rejoining = 1;
		}
	}
}

/* The nodes that can't be kept up with. Losing one sends to others, which may drown in turn. */
static void lose_drowned(struct coord *c)
{
	while (c->drowned) {
		c->drowned = false;
		struct weft__list *next;
		for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = next) {
			struct node *n = WEFT__CONTAINER(l, struct node, all);
			next = l->next;
			if (!n->drowned)
				continue;
			node_remove(c, n, true, "it does not take what is sent to it");
			c->drowned = true; /* the list has changed: begin again */
			break;
		}
	}
}

/* Turn the state by a record whose node is there when it needs one. WEFT_EPROTO: it can't follow the ones before. */
static int apply(struct coord *c, const struct record *r)
{
	struct node *n = node_find(c, r->node);
	struct weft__msg decoded;
	const struct weft__msg *m = r->m;
	int rc = 0;
	if ((r->kind != RECORD_START && r->kind != RECORD_HALT) != (n != NULL))
		return WEFT_EPROTO;
	if ((r->kind == RECORD_JOIN || r->kind == RECORD_MESSAGE) && !m) {
		rc = weft__msg_decode(r->body, r->nbytes, WEFT__ROLE_NODE, WEFT__ROLE_COORD, &c->outer, &decoded, NULL);
		m = &decoded;
	}
	if (rc || (r->kind == RECORD_JOIN && m->code != WEFT__MSG_JOIN))
		return rc == WEFT_ENOMEM ? rc : WEFT_EPROTO;
	switch (r->kind) {
	case RECORD_START:
		apply_start(c, r);
		break;
	case RECORD_JOIN: {
		char *from = coord_strndup(c, r->from, r->from_bytes);
		if (from)
			node_join(c, n, &m->join, from);
		weft__free(from);
		break;
	}
	case RECORD_MESSAGE:
		apply_message(c, n, m);
		break;
	case RECORD_SEEN:
		rc = weft__session_confirm(&n->session, r->seen);
		break;
	case RECORD_DOWN:
		node_down(c, n);
		break;
	case RECORD_EXPIRE:
		node_expire(c, n);
		break;
	case RECORD_HALT:
		halt_begin(c, "the coordinator was told to end");
		break;
	}
	lose_drowned(c);
	return rc ? rc : c->failed;
}

/* Write the record, then apply it. */
static void commit(struct coord *c, struct record *r)
{
	struct io io = {.out = &c->out->records};
	size_t at;
	if (c->failed)
		return;
	if (journal_open_record(io.out, &at)) {
		c->failed = WEFT_ENOMEM;
		return;
	}
	record_io(&io, r);
	if (io.failed) {
		c->failed = io.failed;
		return;
	}
	journal_close_record(io.out, at);
	if (r->kind != RECORD_SEEN) /* a node says that again if it must */
		c->out->sync = true;
	int rc = apply(c, r);
	if (rc && !c->failed)
		c->failed = rc;
}

int coord_replay(struct coord *c, const void *record, size_t nbytes, struct weft_error *e)
{
	struct coord_actions none = {0};
	struct record r = {0};
	struct io io = {.in = record, .left = nbytes};
	uint64_t kind;
	io_u64(&io, &kind);
	c->out = &none;
	c->replaying = true;
	if (!io.failed && kind == RECORD_SNAPSHOT) {
		if (c->epoch == 0)
			save_io(c, &io);
		else
			io.failed = WEFT_EPROTO;
	} else {
		io = (struct io){.in = record, .left = nbytes};
		record_io(&io, &r);
		if (!io.failed && io.left == 0)
			io.failed = apply(c, &r);
	}
	if (!io.failed && io.left > 0)
		io.failed = WEFT_EPROTO;
	c->out = NULL;
	c->replaying = false;
	coord_actions_fini(&none);
	if (io.failed == WEFT_EPROTO)
		return weft__err_set(e, WEFT_EPROTO, "a record of kind %d, %zu bytes, does not follow from the ones before",
		                     (int)kind, nbytes);
	return io.failed ? io.failed : c->failed;
}

int coord_save(struct coord *c, struct weft__buf *records)
{
	struct io io = {.out = records};
	uint64_t kind = RECORD_SNAPSHOT;
	size_t at;
	if (journal_open_record(records, &at))
		return WEFT_ENOMEM;
	io_u64(&io, &kind);
	save_io(c, &io);
	if (io.failed) {
		records->len = at;
		return io.failed;
	}
	journal_close_record(records, at);
	return 0;
}

/* --- events -------------------------------------------------------------------------------------- */

static void refuse(struct coord *c, uint64_t link, int code, const char *text)
{
	send_link(c, link, NULL,
	          &(struct weft__msg){.code = WEFT__MSG_REFUSED, .refused = {.code = code, .text = weft__str(text)}});
	send_close(c, link);
}

static void bad_peer(struct coord *c, const struct coord_event *ev, const char *why)
{
	send_log(c, WEFT__LOG_WARN, "WEFT-COORD-PEER", "node=%u from=%s closed: %s", ev->node, ev->from, why);
	struct node *n = node_find(c, ev->node);
	send_close(c, ev->link);
	if (n && n->link == ev->link) {
		n->link = 0;
		commit(c, &(struct record){.kind = RECORD_DOWN, .node = n->index});
	}
}

static void hello(struct coord *c, const struct coord_event *ev, const struct weft__msg_hello *m)
{
	char text[200];
	if (m->version != WEFT__PROTO_VERSION) {
		snprintf(text, sizeof text, "coordinator speaks protocol %d (release %s), the node speaks %d (release %.32s)",
		         WEFT__PROTO_VERSION, PACKAGE_VERSION, (int)m->version, m->release.p);
		refuse(c, ev->link, WEFT_EVERSION, text);
		return;
	}
	if (m->role != WEFT__ROLE_NODE) {
		refuse(c, ev->link, WEFT_EDENIED, "only nodes speak to the coordinator; tasks and tools speak to their node");
		return;
	}
	send_link(c, ev->link, NULL,
	          &(struct weft__msg){.code = WEFT__MSG_WELCOME,
	                              .welcome = {.release = weft__str(PACKAGE_VERSION),
	                                          .vm = weft__str(c->vm),
	                                          .node = ev->node,
	                                          .host = weft__str(""),
	                                          .epoch = c->epoch}});
}

static void join(struct coord *c, const struct coord_event *ev, const struct weft__msg *m)
{
	struct weft_error e = {0};
	int rc = node_check_join(c, ev, &m->join, &e);
	if (rc) {
		send_log(c, WEFT__LOG_WARN, "WEFT-NODE-REFUSED", "node=%u incarnation=%u from=%s: %s", ev->node,
		         ev->incarnation, ev->from, e.text);
		refuse(c, ev->link, rc, e.text);
		return;
	}
	struct node *n = node_find(c, ev->node);
	if (n->link && n->link != ev->link)
		send_close(c, n->link);
	n->link = 0;
	struct record r = {.kind = RECORD_JOIN, .node = n->index, .from = ev->from, .from_bytes = strlen(ev->from)};
	r.body = ev->body;
	r.nbytes = ev->nbytes;
	r.m = m;
	commit(c, &r);
	n = node_find(c, ev->node);
	if (!n || c->failed)
		return;
	n->link = ev->link;
	n->heard_ms = c->now_ms;
	n->its_beat = 0;
	n->timed_state = 0;
	send_link(c, n->link, n,
	          &(struct weft__msg){.code = WEFT__MSG_JOINED,
	                              .joined = {.epoch = c->epoch,
	                                         .vm = weft__str(c->vm),
	                                         .orphan_ms = c->orphan_ms,
	                                         .seen = n->session.received,
	                                         .peers = send_count_kept(n, WEFT__MSG_PEER)}});
	send_kept(c, n);
}

static void heartbeat(struct coord *c, const struct coord_event *ev, struct node *n, uint64_t seen)
{
	struct weft__list *first = n->session.kept.next;
	uint64_t confirmed = n->session.sent;
	if (first != &n->session.kept)
		confirmed = WEFT__CONTAINER(first, struct weft__unseen, link)->number - 1;
	if (seen < confirmed || seen > n->session.sent)
		bad_peer(c, ev, "it confirms messages that it was not sent");
	else if (seen > confirmed)
		commit(c, &(struct record){.kind = RECORD_SEEN, .node = n->index, .seen = seen});
}

static void message(struct coord *c, const struct coord_event *ev)
{
	struct weft_error e = {0};
	struct weft__msg m;
	int rc = weft__msg_decode(ev->body, ev->nbytes, WEFT__ROLE_NODE, WEFT__ROLE_COORD, &c->outer, &m, &e);
	if (rc == WEFT_ENOMEM) {
		c->failed = rc;
		return;
	}
	if (rc) {
		bad_peer(c, ev, e.text);
		return;
	}
	struct node *n = node_find(c, ev->node);
	bool joined = n && n->link == ev->link;
	if (m.code == WEFT__MSG_HELLO || (m.code == WEFT__MSG_JOIN && !joined)) {
		if (m.code == WEFT__MSG_HELLO)
			hello(c, ev, &m.hello);
		else
			join(c, ev, &m);
		return;
	}
	if (!joined || (m.code != WEFT__MSG_HEARTBEAT && !weft__session_numbered(m.code))) {
		bad_peer(c, ev, joined ? "a message that has no place here" : "a message before JOIN");
		return;
	}
	n->heard_ms = c->now_ms;
	if (m.code == WEFT__MSG_HEARTBEAT) {
		n->its_beat = m.heartbeat.seq;
		heartbeat(c, ev, n, m.heartbeat.seen);
		return;
	}
	struct record r = {.kind = RECORD_MESSAGE, .node = n->index, .body = ev->body, .nbytes = ev->nbytes, .m = &m};
	commit(c, &r);
}

static void link_down(struct coord *c, uint64_t link)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (n->link != link)
			continue;
		n->link = 0;
		commit(c, &(struct record){.kind = RECORD_DOWN, .node = n->index});
		return;
	}
}

/* If we ourselves stood still (stopped, or a very busy machine) nobody's silence means anything. */
static void forgive(struct coord *c)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *n = WEFT__CONTAINER(l, struct node, all);
		n->heard_ms = c->now_ms;
		n->timed_state = 0;
	}
}

static void tick(struct coord *c)
{
	if (c->now_ms - c->ticked_ms > 4 * COORD_TICK_MS)
		forgive(c);
	c->ticked_ms = c->now_ms;
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (!n->link || c->now_ms - n->beat_ms < COORD_HEARTBEAT_MS)
			continue;
		n->beat_ms = c->now_ms;
		send_link(c, n->link, n,
		          &(struct weft__msg){.code = WEFT__MSG_HEARTBEAT,
		                              .heartbeat = {.seq = ++n->beat, .seen = n->session.received, .heard = n->its_beat}});
	}
	for (struct weft__list *l = c->nodes.next; l != &c->nodes;) {
		struct node *n = WEFT__CONTAINER(l, struct node, all);
		l = l->next;
		if (!node_is_due(c, n))
			continue;
		commit(c, &(struct record){.kind = RECORD_EXPIRE, .node = n->index});
		l = c->nodes.next; /* others may have gone with it */
	}
}

int coord_step(struct coord *c, const struct coord_event *ev, struct coord_actions *out)
{
	if (c->failed)
		return c->failed;
	c->out = out;
	c->now_ms = ev->now_ms;
	switch (ev->kind) {
	case COORD_START: {
		struct record r = {.kind = RECORD_START, .options = *ev->options, .from = ev->options->vm};
		r.from_bytes = strlen(ev->options->vm);
		c->ticked_ms = c->now_ms;
		commit(c, &r);
		halt_resume(c);
		break;
	}
	case COORD_TICK:
		tick(c);
		break;
	case COORD_MESSAGE:
		message(c, ev);
		break;
	case COORD_LINK_DOWN:
		link_down(c, ev->link);
		break;
	case COORD_HALT:
		commit(c, &(struct record){.kind = RECORD_HALT});
		break;
	}
	c->out = NULL;
	return c->failed;
}
