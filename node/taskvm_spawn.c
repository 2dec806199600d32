/* Starting a task. Once for a LAUNCH the working directory is checked and the program is found as execvp
 * finds it, with the task's own PATH; then for each task pipes and a control socket are made, and it is
 * started in a process group of its own, with default signals and the user's limits.
 *
 * What can go wrong, each with its own code and a text that names program and node: the directory is missing or
 * none (WEFT_EINVAL); the program is missing (WEFT_ENOFILE), not executable, a directory, or of a foreign format
 * (WEFT_ENOEXEC); the arguments are too long; no descriptors or processes are left (WEFT_ENOSPC).
 */
#include "config.h"

#include "node/taskvm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exe.h"
#include "base/heap.h"
#include "base/ids.h"
#include "node/behind.h"
#include "node/taskvm_mpi.h"

/* --- what to start ------------------------------------------------------------------------------ */

static const char *variable(char *const *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; env[i]; i++)
		if (!strncmp(env[i], name, n) && env[i][n] == '=')
			return env[i] + n + 1;
	return NULL;
}

/* 0, or why the file below dirfd can't be executed. */
static int check_program(int dirfd, const char *path)
{
	struct stat st;
	if (fstatat(dirfd, path, &st, 0))
		return errno == EACCES ? WEFT_ENOEXEC : WEFT_ENOFILE;
	if (!S_ISREG(st.st_mode) || faccessat(dirfd, path, X_OK, AT_EACCESS))
		return WEFT_ENOEXEC;
	return 0;
}

/* In one of the folders. */
static int find_in(int dirfd, const char *from, const char *name, char *path)
{
	int worst = WEFT_ENOFILE;
	for (;;) {
		size_t n = strcspn(from, ":");
		int length = snprintf(path, PATH_MAX, "%.*s%s%s", (int)n, from, n ? "/" : "./", name);
		int rc = length < PATH_MAX ? check_program(dirfd, path) : WEFT_ENOFILE;
		if (!rc)
			return 0;
		if (rc == WEFT_ENOEXEC)
			worst = rc;
		if (!from[n])
			return worst;
		from += n + 1;
	}
}

/* The program's path into path[PATH_MAX]: a name without '/' is looked for in the folders that the user gave for
 * this node, then in the task's PATH. */
static int find_program(int dirfd, const struct taskvm_launch *l, char *path)
{
	const char *name = l->argv[0], *own = getenv("WEFT_EXEC_PATH"), *from = variable(l->env, "PATH");
	if (strlen(name) >= PATH_MAX || !*name)
		return WEFT_ENOFILE;
	if (strchr(name, '/')) {
		strcpy(path, name);
		return check_program(dirfd, path);
	}
	if (own && *own && find_in(dirfd, own, name, path) == 0)
		return 0;
	return find_in(dirfd, from ? from : "/bin:/usr/bin", name, path);
}

static void refuse(const struct taskvm *vm, struct taskvm_launch *l, int code, const char *why)
{
	l->code = code;
	snprintf(l->text, sizeof l->text, "cannot start \"%.80s\": %.150s", l->argv[0], why);
	size_t n = strlen(l->text);
	snprintf(l->text + n, sizeof l->text - n, " (%.60s)", vm->host);
}

static void refuse_program(const struct taskvm *vm, struct taskvm_launch *l, int dirfd, int code)
{
	struct stat st;
	const char *name = l->argv[0];
	bool is_path = strchr(name, '/') != NULL;
	if (code == WEFT_ENOFILE)
		refuse(vm, l, code, is_path ? "no such file" : "not found in PATH");
	else if (is_path && !fstatat(dirfd, name, &st, 0) && S_ISDIR(st.st_mode))
		refuse(vm, l, code, "it is a directory");
	else
		refuse(vm, l, code, "not executable");
}

static void refuse_wdir(const struct taskvm *vm, struct taskvm_launch *l, int errnum)
{
	char why[TASKVM_TEXT];
	const char *what = errnum == ENOENT ? "no such directory" : strerror(errnum);
	snprintf(why, sizeof why, "working directory %.100s: %s", l->wdir, what);
	refuse(vm, l, WEFT_EINVAL, why); /* not WEFT_ENOFILE: that is said of the program */
}

