/* weft-taskvm, with the test in weftd's place at the other end of its socket. */
#include "config.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/exe.h"
#include "node/children.h"
#include "tests/base/test.h"
#include "tests/node/fake.h"

extern char **environ;

enum { JOB = 7, NODE = 1, TIDS_MAX = 1024 };

struct rig {
	struct fake vm;
	pid_t pid;
	char dir[64];
};

static void rig_start(struct rig *r, const char *orphan_ms, bool with_job)
{
	strcpy(r->dir, "/tmp/weft-test-taskvm-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	char program[4096], dir[] = "--dir", job[] = "--job", seven[] = "7", node[] = "--node", one[] = "1",
	     host[] = "--host", name[] = "testhost", orphan[] = "--orphan-ms", ms[32];
	assert_int_equal(weft__exe_find("node", "weft-taskvm", program, sizeof program, NULL), 0);
	snprintf(ms, sizeof ms, "%s", orphan_ms);
	char *argv[] = {program, dir, r->dir, node, one, host, name, orphan, ms, with_job ? job : NULL, seven, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
	setenv("WEFT_TASKVM_FD", "3", 1);
	int rc = posix_spawn(&r->pid, program, &actions, NULL, argv, environ);
	unsetenv("WEFT_TASKVM_FD");
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	assert_int_equal(rc, 0);
	fake_init(&r->vm, ends[0], WEFT__ROLE_NODE, WEFT__ROLE_TASKVM);
	struct weft__msg m;
	fake_expect(&r->vm, WEFT__MSG_HELLO, &m);
	assert_int_equal(m.hello.job, with_job ? JOB : 0);
	assert_int_equal(m.hello.role, WEFT__ROLE_TASKVM);
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	assert_non_null(r);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	rig_start(r, "60000", true);
	*state = r;
	return 0;
}

/* The task VM has ended by itself and left no process: all that it adopted is ours now, and there is nothing. */
static void assert_gone(struct rig *r)
{
	int status;
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	r->pid = 0;
	pid_t left[8];
	assert_int_equal(children_list(left, 8), 0);
}

static int teardown(void **state)
{
	struct rig *r = *state;
	if (r->pid) {
		kill(r->pid, SIGTERM);
		waitpid(r->pid, NULL, 0);
	}
	pid_t left[64];
	for (size_t n; (n = children_list(left, 64)) > 0;) {
		for (size_t i = 0; i < n; i++)
			kill(left[i], SIGKILL);
		wait(NULL);
	}
	fake_fini(&r->vm);
	rmdir(r->dir);
	free(r);
	return 0;
}

struct asked {
	const char *argv[8], *env[8];
	const char *wdir;
	size_t ntasks;
	uint64_t first_rank, flags;
	bool more; /* more LAUNCH will come */
};

static struct weft__strs strings(const char *const *from, struct weft__str *room)
{
	size_t n = 0;
	for (; from[n]; n++)
		room[n] = weft__str(from[n]);
	return (struct weft__strs){room, n};
}

static uint64_t tid_of(uint64_t rank)
{
	return (UINT64_C(1) << 17) + 1 + rank;
}

static void launch(struct rig *r, const struct asked *a)
{
	static uint64_t tids[TIDS_MAX], ranks[TIDS_MAX];
	struct weft__str argv[8], env[8];
	size_t ntasks = a->ntasks ? a->ntasks : 1;
	for (size_t i = 0; i < ntasks; i++) {
		ranks[i] = a->first_rank + i;
		tids[i] = tid_of(ranks[i]);
	}
	const char *const *given = a->env[0] ? a->env : (const char *const[]){"PATH=/usr/bin:/bin", NULL};
	struct weft__msg m = {.code = WEFT__MSG_LAUNCH,
	                      .launch = {.job = JOB,
	                                 .size = ntasks,
	                                 .flags = a->flags,
	                                 .last = !a->more,
	                                 .wdir = weft__str(a->wdir),
	                                 .argv = strings(a->argv, argv),
	                                 .env = strings(given, env),
	                                 .tids = {tids, ntasks},
	                                 .ranks = {ranks, ntasks}}};
	fake_send(&r->vm, &m, -1);
}

static void until_gone(struct rig *r)
{
	struct weft__msg m;
	while (fake_next(&r->vm, &m))
		fake_acknowledge(&r->vm, &m);
	assert_gone(r);
}

/* What comes before it is acknowledged: a task VM waits for that at its end. */
static void expect_exited(struct rig *r, struct weft__msg *m)
{
	do {
		assert_true(fake_next(&r->vm, m));
		fake_acknowledge(&r->vm, m);
	} while (m->code != WEFT__MSG_EXITED);
}

static void send_signal(struct rig *r, uint64_t tid, int signo)
{
	struct weft__msg m = {.code = WEFT__MSG_TASK_SIGNAL,
	                      .task_signal = {.tid = tid, .job = JOB, .signo = (uint64_t)signo}};
	fake_send(&r->vm, &m, -1);
}

/* What one stream of one rank wrote until OUTPUT_END of that rank, as a text. */
static void collect(struct rig *r, int stream, char *text, size_t size, struct weft__msg_exited *exited)
{
	size_t n = 0;
	bool ended = false, exit_seen = false;
	struct weft__msg m;
	while (!ended || !exit_seen) {
		assert_true(fake_next(&r->vm, &m));
		fake_acknowledge(&r->vm, &m);
		if (m.code == WEFT__MSG_OUTPUT && m.output.stream == (uint64_t)stream) {
			assert_true(n + m.output.bytes.n < size);
			memcpy(text + n, m.output.bytes.p, m.output.bytes.n);
			n += m.output.bytes.n;
		} else if (m.code == WEFT__MSG_EXITED) {
			exit_seen = true;
			if (exited)
				*exited = m.exited;
		} else if (m.code == WEFT__MSG_OUTPUT_END) {
			ended = true;
		}
	}
	text[n] = '\0';
}

static void a_task_starts_writes_and_ends(void **state)
{
	struct rig *r = *state;
	char text[256];
	struct weft__msg_exited exited;
	launch(r, &(struct asked){.argv = {"sh", "-c", "echo out; echo err >&2; exit 3"}});
	struct weft__msg m;
	fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	assert_int_equal(m.started.tid, tid_of(0));
	assert_true(m.started.pid > 1);
	assert_int_equal(r->vm.came_fd, -1);
	collect(r, 1, text, sizeof text, &exited);
	assert_string_equal(text, "out\n");
	assert_int_equal(exited.exit_code, 3);
	assert_int_equal(exited.signo, 0);
	assert_true(exited.maxrss_kib > 0);
	assert_false(fake_next(&r->vm, &m));
	assert_gone(r);
}

/* Also of a task that ends at once. */
static void a_control_socket_comes_when_the_task_speaks(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	char text[16];
	launch(r, &(struct asked){.argv = {"sh", "-c", "echo hello >&3"}});
	fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	do
		assert_true(fake_next(&r->vm, &m) && m.code != WEFT__MSG_EXITED);
	while (m.code != WEFT__MSG_TASK_SPEAKS);
	assert_int_equal(m.task_speaks.tid, tid_of(0));
	assert_true(r->vm.came_fd >= 0);
	assert_int_equal(recv(r->vm.came_fd, text, sizeof text, MSG_DONTWAIT), 6);
	assert_memory_equal(text, "hello\n", 6);
	fake_expect(&r->vm, WEFT__MSG_EXITED, &m);
}

/* Has a process ended, whose parent has not looked yet? */
static bool is_zombie(uint64_t pid)
{
	char name[64], state = '?';
	snprintf(name, sizeof name, "/proc/%llu/stat", (unsigned long long)pid);
	FILE *f = fopen(name, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state == 'Z';
}

static uint64_t cpu_ns(pid_t pid)
{
	clockid_t clock;
	struct timespec t;
	assert_int_equal(clock_getcpuclockid(pid, &clock), 0);
	assert_int_equal(clock_gettime(clock, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The task VM hears of both at once, as it was stopped meanwhile. */
static void words_of_a_task_that_has_ended_keep_nobody_busy(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	int status;
	launch(r, &(struct asked){.argv = {"sh", "-c", "kill -STOP $$; kill -STOP $PPID; echo hello >&3"}, .more = true});
	fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	uint64_t task = m.started.pid;
	const uint64_t until = weft__clock_ns() + UINT64_C(20000000000);
	for (; waitpid(r->pid, &status, WUNTRACED | WNOHANG) != r->pid; usleep(1000))
		assert_true(weft__clock_ns() < until && kill((pid_t)task, SIGCONT) == 0);
	assert_true(WIFSTOPPED(status));
	for (; !is_zombie(task); usleep(1000))
		assert_true(weft__clock_ns() < until && kill((pid_t)task, SIGCONT) == 0);
	assert_int_equal(kill(r->pid, SIGCONT), 0);
	int words = -1; /* which nobody reads */
	for (bool exited = false, ended = false; !exited || !ended || words < 0;) {
		assert_true(fake_next(&r->vm, &m));
		if (m.code == WEFT__MSG_TASK_SPEAKS)
			words = dup(r->vm.came_fd);
		exited |= m.code == WEFT__MSG_EXITED;
		ended |= m.code == WEFT__MSG_OUTPUT_END;
	}
	uint64_t before = cpu_ns(r->pid);
	assert_true(fake_silent(&r->vm, 200));
	assert_true(cpu_ns(r->pid) - before < 50000000);
	close(words);
}

static void a_silent_task_keeps_its_control_socket(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"sh", "-c", "exec 3>&-; echo done"}});
	while (fake_next(&r->vm, &m)) {
		assert_int_not_equal(m.code, WEFT__MSG_TASK_SPEAKS);
		fake_acknowledge(&r->vm, &m);
	}
	assert_gone(r);
}

static void the_signal_that_ended_a_task_is_told(void **state)
{
	struct rig *r = *state;
	char text[256];
	struct weft__msg_exited exited;
	launch(r, &(struct asked){.argv = {"sh", "-c", "kill -9 $$"}});
	collect(r, 1, text, sizeof text, &exited);
	assert_int_equal(exited.exit_code, -1);
	assert_int_equal(exited.signo, SIGKILL);
	assert_gone(r);
}

static void a_task_knows_who_it_is_and_where(void **state)
{
	struct rig *r = *state;
	char text[512];
	launch(r, &(struct asked){
	                  .argv = {"sh", "-c", "echo $WEFT_FD $WEFT_RANK $WEFT_SIZE $WEFT_JOB $WEFT_NODE $FOO $PWD; "
	                                       "pwd; env | grep -c WEFT_TASKVM_FD"},
	                  .env  = {"PATH=/usr/bin:/bin", "FOO=bar", "WEFT_RANK=99", "WEFT_TASKVM_FD=9", "PWD=/x"},
	                  .wdir = "/usr"});
	collect(r, 1, text, sizeof text, NULL);
	assert_string_equal(text, "3 0 1 7 1 bar /usr\n/usr\n0\n");
	assert_gone(r);
}

static void a_task_inherits_its_standard_descriptors_and_weft_fd(void **state)
{
	struct rig *r = *state;
	char text[256];
	launch(r, &(struct asked){.argv = {"ls", "/proc/self/fd"}});
	collect(r, 1, text, sizeof text, NULL);
	assert_string_equal(text, "0\n1\n2\n3\n4\n"); /* 4 is what ls reads */
	assert_gone(r);
}

static void a_task_starts_with_default_signals_in_its_own_group(void **state)
{
	struct rig *r = *state;
	char text[256];
	unsigned long long blocked, ignored;
	launch(r, &(struct asked){.argv = {"grep", "-hoE", "^Sig(Blk|Ign).*", "/proc/self/status"}, .more = true});
	collect(r, 1, text, sizeof text, NULL);
	assert_int_equal(sscanf(text, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~(3ull << 31), 0); /* 32 and 33 are the C library's own */
	launch(r, &(struct asked){.argv = {"sh", "-c", "read pid name state ppid pgrp rest </proc/self/stat; "
	                                               "test $pgrp = $$ && cat"},
	                          .first_rank = 1});
	struct weft__msg_exited exited;
	collect(r, 1, text, sizeof text, &exited);
	assert_int_equal(exited.exit_code, 0);
	assert_gone(r);
}

static void limits_of_a_task_are_the_users(void **state)
{
	struct rig *r = *state;
	char text[128], expected[128];
	FILE *f = popen("ulimit -S -n; ulimit -S -c", "r");
	size_t n = fread(expected, 1, sizeof expected - 1, f);
	expected[n] = '\0';
	pclose(f);
	launch(r, &(struct asked){.argv = {"sh", "-c", "ulimit -S -n; ulimit -S -c"}});
	collect(r, 1, text, sizeof text, NULL);
	assert_string_equal(text, expected);
	assert_gone(r);
}

static void expect_failure(struct rig *r, const struct asked *a, int code, const char *part)
{
	struct weft__msg m;
	launch(r, a);
	fake_expect(&r->vm, WEFT__MSG_START_FAILED, &m);
	assert_int_equal(m.start_failed.code, code);
	if (!strstr(m.start_failed.text.p, part) || !strstr(m.start_failed.text.p, "testhost"))
		fail_msg("'%s' lacks '%s' or the host", m.start_failed.text.p, part);
}

static void a_program_that_cannot_start_says_why(void **state)
{
	struct rig *r = *state;
	uint64_t rank = 0;
	expect_failure(r, &(struct asked){.argv = {"no-such-program"}, .more = true, .first_rank = rank++}, WEFT_ENOFILE,
	               "cannot start \"no-such-program\": not found in PATH");
	expect_failure(r, &(struct asked){.argv = {"./nothing"}, .more = true, .first_rank = rank++}, WEFT_ENOFILE,
	               "no such file");
	expect_failure(r, &(struct asked){.argv = {"./nothing"}, .wdir = "/usr", .more = true, .first_rank = rank++},
	               WEFT_ENOFILE, "no such file in /usr");
	expect_failure(r, &(struct asked){.argv = {"/usr"}, .more = true, .first_rank = rank++}, WEFT_ENOEXEC,
	               "directory");
	expect_failure(r, &(struct asked){.argv = {"/etc/passwd"}, .more = true, .first_rank = rank++}, WEFT_ENOEXEC,
	               "not executable");
	expect_failure(r, &(struct asked){.argv = {""}, .more = true, .first_rank = rank++}, WEFT_ENOFILE, "\"\"");
	expect_failure(r, &(struct asked){.argv = {"true"}, .wdir = "/no/such", .more = true, .first_rank = rank++},
	               WEFT_EINVAL, "/no/such");
	expect_failure(r, &(struct asked){.argv = {"true"}, .wdir = "/etc/passwd", .first_rank = rank++}, WEFT_EINVAL,
	               "/etc/passwd");
	assert_gone(r);
}

static void write_file(const char *path, const void *bytes, size_t nbytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, nbytes), nbytes);
	close(fd);
}

static void a_script_without_a_first_line_runs_and_garbage_does_not(void **state)
{
	struct rig *r = *state;
	char script[128], garbage[128], bad[128], text[64];
	struct weft__msg_exited exited;
	snprintf(script, sizeof script, "%s/script", r->dir);
	snprintf(garbage, sizeof garbage, "%s/garbage", r->dir);
	snprintf(bad, sizeof bad, "%s/bad", r->dir);
	write_file(script, "echo $1; exit 4\n", 16);
	write_file(garbage, "\x7f\0\1\2", 4);
	write_file(bad, "#!/no/such/interpreter\n", 23);
	expect_failure(r, &(struct asked){.argv = {garbage}, .more = true, .first_rank = 1}, WEFT_ENOEXEC, "not a program");
	expect_failure(r, &(struct asked){.argv = {bad}, .more = true, .first_rank = 2}, WEFT_ENOFILE, "interpreter");
	launch(r, &(struct asked){.argv = {"./script", "yes"}, .wdir = r->dir});
	collect(r, 1, text, sizeof text, &exited);
	assert_string_equal(text, "yes\n");
	assert_int_equal(exited.exit_code, 4);
	unlink(script);
	unlink(garbage);
	unlink(bad);
	assert_gone(r);
}

static void five_hundred_tasks_all_end_and_no_descriptor_stays(void **state)
{
	struct rig *r = *state;
	enum { NTASKS = 500 };
	size_t started = 0, exited = 0, ended = 0;
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"sleep", "1000"}, .more = true, .first_rank = NTASKS});
	fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	int before = fake_count_fds(r->pid);
	launch(r, &(struct asked){.argv = {"true"}, .ntasks = NTASKS});
	while (started < NTASKS || exited < NTASKS || ended < NTASKS) {
		assert_true(fake_next(&r->vm, &m));
		fake_acknowledge(&r->vm, &m);
		started += m.code == WEFT__MSG_STARTED;
		exited += m.code == WEFT__MSG_EXITED && m.exited.exit_code == 0;
		ended += m.code == WEFT__MSG_OUTPUT_END;
	}
	assert_int_equal(fake_await_fds(r->pid, before), before);
	send_signal(r, 0, SIGKILL);
	expect_exited(r, &m);
	assert_int_equal(m.exited.signo, SIGKILL);
	until_gone(r);
}

