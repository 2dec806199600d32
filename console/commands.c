#include "config.h"

#include "console/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "console/args.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/help.h"
#include "console/suggest.h"

const struct command *const commands[] = {
        &cmd_run,  &cmd_mpirun,    &cmd_up,      &cmd_attach, &cmd_down,  &cmd_conf, &cmd_ps,     &cmd_jobs,   &cmd_spawn,
        &cmd_kill,   &cmd_sig,     &cmd_logs,  &cmd_add,  &cmd_delete, &cmd_drain, &cmd_doctor, &cmd_version,
        &cmd_help,   &cmd_alias,   &cmd_unalias, &cmd_setenv, &cmd_export, &cmd_unexport, &cmd_echo,
        &cmd_id,     &cmd_mstat,   &cmd_pstat,   &cmd_reset,  &cmd_names,
        &cmd_put,    &cmd_getopt,  &cmd_setopt,  &cmd_trace,  &cmd_tickle, &cmd_idump, &cmd_halt, &cmd_quit, NULL,
};

enum { NAMES_MAX = 64 };

bool command_is_for(const struct command *c, bool interactive)
{
	return !(c->flags & (interactive ? CMD_SHELL : CMD_CONSOLE));
}

const struct command *command_find(const char *name, bool interactive)
{
	for (const struct command *const *c = commands; *c; c++)
		if (command_is_for(*c, interactive) &&
		    (!strcmp((*c)->name, name) || ((*c)->alias && !strcmp((*c)->alias, name))))
			return *c;
	return NULL;
}

const char *command_nearest(const char *name, bool interactive)
{
	const char *names[NAMES_MAX + 1];
	size_t n = 0;
	for (const struct command *const *c = commands; *c && n < NAMES_MAX; c++)
		if (command_is_for(*c, interactive))
			names[n++] = (*c)->name;
	names[n] = NULL;
	return suggest_nearest(name, names);
}

static int complain_unknown(struct context *c, const char *name)
{
	const char *nearest = command_nearest(name, c->interactive);
	const char *weft    = c->interactive ? "" : "weft ";
	c->command          = NULL;
	if (nearest)
		context_error(c, "unknown command '%.60s'; did you mean: %s%s?", name, weft, nearest);
	else
		context_error(c, "unknown command '%.60s'; see: %shelp", name, weft);
	return EXITCODE_FAILURE;
}

int command_run(struct context *c, int argc, char **argv)
{
	struct args a;
	struct weft_error e;
	if (c->interactive && argc > 1 && !strcmp(argv[0], "weft")) { /* as hints and examples have it, for a shell */
		argc--;
		argv++;
	}
	const struct command *command = command_find(argv[0], c->interactive);
	if (!command)
		return complain_unknown(c, argv[0]);
	int status = EXITCODE_FAILURE;
	c->command = command;
	if (args_parse(command, c->dialect, argc, argv, &a, &e)) {
		context_error(c, "%s", e.text);
	} else if (args_has(&a, 'h')) {
		help_command(command, stdout, c->interactive, c->dialect);
		status = 0;
	} else {
		status = command->exec(c, &a);
	}
	args_fini(&a);
	if (fflush(stdout) && errno != EPIPE && status == 0) {
		context_error(c, "cannot write to standard output: %s", strerror(errno));
		status = EXITCODE_FAILURE;
	}
	return status;
}
