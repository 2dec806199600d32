/* The snapshot: each function below walks the members of one kind of record, writing or reading.
 *
 * What points elsewhere is saved as the id of what it points to, so the order matters: nodes with their
 * clients, jobs with their tasks, groups and names, then what hangs between them. Lists are saved in their
 * order; those that are parts of a list of all (a client's asks, a task's watches) come back in its order. */
#include "config.h"

#include "coord/save.h"

#include <string.h>

#include "base/heap.h"

static void bad(struct io *io)
{
	if (!io->failed)
		io->failed = WEFT_EPROTO;
}

/* After something was made for reading: NULL means no memory. */
static bool made(struct coord *c, struct io *io, const void *p)
{
	if ((!p || c->failed) && !io->failed)
		io->failed = c->failed ? c->failed : WEFT_EPROTO;
	return !io->failed;
}

static void client_ref(struct coord *c, struct io *io, struct client **client)
{
	uint64_t node = *client ? (*client)->node->index : 0, number = *client ? (*client)->number : 0;
	io_u64(io, &node);
	if (node)
		io_u64(io, &number);
	if (!io_reading(io))
		return;
	*client = node ? client_find(c, node, number) : NULL;
	if (node && !*client)
		bad(io);
}

static void task_ref(struct coord *c, struct io *io, struct task **task)
{
	uint64_t tid = *task ? (*task)->tid : 0;
	io_u64(io, &tid);
	if (!io_reading(io))
		return;
	*task = tid ? task_find(c, tid) : NULL;
	if (tid && !*task)
		bad(io);
}

/* --- nodes and clients ------------------------------------------------------------------------------ */

static void draft_io(struct coord *c, struct io *io, struct draft *d)
{
	struct weft__list *l = &d->parts;
	size_t n = 0;
	for (const struct weft__list *p = d->parts.next; p != &d->parts; p = p->next)
		n++;
	io_u64(io, &d->complete);
	io_u64(io, &d->count);
	io_u64(io, &d->nparts);
	io_i64(io, &d->code);
	io_text(io, &d->text);
	n = io_count(io, n);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct weft__unseen *k = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct weft__unseen, link);
		const void *body = k ? k->body : NULL;
		size_t nbytes = k ? k->nbytes : 0;
		io_bytes(io, &body, &nbytes);
		if (io_reading(io) && !io->failed)
			job_draft_add(c, d, body, nbytes);
		else if (k)
			l = l->next;
	}
}

static void drafts_io(struct coord *c, struct io *io, struct client *client)
{
	struct weft__list *l = &client->drafts;
	size_t n = io_count(io, client->ndrafts);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct draft *d = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct draft, at_client);
		uint64_t req = d ? d->req : 0;
		io_u64(io, &req);
		if (!d)
			d = job_draft_create(c, client, req);
		if (!made(c, io, d))
			return;
		draft_io(c, io, d);
		l = &d->at_client;
	}
}

static void parcel_io(struct coord *c, struct io *io, struct client *client)
{
	struct parcel *p = &client->parcel;
	uint64_t req = p->req, size = p->size;
	const void *value = p->value;
	size_t nbytes = p->nbytes;
	io_u64(io, &size);
	if (size == 0)
		return;
	io_u64(io, &req);
	io_bytes(io, &value, &nbytes);
	if (!io_reading(io) || io->failed)
		return;
	if (nbytes > size || size > COORD_NAME_BYTES_MAX) {
		bad(io);
	} else if (parcel_create(c, client, req, size)) {
		memcpy(p->value, value, nbytes);
		p->nbytes = nbytes;
	}
}

