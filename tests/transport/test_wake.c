/* Sleeping and waking between two processes: no wake-up may get lost, whoever is quicker. Both ends
 * go to sleep at once or after a random number of looks, so that arming meets publishing in every
 * order. */
#include "config.h"

#include "tests/transport/pair.h"

#include "base/clock.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

enum {
	ASLEEP_FOR_EVER_MS = 10000,
	PHASE_MS = 3000, /* at most, on a busy machine */
	LAST = 61,       /* length of the message that ends a phase */
};

/* A child process fails by its exit status, for cmocka lives in the parent. */
static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "# process %d: %s\n", (int)getpid(), what);
	_exit(1);
}

struct counter {
	struct weft__sink sink;
	uint32_t next;
	uint64_t len; /* of the last one */
	uint8_t *room;
};

static void count_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	struct counter *in = arg;
	must(hdr->tag == message_header(in->next, 0).tag, "a message is out of order");
	must(hdr->len == 0 || memcmp(payload, message_bytes(in->next), hdr->len) == 0, "bad bytes");
	in->len = hdr->len;
	in->next++;
}

static void *count_begin(void *arg, const struct weft__hdr *hdr)
{
	return ((struct counter *)arg)->room;
}

static void count_end(void *arg, const struct weft__hdr *hdr)
{
	count_message(arg, hdr, ((struct counter *)arg)->room);
}

static struct counter *counter_create(void)
{
	struct counter *in = calloc(1, sizeof *in);
	must(in && (in->room = malloc(MESSAGE_MAX)), "no memory");
	in->sink = (struct weft__sink){.message = count_message, .begin = count_begin, .end = count_end, .arg = in};
	return in;
}

static void counter_destroy(struct counter *in)
{
	free(in->room);
	free(in);
}

/* Look up to `looks` times, then sleep. */
static void wait_for(struct pair *p, int i, struct counter *in, uint32_t next, uint64_t looks)
{
	while ((int32_t)(in->next - next) < 0) {
		int rc = p->ends[i]->ops->poll(p->ends[i], &in->sink);
		must(rc >= 0, "poll failed");
		if (rc > 0)
			continue;
		if (looks > 0)
			looks--;
		else
			must(pair_sleep(p, i, false, ASLEEP_FOR_EVER_MS), "a wake-up was lost");
	}
}

static void send_sleeping(struct pair *p, int i, uint32_t n, uint64_t len, struct counter *in)
{
	struct weft__hdr hdr = message_header(n, len);
	size_t taken = 0;
	int rc;
	while ((rc = p->ends[i]->ops->send(p->ends[i], &hdr, message_bytes(n), &taken)) ==
	       WEFT_EAGAIN) {
		must(pair_sleep(p, i, true, ASLEEP_FOR_EVER_MS), "a wake-up for room was lost");
		must(p->ends[i]->ops->poll(p->ends[i], &in->sink) >= 0, "poll failed");
	}
	must(rc == 0, "send failed");
}

