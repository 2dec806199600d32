/* Messages between engines over each transport: short, long, cut, in order, canceled, bounded. All
 * in one thread, which lets now one engine go on and now the other. */
#include "config.h"

#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/ids.h"
#include "tests/base/test.h"
#include "tests/task/tasks.h"

#define C WEFT_CONTEXT

static enum wire wire;

static weft_request_t isend(struct tasks *t, int from, int to, int32_t tag, const void *buf,
                            size_t n)
{
	weft_request_t r;
	assert_int_equal(weft__isend(t->e[from], t->tid[to], C, tag, buf, n, &r), 0);
	return r;
}

static weft_request_t irecv(struct tasks *t, int to, weft_tid_t from, int32_t tag, void *buf,
                            size_t n)
{
	weft_request_t r;
	assert_int_equal(weft__irecv(t->e[to], from, C, tag, buf, n, &r), 0);
	return r;
}

static void messages_of_every_length_arrive_whole(void **state)
{
	static const size_t lengths[] = {0,    1,    8,    63,   64,    999,   1000,
	                                 1001, 4999, 5000, 5001, 10000, 300000};
	struct tasks t;
	tasks_open(&t, 2, wire, &small);
	char *out = malloc(300000), *in = malloc(300000);
	for (int posted = 0; posted < 2; posted++) {
		for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
			weft_request_t r = WEFT_NO_REQUEST;
			weft_status_t status;
			size_t n = lengths[i];
			fill(out, n, (unsigned)i);
			memset(in, 0, n);
			if (posted)
				r = irecv(&t, 1, t.tid[0], 5, in, n);
			weft_request_t s = isend(&t, 0, 1, 5, out, n);
			tasks_progress(&t);
			if (!posted)
				r = irecv(&t, 1, t.tid[0], 5, in, n);
			assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
			assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
			assert_int_equal(status.nbytes, n);
			assert_int_equal(status.tag, 5);
			assert_true(weft__tid_equal(status.source, t.tid[0]));
			assert_true(is_filled(in, n, (unsigned)i));
		}
	}
	free(out);
	free(in);
	tasks_close(&t);
}

/* Blocking receives take what is in the channel; nobody has looked there before. */
static void messages_are_received_from_the_channel_in_order(void **state)
{
	static const size_t lengths[] = {0, 8, 48, 49, 1, 900, 3, 0, 500, 1000, 8, 8};
	struct tasks t;
	tasks_open(&t, 2, wire, &small);
	char out[1000], in[1000];
	size_t n = sizeof lengths / sizeof *lengths;
	for (size_t i = 0; i < n; i++) {
		fill(out, lengths[i], (unsigned)i);
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 5, out, lengths[i], 1000), 0);
	}
	for (size_t i = 0; i < n; i++) {
		weft_status_t status;
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 5, in, sizeof in, &status, 1000), 0);
		assert_int_equal(status.nbytes, lengths[i]);
		assert_int_equal(status.tag, 5);
		assert_int_equal(status.code, 0);
		assert_true(weft__tid_equal(status.source, t.tid[0]));
		assert_true(is_filled(in, lengths[i], (unsigned)i));
	}
	assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 5, in, 8, NULL, 1), WEFT_ETIMEDOUT);
	tasks_close(&t);
}

static void what_is_in_the_channel_is_cut_to_the_buffer(void **state)
{
	static const size_t lengths[] = {9, 100, 1000};
	struct tasks t;
	tasks_open(&t, 2, wire, &small);
	char out[1000], in[16];
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		weft_status_t status;
		fill(out, lengths[i], 3);
		memset(in, 'x', sizeof in);
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 5, out, lengths[i], 1000), 0);
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 5, in, 8, &status, 1000), WEFT_ETRUNC);
		assert_int_equal(status.nbytes, lengths[i]);
		assert_memory_equal(in, out, 8);
		assert_int_equal(in[8], 'x');
	}
	tasks_close(&t);
}

/* A receive that could have its message from the channel at once, if nothing were before it. */
static void older_receives_and_messages_go_first(void **state)
{
	struct tasks t;
	tasks_open(&t, 2, wire, &small);
	int32_t value, posted = 0, got = 0;
	weft_request_t r = irecv(&t, 1, WEFT_ANY_TASK, WEFT_ANY_TAG, &posted, sizeof posted);
	for (value = 1; value <= 2; value++)
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 5, &value, sizeof value, 1000), 0);
	assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 5, &got, sizeof got, NULL, 1000), 0);
	assert_int_equal(got, 2);
	assert_int_equal(tasks_finish(&t, 1, &r, NULL), 0);
	assert_int_equal(posted, 1);

	value = 3;
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 5, &value, sizeof value, 1000), 0);
	tasks_progress(&t); /* it is kept */
	value = 4;
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 5, &value, sizeof value, 1000), 0);
	for (int want = 3; want <= 4; want++) {
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 5, &got, sizeof got, NULL, 1000), 0);
		assert_int_equal(got, want);
	}
	tasks_close(&t);
}

