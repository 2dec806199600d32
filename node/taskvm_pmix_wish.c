/* What the tasks of an Open MPI job want, and how the VM grants it.
 *
 * Happy path: a fence is an exchange among the task VMs that host its members, each of which gets the bytes of all; names
 * are the VM's; tasks that are spawned are tasks of the VM, started by the coordinator like all others; MPI_Abort
 * ends the job. An answer goes back when the last thing that it waits for has come.
 *
 * What can go wrong: the coordinator says no, or is away for good (the task gets an error); a member of a fence ends
 * (the exchange fails for all); a name is not published within the time that the asking task gave (it gets a
 * timeout, as from mpirun). A rank that ends without MPI_Finalize would leave the others waiting: its job ends.
 */
#include "config.h"

#include "node/taskvm_pmix.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/heap.h"
#include "base/log.h"
#include "node/ask.h"
#include "node/exchange.h"
#include "node/taskvm_mpi.h"

enum {
	NAME_MAX_BYTES = 255,
	MEMBERS_MAX    = 4096,
	READ_ONCE      = 1, /* the first byte of a value in the name store */
};

/* A request that waits for answers of the VM. */
struct op {
	struct weft__list link; /* in lookups, when it has a deadline */
	struct taskvm *vm;
	struct mpi_request *r;
	size_t nopen; /* answers to come */
	int code;
	uint64_t deadline_ns;
	uint8_t secret[PMIX_SECRET_BYTES]; /* of the job that is spawned */
	uint64_t *asks; /* [r->nnames] of a lookup; 0: answered */
	struct step *steps;
};

/* One of the answers. */
struct step {
	struct op *op;
	size_t i;
};

static struct op *op_new(struct taskvm *vm, struct mpi_request *r, size_t nsteps)
{
	struct op *o = weft__calloc(1, sizeof *o);
	struct step *steps = weft__calloc(nsteps + 1, sizeof *steps);
	uint64_t *asks = weft__calloc(nsteps + 1, sizeof *asks);
	if (!o || !steps || !asks) {
		weft__free(o);
		weft__free(steps);
		weft__free(asks);
		pmix_answer_to(vm, &r, WEFT_ENOMEM);
		return NULL;
	}
	for (size_t i = 0; i < nsteps; i++)
		steps[i] = (struct step){o, i};
	*o = (struct op){.vm = vm, .r = r, .steps = steps, .asks = asks, .deadline_ns = WEFT__NEVER};
	weft__list_init(&o->link);
	return o;
}

static void op_finish(struct op *o, const struct mpi_answer *a)
{
	o->vm->pmix->part->answer(o->r, a);
	weft__list_remove(&o->link);
	weft__free(o->steps);
	weft__free(o->asks);
	weft__free(o);
}

/* --- fence, connect, disconnect ----------------------------------------------------------------------------- */

/* The hash tells one set of tasks from another on the same nodes. */
static void name_meeting(const struct mpi_request *r, char *name, size_t size)
{
	static const char *const kinds[] = {[MPI_WISH_FENCE] = "fence",
	                                    [MPI_WISH_CONNECT] = "connect",
	                                    [MPI_WISH_DISCONNECT] = "disconnect"};
	uint64_t all = 0;
	for (size_t i = 0; i < r->nprocs; i++) { /* whatever their order */
		uint64_t hash = weft__hash(WEFT__HASH_EMPTY, r->procs[i].space, strlen(r->procs[i].space));
		all += weft__hash(hash, &r->procs[i].rank, sizeof r->procs[i].rank);
	}
	snprintf(name, size, "pmix.%s.%016" PRIx64, kinds[r->wish], all);
}

static int add_member(uint64_t *members, size_t *n, uint64_t m)
{
	for (size_t i = *n; i > 0; i--)
		if (members[i - 1] == m)
			return 0;
	if (*n == MEMBERS_MAX)
		return WEFT_ETOOBIG;
	members[(*n)++] = m;
	return 0;
}

/* The task VMs that host the procs of a request. */
static int find_members(struct taskvm *vm, const struct mpi_request *r, uint64_t *members, size_t *n)
{
	int rc = 0;
	*n = 0;
	for (size_t i = 0; i < r->nprocs && !rc; i++) {
		const struct mpi_proc *p = &r->procs[i];
		const struct pmix_space *s = pmix_space_find(vm, p->space);
		if (!s || !s->known || (p->rank != MPI_RANK_ALL && p->rank >= s->world.map.size))
			return WEFT_ENOTASK;
		if (p->rank != MPI_RANK_ALL)
			rc = add_member(members, n, exchange_member(s->job, s->world.map.nodes[s->world.map.node_of[p->rank]]));
		for (uint32_t k = 0; p->rank == MPI_RANK_ALL && k < s->world.map.nnodes && !rc; k++)
			rc = add_member(members, n, exchange_member(s->job, s->world.map.nodes[k]));
	}
	return rc;
}

