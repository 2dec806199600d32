/* Happy path: a root is added and SPAWN sent; JOB_EVENTs tell the starts and ends of its tasks and of the jobs
 * that these spawn, OUTPUT brings what they write, SPAWNED answers. When each job of the root has ended and
 * OUTPUT_END has come for each task that ran, the root is done.
 *
 * What can go wrong: events and output take different ways, so OUTPUT or OUTPUT_END may come before the event
 * that its task started, and before we know whose job it is; a task that was lost with its node sends no
 * OUTPUT_END; a task that never ran neither; no job comes into being at all (SPAWNED says so, and that is the
 * end of it); a node that left in good order took an OUTPUT_END with it (we wait for it a while, and no longer);
 * the reader of our output is slow (acknowledgements are kept back) or gone (output_failed).
 *
 * Output that goes to a task does not come here: the events about its tasks say so, and no end of it is waited for.
 * Where some roots' output is shown in another way or elsewhere, OUTPUT of a job that is not known waits for it.
 */
#include "config.h"

#include "console/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/ids.h"
#include "base/map.h"
#include "console/pieces.h"
#include "proto/output.h"

enum {
	STRAGGLER_MS   = 3000,            /* silence after which output is not waited for any more, all jobs having ended */
	PIECES_MAX     = 8 * 1024 * 1024, /* bytes of jobs that are not known; what is more is shown as usual */
	REDIRECT_BYTES = 4096,
};

/* What we know about a task. */
struct task {
	struct job *job; /* NULL: only its output has come */
	bool started, ended, flushed, lost;
	uint64_t pid;
	char host[64]; /* as far as a file name needs it */
};

/* A job of a root. */
struct job {
	uint32_t id;
	struct runner_root *root;
	size_t nwaiting; /* tasks that have not ended, or whose output has not */
	bool ended;
};

/* Output of a job's part on one node that is to be acknowledged. */
struct debt {
	struct weft__output_span of;
	uint64_t units;
};

struct runner {
	uv_loop_t *loop;
	struct session *session;
	struct session_listener listener;
	struct output *output;
	struct output_config config;
	struct weft__list roots;
	struct weft__map jobs, tasks; /* by id, by tid */
	struct weft__output_counts counts;
	struct debt *debts;
	size_t ndebts, debts_cap;
	size_t nkeeping; /* roots */
	struct pieces pieces;
	bool failed; /* nothing can be written: what comes is dropped */
	uv_timer_t *straggler;
};

/* --- jobs and tasks ------------------------------------------------------------------------------ */

static bool is_waited_for(const struct task *t)
{
	return !(t->ended && (t->flushed || t->lost || !t->started));
}

static struct runner_root *find_root(struct runner *r, uint32_t id)
{
	struct runner_root *unknown = NULL;
	for (struct weft__list *l = r->roots.next; l != &r->roots; l = l->next) {
		struct runner_root *root = WEFT__CONTAINER(l, struct runner_root, link);
		if (root->job == id)
			return root;
		if (!root->job && !unknown)
			unknown = root;
	}
	return unknown; /* one spawn is asked for after the other: it is the one that has no number yet */
}

static void release_pieces(struct runner *r, uint32_t job);

static struct job *find_job(struct runner *r, uint32_t id, uint32_t root_id)
{
	struct job *j = weft__map_get(&r->jobs, id);
	if (j)
		return j;
	struct runner_root *root = find_root(r, root_id);
	if (!root)
		return NULL; /* of a root that was forgotten */
	root->job = root_id;
	j         = weft__calloc(1, sizeof *j);
	if (!j || weft__map_put(&r->jobs, id, j)) {
		weft__free(j);
		return NULL;
	}
	*j = (struct job){.id = id, .root = root};
	if (!root->held)
		release_pieces(r, id);
	return j;
}

static struct task *find_task(struct runner *r, uint64_t tid)
{
	struct task *t = weft__map_get(&r->tasks, tid);
	if (t)
		return t;
	t = weft__calloc(1, sizeof *t);
	if (t && weft__map_put(&r->tasks, tid, t)) {
		weft__free(t);
		return NULL;
	}
	return t;
}

