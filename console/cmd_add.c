#include "config.h"

#include <stdio.h>

#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"

enum { ADD_MS = 30000 };

struct adding {
	struct context *context;
	int64_t *reqs; /* of the questions */
	size_t nreqs;
	unsigned left; /* questions that are not answered in full */
	bool done, failed;
};

static void show_node(struct adding *a, const struct weft__msg_node_added *m)
{
	bool colour = context_colour(1);
	if (m->code == 0) {
		printf("%s✔%s %s is node %llu\n", colour ? "\033[32m" : "", colour ? "\033[0m" : "", m->host.p,
		       (unsigned long long)m->node);
	} else {
		printf("%s✘%s %s: %s\n", colour ? "\033[31m" : "", colour ? "\033[0m" : "", m->host.p,
		       m->text.n ? m->text.p : weft__err_text((int)m->code));
		a->failed = true;
	}
	fflush(stdout);
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct adding *a = arg;
	bool last        = true;
	if (m->code == WEFT__MSG_NODE_ADDED) {
		show_node(a, &m->node_added);
		last = m->node_added.left == 0;
	} else if (m->code == WEFT__MSG_RESULT) {
		a->failed = true;
		context_error(a->context, "%s",
		              m->result.text.n ? m->result.text.p : weft__err_text((int)m->result.code));
	}
	if (last)
		a->done = --a->left == 0;
	return last;
}

static int ask(struct adding *a, unsigned kind, const char *host, long count)
{
	struct weft__msg m = {.code     = WEFT__MSG_NODE_ADD,
	                      .node_add = {.kind = kind, .host = weft__str(host), .count = (uint64_t)count}};
	int64_t req        = session_ask(a->context->session, &m, on_answer, a);
	if (req < 0) {
		context_error(a->context, "%s: %s", *host ? host : "local", weft__err_text((int)req));
		return (int)req;
	}
	a->reqs[a->nreqs++] = req;
	a->left++;
	return 0;
}

/* All at once; then what became of each, as it comes. */
static int add_all(struct adding *a, long local, char **hosts, int nhosts)
{
	struct weft_error e;
	int rc = local ? ask(a, WEFT__ADD_LOCAL, "", local) : 0;
	for (int i = 0; i < nhosts && !rc; i++)
		rc = ask(a, WEFT__ADD_SSH, hosts[i], 1);
	if (!rc) {
		rc = session_wait(a->context->session, &a->done, ADD_MS, &e);
		if (rc)
			context_error(a->context, "%s", e.text);
	}
	for (size_t i = 0; i < a->nreqs; i++) /* answers that come later must not find us */
		session_forget(a->context->session, a->reqs[i]);
	return rc;
}

static int exec_add(struct context *c, const struct args *args)
{
	struct adding a = {.context = c};
	long local      = args_has(args, OPT_LOCAL) ? args_count(args, 'n', 1) : 0;
	if (local == 0 && args->noperands == 0) {
		context_error(c, "which host? usage: weft add HOST ..., or weft add --local");
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, args))
		return EXITCODE_FAILURE;
	a.reqs = weft__calloc((size_t)args->noperands + 1, sizeof *a.reqs);
	int rc = a.reqs ? add_all(&a, local, args->operands, args->noperands) : WEFT_ENOMEM;
	weft__free(a.reqs);
	context_detach(c);
	return rc || a.failed ? EXITCODE_FAILURE : 0;
}

static const struct option_def options[] = {
        {.id = OPT_LOCAL, .name = "local", .help = "add a pretend node on the home machine"},
        {.id   = 'n',
         .name = "count",
         .kind = ARG_COUNT,
         .arg  = "N",
         .help = "with --local: add N of them (default: 1)",
         .min  = 1,
         .max  = 1024},
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_add = {
        .name          = "add",
        .summary       = "add nodes to the virtual machine",
        .operands      = "[HOST ...]",
        .operand       = ARG_TEXT,
        .noperands_max = -1,
        .options       = options,
        .man           = "Starts a daemon on each host by ssh, all at once, and says what became of each: one that "
                         "fails does not keep the others back. Weft must be installed there, and ssh must not ask "
                         "for a password.",
        .examples      = "weft add node2 node3\nweft add --local -n 2\n",
        .exec          = exec_add,
};
