/* Happy path: the VM that is up is used, or a private one is started; standard input (if it is for rank 0) and
 * SPAWN go out at once; output is shown; when the last task has ended, the largest of their codes is the exit
 * status. A private VM is gone before we are.
 *
 * What can go wrong, and what becomes of it:
 * - A program cannot be started: the other tasks are asked to end, then killed; 126 or 127.
 * - A task fails: the others go on, or with --kill-on-bad-exit are asked to end, then killed; its status is ours.
 * - Ctrl-C: the tasks are asked by SIGINT, a second one kills them; 130. SIGTERM, SIGHUP: told on, after a grace
 *   killed; 143, 129. The time limit: SIGTERM, after the grace SIGKILL; 124.
 * - Nobody reads our output any more (| head): the tasks are ended quietly; 141.
 * - The VM dies, or does not come up: said in one line; 125.
 * - We are killed: weftd sees the connection close and ends the job, and a private VM with it.
 */
#include "config.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "console/cores.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/feeder.h"
#include "console/machines.h"
#include "console/mapping.h"
#include "console/plan.h"
#include "console/runhosts.h"
#include "console/runner.h"
#include "console/start.h"
#include "console/vmdir.h"

enum {
	GRACE_MS   = 3000,  /* from asking the tasks to killing them */
	BATCH_MS   = 20000, /* the same in a batch job, which gives half a minute as a rule */
	KILL_MS    = 2000,  /* from killing them to leaving */
	STARTUP_MS = 15000, /* a private VM answers within this */
	FLUSH_MS   = 500,   /* for the reader of our output, when the run was ended early */
	GONE_MS    = 5000,  /* a private VM is gone within this */
	STOP_MS    = 50,    /* from telling the tasks to stop to stopping ourselves */
};

/* How the run ends. */
enum run_phase {
	RUN_RUNNING,
	RUN_ASKED,  /* the tasks were told to end */
	RUN_KILLED, /* and then killed */
	RUN_OVER,
};

enum run_signal { ON_INT, ON_TERM, ON_HUP, ON_TSTP, ON_CONT, NSIGNALS };
static const int signal_numbers[NSIGNALS] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT};

struct run {
	struct context *context;
	struct plan plan;
	struct session *session;
	struct start_daemon daemon; /* pid > 0: of our private VM */
	struct runhosts hosts;      /* that are to be there */
	struct runner *runner;
	struct runner_root *root;
	struct feeder *feeder;
	struct mapping *mapping; /* of --display-map, or NULL */
	enum run_phase phase;
	int pending;        /* a signal for tasks that are not known yet, or 0 */
	int verdict;        /* exit status that was decided by something else than the tasks; -1: none */
	int64_t grace_ms;
	bool quiet;
	bool flushed;       /* the time for the last output is over */
	bool own_stdin;     /* rank 0 gets our standard input */
	bool stdin_is_tty;
	uv_signal_t signals[NSIGNALS];
	uv_timer_t limit, grace, startup, stop;
	struct cores cores; /* of the VM, counted while the tasks start */
};

/* --- ending -------------------------------------------------------------------------------------- */

static void finish(struct run *r)
{
	r->phase = RUN_OVER;
	uv_stop(r->context->loop);
}

static void on_kill_time(uv_timer_t *timer)
{
	finish(timer->data); /* what lives after SIGKILL ends with our connection */
}

static void kill_tasks(struct run *r)
{
	if (r->phase >= RUN_KILLED)
		return;
	r->phase = RUN_KILLED;
	if (runner_signal(r->runner, r->root, SIGKILL))
		uv_timer_start(&r->grace, on_kill_time, KILL_MS, 0);
	else
		finish(r); /* they have no number yet: closing the connection ends them */
}

static void on_grace_over(uv_timer_t *timer)
{
	kill_tasks(timer->data);
}

