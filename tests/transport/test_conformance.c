/* The conformance suite: what passes it is a transport. Each behaviour runs over each kind of
 * channel. */
#include "config.h"

#include "tests/transport/pair.h"

#include "base/clock.h"
#include "base/heap.h"

#include <stdlib.h>
#include <string.h>

static void each_size_arrives_whole(void **state)
{
	struct pair p;
	struct inbox in;
	uint32_t n = 0;
	pair_open(&p, *state);
	inbox_init(&in);
	for (uint64_t len = 0; len <= 200; len++, n++)
		send_message(&p, 0, n, len, &in);
	for (uint64_t power = 256; power < MESSAGE_MAX; power *= 2)
		for (uint64_t len = power - 1; len <= power + 1; len++, n++)
			send_message(&p, 0, n, len, &in);
	receive_until(&p, 1, &in, n);
	inbox_fini(&in);
	pair_close(&p);
}

static void mixed_sizes_arrive_in_order_and_once(void **state)
{
	struct pair p;
	struct inbox in;
	const uint32_t count = 100000;
	pair_open(&p, *state);
	inbox_init(&in);
	for (uint32_t n = 0; n < count; n++)
		send_message(&p, 1, n, mixed_len(n), &in);
	receive_until(&p, 0, &in, count);
	inbox_fini(&in);
	pair_close(&p);
}

static void both_directions_do_not_disturb_each_other(void **state)
{
	struct pair p;
	struct inbox in[2];
	const uint32_t count = 5000;
	struct weft__hdr hdr[2];
	uint32_t n[2] = {0, 0};
	size_t taken[2] = {0, 0};
	uint64_t deadline = weft__deadline(60000);
	pair_open(&p, *state);
	inbox_init(&in[0]);
	inbox_init(&in[1]);
	while (in[0].next < count || in[1].next < count) {
		for (int i = 0; i < 2; i++) {
			struct weft__channel *c = p.ends[i];
			uint64_t len = mixed_len(n[i] + 1000U * (unsigned)i);
			hdr[i] = message_header(n[i], len);
			if (n[i] < count) {
				int rc = c->ops->send(c, &hdr[i], message_bytes(n[i]), &taken[i]);
				assert_true(rc == 0 || rc == WEFT_EAGAIN);
				if (rc == 0) {
					taken[i] = 0;
					n[i]++;
				}
			}
			assert_true(c->ops->poll(c, &in[i].sink) >= 0);
		}
		assert_true(weft__clock_ns() < deadline);
	}
	inbox_fini(&in[0]);
	inbox_fini(&in[1]);
	pair_close(&p);
}

static void full_channel_says_again_and_goes_on_without_loss(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	struct weft__channel *c = p.ends[0];
	uint32_t n = 0, again = 0;
	for (int round = 0; round < 20; round++) {
		uint64_t len = round % 2 ? 30 : 3000;
		int rc = 0;
		size_t taken = 0;
		while (rc == 0) {
			struct weft__hdr hdr = message_header(n, len);
			taken = 0;
			rc = c->ops->send(c, &hdr, message_bytes(n), &taken);
			if (rc == 0)
				n++;
		}
		assert_int_equal(rc, WEFT_EAGAIN);
		/* Still full: to ask again takes nothing. */
		struct weft__hdr hdr = message_header(n, len);
		size_t before = taken;
		rc = c->ops->send(c, &hdr, message_bytes(n), &taken);
		again += rc == WEFT_EAGAIN && taken == before;
		uint64_t deadline = weft__deadline(20000);
		while (rc == WEFT_EAGAIN) {
			assert_true(p.ends[1]->ops->poll(p.ends[1], &in.sink) >= 0);
			rc = c->ops->send(c, &hdr, message_bytes(n), &taken);
			assert_true(weft__clock_ns() < deadline);
		}
		assert_int_equal(rc, 0);
		n++;
	}
	assert_true(again > 0);
	receive_until(&p, 1, &in, n);
	inbox_fini(&in);
	pair_close(&p);
}

