/* Time, links, and the coordinator's process with its disk. */
#include "config.h"

#include "tests/coord/sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/heap.h"
#include "coord/journal.h"

struct packet {
	struct weft__list all;
	size_t nbytes;
	uint8_t body[];
};

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return weft__rng_below(&s->rng, n);
}

bool sim_chance(struct sim *s, unsigned percent)
{
	return sim_below(s, 100) < percent;
}

void sim_say(struct sim *s, const char *format, ...)
{
	va_list ap;
	if (!s->story)
		return;
	printf("# %7" PRIu64 " ", s->now_ms);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

void sim_fail(struct sim *s, const char *condition, const char *file, int line, const char *format, ...)
{
	va_list ap;
	fflush(stdout);
	fprintf(stderr, "%s:%d: at %" PRIu64 " ms not so: %s: ", file, line, s->now_ms, condition);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, "\nto see it again: WEFT_SEED=%" PRIu64 " WEFT_STORY=1\n", s->seed);
	abort();
}

static void mix(struct sim *s, const void *p, size_t n)
{
	s->hash = weft__hash(s->hash, p, n);
}

/* --- time ------------------------------------------------------------------------------------------ */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_plan(struct sim *s, uint64_t delay_ms, enum sim_event_kind kind, uint64_t a, uint64_t b, uint64_t life)
{
	if (s->nevents == s->events_max) {
		s->events_max = s->events_max ? s->events_max * 2 : 256;
		s->events = weft__realloc(s->events, s->events_max * sizeof *s->events);
	}
	size_t i = s->nevents++;
	struct sim_event e = {s->now_ms + delay_ms, s->order++, kind, a, b, life};
	for (; i > 0 && earlier(&e, &s->events[(i - 1) / 2]); i = (i - 1) / 2)
		s->events[i] = s->events[(i - 1) / 2];
	s->events[i] = e;
}

static struct sim_event next_event(struct sim *s)
{
	struct sim_event first = s->events[0], last = s->events[--s->nevents];
	size_t i = 0;
	for (size_t child; (child = 2 * i + 1) < s->nevents; i = child) {
		if (child + 1 < s->nevents && earlier(&s->events[child + 1], &s->events[child]))
			child++;
		if (!earlier(&s->events[child], &last))
			break;
		s->events[i] = s->events[child];
	}
	s->events[i] = last;
	return first;
}

/* --- links ------------------------------------------------------------------------------------------ */

static struct sim_link *link_at(struct sim *s, uint64_t id)
{
	return s->links[id - 1];
}

struct sim_link *sim_link_open(struct sim *s, struct sim_node *n)
{
	struct sim_link *l = weft__calloc(1, sizeof *l);
	s->links = weft__realloc(s->links, (s->nlinks + 1) * sizeof(struct sim_link *));
	s->links[s->nlinks++] = l;
	l->id = s->nlinks;
	l->node = n;
	l->epoch_before = s->epoch_before;
	l->coord_end = l->node_end = true;
	weft__list_init(&l->to_coord);
	weft__list_init(&l->to_node);
	return l;
}

static void queue(struct sim *s, struct sim_link *l, bool to_coord, const void *body, size_t nbytes)
{
	if (l->broken)
		return;
	struct packet *p = weft__malloc(sizeof *p + nbytes);
	p->nbytes = nbytes;
	memcpy(p->body, body, nbytes);
	weft__list_push(to_coord ? &l->to_coord : &l->to_node, &p->all);
	uint64_t at = s->now_ms + 1 + sim_below(s, s->calm || sim_chance(s, 90) ? 4 : 400);
	uint64_t *last = to_coord ? &l->last_to_coord : &l->last_to_node;
	if (at < *last)
		at = *last;
	*last = at;
	sim_plan(s, at - s->now_ms, to_coord ? SIM_TO_COORD : SIM_TO_NODE, l->id, 0, 0);
}

void sim_link_send(struct sim *s, struct sim_link *l, const void *body, size_t nbytes)
{
	queue(s, l, true, body, nbytes);
}

static void drop(struct weft__list *packets)
{
	for (struct weft__list *l; (l = weft__list_pop(packets));)
		weft__free(WEFT__CONTAINER(l, struct packet, all));
}

