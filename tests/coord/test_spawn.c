/* Spawning, placing, signalling and waiting. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/ids.h"
#include "coord/state.h"
#include "tests/coord/drive.h"

static void count_by_node(const uint32_t *nodes, size_t n, size_t counts[8])
{
	memset(counts, 0, 8 * sizeof *counts);
	for (size_t i = 0; i < n; i++)
		counts[nodes[i]]++;
}

/* --- placement --------------------------------------------------------------------------------------- */

static void tasks_are_shared_over_the_free_cores_with_ranks_in_a_row(void **state)
{
	struct drive *d = drive_vm(2, 2);
	uint32_t nodes[4];
	assert_true(drive_spawn(d, 1, 1, "", 4, NULL, nodes, NULL) > 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(nodes[i], i < 2 ? 1 : 2);
	drive_destroy(d);
}

static void even_with_many_cores_tasks_go_to_all_nodes(void **state)
{
	struct drive *d = drive_vm(2, 64);
	size_t counts[8];
	uint32_t nodes[4];
	drive_spawn(d, 1, 1, "", 4, NULL, nodes, NULL);
	count_by_node(nodes, 4, counts);
	assert_int_equal(counts[1], 2);
	assert_int_equal(counts[2], 2);
	drive_destroy(d);
}

static void a_larger_node_gets_more(void **state)
{
	struct drive *d = drive_create(2);
	size_t counts[8];
	uint32_t nodes[8];
	drive_join(d, 1, "home", 2, 0, 0);
	drive_join(d, 2, "big", 6, 0, 0);
	drive_open(d, 1, 1, WEFT__ROLE_TOOL, 0);
	drive_spawn(d, 1, 1, "", 8, NULL, nodes, NULL);
	count_by_node(nodes, 8, counts);
	assert_int_equal(counts[1], 2);
	assert_int_equal(counts[2], 6);
	drive_destroy(d);
}

static void more_tasks_than_cores_run_all_the_same_by_load(void **state)
{
	struct drive *d = drive_create(2);
	size_t counts[8];
	uint32_t nodes[64];
	drive_join(d, 1, "home", 1, 0, 0);
	drive_join(d, 2, "big", 3, 0, 0);
	drive_open(d, 1, 1, WEFT__ROLE_TOOL, 0);
	assert_true(drive_spawn(d, 1, 1, "", 64, NULL, nodes, NULL) > 0);
	count_by_node(nodes, 64, counts);
	assert_int_equal(counts[1], 16);
	assert_int_equal(counts[2], 48);
	drive_destroy(d);
}

static void single_spawns_take_turns_over_equal_nodes(void **state)
{
	struct drive *d = drive_vm(3, 4);
	size_t counts[8];
	uint32_t nodes[6];
	for (size_t i = 0; i < 6; i++)
		drive_spawn(d, 1, 1, "", 1, NULL, &nodes[i], NULL);
	count_by_node(nodes, 6, counts);
	assert_int_equal(nodes[0], 1);
	for (size_t i = 1; i <= 3; i++)
		assert_int_equal(counts[i], 2);
	drive_destroy(d);
}

static void named_hosts_share_evenly_in_the_order_given(void **state)
{
	struct drive *d = drive_vm(3, 1);
	uint32_t nodes[5];
	assert_true(drive_spawn(d, 1, 1, "local3,#1", 5, NULL, nodes, NULL) > 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(nodes[i], i < 3 ? 3 : 1);
	drive_destroy(d);
}

static void a_host_named_twice_gets_twice_as_many(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint32_t nodes[4];
	assert_true(drive_spawn(d, 1, 1, "home,#1,local2", 4, NULL, nodes, NULL) > 0);
	assert_int_equal(nodes[2], 1);
	assert_int_equal(nodes[3], 2);
	drive_destroy(d);
}

static void spawns_wait_for_the_first_nodes(void **state)
{
	struct drive *d = drive_create(2);
	static const struct weft__str argv[] = {{"prog", 4}};
	drive_join(d, 1, "home", 2, 0, 0);
	drive_open(d, 1, 1, WEFT__ROLE_TOOL, 0);
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .count = 2, .argv = {argv, 1}}});
	assert_false(drive_has(d, 1, 0, WEFT__MSG_LAUNCH));
	drive_join(d, 2, "local2", 2, 0, 0);
	assert_true(drive_has(d, 1, 0, WEFT__MSG_LAUNCH));
	assert_true(drive_has(d, 2, 0, WEFT__MSG_LAUNCH));
	drive_destroy(d);
}

