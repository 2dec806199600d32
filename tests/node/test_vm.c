/* A whole virtual machine: weftd, weft-coord, several local nodes, tasks that use the library. The test is the
 * owner's tool. Run as "test_vm ring" it is one of the tasks.
 */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "bindings/c/weft.h"
#include "node/children.h"
#include "tests/node/rig.h"

enum { TASKS_MAX = 64 };

/* --- the tool -------------------------------------------------------------------------------------- */

struct spawned {
	uint64_t job, ntasks, started, ended, ends, nlost;
	uint64_t tids[TASKS_MAX], nodes[TASKS_MAX], pids[TASKS_MAX];
	int64_t code, worst; /* of SPAWNED; largest exit code */
	bool answered, done;
	char text[8192], error[256];
	size_t ntext;
};

static char self[4096];

static int start(void **state, const char *nodes)
{
	struct rig *r = calloc(1, sizeof *r);
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	self[n] = '\0';
	rig_start(r, &(struct rig_options){
	                     .real_coord = true, .with_owner = true, .extra = {"--private", "--local-nodes", nodes}});
	r->coord.fd = -1;
	rig_tool(r, &r->owner, NULL);
	*state = r;
	return 0;
}

static int setup_one(void **state)
{
	return start(state, "1");
}

/* A file size limit is what a full memory file system looks like. */
static int setup_small_files(void **state)
{
	struct rlimit saved;
	getrlimit(RLIMIT_FSIZE, &saved);
	setrlimit(RLIMIT_FSIZE, &(struct rlimit){64 * 1024, saved.rlim_max});
	int rc = start(state, "1");
	setrlimit(RLIMIT_FSIZE, &saved);
	return rc;
}

static int setup_three(void **state)
{
	return start(state, "3");
}

static int teardown(void **state)
{
	struct rig *r = *state;
	rig_end(r);
	free(r);
	return 0;
}

static void down(struct rig *r)
{
	fake_fini(&r->owner);
	rig_assert_gone(r, 0);
}

static void spawn(struct rig *r, uint64_t count, const char *host, const char *const *given)
{
	struct weft__str argv[8], env[] = {weft__str("PATH=/usr/bin:/bin")};
	size_t argc = 0;
	for (; given[argc]; argc++)
		argv[argc] = weft__str(given[argc]);
	struct weft__msg m = {.code = WEFT__MSG_SPAWN,
	                      .spawn = {.req = 1,
	                                .flags = WEFT__SPAWN_ATTACHED,
	                                .count = count,
	                                .host = weft__str(host),
	                                .argv = {argv, argc},
	                                .env = {env, 1}}};
	fake_send(&r->owner, &m, -1);
}

static void take_event(struct spawned *s, const struct weft__msg_job_event *m)
{
	if (m->state == WEFT__JOB_EVENT_STARTED) {
		s->started++;
		s->tids[m->rank] = m->tid;
		s->nodes[m->rank] = m->node;
		s->pids[m->rank] = m->pid;
	} else if (m->state == WEFT__JOB_EVENT_EXITED) {
		s->ended++;
		s->nlost += (m->flags & WEFT__EXIT_LOST) != 0;
		s->worst = m->exit_code > s->worst ? m->exit_code : s->worst;
	} else {
		s->done = true;
	}
}

static void take_output(struct spawned *s, const struct weft__msg_output *m)
{
	if (s->ntext + m->bytes.n < sizeof s->text) {
		memcpy(s->text + s->ntext, m->bytes.p, m->bytes.n);
		s->ntext += m->bytes.n;
	}
}

static void take(struct rig *r, struct spawned *s)
{
	struct weft__msg m;
	assert_true(fake_next(&r->owner, &m));
	fake_acknowledge(&r->owner, &m);
	if (m.code == WEFT__MSG_SPAWNED) {
		s->answered = true;
		s->code = m.spawned.code;
		s->job = m.spawned.job;
		snprintf(s->error, sizeof s->error, "%s", m.spawned.text.p);
	} else if (m.code == WEFT__MSG_JOB_EVENT) {
		take_event(s, &m.job_event);
	} else if (m.code == WEFT__MSG_OUTPUT) {
		take_output(s, &m.output);
	} else if (m.code == WEFT__MSG_OUTPUT_END) {
		s->ends++;
	}
}

