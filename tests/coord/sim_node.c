/* Simulated nodes: what a weftd and its task VMs do, as far as the coordinator can tell. */
#include "config.h"

#include <inttypes.h>

#include "base/heap.h"
#include "tests/coord/sim.h"

static char alive; /* what maps of ids hold */

struct sim_node *sim_node_create(struct sim *s, uint32_t index, uint32_t incarnation)
{
	struct sim_node *n = weft__calloc(1, sizeof *n);
	sim_check(s, !sim_node_find(s, index), "node %u is started twice", index);
	s->nodes = weft__realloc(s->nodes, (s->nnodes + 1) * sizeof(struct sim_node *));
	s->nodes[s->nnodes++] = n;
	n->index = index;
	n->incarnation = incarnation;
	n->life = 1;
	n->up = true;
	weft__session_init(&n->session);
	weft__list_init(&n->tasks);
	weft__list_init(&n->clients);
	sim_plan(s, sim_below(s, 50), SIM_DIAL, index, 0, 1);
	sim_plan(s, 500, SIM_BEAT, index, 0, 0);
	return n;
}

struct sim_node *sim_node_find(struct sim *s, uint64_t index)
{
	for (size_t i = 0; i < s->nnodes; i++)
		if (s->nodes[i]->index == index)
			return s->nodes[i];
	return NULL;
}

struct sim_task *sim_task_find(struct sim_node *n, uint64_t tid)
{
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = l->next)
		if (WEFT__CONTAINER(l, struct sim_task, all)->tid == tid)
			return WEFT__CONTAINER(l, struct sim_task, all);
	return NULL;
}

static void remove_task(struct sim *s, struct sim_task *t)
{
	weft__list_remove(&t->all);
	weft__map_remove(&s->slots, weft__tid_slot((weft_tid_t){t->tid}));
	s->ntasks_alive--;
	weft__free(t);
}

static void drop_all(struct sim *s, struct sim_node *n, bool tasks)
{
	while (!weft__list_empty(&n->clients))
		sim_client_close(s, WEFT__CONTAINER(n->clients.next, struct sim_client, all), false);
	while (tasks && !weft__list_empty(&n->tasks))
		remove_task(s, WEFT__CONTAINER(n->tasks.next, struct sim_task, all));
}

void sim_node_destroy(struct sim *s, struct sim_node *n)
{
	drop_all(s, n, true);
	weft__session_fini(&n->session);
	weft__map_fini(&n->peers);
	weft__free(n);
}

/* --- the link ---------------------------------------------------------------------------------------- */

static void send_now(struct sim *s, struct sim_node *n, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	sim_check(s, weft__msg_encode_body(&b, m, NULL) == 0, "%s does not encode", weft__msg_name(m->code));
	if (n->link)
		sim_link_send(s, n->link, b.data, b.len);
	weft__buf_fini(&b);
}

void sim_node_send(struct sim *s, struct sim_node *n, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	sim_check(s, weft__msg_encode_body(&b, m, NULL) == 0, "%s does not encode", weft__msg_name(m->code));
	weft__session_push(&n->session, b.data, b.len);
	if (n->link && n->joined)
		sim_link_send(s, n->link, b.data, b.len);
	weft__buf_fini(&b);
}

void sim_node_dial(struct sim *s, struct sim_node *n)
{
	if (n->link)
		return;
	n->cut_off = n->cut_off && s->now_ms < n->cut_until && !s->calm;
	if (!s->coord || n->cut_off || s->stopped) {
		if (!s->stopped)
			sim_plan(s, 100 + sim_below(s, 200), SIM_DIAL, n->index, 0, n->life);
		return;
	}
	n->link = sim_link_open(s, n);
	n->joined = false;
	if (n->index == COORD_HOME)
		send_now(s, n,
		         &(struct weft__msg){.code = WEFT__MSG_HELLO,
		                             .hello = {.version = WEFT__PROTO_VERSION,
		                                       .release = weft__str("sim"),
		                                       .role = WEFT__ROLE_NODE,
		                                       .name = weft__str("home")}});
	char host[16];
	snprintf(host, sizeof host, n->index == COORD_HOME ? "home" : "local%u", n->index);
	send_now(s, n,
	         &(struct weft__msg){.code = WEFT__MSG_JOIN,
	                             .join = {.node = n->index,
	                                      .incarnation = n->incarnation,
	                                      .epoch = n->epoch,
	                                      .host = weft__str(host),
	                                      .port = 1000 + n->index,
	                                      .ncores = 1 + n->index % 3,
	                                      .pid = 77,
	                                      .release = weft__str("sim"),
	                                      .seen = n->session.received,
	                                      .again = n->epoch || !n->took_over ? 0 : n->crashes}});
}

