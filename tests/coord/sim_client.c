/* Simulated tasks and tools: they ask at random, and know what the answers may be. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/heap.h"
#include "tests/coord/sim.h"

/* What maps hold: how far JOB_EVENTs have told of a task. */
static char seen_started, seen_ended, seen;

enum { NAMES = 4 };
static const char *const names[NAMES] = {"ada", "bell", "curie", "dijkstra"};

void sim_given(struct sim *s, uint64_t tid)
{
	sim_check(s, tid != 0 && !weft__map_get(&s->given, tid), "P1: tid %" PRIx64 " is given again", tid);
	weft__map_put(&s->given, tid, &seen);
	s->tids = weft__realloc(s->tids, (s->ntids + 1) * sizeof *s->tids);
	s->tids[s->ntids++] = tid;
}

struct sim_client *sim_client_find(struct sim_node *n, uint64_t number)
{
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = l->next)
		if (WEFT__CONTAINER(l, struct sim_client, all)->number == number)
			return WEFT__CONTAINER(l, struct sim_client, all);
	return NULL;
}

static enum weft__role role(const struct sim_client *c)
{
	return c->vm_job ? WEFT__ROLE_TASKVM : c->tool ? WEFT__ROLE_TOOL : WEFT__ROLE_TASK;
}

/* To the coordinator, by its node's daemon. */
static void announce(struct sim *s, const struct sim_client *c, bool resume)
{
	sim_node_send(s, c->node,
	              &(struct weft__msg){.code = WEFT__MSG_CLIENT_OPEN,
	                                  .client_open = {.client = c->number,
	                                                  .role = role(c),
	                                                  .tid = c->tid,
	                                                  .pid = 200,
	                                                  .name = weft__str("prog"),
	                                                  .job = c->vm_job,
	                                                  .pass = c->pass,
	                                                  .resume = resume,
	                                                  .seen = resume ? c->counts.received : 0}});
	if (!s->calm)
		sim_plan(s, sim_below(s, 300), SIM_ACT, c->node->index, c->number, c->node->life);
}

static struct sim_client *add(struct sim *s, struct sim_node *n)
{
	struct sim_client *c = weft__calloc(1, sizeof *c);
	c->node = n;
	c->number = ++n->next_client;
	c->pass = sim_below(s, UINT32_MAX);
	weft__session_init(&c->counts);
	weft__list_init(&c->questions);
	weft__list_init(&c->watches);
	weft__list_push(&n->clients, &c->all);
	return c;
}

struct sim_client *sim_client_open(struct sim *s, struct sim_node *n, bool tool, uint64_t tid)
{
	struct sim_client *c = add(s, n);
	c->tool = tool;
	c->tid = tid;
	c->waits_for_tid = !tool && tid == 0;
	announce(s, c, false);
	return c;
}

struct sim_client *sim_client_open_vm(struct sim *s, struct sim_node *n, uint32_t job)
{
	struct sim_client *c = add(s, n);
	c->tool = true; /* as far as it is no task */
	c->vm_job = job;
	announce(s, c, false);
	return c;
}

bool sim_client_is_outside(struct sim *s, const struct sim_client *c)
{
	return !c->tool && !weft__map_get(&s->launched, c->tid);
}

void sim_client_back(struct sim *s, struct sim_client *c)
{
	c->away = c->held = false;
	if (c->vm_job) /* it never learns its number */
		c->number = ++c->node->next_client;
	announce(s, c, true);
}

void sim_client_close(struct sim *s, struct sim_client *c, bool say)
{
	if (say && (!c->away || c->held))
		sim_node_send(s, c->node, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = c->number}});
	for (struct weft__list *l; (l = weft__list_pop(&c->questions));)
		weft__free(WEFT__CONTAINER(l, struct sim_question, all));
	for (struct weft__list *l; (l = weft__list_pop(&c->watches));)
		weft__free(WEFT__CONTAINER(l, struct sim_watch, all));
	weft__list_remove(&c->all);
	weft__map_fini(&c->seen);
	weft__map_fini(&c->jobs_done);
	weft__buf_fini(&c->all_gave);
	weft__session_fini(&c->counts);
	weft__free(c);
}

