/* Jobs: spawning them, killing them, their end.
 *
 * A SPAWN with all its programs is placed, gets its tids and goes out as TEAM and LAUNCH, all in one step;
 * the nodes then decide each task, STARTED or START_FAILED, and the asker gets SPAWNED when all are. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/heap.h"
#include "coord/state.h"

enum {
	TEAM_TIDS    = 16384, /* tids of one TEAM */
	SPAWNED_TIDS = 8192,  /* and of one SPAWNED */
};

struct job *job_find(const struct coord *c, uint64_t id)
{
	return weft__map_get(&c->jobs, id);
}

/* --- records -------------------------------------------------------------------------------------- */

struct job *job_create(struct coord *c, uint32_t size, struct weft__str program)
{
	struct job *j = coord_alloc(c, sizeof *j);
	if (!j)
		return NULL;
	j->tasks = coord_alloc(c, size * sizeof *j->tasks);
	coord_replace(c, &j->program, program);
	if (c->failed) {
		weft__free(j->tasks);
		weft__free(j->program);
		weft__free(j);
		return NULL;
	}
	j->id = j->root = j->world = (uint32_t)c->next_job++;
	j->size = j->undecided = size;
	j->sink_node = COORD_HOME;
	weft__list_init(&j->at_tool);
	weft__list_push(&c->live_jobs, &j->all);
	c->nlive_jobs++;
	c->nkept_tasks += size;
	coord_put(c, &c->jobs, j->id, j);
	return j;
}

static void init_task(struct task *t)
{
	weft__list_init(&t->at_node);
	weft__list_init(&t->members);
	weft__list_init(&t->watches);
	weft__list_init(&t->asks);
	weft__list_init(&t->takers);
	weft__list_init(&t->letters);
}

bool job_put_task(struct coord *c, struct job *j, uint32_t rank, uint64_t tid, struct node *n)
{
	struct task *t = &j->tasks[rank];
	init_task(t);
	t->tid = tid;
	t->job = j;
	t->rank = rank;
	t->node_index = n ? n->index : weft__tid_node((weft_tid_t){tid});
	t->state = n ? WEFT__TASK_STARTING : WEFT__TASK_ENDED;
	if (!coord_put(c, &c->tasks, tid, t))
		return false;
	if (n) {
		j->running++;
		task_link(c, t, n);
	}
	return !c->failed;
}

static void forget_task(struct coord *c, struct task *t)
{
	if (!t->job)
		return; /* a spawn that ran out of memory had not come here */
	weft__map_remove(&c->tasks, t->tid);
	if (t->client)
		t->client->task = NULL;
	while (!weft__list_empty(&t->takers))
		taker_destroy(c, WEFT__CONTAINER(t->takers.next, struct taker, at_task));
	weft__free(t->name);
	weft__free(t->error_text);
}

void job_destroy(struct coord *c, struct job *j)
{
	for (uint32_t i = 0; i < j->size; i++)
		forget_task(c, &j->tasks[i]);
	weft__map_remove(&c->jobs, j->id);
	weft__list_remove(&j->all);
	weft__list_remove(&j->at_tool);
	c->nkept_tasks -= j->size;
	weft__free(j->program);
	weft__free(j->tasks);
	weft__free(j);
}

/* --- spawning --------------------------------------------------------------------------------------- */

void job_draft_destroy(struct coord *c, struct draft *d)
{
	weft__list_remove(&d->at_client);
	weft__list_remove(&d->parked);
	d->client->ndrafts--;
	c->ndrafts--;
	for (struct weft__list *l; (l = weft__list_pop(&d->parts));)
		weft__free(WEFT__CONTAINER(l, struct weft__unseen, link));
	weft__free(d->text);
	weft__free(d);
}

struct draft *job_draft_create(struct coord *c, struct client *client, uint64_t req)
{
	struct draft *d = coord_alloc(c, sizeof *d);
	if (!d)
		return NULL;
	d->client = client;
	d->req = req;
	weft__list_init(&d->parked);
	weft__list_init(&d->parts);
	weft__list_push(&client->drafts, &d->at_client);
	client->ndrafts++;
	c->ndrafts++;
	return d;
}