static void until_started(struct rig *r, struct spawned *s, uint64_t count)
{
	while (s->started < count || !s->answered)
		take(r, s);
	if (s->code)
		fail_msg("SPAWNED says %lld: %s", (long long)s->code, s->error);
}

static void until_done(struct rig *r, struct spawned *s)
{
	while (!s->done || !s->answered || s->ends < s->started - s->nlost)
		take(r, s);
}

/* Waits until the machine has that many nodes that are up. */
static void until_nodes(struct rig *r, uint64_t count)
{
	struct weft__msg m;
	uint64_t deadline = weft__deadline(10000), up = 0;
	while (up != count && weft__deadline_left_ms(deadline)) {
		struct weft__msg list = {.code = WEFT__MSG_LIST, .list = {.req = 3, .kind = WEFT__LIST_NODES}};
		fake_send(&r->owner, &list, -1);
		up = 0;
		do {
			assert_true(fake_next(&r->owner, &m));
			up += m.code == WEFT__MSG_NODE_ROW && m.node_row.state == WEFT__NODE_UP;
		} while (m.code != WEFT__MSG_LIST_END);
		if (up != count)
			poll(NULL, 0, 10);
	}
	assert_int_equal(up, count);
}

/* The daemon of a node, and of each its process. */
static pid_t daemon_of(struct rig *r, uint64_t node)
{
	struct weft__msg m, list = {.code = WEFT__MSG_LIST, .list = {.req = 4, .kind = WEFT__LIST_NODES}};
	pid_t pid = 0;
	fake_send(&r->owner, &list, -1);
	do {
		assert_true(fake_next(&r->owner, &m));
		if (m.code == WEFT__MSG_NODE_ROW && m.node_row.node == node)
			pid = (pid_t)m.node_row.pid;
	} while (m.code != WEFT__MSG_LIST_END);
	assert_true(pid > 1);
	return pid;
}

/* --- one node ---------------------------------------------------------------------------------------- */

static void a_job_runs_and_its_end_is_told(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 4, "", (const char *const[]){"sh", "-c", "echo $WEFT_RANK of $WEFT_SIZE; exit $WEFT_RANK", NULL});
	until_done(r, &s);
	assert_int_equal(s.started, 4);
	assert_int_equal(s.ended, 4);
	assert_int_equal(s.worst, 3);
	assert_int_equal(s.ntext, 4 * 7);
	down(r);
}

static void a_program_that_is_missing_is_told(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 1, "", (const char *const[]){"no-such-program", NULL});
	while (!s.answered)
		take(r, &s);
	assert_int_equal(s.code, WEFT_ENOFILE);
	assert_non_null(strstr(s.error, "cannot start \"no-such-program\": not found in PATH (testhost)"));
	down(r);
}

static void tasks_of_one_node_talk_over_shared_memory(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 4, "", (const char *const[]){self, "ring", NULL});
	until_done(r, &s);
	assert_int_equal(s.worst, 0);
	assert_string_equal(s.text, "sum 12\n");
	down(r);
}

static void a_hundred_jobs_leave_no_descriptor(void **state)
{
	struct rig *r = *state;
	int before = 0;
	for (int i = 0; i < 100; i++) {
		struct spawned s = {0};
		spawn(r, 2, "", (const char *const[]){"true", NULL});
		until_done(r, &s);
		if (i == 0)
			before = fake_count_fds(rig_daemon(r));
	}
	uint64_t deadline = weft__deadline(20000);
	/* After the first one the last one's may not have gone, nor those for the next one have come. */
	while (fake_count_fds(rig_daemon(r)) > before + 8 && weft__deadline_left_ms(deadline))
		poll(NULL, 0, 5);
	assert_true(fake_count_fds(rig_daemon(r)) <= before + 8);
	down(r);
}

static void the_owners_end_ends_everything(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 8, "", (const char *const[]){"sh", "-c", "trap '' TERM; setsid sleep 1000 & sleep 1000", NULL});
	until_started(r, &s, 8);
	down(r);
}

