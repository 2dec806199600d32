/* tasker.c - a tasker, who uses it, and the tasks that it starts; for tasker.sh, and for record.sh with the original.
 *
 * tasker PROGRAM: spawns PROGRAM's copy as tasker, then others by it. Prints what happens, alike in every run. */
#include <pvm3.h>
#include <pvmproto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ints.h"

enum { HELLO = 5, END = 6, READY = 7, EXIT = 8, SLEEP = 99, TASKS_MAX = 16, TEXTS_MAX = 256 };

/* --- the tasker ----------------------------------------------------------------------------------- */

static struct {
	int tid;
	pid_t pid;
} started[TASKS_MAX];
static volatile sig_atomic_t nended;

static void child_ended(int signo)
{
	(void)signo;
	nended++;
}

static char **unpack_texts(void)
{
	static char text[65536];
	int n;
	pvm_upkint(&n, 1, 1);
	char **texts = calloc((size_t)(n < TEXTS_MAX ? n : TEXTS_MAX) + 1, sizeof *texts);
	for (int i = 0; i < n; i++) {
		pvm_upkstr(text);
		if (i < TEXTS_MAX)
			texts[i] = strdup(text);
	}
	return texts;
}

static void tell_end(int tid, int status)
{
	int numbers[] = {tid, status, 0, 1, 0, 1};
	pvm_initsend(PvmDataDefault);
	pvm_pkint(numbers, 6, 1);
	pvm_send((int)0x80000000, SM_TASKX);
}

static void start_one(void)
{
	char path[4096];
	int tid, flags, i = 0;
	pvm_upkint(&tid, 1, 1);
	pvm_upkint(&flags, 1, 1);
	pvm_upkstr(path);
	char **argv = unpack_texts(), **env = unpack_texts();
	pid_t pid = fork();
	if (pid == 0) {
		for (i = 0; env[i]; i++)
			putenv(env[i]);
		setenv("STARTED_BY", "tasker", 1);
		execv(path, argv);
		_exit(127);
	}
	while (i < TASKS_MAX && started[i].pid)
		i++;
	started[i].tid = tid;
	started[i].pid = pid;
}

static void reap(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (int i = 0; i < TASKS_MAX; i++)
			if (started[i].pid == pid) {
				tell_end(started[i].tid, status);
				started[i].pid = 0;
			}
}

static int be_tasker(void)
{
	int *fds, parent = pvm_parent();
	sigset_t blocked, none;
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	signal(SIGCHLD, child_ended);
	pvm_setopt(PvmResvTids, 1);
	int rc = pvm_reg_tasker();
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&rc, 1, 1);
	pvm_send(parent, READY);
	while (pvm_getfds(&fds) >= 1) {
		struct timespec soon = {0, 50000000}; /* what came while it sent, PVM has read already */
		fd_set readable;
		FD_ZERO(&readable);
		FD_SET(fds[0], &readable);
		pselect(fds[0] + 1, &readable, NULL, NULL, &soon, &none);
		while (pvm_nrecv(-1, SM_STTASK) > 0)
			start_one();
		if (pvm_nrecv(parent, END) > 0)
			break;
		reap();
	}
	rc = pvm_reg_tasker(); /* no longer */
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&rc, 1, 1);
	pvm_send(parent, READY);
	pvm_exit();
	return 0;
}

/* --- a task --------------------------------------------------------------------------------------- */

static int be_task(const char *text)
{
	const char *by = getenv("STARTED_BY");
	int code, parent = pvm_parent();
	pvm_initsend(PvmDataDefault);
	pvm_pkstr((char *)text);
	pvm_pkstr((char *)(by ? by : "the daemon"));
	pvm_send(parent, HELLO);
	pvm_recv(parent, END);
	pvm_upkint(&code, 1, 1);
	while (code == SLEEP)
		pause();
	pvm_exit();
	return code;
}

/* --- who uses it ---------------------------------------------------------------------------------- */

static void meet(const char *program, int n, int *tids)
{
	char text[100], by[100], *args[] = {"task", "some text", NULL};
	printf("spawned %d\n", pvm_spawn((char *)program, args, PvmTaskDefault, "", n, tids));
	for (int i = 0; i < n; i++) {
		pvm_recv(tids[i], HELLO);
		pvm_upkstr(text);
		pvm_upkstr(by);
		printf("a task has \"%s\", started by %s\n", text, by);
	}
	pvm_notify(PvmTaskExit, EXIT, n, tids);
}

static void ended(const char *what, int tid)
{
	struct timeval limit = {10, 0};
	int got = 0;
	if (pvm_trecv(-1, EXIT, &limit) > 0)
		pvm_upkint(&got, 1, 1);
	printf("%s: %s\n", what, got == tid ? "its end is told" : got ? "another's end is told" : "nothing is told");
}

int main(int argc, char **argv)
{
	int tasker, tids[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "tasker"))
		return be_tasker();
	if (argc > 2 && !strcmp(argv[1], "idle") && freopen(argv[2], "w", stdout)) {
		printf("%ld t%x\n", (long)getpid(), pvm_mytid());
		fflush(stdout);
		for (;;)
			pause();
	}
	if (argc > 2 && !strcmp(argv[1], "task"))
		return be_task(argv[2]);
	char *args[] = {"tasker", NULL}, *program = argv[1];
	pvm_spawn(program, args, PvmTaskDefault, "", 1, &tasker);
	printf("the tasker registers: %d\n", receive_int(tasker, READY));
	pvm_setopt(PvmAutoErr, 0);
	printf("another one can't: %d\n", pvm_reg_tasker());
	meet(program, 3, tids);
	send_int(tids[1], END, 0);
	ended("exit", tids[1]);
	send_int(tids[0], END, SLEEP);
	pvm_kill(tids[0]);
	ended("pvm_kill", tids[0]);
	pvm_sendsig(tids[2], SIGKILL);
	ended("SIGKILL", tids[2]);
	printf("no program of PVM: %d\n", pvm_spawn("/bin/true", NULL, PvmTaskDefault, "", 1, tids));
	pvm_notify(PvmTaskExit, EXIT, 1, tids);
	ended("true", tids[0]);
	int n = pvm_spawn("/no/such/program", NULL, PvmTaskDefault, "", 1, tids);
	printf("no program at all: %d, %d\n", n, tids[0]);
	if (argc > 2) { /* Weft: others use it */
		puts("ready");
		getchar();
	}
	send_int(tasker, END, 0);
	printf("the tasker goes: %d\n", receive_int(tasker, READY));
	meet(program, 1, tids);
	send_int(tids[0], END, 0);
	ended("exit", tids[0]);
	pvm_exit();
	return 0;
}
