/* test_runner.c - when a job is done and what it counts for, in whatever order its news comes. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/runner.h"
#include "tests/base/test.h"
#include "tests/console/fake.h"

enum { JOB = 4, CHILD = 5 };

struct scene {
	struct fake fake;
	struct runner *runner;
	struct runner_root *root;
	char path[64]; /* where the output goes */
	uint64_t sent; /* by the task VM */
	bool finished, failed, started, closed;
};

static void on_started(void *arg, struct runner_root *root)
{
	((struct scene *)arg)->started = true;
}

static void on_failed(void *arg, struct runner_root *root)
{
	((struct scene *)arg)->failed = true;
}

static void on_finished(void *arg, struct runner_root *root)
{
	((struct scene *)arg)->finished = true;
}

static void on_closed(void *arg, int code, const char *text)
{
	((struct scene *)arg)->closed = true;
}

static void welcome(struct fake *f, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_HELLO)
		fake_welcome(f);
}

/* A session whose SPAWN is under way. */
static void begin(struct scene *s)
{
	static const struct runner_handler handler = {
	        .started = on_started, .failed = on_failed, .finished = on_finished, .closed = on_closed};
	struct weft_error e;
	*s     = (struct scene){.path = "/tmp/weft-test-runner.XXXXXX"};
	int fd = mkstemp(s->path);
	assert_true(fd >= 0);
	close(fd);
	fake_open(&s->fake, welcome);
	struct output_config config = {.label = true, .file = s->path};
	assert_int_equal(runner_create(&s->fake.loop, s->fake.session, &config, &s->runner, &e), 0);
	s->root = runner_add(s->runner, &handler, s);
	assert_non_null(s->root);
	struct weft__msg m = {.code = WEFT__MSG_SPAWN, .spawn = {.count = 2, .argv = {0}}};
	s->root->req       = session_ask(s->fake.session, &m, runner_answer, s->root);
	assert_true(s->root->req > 0);
	fake_settle(&s->fake);
}

static void end(struct scene *s)
{
	runner_destroy(&s->runner);
	fake_close(&s->fake);
	unlink(s->path);
}

static void spawned(struct scene *s, unsigned size, unsigned first, unsigned n, int code)
{
	static const uint64_t tids[8] = {101, 102, 103, 104, 105, 106, 107, 108}, none[8] = {0};
	struct weft__msg m = {.code    = WEFT__MSG_SPAWNED,
	                      .spawned = {.req    = (uint64_t)s->root->req,
	                                  .code   = code,
	                                  .text   = weft__str(code ? "no such node" : ""),
	                                  .job    = code ? 0 : JOB,
	                                  .size   = size,
	                                  .first  = first,
	                                  .tids   = {tids + first, n},
	                                  .errors = {none, n}}};
	fake_send(&s->fake, &m);
	fake_settle(&s->fake);
}

static void event(struct scene *s, struct weft__msg_job_event event)
{
	struct weft__msg m = {.code = WEFT__MSG_JOB_EVENT, .job_event = event};
	m.job_event.root   = JOB;
	if (!m.job_event.job)
		m.job_event.job = JOB;
	m.job_event.node = 1;
	m.job_event.host = weft__str("testhost");
	fake_send(&s->fake, &m);
	fake_settle(&s->fake);
}

static void starts(struct scene *s, uint64_t tid)
{
	event(s, (struct weft__msg_job_event){.tid = tid, .rank = tid - 101, .state = 1, .pid = 1000 + tid});
}

static void ends(struct scene *s, uint64_t tid, int code)
{
	event(s, (struct weft__msg_job_event){
	                 .tid = tid, .rank = tid - 101, .state = 2, .pid = 1000 + tid, .exit_code = code});
}

static void done(struct scene *s, uint32_t job)
{
	event(s, (struct weft__msg_job_event){.job = job, .state = 3});
}

static void writes(struct scene *s, uint64_t tid, const char *text)
{
	struct weft__msg m = {.code   = WEFT__MSG_OUTPUT,
	                      .output = {.job    = JOB,
	                                 .node   = 1,
	                                 .offset = s->sent,
	                                 .tid    = tid,
	                                 .rank   = tid - 101,
	                                 .stream = 1,
	                                 .bytes  = {text, strlen(text)}}};
	s->sent += strlen(text);
	fake_send(&s->fake, &m);
	fake_settle(&s->fake);
}