static void on_straggler_time(uv_timer_t *timer);

static struct output *output_of(const struct runner *r, const struct runner_root *root)
{
	return root && root->output ? root->output : r->output;
}

/* The last line of a redirected job. */
static void tell_finished(struct runner *r, const struct runner_root *root)
{
	char text[32];
	snprintf(text, sizeof text, "[%u] finished\n", root->job);
	if (root->style == OUTPUT_PVM && root->job && !root->held && !r->failed)
		output_line(output_of(r, root), text);
}

static void check_done(struct runner *r, struct runner_root *root)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	bool any = false, silent = false;
	if (root->done || !root->answered)
		return;
	while (weft__map_next(&r->jobs, &cursor, &id, &value)) {
		const struct job *j = value;
		if (j->root != root)
			continue;
		any = true;
		if (!j->ended)
			return;
		silent |= j->nwaiting > 0;
	}
	if (silent) {
		if (!uv_is_active((uv_handle_t *)r->straggler))
			uv_timer_start(r->straggler, on_straggler_time, STRAGGLER_MS, 0);
		return;
	}
	if (!any && root->error.code == 0)
		return;
	root->done = true;
	tell_finished(r, root);
	output_flush(output_of(r, root)); /* what its tasks wrote comes before what is said about its end */
	if (root->handler.finished)
		root->handler.finished(root->arg, root);
}

static void on_straggler_time(uv_timer_t *timer)
{
	struct runner *r = timer->data;
	size_t cursor    = 0;
	uint64_t tid;
	void *value;
	if (r->ndebts > 0) { /* it is we who hold it up */
		uv_timer_start(timer, on_straggler_time, STRAGGLER_MS, 0);
		return;
	}
	while (weft__map_next(&r->tasks, &cursor, &tid, &value)) {
		struct task *t = value;
		if (!t->job || !t->job->ended || !t->ended || !is_waited_for(t))
			continue;
		t->lost = true;
		t->job->nwaiting--;
		t->job->root->nsilent++;
	}
	for (struct runner_root *root = runner_next(r, NULL), *next; root; root = next) {
		next = runner_next(r, root);
		check_done(r, root);
	}
}

/* Something about a task has changed: `waited` is what is_waited_for said before. */
static void settle_task(struct runner *r, uint64_t tid, struct task *t, bool waited)
{
	struct job *j = t->job;
	if (!j || is_waited_for(t) == waited)
		return;
	j->nwaiting--;
	if (!t->lost) { /* a lost one's record stays, in case that its output comes late */
		weft__map_remove(&r->tasks, tid);
		weft__free(t);
	}
	check_done(r, j->root);
}

static void note_failure(struct runner *r, struct runner_root *root, const struct task *t,
                         const struct weft__msg_job_event *m)
{
	struct exitcode_task how = {m->exit_code, m->signo, m->flags, m->code};
	int status               = exitcode_of(&how);
	if (status == 0)
		return;
	if (*root->aborted) { /* that is known, and these ends follow from it */
		root->nfailed++;
		return;
	}
	if (status > root->status)
		root->status = status;
	if (root->nfailed++ > 0)
		return;
	struct runner_failure *f = &root->first;
	f->how                   = how;
	f->tid                   = m->tid;
	f->rank                  = (uint32_t)m->rank;
	f->pid                   = m->pid ? m->pid : t->pid;
	f->after_ms              = (weft__clock_ns() - root->began_ns) / 1000000;
	snprintf(f->host, sizeof f->host, "%.*s", (int)m->host.n, m->host.p);
	snprintf(f->text, sizeof f->text, "%.*s", (int)m->text.n, m->text.p);
	if (root->handler.bad_exit)
		root->handler.bad_exit(root->arg, root);
}

/* Something decided that the job is over, and with what. A job that this one spawned ends alone, but says why. */
static void note_abort(struct runner_root *root, const struct weft__msg_job_event *m)
{
	if (*root->aborted)
		return;
	snprintf(root->aborted, sizeof root->aborted, "%.*s", (int)m->text.n, m->text.p);
	root->status = m->exit_code > 0 && m->exit_code < 256 ? (int)m->exit_code : 1;
}