static void spawns_wait_no_longer_when_a_first_node_fails(void **state)
{
	struct drive *d = drive_create(2);
	drive_join(d, 1, "home", 2, 0, 0);
	drive_open(d, 1, 1, WEFT__ROLE_TOOL, 0);
	static const struct weft__str argv[] = {{"prog", 4}};
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .count = 2, .argv = {argv, 1}}});
	drive_send(d, 1,
	           &(struct weft__msg){.code = WEFT__MSG_NODE_FAILED,
	                               .node_failed = {.node = 2, .incarnation = 2, .code = WEFT_ENONODE, .text = weft__str("no")}});
	assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch.tids.n, 2);
	drive_destroy(d);
}

/* --- bad input ----------------------------------------------------------------------------------------- */

static void check_refused(struct drive *d, struct weft__msg_spawn spawn, int code, const char *text)
{
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = spawn});
	const struct weft__msg_spawned *s = &drive_take(d, 1, 1, WEFT__MSG_SPAWNED)->spawned;
	assert_int_equal(s->code, code);
	assert_int_equal(s->req, spawn.req);
	if (!strstr(s->text.p, text))
		fail_msg("\"%s\" does not say \"%s\"", s->text.p, text);
	assert_false(drive_has(d, 1, 0, WEFT__MSG_LAUNCH));
}

static void bad_spawns_are_refused_with_words(void **state)
{
	struct drive *d = drive_vm(2, 2);
	static const struct weft__str argv[] = {{"prog", 4}}, nothing[] = {{"", 0}};
	const struct weft__strs prog = {argv, 1};
	check_refused(d, (struct weft__msg_spawn){.req = 1, .argv = prog}, WEFT_EINVAL, "0 tasks");
	check_refused(d, (struct weft__msg_spawn){.req = 2, .count = 1}, WEFT_EINVAL, "no program");
	check_refused(d, (struct weft__msg_spawn){.req = 3, .count = 1, .argv = {nothing, 1}}, WEFT_EINVAL, "no program");
	check_refused(d, (struct weft__msg_spawn){.req = 4, .count = 1, .argv = prog, .host = weft__str("moon")}, WEFT_ENONODE,
	              "\"moon\"; there are home (#1), local2 (#2)");
	check_refused(d, (struct weft__msg_spawn){.req = 5, .count = 1, .argv = prog, .host = weft__str("#7")}, WEFT_ENONODE, "#7");
	check_refused(d, (struct weft__msg_spawn){.req = 6, .count = 1, .argv = prog, .host = weft__str("home,,local2")}, WEFT_EINVAL,
	              "empty host");
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 7, .more = 1, .count = 65536, .argv = prog}});
	check_refused(d, (struct weft__msg_spawn){.req = 7, .count = 1, .argv = prog}, WEFT_ETOOBIG, "at most 65536");
	drive_destroy(d);
}

static void too_long_arguments_are_refused(void **state)
{
	struct drive *d = drive_vm(1, 2);
	size_t size = WEFT__ARGS_BYTES / 2;
	char *text = weft__malloc(size + 1);
	memset(text, 'x', size);
	text[size] = '\0';
	struct weft__str argv[] = {{text, size}, {text, size}};
	check_refused(d, (struct weft__msg_spawn){.req = 1, .count = 1, .argv = {argv, 2}}, WEFT_ETOOBIG, "arguments and environment");
	weft__free(text);
	drive_destroy(d);
}

static void one_bad_program_refuses_the_whole_job(void **state)
{
	struct drive *d = drive_vm(1, 2);
	static const struct weft__str argv[] = {{"prog", 4}};
	struct weft__msg m = {.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .more = 1, .count = 2, .argv = {argv, 1}}};
	m.spawn.host = weft__str("moon");
	drive_ask(d, 1, 1, &m);
	check_refused(d, (struct weft__msg_spawn){.req = 1, .count = 1, .argv = {argv, 1}}, WEFT_ENONODE, "moon");
	struct coord_counts n;
	coord_count(d->c, &n);
	assert_int_equal(n.live_jobs + n.asks + n.drafts, 0);
	drive_destroy(d);
}

