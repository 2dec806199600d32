/* weftd on one node, with the test in the coordinator's place. */
#include "config.h"

#include <errno.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/rundir.h"
#include "tests/node/rig.h"

static int setup_owned(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	rig_start(r, &(struct rig_options){.with_owner = true, .extra = {"--private"}});
	*state = r;
	return 0;
}

static int setup_folders(void **state)
{
	struct rig *r = calloc(1, sizeof *r);
	rig_make(r, false);
	*state = r;
	return 0;
}

/* --- life ---------------------------------------------------------------------------------------- */

static void a_node_joins_and_halts_and_leaves_nothing(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	fake_expect(&r->coord, WEFT__MSG_INVENTORY_END, &m);
	assert_int_equal(m.inventory_end.count, 0);
	rig_halt(r);
}

static void a_halt_kills_tasks_and_all_that_they_started(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = 3,
	                                   .argv = {"sh", "-c", "trap '' TERM; setsid sleep 1000 & sleep 1000"}});
	for (int i = 0; i < 3; i++)
		fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	rig_send_halt(r);
	for (int i = 0; i < 3; i++) {
		fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
		assert_int_equal(m.exited.signo, SIGKILL);
	}
	rig_assert_gone(r, 0);
}

static void sigterm_asks_for_the_end_of_the_machine(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	kill(r->pid, SIGTERM);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_OPEN, &m);
	fake_expect(&r->coord, WEFT__MSG_UP, &m);
	assert_int_equal(weft__msg_peek(m.up.frame.p, m.up.frame.n), WEFT__MSG_HALT);
	rig_halt(r);
}

static void a_second_sigterm_does_not_wait_for_the_coordinator(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	kill(r->pid, SIGTERM);
	fake_expect(&r->coord, WEFT__MSG_UP, &m);
	kill(r->pid, SIGTERM);
	rig_assert_gone(r, 0);
}

static void a_coordinator_that_crashes_is_started_again(void **state)
{
	struct rig *r = *state;
	for (int i = 1; i <= 2; i++) {
		kill(rig_coord_wait(r, i), SIGKILL);
		close(r->coord.fd);
		r->coord.fd = -1;
		rig_join(r, (uint64_t)i + 1, 0);
	}
	rig_coord_wait(r, 3);
	assert_int_equal(rig_logged(r, "WEFT-COORD-EXIT code=-1 signo=9"), 2);
	rig_halt(r);
}

static void a_coordinator_that_ends_again_and_again_ends_the_node(void **state)
{
	struct rig *r = *state;
	close(r->coord.fd);
	r->coord.fd = -1;
	for (int i = 1; i <= 6; i++)
		kill(rig_coord_wait(r, i), SIGKILL);
	rig_assert_gone(r, 0);
	assert_int_equal(rig_logged(r, "again and again"), 1);
}

static void a_coordinator_that_ends_well_ends_the_node(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	char path[128];
	rig_coord_wait(r, 1);
	snprintf(path, sizeof path, "%s/weft-coord", r->bin);
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "#!/bin/sh\nexit 0\n", 17), 17);
	close(fd);
	rig_launch(r, &(struct rig_launch){.job = 1, .argv = {"sleep", "1000"}});
	fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	kill(rig_coord_wait(r, 1), SIGKILL);
	rig_assert_gone(r, 0);
}

static void what_the_coordinator_has_not_seen_is_sent_again(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	fake_expect(&r->coord, WEFT__MSG_INVENTORY_END, &m); /* number 1 */
	rig_tool(r, &tool, &client);                         /* number 2 */
	close(r->coord.fd);
	r->coord.fd = -1;
	m = (struct weft__msg){.code = WEFT__MSG_LIST, .list = {.req = 5, .kind = WEFT__LIST_NODES}};
	fake_send(&tool, &m, -1); /* number 3, kept */
	rig_join(r, 2, 1);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_OPEN, &m);
	assert_int_equal(m.client_open.client, client);
	fake_expect(&r->coord, WEFT__MSG_UP, &m);
	assert_int_equal(m.up.client, client);
	assert_int_equal(weft__msg_peek(m.up.frame.p, m.up.frame.n), WEFT__MSG_LIST);
	fake_fini(&tool);
	rig_halt(r);
}