/* Who hosts the program's MPI. One that nobody can host would run as so many programs of one rank each. */
static void find_family(const struct taskvm *vm, struct taskvm_launch *l, int dirfd)
{
	char library[FAMILY_LIBRARY], why[TASKVM_TEXT];
	if (l->mpi != WEFT__MPI_AUTO) {
		l->family = l->mpi == WEFT__MPI_OPENMPI ? FAMILY_OPENMPI : l->mpi == WEFT__MPI_MPICH ? FAMILY_MPICH : FAMILY_NONE;
		return;
	}
	const struct behind_command c = {dirfd, l->path, l->argv, l->env};
	l->family = behind_find(&c, library);
	if (l->family == FAMILY_OTHER)
		snprintf(why, sizeof why, "it is linked with %.40s, an MPI that Weft can't host; --mpi=none starts it all the same",
		         library);
	else if (l->family == FAMILY_UNCLEAR)
		snprintf(why, sizeof why, "programs of two MPIs are behind it (%.76s); say which one: --mpi=openmpi, mpich, none",
		         library);
	else if (l->family == FAMILY_MPICH && taskvm_pmix_spawned(vm))
		snprintf(why, sizeof why, "a task of Open MPI spawns it, and it is linked with %.40s", library);
	else {
		if (taskvm_pmix_spawned(vm)) /* by MPI_Comm_spawn: whatever it is, it will call MPI_Init */
			l->family = FAMILY_OPENMPI;
		return;
	}
	refuse(vm, l, WEFT_EUNSUP, why);
}

/* The tasker starts the program; what we start stands for it: "weft-standin PID PATH ARGV0 ARGUMENT...". */
static void let_stand_in(const struct taskvm *vm, struct taskvm_launch *l)
{
	char standin[PATH_MAX], path[2 * PATH_MAX + 1], pid[24];
	struct weft_error e = {0};
	size_t n = 0;
	while (l->argv[n])
		n++;
	int rc = weft__exe_find("node", "weft-standin", standin, sizeof standin, &e);
	bool relative = *l->path != '/';
	snprintf(path, sizeof path, "%s%s%s", relative ? l->wdir : "", relative ? "/" : "", l->path);
	snprintf(pid, sizeof pid, "%lld", (long long)l->tasker);
	char **argv = rc ? NULL : weft__calloc(n + 4, sizeof *argv), *own = rc ? NULL : weft__strdup(standin);
	char *first[] = {own ? weft__strdup(own) : NULL, weft__strdup(pid), weft__strdup(path)};
	if (rc || !argv || !own || !first[0] || !first[1] || !first[2]) {
		refuse(vm, l, rc ? rc : WEFT_ENOMEM, rc ? e.text : "out of memory");
		for (int i = 0; i < 3; i++)
			weft__free(first[i]);
		weft__free(argv);
		weft__free(own);
		return;
	}
	memcpy(argv, first, sizeof first);
	memcpy(argv + 3, l->argv, n * sizeof *argv);
	weft__free(l->argv);
	weft__free(l->path);
	l->argv = argv;
	l->path = own;
}

