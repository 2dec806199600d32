/* cmd_sig.c - sig and kill: a signal for tasks and jobs. */
#include "config.h"

#include <signal.h>
#include <stdio.h>

#include "console/context.h"
#include "console/exitcode.h"
#include "console/words.h"

/* Sends the signal to each target; goes on after one that is not there. */
static int signal_targets(struct context *c, const struct args *a, int first, int signo)
{
	int status = 0;
	for (int i = first; i < a->noperands; i++) {
		struct weft_error e;
		struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {.signo = (uint64_t)signo}};
		uint32_t job;
		if (words_target(a->operands[i], &m.signal.tid, &job)) {
			context_error(c, "neither a task (t20001) nor a job (3): '%s'", a->operands[i]);
			status = EXITCODE_FAILURE;
			continue;
		}
		m.signal.job = job;
		int rc       = session_request(c->session, &m, SESSION_TIMEOUT_MS, &e);
		if (rc) {
			context_error(c, "%s: %s", a->operands[i], e.text);
			status = EXITCODE_FAILURE;
		}
		if (!session_is_open(c->session))
			break;
	}
	return status;
}

static int exec_kill(struct context *c, const struct args *a)
{
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int status = signal_targets(c, a, 0, SIGKILL);
	context_detach(c);
	return status;
}

static int exec_sig(struct context *c, const struct args *a)
{
	int signo;
	if (args_parse_signal(a->operands[0], &signo)) {
		context_error(c, "not a signal: '%s'; it must be such as 15, TERM or SIGTERM", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int status = signal_targets(c, a, 1, signo);
	context_detach(c);
	return status;
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_kill = {
        .name          = "kill",
        .summary       = "kill tasks and jobs",
        .operands      = "TASK|JOB ...",
        .operand       = ARG_TARGET,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = options,
        .man           = "Ends tasks by SIGKILL, of which no process can get away. A task is named by its id "
                         "(`t20001`), a job by its number. For a signal that a program may handle see `weft sig`.",
        .examples      = "weft kill t20001\n# all tasks of job 3\nweft kill 3\n",
        .exec          = exec_kill,
};

const struct command cmd_sig = {
        .name          = "sig",
        .summary       = "send a signal to tasks and jobs",
        .operands      = "SIGNAL TASK|JOB ...",
        .operand       = ARG_TARGET,
        .first         = ARG_SIGNAL,
        .noperands_min = 2,
        .noperands_max = -1,
        .options       = options,
        .man           = "Sends a signal, named as in `15`, `TERM` or `SIGTERM`.",
        .examples      = "weft sig USR1 t20001\nweft sig STOP 3\n",
        .exec          = exec_sig,
};
