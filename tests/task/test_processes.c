/* Two processes: blocking calls, sleep, death. The child's asserts end it with a code that the
 * parent checks. */
#include "config.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "task/state.h"
#include "tests/task/tasks.h"

#define C WEFT_CONTEXT

enum { WAIT_MS = 20000 };

static enum wire wire;

/* Engines that went on in the other process: what they map is in use there, and their memory stays
 * here. */
static struct weft__engine *volatile others[16];
static int nothers;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(100 + __LINE__ % 100);                                               \
	} while (0)

/* Runs the second engine in a child, which closes what is the first one's, and the other way round.
 */
static pid_t start(struct tasks *t, void (*child)(struct weft__engine *e, weft_tid_t other))
{
	tasks_open(t, 2, wire, NULL);
	fflush(NULL);
	pid_t pid = fork();
	assert_true(pid >= 0);
	weft__engine_abandon(t->e[pid != 0]);
	others[nothers++] = t->e[pid != 0];
	t->e[pid != 0] = NULL;
	if (pid)
		return pid;
	child(t->e[1], t->tid[0]);
	_exit(0);
}

static void finish(struct tasks *t, pid_t pid, int expected)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), expected);
	else
		assert_int_equal(-WTERMSIG(status), expected);
	tasks_close(t);
}

static void echo(struct weft__engine *e, weft_tid_t other)
{
	char *buf = malloc(1 << 20);
	weft_status_t status;
	for (;;) {
		CHECK(weft__recv(e, other, C, WEFT_ANY_TAG, buf, 1 << 20, &status, WAIT_MS) == 0);
		if (status.tag == 0)
			break;
		CHECK(weft__send(e, other, C, status.tag, buf, status.nbytes, WAIT_MS) == 0);
	}
	free(buf);
	weft__leave(&e);
}

static void messages_go_to_and_fro(void **state)
{
	struct tasks t;
	pid_t pid = start(&t, echo);
	char *out = malloc(1 << 20), *in = malloc(1 << 20);
	for (int i = 1; i <= 400; i++) {
		size_t n = i % 20 ? (size_t)i * 40 : 1 << 20;
		weft_status_t status;
		fill(out, n, (unsigned)i);
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, i, out, n, WAIT_MS), 0);
		assert_int_equal(weft__recv(t.e[0], t.tid[1], C, i, in, n, &status, WAIT_MS), 0);
		assert_int_equal(status.nbytes, n);
		assert_true(is_filled(in, n, (unsigned)i));
	}
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 0, NULL, 0, WAIT_MS), 0);
	free(out);
	free(in);
	finish(&t, pid, 0);
}

static uint64_t cpu_us(void)
{
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000u +
	       (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static void wait_quietly(struct weft__engine *e, weft_tid_t other)
{
	char in[8];
	uint64_t before = cpu_us();
	CHECK(weft__recv(e, other, C, 1, in, 8, NULL, WAIT_MS) == 0);
	CHECK(cpu_us() - before < 100000);
	CHECK(weft__recv(e, other, C, 2, in, 8, NULL, 300) == WEFT_ETIMEDOUT);
	CHECK(cpu_us() - before < 100000);
	weft__leave(&e);
}

static void a_task_that_waits_uses_no_processor(void **state)
{
	struct tasks t;
	char in;
	pid_t pid = start(&t, wait_quietly);
	assert_int_equal(weft__recv(t.e[0], t.tid[1], C, 1, &in, 1, NULL, 1000), WEFT_ETIMEDOUT);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, "wake up", 8, WAIT_MS), 0);
	finish(&t, pid, 0);
}

enum { NLAST = 50 };

static void send_and_exit(struct weft__engine *e, weft_tid_t other)
{
	char *big = malloc(300000);
	fill(big, 300000, 5);
	for (int i = 0; i < NLAST; i++)
		CHECK(weft__send(e, other, C, i, big, (size_t)i * 100, WAIT_MS) == 0);
	CHECK(weft__send(e, other, C, NLAST, big, 300000, WAIT_MS) == 0);
	_exit(7); /* without a goodbye */
}