void job_draft_add(struct coord *c, struct draft *d, const void *body, size_t nbytes)
{
	struct weft__unseen *k = coord_alloc(c, sizeof *k + nbytes);
	if (!k)
		return;
	k->nbytes = nbytes;
	memcpy(k->body, body, nbytes);
	weft__list_push(&d->parts, &k->link);
	d->nbytes += nbytes;
}

static void send_refusal(struct coord *c, struct client *to, uint64_t req, int code, const char *text)
{
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_SPAWNED,
	                                .spawned = {.req = req, .code = code, .text = weft__str(text)}});
}

/* What is wrong with one program of a job. */
static int check_part(const struct draft *d, const struct weft__msg_spawn *m, struct weft_error *e)
{
	size_t nbytes = m->wdir.n + m->hosting.n + weft__strs_bytes(&m->argv) + weft__strs_bytes(&m->env);
	if ((m->count == 0) != ((m->flags & WEFT__SPAWN_FILL) != 0))
		return weft__err_set(e, WEFT_EINVAL, "0 tasks were asked for; at least 1 is needed");
	if (d->count + m->count > COORD_JOB_TASKS_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "%" PRIu64 " tasks were asked for; a job has at most %d",
		                     d->count + m->count, COORD_JOB_TASKS_MAX);
	if (m->argv.n == 0 || m->argv.p[0].n == 0)
		return weft__err_set(e, WEFT_EINVAL, "there is no program to start");
	if (nbytes > WEFT__ARGS_BYTES)
		return weft__err_set(e, WEFT_ETOOBIG, "arguments and environment take %zu bytes; at most %d fit", nbytes,
		                     WEFT__ARGS_BYTES);
	if (d->nparts > COORD_JOB_PARTS_MAX || d->nbytes + nbytes > COORD_DRAFT_BYTES_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "a job has at most %d programs, with %d bytes of arguments in all",
		                     COORD_JOB_PARTS_MAX, COORD_DRAFT_BYTES_MAX);
	return 0;
}

/* Whether this client may spawn so many tasks now. */
static int check_spawn(struct coord *c, const struct draft *d, const struct job *parent, struct weft_error *e)
{
	const struct client *from = d->client;
	if (c->halting)
		return weft__err_set(e, WEFT_ENOVM, "the virtual machine is going down");
	if (c->stopped_by)
		return weft__err_set(e, WEFT_ECANCELED, "the batch system ends this job: SIGTERM on %.100s", c->stopped_by);
	if (from->role != WEFT__ROLE_TOOL && !parent)
		return weft__err_set(e, WEFT_ENOTASK, "the task that asked for it has ended");
	if (parent && parent->killed)
		return weft__err_set(e, WEFT_ECANCELED, "the job of the task that asked for it is being killed");
	if (c->nkept_tasks + d->count > COORD_TASKS_MAX + COORD_ENDED_MAX || c->next_job > UINT32_MAX)
		return weft__err_set(e, WEFT_ENOSPC, "the virtual machine has its most tasks, %d", COORD_TASKS_MAX);
	if (from->nasks >= COORD_ASKS_MAX)
		return weft__err_set(e, WEFT_EAGAIN, "too many questions are open");
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		const struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (n->session.nbytes > COORD_OUTBOX_BUSY)
			return weft__err_set(e, WEFT_EAGAIN, "node %s (#%u) is behind with what was sent to it; try again",
			                     n->host, n->index);
	}
	return 0;
}

/* One program of the job under way. */
struct part {
	const struct weft__unseen *kept;
	struct place *places;
	size_t nplaces;
	uint32_t first, count; /* rank of its first task; how many it has */
	uint32_t *order;       /* of each task, in the order of ranks: its place */
};

static bool decode_part(struct coord *c, const struct draft *d, const struct weft__unseen *k, struct weft__msg *m)
{
	int rc = weft__msg_decode(k->body, k->nbytes, (enum weft__role)d->client->role, WEFT__ROLE_COORD, &c->part, m, NULL);
	if (rc)
		c->failed = rc;
	return rc == 0;
}