/* What a kept message lay in serves the next one of its size: no other memory is to be had. */
static void memory_of_kept_messages_is_used_again(void **state)
{
	struct tasks t;
	char out[3000], in[3000];
	if (wire == INPROC)
		skip_because("the channel within a process needs memory for each message itself");
	tasks_open(&t, 2, wire, NULL);
	for (int i = 0; i < 3; i++) {
		size_t n = sizeof out - (size_t)i;
		fill(out, n, (unsigned)i);
		weft__heap_fail_at(i > 0);
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 5, out, n, 1000), 0);
		tasks_progress(&t);
		weft__heap_fail_at(0);
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 5, in, sizeof in, NULL, 1000), 0);
		assert_true(is_filled(in, n, (unsigned)i));
	}
	tasks_close(&t);
}

static void a_long_message_is_cut_to_the_buffer(void **state)
{
	static const size_t lengths[] = {100, 900, 20000}, rooms[] = {0, 1, 70, 99};
	struct tasks t;
	tasks_open(&t, 2, wire, &small);
	char *out = malloc(20000), in[128];
	fill(out, 20000, 3);
	for (int posted = 0; posted < 2; posted++) {
		for (int i = 0; i < 12; i++) {
			size_t n = lengths[i / 4], room = rooms[i % 4];
			weft_request_t r = WEFT_NO_REQUEST;
			weft_status_t status;
			memset(in, 'x', sizeof in);
			if (posted)
				r = irecv(&t, 1, WEFT_ANY_TASK, 1, in, room);
			weft_request_t s = isend(&t, 0, 1, 1, out, n);
			tasks_progress(&t);
			if (!posted)
				r = irecv(&t, 1, WEFT_ANY_TASK, 1, in, room);
			assert_int_equal(tasks_finish(&t, 1, &r, &status), WEFT_ETRUNC);
			assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
			assert_int_equal(status.nbytes, n);
			assert_int_equal(status.code, WEFT_ETRUNC);
			assert_true(is_filled(in, room, 3));
			assert_int_equal(in[room], 'x');
		}
	}
	free(out);
	tasks_close(&t);
}