/* Where threads start them, a table of descriptors that grows would stop them all meanwhile. */
static void there_is_room_for_all_descriptors_before_the_first_of_many_tasks_starts(void **state)
{
	struct rig *r = *state;
	enum { NTASKS = 80 };
	struct weft__msg m;
	cpu_set_t ours;
	if (sched_getaffinity(0, sizeof ours, &ours) || CPU_COUNT(&ours) < 2)
		skip_because("on one core one thread starts all tasks");
	launch(r, &(struct asked){.argv = {"sh", "-c", "while read what size; do case $what in FDSize:) test $size -gt 256; exit;; esac; "
	                                               "done </proc/$PPID/status; exit 2"},
	                          .ntasks = NTASKS});
	for (size_t exited = 0; exited < NTASKS; exited++) {
		expect_exited(r, &m);
		assert_int_equal(m.exited.exit_code, 0);
	}
	until_gone(r);
}

static void many_tasks_may_use_all_processors_that_their_node_may(void **state)
{
	struct rig *r = *state;
	enum { NTASKS = 16 };
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"sh", "-c", "test \"$(grep Cpus_allowed: /proc/self/status)\" = "
	                                               "\"$(grep Cpus_allowed: /proc/$PPID/status)\""},
	                          .ntasks = NTASKS});
	for (size_t exited = 0; exited < NTASKS; exited++) {
		expect_exited(r, &m);
		assert_int_equal(m.exited.exit_code, 0);
	}
	until_gone(r);
}