static void session_io(struct coord *c, struct io *io, struct weft__session *s)
{
	struct weft__list *l = &s->kept;
	size_t n = 0;
	for (const struct weft__list *p = s->kept.next; p != &s->kept; p = p->next)
		n++;
	uint64_t sent = s->sent;
	io_u64(io, &s->received);
	io_u64(io, &sent);
	io_u64(io, &s->told);
	io_size(io, &s->untold_bytes);
	n = io_count(io, n);
	if (n > sent)
		bad(io);
	if (io_reading(io))
		s->sent = sent - n;
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct weft__unseen *k = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct weft__unseen, link);
		const void *body = k ? k->body : NULL;
		size_t nbytes = k ? k->nbytes : 0;
		io_bytes(io, &body, &nbytes);
		if (k)
			l = l->next;
		else if (!io->failed && weft__session_push(s, body, nbytes))
			io->failed = WEFT_ENOMEM;
	}
}

static void clients_io(struct coord *c, struct io *io, struct node *node)
{
	struct weft__list *l = &node->clients;
	size_t n = io_count(io, node->numbers.count);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct client *client = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct client, at_node);
		uint32_t number = client ? client->number : 0;
		io_u32(io, &number);
		if (!client)
			client = client_add(c, node, number);
		if (!made(c, io, client))
			return;
		io_u64(io, &client->role);
		io_u64(io, &client->owner);
		io_u64(io, &client->pid);
		io_u32(io, &client->job);
		io_text(io, &client->name);
		io_u64(io, &client->pass);
		io_u64(io, &client->away);
		io_u64(io, &client->unkept);
		session_io(c, io, &client->session);
		drafts_io(c, io, client);
		parcel_io(c, io, client);
		l = &client->at_node;
	}
}

/* A node that is read takes the place in the house that node_create gave it by the saved counters. */
static struct node *node_read(struct coord *c, struct io *io, uint32_t index, uint32_t incarnation)
{
	uint64_t next_index = c->next_index, next_incarnation = c->next_incarnation;
	if (index < 1 || index > WEFT__NODE_MAX || c->seats[index].node) {
		bad(io);
		return NULL;
	}
	c->next_index = index;
	c->next_incarnation = incarnation;
	struct node *n = node_create(c, 0, weft__str(""));
	c->next_index = next_index;
	c->next_incarnation = next_incarnation;
	return n;
}

static void nodes_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->nodes;
	size_t count = io_count(io, c->nnodes);
	for (size_t i = 0; i < count && !io->failed; i++) {
		struct node *n = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct node, all);
		uint32_t index = n ? n->index : 0, incarnation = n ? n->incarnation : 0;
		io_u32(io, &index);
		io_u32(io, &incarnation);
		if (!n)
			n = node_read(c, io, index, incarnation);
		if (!made(c, io, n))
			return;
		io_u64(io, &n->state);
		io_u64(io, &n->kind);
		io_u64(io, &n->initial);
		io_u64(io, &n->rejoining);
		io_u64(io, &n->add);
		io_text(io, &n->wanted);
		io_text(io, &n->host);
		io_text(io, &n->address);
		io_text(io, &n->addresses);
		io_text(io, &n->release);
		io_u64(io, &n->port);
		io_u64(io, &n->ncores);
		io_u64(io, &n->pid);
		io_u64(io, &n->drained);
		io_u64(io, &n->slots);
		io_u64(io, &n->speed);
		if (io_reading(io) && n->state != WEFT__NODE_STARTING)
			c->nstarting--;
		session_io(c, io, &n->session);
		clients_io(c, io, n);
		l = &n->all;
	}
}

/* --- jobs and tasks ----------------------------------------------------------------------------------- */

static void takers_io(struct coord *c, struct io *io, struct task *t)
{
	struct weft__list *l = &t->takers;
	size_t n = 0;
	for (const struct weft__list *p = t->takers.next; p != &t->takers; p = p->next)
		n++;
	n = io_count(io, n);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct taker *taker = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct taker, at_task);
		struct client *client = taker ? taker->client : NULL;
		uint64_t req = taker ? taker->req : 0;
		client_ref(c, io, &client);
		io_u64(io, &req);
		if (!taker && !client)
			bad(io);
		else if (!taker && made(c, io, client))
			made(c, io, task_take(c, t, client, req));
		else if (taker)
			l = l->next;
	}
}

