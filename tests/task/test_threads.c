/* Several threads in one engine: each gets its own messages, none waits for ever, none is starved.
 * Not over inproc, whose two ends are for one thread. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/task/tasks.h"

#define C WEFT_CONTEXT

enum { NTHREADS = 4, NMESSAGES = 300, WAIT_MS = 20000 };

static enum wire wire;

struct talk {
	struct tasks *t;
	int who, tag;
	int failures;
};

static size_t length_of(int i)
{
	return i % 10 == 9 ? 20000 : (size_t)(i % 100);
}

/* Sends to its partner of the same tag in the other task, and echoes. */
static void *asks(void *arg)
{
	struct talk *talk = arg;
	struct weft__engine *e = talk->t->e[0];
	char *out = malloc(20000), *in = malloc(20000);
	for (int i = 0; i < NMESSAGES; i++) {
		size_t n = length_of(i);
		weft_status_t status;
		fill(out, n, (unsigned)(i + talk->tag));
		if (weft__send(e, talk->t->tid[1], C, talk->tag, out, n, WAIT_MS) ||
		    weft__recv(e, talk->t->tid[1], C, talk->tag, in, 20000, &status, WAIT_MS) ||
		    status.nbytes != n || !is_filled(in, n, (unsigned)(i + talk->tag)))
			talk->failures++;
	}
	free(out);
	free(in);
	return NULL;
}

static void *echoes(void *arg)
{
	struct talk *talk = arg;
	struct weft__engine *e = talk->t->e[1];
	char *in = malloc(20000);
	for (int i = 0; i < NMESSAGES; i++) {
		weft_status_t status;
		if (weft__recv(e, WEFT_ANY_TASK, C, talk->tag, in, 20000, &status, WAIT_MS) ||
		    weft__send(e, status.source, C, talk->tag, in, status.nbytes, WAIT_MS))
			talk->failures++;
	}
	free(in);
	return NULL;
}

static void threads_get_their_own_messages(void **state)
{
	struct tasks t;
	struct talk talks[2][NTHREADS];
	pthread_t threads[2][NTHREADS];
	tasks_open(&t, 2, wire, &small);
	for (int i = 0; i < NTHREADS; i++) {
		for (int side = 0; side < 2; side++) {
			talks[side][i] = (struct talk){.t = &t, .who = side, .tag = i};
			assert_int_equal(pthread_create(&threads[side][i], NULL,
			                                side ? echoes : asks, &talks[side][i]),
			                 0);
		}
	}
	for (int i = 0; i < NTHREADS; i++) {
		for (int side = 0; side < 2; side++) {
			pthread_join(threads[side][i], NULL);
			assert_int_equal(talks[side][i].failures, 0);
		}
	}
	tasks_close(&t);
}

static void *sends_to_itself(void *arg)
{
	struct talk *talk = arg;
	char byte = (char)talk->tag, in;
	for (int i = 0; i < NMESSAGES; i++) {
		weft_request_t r;
		if (weft__irecv(talk->t->e[0], talk->t->tid[0], C, talk->tag, &in, 1, &r) ||
		    weft__send(talk->t->e[0], talk->t->tid[0], C, talk->tag, &byte, 1, WAIT_MS) ||
		    weft__wait(talk->t->e[0], &r, NULL, WAIT_MS) || in != byte)
			talk->failures++;
	}
	return NULL;
}

static void threads_of_one_task_talk_to_themselves(void **state)
{
	struct tasks t;
	struct talk talks[NTHREADS];
	pthread_t threads[NTHREADS];
	tasks_open(&t, 2, wire, &small);
	for (int i = 0; i < NTHREADS; i++) {
		talks[i] = (struct talk){.t = &t, .tag = i};
		assert_int_equal(pthread_create(&threads[i], NULL, sends_to_itself, &talks[i]), 0);
	}
	for (int i = 0; i < NTHREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(talks[i].failures, 0);
	}
	tasks_close(&t);
}

static void *receives_one(void *arg)
{
	struct talk *talk = arg;
	char in;
	talk->failures =
	        weft__recv(talk->t->e[0], WEFT_ANY_TASK, C, talk->tag, &in, 1, NULL, WAIT_MS);
	return NULL;
}

/* One thread sleeps for a message that does not come yet; another's comes, and a third sends. */
static void a_sleeping_thread_does_not_keep_the_others_from_going_on(void **state)
{
	struct tasks t;
	struct talk first = {.t = &t, .tag = 1}, second = {.t = &t, .tag = 2};
	pthread_t sleeper, other;
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(pthread_create(&sleeper, NULL, receives_one, &first), 0);
	assert_int_equal(pthread_create(&other, NULL, receives_one, &second), 0);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 3, "x", 1, WAIT_MS), 0);
		weft__progress(t.e[1]);
	}
	assert_int_equal(weft__send(t.e[1], t.tid[0], C, 2, "x", 1, WAIT_MS), 0);
	pthread_join(other, NULL);
	assert_int_equal(second.failures, 0);
	assert_int_equal(weft__send(t.e[0], t.tid[0], C, 1, "x", 1, WAIT_MS), 0); /* from within */
	pthread_join(sleeper, NULL);
	assert_int_equal(first.failures, 0);
	tasks_close(&t);
}

static void a_sleeping_thread_is_told_of_an_end(void **state)
{
	struct tasks t;
	struct talk first = {.t = &t, .tag = 1};
	pthread_t sleeper;
	char in;
	tasks_open(&t, 2, wire, &small);
	weft_request_t r;
	assert_int_equal(weft__irecv(t.e[0], t.tid[1], C, 7, &in, 1, &r), 0);
	assert_int_equal(pthread_create(&sleeper, NULL, receives_one, &first), 0);
	tasks_leave(&t, 1);
	assert_int_equal(weft__wait(t.e[0], &r, NULL, WAIT_MS), WEFT_ENOTASK);
	assert_int_equal(weft__send(t.e[0], t.tid[0], C, 1, "x", 1, WAIT_MS), 0);
	pthread_join(sleeper, NULL);
	assert_int_equal(first.failures, 0);
	tasks_close(&t);
}

int main(void)
{
	static const struct CMUnitTest each[] = {
	        cmocka_unit_test(threads_get_their_own_messages),
	        cmocka_unit_test(threads_of_one_task_talk_to_themselves),
	        cmocka_unit_test(a_sleeping_thread_does_not_keep_the_others_from_going_on),
	        cmocka_unit_test(a_sleeping_thread_is_told_of_an_end),
	};
	return tasks_run(each, sizeof each / sizeof *each, STREAM, &wire);
}