/* The coordinator is the home daemon's only child that is no task VM and no daemon. */
static pid_t coordinator_of(const struct rig *r)
{
	char path[128], name[64];
	int pid;
	pid_t daemon = rig_daemon(r);
	snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", (long)daemon, (long)daemon);
	FILE *children = fopen(path, "re");
	assert_non_null(children);
	while (fscanf(children, "%d", &pid) == 1) {
		snprintf(path, sizeof path, "/proc/%d/comm", pid);
		FILE *comm = fopen(path, "re");
		bool is_coord = comm && fgets(name, sizeof name, comm) && !strcmp(name, "weft-coord\n");
		if (comm)
			fclose(comm);
		if (is_coord) {
			fclose(children);
			return (pid_t)pid;
		}
	}
	fail_msg("there is no coordinator");
	return 0;
}

static void a_coordinator_that_is_killed_comes_back_and_nothing_is_lost(void **state)
{
	struct rig *r = *state;
	for (int i = 0; i < 3; i++) {
		struct spawned s = {0}, next = {0};
		spawn(r, 3, "", (const char *const[]){"sh", "-c", "sleep 0.3; exit 7", NULL});
		until_started(r, &s, 3);
		kill(coordinator_of(r), SIGKILL);
		until_done(r, &s);
		assert_int_equal(s.ended, 3);
		assert_int_equal(s.worst, 7);
		assert_int_equal(s.nlost, 0);
		spawn(r, 2, "", (const char *const[]){"true", NULL});
		kill(coordinator_of(r), SIGKILL); /* with a question under way: it is done once */
		until_done(r, &next);
		assert_int_equal(next.code, 0);
		assert_int_equal(next.started, 2);
		assert_int_equal(next.ended, 2);
	}
	down(r);
}

static void wait_for_no_process(int timeout_ms)
{
	pid_t left[64];
	uint64_t deadline = weft__deadline(timeout_ms);
	while (children_list(left, 64) > 0 && weft__deadline_left_ms(deadline))
		if (waitpid(-1, NULL, WNOHANG) <= 0)
			poll(NULL, 0, 10);
	rig_assert_no_children();
}

static void when_the_home_daemon_is_killed_all_others_end(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	until_nodes(r, 3);
	spawn(r, 6, "#1,#2,#3", (const char *const[]){"sh", "-c", "trap '' TERM; setsid sleep 1000 & sleep 1000", NULL});
	until_started(r, &s, 6);
	rig_kill(rig_daemon(r));
	wait_for_no_process(15000);
	r->pid = 0;
}

static void without_shared_memory_tasks_talk_over_a_socket(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 4, "", (const char *const[]){self, "ring", NULL});
	until_done(r, &s);
	assert_int_equal(s.worst, 0);
	assert_string_equal(s.text, "sum 12\n");
	char line[512];
	bool said = false;
	FILE *log = fopen(r->log, "re");
	while (log && fgets(line, sizeof line, log))
		said |= strstr(line, "WEFT-SHM-FULL") != NULL;
	fclose(log);
	assert_true(said);
	down(r);
}

/* --- three nodes -------------------------------------------------------------------------------------- */

static void tasks_run_on_all_nodes_and_their_output_comes(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	until_nodes(r, 3);
	spawn(r, 3, "#1,#2,#3", (const char *const[]){"sh", "-c", "echo node $WEFT_NODE", NULL});
	until_done(r, &s);
	assert_int_equal(s.ended, 3);
	assert_non_null(strstr(s.text, "node 1\n"));
	assert_non_null(strstr(s.text, "node 2\n"));
	assert_non_null(strstr(s.text, "node 3\n"));
	down(r);
}

static void tasks_of_three_nodes_talk(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 7, "#3,#1,#2", (const char *const[]){self, "ring", NULL});
	until_done(r, &s);
	assert_int_equal(s.worst, 0);
	assert_string_equal(s.text, "sum 42\n");
	down(r);
}

static void tasks_of_all_nodes_talk_all_with_all(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	spawn(r, 12, "#1,#2,#3", (const char *const[]){self, "all", NULL});
	until_done(r, &s);
	assert_string_equal(s.text, "");
	assert_int_equal(s.worst, 0);
	down(r);
}