static void met(void *arg, int code, const char *text, const struct exchange_piece *pieces, size_t npieces)
{
	struct op *o = arg;
	struct weft__buf all = {0};
	for (size_t i = 0; i < npieces && !code && o->r->wish == MPI_WISH_FENCE; i++)
		if (weft__buf_append(&all, pieces[i].bytes, pieces[i].nbytes))
			code = WEFT_ENOMEM;
	if (code)
		weft__log(WEFT__LOG_WARN, "WEFT-PMIX-FENCE", "job=%u %s: %s", o->vm->job, weft__err_text(code), text);
	op_finish(o, &(struct mpi_answer){.code = code, .data = {all.data, all.len}});
	weft__buf_fini(&all);
}

/* All spaces are known. */
static void meet(struct taskvm *vm, struct mpi_request *r, int code)
{
	uint64_t *members = weft__calloc(MEMBERS_MAX, sizeof *members);
	char name[64];
	size_t n = 0;
	if (!code)
		code = members ? find_members(vm, r, members, &n) : WEFT_ENOMEM;
	struct op *o = code ? NULL : op_new(vm, r, 0);
	if (code)
		pmix_answer_to(vm, &r, code);
	if (!o) {
		weft__free(members);
		return;
	}
	name_meeting(r, name, sizeof name);
	code = exchange_start(vm, name, members, n, r->data.p, r->data.n, met, o);
	if (code)
		op_finish(o, &(struct mpi_answer){.code = code});
	weft__free(members);
}

/* --- names ---------------------------------------------------------------------------------------------------- */

static bool store_name(const char *key, char name[NAME_MAX_BYTES + 1])
{
	return snprintf(name, NAME_MAX_BYTES + 1, "pmix.%s", key) <= NAME_MAX_BYTES;
}

/* One answer more; the last one ends it. */
static void op_step(struct op *o, int code)
{
	if (code && !o->code)
		o->code = code;
	if (--o->nopen == 0)
		op_finish(o, &(struct mpi_answer){.code = o->code, .names = o->r->names, .nnames = o->r->nnames});
}

static void on_result(void *arg, int code, const char *text)
{
	struct step *s = arg;
	op_step(s->op, code);
}

static uint64_t put_name(struct op *o, size_t i)
{
	const struct mpi_name *n = &o->r->names[i];
	char name[NAME_MAX_BYTES + 1];
	uint8_t *value = store_name(n->key, name) ? weft__malloc(n->value.n + 1) : NULL;
	if (!value)
		return 0;
	value[0] = n->read_once ? READ_ONCE : 0;
	memcpy(value + 1, n->value.p, n->value.n);
	uint64_t ask = ask_name_put(o->vm, name, value, n->value.n + 1, false, on_result, &o->steps[i]);
	weft__free(value);
	return ask;
}

static uint64_t del_name(struct op *o, size_t i)
{
	char name[NAME_MAX_BYTES + 1];
	return store_name(o->r->names[i].key, name) ? ask_name_del(o->vm, name, on_result, &o->steps[i]) : 0;
}

static void ignore(void *arg, int code, const char *text)
{
}

static void on_value(void *arg, int code, const void *value, size_t nbytes)
{
	struct step *s = arg;
	struct op *o = s->op;
	struct mpi_name *n = &o->r->names[s->i];
	char name[NAME_MAX_BYTES + 1];
	const uint8_t *bytes = value;
	o->asks[s->i] = 0;
	if (!code && nbytes > 0 && (n->value.p = malloc(nbytes))) { /* the part frees it */
		memcpy(n->value.p, bytes + 1, nbytes - 1);
		n->value.n = nbytes - 1;
		if (bytes[0] == READ_ONCE && store_name(n->key, name))
			ask_name_del(o->vm, name, ignore, NULL);
	}
	op_step(o, code == WEFT_ENOENT ? 0 : code); /* what is not there is left out */
}

static uint64_t get_name(struct op *o, size_t i)
{
	char name[NAME_MAX_BYTES + 1];
	if (!store_name(o->r->names[i].key, name))
		return 0;
	return o->asks[i] = ask_name_get(o->vm, name, o->r->wait, on_value, &o->steps[i]);
}

