/* A task that sends what it should not: its channel is closed, nothing else happens. And memory
 * that runs out. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/rng.h"
#include "task/state.h"
#include "tests/task/tasks.h"

#define C WEFT_CONTEXT

static const weft_tid_t other = {77};

/* An engine and the bare far end of its channel with `other`. */
static struct weft__channel *beside(struct tasks *t)
{
	struct weft__channel *ends[2];
	int bells[2] = {-1, -1};
	tasks_open(t, 1, INPROC, &small);
	wire_open(INPROC, bells, ends);
	assert_int_equal(weft__engine_plug(t->e[0], other, &ends[0]), 0);
	return ends[1];
}

static int offer(struct weft__channel *c, struct weft__hdr hdr, const void *payload)
{
	size_t taken = 0;
	return c->ops->send(c, &hdr, payload, &taken);
}

static void nothing_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	if (arg)
		*(struct weft__hdr *)arg = *hdr;
}

static void *nothing_begin(void *arg, const struct weft__hdr *hdr)
{
	nothing_message(arg, hdr, NULL);
	return NULL;
}

static void nothing_end(void *arg, const struct weft__hdr *hdr)
{
}

/* What the engine sent; the last header goes to *hdr. */
static int taken_from(struct weft__channel *c, struct weft__hdr *hdr)
{
	struct weft__sink sink = {.message = nothing_message, .begin = nothing_begin, .end = nothing_end, .arg = hdr};
	return c->ops->poll(c, &sink);
}

static void closes_a_peer_that_sends(struct weft__hdr hdr)
{
	struct tasks t;
	char *payload = calloc(1, 200000), in[8];
	struct weft__channel *c = beside(&t);
	weft_request_t r;
	assert_int_equal(weft__irecv(t.e[0], other, C, 1, in, 8, &r), 0);
	int rc = WEFT_EAGAIN;
	size_t taken = 0;
	for (int i = 0; i < 100 && rc == WEFT_EAGAIN; i++) {
		rc = c->ops->send(c, &hdr, payload, &taken);
		weft__progress(t.e[0]);
	}
	assert_int_equal(tasks_finish(&t, 0, &r, NULL), WEFT_ENOTASK);
	assert_int_equal(weft__send(t.e[0], other, C, 1, in, 8, -1), WEFT_ENOTASK);
	c->ops->close(&c);
	free(payload);
	tasks_close(&t);
}

static void an_unknown_kind_closes_the_peer(void **state)
{
	closes_a_peer_that_sends((struct weft__hdr){.kind = 0});
	closes_a_peer_that_sends((struct weft__hdr){.kind = 99, .len = 5});
	closes_a_peer_that_sends((struct weft__hdr){.kind = 255, .len = 100000});
}

static void a_negative_tag_closes_the_peer(void **state)
{
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__EAGER, .tag = -1});
	closes_a_peer_that_sends(
	        (struct weft__hdr){.kind = WEFT__EAGER, .tag = WEFT_ANY_TAG, .len = 90000});
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__RTS, .tag = -5, .total = 1});
}

static void more_than_the_credit_closes_the_peer(void **state)
{
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__EAGER, .len = 100000});
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__CREDIT, .total = 1});
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__RTS, .total = WEFT_MSG_MAX + 1});
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__RTS, .total = 10, .len = 10});
	closes_a_peer_that_sends(
	        (struct weft__hdr){.kind = WEFT__HEAD, .total = WEFT_MSG_MAX, .len = 100000});
}

static void a_head_that_is_no_part_of_a_message_closes_the_peer(void **state)
{
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__HEAD, .total = 10, .len = 10});
	closes_a_peer_that_sends((struct weft__hdr){.kind = WEFT__HEAD, .total = 9000, .len = 9001});
	closes_a_peer_that_sends(
	        (struct weft__hdr){.kind = WEFT__HEAD, .total = WEFT_MSG_MAX + 1, .len = 10});
}

static void a_head_longer_than_the_buffer_is_cut(void **state)
{
	struct tasks t;
	struct weft__channel *c = beside(&t);
	char in[1001], out[5000];
	weft_request_t r;
	weft_status_t status;
	struct weft__hdr cts = {0}, head = {.kind = WEFT__HEAD, .tag = 1, .id = 5, .len = 5000, .total = 9000};
	fill(out, sizeof out, 3);
	in[1000] = 'x';
	assert_int_equal(weft__irecv(t.e[0], other, C, 1, in, 1000, &r), 0);
	assert_int_equal(offer(c, head, out), 0);
	assert_int_equal(tasks_finish(&t, 0, &r, &status), WEFT_ETRUNC);
	assert_int_equal(status.nbytes, 9000);
	assert_true(is_filled(in, 1000, 3) && in[1000] == 'x');
	assert_true(taken_from(c, &cts) > 0);
	assert_int_equal(cts.kind, WEFT__CTS);
	assert_int_equal(cts.total, 0);
	c->ops->close(&c);
	tasks_close(&t);
}

