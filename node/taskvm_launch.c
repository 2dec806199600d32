/* Launches: LAUNCH comes in, its tasks wait in order, some are started each turn of the loop so that output
 * and ends of the first ones are served while the last ones start.
 *
 * What can go wrong: out of memory while a LAUNCH is taken (its tasks fail with WEFT_ENOMEM as far as they
 * can be named); a program that can't be started (each task fails with the same text, found once); a task
 * that can't be started (that one fails). A kill cancels what waits.
 */
#include "config.h"

#include "node/taskvm_order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/environ.h"
#include "base/heap.h"

static void strings_free(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		weft__free(strings[i]);
	weft__free(strings);
}

static void launch_free(struct taskvm_launch *l)
{
	if (!l)
		return;
	strings_free(l->argv);
	strings_free(l->env);
	strings_free(l->own);
	weft__free(l->wdir);
	weft__free(l->path);
	weft__free(l->tasks);
	bind_plan_fini(&l->bind);
	weft__free(l);
}

/* Variables that say who a task is, to Weft or to MPICH, must not come from its parent. */
static bool is_ours(const char *variable)
{
	static const char *const mpich[] = {"PMI_FD=",      "PMI_RANK=",        "PMI_SIZE=",       "PMI_PORT=", "PMI_ID=",
	                                    "PMI_SPAWNED=", "MPI_LOCALRANKID=", "MPI_LOCALNRANKS="};
	for (size_t i = 0; i < sizeof mpich / sizeof *mpich; i++)
		if (!strncmp(variable, mpich[i], strlen(mpich[i])))
			return true;
	return weft__environ_is_own(variable);
}

/* A copy that ends with NULL, or NULL. */
static char **strings_copy(const struct weft__strs *strings, bool without_ours)
{
	char **copy = weft__calloc(strings->n + 1, sizeof *copy);
	if (!copy)
		return NULL;
	size_t n = 0;
	for (size_t i = 0; i < strings->n; i++) {
		if (without_ours && is_ours(strings->p[i].p))
			continue;
		copy[n] = weft__strndup(strings->p[i].p, strings->p[i].n);
		if (!copy[n++]) {
			strings_free(copy);
			return NULL;
		}
	}
	return copy;
}

static char *variable(const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 2;
	char *text = weft__malloc(size);
	if (text)
		snprintf(text, size, "%s=%s", name, value);
	return text;
}

/* What all its tasks are told of where they are; NULL: out of memory. */
static char **make_own(const struct taskvm *vm, const struct taskvm_launch *l, const struct weft__msg_launch *m)
{
	char fd[24], size[24], job[24], node[24];
	snprintf(fd, sizeof fd, "%d", TASKVM_TASK_FD);
	snprintf(size, sizeof size, "%" PRIu64, m->size);
	snprintf(job, sizeof job, "%" PRIu64, m->job);
	snprintf(node, sizeof node, "%" PRIu32, vm->node);
	const char *const all[][2] = {{"WEFT_FD", fd},      {"WEFT_SIZE", size}, {"WEFT_JOB", job}, {"WEFT_NODE", node},
	                              {"WEFT_DIR", vm->dir}, {"WEFT_VM", vm->vm}, {"PWD", l->wdir}};
	size_t n = sizeof all / sizeof *all - (*l->wdir != '/');
	char **own = weft__calloc(n + 1, sizeof *own);
	for (size_t i = 0; own && i < n; i++) {
		own[i] = variable(all[i][0], all[i][1]);
		if (own[i])
			continue;
		strings_free(own);
		own = NULL;
	}
	return own;
}

