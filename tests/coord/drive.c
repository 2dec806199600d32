#include "config.h"

#include "tests/coord/drive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/ids.h"
#include "coord/journal.h"
#include "proto/session.h"

enum { NODES_SEEN = 63 };

static void take_in(struct drive *d, const struct coord_action *a)
{
	struct got *g = weft__calloc(1, sizeof *g);
	g->node = (uint32_t)a->link;
	g->body = weft__malloc(a->nbytes);
	memcpy(g->body, d->out.bytes.data + a->at, a->nbytes);
	assert_int_equal(weft__msg_decode(g->body, a->nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE, &g->arena, &g->m, NULL), 0);
	d->seen[g->node] += weft__session_numbered(g->m.code);
	if (g->m.code == WEFT__MSG_DOWN) {
		struct weft__bin frame = g->m.down.frame;
		g->client = (uint32_t)g->m.down.client;
		int rc = weft__msg_decode(frame.p, frame.n, WEFT__ROLE_COORD, WEFT__ROLE_TOOL, &g->inner, &g->m, NULL);
		if (rc == WEFT_EDENIED)
			rc = weft__msg_decode(frame.p, frame.n, WEFT__ROLE_COORD, WEFT__ROLE_TASKVM, &g->inner, &g->m, NULL);
		assert_int_equal(rc, 0);
	}
	weft__list_push(&d->got, &g->all);
}

void drive_event(struct drive *d, struct coord_event *ev)
{
	ev->now_ms = d->now_ms;
	d->rc = coord_step(d->c, ev, &d->out);
	if (d->rc)
		return;
	weft__buf_append(&d->journal, d->out.records.data, d->out.records.len);
	for (size_t i = 0; i < d->out.nitems; i++) {
		const struct coord_action *a = &d->out.items[i];
		if (a->kind == COORD_SEND)
			take_in(d, a);
		else if (a->kind == COORD_CLOSE)
			d->closed++;
		else if (a->kind == COORD_STOP)
			d->stopped = true;
		else
			snprintf(d->log, sizeof d->log, "%s %s", a->id, (const char *)d->out.bytes.data + a->at);
	}
	coord_actions_clear(&d->out);
}

void drive_send(struct drive *d, uint32_t node, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__msg_encode_body(&b, m, NULL), 0);
	struct coord_event ev = {.kind = COORD_MESSAGE, .link = node, .node = node, .incarnation = node, .from = "10.0.0.9"};
	ev.body = b.data;
	ev.nbytes = b.len;
	drive_event(d, &ev);
	weft__buf_fini(&b);
}

void drive_join(struct drive *d, uint32_t node, const char *host, uint64_t ncores, uint64_t epoch, uint64_t seen)
{
	drive_send(d, node,
	           &(struct weft__msg){.code = WEFT__MSG_JOIN,
	                               .join = {.node = node,
	                                        .incarnation = node,
	                                        .epoch = epoch,
	                                        .host = weft__str(host),
	                                        .port = 1,
	                                        .ncores = ncores,
	                                        .release = weft__str("r"),
	                                        .seen = seen}});
}

struct drive *drive_create(uint64_t local_nodes)
{
	struct drive *d = weft__calloc(1, sizeof *d);
	struct coord_options o = {.vm = "test", .orphan_ms = 60000, .local_nodes = local_nodes};
	struct coord_event ev = {.kind = COORD_START, .options = &o};
	weft__list_init(&d->got);
	weft__list_init(&d->taken);
	d->now_ms = 1000;
	journal_append_head(&d->journal);
	assert_int_equal(coord_create(&d->c), 0);
	drive_event(d, &ev);
	return d;
}

struct drive *drive_vm(uint32_t n, uint64_t ncores)
{
	struct drive *d = drive_create(n);
	char host[16] = "home";
	for (uint32_t i = 1; i <= n; i++) {
		drive_join(d, i, host, ncores, 0, 0);
		snprintf(host, sizeof host, "local%u", i + 1);
	}
	drive_open(d, 1, 1, WEFT__ROLE_TOOL, 0);
	drive_forget(d);
	return d;
}

static void free_all(struct weft__list *list)
{
	for (struct weft__list *l; (l = weft__list_pop(list));) {
		struct got *g = WEFT__CONTAINER(l, struct got, all);
		weft__arena_fini(&g->arena);
		weft__arena_fini(&g->inner);
		weft__free(g->body);
		weft__free(g);
	}
}

void drive_forget(struct drive *d)
{
	free_all(&d->got);
}

void drive_destroy(struct drive *d)
{
	free_all(&d->got);
	free_all(&d->taken);
	coord_actions_fini(&d->out);
	coord_destroy(&d->c);
	weft__buf_fini(&d->journal);
	weft__free(d);
}