static void too_many_jobs_described_in_part_are_refused(void **state)
{
	struct drive *d = drive_vm(1, 2);
	static const struct weft__str argv[] = {{"prog", 4}};
	for (uint64_t req = 1; req <= COORD_DRAFTS_MAX; req++)
		drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = req,
		        .more = 1, .count = 1, .argv = {argv, 1}}});
	check_refused(d, (struct weft__msg_spawn){.req = 90, .count = 1, .argv = {argv, 1}}, WEFT_EAGAIN, "under way");
	drive_destroy(d);
}

/* --- what goes out ----------------------------------------------------------------------------------------- */

static void several_programs_make_one_job(void **state)
{
	struct drive *d = drive_vm(1, 8);
	static const struct weft__str a[] = {{"a", 1}}, b[] = {{"b", 1}};
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .more = 1, .count = 2, .argv = {a, 1}}});
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .count = 3, .argv = {b, 1}}});
	const struct weft__msg_team *t = &drive_take(d, 1, 0, WEFT__MSG_TEAM)->team;
	assert_int_equal(t->tids.n, 5);
	const struct weft__msg_launch *first = &drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch;
	const struct weft__msg_launch *second = &drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch;
	assert_string_equal(first->argv.p[0].p, "a");
	assert_string_equal(second->argv.p[0].p, "b");
	assert_int_equal(first->last, 0);
	assert_int_equal(second->last, 1);
	assert_int_equal(second->ranks.p[0], 2);
	assert_int_equal(second->tids.p[0], t->tids.p[2]);
	assert_int_equal(first->size, 5);
	drive_destroy(d);
}

static void a_huge_job_with_a_huge_environment_fits_its_frames(void **state)
{
	struct drive *d = drive_vm(1, 2);
	size_t size = 150 * 1024 / 2, seen = 0, spawned = 0;
	char *text = weft__malloc(size + 1);
	memset(text, 'x', size);
	text[size] = '\0';
	struct weft__str argv[] = {{"prog", 4}}, env[] = {{text, size}, {text, size}};
	uint64_t *tids = weft__calloc(65536, sizeof *tids);
	drive_ask(d, 1, 1,
	          &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .count = 65536, .argv = {argv, 1}, .env = {env, 2}}});
	for (bool last = false; !last;) {
		const struct weft__msg_launch *l = &drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch;
		last = l->last;
		assert_int_equal(l->env.p[1].n, size);
		for (size_t i = 0; i < l->tids.n; i++, seen++) {
			assert_int_equal(l->ranks.p[i], seen);
			tids[seen] = l->tids.p[i];
		}
	}
	assert_int_equal(seen, 65536);
	assert_false(drive_has(d, 1, 0, WEFT__MSG_LAUNCH));
	for (size_t i = 0; i < seen; i++)
		drive_started(d, tids[i]);
	while (spawned < 65536) {
		const struct weft__msg_spawned *s = &drive_take(d, 1, 1, WEFT__MSG_SPAWNED)->spawned;
		assert_int_equal(s->first, spawned);
		assert_int_equal(s->tids.p[0], tids[spawned]);
		spawned += s->tids.n;
	}
	weft__free(tids);
	weft__free(text);
	drive_destroy(d);
}

static void the_answer_comes_when_all_are_decided_and_names_the_failure(void **state)
{
	struct drive *d = drive_vm(1, 4);
	uint64_t tids[3];
	uint32_t job = drive_spawn(d, 1, 1, "", 3, tids, NULL, NULL);
	drive_started(d, tids[2]);
	drive_send(d, 1,
	           &(struct weft__msg){.code = WEFT__MSG_START_FAILED,
	                               .start_failed = {.tid = tids[0], .code = WEFT_ENOSPC, .text = weft__str("no processes left")}});
	assert_false(drive_has(d, 1, 1, WEFT__MSG_SPAWNED));
	drive_exited(d, tids[1], 3, 0); /* it was so quick that nobody said STARTED */
	const struct weft__msg_spawned *s = &drive_take(d, 1, 1, WEFT__MSG_SPAWNED)->spawned;
	assert_int_equal(s->code, 0);
	assert_int_equal(s->job, job);
	assert_int_equal(s->errors.p[0], -WEFT_ENOSPC);
	assert_int_equal(s->errors.p[1], 0);
	assert_int_equal(s->errors.p[2], 0);
	assert_string_equal(s->text.p, "no processes left");
	drive_destroy(d);
}

