/* Happy path: the folder is made and locked; weftd is spawned with the VM's key in a pipe on its standard
 * input and one end of a socket pair: our session, so that nobody has to connect or wait for a socket's file.
 * HELLO and questions are in the socket before weftd runs.
 *
 * What can go wrong: weftd is not installed (said by base/exe); it does not come up: the session closes, at once or later,
 * or the folder is gone before we have written to it, and the last line of its log is the reason; it hangs: a VM with a
 * name has 15 s to answer, then it is killed.
 */
#include "config.h"

#include "console/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/exe.h"
#include "base/heap.h"
#include "base/rng.h"
#include "base/rundir.h"
#include "console/environ.h"
#include "console/proc.h"
#include "console/vmdir.h"
#include "link/link.h"

enum {
	OWNER_FD = 3, /* weftd's end of the session; it is told the number */
	UP_MS    = 15000,
	ABOVE    = 16, /* our own descriptors are kept out of the way of the child's */
};

struct plan {
	struct vmdir *dir;
	int key_fd, log_fd, owner_fd, session_fd;
	char path[PATH_MAX];
};

static void close_plan(struct plan *p)
{
	int *fds[] = {&p->key_fd, &p->log_fd, &p->owner_fd, &p->session_fd};
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

static int lift(int *fd)
{
	int above = fcntl(*fd, F_DUPFD_CLOEXEC, ABOVE);
	if (above < 0)
		return -1;
	close(*fd);
	*fd = above;
	return 0;
}

/* The VM's key, in a pipe that ends after it: no argument, no environment, no file ever has it. */
static int make_key(int *read_fd)
{
	uint8_t key[LINK_KEY_BYTES];
	int fds[2];
	if (weft__random_bytes(key, sizeof key) || pipe2(fds, O_CLOEXEC))
		return -1;
	ssize_t n = write(fds[1], key, sizeof key);
	explicit_bzero(key, sizeof key);
	close(fds[1]);
	*read_fd = fds[0];
	return n == (ssize_t)sizeof key ? 0 : -1;
}

static int open_descriptors(struct plan *p, struct weft_error *e)
{
	int pair[2];
	if (make_key(&p->key_fd))
		return weft__err_set(e, WEFT_EIO, "cannot make a key: %s", strerror(errno));
	p->log_fd = openat(p->dir->fd, "weftd.log", O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (p->log_fd < 0)
		return weft__err_set(e, WEFT_EIO, "%s/weftd.log: %s", p->dir->path, strerror(errno));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return weft__err_set(e, WEFT_ENOSPC, "cannot make a socket: %s", strerror(errno));
	p->session_fd = pair[0];
	p->owner_fd   = pair[1];
	if (lift(&p->key_fd) || lift(&p->log_fd) || lift(&p->owner_fd))
		return weft__err_set(e, WEFT_ENOSPC, "no descriptors are left; see ulimit -n");
	return 0;
}

static int spawn_daemon(struct plan *p, char **argv, char **envp, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_adddup2(&files, p->key_fd, 0);
	posix_spawn_file_actions_adddup2(&files, p->log_fd, 1);
	posix_spawn_file_actions_adddup2(&files, p->log_fd, 2);
	posix_spawn_file_actions_adddup2(&files, p->owner_fd, OWNER_FD);
#if __GLIBC_PREREQ(2, 34)
	posix_spawn_file_actions_addclosefrom_np(&files, OWNER_FD + 1);
#endif
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setsigmask(&attributes, &none);
	int rc = posix_spawn(pid, p->path, &files, &attributes, argv, envp);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

/* The process of the job's script: as Slurm says it, else what leads our session. 0: it is not known. */
static long batch_script(void)
{
	const char *task = getenv("SLURM_TASK_PID");
	long script      = task ? strtol(task, NULL, 10) : (long)getsid(0);
	return script > 1 && script <= INT32_MAX && kill((pid_t)script, 0) == 0 ? script : 0;
}

static int run_daemon(struct plan *p, const struct start *how, pid_t *pid, struct weft_error *e)
{
	char nodes[16], owner[32], leader[24];
	char *argv[16] = {(char *)"weftd", (char *)"--home", (char *)"--dir", p->dir->path};
	size_t n      = 4;
	if (how->local_nodes > 1) {
		snprintf(nodes, sizeof nodes, "%u", how->local_nodes);
		argv[n++] = (char *)"--local-nodes";
		argv[n++] = nodes;
	}
	if (how->host) {
		argv[n++] = (char *)"--host";
		argv[n++] = (char *)how->host;
	}
	if (how->ports) {
		argv[n++] = (char *)"--ports";
		argv[n++] = (char *)how->ports;
	}
	if (!how->vm)
		argv[n++] = (char *)"--private";
	if (how->batch) { /* a private VM ends with us, another one with the job's script */
		snprintf(leader, sizeof leader, "%ld", how->vm ? batch_script() : 0L);
		argv[n++] = (char *)"--batch";
		argv[n++] = leader;
	}
	snprintf(owner, sizeof owner, "WEFTD_OWNER_FD=%d", OWNER_FD);
	struct environ_list env;
	int rc = environ_copy(&env);
	if (!rc)
		rc = environ_put(&env, owner);
	if (rc)
		weft__err_set(e, rc, "out of memory");
	int why = rc ? 0 : spawn_daemon(p, argv, env.vars, pid);
	if (why)
		rc = weft__err_set(e, WEFT_EIO, "cannot start %s: %s", p->path, strerror(why));
	environ_fini(&env);
	return rc;
}

static void close_log(struct start_daemon *daemon)
{
	if (daemon->log_fd >= 0)
		close(daemon->log_fd);
	daemon->log_fd = -1;
}

static int await_answer(struct session **s, struct start_daemon *daemon, struct weft_error *e)
{
	struct weft_error why;
	bool never = false;
	int rc     = session_welcome(*s, &why);
	if (rc == WEFT_ETIMEDOUT)
		rc = session_wait(*s, &never, UP_MS - SESSION_TIMEOUT_MS, &why);
	if (!rc) {
		vmdir_unlock(&daemon->dir);
		close_log(daemon);
		return 0;
	}
	session_close(s);
	rc = start_explain(daemon, rc, why.text, e);
	start_finish(daemon, 2000);
	return rc;
}

/* Everything but waiting. The folder is there; daemon->pid > 0 when weftd runs. */
static int launch(uv_loop_t *loop, const struct start *how, struct plan *p, struct session **s,
                  struct start_daemon *daemon, struct weft_error *e)
{
	int rc = open_descriptors(p, e);
	if (!rc)
		rc = run_daemon(p, how, &daemon->pid, e);
	if (!rc)
		rc = vmdir_note(&daemon->dir, daemon->pid, e);
	if (p->owner_fd >= 0)
		close(p->owner_fd); /* or the daemon's death would not close our end */
	p->owner_fd = -1;
	if (!rc)
		rc = session_open(loop, &p->session_fd, daemon->dir.path, s, e);
	daemon->log_fd = p->log_fd; /* a daemon that can't start removes the file as well */
	p->log_fd      = -1;
	close_plan(p);
	return rc;
}

/* It ends, under our hands, and has said why by then. */
static void explain_end(struct start_daemon *daemon, int code, struct weft_error *e)
{
	if (proc_wait(daemon->pid, 2000))
		daemon->pid = -1;
	start_explain(daemon, code, e->text, e);
}

int start_vm(uv_loop_t *loop, const struct start *how, struct session **s, struct start_daemon *daemon,
             struct weft_error *e)
{
	struct plan p = {.dir = &daemon->dir, .key_fd = -1, .log_fd = -1, .owner_fd = -1, .session_fd = -1};
	*daemon       = (struct start_daemon){.pid = -1, .log_fd = -1, .dir = {.fd = -1, .base_fd = -1}};
	int rc        = weft__exe_find("node", "weftd", p.path, sizeof p.path, e);
	if (!rc)
		rc = vmdir_create(how->vm, &daemon->dir, e);
	if (rc)
		return rc;
	rc = launch(loop, how, &p, s, daemon, e);
	if (rc && daemon->pid < 0) {
		vmdir_abandon(&daemon->dir);
		close_log(daemon);
	} else if (rc) {
		if (rc == WEFT_ECLOSED || weft__rundir_removed(daemon->dir.fd)) /* by the daemon, which could not start */
			explain_end(daemon, rc, e);
		else
			kill(daemon->pid, SIGTERM);
		start_finish(daemon, 2000);
	}
	else if (how->vm)
		rc = await_answer(s, daemon, e);
	return rc;
}

static bool is_for_people(const char *line)
{
	return strncmp(line, "weftd: ", 7) == 0;
}

/* What a daemon said last to people, else the last line of its log; "" when there is none. Its coordinator, and the log, may
 * have said more after it. */
static void last_words(int fd, char *line, size_t size)
{
	char tail[4096], *said = tail;
	struct stat st;
	ssize_t n = -1;
	if (fd >= 0 && fstat(fd, &st) == 0)
		n = pread(fd, tail, sizeof tail - 1, st.st_size < (off_t)sizeof tail ? 0 : st.st_size - (off_t)sizeof tail + 1);
	while (n > 0 && tail[n - 1] == '\n')
		n--;
	tail[n > 0 ? n : 0] = '\0';
	for (char *at = tail, *newline; at; at = newline ? newline + 1 : NULL) {
		newline = strchr(at, '\n');
		if (is_for_people(at) || !is_for_people(said))
			said = at;
	}
	snprintf(line, size, "%.*s", (int)strcspn(said, "\n"), said);
}

int start_explain(const struct start_daemon *daemon, int code, const char *text, struct weft_error *e)
{
	char why[512], own[160];
	snprintf(own, sizeof own, "%s", text); /* it may be e's */
	last_words(daemon->log_fd, why, sizeof why);
	return weft__err_set(e, code, "cannot start a virtual machine: %s", *why ? why : own);
}

void start_finish(struct start_daemon *daemon, int timeout_ms)
{
	if (daemon->pid > 0 && !proc_wait(daemon->pid, timeout_ms)) {
		kill(daemon->pid, SIGKILL);
		proc_wait(daemon->pid, 1000);
	}
	daemon->pid = -1;
	close_log(daemon);
	vmdir_unlock(&daemon->dir);
	vmdir_remove_stale(daemon->dir.path);
}