static struct taskvm_launch *launch_copy(const struct taskvm *vm, const struct weft__msg_launch *m)
{
	struct taskvm_launch *l = weft__calloc(1, sizeof *l);
	if (!l)
		return NULL;
	weft__list_init(&l->link);
	l->argv  = strings_copy(&m->argv, false);
	l->env   = strings_copy(&m->env, true);
	l->wdir  = weft__strndup(m->wdir.p, m->wdir.n);
	l->tasks = weft__calloc(m->tids.n + 1, sizeof(struct taskvm_task *));
	l->own   = l->wdir ? make_own(vm, l, m) : NULL;
	l->mpi = (unsigned)m->mpi;
	l->program = (uint32_t)m->program;
	snprintf(l->interface, sizeof l->interface, "%.*s", (int)m->interface.n, m->interface.p);
	l->with_stdin = (m->flags & WEFT__SPAWN_STDIN) != 0;
	l->tasker = (int64_t)m->tasker;
	l->tells_begin = m->sink_task;
	l->begin = (struct weft__msg_output_begin){
	        .job = m->job, .parent = m->parent, .context = m->sink_context, .tag = m->sink_tag};
	if (!l->argv || !l->env || !l->own || !l->tasks) {
		launch_free(l);
		return NULL;
	}
	return l;
}

static struct taskvm_task *task_add(struct taskvm *vm, uint64_t tid, uint32_t rank)
{
	struct taskvm_task *t = weft__calloc(1, sizeof *t);
	if (!t || weft__map_put(&vm->by_tid, tid, t)) {
		weft__free(t);
		return NULL;
	}
	t->tid = tid;
	t->rank = rank;
	t->index = vm->ntasks++;
	t->control = t->mpi_fd = -1;
	for (int i = 0; i < 2; i++)
		t->streams[i] = (struct taskvm_stream){.task = t, .fd = -1, .number = i + 1};
	t->state = TASKVM_WAITING;
	vm->nwaiting++;
	weft__list_push(&vm->tasks, &t->link);
	return t;
}

static void refuse(struct taskvm *vm, uint64_t tid, int code, const char *text)
{
	struct weft__msg m = {.code = WEFT__MSG_START_FAILED,
	                      .start_failed = {.tid = tid, .code = code, .text = weft__str(text)}};
	taskvm_conn_send(vm, &m, -1);
}

int taskvm_launch_add(struct taskvm *vm, const struct weft__msg_launch *m)
{
	if (vm->job == 0)
		vm->job = (uint32_t)m->job;
	if (m->job != vm->job || m->argv.n < 1 || m->tids.n != m->ranks.n)
		return WEFT_EPROTO;
	struct taskvm_launch *l = launch_copy(vm, m);
	vm->size = (uint32_t)m->size;
	vm->universe = (uint32_t)m->universe;
	vm->logged = m->sink_client == 0;
	vm->holds |= m->holds;
	vm->parent = m->parent;
	vm->flags = m->flags;
	vm->sink_node = (uint32_t)m->sink_node;
	vm->sink_client = m->sink_client;
	vm->job_sink.tells_begin = m->sink_task;
	if (!vm->hosting && m->hosting.n > 0) {
		vm->hosting = weft__malloc(m->hosting.n);
		if (vm->hosting)
			memcpy(vm->hosting, m->hosting.p, m->hosting.n);
		vm->nhosting = vm->hosting ? m->hosting.n : 0;
	}
	if (m->secret.n == sizeof vm->secret)
		memcpy(vm->secret, m->secret.p, sizeof vm->secret);
	for (size_t i = 0; i < m->tids.n; i++) {
		if (weft__map_get(&vm->by_tid, m->tids.p[i]))
			continue; /* repeated: it is there already */
		struct taskvm_task *t = l ? task_add(vm, m->tids.p[i], (uint32_t)m->ranks.p[i]) : NULL;
		if (t) {
			t->program = l->program;
			l->tasks[l->ntasks++] = t;
		} else {
			refuse(vm, m->tids.p[i], WEFT_ENOMEM, "out of memory");
		}
	}
	if (l) {
		taskvm_spawn_resolve(vm, l, m);
		weft__list_push(&vm->launches, &l->link);
	}
	if (l && m->several)
		taskvm_world_add(vm, l);
	if (m->last)
		vm->last_launch = true;
	if (m->last && m->several)
		taskvm_world_complete(vm);
	return 0;
}

static void fail(struct taskvm *vm, struct taskvm_task *t, int code, const char *text)
{
	t->code = code;
	snprintf(t->text, sizeof t->text, "%s", text);
	taskvm_task_step(vm, t, TASKVM_FAILED);
	taskvm_report(vm, t);
}

/* All its tasks were started, or failed. */
static bool is_over(const struct taskvm_launch *l)
{
	return l->next == l->ntasks && l->nstarting == 0;
}