/* What is under way is lost; each end finds out in its own time, or by what it tries next. */
void sim_link_break(struct sim *s, struct sim_link *l)
{
	if (l->broken)
		return;
	sim_say(s, "the link %" PRIu64 " of node %u breaks", l->id, l->node->index);
	l->broken = true;
	drop(&l->to_coord);
	drop(&l->to_node);
	if (l->coord_end)
		sim_plan(s, sim_below(s, 3000), SIM_COORD_DOWN, l->id, 0, 0);
	if (l->node_end)
		sim_plan(s, sim_below(s, 2000), SIM_NODE_DOWN, l->id, 0, 0);
}

/* One end closes in good order: what it sent arrives, then the other end sees the end. */
static void close_coord_end(struct sim *s, struct sim_link *l)
{
	l->coord_end = false;
	drop(&l->to_coord);
	uint64_t at = l->last_to_node > s->now_ms ? l->last_to_node - s->now_ms : 0;
	if (l->node_end)
		sim_plan(s, at + 1, SIM_NODE_DOWN, l->id, 0, 0);
}

static void show(struct sim *s, const char *arrow, const struct sim_link *l, const void *body, size_t nbytes,
                 enum weft__role from, enum weft__role to)
{
	struct weft__arena arena = {0};
	struct weft__msg m, inner;
	char text[200];
	if (!s->story || weft__msg_decode(body, nbytes, from, to, &arena, &m, NULL) || m.code == WEFT__MSG_HEARTBEAT) {
		weft__arena_fini(&arena);
		return;
	}
	weft__msg_print(&m, text, sizeof text);
	printf("# %7" PRIu64 " node %u %s %s\n", s->now_ms, l->node->index, arrow, text);
	struct weft__bin frame = m.code == WEFT__MSG_UP ? m.up.frame : m.code == WEFT__MSG_DOWN ? m.down.frame : (struct weft__bin){0};
	enum weft__role client = WEFT__ROLE_TOOL;
	if (frame.n > 0 && m.code == WEFT__MSG_UP &&
	    weft__msg_decode(frame.p, frame.n, client, to, &arena, &inner, NULL) &&
	    weft__msg_decode(frame.p, frame.n, WEFT__ROLE_TASK, to, &arena, &inner, NULL))
		frame.n = 0;
	if (frame.n > 0 && m.code == WEFT__MSG_DOWN &&
	    weft__msg_decode(frame.p, frame.n, WEFT__ROLE_COORD, client, &arena, &inner, NULL))
		frame.n = 0;
	if (frame.n > 0) {
		weft__msg_print(&inner, text, sizeof text);
		printf("#                  %s\n", text);
	}
	weft__arena_fini(&arena);
}

/* --- the coordinator's process ------------------------------------------------------------------------ */

static void boot(struct sim *s);

/* Carries out the first n actions. */
static void carry_out(struct sim *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct coord_action *a = &s->out.items[i];
		const uint8_t *bytes = s->out.bytes.data + a->at;
		struct sim_link *l = a->link ? link_at(s, a->link) : NULL;
		switch (a->kind) {
		case COORD_SEND:
			if (l->coord_end)
				queue(s, l, false, bytes, a->nbytes);
			break;
		case COORD_CLOSE:
			if (l->coord_end)
				close_coord_end(s, l);
			break;
		case COORD_LOG:
			sim_say(s, "coordinator: %s %s", a->id, (const char *)bytes);
			sim_check(s, strcmp(a->id, "WEFT-COORD-BUG") && strcmp(a->id, "WEFT-COORD-ODD") && strcmp(a->id, "WEFT-COORD-PEER"),
			          "%s %s", a->id, (const char *)bytes);
			s->nlost += strcmp(a->id, "WEFT-NODE-LOST") == 0;
			break;
		case COORD_STOP:
			s->stopped = true;
			break;
		}
	}
	coord_actions_clear(&s->out);
}

static void write_records(struct sim *s)
{
	weft__buf_append(&s->disk, s->out.records.data, s->out.records.len);
	s->out.records.len = 0;
	if (s->out.sync)
		s->synced = s->disk.len;
	s->out.sync = false;
}

static void flush(struct sim *s)
{
	s->flush_planned = false;
	write_records(s);
	carry_out(s, s->out.nitems);
}

/* The process ends; home starts another one. */
static void die(struct sim *s)
{
	coord_destroy(&s->coord);
	coord_destroy(&s->shadow);
	s->flush_planned = false;
	for (size_t i = 0; i < s->nlinks; i++)
		if (s->links[i]->coord_end)
			close_coord_end(s, s->links[i]);
	sim_plan(s, 20 + sim_below(s, 2000), SIM_RESTART, 0, 0, 0);
}