void taskvm_spawn_resolve(struct taskvm *vm, struct taskvm_launch *l, const struct weft__msg_launch *m)
{
	char path[PATH_MAX];
	struct weft_error e;
	int dirfd = AT_FDCWD;
	if (*l->wdir) {
		dirfd = open(l->wdir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (dirfd < 0 || faccessat(dirfd, ".", X_OK, AT_EACCESS)) {
			refuse_wdir(vm, l, errno);
			if (dirfd >= 0)
				close(dirfd);
			return;
		}
	}
	int rc = find_program(dirfd, l, path);
	if (rc)
		refuse_program(vm, l, dirfd, rc);
	else if (!(l->path = weft__strdup(path)))
		refuse(vm, l, WEFT_ENOMEM, "out of memory");
	else
		find_family(vm, l, dirfd);
	if (!l->code && l->tasker && l->family != FAMILY_NONE)
		l->tasker = 0; /* its ranks have connections of their MPI's, which nobody else can give them */
	if (!l->code && l->tasker)
		let_stand_in(vm, l);
	if (*l->wdir)
		close(dirfd);
	rc = l->code ? 0 : taskvm_bind_prepare(l, m, &e);
	if (rc)
		refuse(vm, l, rc, e.text);
	l->held = m->several && !l->code && l->family != FAMILY_NONE;
	if (!l->held && !l->code)
		taskvm_spawn_host(vm, l);
}

void taskvm_spawn_host(struct taskvm *vm, struct taskvm_launch *l)
{
	struct weft_error e;
	int rc = taskvm_mpi_prepare(vm, l, &e);
	if (rc)
		refuse(vm, l, rc, e.text);
}

/* --- one task ----------------------------------------------------------------------------------- */

/* The descriptors of a new task; -1 where there is none (yet). */
struct ends {
	int in[2], out[2], err[2]; /* pipes: reading end, writing end */
	int control[2];            /* ours (weftd's), the task's */
	int pmi;                   /* the task's PMI_FD */
	const cpu_set_t *mask;     /* processors that it may use; NULL: those that we may */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void ends_close(struct ends *e)
{
	int *all[] = {&e->in[0], &e->in[1], &e->out[0], &e->out[1], &e->err[0], &e->err[1], &e->control[0], &e->control[1], &e->pmi};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		close_fd(all[i]);
}

/* Rank 0 reads the descriptor that the tool gave, or a pipe that STDIN fills. */
static int stdin_open(struct taskvm *vm, struct ends *e)
{
	if (vm->stdin_fd >= 0) {
		e->in[0] = vm->stdin_fd;
		vm->stdin_fd = -1;
		return 0;
	}
	return pipe2(e->in, O_CLOEXEC);
}

static int ends_open(struct taskvm *vm, const struct taskvm_launch *l, const struct taskvm_task *t,
                     struct ends *e)
{
	*e = (struct ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1, NULL};
	if (l->with_stdin && t->rank == 0 && stdin_open(vm, e))
		goto failed;
	if (pipe2(e->out, O_CLOEXEC) || pipe2(e->err, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->control))
		goto failed;
	return 0;
failed:;
	int errnum = errno;
	ends_close(e);
	return errnum;
}

/* The variables that tell a task who it is. */
struct own_variables {
	char numbers[5][40], tid[WEFT__TID_TEXT + 16], dir[PATH_MAX + 16], vm[96], cpus[96], pwd[PATH_MAX + 16];
};

/* Fills the front of l->envp; returns where the task's environment starts. */
static char **own_variables_set(const struct taskvm *vm, struct taskvm_launch *l, const struct taskvm_task *t,
                                struct own_variables *own)
{
	static const char *const names[5] = {"WEFT_FD", "WEFT_RANK", "WEFT_SIZE", "WEFT_JOB", "WEFT_NODE"};
	const uint64_t values[5] = {TASKVM_TASK_FD, t->rank, vm->size, vm->job, vm->node};
	char text[WEFT__TID_TEXT];
	char **place = l->envp + TASKVM_ENV_OWN;
	for (size_t i = 0; i < 5; i++) {
		snprintf(own->numbers[i], sizeof own->numbers[i], "%s=%" PRIu64, names[i], values[i]);
		*--place = own->numbers[i];
	}
	snprintf(own->tid, sizeof own->tid, "WEFT_TID=%s", weft__tid_format((weft_tid_t){t->tid}, text));
	*--place = own->tid;
	snprintf(own->dir, sizeof own->dir, "WEFT_DIR=%s", vm->dir);
	*--place = own->dir;
	snprintf(own->vm, sizeof own->vm, "WEFT_VM=%s", vm->vm);
	*--place = own->vm;
	if (*t->cpus) {
		snprintf(own->cpus, sizeof own->cpus, "WEFT_CPUS=%s", t->cpus);
		*--place = own->cpus;
	}
	if (*l->wdir == '/') {
		snprintf(own->pwd, sizeof own->pwd, "PWD=%s", l->wdir);
		*--place = own->pwd;
	}
	return place;
}

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
static int become(const struct taskvm *vm, const struct taskvm_launch *l, const struct ends *e, const char *path,
                  char *const *argv, char *const *env)
{
	const int from[] = {e->in[0] >= 0 ? e->in[0] : vm->dev_null, e->out[1], e->err[1], e->control[1]};
	sigset_t none;
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
	if (e->mask && sched_setaffinity(0, TASKVM_MASK_BYTES, e->mask))
		return errno;
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(path, argv, env);
	return errno;
}

/* 0 and the process, which has become the program; or an errno. posix_spawn does the same with a hundred more calls:
 * it resets each signal one by one, and asks for our limits with each descriptor. There is no handler of ours that could
 * run in the new process. */
static int start_process(const struct taskvm *vm, const struct taskvm_launch *l, const struct ends *e, const char *path,
                         char *const *argv, char *const *env, pid_t *pid)
{
	volatile int errnum = 0;
	pid_t new = vfork();
	if (new < 0)
		return errno;
	if (new == 0) {
		errnum = become(vm, l, e, path, argv, env);
		_exit(127);
	}
	if (errnum)
		waitpid(new, NULL, 0);
	else
		*pid = new;
	return errnum;
}

static int start_by_shell(const struct taskvm *vm, const struct taskvm_launch *l, const struct ends *e, char **env,
                          pid_t *pid)
{
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
	int rc = start_process(vm, l, e, shell, argv, env, pid);
	weft__free(argv);
	return rc;
}

/* The environment with the variables of who hosts its MPI in front, the caller's to weft__free; NULL: no memory. */
static char **with_variables(char *const *variables, char *const *env)
{
	size_t n = 0, m = 0;
	while (variables[n])
		n++;
	while (env[m])
		m++;
	char **all = weft__calloc(n + m + 1, sizeof *all);
	for (size_t i = 0; all && i < n + m; i++)
		all[i] = i < n ? variables[i] : env[i - n];
	return all;
}

static int spawn(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, const struct ends *e)
{
	struct own_variables own;
	char **env = own_variables_set(vm, l, t, &own), **all = t->variables ? with_variables(t->variables, env) : NULL;
	if (t->variables && !all)
		return ENOMEM;
	env = all ? all : env;
	int rc = start_process(vm, l, e, l->path, l->argv, env, &t->pid);
	if (rc == ENOEXEC && is_text(l))
		rc = start_by_shell(vm, l, e, env, &t->pid);
	weft__free(all);
	return rc;
}

static int refuse_spawn(const struct taskvm *vm, struct taskvm_launch *l, int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
	case ELOOP:
		refuse(vm, l, WEFT_ENOEXEC, strerror(errnum));
		break;
	case ENOEXEC:
	case ELIBBAD:
		refuse(vm, l, WEFT_ENOEXEC, "not a program of this machine");
		break;
	case ENOENT: /* it was there when we looked */
		refuse(vm, l, WEFT_ENOFILE, "its interpreter (the #! line or the loader) is missing");
		break;
	case EAGAIN:
		refuse(vm, l, WEFT_ENOSPC, "no more processes allowed; see ulimit -u");
		break;
	case EMFILE:
	case ENFILE:
		refuse(vm, l, WEFT_ENOSPC, "no descriptors left; see ulimit -n");
		break;
	default:
		refuse(vm, l, weft__err_from_errno(errnum), strerror(errnum));
	}
	int code = l->code;
	l->code = 0; /* the next task may have more luck */
	return code;
}

/* The process runs: its descriptors become the task's. On failure it is killed and nobody's. */
static int adopt(struct taskvm *vm, struct taskvm_task *t, struct ends *e)
{
	t->streams[0].fd = e->out[0];
	t->streams[1].fd = e->err[0];
	e->out[0] = e->err[0] = -1;
	if (taskvm_output_watch(vm, t) || weft__map_put(&vm->by_pid, (uint64_t)t->pid, t)) {
		kill(-t->pid, SIGKILL);
		return ENOMEM;
	}
	t->control = e->control[0];
	e->control[0] = -1;
	t->speaks = taskvm_control_watch(vm, t) != 0; /* then weftd watches it */
	if (e->in[1] >= 0)
		taskvm_stdin_open(vm, &e->in[1]);
	return 0;
}

int taskvm_spawn(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t)
{
	static uint64_t room[TASKVM_MASK_BYTES / sizeof(uint64_t)];
	cpu_set_t *mask = (cpu_set_t *)room;
	struct ends e;
	int errnum = ends_open(vm, l, t, &e);
	e.mask = taskvm_bind_choose(l, t, mask) ? mask : NULL;
	if (!errnum)
		errnum = taskvm_mpi_open(vm, l, t, &e.pmi);
	if (!errnum)
		errnum = spawn(vm, l, t, &e);
	t->stands_in = l->tasker != 0;
	if (!errnum)
		errnum = adopt(vm, t, &e);
	taskvm_mpi_started(vm, t, !errnum);
	ends_close(&e);
	return errnum ? refuse_spawn(vm, l, errnum) : 0;
}