/* Ranks in a row go to one place, or to one place after the other. */
static int order_part(struct coord *c, struct part *p, bool in_turn)
{
	p->order = coord_alloc(c, p->count * sizeof *p->order);
	if (!p->order)
		return WEFT_ENOMEM;
	uint32_t done = 0;
	if (in_turn) {
		for (uint32_t lap = 0; done < p->count; lap++)
			for (uint32_t k = 0; k < p->nplaces; k++)
				if (p->places[k].count > lap)
					p->order[done++] = k;
	} else {
		for (uint32_t k = 0; k < p->nplaces; k++)
			for (uint32_t i = 0; i < p->places[k].count; i++)
				p->order[done++] = k;
	}
	return 0;
}

static int place_parts(struct coord *c, struct draft *d, struct part *parts, struct weft_error *e)
{
	struct weft__msg m;
	uint32_t first = 0;
	size_t i = 0;
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next)
		WEFT__CONTAINER(l, struct node, all)->planned = 0;
	for (struct weft__list *l = d->parts.next; l != &d->parts; l = l->next, i++) {
		parts[i].kept = WEFT__CONTAINER(l, struct weft__unseen, link);
		parts[i].first = first;
		if (!decode_part(c, d, parts[i].kept, &m))
			return c->failed;
		int rc = place_tasks(c, &m.spawn, &parts[i].places, &parts[i].nplaces, e);
		parts[i].count = (uint32_t)m.spawn.count;
		rc = rc ? rc : order_part(c, &parts[i], m.spawn.map == WEFT__MAP_TURN);
		if (rc)
			return rc;
		first += parts[i].count;
	}
	d->count = first;
	return first <= COORD_JOB_TASKS_MAX ? 0 : weft__err_set(e, WEFT_ETOOBIG, "a job has at most %d tasks", COORD_JOB_TASKS_MAX);
}

/* The tasks of all parts, in the order of ranks. */
static bool put_tasks(struct coord *c, struct job *j, const struct part *parts, size_t nparts)
{
	uint32_t rank = 0;
	for (size_t i = 0; i < nparts; i++)
		for (uint32_t k = 0; k < parts[i].count; k++) {
			uint64_t tid = 0;
			struct node *node = parts[i].places[parts[i].order[k]].node;
			int rc = tid_next(c, node->index, &tid);
			if (rc)
				c->failed = rc; /* place_tasks has left room; 2^33 generations do not pass */
			if (rc || !job_put_task(c, j, rank++, tid, node))
				return false;
		}
	return true;
}

/* --- sending it out ---------------------------------------------------------------------------------- */

static void send_team(struct coord *c, struct job *j, struct node *to, const uint64_t *tids)
{
	for (uint32_t first = 0; first < j->size; first += TEAM_TIDS) {
		uint32_t n = j->size - first < TEAM_TIDS ? j->size - first : TEAM_TIDS;
		send_node(c, to,
		          &(struct weft__msg){.code = WEFT__MSG_TEAM,
		                              .team = {.job = j->id, .size = j->size, .first = first, .tids = {tids + first, n}}});
	}
}

void job_send_team(struct coord *c, struct job *j, struct node *to)
{
	uint64_t *tids = j ? coord_alloc(c, j->size * sizeof *tids) : NULL;
	if (!tids)
		return;
	for (uint32_t i = 0; i < j->size; i++)
		tids[i] = j->tasks[i].tid;
	send_team(c, j, to, tids);
	weft__free(tids);
}

/* How many tids a LAUNCH takes beside what it has anyway: a tid is up to 9 bytes, a rank up to 5. */
static uint32_t launch_room(const struct weft__msg_launch *l)
{
	size_t nbytes = 320 + l->wdir.n + l->hosting.n;
	for (size_t i = 0; i < l->argv.n; i++)
		nbytes += l->argv.p[i].n + 5;
	for (size_t i = 0; i < l->env.n; i++)
		nbytes += l->env.p[i].n + 5;
	size_t room = (WEFT__FRAME_MAX - nbytes) / 14;
	return room < 4096 ? (uint32_t)room : 4096;
}

/* How many tasks the nodes have room for. */
static uint64_t universe(const struct coord *c)
{
	uint64_t sum = 0;
	for (const struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		const struct node *n = WEFT__CONTAINER(l, struct node, all);
		if (n->state == WEFT__NODE_UP)
			sum += n->slots ? n->slots : n->ncores;
	}
	return sum < UINT32_MAX ? sum : UINT32_MAX;
}