/* The run ends with this status: the tasks are asked by a signal, later killed. */
static void ask_tasks(struct run *r, int status, int signo)
{
	if (r->phase == RUN_OVER && r->verdict < 0)
		r->verdict = status;
	if (r->phase != RUN_RUNNING)
		return;
	r->phase   = RUN_ASKED;
	r->verdict = status;
	if (!runner_signal(r->runner, r->root, signo)) {
		if (r->root->answered) {
			finish(r);
			return;
		}
		r->pending = signo; /* they get it as soon as we hear of them */
	}
	if (signo != SIGINT || r->pending) /* Ctrl-C waits for the second one */
		uv_timer_start(&r->grace, on_grace_over, (uint64_t)r->grace_ms, 0);
}

/* Tasks have come into being that should have ended by now. */
static void ask_late(struct run *r)
{
	runner_signal(r->runner, r->root, r->pending);
	if (r->pending == SIGINT)
		uv_timer_stop(&r->grace);
	r->pending = 0;
}

static void on_limit(uv_timer_t *timer)
{
	struct run *r = timer->data;
	if (r->phase == RUN_RUNNING)
		context_error(r->context, "the time limit (--timeout %s) is over: ending the tasks",
		              plan_text(&r->plan, OPT_TIMEOUT));
	ask_tasks(r, EXITCODE_TIMEOUT, SIGTERM);
}

static void on_interrupt(struct run *r)
{
	if (r->phase == RUN_RUNNING) {
		ask_tasks(r, EXITCODE_SIGNAL + SIGINT, SIGINT);
		if (r->phase == RUN_ASKED)
			context_note(r->context, "the tasks have been asked to end; Ctrl-C again to kill them");
	} else {
		r->verdict = EXITCODE_SIGNAL + SIGINT;
		kill_tasks(r);
	}
}

static void on_stop_time(uv_timer_t *timer)
{
	raise(SIGSTOP);
}

/* Ctrl-Z: the tasks stop with us and go on with us. Their groups are nobody's foreground: SIGTSTP would do
 * nothing to them. */
static void stop_and_go(struct run *r, int signo)
{
	runner_signal(r->runner, r->root, signo == SIGTSTP ? SIGSTOP : SIGCONT);
	if (signo == SIGTSTP) /* in a moment: the message goes out first */
		uv_timer_start(&r->stop, on_stop_time, STOP_MS, 0);
}

static void on_signal(uv_signal_t *handle, int signo)
{
	struct run *r = handle->data;
	if (signo == SIGINT)
		on_interrupt(r);
	else if (signo == SIGTSTP || signo == SIGCONT)
		stop_and_go(r, signo);
	else if (r->phase == RUN_RUNNING)
		ask_tasks(r, EXITCODE_SIGNAL + signo, signo);
	else
		kill_tasks(r);
}

/* --- what the runner tells ----------------------------------------------------------------------- */

static void on_finished(void *arg, struct runner_root *root)
{
	const struct run *r = arg;
	char text[128];
	runner_describe_silent(root, text, sizeof text);
	if (root->nsilent)
		context_error(r->context, "%s", text);
	finish(arg);
}

static void on_failed(void *arg, struct runner_root *root)
{
	struct run *r = arg;
	if (r->phase != RUN_RUNNING)
		return;
	context_error(r->context, "%s", root->error.text);
	ask_tasks(r, exitcode_of_start(root->error.code), SIGTERM);
}

static void on_placed(void *arg, const struct weft__msg_job_event *m)
{
	struct run *r = arg;
	if (r->mapping)
		mapping_add(r->mapping, m);
}

static void on_bad_exit(void *arg, struct runner_root *root)
{
	struct run *r = arg;
	char text[600];
	if (!r->plan.kill_on_bad_exit || r->phase != RUN_RUNNING)
		return;
	runner_describe(&root->first, text, sizeof text);
	context_error(r->context, "%s%s", text, root->size > 1 ? "; ending the others" : "");
	ask_tasks(r, root->status, SIGTERM);
}

/* The batch system has announced the end of our job, and the coordinator has passed that on to the tasks. */
static void on_ending(void *arg, const char *text)
{
	struct run *r = arg;
	if (r->phase != RUN_RUNNING)
		return;
	context_error(r->context, "%s; the tasks have been told, and are killed in %.3g s", text, (double)r->grace_ms / 1000);
	r->phase   = RUN_ASKED;
	r->verdict = EXITCODE_SIGNAL + SIGTERM;
	uv_timer_start(&r->grace, on_grace_over, (uint64_t)r->grace_ms, 0);
}

