/* Named groups of tasks. A member has an instance number, the lowest that was free when it joined; the group
 * is there as long as it has members.
 *
 * A barrier waits for a number of members; the first one to call says how many, 0 meaning as many as there
 * are. When members die or leave and fewer are left than it waits for, it can't be completed any more, and
 * those that wait get WEFT_ENOTASK.
 *
 * A group all of whose members meet again and again on one node gets a page there (GROUP_PAGE), by which they do so
 * without us (task/meeting.c). Nothing needs to be taken back: a meeting there takes all whom the page was made for, and
 * whoever waits in vain breaks it off and comes here. What the page is worth is told with the answer: it stays good when
 * the barrier was of all members and each of them had broken off the same meeting. After any change it is not. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/heap.h"
#include "coord/state.h"

enum {
	MEMBERS_PART = 8192,
	WAITING_MAX = 8192, /* of a barrier that a list shows */
	CALM_MIN = 4,    /* barriers of all members before they get a page; twice as many for each further one, ... */
	GRANTS_MAX = 16, /* ... of which there are so many */
};

static void changed(struct group *g)
{
	g->grant = 0;
	g->calm = 0;
	g->pure = 0;
}

struct group *group_create(struct coord *c, struct weft__str name)
{
	struct group *g = coord_alloc(c, sizeof *g);
	char *copy = g ? coord_strndup(c, name.p, name.n) : NULL;
	if (!copy) {
		weft__free(g);
		return NULL;
	}
	g->entry.name = copy;
	weft__list_init(&g->arrived);
	weft__list_push(&c->groups, &g->all);
	entry_put(c, &c->group_map, &g->entry);
	c->ngroups++;
	return g;
}

void group_destroy(struct coord *c, struct group *g)
{
	entry_remove(c, &c->group_map, &g->entry);
	weft__list_remove(&g->all);
	c->ngroups--;
	weft__free(g->by_instance);
	weft__free(g);
}

struct member *group_member(const struct group *g, const struct task *t)
{
	for (struct weft__list *l = t->members.next; l != &t->members; l = l->next) {
		struct member *m = WEFT__CONTAINER(l, struct member, at_task);
		if (m->group == g)
			return m;
	}
	return NULL;
}

static bool make_room(struct coord *c, struct group *g, uint32_t instance)
{
	size_t max = g->ninstances_max ? g->ninstances_max : 8;
	while (instance >= max)
		max *= 2;
	if (max == g->ninstances_max)
		return true;
	struct member **by_instance = weft__realloc(g->by_instance, max * sizeof *by_instance);
	if (!by_instance) {
		c->failed = WEFT_ENOMEM;
		return false;
	}
	memset(by_instance + g->ninstances_max, 0, (max - g->ninstances_max) * sizeof *by_instance);
	g->by_instance = by_instance;
	g->ninstances_max = max;
	return true;
}

struct member *group_add(struct coord *c, struct group *g, struct task *t, uint32_t instance)
{
	if (!make_room(c, g, instance))
		return NULL;
	struct member *m = coord_alloc(c, sizeof *m);
	if (!m)
		return NULL;
	m->group = g;
	m->task = t;
	m->instance = instance;
	weft__list_push(&c->members, &m->all);
	weft__list_push(&t->members, &m->at_task);
	t->nmembers++;
	c->nmembers++;
	g->nmembers++;
	changed(g);
	g->by_instance[instance] = m;
	while (g->lowest_free < g->ninstances_max && g->by_instance[g->lowest_free])
		g->lowest_free++;
	return m;
}

void group_retreat(struct coord *c, struct ask *a)
{
	struct group *g = a->member->group;
	a->member->arrived = NULL;
	g->pure = 0;
	if (--g->narrived == 0)
		g->barrier = 0;
}

/* Answers all that wait. */
static void open_barrier(struct coord *c, struct group *g, int code, uint64_t value, const char *why)
{
	while (!weft__list_empty(&g->arrived)) {
		struct ask *a = WEFT__CONTAINER(g->arrived.next, struct ask, at_target);
		send_result(c, a->client, a->req, code, code ? 0 : value, "%s", why);
		ask_destroy(c, a);
	}
}

