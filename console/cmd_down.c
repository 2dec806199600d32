/* cmd_down.c - down, and halt in the console. */
#include "config.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "base/rundir.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/proc.h"
#include "console/vmdir.h"

enum { DOWN_MS = 15000 };

/* Asks it to halt; it may be gone before its answer is here. */
static int halt(struct session *s, struct weft_error *e)
{
	struct weft__msg m = {.code = WEFT__MSG_HALT};
	bool never         = false;
	int rc             = session_request(s, &m, DOWN_MS, e);
	if (rc && session_is_open(s))
		return rc;
	rc = session_wait(s, &never, DOWN_MS, e); /* until the connection closes */
	return rc == WEFT_ETIMEDOUT || rc == WEFT_ECANCELED ? rc : 0;
}

static int take_down(struct context *c)
{
	struct weft_error e;
	char dir[PATH_MAX], name[80];
	snprintf(dir, sizeof dir, "%s", session_dir(c->session));
	snprintf(name, sizeof name, "%s", session_name(c->session));
	pid_t daemon = vmdir_daemon(dir);
	int rc       = halt(c->session, &e);
	context_detach(c);
	if (!rc && daemon > 0 && !proc_wait(daemon, DOWN_MS))
		rc = weft__err_set(&e, WEFT_ETIMEDOUT, "its daemon has not ended for %d s; end it with: kill -9 %ld",
		                   DOWN_MS / 1000, (long)daemon);
	if (rc) {
		context_error(c, "%s", e.text);
		return EXITCODE_FAILURE;
	}
	vmdir_remove_stale(dir);
	if (c->dialect == DIALECT_WEFT)
		printf("the virtual machine '%s' is down\n", name);
	return 0;
}

/* None answers. One that crashed has left its folder; one that hangs still has its daemon. */
static int tell_none(struct context *c, const char *vm, const struct weft_error *why)
{
	char dir[PATH_MAX];
	if (weft__rundir_vm(vm, dir, sizeof dir, NULL) == 0 && !vmdir_remove_stale(dir)) {
		pid_t daemon = vmdir_daemon(dir);
		if (daemon > 0)
			context_error(c, "the virtual machine does not answer; end its daemon with: kill -9 %ld",
			              (long)daemon);
		else
			context_error(c, "the virtual machine in %s does not answer", dir);
		return EXITCODE_FAILURE;
	}
	context_error(c, "%s", why->code == WEFT_ENOVM ? "no virtual machine is up" : why->text);
	return EXITCODE_FAILURE;
}

/* A session with a daemon that answers. One that is dying may still take the connection; then another node's is tried. */
static int reach(struct context *c, const char *vm, struct weft_error *e)
{
	int rc = WEFT_ECLOSED;
	for (int tries = 0; tries < 3 && rc == WEFT_ECLOSED; tries++) {
		rc = c->session ? 0 : session_attach(c->loop, vm, &c->session, e);
		if (!rc && (rc = session_welcome(c->session, e)) != 0)
			context_detach(c);
	}
	return rc;
}

static int exec_down(struct context *c, const struct args *a)
{
	struct weft_error e;
	const char *vm = args_text(a, OPT_VM);
	if (reach(c, vm, &e))
		return tell_none(c, vm, &e);
	c->leave = true; /* its end is no surprise to the console */
	return take_down(c);
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_down = {
        .name          = "down",
        .summary       = "take the virtual machine down",
        .options       = options,
        .noperands_max = 0,
        .flags         = CMD_SHELL,
        .man           = "Kills all tasks, ends all daemons and removes all files of the virtual machine; returns when "
                         "everything is gone. When none is up, that is said, and the exit status is 125.",
        .exec          = exec_down,
};

static const struct option_def no_options[] = {OPTION_HELP, OPTION_END};

const struct command cmd_halt = {
        .name          = "halt",
        .alias         = "down",
        .summary       = "take the virtual machine down and leave the console",
        .options       = no_options,
        .noperands_max = 0,
        .flags         = CMD_CONSOLE,
        .man           = "Kills all tasks, ends all daemons and removes all files of the virtual machine.",
        .exec          = exec_down,
};