static void a_coordinator_of_an_older_epoch_is_refused(void **state)
{
	struct rig *r = *state;
	close(r->coord.fd);
	r->coord.fd = -1;
	rig_join(r, 7, 0);
	close(r->coord.fd);
	r->coord.fd = -1;
	rig_join(r, 6, 0);
	rig_assert_gone(r, 0);
	assert_int_equal(rig_logged(r, "WEFT-COORD-FENCED"), 1);
}

static void the_end_of_the_owner_ends_a_private_machine(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	uint64_t client;
	rig_tool(r, &r->owner, &client);
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = 2, .client = client, .argv = {"sleep", "1000"}});
	fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	fake_fini(&r->owner);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_CLOSE, &m);
	assert_int_equal(m.client_close.client, client);
	/* A coordinator that does not answer does not keep it: after 2 s it ends by itself. */
	rig_assert_gone(r, 0);
}

static void a_killed_daemon_leaves_nothing_that_runs(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = 2, .argv = {"sleep", "1000"}});
	fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	rig_kill(rig_daemon(r));
	assert_int_equal(waitpid(r->pid, NULL, 0), r->pid);
	r->pid = 0;
	/* Its task VM is ours now, waits its 2 s and ends with its tasks; the script that stands for the
	 * coordinator is the only one left, and it is the test's to end. */
	int nvms = 0;
	for (;;) {
		char path[64], name[32] = {0};
		siginfo_t info;
		assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
		snprintf(path, sizeof path, "/proc/%ld/comm", (long)info.si_pid);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(read(fd, name, sizeof name - 1) > 0);
		close(fd);
		waitpid(info.si_pid, NULL, 0);
		if (strcmp(name, "weftd\n") == 0)
			continue;
		assert_string_equal(name, "weft-taskvm\n");
		nvms++;
		if (nvms == 1)
			break;
	}
}

/* --- tasks ---------------------------------------------------------------------------------------- */

static void a_tasks_life_is_told_and_its_output_shown(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){.job = 3, .client = client, .argv = {"sh", "-c", "echo hello; exit 5"}});
	fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	assert_int_equal(m.started.tid, rig_tid(3, 0));
	fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	assert_int_equal(m.exited.tid, rig_tid(3, 0));
	assert_int_equal(m.exited.exit_code, 5);
	fake_expect(&tool, WEFT__MSG_OUTPUT, &m);
	assert_int_equal(m.output.bytes.n, 6);
	assert_memory_equal(m.output.bytes.p, "hello\n", 6);
	assert_int_equal(m.output.rank, 0);
	fake_expect(&tool, WEFT__MSG_OUTPUT_END, &m);
	fake_fini(&tool);
	rig_halt(r);
}

static void two_hundred_tasks_leave_no_descriptor(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	rig_tool(r, &tool, &client);
	int before = fake_count_fds(rig_daemon(r));
	for (uint64_t job = 1; job <= 4; job++) {
		rig_launch(r, &(struct rig_launch){.job = job, .ntasks = 50, .client = client, .argv = {"true"}});
		for (int i = 0; i < 50; i++) {
			fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
			assert_int_equal(m.exited.exit_code, 0);
		}
		for (int i = 0; i < 50; i++)
			fake_expect(&tool, WEFT__MSG_OUTPUT_END, &m);
		fake_acknowledge(&tool, &m);
	}
	/* The last task VM goes a moment after its last word has come. */
	rig_confirm(r);
	assert_int_equal(fake_await_fds(rig_daemon(r), before), before);
	fake_fini(&tool);
	rig_halt(r);
}

