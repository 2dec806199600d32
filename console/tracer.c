/* Happy path: weft-pvmtrace is spawned, attached, with standard input that we keep open; its tid is what traced tasks are
 * told. When they have ended we close its standard input, it prints what it still has and ends, and is forgotten.
 *
 * What can go wrong: it is not installed; it ends before its time (killed, or by reset): traces are then lost, which is
 * said; the console ends first: it ends with it.
 */
#include "config.h"

#include "console/tracer.h"

#include <limits.h>
#include <stdio.h>

#include "base/exe.h"
#include "base/heap.h"
#include "base/ids.h"
#include "console/environ.h"
#include "console/pvmenv.h"
#include "console/runner.h"

enum { START_MS = 10000 };

struct tracer {
	struct context *context;
	struct runner_root *root; /* NULL: it has ended */
	uint64_t tid;
	uint32_t job;
	int64_t node;
	bool answered, ended; /* its SPAWN; no more traces come */
};

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
	int rc             = new ? weft__exe_find("bindings/pvm", "weft-pvmtrace", path, sizeof path, e)
	                         : weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc && !(new->root = runner_add(c->runner, &handler, new)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (!rc)
		rc = runner_redirect(c->runner, new->root, OUTPUT_PLAIN, file, false, e);
	if (!rc) {
		new->context = c;
		rc           = ask(new, path, file == NULL, e);
	}
	if (!rc && !new->root)
		rc = weft__err_set(e, WEFT_EIO, "%s could not be started", path);
	if (!rc) {
		*t = new;
		return 0;
	}
	if (new && new->root)
		runner_forget(c->runner, &new->root);
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
	struct weft__msg m = {.code        = WEFT__MSG_STDIN,
	                      .stdin_bytes = {.job = old->job, .node = (uint64_t)old->node, .end = 1}};
	old->ended         = true;
	if (!old->root)
		weft__free(old);
	else
		session_send(old->context->session, &m, NULL, 0); /* when that fails all is over, anyway */
}