/* The records from `at` on go to the shadow too. */
static void feed_shadow(struct sim *s, size_t at)
{
	static const uint8_t head[] = {'W', 'E', 'F', 'T', 'J', JOURNAL_VERSION, 0, 0};
	struct weft__buf b = {0};
	const uint8_t *body;
	size_t n, from = 0;
	if (!s->shadow)
		return;
	weft__buf_append(&b, head, sizeof head);
	weft__buf_append(&b, s->out.records.data + at, s->out.records.len - at);
	while (journal_next(b.data, b.len, &from, &body, &n, NULL) > 0)
		sim_check(s, coord_replay(s->shadow, body, n, NULL) == 0, "%s", "the shadow does not take a record");
	weft__buf_fini(&b);
}

static void step(struct sim *s, struct coord_event *ev)
{
	size_t before = s->out.records.len;
	if (!s->coord || s->stopped)
		return;
	ev->now_ms = s->now_ms + s->now_skew_ms;
	bool starve = !s->calm && ev->kind != COORD_START && sim_below(s, 120) == 0;
	if (starve)
		weft__heap_fail_at(1 + sim_below(s, 12));
	int rc = coord_step(s->coord, ev, &s->out);
	weft__heap_fail_at(0);
	sim_check(s, rc == 0 || (starve && rc == WEFT_ENOMEM), "coord_step: %s", weft__err_name(rc));
	if (rc) {
		sim_say(s, "the coordinator has no memory");
		s->nstarved++;
		coord_actions_clear(&s->out); /* the whole batch is dropped */
		die(s);
		return;
	}
	feed_shadow(s, before);
	if (!s->calm && ev->kind != COORD_START && sim_chance(s, 30)) {
		if (!s->flush_planned)
			sim_plan(s, sim_below(s, 3), SIM_FLUSH, 0, 0, 0);
		s->flush_planned = true;
	} else {
		flush(s);
	}
	if (!s->calm && sim_below(s, 400) == 0)
		sim_compare_snapshot(s);
	if (!s->calm && !s->flush_planned && sim_below(s, 500) == 0)
		sim_compact(s);
}

/* A new core from the first n bytes of the disk. */
static struct coord *read_disk(struct sim *s, size_t n, size_t *sound)
{
	struct coord *c;
	struct weft_error e;
	const uint8_t *body;
	size_t nbytes;
	int rc;
	*sound = 0;
	sim_check(s, coord_create(&c) == 0, "%s", "no memory");
	while ((rc = journal_next(s->disk.data, n, sound, &body, &nbytes, &e)) > 0) {
		rc = coord_replay(c, body, nbytes, &e);
		sim_check(s, rc == 0, "coord_replay at %zu of %zu: %s", *sound, n, e.text);
	}
	sim_check(s, rc == 0, "journal_next: %s", e.text);
	return c;
}

static void check_same(struct sim *s, struct coord *a, struct coord *b, const char *what)
{
	struct weft__buf x = {0}, y = {0};
	sim_check(s, coord_save(a, &x) == 0 && coord_save(b, &y) == 0, "%s", "no memory");
	sim_check(s, x.len == y.len && memcmp(x.data, y.data, x.len) == 0, "%s: %zu and %zu bytes", what, x.len, y.len);
	weft__buf_fini(&x);
	weft__buf_fini(&y);
}

void sim_compare_snapshot(struct sim *s)
{
	struct weft__buf snapshot = {0};
	struct coord *copy;
	struct weft_error e = {0};
	sim_check(s, coord_save(s->coord, &snapshot) == 0 && coord_create(&copy) == 0, "%s", "no memory");
	int rc = coord_replay(copy, snapshot.data + JOURNAL_FRAME, snapshot.len - JOURNAL_FRAME, &e);
	sim_check(s, rc == 0, "the snapshot is not read back: %s", e.text);
	check_same(s, s->coord, copy, "a snapshot of what a snapshot gave is the same");
	if (s->shadow)
		check_same(s, s->coord, s->shadow, "what came from a snapshot goes on like the original");
	coord_destroy(&s->shadow);
	s->shadow = copy;
	weft__buf_fini(&snapshot);
}

void sim_compact(struct sim *s)
{
	s->disk.len = 0;
	journal_append_head(&s->disk);
	sim_check(s, coord_save(s->coord, &s->disk) == 0, "%s", "no memory");
	s->synced = s->disk.len;
	s->snapshots++;
}