static void message_without_a_place_is_thrown_away(void **state)
{
	struct pair p;
	struct inbox in;
	uint32_t n = 0;
	pair_open(&p, *state);
	inbox_init(&in);
	for (; n < 400; n++) {
		in.discard = n % 3 == 0;
		send_message(&p, 0, n, mixed_len(n) + (n % 3 == 0 ? 100000 : 0), &in);
		receive_until(&p, 1, &in, n + 1);
	}
	assert_true(in.ndiscarded > 100);
	inbox_fini(&in);
	pair_close(&p);
}

static void close_delivers_what_was_taken_then_says_closed(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	uint32_t n = 0;
	for (;; n++) {
		struct weft__hdr hdr = message_header(n, mixed_len(n) % 3000);
		size_t taken = 0;
		int rc = p.ends[0]->ops->send(p.ends[0], &hdr, message_bytes(n), &taken);
		if (rc == WEFT_EAGAIN)
			break;
		assert_int_equal(rc, 0);
	}
	p.ends[0]->ops->close(&p.ends[0]);
	assert_int_equal(receive_all(&p, 1, &in), WEFT_ECLOSED);
	assert_int_equal(in.next, n);
	assert_int_equal(receive_all(&p, 1, &in), WEFT_ECLOSED);
	inbox_fini(&in);
	pair_close(&p);
}

static void close_delivers_what_was_taken_with_unread_bytes_behind(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	struct weft__hdr hdr = message_header(0, 100);
	size_t taken = 0;
	assert_int_equal(p.ends[1]->ops->send(p.ends[1], &hdr, message_bytes(0), &taken), 0);
	for (uint32_t n = 0; n < 10; n++) {
		hdr = message_header(n, 1000);
		taken = 0;
		assert_int_equal(p.ends[0]->ops->send(p.ends[0], &hdr, message_bytes(n), &taken),
		                 0);
	}
	p.ends[0]->ops->close(&p.ends[0]);
	assert_int_equal(receive_all(&p, 1, &in), WEFT_ECLOSED);
	assert_int_equal(in.next, 10);
	inbox_fini(&in);
	pair_close(&p);
}

static void close_in_the_middle_of_a_message_delivers_no_half(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	send_message(&p, 0, 0, 77, &in);
	struct weft__hdr hdr = message_header(1, MESSAGE_MAX);
	size_t taken = 0;
	assert_int_equal(p.ends[0]->ops->send(p.ends[0], &hdr, message_bytes(1), &taken),
	                 WEFT_EAGAIN);
	assert_true(taken > 0);
	p.ends[0]->ops->close(&p.ends[0]);
	assert_int_equal(receive_all(&p, 1, &in), WEFT_ECLOSED);
	assert_int_equal(in.next, 1);
	assert_true(in.active);
	inbox_fini(&in);
	pair_close(&p);
}

static void send_after_the_far_end_closed_fails(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	p.ends[0]->ops->close(&p.ends[0]);
	assert_int_equal(receive_all(&p, 1, &in), WEFT_ECLOSED);
	int rc = 0;
	for (int i = 0; i < 1000 && rc == 0; i++) { /* a socket notices at the second try */
		struct weft__hdr hdr = message_header(0, 10);
		size_t taken = 0;
		rc = p.ends[1]->ops->send(p.ends[1], &hdr, message_bytes(0), &taken);
	}
	assert_int_equal(rc, WEFT_ECLOSED);
	inbox_fini(&in);
	pair_close(&p);
}

static void armed_end_is_woken_by_a_message_and_by_a_close(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	assert_false(pair_sleep(&p, 1, false, 0));
	assert_false(p.ends[1]->ops->arm(p.ends[1], false));
	p.ends[1]->ops->disarm(p.ends[1]);
	send_message(&p, 0, 0, 5, &in);
	assert_true(pair_sleep(&p, 1, false, 5000)); /* came before the arming */
	receive_until(&p, 1, &in, 1);
	p.ends[0]->ops->close(&p.ends[0]);
	assert_true(pair_sleep(&p, 1, false, 5000));
	assert_int_equal(receive_all(&p, 1, &in), WEFT_ECLOSED);
	inbox_fini(&in);
	pair_close(&p);
}