/* --- asking ------------------------------------------------------------------------------------------ */

static void up(struct sim *s, const struct sim_client *c, const void *body, size_t nbytes)
{
	sim_node_send(s, c->node, &(struct weft__msg){.code = WEFT__MSG_UP, .up = {.client = c->number, .frame = {body, nbytes}}});
}

/* While it is away that is kept. */
void sim_client_up(struct sim *s, struct sim_client *c, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	sim_check(s, weft__msg_encode_body(&b, m, NULL) == 0, "%s does not encode", weft__msg_name(m->code));
	if (weft__session_asks(m->code))
		weft__session_push(&c->counts, b.data, b.len);
	if (!c->resuming)
		up(s, c, b.data, b.len);
	weft__buf_fini(&b);
}

static void resumed(struct sim *s, struct sim_client *c, uint64_t seen_there)
{
	sim_check(s, c->resuming && !c->away, "client %u resumes what it has not begun", c->number);
	sim_check(s, weft__session_confirm(&c->counts, seen_there) == 0, "RESUMED says %" PRIu64 " of %" PRIu64, seen_there,
	          c->counts.sent);
	c->resuming = false;
	for (struct weft__list *l = c->counts.kept.next; l != &c->counts.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		up(s, c, k->body, k->nbytes);
	}
}

void sim_client_ask(struct sim *s, struct sim_client *c, const struct weft__msg *m, uint64_t req)
{
	struct sim_question *q = weft__calloc(1, sizeof *q);
	q->req = req;
	q->code = m->code;
	q->asked_at = s->now_ms;
	if (m->code == WEFT__MSG_GROUP)
		q->op = m->group.op;
	if (m->code == WEFT__MSG_NODE_ADD)
		q->left = m->node_add.count;
	if (m->code == WEFT__MSG_CONTEXT_NEW)
		q->left = m->context_new.count;
	weft__list_push(&c->questions, &q->all);
	s->nquestions++;
	sim_client_up(s, c, m);
}

static uint64_t some_tid(struct sim *s)
{
	if (s->ntids == 0 || sim_chance(s, 5))
		return sim_below(s, 1000);
	size_t recent = s->ntids > 20 && sim_chance(s, 80) ? s->ntids - 20 : 0;
	return s->tids[recent + sim_below(s, s->ntids - recent)];
}

static void ask_spawn(struct sim *s, struct sim_client *c, uint64_t req)
{
	static const struct weft__str argv[] = {{"prog", 4}, {"x", 1}}, env[] = {{"A=b", 3}};
	static const char *const hosts[] = {"", "", "", "home", "#2", "#3,home", "local2", "nowhere", "home,,", "#99"};
	uint64_t parts = 1 + sim_below(s, 10) / 8;
	for (uint64_t i = 0; i < parts; i++) {
		struct weft__msg m = {.code = WEFT__MSG_SPAWN,
		                      .spawn = {.req = req,
		                                .more = i + 1 < parts,
		                                .flags = c->tool && sim_chance(s, 50) ? WEFT__SPAWN_ATTACHED : 0,
		                                .count = sim_chance(s, 3) ? 0 : 1 + sim_below(s, 5),
		                                .host = weft__str(hosts[sim_below(s, 10)]),
		                                .argv = {argv, sim_chance(s, 3) ? 0 : 2},
		                                .env = {env, 1}}};
		if (m.spawn.more)
			sim_client_up(s, c, &m);
		else
			sim_client_ask(s, c, &m, req);
	}
}