static void on_output_failed(void *arg, int code, const char *text)
{
	struct run *r = arg;
	if (code == WEFT_ECLOSED) {
		ask_tasks(r, EXITCODE_SIGNAL + SIGPIPE, SIGTERM);
		return;
	}
	context_error(r->context, "%s", text);
	ask_tasks(r, EXITCODE_FAILURE, SIGTERM);
}

/* Our own daemon may never have come up: then it knows why. */
static void tell_closed(struct run *r, int code, const char *text)
{
	struct weft_error e;
	if (r->daemon.pid > 0 && !session_node(r->session)) {
		start_explain(&r->daemon, code, text, &e);
		text = e.text;
	}
	context_error(r->context, "%s", text);
}

static void on_closed(void *arg, int code, const char *text)
{
	struct run *r = arg;
	if (r->phase == RUN_OVER)
		return;
	tell_closed(r, code, text);
	r->verdict = EXITCODE_FAILURE;
	finish(r);
}

static void on_startup_time(uv_timer_t *timer)
{
	struct run *r = timer->data;
	if (!session_node(r->session))
		on_closed(r, WEFT_ETIMEDOUT, "the daemon does not answer");
}

/* --- standard input ------------------------------------------------------------------------------ */

/* Rank 0 gets it when it was asked for, or when it is a pipe, a socket or a file. */
static void choose_stdin(struct run *r)
{
	struct stat st;
	const char *asked = plan_text(&r->plan, OPT_STDIN);
	if (fstat(0, &st) || (asked && !strcmp(asked, "none")))
		return;
	r->stdin_is_tty = isatty(0);
	r->own_stdin    = plan_has(&r->plan, OPT_STDIN);
	if (!r->context->interactive) /* the console's own commands may come from a pipe */
		r->own_stdin |= S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || S_ISSOCK(st.st_mode);
}

/* The descriptor itself, for a rank 0 on this node: what it does not read stays for whoever reads next. */
static void send_stdin(struct run *r)
{
	if (r->own_stdin && !r->stdin_is_tty)
		session_give(r->session, 0);
}

static void on_started(void *arg, struct runner_root *root)
{
	struct run *r = arg;
	bool passed   = !r->stdin_is_tty && root->rank0_node == session_node(r->session);
	if (r->pending && r->phase == RUN_ASKED)
		ask_late(r);
	session_give(r->session, -1);
	if (r->own_stdin && !passed)
		feeder_open(r->context->loop, r->session, root->job, (uint32_t)root->rank0_node, &r->feeder);
}

static void on_stdin_ack(void *arg, const struct weft__msg_stdin_ack *m)
{
	struct run *r = arg;
	if (r->feeder)
		feeder_ack(r->feeder, m);
}

/* --- the run ------------------------------------------------------------------------------------- */

/* Other machines that the run is to have, before anything is started. */
static int bring_hosts(struct run *r)
{
	struct weft_error e, why;
	if (r->hosts.list.n == 0)
		return 0;
	int rc = session_welcome(r->session, &e);
	if (!rc)
		return runhosts_bring(&r->hosts, r->context, r->session, &r->plan, r->daemon.pid > 0);
	if (r->daemon.pid > 0)
		start_explain(&r->daemon, rc, e.text, &why);
	context_error(r->context, "%s", r->daemon.pid > 0 ? why.text : e.text);
	return rc;
}

