/* cmd_sig.c - sig and kill: a signal for tasks and jobs. */
#include "config.h"

#include <signal.h>
#include <stdio.h>

#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/target.h"

static int send_signal(struct context *c, const char *text, uint64_t tid, uint32_t job, int signo)
{
	struct weft_error e;
	struct weft__msg m = {.code   = WEFT__MSG_SIGNAL,
	                      .signal = {.tid = tid, .job = job, .signo = (uint64_t)signo}};
	int rc             = session_request(c->session, &m, SESSION_TIMEOUT_MS, &e);
	if (rc)
		context_error(c, "%s: %s", text, e.text);
	return rc;
}

/* Tasks that a task, or a job's tasks, have spawned. */
struct children {
	uint64_t parent;
	uint32_t job; /* of the parents, when parent is 0 */
	uint64_t *tids, *parents;
	size_t n, nparents;
	int code;
};

static bool push(struct children *x, uint64_t **to, size_t *n, uint64_t tid)
{
	uint64_t *more = weft__realloc(*to, (*n + 1) * sizeof *more);
	if (!more) {
		x->code = WEFT_ENOMEM;
		return false;
	}
	*to         = more;
	more[(*n)++] = tid;
	return true;
}

static void on_parent(void *arg, const struct weft__msg *m)
{
	struct children *x = arg;
	if (m->code == WEFT__MSG_TASK_ROW)
		push(x, &x->parents, &x->nparents, m->task_row.tid);
}

static void on_child(void *arg, const struct weft__msg *m)
{
	struct children *x = arg;
	bool is_child      = false;
	if (m->code != WEFT__MSG_TASK_ROW || !m->task_row.parent)
		return;
	for (size_t i = 0; i < x->nparents; i++)
		is_child |= x->parents[i] == m->task_row.parent;
	if (is_child)
		push(x, &x->tids, &x->n, m->task_row.tid);
}

/* kill -c: what a task has spawned, not the task itself. */
static int kill_children(struct context *c, const char *text, uint64_t tid, uint32_t job)
{
	struct weft_error e;
	struct children x = {.parent = tid, .job = job};
	int rc            = 0;
	if (job)
		rc = session_list(c->session, WEFT__LIST_TASKS, job, 0, on_parent, &x, &e);
	else
		push(&x, &x.parents, &x.nparents, tid);
	if (!rc)
		rc = session_list(c->session, WEFT__LIST_TASKS, 0, 0, on_child, &x, &e);
	if (!rc && x.code)
		rc = weft__err_set(&e, x.code, "out of memory");
	if (rc)
		context_error(c, "%s: %s", text, e.text);
	for (size_t i = 0; i < x.n && !rc; i++)
		rc = send_signal(c, text, x.tids[i], 0, SIGKILL);
	weft__free(x.tids);
	weft__free(x.parents);
	return rc;
}

/* Sends the signal to each target; goes on after one that is not there. */
static int signal_targets(struct context *c, const struct args *a, int first, int signo, bool children)
{
	int status = 0;
	for (int i = first; i < a->noperands; i++) {
		const char *text = a->operands[i];
		uint64_t tid;
		uint32_t job;
		int rc = target_find(c, text, &tid, &job);
		if (!rc)
			rc = children ? kill_children(c, text, tid, job) : send_signal(c, text, tid, job, signo);
		if (rc)
			status = EXITCODE_FAILURE;
		if (!session_is_open(c->session))
			break;
	}
	return status;
}

static int exec_kill(struct context *c, const struct args *a)
{
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int status = signal_targets(c, a, 0, SIGKILL, args_has(a, 'c'));
	context_detach(c);
	return status;
}

static int exec_sig(struct context *c, const struct args *a)
{
	int signo;
	if (args_parse_signal(a->operands[0], &signo)) {
		context_error(c, "not a signal: '%s'; it must be such as 15, TERM or SIGTERM", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int status = signal_targets(c, a, 1, signo, false);
	context_detach(c);
	return status;
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

static const struct option_def kill_options[] = {
        {.id = 'c', .name = "children", .help = "kill the tasks that these have spawned, in their place"},
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_kill = {
        .name          = "kill",
        .summary       = "kill tasks and jobs",
        .operands      = "TASK|JOB ...",
        .operand       = ARG_TARGET,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = kill_options,
        .man           = "Ends tasks by SIGKILL, of which no process can get away. A task is named by its id "
                         "(`t20001`), a job by its number. For a signal that a program may handle see `weft sig`.",
        .examples      = "weft kill t20001\n# all tasks of job 3\nweft kill 3\n",
        .exec          = exec_kill,
};

const struct command cmd_sig = {
        .name          = "sig",
        .summary       = "send a signal to tasks and jobs",
        .operands      = "SIGNAL TASK|JOB ...",
        .operand       = ARG_TARGET,
        .first         = ARG_SIGNAL,
        .noperands_min = 2,
        .noperands_max = -1,
        .options       = options,
        .man           = "Sends a signal, named as in `15`, `TERM` or `SIGTERM`.",
        .examples      = "weft sig USR1 t20001\nweft sig STOP 3\n",
        .exec          = exec_sig,
};
