/* Happy path: all tasks are listed and killed, but those that PVM's option NoReset spares; when none of them is left
 * what the dead have left in mailboxes is deleted, and the command returns.
 *
 * What can go wrong: a task spawns another one while we kill (we look again); one that does not end within the time is
 * named. `reset info` deletes from mailboxes only.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/mailbox.h"
#include "console/words.h"

enum { RESET_MS = 10000, LOOK_MS = 20 };

#define NO_RESET_BOX "###_PVM_NO_RESET_###" /* a task that is to be spared has a message in it */

struct tids {
	uint64_t *all;
	size_t n, cap;
	int code;
};

struct tasks {
	struct tids running, spared;
};

static void push(struct tids *t, uint64_t tid)
{
	if (t->n == t->cap) {
		size_t cap    = t->cap ? 2 * t->cap : 64;
		uint64_t *all = weft__realloc(t->all, cap * sizeof *all);
		if (!all) {
			t->code = WEFT_ENOMEM;
			return;
		}
		t->all = all;
		t->cap = cap;
	}
	t->all[t->n++] = tid;
}

static void on_letter(void *arg, const struct weft__msg_mbox_row *row)
{
	struct tasks *t = arg;
	if (row->owner && !strcmp(row->name.p, NO_RESET_BOX))
		push(&t->spared, row->owner);
}

static void on_row(void *arg, const struct weft__msg *m)
{
	struct tasks *t = arg;
	if (m->code != WEFT__MSG_TASK_ROW || m->task_row.state == WEFT__TASK_ENDED)
		return;
	for (size_t i = 0; i < t->spared.n; i++)
		if (t->spared.all[i] == m->task_row.tid)
			return;
	push(&t->running, m->task_row.tid);
}

static int list(struct context *c, struct tasks *t, struct weft_error *e)
{
	t->running.n = 0;
	int rc       = session_list(c->session, WEFT__LIST_TASKS, 0, 0, on_row, t, e);
	return rc ? rc : t->running.code || t->spared.code ? weft__err_set(e, WEFT_ENOMEM, "out of memory") : 0;
}

static int kill_listed(struct context *c, const struct tasks *t, struct weft_error *e)
{
	for (size_t i = 0; i < t->running.n; i++) {
		struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {.tid = t->running.all[i], .signo = SIGKILL}};
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
	int rc     = mailbox_list(c->session, on_letter, &t, e);
	if (!rc)
		rc = list(c, &t, e);
	while (!rc && t.running.n > 0) {
		rc = kill_listed(c, &t, e);
		if (!rc && weft__deadline_left_ms(deadline) == 0)
			rc = weft__err_set(e, WEFT_ETIMEDOUT, "%zu of the tasks have not ended within %d s; the first is %s",
			                   t.running.n, RESET_MS / 1000, words_tid(t.running.all[0], tid));
		if (!rc)
			rc = session_wait(c->session, &never, LOOK_MS, e);
		if (rc == WEFT_ETIMEDOUT && weft__deadline_left_ms(deadline) > 0)
			rc = 0;
		if (!rc)
			rc = list(c, &t, e);
	}
	weft__free(t.running.all);
	weft__free(t.spared.all);
	return rc;
}

/* What the dead have left in mailboxes; in one of them only, with one index only, when that is said. */
static int clear_mailboxes(struct context *c, const char *name, const char *index, struct weft_error *e)
{
	struct weft__msg m = {.code       = WEFT__MSG_MBOX_RESET,
	                      .mbox_reset = {.name = weft__str(name), .one = index != NULL, .stale = 1}};
	long number        = 0;
	if (index && args_parse_count(index, 0, INT32_MAX, &number))
		return weft__err_set(e, WEFT_EINVAL, "not an index: '%.40s'; see: weft names", index);
	m.mbox_reset.index = (uint64_t)number;
	return session_request(c->session, &m, SESSION_TIMEOUT_MS, e);
}

static int exec_reset(struct context *c, const struct args *a)
{
	struct weft_error e;
	bool info = a->noperands > 0;
	if (info && strcmp(a->operands[0], "info")) {
		context_error(c, "\"%.40s\" arg to reset not valid; usage: reset [info [NAME [INDEX]]]", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int rc = info ? 0 : kill_all(c, &e);
	if (!rc)
		rc = clear_mailboxes(c, a->noperands > 1 ? a->operands[1] : "", a->noperands > 2 ? a->operands[2] : NULL, &e);
	if (rc)
		context_error(c, "%s", e.text);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_reset = {
        .name          = "reset",
        .summary       = "kill all tasks and clear mailboxes",
        .operands      = "[info [NAME [INDEX]]]",
        .operand       = ARG_TEXT,
        .noperands_max = 3,
        .options       = options,
        .man           = "Kills every task of the virtual machine but those that PVM's option `PvmNoReset` spares, and deletes what "
                         "ended tasks have left in mailboxes. It returns when no such task is left; the nodes stay. `reset "
                         "info` only deletes what ended tasks have left, in one mailbox when NAME is given.",
        .examples      = "weft reset\nweft reset info work\n",
        .exec          = exec_reset,
};