/* A private VM; in a batch job on all its machines. text: why it could not be. */
static int start_private(struct run *r, const struct allocation *a, char text[static MACHINES_TEXT])
{
	struct weft_error e;
	const char *nodes = plan_text(&r->plan, OPT_LOCAL_NODES);
	struct start how  = {.local_nodes = nodes ? (unsigned)strtoul(nodes, NULL, 10) : 1,
	                     .ports       = plan_text(&r->plan, OPT_PORTS),
	                     .batch       = a->n > 0};
	unsigned copies   = a->n > 0 ? weft__batch_copies(weft__batch_getenv) : 1;
	if (copies > 1) {
		snprintf(text, MACHINES_TEXT, "the batch system has started %u copies of this; say weft run without srun in "
		         "front, it starts all tasks itself", copies);
		return WEFT_EUNSUP;
	}
	int rc            = start_vm(r->context->loop, &how, &r->session, &r->daemon, &e);
	if (rc)
		snprintf(text, MACHINES_TEXT, "%s", e.text);
	else if (a->n > 0)
		rc = machines_join(r->session, a, text);
	if (rc && r->daemon.pid > 0 && r->session && !session_node(r->session)) { /* it did not even come up */
		start_explain(&r->daemon, rc, text, &e);
		snprintf(text, MACHINES_TEXT, "%s", e.text);
	}
	return rc;
}

/* The allocation that this run is in and uses, if there is one. */
static int find_job(struct run *r, struct allocation *a, struct weft_error *e)
{
	bool elsewhere = plan_has(&r->plan, OPT_VM) || plan_has(&r->plan, OPT_LOCAL_NODES) || plan_has(&r->plan, OPT_HOSTFILE);
	int rc         = elsewhere ? 0 : machines_find(a, e);
	r->grace_ms    = a->n > 0 ? BATCH_MS : GRACE_MS;
	if (plan_has(&r->plan, OPT_GRACE))
		r->grace_ms = plan_duration_ms(&r->plan, OPT_GRACE);
	if (a->n > 0)
		plan_set_usual_count(&r->plan, a->nslots);
	return rc;
}

/* The VM that is up, or one of our own. */
static int find_vm(struct run *r, const struct allocation *a, char text[static MACHINES_TEXT])
{
	struct weft_error e = {0};
	bool named          = plan_has(&r->plan, OPT_VM), own = plan_has(&r->plan, OPT_LOCAL_NODES);
	int rc = own ? WEFT_ENOVM : session_attach(r->context->loop, plan_text(&r->plan, OPT_VM), &r->session, &e);
	own    = rc == WEFT_ENOVM && !named;
	if (own && (rc = start_private(r, a, text)) != 0)
		return rc;
	if (!rc && !own && a->n > 0) /* it knows better: in a step the variables are about the step */
		plan_set_usual_count(&r->plan, (long)machines_slots(r->session));
	if (!rc)
		rc = runhosts_read(&r->hosts, &r->plan, own && a->n == 0, &e);
	snprintf(text, MACHINES_TEXT, "%s", e.text);
	return rc;
}

static int open_session(struct run *r)
{
	struct weft_error e;
	struct allocation a = {0};
	char text[MACHINES_TEXT];
	if (r->context->interactive) {
		r->grace_ms = GRACE_MS;
		r->session  = r->context->session;
		return 0;
	}
	int rc = find_job(r, &a, &e);
	if (rc)
		context_error(r->context, "%s", e.text);
	else if ((rc = find_vm(r, &a, text)))
		context_error(r->context, "%s", text);
	allocation_fini(&a);
	return rc ? rc : bring_hosts(r);
}

static void on_cores(void *arg, unsigned ncores)
{
	struct run *r = arg;
	if (!r->quiet && r->phase == RUN_RUNNING && ncores > 0 && r->plan.ntasks > (long)ncores)
		context_note(r->context, "note: %ld tasks on %u core%s; tasks that wait will sleep (-q: no notes)",
		             r->plan.ntasks, ncores, ncores == 1 ? "" : "s");
}