static void task_io(struct coord *c, struct io *io, struct job *j, uint32_t rank)
{
	struct task *t = &j->tasks[rank];
	uint64_t tid = t->tid, state = t->state;
	io_u64(io, &tid);
	io_u64(io, &state);
	if (io_reading(io)) {
		struct node *n = node_find(c, weft__tid_node((weft_tid_t){tid}));
		if (state == WEFT__TASK_ENDED)
			n = NULL;
		else if (!n)
			bad(io);
		if (io->failed || !job_put_task(c, j, rank, tid, n)) {
			made(c, io, NULL);
			return;
		}
		t->state = state;
	}
	io_u32(io, &t->node_index);
	io_u64(io, &t->enrolled);
	io_u64(io, &t->killed);
	io_u64(io, &t->doubtful);
	io_u64(io, &t->pid);
	io_text(io, &t->name);
	client_ref(c, io, &t->client);
	if (io_reading(io) && t->client)
		t->client->task = t;
	io_i64(io, &t->exit_code);
	io_i64(io, &t->error);
	io_u64(io, &t->signo);
	io_u64(io, &t->flags);
	io_u64(io, &t->spoke);
	io_u64(io, &t->utime_us);
	io_u64(io, &t->stime_us);
	io_u64(io, &t->maxrss_kib);
	io_text(io, &t->error_text);
	takers_io(c, io, t);
}

static void job_io(struct coord *c, struct io *io, struct job *j)
{
	io_u32(io, &j->parent);
	io_u32(io, &j->root);
	io_u64(io, &j->parent_tid);
	io_u32(io, &j->undecided);
	io_u64(io, &j->flags);
	io_u64(io, &j->killed);
	io_u64(io, &j->aborted);
	io_u32(io, &j->world);
	io_i64(io, &j->exit_code);
	io_u32(io, &j->sink_node);
	io_u32(io, &j->sink_client);
	io_u64(io, &j->sink_task);
	io_u64(io, &j->sink_context);
	io_i64(io, &j->sink_tag);
	client_ref(c, io, &j->tool);
	if (io_reading(io) && j->tool)
		weft__list_push(&j->tool->jobs, &j->at_tool);
	for (uint32_t i = 0; i < j->size && !io->failed; i++)
		task_io(c, io, j, i);
}

static struct job *job_read(struct coord *c, struct io *io, uint32_t id, uint32_t size, const char *program)
{
	uint64_t next_job = c->next_job;
	if (size == 0 || size > io->left || !program) {
		bad(io);
		return NULL;
	}
	c->next_job = id;
	struct job *j = job_create(c, size, weft__str(program));
	c->next_job = next_job;
	return j;
}

static void jobs_io(struct coord *c, struct io *io, struct weft__list *jobs, size_t njobs)
{
	struct weft__list *l = jobs;
	bool ended = jobs == &c->ended_jobs;
	njobs = io_count(io, njobs);
	for (size_t i = 0; i < njobs && !io->failed; i++) {
		struct job *j = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct job, all);
		uint32_t id = j ? j->id : 0, size = j ? j->size : 0;
		char *program = j ? j->program : NULL;
		io_u32(io, &id);
		io_u32(io, &size);
		io_text(io, &program);
		if (!j) {
			j = job_read(c, io, id, size, program);
			weft__free(program);
			if (!made(c, io, j))
				return;
			if (ended) {
				weft__list_remove(&j->all);
				weft__list_push(&c->ended_jobs, &j->all);
				c->nlive_jobs--;
				c->nended_jobs++;
				c->nended_tasks += size;
			}
		}
		job_io(c, io, j);
		l = &j->all;
	}
}

/* --- groups, names ---------------------------------------------------------------------------------------- */

static void groups_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->groups;
	size_t n = io_count(io, c->ngroups);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct group *g = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct group, all);
		char *name = g ? g->entry.name : NULL;
		io_text(io, &name);
		if (!g) {
			g = name ? group_create(c, weft__str(name)) : NULL;
			weft__free(name);
		}
		if (!made(c, io, g))
			return;
		io_u64(io, &g->barrier);
		l = &g->all;
	}
}

