/* Sends of messages in slices, whose memory is the sender's again at once: whenever and however the
 * receiver receives, it gets what the memory held at the call. */
#include "config.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "task/state.h"
#include "tests/base/test.h"
#include "tests/task/tasks.h"

#define C WEFT_CONTEXT

enum { WAIT_MS = 20000, NSLICES_MAX = 8, NMESSAGES = 200, NUNDER_WAY = 16, LONGEST = 150000, SCRIBBLE = 0x5a };

static enum wire wire;

/* A message: its own memory, and the copy's. */
struct lent {
	uint8_t *own, *copy;
	size_t nbytes;
	struct weft__slice slices[NSLICES_MAX];
};

/* Every other slice lies in the copy, from the first one on; their lengths depend on the seed. */
static void lend(struct lent *l, size_t nbytes, unsigned seed)
{
	*l = (struct lent){malloc(nbytes + 1), malloc(nbytes + 1), nbytes, {{0}}};
	fill(l->own, nbytes, seed);
	size_t at = 0;
	for (unsigned i = 0; i < NSLICES_MAX; i++) {
		size_t left = nbytes - at, n = i + 1 < NSLICES_MAX ? (seed * 37 + i * 1009) % (left + 1) : left;
		if (i % 2 == 0)
			memcpy(l->copy + at, l->own + at, n);
		l->slices[i] = (struct weft__slice){(i % 2 ? l->own : l->copy) + at, n};
		at += n;
	}
}

static int send_it(struct tasks *t, int to, int tag, struct lent *l, weft_request_t *r)
{
	int rc = weft__isend_lent(t->e[0], t->tid[to], C, tag, l->slices, l->copy, l->nbytes, r);
	memset(l->own, SCRIBBLE, l->nbytes);
	return rc;
}

static void give_back(struct lent *l)
{
	free(l->own);
	free(l->copy);
}

static const size_t lengths[] = {0, 1, 999, 1000, 1001, 2000, 2001, 5000, 5001, 40000, LONGEST};
enum { NLENGTHS = sizeof lengths / sizeof *lengths };

static void what_was_there_at_the_call_arrives_later(void **state)
{
	struct tasks t;
	struct lent l[NLENGTHS];
	weft_request_t s[NLENGTHS], r;
	weft_status_t status;
	uint8_t *in = malloc(LONGEST);
	tasks_open(&t, 2, wire, &small);
	for (unsigned i = 0; i < NLENGTHS; i++) {
		lend(&l[i], lengths[i], i);
		assert_int_equal(send_it(&t, 1, (int)i, &l[i], &s[i]), 0);
	}
	tasks_progress(&t);
	for (unsigned i = 0; i < NLENGTHS; i++) {
		assert_int_equal(weft__irecv(t.e[1], t.tid[0], C, WEFT_ANY_TAG, in, LONGEST, &r), 0);
		assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
		assert_int_equal(status.tag, (int)i); /* in their order */
		assert_int_equal(status.nbytes, lengths[i]);
		assert_true(is_filled(in, lengths[i], i));
		assert_int_equal(tasks_finish(&t, 0, &s[i], NULL), 0);
		give_back(&l[i]);
	}
	free(in);
	tasks_close(&t);
}

/* The tail of a message is at home before its turn comes, and its front goes ahead with the announcement. */
static void what_is_at_home_is_not_saved_again(void **state)
{
	struct lent l;
	lend(&l, 5000, 1);
	struct weft__request r = {.data = l.copy, .size = l.nbytes, .slices = l.slices, .lent = l.nbytes};
	weft__lend_save(&r, 1000, l.nbytes);
	r.lent = 1000;
	memset(l.own + 1000, SCRIBBLE, l.nbytes - 1000);
	weft__lend_save(&r, 0, 3000);
	assert_true(is_filled(l.copy, l.nbytes, 1));
	give_back(&l);
}

static void a_task_sends_itself_slices(void **state)
{
	struct tasks t;
	struct lent l;
	weft_request_t s;
	uint8_t *in = malloc(LONGEST);
	tasks_open(&t, 2, wire, &small);
	lend(&l, LONGEST, 1);
	assert_int_equal(send_it(&t, 0, 1, &l, &s), 0);
	assert_int_equal(weft__recv(t.e[0], t.tid[0], C, 1, in, LONGEST, NULL, WAIT_MS), 0);
	assert_true(is_filled(in, LONGEST, 1));
	assert_int_equal(weft__wait(t.e[0], &s, NULL, WAIT_MS), 0);
	give_back(&l);
	free(in);
	tasks_close(&t);
}