static int make_runner(struct run *r, struct weft_error *e)
{
	static const struct runner_handler handler = {.started       = on_started,
	                                              .placed        = on_placed,
	                                              .failed        = on_failed,
	                                              .bad_exit      = on_bad_exit,
	                                              .finished      = on_finished,
	                                              .stdin_ack     = on_stdin_ack,
	                                              .output_failed = on_output_failed,
	                                              .ending        = on_ending,
	                                              .closed        = on_closed};
	struct output_config config = {.label = plan_has(&r->plan, 'l'), .file = plan_text(&r->plan, OPT_OUTPUT)};
	int rc                      = 0;
	if (r->context->interactive)
		r->runner = r->context->runner; /* who shows the output of all that was spawned here */
	else
		rc = runner_create(r->context->loop, r->session, &config, &r->runner, e);
	if (!rc && plan_has(&r->plan, OPT_DISPLAY_MAP) && !(r->mapping = mapping_create(stderr)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc && !(r->root = runner_add(r->runner, &handler, r)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	return rc;
}

static int ask_for_job(struct run *r)
{
	struct weft_error e;
	unsigned flags = WEFT__SPAWN_ATTACHED | (r->own_stdin ? WEFT__SPAWN_STDIN : 0);
	int rc         = make_runner(r, &e);
	if (!rc && !r->quiet) /* first: the job may be over before another question is out */
		cores_count(&r->cores, r->session, on_cores, r);
	if (!rc) {
		send_stdin(r);
		int64_t req = plan_send(&r->plan, r->session, flags, runner_answer, r->root, &e);
		if (req < 0)
			rc = (int)req;
		else
			r->root->req = req;
	}
	if (rc == WEFT_ECLOSED)
		tell_closed(r, rc, e.text);
	else if (rc)
		context_error(r->context, "%s", e.text);
	return rc;
}

static void start_handles(struct run *r)
{
	uv_loop_t *loop      = r->context->loop;
	uv_update_time(loop);
	uv_timer_t *timers[] = {&r->limit, &r->grace, &r->startup, &r->stop};
	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
		uv_timer_init(loop, timers[i]);
		timers[i]->data = r;
	}
	for (size_t i = 0; i < NSIGNALS; i++) {
		struct sigaction old;
		uv_signal_init(loop, &r->signals[i]);
		r->signals[i].data = r;
		/* What we were told to ignore (nohup, a shell without job control) stays ignored. */
		if (sigaction(signal_numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			uv_signal_start(&r->signals[i], on_signal, signal_numbers[i]);
	}
	if (plan_has(&r->plan, OPT_TIMEOUT))
		uv_timer_start(&r->limit, on_limit, (uint64_t)plan_duration_ms(&r->plan, OPT_TIMEOUT), 0);
	if (r->daemon.pid > 0)
		uv_timer_start(&r->startup, on_startup_time, STARTUP_MS, 0);
}

static void stop_handles(struct run *r)
{
	uv_timer_t *timers[] = {&r->limit, &r->grace, &r->startup, &r->stop};
	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
		uv_close((uv_handle_t *)timers[i], NULL);
	for (size_t i = 0; i < NSIGNALS; i++)
		uv_close((uv_handle_t *)&r->signals[i], NULL);
}

static void on_flush_time(uv_timer_t *timer)
{
	struct run *r = timer->data;
	r->flushed    = true;
}

/* Everything that came is written, as far as somebody reads it; Ctrl-C ends the waiting for a reader. */
static void flush_output(struct run *r)
{
	bool early = r->verdict >= 0;
	uv_update_time(r->context->loop);
	if (early)
		uv_timer_start(&r->grace, on_flush_time, FLUSH_MS, 0);
	while (!runner_flush(r->runner) && !r->flushed && (early || r->verdict < 0))
		uv_run(r->context->loop, UV_RUN_ONCE);
}

static int settle_status(struct run *r)
{
	const struct runner_root *root = r->root;
	char text[600];
	bool asked_ourselves = r->verdict >= 0;
	if (!asked_ourselves && *root->aborted) {
		context_error(r->context, "%s; the job was ended", root->aborted);
	} else if (!asked_ourselves && root->nfailed > 0) {
		runner_describe(&root->first, text, sizeof text);
		if (root->nfailed > 1)
			context_error(r->context, "%s; %u of %u tasks failed", text, root->nfailed, root->size);
		else
			context_error(r->context, "%s", text);
	}
	return asked_ourselves ? r->verdict : root->status;
}

static int run_job(struct run *r)
{
	int status = EXITCODE_FAILURE;
	if (ask_for_job(r) == 0) {
		start_handles(r);
		if (r->daemon.pid > 0)
			vmdir_sweep();
		while (r->phase != RUN_OVER)
			uv_run(r->context->loop, UV_RUN_DEFAULT);
		flush_output(r);
		status = settle_status(r);
		stop_handles(r);
	}
	cores_cancel(&r->cores);
	feeder_close(&r->feeder);
	mapping_destroy(&r->mapping);
	if (r->root)
		runner_forget(r->runner, &r->root);
	if (!r->context->interactive)
		runner_destroy(&r->runner);
	return status;
}

static int exec_run(struct context *c, const struct args *a)
{
	struct weft_error e;
	struct run *r = weft__calloc(1, sizeof *r);
	int status    = EXITCODE_FAILURE;
	if (!r) {
		context_error(c, "out of memory");
		return status;
	}
	r->context = c;
	r->verdict = -1;
	int rc     = plan_parse(a, &r->plan, &e);
	r->quiet   = plan_has(&r->plan, 'q');
	const char *input = plan_text(&r->plan, OPT_STDIN);
	if (!rc && input && strcmp(input, "none"))
		rc = weft__err_set(&e, WEFT_EINVAL, "--stdin=%.40s: only --stdin and --stdin=none are known", input);
	if (!rc && c->interactive && plan_has(&r->plan, OPT_OUTPUT))
		rc = weft__err_set(&e, WEFT_EINVAL, "--output is for the command line: weft run --output ...");
	if (rc) {
		context_error(c, "%s", e.text);
	} else {
		choose_stdin(r);
		if (open_session(r) == 0)
			status = run_job(r);
		if (!c->interactive) {
			session_close(&r->session);
			uv_run(c->loop, UV_RUN_DEFAULT); /* what is closed goes out and is freed */
		}
		if (r->daemon.pid > 0)
			start_finish(&r->daemon, GONE_MS);
	}
	runhosts_fini(&r->hosts);
	plan_fini(&r->plan);
	uv_run(c->loop, UV_RUN_NOWAIT);
	weft__free(r);
	return status;
}

static const struct option_def options[] = {
        PLAN_OPTIONS,
        OPTION_LOCAL_NODES("use a private virtual machine of N pretend nodes on this machine", NULL),
        {.id = OPT_DISPLAY_MAP, .name = "display-map", .help = "say to standard error where each task runs"},
        OPTION_HOSTFILE("run on the hosts of this list; weft-up(1) has its form",
                        "Those that are no nodes yet become some by ssh, those of a private virtual machine for this run "
                        "alone; tasks that name no host go to these. All hosts must come, else nothing is started. "
                        "`--host` with names of other machines does the same where no virtual machine is up."),
        OPTION_PORTS("the daemons listen on PORT, or on a free one of a range A-B"),
        {.id = 'l', .name = "label", .help = "put the rank in front of each line of output"},
        {.id   = OPT_OUTPUT,
         .name = "output",
         .kind = ARG_FILE,
         .arg  = "FILE",
         .help = "write the tasks' output to files instead",
         .man  = "In the name `%r` is the rank, `%j` the job, `%h` the host, `%s` `out` or `err`, `%%` a percent "
                 "sign; tasks whose names come out alike share the file, line by line. A folder, or a name "
                 "that ends in `/`, means a file `%j.%r.%s` for each task and stream in that folder. Files "
                 "that exist are emptied."},
        {.id   = OPT_TIMEOUT,
         .name = "timeout",
         .kind = ARG_DURATION,
         .arg  = "TIME",
         .help = "end the tasks after TIME: 90, 90s, 5m, 1h30m",
         .man  = "They get SIGTERM, after the grace SIGKILL; the exit status is 124."},
        {.id   = OPT_GRACE,
         .name = "grace",
         .kind = ARG_DURATION,
         .arg  = "TIME",
         .help = "from asking the tasks to end to killing them (default: 3s, in a batch job 20s)"},
        {.id   = OPT_KILL_ON_BAD_EXIT,
         .name = "kill-on-bad-exit",
         .help = "when a task fails, end the others",
         .man  = "A task fails that exits with another code than 0, or that a signal ends, or that is lost. The "
                 "others get SIGTERM, three seconds later SIGKILL; the exit status is that of the first one "
                 "that failed. Without this option the others go on: programs that notice the death of a "
                 "task and carry on need that."},
        {.id           = OPT_STDIN,
         .name         = "stdin",
         .kind         = ARG_TEXT,
         .arg          = "none",
         .optional_arg = true,
         .help         = "give rank 0 our standard input, also a terminal; =none: never",
         .man          = "Without this option rank 0 gets it when it is a pipe, a socket or a file; the other ranks "
                         "read /dev/null. On this machine rank 0 gets the descriptor itself, so that what "
                         "it does not read stays for others: a `while read` loop around `weft run` works."},
        {.id = 'q', .name = "quiet", .help = "print no notes"},
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

static const struct exit_def exits[] = {
        {"n", "the largest exit code of the tasks; 128 + the signal's number for one that a signal ended"},
        {"124", "the time limit was over"},
        EXIT_NOT_EXECUTABLE,
        EXIT_NOT_FOUND,
        {"129, 143", "weft run got SIGHUP or SIGTERM"},
        {"130", "Ctrl-C"},
        {"141", "nobody reads the output any more, as in `weft run ... | head`"},
        {NULL, NULL},
};

const struct command cmd_run = {
        .name          = "run",
        .summary       = "run programs as tasks and wait for them",
        .operands      = "PROGRAM [ARGUMENT ...] [: [OPTION ...] PROGRAM ...]",
        .operand       = ARG_PROGRAM,
        .noperands_min = 1,
        .noperands_max = -1,
        .flags         = CMD_PROGRAM,
        .options       = options,
        .exits         = exits,
        .man =
                "Starts tasks, shows what they write and ends when the last one has ended. The virtual machine "
                "that is up is used; when there is none a private one is started for this run and is gone "
                "with it: no process, socket or file stays behind, however the run ends.\n\n"
                "In a job of a batch system (Slurm, PBS, Torque, Grid Engine, LSF, Flux) a virtual machine of the job's "
                "machines is used, or made for this run, and without `-n` and `--host` there are as many tasks as the job is "
                "for, placed as it says. Not so when `--name`, WEFT_VM, `--local-nodes` or `--hostfile` say where to run. "
                "When the batch system announces the end of the job by SIGTERM the tasks get that, too, and after the "
                "grace SIGKILL; the exit status is 143.\n\n"
                "Several programs, kept apart by `:`, make one job; each has its own `-n`, `--host`, `--wdir` "
                "and `-x`. Ranks count through all of them. More tasks than cores is fine. The arguments of a program and its "
                "environment may take 160 KiB together.\n\n"
                "Output is written line by line: a line of one task never runs into a line of another, however "
                "long it is and in whatever pieces it was written. Standard output and standard error stay "
                "apart. A line of more than 1 MiB is written in parts while others wait; it is cut when 16 MiB "
                "wait for its end.\n\n"
                "Only tasks of this job count for the exit status, not tasks that they spawn. The first task "
                "that fails is named, with host and process. When a program cannot be started, the others are "
                "ended.\n\n"
                "Programs that are linked with MPICH or Open MPI are hosted as their own launchers do. A rank of theirs "
                "that ends without having finalized, or calls MPI_Abort, ends the job: weft run names it and exits with "
                "its code.\n\n"
                "Standard input goes to rank 0 when it is a pipe or a file, so that a loop around weft run keeps what "
                "rank 0 does not read; only when rank 0 runs on another node it is read ahead (`--stdin=none` "
                "prevents that).\n\n"
                "The first Ctrl-C sends SIGINT to the tasks, a second one kills them. SIGTERM and SIGHUP are "
                "passed on, and the tasks are killed after the grace. Ctrl-Z stops the tasks, too.",
        .examples = "# four tasks, with their ranks in front of each line\n"
                    "weft run -n 4 -l ./solver input.txt\n"
                    "# one master and eight workers\n"
                    "weft run ./master : -n 8 ./worker\n"
                    "# three pretend nodes on this machine, at most ten minutes\n"
                    "weft run -n 6 --local-nodes 3 --timeout 10m ./solver\n",
        .exec = exec_run,
};
