/* exitcode.h - what the end of its tasks makes of the exit status of a command. */
#ifndef WEFT_CONSOLE_EXITCODE_H
#define WEFT_CONSOLE_EXITCODE_H

#include <stdint.h>

enum exitcode {
	EXITCODE_TIMEOUT  = 124, /* the time limit, as timeout(1) has it */
	EXITCODE_FAILURE  = 125, /* Weft itself failed */
	EXITCODE_NOEXEC   = 126, /* a program is not executable */
	EXITCODE_NOTFOUND = 127, /* a program was not found */
	EXITCODE_SIGNAL   = 128, /* plus the signal's number */
};

/* How a task ended, in the fields of JOB_EVENT. */
struct exitcode_task {
	int64_t exit_code;
	uint64_t signo;
	uint64_t flags;  /* WEFT__EXIT_* */
	int64_t code;    /* WEFT__EXIT_START: why it could not be started */
};

/* What this task's end counts for, 0..255; a command exits with the largest of them. */
int exitcode_of(const struct exitcode_task *t);

/* What the error of a program that could not be started counts for: 125, 126 or 127. */
int exitcode_of_start(int64_t code);

#endif
