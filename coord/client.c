/* Clients: the tasks and tools attached to the nodes, the task VMs that host an MPI, and their questions.
 *
 * A node opens a client, passes its messages on in UP, and closes it; the answers go back in DOWN. With a
 * client go its open questions, notifications, memberships, and the jobs that it shows the output of. */
#include "config.h"

#include <inttypes.h>

#include "base/heap.h"
#include "coord/state.h"

/* --- coming -------------------------------------------------------------------------------------- */

struct client *client_add(struct coord *c, struct node *n, uint32_t number)
{
	struct client *client = coord_alloc(c, sizeof *client);
	if (!client)
		return NULL;
	struct weft__list *lists[] = {&client->asks,   &client->watches, &client->takers, &client->jobs,
	                              &client->drafts, &client->gifts,   &client->names,
	                              &client->letters};
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		weft__list_init(lists[i]);
	weft__session_init(&client->session);
	client->node = n;
	client->number = number;
	weft__list_push(&n->clients, &client->at_node);
	coord_put(c, &n->numbers, number, client);
	c->nclients++;
	return client;
}

struct client *client_find(const struct coord *c, uint64_t node, uint64_t number)
{
	const struct node *n = node_find(c, node);
	return n ? weft__map_get(&n->numbers, number) : NULL;
}

void client_refuse(struct coord *c, struct node *n, uint64_t number, int code, const char *text)
{
	struct weft__msg m = {.code = WEFT__MSG_REFUSED, .refused = {.code = code, .text = weft__str(text)}};
	struct client stranger = {.node = n, .number = (uint32_t)number};
	send_client(c, &stranger, &m);
}

/* A task that was started outside gets a tid, and a job of its own. */
static int enroll(struct coord *c, struct client *client)
{
	struct node *n = client->node;
	uint64_t tid;
	if (c->halting)
		return WEFT_ENOVM;
	if (c->nlive_tasks >= COORD_TASKS_MAX || c->next_job > UINT32_MAX || n->state == WEFT__NODE_LEAVING)
		return WEFT_ENOSPC;
	int rc = tid_next(c, n->index, &tid);
	if (rc)
		return rc;
	struct job *j = job_create(c, 1, weft__str(client->name));
	if (!j || !job_put_task(c, j, 0, tid, n))
		return WEFT_ENOMEM;
	struct task *t = &j->tasks[0];
	t->enrolled = t->spoke = 1;
	t->state = WEFT__TASK_RUNNING;
	t->pid = client->pid;
	t->client = client;
	client->task = t;
	j->undecided = 0;
	return 0;
}

void client_open(struct coord *c, struct node *n, const struct weft__msg *msg)
{
	const struct weft__msg_client_open *m = &msg->client_open;
	if (m->resume && again_open(c, n, m))
		return;
	bool known = m->role == WEFT__ROLE_TASK || m->role == WEFT__ROLE_TOOL || m->role == WEFT__ROLE_TASKVM;
	if (!known || weft__map_get(&n->numbers, m->client)) {
		send_log(c, WEFT__LOG_WARN, "WEFT-COORD-ODD",
		         "node=%u opened client %" PRIu64 " with role %" PRIu64 ", or a second time", n->index, m->client,
		         m->role);
		return;
	}
	bool outsider = m->role == WEFT__ROLE_TASK && m->tid == 0;
	struct task *spawned = m->role == WEFT__ROLE_TASK && m->tid ? task_find(c, m->tid) : NULL;
	if (spawned)
		spawned->spoke = 1;
	if (c->nclients >= COORD_CLIENTS_MAX && !outsider) {
		client_refuse(c, n, m->client, WEFT_ENOSPC, "the virtual machine has too many tasks and tools attached");
		return;
	}
	int rc = c->nclients >= COORD_CLIENTS_MAX ? WEFT_ENOSPC : 0;
	struct client *client = rc ? NULL : client_add(c, n, (uint32_t)m->client);
	if (client) {
		client->role = m->role;
		client->owner = m->owner;
		client->pid = m->pid;
		client->job = (uint32_t)m->job;
		client->pass = m->pass;
		coord_replace(c, &client->name, m->name);
		if (spawned && spawned->client && spawned->client->away)
			client_end(c, spawned->client, CLIENT_FORGOTTEN); /* it had not been told its number */
		if (spawned && spawned->node == n && !spawned->client) {
			spawned->client = client;
			client->task = spawned;
		}
		rc = outsider && client->name ? enroll(c, client) : 0;
		if (m->resume)
			again_resumed(c, client);
	}
	if (!outsider)
		return;
	struct task *t = client ? client->task : NULL;
	send_node(c, n,
	          &(struct weft__msg){.code = WEFT__MSG_CLIENT_ENROLLED,
	                              .client_enrolled = {.client = m->client,
	                                                  .code = rc,
	                                                  .tid = t ? t->tid : 0,
	                                                  .job = t ? t->job->id : 0}});
}