static void send_launch(struct coord *c, struct job *j, const struct weft__msg_spawn *m, size_t program, bool several,
                        struct node *to, const uint64_t *tids, const uint64_t *ranks, uint32_t count, bool last)
{
	struct weft__msg msg = {.code = WEFT__MSG_LAUNCH};
	struct weft__msg_launch *l = &msg.launch;
	l->job = j->id;
	l->size = j->size;
	l->parent = j->parent_tid;
	l->flags = j->flags | (m->flags & WEFT__SPAWN_USUAL);
	l->sink_node = j->sink_node;
	l->sink_client = j->sink_client;
	l->sink_task = j->sink_task;
	l->sink_context = j->sink_context;
	l->sink_tag = j->sink_tag;
	l->wdir = m->wdir;
	l->argv = m->argv;
	l->env = m->env;
	l->nlocal = (uint64_t)to->planned;
	l->bind = m->bind;
	l->deal = m->deal;
	l->width = m->width;
	l->mpi = m->mpi;
	l->hosting = m->hosting;
	l->program = program;
	l->several = several;
	l->universe = universe(c);
	uint32_t room = launch_room(l);
	for (uint32_t i = 0; i < count; i += room) {
		uint32_t n = count - i < room ? count - i : room;
		l->tids = (struct weft__u64s){tids + i, n};
		l->ranks = (struct weft__u64s){ranks + i, n};
		l->last = last && i + n == count;
		send_node(c, to, &msg);
	}
}

/* To each node that a part has tasks on; tids and ranks have room for the part's. */
static void send_part(struct coord *c, struct draft *d, struct job *j, const struct part *p, size_t index, uint64_t *tids,
                      uint64_t *ranks)
{
	struct weft__msg m;
	if (!decode_part(c, d, p->kept, &m))
		return;
	for (size_t k = 0, at = 0; k < p->nplaces; k++) {
		p->places[k].at = (uint32_t)at;
		at += p->places[k].count;
	}
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t at = p->places[p->order[i]].at++;
		tids[at] = j->tasks[p->first + i].tid;
		ranks[at] = p->first + i;
	}
	for (size_t k = 0; k < p->nplaces; k++) {
		const struct place *place = &p->places[k];
		size_t at = place->at - place->count;
		send_launch(c, j, &m.spawn, index, p->count < j->size, place->node, tids + at, ranks + at, place->count,
		            place->node->last_part == index);
	}
}

static void send_launches(struct coord *c, struct draft *d, struct job *j, const struct part *parts, size_t nparts)
{
	uint64_t *tids = coord_alloc(c, 2 * j->size * sizeof *tids);
	if (!tids)
		return;
	uint64_t *ranks = tids + j->size, mark = ++c->mark;
	for (uint32_t i = 0; i < j->size; i++)
		tids[i] = j->tasks[i].tid;
	for (size_t i = 0; i < nparts; i++)
		for (size_t k = 0; k < parts[i].nplaces; k++) {
			struct node *n = parts[i].places[k].node;
			if (n->mark != mark)
				send_team(c, j, n, tids);
			n->mark = mark;
			n->last_part = i;
		}
	for (size_t i = 0; i < nparts && !c->failed; i++)
		send_part(c, d, j, &parts[i], i, tids, ranks);
	weft__free(tids);
}

/* Whose job it is: the tool that asked, or the tool of the job whose task asked. */
static void set_origin(struct job *j, struct client *from, const struct task *asker, uint64_t flags)
{
	struct job *parent = asker ? asker->job : NULL;
	if (parent) {
		j->parent = parent->id;
		j->root = parent->root;
		j->parent_tid = asker->tid;
		if (from->role == WEFT__ROLE_TASKVM)
			j->world = parent->world;
		j->tool = parent->tool;
		j->sink_node = parent->sink_node;
		j->sink_client = parent->sink_client;
		j->sink_task = parent->sink_task;
		j->sink_context = parent->sink_context;
		j->sink_tag = parent->sink_tag;
	} else if (flags & WEFT__SPAWN_ATTACHED) {
		j->tool = from;
		j->sink_node = from->node->index;
		j->sink_client = from->number;
		j->flags = flags & (WEFT__SPAWN_STDIN | WEFT__SPAWN_STAYS);
	}
	if (parent)
		j->flags |= parent->flags & WEFT__SPAWN_STAYS;
	if (j->tool) {
		j->flags |= WEFT__SPAWN_ATTACHED;
		weft__list_push(&j->tool->jobs, &j->at_tool);
	} else {
		j->root = j->id;
	}
}

