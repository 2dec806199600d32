#include "config.h"

#include "node/ask.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "node/taskvm.h"

enum { JOB_TASKS_MAX = 65536 };

struct ask {
	struct weft__list link; /* in taskvm.asks */
	uint64_t req;
	enum weft__msg_code code; /* of the question */
	ask_spawned_fn *spawned;
	ask_result_fn *result;
	ask_value_fn *value;
	ask_team_fn *team;
	void *arg;
	struct ask_job job; /* SPAWN: as far as it is known */
	uint64_t *tids;     /* and room for errors after them */
};

static struct ask *ask_new(struct taskvm *vm, enum weft__msg_code code, void *arg)
{
	struct ask *a = weft__calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->req = ++vm->last_req;
	a->code = code;
	a->arg = arg;
	weft__list_push(&vm->asks, &a->link);
	return a;
}

static struct ask *find(const struct taskvm *vm, uint64_t req)
{
	for (struct weft__list *l = vm->asks.next; l != &vm->asks; l = l->next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, link);
		if (a->req == req)
			return a;
	}
	return NULL;
}

static void ask_free(struct ask *a)
{
	weft__list_remove(&a->link);
	weft__free(a->tids);
	weft__free(a);
}

/* The one end that each question has. */
static void finish(struct ask *a, int code, const char *text, const void *value, size_t nbytes)
{
	struct ask_job none = {.code = code, .text = text};
	weft__list_remove(&a->link);
	if (a->spawned)
		a->spawned(a->arg, code ? &none : &a->job);
	if (a->result)
		a->result(a->arg, code, text);
	if (a->value)
		a->value(a->arg, code, value, nbytes);
	if (a->team)
		a->team(a->arg, code, a->tids, code ? 0 : a->job.size);
	ask_free(a);
}

/* --- spawning ----------------------------------------------------------------------------------- */

/* A list for a message, the caller's to weft__free; NULL: no memory. */
static struct weft__str *list(const char *const *strings, size_t *n)
{
	*n = 0;
	while (strings[*n])
		++*n;
	struct weft__str *out = weft__calloc(*n + 1, sizeof *out);
	for (size_t i = 0; out && i < *n; i++)
		out[i] = weft__str(strings[i]);
	return out;
}

static int send_program(struct taskvm *vm, struct weft__msg_spawn *m, const struct ask_program *p)
{
	size_t nargs, nvariables;
	struct weft__str *argv = list(p->argv, &nargs), *env = list(p->env, &nvariables);
	struct weft__msg msg = {.code = WEFT__MSG_SPAWN, .spawn = *m};
	int rc = argv && env ? 0 : WEFT_ENOMEM;
	msg.spawn.count = p->count;
	msg.spawn.host = weft__str(p->host);
	msg.spawn.wdir = weft__str(p->wdir);
	msg.spawn.argv = (struct weft__strs){argv, nargs};
	msg.spawn.env = (struct weft__strs){env, nvariables};
	msg.spawn.mpi = p->mpi;
	if (!rc)
		taskvm_conn_send(vm, &msg, -1);
	weft__free(argv);
	weft__free(env);
	return rc;
}

uint64_t ask_spawn(struct taskvm *vm, const struct ask_program *programs, size_t nprograms, uint64_t parent,
                   const void *hosting, size_t nhosting, ask_spawned_fn *done, void *arg)
{
	struct ask *a = ask_new(vm, WEFT__MSG_SPAWN, arg);
	if (!a)
		return 0;
	a->spawned = done;
	for (size_t i = 0; i < nprograms; i++) {
		struct weft__msg_spawn m = {.req = a->req,
		                            .more = i + 1 < nprograms,
		                            .parent = parent,
		                            .hosting = {hosting, nhosting}};
		if (send_program(vm, &m, &programs[i])) {
			ask_free(a);
			return 0;
		}
	}
	return a->req;
}

/* A part of the answer; true: it was the last one. Errors are in *code. */
static bool take_spawned(struct ask *a, const struct weft__msg_spawned *m, int *code)
{
	*code = (int)m->code;
	if (m->code && m->tids.n == 0)
		return true;
	*code = WEFT_EPROTO;
	if (m->size == 0 || m->size > JOB_TASKS_MAX || m->tids.n != m->errors.n || m->first + m->tids.n > m->size)
		return true;
	*code = WEFT_ENOMEM;
	if (!a->tids)
		a->tids = weft__calloc(2 * m->size, sizeof *a->tids);
	if (!a->tids)
		return true;
	*code = (int)m->code;
	a->job = (struct ask_job){.job = (uint32_t)m->job, .size = (uint32_t)m->size, .tids = a->tids, .errors = a->tids + m->size};
	memcpy(a->tids + m->first, m->tids.p, m->tids.n * sizeof *a->tids);
	memcpy(a->tids + m->size + m->first, m->errors.p, m->errors.n * sizeof *a->tids);
	return m->first + m->tids.n == m->size;
}

/* --- the others --------------------------------------------------------------------------------- */

