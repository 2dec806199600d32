/* A new process, up to the program that it becomes: with its pipes and control socket, in a process group of its own, with
 * default signals and the user's limits. Several threads do this at the same time: vfork stops the one that calls it until
 * the new process is the program, and no other.
 *
 * What can go wrong: each call can fail, and its errno is the order's. A process that has not become the program is
 * reaped here, or by the loop, whoever comes first.
 */
#include "config.h"

#include "node/taskvm_order.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/heap.h"

/* A file that execve calls no program is a script for /bin/sh when it looks like a text, as in execvp. */
static bool is_text(const struct taskvm_launch *l)
{
	char head[256];
	int dirfd = *l->wdir ? open(l->wdir, O_PATH | O_DIRECTORY | O_CLOEXEC) : AT_FDCWD;
	int fd = openat(dirfd, l->path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
	if (fd >= 0)
		close(fd);
	if (dirfd >= 0)
		close(dirfd);
	return n >= 0 && !memchr(head, '\0', (size_t)n);
}

/* What the new process does before it is the program. It runs on our stack and in our memory while we wait: it calls
 * nothing but the kernel. Returns the errno of what failed. */
static int become(const struct taskvm *vm, struct taskvm_order *o, const char *path, char *const *argv)
{
	const struct taskvm_launch *l = o->launch;
	const struct taskvm_ends *e = &o->ends;
	const int from[] = {e->in[0] >= 0 ? e->in[0] : vm->dev_null, e->out[1], e->err[1], e->control[1]};
	sigset_t none;
	o->pid = getpid(); /* the loop may reap it before our thread runs again */
	if (o->bound && sched_setaffinity(0, TASKVM_MASK_BYTES, (const cpu_set_t *)o->mask))
		return errno;
	sigemptyset(&none);
	if (l->family == FAMILY_NONE)
		setpgid(0, 0);
	else
		setsid(); /* as MPIs' own launchers do: the kernel's autogroups then deal with each rank by itself */
	for (size_t i = 0; i < sizeof from / sizeof *from; i++) /* to 0, 1, 2 and TASKVM_TASK_FD, none of which is ours */
		if (dup2(from[i], (int)i) < 0)
			return errno;
	if (e->pmi >= 0 && dup2(e->pmi, TASKVM_PMI_FD) < 0)
		return errno;
	if (*l->wdir && chdir(l->wdir))
		return errno;
	for (size_t i = 0; i < vm->nchanged_signals; i++)
		signal(vm->changed_signals[i], SIG_DFL);
	setrlimit(RLIMIT_NOFILE, &vm->nofile); /* the user's, not what we raised and lowered for ourselves */
	setrlimit(RLIMIT_CORE, &vm->core);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, argv, o->env);
	return errno;
}

/* posix_spawn does the same with a hundred more calls: it resets each signal one by one, and asks for our limits with
 * each descriptor. There is no handler of ours that could run in the new process. */
static int start_process(const struct taskvm *vm, struct taskvm_order *o, const char *path, char *const *argv)
{
	volatile int errnum = 0;
	pid_t new = vfork();
	if (new < 0)
		return errno;
	if (new == 0) {
		errnum = become(vm, o, path, argv);
		_exit(127);
	}
	if (errnum) {
		o->pid = 0;
		waitpid(new, NULL, 0);
	}
	return errnum;
}

static int start_by_shell(const struct taskvm *vm, struct taskvm_order *o)
{
	const struct taskvm_launch *l = o->launch;
	size_t n = 0;
	while (l->argv[n])
		n++;
	char **argv = weft__calloc(n + 2, sizeof *argv);
	if (!argv)
		return ENOMEM;
	char shell[] = "/bin/sh";
	argv[0] = shell;
	argv[1] = l->path;
	memcpy(argv + 2, l->argv + 1, (n - 1) * sizeof *argv);
	int rc = start_process(vm, o, shell, argv);
	weft__free(argv);
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Those of the task, which has got them. */
static void close_theirs(struct taskvm_ends *e)
{
	int *theirs[] = {&e->in[0], &e->out[1], &e->err[1], &e->control[1], &e->pmi};
	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		close_fd(theirs[i]);
}

void taskvm_ends_close(struct taskvm_ends *e)
{
	int *ours[] = {&e->in[1], &e->out[0], &e->err[0], &e->control[0]};
	close_theirs(e);
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		close_fd(ours[i]);
}

/* 0, or the errno: what was made so far is closed with the order. */
static int ends_open(struct taskvm_ends *e)
{
	if (pipe2(e->out, O_CLOEXEC) || pipe2(e->err, O_CLOEXEC) || fcntl(e->out[0], F_SETFL, O_NONBLOCK) ||
	    fcntl(e->err[0], F_SETFL, O_NONBLOCK) || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->control))
		return errno;
	return 0;
}

void taskvm_exec(const struct taskvm *vm, struct taskvm_order *o)
{
	o->errnum = ends_open(&o->ends);
	if (!o->errnum)
		o->errnum = start_process(vm, o, o->launch->path, o->launch->argv);
	if (o->errnum == ENOEXEC && is_text(o->launch))
		o->errnum = start_by_shell(vm, o);
	close_theirs(&o->ends);
}
