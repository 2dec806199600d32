/* Links over TLS between friends, and how they end. */
#include "config.h"

#include "tls_node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"

/* --- frames ------------------------------------------------------------------------------- */

static void both_sides_know_each_other_after_the_handshake(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p;
	open_pair(s, &n, &p);
	assert_int_equal(n.purpose, LINK_TO_PEER);
	assert_string_equal(n.p.identity, "node 3 7");
	assert_string_equal(p.identity, "");
	assert_string_equal(link_peer(n.p.l), n.from);
	assert_string_equal(link_peer_host(n.p.l), "127.0.0.1");
	assert_string_equal(link_peer_host(p.l), "127.0.0.1");
	assert_int_equal(link_peer_pid(p.l), -1);
	assert_int_equal(link_listener_refused(n.ll), 0);
	party_fini(&p);
	close_node(&n);
}

static void frames_of_every_size_arrive_both_ways(void **state)
{
	static const size_t sizes[] = {1,
	                               2,
	                               7,
	                               8,
	                               9,
	                               1000,
	                               16375,
	                               16376,
	                               16377,
	                               65536,
	                               WEFT__FRAME_MAX - 1,
	                               WEFT__FRAME_MAX};
	struct stage *s = *state;
	struct node n;
	struct party p;
	open_pair(s, &n, &p);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		send_bytes(p.l, sizes[i], i);
		send_bytes(n.p.l, sizes[i], i + 100);
		assert_true(run_until(&s->loop, &n.p.nframes, i + 1));
		assert_true(run_until(&s->loop, &p.nframes, i + 1));
		assert_last(&n.p, sizes[i], i);
		assert_last(&p, sizes[i], i + 100);
	}
	party_fini(&p);
	close_node(&n);
}

static void frames_sent_before_the_handshake_arrive_after_it(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	open_node(s, &n);
	dial(&n, &p, "node 3 7", key);
	for (unsigned i = 0; i < 3; i++)
		send_bytes(p.l, 100, i);
	assert_true(link_queued(p.l) > 0);
	assert_true(run_until(&s->loop, &n.p.nframes, 3));
	assert_last(&n.p, 100, 2);
	party_fini(&p);
	close_node(&n);
}

static void a_paused_reader_loses_nothing_and_holds_the_sender_back(void **state)
{
	enum { N = 3000 };
	struct stage *s = *state;
	struct node n;
	struct party p;
	static uint8_t body[20000];
	open_pair(s, &n, &p);
	n.p.then = party_check_number;
	link_pause(n.p.l, true);
	uint64_t nbytes = 0;
	for (uint32_t i = 0; i < N; i++) {
		size_t size = sizeof i + i * 31 % (sizeof body - sizeof i);
		memcpy(body, &i, sizeof i);
		assert_int_equal(link_send_body(p.l, body, size), 0);
		nbytes += size;
	}
	run_for(&s->loop, 100);
	assert_int_equal(n.p.nframes, 0);
	assert_true(link_queued(p.l) > 1000000); /* it is the sender's to keep */
	link_pause(n.p.l, false);
	assert_true(run_until(&s->loop, &n.p.nframes, N));
	assert_int_equal(n.p.nbytes, nbytes);
	assert_int_equal(link_queued(p.l), 0);
	party_fini(&p);
	close_node(&n);
}

static void pause_itself(struct party *p, const char *what)
{
	if (*what == 'f')
		link_pause(p->l, true);
}

static void frames_read_already_wait_for_the_end_of_a_pause(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p;
	open_pair(s, &n, &p);
	n.p.then = pause_itself;
	for (unsigned i = 0; i < 40; i++)
		send_bytes(p.l, 500, i);
	for (unsigned i = 1; i <= 40; i++) {
		assert_true(run_until(&s->loop, &n.p.nframes, i));
		run_for(&s->loop, 2);
		assert_int_equal(n.p.nframes, i);
		assert_last(&n.p, 500, i - 1);
		link_pause(n.p.l, false);
	}
	party_fini(&p);
	close_node(&n);
}

/* --- the end ------------------------------------------------------------------------------ */

