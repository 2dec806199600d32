/* cmd_tickle.c - tickle and idump, which PVM's console has and its help does not tell of. */
#include "config.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>

#include "console/args.h"
#include "console/context.h"
#include "console/exitcode.h"

/* What a daemon of PVM is asked for by a number. */
enum tickle { HOSTS = 1, TASKS = 2, MAILBOXES = 4, GET_MASK = 5, SET_MASK = 6 };

static int run(struct context *c, char *name, char *option)
{
	char *argv[] = {name, option, NULL};
	return command_run(c, option ? 2 : 1, argv);
}

/* PVM's daemon writes its tables into its log; they are shown here. Its answer is numbers in brackets. */
static int exec_tickle(struct context *c, const struct args *a)
{
	static long mask;
	char conf[] = "conf", ps[] = "ps", all[] = "-ax", names[] = "names";
	long what, value = 0;
	if (args_parse_count(a->operands[0], 0, 100, &what) ||
	    (a->noperands > 1 && args_parse_count(a->operands[1], 0, INT32_MAX, &value))) {
		context_error(c, "numbers are needed: from 0 to 100 what is to be done, and perhaps another one for that");
		return EXITCODE_FAILURE;
	}
	int rc = 0;
	if (what == HOSTS)
		rc = run(c, conf, NULL);
	else if (what == TASKS)
		rc = run(c, ps, all);
	else if (what == MAILBOXES)
		rc = run(c, names, NULL);
	else if (what == SET_MASK)
		mask = value; /* other numbers change how PVM's daemon works, which Weft's has nothing of */
	if (rc == 0 && what == GET_MASK)
		printf("( %ld )\n", mask);
	else if (rc == 0)
		puts("( )");
	return rc;
}

static int exec_idump(struct context *c, const struct args *a)
{
	printf("i_dump() %zu bytes total\n", mallinfo2().uordblks);
	return 0;
}

static const struct option_def options[] = {OPTION_HELP, OPTION_END};

const struct command cmd_tickle = {
        .name          = "tickle",
        .summary       = "show what PVM's daemon writes into its log",
        .operands      = "NUMBER [VALUE]",
        .operand       = ARG_TEXT,
        .noperands_min = 1,
        .noperands_max = 2,
        .flags         = CMD_CONSOLE,
        .options       = options,
        .man           = "1 shows the hosts, 2 all tasks, 4 the mailboxes, each as `conf`, `ps -ax` and `names` do; 6 keeps VALUE as the "
                         "debug mask, 5 shows that. Other numbers change how PVM's daemon works, and do nothing here.",
        .exec          = exec_tickle,
};

const struct command cmd_idump = {
        .name          = "idump",
        .summary       = "say how much memory the console uses",
        .options       = options,
        .noperands_max = 0,
        .flags         = CMD_CONSOLE,
        .man           = "Prints the bytes that the console has allocated.",
        .exec          = exec_idump,
};
