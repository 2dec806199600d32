/* The clients of weftd: who may come in, what they may say, and how tasks are introduced to each other. Run as
 * "test_clients task ..." it is one of the tasks.
 */
#include "config.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/node/actor.h"
#include "tests/node/rig.h"

/* --- clients ---------------------------------------------------------------------------------------- */

static void questions_go_up_and_answers_come_down(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client;
	rig_tool(r, &tool, &client);
	struct weft__msg ask = {.code = WEFT__MSG_NAME_GET, .name_get = {.req = 77, .name = weft__str("x")}};
	fake_send(&tool, &ask, -1);
	fake_expect(&r->coord, WEFT__MSG_UP, &m);
	assert_int_equal(m.up.client, client);
	struct weft__msg value = {.code = WEFT__MSG_NAME_VALUE, .name_value = {.req = 77, .value = {"v", 1}}};
	struct weft__buf body = {0};
	weft__msg_encode_body(&body, &value, NULL);
	struct weft__msg down = {.code = WEFT__MSG_DOWN, .down = {.client = client, .frame = {body.data, body.len}}};
	fake_send(&r->coord, &down, -1);
	down.down.client = client + 1; /* nobody: dropped */
	fake_send(&r->coord, &down, -1);
	weft__buf_fini(&body);
	fake_expect(&tool, WEFT__MSG_NAME_VALUE, &m);
	assert_int_equal(m.name_value.req, 77);
	fake_fini(&tool);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_CLOSE, &m);
	rig_halt(r);
}

static void expect_refused(struct rig *r, const struct weft__msg *hello, int code, const char *part)
{
	struct fake f = {0};
	struct weft__msg m;
	rig_connect(r, &f, WEFT__ROLE_TASK);
	fake_send(&f, hello, -1);
	fake_expect(&f, WEFT__MSG_REFUSED, &m);
	assert_int_equal(m.refused.code, code);
	if (!strstr(m.refused.text.p, part))
		fail_msg("'%s' lacks '%s'", m.refused.text.p, part);
	assert_false(fake_next(&f, &m));
	fake_fini(&f);
}

static void who_may_not_come_in_is_told_why(void **state)
{
	struct rig *r = *state;
	struct weft__msg hello = {.code = WEFT__MSG_HELLO,
	                          .hello = {.version = WEFT__PROTO_VERSION + 1,
	                                    .release = weft__str("9.9"),
	                                    .role = WEFT__ROLE_TASK,
	                                    .name = weft__str("x")}};
	expect_refused(r, &hello, WEFT_EVERSION, "9.9");
	expect_refused(r, &hello, WEFT_EVERSION, PACKAGE_VERSION);
	hello.hello.version = WEFT__PROTO_VERSION;
	hello.hello.tid = rig_tid(1, 0);
	expect_refused(r, &hello, WEFT_EDENIED, "WEFT_FD");
	hello.hello.tid = 0;
	hello.hello.role = WEFT__ROLE_NODE;
	expect_refused(r, &hello, WEFT_EDENIED, "tasks and tools");
	hello.hello.role = WEFT__ROLE_TASKVM;
	expect_refused(r, &hello, WEFT_EDENIED, "tasks and tools");
	hello.hello.role = 99;
	expect_refused(r, &hello, WEFT_EDENIED, "tasks and tools");
	rig_halt(r);
}

static void expect_closed(struct rig *r, struct fake *f, const void *bytes, size_t nbytes)
{
	struct weft__msg m;
	fake_send_raw(f, bytes, nbytes);
	while (fake_next(f, &m))
		;
	fake_fini(f);
	*f = (struct fake){0};
}