/* As it comes again after a crash of the daemon, when all its tasks had failed. */
static void a_last_launch_without_tasks_ends_the_task_vm(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	struct weft__str argv[] = {weft__str("true")};
	uint64_t client, deadline;
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){.job = 1, .more = true, .client = client, .argv = {"sh", "-c", "echo $PPID"}});
	fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	fake_expect(&tool, WEFT__MSG_OUTPUT, &m);
	pid_t vm = atoi(m.output.bytes.p);
	assert_true(vm > 1);
	fake_expect(&tool, WEFT__MSG_OUTPUT_END, &m);
	fake_acknowledge(&tool, &m);
	rig_confirm(r);
	m = (struct weft__msg){.code = WEFT__MSG_LAUNCH,
	                       .launch = {.job = 1, .size = 2, .sink_node = 1, .sink_client = client, .last = 1, .argv = {argv, 1}}};
	fake_send(&r->coord, &m, -1);
	for (deadline = weft__deadline(FAKE_TIMEOUT_MS); kill(vm, 0) == 0 && weft__deadline_left_ms(deadline);) {
		poll(NULL, 0, 10);
		rig_beat(r, 0);
	}
	assert_int_equal(kill(vm, 0), -1);
	fake_fini(&tool);
	rig_halt(r);
}

static void a_program_that_cannot_start_is_told(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	rig_launch(r, &(struct rig_launch){.job = 1, .argv = {"/no/such/program"}});
	fake_expect(&r->coord, WEFT__MSG_START_FAILED, &m);
	assert_int_equal(m.start_failed.code, WEFT_ENOFILE);
	assert_non_null(strstr(m.start_failed.text.p, "testhost"));
	rig_halt(r);
}

static void without_a_task_vm_each_task_fails_with_the_reason(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	char path[128];
	snprintf(path, sizeof path, "%s/weft-taskvm", r->bin);
	unlink(path);
	rig_launch(r, &(struct rig_launch){.job = 1, .argv = {"true"}}); /* with the one that is there already */
	fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	rig_launch(r, &(struct rig_launch){.job = 2, .ntasks = 3, .argv = {"true"}});
	for (int i = 0; i < 3; i++) {
		fake_expect(&r->coord, WEFT__MSG_START_FAILED, &m);
		assert_int_equal(m.start_failed.code, WEFT_ENOFILE);
	}
	rig_halt(r);
}

static void a_killed_task_vm_takes_its_tasks_with_it(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	pid_t tasks[3];
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = 3, .client = client,
	                                   .argv = {"sh", "-c", "setsid sleep 1000 & echo $PPID; sleep 1000"}});
	for (int i = 0; i < 3; i++) {
		fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
		tasks[i] = (pid_t)m.started.pid;
	}
	char text[32] = {0};
	for (int i = 0; i < 3; i++)
		fake_expect(&tool, WEFT__MSG_OUTPUT, &m);
	memcpy(text, m.output.bytes.p, m.output.bytes.n < 31 ? m.output.bytes.n : 31);
	kill((pid_t)atoi(text), SIGKILL);
	for (int i = 0; i < 3; i++) {
		fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
		assert_int_equal(m.exited.flags, WEFT__EXIT_LOST);
	}
	for (int i = 0; i < 3; i++)
		fake_expect(&tool, WEFT__MSG_OUTPUT_END, &m);
	uint64_t deadline = weft__deadline(20000);
	for (int i = 0; i < 3; i++)
		while (kill(tasks[i], 0) == 0 && weft__deadline_left_ms(deadline))
			poll(NULL, 0, 5);
	for (int i = 0; i < 3; i++)
		assert_int_equal(kill(tasks[i], 0), -1);
	assert_int_equal(rig_logged(r, "WEFT-TASKVM-LOST"), 1);
	fake_fini(&tool);
	rig_halt(r);
}

static void signals_go_to_a_task_or_a_job(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = 3, .argv = {"sleep", "1000"}});
	for (int i = 0; i < 3; i++)
		fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	struct weft__msg one = {.code = WEFT__MSG_TASK_SIGNAL, .task_signal = {.tid = rig_tid(1, 1), .signo = SIGUSR1}};
	fake_send(&r->coord, &one, -1);
	fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	assert_int_equal(m.exited.tid, rig_tid(1, 1));
	assert_int_equal(m.exited.signo, SIGUSR1);
	struct weft__msg all = {.code = WEFT__MSG_TASK_SIGNAL, .task_signal = {.job = 1, .signo = SIGTERM}};
	fake_send(&r->coord, &all, -1);
	for (int i = 0; i < 2; i++) {
		fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
		assert_int_equal(m.exited.signo, SIGTERM);
	}
	rig_halt(r);
}