/* The task that asks: the client itself, or one of the job that the client hosts; NULL: a tool, or it has ended. */
static struct task *asking_task(struct coord *c, const struct draft *d)
{
	struct weft__msg m;
	if (d->client->role != WEFT__ROLE_TASKVM)
		return client_live_task(d->client);
	if (!decode_part(c, d, WEFT__CONTAINER(d->parts.next, struct weft__unseen, link), &m))
		return NULL;
	struct task *t = task_find(c, m.spawn.parent);
	return t && t->node == d->client->node && t->job->id == d->client->job ? t : NULL;
}

/* A task wants another one, or itself, to get the output. One that has ended gets it no more. */
static void set_sink(struct coord *c, struct job *j, const struct weft__msg_spawn *m)
{
	struct task *t = m->sink_tid ? task_find(c, m->sink_tid) : NULL;
	if (!t || !t->client || !client_live_task(t->client))
		return;
	j->sink_node = t->client->node->index;
	j->sink_client = t->client->number;
	j->sink_task = 1;
	j->sink_context = m->sink_context;
	j->sink_tag = m->sink_tag;
}

static int spawn(struct coord *c, struct draft *d, struct part *parts, struct weft_error *e)
{
	struct task *asker = asking_task(c, d);
	struct job *parent = asker ? asker->job : NULL;
	struct weft__msg m;
	int rc = place_parts(c, d, parts, e);
	rc = rc ? rc : check_spawn(c, d, parent, e);
	if (rc || !decode_part(c, d, parts[0].kept, &m))
		return rc;
	struct job *j = job_create(c, (uint32_t)d->count, m.spawn.argv.p[0]);
	struct ask *a = j ? ask_new(c, d->client, d->req, ASK_SPAWN) : NULL;
	if (!a)
		return 0;
	a->job = j;
	j->ask = a;
	set_origin(j, d->client, asker, m.spawn.flags);
	if (asker)
		set_sink(c, j, &m.spawn);
	if (put_tasks(c, j, parts, d->nparts))
		send_launches(c, d, j, parts, d->nparts);
	return 0;
}

/* All programs are known and nothing has to be waited for. */
static void finish_draft(struct coord *c, struct draft *d)
{
	struct weft_error e = {0};
	int rc = (int)d->code;
	if (!rc) {
		struct part *parts = coord_alloc(c, d->nparts * sizeof *parts);
		if (!parts)
			return;
		rc = spawn(c, d, parts, &e);
		for (size_t i = 0; i < d->nparts; i++) {
			weft__free(parts[i].places);
			weft__free(parts[i].order);
		}
		weft__free(parts);
	}
	if (rc && !c->failed)
		send_refusal(c, d->client, d->req, rc, d->code ? d->text : e.text);
	job_draft_destroy(c, d);
}

static struct draft *find_draft(struct client *from, uint64_t req)
{
	for (struct weft__list *l = from->drafts.next; l != &from->drafts; l = l->next) {
		struct draft *d = WEFT__CONTAINER(l, struct draft, at_client);
		if (d->req == req && !d->complete)
			return d;
	}
	return NULL;
}

static bool first_nodes_are_missing(const struct coord *c)
{
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next)
		if (WEFT__CONTAINER(l, struct node, all)->initial)
			return true;
	return false;
}