static void bad_bytes_close_the_connection_and_nothing_else(void **state)
{
	struct rig *r = *state;
	struct fake f = {0}, witness = {0};
	struct weft__buf frame = {0};
	static uint8_t noise[1000];
	struct weft__rng rng;
	rig_tool(r, &witness, NULL);
	rig_connect(r, &f, WEFT__ROLE_TOOL);
	expect_closed(r, &f, "x", 1);
	rig_connect(r, &f, WEFT__ROLE_TOOL);
	expect_closed(r, &f, "WF\1\0\xff\xff\xff\x7f", 8); /* says that it is huge */
	rig_tool(r, &f, NULL);
	expect_closed(r, &f, "WF\1\0\5\0\0\0\xdd\5\0\0\0", 13); /* the array that would reserve 2 GiB */
	/* A message that a tool may not send, before and after HELLO, and one cut short. */
	struct weft__msg wrong = {.code = WEFT__MSG_EXITED, .exited = {.tid = 1}};
	weft__msg_encode(&frame, &wrong, NULL);
	rig_connect(r, &f, WEFT__ROLE_TOOL);
	expect_closed(r, &f, frame.data, frame.len);
	rig_tool(r, &f, NULL);
	expect_closed(r, &f, frame.data, frame.len);
	rig_tool(r, &f, NULL);
	expect_closed(r, &f, frame.data, frame.len - 1);
	weft__rng_init(&rng, 42);
	for (int i = 0; i < 50; i++) {
		for (size_t j = 0; j < sizeof noise; j++)
			noise[j] = (uint8_t)weft__rng_next(&rng);
		memcpy(noise, "WF\1\0\xe0\3\0\0", 8); /* a right header, 992 bytes of noise */
		rig_tool(r, &f, NULL);
		expect_closed(r, &f, noise, sizeof noise);
	}
	assert_int_equal(rig_logged(r, "WEFT-PEER-BAD"), 56);
	struct weft__msg m, ask = {.code = WEFT__MSG_LOG_READ, .log_read = {.req = 1, .job = 1}};
	fake_send(&witness, &ask, -1);
	fake_expect(&witness, WEFT__MSG_LOG_BYTES, &m);
	weft__buf_fini(&frame);
	fake_fini(&witness);
	rig_halt(r);
}

static void descriptors_that_nobody_asked_for_are_closed(void **state)
{
	struct rig *r = *state;
	struct fake f = {0};
	struct weft__msg m;
	rig_tool(r, &f, NULL);
	int before = fake_count_fds(rig_daemon(r));
	struct weft__msg ask = {.code = WEFT__MSG_LOG_READ, .log_read = {.req = 1, .job = 1}};
	for (int i = 0; i < 100; i++) {
		fake_send(&f, &ask, 0);
		fake_expect(&f, WEFT__MSG_LOG_BYTES, &m);
	}
	struct weft__msg given = {.code = WEFT__MSG_STDIN};
	for (int i = 0; i < 100; i++) /* only the last one counts */
		fake_send(&f, &given, 0);
	fake_send(&f, &ask, -1);
	fake_expect(&f, WEFT__MSG_LOG_BYTES, &m);
	assert_int_equal(fake_count_fds(rig_daemon(r)), before + 1);
	fake_fini(&f);
	rig_halt(r);
}