static void a_slow_reader_gets_all_and_costs_no_memory(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client, total = 0, unacked = 0, ends = 0;
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){
	                      .job = 1, .ntasks = 2, .client = client, .argv = {"head", "-c", "5000000", "/dev/zero"}});
	while (ends < 2) {
		assert_true(fake_next(&tool, &m));
		ends += m.code == WEFT__MSG_OUTPUT_END;
		if (m.code != WEFT__MSG_OUTPUT)
			continue;
		total += m.output.bytes.n;
		unacked += m.output.bytes.n;
		assert_true(unacked < WEFT__OUTPUT_WINDOW + 32768);
		if (unacked < WEFT__OUTPUT_WINDOW && total < 10000000)
			continue;
		fake_acknowledge(&tool, &m);
		unacked = 0;
	}
	assert_int_equal(total, 10000000);
	fake_fini(&tool);
	rig_halt(r);
}

static void output_for_a_tool_that_is_gone_stops_nobody(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){.job = 1, .client = client, .argv = {"head", "-c", "5000000", "/dev/zero"}});
	fake_expect(&tool, WEFT__MSG_OUTPUT, &m);
	fake_fini(&tool);
	fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	assert_int_equal(m.exited.exit_code, 0);
	rig_halt(r);
}

static void output_without_a_tool_is_kept_and_can_be_read(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	char text[64] = {0};
	rig_launch(r, &(struct rig_launch){.job = 9, .argv = {"sh", "-c", "echo kept; echo too >&2"}});
	fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	rig_tool(r, &tool, NULL);
	struct weft__msg ask = {.code = WEFT__MSG_LOG_READ, .log_read = {.req = 4, .job = 9}};
	uint64_t deadline = weft__deadline(20000);
	do { /* the output may come after the exit */
		memset(text, 0, sizeof text);
		fake_send(&tool, &ask, -1);
		do {
			fake_expect(&tool, WEFT__MSG_LOG_BYTES, &m);
			memcpy(text + m.log_bytes.offset, m.log_bytes.bytes.p, m.log_bytes.bytes.n);
		} while (m.log_bytes.bytes.n);
	} while (strlen(text) < 9 && weft__deadline_left_ms(deadline));
	assert_true(!strcmp(text, "kept\ntoo\n") || !strcmp(text, "too\nkept\n"));
	ask.log_read.job = 10;
	fake_send(&tool, &ask, -1);
	fake_expect(&tool, WEFT__MSG_LOG_BYTES, &m);
	assert_int_equal(m.log_bytes.code, WEFT_ENOENT);
	fake_fini(&tool);
	rig_halt(r);
}

static void the_tools_own_input_goes_to_rank_0(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	int ends[2];
	rig_tool(r, &tool, &client);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "word\n", 5), 5);
	struct weft__msg given = {.code = WEFT__MSG_STDIN};
	fake_send(&tool, &given, ends[0]);
	struct weft__msg list = {.code = WEFT__MSG_LIST, .list = {.req = 1, .kind = WEFT__LIST_JOBS}};
	fake_send(&tool, &list, -1); /* when this has come through, STDIN has */
	fake_expect(&r->coord, WEFT__MSG_UP, &m);
	rig_launch_readers(r, client);
	rig_expect_read(&tool, "word");
	close(ends[0]);
	close(ends[1]);
	fake_fini(&tool);
	rig_halt(r);
}

static void bytes_from_the_tool_go_to_rank_0(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){.job = 1, .client = client, .flags = WEFT__SPAWN_STDIN, .argv = {"cat"}});
	fake_expect(&r->coord, WEFT__MSG_STARTED, &m);
	struct weft__msg bytes = {.code = WEFT__MSG_STDIN,
	                          .stdin_bytes = {.job = 1, .end = 1, .bytes = {"abc", 3}, .node = 1}};
	fake_send(&tool, &bytes, -1);
	bool acked = false, echoed = false;
	while (!acked || !echoed) {
		assert_true(fake_next(&tool, &m));
		acked |= m.code == WEFT__MSG_STDIN_ACK && m.stdin_ack.taken == 3;
		echoed |= m.code == WEFT__MSG_OUTPUT && m.output.bytes.n == 3;
	}
	fake_fini(&tool);
	rig_halt(r);
}