static void take_job_event(struct runner *r, const struct weft__msg_job_event *m)
{
	struct job *j = find_job(r, (uint32_t)m->job, (uint32_t)m->root);
	if (!j)
		return;
	if (m->state == WEFT__JOB_EVENT_DONE) {
		j->ended = true;
		check_done(r, j->root);
		return;
	}
	if (m->state == WEFT__JOB_EVENT_ABORTED) {
		note_abort(j->root, m);
		return;
	}
	struct task *t = find_task(r, m->tid);
	if (!t)
		return;
	bool waited = !t->job || is_waited_for(t);
	if (j->root->handler.placed && m->job == m->root && !t->started)
		j->root->handler.placed(j->root->arg, m);
	if (!t->job) {
		t->job = j;
		j->nwaiting++;
	}
	if (m->state == WEFT__JOB_EVENT_STARTED) {
		t->started = true;
		t->pid     = m->pid;
		snprintf(t->host, sizeof t->host, "%.*s", (int)m->host.n, m->host.p);
		if (m->rank == 0 && j->id == j->root->job && !j->root->rank0_node) {
			j->root->rank0_node = (int64_t)m->node;
			if (j->root->handler.started)
				j->root->handler.started(j->root->arg, j->root);
		}
	} else if (m->state == WEFT__JOB_EVENT_EXITED) {
		t->ended   = true;
		t->lost    = (m->flags & WEFT__EXIT_LOST) != 0;
		t->flushed = t->flushed || m->flags & WEFT__EXIT_ELSEWHERE;
		t->started = t->started || !(m->flags & WEFT__EXIT_START);
		if (j->id == j->root->job)
			note_failure(r, j->root, t, m);
	}
	settle_task(r, m->tid, t, waited);
}

/* --- output -------------------------------------------------------------------------------------- */

static void pay_debts(struct runner *r)
{
	if (output_full(r->output) && !r->failed)
		return;
	for (size_t i = 0; i < r->ndebts; i++) {
		struct weft__msg m = weft__output_taken(&r->counts, &r->debts[i].of, r->debts[i].units);
		session_send(r->session, &m);
	}
	r->ndebts = 0;
}

static int owe(struct runner *r, const struct weft__output_span *span, uint64_t units)
{
	for (size_t i = 0; i < r->ndebts; i++) {
		if (r->debts[i].of.job == span->job && r->debts[i].of.node == span->node) {
			r->debts[i].units += units;
			return 0;
		}
	}
	if (r->ndebts == r->debts_cap) {
		size_t cap         = r->debts_cap ? 2 * r->debts_cap : 16;
		struct debt *debts = weft__realloc(r->debts, cap * sizeof *debts);
		if (!debts)
			return WEFT_ENOMEM;
		r->debts     = debts;
		r->debts_cap = cap;
	}
	r->debts[r->ndebts++] = (struct debt){*span, units};
	return 0;
}

static void fail_output(struct runner *r, int code, const char *text)
{
	if (r->failed)
		return;
	r->failed = true;
	pay_debts(r);
	for (struct runner_root *root = NULL; (root = runner_next(r, root));)
		if (root->handler.output_failed)
			root->handler.output_failed(root->arg, code, text);
}

/* The file of a redirected job cannot be written: said once, and what more comes for it is dropped. */
static void fail_root(struct runner_root *root, const char *text)
{
	if (!root->failed && root->handler.output_failed)
		root->handler.output_failed(root->arg, WEFT_EIO, text);
	root->failed = true;
}

/* Was this job spawned by another task? In the console each line names its job in any case. */
static bool is_descendant(struct runner *r, uint64_t job)
{
	const struct job *j = weft__map_get(&r->jobs, job);
	if (r->config.label_jobs || weft__list_empty(&r->roots))
		return true;
	const struct runner_root *root = WEFT__CONTAINER(r->roots.next, struct runner_root, link);
	return j ? j->id != j->root->job : root->job && root->job != job;
}

