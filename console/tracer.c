/* Happy path: weft-pvmtrace is spawned, attached, with a pipe of ours as standard input; its tid is what traced tasks are
 * told. What they write comes here, and goes through the pipe, each behind a struct weft__tracer_said. When they have
 * ended we close the pipe, it prints what it still has and ends, and is forgotten.
 *
 * What can go wrong: it is not installed; it ends before its time (killed, or by reset): traces are then lost, which is
 * said; it prints more slowly than the tasks write: what they write is then left out of the traces, which is said, too; the
 * console ends first: it ends with it.
 */
#include "config.h"

#include "console/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/exe.h"
#include "base/heap.h"
#include "base/ids.h"
#include "console/environ.h"
#include "console/pvmenv.h"
#include "console/runner.h"
#include "proto/tracer.h"

enum { START_MS = 10000, QUEUED_MAX = 16 << 20 };

/* Our end of its standard input; goes when all was written. */
struct feed {
	uv_pipe_t pipe;
	uv_shutdown_t end;
	size_t queued_bytes;
};

struct piece {
	uv_write_t request;
	struct feed *feed;
	size_t nbytes;
	char bytes[];
};

struct tracer {
	struct context *context;
	struct feed *feed; /* NULL: it is closed */
	struct runner_root *root; /* NULL: it has ended */
	uint64_t tid;
	uint32_t job;
	int64_t node;
	bool answered, ended; /* its SPAWN; no more traces come */
	bool left_out; /* not all that the tasks write is in the traces */
};

/* --- its standard input --------------------------------------------------------------------------- */

static void free_feed(uv_handle_t *pipe)
{
	weft__free(pipe->data);
}

static void on_shut(uv_shutdown_t *end, int status)
{
	struct feed *f = end->data;
	if (!uv_is_closing((uv_handle_t *)&f->pipe))
		uv_close((uv_handle_t *)&f->pipe, free_feed);
}

/* When all that is queued was written. */
static void feed_end(struct feed **f)
{
	struct feed *old = *f;
	*f               = NULL;
	if (old && uv_shutdown(&old->end, (uv_stream_t *)&old->pipe, on_shut))
		on_shut(&old->end, 0);
}

/* theirs: the end that it reads. */
static int feed_open(struct tracer *t, int *theirs, struct weft_error *e)
{
	int ends[2], rc;
	struct feed *f = weft__calloc(1, sizeof *f);
	if (!f || pipe2(ends, O_CLOEXEC)) {
		weft__free(f);
		return weft__err_set(e, WEFT_ENOMEM, "no pipe can be made: %s", strerror(f ? errno : ENOMEM));
	}
	uv_pipe_init(t->context->loop, &f->pipe, 0);
	f->pipe.data = f->end.data = f;
	t->feed                    = f;
	rc                         = uv_pipe_open(&f->pipe, ends[1]);
	if (rc)
		close(ends[1]);
	*theirs = ends[0];
	return rc ? weft__err_set(e, WEFT_EIO, "a pipe: %s", uv_strerror(rc)) : 0;
}

static void on_written(uv_write_t *request, int status)
{
	struct piece *p = request->data;
	p->feed->queued_bytes -= p->nbytes;
	weft__free(p);
}

void tracer_wrote(struct tracer *t, uint64_t tid, const void *bytes, size_t nbytes)
{
	struct weft__tracer_said head = {weft__tid_slot((weft_tid_t){tid}), (uint32_t)nbytes};
	struct feed *f  = t->feed;
	struct piece *p = f && f->queued_bytes < QUEUED_MAX ? weft__malloc(sizeof *p + sizeof head + nbytes) : NULL;
	if (f && !p && !t->left_out) {
		t->left_out = true;
		context_error(t->context, "tasks write faster than their traces are printed: not all of it is in the traces");
	}
	if (!p)
		return;
	p->request.data = p;
	p->feed         = f;
	p->nbytes       = sizeof head + nbytes;
	memcpy(p->bytes, &head, sizeof head);
	if (nbytes)
		memcpy(p->bytes + sizeof head, bytes, nbytes);
	uv_buf_t buf = uv_buf_init(p->bytes, (unsigned)p->nbytes);
	f->queued_bytes += p->nbytes;
	if (uv_write(&p->request, (uv_stream_t *)&f->pipe, &buf, 1, on_written))
		on_written(&p->request, 0);
}