void sim_node_link_down(struct sim *s, struct sim_node *n)
{
	n->link = NULL;
	n->joined = false;
	if (n->up)
		sim_plan(s, sim_below(s, 300), SIM_DIAL, n->index, 0, n->life);
}

static void newcomers(struct sim *s, struct sim_node *n)
{
	size_t count = 0;
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = l->next)
		count++;
	if (!s->calm && count < 5 && sim_chance(s, 35))
		sim_client_open(s, n, sim_chance(s, 60), 0);
}

void sim_node_beat(struct sim *s, struct sim_node *n)
{
	if (n->joined)
		send_now(s, n, &(struct weft__msg){.code = WEFT__MSG_HEARTBEAT, .heartbeat = {.seq = 1, .seen = n->session.received}});
	newcomers(s, n);
	if (!s->stopped)
		sim_plan(s, 500, SIM_BEAT, n->index, 0, 0);
}

bool sim_tool_is_there(struct sim *s, const struct sim_task *t)
{
	struct sim_node *n = sim_node_find(s, t->tool_node);
	return n && n->up && sim_client_find(n, t->tool);
}

/* --- tasks ----------------------------------------------------------------------------------------------- */

static void launch(struct sim *s, struct sim_node *n, const struct weft__msg_launch *m)
{
	for (size_t i = 0; i < m->tids.n; i++) {
		uint64_t tid = m->tids.p[i], slot = weft__tid_slot((weft_tid_t){tid});
		if (n->crashes && weft__map_get(&s->launched, tid)) /* its task VM knows it, and has said so */
			continue;
		sim_check(s, !weft__map_get(&s->launched, tid), "P2: task %" PRIx64 " is launched twice", tid);
		sim_check(s, weft__tid_node((weft_tid_t){tid}) == n->index, "task %" PRIx64 " on node %u", tid, n->index);
		sim_check(s, !weft__map_get(&s->slots, slot), "P1: slot of %" PRIx64 " is taken", tid);
		weft__map_put(&s->launched, tid, &alive);
		weft__map_put(&s->slots, slot, &alive);
		sim_given(s, tid);
		struct sim_task *t = weft__calloc(1, sizeof *t);
		t->tid = tid;
		t->job = (uint32_t)m->job;
		t->rank = (uint32_t)m->ranks.p[i];
		t->eternal = m->flags & WEFT__SPAWN_ATTACHED && sim_chance(s, 30);
		t->tool_node = m->sink_node;
		t->tool = m->sink_client;
		weft__list_push(&n->tasks, &t->all);
		s->ntasks_alive++;
		sim_plan(s, sim_below(s, 60), SIM_START, n->index, tid, 0);
	}
	if (m->tids.n > 0) /* else it only tells a task VM that no more comes */
		sim_vm_launched(s, n, (uint32_t)m->job);
}

void sim_node_task_start(struct sim *s, struct sim_node *n, uint64_t tid)
{
	struct sim_task *t = sim_task_find(n, tid);
	if (!t || t->running)
		return;
	if (sim_chance(s, 15)) {
		sim_node_send(s, n,
		              &(struct weft__msg){.code = WEFT__MSG_START_FAILED,
		                                  .start_failed = {.tid = tid, .code = WEFT_ENOFILE,
		                                          .text = weft__str("no such program")}});
		uint32_t job = t->job;
		remove_task(s, t);
		sim_vm_task_gone(s, n, job);
		return;
	}
	t->running = true;
	sim_node_send(s, n, &(struct weft__msg){.code = WEFT__MSG_STARTED, .started = {.tid = tid, .pid = 100}});
	if (!t->eternal || (s->calm && sim_tool_is_there(s, t)))
		sim_plan(s, sim_below(s, 6000), SIM_EXIT, n->index, tid, 0);
	if (sim_chance(s, 60))
		sim_client_open(s, n, false, tid);
}