/* Must it wait until its job is known, and may be shown? */
static bool keep_piece(struct runner *r, uint64_t job, const struct weft__msg *m)
{
	const struct job *j = r->nkeeping ? weft__map_get(&r->jobs, job) : NULL;
	return r->nkeeping && (!j || j->root->held) && r->pieces.nbytes < PIECES_MAX &&
	       pieces_push(&r->pieces, m) == 0;
}

static struct output_task describe(struct runner *r, uint64_t job, uint64_t tid, uint64_t rank)
{
	const struct job *j   = weft__map_get(&r->jobs, job);
	const struct task *t  = weft__map_get(&r->tasks, tid);
	return (struct output_task){.tid        = tid,
	                            .job        = j && j->root->style == OUTPUT_PVM ? j->root->job : (uint32_t)job,
	                            .rank       = (uint32_t)rank,
	                            .descendant = is_descendant(r, job),
	                            .host       = t && *t->host ? t->host : "unknown",
	                            .style      = j ? j->root->style : OUTPUT_USUAL};
}

static void tell_wrote(const struct job *j, uint64_t tid, const void *bytes, size_t nbytes)
{
	if (j && j->root->handler.wrote)
		j->root->handler.wrote(j->root->arg, tid, bytes, nbytes);
}

static void take_output(struct runner *r, const struct weft__msg_output *m)
{
	struct weft_error e = {0};
	const struct job *j     = weft__map_get(&r->jobs, m->job);
	struct runner_root *own = j && j->root->output ? j->root : NULL;
	struct output_task task = describe(r, m->job, m->tid, m->rank);
	int rc                  = 0;
	if (uv_is_active((uv_handle_t *)r->straggler))
		uv_timer_start(r->straggler, on_straggler_time, STRAGGLER_MS, 0);
	if (m->bytes.n)
		tell_wrote(j, m->tid, m->bytes.p, m->bytes.n);
	if (own && output_push(own->output, &task, (unsigned)m->stream, m->bytes.p, m->bytes.n, &e))
		fail_root(own, e.text);
	else if (!own && !r->failed)
		rc = output_push(r->output, &task, (unsigned)m->stream, m->bytes.p, m->bytes.n, &e);
	if (rc)
		fail_output(r, rc, e.text);
}

static void take_output_end(struct runner *r, const struct weft__msg_output_end *m)
{
	const struct job *j     = weft__map_get(&r->jobs, m->job);
	struct output_task task = describe(r, m->job, m->tid, m->rank);
	if (m->node == 0 && !weft__map_get(&r->tasks, m->tid)) /* its task VM had said so before it died */
		return;
	struct task *t = find_task(r, m->tid);
	if (t && t->flushed)
		return;
	output_end(output_of(r, j ? j->root : NULL), &task);
	tell_wrote(j, m->tid, NULL, 0);
	if (!t)
		return;
	bool waited = is_waited_for(t);
	t->flushed  = true;
	settle_task(r, m->tid, t, waited);
}

static void show_piece(struct runner *r, const struct weft__msg *m)
{
	struct weft__output_span span;
	weft__output_span(m, &span);
	if (m->code == WEFT__MSG_OUTPUT_END)
		take_output_end(r, &m->output_end);
	else
		take_output(r, &m->output);
	if (span.node && owe(r, &span, span.to - span.from))
		fail_output(r, WEFT_ENOMEM, "out of memory");
	pay_debts(r);
}

/* OUTPUT or OUTPUT_END: shown now, or kept for later. */
static void take_piece(struct runner *r, const struct weft__msg *m)
{
	struct weft__output_span span;
	weft__output_span(m, &span);
	if (!keep_piece(r, span.job, m))
		show_piece(r, m);
}

static void take_in_order(struct runner *r, const struct weft__msg *m)
{
	struct weft__output_span span;
	weft__output_span(m, &span);
	enum weft__output_turn turn = weft__output_came(&r->counts, &span);
	if (turn == WEFT__OUTPUT_NEXT)
		take_piece(r, m);
	else if (turn == WEFT__OUTPUT_TWICE && owe(r, &span, 0) == 0) /* the acknowledgement was lost, or is to come */
		pay_debts(r);
}