static void messages_of_one_task_keep_their_order(void **state)
{
	enum { N = 200 };
	struct tasks t;
	weft_request_t s[N];
	tasks_open(&t, 2, wire, &small);
	char *out = malloc(N * 2000), *in = malloc(2000);
	fill(out, N * 2000, 0);
	for (int i = 0; i < N; i++)
		s[i] = isend(&t, 0, 1, i, out + i * 2000, i % 3 == 0 ? 2000 : (size_t)(i % 500));
	for (int i = 0; i < N; i++) {
		weft_status_t status;
		weft_request_t r =
		        irecv(&t, 1, i % 2 ? WEFT_ANY_TASK : t.tid[0], WEFT_ANY_TAG, in, 2000);
		assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
		assert_int_equal(status.tag, i);
		assert_int_equal(memcmp(in, out + i * 2000, status.nbytes), 0);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(tasks_finish(&t, 0, &s[i], NULL), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

static void a_message_for_oneself_arrives(void **state)
{
	struct tasks t;
	tasks_open(&t, 1, wire, &small);
	char *out = malloc(100000), *in = malloc(100000);
	fill(out, 100000, 9);
	for (size_t n = 0; n <= 100000; n += 50000) {
		assert_int_equal(weft__send(t.e[0], t.tid[0], C, 2, out, n, -1), 0);
		assert_int_equal(weft__recv(t.e[0], t.tid[0], C, 2, in, n, NULL, -1), 0);
		assert_true(is_filled(in, n, 9));
		weft_request_t r = irecv(&t, 0, WEFT_ANY_TASK, 3, in, 10);
		assert_int_equal(weft__send(t.e[0], t.tid[0], C, 3, out, n, 0), 0);
		assert_int_equal(weft__wait(t.e[0], &r, NULL, 0), n > 10 ? WEFT_ETRUNC : 0);
	}
	free(out);
	free(in);
	tasks_close(&t);
}

static void contexts_keep_messages_apart(void **state)
{
	struct tasks t;
	char in;
	weft_context_t one = {1}, inner = {WEFT__CONTEXT_INTERNAL | 1};
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(weft__send(t.e[0], t.tid[1], one, 1, "1", 1, -1), 0);
	assert_int_equal(weft__send(t.e[0], t.tid[1], inner, 1, "i", 1, -1), 0);
	tasks_progress(&t);
	assert_int_equal(weft__recv(t.e[1], WEFT_ANY_TASK, C, WEFT_ANY_TAG, &in, 1, NULL, 0),
	                 WEFT_ETIMEDOUT);
	assert_int_equal(weft__recv(t.e[1], WEFT_ANY_TASK, inner, WEFT_ANY_TAG, &in, 1, NULL, 0),
	                 0);
	assert_int_equal(in, 'i');
	assert_int_equal(weft__recv(t.e[1], WEFT_ANY_TASK, one, WEFT_ANY_TAG, &in, 1, NULL, 0), 0);
	assert_int_equal(in, '1');
	tasks_close(&t);
}

static void probe_tells_and_leaves_the_message(void **state)
{
	struct tasks t;
	weft_status_t status;
	char *out = calloc(1, 5000), in[5000];
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(weft__probe(t.e[1], WEFT_ANY_TASK, C, 4, &status, 0), WEFT_ETIMEDOUT);
	for (size_t n = 7; n <= 5000; n += 4993) {
		weft_request_t s = isend(&t, 0, 1, 4, out, n);
		tasks_progress(&t);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(
			        weft__probe(t.e[1], WEFT_ANY_TASK, C, WEFT_ANY_TAG, &status, 0), 0);
			assert_int_equal(status.nbytes, n);
			assert_int_equal(status.tag, 4);
			assert_true(weft__tid_equal(status.source, t.tid[0]));
		}
		weft_request_t r = irecv(&t, 1, status.source, status.tag, in, n);
		assert_int_equal(tasks_finish(&t, 1, &r, NULL), 0);
		assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
	}
	free(out);
	tasks_close(&t);
}

static void recv_alloc_makes_room(void **state)
{
	struct tasks t;
	weft_status_t status;
	char *out = malloc(9000);
	void *in = NULL;
	fill(out, 9000, 1);
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(weft__recv_alloc(t.e[1], WEFT_ANY_TASK, C, 1, &in, &status, 0),
	                 WEFT_ETIMEDOUT);
	assert_null(in);
	for (size_t n = 0; n <= 900; n += 450) {
		weft_request_t s = isend(&t, 0, 1, 1, out, n);
		tasks_progress(&t);
		assert_int_equal(weft__recv_alloc(t.e[1], WEFT_ANY_TASK, C, 1, &in, &status, 0), 0);
		assert_int_equal(status.nbytes, n);
		assert_true(is_filled(in, n, 1));
		weft__free(in);
		in = NULL;
		assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
	}
	free(out);
	tasks_close(&t);
}

/* --- canceling -------------------------------------------------------------------------------- */

static void a_posted_receive_is_canceled(void **state)
{
	struct tasks t;
	char in[4] = "abc";
	tasks_open(&t, 2, wire, &small);
	weft_request_t r = irecv(&t, 1, t.tid[0], 1, in, 4),
	               other = irecv(&t, 1, t.tid[0], 1, in, 4);
	assert_int_equal(weft__cancel(t.e[1], r), 0);
	assert_int_equal(weft__cancel(t.e[1], r), WEFT_EALREADY);
	assert_int_equal(weft__wait(t.e[1], &r, NULL, -1), WEFT_ECANCELED);
	assert_true(r.v == 0);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, "new", 4, -1), 0);
	assert_int_equal(tasks_finish(&t, 1, &other, NULL), 0);
	assert_string_equal(in, "new");
	assert_int_equal(weft__cancel(t.e[1], WEFT_NO_REQUEST), WEFT_EINVAL);
	tasks_close(&t);
}

