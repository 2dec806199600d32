/* Jobs that our Open MPI tasks meet, and what tasks elsewhere have put.
 *
 * Happy path: a request names a space that we don't know; the coordinator tells where its tasks are (ask_team), libpmix
 * is told, the request goes on. What a task has put that another task VM hosts comes from there, in one question
 * and one answer (MODEX).
 *
 * What can go wrong: the space is no job of this VM, or its job has ended (WEFT_ENOTASK); the other task VM does not
 * answer, because its task has put nothing yet or is gone (WEFT_ETIMEDOUT after FETCH_MS).
 */
#include "config.h"

#include "node/taskvm_pmix.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "node/ask.h"

enum { FETCH_MS = 60000, MODEX_BYTES_MAX = 131072 };

/* --- spaces ------------------------------------------------------------------------------------------------ */

/* The job of a space's name: "weft-VM-JOB-SECRET"; 0: it is none of this virtual machine. */
static uint32_t job_of(const struct taskvm *vm, const char *name)
{
	char front[MPI_SPACE_MAX + 1], *end;
	size_t n = (size_t)snprintf(front, sizeof front, "weft-%.100s-", vm->vm);
	if (strncmp(name, front, n) != 0 || name[n] < '1' || name[n] > '9')
		return 0;
	errno = 0;
	unsigned long long job = strtoull(name + n, &end, 10);
	return *end != '-' || errno || job > UINT32_MAX ? 0 : (uint32_t)job;
}

struct pmix_space *pmix_space_find(struct taskvm *vm, const char *name)
{
	struct weft__list *all = &vm->pmix->spaces;
	for (struct weft__list *i = all->next; i != all; i = i->next) {
		struct pmix_space *s = WEFT__CONTAINER(i, struct pmix_space, link);
		if (!strcmp(s->name, name))
			return s;
	}
	uint32_t job = job_of(vm, name);
	if (job == 0 || (job == vm->job && strcmp(name, vm->pmix->space) != 0))
		return NULL;
	struct pmix_space *s = weft__calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->job = job;
	snprintf(s->name, sizeof s->name, "%s", name);
	weft__list_init(&s->waiting);
	weft__list_push(all, &s->link);
	if (job == vm->job)
		pmix_space_learn(vm, s, vm->tids, vm->size);
	return s;
}

static void go_on(struct taskvm *vm, struct pmix_space *s, int code)
{
	while (!weft__list_empty(&s->waiting)) {
		struct pmix_wait *w = WEFT__CONTAINER(s->waiting.next, struct pmix_wait, link);
		struct mpi_request *r = w->r;
		weft__list_remove(&w->link);
		if (code)
			w->go_on(vm, r, code);
		else
			pmix_need(vm, r, w->go_on); /* it may need others */
		weft__free(w);
	}
}

/* Its name says which of the job's tasks belong. */
static int make_world(struct pmix_space *s, const uint64_t *tids, uint32_t size)
{
	const char *part = strstr(s->name, PMIX_PART_SIGN);
	uint8_t *members = part ? weft__calloc((size_t)size + 1, 1) : NULL;
	int rc = part && !members ? WEFT_ENOMEM : 0;
	if (members && !world_read(part + strlen(PMIX_PART_SIGN), members, size))
		rc = WEFT_ENOTASK;
	if (!rc)
		rc = world_init(&s->world, tids, size, members);
	weft__free(members);
	return rc;
}

int pmix_space_learn(struct taskvm *vm, struct pmix_space *s, const uint64_t *tids, uint32_t size)
{
	int rc = s->known ? 0 : make_world(s, tids, size);
	if (rc)
		return rc;
	s->known = true;
	if (s->told || s->job == vm->job)
		return 0;
	rc = pmix_tell_space(vm, &s->world, s->name);
	s->told = rc == 0;
	return rc;
}

struct learning {
	struct taskvm *vm;
	struct pmix_space *space;
};

static void on_team(void *arg, int code, const uint64_t *tids, uint32_t size)
{
	struct learning *l = arg;
	if (!code)
		code = pmix_space_learn(l->vm, l->space, tids, size);
	go_on(l->vm, l->space, code);
	weft__free(l);
}

/* r waits for the space; true: it does, false: there is no memory. */
static bool wait_for(struct taskvm *vm, struct pmix_space *s, struct mpi_request *r,
                     void (*next)(struct taskvm *vm, struct mpi_request *r, int code))
{
	struct pmix_wait *w = weft__calloc(1, sizeof *w);
	struct learning *l = weft__calloc(1, sizeof *l);
	bool first = weft__list_empty(&s->waiting);
	if (w && l) {
		*w = (struct pmix_wait){.go_on = next, .r = r};
		*l = (struct learning){vm, s};
		if (!first || ask_team(vm, s->job, on_team, l)) {
			weft__list_push(&s->waiting, &w->link);
			if (!first)
				weft__free(l);
			return true;
		}
	}
	weft__free(w);
	weft__free(l);
	return false;
}

void pmix_need(struct taskvm *vm, struct mpi_request *r,
               void (*next)(struct taskvm *vm, struct mpi_request *r, int code))
{
	for (size_t i = 0; i < r->nprocs; i++) {
		struct pmix_space *s = pmix_space_find(vm, r->procs[i].space);
		if (s && s->known)
			continue;
		if (!s)
			next(vm, r, WEFT_ENOTASK);
		else if (!wait_for(vm, s, r, next))
			next(vm, r, WEFT_ENOMEM);
		return;
	}
	next(vm, r, 0);
}