static void much_output_of_another_node_comes_whole(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	until_nodes(r, 3);
	spawn(r, 2, "#2", (const char *const[]){"head", "-c", "3000000", "/dev/zero", NULL});
	size_t total = 0;
	while (!s.done || s.ends < 2) {
		struct weft__msg m;
		assert_true(fake_next(&r->owner, &m));
		fake_acknowledge(&r->owner, &m);
		if (m.code == WEFT__MSG_JOB_EVENT)
			take_event(&s, &m.job_event);
		s.ends += m.code == WEFT__MSG_OUTPUT_END;
		if (m.code != WEFT__MSG_OUTPUT)
			continue;
		total += m.output.bytes.n;
		take_output(&s, &m.output);
	}
	assert_int_equal(total, 6000000);
	down(r);
}

static void the_log_of_a_job_is_read_on_any_node(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	struct fake tool = {0};
	struct weft__msg m;
	struct weft__str argv[] = {weft__str("sh"), weft__str("-c"), weft__str("echo from $WEFT_NODE")};
	char text[64] = {0};
	until_nodes(r, 3);
	struct weft__msg detached = {.code = WEFT__MSG_SPAWN,
	                             .spawn = {.req = 1, .count = 1, .host = weft__str("#3"), .argv = {argv, 3}}};
	fake_send(&r->owner, &detached, -1);
	while (!s.answered)
		take(r, &s);
	snprintf(r->nodedir, sizeof r->nodedir, "%s/n2", r->dir);
	rig_connect(r, &tool, WEFT__ROLE_TOOL);
	struct weft__msg hello = {.code = WEFT__MSG_HELLO,
	                          .hello = {.version = WEFT__PROTO_VERSION, .role = WEFT__ROLE_TOOL}};
	fake_send(&tool, &hello, -1);
	struct weft__msg ask = {.code = WEFT__MSG_LOG_READ, .log_read = {.req = 6, .job = s.job}};
	uint64_t deadline = weft__deadline(10000);
	while (!*text && weft__deadline_left_ms(deadline)) {
		fake_send(&tool, &ask, -1);
		do {
			fake_expect(&tool, WEFT__MSG_LOG_BYTES, &m);
			assert_int_equal(m.log_bytes.req, 6);
			memcpy(text + m.log_bytes.offset, m.log_bytes.bytes.p, m.log_bytes.bytes.n);
		} while (m.log_bytes.bytes.n);
	}
	assert_string_equal(text, "from 3\n");
	fake_fini(&tool);
	down(r);
}

static void a_killed_daemon_loses_its_node_and_no_other(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	until_nodes(r, 3);
	pid_t victim = daemon_of(r, 2);
	spawn(r, 3, "#1,#2,#3", (const char *const[]){self, "survive", NULL});
	until_started(r, &s, 3);
	while (s.ntext < 18) /* all have said "ready": the three know each other */
		take(r, &s);
	uint64_t before = weft__clock_ns();
	rig_kill(victim);
	until_done(r, &s);
	assert_true(weft__clock_ns() - before < 20000 * 1000000ull); /* TCP would need minutes */
	assert_int_equal(s.nlost, 1);
	assert_int_equal(s.worst, 0);
	until_nodes(r, 2);
	down(r);
}

static void a_daemon_that_slept_too_long_ends_with_its_tasks(void **state)
{
	struct rig *r = *state;
	struct spawned s = {0};
	until_nodes(r, 3);
	pid_t sleeper = daemon_of(r, 3);
	spawn(r, 2, "#1,#3", (const char *const[]){"sh", "-c", "test $WEFT_NODE = 1 || sleep 1000", NULL});
	until_started(r, &s, 2);
	kill(sleeper, SIGSTOP);
	until_done(r, &s); /* after 4 s it counts as lost */
	assert_int_equal(s.nlost, 1);
	assert_int_equal(kill((pid_t)s.pids[1], 0), 0); /* its task does not know */
	kill(sleeper, SIGCONT);
	uint64_t deadline = weft__deadline(20000);
	while ((kill((pid_t)s.pids[1], 0) == 0 || kill(sleeper, 0) == 0) && weft__deadline_left_ms(deadline))
		poll(NULL, 0, 10);
	assert_int_equal(kill((pid_t)s.pids[1], 0), -1);
	assert_int_equal(kill(sleeper, 0), -1);
	until_nodes(r, 2);
	down(r);
}