static void name_ref(struct coord *c, struct io *io, const struct weft__map *map, struct entry **e)
{
	char *name = *e ? (*e)->name : NULL;
	io_text(io, &name);
	if (!io_reading(io))
		return;
	*e = name ? entry_find(map, weft__str(name)) : NULL;
	weft__free(name);
	if (!*e)
		bad(io);
}

static void members_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->members;
	size_t n = io_count(io, c->nmembers);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct member *m = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct member, all);
		struct entry *e = m ? &m->group->entry : NULL;
		struct task *t = m ? m->task : NULL;
		uint32_t instance = m ? m->instance : 0;
		name_ref(c, io, &c->group_map, &e);
		task_ref(c, io, &t);
		io_u32(io, &instance);
		if (instance >= COORD_MEMBERS_MAX || !t)
			bad(io);
		if (m)
			l = l->next;
		else if (!io->failed)
			made(c, io, group_add(c, WEFT__CONTAINER(e, struct group, entry), t, instance));
	}
}

/* After the members: each one that is added is a change. */
static void meetings_io(struct coord *c, struct io *io)
{
	for (struct weft__list *l = c->groups.next; l != &c->groups && !io->failed; l = l->next) {
		struct group *g = WEFT__CONTAINER(l, struct group, all);
		io_u64(io, &g->grant);
		io_u64(io, &g->ngrants);
		io_u64(io, &g->calm);
		io_u64(io, &g->meeting);
		io_u64(io, &g->pure);
	}
}

static void names_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->names;
	size_t n = io_count(io, c->nnames);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct name *name = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct name, all);
		char *text = name ? name->entry.name : NULL;
		uint64_t there = name ? name->there : 0;
		const void *value = name ? name->value : NULL;
		size_t nbytes = name ? name->nbytes : 0;
		struct client *owner = name ? name->owner : NULL;
		io_text(io, &text);
		io_u64(io, &there);
		io_bytes(io, &value, &nbytes);
		client_ref(c, io, &owner);
		if (!name) {
			name = text && !io->failed ? name_create(c, weft__str(text)) : NULL;
			weft__free(text);
			if (name && there && name_set(c, name, value, nbytes))
				name_own(name, owner);
		}
		if (!made(c, io, name))
			return;
		l = &name->all;
	}
}

static void letters_io(struct coord *c, struct io *io, struct mbox *b)
{
	struct weft__list *l = &b->letters;
	size_t n = 0;
	for (const struct weft__list *p = b->letters.next; p != &b->letters; p = p->next)
		n++;
	n = io_count(io, n);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct letter *letter = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct letter, link);
		uint64_t index = letter ? letter->index : 0, flags = letter ? letter->flags : 0;
		struct task *task = letter ? letter->task : NULL;
		struct client *tool = letter ? letter->tool : NULL;
		const void *value = letter ? letter->value : NULL;
		size_t nbytes = letter ? letter->nbytes : 0;
		io_u64(io, &index);
		io_u64(io, &flags);
		task_ref(c, io, &task);
		client_ref(c, io, &tool);
		io_bytes(io, &value, &nbytes);
		if (letter) {
			l = l->next;
			continue;
		}
		letter = io->failed ? NULL : letter_create(c, b, index, value, nbytes);
		if (!made(c, io, letter))
			return;
		letter->flags = flags;
		letter_own(letter, task, tool);
	}
}

static void mboxes_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->mboxes;
	size_t n = io_count(io, c->nmboxes);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct mbox *b = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct mbox, all);
		char *text = b ? b->entry.name : NULL;
		io_text(io, &text);
		if (!b) {
			b = text && !io->failed ? mbox_create(c, weft__str(text)) : NULL;
			weft__free(text);
		}
		if (!made(c, io, b))
			return;
		letters_io(c, io, b);
		l = &b->all;
	}
}

/* --- exchanges -------------------------------------------------------------------------------------------- */