/* Waits for what does not come until its channel has given its memory back. */
static bool waits_until_trimmed(struct weft__engine *e, weft_tid_t other)
{
	struct weft__channel *c = e->active[0]->channel;
	uint64_t deadline = weft__deadline(WAIT_MS);
	uint8_t byte;
	while (c->ops->trim && c->ops->trim(c, false) && weft__clock_ns() < deadline)
		if (weft__recv(e, other, C, 9, &byte, 1, NULL, 300) != WEFT_ETIMEDOUT)
			return false;
	return !c->ops->trim || !c->ops->trim(c, false);
}

enum { LONG = 1 << 20 };

static void answer_and_idle(struct weft__engine *e, weft_tid_t other)
{
	uint8_t *bytes = malloc(LONG);
	for (int i = 0; i < 2; i++) {
		CHECK(weft__recv(e, other, C, 1, bytes, LONG, NULL, WAIT_MS) == 0);
		CHECK(weft__send(e, other, C, 2, bytes, LONG, WAIT_MS) == 0);
		CHECK(waits_until_trimmed(e, other));
		CHECK(weft__send(e, other, C, 3, NULL, 0, WAIT_MS) == 0);
	}
	free(bytes);
}

static void a_task_that_waits_gives_its_channels_memory_back(void **state)
{
	struct tasks t;
	uint8_t *bytes = malloc(LONG);
	pid_t pid = start(&t, answer_and_idle);
	for (unsigned i = 0; i < 2; i++) {
		fill(bytes, LONG, i);
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, bytes, LONG, WAIT_MS), 0);
		memset(bytes, 0, LONG);
		assert_int_equal(weft__recv(t.e[0], t.tid[1], C, 2, bytes, LONG, NULL, WAIT_MS), 0);
		assert_true(is_filled(bytes, LONG, i));
		assert_true(waits_until_trimmed(t.e[0], t.tid[1]));
		assert_int_equal(weft__recv(t.e[0], t.tid[1], C, 3, NULL, 0, NULL, WAIT_MS), 0);
	}
	free(bytes);
	finish(&t, pid, 0);
}

/* Who thinks that nothing happens gives the processor away, and soon sleeps. */
static void a_sender_that_gets_on_sees_it(void **state)
{
	struct tasks t;
	uint8_t *bytes = malloc(2 * LONG);
	weft_request_t in, out;
	int nmoved = 0, code = WEFT_EAGAIN;
	tasks_open(&t, 2, wire, NULL);
	fill(bytes, LONG, 1);
	assert_int_equal(weft__irecv(t.e[1], t.tid[0], C, 1, bytes + LONG, LONG, &in), 0);
	assert_int_equal(weft__isend(t.e[0], t.tid[1], C, 1, bytes, LONG, &out), 0);
	for (uint64_t deadline = weft__deadline(WAIT_MS);
	     code == WEFT_EAGAIN && weft__clock_ns() < deadline;
	     code = weft__test(t.e[1], &in, NULL))
		nmoved += weft__step(t.e[0]) > 0;
	assert_int_equal(code, 0);
	assert_true(is_filled(bytes + LONG, LONG, 1));
	if (wire ==
	    SHM) /* what came to the sender is one message, what went is four windows and more */
		assert_true(nmoved >= 4);
	assert_int_equal(weft__wait(t.e[0], &out, NULL, WAIT_MS), 0);
	free(bytes);
	tasks_close(&t);
}

