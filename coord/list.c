/* Rows about nodes, tasks and jobs. */
#include "config.h"

#include <string.h>

#include "coord/state.h"

struct rows {
	struct client *to;
	const struct weft__msg_list *m;
	uint64_t count;
	int code;
};

/* A long list fills what is kept for the node; it ends before that gets out of hand. */
static bool has_room(struct rows *r)
{
	if (r->to->node->session.nbytes > COORD_OUTBOX_MAX / 2)
		r->code = WEFT_EAGAIN;
	return r->code == 0;
}

static void list_nodes(struct coord *c, struct rows *r)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes && has_room(r); l = l->next, r->count++) {
		const struct node *n = WEFT__CONTAINER(l, struct node, all);
		char address[256 + 8] = "";
		const char *host = n->address && *n->address ? n->address : n->host; /* it listens on all of its own */
		if (n->address)
			snprintf(address, sizeof address, strchr(host, ':') ? "[%.240s]:%d" : "%.240s:%d", host, (int)n->port);
		send_client(c, r->to,
		            &(struct weft__msg){.code = WEFT__MSG_NODE_ROW,
		                                .node_row = {.req = r->m->req,
		                                             .node = n->index,
		                                             .incarnation = n->incarnation,
		                                             .host = weft__str(n->host),
		                                             .address = weft__str(address),
		                                             .state = n->state,
		                                             .ncores = n->ncores,
		                                             .ntasks = n->ntasks,
		                                             .pid = n->pid,
		                                             .release = weft__str(n->release),
		                                             .drained = n->drained,
		                                             .slots = n->slots,
		                                             .speed = n->speed}});
	}
}

/* A text cut to what the field takes. */
static struct weft__str cut(const char *text, size_t max)
{
	struct weft__str s = weft__str(text);
	if (s.n > max)
		s.n = max;
	return s;
}

static void list_task(struct coord *c, struct rows *r, const struct task *t)
{
	if (!t->node || (r->m->node && r->m->node != t->node_index))
		return;
	send_client(c, r->to,
	            &(struct weft__msg){.code = WEFT__MSG_TASK_ROW,
	                                .task_row = {.req = r->m->req,
	                                             .tid = t->tid,
	                                             .parent = t->job->parent_tid,
	                                             .job = t->job->id,
	                                             .rank = t->rank,
	                                             .node = t->node_index,
	                                             .host = weft__str(t->node->host),
	                                             .pid = t->pid,
	                                             .state = t->state,
	                                             .flags = (t->enrolled ? WEFT__TASK_ENROLLED : 0) |
	                                                      (t->client ? WEFT__TASK_CONNECTED : 0),
	                                             .program = cut(t->job->program, 255),
	                                             .name = weft__str(t->name)}});
	r->count++;
}

static void list_tasks(struct coord *c, struct rows *r)
{
	const struct job *only = r->m->job ? job_find(c, r->m->job) : NULL;
	if ((r->m->job && !only) || (r->m->node && !node_find(c, r->m->node))) {
		r->code = r->m->job && !only ? WEFT_ENOENT : WEFT_ENONODE;
		return;
	}
	for (struct weft__list *l = c->live_jobs.next; l != &c->live_jobs; l = l->next) {
		const struct job *j = WEFT__CONTAINER(l, struct job, all);
		for (uint32_t i = 0; i < j->size && (!only || only == j) && has_room(r); i++)
			list_task(c, r, &j->tasks[i]);
	}
}

static void list_job(struct coord *c, struct rows *r, const struct job *j)
{
	uint64_t state = j->running == 0 ? WEFT__JOB_ENDED : j->undecided ? WEFT__JOB_STARTING : WEFT__JOB_RUNNING;
	send_client(c, r->to,
	            &(struct weft__msg){.code = WEFT__MSG_JOB_ROW,
	                                .job_row = {.req = r->m->req,
	                                            .job = j->id,
	                                            .parent = j->parent,
	                                            .size = j->size,
	                                            .running = j->running,
	                                            .state = state,
	                                            .exit_code = j->exit_code,
	                                            .program = cut(j->program, 255)}});
	r->count++;
}

static void list_jobs(struct coord *c, struct rows *r)
{
	size_t skip = c->nended_jobs > COORD_LIST_ENDED_MAX ? c->nended_jobs - COORD_LIST_ENDED_MAX : 0;
	for (struct weft__list *l = c->ended_jobs.next; l != &c->ended_jobs && has_room(r); l = l->next)
		if (skip > 0)
			skip--;
		else
			list_job(c, r, WEFT__CONTAINER(l, struct job, all));
	for (struct weft__list *l = c->live_jobs.next; l != &c->live_jobs && has_room(r); l = l->next)
		list_job(c, r, WEFT__CONTAINER(l, struct job, all));
}

void list_rows(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	struct rows r = {.to = from, .m = &msg->list};
	if (from->node->session.nbytes > COORD_OUTBOX_BUSY)
		r.code = WEFT_EAGAIN;
	else if (msg->list.kind == WEFT__LIST_NODES)
		list_nodes(c, &r);
	else if (msg->list.kind == WEFT__LIST_TASKS)
		list_tasks(c, &r);
	else if (msg->list.kind == WEFT__LIST_JOBS)
		list_jobs(c, &r);
	else
		r.code = WEFT_EINVAL;
	send_client(c, from,
	            &(struct weft__msg){.code = WEFT__MSG_LIST_END,
	                                .list_end = {.req = msg->list.req, .code = r.code, .count = r.count}});
}