/* Bytes that are read must be no more than what such a thing may have. */
static void buf_io(struct io *io, struct weft__buf *b)
{
	const void *bytes = b->data;
	size_t nbytes = b->len;
	io_bytes(io, &bytes, &nbytes);
	if (io_reading(io) && !io->failed && nbytes > 0 && weft__buf_append(b, bytes, nbytes))
		io->failed = WEFT_ENOMEM;
}

static void gift_io(struct coord *c, struct io *io, struct gift *g)
{
	struct client *client = g->client;
	io_u64(io, &g->state);
	client_ref(c, io, &client);
	io_u64(io, &g->req);
	buf_io(io, &g->bytes);
	io_u64(io, &g->sent);
	bool bound = g->state == GIFT_PARTIAL || g->state == GIFT_GIVEN;
	if (g->state > GIFT_SETTLED || bound != (client != NULL) || g->sent > g->exchange->result.len)
		bad(io);
	else if (io_reading(io) && client && !io->failed)
		exchange_bind(g, client, g->req);
}

/* A new one to be read into; NULL: not possible. */
static struct exchange *exchange_read_members(struct coord *c, struct io *io, const char *name, size_t n)
{
	uint64_t *members = coord_alloc(c, (n + 1) * sizeof *members);
	for (size_t i = 0; members && i < n; i++)
		io_u64(io, &members[i]);
	struct exchange *x = members && name && n && !io->failed ? exchange_create(c, weft__str(name), members, n) : NULL;
	weft__free(members);
	return x;
}

static void exchanges_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->exchanges;
	size_t count = io_count(io, c->nexchanges);
	for (size_t i = 0; i < count && !io->failed; i++) {
		struct exchange *x = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct exchange, all);
		char *name = x ? x->name : NULL;
		size_t n = io_count(io, x ? x->ngifts : 0);
		uint64_t member;
		io_text(io, &name);
		for (size_t k = 0; x && k < n; k++) {
			member = (uint64_t)x->gifts[k].job << WEFT__NODE_BITS | x->gifts[k].node;
			io_u64(io, &member);
		}
		if (!x) {
			x = exchange_read_members(c, io, name, n);
			weft__free(name);
		}
		if (!made(c, io, x))
			return;
		size_t nbytes = x->nbytes;
		io_size(io, &nbytes);
		if (io_reading(io) && nbytes >= x->nbytes)
			exchange_grow(c, x, nbytes - x->nbytes);
		io_size(io, &x->nawaited);
		buf_io(io, &x->result);
		for (size_t k = 0; k < x->ngifts && !io->failed; k++)
			gift_io(c, io, &x->gifts[k]);
		if (x->nawaited > x->ngifts)
			bad(io);
		l = &x->all;
	}
}

/* --- what hangs between -------------------------------------------------------------------------------------- */

static void ask_targets_io(struct coord *c, struct io *io, struct ask *a)
{
	struct entry *e = a->name ? &a->name->entry : a->mbox ? &a->mbox->entry : a->member ? &a->member->group->entry : NULL;
	uint64_t job = a->job ? a->job->id : 0;
	bool reading = io_reading(io);
	switch (a->kind) {
	case ASK_WAIT:
		task_ref(c, io, &a->task);
		if (reading && a->task)
			weft__list_push(&a->task->asks, &a->at_target);
		break;
	case ASK_NAME:
		name_ref(c, io, &c->name_map, &e);
		if (!reading || io->failed)
			break;
		a->name = WEFT__CONTAINER(e, struct name, entry);
		weft__list_push(&a->name->asks, &a->at_target);
		break;
	case ASK_MBOX:
		name_ref(c, io, &c->mbox_map, &e);
		if (!reading || io->failed)
			break;
		a->mbox = WEFT__CONTAINER(e, struct mbox, entry);
		weft__list_push(&a->mbox->asks, &a->at_target);
		break;
	case ASK_BARRIER:
		name_ref(c, io, &c->group_map, &e);
		if (!reading || io->failed)
			break;
		a->member = a->client->task ? group_member(WEFT__CONTAINER(e, struct group, entry), a->client->task) : NULL;
		if (!a->member) {
			bad(io);
			break;
		}
		a->member->arrived = a;
		a->member->group->narrived++;
		weft__list_push(&a->member->group->arrived, &a->at_target);
		break;
	case ASK_SPAWN:
		io_u64(io, &job);
		if (!reading)
			break;
		a->job = job_find(c, job);
		if (a->job)
			a->job->ask = a;
		else
			bad(io);
		break;
	case ASK_NODE_ADD:
	case ASK_NODE_DEL:
	case ASK_HALT:
	case ASK_DRAIN:
		break;
	default:
		bad(io);
	}
}