/* What came of this job before it was known; 0: of all that are not. */
static void release_pieces(struct runner *r, uint32_t job)
{
	struct piece *piece;
	while ((piece = pieces_pop(&r->pieces, job))) {
		show_piece(r, &piece->m);
		weft__free(piece);
	}
}

static void on_output(void *arg)
{
	struct runner *r    = arg;
	struct weft_error e = {0};
	if (output_error(r->output, &e))
		fail_output(r, e.code, e.text);
	pay_debts(r);
}

static void on_before(void *arg)
{
	struct runner *r = arg;
	r->config.before(r->config.arg);
}

static void on_after(void *arg)
{
	struct runner *r = arg;
	r->config.after(r->config.arg);
}

/* --- the session --------------------------------------------------------------------------------- */

static void take_stdin_ack(struct runner *r, const struct weft__msg_stdin_ack *m)
{
	for (struct runner_root *root = NULL; (root = runner_next(r, root));)
		if (root->job == m->job && root->handler.stdin_ack)
			root->handler.stdin_ack(root->arg, m);
}

static void take_ending(struct runner *r, const char *text)
{
	for (struct runner_root *root = NULL; (root = runner_next(r, root));)
		if (root->handler.ending)
			root->handler.ending(root->arg, text);
}

static void on_event(void *arg, const struct weft__msg *m)
{
	struct runner *r = arg;
	switch (m->code) {
	case WEFT__MSG_JOB_EVENT:
		take_job_event(r, &m->job_event);
		return;
	case WEFT__MSG_OUTPUT:
	case WEFT__MSG_OUTPUT_END:
		take_in_order(r, m);
		return;
	case WEFT__MSG_STDIN_ACK:
		take_stdin_ack(r, &m->stdin_ack);
		return;
	case WEFT__MSG_ENDING:
		take_ending(r, m->ending.text.p);
		return;
	default:
		return;
	}
}

static void on_closed(void *arg, int code, const char *text)
{
	struct runner *r = arg;
	for (struct runner_root *root = NULL; (root = runner_next(r, root));)
		if (root->handler.closed)
			root->handler.closed(root->arg, code, text);
}

/* The answer to SPAWN, or a part of it; true when it is complete. */
static bool take_spawned(struct runner_root *root, const struct weft__msg_spawned *m)
{
	int code   = (int)m->code;
	root->job  = (uint32_t)m->job;
	root->size = (uint32_t)m->size;
	for (size_t i = 0; i < m->errors.n && !code; i++)
		code = -(int)m->errors.p[i];
	if (code && !root->error.code && !*root->aborted) /* what was not started any more was not to be */
		weft__err_set(&root->error, code, "%s", m->text.n ? m->text.p : weft__err_text(code));
	return m->code || m->first + m->tids.n >= m->size;
}

bool runner_answer(void *arg, const struct weft__msg *m)
{
	struct runner_root *root = arg;
	struct runner *r         = root->runner;
	if (m->code == WEFT__MSG_SPAWNED) {
		root->answered = take_spawned(root, &m->spawned);
	} else if (m->code == WEFT__MSG_RESULT && m->result.code) {
		weft__err_set(&root->error, (int)m->result.code, "%s",
		              m->result.text.n ? m->result.text.p : weft__err_text((int)m->result.code));
		root->answered = true;
	}
	if (!root->answered)
		return false;
	root->req = 0;
	if (root->error.code && root->handler.failed)
		root->handler.failed(root->arg, root);
	check_done(r, root);
	return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
	weft__free(handle);
}