static void a_reader_that_stops_stops_the_writers(void **state)
{
	struct rig *r = *state;
	size_t came = 0, total = 0;
	struct weft__msg m;
	bool exited[2] = {false, false};
	launch(r, &(struct asked){.argv = {"head", "-c", "3000000", "/dev/zero"}, .ntasks = 2});
	while (came < WEFT__OUTPUT_WINDOW) {
		assert_true(fake_next(&r->vm, &m));
		if (m.code == WEFT__MSG_OUTPUT)
			came += m.output.bytes.n;
	}
	assert_true(fake_silent(&r->vm, 200));
	assert_true(came < WEFT__OUTPUT_WINDOW + 32768);
	fake_acknowledge(&r->vm, &m);
	for (total = came; !exited[0] || !exited[1] || total < 6000000;) {
		assert_true(fake_next(&r->vm, &m));
		fake_acknowledge(&r->vm, &m);
		if (m.code == WEFT__MSG_OUTPUT) {
			total += m.output.bytes.n;
		} else if (m.code == WEFT__MSG_EXITED) {
			exited[m.exited.tid - tid_of(0)] = true;
		}
	}
	assert_int_equal(total, 6000000);
	until_gone(r);
}

/* Skips to the end of the output, and says where in the order that is. */
static uint64_t output_ends_at(struct rig *r, struct weft__msg *m)
{
	fake_expect(&r->vm, WEFT__MSG_OUTPUT_END, m);
	return m->output_end.offset;
}