void drive_open(struct drive *d, uint32_t node, uint32_t client, enum weft__role role, uint64_t tid)
{
	drive_send(d, node,
	           &(struct weft__msg){.code = WEFT__MSG_CLIENT_OPEN,
	                               .client_open = {.client = client, .role = role, .tid = tid, .pid = 7, .name = weft__str("prog")}});
}

void drive_ask(struct drive *d, uint32_t node, uint32_t client, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__msg_encode_body(&b, m, NULL), 0);
	drive_send(d, node, &(struct weft__msg){.code = WEFT__MSG_UP, .up = {.client = client, .frame = {b.data, b.len}}});
	weft__buf_fini(&b);
}

static void tick(struct drive *d)
{
	struct coord_event ev = {.kind = COORD_TICK};
	d->now_ms += COORD_TICK_MS;
	drive_event(d, &ev);
}

void drive_silence(struct drive *d, uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += COORD_TICK_MS)
		tick(d);
}

void drive_pass(struct drive *d, uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += COORD_TICK_MS) {
		tick(d);
		for (uint32_t node = 1; node <= NODES_SEEN; node++)
			if (drive_has(d, node, 0, WEFT__MSG_HEARTBEAT)) {
				drive_take(d, node, 0, WEFT__MSG_HEARTBEAT);
				drive_send(d, node,
				           &(struct weft__msg){.code = WEFT__MSG_HEARTBEAT,
				                   .heartbeat = {.seq = 1, .seen = d->seen[node]}});
			}
	}
}

static struct got *find(struct drive *d, uint32_t node, uint32_t client, enum weft__msg_code code)
{
	for (struct weft__list *l = d->got.next; l != &d->got; l = l->next) {
		struct got *g = WEFT__CONTAINER(l, struct got, all);
		if (g->node == node && g->client == client && g->m.code == code)
			return g;
	}
	return NULL;
}

bool drive_has(struct drive *d, uint32_t node, uint32_t client, enum weft__msg_code code)
{
	return find(d, node, client, code) != NULL;
}

const struct weft__msg *drive_take(struct drive *d, uint32_t node, uint32_t client, enum weft__msg_code code)
{
	struct got *g = find(d, node, client, code);
	if (!g)
		fail_msg("node %u client %u did not get %s", node, client, weft__msg_name(code));
	weft__list_remove(&g->all);
	weft__list_push(&d->taken, &g->all);
	return &g->m;
}

int drive_result(struct drive *d, uint32_t node, uint32_t client, const struct weft__msg *m, uint64_t *value)
{
	drive_ask(d, node, client, m);
	const struct weft__msg *r = drive_take(d, node, client, WEFT__MSG_RESULT);
	if (value)
		*value = r->result.value;
	return (int)r->result.code;
}

uint32_t drive_spawn_as(struct drive *d, uint32_t node, uint32_t client, struct weft__msg_spawn how, uint64_t *tids,
                        uint32_t *nodes, int *code)
{
	static const struct weft__str argv[] = {{"prog", 4}};
	uint32_t job = 0;
	how.req = 99;
	how.flags |= WEFT__SPAWN_ATTACHED;
	how.argv = (struct weft__strs){argv, 1};
	drive_ask(d, node, client, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = how});
	for (uint32_t at = 1; at <= NODES_SEEN; at++)
		while (drive_has(d, at, 0, WEFT__MSG_LAUNCH)) {
			const struct weft__msg_launch *l = &drive_take(d, at, 0, WEFT__MSG_LAUNCH)->launch;
			job = (uint32_t)l->job;
			for (size_t i = 0; i < l->tids.n; i++) {
				if (tids)
					tids[l->ranks.p[i]] = l->tids.p[i];
				if (nodes)
					nodes[l->ranks.p[i]] = at;
			}
		}
	if (job == 0) {
		int why = (int)drive_take(d, node, client, WEFT__MSG_SPAWNED)->spawned.code;
		if (code)
			*code = why;
	}
	return job;
}

uint32_t drive_spawn(struct drive *d, uint32_t node, uint32_t client, const char *host, uint64_t count, uint64_t *tids,
                     uint32_t *nodes, int *code)
{
	return drive_spawn_as(d, node, client, (struct weft__msg_spawn){.count = count, .host = weft__str(host)}, tids, nodes,
	                      code);
}

void drive_started(struct drive *d, uint64_t tid)
{
	drive_send(d, weft__tid_node((weft_tid_t){tid}),
	           &(struct weft__msg){.code = WEFT__MSG_STARTED, .started = {.tid = tid, .pid = 4711}});
}

void drive_exited(struct drive *d, uint64_t tid, int64_t code, uint64_t signo)
{
	drive_send(d, weft__tid_node((weft_tid_t){tid}),
	           &(struct weft__msg){.code = WEFT__MSG_EXITED,
	                               .exited = {.tid = tid, .exit_code = code, .signo = signo, .utime_us = 5}});
}