void taskvm_launch_done(struct taskvm *vm, struct taskvm_order *o)
{
	struct taskvm_launch *l = o->launch;
	struct taskvm_task *t = o->task;
	struct taskvm_end early = o->early;
	int rc = taskvm_order_end(vm, o);
	l->nstarting--;
	if (rc) {
		fail(vm, t, rc, l->text);
	} else {
		taskvm_task_step(vm, t, TASKVM_RUNNING);
		taskvm_alone_started(vm, l, t);
		if (l->tells_begin)
			taskvm_output_begin(vm, t, &vm->job_sink, &l->begin);
		taskvm_report(vm, t);
		if (early.pid == t->pid)
			taskvm_ended(vm, t, early.status, &early.used);
	}
	if (l->spent && is_over(l))
		launch_free(l);
}

static void start(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t)
{
	struct taskvm_order *o;
	int rc = l->code ? l->code : taskvm_order_make(vm, l, t, &o);
	if (rc) {
		fail(vm, t, rc, l->text);
		return;
	}
	taskvm_task_step(vm, t, TASKVM_STARTING);
	l->nstarting++;
	if (taskvm_crew_take(vm, o))
		return;
	taskvm_exec(vm, o);
	taskvm_launch_done(vm, o);
}

/* Orders keep it until they are ended. */
static void spend(struct taskvm_launch *l)
{
	weft__list_remove(&l->link);
	l->spent = true;
	if (is_over(l))
		launch_free(l);
}

/* Some wait that are not held. */
static bool is_ready(const struct taskvm *vm)
{
	for (const struct weft__list *i = vm->launches.next; i != &vm->launches && vm->nwaiting; i = i->next)
		if (!WEFT__CONTAINER(i, struct taskvm_launch, link)->held)
			return true;
	return false;
}

bool taskvm_launch_can(const struct taskvm *vm)
{
	return !vm->full && taskvm_crew_room(vm) && is_ready(vm);
}

/* The first one that is not held, without those that are done; NULL: there is none. */
static struct taskvm_launch *first_ready(struct taskvm *vm)
{
	for (struct weft__list *i = vm->launches.next, *next; i != &vm->launches; i = next) {
		struct taskvm_launch *l = WEFT__CONTAINER(i, struct taskvm_launch, link);
		next = i->next;
		if (l->held)
			continue;
		if (l->next < l->ntasks)
			return l;
		spend(l);
	}
	return NULL;
}

void taskvm_launch_some(struct taskvm *vm, size_t ntasks_max)
{
	for (struct taskvm_launch *l; ntasks_max > 0 && taskvm_crew_room(vm) && (l = first_ready(vm));) {
		struct taskvm_task *t = l->tasks[l->next++];
		if (t->state != TASKVM_WAITING)
			continue; /* canceled */
		start(vm, l, t);
		ntasks_max--;
	}
}

void taskvm_launch_rest(struct taskvm *vm)
{
	if (!is_ready(vm))
		taskvm_crew_dismiss(vm);
}

void taskvm_launch_all(struct taskvm *vm)
{
	do
		taskvm_launch_some(vm, SIZE_MAX);
	while (taskvm_crew_wait(vm));
}

void taskvm_launch_release(struct taskvm *vm, int code, const char *text)
{
	for (struct weft__list *i = vm->launches.next; i != &vm->launches; i = i->next) {
		struct taskvm_launch *l = WEFT__CONTAINER(i, struct taskvm_launch, link);
		if (!l->held)
			continue;
		l->held = false;
		if (code) {
			l->code = code;
			snprintf(l->text, sizeof l->text, "cannot start \"%.80s\": its MPI needs all of the job: %.100s", l->argv[0], text);
		} else {
			taskvm_spawn_host(vm, l);
		}
	}
}

void taskvm_launch_cancel(struct taskvm *vm, uint64_t tid, const char *why)
{
	for (struct weft__list *i = vm->tasks.next; i != &vm->tasks && vm->nwaiting; i = i->next) {
		struct taskvm_task *t = WEFT__CONTAINER(i, struct taskvm_task, link);
		if (t->state == TASKVM_WAITING && (!tid || t->tid == tid))
			fail(vm, t, WEFT_ECANCELED, why);
	}
}