static void an_announced_message_is_canceled(void **state)
{
	struct tasks t;
	char *out = malloc(50000), *in = malloc(50000);
	weft_status_t status;
	tasks_open(&t, 2, wire, &small);
	weft_request_t s = isend(&t, 0, 1, 1, out, 50000);
	tasks_progress(&t);
	assert_int_equal(weft__cancel(t.e[0], s), 0);
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), WEFT_ECANCELED);
	tasks_progress(&t);
	assert_int_equal(weft__probe(t.e[1], WEFT_ANY_TASK, C, WEFT_ANY_TAG, &status, 0),
	                 WEFT_ETIMEDOUT);

	/* The other one had matched it already, and has asked for the bytes. */
	weft_request_t r = irecv(&t, 1, WEFT_ANY_TASK, WEFT_ANY_TAG, in, 50000);
	s = isend(&t, 0, 1, 2, out, 50000);
	while (weft__probe(t.e[1], WEFT_ANY_TASK, C, 99, NULL, 0) != WEFT_ETIMEDOUT)
		;
	assert_int_equal(weft__progress(t.e[1]), 0);
	assert_int_equal(weft__cancel(t.e[0], s), 0);
	assert_int_equal(weft__wait(t.e[0], &s, NULL, 0), WEFT_ECANCELED);
	tasks_progress(&t);
	assert_int_equal(weft__test(t.e[1], &r, NULL), WEFT_EAGAIN);
	fill(out, 50000, 8);
	s = isend(&t, 0, 1, 3, out, 50000);
	assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
	assert_int_equal(status.tag, 3);
	assert_true(is_filled(in, 50000, 8));
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

static void a_message_that_waits_for_credit_is_canceled(void **state)
{
	struct tasks t;
	char out[1000] = {0};
	weft_request_t s[40];
	int ended = 0;
	tasks_open(&t, 2, wire, &small);
	for (int i = 0; i < 40; i++)
		s[i] = isend(&t, 0, 1, i, out, sizeof out);
	tasks_progress(&t);
	for (int i = 39; i >= 0; i--) {
		int rc = weft__cancel(t.e[0], s[i]);
		assert_true(rc == 0 || rc == WEFT_EALREADY);
		int end = tasks_finish(&t, 0, &s[i], NULL);
		assert_int_equal(end, rc == 0 ? WEFT_ECANCELED : 0);
		ended += end == 0;
	}
	assert_in_range(ended, 5, 20);
	for (int i = 0; i < ended; i++)
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, i, out, sizeof out, NULL, 0), 0);
	assert_int_equal(weft__recv(t.e[1], t.tid[0], C, WEFT_ANY_TAG, out, sizeof out, NULL, 0),
	                 WEFT_ETIMEDOUT);
	tasks_close(&t);
}

/* --- time-outs -------------------------------------------------------------------------------- */

static void a_send_that_times_out_was_not_sent(void **state)
{
	struct tasks t;
	char *out = calloc(1, 50000), *in = malloc(50000);
	weft_status_t status;
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, out, 50000, 5), WEFT_ETIMEDOUT);
	int sent = 0;
	while (weft__send(t.e[0], t.tid[1], C, 2, out, 1000, 0) == 0)
		sent++;
	assert_in_range(sent, 5, 20);
	weft_request_t s = isend(&t, 0, 1, 3, out, 10);
	tasks_progress(&t);
	for (int i = 0; i < sent; i++) {
		weft_request_t r = irecv(&t, 1, WEFT_ANY_TASK, WEFT_ANY_TAG, in, 50000);
		assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
		assert_int_equal(status.tag, 2);
	}
	weft_request_t r = irecv(&t, 1, WEFT_ANY_TASK, WEFT_ANY_TAG, in, 50000);
	assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
	assert_int_equal(status.tag, 3);
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

/* The channel is full in the middle of a message: its time-out makes no half message. */
static void what_was_sent_before_a_time_out_arrives_whole(void **state)
{
	enum { LENGTH = 50000 };
	struct tasks t;
	char *out = malloc(LENGTH), *in = malloc(LENGTH);
	weft_status_t status;
	tasks_open(&t, 2, wire, NULL);
	for (int again = 0; again < 2; again++) {
		int sent = 0;
		for (fill(out, LENGTH, 0);
		     weft__send(t.e[0], t.tid[1], C, sent, out, LENGTH, 0) == 0; sent++)
			fill(out, LENGTH, (unsigned)sent + 1);
		memset(out, 0, LENGTH); /* what is under way is a copy */
		assert_in_range(sent, 1, 400);
		for (int i = 0; i < sent; i++) {
			weft_request_t r = irecv(&t, 1, t.tid[0], WEFT_ANY_TAG, in, LENGTH);
			assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
			assert_int_equal(status.tag, i);
			assert_true(is_filled(in, LENGTH, (unsigned)i));
		}
		tasks_progress(&t);
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, WEFT_ANY_TAG, in, 1, NULL, 0),
		                 WEFT_ETIMEDOUT);
	}
	int sent = 0;
	while (weft__send(t.e[0], t.tid[1], C, 1, out, LENGTH, 0) == 0)
		sent++;
	weft_request_t r = irecv(&t, 1, t.tid[0], 1, in, LENGTH);
	weft__progress(t.e[1]); /* there is room now */
	weft__leave_behind(t.e[0]);
	tasks_kill(&t, 0);
	assert_int_equal(tasks_finish(&t, 1, &r, NULL), 0);
	while (--sent)
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 1, in, LENGTH, NULL, 5000), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

