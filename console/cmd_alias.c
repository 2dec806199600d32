/* cmd_alias.c - alias and unalias, in the console. */
#include "config.h"

#include <stdio.h>

#include "console/aliases.h"
#include "console/context.h"
#include "console/exitcode.h"

/* PVM writes the name, a tabulator and what it stands for. */
static void show(const struct context *c, const struct alias *one)
{
	if (c->dialect != DIALECT_PVM) {
		aliases_print(one, stdout);
		return;
	}
	printf("%s\t", one->name);
	for (size_t i = 0; i < one->words.nwords; i++) {
		if (i)
			putchar(' ');
		line_print_word(one->words.words[i], stdout);
	}
	putchar('\n');
}

static int exec_alias(struct context *c, const struct args *a)
{
	struct weft_error e;
	if (a->noperands == 0) {
		for (const struct alias *one = NULL; (one = aliases_next(c->aliases, one));)
			show(c, one);
		return 0;
	}
	if (a->noperands == 1) {
		const struct alias *one = aliases_find(c->aliases, a->operands[0]);
		if (one)
			show(c, one);
		else
			context_error(c, "there is no alias '%.63s'", a->operands[0]);
		return one ? 0 : EXITCODE_FAILURE;
	}
	if (aliases_put(c->aliases, a->operands[0], a->operands + 1, (size_t)a->noperands - 1, &e) == 0)
		return 0;
	context_error(c, "%s", e.text);
	return EXITCODE_FAILURE;
}

static int exec_unalias(struct context *c, const struct args *a)
{
	int status = 0;
	for (int i = 0; i < a->noperands; i++) {
		if (aliases_remove(c->aliases, a->operands[i]))
			continue;
		context_error(c, "there is no alias '%.63s'", a->operands[i]);
		status = EXITCODE_FAILURE;
	}
	return status;
}

static const struct option_def options[] = {OPTION_HELP, OPTION_END};

const struct command cmd_alias = {
        .name          = "alias",
        .summary       = "give a name to the beginning of a command, or list such names",
        .operands      = "[NAME [COMMAND [ARGUMENT ...]]]",
        .operand       = ARG_COMMAND,
        .noperands_max = -1,
        .flags         = CMD_CONSOLE | CMD_PROGRAM,
        .options       = options,
        .man           = "`alias ll ps -l` makes `ll` a name of `ps -l`; what follows `ll` follows that. Without a command it "
                         "shows one alias, without arguments all. An alias may hide a command; one that is defined at "
                         "the prompt is kept for the next time, also after `unalias` of one that was kept.",
        .exec          = exec_alias,
};

const struct command cmd_unalias = {
        .name          = "unalias",
        .summary       = "forget aliases",
        .operands      = "NAME ...",
        .operand       = ARG_TEXT,
        .noperands_min = 1,
        .noperands_max = -1,
        .flags         = CMD_CONSOLE,
        .options       = options,
        .man           = "The names mean again what they meant before.",
        .exec          = exec_unalias,
};