void group_leave(struct coord *c, struct member *m)
{
	struct group *g = m->group;
	if (m->arrived) {
		send_result(c, m->arrived->client, m->arrived->req, WEFT_ENOTMEMBER, 0, "the task has left group \"%s\"",
		            g->entry.name);
		ask_destroy(c, m->arrived);
	}
	weft__list_remove(&m->all);
	weft__list_remove(&m->at_task);
	m->task->nmembers--;
	c->nmembers--;
	g->nmembers--;
	changed(g);
	g->by_instance[m->instance] = NULL;
	if (m->instance < g->lowest_free)
		g->lowest_free = m->instance;
	weft__free(m);
	if (g->nmembers < g->barrier)
		open_barrier(c, g, WEFT_ENOTASK, 0, "a member that the barrier waited for has ended or left the group");
	if (g->nmembers == 0)
		group_destroy(c, g);
}

/* --- operations ---------------------------------------------------------------------------------- */

struct op {
	const struct weft__msg_group *m;
	struct client *from;
	struct task *task; /* who asks; NULL: a tool */
	struct group *group;
	struct member *self;
	const struct weft__msg_group_meet *meet; /* by which it arrives at a barrier; NULL: by GROUP */
};

static void answer(struct coord *c, const struct op *op, int code, uint64_t value)
{
	send_result(c, op->from, op->m->req, code, value, "%s", "");
}

static void join(struct coord *c, const struct op *op)
{
	struct group *g = op->group;
	if (op->self)
		send_result(c, op->from, op->m->req, WEFT_EALREADY, op->self->instance, "the task is a member of \"%s\" already",
		            op->m->name.p);
	else if (op->task->nmembers >= COORD_MEMBERSHIPS_MAX)
		send_result(c, op->from, op->m->req, WEFT_ETOOBIG, 0, "a task can be in %d groups at most",
		            COORD_MEMBERSHIPS_MAX);
	else if (g ? g->nmembers >= COORD_MEMBERS_MAX : c->ngroups >= COORD_GROUPS_MAX)
		send_result(c, op->from, op->m->req, WEFT_ETOOBIG, 0, g ? "group \"%s\" is full" : "too many groups for \"%s\"",
		            op->m->name.p);
	else if (g || (g = group_create(c, op->m->name))) {
		struct member *m = group_add(c, g, op->task, (uint32_t)g->lowest_free);
		if (m)
			answer(c, op, 0, m->instance);
	}
}

static void leave(struct coord *c, const struct op *op)
{
	group_leave(c, op->self);
	answer(c, op, 0, 0);
}

static void size(struct coord *c, const struct op *op)
{
	answer(c, op, 0, op->group->nmembers);
}

static void member(struct coord *c, const struct op *op)
{
	const struct group *g = op->group;
	struct member *m = op->m->arg < g->ninstances_max ? g->by_instance[op->m->arg] : NULL;
	answer(c, op, m ? 0 : WEFT_ENOTMEMBER, m ? m->task->tid : 0);
}

static void instance(struct coord *c, const struct op *op)
{
	struct task *t = task_find(c, op->m->arg);
	struct member *m = t && t->node ? group_member(op->group, t) : NULL;
	answer(c, op, m ? 0 : WEFT_ENOTMEMBER, m ? m->instance : 0);
}

static void members(struct coord *c, const struct op *op)
{
	const struct group *g = op->group;
	uint64_t tids[MEMBERS_PART];
	size_t n = g->ninstances_max, first = 0;
	while (n > 0 && !g->by_instance[n - 1])
		n--;
	do {
		size_t count = n - first < MEMBERS_PART ? n - first : MEMBERS_PART;
		for (size_t i = 0; i < count; i++) {
			const struct member *m = g->by_instance[first + i];
			tids[i] = m ? m->task->tid : 0;
		}
		send_client(c, op->from,
		            &(struct weft__msg){.code = WEFT__MSG_GROUP_TIDS,
		                                .group_tids = {.req = op->m->req,
		                                               .first = first,
		                                               .tids = {tids, count},
		                                               .more = first + count < n}});
		first += count;
	} while (first < n);
}