static void a_receive_that_times_out_half_way_leaves_the_message(void **state)
{
	struct tasks t;
	char *out = malloc(50000), *in = malloc(50000);
	weft_status_t status;
	void *made = NULL;
	tasks_open(&t, 2, wire, &small);
	fill(out, 50000, 4);
	for (int way = 0; way < 3; way++) {
		weft_request_t s = isend(&t, 0, 1, 1, out, 50000),
		               later = isend(&t, 0, 1, 2, out, 10);
		for (int i = 0; i < 20; i++)
			weft__progress(
			        t.e[1]); /* it has been announced; its sender does nothing now */
		if (way < 2)
			assert_int_equal(weft__recv(t.e[1], WEFT_ANY_TASK, C, WEFT_ANY_TAG, in,
			                            50000, NULL, 0),
			                 WEFT_ETIMEDOUT);
		else
			assert_int_equal(weft__recv_alloc(t.e[1], t.tid[0], C, 1, &made, NULL, 3),
			                 WEFT_ETIMEDOUT);
		if (way)
			tasks_progress(&t);
		weft_request_t r = irecv(&t, 1, WEFT_ANY_TASK, WEFT_ANY_TAG, in, 50000);
		assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
		assert_int_equal(status.tag, 1);
		assert_int_equal(status.nbytes, 50000);
		assert_true(is_filled(in, 50000, 4));
		r = irecv(&t, 1, WEFT_ANY_TASK, WEFT_ANY_TAG, in, 50000);
		assert_int_equal(tasks_finish(&t, 1, &r, &status), 0);
		assert_int_equal(status.tag, 2);
		assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
		assert_int_equal(tasks_finish(&t, 0, &later, NULL), 0);
	}
	free(out);
	free(in);
	tasks_close(&t);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void a_sender_waits_for_a_receiver_that_is_behind(void **state)
{
	enum { N = 300 };
	struct tasks t;
	char out[900], in[900];
	weft_request_t s[N];
	int ended = 0;
	tasks_open(&t, 2, wire, &small);
	for (int i = 0; i < N; i++) {
		fill(out, sizeof out, 0);
		s[i] = isend(&t, 0, 1, i, out, sizeof out);
	}
	for (int i = 0; i < 10; i++)
		tasks_progress(&t);
	for (int i = 0; i < N; i++) {
		weft_request_t r = s[i];
		ended += weft__test(t.e[0], &r, NULL) == 0;
		s[i] = r;
	}
	assert_in_range(ended, 5, 16 * 1024 / 900); /* what the credit allows */
	for (int i = 0; i < N; i++) {
		weft_request_t r = irecv(&t, 1, t.tid[0], i, in, sizeof in);
		assert_int_equal(tasks_finish(&t, 1, &r, NULL), 0);
		assert_true(is_filled(in, sizeof in, 0));
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(tasks_finish(&t, 0, &s[i], NULL), 0);
	tasks_close(&t);
}

static void both_sides_may_send_much_before_they_receive(void **state)
{
	enum { N = 200 };
	struct tasks t;
	char *out = calloc(1, 3000), *in = malloc(3000);
	weft_request_t s[2][N];
	tasks_open(&t, 2, wire, &small);
	for (int i = 0; i < N; i++)
		for (int who = 0; who < 2; who++)
			s[who][i] = isend(&t, who, !who, 1, out, i % 2 ? 3000 : 800);
	for (int i = 0; i < N; i++) {
		for (int who = 0; who < 2; who++) {
			weft_request_t r = irecv(&t, who, t.tid[!who], 1, in, 3000);
			assert_int_equal(tasks_finish(&t, who, &r, NULL), 0);
		}
	}
	for (int i = 0; i < N; i++)
		for (int who = 0; who < 2; who++)
			assert_int_equal(tasks_finish(&t, who, &s[who][i], NULL), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

static void short_messages_pass_a_long_one_by(void **state)
{
	struct tasks t;
	char *out = calloc(1, 4 << 20), *in = malloc(4 << 20), byte;
	tasks_open(&t, 2, wire, &small);
	weft_request_t r = irecv(&t, 1, t.tid[0], 1, in, 4 << 20),
	               q = irecv(&t, 1, t.tid[0], 2, &byte, 1);
	weft_request_t s = isend(&t, 0, 1, 1, out, 4 << 20), u = isend(&t, 0, 1, 2, "", 1);
	assert_int_equal(tasks_finish(&t, 1, &q, NULL), 0);
	assert_int_equal(weft__test(t.e[0], &s, NULL), WEFT_EAGAIN);
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), 0);
	assert_int_equal(tasks_finish(&t, 0, &u, NULL), 0);
	assert_int_equal(tasks_finish(&t, 1, &r, NULL), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

static void everybody_is_heard(void **state)
{
	enum { EACH = 400 };
	struct tasks t;
	weft_request_t(*s)[EACH] = calloc(3, sizeof *s);
	int heard[3] = {0};
	char byte = 0;
	tasks_open(&t, 4, wire, &small);
	for (int who = 0; who < 3; who++)
		for (int i = 0; i < EACH; i++)
			s[who][i] = isend(&t, who, 3, who, &byte, 1);
	for (int i = 0; i < EACH; i++) {
		weft_status_t status;
		weft_request_t r = irecv(&t, 3, WEFT_ANY_TASK, WEFT_ANY_TAG, &byte, 1);
		assert_int_equal(tasks_finish(&t, 3, &r, &status), 0);
		heard[status.tag]++;
	}
	for (int who = 0; who < 3; who++)
		assert_in_range(heard[who], EACH / 6, EACH / 2);
	for (int i = 0; i < 2 * EACH; i++) {
		weft_request_t r = irecv(&t, 3, WEFT_ANY_TASK, WEFT_ANY_TAG, &byte, 1);
		assert_int_equal(tasks_finish(&t, 3, &r, NULL), 0);
	}
	for (int who = 0; who < 3; who++)
		for (int i = 0; i < EACH; i++)
			assert_int_equal(tasks_finish(&t, who, &s[who][i], NULL), 0);
	free(s);
	tasks_close(&t);
}

/* --- ends ------------------------------------------------------------------------------------- */

static void what_a_task_sent_arrives_after_its_end(void **state)
{
	struct tasks t;
	char in[8];
	tasks_open(&t, 3, wire, &small);
	weft_request_t any = irecv(&t, 1, WEFT_ANY_TASK, 9, in, 8),
	               named = irecv(&t, 1, t.tid[0], 8, in, 8);
	for (int i = 0; i < 5; i++)
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, i, "last", 5, -1), 0);
	tasks_leave(&t, 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, i, in, 8, NULL, 1000), 0);
	assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 1, in, 8, NULL, 5000), WEFT_ENOTASK);
	assert_int_equal(weft__probe(t.e[1], t.tid[0], C, 1, NULL, -1), WEFT_ENOTASK);
	assert_int_equal(tasks_finish(&t, 1, &named, NULL), WEFT_ENOTASK);
	assert_int_equal(weft__send(t.e[1], t.tid[0], C, 1, in, 8, -1), WEFT_ENOTASK);
	assert_int_equal(weft__test(t.e[1], &any, NULL), WEFT_EAGAIN);
	assert_int_equal(weft__send(t.e[2], t.tid[1], C, 9, "else", 5, -1), 0);
	assert_int_equal(tasks_finish(&t, 1, &any, NULL), 0);
	tasks_close(&t);
}