static void ask_notify(struct sim *s, struct sim_client *c, uint64_t req)
{
	uint64_t ids[3], n = 1 + sim_below(s, 3), kind = 1 + sim_below(s, 3), context = ++c->next_tag;
	if (kind == WEFT__NOTIFY_ADDED)
		n = 1;
	for (uint64_t i = 0; i < n; i++)
		ids[i] = kind == WEFT__NOTIFY_EXIT ? some_tid(s) : kind == WEFT__NOTIFY_LOST ? 1 + sim_below(s, 6) : UINT64_MAX;
	struct sim_watch *w = weft__calloc(1, sizeof *w);
	w->context = context;
	w->kind = kind;
	w->left = kind == WEFT__NOTIFY_ADDED ? UINT64_MAX : n;
	weft__list_push(&c->watches, &w->all);
	sim_client_ask(s, c,
	               &(struct weft__msg){.code = WEFT__MSG_NOTIFY,
	                                   .notify = {.req = req, .kind = kind, .context = context, .tag = 5, .ids = {ids, n}}},
	               req);
}

static void ask_group(struct sim *s, struct sim_client *c, uint64_t req)
{
	uint64_t op = sim_below(s, 8); /* 0 does not exist */
	struct weft__msg m = {.code = WEFT__MSG_GROUP, .group = {.req = req, .op = op, .name = weft__str(names[sim_below(s, NAMES)])}};
	if (op == WEFT__GROUP_MEMBER || op == WEFT__GROUP_BARRIER)
		m.group.arg = sim_below(s, 4);
	else if (op == WEFT__GROUP_INSTANCE)
		m.group.arg = some_tid(s);
	sim_client_ask(s, c, &m, req);
}

static void ask_name(struct sim *s, struct sim_client *c, uint64_t req)
{
	struct weft__str name = weft__str(names[sim_below(s, NAMES)]);
	struct weft__msg m = {.code = WEFT__MSG_NAME_PUT, .name_put = {req, sim_below(s, 2), name, {"value", 5}}};
	if (sim_chance(s, 50))
		m = (struct weft__msg){.code = WEFT__MSG_NAME_GET, .name_get = {req, sim_below(s, 2), name}};
	else if (sim_chance(s, 50))
		m = (struct weft__msg){.code = WEFT__MSG_NAME_DEL, .name_del = {req, name}};
	sim_client_ask(s, c, &m, req);
}

static void ask_mbox(struct sim *s, struct sim_client *c, uint64_t req)
{
	struct weft__str name = weft__str(names[sim_below(s, NAMES)]);
	uint64_t dice = sim_below(s, 100), index = sim_below(s, 4);
	uint64_t flags = sim_below(s, 8) | (sim_chance(s, 30) ? index << WEFT__MBOX_INDEX_SHIFT : 0);
	struct weft__msg m = {.code = WEFT__MSG_MBOX_PUT, .mbox_put = {.req = req, .name = name, .flags = flags,
	                      .value = {"value", 5}, .alone = sim_chance(s, 10)}};
	if (dice < 35)
		m = (struct weft__msg){.code = WEFT__MSG_MBOX_GET, .mbox_get = {req, name, index, sim_below(s, 8) * WEFT__MBOX_FIRST}};
	else if (dice < 50)
		m = (struct weft__msg){.code = WEFT__MSG_MBOX_DEL, .mbox_del = {req, name, index}};
	else if (dice < 55)
		m = (struct weft__msg){.code = WEFT__MSG_MBOX_LIST, .mbox_list = {req}};
	else if (dice < 60)
		m = (struct weft__msg){.code = WEFT__MSG_MBOX_RESET,
		                       .mbox_reset = {req, sim_chance(s, 50) ? name : weft__str(""),
		                               sim_below(s, 2), index, sim_below(s, 2)}};
	sim_client_ask(s, c, &m, req);
}

static struct sim_question *find_question(struct sim_client *c, uint64_t req)
{
	for (struct weft__list *l = c->questions.next; l != &c->questions; l = l->next)
		if (WEFT__CONTAINER(l, struct sim_question, all)->req == req)
			return WEFT__CONTAINER(l, struct sim_question, all);
	return NULL;
}

