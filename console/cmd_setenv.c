/* cmd_setenv.c - setenv, export and unexport: what the tasks that are spawned from the console find in their
 * environment. They get all of the console's; PVM_EXPORT names what tasks of PVM pass on to those that they spawn. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"

enum { NAME_MAX_BYTES = 255 };

static int check_name(const struct context *c, const char *name)
{
	if (*name && !strchr(name, '=') && strlen(name) <= NAME_MAX_BYTES)
		return 0;
	context_error(c, "not a name of a variable: '%.60s'", name);
	return WEFT_EINVAL;
}

static int exec_setenv(struct context *c, const struct args *a)
{
	if (a->noperands == 0) {
		for (char **v = environ; v && *v; v++)
			puts(*v);
		return 0;
	}
	const char *name = a->operands[0];
	if (check_name(c, name))
		return EXITCODE_FAILURE;
	if (a->noperands == 1) {
		const char *value = getenv(name);
		if (!value)
			context_error(c, "%s is not set", name);
		else
			puts(value);
		return value ? 0 : EXITCODE_FAILURE;
	}
	if (setenv(name, a->operands[1], 1) == 0)
		return 0;
	context_error(c, "out of memory");
	return EXITCODE_FAILURE;
}

/* Where name stands in a list of names with colons between, or NULL. */
static const char *find(const char *list, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = list; p && *p; p += strcspn(p, ":"), p += *p == ':')
		if (strcspn(p, ":") == n && !strncmp(p, name, n))
			return p;
	return NULL;
}

static int add(struct context *c, const char *name)
{
	const char *list = getenv("PVM_EXPORT");
	if (!getenv(name))
		context_note(c, "%s is not set; to set it: setenv %s VALUE", name, name);
	if (find(list, name))
		return 0;
	size_t size  = (list ? strlen(list) : 0) + strlen(name) + 2;
	char *longer = weft__malloc(size);
	if (longer)
		snprintf(longer, size, "%s%s%s", list ? list : "", list && *list ? ":" : "", name);
	int rc = longer && setenv("PVM_EXPORT", longer, 1) == 0 ? 0 : WEFT_ENOMEM;
	weft__free(longer);
	return rc;
}

static int drop(struct context *c, const char *name)
{
	const char *list = getenv("PVM_EXPORT"), *at = find(list, name);
	if (!at) {
		context_error(c, "%s is not exported", name);
		return WEFT_ENOENT;
	}
	const char *rest = at + strlen(name) + (at[strlen(name)] == ':');
	size_t before    = (size_t)(at - list), size = strlen(list) + 1;
	char *shorter    = weft__malloc(size);
	if (!shorter)
		return WEFT_ENOMEM;
	if (!*rest && before)
		before--; /* its colon */
	snprintf(shorter, size, "%.*s%s", (int)before, list, rest);
	int rc = *shorter ? setenv("PVM_EXPORT", shorter, 1) : unsetenv("PVM_EXPORT");
	weft__free(shorter);
	return rc ? WEFT_ENOMEM : 0;
}

static int each(struct context *c, const struct args *a, int (*change)(struct context *c, const char *name))
{
	int status = 0;
	for (int i = 0; i < a->noperands; i++) {
		int rc = check_name(c, a->operands[i]);
		if (!rc)
			rc = change(c, a->operands[i]);
		if (rc == WEFT_ENOMEM)
			context_error(c, "out of memory");
		if (rc)
			status = EXITCODE_FAILURE;
	}
	return status;
}

static int exec_export(struct context *c, const struct args *a)
{
	const char *list = getenv("PVM_EXPORT");
	if (a->noperands > 0)
		return each(c, a, add);
	printf("PVM_EXPORT=%s\n", list ? list : "");
	return 0;
}

static int exec_unexport(struct context *c, const struct args *a)
{
	return each(c, a, drop);
}

static const struct option_def options[] = {OPTION_HELP, OPTION_END};

const struct command cmd_setenv = {
        .name          = "setenv",
        .summary       = "set or show variables of the environment",
        .operands      = "[NAME [VALUE]]",
        .operand       = ARG_VARIABLE,
        .noperands_max = 2,
        .flags         = CMD_CONSOLE | CMD_PROGRAM,
        .options       = options,
        .man           = "The tasks that are spawned from the console from then on have it. Without a value it shows the "
                         "variable, without arguments all.",
        .exec          = exec_setenv,
};

const struct command cmd_export = {
        .name          = "export",
        .summary       = "name variables that PVM tasks hand on, or list them",
        .operands      = "[NAME ...]",
        .operand       = ARG_VARIABLE,
        .noperands_max = -1,
        .flags         = CMD_CONSOLE,
        .options       = options,
        .man           = "Puts the names into `PVM_EXPORT`, which tasks of PVM look at when they spawn others. Tasks that are "
                         "spawned from the console have its whole environment in any case.",
        .exec          = exec_export,
};

const struct command cmd_unexport = {
        .name          = "unexport",
        .summary       = "take variables from those that PVM tasks hand on",
        .operands      = "NAME ...",
        .operand       = ARG_VARIABLE,
        .noperands_min = 1,
        .noperands_max = -1,
        .flags         = CMD_CONSOLE,
        .options       = options,
        .man           = "Takes the names from `PVM_EXPORT`; the variables keep their values.",
        .exec          = exec_unexport,
};