/* It dies at some point of writing, syncing and sending. */
void sim_crash(struct sim *s)
{
	if (!s->coord || s->stopped)
		return;
	size_t sound, done = sim_below(s, s->out.nitems + 1);
	if (sim_chance(s, 50)) { /* after the sync */
		write_records(s);
		carry_out(s, done);
	} else {
		weft__buf_append(&s->disk, s->out.records.data, s->out.records.len);
	}
	sim_say(s, "the coordinator crashes");
	if (s->disk.len == s->synced && s->out.records.len == 0) {
		struct coord *again = read_disk(s, s->synced, &sound);
		check_same(s, s->coord, again, "a replay gives what there was");
		coord_destroy(&again);
	}
	s->disk.len = s->synced + sim_below(s, s->disk.len - s->synced + 1); /* the last write may be torn */
	coord_actions_clear(&s->out);
	die(s);
}

static void boot(struct sim *s)
{
	size_t sound;
	s->coord = read_disk(s, s->disk.len, &sound);
	s->disk.len = s->synced = sound;
	if (sound == 0)
		journal_append_head(&s->disk);
	s->restarts++;
	s->epoch_before = s->epoch_seen;
	s->now_skew_ms = sim_below(s, 100000);
	sim_say(s, "the coordinator starts");
	struct coord_event ev = {.kind = COORD_START, .options = &s->options};
	step(s, &ev);
}

static void arrive_at_coord(struct sim *s, struct sim_link *l)
{
	struct weft__list *first = weft__list_pop(&l->to_coord);
	if (!first)
		return;
	struct packet *p = WEFT__CONTAINER(first, struct packet, all);
	if (l->coord_end && s->coord) {
		mix(s, &s->now_ms, sizeof s->now_ms);
		mix(s, p->body, p->nbytes);
		show(s, "->", l, p->body, p->nbytes, WEFT__ROLE_NODE, WEFT__ROLE_COORD);
		struct coord_event ev = {.kind = COORD_MESSAGE,
		                         .link = l->id,
		                         .node = l->node->index,
		                         .incarnation = l->node->incarnation,
		                         .from = l->node->index == COORD_HOME ? "" : "10.0.0.9",
		                         .body = p->body,
		                         .nbytes = p->nbytes};
		step(s, &ev);
	}
	weft__free(p);
}

static void arrive_at_node(struct sim *s, struct sim_link *l)
{
	struct weft__list *first = weft__list_pop(&l->to_node);
	if (!first)
		return;
	struct packet *p = WEFT__CONTAINER(first, struct packet, all);
	if (l->node_end && l->node->link == l) {
		mix(s, &s->now_ms, sizeof s->now_ms);
		mix(s, p->body, p->nbytes);
		show(s, "<-", l, p->body, p->nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE);
		sim_node_receive(s, l->node, p->body, p->nbytes);
	}
	weft__free(p);
}

/* --- the world ------------------------------------------------------------------------------------------- */

static void misfortune(struct sim *s)
{
	struct sim_node *n = s->nodes[sim_below(s, s->nnodes)];
	if (n->index != COORD_HOME && n->up && sim_chance(s, 40))
		sim_node_crash(s, n);
	else if (n->up && n->epoch > 0 && sim_chance(s, 30))
		sim_node_restart(s, n);
	else if (n->up && n->epoch > 0)
		sim_node_takeover(s, n);
	if (!s->calm)
		sim_plan(s, 500 + sim_below(s, 8000), SIM_MISFORTUNE, 0, 0, 0);
}

static void break_some_link(struct sim *s)
{
	struct sim_node *n = s->nodes[sim_below(s, s->nnodes)];
	if (n->link) {
		sim_link_break(s, n->link);
		if (n->index != COORD_HOME && sim_chance(s, 15)) {
			n->cut_off = true;
			n->cut_until = s->now_ms + sim_below(s, 9000);
			sim_say(s, "node %u is cut off for a while", n->index);
		}
	}
	if (!s->calm)
		sim_plan(s, sim_below(s, 3000), SIM_BREAK, 0, 0, 0);
}

static void tick(struct sim *s)
{
	struct coord_event ev = {.kind = COORD_TICK};
	step(s, &ev);
	if (!s->stopped)
		sim_plan(s, COORD_TICK_MS, SIM_TICK, 0, 0, 0);
}

static void coord_sees_down(struct sim *s, struct sim_link *l)
{
	if (!l->coord_end)
		return;
	l->coord_end = false;
	struct coord_event ev = {.kind = COORD_LINK_DOWN, .link = l->id};
	step(s, &ev);
}