uint64_t ask_name_put(struct taskvm *vm, const char *name, const void *value, size_t nbytes, bool replace,
                      ask_result_fn *done, void *arg)
{
	struct ask *a = ask_new(vm, WEFT__MSG_NAME_PUT, arg);
	if (!a)
		return 0;
	a->result = done;
	struct weft__msg m = {.code = WEFT__MSG_NAME_PUT,
	                      .name_put = {a->req, replace, weft__str(name), {value, nbytes}}};
	taskvm_conn_send(vm, &m, -1);
	return a->req;
}

uint64_t ask_name_get(struct taskvm *vm, const char *name, bool wait, ask_value_fn *done, void *arg)
{
	struct ask *a = ask_new(vm, WEFT__MSG_NAME_GET, arg);
	if (!a)
		return 0;
	a->value = done;
	struct weft__msg m = {.code = WEFT__MSG_NAME_GET, .name_get = {a->req, wait, weft__str(name)}};
	taskvm_conn_send(vm, &m, -1);
	return a->req;
}

uint64_t ask_name_del(struct taskvm *vm, const char *name, ask_result_fn *done, void *arg)
{
	struct ask *a = ask_new(vm, WEFT__MSG_NAME_DEL, arg);
	if (!a)
		return 0;
	a->result = done;
	struct weft__msg m = {.code = WEFT__MSG_NAME_DEL, .name_del = {a->req, weft__str(name)}};
	taskvm_conn_send(vm, &m, -1);
	return a->req;
}

uint64_t ask_team(struct taskvm *vm, uint32_t job, ask_team_fn *done, void *arg)
{
	struct ask *a = ask_new(vm, WEFT__MSG_TEAM_ASK, arg);
	if (!a)
		return 0;
	a->team = done;
	a->job.job = job;
	struct weft__msg m = {.code = WEFT__MSG_TEAM_ASK, .team_ask = {a->req, job}};
	taskvm_conn_send(vm, &m, -1);
	return a->req;
}

uint64_t ask_signal(struct taskvm *vm, uint64_t tid, uint32_t job, int signo, ask_result_fn *done, void *arg)
{
	struct ask *a = ask_new(vm, WEFT__MSG_SIGNAL, arg);
	if (!a)
		return 0;
	a->result = done;
	struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {a->req, tid, job, (uint64_t)signo}};
	taskvm_conn_send(vm, &m, -1);
	return a->req;
}

void ask_abort(struct taskvm *vm, uint64_t tid, int exit_code, const char *text)
{
	char cut[256];
	snprintf(cut, sizeof cut, "%s", text);
	struct weft__msg m = {.code = WEFT__MSG_JOB_ABORT,
	                      .job_abort = {.tid = tid, .exit_code = exit_code, .text = weft__str(cut)}};
	taskvm_conn_send(vm, &m, -1);
}

void ask_cancel(struct taskvm *vm, uint64_t number)
{
	struct ask *a = find(vm, number);
	if (!a)
		return;
	struct weft__msg m = {.code = WEFT__MSG_FORGET, .forget = {.req = number}};
	if (a->code == WEFT__MSG_NAME_GET)
		taskvm_conn_send(vm, &m, -1);
	ask_free(a);
}

/* --- answers -------------------------------------------------------------------------------------- */

void ask_take_team(struct taskvm *vm, const struct weft__msg_team *m)
{
	for (struct weft__list *l = vm->asks.next; l != &vm->asks; l = l->next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, link);
		if (!a->team || a->job.job != m->job || m->size == 0 || m->size > JOB_TASKS_MAX || m->first + m->tids.n > m->size)
			continue;
		if (!a->tids)
			a->tids = weft__calloc(m->size, sizeof *a->tids);
		if (a->tids && (a->job.size == 0 || a->job.size == m->size)) {
			a->job.size = (uint32_t)m->size;
			memcpy(a->tids + m->first, m->tids.p, m->tids.n * sizeof *a->tids);
		}
	}
}

void ask_take(struct taskvm *vm, const struct weft__msg *m)
{
	uint64_t req = m->code == WEFT__MSG_SPAWNED ? m->spawned.req
	             : m->code == WEFT__MSG_RESULT  ? m->result.req
	                                            : m->name_value.req;
	struct ask *a = find(vm, req);
	int code;
	if (!a)
		return; /* canceled */
	if (m->code == WEFT__MSG_SPAWNED && a->spawned) {
		if (take_spawned(a, &m->spawned, &code))
			finish(a, code, m->spawned.text.p, NULL, 0);
	} else if (m->code == WEFT__MSG_NAME_VALUE && a->value) {
		finish(a, (int)m->name_value.code, "", m->name_value.value.p, m->name_value.value.n);
	} else if (m->code == WEFT__MSG_RESULT) {
		int lack = a->team && !a->tids && !m->result.code ? WEFT_ENOMEM : 0;
		finish(a, lack ? lack : (int)m->result.code, m->result.text.p, NULL, 0);
	}
}