static void ask_for_nodes(struct rig *r, uint64_t kind, const char *host, uint64_t count, struct weft__msg *m)
{
	struct weft__msg add = {.code = WEFT__MSG_NODE_ADD,
	                        .node_add = {.req = 9, .kind = kind, .host = weft__str(host), .count = count}};
	fake_send(&r->owner, &add, -1);
	fake_expect(&r->owner, WEFT__MSG_NODE_ADDED, m);
}

static void nodes_are_added_and_removed(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	struct spawned s = {0};
	ask_for_nodes(r, WEFT__ADD_LOCAL, "", 1, &m);
	assert_int_equal(m.node_added.code, 0);
	assert_int_equal(m.node_added.node, 2);
	spawn(r, 2, "local2", (const char *const[]){"sleep", "1000", NULL});
	until_started(r, &s, 2);
	assert_int_equal(s.nodes[0], 2);
	struct weft__msg del = {.code = WEFT__MSG_NODE_DEL, .node_del = {.req = 2, .node = 2}};
	fake_send(&r->owner, &del, -1);
	while (!s.done)
		take(r, &s);
	assert_int_equal(s.ended, 2);
	until_nodes(r, 1);
	down(r);
}

static char ssh[64], remote[72];

/* An ssh that stays here: host "good" runs the command, with another folder for runtime files. */
static int setup_ssh(void **state)
{
	char script[512];
	strcpy(ssh, "/tmp/weft-test-ssh-XXXXXX");
	int fd = mkstemp(ssh);
	snprintf(remote, sizeof remote, "%s.d", ssh);
	mkdir(remote, 0700);
	int n = snprintf(script, sizeof script,
	                 "#!/bin/sh\n[ \"$1\" = good ] || { echo \"ssh: no route to $1\" >&2; exit 255; }\n"
	                 "WEFT_RUNDIR=%s SSH_CONNECTION='127.0.0.1 1 127.0.0.1 2' exec sh -c \"$2\"\n",
	                 remote);
	assert_int_equal(write(fd, script, (size_t)n), n);
	fchmod(fd, 0700);
	close(fd);
	setenv("WEFT_SSH", ssh, 1);
	int rc = start(state, "1");
	unsetenv("WEFT_SSH");
	return rc;
}

static int teardown_ssh(void **state)
{
	unlink(ssh);
	rmdir(remote); /* it is empty: the node there has removed what it made */
	return teardown(state);
}

static void nodes_come_by_ssh_or_say_why_not(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	struct spawned s = {0};
	ask_for_nodes(r, WEFT__ADD_SSH, "bad", 1, &m);
	assert_int_equal(m.node_added.code, WEFT_ENONODE);
	assert_non_null(strstr(m.node_added.said.p, "no route to bad"));
	assert_int_equal(m.node_added.code, WEFT_ENONODE);
	ask_for_nodes(r, WEFT__ADD_SSH, "-oProxyCommand=x", 1, &m);
	assert_int_not_equal(m.node_added.code, 0);
	ask_for_nodes(r, WEFT__ADD_SSH, "good", 1, &m);
	if (m.node_added.code)
		fail_msg("%s", m.node_added.text.p);
	spawn(r, 1, "good", (const char *const[]){"sh", "-c", "echo $WEFT_DIR", NULL});
	until_done(r, &s);
	assert_non_null(strstr(s.text, ".d/vm/n"));
	down(r);
	assert_int_equal(rmdir(remote), 0);
}

/* --- the tasks ------------------------------------------------------------------------------------------ */

enum { TAG = 1, PATIENCE_MS = 20000 };

static weft_tid_t tids[TASKS_MAX];

/* The tids of the own job by rank. */
static int find_all(void)
{
	static weft_task_t rows[TASKS_MAX];
	int size = weft_size(), n = 0, found = 0;
	weft_tid_t own = weft_self();
	uint32_t job = 0;
	uint64_t deadline = weft__deadline(PATIENCE_MS);
	while (found < size && weft__deadline_left_ms(deadline)) {
		if (weft_tasks(0, 0, rows, TASKS_MAX, &n))
			return 1;
		for (int i = 0; i < n; i++)
			job = weft_tid_equal(rows[i].tid, own) ? rows[i].job : job;
		found = 0;
		for (int i = 0; i < n; i++) {
			if (rows[i].job != job)
				continue;
			tids[rows[i].rank] = rows[i].tid;
			found++;
		}
	}
	return found == size ? 0 : 1;
}