static void happen_to_node(struct sim *s, struct sim_node *n, const struct sim_event *e)
{
	struct sim_client *c = e->kind == SIM_ACT || e->kind == SIM_BACK ? sim_client_find(n, e->b) : NULL;
	switch (e->kind) {
	case SIM_DIAL:
		sim_node_dial(s, n);
		break;
	case SIM_BEAT:
		sim_node_beat(s, n);
		break;
	case SIM_START:
		sim_node_task_start(s, n, e->b);
		break;
	case SIM_EXIT:
		sim_node_task_exit(s, n, e->b, (int64_t)sim_below(s, 3), 0);
		break;
	case SIM_ACT:
		if (c)
			sim_client_act(s, c);
		break;
	case SIM_BACK:
		if (c)
			sim_client_back(s, c);
		break;
	default: /* SIM_RESUME_END */
		sim_node_resume_end(s, n);
		break;
	}
}

static void node_sees_down(struct sim *s, struct sim_link *l)
{
	if (!l->node_end)
		return;
	l->node_end = false;
	if (l->node->link == l)
		sim_node_link_down(s, l->node);
}

static void happen(struct sim *s, const struct sim_event *e)
{
	struct sim_node *n;
	switch (e->kind) {
	case SIM_TICK:
		tick(s);
		break;
	case SIM_FLUSH:
		if (s->coord && s->flush_planned)
			flush(s);
		break;
	case SIM_CRASH:
		if (!s->calm) {
			sim_crash(s);
			sim_plan(s, 500 + sim_below(s, 9000), SIM_CRASH, 0, 0, 0);
		}
		break;
	case SIM_RESTART:
		boot(s);
		break;
	case SIM_TO_COORD:
		arrive_at_coord(s, link_at(s, e->a));
		break;
	case SIM_TO_NODE:
		arrive_at_node(s, link_at(s, e->a));
		break;
	case SIM_BREAK:
		if (!s->calm)
			break_some_link(s);
		break;
	case SIM_COORD_DOWN:
		coord_sees_down(s, link_at(s, e->a));
		break;
	case SIM_NODE_DOWN:
		node_sees_down(s, link_at(s, e->a));
		break;
	case SIM_APPEAR:
		sim_node_create(s, (uint32_t)e->a, (uint32_t)e->b);
		break;
	case SIM_MISFORTUNE:
		if (!s->calm)
			misfortune(s);
		break;
	default:
		n = sim_node_find(s, e->a);
		if (n && n->up && (!e->life || n->life == e->life))
			happen_to_node(s, n, e);
		break;
	}
}

void sim_run(struct sim *s, uint64_t until_ms)
{
	while (s->nevents > 0 && s->events[0].at <= until_ms) {
		struct sim_event e = next_event(s);
		s->now_ms = e.at;
		happen(s, &e);
	}
	s->now_ms = until_ms;
}

struct sim *sim_create(uint64_t seed)
{
	struct sim *s = weft__calloc(1, sizeof *s);
	s->seed = seed;
	s->hash = WEFT__HASH_EMPTY;
	s->story = getenv("WEFT_STORY") != NULL;
	weft__rng_init(&s->rng, seed);
	s->options = (struct coord_options){.vm = "sim", .private_vm = 0, .orphan_ms = 60000};
	s->options.local_nodes = 1 + sim_below(s, 4);
	boot(s);
	sim_node_create(s, COORD_HOME, COORD_HOME);
	sim_plan(s, COORD_TICK_MS, SIM_TICK, 0, 0, 0);
	return s;
}

void sim_destroy(struct sim *s)
{
	coord_destroy(&s->coord);
	coord_destroy(&s->shadow);
	coord_actions_fini(&s->out);
	for (size_t i = 0; i < s->nnodes; i++)
		sim_node_destroy(s, s->nodes[i]);
	for (size_t i = 0; i < s->nlinks; i++) {
		drop(&s->links[i]->to_coord);
		drop(&s->links[i]->to_node);
		weft__free(s->links[i]);
	}
	weft__map_fini(&s->given);
	weft__map_fini(&s->slots);
	weft__map_fini(&s->launched);
	weft__map_fini(&s->contexts);
	weft__buf_fini(&s->disk);
	weft__free(s->links);
	weft__free(s->nodes);
	weft__free(s->events);
	weft__free(s->tids);
	weft__free(s);
}