/* The receive must not end while what it asks for is still to go out: its request would serve another call. */
static void data_that_comes_unasked_does_no_harm(void **state)
{
	struct tasks t;
	struct weft__channel *c = beside(&t);
	char in[2000], out[2000];
	weft_request_t r[2];
	struct weft__hdr cts = {0};
	fill(out, sizeof out, 4);
	for (int i = 0; i < 2; i++)
		assert_int_equal(weft__irecv(t.e[0], other, C, 1, in, sizeof in, &r[i]), 0);
	for (uint64_t id = 5; id < 7; id++) {
		offer(c, (struct weft__hdr){.kind = WEFT__RTS, .tag = 1, .id = id, .total = 2000}, NULL);
		offer(c, (struct weft__hdr){.kind = WEFT__DATA, .id = id, .len = 2000}, out);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(tasks_finish(&t, 0, &r[i], NULL), 0);
		assert_true(is_filled(in, sizeof in, 4));
	}
	assert_true(taken_from(c, &cts) > 0);
	assert_int_equal(cts.kind, WEFT__CTS);
	assert_int_equal(cts.id, 6);
	c->ops->close(&c);
	tasks_close(&t);
}

static void many_short_messages_beyond_the_credit_close_the_peer(void **state)
{
	struct tasks t;
	struct weft__channel *c = beside(&t);
	char in[8];
	int sent = 0;
	for (; sent < 1000; sent++) {
		if (offer(c, (struct weft__hdr){.kind = WEFT__EAGER, .tag = sent, .len = 1}, "x") <
		    0)
			break;
		weft__progress(t.e[0]);
	}
	assert_in_range(sent, 40, 80);
	/* What came within the credit was received all the same. */
	assert_int_equal(weft__recv(t.e[0], other, C, 3, in, 8, NULL, 0), 0);
	assert_int_equal(weft__recv(t.e[0], other, C, 999, in, 8, NULL, 0), WEFT_ENOTASK);
	c->ops->close(&c);
	tasks_close(&t);
}

static void data_beyond_what_was_asked_for_closes_the_peer(void **state)
{
	for (int way = 0; way < 3; way++) {
		struct tasks t;
		struct weft__channel *c = beside(&t);
		char in[4000], out[5000] = {0};
		weft_request_t r;
		struct weft__hdr cts = {0};
		assert_int_equal(weft__irecv(t.e[0], other, C, 1, in, sizeof in, &r), 0);
		assert_int_equal(offer(c,
		                       (struct weft__hdr){
		                               .kind = WEFT__RTS, .tag = 1, .id = 5, .total = 4500},
		                       NULL),
		                 0);
		weft__progress(t.e[0]);
		assert_true(taken_from(c, &cts) > 0);
		assert_int_equal(cts.kind, WEFT__CTS);
		assert_int_equal(cts.id, 5);
		assert_int_equal(cts.total, 4000);
		struct weft__hdr data[3] = {
		        {.kind = WEFT__DATA, .id = 5, .len = 4001},
		        {.kind = WEFT__DATA, .id = 5, .len = 1, .total = 1},
		        {.kind = WEFT__DATA, .id = 5, .len = 1, .total = UINT64_MAX}};
		offer(c, data[way], out);
		assert_int_equal(tasks_finish(&t, 0, &r, NULL), WEFT_ENOTASK);
		c->ops->close(&c);
		tasks_close(&t);
	}
}

static void answers_to_what_was_not_asked_do_no_harm(void **state)
{
	struct tasks t;
	struct weft__channel *c = beside(&t);
	char out[5000], in;
	weft_request_t s;
	for (unsigned i = 0; i < 20; i++) {
		struct weft__hdr cts = {
		        .kind = WEFT__CTS, .id = (uint64_t)(i / 10) << 32 | i % 10, .total = 1};
		offer(c, cts, NULL);
		offer(c, (struct weft__hdr){.kind = WEFT__CANCEL, .id = i}, NULL);
		offer(c, (struct weft__hdr){.kind = WEFT__DATA, .id = i, .len = 1}, "x");
		weft__progress(t.e[0]);
	}
	offer(c, (struct weft__hdr){.kind = WEFT__EAGER, .tag = 1, .len = 1}, "y");
	assert_int_equal(weft__recv(t.e[0], other, C, 1, &in, 1, NULL, 0), 0);
	/* More than the message has is asked for. */
	assert_int_equal(weft__isend(t.e[0], other, C, 1, out, sizeof out, &s), 0);
	offer(c, (struct weft__hdr){.kind = WEFT__CTS, .id = s.v, .total = sizeof out + 1}, NULL);
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), WEFT_ENOTASK);
	c->ops->close(&c);
	tasks_close(&t);
}