static void poll_of_an_idle_channel_is_zero(void **state)
{
	struct pair p;
	struct inbox in;
	pair_open(&p, *state);
	inbox_init(&in);
	for (int i = 0; i < 10; i++)
		assert_int_equal(p.ends[i % 2]->ops->poll(p.ends[i % 2], &in.sink), 0);
	inbox_fini(&in);
	pair_close(&p);
}

static void at_leisure_a_socket_is_looked_at_later(void **state)
{
	struct pair p;
	struct inbox in;
	uint32_t leisure_ns = UINT32_MAX;
	pair_open(&p, *state);
	inbox_init(&in);
	in.sink.leisure_ns = &leisure_ns;
	send_message(&p, 0, 0, 100, &in);
	receive_until(&p, 1, &in, 1);
	send_message(&p, 0, 1, 100, &in);
	assert_true(p.ends[1]->ops->poll(p.ends[1], &in.sink) >= 0);
	if (p.kind->socket)
		assert_int_equal(in.next, 1);
	leisure_ns = 0;
	receive_until(&p, 1, &in, 2);
	leisure_ns = 1000000;
	for (uint32_t n = 2; n < 5; n++) {
		send_message(&p, 0, n, 100, &in);
		receive_until(&p, 1, &in, n + 1);
	}
	inbox_fini(&in);
	pair_close(&p);
}

static void no_descriptor_is_leaked(void **state)
{
	struct pair p;
	struct inbox in;
	inbox_init(&in);
	int before = count_fds();
	for (int i = 0; i < 20; i++) {
		in.next = 0;
		pair_open(&p, *state);
		send_message(&p, 0, 0, 40000, &in);
		receive_until(&p, 1, &in, 1);
		pair_close(&p);
	}
	assert_int_equal(count_fds(), before);
	inbox_fini(&in);
}

static void opening_without_memory_fails_and_leaks_nothing(void **state)
{
	const struct kind *kind = *state;
	int before = count_fds();
	int failed = 0;
	for (unsigned long at = 1; at <= 3; at++) {
		struct pair p;
		int bell = -1, rc;
		pair_prepare(&p, kind);
		weft__heap_fail_at(at);
		if (kind->socket)
			rc = weft__stream_open(&p.socks[0], &p.ends[0]);
		else if (kind->local)
			rc = weft__inproc_open(p.bells, p.ends);
		else
			rc = weft__shm_open(&p.memfds[0], &bell, 0, &p.ends[0]);
		weft__heap_fail_at(0);
		assert_true(rc == 0 || (rc == WEFT_ENOMEM && !p.ends[0]));
		failed += rc != 0;
		assert_int_equal(p.memfds[0], -1);
		assert_int_equal(p.socks[0], -1);
		pair_close(&p);
	}
	assert_true(failed > 0);
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	static const struct CMUnitTest behaviours[] = {
	        cmocka_unit_test(each_size_arrives_whole),
	        cmocka_unit_test(mixed_sizes_arrive_in_order_and_once),
	        cmocka_unit_test(both_directions_do_not_disturb_each_other),
	        cmocka_unit_test(full_channel_says_again_and_goes_on_without_loss),
	        cmocka_unit_test(message_without_a_place_is_thrown_away),
	        cmocka_unit_test(close_delivers_what_was_taken_then_says_closed),
	        cmocka_unit_test(close_delivers_what_was_taken_with_unread_bytes_behind),
	        cmocka_unit_test(close_in_the_middle_of_a_message_delivers_no_half),
	        cmocka_unit_test(send_after_the_far_end_closed_fails),
	        cmocka_unit_test(armed_end_is_woken_by_a_message_and_by_a_close),
	        cmocka_unit_test(poll_of_an_idle_channel_is_zero),
	        cmocka_unit_test(at_leisure_a_socket_is_looked_at_later),
	        cmocka_unit_test(no_descriptor_is_leaked),
	        cmocka_unit_test(opening_without_memory_fails_and_leaks_nothing),
	};
	return run_over_kinds("transport conformance", behaviours,
	                      sizeof behaviours / sizeof *behaviours, true);
}