static void names(struct taskvm *vm, struct mpi_request *r)
{
	size_t n = r->nnames;
	struct op *o = op_new(vm, r, n);
	if (!o)
		return;
	o->nopen = 1; /* until all is asked */
	if (r->wish == MPI_WISH_LOOKUP && r->wait && r->timeout_s) {
		o->deadline_ns = weft__clock_ns() + (uint64_t)r->timeout_s * 1000000000;
		weft__list_push(&vm->pmix->lookups, &o->link);
	}
	for (size_t i = 0; i < n; i++) {
		uint64_t ask = r->wish == MPI_WISH_PUBLISH ? put_name(o, i)
		             : r->wish == MPI_WISH_LOOKUP  ? get_name(o, i)
		                                           : del_name(o, i);
		if (ask)
			o->nopen++;
		else
			o->code = WEFT_EINVAL;
	}
	op_step(o, 0);
}

uint64_t taskvm_pmix_due_ns(const struct taskvm *vm)
{
	uint64_t due = vm->pmix && vm->pmix->part ? pmix_fetch_due_ns(vm) : WEFT__NEVER;
	if (!vm->pmix)
		return due;
	for (const struct weft__list *i = vm->pmix->lookups.next; i && i != &vm->pmix->lookups; i = i->next) {
		const struct op *o = WEFT__CONTAINER(i, struct op, link);
		due = o->deadline_ns < due ? o->deadline_ns : due;
	}
	return due;
}

void taskvm_pmix_timers(struct taskvm *vm, uint64_t now_ns)
{
	struct weft__list *next;
	if (!vm->pmix || !vm->pmix->part)
		return;
	for (struct weft__list *i = vm->pmix->lookups.next; i != &vm->pmix->lookups; i = next) {
		struct op *o = WEFT__CONTAINER(i, struct op, link);
		next = i->next;
		if (now_ns < o->deadline_ns)
			continue;
		for (size_t k = 0; k < o->r->nnames; k++)
			ask_cancel(vm, o->asks[k]);
		op_finish(o, &(struct mpi_answer){.code = WEFT_ETIMEDOUT});
	}
	pmix_fetch_timers(vm, now_ns);
}

/* --- more tasks ----------------------------------------------------------------------------------------------- */

static bool same_variable(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");
	return !strncmp(a, b, n + 1);
}

/* The first LAUNCH's environment, with the given variables on top; the caller's to weft__free. */
static const char **merged(char *const *base, char *const *top)
{
	size_t nbase = 0, ntop = 0, n = 0;
	while (base[nbase])
		nbase++;
	while (top[ntop])
		ntop++;
	const char **all = weft__calloc(nbase + ntop + 1, sizeof *all);
	for (size_t i = 0; all && i < nbase; i++) {
		bool hidden = false;
		for (size_t k = 0; k < ntop && !hidden; k++)
			hidden = same_variable(base[i], top[k]);
		if (!hidden)
			all[n++] = base[i];
	}
	for (size_t i = 0; all && i < ntop; i++)
		all[n++] = top[i];
	return all;
}

/* All or none: an MPI job that lacks a rank would wait for it. */
static int check_spawned(struct taskvm *vm, const struct ask_job *j)
{
	for (uint32_t i = 0; i < j->size; i++) {
		if (j->errors[i] == 0)
			continue;
		ask_signal(vm, 0, j->job, SIGKILL, ignore, NULL);
		return -(int)j->errors[i];
	}
	return 0;
}

static void on_spawned(void *arg, const struct ask_job *j)
{
	struct op *o = arg;
	struct taskvm *vm = o->vm;
	char name[MPI_SPACE_MAX + 1] = "";
	int code = j->code ? j->code : check_spawned(vm, j);
	if (!code)
		pmix_space_name(vm, j->job, o->secret, name);
	struct pmix_space *s = code ? NULL : pmix_space_find(vm, name);
	if (!code)
		code = s ? pmix_space_learn(vm, s, j->tids, j->size) : WEFT_ENOMEM;
	if (code)
		weft__log(WEFT__LOG_WARN, "WEFT-PMIX-SPAWN", "job=%u %s: %s", vm->job, weft__err_text(code),
		          j->code ? j->text : "");
	op_finish(o, &(struct mpi_answer){.code = code, .space = name});
}

static uint64_t tid_of(struct taskvm *vm, const struct mpi_proc *p)
{
	const struct world *w = taskvm_world(vm, FAMILY_OPENMPI);
	return p->rank < w->size ? w->tids[p->rank] : 0;
}