static void asks_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->asks;
	size_t n = io_count(io, c->nasks);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct ask *a = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct ask, all);
		struct client *client = a ? a->client : NULL;
		client_ref(c, io, &client);
		if (!a)
			a = client ? ask_new(c, client, 0, ASK_WAIT) : NULL;
		if (!made(c, io, a))
			return;
		io_u64(io, &a->id);
		io_u64(io, &a->req);
		io_u64(io, &a->kind);
		io_u64(io, &a->left);
		io_u64(io, &a->index);
		io_u64(io, &a->flags);
		ask_targets_io(c, io, a);
		l = &a->all;
	}
}

static void watches_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->watches;
	size_t n = io_count(io, c->nwatches);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct watch *w = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct watch, all);
		struct client *client = w ? w->client : NULL;
		bool reading = io_reading(io);
		client_ref(c, io, &client);
		if (!w)
			w = client ? notify_watch(c, client, 0) : NULL;
		if (!made(c, io, w))
			return;
		io_u64(io, &w->kind);
		io_u64(io, &w->id);
		io_u64(io, &w->context);
		io_i64(io, &w->tag);
		io_u64(io, &w->left);
		struct weft__list *at = notify_target(c, w->kind, w->id);
		if (!at)
			bad(io);
		else if (reading)
			weft__list_push(at, &w->at_target);
		l = &w->all;
	}
}

static struct draft *parked_draft(struct client *client)
{
	for (struct weft__list *l = client->drafts.next; l != &client->drafts; l = l->next) {
		struct draft *d = WEFT__CONTAINER(l, struct draft, at_client);
		if (d->complete && weft__list_empty(&d->parked))
			return d;
	}
	return NULL;
}

/* A client's drafts are parked in the order in which it has them, so that its name is enough. */
static void parked_io(struct coord *c, struct io *io)
{
	struct weft__list *l = &c->parked;
	size_t n = 0;
	for (const struct weft__list *p = c->parked.next; p != &c->parked; p = p->next)
		n++;
	n = io_count(io, n);
	for (size_t i = 0; i < n && !io->failed; i++) {
		struct draft *d = io_reading(io) ? NULL : WEFT__CONTAINER(l->next, struct draft, parked);
		struct client *client = d ? d->client : NULL;
		client_ref(c, io, &client);
		if (d) {
			l = l->next;
			continue;
		}
		d = client ? parked_draft(client) : NULL;
		if (d)
			weft__list_push(&c->parked, &d->parked);
		else
			bad(io);
	}
}

static void counters_io(struct coord *c, struct io *io)
{
	size_t n = WEFT__NODE_MAX + 1;
	while (n > 0 && c->seats[n - 1].ntids == 0)
		n--;
	n = io_count(io, n);
	if (n > WEFT__NODE_MAX + 1)
		bad(io);
	for (size_t i = 0; i < n && !io->failed; i++)
		io_u64(io, &c->seats[i].ntids);
}