/* The answer may cross this: then it comes for a question that is no longer there, which is told apart by `left`. */
static void forget(struct sim *s, struct sim_client *c, struct sim_question *q)
{
	sim_client_up(s, c, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {.req = q->req}});
	q->left = UINT64_MAX;
}

static bool can_forget(const struct sim_question *q)
{
	return q->code == WEFT__MSG_WAIT || q->code == WEFT__MSG_NAME_GET || q->code == WEFT__MSG_MBOX_GET ||
	       q->code == WEFT__MSG_NODE_SET ||
	       (q->code == WEFT__MSG_GROUP && q->op == WEFT__GROUP_BARRIER);
}

static void ask_member(struct sim *s, struct sim_client *c, uint64_t req)
{
	if (s->nnodes < 8 && sim_chance(s, 70))
		sim_client_ask(s, c,
		               &(struct weft__msg){.code = WEFT__MSG_NODE_ADD, .node_add = {.req = req,
		                       .kind = WEFT__ADD_LOCAL, .host = weft__str(""), .count = sim_below(s, 3)}},
		               req);
	else if (sim_chance(s, 50))
		sim_client_ask(s, c,
		               &(struct weft__msg){.code = WEFT__MSG_NODE_SET,
		                                   .node_set = {.req = req,
		                                                .node = 1 + sim_below(s, 6),
		                                                .drain = sim_below(s, 3),
		                                                .wait = sim_below(s, 2),
		                                                .slots = sim_below(s, 4)}},
		               req);
	else
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_NODE_DEL, .node_del = {req, 1 + sim_below(s, 8)}}, req);
}

static void ask_something(struct sim *s, struct sim_client *c)
{
	uint64_t req = ++c->next_req, dice = sim_below(s, 100);
	if (dice < 18)
		ask_spawn(s, c, req);
	else if (dice < 25)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_SIGNAL, .signal = {req, some_tid(s),
		        0, sim_chance(s, 30) ? 9 : 10}}, req);
	else if (dice < 28)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_SIGNAL, .signal = {req, 0, sim_below(s, 20), 9}}, req);
	else if (dice < 40)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_WAIT, .wait = {req, some_tid(s)}}, req);
	else if (dice < 46)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_LIST, .list = {req, sim_below(s, 4), 0, 0}}, req);
	else if (dice < 56)
		ask_notify(s, c, req);
	else if (dice < 60 && !c->tool)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_CONTEXT_NEW, .context_new = {req, sim_below(s, 4)}}, req);
	else if (dice < 63 && !c->tool)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_TASK_NAME, .task_name = {req, weft__str("worker")}}, req);
	else if (dice < 78)
		ask_group(s, c, req);
	else if (dice < 86)
		ask_name(s, c, req);
	else if (dice < 93)
		ask_mbox(s, c, req);
	else if (dice < 96)
		ask_member(s, c, req);
}

void sim_client_act(struct sim *s, struct sim_client *c)
{
	if (s->calm)
		return;
	if (c->vm_job) {
		sim_vm_act(s, c);
		return;
	}
	if (sim_chance(s, 4) && c->tid == 0) {
		sim_client_close(s, c, true);
		return;
	}
	struct sim_question *q = weft__list_empty(&c->questions) ? NULL : WEFT__CONTAINER(c->questions.next, struct sim_question, all);
	if (q && can_forget(q) && q->left == 0 && sim_chance(s, 20))
		forget(s, c, q);
	else if (!c->waits_for_tid)
		ask_something(s, c);
	sim_plan(s, 20 + sim_below(s, 500), SIM_ACT, c->node->index, c->number, c->node->life);
}

/* --- answers --------------------------------------------------------------------------------------------- */

static void answered(struct sim *s, struct sim_client *c, struct sim_question *q)
{
	s->nanswers++;
	weft__list_remove(&q->all);
	weft__free(q);
}