static void link_close_sends_what_is_queued(void **state)
{
	enum { N = 300 };
	struct stage *s = *state;
	struct node n;
	struct party p;
	static uint8_t body[30000];
	open_pair(s, &n, &p);
	send_bytes(n.p.l, 100, 1); /* unread at the closing side: it must not become a reset */
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(link_send_body(p.l, body, sizeof body), 0);
	assert_true(link_queued(p.l) > 0);
	link_close(&p.l);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.nframes, N);
	assert_int_equal(n.p.code, WEFT_ECLOSED);
	assert_int_equal(p.nclosed, 0);
	party_fini(&p);
	close_node(&n);
}

static void link_close_waits_one_second_for_a_peer_that_takes_nothing(void **state)
{
	enum { N = 500 };
	struct stage *s = *state;
	struct node n;
	struct party p;
	static uint8_t body[30000];
	open_pair(s, &n, &p);
	link_pause(n.p.l, true);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(link_send_body(p.l, body, sizeof body), 0);
	link_close(&p.l);
	run_for(&s->loop, 1300);
	link_pause(n.p.l, false);
	assert_true(run_until(&s->loop, &n.p.nclosed, 1));
	assert_int_equal(n.p.code, WEFT_EIO); /* no goodbye */
	assert_true(n.p.nframes < N);
	party_fini(&p);
	close_node(&n);
}

static void close_itself(struct party *p, const char *what)
{
	if (strcmp(what, p->with) == 0)
		link_close(&p->l);
}

static void a_handler_may_close_its_own_link(void **state)
{
	static char *const whens[] = {"opened", "frame", "closed"};
	struct stage *s = *state;
	for (unsigned i = 0; i < 3; i++) {
		struct node n;
		struct party p = {.then = close_itself, .with = whens[i]};
		open_node(s, &n);
		dial(&n, &p, "node 3 7", i == 2 ? other_key : key);
		assert_true(run_until(&s->loop, i == 2 ? &n.p.nclosed : &n.p.nopened, 1));
		if (n.p.l) {
			send_bytes(n.p.l, 10, 0);
			send_bytes(n.p.l, 10, 0);
		}
		assert_true(run_until(&s->loop, &n.p.nclosed, 1));
		run_for(&s->loop, 10);
		assert_null(p.l);
		assert_int_equal(p.nopened, i < 2);
		assert_int_equal(p.nframes, i == 1);
		assert_int_equal(p.nclosed, i == 2);
		party_fini(&p);
		close_node(&n);
	}
}

static void a_link_that_is_being_dialled_can_be_closed_at_any_moment(void **state)
{
	struct stage *s = *state;
	for (unsigned ms = 0; ms < 12; ms++) {
		struct node n;
		struct party p = {0};
		open_node(s, &n);
		dial(&n, &p, "node 3 7", key);
		for (unsigned turn = 0; turn < ms; turn++)
			uv_run(&s->loop, UV_RUN_NOWAIT);
		party_fini(&p);
		assert_int_equal(p.nclosed, 0);
		run_for(&s->loop, 5);
		close_node(&n);
	}
	struct party p = {0}; /* while a name is looked up */
	assert_int_equal(link_dial(&s->loop, "no-such-host.invalid", 9, LINK_TO_PEER, "x", key,
	                           &party_handler, &p, &p.l),
	                 0);
	party_fini(&p);
}

static void the_peer_may_hang_up_at_any_moment_of_the_handshake(void **state)
{
	struct stage *s = *state;
	for (unsigned turns = 0; turns < 12; turns++) {
		struct node n;
		struct party p = {0};
		open_node(s, &n);
		dial(&n, &p, "node 3 7", key);
		for (unsigned turn = 0; turn < turns; turn++)
			uv_run(&s->loop, UV_RUN_NOWAIT);
		close_node(&n);
		assert_true(run_until(&s->loop, &p.nclosed, 1));
		party_fini(&p);
	}
}

/* --- dialling ----------------------------------------------------------------------------- */

static void expect_no_connection(struct stage *s, const char *address, uint16_t port, int code,
                                 const char *word)
{
	struct party p = {0};
	assert_int_equal(link_dial(&s->loop, address, port, LINK_TO_PEER, "x", key, &party_handler,
	                           &p, &p.l),
	                 0);
	assert_int_equal(p.nclosed, 0);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	if (p.code != code || !strstr(p.text, word))
		fail_msg("%s:%u gave %d, %s", address, port, p.code, p.text);
	party_fini(&p);
}

