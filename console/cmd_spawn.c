/* Happy path: SPAWN goes out, SPAWNED says the job and its tasks, which are printed; the tasks go on without us,
 * and what they write is kept for weft logs. In the console, with --attach, it is shown as it comes.
 *
 * What can go wrong: some or all tasks could not be started (said, with the exit status of weft run); the VM is
 * gone in the middle.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/plan.h"
#include "console/runner.h"
#include "console/words.h"

enum { SPAWN_MS = 60000, TIDS_SHOWN = 8 };

struct spawning {
	struct context *context;
	bool as_json, done;
	struct json json;
	struct runner_root *root; /* --attach */
	uint32_t job;
	unsigned nshown, nstarted;
	struct weft_error error; /* the first one */
};

/* A part of the answer: tids and errors from rank m->first on. */
static void show_part(struct spawning *s, const struct weft__msg_spawned *m)
{
	char tid[WEFT__TID_TEXT];
	if (s->job == 0 && m->job && !s->as_json)
		printf("job %llu:", (unsigned long long)m->job);
	for (size_t i = 0; i < m->tids.n; i++) {
		int error = i < m->errors.n ? -(int)m->errors.p[i] : 0;
		s->nstarted += error == 0;
		if (s->as_json) {
			json_open(&s->json, NULL);
			json_number(&s->json, "rank", (int64_t)(m->first + i));
			json_text(&s->json, "tid", words_tid(m->tids.p[i], tid));
			json_text(&s->json, "error", error ? weft__err_text(error) : NULL);
			json_close(&s->json);
		} else if (error == 0 && s->nshown++ < TIDS_SHOWN) {
			printf(" %s", words_tid(m->tids.p[i], tid));
		}
		if (error && !s->error.code)
			weft__err_set(&s->error, error, "%s", m->text.n ? m->text.p : weft__err_text(error));
	}
	s->job = (uint32_t)m->job;
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct spawning *s = arg;
	bool last          = true;
	if (m->code == WEFT__MSG_SPAWNED) {
		show_part(s, &m->spawned);
		if (m->spawned.code && !s->error.code)
			weft__err_set(&s->error, (int)m->spawned.code, "%s",
			              m->spawned.text.n ? m->spawned.text.p
			                                : weft__err_text((int)m->spawned.code));
		last = m->spawned.code || m->spawned.first + m->spawned.tids.n >= m->spawned.size;
	} else if (m->code == WEFT__MSG_RESULT && m->result.code) {
		weft__err_set(&s->error, (int)m->result.code, "%s",
		              m->result.text.n ? m->result.text.p : weft__err_text((int)m->result.code));
	}
	s->done |= last;
	if (s->root)
		runner_answer(s->root, m);
	return last;
}

/* --- in the console, with --attach --------------------------------------------------------------- */

static void on_finished(void *arg, struct runner_root *root)
{
	struct context *c = arg;
	char text[600];
	if (*root->aborted) {
		context_note(c, "job %u was ended with %d: %s", root->job, root->status, root->aborted);
	} else if (root->nfailed > 0) {
		runner_describe(&root->first, text, sizeof text);
		context_note(c, "job %u has ended with %d: %s", root->job, root->status, text);
	} else if (root->error.code == 0) {
		context_note(c, "job %u has ended", root->job);
	}
	runner_forget(root->runner, &root);
}

static const struct runner_handler attached = {.finished = on_finished};

/* --- both ---------------------------------------------------------------------------------------- */

static int ask(struct spawning *s, const struct plan *p, struct weft_error *e)
{
	struct context *c = s->context;
	bool attach       = plan_has(p, 'a');
	if (attach && !c->interactive)
		return weft__err_set(e, WEFT_EINVAL, "--attach is for the console; here use: weft run");
	if (attach && !(s->root = runner_add(c->runner, &attached, c)))
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	int64_t req = plan_send(p, c->session, attach ? WEFT__SPAWN_ATTACHED : 0, on_answer, s, e);
	if (req < 0) {
		if (s->root)
			runner_forget(c->runner, &s->root);
		return (int)req;
	}
	int rc = session_wait(c->session, &s->done, SPAWN_MS, e);
	session_forget(c->session, req);
	if (rc && s->root)
		runner_forget(c->runner, &s->root);
	return rc;
}

static int show(struct spawning *s, const struct plan *p)
{
	struct weft_error e;
	if (s->as_json) {
		json_init(&s->json, stdout);
		json_open(&s->json, NULL);
		json_number(&s->json, "schema", 1);
		json_text(&s->json, "vm", session_name(s->context->session));
		json_open_array(&s->json, "tasks");
	}
	int rc = ask(s, p, &e);
	if (s->as_json) {
		json_close(&s->json);
		json_number(&s->json, "job", s->job);
		json_close(&s->json);
	} else if (s->job) {
		if (s->nshown > TIDS_SHOWN)
			printf(" ... (%u tasks)", s->nstarted);
		putchar('\n');
	}
	if (rc)
		context_error(s->context, "%s", e.text);
	else if (s->error.code)
		context_error(s->context, "%s", s->error.text);
	return rc ? EXITCODE_FAILURE : s->error.code ? exitcode_of_start(s->error.code) : 0;
}

static int exec_spawn(struct context *c, const struct args *a)
{
	struct weft_error e;
	struct plan *p    = weft__calloc(1, sizeof *p);
	struct spawning s = {.context = c, .as_json = args_has(a, OPT_JSON)};
	int status        = EXITCODE_FAILURE;
	if (!p || plan_parse(a, p, &e))
		context_error(c, "%s", p ? e.text : "out of memory");
	else if (context_attach(c, a) == 0)
		status = show(&s, p);
	if (p)
		plan_fini(p);
	weft__free(p);
	context_detach(c);
	return status;
}

static const struct option_def options[] = {
        PLAN_OPTIONS,
        {.id   = 'a',
         .name = "attach",
         .help = "in the console: show their output; they end with the console"},
        OPTION_JSON,
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

static const struct exit_def exits[] = {
        {"126", "a program is not executable"},
        {"127", "a program was not found"},
        {NULL, NULL},
};

const struct command cmd_spawn = {
        .name          = "spawn",
        .summary       = "start tasks and leave them running",
        .operands      = "PROGRAM [ARGUMENT ...] [: [OPTION ...] PROGRAM ...]",
        .operand       = ARG_PROGRAM,
        .noperands_min = 1,
        .noperands_max = -1,
        .flags         = CMD_PROGRAM,
        .options       = options,
        .exits         = exits,
        .man           = "Starts a job in the virtual machine that is up, prints its number and the ids of its tasks, and "
                         "returns; the tasks go on. What they write is kept: see `weft logs`.\n\n"
                         "With `--json`: an object with `schema` (1), `vm`, `tasks`, an array of objects with `rank`, "
                         "`tid` and `error` (null: it runs), and `job`.",
        .examples      = "weft spawn -n 6 ./worker\nweft logs -f 1\n",
        .exec          = exec_spawn,
};
