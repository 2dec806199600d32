#include "config.h"

#include "tests/node/rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/exe.h"
#include "base/rundir.h"
#include "node/children.h"
#include "node/folder.h"

extern char **environ;

/* --- folders ------------------------------------------------------------------------------------- */

static void link_program(const struct rig *r, const char *room, const char *name)
{
	char path[4096], link[128];
	assert_int_equal(weft__exe_find(room, name, path, sizeof path, NULL), 0);
	snprintf(link, sizeof link, "%s/%s", r->bin, name);
	assert_int_equal(symlink(path, link), 0);
}

static void write_script(const struct rig *r)
{
	char path[128], text[256];
	snprintf(path, sizeof path, "%s/weft-coord", r->bin);
	int n = snprintf(text, sizeof text, "#!/bin/sh\nexec 3>&-\necho $$ >>%s/coord.pids\ncat >/dev/null\nexec sleep 1000\n",
	                 r->base);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	assert_int_equal(write(fd, text, (size_t)n), n);
	close(fd);
}

void rig_make(struct rig *r, bool real_coord)
{
	*r = (struct rig){.listener = -1, .coord.fd = -1, .owner.fd = -1, .coord.came_fd = -1, .owner.came_fd = -1};
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	strcpy(r->base, "/tmp/weft-test-weftd-XXXXXX");
	assert_non_null(mkdtemp(r->base));
	snprintf(r->dir, sizeof r->dir, "%s/vm", r->base);
	snprintf(r->nodedir, sizeof r->nodedir, "%s/n1", r->dir);
	snprintf(r->bin, sizeof r->bin, "%s/bin", r->base);
	snprintf(r->log, sizeof r->log, "%s/log", r->base);
	assert_int_equal(mkdir(r->dir, 0700), 0);
	assert_int_equal(mkdir(r->bin, 0700), 0);
	unsetenv("WEFT_LIBEXECDIR");
	link_program(r, "node", "weft-taskvm");
	link_program(r, "node", "weftd");
	if (real_coord)
		link_program(r, "coord", "weft-coord");
	else
		write_script(r);
	setenv("WEFT_LIBEXECDIR", r->bin, 1);
}

static void listen_as_coord(struct rig *r)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s/coord.sock", r->dir);
	unlink(address.sun_path);
	r->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(r->listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(r->listener, 8), 0);
}

/* --- the daemon ---------------------------------------------------------------------------------- */

pid_t rig_spawn(struct rig *r, const struct rig_options *o)
{
	char program[128], low[32];
	const char *argv[16] = {"weftd", "--home", "--dir", r->dir, "--listen", "127.0.0.1", "--host", "testhost"};
	size_t n = 8;
	for (size_t i = 0; i < 6 && o->extra[i]; i++)
		argv[n++] = o->extra[i];
	snprintf(program, sizeof program, "%s/weftd", r->bin);
	int key[2], owner[2] = {-1, -1}, log = open(r->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_int_equal(pipe2(key, O_CLOEXEC), 0);
	memset(r->key, 7, sizeof r->key);
	assert_int_equal(write(key[1], r->key, sizeof r->key), sizeof r->key);
	close(key[1]);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, key[0], 0);
	posix_spawn_file_actions_adddup2(&actions, log, 2);
	if (o->with_owner) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, owner), 0);
		posix_spawn_file_actions_adddup2(&actions, owner[1], RIG_FDS);
		snprintf(low, sizeof low, "%d", RIG_FDS);
		setenv("WEFTD_OWNER_FD", low, 1);
		fake_init(&r->owner, owner[0], WEFT__ROLE_TOOL, WEFT__ROLE_NODE);
	}
	pid_t pid = 0;
	if (o->nofile) { /* the hard limit, which the daemon can't raise, must not stick to the test */
		snprintf(low, sizeof low, "%d", o->nofile);
		const char *limited[20] = {"sh", "-c", "ulimit -n $0; exec \"$@\"", low, program};
		memcpy(limited + 5, argv + 1, (n - 1) * sizeof *argv);
		assert_int_equal(posix_spawn(&pid, "/bin/sh", &actions, NULL, (char *const *)limited, environ), 0);
	} else {
		assert_int_equal(posix_spawn(&pid, program, &actions, NULL, (char *const *)argv, environ), 0);
	}
	unsetenv("WEFTD_OWNER_FD");
	posix_spawn_file_actions_destroy(&actions);
	close(key[0]);
	close(log);
	if (o->with_owner)
		close(owner[1]);
	return pid;
}

void rig_beat(struct rig *r, uint64_t heard)
{
	struct weft__msg m = {.code = WEFT__MSG_HEARTBEAT, .heartbeat = {.seq = 1, .seen = r->seen, .heard = heard}};
	fake_send(&r->coord, &m, -1);
}

void rig_confirm(struct rig *r)
{
	r->seen = r->coord.nnumbered;
	rig_beat(r, 0);
}