void save_io(struct coord *c, struct io *io)
{
	uint64_t next_ask = c->next_ask;
	io_text(io, &c->vm);
	io_u64(io, &c->private_vm);
	io_u64(io, &c->orphan_ms);
	io_u64(io, &c->local_nodes);
	io_u64(io, &c->epoch);
	io_u64(io, &c->halting);
	io_text(io, &c->stopped_by);
	io_u64(io, &c->next_index);
	io_u64(io, &c->next_incarnation);
	io_u64(io, &c->next_job);
	io_u64(io, &c->next_context);
	io_u64(io, &next_ask);
	io_u64(io, &c->place_next);
	counters_io(c, io);
	nodes_io(c, io);
	jobs_io(c, io, &c->live_jobs, c->nlive_jobs);
	jobs_io(c, io, &c->ended_jobs, c->nended_jobs);
	groups_io(c, io);
	members_io(c, io);
	meetings_io(c, io);
	names_io(c, io);
	mboxes_io(c, io);
	exchanges_io(c, io);
	asks_io(c, io);
	watches_io(c, io);
	parked_io(c, io);
	c->next_ask = next_ask;
	if (c->failed && !io->failed)
		io->failed = c->failed;
}

/* --- the end --------------------------------------------------------------------------------------------------- */

static void clear_client(struct coord *c, struct client *client)
{
	while (!weft__list_empty(&client->drafts))
		job_draft_destroy(c, WEFT__CONTAINER(client->drafts.next, struct draft, at_client));
	client_destroy(c, client);
}

void save_clear(struct coord *c)
{
	while (!weft__list_empty(&c->asks))
		ask_destroy(c, WEFT__CONTAINER(c->asks.next, struct ask, all));
	while (!weft__list_empty(&c->watches))
		notify_cancel(c, WEFT__CONTAINER(c->watches.next, struct watch, all));
	while (!weft__list_empty(&c->exchanges))
		exchange_destroy(c, WEFT__CONTAINER(c->exchanges.next, struct exchange, all));
	for (struct weft__list *l; (l = c->members.next) != &c->members;) {
		struct member *m = WEFT__CONTAINER(l, struct member, all);
		weft__list_remove(&m->all);
		weft__list_remove(&m->at_task);
		weft__free(m);
	}
	while (!weft__list_empty(&c->groups))
		group_destroy(c, WEFT__CONTAINER(c->groups.next, struct group, all));
	for (struct weft__list *l; (l = c->names.next) != &c->names;) {
		struct name *n = WEFT__CONTAINER(l, struct name, all);
		name_own(n, NULL);
		weft__free(n->value);
		n->there = 0;
		name_release(c, n);
	}
	for (struct weft__list *l; (l = c->mboxes.next) != &c->mboxes;) {
		struct mbox *b = WEFT__CONTAINER(l, struct mbox, all);
		bool was_last = weft__list_empty(&b->letters);
		if (was_last)
			mbox_release(c, b);
		else
			letter_destroy(c, WEFT__CONTAINER(b->letters.next, struct letter, link));
	}
	while (!weft__list_empty(&c->live_jobs))
		job_destroy(c, WEFT__CONTAINER(c->live_jobs.next, struct job, all));
	while (!weft__list_empty(&c->ended_jobs))
		job_destroy(c, WEFT__CONTAINER(c->ended_jobs.next, struct job, all));
	while (!weft__list_empty(&c->nodes)) {
		struct node *n = WEFT__CONTAINER(c->nodes.next, struct node, all);
		while (!weft__list_empty(&n->clients))
			clear_client(c, WEFT__CONTAINER(n->clients.next, struct client, at_node));
		node_destroy(c, n);
	}
}

void coord_count(const struct coord *c, struct coord_counts *n)
{
	*n = (struct coord_counts){.nodes = c->nnodes,
	                           .clients = c->nclients,
	                           .live_jobs = c->nlive_jobs,
	                           .ended_jobs = c->nended_jobs,
	                           .live_tasks = c->nlive_tasks,
	                           .tasks = c->tasks.count,
	                           .asks = c->nasks,
	                           .drafts = c->ndrafts,
	                           .watches = c->nwatches,
	                           .groups = c->ngroups,
	                           .members = c->nmembers,
	                           .names = c->nnames,
	                           .mboxes = c->nmboxes,
	                           .letters = c->nletters,
	                           .takers = c->ntakers,
	                           .exchanges = c->nexchanges,
	                           .exchange_bytes = c->exchange_bytes};
	for (const struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next)
		n->kept_bytes += WEFT__CONTAINER(l, struct node, all)->session.nbytes;
}