static void output_is_kept_until_it_is_acknowledged(void **state)
{
	struct rig *r = *state;
	struct weft__msg m, first, again = {.code = WEFT__MSG_OUTPUT_AGAIN};
	launch(r, &(struct asked){.argv = {"sh", "-c", "echo one; read x; echo two"}, .flags = WEFT__SPAWN_STDIN});
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &first);
	fake_send(&r->vm, &again, -1);
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	assert_int_equal(m.output.offset, 0);
	assert_int_equal(m.output.bytes.n, 4);
	fake_acknowledge(&r->vm, &m);
	struct weft__msg more = {.code = WEFT__MSG_STDIN, .stdin_bytes = {.job = JOB, .end = 1}};
	fake_send(&r->vm, &more, -1);
	assert_int_equal(output_ends_at(r, &m), 8);
	fake_send(&r->vm, &again, -1);
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	assert_int_equal(m.output.offset, 4); /* the rest alone */
	assert_int_equal(output_ends_at(r, &m), 8);
	fake_acknowledge(&r->vm, &m);
	until_gone(r);
}

/* The daemon died between TEAM and LAUNCH: the next one is told to launch, and must find no trace of the job. */
static void one_that_was_told_to_launch_nothing_ends_with_the_daemon(void **state)
{
	struct rig *r = *state;
	uint64_t tids[] = {tid_of(0)};
	struct weft__msg team = {.code = WEFT__MSG_TEAM, .team = {.job = JOB, .size = 1, .tids = {tids, 1}}};
	kill(r->pid, SIGTERM);
	assert_gone(r);
	fake_fini(&r->vm);
	rmdir(r->dir);
	rig_start(r, "60000", false);
	fake_send(&r->vm, &team, -1);
	close(r->vm.fd);
	r->vm.fd = -1;
	assert_gone(r);
}

