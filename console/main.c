/* main.c - weft: a command, or the console. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "console/command.h"
#include "console/console.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/help.h"

enum { LOOP_FDS = 8 }; /* more than a loop opens for itself */

/* Sockets must not get the numbers of the standard descriptors when these are closed. */
static void open_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
}

/* libuv aborts when the descriptors end while it makes its loop; so their number is tried before. */
static int have_descriptors(void)
{
	int fds[LOOP_FDS], n = 0;
	while (n < LOOP_FDS && (fds[n] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0)
		n++;
	int enough = n == LOOP_FDS;
	while (n > 0)
		close(fds[--n]);
	return enough;
}

/* pvm [-ddebugmask] [-nhostname] [hostfile] */
static int run_pvm(struct context *c, int argc, char **argv)
{
	struct console_start how = {0};
	c->dialect               = DIALECT_PVM;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];
		char *end;
		if (!strcmp(arg, "--version") || !strcmp(arg, "--help")) {
			if (arg[2] == 'h')
				puts("usage: pvm [-ddebugmask] [-nhostname] [hostfile]\n");
			c->interactive = true; /* help tells what there is in the console */
			return command_run(c, 1, (char *[]){argv[i] + 2, NULL});
		}
		if (!strncmp(arg, "-d", 2)) {
			unsigned long mask = strtoul(arg + 2, &end, 0);
			if (end == arg + 2 || *end) {
				context_error(c, "-d wants a number, as in -d0xff, not '%.40s'", arg + 2);
				return EXITCODE_FAILURE;
			}
			if (mask)
				setenv("WEFT_LOG", "debug", 0);
		} else if (!strncmp(arg, "-n", 2) && arg[2]) {
			how.host = arg + 2;
		} else if (*arg == '-' || how.hostfile) {
			context_error(c, "what is '%.40s'? usage: pvm [-ddebugmask] [-nhostname] [hostfile]", arg);
			return EXITCODE_FAILURE;
		} else {
			how.hostfile = arg;
		}
	}
	return console_run(c, &how);
}

static int run(struct context *c, int argc, char **argv)
{
	const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
	if (argc > 0 && !strcmp(name ? name + 1 : argv[0], "pvm"))
		return run_pvm(c, argc, argv);
	if (argc < 2)
		return console_run(c, &(struct console_start){0});
	if (!strcmp(argv[1], "--version"))
		argv[1] = (char *)"version";
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)"help";
	if (*argv[1] == '-') {
		context_error(c, "a command comes first, '%s' is none; see: weft help", argv[1]);
		return EXITCODE_FAILURE;
	}
	return command_run(c, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	uv_loop_t loop;
	open_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* write says it */
	signal(SIGXFSZ, SIG_IGN);
	if (!have_descriptors() || uv_loop_init(&loop)) {
		fputs("weft: no descriptors are left; see ulimit -n\n", stderr);
		return EXITCODE_FAILURE;
	}
	struct context context = {.loop = &loop};
	int status             = run(&context, argc, argv);
	session_close(&context.session);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	/* What could not be written must not look like success. */
	if (fclose(stdout) && errno != EPIPE && errno != EBADF && status == 0)
		status = EXITCODE_FAILURE;
	return status;
}