/* Sends questions of 60,000 bytes until the daemon takes no more; how many it took, at most max. */
static size_t flood(struct fake *tool, size_t max)
{
	static char value[60000];
	struct weft__msg put = {.code = WEFT__MSG_NAME_PUT,
	                        .name_put = {.name = weft__str("x"), .value = {value, sizeof value}}};
	struct weft__buf frame = {0};
	size_t taken = 0;
	weft__msg_encode(&frame, &put, NULL);
	while (taken < max) {
		struct pollfd polled = {.fd = tool->fd, .events = POLLOUT};
		if (poll(&polled, 1, 500) == 0 || send(tool->fd, frame.data, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
		taken++;
	}
	weft__buf_fini(&frame);
	return taken;
}

static void clients_wait_while_the_coordinator_is_away(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg m;
	enum { MAX = 400 };
	fake_expect(&r->coord, WEFT__MSG_INVENTORY_END, &m);
	rig_tool(r, &tool, NULL);
	close(r->coord.fd);
	r->coord.fd = -1;
	size_t taken = flood(&tool, MAX), came = 0;
	assert_true(taken > 4 << 20 >> 16 && taken < MAX); /* 24 MB would have been too much */
	rig_join(r, 2, 2);
	while (came < taken) { /* none is lost; confirming them lets the client go on */
		fake_expect(&r->coord, WEFT__MSG_UP, &m);
		came++;
		r->seen = 2 + came;
		rig_beat(r, 0);
	}
	taken = flood(&tool, 5);
	assert_int_equal(taken, 5);
	for (came = 0; came < taken; came++)
		fake_expect(&r->coord, WEFT__MSG_UP, &m);
	assert_int_equal(rig_logged(r, "WEFT-CLIENTS-PAUSED paused=1"), 1);
	fake_fini(&tool);
	rig_halt(r);
}

/* --- introductions ---------------------------------------------------------------------------------- */

/* Runs two or three such tasks to their end; what each printed is in text[rank]. */
static void run_tasks(struct rig *r, uint64_t job, const char *const steps[3], char text[3][128])
{
	struct fake tool = {0};
	struct weft__msg m;
	uint64_t client, ntasks = steps[2] ? 3 : 2, ended = 0;
	size_t length[3] = {0};
	memset(text, 0, 3 * sizeof *text);
	rig_tool(r, &tool, &client);
	rig_launch(r, &(struct rig_launch){.job = job, .ntasks = ntasks, .client = client,
	                                   .argv = {actor_program(), "task", steps[0], steps[1], steps[2]}});
	while (ended < ntasks) {
		assert_true(fake_next(&tool, &m));
		ended += m.code == WEFT__MSG_OUTPUT_END;
		if (m.code != WEFT__MSG_OUTPUT)
			continue;
		assert_true(length[m.output.rank] + m.output.bytes.n < sizeof *text);
		memcpy(text[m.output.rank] + length[m.output.rank], m.output.bytes.p, m.output.bytes.n);
		length[m.output.rank] += m.output.bytes.n;
	}
	for (uint64_t i = 0; i < ntasks; i++) {
		fake_expect(&r->coord, WEFT__MSG_EXITED, &m);
		assert_int_equal(m.exited.exit_code, 0);
	}
	fake_fini(&tool);
}

static void two_tasks_are_introduced_once_whoever_asks(void **state)
{
	struct rig *r = *state;
	char text[3][128];
	const char *expected[2] = {"channel 0 kind 1 side 0\n", "channel 0 kind 1 side 1\n"};
	const char *const ways[4][3] = {
	        {"h c1 w s100", "h w s100"},       /* the lower one asks */
	        {"h w s100", "h c0 w s100"},       /* the higher one */
	        {"h c1 w s100", "h c0 w s100"},    /* both */
	        {"h c1 w s100", "s100 h w s100"},  /* before the other has enrolled */
	};
	for (int i = 0; i < 4; i++) {
		run_tasks(r, (uint64_t)i + 1, ways[i], text);
		assert_string_equal(text[0], expected[0]);
		/* Who leaves last may hear of the other's end, but was asked for nothing more. */
		assert_string_equal(text[1], expected[1]);
	}
	rig_halt(r);
}

static void who_asks_for_a_task_that_cannot_be_had_is_told(void **state)
{
	struct rig *r = *state;
	char text[3][128];
	run_tasks(r, 1, (const char *const[3]){"h c#12345 w c0 w", "s1"}, text); /* never was; oneself */
	assert_string_equal(text[0], "channel -3 kind 0 side 0\nchannel -1 kind 0 side 0\n");
	run_tasks(r, 2, (const char *const[3]){"h s300 c1 w", "s1"}, text); /* has ended */
	assert_string_equal(text[0], "channel -3 kind 0 side 0\n");
	run_tasks(r, 3, (const char *const[3]){"h c1 w", "s200"}, text); /* ends without having enrolled */
	assert_string_equal(text[0], "channel -3 kind 0 side 0\n");
	run_tasks(r, 4, (const char *const[3]){"h s200 c1 w", "h b s400"}, text); /* has left */
	assert_string_equal(text[0], "channel -3 kind 0 side 0\n");
	rig_halt(r);
}

static void the_partners_of_a_task_are_told_of_its_end(void **state)
{
	struct rig *r = *state;
	char text[3][128];
	run_tasks(r, 1, (const char *const[3]){"h c1 w c2 w g g", "h w s100", "h w s300 b s100"}, text);
	assert_string_equal(text[0], "channel 0 kind 1 side 0\nchannel 0 kind 1 side 0\ngone 1\ngone 2\n");
	rig_halt(r);
}

static void a_buffer_is_passed_to_the_partner_it_is_meant_for(void **state)
{
	struct rig *r = *state;
	char text[3][128];
	run_tasks(r, 1, (const char *const[3]){"h c1 w m1b m1o m1b s100", "h w r r r"}, text);
	assert_string_equal(text[1], "channel 0 kind 1 side 1\nshared 7 0 of 0: nothing\n"
	                             "shared 7 65536 of 0: sound\nshared 7 0 of 0: nothing\n");
	/* Rank 2 is no partner of 0's: it hears only of 1's. */
	run_tasks(r, 2, (const char *const[3]){"h m2o c1 w s100", "h w c2 w m2o s200", "h w r s100"}, text);
	assert_string_equal(text[2], "channel 0 kind 1 side 1\nshared 7 65536 of 1: sound\n");
	rig_halt(r);
}

static void who_shares_what_is_no_sealed_memory_is_closed(void **state)
{
	struct rig *r = *state;
	char text[3][128];
	/* Its connection has another holder, the task VM: it is not told, but no longer listened to. */
	const char *const steps[] = {"h c1 w m1u s50 m1o", "h c1 w m1s s50 m1o", "h c1 w m1n s50 m1o",
	                             "h c1 w m1p s50 m1o", "h c1 w m1f s50 m1o"};
	int before = fake_count_fds(rig_daemon(r));
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		run_tasks(r, i + 1, (const char *const[3]){steps[i], "h w g"}, text);
		assert_string_equal(text[1], "channel 0 kind 1 side 1\ngone 0\n");
	}
	assert_int_equal(rig_logged(r, "WEFT-PEER-BAD"), (int)(sizeof steps / sizeof *steps));
	rig_confirm(r);
	assert_int_equal(fake_await_fds(rig_daemon(r), before), before);
	rig_halt(r);
}

static void a_task_enrols_once_on_its_connection(void **state)
{
	struct rig *r = *state;
	char text[3][128];
	run_tasks(r, 1, (const char *const[3]){"h h", "h"}, text);
	assert_string_equal(text[0], "refused -24\n");
	rig_halt(r);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "task"))
		return actor_main(argv);
	const struct CMUnitTest tests[] = {
	        A_TEST(questions_go_up_and_answers_come_down),
	        A_TEST(who_may_not_come_in_is_told_why),
	        A_TEST(bad_bytes_close_the_connection_and_nothing_else),
	        A_TEST(descriptors_that_nobody_asked_for_are_closed),
	        A_TEST(clients_wait_while_the_coordinator_is_away),
	        A_TEST(two_tasks_are_introduced_once_whoever_asks),
	        A_TEST(who_asks_for_a_task_that_cannot_be_had_is_told),
	        A_TEST(the_partners_of_a_task_are_told_of_its_end),
	        A_TEST(a_buffer_is_passed_to_the_partner_it_is_meant_for),
	        A_TEST(who_shares_what_is_no_sealed_memory_is_closed),
	        A_TEST(a_task_enrols_once_on_its_connection),
	};
	return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