static void close_client_of(struct sim *s, struct sim_node *n, uint64_t tid)
{
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = l->next) {
		struct sim_client *c = WEFT__CONTAINER(l, struct sim_client, all);
		if (c->tid == tid) {
			sim_client_close(s, c, true);
			return;
		}
	}
}

void sim_node_task_exit(struct sim *s, struct sim_node *n, uint64_t tid, int64_t code, uint64_t signo)
{
	struct sim_task *t = sim_task_find(n, tid);
	bool before = sim_chance(s, 50);
	if (!t)
		return;
	if (!t->running)
		sim_node_send(s, n, &(struct weft__msg){.code = WEFT__MSG_STARTED, .started = {.tid = tid, .pid = 100}});
	if (before)
		close_client_of(s, n, tid);
	sim_node_send(s, n,
	              &(struct weft__msg){.code = WEFT__MSG_EXITED,
	                                  .exited = {.tid = tid, .exit_code = signo ? -1 : code, .signo = signo}});
	if (!before)
		close_client_of(s, n, tid);
	uint32_t job = t->job;
	remove_task(s, t);
	sim_vm_task_gone(s, n, job);
}

static void signal_tasks(struct sim *s, struct sim_node *n, const struct weft__msg_task_signal *m)
{
	struct weft__list *next;
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = next) {
		struct sim_task *t = WEFT__CONTAINER(l, struct sim_task, all);
		next = l->next;
		if (m->signo == 9 && (m->tid ? t->tid == m->tid : t->job == m->job))
			sim_node_task_exit(s, n, t->tid, 0, 9);
	}
	/* an outsider is a process that its node kills as well: its connection closes */
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = next) {
		struct sim_client *c = WEFT__CONTAINER(l, struct sim_client, all);
		next = l->next;
		if (m->signo == 9 && m->tid && c->tid == m->tid && !c->tool && !weft__map_get(&s->launched, c->tid))
			sim_client_close(s, c, true);
	}
}

/* --- faults ------------------------------------------------------------------------------------------------ */

void sim_node_restart(struct sim *s, struct sim_node *n)
{
	sim_say(s, "the daemon of node %u restarts", n->index);
	if (n->link)
		sim_link_break(s, n->link);
	drop_all(s, n, false);
	n->life++;
	n->took_over = false;
	n->link = NULL;
	n->joined = false;
	n->epoch = 0;
	weft__session_reset(&n->session);
	weft__map_fini(&n->peers);
	sim_plan(s, sim_below(s, 500), SIM_DIAL, n->index, 0, n->life);
}

/* What task VMs say once more: all starts, and the ends that are not confirmed. */
static void report_again(struct sim *s, struct sim_node *n)
{
	struct weft__list kept;
	weft__list_init(&kept);
	for (struct weft__list *l; (l = weft__list_pop(&n->session.kept));)
		weft__list_push(&kept, l);
	weft__session_init(&n->session);
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = l->next) {
		const struct sim_task *t = WEFT__CONTAINER(l, struct sim_task, all);
		if (t->running)
			sim_node_send(s, n, &(struct weft__msg){.code = WEFT__MSG_STARTED, .started = {.tid = t->tid, .pid = 100}});
	}
	for (struct weft__list *l; (l = weft__list_pop(&kept));) {
		struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		int code = weft__msg_peek(k->body, k->nbytes);
		if (code == WEFT__MSG_START_FAILED || code == WEFT__MSG_EXITED)
			weft__session_push(&n->session, k->body, k->nbytes);
		weft__free(k);
	}
}

/* LAUNCHes that the daemon had, and no task VM. */
static void forget_launches(struct sim *s, struct sim_node *n)
{
	struct weft__list *next;
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = next) {
		struct sim_task *t = WEFT__CONTAINER(l, struct sim_task, all);
		next = l->next;
		if (t->running || sim_chance(s, 70))
			continue;
		weft__map_remove(&s->launched, t->tid);
		weft__map_remove(&s->given, t->tid); /* it may be launched once more */
		remove_task(s, t);
	}
}

static void send_away(struct sim *s, struct sim_client *c)
{
	bool outside = sim_client_is_outside(s, c);
	bool ends = c->waits_for_tid || ((outside || (c->tool && !c->vm_job)) && sim_chance(s, 20));
	if (ends) { /* nobody was there to say so */
		sim_client_close(s, c, false);
		return;
	}
	c->away = c->resuming = true;
	c->held = outside && sim_chance(s, 50);
	uint64_t patience = c->vm_job ? 300 : c->tool || (outside && !c->held) ? 4000 : 9000;
	sim_plan(s, sim_below(s, patience), SIM_BACK, c->node->index, c->number, c->node->life);
}

