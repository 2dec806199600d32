/* Tasks: started, ended, and how they ended.
 *
 * A task is STARTING from its spawn on, RUNNING when its node says so, and ENDED once: by its node's word,
 * or because the node is lost. All that follows from an end is in task_end. */
#include "config.h"

#include <assert.h>
#include <inttypes.h>

#include "base/heap.h"
#include "coord/state.h"

struct task *task_find(const struct coord *c, uint64_t tid)
{
	return weft__map_get(&c->tasks, tid);
}

void task_link(struct coord *c, struct task *t, struct node *n)
{
	t->node = n;
	n->ntasks++;
	weft__list_push(&n->tasks, &t->at_node);
	coord_put(c, &c->slots, weft__tid_slot((weft_tid_t){t->tid}), t);
	c->nlive_tasks++;
}

void task_kill(struct coord *c, struct node *n, uint64_t tid)
{
	send_node(c, n,
	          &(struct weft__msg){.code = WEFT__MSG_TASK_SIGNAL, .task_signal = {.tid = tid, .signo = 9}});
}

/* --- events for the tool ------------------------------------------------------------------------- */

static void send_event(struct coord *c, const struct task *t, uint64_t state, struct weft__str cpus)
{
	struct job *j = t->job;
	if (!j->tool)
		return;
	const struct node *n = t->node;
	send_client(c, j->tool,
	            &(struct weft__msg){.code = WEFT__MSG_JOB_EVENT,
	                                .job_event = {.job = j->id,
	                                              .root = j->root,
	                                              .tid = t->tid,
	                                              .rank = t->rank,
	                                              .state = state,
	                                              .node = t->node_index,
	                                              .host = weft__str(n ? n->host : ""),
	                                              .pid = t->pid,
	                                              .exit_code = t->exit_code,
	                                              .signo = t->signo,
	                                              .flags = t->flags | (j->sink_task ? WEFT__EXIT_ELSEWHERE : 0),
	                                              .code = t->error,
	                                              .text = weft__str(t->error_text),
	                                              .cpus = cpus}});
}

/* --- starting -------------------------------------------------------------------------------------- */

void task_started(struct coord *c, struct task *t, uint64_t pid, struct weft__str cpus)
{
	t->state = WEFT__TASK_RUNNING;
	t->pid = pid;
	t->job->undecided--;
	send_event(c, t, WEFT__JOB_EVENT_STARTED, cpus);
	job_answer(c, t->job);
}

void task_started_msg(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct task *t = task_find(c, m->started.tid);
	if (!t || t->node != n)
		task_kill(c, n, m->started.tid); /* it was given up: it must not run on */
	else if (t->state == WEFT__TASK_STARTING)
		task_started(c, t, m->started.pid, m->started.cpus);
}

void task_failed_msg(struct coord *c, struct node *n, const struct weft__msg *m)
{
	const struct weft__msg_start_failed *f = &m->start_failed;
	struct task *t = task_find(c, f->tid);
	struct weft__msg_exited how = {.exit_code = -1, .flags = WEFT__EXIT_START};
	if (t && t->node == n && t->state == WEFT__TASK_STARTING)
		task_end(c, t, &how, f->code < 0 ? (int)f->code : WEFT_EINTERNAL, f->text);
}

/* --- ending ------------------------------------------------------------------------------------------ */

void task_exited_msg(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct task *t = task_find(c, m->exited.tid);
	if (!t || t->node != n)
		return;
	if (t->state == WEFT__TASK_STARTING)
		task_started(c, t, t->pid, weft__str(""));
	task_end(c, t, &m->exited, 0, weft__str(""));
}

void task_lose(struct coord *c, struct task *t, uint64_t flags)
{
	struct weft__msg_exited how = {.exit_code = -1, .flags = flags};
	bool starting = t->state == WEFT__TASK_STARTING;
	task_end(c, t, &how, starting ? WEFT_ENONODE : 0,
	         weft__str(starting ? "its node was lost, or its daemon restarted, while it was started" : ""));
}

/* The status, once to each client; the error when there is none to hand out. */
static void give_status(struct coord *c, struct task *t, struct client *to, uint64_t req)
{
	struct weft__msg_status s = {.req = req, .code = WEFT_ENOTASK, .tid = t->tid};
	bool taken = false;
	for (struct weft__list *l = t->takers.next; l != &t->takers; l = l->next)
		taken = taken || WEFT__CONTAINER(l, struct taker, at_task)->client == to;
	if (!taken) {
		task_take(c, t, to, req);
		s.code = 0;
		s.exit_code = t->exit_code;
		s.signo = t->signo;
		s.flags = t->flags;
		s.utime_us = t->utime_us;
		s.stime_us = t->stime_us;
		s.maxrss_kib = t->maxrss_kib;
	}
	send_client(c, to, &(struct weft__msg){.code = WEFT__MSG_STATUS, .status = s});
}