/* A coordinator that says nothing for some seconds, as a test does that waits for something else, is given up. */
static void beat(void *arg)
{
	struct rig *r = arg;
	if (r->joined && r->coord.fd >= 0)
		rig_beat(r, 0);
}

pid_t rig_daemon(const struct rig *r)
{
	char path[64], name[32];
	int pid = 0, found = 0;
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)r->pid, (long)r->pid);
	FILE *children = fopen(path, "re");
	while (children && !found && fscanf(children, "%d", &pid) == 1) {
		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		FILE *comm = fopen(path, "re");
		if (comm && fscanf(comm, "%31s", name) == 1 && strcmp(name, "weftd") == 0)
			found = pid;
		if (comm)
			fclose(comm);
	}
	if (children)
		fclose(children);
	assert_true(found > 0);
	return found;
}

void rig_kill(pid_t daemon)
{
	char path[64];
	int keeper = 0;
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)daemon);
	FILE *stat = fopen(path, "re");
	assert_non_null(stat);
	assert_int_equal(fscanf(stat, "%*d %*s %*c %d", &keeper), 1);
	fclose(stat);
	assert_true(keeper > 1);
	kill(keeper, SIGKILL);
	kill(daemon, SIGKILL);
}

void rig_join(struct rig *r, uint64_t epoch, uint64_t seen)
{
	struct weft__msg m;
	r->joined = false;
	fake_fini(&r->coord);
	int fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	fake_init(&r->coord, fd, WEFT__ROLE_COORD, WEFT__ROLE_NODE);
	fake_expect(&r->coord, WEFT__MSG_HELLO, &m);
	fake_expect(&r->coord, WEFT__MSG_JOIN, &m);
	assert_int_equal(m.join.node, 1);
	assert_int_equal(m.join.incarnation, 1);
	assert_string_equal(m.join.host.p, "testhost");
	assert_true(m.join.port > 0 && m.join.ncores > 0);
	r->port = (uint16_t)m.join.port;
	struct weft__msg joined = {
	        .code = WEFT__MSG_JOINED,
	        .joined = {.epoch = epoch, .vm = weft__str("vm"), .orphan_ms = 2000, .seen = seen, .peers = r->npeers}};
	fake_send(&r->coord, &joined, -1);
	r->seen = seen;
	r->joined = true;
	fake_meanwhile(beat, r);
}

void rig_start(struct rig *r, const struct rig_options *o)
{
	rig_make(r, o->real_coord);
	if (!o->real_coord)
		listen_as_coord(r);
	r->pid = rig_spawn(r, o);
	if (!o->real_coord)
		rig_join(r, 1, 0);
}

/* --- the end ------------------------------------------------------------------------------------- */

void rig_assert_no_children(void)
{
	pid_t left[8];
	size_t n = children_list(left, 8);
	for (size_t i = 0; i < n; i++) { /* what has ended on its own is only to be reaped */
		int status;
		if (waitpid(left[i], &status, WNOHANG) != left[i])
			fail_msg("process %ld is left", (long)left[i]);
	}
}

void rig_assert_gone(struct rig *r, int status)
{
	int got;
	assert_int_equal(waitpid(r->pid, &got, 0), r->pid);
	r->pid = 0;
	assert_true(WIFEXITED(got));
	assert_int_equal(WEXITSTATUS(got), status);
	rig_assert_no_children();
	struct stat st;
	assert_int_equal(stat(r->dir, &st), -1);
}

void rig_end(struct rig *r)
{
	fake_meanwhile(NULL, NULL);
	pid_t left[256];
	for (size_t n; (n = children_list(left, 256)) > 0;) {
		for (size_t i = 0; i < n; i++)
			kill(left[i], SIGKILL);
		wait(NULL);
	}
	if (r->listener >= 0)
		close(r->listener);
	fake_fini(&r->coord);
	fake_fini(&r->owner);
	int fd = open(r->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder_empty(fd, NULL);
	close(fd);
	rmdir(r->base);
	unsetenv("WEFT_LIBEXECDIR");
}

int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	rig_start(r, &(struct rig_options){0});
	*state = r;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *r = *state;
	rig_end(r);
	free(r);
	return 0;
}

/* --- the coordinator's script, and the log ------------------------------------------------------- */

pid_t rig_coord_pid(const struct rig *r, int nth)
{
	char path[128], text[256] = {0};
	snprintf(path, sizeof path, "%s/coord.pids", r->base);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	close(fd);
	char *line = text;
	for (int i = 1; i < nth && line; i++)
		line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL;
	return n > 0 && line ? (pid_t)atoi(line) : 0;
}

pid_t rig_coord_wait(const struct rig *r, int nth)
{
	pid_t pid = 0;
	uint64_t deadline = weft__deadline(20000);
	while (!(pid = rig_coord_pid(r, nth)) && weft__deadline_left_ms(deadline))
		poll(NULL, 0, 5);
	assert_true(pid > 0);
	return pid;
}