/* --- folders and limits ---------------------------------------------------------------------------- */

static int exit_status(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_folder_that_is_a_link_or_open_to_others_is_refused(void **state)
{
	struct rig *r = *state;
	char target[96], path[128];
	snprintf(target, sizeof target, "%s/elsewhere", r->base);
	assert_int_equal(mkdir(target, 0700), 0);
	snprintf(path, sizeof path, "%s/witness", target);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlink(target, r->nodedir), 0);
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){0})), 1);
	assert_true(rig_logged(r, "symbolic link") > 0);
	unlink(r->nodedir);
	assert_int_equal(chmod(r->dir, 0755), 0);
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){0})), 1);
	assert_true(rig_logged(r, "chmod 700") > 0);
	assert_int_equal(access(path, F_OK), 0);
	rmdir(r->dir);
	assert_int_equal(symlink(target, r->dir), 0);
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){0})), 1);
	assert_int_equal(access(path, F_OK), 0);
	rig_assert_no_children();
}

static void a_halt_removes_no_file_outside_its_folder(void **state)
{
	struct rig *r = *state;
	char target[96], path[128], link[128];
	snprintf(target, sizeof target, "%s/elsewhere", r->base);
	assert_int_equal(mkdir(target, 0700), 0);
	snprintf(path, sizeof path, "%s/witness", target);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	snprintf(link, sizeof link, "%s/log", r->nodedir);
	assert_int_equal(symlink(target, link), 0);
	rig_halt(r);
	assert_int_equal(access(path, F_OK), 0);
}

static void a_second_daemon_on_the_same_folder_is_refused(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){0})), 1);
	assert_true(rig_logged(r, "is up already") > 0);
	rig_tool(r, &tool, NULL); /* the first one is as it was */
	fake_fini(&tool);
	rig_halt(r);
}

static void a_wrong_command_line_or_no_key_is_refused(void **state)
{
	struct rig *r = *state;
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){.extra = {"--nonsense"}})), 2);
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){.extra = {"--ports", "9-1"}})), 2);
	assert_int_equal(exit_status(rig_spawn(r, &(struct rig_options){.extra = {"--join", "1.2.3.4:5"}})), 2);
	rig_assert_no_children();
}

static void without_descriptors_the_daemon_lives_and_serves_again(void **state)
{
	struct rig *r = *state;
	enum { NTOOLS = 100 };
	struct fake tools[NTOOLS] = {{0}}, last = {0};
	struct weft__msg m;
	rig_end(r);
	rig_start(r, &(struct rig_options){.nofile = 60});
	fake_expect(&r->coord, WEFT__MSG_INVENTORY_END, &m);
	struct weft__msg hello = {.code = WEFT__MSG_HELLO,
	                          .hello = {.version = WEFT__PROTO_VERSION, .role = WEFT__ROLE_TOOL}};
	for (int i = 0; i < NTOOLS; i++) {
		int fd = weft__rundir_connect(r->nodedir, "sock", NULL);
		assert_true(fd >= 0);
		fake_init(&tools[i], fd, WEFT__ROLE_TOOL, WEFT__ROLE_NODE);
		fake_send(&tools[i], &hello, -1);
	}
	fake_expect(&r->coord, WEFT__MSG_CLIENT_OPEN, &m);
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = 2, .argv = {"true"}});
	bool over = false;
	while (!over) { /* it can't start, or does when some have been turned away; never nothing */
		assert_true(fake_next(&r->coord, &m));
		over = m.code == WEFT__MSG_START_FAILED || m.code == WEFT__MSG_EXITED;
	}
	for (int i = 0; i < NTOOLS; i++)
		fake_fini(&tools[i]);
	bool served = false;
	uint64_t deadline = weft__deadline(FAKE_TIMEOUT_MS);
	while (!served && weft__deadline_left_ms(deadline)) { /* turned away until it has seen that the others are gone */
		rig_connect(r, &last, WEFT__ROLE_TOOL);
		fake_send(&last, &hello, -1);
		served = fake_next(&last, &m) && m.code == WEFT__MSG_WELCOME;
		fake_fini(&last);
		poll(NULL, 0, 20);
	}
	assert_true(served);
	rig_halt(r);
}