static void random_messages_do_no_harm(void **state)
{
	char *payload = calloc(1, 3000), *in = malloc(6000);
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct weft__rng rng;
		struct tasks t;
		weft_request_t r[4] = {{0}};
		struct weft__channel *c = beside(&t);
		weft__rng_init(&rng, seed);
		for (int i = 0; i < 4; i++)
			weft__irecv(t.e[0], i % 2 ? other : WEFT_ANY_TASK, C, i, in,
			            (size_t)i * 2000, &r[i]);
		weft__isend(t.e[0], other, C, 1, in, 5000, &r[0]);
		for (int i = 0; i < 300; i++) {
			struct weft__hdr hdr = {
			        .kind = (uint8_t)weft__rng_below(&rng, 8),
			        .tag = (int32_t)weft__rng_below(&rng, 5),
			        .id = weft__rng_below(&rng, 3)
			                      ? weft__rng_below(&rng, 4)
			                      : (uint64_t)1 << 32 | weft__rng_below(&rng, 6),
			        .len = weft__rng_below(&rng, 2) ? 0 : weft__rng_below(&rng, 3000),
			        .total = weft__rng_below(&rng, 3) ? weft__rng_below(&rng, 4000) : 0,
			};
			if (offer(c, hdr, payload) < 0)
				break;
			if (i % 3 == 0)
				weft__progress(t.e[0]);
			if (i % 7 == 0)
				weft__recv(t.e[0], WEFT_ANY_TASK, C, WEFT_ANY_TAG, in, 100, NULL,
				           0);
			taken_from(c, NULL);
		}
		c->ops->close(&c);
		tasks_close(&t);
	}
	free(payload);
	free(in);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Some of everything, in which any call may fail; the channel may be lost, but nothing else. */
static void scene(struct tasks *t, char *out, char *in)
{
	weft_request_t r[6] = {{0}};
	void *made = NULL;
	weft__irecv(t->e[1], t->tid[0], C, 1, in, 4000, &r[0]);
	weft__irecv(t->e[1], WEFT_ANY_TASK, C, 2, in, 10, &r[1]);
	weft__isend(t->e[0], t->tid[1], C, 1, out, 4000, &r[3]);
	weft__isend(t->e[0], t->tid[1], C, 2, out, 10, &r[4]);
	weft__isend(t->e[0], t->tid[1], C, 3, out, 500, &r[5]);
	weft__send(t->e[1], t->tid[1], C, 4, out, 100, 0);
	tasks_progress(t);
	weft__recv_alloc(t->e[1], WEFT_ANY_TASK, C, 3, &made, NULL, 0);
	weft__free(made);
	weft__recv(t->e[1], t->tid[1], C, 4, in, 100, NULL, 0);
	weft__send(t->e[0], t->tid[1], C, 5, out, 3000, 1);
	weft__mcast(t->e[0], t->tid, 2, C, 6, out, 20, 1);
	weft__sendrecv(t->e[0], t->tid[1], 7, out, 20, t->tid[1], 8, in, 20, C, NULL, 1);
	for (int i = 0; i < 6; i++) {
		weft__cancel(t->e[i / 3 == 0], r[i]);
		tasks_progress(t);
		weft__test(t->e[i / 3 == 0], &r[i], NULL);
	}
}

static void every_allocation_may_fail(void **state)
{
	char *out = calloc(1, 4000), *in = malloc(4000);
	for (unsigned long n = 1; n < 60; n++) {
		struct tasks t;
		tasks_open(&t, 2, (enum wire)(n % NWIRES), &small);
		weft__heap_fail_at(n);
		scene(&t, out, in);
		weft__heap_fail_at(0);
		scene(&t, out, in);
		/* The task itself is well. */
		assert_int_equal(weft__send(t.e[1], t.tid[1], C, 9, out, 100, 0), 0);
		assert_int_equal(weft__recv(t.e[1], t.tid[1], C, 9, in, 100, NULL, 0), 0);
		tasks_close(&t);
	}
	free(out);
	free(in);
}

static void an_engine_is_not_made_by_half(void **state)
{
	weft_tid_t tid = {1};
	for (unsigned long n = 1; n <= 2; n++) {
		struct weft__engine *e = NULL;
		weft__heap_fail_at(n);
		assert_int_equal(weft__engine_create(&e, &tid, 1, 0, NULL), WEFT_ENOMEM);
		weft__heap_fail_at(0);
		assert_null(e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_unknown_kind_closes_the_peer),
	        cmocka_unit_test(a_negative_tag_closes_the_peer),
	        cmocka_unit_test(more_than_the_credit_closes_the_peer),
	        cmocka_unit_test(many_short_messages_beyond_the_credit_close_the_peer),
	        cmocka_unit_test(a_head_that_is_no_part_of_a_message_closes_the_peer),
	        cmocka_unit_test(a_head_longer_than_the_buffer_is_cut),
	        cmocka_unit_test(data_that_comes_unasked_does_no_harm),
	        cmocka_unit_test(data_beyond_what_was_asked_for_closes_the_peer),
	        cmocka_unit_test(answers_to_what_was_not_asked_do_no_harm),
	        cmocka_unit_test(random_messages_do_no_harm),
	        cmocka_unit_test(every_allocation_may_fail),
	        cmocka_unit_test(an_engine_is_not_made_by_half),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