struct task *client_live_task(const struct client *client)
{
	return client->task && client->task->node ? client->task : NULL;
}

/* --- going ---------------------------------------------------------------------------------------- */

void client_destroy(struct coord *c, struct client *client)
{
	weft__list_remove(&client->at_node);
	weft__map_remove(&client->node->numbers, client->number);
	weft__session_fini(&client->session);
	c->nclients--;
	parcel_drop(c, client);
	weft__free(client->name);
	weft__free(client);
}

void client_end(struct coord *c, struct client *client, enum client_end how)
{
	struct task *t = client->task;
	while (!weft__list_empty(&client->asks))
		ask_destroy(c, WEFT__CONTAINER(client->asks.next, struct ask, at_client));
	while (!weft__list_empty(&client->drafts))
		job_draft_destroy(c, WEFT__CONTAINER(client->drafts.next, struct draft, at_client));
	while (!weft__list_empty(&client->watches))
		notify_cancel(c, WEFT__CONTAINER(client->watches.next, struct watch, at_client));
	while (!weft__list_empty(&client->takers))
		taker_destroy(c, WEFT__CONTAINER(client->takers.next, struct taker, at_client));
	exchange_client_gone(c, client);
	name_disown(c, client);
	if (t) {
		t->client = NULL;
		while (how == CLIENT_GONE && !weft__list_empty(&t->members))
			group_leave(c, WEFT__CONTAINER(t->members.next, struct member, at_task));
		if (how == CLIENT_GONE)
			mbox_owner_gone(c, &t->letters);
		if (t->enrolled && t->node)
			task_lose(c, t, WEFT__EXIT_LEFT);
	}
	mbox_owner_gone(c, &client->letters);
	job_orphaned(c, client);
	bool owner = client->owner;
	client_destroy(c, client);
	if (owner)
		halt_begin(c, "the tool that the virtual machine was started for is gone");
}

void client_close_msg(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct client *client = weft__map_get(&n->numbers, m->client_close.client);
	if (client)
		client_end(c, client, CLIENT_GONE);
}

/* --- questions ------------------------------------------------------------------------------------ */

struct ask *ask_new(struct coord *c, struct client *client, uint64_t req, enum ask_kind kind)
{
	struct ask *a = coord_alloc(c, sizeof *a);
	if (!a)
		return NULL;
	a->id = c->next_ask++;
	a->client = client;
	a->req = req;
	a->kind = kind;
	weft__list_push(&c->asks, &a->all);
	weft__list_push(&client->asks, &a->at_client);
	weft__list_init(&a->at_target);
	client->nasks++;
	c->nasks++;
	return a;
}

struct ask *ask_find(const struct coord *c, uint64_t id)
{
	for (struct weft__list *l = c->asks.next; l != &c->asks; l = l->next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, all);
		if (a->id == id)
			return a;
	}
	return NULL;
}

void ask_destroy(struct coord *c, struct ask *a)
{
	struct name *name = a->name;
	struct mbox *mbox = a->mbox;
	weft__list_remove(&a->all);
	weft__list_remove(&a->at_client);
	weft__list_remove(&a->at_target);
	a->client->nasks--;
	c->nasks--;
	if (a->member)
		group_retreat(c, a);
	if (a->job)
		a->job->ask = NULL;
	weft__free(a);
	if (name)
		name_release(c, name);
	if (mbox)
		mbox_release(c, mbox);
}

void ask_forget(struct coord *c, struct client *from, const struct weft__msg *m)
{
	struct weft__list *l;
	for (l = from->asks.next; l != &from->asks; l = l->next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, at_client);
		if (a->req == m->forget.req &&
		    (a->kind == ASK_WAIT || a->kind == ASK_NAME || a->kind == ASK_BARRIER || a->kind == ASK_DRAIN ||
		     a->kind == ASK_MBOX)) {
			ask_destroy(c, a);
			return;
		}
	}
	/* A status that crossed the FORGET was not taken: it is there for the next WAIT. */
	for (l = from->takers.next; l != &from->takers; l = l->next) {
		struct taker *t = WEFT__CONTAINER(l, struct taker, at_client);
		if (t->req == m->forget.req) {
			taker_destroy(c, t);
			return;
		}
	}
}

static void context_new(struct coord *c, struct client *from, const struct weft__msg *m)
{
	uint64_t req = m->context_new.req, count = m->context_new.count;
	if (count == 0) {
		send_result(c, from, req, WEFT_EINVAL, 0, "0 contexts were asked for");
	} else if (c->next_context + count > UINT64_C(1) << 31) {
		send_result(c, from, req, WEFT_ENOSPC, 0, "all context numbers of this virtual machine are taken");
	} else {
		send_result(c, from, req, 0, c->next_context, "%s", "");
		c->next_context += count;
	}
}

