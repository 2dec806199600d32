/* test_session.c - a tool's connection, against a node that answers, refuses, dies or says nothing. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/base/test.h"
#include "tests/console/fake.h"

static void welcome(struct fake *f, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_HELLO)
		fake_welcome(f);
}

static void a_welcome_tells_where_we_are(void **state)
{
	struct fake f;
	struct weft_error e;
	fake_open(&f, welcome);
	assert_int_equal(session_node(f.session), 0);
	assert_int_equal(session_welcome(f.session, &e), 0);
	assert_string_equal(session_name(f.session), "testvm");
	assert_int_equal(session_node(f.session), 1);
	fake_close(&f);
}

static void refuse(struct fake *f, const struct weft__msg *m)
{
	struct weft__msg answer = {.code    = WEFT__MSG_REFUSED,
	                           .refused = {.code = WEFT_EVERSION,
	                                       .text = weft__str("node speaks 1 (0.1.0), you 2 (0.9)")}};
	fake_send(f, &answer);
	fake_hang_up(f);
}

static void a_refusal_comes_through_in_its_own_words(void **state)
{
	struct fake f;
	struct weft_error e;
	fake_open(&f, refuse);
	assert_int_equal(session_welcome(f.session, &e), WEFT_EVERSION);
	assert_string_equal(e.text, "node speaks 1 (0.1.0), you 2 (0.9)");
	assert_false(session_is_open(f.session));
	fake_close(&f);
}

static void hang_up(struct fake *f, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_HELLO)
		fake_welcome(f);
	else
		fake_hang_up(f);
}

static void a_machine_that_dies_ends_the_question(void **state)
{
	struct fake f;
	struct weft_error e;
	struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {.job = 1, .signo = 9}};
	fake_open(&f, hang_up);
	assert_int_equal(session_request(f.session, &m, 5000, &e), WEFT_ECLOSED);
	assert_string_equal(e.text, "the virtual machine went down");
	/* And each one after it. */
	assert_int_equal(session_request(f.session, &m, 5000, &e), WEFT_ECLOSED);
	fake_close(&f);
}

static void answer_signal(struct fake *f, const struct weft__msg *m)
{
	struct weft__msg answer = {.code = WEFT__MSG_RESULT, .result = {.req = m->result.req}};
	if (m->code == WEFT__MSG_HELLO) {
		fake_welcome(f);
		return;
	}
	answer.result.code = m->signal.job == 1 ? 0 : m->signal.job == 2 ? WEFT_ENOTASK : WEFT_EDENIED;
	if (m->signal.job == 3)
		answer.result.text = weft__str("because of this");
	fake_send(f, &answer);
}

/* A daemon that crashes as soon as it has accepted; the next one, which listens where it did, serves. */
struct crashing {
	struct fake fake;
	struct link_listener *listener;
	int crashes;
};

static void crash_or_serve(void *arg, int fd)
{
	struct crashing *c = arg;
	if (c->crashes-- > 0)
		close(fd);
	else
		fake_serve(&c->fake, &fd);
}

static void what_is_asked_before_the_welcome_outlives_the_daemon(void **state)
{
	struct crashing c = {.fake = {.answer = answer_signal}, .crashes = 2};
	char top[] = "/tmp/weft-test.XXXXXX", nodedir[64];
	struct weft_error e;
	struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {.job = 1, .signo = 9}};
	snprintf(nodedir, sizeof nodedir, "%s/n1", mkdtemp(top));
	assert_int_equal(mkdir(nodedir, 0700), 0);
	int dirfd = open(nodedir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(uv_loop_init(&c.fake.loop), 0);
	assert_int_equal(link_listen_unix(&c.fake.loop, dirfd, "sock", crash_or_serve, &c, &c.listener, &e), 0);
	setenv("WEFT_DIR", nodedir, 1);
	assert_int_equal(session_attach(&c.fake.loop, NULL, &c.fake.session, &e), 0);
	unsetenv("WEFT_DIR");
	assert_int_equal(session_give(c.fake.session, dirfd), 0); /* any descriptor */
	assert_int_equal(session_request(c.fake.session, &m, 5000, &e), 0); /* the coordinator's */
	assert_int_equal(c.fake.ngiven, 1);
	assert_int_equal(session_node(c.fake.session), 1);
	assert_int_equal(c.fake.nreceived, 2);
	assert_int_equal(c.fake.received[0], WEFT__MSG_HELLO);
	link_listener_close(&c.listener);
	fake_close(&c.fake);
	unlinkat(dirfd, "sock", 0);
	close(dirfd);
	rmdir(nodedir);
	rmdir(top);
}