static void tasks_beyond_the_descriptors_fail_with_words_and_the_others_run(void **state)
{
	struct rig *r = *state;
	struct weft__msg m;
	enum { NTASKS = 60 };
	size_t started = 0, failed = 0;
	rig_end(r);
	rig_start(r, &(struct rig_options){.nofile = 120});
	rig_launch(r, &(struct rig_launch){.job = 1, .ntasks = NTASKS, .argv = {"sleep", "1000"}});
	while (started + failed < NTASKS) {
		assert_true(fake_next(&r->coord, &m));
		started += m.code == WEFT__MSG_STARTED;
		if (m.code != WEFT__MSG_START_FAILED)
			continue;
		failed++;
		assert_int_equal(m.start_failed.code, WEFT_ENOSPC);
		assert_non_null(strstr(m.start_failed.text.p, "descriptors"));
	}
	assert_true(started > 10 && failed > 10);
	struct weft__msg kill_all = {.code = WEFT__MSG_TASK_SIGNAL, .task_signal = {.job = 1, .signo = SIGKILL}};
	fake_send(&r->coord, &kill_all, -1);
	for (size_t i = 0; i < started; i++)
		fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	rig_launch(r, &(struct rig_launch){.job = 2, .ntasks = 5, .argv = {"true"}}); /* there is room again */
	for (size_t i = 0; i < 5; i++)
		fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
	rig_halt(r);
}

#define A_TEST(name)  cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
#define AN_OWNED(name) cmocka_unit_test_setup_teardown(name, setup_owned, rig_teardown)
#define A_FOLDER(name) cmocka_unit_test_setup_teardown(name, setup_folders, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        A_TEST(a_node_joins_and_halts_and_leaves_nothing),
	        A_TEST(a_halt_kills_tasks_and_all_that_they_started),
	        A_TEST(sigterm_asks_for_the_end_of_the_machine),
	        A_TEST(a_second_sigterm_does_not_wait_for_the_coordinator),
	        A_TEST(a_coordinator_that_crashes_is_started_again),
	        A_TEST(a_coordinator_that_ends_again_and_again_ends_the_node),
	        A_TEST(a_coordinator_that_ends_well_ends_the_node),
	        A_TEST(what_the_coordinator_has_not_seen_is_sent_again),
	        A_TEST(a_coordinator_of_an_older_epoch_is_refused),
	        AN_OWNED(the_end_of_the_owner_ends_a_private_machine),
	        AN_OWNED(a_killed_daemon_leaves_nothing_that_runs),
	        A_TEST(a_tasks_life_is_told_and_its_output_shown),
	        A_TEST(two_hundred_tasks_leave_no_descriptor),
	        A_TEST(a_last_launch_without_tasks_ends_the_task_vm),
	        A_TEST(a_program_that_cannot_start_is_told),
	        A_TEST(without_a_task_vm_each_task_fails_with_the_reason),
	        A_TEST(a_killed_task_vm_takes_its_tasks_with_it),
	        A_TEST(signals_go_to_a_task_or_a_job),
	        A_TEST(a_slow_reader_gets_all_and_costs_no_memory),
	        A_TEST(output_for_a_tool_that_is_gone_stops_nobody),
	        A_TEST(output_without_a_tool_is_kept_and_can_be_read),
	        A_TEST(the_tools_own_input_goes_to_rank_0),
	        A_TEST(bytes_from_the_tool_go_to_rank_0),
	        A_FOLDER(a_folder_that_is_a_link_or_open_to_others_is_refused),
	        A_TEST(a_halt_removes_no_file_outside_its_folder),
	        A_TEST(a_second_daemon_on_the_same_folder_is_refused),
	        A_FOLDER(a_wrong_command_line_or_no_key_is_refused),
	        A_TEST(without_descriptors_the_daemon_lives_and_serves_again),
	        A_TEST(tasks_beyond_the_descriptors_fail_with_words_and_the_others_run),
	};
	return cmocka_run_group_tests_name("weftd", tests, NULL, NULL);
}
