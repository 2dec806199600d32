/* cmd_getopt.c - getopt, setopt and trace: what tasks that are spawned from the console inherit of PVM's options. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "console/context.h"
#include "console/exitcode.h"
#include "console/pvmopts.h"

/* The index, or -1 having complained. */
static int find(const struct context *c, const char *name)
{
	int index = pvmopts_find(name);
	if (index >= 0)
		return index;
	const char *nearest = pvmopts_nearest(name);
	context_error(c, "PVM Option \"%.40s\" Unknown.%s%s%s", name, nearest ? " Did you mean " : "", nearest ? nearest : "",
	              nearest ? "?" : "");
	return -1;
}

static void show(const struct context *c, int index)
{
	printf("%s Currently Set to %" PRId64 "\n", pvmopts_name(index), c->pvm->values[index]);
}

static int exec_getopt(struct context *c, const struct args *a)
{
	int index = a->noperands > 0 ? find(c, a->operands[0]) : 0;
	if (index < 0)
		return EXITCODE_FAILURE;
	if (a->noperands > 0)
		show(c, index);
	for (int i = 0; i < PVMOPTS_N && a->noperands == 0; i++)
		if (pvmopts_name(i))
			show(c, i);
	return 0;
}

static int exec_setopt(struct context *c, const struct args *a)
{
	struct weft_error e;
	int index = find(c, a->operands[0]);
	if (index < 0)
		return EXITCODE_FAILURE;
	int64_t before = c->pvm->values[index];
	if (pvmopts_set(c->pvm, index, a->operands[1], &e)) {
		context_error(c, "%s", e.text);
		return EXITCODE_FAILURE;
	}
	printf("%s Changed from %" PRId64 " to %" PRId64 "\n", pvmopts_name(index), before, c->pvm->values[index]);
	return 0;
}

/* --- trace --------------------------------------------------------------------------------------- */

enum { TRACE_COLUMNS = 4 };
static const char *const modes[] = {NULL, "full", "time", "count"};

/* All events in columns; a star says which are on. */
static void show_mask(const struct tracemask *m)
{
	size_t n = 0, cursor = 0;
	bool on;
	while (tracemask_next(m, &cursor, &on))
		n++;
	size_t nrows = (n + TRACE_COLUMNS - 1) / TRACE_COLUMNS;
	for (size_t row = 0; row < nrows; row++) {
		size_t at = 0;
		const char *name;
		cursor = 0;
		while ((name = tracemask_next(m, &cursor, &on)))
			if (at++ % nrows == row)
				printf(" %c %-16s", on ? '*' : ' ', name);
		putchar('\n');
	}
}

static int set_mode(struct context *c, const char *text)
{
	int64_t *mode = pvmopts_trace_options(c->pvm);
	if (!text) {
		printf("\nTrace Options set to \"%s\"\n\n", modes[*mode]);
		return 0;
	}
	for (int i = PVMOPTS_FULL; i <= PVMOPTS_COUNT; i++) {
		if (strcmp(modes[i], text))
			continue;
		*mode = i;
		return 0;
	}
	context_error(c, "trace opt is full, time or count, not '%.40s'", text);
	return EXITCODE_FAILURE;
}

static int set_buffer(struct context *c, const char *text)
{
	int64_t *bytes = pvmopts_trace_buffer(c->pvm);
	long number;
	if (!text) {
		printf("\nTrace Buffering set to %" PRId64 " bytes\n\n", *bytes);
		return 0;
	}
	if (args_parse_count(text, 0, INT32_MAX, &number)) {
		context_error(c, "trace buf is a number of bytes, not '%.40s'", text);
		return EXITCODE_FAILURE;
	}
	*bytes = number;
	return 0;
}

static int set_events(struct context *c, char *const *names, int n)
{
	bool on = n > 0 && strcmp(names[0], "-");
	int status = 0, first = n > 0 && (!strcmp(names[0], "-") || !strcmp(names[0], "+"));
	if (first == n) {
		context_error(c, "which events? trace lists them; * is all");
		return EXITCODE_FAILURE;
	}
	for (int i = first; i < n; i++) {
		if (!strcmp(names[i], "*")) {
			tracemask_all(&c->pvm->mask, on);
		} else if (!tracemask_set(&c->pvm->mask, names[i], on)) {
			const char *nearest = tracemask_nearest(names[i]);
			context_error(c, "no such event \"%.40s\"%s%s%s", names[i], nearest ? "; did you mean " : "",
			              nearest ? nearest : "", nearest ? "?" : "");
			status = EXITCODE_FAILURE;
		}
	}
	return status;
}

static int exec_trace(struct context *c, const struct args *a)
{
	const char *first = a->noperands > 0 ? a->operands[0] : NULL, *second = a->noperands > 1 ? a->operands[1] : NULL;
	if (!first)
		show_mask(&c->pvm->mask);
	else if (!strcmp(first, "opt") && a->noperands <= 2)
		return set_mode(c, second);
	else if (!strcmp(first, "buf") && a->noperands <= 2)
		return set_buffer(c, second);
	else if (!strcmp(first, "xpvm") && a->noperands == 1)
		tracemask_usual(&c->pvm->mask);
	else
		return set_events(c, a->operands, a->noperands);
	return 0;
}

static const struct option_def options[] = {OPTION_HELP, OPTION_END};

const struct command cmd_getopt = {
        .name          = "getopt",
        .summary       = "show PVM's options of the console",
        .operands      = "[OPTION]",
        .operand       = ARG_TEXT,
        .noperands_max = 1,
        .flags         = CMD_CONSOLE,
        .options       = options,
        .man           = "PVM's tasks have options, and so has its console. Of these only those have an effect that tasks inherit: "
                         "`PvmOutputTid`, `PvmTraceTid` and their codes, contexts, buffer and options. The others are kept "
                         "and shown.",
        .exec          = exec_getopt,
};

const struct command cmd_setopt = {
        .name          = "setopt",
        .summary       = "set one of PVM's options of the console",
        .operands      = "OPTION VALUE",
        .operand       = ARG_TEXT,
        .noperands_min = 2,
        .noperands_max = 2,
        .flags         = CMD_CONSOLE | CMD_PROGRAM,
        .options       = options,
        .man           = "A value is a number or, where PVM has a tid, a tid. It says what it was before.",
        .exec          = exec_setopt,
};

const struct command cmd_trace = {
        .name          = "trace",
        .summary       = "choose which calls of PVM tasks are traced",
        .operands      = "[[+|-] EVENT ... | xpvm | buf [BYTES] | opt [full|time|count]]",
        .operand       = ARG_TEXT,
        .noperands_max = -1,
        .flags         = CMD_CONSOLE | CMD_PROGRAM,
        .options       = options,
        .man           = "Without arguments it lists the events; those with a star are traced by tasks that are spawned with "
                         "`spawn -@`. `*` is all of them, `xpvm` those that XPVM shows. `buf` has tasks collect so many bytes "
                         "before they send; `opt` chooses between a record of each call and sums of times or of counts.",
        .exec          = exec_trace,
};