static struct sim_question *question(struct sim *s, struct sim_client *c, uint64_t req, enum weft__msg_code answer)
{
	struct sim_question *q = find_question(c, req);
	sim_check(s, q, "node %u client %u: %s to question %" PRIu64 ", which is not open", c->node->index, c->number,
	          weft__msg_name(answer), req);
	return q;
}

static void take_result(struct sim *s, struct sim_client *c, const struct weft__msg_result *m)
{
	struct sim_question *q = question(s, c, m->req, WEFT__MSG_RESULT);
	for (uint64_t i = 0; q->code == WEFT__MSG_CONTEXT_NEW && m->code == 0 && i < q->left; i++) {
		sim_check(s, !weft__map_get(&s->contexts, m->value + i), "context %" PRIu64 " is given again", m->value + i);
		weft__map_put(&s->contexts, m->value + i, &seen);
	}
	answered(s, c, q);
}

static void take_spawned(struct sim *s, struct sim_client *c, const struct weft__msg_spawned *m)
{
	struct sim_question *q = question(s, c, m->req, WEFT__MSG_SPAWNED);
	sim_check(s, q->code == WEFT__MSG_SPAWN, "SPAWNED to %s", weft__msg_name(q->code));
	if (m->first + m->tids.n >= m->size)
		answered(s, c, q);
}

static void take_notice(struct sim *s, struct sim_client *c, const struct weft__msg_notice *m)
{
	for (struct weft__list *l = c->watches.next; l != &c->watches; l = l->next) {
		struct sim_watch *w = WEFT__CONTAINER(l, struct sim_watch, all);
		if (w->context != m->context)
			continue;
		sim_check(s, w->kind == m->kind && m->tag == 5 && w->left > 0, "a NOTICE too many: kind %" PRIu64 " context %" PRIu64,
		          m->kind, m->context);
		if (w->left != UINT64_MAX)
			w->left--;
		return;
	}
	sim_check(s, false, "a NOTICE that nobody asked for: context %" PRIu64, m->context);
}

static void take_event(struct sim *s, struct sim_client *c, const struct weft__msg_job_event *m)
{
	c->nevents++;
	if (m->state == WEFT__JOB_EVENT_DONE) {
		sim_check(s, !weft__map_get(&c->jobs_done, m->job), "job %" PRIu64 " ended twice", m->job);
		weft__map_put(&c->jobs_done, m->job, &seen);
		return;
	}
	if (m->state == WEFT__JOB_EVENT_ABORTED)
		return;
	char *state = weft__map_get(&c->seen, m->tid);
	sim_check(s, !weft__map_get(&c->jobs_done, m->job), "task %" PRIx64 " after the end of its job", m->tid);
	sim_check(s, state == NULL || (state == &seen_started && m->state == WEFT__JOB_EVENT_EXITED),
	          "task %" PRIx64 " told twice (%" PRIu64 ")", m->tid, m->state);
	weft__map_put(&c->seen, m->tid, m->state == WEFT__JOB_EVENT_EXITED ? &seen_ended : &seen_started);
}

static void take_list(struct sim *s, struct sim_client *c, uint64_t req, const struct weft__msg_list_end *end)
{
	struct sim_question *q = question(s, c, req, WEFT__MSG_LIST_END);
	if (!end) {
		q->rows++;
		return;
	}
	sim_check(s, q->rows == end->count, "%" PRIu64 " rows, LIST_END says %" PRIu64, q->rows, end->count);
	answered(s, c, q);
}