static void move_output(struct rig *r, uint64_t node, uint64_t client, int64_t code)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_MOVE,
	                      .output_move = {.req = 5,
	                                      .asker = 6,
	                                      .job = JOB,
	                                      .tid = tid_of(0),
	                                      .sink_node = node,
	                                      .sink_client = client,
	                                      .context = 7,
	                                      .tag = -8}};
	fake_send(&r->vm, &m, -1);
	fake_expect(&r->vm, WEFT__MSG_OUTPUT_MOVED, &m); /* what is before it comes once more */
	assert_int_equal(m.output_moved.req, 5);
	assert_int_equal(m.output_moved.asker, 6);
	assert_int_equal(m.output_moved.code, code);
}

static void output_that_goes_elsewhere_is_counted_there(void **state)
{
	struct rig *r = *state;
	struct weft__msg m, begin, again = {.code = WEFT__MSG_OUTPUT_AGAIN},
	                           more = {.code = WEFT__MSG_STDIN, .stdin_bytes = {.job = JOB, .bytes = {"x\n", 2}}};
	launch(r, &(struct asked){.argv = {"sh", "-c", "echo one; read x; echo two; read x; echo three"}, .flags = WEFT__SPAWN_STDIN});
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	move_output(r, 3, 44, 0);
	fake_send(&r->vm, &again, -1);
	assert_int_equal(output_ends_at(r, &m), 4); /* where it went before */
	assert_int_equal(m.output_end.sink, 0);
	fake_expect(&r->vm, WEFT__MSG_OUTPUT_BEGIN, &begin);
	assert_int_equal(begin.output_begin.offset, 0);
	assert_int_equal(begin.output_begin.sink_node, 3);
	assert_int_equal(begin.output_begin.sink_client, 44);
	assert_int_equal(begin.output_begin.context, 7);
	assert_int_equal(begin.output_begin.tag, -8);
	fake_acknowledge(&r->vm, &m);
	fake_send(&r->vm, &more, -1);
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	assert_int_equal(m.output.offset, 1);
	assert_int_equal(m.output.sink, begin.output_begin.sink);
	fake_acknowledge(&r->vm, &m);
	move_output(r, 3, 44, 0); /* once more: nothing happens */
	move_output(r, 0, 0, 0);
	more.stdin_bytes.offset = 2;
	fake_send(&r->vm, &more, -1);
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	assert_int_equal(m.output.sink, 0);
	assert_int_equal(m.output.offset, 5);
	assert_int_equal(m.output.bytes.n, 6);
	fake_acknowledge(&r->vm, &m);
	fake_send(&r->vm, &again, -1);
	for (bool there = false, here = false; !there || !here;) { /* of the first, that sink was not told yet */
		uint64_t at = output_ends_at(r, &m);
		there |= m.output_end.sink == begin.output_begin.sink && at == 5;
		here |= m.output_end.sink == 0 && at == 11;
	}
	until_gone(r);
}