/* --- what tasks have put ------------------------------------------------------------------------------------ */

/* A question to another task VM. */
struct fetch {
	struct weft__list link; /* in taskvm_pmix.fetches */
	uint64_t token, deadline_ns;
	struct mpi_request *r;
	struct weft__msg_modex question;
};

/* A question of another task VM, while libpmix looks. */
struct serving {
	uint64_t to_job, to_node, token;
};

static void send_modex(struct taskvm *vm, struct weft__msg_modex *m)
{
	const struct weft__msg msg = {.code = WEFT__MSG_MODEX, .modex = *m};
	taskvm_conn_send(vm, &msg, -1);
}

static void fetch(struct taskvm *vm, struct mpi_request *r, int code)
{
	const struct mpi_proc *who = &r->procs[0];
	const struct pmix_space *s = code ? NULL : pmix_space_find(vm, who->space);
	if (!code && (!s || who->rank >= s->world.size))
		code = WEFT_ENOTASK;
	struct fetch *f = code ? NULL : weft__calloc(1, sizeof *f);
	if (!f) {
		pmix_answer_to(vm, &r, code ? code : WEFT_ENOMEM);
		return;
	}
	f->r = r;
	f->token = ++vm->pmix->last_token;
	f->deadline_ns = weft__clock_ns() + (uint64_t)FETCH_MS * 1000000;
	weft__list_push(&vm->pmix->fetches, &f->link);
	struct weft__msg_modex m = {.to_job = s->job,
	                            .to_node = s->world.map.nodes[s->world.map.node_of[who->rank]],
	                            .from_job = vm->job,
	                            .from_node = vm->node,
	                            .token = f->token,
	                            .rank = who->rank};
	f->question = m;
	send_modex(vm, &m);
}

void taskvm_pmix_ask_again(struct taskvm *vm)
{
	if (!vm->pmix)
		return;
	struct weft__list *all = &vm->pmix->fetches;
	for (struct weft__list *i = all->next; i != all; i = i->next)
		send_modex(vm, &WEFT__CONTAINER(i, struct fetch, link)->question);
}

void pmix_modex(struct taskvm *vm, struct mpi_request *r)
{
	pmix_need(vm, r, fetch);
}

static void end_fetch(struct taskvm *vm, struct fetch *f, int code, const void *bytes, size_t nbytes)
{
	const struct mpi_answer a = {.code = code, .data = {(void *)bytes, nbytes}};
	weft__list_remove(&f->link);
	vm->pmix->part->answer(f->r, &a);
	weft__free(f);
}

static void take_answer(struct taskvm *vm, const struct weft__msg_modex *m)
{
	struct weft__list *all = &vm->pmix->fetches;
	for (struct weft__list *i = all->next; i != all; i = i->next) {
		struct fetch *f = WEFT__CONTAINER(i, struct fetch, link);
		if (f->token != m->token)
			continue;
		end_fetch(vm, f, (int)m->code, m->bytes.p, m->bytes.n);
		return;
	}
}

static void answer(struct taskvm *vm, const struct serving *s, int code, const void *bytes, size_t nbytes)
{
	struct weft__msg_modex m = {.to_job = s->to_job,
	                            .to_node = s->to_node,
	                            .from_job = vm->job,
	                            .from_node = vm->node,
	                            .token = s->token,
	                            .is_answer = 1,
	                            .code = code,
	                            .bytes = {bytes, nbytes}};
	send_modex(vm, &m);
}

void taskvm_pmix_modex(struct taskvm *vm, const struct weft__msg_modex *m)
{
	const struct serving asker = {m->from_job, m->from_node, m->token};
	struct serving *s = NULL;
	struct mpi_proc who = {.rank = (uint32_t)m->rank};
	if (!vm->pmix || !vm->pmix->part) {
		if (!m->is_answer)
			answer(vm, &asker, WEFT_ENOTASK, NULL, 0);
		return;
	}
	if (m->is_answer) {
		take_answer(vm, m);
		return;
	}
	memcpy(who.space, vm->pmix->space, sizeof who.space);
	int rc = (s = weft__malloc(sizeof *s)) ? 0 : WEFT_ENOMEM;
	if (!rc) {
		*s = asker;
		rc = vm->pmix->part->fetch(&who, (uintptr_t)s);
	}
	if (rc) {
		answer(vm, &asker, rc, NULL, 0);
		weft__free(s);
	}
}

void pmix_fetched(struct taskvm *vm, struct mpi_request *r)
{
	struct serving *s = (struct serving *)(uintptr_t)r->token;
	bool fits = r->data.n <= MODEX_BYTES_MAX;
	answer(vm, s, fits ? r->code : WEFT_ETOOBIG, r->data.p, fits && !r->code ? r->data.n : 0);
	weft__free(s);
	pmix_answer_to(vm, &r, 0);
}

uint64_t pmix_fetch_due_ns(const struct taskvm *vm)
{
	const struct weft__list *all = &vm->pmix->fetches;
	return weft__list_empty(all) ? WEFT__NEVER : WEFT__CONTAINER(all->next, struct fetch, link)->deadline_ns;
}

void pmix_fetch_timers(struct taskvm *vm, uint64_t now_ns)
{
	while (now_ns >= pmix_fetch_due_ns(vm))
		end_fetch(vm, WEFT__CONTAINER(vm->pmix->fetches.next, struct fetch, link), WEFT_ETIMEDOUT, NULL, 0);
}