void rig_send_halt(struct rig *r)
{
	struct weft__msg m = {.code = WEFT__MSG_HALT};
	int last = 1;
	rig_coord_wait(r, 1);
	while (rig_coord_pid(r, last + 1))
		last++;
	fake_send(&r->coord, &m, -1);
	kill(rig_coord_pid(r, last), SIGTERM);
}

void rig_halt(struct rig *r)
{
	rig_send_halt(r);
	rig_assert_gone(r, 0);
}

int rig_logged(const struct rig *r, const char *text)
{
	static char log[1 << 20];
	int fd = open(r->log, O_RDONLY | O_CLOEXEC), count = 0;
	ssize_t n = read(fd, log, sizeof log - 1);
	close(fd);
	log[n < 0 ? 0 : n] = '\0';
	for (const char *p = log; (p = strstr(p, text)); p++)
		count++;
	return count;
}

/* --- talking ------------------------------------------------------------------------------------- */

void rig_connect(struct rig *r, struct fake *f, enum weft__role as)
{
	struct weft_error e;
	int fd = weft__rundir_connect(r->nodedir, "sock", &e);
	if (fd < 0)
		fail_msg("%s", e.text);
	fake_init(f, fd, as, WEFT__ROLE_NODE);
}

void rig_tool(struct rig *r, struct fake *tool, uint64_t *client)
{
	struct weft__msg m = {.code = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION,
	                                .release = weft__str("test"),
	                                .role = WEFT__ROLE_TOOL,
	                                .pid = (uint64_t)getpid(),
	                                .name = weft__str("test")}};
	if (!tool->packet)
		rig_connect(r, tool, WEFT__ROLE_TOOL);
	fake_send(tool, &m, -1);
	fake_expect(tool, WEFT__MSG_WELCOME, &m);
	assert_int_equal(m.welcome.node, 1);
	if (r->coord.fd < 0)
		return;
	do
		fake_expect(&r->coord, WEFT__MSG_CLIENT_OPEN, &m);
	while (m.client_open.role != WEFT__ROLE_TOOL); /* a task may have come as well */
	if (client)
		*client = m.client_open.client;
}

uint64_t rig_tid(uint64_t job, uint64_t rank)
{
	return (UINT64_C(1) << WEFT__LOCAL_BITS) + job * 1000 + rank + 1;
}

void rig_team(struct rig *r, uint64_t job, uint64_t size)
{
	uint64_t tids[1000];
	for (uint64_t i = 0; i < size; i++)
		tids[i] = rig_tid(job, i) | r->generation << WEFT__SLOT_BITS;
	struct weft__msg m = {.code = WEFT__MSG_TEAM, .team = {.job = job, .size = size, .tids = {tids, size}}};
	fake_send(&r->coord, &m, -1);
}

void rig_launch(struct rig *r, const struct rig_launch *l)
{
	uint64_t tids[1000], ranks[1000], ntasks = l->ntasks ? l->ntasks : 1;
	struct weft__str argv[8], env[1] = {weft__str("PATH=/usr/bin:/bin")};
	size_t argc = 0;
	for (; l->argv[argc]; argc++)
		argv[argc] = weft__str(l->argv[argc]);
	for (uint64_t i = 0; i < ntasks; i++) {
		ranks[i] = l->first + i;
		tids[i] = rig_tid(l->job, ranks[i]) | r->generation << WEFT__SLOT_BITS;
	}
	if (!l->first)
		rig_team(r, l->job, ntasks + (l->more ? 1 : 0));
	struct weft__msg m = {.code = WEFT__MSG_LAUNCH,
	                      .launch = {.job = l->job,
	                                 .size = ntasks,
	                                 .flags = l->flags,
	                                 .sink_node = 1,
	                                 .sink_client = l->client,
	                                 .last = !l->more,
	                                 .argv = {argv, argc},
	                                 .env = {env, 1},
	                                 .tids = {tids, ntasks},
	                                 .ranks = {ranks, ntasks}}};
	fake_send(&r->coord, &m, -1);
}

void rig_launch_readers(struct rig *r, uint64_t client)
{
	rig_launch(r, &(struct rig_launch){.job = 1, .client = client, .flags = WEFT__SPAWN_STDIN, .ntasks = 2,
	                                   .argv = {"sh", "-c", "read x; echo \"$WEFT_RANK<$x>\""}});
}

void rig_expect_read(struct fake *tool, const char *line)
{
	char expected[2][64] = {"", "1<>\n"};
	struct weft__msg m;
	snprintf(expected[0], sizeof expected[0], "0<%s>\n", line);
	for (int i = 0; i < 2; i++) {
		fake_expect(tool, WEFT__MSG_OUTPUT, &m);
		assert_in_range(m.output.rank, 0, 1);
		const char *said = expected[m.output.rank];
		assert_int_equal(m.output.bytes.n, strlen(said));
		assert_memory_equal(m.output.bytes.p, said, strlen(said));
	}
}