static void the_answer_is_an_error_when_nothing_started(void **state)
{
	struct drive *d = drive_vm(1, 4);
	uint64_t tids[2];
	drive_spawn(d, 1, 1, "", 2, tids, NULL, NULL);
	for (size_t i = 0; i < 2; i++)
		drive_send(d, 1,
		           &(struct weft__msg){.code = WEFT__MSG_START_FAILED,
		                               .start_failed = {.tid = tids[i], .code = WEFT_ENOFILE, .text = weft__str("not found")}});
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_SPAWNED)->spawned.code, WEFT_ENOFILE);
	for (size_t i = 0; i < 2; i++) {
		const struct weft__msg_job_event *e = &drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT)->job_event;
		assert_int_equal(e->state, WEFT__JOB_EVENT_EXITED);
		assert_int_equal(e->code, WEFT_ENOFILE);
		assert_int_equal(e->flags, WEFT__EXIT_START);
	}
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT)->job_event.state, WEFT__JOB_EVENT_DONE);
	drive_destroy(d);
}

/* --- trees of jobs -------------------------------------------------------------------------------------- */

static void children_report_to_the_tool_of_their_parent_and_die_with_it(void **state)
{
	struct drive *d = drive_vm(2, 4);
	uint64_t tid, child;
	uint32_t at, root = drive_spawn(d, 1, 1, "#2", 1, &tid, &at, NULL);
	drive_started(d, tid);
	drive_open(d, 2, 5, WEFT__ROLE_TASK, tid);
	uint32_t job = drive_spawn(d, 2, 5, "#1", 1, &child, NULL, NULL);
	drive_started(d, child);
	drive_take(d, 2, 5, WEFT__MSG_SPAWNED);
	drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT);
	const struct weft__msg_job_event *e = &drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT)->job_event;
	assert_int_equal(e->job, job);
	assert_int_equal(e->root, root);
	assert_int_equal(e->tid, child);
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = 1}});
	assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.job, job);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.job, root);
	/* a child that is born in the last moment must not escape */
	int code = 0;
	assert_int_equal(drive_spawn(d, 2, 5, "", 1, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_ECANCELED);
	drive_destroy(d);
}

static void the_output_of_a_job_without_a_tool_goes_to_the_log_at_home(void **state)
{
	struct drive *d = drive_vm(1, 4);
	static const struct weft__str argv[] = {{"prog", 4}};
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .count = 1, .argv = {argv, 1}}});
	const struct weft__msg_launch *l = &drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch;
	assert_int_equal(l->sink_node, 1);
	assert_int_equal(l->sink_client, 0);
	drive_started(d, l->tids.p[0]);
	assert_false(drive_has(d, 1, 1, WEFT__MSG_JOB_EVENT));
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = 1}});
	assert_false(drive_has(d, 1, 0, WEFT__MSG_TASK_SIGNAL));
	drive_destroy(d);
}

static void a_job_that_stays_survives_its_tool_with_its_children(void **state)
{
	struct drive *d = drive_vm(1, 4);
	static const struct weft__str argv[] = {{"prog", 4}};
	uint64_t child;
	drive_ask(d, 1, 1,
	          &(struct weft__msg){.code  = WEFT__MSG_SPAWN,
	                              .spawn = {.req   = 1,
	                                        .flags = WEFT__SPAWN_ATTACHED | WEFT__SPAWN_STAYS,
	                                        .count = 1,
	                                        .argv  = {argv, 1}}});
	const struct weft__msg_launch *l = &drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch;
	uint64_t tid = l->tids.p[0];
	assert_int_equal(l->sink_client, 1);
	assert_true(l->flags & WEFT__SPAWN_STAYS);
	drive_started(d, tid);
	drive_open(d, 1, 5, WEFT__ROLE_TASK, tid);
	drive_spawn(d, 1, 5, "", 1, &child, NULL, NULL);
	drive_started(d, child);
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = 1}});
	assert_false(drive_has(d, 1, 0, WEFT__MSG_TASK_SIGNAL));
	drive_exited(d, tid, 0, 0);
	drive_exited(d, child, 0, 0);
	drive_destroy(d);
}

/* --- signals, statuses ------------------------------------------------------------------------------------ */

static int signal_of(struct drive *d, uint64_t tid, uint64_t job, uint64_t signo)
{
	return drive_result(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SIGNAL, .signal = {1, tid, job, signo}}, NULL);
}