void sim_client_receive(struct sim *s, struct sim_client *c, const struct weft__msg *m, size_t nbytes)
{
	struct sim_question *q;
	sim_check(s, !c->away, "%s for client %u, which is away", weft__msg_name(m->code), c->number);
	if (weft__session_answers(m->code) && weft__session_took(&c->counts, nbytes) && !c->resuming)
		sim_client_up(s, c, &(struct weft__msg){.code = WEFT__MSG_SEEN, .seen = {.seen = c->counts.received}});
	switch (m->code) {
	case WEFT__MSG_RESULT:
		take_result(s, c, &m->result);
		break;
	case WEFT__MSG_SPAWNED:
		take_spawned(s, c, &m->spawned);
		break;
	case WEFT__MSG_STATUS:
	case WEFT__MSG_NAME_VALUE:
	case WEFT__MSG_MBOX_VALUE:
		answered(s, c, question(s, c, m->result.req, m->code));
		break;
	case WEFT__MSG_EXCHANGED:
		q = question(s, c, m->exchanged.req, m->code);
		if (sim_vm_exchanged(s, c, &m->exchanged))
			answered(s, c, q);
		break;
	case WEFT__MSG_GROUP_TIDS:
		q = question(s, c, m->group_tids.req, m->code);
		if (!m->group_tids.more)
			answered(s, c, q);
		break;
	case WEFT__MSG_NODE_ADDED:
		q = question(s, c, m->node_added.req, m->code);
		if (m->node_added.left == 0)
			answered(s, c, q);
		break;
	case WEFT__MSG_NOTICE:
		take_notice(s, c, &m->notice);
		break;
	case WEFT__MSG_JOB_EVENT:
		take_event(s, c, &m->job_event);
		break;
	case WEFT__MSG_MBOX_ROW:
	case WEFT__MSG_NODE_ROW:
	case WEFT__MSG_TASK_ROW:
	case WEFT__MSG_JOB_ROW:
		take_list(s, c, m->result.req, NULL); /* the first field of every answer */
		break;
	case WEFT__MSG_LIST_END:
		take_list(s, c, m->list_end.req, &m->list_end);
		break;
	case WEFT__MSG_SEEN:
		sim_check(s, weft__session_confirm(&c->counts, m->seen.seen) == 0, "SEEN says %" PRIu64, m->seen.seen);
		break;
	case WEFT__MSG_RESUMED:
		resumed(s, c, m->resumed.seen);
		break;
	default:
		sim_check(s, false, "a client got %s", weft__msg_name(m->code));
	}
}

/* --- the end ------------------------------------------------------------------------------------------------ */

void sim_client_calm(struct sim *s, struct sim_client *c)
{
	struct weft__list *next;
	if (sim_client_is_outside(s, c)) {
		sim_client_close(s, c, true); /* an outsider: nothing else ends it */
		return;
	}
	for (struct weft__list *l = c->questions.next; l != &c->questions; l = next) {
		struct sim_question *q = WEFT__CONTAINER(l, struct sim_question, all);
		next = l->next;
		if (can_forget(q) && q->code != WEFT__MSG_WAIT && q->left == 0)
			forget(s, c, q);
	}
}

void sim_client_check_end(struct sim *s, struct sim_client *c)
{
	size_t cursor = 0;
	uint64_t tid;
	void *state;
	for (struct weft__list *l = c->questions.next; l != &c->questions; l = l->next) {
		const struct sim_question *q = WEFT__CONTAINER(l, struct sim_question, all);
		sim_check(s, q->left == UINT64_MAX && can_forget(q), "node %u client %u has no answer to %s %" PRIu64 " of %" PRIu64 " ms",
		          c->node->index, c->number, weft__msg_name(q->code), q->req, q->asked_at);
	}
	for (struct weft__list *l = c->watches.next; l != &c->watches; l = l->next) {
		const struct sim_watch *w = WEFT__CONTAINER(l, struct sim_watch, all);
		sim_check(s, w->kind != WEFT__NOTIFY_EXIT || w->left == 0,
		        "node %u client %u misses %" PRIu64 " NOTICEs of context %" PRIu64,
		          c->node->index, c->number, w->left, w->context);
	}
	while (weft__map_next(&c->seen, &cursor, &tid, &state))
		sim_check(s, state == &seen_ended, "task %" PRIx64 " started and was never told to have ended", tid);
}
