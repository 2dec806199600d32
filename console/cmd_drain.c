#include "config.h"

#include <limits.h>
#include <stdio.h>

#include "console/context.h"
#include "console/exitcode.h"
#include "console/nodes.h"

enum { FOREVER = -1 };

static int drain(struct context *c, const struct args *a, const char *name)
{
	struct weft_error e;
	bool undo = args_has(a, OPT_UNDO), wait = args_has(a, OPT_WAIT) && !undo, colour = context_colour(1);
	struct weft__msg m = {.code = WEFT__MSG_NODE_SET,
	                      .node_set = {.drain = undo ? WEFT__DRAIN_NO : WEFT__DRAIN_YES, .wait = wait}};
	int64_t limit_ms = args_has(a, OPT_TIMEOUT) ? args_duration_ms(a, OPT_TIMEOUT) : FOREVER;
	int rc = nodes_find(c->session, name, &m.node_set.node, &e);
	if (!rc)
		rc = session_request(c->session, &m, !wait ? SESSION_TIMEOUT_MS : limit_ms < INT_MAX ? (int)limit_ms : FOREVER, &e);
	if (rc == WEFT_ETIMEDOUT && wait)
		context_error(c, "%s: tasks still run there (weft ps); no others come. weft delete %s ends them", name, name);
	else if (rc)
		context_error(c, "%s: %s", name, e.text);
	else
		printf("%s✔%s %s %s\n", colour ? "\033[32m" : "", colour ? "\033[0m" : "", name,
		       undo   ? "takes tasks again"
		       : wait ? "has no tasks left"
		              : "takes no new tasks");
	fflush(stdout);
	return rc;
}

/* All are told before one is waited for. */
static int exec_drain(struct context *c, const struct args *a)
{
	int status = 0;
	if (args_has(a, OPT_TIMEOUT) && !args_has(a, OPT_WAIT)) {
		context_error(c, "--timeout says how long --wait waits; without it there is nothing to wait for");
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	bool wait = args_has(a, OPT_WAIT) && !args_has(a, OPT_UNDO);
	for (int i = 0; wait && i + 1 < a->noperands; i++) {
		struct weft_error e;
		struct weft__msg m = {.code = WEFT__MSG_NODE_SET, .node_set = {.drain = WEFT__DRAIN_YES}};
		if (nodes_find(c->session, a->operands[i + 1], &m.node_set.node, &e) == 0)
			session_request(c->session, &m, SESSION_TIMEOUT_MS, &e);
	}
	for (int i = 0; i < a->noperands; i++)
		if (drain(c, a, a->operands[i]))
			status = EXITCODE_FAILURE;
	context_detach(c);
	return status;
}

static const struct option_def options[] = {
        {.id = OPT_WAIT, .name = "wait", .help = "return when no task is left there"},
        {.id   = OPT_TIMEOUT,
         .name = "timeout",
         .kind = ARG_DURATION,
         .arg  = "TIME",
         .help = "with --wait: fail after this time, as 90s, 5m or 1h30m",
         .man  = "The nodes stay drained."},
        {.id = OPT_UNDO, .name = "undo", .help = "let them take tasks again"},
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_drain = {
        .name          = "drain",
        .summary       = "give nodes no new tasks, so that they can leave",
        .operands      = "HOST|#INDEX ...",
        .operand       = ARG_HOST,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = options,
        .man           = "Tasks that run there go on, and may spawn others, which then run elsewhere. A spawn that names "
                         "the node fails. With `--wait` the command returns when the last task there has ended: "
                         "`weft delete` then takes nothing away from anybody. Tasks are not moved to other nodes.",
        .examples      = "weft drain --wait node3 && weft delete node3\n"
                         "weft drain --wait --timeout 10m node3; weft delete node3\n"
                         "weft drain --undo node3\n",
        .exec          = exec_drain,
};