void job_spawn(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_spawn *m = &msg->spawn;
	struct weft_error e = {0};
	struct draft *d = find_draft(from, m->req);
	if (!d && from->ndrafts >= COORD_DRAFTS_MAX) {
		if (!m->more)
			send_refusal(c, from, m->req, WEFT_EAGAIN, "too many spawns are under way");
		return;
	}
	if (!d)
		d = job_draft_create(c, from, m->req);
	if (!d)
		return;
	d->nparts++;
	if (!d->code) {
		d->code = check_part(d, m, &e);
		if (d->code)
			coord_replace(c, &d->text, weft__str(e.text));
		else
			job_draft_add(c, d, c->frame.p, c->frame.n);
		d->count += m->count;
	}
	if (m->more || c->failed)
		return;
	d->complete = 1;
	if (first_nodes_are_missing(c) && !c->halting && !d->code)
		weft__list_push(&c->parked, &d->parked);
	else
		finish_draft(c, d);
}

void job_unpark(struct coord *c)
{
	for (struct weft__list *l; !c->failed && (l = weft__list_pop(&c->parked));)
		finish_draft(c, WEFT__CONTAINER(l, struct draft, parked));
}

/* --- answering ----------------------------------------------------------------------------------------- */

void job_answer(struct coord *c, struct job *j)
{
	uint64_t tids[SPAWNED_TIDS], errors[SPAWNED_TIDS];
	const struct task *bad = NULL;
	uint32_t nbad = 0;
	if (j->undecided > 0 || !j->ask)
		return;
	for (uint32_t i = 0; i < j->size; i++)
		if (j->tasks[i].error) {
			bad = bad ? bad : &j->tasks[i];
			nbad++;
		}
	for (uint32_t first = 0; first < j->size; first += SPAWNED_TIDS) {
		uint32_t n = j->size - first < SPAWNED_TIDS ? j->size - first : SPAWNED_TIDS;
		for (uint32_t i = 0; i < n; i++) {
			tids[i] = j->tasks[first + i].tid;
			errors[i] = (uint64_t)-j->tasks[first + i].error;
		}
		send_client(c, j->ask->client,
		            &(struct weft__msg){.code = WEFT__MSG_SPAWNED,
		                                .spawned = {.req = j->ask->req,
		                                            .code = nbad == j->size ? bad->error : 0,
		                                            .text = weft__str(bad ? bad->error_text : NULL),
		                                            .job = j->id,
		                                            .size = j->size,
		                                            .first = first,
		                                            .tids = {tids, n},
		                                            .errors = {errors, n}}});
	}
	ask_destroy(c, j->ask);
}

void job_done(struct coord *c, struct job *j)
{
	if (j->tool)
		send_client(c, j->tool,
		            &(struct weft__msg){.code = WEFT__MSG_JOB_EVENT,
		                                .job_event = {.job = j->id,
		                                              .root = j->root,
		                                              .state = WEFT__JOB_EVENT_DONE,
		                                              .host = weft__str(""),
		                                              .text = weft__str("")}});
	j->tool = NULL;
	weft__list_remove(&j->at_tool);
	weft__list_remove(&j->all);
	weft__list_push(&c->ended_jobs, &j->all);
	c->nlive_jobs--;
	c->nended_jobs++;
	c->nended_tasks += j->size;
	while (c->nended_tasks > COORD_ENDED_MAX) {
		struct job *oldest = WEFT__CONTAINER(c->ended_jobs.next, struct job, all);
		c->nended_jobs--;
		c->nended_tasks -= oldest->size;
		job_destroy(c, oldest);
	}
	stopping_step(c);
}

/* --- signals -------------------------------------------------------------------------------------------- */

static void signal_job(struct coord *c, struct job *j, uint64_t signo)
{
	uint64_t mark = ++c->mark;
	for (uint32_t i = 0; i < j->size; i++) {
		struct task *t = &j->tasks[i];
		if (!t->node)
			continue;
		if (signo == 9)
			t->killed = 1;
		if (t->node->mark == mark)
			continue;
		t->node->mark = mark;
		send_node(c, t->node,
		          &(struct weft__msg){.code = WEFT__MSG_TASK_SIGNAL, .task_signal = {.job = j->id, .signo = signo}});
	}
}

void job_ask_to_end(struct coord *c, struct job *j)
{
	signal_job(c, j, 15);
}

static void kill_job(struct coord *c, struct job *j)
{
	j->killed = 1;
	signal_job(c, j, 9);
}