/* Run `body` for both ends, end 1 in a child process. */
static void in_two_processes(const struct kind *kind, void (*body)(struct pair *p, int side))
{
	struct pair p;
	int status;
	message_bytes(0);
	pair_prepare(&p, kind);
	pid_t pid = fork();
	assert_true(pid >= 0);
	int side = pid == 0;
	alarm(120); /* who hangs without sleeping ends here */
	pair_drop_end(&p, !side);
	pair_open_end(&p, side);
	body(&p, side);
	if (side == 1) {
		p.ends[1]->ops->close(&p.ends[1]);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	alarm(0);
	assert_int_equal(status, 0);
	pair_close(&p);
}

/* End 0 says when it is enough: after `count` rounds, or when the time is over. */
static uint64_t len_or_last(uint64_t len, uint32_t n, uint32_t count, uint64_t deadline)
{
	return n + 1 >= count || weft__clock_ns() > deadline ? LAST : len;
}

static void ping_pong(struct pair *p, int side, uint32_t count, uint64_t looks_max)
{
	struct weft__rng rng;
	struct counter *in = counter_create();
	uint64_t deadline = weft__deadline(PHASE_MS);
	weft__rng_init(&rng, 5 + (unsigned)side);
	for (uint32_t n = 0; in->len != LAST; n++) {
		uint64_t looks = looks_max ? weft__rng_below(&rng, looks_max) : 0;
		if (side == 0)
			send_sleeping(p, side, n, len_or_last(n % 60, n, count, deadline), in);
		wait_for(p, side, in, n + 1, looks);
		if (side == 1)
			send_sleeping(p, side, n, in->len, in);
	}
	counter_destroy(in);
}

static void asleep_at_once(struct pair *p, int side)
{
	ping_pong(p, side, p->kind->socket ? 4000 : 50000, 0);
}

static void asleep_after_some_looks(struct pair *p, int side)
{
	ping_pong(p, side, p->kind->socket ? 4000 : 50000, p->kind->socket ? 20 : 400);
}

/* Bursts, each followed by a sleep. */
static void bursts(struct pair *p, int side)
{
	struct weft__rng rng;
	struct counter *in = counter_create();
	uint32_t n = 0;
	uint64_t deadline = weft__deadline(PHASE_MS);
	weft__rng_init(&rng, 9);
	for (uint32_t burst = 0; in->len != LAST; burst++) {
		uint32_t length = 1 + (uint32_t)weft__rng_below(&rng, 3000);
		uint64_t looks = weft__rng_below(&rng, 2000);
		if (side == 0) {
			for (uint32_t i = 1; i < length; i++, n++)
				send_sleeping(p, side, n, i % 50, in);
			send_sleeping(p, side, n++, len_or_last(5, burst, 400, deadline), in);
			wait_for(p, side, in, burst + 1, looks);
		} else {
			n += length;
			wait_for(p, side, in, n, looks);
			send_sleeping(p, side, burst, in->len, in);
		}
	}
	counter_destroy(in);
}

static void dawdle(struct weft__rng *rng)
{
	for (volatile uint64_t i = weft__rng_below(rng, 300); i > 0; i--)
		;
}

/* A message and its answer, then after a moment one message more, while the consumer, after a
 * moment, goes to sleep: the two meet within nanoseconds again and again. */
static void duel(struct pair *p, int side)
{
	struct weft__rng rng;
	struct counter *in = counter_create();
	uint64_t deadline = weft__deadline(PHASE_MS);
	weft__rng_init(&rng, 77 + (unsigned)side);
	for (uint32_t n = 0; in->len != LAST; n += 2) {
		if (side == 0)
			send_sleeping(p, side, n, 8, in);
		wait_for(p, side, in, n + 1, UINT64_MAX);
		if (side == 1)
			send_sleeping(p, side, n, 8, in);
		dawdle(&rng);
		if (side == 0)
			send_sleeping(p, side, n + 1, len_or_last(8, n, 40000, deadline), in);
		wait_for(p, side, in, n + 2, side == 0 ? UINT64_MAX : 0);
		if (side == 1)
			send_sleeping(p, side, n + 1, in->len, in);
	}
	counter_destroy(in);
}

/* One end sends more than fits, all the time; the other takes it, and dozes off now and then. */
static void flood(struct pair *p, int side)
{
	struct counter *in = counter_create();
	const uint32_t count = 20000;
	if (side == 0) {
		for (uint32_t n = 0; n < count; n++)
			send_sleeping(p, side, n, mixed_len(n), in);
		wait_for(p, side, in, 1, 0);
	} else {
		wait_for(p, side, in, count, 3);
		send_sleeping(p, side, 0, 0, in);
	}
	counter_destroy(in);
}

static void both_flood(struct pair *p, int side)
{
	struct counter *in = counter_create();
	const uint32_t count = 5000;
	for (uint32_t n = 0; n < count; n++)
		send_sleeping(p, side, n, mixed_len(n + (unsigned)side), in);
	wait_for(p, side, in, count, 0);
	counter_destroy(in);
}

static void receiver_that_sleeps_at_once_is_always_woken(void **state)
{
	in_two_processes(*state, asleep_at_once);
}

static void receiver_that_looks_before_it_sleeps_is_always_woken(void **state)
{
	in_two_processes(*state, asleep_after_some_looks);
}

static void receiver_that_sleeps_after_bursts_is_always_woken(void **state)
{
	in_two_processes(*state, bursts);
}

static void message_that_meets_the_arming_wakes(void **state)
{
	in_two_processes(*state, duel);
}

static void sender_that_waits_for_room_is_always_woken(void **state)
{
	in_two_processes(*state, flood);
}

static void two_floods_against_each_other_both_arrive(void **state)
{
	in_two_processes(*state, both_flood);
}

static void sleeping_costs_no_processor_time(void **state)
{
	struct pair p;
	pair_open(&p, *state);
	uint64_t wall = weft__clock_ns();
	clock_t cpu = clock();
	assert_false(pair_sleep(&p, 0, false, 300));
	assert_true(weft__clock_ns() - wall >= 290 * UINT64_C(1000000));
	assert_true(clock() - cpu < CLOCKS_PER_SEC / 10);
	pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest behaviours[] = {
	        cmocka_unit_test(receiver_that_sleeps_at_once_is_always_woken),
	        cmocka_unit_test(receiver_that_looks_before_it_sleeps_is_always_woken),
	        cmocka_unit_test(receiver_that_sleeps_after_bursts_is_always_woken),
	        cmocka_unit_test(message_that_meets_the_arming_wakes),
	        cmocka_unit_test(sender_that_waits_for_room_is_always_woken),
	        cmocka_unit_test(two_floods_against_each_other_both_arrive),
	        cmocka_unit_test(sleeping_costs_no_processor_time),
	};
	return run_over_kinds("sleeping and waking", behaviours,
	                      sizeof behaviours / sizeof *behaviours, false);
}