void sim_node_takeover(struct sim *s, struct sim_node *n)
{
	struct weft__list *next;
	sim_say(s, "another daemon takes the place of node %u's", n->index);
	s->ntakeovers++;
	if (n->link)
		sim_link_break(s, n->link);
	n->life++;
	n->crashes++;
	n->took_over = true;
	n->link = NULL;
	n->joined = false;
	n->epoch = 0;
	weft__map_fini(&n->peers);
	forget_launches(s, n);
	report_again(s, n);
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = next) {
		next = l->next;
		send_away(s, WEFT__CONTAINER(l, struct sim_client, all));
	}
	sim_plan(s, sim_below(s, 500), SIM_DIAL, n->index, 0, n->life);
	sim_plan(s, 5000, SIM_RESUME_END, n->index, 0, n->life);
}

void sim_node_resume_end(struct sim *s, struct sim_node *n)
{
	uint64_t held[16];
	struct weft__msg m = {.code = WEFT__MSG_RESUME_END, .resume_end = {.again = n->crashes, .held = {held, 0}}};
	for (struct weft__list *l = n->clients.next; l != &n->clients && m.resume_end.held.n < 16; l = l->next) {
		const struct sim_client *c = WEFT__CONTAINER(l, struct sim_client, all);
		if (c->away && c->held)
			held[m.resume_end.held.n++] = c->number;
	}
	sim_node_send(s, n, &m);
}

void sim_node_crash(struct sim *s, struct sim_node *n)
{
	sim_say(s, "node %u crashes", n->index);
	n->up = false;
	if (n->link)
		sim_link_break(s, n->link);
	drop_all(s, n, true);
}

/* It was told to: its last words arrive. */
static void halt(struct sim *s, struct sim_node *n)
{
	while (!weft__list_empty(&n->tasks))
		sim_node_task_exit(s, n, WEFT__CONTAINER(n->tasks.next, struct sim_task, all)->tid, 0, 9);
	n->up = false;
	drop_all(s, n, true);
	struct sim_link *l = n->link;
	if (!l)
		return;
	n->link = NULL;
	l->node_end = false;
	uint64_t at = l->last_to_coord > s->now_ms ? l->last_to_coord - s->now_ms : 0;
	sim_plan(s, at + 1, SIM_COORD_DOWN, l->id, 0, 0);
}

/* --- messages ------------------------------------------------------------------------------------------------ */

static void joined(struct sim *s, struct sim_node *n, const struct weft__msg_joined *m)
{
	bool first = n->epoch == 0;
	sim_check(s, m->epoch >= n->epoch, "epoch went back from %" PRIu64 " to %" PRIu64, n->epoch, m->epoch);
	sim_check(s, weft__session_confirm(&n->session, m->seen) == 0,
	          "the coordinator has seen %" PRIu64 " of %" PRIu64 " messages of node %u", m->seen, n->session.sent, n->index);
	sim_check(s, m->epoch > n->link->epoch_before, "epoch %" PRIu64 " was used by an earlier process", m->epoch);
	if (m->epoch > s->epoch_seen)
		s->epoch_seen = m->epoch;
	n->epoch = m->epoch;
	n->joined = true;
	for (struct weft__list *l = n->session.kept.next; l != &n->session.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		sim_link_send(s, n->link, k->body, k->nbytes);
	}
	if (!first)
		return;
	uint64_t count = 0;
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = l->next, count++) {
		const struct sim_task *t = WEFT__CONTAINER(l, struct sim_task, all);
		sim_node_send(s, n,
		              &(struct weft__msg){.code = WEFT__MSG_HOSTED,
		                                  .hosted = {.tid = t->tid, .job = t->job, .rank = t->rank, .pid = t->running ? 100 : 0}});
	}
	sim_node_send(s, n, &(struct weft__msg){.code = WEFT__MSG_INVENTORY_END, .inventory_end = {.count = count}});
}