static void long_sends_end_with_their_receiver(void **state)
{
	struct tasks t;
	char *out = calloc(1, 90000);
	weft_tid_t both[2];
	tasks_open(&t, 3, wire, &small);
	weft_request_t s = isend(&t, 0, 1, 1, out, 90000);
	weft_request_t more[30];
	for (int i = 0; i < 30; i++)
		more[i] = isend(&t, 0, 1, 2, out, 900);
	tasks_progress(&t);
	tasks_leave(&t, 1);
	assert_int_equal(tasks_finish(&t, 0, &s, NULL), WEFT_ENOTASK);
	int lost = 0;
	for (int i = 0; i < 30; i++)
		lost += tasks_finish(&t, 0, &more[i], NULL) == WEFT_ENOTASK;
	assert_in_range(lost, 10, 30);
	both[0] = t.tid[1];
	both[1] = t.tid[2];
	assert_int_equal(weft__mcast(t.e[0], both, 2, C, 5, "all", 4, -1), WEFT_ENOTASK);
	assert_int_equal(weft__recv(t.e[2], t.tid[0], C, 5, out, 4, NULL, -1), 0);
	free(out);
	tasks_close(&t);
}

static void a_half_received_message_of_a_dead_task_is_none(void **state)
{
	enum { LONG = 16 << 20 };
	struct tasks t;
	char *out = calloc(1, LONG), *in = malloc(LONG);
	weft_status_t status;
	tasks_open(&t, 3, wire, &small);
	weft_request_t any = irecv(&t, 1, WEFT_ANY_TASK, 1, in, LONG);
	weft_request_t named = irecv(&t, 1, t.tid[0], 2, in, LONG);
	for (int i = 1; i <= 3; i++)
		isend(&t, 0, 1, i, out, LONG);
	for (int i = 0; i < 3; i++)
		weft__progress(t.e[i % 2]); /* announced, asked for, perhaps begun */
	tasks_kill(&t, 0);
	assert_int_equal(tasks_finish(&t, 1, &named, NULL), WEFT_ENOTASK);
	assert_int_equal(weft__test(t.e[1], &any, NULL), WEFT_EAGAIN);
	weft_request_t other = isend(&t, 2, 1, 1, out, LONG);
	assert_int_equal(tasks_finish(&t, 1, &any, &status), 0);
	assert_true(weft__tid_equal(status.source, t.tid[2]));
	assert_int_equal(tasks_finish(&t, 2, &other, NULL), 0);
	free(out);
	free(in);
	tasks_close(&t);
}

