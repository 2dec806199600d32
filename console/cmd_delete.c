#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/nodes.h"
#include "console/words.h"

enum { DELETE_MS = 15000 };

/* As PVM's console does. */
static void show_results(const struct args *a, const int *results)
{
	int ndeleted = 0;
	for (int i = 0; i < a->noperands; i++)
		ndeleted += results[i] == 0;
	printf("%d successful\n%24s  %s\n", ndeleted, "HOST", "STATUS");
	for (int i = 0; i < a->noperands; i++)
		printf("%24s  %s\n", a->operands[i], results[i] ? words_pvm_error(results[i]) : "deleted");
}

/* A host that is being removed. */
struct leaving {
	struct deletion *all;
	const char *name;
	int *result;
	int64_t req; /* 0: answered, or never asked */
};

struct deletion {
	struct context *context;
	struct leaving *leaving;
	int nleaving, nopen;
	bool done;
};

static void tell(struct leaving *l, int code, const char *text)
{
	const struct context *c = l->all->context;
	bool colour = context_colour(1);
	*l->result = code;
	if (code)
		context_error(c, "%s: %s", l->name, text);
	else if (c->dialect != DIALECT_PVM)
		printf("%s✔%s %s is gone\n", colour ? "\033[32m" : "", colour ? "\033[0m" : "", l->name);
	fflush(stdout);
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct leaving *l = arg;
	int code = (int)m->result.code;
	l->req = 0;
	tell(l, code, m->result.text.n ? m->result.text.p : weft__err_text(code));
	l->all->done = --l->all->nopen == 0;
	return true;
}

static void ask(struct leaving *l)
{
	struct session *s = l->all->context->session;
	struct weft_error e;
	struct weft__msg m = {.code = WEFT__MSG_NODE_DEL};
	int rc = nodes_find(s, l->name, &m.node_del.node, &e);
	if (!rc) {
		l->req = session_ask(s, &m, on_answer, l);
		if (l->req < 0)
			rc = weft__err_set(&e, (int)l->req, "%s", weft__err_text((int)l->req));
	}
	if (rc) {
		l->req = 0;
		tell(l, rc, e.text);
	} else {
		l->all->nopen++;
	}
}

/* All at once; each is told as it goes. */
static void delete_all(struct deletion *d, const struct args *a, int *results)
{
	struct weft_error e = {0};
	for (int i = 0; i < a->noperands; i++) {
		d->leaving[d->nleaving++] = (struct leaving){.all = d, .name = a->operands[i], .result = &results[i]};
		ask(&d->leaving[i]);
	}
	d->done = d->nopen == 0;
	int rc = session_wait(d->context->session, &d->done, DELETE_MS, &e);
	for (int i = 0; i < d->nleaving; i++) {
		struct leaving *l = &d->leaving[i];
		if (!l->req)
			continue;
		session_forget(d->context->session, l->req);
		tell(l, rc ? rc : WEFT_ETIMEDOUT, e.text);
	}
}

static int exec_delete(struct context *c, const struct args *a)
{
	struct deletion d = {.context = c};
	int *results = weft__calloc((size_t)a->noperands, sizeof *results), status = EXITCODE_FAILURE;
	d.leaving = weft__calloc((size_t)a->noperands, sizeof *d.leaving);
	if (!results || !d.leaving) {
		context_error(c, "out of memory");
	} else if (context_attach(c, a) == 0) {
		delete_all(&d, a, results);
		status = 0;
		for (int i = 0; i < a->noperands; i++)
			status = results[i] ? EXITCODE_FAILURE : status;
		if (c->dialect == DIALECT_PVM)
			show_results(a, results);
		context_detach(c);
	}
	weft__free(d.leaving);
	weft__free(results);
	return status;
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_delete = {
        .name          = "delete",
        .summary       = "remove nodes from the virtual machine",
        .operands      = "HOST|#INDEX ...",
        .operand       = ARG_HOST,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = options,
        .man           = "The nodes' tasks are killed, their daemons end, all at once. To let the tasks end first: "
                         "`weft drain --wait`. The home node, on which the virtual machine was "
                         "started, stays.",
        .examples      = "weft delete node3\nweft delete '#2'\n",
        .exec          = exec_delete,
};