static void output_ends(struct scene *s, uint64_t tid)
{
	struct weft__msg m = {
	        .code       = WEFT__MSG_OUTPUT_END,
	        .output_end = {.job = JOB, .node = 1, .offset = s->sent++, .tid = tid, .rank = tid - 101}};
	fake_send(&s->fake, &m);
	fake_settle(&s->fake);
}

static void expect_output(struct scene *s, const char *text)
{
	char got[256] = "";
	FILE *f       = fopen(s->path, "r");
	assert_non_null(f);
	got[fread(got, 1, sizeof got - 1, f)] = '\0';
	fclose(f);
	assert_string_equal(got, text);
}

static void a_job_is_done_when_its_tasks_have_ended_and_their_output_has_come(void **state)
{
	struct scene s;
	begin(&s);
	starts(&s, 101);
	assert_true(s.started);
	starts(&s, 102);
	spawned(&s, 2, 0, 2, 0);
	writes(&s, 101, "hello\n");
	ends(&s, 101, 0);
	ends(&s, 102, 0);
	output_ends(&s, 101);
	done(&s, JOB);
	assert_false(s.finished); /* output of 102 may still come */
	writes(&s, 102, "late\n");
	output_ends(&s, 102);
	assert_true(s.finished);
	assert_int_equal(s.root->status, 0);
	expect_output(&s, "[0] hello\n[1] late\n");
	assert_int_equal(s.fake.acknowledged, strlen("hello\nlate\n") + 2);
	end(&s);
}

static void output_may_come_before_anything_is_known_of_its_task(void **state)
{
	struct scene s;
	begin(&s);
	writes(&s, 101, "early\n");
	output_ends(&s, 101);
	starts(&s, 101);
	ends(&s, 101, 7);
	done(&s, JOB);
	assert_false(s.finished); /* SPAWNED has not come */
	spawned(&s, 1, 0, 1, 0);
	assert_true(s.finished);
	assert_int_equal(s.root->status, 7);
	expect_output(&s, "[0] early\n");
	end(&s);
}

static void a_lost_task_is_not_waited_for(void **state)
{
	struct scene s;
	begin(&s);
	spawned(&s, 1, 0, 1, 0);
	starts(&s, 101);
	event(&s, (struct weft__msg_job_event){.tid = 101, .state = 2, .exit_code = -1, .flags = WEFT__EXIT_LOST});
	done(&s, JOB);
	assert_true(s.finished);
	assert_int_equal(s.root->status, 125);
	output_ends(&s, 101); /* it comes in spite of it, and harms nobody */
	end(&s);
}

static void output_that_a_node_took_along_is_given_up(void **state)
{
	struct scene s;
	begin(&s);
	spawned(&s, 1, 0, 1, 0);
	starts(&s, 101);
	ends(&s, 101, 3);
	done(&s, JOB);
	assert_false(s.finished);
	while (!s.finished) /* ends by the runner's own timer */
		uv_run(&s.fake.loop, UV_RUN_ONCE);
	assert_int_equal(s.root->status, 3);
	assert_int_equal(s.root->nsilent, 1);
	output_ends(&s, 101); /* it comes in spite of it, and harms nobody */
	end(&s);
}

static void the_largest_code_counts_and_the_first_failure_is_told(void **state)
{
	struct scene s;
	char text[512];
	begin(&s);
	spawned(&s, 3, 0, 3, 0);
	for (uint64_t tid = 101; tid <= 103; tid++) {
		starts(&s, tid);
		output_ends(&s, tid);
	}
	ends(&s, 102, 3);
	event(&s, (struct weft__msg_job_event){.tid = 101, .state = 2, .exit_code = -1, .signo = 9});
	ends(&s, 103, 200);
	done(&s, JOB);
	assert_true(s.finished);
	assert_int_equal(s.root->status, 200);
	assert_int_equal(s.root->nfailed, 3);
	runner_describe(&s.root->first, text, sizeof text);
	assert_true(strstr(text, "rank 1 (t") == text);
	assert_true(strstr(text, "on testhost, pid 1102, exited with code 3 after ") != NULL);
	end(&s);
}

