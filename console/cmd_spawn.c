/* Happy path: SPAWN goes out, SPAWNED says the job and its tasks, which are printed; the tasks go on without us,
 * and what they write is kept for weft logs. In the console, with --attach or PVM's ->, it is shown below that as it
 * comes, or goes to a file.
 *
 * What can go wrong: some or all tasks could not be started (said, with the exit status of weft run); the VM is
 * gone in the middle.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/ids.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/plan.h"
#include "console/runner.h"
#include "console/tracer.h"
#include "console/words.h"

enum { SPAWN_MS = 60000, TIDS_SHOWN = 8 };

struct spawning {
	struct context *context;
	bool as_json, as_pvm, done;
	bool line_open; /* "job 3: ..." has no newline yet */
	struct json json;
	struct runner_root *root; /* --attach */
	uint32_t job;
	unsigned nshown, nstarted;
	struct weft__buf pvm_tids; /* one a line, to be printed when all have been counted */
	struct weft_error error; /* the first one */
};

/* One task that runs. */
static void show_tid(struct spawning *s, uint64_t tid)
{
	char text[WEFT__TID_TEXT];
	if (s->as_pvm)
		weft__buf_printf(&s->pvm_tids, "t%x\n", (unsigned)weft__tid_slot((weft_tid_t){tid}));
	else if (s->nshown++ < TIDS_SHOWN)
		printf(" %s", words_tid(tid, text));
}

/* A part of the answer: tids and errors from rank m->first on. */
static void show_part(struct spawning *s, const struct weft__msg_spawned *m)
{
	char tid[WEFT__TID_TEXT];
	if (s->job == 0 && m->job && !s->as_json && !s->as_pvm) {
		printf("job %llu:", (unsigned long long)m->job);
		s->line_open = true;
	}
	for (size_t i = 0; i < m->tids.n; i++) {
		int error = i < m->errors.n ? -(int)m->errors.p[i] : 0;
		s->nstarted += error == 0;
		if (s->as_json) {
			json_open(&s->json, NULL);
			json_number(&s->json, "rank", (int64_t)(m->first + i));
			json_text(&s->json, "tid", words_tid(m->tids.p[i], tid));
			json_text(&s->json, "error", error ? weft__err_text(error) : NULL);
			json_close(&s->json);
		} else if (error == 0) {
			show_tid(s, m->tids.p[i]);
		}
		if (error && !s->error.code)
			weft__err_set(&s->error, error, "%s", m->text.n ? m->text.p : weft__err_text(error));
	}
	s->job = (uint32_t)m->job;
}

/* Nothing may come in between: the job can end before we are asked again. */
static void end_line(struct spawning *s)
{
	if (!s->line_open)
		return;
	s->line_open = false;
	if (s->nshown > TIDS_SHOWN)
		printf(" ... (%u tasks)", s->nstarted);
	puts(s->nstarted ? "" : " no task has started");
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
	if (last)
		end_line(s);
	if (s->root)
		runner_answer(s->root, m);
	return last;
}

/* --- in the console, with --attach or -> --------------------------------------------------------- */

/* A job whose output comes here. */
struct attached {
	struct context *context;
	struct tracer *tracer; /* -@, or NULL */
};

static void on_dropped(void *arg, struct runner_root *root)
{
	struct attached *a = arg;
	tracer_end(&a->tracer);
	runner_forget(root->runner, &root);
	weft__free(a);
}

static void on_finished(void *arg, struct runner_root *root)
{
	struct attached *a = arg;
	struct context *c  = a->context;
	char text[600];
	runner_describe_silent(root, text, sizeof text);
	if (root->nsilent)
		context_note(c, "%s", text);
	if (*root->aborted) {
		context_note(c, "job %u was ended with %d: %s", root->job, root->status, root->aborted);
	} else if (root->nfailed > 0 && !(root->style == OUTPUT_PVM && c->dialect == DIALECT_PVM)) {
		runner_describe(&root->first, text, sizeof text);
		context_note(c, "job %u has ended with %d: %s", root->job, root->status, text);
	} else if (root->error.code == 0 && root->style != OUTPUT_PVM) {
		context_note(c, "job %u has ended", root->job);
	}
	on_dropped(a, root);
}

static void on_output_failed(void *arg, int code, const char *text)
{
	const struct attached *a = arg;
	context_error(a->context, "%s", text);
}

static void on_wrote(void *arg, uint64_t tid, const void *bytes, size_t nbytes)
{
	const struct attached *a = arg;
	if (a->tracer)
		tracer_wrote(a->tracer, tid, bytes, nbytes);
}

static const struct runner_handler usual      = {.finished = on_finished, .dropped = on_dropped, .wrote = on_wrote};
static const struct runner_handler redirected = {
        .finished = on_finished, .dropped = on_dropped, .wrote = on_wrote, .output_failed = on_output_failed};

/* -> shows, ->file writes, ->>file appends. */
static int redirect(struct spawning *s, const struct plan *p, struct weft_error *e)
{
	const char *file = plan_text(p, OPT_REDIRECT);
	bool append      = file && *file == '>';
	if (append)
		file++;
	if (file && !*file)
		return weft__err_set(e, WEFT_EINVAL, "the name of a file is missing behind ->>");
	return runner_redirect(s->context->runner, s->root, OUTPUT_PVM, file, append, e);
}

/* -@ to standard output, -@file into a file. */
static int trace(struct spawning *s, struct plan *p, struct attached *a, struct weft_error *e)
{
	int rc = tracer_start(s->context, plan_text(p, OPT_TRACE), &a->tracer, e);
	if (!rc)
		p->tracer = tracer_slot(a->tracer);
	return rc;
}