static void what_was_sent_arrives_after_exit(void **state)
{
	struct tasks t;
	pid_t pid = start(&t, send_and_exit);
	char *in = malloc(300000);
	weft_status_t status;
	assert_int_equal(weft__recv(t.e[0], t.tid[1], C, NLAST, in, 300000, NULL, WAIT_MS), 0);
	assert_true(is_filled(in, 300000, 5));
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	weft__engine_unplug(t.e[0], t.tid[1], false);
	for (int i = 0; i < NLAST; i++) {
		assert_int_equal(
		        weft__recv(t.e[0], t.tid[1], C, WEFT_ANY_TAG, in, 300000, &status, WAIT_MS),
		        0);
		assert_int_equal(status.tag, i);
		assert_int_equal(status.nbytes, i * 100);
		assert_true(is_filled(in, status.nbytes, 5));
	}
	assert_int_equal(weft__recv(t.e[0], t.tid[1], C, WEFT_ANY_TAG, in, 8, NULL, WAIT_MS),
	                 WEFT_ENOTASK);
	free(in);
	finish(&t, pid, 7);
}

static void flood(struct weft__engine *e, weft_tid_t other)
{
	char *big = calloc(1, 200000);
	for (int i = 0;; i++)
		CHECK(weft__send(e, other, C, i, big, i % 5 ? 100 : 200000, WAIT_MS) == 0);
}

static void a_task_killed_while_it_sends_leaves_whole_messages(void **state)
{
	struct tasks t;
	pid_t pid = start(&t, flood);
	char *in = malloc(200000);
	weft_status_t status;
	int n = 0, rc;
	for (; n < 100; n++)
		assert_int_equal(weft__recv(t.e[0], t.tid[1], C, n, in, 200000, &status, WAIT_MS),
		                 0);
	kill(pid, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	weft__engine_unplug(t.e[0], t.tid[1], false);
	while ((rc = weft__recv(t.e[0], t.tid[1], C, WEFT_ANY_TAG, in, 200000, &status, WAIT_MS)) ==
	       0) {
		assert_int_equal(status.nbytes, status.tag % 5 ? 100 : 200000);
		assert_true(status.tag >= n);
		n = status.tag;
	}
	assert_int_equal(rc, WEFT_ENOTASK);
	free(in);
	finish(&t, pid, -SIGKILL);
}

static void be_deaf(struct weft__engine *e, weft_tid_t other)
{
	(void)e;
	(void)other;
	pause();
}

static void a_sender_to_a_killed_task_does_not_hang(void **state)
{
	struct tasks t;
	pid_t pid = start(&t, be_deaf);
	char *out = calloc(1, 300000);
	weft_request_t r;
	int rc = 0;
	assert_int_equal(weft__isend(t.e[0], t.tid[1], C, 1, out, 300000, &r), 0);
	for (int i = 0; i < 100000 && rc == 0; i++)
		rc = weft__send(t.e[0], t.tid[1], C, 2, out, 10000, 50);
	assert_int_equal(rc, WEFT_ETIMEDOUT); /* bounded */
	kill(pid, SIGKILL);
	siginfo_t info;
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	weft__engine_unplug(t.e[0], t.tid[1], false);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 2, out, 10000, WAIT_MS), WEFT_ENOTASK);
	assert_int_equal(weft__wait(t.e[0], &r, NULL, WAIT_MS), WEFT_ENOTASK);
	free(out);
	finish(&t, pid, -SIGKILL);
}

int main(void)
{
	static const struct CMUnitTest each[] = {
	        cmocka_unit_test(messages_go_to_and_fro),
	        cmocka_unit_test(a_task_that_waits_uses_no_processor),
	        cmocka_unit_test(a_task_that_waits_gives_its_channels_memory_back),
	        cmocka_unit_test(a_sender_that_gets_on_sees_it),
	        cmocka_unit_test(what_was_sent_arrives_after_exit),
	        cmocka_unit_test(a_task_killed_while_it_sends_leaves_whole_messages),
	        cmocka_unit_test(a_sender_to_a_killed_task_does_not_hang),
	};
	return tasks_run(each, sizeof each / sizeof *each, STREAM, &wire);
}