/* --- several requests ------------------------------------------------------------------------- */

static void requests_are_waited_for_together(void **state)
{
	struct tasks t;
	char in[4];
	int index = -1;
	weft_status_t status, statuses[4];
	tasks_open(&t, 2, wire, &small);
	weft_request_t r[4];
	assert_int_equal(weft__wait_any(t.e[1], NULL, 0, &index, NULL, 0), WEFT_EINVAL);
	for (int i = 0; i < 4; i++)
		r[i] = i == 2 ? WEFT_NO_REQUEST : irecv(&t, 1, t.tid[0], i, &in[i], 1);
	assert_int_equal(weft__wait_any(t.e[1], r, 4, &index, &status, 0), WEFT_ETIMEDOUT);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 3, "d", 1, -1), 0);
	assert_int_equal(weft__wait_any(t.e[1], r, 4, &index, &status, -1), 0);
	assert_int_equal(index, 3);
	assert_int_equal(status.tag, 3);
	assert_true(r[3].v == 0);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 0, "a", 1, -1), 0);
	assert_int_equal(weft__wait_all(t.e[1], r, 4, statuses, 2), WEFT_ETIMEDOUT);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, "bbb", 3, -1), 0);
	assert_int_equal(weft__wait_all(t.e[1], r, 4, statuses, -1), WEFT_ETRUNC);
	assert_int_equal(statuses[0].code, 0);
	assert_int_equal(statuses[1].code, WEFT_ETRUNC);
	assert_memory_equal(in, "ab", 2);
	for (int i = 0; i < 4; i++)
		assert_true(r[i].v == 0);
	assert_int_equal(weft__wait_all(t.e[1], r, 4, NULL, -1), 0);
	weft_request_t stale = irecv(&t, 1, t.tid[0], 0, in, 1), copy = stale;
	weft__cancel(t.e[1], stale);
	weft__test(t.e[1], &stale, NULL);
	assert_int_equal(weft__test(t.e[1], &copy, NULL), WEFT_EINVAL);
	copy.v = 0x123456789abcdef;
	assert_int_equal(weft__wait(t.e[1], &copy, NULL, -1), WEFT_EINVAL);
	tasks_close(&t);
}

static void bad_arguments_are_refused(void **state)
{
	struct tasks t;
	char byte = 0;
	weft_request_t r;
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, -1, &byte, 1, 0), WEFT_EINVAL);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, NULL, 1, 0), WEFT_EINVAL);
	assert_int_equal(weft__send(t.e[0], WEFT_ANY_TASK, C, 1, &byte, 1, 0), WEFT_EINVAL);
	assert_int_equal(weft__send(t.e[0], WEFT_NO_TID, C, 1, &byte, 1, 0), WEFT_ENOTASK);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, &byte, WEFT_MSG_MAX + 1, 0),
	                 WEFT_ETOOBIG);
	assert_int_equal(weft__recv(t.e[0], WEFT_NO_TID, C, 1, &byte, 1, NULL, 0), WEFT_ENOTASK);
	assert_int_equal(weft__recv(t.e[0], t.tid[1], C, -7, &byte, 1, NULL, 0), WEFT_EINVAL);
	assert_int_equal(weft__irecv(t.e[0], t.tid[1], C, 1, NULL, 1, &r), WEFT_EINVAL);
	assert_int_equal(weft__isend(t.e[0], t.tid[1], C, 1, &byte, 1, NULL), WEFT_EINVAL);
	assert_int_equal(weft__send(t.e[0], (weft_tid_t){12345}, C, 1, &byte, 1, -1), WEFT_ENOVM);
	assert_int_equal(weft__mcast(t.e[0], NULL, 1, C, 1, &byte, 1, -1), WEFT_EINVAL);
	tasks_close(&t);
}