static void a_noisy_task_does_not_starve_a_quiet_one(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"yes"}, .more = true});
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	fake_acknowledge(&r->vm, &m);
	launch(r, &(struct asked){.argv = {"echo", "quiet"}, .first_rank = 1});
	size_t noise = 0;
	for (;;) {
		fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
		fake_acknowledge(&r->vm, &m);
		if (m.output.rank == 1)
			break;
		noise += m.output.bytes.n;
		assert_true(noise < 64 << 20);
	}
	send_signal(r, tid_of(0), SIGTERM);
	until_gone(r);
}

static void what_tasks_leave_behind_is_killed(void **state)
{
	struct rig *r = *state;
	char text[64];
	launch(r, &(struct asked){.argv = {"sh", "-c",
	                                   "setsid sh -c 'sleep 1000 & sleep 1000' & (sleep 1000; echo late) & echo done"}});
	collect(r, 1, text, sizeof text, NULL);
	assert_string_equal(text, "done\n");
	assert_gone(r);
}

static void signals_reach_the_whole_process_group(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	char text[64];
	struct weft__msg_exited exited;
	launch(r, &(struct asked){.argv = {"sh", "-c", "trap 'echo caught; exit 5' USR1; echo ready; sleep 1000 & wait"}});
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &m);
	send_signal(r, tid_of(0), SIGUSR1);
	collect(r, 1, text, sizeof text, &exited);
	assert_string_equal(text, "caught\n");
	assert_int_equal(exited.exit_code, 5);
	assert_gone(r);
}

