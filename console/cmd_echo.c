/* cmd_echo.c - echo and id, in the console. */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "console/context.h"
#include "console/json.h"

static int exec_echo(struct context *c, const struct args *a)
{
	for (int i = 0; i < a->noperands; i++)
		printf("%s%s", i ? " " : "", a->operands[i]);
	putchar('\n');
	return 0;
}

static int exec_id(struct context *c, const struct args *a)
{
	if (args_has(a, OPT_JSON)) {
		struct json j;
		json_init(&j, stdout);
		json_open(&j, NULL);
		json_number(&j, "schema", 1);
		json_text(&j, "vm", session_name(c->session));
		json_number(&j, "node", session_node(c->session));
		json_number(&j, "pid", (int64_t)getpid());
		json_close(&j);
	} else {
		printf("console of the virtual machine '%s' at node %lld, process %ld; it is no task and has no tid\n",
		       session_name(c->session), (long long)session_node(c->session), (long)getpid());
	}
	return 0;
}

static const struct option_def echo_options[] = {OPTION_END};

const struct command cmd_echo = {
        .name          = "echo",
        .summary       = "print the arguments",
        .operands      = "[WORD ...]",
        .operand       = ARG_TEXT,
        .noperands_max = -1,
        .flags         = CMD_CONSOLE | CMD_RAW,
        .options       = echo_options,
        .man           = "Prints its arguments, whatever they are, with a blank between two of them.",
        .exec          = exec_echo,
};

static const struct option_def id_options[] = {OPTION_JSON, OPTION_HELP, OPTION_END};

const struct command cmd_id = {
        .name          = "id",
        .summary       = "say which console this is",
        .options       = id_options,
        .noperands_max = 0,
        .flags         = CMD_CONSOLE,
        .man           = "The console of Weft is a tool, not a task: it has no task id, and no task can send it messages.\n\n"
                         "With `--json`: an object with `schema` (1), `vm`, `node` and `pid`.",
        .exec          = exec_id,
};