static void sendrecv_does_both(void **state)
{
	struct tasks t;
	char in[4];
	weft_status_t status;
	tasks_open(&t, 2, wire, &small);
	assert_int_equal(
	        weft__sendrecv(t.e[0], t.tid[1], 1, "one", 4, t.tid[1], 2, in, 4, C, &status, 3),
	        WEFT_ETIMEDOUT);
	assert_int_equal(
	        weft__sendrecv(t.e[1], t.tid[0], 2, "two", 4, t.tid[0], 1, in, 4, C, &status, -1),
	        0);
	assert_string_equal(in, "one");
	assert_int_equal(weft__recv(t.e[0], t.tid[1], C, 2, in, 4, &status, -1), 0);
	assert_string_equal(in, "two");
	tasks_close(&t);
}

/* --- the program's own loop ------------------------------------------------------------------- */

static void the_descriptor_tells_when_there_is_something(void **state)
{
	struct tasks t;
	char byte;
	tasks_open(&t, 2, wire, &small);
	struct pollfd fd = {.fd = weft__fd(t.e[1]), .events = POLLIN};
	weft__progress(t.e[1]);
	assert_int_equal(poll(&fd, 1, 0), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, "x", 1, -1), 0);
		assert_int_equal(poll(&fd, 1, 2000), 1);
		weft__progress(t.e[1]);
		assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 1, &byte, 1, NULL, 0), 0);
		weft__progress(t.e[1]);
		assert_int_equal(poll(&fd, 1, 0), 0);
	}
	/* A call that slept took the arming with it: then the descriptor asks for weft_progress at once. */
	assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 1, &byte, 1, NULL, 5), WEFT_ETIMEDOUT);
	if (poll(&fd, 1, 0) == 1)
		weft__progress(t.e[1]);
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(weft__send(t.e[0], t.tid[1], C, 1, "x", 1, -1), 0);
	assert_int_equal(poll(&fd, 1, 2000), 1);
	weft__progress(t.e[1]);
	assert_int_equal(weft__recv(t.e[1], t.tid[0], C, 1, &byte, 1, NULL, 0), 0);
	tasks_close(&t);
}

int main(void)
{
	static const struct CMUnitTest each[] = {
	        cmocka_unit_test(messages_of_every_length_arrive_whole),
	        cmocka_unit_test(messages_are_received_from_the_channel_in_order),
	        cmocka_unit_test(what_is_in_the_channel_is_cut_to_the_buffer),
	        cmocka_unit_test(older_receives_and_messages_go_first),
	        cmocka_unit_test(memory_of_kept_messages_is_used_again),
	        cmocka_unit_test(a_long_message_is_cut_to_the_buffer),
	        cmocka_unit_test(messages_of_one_task_keep_their_order),
	        cmocka_unit_test(a_message_for_oneself_arrives),
	        cmocka_unit_test(contexts_keep_messages_apart),
	        cmocka_unit_test(probe_tells_and_leaves_the_message),
	        cmocka_unit_test(recv_alloc_makes_room),
	        cmocka_unit_test(a_posted_receive_is_canceled),
	        cmocka_unit_test(an_announced_message_is_canceled),
	        cmocka_unit_test(a_message_that_waits_for_credit_is_canceled),
	        cmocka_unit_test(a_send_that_times_out_was_not_sent),
	        cmocka_unit_test(what_was_sent_before_a_time_out_arrives_whole),
	        cmocka_unit_test(a_receive_that_times_out_half_way_leaves_the_message),
	        cmocka_unit_test(a_sender_waits_for_a_receiver_that_is_behind),
	        cmocka_unit_test(both_sides_may_send_much_before_they_receive),
	        cmocka_unit_test(short_messages_pass_a_long_one_by),
	        cmocka_unit_test(everybody_is_heard),
	        cmocka_unit_test(what_a_task_sent_arrives_after_its_end),
	        cmocka_unit_test(long_sends_end_with_their_receiver),
	        cmocka_unit_test(a_half_received_message_of_a_dead_task_is_none),
	        cmocka_unit_test(requests_are_waited_for_together),
	        cmocka_unit_test(bad_arguments_are_refused),
	        cmocka_unit_test(sendrecv_does_both),
	        cmocka_unit_test(the_descriptor_tells_when_there_is_something),
	};
	return tasks_run(each, sizeof each / sizeof *each, INPROC, &wire);
}