static int ask_for_tasks(struct taskvm *vm, struct op *o)
{
	const struct mpi_request *r = o->r;
	struct ask_program *programs = weft__calloc(r->napps + 1, sizeof *programs);
	struct pmix_hosting hosting = {.mark = PMIX_HOSTING_MARK, .rank = r->from.rank};
	int rc = programs ? pmix_secret_make(o->secret) : WEFT_ENOMEM;
	memcpy(hosting.space, vm->pmix->space, sizeof hosting.space);
	memcpy(hosting.secret, o->secret, sizeof hosting.secret);
	for (size_t i = 0; i < r->napps && !rc; i++) {
		const struct mpi_app *a = &r->apps[i];
		const char **env = merged(vm->pmix->env, a->env);
		if (!env)
			rc = WEFT_ENOMEM;
		programs[i] = (struct ask_program){.count = a->ntasks,
		                                   .host = *a->host ? a->host : NULL,
		                                   .wdir = *a->wdir ? a->wdir : NULL,
		                                   .argv = (const char *const *)a->argv,
		                                   .env = env};
	}
	if (!rc && !ask_spawn(vm, programs, r->napps, tid_of(vm, &r->from), &hosting, sizeof hosting, on_spawned, o))
		rc = WEFT_ENOMEM;
	for (size_t i = 0; programs && i < r->napps; i++)
		weft__free((void *)programs[i].env);
	weft__free(programs);
	return rc;
}

static void spawn(struct taskvm *vm, struct mpi_request *r)
{
	struct op *o = r->napps ? op_new(vm, r, 0) : NULL;
	if (!r->napps)
		pmix_answer_to(vm, &r, WEFT_EINVAL);
	if (!o)
		return;
	int rc = ask_for_tasks(vm, o);
	if (rc)
		op_finish(o, &(struct mpi_answer){.code = rc});
}

/* --- ends ------------------------------------------------------------------------------------------------------- */

static struct taskvm_task *task_of(struct taskvm *vm, const struct mpi_proc *p)
{
	return weft__map_get(&vm->by_tid, tid_of(vm, p));
}

static void abort_job(struct taskvm *vm, struct mpi_request *r)
{
	const struct taskvm_task *t = task_of(vm, &r->from);
	char what[TASKVM_TEXT];
	int code = r->code & 0xff;
	snprintf(what, sizeof what, "called MPI_Abort with code %d", r->code);
	if (t)
		taskvm_mpi_blame(vm, t, code ? code : 1, what);
	pmix_answer_to(vm, &r, 0);
}

/* The others wait for one that has gone without MPI_Init. */
static void check_gone(struct taskvm *vm)
{
	const struct taskvm_task *gone = NULL, *waits = NULL;
	for (struct weft__list *i = vm->tasks.next; i != &vm->tasks; i = i->next) {
		const struct taskvm_task *t = WEFT__CONTAINER(i, struct taskvm_task, link);
		if (t->state == TASKVM_ENDED && t->family == FAMILY_OPENMPI && !t->began)
			gone = t;
		waits = t->in_mpi ? t : waits;
	}
	if (gone && waits)
		taskvm_mpi_blame_end(vm, gone, "without MPI_Init");
}

static void news(struct taskvm *vm, struct mpi_request *r)
{
	struct taskvm_task *t = task_of(vm, &r->from);
	if (t) {
		t->began = true;
		t->in_mpi = r->wish == MPI_WISH_BEGIN;
		check_gone(vm);
	}
	pmix_answer_to(vm, &r, 0);
}

void taskvm_pmix_ended(struct taskvm *vm, struct taskvm_task *t)
{
	bool well = t->exited.signo == 0 && t->exited.exit_code == 0;
	if (!vm->pmix || !vm->pmix->part)
		return;
	taskvm_pmix_read(vm); /* what it said before it ended */
	if (t->in_mpi)
		taskvm_mpi_blame_end(vm, t, "without MPI_Finalize");
	else if (!t->began && !well)
		taskvm_mpi_blame_end(vm, t, "before MPI_Init");
	t->in_mpi = false;
	check_gone(vm);
}

void pmix_wish(struct taskvm *vm, struct mpi_request *r)
{
	switch (r->wish) {
	case MPI_WISH_FENCE:
	case MPI_WISH_CONNECT:
	case MPI_WISH_DISCONNECT:
		pmix_need(vm, r, meet);
		break;
	case MPI_WISH_MODEX:
		pmix_modex(vm, r);
		break;
	case MPI_WISH_PUT:
		pmix_fetched(vm, r);
		break;
	case MPI_WISH_PUBLISH:
	case MPI_WISH_LOOKUP:
	case MPI_WISH_UNPUBLISH:
		names(vm, r);
		break;
	case MPI_WISH_SPAWN:
		spawn(vm, r);
		break;
	case MPI_WISH_ABORT:
		abort_job(vm, r);
		break;
	default:
		news(vm, r);
	}
}