static void start_node(struct sim *s, struct sim_node *home, const struct weft__msg_node_start *m)
{
	sim_check(s, home->index == COORD_HOME, "NODE_START at node %u", home->index);
	uint64_t luck = sim_below(s, 100);
	if (luck < 75)
		sim_plan(s, sim_below(s, 2000), SIM_APPEAR, m->node, m->incarnation, 0);
	else if (luck < 90)
		sim_node_send(s, home,
		              &(struct weft__msg){.code = WEFT__MSG_NODE_FAILED,
		                                  .node_failed = {.node = m->node,
		                                                  .incarnation = m->incarnation,
		                                                  .code = WEFT_ENONODE,
		                                                  .text = weft__str("ssh: no route to host")}});
	else if (luck < 95)
		sim_plan(s, 12000, SIM_APPEAR, m->node, m->incarnation, 0); /* too late */
}

static void enrolled(struct sim *s, struct sim_node *n, const struct weft__msg_client_enrolled *m)
{
	struct sim_client *c = sim_client_find(n, m->client);
	if (m->code == 0)
		sim_given(s, m->tid);
	if (!c)
		return;
	sim_check(s, c->waits_for_tid, "client %u is enrolled twice", c->number);
	c->waits_for_tid = false;
	c->tid = m->tid;
}

static void down(struct sim *s, struct sim_node *n, const struct weft__msg_down *m)
{
	struct weft__arena arena = {0};
	struct weft__msg inner;
	struct sim_client *c = sim_client_find(n, m->client);
	if (c) {
		enum weft__role role = c->vm_job ? WEFT__ROLE_TASKVM : c->tool ? WEFT__ROLE_TOOL : WEFT__ROLE_TASK;
		int rc = weft__msg_decode(m->frame.p, m->frame.n, WEFT__ROLE_COORD, role, &arena, &inner, NULL);
		sim_check(s, rc == 0, "DOWN does not decode: %s", weft__err_name(rc));
		sim_client_receive(s, c, &inner, m->frame.n);
	}
	weft__arena_fini(&arena);
}

static void receive_numbered(struct sim *s, struct sim_node *n, const struct weft__msg *m)
{
	switch (m->code) {
	case WEFT__MSG_LAUNCH:
		launch(s, n, &m->launch);
		break;
	case WEFT__MSG_TASK_SIGNAL:
		signal_tasks(s, n, &m->task_signal);
		break;
	case WEFT__MSG_NODE_START:
		start_node(s, n, &m->node_start);
		break;
	case WEFT__MSG_CLIENT_ENROLLED:
		enrolled(s, n, &m->client_enrolled);
		break;
	case WEFT__MSG_DOWN:
		down(s, n, &m->down);
		break;
	case WEFT__MSG_PEER:
		sim_check(s, m->peer.node != n->index, "node %u is its own peer", n->index);
		weft__map_put(&n->peers, m->peer.node, &alive);
		break;
	case WEFT__MSG_PEER_GONE:
		sim_check(s, weft__map_remove(&n->peers, m->peer_gone.node), "PEER_GONE of %" PRIu64 ", which was none", m->peer_gone.node);
		break;
	case WEFT__MSG_HALT:
		halt(s, n);
		break;
	case WEFT__MSG_TEAM:
	case WEFT__MSG_GROUP_PAGE:
		break;
	default:
		sim_check(s, false, "node %u got %s", n->index, weft__msg_name(m->code));
	}
}

void sim_node_receive(struct sim *s, struct sim_node *n, const void *body, size_t nbytes)
{
	struct weft__arena arena = {0};
	struct weft__msg m;
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE, &arena, &m, NULL);
	sim_check(s, rc == 0, "node %u can't read what came: %s", n->index, weft__err_name(rc));
	if (m.code == WEFT__MSG_JOINED) {
		joined(s, n, &m.joined);
	} else if (m.code == WEFT__MSG_REFUSED) {
		sim_check(s, m.refused.code == WEFT_EFENCED, "node %u is refused: %s", n->index, m.refused.text.p);
		sim_node_crash(s, n);
	} else if (m.code == WEFT__MSG_HEARTBEAT) {
		sim_check(s, weft__session_confirm(&n->session, m.heartbeat.seen) == 0, "HEARTBEAT says %" PRIu64, m.heartbeat.seen);
	} else if (m.code != WEFT__MSG_WELCOME) {
		sim_check(s, n->joined, "%s before JOINED", weft__msg_name(m.code));
		n->session.received++;
		receive_numbered(s, n, &m);
	}
	weft__arena_fini(&arena);
}