static void signals_reach_the_node_of_the_task_or_all_nodes_of_the_job(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint64_t tids[4];
	uint32_t job = drive_spawn(d, 1, 1, "", 4, tids, NULL, NULL);
	assert_int_equal(signal_of(d, tids[3], 0, 10), 0);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.tid, tids[3]);
	assert_int_equal(signal_of(d, 0, job, 15), 0);
	for (uint32_t n = 1; n <= 2; n++) {
		assert_int_equal(drive_take(d, n, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.job, job);
		assert_false(drive_has(d, n, 0, WEFT__MSG_TASK_SIGNAL));
	}
	assert_int_equal(signal_of(d, tids[0], 0, 0), 0); /* is it there? */
	assert_false(drive_has(d, 1, 0, WEFT__MSG_TASK_SIGNAL));
	drive_destroy(d);
}

static void signals_to_the_dead_and_the_unborn_are_errors(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	uint32_t job = drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	assert_int_equal(signal_of(d, tid + 1, 0, 9), WEFT_ENOTASK);
	assert_int_equal(signal_of(d, 0, job + 1, 9), WEFT_ENOTASK);
	drive_exited(d, tid, 0, 0);
	assert_int_equal(signal_of(d, tid, 0, 9), WEFT_ENOTASK);
	assert_int_equal(signal_of(d, 0, job, 9), WEFT_ENOTASK);
	drive_destroy(d);
}

static const struct weft__msg_status *wait_for(struct drive *d, uint32_t client, uint64_t req, uint64_t tid)
{
	drive_ask(d, 1, client, &(struct weft__msg){.code = WEFT__MSG_WAIT, .wait = {req, tid}});
	return drive_has(d, 1, client, WEFT__MSG_STATUS) ? &drive_take(d, 1, client, WEFT__MSG_STATUS)->status : NULL;
}

static void a_status_is_handed_out_once_to_each_asker(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	drive_open(d, 1, 2, WEFT__ROLE_TOOL, 0);
	assert_null(wait_for(d, 1, 1, tid));
	drive_exited(d, tid, -1, 11);
	const struct weft__msg_status *s = &drive_take(d, 1, 1, WEFT__MSG_STATUS)->status;
	assert_int_equal(s->code, 0);
	assert_int_equal(s->signo, 11);
	assert_int_equal(s->utime_us, 5);
	assert_int_equal(wait_for(d, 1, 2, tid)->code, WEFT_ENOTASK);
	assert_int_equal(wait_for(d, 2, 3, tid)->code, 0);
	assert_int_equal(wait_for(d, 2, 4, tid)->code, WEFT_ENOTASK);
	assert_int_equal(wait_for(d, 2, 5, 12345)->code, WEFT_ENOTASK);
	drive_destroy(d);
}

static void a_status_that_crossed_a_forget_is_there_for_the_next_wait(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	assert_null(wait_for(d, 1, 1, tid));
	drive_exited(d, tid, 0, 0);
	drive_take(d, 1, 1, WEFT__MSG_STATUS);
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {1}});
	assert_int_equal(wait_for(d, 1, 2, tid)->code, 0);
	drive_destroy(d);
}

static void a_forgotten_wait_is_not_answered(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	assert_null(wait_for(d, 1, 1, tid));
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {1}});
	drive_exited(d, tid, 0, 0);
	assert_false(drive_has(d, 1, 1, WEFT__MSG_STATUS));
	assert_int_equal(wait_for(d, 1, 2, tid)->code, 0);
	drive_destroy(d);
}

static void too_many_questions_of_one_client_are_refused(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	drive_started(d, tid);
	for (uint64_t i = 0; i < COORD_ASKS_MAX; i++)
		assert_null(wait_for(d, 1, i, tid));
	assert_int_equal(wait_for(d, 1, 9999, tid)->code, WEFT_EAGAIN);
	drive_destroy(d);
}

static void the_oldest_statuses_are_forgotten_first(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t first = 0, tid = 0, *tids = weft__calloc(65535, sizeof *tids);
	drive_spawn(d, 1, 1, "", 1, &first, NULL, NULL);
	drive_exited(d, first, 0, 0);
	drive_spawn(d, 1, 1, "", 65535, tids, NULL, NULL);
	for (size_t i = 0; i < 65535; i++)
		drive_exited(d, tids[i], 0, 0);
	assert_int_equal(wait_for(d, 1, 2, first)->code, 0); /* 65536 are remembered */
	drive_open(d, 1, 2, WEFT__ROLE_TOOL, 0);
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	drive_exited(d, tid, 0, 0);
	assert_int_equal(wait_for(d, 2, 3, first)->code, WEFT_ENOTASK);
	assert_int_equal(wait_for(d, 2, 4, tids[0])->code, 0);
	weft__free(tids);
	drive_destroy(d);
}

