/* Happy path: all tasks are listed and killed, and the command returns when none of them is left.
 *
 * What can go wrong: a task spawns another one while we kill (we look again, a few times); one that does not end
 * within the time is named.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/words.h"

enum { RESET_MS = 10000, LOOK_MS = 20 };

struct tasks {
	uint64_t *tids;
	size_t n, cap;
	int code;
};

static void on_row(void *arg, const struct weft__msg *m)
{
	struct tasks *t = arg;
	if (m->code != WEFT__MSG_TASK_ROW || m->task_row.state == WEFT__TASK_ENDED)
		return;
	if (t->n == t->cap) {
		size_t cap     = t->cap ? 2 * t->cap : 64;
		uint64_t *tids = weft__realloc(t->tids, cap * sizeof *tids);
		if (!tids) {
			t->code = WEFT_ENOMEM;
			return;
		}
		t->tids = tids;
		t->cap  = cap;
	}
	t->tids[t->n++] = m->task_row.tid;
}

static int list(struct context *c, struct tasks *t, struct weft_error *e)
{
	t->n   = 0;
	int rc = session_list(c->session, WEFT__LIST_TASKS, 0, 0, on_row, t, e);
	return rc ? rc : t->code ? weft__err_set(e, t->code, "out of memory") : 0;
}

static int kill_listed(struct context *c, const struct tasks *t, struct weft_error *e)
{
	for (size_t i = 0; i < t->n; i++) {
		struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {.tid = t->tids[i], .signo = SIGKILL}};
		int rc             = session_request(c->session, &m, SESSION_TIMEOUT_MS, e);
		if (rc && rc != WEFT_ENOTASK) /* it has just ended */
			return rc;
	}
	return 0;
}

static int kill_all(struct context *c, struct weft_error *e)
{
	struct tasks t    = {0};
	uint64_t deadline = weft__deadline(RESET_MS);
	char tid[WEFT__TID_TEXT];
	bool never = false;
	int rc     = list(c, &t, e);
	while (!rc && t.n > 0) {
		rc = kill_listed(c, &t, e);
		if (!rc && weft__deadline_left_ms(deadline) == 0)
			rc = weft__err_set(e, WEFT_ETIMEDOUT, "%zu of the tasks have not ended within %d s; the first is %s",
			                   t.n, RESET_MS / 1000, words_tid(t.tids[0], tid));
		if (!rc)
			rc = session_wait(c->session, &never, LOOK_MS, e);
		if (rc == WEFT_ETIMEDOUT && weft__deadline_left_ms(deadline) > 0)
			rc = 0;
		if (!rc)
			rc = list(c, &t, e);
	}
	weft__free(t.tids);
	return rc;
}

static int exec_reset(struct context *c, const struct args *a)
{
	struct weft_error e;
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int rc = kill_all(c, &e);
	if (rc)
		context_error(c, "%s", e.text);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_reset = {
        .name          = "reset",
        .summary       = "kill all tasks",
        .options       = options,
        .noperands_max = 0,
        .man           = "Kills every task of the virtual machine, and returns when none is left; its nodes stay.",
        .examples      = "weft reset\n",
        .exec          = exec_reset,
};