static void rank_0_reads_what_the_tool_sends(void **state)
{
	struct rig *r = *state;
	char text[64];
	struct weft__msg m = {.code = WEFT__MSG_STDIN, .stdin_bytes = {.job = JOB, .bytes = {"one\n", 4}}};
	launch(r, &(struct asked){.argv = {"sh", "-c", "cat; echo end"}, .ntasks = 1, .flags = WEFT__SPAWN_STDIN});
	fake_send(&r->vm, &m, -1);
	m.stdin_bytes.bytes = (struct weft__bin){"two\n", 4};
	m.stdin_bytes.end = 1;
	m.stdin_bytes.offset = 4;
	struct weft__msg early = m;
	early.stdin_bytes.offset = 8; /* something before it is missing */
	early.stdin_bytes.bytes.n = 0;
	fake_send(&r->vm, &early, -1);
	fake_send(&r->vm, &m, -1);
	fake_send(&r->vm, &m, -1); /* said twice, it counts once */
	collect(r, 1, text, sizeof text, NULL);
	assert_string_equal(text, "one\ntwo\nend\n");
	assert_gone(r);
}

static void input_that_nobody_reads_is_acknowledged(void **state)
{
	struct rig *r = *state;
	struct weft__msg m = {.code = WEFT__MSG_STDIN, .stdin_bytes = {.job = JOB, .bytes = {"one\n", 4}}};
	launch(r, &(struct asked){.argv = {"sh", "-c", "exec <&-; echo closed; sleep 1000"}, .flags = WEFT__SPAWN_STDIN});
	struct weft__msg got;
	fake_expect(&r->vm, WEFT__MSG_OUTPUT, &got);
	fake_send(&r->vm, &m, -1);
	fake_expect(&r->vm, WEFT__MSG_STDIN_ACK, &got);
	assert_int_equal(got.stdin_ack.taken, 4);
	send_signal(r, 0, SIGKILL);
	until_gone(r);
}

static void rank_0_takes_the_descriptor_of_the_tool(void **state)
{
	struct rig *r = *state;
	char text[64];
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "line 1\nline 2\n", 14), 14);
	struct weft__msg m = {.code = WEFT__MSG_STDIN, .stdin_bytes = {.job = JOB}};
	fake_send(&r->vm, &m, ends[0]);
	launch(r, &(struct asked){.argv = {"sh", "-c", "read a; echo got $a"}, .flags = WEFT__SPAWN_STDIN});
	collect(r, 1, text, sizeof text, NULL);
	assert_string_equal(text, "got line 1\n");
	char rest[16] = {0};
	assert_int_equal(read(ends[0], rest, 15), 7); /* the task took its line and no more */
	assert_string_equal(rest, "line 2\n");
	close(ends[0]);
	close(ends[1]);
	assert_gone(r);
}

static void sigterm_kills_all_and_ends(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"sh", "-c", "trap '' TERM INT HUP; setsid sleep 1000 & sleep 1000"}, .ntasks = 4});
	for (int i = 0; i < 4; i++)
		fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	kill(r->pid, SIGTERM);
	assert_gone(r);
}

static void without_weftd_all_ends_after_the_orphan_time(void **state)
{
	struct rig *r = *state;
	kill(r->pid, SIGTERM);
	assert_gone(r);
	fake_fini(&r->vm);
	rmdir(r->dir);
	rig_start(r, "300", true);
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"sleep", "1000"}, .ntasks = 3});
	for (int i = 0; i < 3; i++)
		fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	uint64_t before = weft__clock_ns();
	close(r->vm.fd);
	r->vm.fd = -1;
	assert_gone(r);
	assert_true(weft__clock_ns() - before >= 299 * 1000000ull); /* the loop counts whole milliseconds */
}