static void a_short_receive_gets_the_front(void **state)
{
	struct tasks t;
	struct lent l;
	weft_request_t s, r;
	uint8_t *in = malloc(LONGEST);
	tasks_open(&t, 2, wire, &small);
	lend(&l, LONGEST, 3);
	assert_int_equal(weft__irecv(t.e[1], t.tid[0], C, 1, in, 30000, &r), 0);
	assert_int_equal(send_it(&t, 1, 1, &l, &s), 0);
	assert_int_equal(tasks_finish(&t, 1, &r, NULL), WEFT_ETRUNC);
	assert_true(is_filled(in, 30000, 3));
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
	give_back(&l);
	free(in);
	tasks_close(&t);
}

static void a_send_to_the_dead_ends(void **state)
{
	struct tasks t;
	struct lent l[2];
	weft_request_t s;
	tasks_open(&t, 2, wire, &small);
	lend(&l[0], LONGEST, 3);
	lend(&l[1], LONGEST, 4);
	assert_int_equal(send_it(&t, 1, 1, &l[0], &s), 0);
	tasks_kill(&t, 1);
	assert_int_equal(weft__wait(t.e[0], &s, NULL, WAIT_MS), WEFT_ENOTASK);
	assert_int_equal(send_it(&t, 1, 1, &l[1], &s), WEFT_ENOTASK);
	give_back(&l[0]);
	give_back(&l[1]);
	tasks_close(&t);
}

static size_t length_of(unsigned i)
{
	return (size_t)i * 7919 % LONGEST;
}

/* Of these lengths many are under way at a time, and wait for credit when they are half saved. */
static const struct weft__settings large = {
        .eager_max = 30000, .segment_bytes = 50000, .credit_bytes = 256 << 10, .spin_ns = 10000};

/* Receives all; now and then it has something else to do, at whatever point of the next send. */
static void *receives(void *arg)
{
	struct tasks *t = arg;
	uint8_t *in = malloc(LONGEST);
	uintptr_t failures = 0;
	for (unsigned i = 0; i < NMESSAGES; i++) {
		weft_status_t status;
		failures += weft__recv(t->e[1], t->tid[0], C, 1, in, LONGEST, &status, WAIT_MS) ||
		            status.nbytes != length_of(i) || !is_filled(in, status.nbytes, i);
		for (volatile unsigned spin = 0; i % 3 == 0 && spin < i * 5000; spin++)
			continue;
	}
	free(in);
	return (void *)failures;
}

static void a_receiver_that_takes_as_it_likes_gets_all(void **state)
{
	struct tasks t;
	struct lent l[NUNDER_WAY] = {{0}};
	weft_request_t s[NUNDER_WAY] = {{0}};
	pthread_t receiver;
	void *failures;
	if (wire == INPROC)
		skip_because("the channel within a process is for one thread");
	tasks_open(&t, 2, wire, &large);
	assert_int_equal(pthread_create(&receiver, NULL, receives, &t), 0);
	for (unsigned i = 0; i < NMESSAGES + NUNDER_WAY; i++) {
		unsigned at = i % NUNDER_WAY;
		assert_int_equal(weft__wait(t.e[0], &s[at], NULL, WAIT_MS), 0);
		give_back(&l[at]);
		l[at] = (struct lent){0};
		if (i < NMESSAGES) {
			lend(&l[at], length_of(i), i);
			assert_int_equal(send_it(&t, 1, 1, &l[at], &s[at]), 0);
		}
	}
	pthread_join(receiver, &failures);
	assert_null(failures);
	tasks_close(&t);
}

int main(void)
{
	static const struct CMUnitTest each[] = {
	        cmocka_unit_test(what_was_there_at_the_call_arrives_later),
	        cmocka_unit_test(what_is_at_home_is_not_saved_again),
	        cmocka_unit_test(a_task_sends_itself_slices),
	        cmocka_unit_test(a_short_receive_gets_the_front),
	        cmocka_unit_test(a_send_to_the_dead_ends),
	        cmocka_unit_test(a_receiver_that_takes_as_it_likes_gets_all),
	};
	return tasks_run(each, sizeof each / sizeof *each, INPROC, &wire);
}