int runner_create(uv_loop_t *loop, struct session *s, const struct output_config *config, struct runner **r,
                  struct weft_error *e)
{
	struct runner *new = weft__calloc(1, sizeof *new);
	uv_timer_t *timer  = weft__calloc(1, sizeof *timer);
	if (!new || !timer) {
		weft__free(new);
		weft__free(timer);
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	new->loop     = loop;
	new->session  = s;
	new->config   = *config;
	new->listener = (struct session_listener){.event = on_event, .closed = on_closed, .arg = new};
	weft__list_init(&new->roots);
	pieces_init(&new->pieces);
	weft__list_init(&new->listener.link);
	struct output_config own = *config;
	own.changed              = on_output;
	own.before               = config->before ? on_before : NULL;
	own.after                = config->after ? on_after : NULL;
	own.arg                  = new;
	int rc                   = output_open(loop, &own, &new->output, e);
	if (rc) {
		weft__free(new);
		weft__free(timer);
		return rc;
	}
	uv_timer_init(loop, timer);
	timer->data    = new;
	new->straggler = timer;
	session_listen(s, &new->listener);
	*r = new;
	return 0;
}

void runner_destroy(struct runner **r)
{
	struct runner *old = *r;
	*r                 = NULL;
	if (!old)
		return;
	while (!weft__list_empty(&old->roots)) {
		struct runner_root *root = WEFT__CONTAINER(old->roots.next, struct runner_root, link);
		if (root->handler.dropped)
			root->handler.dropped(root->arg, root);
		else
			runner_forget(old, &root);
	}
	size_t cursor = 0;
	uint64_t tid;
	void *task;
	while (weft__map_next(&old->tasks, &cursor, &tid, &task))
		weft__free(task);
	weft__map_fini(&old->tasks);
	weft__output_counts_fini(&old->counts);
	weft__map_fini(&old->jobs);
	pieces_fini(&old->pieces);
	session_unlisten(&old->listener);
	output_close(&old->output);
	uv_close((uv_handle_t *)old->straggler, on_timer_closed);
	weft__free(old->debts);
	weft__free(old);
}

struct runner_root *runner_add(struct runner *r, const struct runner_handler *handler, void *arg)
{
	struct runner_root *root = weft__calloc(1, sizeof *root);
	if (!root)
		return NULL;
	root->runner   = r;
	root->handler  = *handler;
	root->arg      = arg;
	root->began_ns = weft__clock_ns();
	weft__list_push(&r->roots, &root->link);
	return root;
}

/* Output of a job that is not known may be this root's. */
static void start_keeping(struct runner *r, struct runner_root *root)
{
	r->nkeeping += !root->keeps;
	root->keeps = true;
}

static void stop_keeping(struct runner *r, struct runner_root *root)
{
	r->nkeeping -= root->keeps;
	root->keeps = false;
}

int runner_redirect(struct runner *r, struct runner_root *root, enum output_style style, const char *file, bool append,
                    struct weft_error *e)
{
	char name[REDIRECT_BYTES];
	struct output_config config = {.file = name, .append = true};
	size_t n                    = 0;
	int fd                      = file ? open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? 0 : O_TRUNC), 0666) : -1;
	if (file && fd < 0)
		return weft__err_set(e, WEFT_EIO, "cannot write %.80s: %s", file, strerror(errno));
	for (const char *p = file; p && *p && n < sizeof name - 2; p++) { /* it is a name, no template */
		name[n++] = *p;
		if (*p == '%')
			name[n++] = '%';
	}
	name[n] = '\0';
	int rc  = 0;
	if (file) {
		close(fd);
		rc = output_open(r->loop, &config, &root->output, e);
	}
	if (rc)
		return rc;
	root->style = style;
	start_keeping(r, root);
	return 0;
}

void runner_hold(struct runner *r, struct runner_root *root)
{
	root->held = true;
	start_keeping(r, root);
}

void runner_release(struct runner *r, struct runner_root *root)
{
	struct runner_root *live = NULL;
	struct pieces held; /* taken out: each is looked at once, in its turn */
	struct piece *piece;
	while ((live = runner_next(r, live)) && live != root)
		;
	if (!live)
		return;
	root->held = false;
	if (root->style == OUTPUT_USUAL)
		stop_keeping(r, root);
	pieces_init(&held);
	while ((piece = pieces_pop(&r->pieces, 0)))
		weft__list_push(&held.all, &piece->link);
	while ((piece = pieces_pop(&held, 0))) {
		take_piece(r, &piece->m);
		weft__free(piece);
	}
	pieces_fini(&held);
}

/* The first job of the root that is left, or NULL. */
static struct job *any_job(struct runner *r, const struct runner_root *root)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&r->jobs, &cursor, &id, &value))
		if (((struct job *)value)->root == root)
			return value;
	return NULL;
}