/* --- tids ------------------------------------------------------------------------------------------------- */

static void tids_run_through_all_slots_before_the_generation_rises(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	assert_int_equal(tid_next(d->c, 3, &tid), 0);
	assert_int_equal(weft__tid_node((weft_tid_t){tid}), 3);
	assert_int_equal(weft__tid_local((weft_tid_t){tid}), 1);
	for (uint32_t i = 1; i < WEFT__LOCAL_MAX; i++)
		tid_next(d->c, 3, &tid);
	assert_int_equal(weft__tid_local((weft_tid_t){tid}), WEFT__LOCAL_MAX);
	assert_int_equal(weft__tid_generation((weft_tid_t){tid}), 0);
	tid_next(d->c, 3, &tid);
	assert_int_equal(weft__tid_local((weft_tid_t){tid}), 1);
	assert_int_equal(weft__tid_generation((weft_tid_t){tid}), 1);
	drive_destroy(d);
}

static void the_slot_of_a_task_that_lives_is_skipped(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t old, tid;
	drive_spawn(d, 1, 1, "", 1, &old, NULL, NULL);
	d->c->seats[1].ntids = WEFT__LOCAL_MAX; /* all slots once round */
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	assert_int_not_equal(weft__tid_slot((weft_tid_t){tid}), weft__tid_slot((weft_tid_t){old}));
	assert_int_equal(weft__tid_generation((weft_tid_t){tid}), 1);
	drive_destroy(d);
}

static void tids_end_with_the_last_generation(void **state)
{
	struct drive *d = drive_vm(1, 1);
	uint64_t tid;
	d->c->seats[3].ntids = (UINT64_C(1) << 33) * WEFT__LOCAL_MAX - 1;
	assert_int_equal(tid_next(d->c, 3, &tid), 0);
	assert_int_equal(tid_next(d->c, 3, &tid), WEFT_ENOSPC);
	drive_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(tasks_are_shared_over_the_free_cores_with_ranks_in_a_row),
	        cmocka_unit_test(even_with_many_cores_tasks_go_to_all_nodes),
	        cmocka_unit_test(a_larger_node_gets_more),
	        cmocka_unit_test(more_tasks_than_cores_run_all_the_same_by_load),
	        cmocka_unit_test(single_spawns_take_turns_over_equal_nodes),
	        cmocka_unit_test(named_hosts_share_evenly_in_the_order_given),
	        cmocka_unit_test(a_host_named_twice_gets_twice_as_many),
	        cmocka_unit_test(spawns_wait_for_the_first_nodes),
	        cmocka_unit_test(spawns_wait_no_longer_when_a_first_node_fails),
	        cmocka_unit_test(bad_spawns_are_refused_with_words),
	        cmocka_unit_test(too_long_arguments_are_refused),
	        cmocka_unit_test(one_bad_program_refuses_the_whole_job),
	        cmocka_unit_test(too_many_jobs_described_in_part_are_refused),
	        cmocka_unit_test(several_programs_make_one_job),
	        cmocka_unit_test(a_huge_job_with_a_huge_environment_fits_its_frames),
	        cmocka_unit_test(the_answer_comes_when_all_are_decided_and_names_the_failure),
	        cmocka_unit_test(the_answer_is_an_error_when_nothing_started),
	        cmocka_unit_test(children_report_to_the_tool_of_their_parent_and_die_with_it),
	        cmocka_unit_test(the_output_of_a_job_without_a_tool_goes_to_the_log_at_home),
	        cmocka_unit_test(a_job_that_stays_survives_its_tool_with_its_children),
	        cmocka_unit_test(signals_reach_the_node_of_the_task_or_all_nodes_of_the_job),
	        cmocka_unit_test(signals_to_the_dead_and_the_unborn_are_errors),
	        cmocka_unit_test(a_status_is_handed_out_once_to_each_asker),
	        cmocka_unit_test(a_status_that_crossed_a_forget_is_there_for_the_next_wait),
	        cmocka_unit_test(a_forgotten_wait_is_not_answered),
	        cmocka_unit_test(too_many_questions_of_one_client_are_refused),
	        cmocka_unit_test(the_oldest_statuses_are_forgotten_first),
	        cmocka_unit_test(tids_run_through_all_slots_before_the_generation_rises),
	        cmocka_unit_test(the_slot_of_a_task_that_lives_is_skipped),
	        cmocka_unit_test(tids_end_with_the_last_generation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