/* Two laps: who has seen the second one knows that all have found each other, and may go. */
static int ring(void)
{
	int rank = weft_rank(), size = weft_size(), sum = 0;
	weft_tid_t next = tids[(rank + 1) % size], before = tids[(rank + size - 1) % size];
	for (int lap = 0; lap < 2; lap++) {
		if (rank > 0 && weft_recv(before, WEFT_CONTEXT, TAG, &sum, sizeof sum, NULL, PATIENCE_MS))
			return 3;
		sum += rank;
		if (weft_send(next, WEFT_CONTEXT, TAG, &sum, sizeof sum, PATIENCE_MS))
			return 4;
		if (rank == 0 && weft_recv(before, WEFT_CONTEXT, TAG, &sum, sizeof sum, NULL, PATIENCE_MS))
			return 5;
	}
	if (rank == 0)
		printf("sum %d\n", sum);
	return 0;
}

/* Everybody says a word to everybody, all at once. */
static int all(void)
{
	int rank = weft_rank(), size = weft_size();
	for (int i = 0; i < size; i++)
		if (i != rank && weft_send(tids[i], WEFT_CONTEXT, TAG, &rank, sizeof rank, PATIENCE_MS))
			return 3;
	for (int i = 0; i < size; i++) {
		int word = -1;
		if (i != rank && weft_recv(tids[i], WEFT_CONTEXT, TAG, &word, sizeof word, NULL, PATIENCE_MS))
			return 4;
		if (i != rank && word != i)
			return 5;
	}
	return 0;
}

/* Rank 1 is lost; the others are told. */
static int survive(void)
{
	int rc = all(), word;
	if (rc)
		return rc;
	printf("ready\n");
	fflush(stdout);
	int code = weft_recv(tids[weft_rank() == 1 ? 0 : 1], WEFT_CONTEXT, TAG + 1, &word, sizeof word, NULL, PATIENCE_MS);
	return code == WEFT_ENOTASK ? 0 : 9;
}

static int be_task(const char *what)
{
	if (weft_init())
		return 1;
	if (find_all())
		return 2;
	int rc = !strcmp(what, "ring") ? ring() : !strcmp(what, "all") ? all() : survive();
	return weft_fini() ? 6 : rc;
}

#define ONE(name)   cmocka_unit_test_setup_teardown(name, setup_one, teardown)
#define THREE(name) cmocka_unit_test_setup_teardown(name, setup_three, teardown)

int main(int argc, char **argv)
{
	if (argc == 2)
		return be_task(argv[1]);
	const struct CMUnitTest tests[] = {
	        ONE(a_job_runs_and_its_end_is_told),
	        ONE(a_program_that_is_missing_is_told),
	        ONE(tasks_of_one_node_talk_over_shared_memory),
	        ONE(a_hundred_jobs_leave_no_descriptor),
	        ONE(the_owners_end_ends_everything),
	        ONE(a_coordinator_that_is_killed_comes_back_and_nothing_is_lost),
	        THREE(tasks_run_on_all_nodes_and_their_output_comes),
	        THREE(tasks_of_three_nodes_talk),
	        THREE(tasks_of_all_nodes_talk_all_with_all),
	        THREE(much_output_of_another_node_comes_whole),
	        THREE(the_log_of_a_job_is_read_on_any_node),
	        THREE(a_killed_daemon_loses_its_node_and_no_other),
	        THREE(a_daemon_that_slept_too_long_ends_with_its_tasks),
	        THREE(when_the_home_daemon_is_killed_all_others_end),
	        cmocka_unit_test_setup_teardown(without_shared_memory_tasks_talk_over_a_socket, setup_small_files, teardown),
	        ONE(nodes_are_added_and_removed),
	        cmocka_unit_test_setup_teardown(nodes_come_by_ssh_or_say_why_not, setup_ssh, teardown_ssh),
	};
	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