static void keep_status(struct task *t, const struct weft__msg_exited *how, int error)
{
	t->exit_code = how->exit_code;
	t->signo = how->signo;
	t->flags = how->flags;
	t->utime_us = how->utime_us;
	t->stime_us = how->stime_us;
	t->maxrss_kib = how->maxrss_kib;
	t->error = error;
	int64_t code = how->signo ? 128 + (int64_t)how->signo : how->exit_code;
	if (error && how->flags & WEFT__EXIT_START) /* as a shell says it */
		code = error == WEFT_ENOFILE ? 127 : error == WEFT_ENOEXEC ? 126 : 125;
	if (code > t->job->exit_code && !t->job->aborted)
		t->job->exit_code = code;
}

void task_end(struct coord *c, struct task *t, const struct weft__msg_exited *how, int error, struct weft__str text)
{
	struct job *j = t->job;
	struct node *n = t->node;
	assert(n);
	keep_status(t, how, error);
	if (text.n > 0)
		coord_replace(c, &t->error_text, text);
	if (t->state == WEFT__TASK_STARTING)
		j->undecided--;
	t->state = WEFT__TASK_ENDED;
	send_event(c, t, WEFT__JOB_EVENT_EXITED, weft__str(""));
	weft__list_remove(&t->at_node);
	n->ntasks--;
	t->node = NULL;
	weft__map_remove(&c->slots, weft__tid_slot((weft_tid_t){t->tid}));
	c->nlive_tasks--;
	j->running--;
	while (!weft__list_empty(&t->members))
		group_leave(c, WEFT__CONTAINER(t->members.next, struct member, at_task));
	mbox_owner_gone(c, &t->letters);
	while (!weft__list_empty(&t->asks)) {
		struct ask *a = WEFT__CONTAINER(t->asks.next, struct ask, at_target);
		give_status(c, t, a->client, a->req);
		ask_destroy(c, a);
	}
	notify_task(c, t);
	member_idle(c, n);
	exchange_task_ended(c, j, t->node_index);
	if (t->client && t->client->away) /* it had not come back to a new daemon, and never will */
		client_end(c, t->client, CLIENT_GONE);
	job_answer(c, j);
	if (j->running == 0)
		job_done(c, j); /* t may be forgotten with it */
}

/* --- waiting ------------------------------------------------------------------------------------------ */

struct taker *task_take(struct coord *c, struct task *t, struct client *client, uint64_t req)
{
	struct taker *taker = coord_alloc(c, sizeof *taker);
	if (!taker)
		return NULL;
	taker->task = t;
	taker->client = client;
	taker->req = req;
	weft__list_push(&t->takers, &taker->at_task);
	weft__list_push(&client->takers, &taker->at_client);
	c->ntakers++;
	return taker;
}

void taker_destroy(struct coord *c, struct taker *t)
{
	weft__list_remove(&t->at_task);
	weft__list_remove(&t->at_client);
	c->ntakers--;
	weft__free(t);
}

void task_wait(struct coord *c, struct client *from, const struct weft__msg *m)
{
	struct task *t = task_find(c, m->wait.tid);
	int code = 0;
	if (!t)
		code = WEFT_ENOTASK;
	else if (t->node && client_live_task(from) == t)
		code = WEFT_EINVAL; /* for itself: that would last for ever */
	else if (t->node && from->nasks >= COORD_ASKS_MAX)
		code = WEFT_EAGAIN;
	if (code) {
		send_client(c, from,
		            &(struct weft__msg){.code = WEFT__MSG_STATUS,
		                                .status = {.req = m->wait.req, .code = code, .tid = m->wait.tid}});
		return;
	}
	if (!t->node) {
		give_status(c, t, from, m->wait.req);
		return;
	}
	struct ask *a = ask_new(c, from, m->wait.req, ASK_WAIT);
	if (!a)
		return;
	a->task = t;
	weft__list_push(&t->asks, &a->at_target);
}

void task_set_name(struct coord *c, struct client *from, const struct weft__msg *m)
{
	struct task *t = client_live_task(from);
	if (t)
		coord_replace(c, &t->name, m->task_name.name);
	send_result(c, from, m->task_name.req, t ? 0 : WEFT_ENOTASK, 0, "%s", "");
}