static int attach(struct spawning *s, struct plan *p, struct weft_error *e)
{
	struct context *c = s->context;
	bool redirects    = plan_has(p, OPT_REDIRECT);
	if (!c->interactive)
		return weft__err_set(e, WEFT_EINVAL, "%s is for the console; here use: weft run",
		                     redirects                ? "->"
		                     : plan_has(p, OPT_TRACE) ? "-@"
		                                              : "--attach");
	struct attached *a = weft__calloc(1, sizeof *a);
	if (!a)
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	a->context = c;
	int rc     = plan_has(p, OPT_TRACE) ? trace(s, p, a, e) : 0;
	if (!rc && !(s->root = runner_add(c->runner, redirects ? &redirected : &usual, a)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc && redirects)
		rc = redirect(s, p, e);
	if (!rc)
		runner_hold(c->runner, s->root);
	if (rc) {
		tracer_end(&a->tracer);
		if (s->root)
			runner_forget(c->runner, &s->root);
		weft__free(a);
	}
	return rc;
}

/* It was not even asked for, or nobody knows what has become of it. */
static void give_up(struct spawning *s)
{
	on_dropped(s->root->arg, s->root);
	s->root = NULL;
}

/* --- both ---------------------------------------------------------------------------------------- */

static int ask(struct spawning *s, struct plan *p, struct weft_error *e)
{
	struct context *c = s->context;
	bool attaches     = plan_has(p, 'a') || plan_has(p, OPT_REDIRECT) || plan_has(p, OPT_TRACE);
	unsigned flags    = !attaches          ? 0
	                    : plan_has(p, 'a') ? WEFT__SPAWN_ATTACHED
	                                       : WEFT__SPAWN_ATTACHED | WEFT__SPAWN_STAYS;
	int rc            = attaches ? attach(s, p, e) : 0;
	int64_t req       = rc ? rc : plan_send(p, c->session, flags, on_answer, s, e);
	if (req >= 0) {
		rc = session_wait(c->session, &s->done, SPAWN_MS, e);
		session_forget(c->session, req);
	}
	if ((req < 0 || rc) && s->root)
		give_up(s);
	return req < 0 ? (int)req : rc;
}

/* "[job]" of a redirected one, how many run, which. */
static void show_pvm(struct spawning *s, const struct plan *p, int code)
{
	if (plan_has(p, OPT_REDIRECT) && s->job)
		printf("[%u]\n", s->job);
	printf("%u successful\n", s->nstarted);
	if (s->pvm_tids.len)
		fwrite(s->pvm_tids.data, 1, s->pvm_tids.len, stdout);
	if (code)
		puts(words_pvm_error(code));
}

static void show_end(struct spawning *s, const struct plan *p, int code)
{
	if (s->as_json) {
		json_close(&s->json);
		json_number(&s->json, "job", s->job);
		json_close(&s->json);
	} else if (s->as_pvm) {
		show_pvm(s, p, code);
	} else {
		end_line(s);
	}
	fflush(stdout);
}

static int show(struct spawning *s, struct plan *p)
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
	show_end(s, p, rc ? rc : s->error.code);
	if (s->root)
		runner_release(s->context->runner, s->root);
	weft__buf_fini(&s->pvm_tids);
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
	s.as_pvm          = c->dialect == DIALECT_PVM && !s.as_json;
	if (!p || plan_parse(a, p, &e))
		context_error(c, "%s", p ? e.text : "out of memory");
	else if (context_attach(c, a) == 0) {
		p->pvm = c->pvm;
		status = show(&s, p);
	}
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
        {.id           = OPT_REDIRECT,
         .name         = "redirect",
         .glued        = "->",
         .kind         = ARG_FILE,
         .arg          = "FILE",
         .optional_arg = true,
         .help         = "in the console: show their output as PVM does, or write it to FILE",
         .man          = "Each line begins with the job and the task, as in `[3:t20001] text`; `EOF` is a task's last one, "
                         "`[3] finished` the job's. Tasks that these spawn are part of it. `->>FILE` appends."},
        {.id           = OPT_TRACE,
         .name         = "trace",
         .glued        = "-@",
         .kind         = ARG_FILE,
         .arg          = "FILE",
         .optional_arg = true,
         .help         = "in the console: show which calls of PVM they make, or write that to FILE",
         .man          = "The command `trace` says which calls. Their output is shown, too. The text is that which tools for "
                         "PVM's traces read."},
        {.id    = OPT_DEBUG,
         .name  = "debug",
         .glued = "-?",
         .help  = "start them under a debugger",
         .man   = "The script `$PVM_DEBUGGER`, or `$PVM_ROOT/lib/debugger`, gets the program and its arguments."},
        {.id    = OPT_WHERE,
         .name  = "where",
         .glued = "-",
         .kind  = ARG_HOST,
         .arg   = "WHERE[:DIR]",
         .help  = "start them there: a node's name or address, or an architecture",
         .man   = "`.` is this node; the architecture of PVM, such as `LINUX64`, means all nodes. In weft a word of which "
                  "the first letter is an option's is that: write `--where`."},
        OPTION_JSON,
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

static const struct exit_def exits[] = {
        EXIT_NOT_EXECUTABLE,
        EXIT_NOT_FOUND,
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
                         "returns; the tasks go on. What they write is kept: see `weft logs`. PVM's way to write options is "
                         "understood, too: `-4` for `-n 4`, `-node2` for `--host node2`, `-:/tmp` for `--wdir /tmp`.\n\n"
                         "With `--json`: an object with `schema` (1), `vm`, `tasks`, an array of objects with `rank`, "
                         "`tid` and `error` (null: it runs), and `job`.",
        .examples      = "weft spawn -n 6 ./worker\nweft logs -f 1\n",
        .exec          = exec_spawn,
};
