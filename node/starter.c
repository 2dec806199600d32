/* Child processes of weftd: started by posix_spawn, reaped at SIGCHLD, each end told once.
 *
 * weftd is a subreaper: when a task VM is killed, its tasks and all that they started become our children, and the
 * sweep kills them. A task VM that lost another weftd of this machine and waits for it is left alone while
 * this daemon serves: it ends by itself.
 */
#include "config.h"

#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/exe.h"
#include "base/heap.h"
#include "base/log.h"
#include "node/children.h"

extern char **environ;

enum { CHILD_FD = 3, CHILDREN_MAX = 4096 };

/* A pipe that holds the input already, or /dev/null: the descriptor to read from, or -1. */
static int input_open(const struct starter_order *o)
{
	if (!o->ninput)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	ssize_t written = write(ends[1], o->input, o->ninput);
	close(ends[1]);
	if (written != (ssize_t)o->ninput) {
		close(ends[0]);
		return -1;
	}
	return ends[0];
}

/* Our environment, and the variable that tells the number of the passed descriptor in front. */
static char **environment_make(const struct starter_order *o, char *variable, size_t size)
{
	size_t count = 0, at = 0;
	while (environ[count])
		count++;
	char **env = weft__calloc(count + 2, sizeof *env);
	if (!env)
		return NULL;
	size_t n = o->fd_variable ? strlen(o->fd_variable) : 0;
	if (n) {
		snprintf(variable, size, "%s=%d", o->fd_variable, CHILD_FD);
		env[at++] = variable;
	}
	for (size_t i = 0; i < count; i++)
		if (!n || strncmp(environ[i], o->fd_variable, n) || environ[i][n] != '=')
			env[at++] = environ[i];
	return env;
}

static int actions_fill(posix_spawn_file_actions_t *actions, const struct starter_order *o, int input)
{
	int rc = posix_spawn_file_actions_adddup2(actions, input, 0);
	if (!rc && o->output >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, o->output, 1);
	if (!rc && o->output >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, o->output, 2);
	if (!rc && o->fd >= 0)
		rc = posix_spawn_file_actions_adddup2(actions, o->fd, CHILD_FD);
	return rc;
}

static int attributes_fill(posix_spawnattr_t *attributes)
{
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(attributes, &all);
	posix_spawnattr_setsigmask(attributes, &none);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

/* With the user's limits, for the child sets its own. */
static int spawn(const struct node *n, const char *path, const struct starter_order *o, int input, pid_t *pid)
{
	char variable[64];
	char **env = environment_make(o, variable, sizeof variable);
	if (!env)
		return ENOMEM;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	int rc = actions_fill(&actions, o, input);
	if (!rc)
		rc = attributes_fill(&attributes);
	if (!rc) {
		struct rlimit nofile, core;
		getrlimit(RLIMIT_NOFILE, &nofile);
		getrlimit(RLIMIT_CORE, &core);
		setrlimit(RLIMIT_NOFILE, &n->nofile);
		setrlimit(RLIMIT_CORE, &n->core);
		rc = path ? posix_spawn(pid, path, &actions, &attributes, (char *const *)o->argv, env)
		          : posix_spawnp(pid, o->argv[0], &actions, &attributes, (char *const *)o->argv, env);
		setrlimit(RLIMIT_NOFILE, &nofile);
		setrlimit(RLIMIT_CORE, &core);
	}
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	weft__free(env);
	return rc;
}

int starter_run(struct node *n, const struct starter_order *o, pid_t *pid, struct weft_error *e)
{
	char path[PATH_MAX];
	int rc = o->program ? weft__exe_find(o->room, o->program, path, sizeof path, e) : 0;
	if (rc)
		return rc;
	struct child *c = weft__calloc(1, sizeof *c);
	if (!c)
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	int input = input_open(o);
	int errnum = input < 0 ? errno : spawn(n, o->program ? path : NULL, o, input, &c->pid);
	if (input >= 0)
		close(input);
	if (errnum) {
		weft__free(c);
		return weft__err_set(e, weft__err_from_errno(errnum), "cannot start %s: %s",
		                     o->program ? path : o->argv[0], strerror(errnum));
	}
	c->ended = o->ended;
	c->arg = o->arg;
	*pid = c->pid;
	keeper_child_add(&n->keeper, c->pid, o->kind ? o->kind : KEEPER_OTHER);
	if (weft__map_put(&n->children, (uint64_t)c->pid, c)) {
		kill(c->pid, SIGKILL);
		weft__free(c);
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	return 0;
}

bool starter_tell(struct node *n, pid_t pid, void (*ended)(void *arg, int status), void *arg)
{
	struct child *c = weft__map_get(&n->children, (uint64_t)pid);
	if (c) {
		c->ended = ended;
		c->arg = arg;
	}
	return c != NULL;
}

int starter_adopt(struct node *n, pid_t pid, bool awaited)
{
	struct child *c = weft__calloc(1, sizeof *c);
	if (!c || weft__map_put(&n->children, (uint64_t)pid, c)) {
		weft__free(c);
		return WEFT_ENOMEM;
	}
	c->pid = pid;
	c->awaited = awaited;
	n->nawaited += awaited;
	return 0;
}

void starter_settle(struct node *n, struct child *c)
{
	if (!c->awaited)
		return;
	c->awaited = false;
	n->nawaited--;
	takeover_settled(n);
}

static void tell_end(struct node *n, struct child *c, int status)
{
	if (c && c->ended)
		c->ended(c->arg, status);
	if (c)
		starter_settle(n, c);
	weft__free(c);
}

void starter_ended(struct node *n, pid_t pid, int status)
{
	tell_end(n, weft__map_remove(&n->children, (uint64_t)pid), status);
}

void starter_reap(struct node *n)
{
	int status;
	bool adopted = false;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
		struct child *c = weft__map_remove(&n->children, (uint64_t)pid);
		adopted |= !c;
		keeper_child_remove(&n->keeper, pid);
		tell_end(n, c, status);
	}
	if (adopted) /* what it left is ours now */
		starter_sweep(n);
}

static bool is_waiting_taskvm(pid_t pid)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/%ld/exe", (long)pid);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return false;
	path[length] = '\0';
	const char *name = strrchr(path, '/');
	return name && !strcmp(name, "/weft-taskvm");
}

size_t starter_sweep(struct node *n)
{
	static pid_t pids[CHILDREN_MAX];
	size_t count = children_list(pids, CHILDREN_MAX), nstrangers = 0;
	for (size_t i = 0; i < count; i++) {
		if (weft__map_get(&n->children, (uint64_t)pids[i]))
			continue;
		bool waits = is_waiting_taskvm(pids[i]) && n->halt_ms < HALT_KILL_MS;
		nstrangers++;
		if (!waits)
			kill(pids[i], SIGKILL);
		else if (n->state >= NODE_HALTING) /* nobody comes back for it: it ends its tasks and goes */
			kill(pids[i], SIGTERM);
	}
	return nstrangers;
}