/* The node that all members are on, of whom a page can have so many; NULL: there is none. */
static struct node *node_of_all(const struct group *g)
{
	struct node *node = NULL;
	if (g->nmembers < 2 || g->nmembers > WEFT__GROUP_PAGE_MAX)
		return NULL;
	for (size_t i = 0; i < g->ninstances_max; i++) {
		struct member *m = g->by_instance[i];
		if (m && ((node && m->task->node != node) || !m->task->node))
			return NULL;
		if (m)
			node = m->task->node;
	}
	return node;
}

static void grant_page(struct coord *c, struct group *g)
{
	uint64_t tids[WEFT__GROUP_PAGE_MAX];
	size_t n = 0;
	struct node *node = node_of_all(g);
	g->calm = 0;
	if (!node || g->ngrants == GRANTS_MAX)
		return;
	for (size_t i = 0; i < g->ninstances_max; i++)
		if (g->by_instance[i])
			tids[n++] = g->by_instance[i]->task->tid;
	g->grant = ++g->ngrants;
	send_node(c, node,
	          &(struct weft__msg){.code = WEFT__MSG_GROUP_PAGE,
	                              .group_page = {weft__str(g->entry.name), g->grant, {tids, n}}});
}

/* All that a barrier of that count waits for are there. Is the page still good? If there is none, is it time for one? It
 * is on its way before the answers are. */
static bool settle(struct coord *c, struct group *g, uint64_t count)
{
	bool all = count == g->nmembers;
	if (!all || !g->pure)
		g->grant = 0;
	bool kept = g->grant != 0;
	if (all && !kept && ++g->calm >= (uint64_t)CALM_MIN << g->ngrants)
		grant_page(c, g);
	return kept;
}

/* Somebody arrives, as the first one or not. */
static void note_meeting(struct group *g, const struct weft__msg_group_meet *meet)
{
	bool held = meet && g->grant && meet->grant == g->grant;
	if (g->narrived == 0) {
		g->meeting = held ? meet->meeting : 0;
		g->pure = held;
	} else if (!held || meet->meeting != g->meeting) {
		g->pure = 0;
	}
}

static void barrier(struct coord *c, const struct op *op)
{
	struct group *g = op->group;
	uint64_t req = op->m->req, count = op->m->arg;
	if (op->self->arrived) {
		send_result(c, op->from, req, WEFT_EALREADY, 0, "the task waits in this barrier already");
		return;
	}
	if (count > COORD_MEMBERS_MAX || (g->barrier && count && count != g->barrier)) {
		send_result(c, op->from, req, WEFT_EINVAL, 0,
		            g->barrier ? "count %" PRIu64 ", but others wait in this barrier with count %" PRIu64
		                       : "count %" PRIu64 " is more than a group can have, %" PRIu64,
		            count, g->barrier ? g->barrier : (uint64_t)COORD_MEMBERS_MAX);
		return;
	}
	uint64_t target = g->barrier ? g->barrier : count ? count : g->nmembers;
	if (g->narrived + 1 == target) {
		note_meeting(g, op->meet);
		uint64_t value = target | (settle(c, g, target) ? WEFT__GROUP_KEPT : 0);
		answer(c, op, 0, value);
		open_barrier(c, g, 0, value, "");
		return;
	}
	if (op->from->nasks >= COORD_ASKS_MAX) {
		send_result(c, op->from, req, WEFT_EAGAIN, 0, "too many questions are open");
		return;
	}
	struct ask *a = ask_new(c, op->from, req, ASK_BARRIER);
	if (!a)
		return;
	note_meeting(g, op->meet);
	a->member = op->self;
	op->self->arrived = a;
	g->barrier = target;
	g->narrived++;
	weft__list_push(&g->arrived, &a->at_target);
}