/* The node answers, and clock_answer passes that on; a node that is lost before answers no more. */
static void clock_ask(struct coord *c, struct client *from, const struct weft__msg *m)
{
	struct node *n = node_find(c, m->clock.node);
	if (!n || n->state == WEFT__NODE_STARTING) {
		send_result(c, from, m->clock.req, WEFT_ENONODE, 0, "there is no node #%" PRIu64, m->clock.node);
		return;
	}
	struct weft__msg question = *m;
	question.clock.asker_node = from->node->index;
	question.clock.asker = from->number;
	send_node(c, n, &question);
}

void clock_answer(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct client *asker = client_find(c, m->clock.asker_node, m->clock.asker);
	if (asker && m->clock.node == n->index)
		send_result(c, asker, m->clock.req, 0, m->clock.time_us, "%s", "");
}

/* Its node's task VM answers. */
static void output_want(struct coord *c, struct client *from, const struct weft__msg *m)
{
	const struct task *asker = client_live_task(from), *sink = m->output_want.tid ? task_find(c, m->output_want.tid) : NULL;
	const struct client *to = sink && sink->client && client_live_task(sink->client) ? sink->client : NULL;
	if (!asker || asker->enrolled) {
		send_result(c, from, m->output_want.req, WEFT_EUNSUP, 0, "the virtual machine has not started this task");
		return;
	}
	struct weft__msg move = {.code = WEFT__MSG_OUTPUT_MOVE,
	                         .output_move = {.req = m->output_want.req,
	                                         .asker = from->number,
	                                         .job = asker->job->id,
	                                         .tid = asker->tid,
	                                         .sink_node = to ? to->node->index : 0,
	                                         .sink_client = to ? to->number : 0,
	                                         .context = m->output_want.context,
	                                         .tag = m->output_want.tag}};
	send_node(c, from->node, &move);
}

static const struct {
	enum weft__msg_code code;
	void (*act)(struct coord *c, struct client *from, const struct weft__msg *m);
} from_client[] = {
        {WEFT__MSG_SPAWN, job_spawn},        {WEFT__MSG_SIGNAL, job_signal},
        {WEFT__MSG_WAIT, task_wait},         {WEFT__MSG_LIST, list_rows},
        {WEFT__MSG_NODE_ADD, member_add},    {WEFT__MSG_NODE_DEL, member_del},
        {WEFT__MSG_NODE_SET, member_set},
        {WEFT__MSG_HALT, halt_ask},          {WEFT__MSG_NOTIFY, notify_ask},
        {WEFT__MSG_CONTEXT_NEW, context_new}, {WEFT__MSG_TASK_NAME, task_set_name},
        {WEFT__MSG_GROUP_LIST, group_list},
        {WEFT__MSG_GROUP, group_op},         {WEFT__MSG_NAME_PUT, name_put},
        {WEFT__MSG_NAME_GET, name_get},      {WEFT__MSG_NAME_DEL, name_del},
        {WEFT__MSG_FORGET, ask_forget},      {WEFT__MSG_EXCHANGE, exchange_give},
        {WEFT__MSG_EXCHANGE_READ, exchange_read}, {WEFT__MSG_JOB_ABORT, job_abort},
        {WEFT__MSG_MBOX_PUT, mbox_put},
        {WEFT__MSG_MBOX_GET, mbox_get},      {WEFT__MSG_MBOX_DEL, mbox_del},
        {WEFT__MSG_MBOX_LIST, mbox_list},    {WEFT__MSG_MBOX_RESET, mbox_reset},
        {WEFT__MSG_CLOCK, clock_ask},        {WEFT__MSG_OUTPUT_WANT, output_want},
        {WEFT__MSG_SEEN, again_confirm},
        {WEFT__MSG_TEAM_ASK, job_team_ask}, {WEFT__MSG_GROUP_MEET, group_meet},
};

void client_up(struct coord *c, struct node *n, const struct weft__msg *outer)
{
	struct client *client = weft__map_get(&n->numbers, outer->up.client);
	struct weft_error e = {0};
	struct weft__msg m;
	if (!client)
		return; /* refused, or forgotten when its node was lost for a while */
	c->frame = outer->up.frame;
	if (weft__msg_peek(c->frame.p, c->frame.n) != WEFT__MSG_SEEN)
		again_count(c, client, c->frame.n);
	int rc = weft__msg_decode(c->frame.p, c->frame.n, (enum weft__role)client->role, WEFT__ROLE_COORD, &c->inner, &m, &e);
	if (rc == WEFT_ENOMEM) {
		c->failed = rc;
		return;
	}
	for (size_t i = 0; !rc && i < sizeof from_client / sizeof *from_client; i++)
		if (from_client[i].code == m.code) {
			from_client[i].act(c, client, &m);
			return;
		}
	send_log(c, WEFT__LOG_WARN, "WEFT-COORD-ODD", "node=%u client=%u pid=%" PRIu64 " sent what it may not: %s", n->index,
	         client->number, client->pid, rc ? e.text : weft__msg_name(m.code));
}
