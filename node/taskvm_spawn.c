/* What the start of a task needs. Once for a LAUNCH the working directory is checked and the program is found as execvp
 * finds it, with the task's own PATH; then for each task an order is made to start it
 * (taskvm_exec.c). When that was carried out the task has its process.
 *
 * What can go wrong, each with its own code and a text that names program and node: the directory is missing or
 * none (WEFT_EINVAL); the program is missing (WEFT_ENOFILE), not executable, a directory, or of a foreign format
 * (WEFT_ENOEXEC); the arguments are too long; no descriptors or processes are left (WEFT_ENOSPC).
 */
#include "config.h"

#include "node/taskvm_order.h"

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
		if (rc == WEFT_ENOEXEC && !faccessat(dirfd, path, F_OK, 0)) /* not in a folder that is closed to us */
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
	const char *name = l->argv[0], *own = getenv("WEFT_EXEC_PATH"), *from = behind_variable(l->env, "PATH");
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
	char why[TASKVM_TEXT];
	const char *name = l->argv[0];
	bool is_path = strchr(name, '/') != NULL, is_below = is_path && *name != '/' && *l->wdir;
	snprintf(why, sizeof why, "no such file%s%.100s", is_below ? " in " : "", is_below ? l->wdir : "");
	if (code == WEFT_ENOFILE)
		refuse(vm, l, code, is_path ? why : "not found in PATH");
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
	char standin[PATH_MAX], path[3 * PATH_MAX + 2], pid[24], cwd[PATH_MAX] = "";
	struct weft_error e = {0};
	size_t n = 0;
	while (l->argv[n])
		n++;
	int rc = weft__exe_find("node", "weft-standin", standin, sizeof standin, &e);
	bool relative = *l->path != '/';
	if (relative && *l->wdir != '/' && !getcwd(cwd, sizeof cwd))
		*cwd = '\0';
	snprintf(path, sizeof path, "%s%s%s%s%s", cwd, *cwd && *l->wdir ? "/" : "", relative ? l->wdir : "", relative ? "/" : "", l->path);
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

/* Rank 0 reads the descriptor that the tool gave, or a pipe that STDIN fills. */
static int stdin_open(struct taskvm *vm, struct taskvm_ends *e)
{
	if (vm->stdin_fd >= 0) {
		e->in[0] = vm->stdin_fd;
		vm->stdin_fd = -1;
		return 0;
	}
	return pipe2(e->in, O_CLOEXEC);
}

static size_t count(char *const *strings)
{
	size_t n = 0;
	while (strings && strings[n])
		n++;
	return n;
}

/* What says who the task is, then the variables of who hosts its MPI, then what the user has given. */
static int set_environment(struct taskvm_order *o)
{
	const struct taskvm_launch *l = o->launch;
	const struct taskvm_task *t = o->task;
	struct taskvm_own *own = &o->own;
	char *const *const lists[] = {l->own, t->variables, l->env};
	char text[WEFT__TID_TEXT];
	size_t n = 3;
	for (size_t i = 0; i < 3; i++)
		n += count(lists[i]);
	char **place = o->env = weft__calloc(n + 1, sizeof *o->env);
	if (!o->env)
		return ENOMEM;
	snprintf(own->rank, sizeof own->rank, "WEFT_RANK=%" PRIu32, t->rank);
	*place++ = own->rank;
	snprintf(own->tid, sizeof own->tid, "WEFT_TID=%s", weft__tid_format((weft_tid_t){t->tid}, text));
	*place++ = own->tid;
	if (*t->cpus) {
		snprintf(own->cpus, sizeof own->cpus, "WEFT_CPUS=%s", t->cpus);
		*place++ = own->cpus;
	}
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; lists[i] && lists[i][j]; j++)
			*place++ = lists[i][j];
	return 0;
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
static int adopt(struct taskvm *vm, struct taskvm_task *t, struct taskvm_ends *e)
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

static void order_free(struct taskvm_order *o)
{
	weft__list_remove(&o->out);
	taskvm_ends_close(&o->ends);
	weft__free(o->env);
	weft__free(o);
}

int taskvm_order_make(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, struct taskvm_order **o)
{
	struct taskvm_order *new = weft__malloc(sizeof *new);
	if (!new)
		return refuse_spawn(vm, l, ENOMEM);
	weft__list_init(&new->link);
	weft__list_push(&vm->orders, &new->out);
	new->launch = l;
	new->task = t;
	new->env = NULL;
	new->pid = 0;
	new->early = (struct taskvm_end){0};
	new->ends = (struct taskvm_ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, -1};
	new->bound = taskvm_bind_choose(l, t, (cpu_set_t *)new->mask);
	int errnum = l->with_stdin && t->rank == 0 && stdin_open(vm, &new->ends) ? errno : 0;
	if (!errnum)
		errnum = taskvm_mpi_open(vm, l, t, &new->ends.pmi);
	if (!errnum)
		errnum = set_environment(new);
	if (!errnum) {
		*o = new;
		return 0;
	}
	taskvm_mpi_started(vm, t, false);
	order_free(new);
	return refuse_spawn(vm, l, errnum);
}

int taskvm_order_end(struct taskvm *vm, struct taskvm_order *o)
{
	struct taskvm_launch *l = o->launch;
	int errnum = o->errnum;
	o->task->pid = o->pid;
	o->task->stands_in = l->tasker != 0;
	if (!errnum)
		errnum = adopt(vm, o->task, &o->ends);
	taskvm_mpi_started(vm, o->task, !errnum);
	order_free(o);
	return errnum ? refuse_spawn(vm, l, errnum) : 0;
}
