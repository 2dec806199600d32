/* Errors: PVM's numbers, their texts, and what a task does when a call fails (PvmAutoErr). A line on
 * standard error must not end the task when nobody reads there any more: no SIGPIPE comes of it. */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bindings/pvm/pvm.h"

int pvm_errno;

/* By -code. */
char *pvm_errlist[] = {
        "Success",
        "Unknown error",
        "Bad parameter",
        "Parameter mismatch",
        "Value too large",
        "End of buffer",
        "No such host",
        "No such file",
        "Permission denied",
        "Unknown error",
        "Out of memory",
        "Unknown error",
        "Can't decode message",
        "Unknown error",
        "Can't contact local daemon",
        "No current buffer",
        "No such buffer",
        "Null group name",
        "Already in group",
        "No such group",
        "Not in group",
        "No such instance",
        "Host failed",
        "No parent task",
        "Not implemented",
        "Pvmd system error",
        "Version mismatch",
        "Out of resources",
        "Duplicate host",
        "Can't start pvmd",
        "Already in progress",
        "No such task",
        "Not Found",
        "Already exists",
        "Hoster run on non-master host",
        "Spawning parent set PvmNoSpawnParent",
        "Master Host's IP is Loopback",
};
int pvm_nerr = (int)(sizeof pvm_errlist / sizeof *pvm_errlist);

static const struct {
	int weft, pvm;
} codes[] = {
        {0, PvmOk},
        {WEFT_EINVAL, PvmBadParam},
        {WEFT_ENOTINIT, PvmSysErr},
        {WEFT_ENOVM, PvmSysErr},
        {WEFT_EVERSION, PvmBadVersion},
        {WEFT_EDENIED, PvmDenied},
        {WEFT_ENOMEM, PvmNoMem},
        {WEFT_ENOSPC, PvmOutOfRes},
        {WEFT_ETOOBIG, PvmOverflow},
        {WEFT_ENOTASK, PvmNoTask},
        {WEFT_ENONODE, PvmNoHost},
        {WEFT_ENOFILE, PvmNoFile},
        {WEFT_ENOEXEC, PvmNoFile},
        {WEFT_ENOGROUP, PvmNoGroup},
        {WEFT_ENOTMEMBER, PvmNotInGroup},
        {WEFT_EALREADY, PvmAlready},
        {WEFT_ENOENT, PvmNotFound},
        {WEFT_EEXIST, PvmExists},
        {WEFT_EAGAIN, PvmOutOfRes},
};

int weft__pvm_code(int weft_code)
{
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i].weft == weft_code)
			return codes[i].pvm;
	return PvmDSysErr;
}

static const char *text_of(int code)
{
	return code <= 0 && -code < pvm_nerr ? pvm_errlist[-code] : "Unknown error";
}

/* One line; a reader that is gone costs the line, not the task. */
static void say(const char *line, size_t n)
{
	sigset_t pipe_signal, before, pending;
	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	bool lost = write(STDERR_FILENO, line, n) < 0;
	if (lost && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void report(const char *what, const char *end, int code)
{
	char line[512];
	int n;
	if (weft__pvm.e)
		n = snprintf(line, sizeof line, "libpvm [t%x]: %s%s: %s\n", (unsigned)weft__pvm.tid,
		             what, end, text_of(code));
	else
		n = snprintf(line, sizeof line, "libpvm [pid%d]: %s%s: %s\n", (int)getpid(), what,
		             end, text_of(code));
	if (n > (int)sizeof line - 1)
		n = (int)sizeof line - 1;
	if (n > 0)
		say(line, (size_t)n);
}

int weft__pvm_silent(int code)
{
	pvm_errno = code;
	weft__pvm.code = code;
	return code;
}

int lpvmerr(const char *function, int code)
{
	weft__pvm_silent(code);
	if (weft__pvm.autoerr > 0)
		report(function, "()", code);
	if (weft__pvm.autoerr == 2)
		exit(code);
	if (weft__pvm.autoerr == 3)
		abort();
	return code;
}

int pvm_perror(char *text)
{
	report(text ? text : "", "", pvm_errno);
	return PvmOk;
}

char *pvm_strerror(void)
{
	return (char *)text_of(pvm_errno);
}