static struct task *any_task(struct runner *r, const struct job *j, uint64_t *tid)
{
	size_t cursor = 0;
	void *value;
	while (weft__map_next(&r->tasks, &cursor, tid, &value))
		if (((struct task *)value)->job == j)
			return value;
	return NULL;
}

void runner_forget(struct runner *r, struct runner_root **root)
{
	struct runner_root *old = *root;
	struct job *j;
	struct task *t;
	uint64_t tid;
	*root = NULL;
	if (old->req > 0)
		session_forget(r->session, old->req);
	while ((j = any_job(r, old))) {
		while ((t = any_task(r, j, &tid))) {
			weft__map_remove(&r->tasks, tid);
			weft__free(t);
		}
		weft__map_remove(&r->jobs, j->id);
		weft__free(j);
	}
	weft__list_remove(&old->link);
	output_close(&old->output);
	stop_keeping(r, old);
	weft__free(old);
	if (!r->nkeeping)
		release_pieces(r, 0);
}

struct runner_root *runner_next(struct runner *r, struct runner_root *after)
{
	struct weft__list *l = after ? after->link.next : r->roots.next;
	return l == &r->roots ? NULL : WEFT__CONTAINER(l, struct runner_root, link);
}

bool runner_signal(struct runner *r, struct runner_root *root, int signo)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	bool any = false;
	while (weft__map_next(&r->jobs, &cursor, &id, &value)) {
		const struct job *j = value;
		if (j->root != root)
			continue;
		any = true;
		/* The answer does not matter: the tasks' ends are reported. */
		struct weft__msg m = {.code   = WEFT__MSG_SIGNAL,
		                      .signal = {.job = j->id, .signo = (uint64_t)signo}};
		if (!j->ended)
			session_send(r->session, &m);
	}
	return any;
}

bool runner_flush(struct runner *r)
{
	output_flush(r->output);
	on_output(r);
	return output_idle(r->output);
}

int runner_print(struct runner *r, const void *bytes, size_t nbytes)
{
	int rc = runner_error(r, NULL);
	return rc ? rc : output_print(r->output, bytes, nbytes);
}

int runner_error(const struct runner *r, struct weft_error *e)
{
	return output_error(r->output, e);
}

bool runner_full(const struct runner *r)
{
	return output_full(r->output) && !output_error(r->output, NULL);
}

void runner_drain(struct runner *r)
{
	output_drain(r->output);
	pay_debts(r);
}

void runner_describe_silent(const struct runner_root *root, char *text, size_t size)
{
	snprintf(text, size, "the last output of %u task%s of job %u did not come: %s node had gone", root->nsilent,
	         root->nsilent == 1 ? "" : "s", root->job, root->nsilent == 1 ? "its" : "their");
}

void runner_describe(const struct runner_failure *f, char *text, size_t size)
{
	char tid[WEFT__TID_TEXT], what[320];
	weft__tid_format((weft_tid_t){f->tid}, tid);
	if (f->how.flags & WEFT__EXIT_START)
		snprintf(what, sizeof what, "could not be started: %s",
		         *f->text ? f->text : weft__err_text((int)f->how.code));
	else if (f->how.flags & WEFT__EXIT_LOST)
		snprintf(what, sizeof what, "was lost: its node or task VM died");
	else if (f->how.signo)
		snprintf(what, sizeof what, "was killed by signal %d (%s)%s", (int)f->how.signo,
		         strsignal((int)f->how.signo), f->how.flags & WEFT__EXIT_CORE ? ", core dumped" : "");
	else
		snprintf(what, sizeof what, "exited with code %" PRId64, f->how.exit_code);
	if (f->pid)
		snprintf(text, size, "rank %u (%s) on %s, pid %" PRIu64 ", %s after %" PRIu64 ".%02" PRIu64 " s",
		         f->rank, tid, f->host, f->pid, what, f->after_ms / 1000, f->after_ms % 1000 / 10);
	else
		snprintf(text, size, "rank %u (%s) on %s %s", f->rank, tid, f->host, what);
}