static void frames_of_weftd_that_come_together_are_all_taken(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	struct weft__buf packet = {0};
	uint64_t signals = 0;
	launch(r, &(struct asked){.argv = {"sleep", "1000"}, .ntasks = 2});
	fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	fake_expect(&r->vm, WEFT__MSG_STARTED, &m);
	for (uint64_t rank = 0; rank < 2; rank++) {
		m = (struct weft__msg){.code = WEFT__MSG_TASK_SIGNAL,
		                       .task_signal = {.tid = tid_of(rank), .job = JOB, .signo = rank ? SIGTERM : SIGKILL}};
		assert_int_equal(weft__msg_encode(&packet, &m, NULL), 0);
	}
	fake_send_raw(&r->vm, packet.data, packet.len);
	weft__buf_fini(&packet);
	for (int i = 0; i < 2; i++) {
		expect_exited(r, &m);
		signals |= m.exited.signo << (m.exited.tid == tid_of(1) ? 8 : 0);
	}
	assert_int_equal(signals, SIGTERM << 8 | SIGKILL);
	until_gone(r);
}

static void garbage_from_weftd_counts_as_a_lost_connection(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	fake_send_raw(&r->vm, "rubbish", 7);
	assert_false(fake_next(&r->vm, &m));
	kill(r->pid, SIGTERM);
	assert_gone(r);
}

static void a_killed_job_starts_no_more_tasks(void **state)
{
	struct rig *r = *state;
	enum { NTASKS = 200 };
	struct weft__msg m;
	launch(r, &(struct asked){.argv = {"sleep", "1000"}, .ntasks = NTASKS});
	send_signal(r, 0, SIGKILL);
	size_t started = 0, failed = 0, exited = 0;
	while (fake_next(&r->vm, &m)) {
		started += m.code == WEFT__MSG_STARTED;
		exited += m.code == WEFT__MSG_EXITED;
		failed += m.code == WEFT__MSG_START_FAILED;
	}
	assert_int_equal(started + failed, NTASKS);
	assert_int_equal(exited, started);
	assert_gone(r);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        A_TEST(a_task_starts_writes_and_ends),
	        A_TEST(a_control_socket_comes_when_the_task_speaks),
	        A_TEST(words_of_a_task_that_has_ended_keep_nobody_busy),
	        A_TEST(a_silent_task_keeps_its_control_socket),
	        A_TEST(the_signal_that_ended_a_task_is_told),
	        A_TEST(a_task_knows_who_it_is_and_where),
	        A_TEST(a_task_inherits_its_standard_descriptors_and_weft_fd),
	        A_TEST(a_task_starts_with_default_signals_in_its_own_group),
	        A_TEST(limits_of_a_task_are_the_users),
	        A_TEST(a_program_that_cannot_start_says_why),
	        A_TEST(a_script_without_a_first_line_runs_and_garbage_does_not),
	        A_TEST(five_hundred_tasks_all_end_and_no_descriptor_stays),
	        A_TEST(there_is_room_for_all_descriptors_before_the_first_of_many_tasks_starts),
	        A_TEST(many_tasks_may_use_all_processors_that_their_node_may),
	        A_TEST(a_reader_that_stops_stops_the_writers),
	        A_TEST(output_is_kept_until_it_is_acknowledged),
	        A_TEST(one_that_was_told_to_launch_nothing_ends_with_the_daemon),
	        A_TEST(output_that_goes_elsewhere_is_counted_there),
	        A_TEST(a_noisy_task_does_not_starve_a_quiet_one),
	        A_TEST(what_tasks_leave_behind_is_killed),
	        A_TEST(signals_reach_the_whole_process_group),
	        A_TEST(rank_0_reads_what_the_tool_sends),
	        A_TEST(input_that_nobody_reads_is_acknowledged),
	        A_TEST(rank_0_takes_the_descriptor_of_the_tool),
	        A_TEST(sigterm_kills_all_and_ends),
	        A_TEST(without_weftd_all_ends_after_the_orphan_time),
	        A_TEST(frames_of_weftd_that_come_together_are_all_taken),
	        A_TEST(garbage_from_weftd_counts_as_a_lost_connection),
	        A_TEST(a_killed_job_starts_no_more_tasks),
	};
	return cmocka_run_group_tests_name("taskvm", tests, NULL, NULL);
}
