/* test_takeover.c - a daemon is killed and another one takes its place: in which order it learns and serves. The test is
 * the coordinator, the tools and the task from outside.
 */
#include "config.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/node/rig.h"

enum { QUIET_MS = 100 };

/* The daemon is gone, and the next one has joined: it is told of so many other nodes. */
static void crash(struct rig *r, uint64_t npeers)
{
	r->npeers = npeers;
	kill(rig_daemon(r), SIGKILL);
	rig_join(r, 1, 0);
}

static void tell_of_node(struct rig *r, uint64_t node)
{
	static const uint8_t key[32] = {1};
	struct weft__msg m = {.code = WEFT__MSG_PEER,
	                      .peer = {.node = node,
	                               .incarnation = node,
	                               .host = weft__str("other"),
	                               .address = weft__str("127.0.0.1"),
	                               .port = 9,
	                               .key = {key, sizeof key}}};
	fake_send(&r->coord, &m, -1);
}

static struct weft__msg hello_of(enum weft__role role, const struct weft__msg *welcome)
{
	struct weft__msg m = {.code = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION,
	                                .release = weft__str("test"),
	                                .role = role,
	                                .pid = (uint64_t)getpid(),
	                                .name = weft__str("test")}};
	if (welcome) {
		m.hello.client = welcome->welcome.client;
		m.hello.pass = welcome->welcome.pass;
	}
	return m;
}

/* A tool that has been welcomed: *welcome says as whom. */
static void come(struct rig *r, struct fake *tool, struct weft__msg *welcome)
{
	struct weft__msg hello = hello_of(WEFT__ROLE_TOOL, NULL);
	rig_connect(r, tool, WEFT__ROLE_TOOL);
	fake_send(tool, &hello, -1);
	fake_expect(tool, WEFT__MSG_WELCOME, welcome);
}

static void come_back(struct rig *r, struct fake *tool, const struct weft__msg *welcome, int fd)
{
	struct weft__msg hello = hello_of(WEFT__ROLE_TOOL, welcome);
	fake_fini(tool);
	rig_connect(r, tool, WEFT__ROLE_TOOL);
	fake_send(tool, &hello, fd);
}

static void nobody_is_served_before_all_other_nodes_are_known(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg welcome, m;
	come(r, &tool, &welcome);
	crash(r, 2);
	come_back(r, &tool, &welcome, -1);
	assert_true(fake_silent(&tool, QUIET_MS));
	tell_of_node(r, 2);
	assert_true(fake_silent(&tool, QUIET_MS));
	tell_of_node(r, 3);
	fake_expect(&tool, WEFT__MSG_WELCOME, &m);
	assert_int_equal(m.welcome.client, welcome.welcome.client);
	fake_fini(&tool);
	rig_halt(r);
}

/* The tool had given it to the daemon that is gone. */
static void a_tools_own_input_is_waited_for(void **state)
{
	struct rig *r = *state;
	struct fake tool = {0};
	struct weft__msg welcome;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "word\n", 5), 5);
	come(r, &tool, &welcome);
	crash(r, 1);
	rig_launch_readers(r, welcome.welcome.client);
	come_back(r, &tool, &welcome, ends[0]);
	tell_of_node(r, 2); /* now it may come, behind the launch */
	rig_expect_read(&tool, "word");
	close(ends[0]);
	close(ends[1]);
	fake_fini(&tool);
	rig_halt(r);
}

/* Its tid was on its way to it when the daemon died: it begins once more, and the coordinator forgets the first. */
static void a_task_from_outside_that_was_not_welcomed_begins_anew(void **state)
{
	struct rig *r = *state;
	struct fake task = {0};
	struct weft__msg m, hello = hello_of(WEFT__ROLE_TASK, NULL);
	rig_connect(r, &task, WEFT__ROLE_TASK);
	fake_send(&task, &hello, -1);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_OPEN, &m);
	uint64_t first = m.client_open.client;
	struct weft__msg enrolled = {.code = WEFT__MSG_CLIENT_ENROLLED,
	                             .client_enrolled = {.client = first, .tid = rig_tid(5, 0), .job = 5}};
	fake_send(&r->coord, &enrolled, -1);
	fake_expect(&task, WEFT__MSG_WELCOME, &m); /* which it says it has never seen: */
	crash(r, 0);
	fake_expect(&r->coord, WEFT__MSG_INVENTORY_END, &m);
	assert_int_equal(m.inventory_end.count, 0); /* it says itself that it is there, if it has not left */
	fake_expect(&task, WEFT__MSG_AGAIN, &m);
	hello.hello.again = m.again.again;
	fake_send(&task, &hello, -1);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_CLOSE, &m);
	assert_int_equal(m.client_close.client, first);
	fake_expect(&r->coord, WEFT__MSG_CLIENT_OPEN, &m);
	assert_true(m.client_open.client != first && !m.client_open.resume);
	enrolled.client_enrolled.client = m.client_open.client;
	enrolled.client_enrolled.tid = rig_tid(6, 0);
	enrolled.client_enrolled.job = 6;
	fake_send(&r->coord, &enrolled, -1);
	fake_expect(&task, WEFT__MSG_WELCOME, &m);
	assert_int_equal(m.welcome.tid, rig_tid(6, 0));
	fake_fini(&task);
	rig_halt(r);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        A_TEST(nobody_is_served_before_all_other_nodes_are_known),
	        A_TEST(a_tools_own_input_is_waited_for),
	        A_TEST(a_task_from_outside_that_was_not_welcomed_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