void job_orphaned(struct coord *c, struct client *tool)
{
	while (!weft__list_empty(&tool->jobs)) {
		struct job *j = WEFT__CONTAINER(tool->jobs.next, struct job, at_tool);
		weft__list_remove(&j->at_tool);
		j->tool = NULL;
		if (!(j->flags & WEFT__SPAWN_STAYS))
			kill_job(c, j);
	}
}

void job_signal(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_signal *m = &msg->signal;
	char name[WEFT__TID_TEXT];
	if (m->tid) {
		struct task *t = task_find(c, m->tid);
		if (!t || !t->node) {
			weft__tid_format((weft_tid_t){m->tid}, name);
			send_result(c, from, m->req, WEFT_ENOTASK, 0,
			            t ? "task %s has ended" : "there never was a task %s, or it ended long ago", name);
			return;
		}
		if (m->signo == 9)
			t->killed = 1;
		if (m->signo)
			send_node(c, t->node,
			          &(struct weft__msg){.code = WEFT__MSG_TASK_SIGNAL,
			                              .task_signal = {.tid = m->tid, .signo = m->signo}});
	} else {
		struct job *j = job_find(c, m->job);
		if (!j || j->running == 0) {
			send_result(c, from, m->req, WEFT_ENOTASK, 0, j ? "job %" PRIu64 " has ended" : "there is no job %" PRIu64,
			            m->job);
			return;
		}
		if (m->signo)
			signal_job(c, j, m->signo);
	}
	send_result(c, from, m->req, 0, 0, "%s", "");
}

/* An MPI holds that jobs which it has connected end together. */
static void abort_world(struct coord *c, uint32_t world, int64_t exit_code)
{
	for (struct weft__list *l = c->live_jobs.next; l != &c->live_jobs; l = l->next) {
		struct job *j = WEFT__CONTAINER(l, struct job, all);
		if (j->world != world || j->killed)
			continue;
		j->aborted = 1;
		j->exit_code = exit_code;
		kill_job(c, j);
	}
}

/* The first one that blames somebody is told; the tasks that are killed now are no news. */
void job_abort(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_job_abort *m = &msg->job_abort;
	struct job *j = job_find(c, from->job);
	struct task *t = m->tid ? task_find(c, m->tid) : NULL;
	if (!j || j->running == 0 || j->killed)
		return;
	if (t && t->job != j)
		t = NULL;
	send_log(c, WEFT__LOG_INFO, "WEFT-JOB-ABORT", "job=%u code=%" PRId64 " %s", j->id, m->exit_code, m->text.p);
	if (j->tool)
		send_client(c, j->tool,
		            &(struct weft__msg){.code = WEFT__MSG_JOB_EVENT,
		                                .job_event = {.job = j->id,
		                                              .root = j->root,
		                                              .tid = t ? t->tid : 0,
		                                              .rank = t ? t->rank : 0,
		                                              .state = WEFT__JOB_EVENT_ABORTED,
		                                              .node = from->node->index,
		                                              .host = weft__str(from->node->host),
		                                              .pid = t ? t->pid : 0,
		                                              .exit_code = m->exit_code,
		                                              .text = m->text}});
	abort_world(c, j->world, m->exit_code);
}

void job_team_ask(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_team_ask *m = &msg->team_ask;
	const struct job *j = job_find(c, (uint32_t)m->job);
	uint64_t *tids = j ? coord_alloc(c, (j->size + 1) * sizeof *tids) : NULL;
	if (j && !tids)
		return;
	for (uint32_t i = 0; j && i < j->size; i++)
		tids[i] = j->tasks[i].tid;
	for (uint32_t first = 0; j && first < j->size; first += TEAM_TIDS) {
		uint32_t n = j->size - first < TEAM_TIDS ? j->size - first : TEAM_TIDS;
		send_client(c, from,
		            &(struct weft__msg){.code = WEFT__MSG_TEAM,
		                                .team = {.job = j->id, .size = j->size, .first = first, .tids = {tids + first, n}}});
	}
	weft__free(tids);
	send_result(c, from, m->req, j ? 0 : WEFT_ENOTASK, 0, "%s", j ? "" : "there is no such job");
}