static void descendants_hold_the_end_but_do_not_count(void **state)
{
	struct scene s;
	begin(&s);
	spawned(&s, 1, 0, 1, 0);
	starts(&s, 101);
	event(&s, (struct weft__msg_job_event){.job = CHILD, .tid = 201, .state = 1, .pid = 9});
	output_ends(&s, 101);
	ends(&s, 101, 0);
	done(&s, JOB);
	assert_false(s.finished);
	event(&s, (struct weft__msg_job_event){.job = CHILD, .tid = 201, .state = 2, .exit_code = -1, .signo = 11});
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_END, .output_end = {.job = CHILD, .tid = 201}};
	fake_send(&s.fake, &m);
	fake_settle(&s.fake);
	done(&s, CHILD);
	assert_true(s.finished);
	assert_int_equal(s.root->status, 0);
	assert_int_equal(s.root->nfailed, 0);
	end(&s);
}

static void no_job_at_all_is_the_end_of_it(void **state)
{
	struct scene s;
	begin(&s);
	spawned(&s, 2, 0, 0, WEFT_ENONODE);
	assert_true(s.failed);
	assert_true(s.finished);
	assert_int_equal(s.root->error.code, WEFT_ENONODE);
	assert_string_equal(s.root->error.text, "no such node");
	end(&s);
}

static void an_answer_in_parts_is_complete_with_the_last(void **state)
{
	struct scene s;
	begin(&s);
	spawned(&s, 4, 0, 2, 0);
	assert_false(s.root->answered);
	spawned(&s, 4, 2, 2, 0);
	assert_true(s.root->answered);
	end(&s);
}

static void a_task_that_never_ran_sends_no_output(void **state)
{
	struct scene s;
	char text[512];
	begin(&s);
	event(&s, (struct weft__msg_job_event){.tid       = 101,
	                                       .state     = 2,
	                                       .exit_code = -1,
	                                       .flags     = WEFT__EXIT_START,
	                                       .code      = WEFT_ENOFILE,
	                                       .text      = weft__str("no such file")});
	done(&s, JOB);
	spawned(&s, 1, 0, 1, 0);
	assert_true(s.finished);
	assert_int_equal(s.root->status, 127);
	runner_describe(&s.root->first, text, sizeof text);
	assert_true(strstr(text, "could not be started: no such file") != NULL);
	end(&s);
}

static void signals_go_to_all_jobs_that_live(void **state)
{
	struct scene s;
	begin(&s);
	assert_false(runner_signal(s.runner, s.root, 15));
	spawned(&s, 1, 0, 1, 0);
	starts(&s, 101);
	event(&s, (struct weft__msg_job_event){.job = CHILD, .tid = 201, .state = 1, .pid = 9});
	size_t before = s.fake.nreceived;
	assert_true(runner_signal(s.runner, s.root, 15));
	fake_settle(&s.fake);
	assert_int_equal(s.fake.nreceived, before + 2);
	assert_int_equal(s.fake.received[before], WEFT__MSG_SIGNAL);
	assert_int_equal(s.fake.received[before + 1], WEFT__MSG_SIGNAL);
	end(&s);
}

static void the_machines_end_is_told(void **state)
{
	struct scene s;
	begin(&s);
	starts(&s, 101);
	fake_hang_up(&s.fake);
	fake_settle(&s.fake);
	assert_true(s.closed);
	assert_false(s.finished);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_job_is_done_when_its_tasks_have_ended_and_their_output_has_come),
	        cmocka_unit_test(output_may_come_before_anything_is_known_of_its_task),
	        cmocka_unit_test(a_lost_task_is_not_waited_for),
	        cmocka_unit_test(output_that_a_node_took_along_is_given_up),
	        cmocka_unit_test(the_largest_code_counts_and_the_first_failure_is_told),
	        cmocka_unit_test(descendants_hold_the_end_but_do_not_count),
	        cmocka_unit_test(no_job_at_all_is_the_end_of_it),
	        cmocka_unit_test(an_answer_in_parts_is_complete_with_the_last),
	        cmocka_unit_test(a_task_that_never_ran_sends_no_output),
	        cmocka_unit_test(signals_go_to_all_jobs_that_live),
	        cmocka_unit_test(the_machines_end_is_told),
	};
	return cmocka_run_group_tests_name("console/runner", tests, NULL, NULL);
}