static void silence_has_an_end(void **state)
{
	struct fake f;
	struct weft_error e;
	struct weft__msg m = {.code = WEFT__MSG_SIGNAL, .signal = {.job = 1, .signo = 9}};
	uint64_t began     = weft__clock_ns();
	fake_open(&f, welcome);
	assert_int_equal(session_request(f.session, &m, 50, &e), WEFT_ETIMEDOUT);
	assert_true(weft__clock_ns() - began >= 49 * 1000000ull); /* the loop counts whole milliseconds */
	assert_true(strstr(e.text, "no answer") != NULL);
	/* An answer that comes too late finds nobody. */
	struct weft__msg late = {.code = WEFT__MSG_RESULT, .result = {.req = f.last_req}};
	fake_send(&f, &late);
	fake_settle(&f);
	assert_true(session_is_open(f.session));
	fake_close(&f);
}

static void silence_has_an_end_also_after_a_pause_of_the_loop(void **state)
{
	struct fake f;
	struct weft_error e;
	struct weft__msg m    = {.code = WEFT__MSG_SIGNAL, .signal = {.job = 1, .signo = 9}};
	struct timespec pause = {.tv_nsec = 80 * 1000000};
	fake_open(&f, welcome);
	assert_int_equal(session_welcome(f.session, &e), 0);
	nanosleep(&pause, NULL); /* the loop's own clock stands still meanwhile */
	assert_int_equal(session_request(f.session, &m, 50, &e), WEFT_ETIMEDOUT);
	fake_close(&f);
}

static void results_come_with_their_text_or_that_of_the_error(void **state)
{
	struct fake f;
	struct weft_error e = {0};
	struct weft__msg m  = {.code = WEFT__MSG_SIGNAL, .signal = {.signo = 9}};
	fake_open(&f, answer_signal);
	m.signal.job = 1;
	assert_int_equal(session_request(f.session, &m, 5000, &e), 0);
	m.signal.job = 2;
	assert_int_equal(session_request(f.session, &m, 5000, &e), WEFT_ENOTASK);
	assert_string_equal(e.text, weft__err_text(WEFT_ENOTASK));
	m.signal.job = 3;
	assert_int_equal(session_request(f.session, &m, 5000, &e), WEFT_EDENIED);
	assert_string_equal(e.text, "because of this");
	fake_close(&f);
}

static void answer_list(struct fake *f, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_HELLO) {
		fake_welcome(f);
		return;
	}
	struct weft__msg row = {.code     = WEFT__MSG_NODE_ROW,
	                        .node_row = {.req = m->list.req, .host = weft__str("host")}};
	struct weft__msg end = {.code = WEFT__MSG_LIST_END, .list_end = {.req = m->list.req}};
	for (uint64_t i = 1; i <= 3; i++) {
		row.node_row.node = i;
		fake_send(f, &row);
	}
	end.list_end.code = m->list.job == 7 ? WEFT_EAGAIN : 0;
	fake_send(f, &end);
}

static void count_row(void *arg, const struct weft__msg *m)
{
	unsigned *sum = arg;
	assert_int_equal(m->code, WEFT__MSG_NODE_ROW);
	*sum += (unsigned)m->node_row.node;
}

static void rows_come_one_by_one_and_have_an_end(void **state)
{
	struct fake f;
	struct weft_error e;
	unsigned sum = 0;
	fake_open(&f, answer_list);
	assert_int_equal(session_list(f.session, WEFT__LIST_NODES, 0, 0, count_row, &sum, &e), 0);
	assert_int_equal(sum, 6);
	assert_int_equal(session_list(f.session, WEFT__LIST_NODES, 7, 0, count_row, &sum, &e), WEFT_EAGAIN);
	fake_close(&f);
}

static void a_message_that_no_tool_gets_ends_the_session(void **state)
{
	struct fake f;
	struct weft_error e;
	bool never = false;
	fake_open(&f, welcome);
	assert_int_equal(session_welcome(f.session, &e), 0);
	struct weft__msg m = {.code = WEFT__MSG_BYE, .bye = {.req = 1}};
	fake_send(&f, &m);
	assert_int_equal(session_wait(f.session, &never, 5000, &e), WEFT_EDENIED);
	assert_false(session_is_open(f.session));
	fake_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_welcome_tells_where_we_are),
	        cmocka_unit_test(a_refusal_comes_through_in_its_own_words),
	        cmocka_unit_test(a_machine_that_dies_ends_the_question),
	        cmocka_unit_test(what_is_asked_before_the_welcome_outlives_the_daemon),
	        cmocka_unit_test(silence_has_an_end),
	        cmocka_unit_test(silence_has_an_end_also_after_a_pause_of_the_loop),
	        cmocka_unit_test(results_come_with_their_text_or_that_of_the_error),
	        cmocka_unit_test(rows_come_one_by_one_and_have_an_end),
	        cmocka_unit_test(a_message_that_no_tool_gets_ends_the_session),
	};
	return cmocka_run_group_tests_name("console/session", tests, NULL, NULL);
}