/* What an operation needs before it is done, in the order in which it is checked. */
static const struct {
	uint64_t op;
	void (*act)(struct coord *c, const struct op *op);
	bool by_task, in_group, by_member;
} ops[] = {
        {WEFT__GROUP_JOIN, join, true, false, false},    {WEFT__GROUP_LEAVE, leave, true, true, true},
        {WEFT__GROUP_SIZE, size, false, true, false},    {WEFT__GROUP_MEMBER, member, false, true, false},
        {WEFT__GROUP_INSTANCE, instance, false, true, false}, {WEFT__GROUP_BARRIER, barrier, true, true, true},
        {WEFT__GROUP_MEMBERS, members, false, true, false},
};

static void operate(struct coord *c, struct client *from, const struct weft__msg_group *m,
                    const struct weft__msg_group_meet *meet)
{
	struct entry *e = entry_find(&c->group_map, m->name);
	struct op op = {.m = m, .from = from, .task = client_live_task(from), .meet = meet};
	op.group = e ? WEFT__CONTAINER(e, struct group, entry) : NULL;
	op.self = op.group && op.task ? group_member(op.group, op.task) : NULL;
	size_t i = 0, n = sizeof ops / sizeof *ops;
	while (i < n && ops[i].op != m->op)
		i++;
	if (i == n)
		send_result(c, from, m->req, WEFT_EINVAL, 0, "there is no group operation %" PRIu64, m->op);
	else if (m->name.n == 0)
		send_result(c, from, m->req, WEFT_EINVAL, 0, "a group needs a name");
	else if (ops[i].by_task && !op.task)
		send_result(c, from, m->req, from->role == WEFT__ROLE_TASK ? WEFT_ENOTASK : WEFT_EDENIED, 0,
		            "only tasks can be in groups");
	else if (ops[i].in_group && !op.group)
		send_result(c, from, m->req, WEFT_ENOGROUP, 0, "there is no group \"%s\"", m->name.p);
	else if (ops[i].by_member && !op.self)
		send_result(c, from, m->req, WEFT_ENOTMEMBER, 0, "the task is not in group \"%s\"", m->name.p);
	else
		ops[i].act(c, &op);
}

void group_op(struct coord *c, struct client *from, const struct weft__msg *m)
{
	operate(c, from, &m->group, NULL);
}

void group_meet(struct coord *c, struct client *from, const struct weft__msg *m)
{
	const struct weft__msg_group_meet *meet = &m->group_meet;
	operate(c, from, &(struct weft__msg_group){meet->req, WEFT__GROUP_BARRIER, meet->name, meet->count}, meet);
}

static void send_row(struct coord *c, struct client *to, uint64_t req, const struct group *g)
{
	uint64_t waiting[WAITING_MAX];
	size_t n = 0;
	for (const struct weft__list *l = g->arrived.next; l != &g->arrived && n < WAITING_MAX; l = l->next)
		waiting[n++] = WEFT__CONTAINER(l, const struct ask, at_target)->member->task->tid;
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_GROUP_ROW,
	                                .group_row = {.req = req,
	                                              .name = weft__str(g->entry.name),
	                                              .size = g->nmembers,
	                                              .barrier = g->barrier,
	                                              .waiting = {waiting, n}}});
}

void group_list(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	uint64_t req = msg->group_list.req, count = 0;
	int code = 0;
	for (const struct weft__list *l = c->groups.next; l != &c->groups && !code; l = l->next, count++) {
		if (from->node->session.nbytes > COORD_OUTBOX_BUSY)
			code = WEFT_EAGAIN;
		else
			send_row(c, from, req, WEFT__CONTAINER(l, const struct group, all));
	}
	send_client(c, from,
	            &(struct weft__msg){.code = WEFT__MSG_LIST_END,
	                                .list_end = {.req = req, .code = code, .count = count}});
}