static void a_refused_connection_is_told_in_words(void **state)
{
	struct stage *s = *state;
	struct node n;
	open_node(s, &n);
	uint16_t port = link_listener_port(n.ll);
	close_node(&n);
	expect_no_connection(s, "127.0.0.1", port, weft__err_from_errno(ECONNREFUSED),
	                     "127.0.0.1:");
	expect_no_connection(s, "::1", port, weft__err_from_errno(ECONNREFUSED), "[::1]:");
}

static void a_name_is_looked_up(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct party p = {0};
	open_node(s, &n);
	assert_int_equal(link_dial(&s->loop, "localhost", link_listener_port(n.ll), LINK_TO_COORD,
	                           "node 3 7", key, &party_handler, &p, &p.l),
	                 0);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	assert_int_equal(n.purpose, LINK_TO_COORD);
	party_fini(&p);
	close_node(&n);
	expect_no_connection(s, "no-such-host.invalid", 9, WEFT_ENONODE, "no-such-host.invalid:9");
}

static void an_address_that_cannot_be_reached_at_all_is_told_in_words(void **state)
{
	struct stage *s = *state;
	struct party p = {0};
	struct link *l = NULL;
	char longer[2000];
	assert_int_equal(link_dial(&s->loop, "255.255.255.255", 9, LINK_TO_PEER, "x", key,
	                           &party_handler, &p, &p.l),
	                 0);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_non_null(strstr(p.text, "255.255.255.255:9"));
	party_fini(&p);
	memset(longer, 'h', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	assert_int_equal(
	        link_dial(&s->loop, longer, 9, LINK_TO_PEER, "x", key, &party_handler, NULL, &l),
	        WEFT_EINVAL);
	assert_null(l);
}

/* A listener whose queue is full swallows a connection without an answer, as a firewall does. */
static void a_hole_is_given_up_after_five_seconds(void **state)
{
	struct stage *s = *state;
	uint16_t port;
	int fillers[4], listener = listen_raw(0, &port);
	for (int i = 0; i < 4; i++)
		fillers[i] = connect_raw(port);
	run_for(&s->loop, 50);
	uint64_t start = now_ms();
	expect_no_connection(s, "127.0.0.1", port, WEFT_ETIMEDOUT, "127.0.0.1:");
	assert_in_range(now_ms() - start, 4000, 7000);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(listener);
}

/* --- no memory ---------------------------------------------------------------------------- */

static void every_allocation_of_a_connection_may_fail(void **state)
{
	struct stage *s = *state;
	for (unsigned long i = 1; i < 100; i++) {
		struct node n;
		struct party p = {0};
		open_node(s, &n);
		weft__heap_fail_at(i);
		int rc = link_dial(&s->loop, "127.0.0.1", link_listener_port(n.ll), LINK_TO_PEER,
		                   "node 3 7", key, &party_handler, &p, &p.l);
		if (rc == 0)
			for (int turn = 0; turn < 200 && p.nclosed == 0 && n.p.nopened == 0; turn++)
				run_for(&s->loop, 5);
		weft__heap_fail_at(0);
		assert_true(rc == 0 || rc == WEFT_ENOMEM);
		if (rc < 0)
			assert_null(p.l);
		else
			assert_true(p.nopened + p.nclosed > 0);
		bool all_well = p.nopened == 1 && n.p.nopened == 1 && p.nclosed == 0;
		party_fini(&p);
		run_for(&s->loop, 5);
		close_node(&n);
		if (all_well) {
			assert_true(i > 5);
			return;
		}
	}
	fail_msg("the allocations never end");
}

static void a_receiver_without_memory_closes_the_link(void **state)
{
	struct stage *s = *state;
	for (unsigned long i = 1; i <= 2; i++) {
		struct node n;
		struct party p;
		open_pair(s, &n, &p);
		send_bytes(p.l, WEFT__FRAME_MAX, 1);
		weft__heap_fail_at(i); /* its first buffer, or when it grows */
		assert_true(run_until(&s->loop, &n.p.nclosed, 1));
		weft__heap_fail_at(0);
		assert_int_equal(n.p.code, WEFT_ENOMEM);
		assert_true(run_until(&s->loop, &p.nclosed, 1));
		party_fini(&p);
		close_node(&n);
	}
}

/* --- keys --------------------------------------------------------------------------------- */

static void keys_differ_with_their_labels_and_are_hkdf(void **state)
{
	/* HKDF-SHA256 without salt, checked with another implementation. */
	static const uint8_t expected[LINK_KEY_BYTES] = {
	        0xb0, 0x9c, 0xaa, 0x75, 0x53, 0x04, 0x74, 0xdc, 0xa7, 0xbf, 0xec,
	        0x52, 0x17, 0xb5, 0x09, 0xa0, 0x89, 0x2d, 0xe1, 0x74, 0x8a, 0x6c,
	        0x39, 0x03, 0xc8, 0x5b, 0xfe, 0x60, 0xc9, 0x36, 0x58, 0xb3};
	uint8_t a[LINK_KEY_BYTES], b[LINK_KEY_BYTES];
	assert_int_equal(link_key_derive(key, "node 3 7", a), 0);
	assert_memory_equal(a, expected, sizeof a);
	assert_int_equal(link_key_derive(key, "node 3 8", b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(link_key_derive(other_key, "node 3 7", b), 0);
	assert_memory_not_equal(a, b, sizeof a);
}

/* --- what two agree on -------------------------------------------------------------------- */

static void two_agree_by_what_they_show_and_nobody_else_does(void **state)
{
	struct link_pair a, b, c;
	uint8_t one[LINK_KEY_BYTES], other[LINK_KEY_BYTES];
	assert_int_equal(link_pair_make(&a), 0);
	assert_int_equal(link_pair_make(&b), 0);
	assert_int_equal(link_pair_make(&c), 0);
	assert_memory_not_equal(a.shown, b.shown, sizeof a.shown);
	assert_int_equal(link_pair_agree(&a, b.shown, "start 3 7", one), 0);
	assert_int_equal(link_pair_agree(&b, a.shown, "start 3 7", other), 0);
	assert_memory_equal(one, other, sizeof one);
	assert_int_equal(link_pair_agree(&b, a.shown, "start 3 8", other), 0);
	assert_memory_not_equal(one, other, sizeof one);
	assert_int_equal(link_pair_agree(&c, a.shown, "start 3 7", other), 0);
	assert_memory_not_equal(one, other, sizeof one);
	assert_int_equal(link_pair_agree(&c, b.shown, "start 3 7", other), 0);
	assert_memory_not_equal(one, other, sizeof one);
}

static void a_point_that_gives_only_zeros_is_refused(void **state)
{
	static const uint8_t zeros[LINK_KEY_BYTES];
	uint8_t agreed[LINK_KEY_BYTES];
	struct link_pair a;
	assert_int_equal(link_pair_make(&a), 0);
	assert_int_equal(link_pair_agree(&a, zeros, "start 3 7", agreed), WEFT_EDENIED);
}

int main(void)
{
	warm_openssl_up();
	weft__log_open(2, WEFT__LOG_ERROR, "test");
	const struct CMUnitTest tests[] = {
	        STAGED(both_sides_know_each_other_after_the_handshake),
	        STAGED(frames_of_every_size_arrive_both_ways),
	        STAGED(frames_sent_before_the_handshake_arrive_after_it),
	        STAGED(a_paused_reader_loses_nothing_and_holds_the_sender_back),
	        STAGED(frames_read_already_wait_for_the_end_of_a_pause),
	        STAGED(link_close_sends_what_is_queued),
	        STAGED(link_close_waits_one_second_for_a_peer_that_takes_nothing),
	        STAGED(a_handler_may_close_its_own_link),
	        STAGED(a_link_that_is_being_dialled_can_be_closed_at_any_moment),
	        STAGED(the_peer_may_hang_up_at_any_moment_of_the_handshake),
	        STAGED(a_refused_connection_is_told_in_words),
	        STAGED(a_name_is_looked_up),
	        STAGED(an_address_that_cannot_be_reached_at_all_is_told_in_words),
	        STAGED(a_hole_is_given_up_after_five_seconds),
	        STAGED(every_allocation_of_a_connection_may_fail),
	        STAGED(a_receiver_without_memory_closes_the_link),
	        STAGED(two_agree_by_what_they_show_and_nobody_else_does),
	        STAGED(a_point_that_gives_only_zeros_is_refused),
	        STAGED(keys_differ_with_their_labels_and_are_hkdf),
	};
	return cmocka_run_group_tests_name("tls links", tests, NULL, NULL);
}
