/* cmd_help.c - help; its hidden options make manual pages and completions, and serve these. */
#include "config.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/rundir.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/help.h"
#include "console/words.h"

static void print_host(void *arg, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_NODE_ROW)
		puts(m->node_row.host.p);
}

static void print_task(void *arg, const struct weft__msg *m)
{
	char tid[WEFT__TID_TEXT];
	if (m->code == WEFT__MSG_TASK_ROW)
		puts(words_tid(m->task_row.tid, tid));
}

static void print_job(void *arg, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_JOB_ROW)
		printf("%llu\n", (unsigned long long)m->job_row.job);
}

static void print_vms(void)
{
	char base[PATH_MAX];
	DIR *dir = weft__rundir_base_path(base, sizeof base, NULL) ? NULL : opendir(base);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (*entry->d_name != '.' && strncmp(entry->d_name, "run-", 4))
			puts(entry->d_name);
	if (dir)
		closedir(dir);
}

/* What a completion offers for a kind of argument; nothing when no VM is up. */
static int print_ids(struct context *c, const char *kind)
{
	if (!strcmp(kind, "vm")) {
		print_vms();
		return 0;
	}
	if (!c->session && session_attach(c->loop, NULL, &c->session, NULL))
		return EXITCODE_FAILURE;
	int rc = WEFT_EINVAL;
	if (!strcmp(kind, "host"))
		rc = session_list(c->session, WEFT__LIST_NODES, 0, 0, print_host, NULL, NULL);
	if (!strcmp(kind, "task") || !strcmp(kind, "target"))
		rc = session_list(c->session, WEFT__LIST_TASKS, 0, 0, print_task, NULL, NULL);
	if (!strcmp(kind, "job") || !strcmp(kind, "target"))
		rc = session_list(c->session, WEFT__LIST_JOBS, 0, 0, print_job, NULL, NULL);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}

static int exec_help(struct context *c, const struct args *a)
{
	const char *name              = a->noperands > 0 ? a->operands[0] : args_text(a, OPT_MDOC);
	const struct command *command = NULL;
	if (args_has(a, OPT_IDS))
		return print_ids(c, args_text(a, OPT_IDS));
	if (args_has(a, OPT_BASH)) {
		complete_bash(stdout);
		return 0;
	}
	if (args_has(a, OPT_ZSH)) {
		complete_zsh(stdout);
		return 0;
	}
	if (args_has(a, OPT_MDOC) && name && !strcmp(name, "pvm")) {
		mdoc_pvm_page(stdout);
		return 0;
	}
	if (name && strcmp(name, "weft") && !(command = command_find(name, c->interactive))) {
		const char *nearest = command_nearest(name, c->interactive);
		if (nearest)
			context_error(c, "there is no command '%.60s'; did you mean %s?", name, nearest);
		else
			context_error(c, "there is no command '%.60s'", name);
		return EXITCODE_FAILURE;
	}
	if (args_has(a, OPT_MDOC))
		mdoc_page(command, stdout);
	else if (command)
		help_command(command, stdout, c->interactive, c->dialect);
	else
		help_list(stdout, c->interactive);
	return 0;
}

static const struct option_def options[] = {
        {.id     = OPT_MDOC,
         .name   = "mdoc",
         .kind   = ARG_COMMAND,
         .arg    = "COMMAND",
         .help   = "print the manual page of a command, or of weft",
         .hidden = true},
        {.id = OPT_BASH, .name = "bash", .help = "print the completion for bash", .hidden = true},
        {.id = OPT_ZSH, .name = "zsh", .help = "print the completion for zsh", .hidden = true},
        {.id     = OPT_IDS,
         .name   = "ids",
         .kind   = ARG_TEXT,
         .arg    = "KIND",
         .help   = "print what a completion offers: host, task, job, target, vm",
         .hidden = true},
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_help = {
        .name          = "help",
        .summary       = "show the commands, or one command's help",
        .operands      = "[COMMAND]",
        .operand       = ARG_COMMAND,
        .noperands_max = 1,
        .options       = options,
        .man           = "Without an argument it lists the commands.",
        .exec          = exec_help,
};