/* --- the task -------------------------------------------------------------------------------------- */

static void on_started(void *arg, struct runner_root *root)
{
	struct tracer *t = arg;
	t->node          = root->rank0_node;
}

static void on_finished(void *arg, struct runner_root *root)
{
	struct tracer *t = arg;
	if (!t->ended && root->error.code == 0)
		context_error(t->context, "the task that prints the traces has ended: they are lost");
	runner_forget(root->runner, &root);
	t->root = NULL;
	feed_end(&t->feed);
	if (t->ended)
		weft__free(t);
}

static void on_output_failed(void *arg, int code, const char *text)
{
	const struct tracer *t = arg;
	context_error(t->context, "%s", text);
}

static const struct runner_handler handler = {
        .started = on_started, .finished = on_finished, .output_failed = on_output_failed};

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct tracer *t = arg;
	if (m->code == WEFT__MSG_SPAWNED && m->spawned.tids.n > 0) {
		t->tid = m->spawned.tids.p[0];
		t->job = (uint32_t)m->spawned.job;
	}
	bool last = t->root && runner_answer(t->root, m);
	t->answered |= last || !t->root;
	return t->answered;
}

static int ask(struct tracer *t, const char *path, bool with_tids, struct weft_error *e)
{
	struct environ_list env = {0};
	struct weft__str argv[] = {weft__str(path), weft__str("-p")}, *vars = NULL;
	char host[32];
	int rc = environ_copy(&env) ? weft__err_set(e, WEFT_ENOMEM, "out of memory") : pvmenv_put(&env, e);
	if (!rc && !(vars = weft__calloc(env.n + 1, sizeof *vars)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < env.n; i++)
		vars[i] = weft__str(env.vars[i]);
	snprintf(host, sizeof host, "#%lld", (long long)session_node(t->context->session));
	struct weft__msg m = {.code  = WEFT__MSG_SPAWN,
	                      .spawn = {.flags = WEFT__SPAWN_ATTACHED | WEFT__SPAWN_STDIN,
	                                .count = 1,
	                                .host  = weft__str(host),
	                                .wdir  = weft__str("/"),
	                                .argv  = {argv, with_tids ? 2 : 1},
	                                .env   = {vars, env.n}}};
	int64_t req        = rc ? rc : session_ask(t->context->session, &m, on_answer, t);
	weft__free(vars);
	environ_fini(&env);
	if (req < 0)
		return rc ? rc : weft__err_set(e, (int)req, "%s", weft__err_text((int)req));
	rc = session_wait(t->context->session, &t->answered, START_MS, e);
	session_forget(t->context->session, req);
	return rc;
}

int tracer_start(struct context *c, const char *file, struct tracer **t, struct weft_error *e)
{
	char path[PATH_MAX];
	struct tracer *new = weft__calloc(1, sizeof *new);
	int theirs         = -1;
	int rc             = new ? weft__exe_find("bindings/pvm", "weft-pvmtrace", path, sizeof path, e)
	                         : weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc && !(new->root = runner_add(c->runner, &handler, new)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc)
		rc = runner_redirect(c->runner, new->root, OUTPUT_PLAIN, file, false, e);
	if (!rc) {
		new->context = c;
		rc           = feed_open(new, &theirs, e);
	}
	if (!rc && (rc = session_give(c->session, theirs)) != 0)
		weft__err_set(e, rc, "%s", weft__err_text(rc));
	if (!rc)
		rc = ask(new, path, file == NULL, e);
	session_give(c->session, -1);
	if (theirs >= 0)
		close(theirs);
	if (!rc && !new->root)
		rc = weft__err_set(e, WEFT_EIO, "%s could not be started", path);
	if (!rc) {
		*t = new;
		return 0;
	}
	if (new && new->root)
		runner_forget(c->runner, &new->root);
	if (new)
		feed_end(&new->feed);
	weft__free(new);
	return rc;
}

uint32_t tracer_slot(const struct tracer *t)
{
	return weft__tid_slot((weft_tid_t){t->tid});
}

void tracer_end(struct tracer **t)
{
	struct tracer *old = *t;
	*t                 = NULL;
	if (!old)
		return;
	old->ended = true;
	feed_end(&old->feed);
	if (!old->root)
		weft__free(old);
}
