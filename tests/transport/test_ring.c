/* The ring by itself, over plain memory: positions that wrap, a window without memory, and a
 * producer that is killed after any of its instructions. */
#include "config.h"

#include "tests/transport/pair.h"
#include "transport/ring.h"

#include "base/clock.h"
#include "base/rng.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static void *shared_pages(size_t nbytes)
{
	void *p = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	return p;
}

struct memory {
	struct weft__ring *ring;
	uint8_t *bulk;
};

static void memory_init(struct memory *m)
{
	m->ring = shared_pages(sizeof *m->ring);
	m->bulk = shared_pages(WEFT__BULK_BYTES);
}

static void memory_fini(struct memory *m)
{
	munmap(m->ring, sizeof *m->ring);
	munmap(m->bulk, WEFT__BULK_BYTES);
}

/* Send message n, taking what is there whenever the ring is full. */
static void pass(struct weft__ring_tx *tx, struct weft__ring_rx *rx, uint32_t n, uint64_t len,
                 struct inbox *in)
{
	struct weft__hdr hdr = message_header(n, len);
	size_t taken = 0;
	int rc;
	while ((rc = weft__ring_send(tx, &hdr, message_bytes(n), &taken)) == WEFT_EAGAIN)
		assert_true(weft__ring_poll(rx, &in->sink) >
		            0); /* full, hence something is there */
	assert_int_equal(rc, 0);
}

static void pass_many(struct weft__ring_tx *tx, struct weft__ring_rx *rx, uint32_t count,
                      struct inbox *in)
{
	uint32_t first = in->next;
	for (uint32_t n = first; n < first + count; n++)
		pass(tx, rx, n, mixed_len(n), in);
	while (weft__ring_poll(rx, &in->sink) > 0)
		;
	assert_int_equal(in->next, first + count);
}

static void positions_and_laps_wrap(void **state)
{
	struct memory m;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	const uint32_t near = 0U - 3000, cells = near - near % WEFT__RING_CELLS;
	memory_init(&m);
	inbox_init(&in);
	weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
	weft__ring_rx_init(&rx, m.ring, m.bulk, -1);
	/* As after four thousand million cells and units; the lap is short of its wrap too. */
	tx.sent = tx.acked = rx.done = rx.told = rx.slept = cells;
	tx.raw_end = cells;
	tx.units = tx.uacked = rx.units = rx.utold = near;
	tx.lap = rx.lap = 0xfff0;
	atomic_store(&m.ring->read.cells, cells);
	atomic_store(&m.ring->read.units, near);
	for (int i = 0; i < WEFT__RING_CELLS; i++)
		atomic_store(&m.ring->cells[i].word, 0xffef);
	pass_many(&tx, &rx, 20000, &in);
	assert_true(tx.sent < cells && tx.units < near && tx.lap < 0xfff0);
	inbox_fini(&in);
	memory_fini(&m);
}

static uint32_t no_memory(void *arg, uint32_t ready, uint32_t units)
{
	++*(unsigned *)arg;
	return ready;
}

static uint32_t some_memory(void *arg, uint32_t ready, uint32_t units)
{
	return ++*(unsigned *)arg > 2 ? ready : ready + (units - ready + 511) / 512 * 512;
}

static void window_without_memory(uint32_t (*grow)(void *arg, uint32_t ready, uint32_t units))
{
	struct memory m;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	unsigned asked = 0;
	memory_init(&m);
	inbox_init(&in);
	weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
	weft__ring_rx_init(&rx, m.ring, m.bulk, -1);
	tx.uready = 0;
	tx.grow = grow;
	tx.arg = &asked;
	pass_many(&tx, &rx, 3000, &in);
	assert_true(asked > 0);
	assert_true(tx.uready < WEFT__BULK_UNITS);
	inbox_fini(&in);
	memory_fini(&m);
}

static void window_that_gets_no_memory_is_done_without(void **state)
{
	window_without_memory(no_memory);
}

static void window_that_gets_no_more_memory_is_done_without(void **state)
{
	window_without_memory(some_memory);
}

/* --- progress ------------------------------------------------------------------------------- */

static void a_consumer_that_only_answers_leaves_room_for_every_message(void **state)
{
	struct memory m;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	const bool sated = true;
	const uint32_t lens[] = {8, 49, 700, 2048, 5000, WEFT__BULK_PIECE};
	memory_init(&m);
	inbox_init(&in);
	in.sink.sated = &sated;
	weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
	weft__ring_rx_init(&rx, m.ring, m.bulk, -1);
	for (uint32_t n = 0; n < 6000; n++) {
		struct weft__hdr hdr = message_header(n, lens[n / 1000]);
		size_t taken = 0;
		assert_int_equal(weft__ring_send(&tx, &hdr, message_bytes(n), &taken), 0);
		assert_int_equal(weft__ring_poll(&rx, &in.sink), 1); /* and never once more */
	}
	inbox_fini(&in);
	memory_fini(&m);
}

static void a_poll_that_finds_nothing_tells_what_was_put_off_and_wakes(void **state)
{
	struct memory m;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	const bool sated = true;
	int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct pollfd rung = {.fd = bell, .events = POLLIN};
	uint32_t n = 0;
	memory_init(&m);
	inbox_init(&in);
	in.sink.sated = &sated;
	weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
	weft__ring_rx_init(&rx, m.ring, m.bulk, bell);
	for (; n < WEFT__TELL_CELLS; n++) {
		struct weft__hdr hdr = message_header(n, 8);
		size_t taken = 0;
		assert_int_equal(weft__ring_send(&tx, &hdr, message_bytes(n), &taken), 0);
	}
	atomic_store(&m.ring->want.armed, 1);
	while (n-- > 0)
		assert_int_equal(weft__ring_poll(&rx, &in.sink), 1);
	assert_int_equal(atomic_load(&m.ring->read.cells), 0);
	assert_int_equal(poll(&rung, 1, 0), 0);
	assert_int_equal(weft__ring_poll(&rx, &in.sink), 0);
	assert_int_equal(atomic_load(&m.ring->read.cells), WEFT__TELL_CELLS);
	assert_int_equal(poll(&rung, 1, 0), 1);
	close(bell);
	inbox_fini(&in);
	memory_fini(&m);
}

static bool count_shrinks(void *arg)
{
	++*(unsigned *)arg;
	return true;
}

static void a_window_is_given_back_when_all_of_it_was_told(void **state)
{
	struct memory m;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	unsigned calls = 0;
	memory_init(&m);
	inbox_init(&in);
	weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
	weft__ring_rx_init(&rx, m.ring, m.bulk, -1);
	assert_false(weft__ring_trim(&tx, true)); /* such a one stays */
	tx.uready = 0;
	tx.grow = some_memory;
	tx.shrink = count_shrinks;
	tx.arg = &calls;
	assert_false(weft__ring_trim(&tx, true)); /* it has none yet */
	for (uint32_t n = 0; n < 3; n++) {
		calls = 0;
		pass(&tx, &rx, n, 20000, &in);
		assert_true(weft__ring_trim(&tx, true)); /* nobody has read it */
		while (weft__ring_poll(&rx, &in.sink) > 0)
			;
		assert_true(weft__ring_trim(&tx, true)); /* nobody has said so */
		assert_false(weft__ring_rx_arm(&rx));
		weft__ring_rx_disarm(&rx);
		assert_true(weft__ring_trim(&tx, false));
		assert_int_equal(calls, 1); /* grown, and nothing else */
		assert_false(weft__ring_trim(&tx, true));
		assert_int_equal(calls, 2);
		assert_int_equal(tx.uready, 0);
		assert_false(weft__ring_trim(&tx, true));
	}
	assert_int_equal(in.next, 3);
	inbox_fini(&in);
	memory_fini(&m);
}

static void fin_goes_into_a_full_ring(void **state)
{
	struct memory m;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	memory_init(&m);
	inbox_init(&in);
	for (uint32_t len = 0; len < 2100; len += 300) {
		memset(m.ring, 0, sizeof *m.ring);
		weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
		weft__ring_rx_init(&rx, m.ring, m.bulk, -1);
		in.next = 0;
		int rc = 0;
		uint32_t n = 0;
		for (; rc == 0; n++) {
			struct weft__hdr hdr = message_header(n, len);
			size_t taken = 0;
			rc = weft__ring_send(&tx, &hdr, message_bytes(n), &taken);
			if (n < 100) /* go some laps first */
				while (weft__ring_poll(&rx, &in.sink) > 0)
					;
		}
		weft__ring_fin(&tx);
		while ((rc = weft__ring_poll(&rx, &in.sink)) > 0)
			;
		assert_int_equal(rc, WEFT_ECLOSED);
		assert_int_equal(in.next, n - 1);
	}
	inbox_fini(&in);
	memory_fini(&m);
}

/* --- asleep after a burst ------------------------------------------------------------------ */

/* Publishing so many bytes takes the processor a while, in which it can do later loads. */
enum { LONG = 800, FOR_EVER_MS = 8000 };

struct duellist {
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct weft__sink sink;
	uint32_t got;
	bool last; /* the last message was the last of all */
	uint8_t room[LONG];
	int bell; /* its own */
};

static void count(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	struct duellist *d = arg;
	d->got++;
	d->last = hdr->tag != 0;
}

static void *begin(void *arg, const struct weft__hdr *hdr)
{
	return ((struct duellist *)arg)->room;
}

static void end(void *arg, const struct weft__hdr *hdr)
{
	count(arg, hdr, NULL);
}

static void say(struct duellist *d, uint64_t len, bool last)
{
	struct weft__hdr hdr = {.len = len, .tag = last};
	size_t taken = 0;
	while (weft__ring_send(&d->tx, &hdr, message_bytes(0), &taken) != 0)
		;
}

/* Awake; false: nothing came for long. */
static bool hear(struct duellist *d, uint32_t until)
{
	uint64_t deadline = weft__deadline(2 * FOR_EVER_MS);
	while (d->got < until)
		if (weft__ring_poll(&d->rx, &d->sink) == 0 && weft__clock_ns() > deadline)
			return false;
	return true;
}

/* As hear, but asleep at once when there is nothing; false: it slept for ever. */
static bool hear_asleep(struct duellist *d, uint32_t until)
{
	struct pollfd p = {.fd = d->bell, .events = POLLIN};
	bool rung = true;
	while (d->got < until && rung) {
		if (weft__ring_poll(&d->rx, &d->sink) > 0)
			continue;
		rung = weft__ring_rx_arm(&d->rx) || poll(&p, 1, FOR_EVER_MS) == 1;
		weft__ring_rx_disarm(&d->rx);
		weft__doorbell_clear(d->bell);
	}
	return rung;
}

/* A burst after which the consumer spares the producer's fence, and its answer; then after a moment
 * one message more, while the consumer, after a moment, goes to sleep. */
static int duel(struct duellist *d, int side)
{
	enum { ROUNDS = 15000, BURST = 600, DUEL_MS = 4000 };
	struct weft__rng rng;
	uint64_t deadline = weft__deadline(DUEL_MS);
	weft__rng_init(&rng, 1 + (unsigned)side);
	for (uint32_t round = 0; !d->last; round++) {
		for (int i = 0; i < BURST && side == 0; i++)
			say(d, 0, false);
		if (!hear(d, side == 0 ? 2 * round + 1 : round * (BURST + 1) + BURST))
			return 1;
		if (side == 1) {
			say(d, 0, false);
			if (!d->rx.cheap)
				return 2;
		}
		for (volatile uint64_t i = weft__rng_below(&rng, 300); i > 0; i--)
			;
		if (side == 0) {
			say(d, LONG, round == ROUNDS || weft__clock_ns() > deadline);
			if (!hear(d, 2 * round + 2))
				return 1;
		} else {
			if (!hear_asleep(d, (round + 1) * (BURST + 1)))
				return 1;
			say(d, 0, d->last);
		}
	}
	return 0;
}

static void producer_without_a_fence_wakes_all_the_same(void **state)
{
	struct memory m[2];
	int bells[2], status;
	for (int i = 0; i < 2; i++) {
		memory_init(&m[i]);
		bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(bells[i] >= 0);
	}
	message_bytes(0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	int side = pid == 0;
	struct duellist d = {.bell = bells[side]};
	cpu_set_t before;
	assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
	pin_apart(side);
	alarm(120);
	weft__ring_tx_init(&d.tx, m[side].ring, m[side].bulk, bells[!side]);
	weft__ring_rx_init(&d.rx, m[!side].ring, m[!side].bulk, bells[!side]);
	d.rx.cheap_after = 200;
	d.sink = (struct weft__sink){.message = count, .begin = begin, .end = end, .arg = &d};
	if (!d.rx.barrier || d.tx.fence) {
		if (side == 1)
			_exit(0);
		waitpid(pid, &status, 0);
		skip_because("membarrier(2) does not work here");
	}
	int rc = duel(&d, side);
	if (side == 1)
		_exit(rc);
	sched_setaffinity(0, sizeof before, &before);
	alarm(0);
	assert_int_equal(rc, 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		memory_fini(&m[i]);
		close(bells[i]);
	}
}

/* --- killed at any instruction
 * ---------------------------------------------------------------------- */

enum { STEPS_MAX = 200000 };

static const uint16_t script[] = {8, 0, 48, 24, 200, 25, 1000, 1, 2100, 40, 64, 0, 900};
enum { SCRIPT = sizeof script / sizeof *script };

static void send_script(struct weft__ring_tx *tx, uint32_t first)
{
	for (uint32_t i = 0; i < SCRIPT; i++) {
		struct weft__hdr hdr = message_header(first + i, script[i]);
		size_t taken = 0;
		if (weft__ring_send(tx, &hdr, message_bytes(first + i), &taken) != 0)
			_exit(1);
	}
}

static void drain(struct weft__ring_rx *rx, struct inbox *in)
{
	int rc;
	do
		rc = weft__ring_poll(rx, &in->sink);
	while (rc > 0);
	assert_int_equal(rc, 0);
}

/* The producer runs the script step by step; after each step a copy of the memory must hold a
 * prefix of the script and nothing else. Returns the number of steps. */
static long step_through(const struct weft__ring *ring, uint8_t *copy, struct weft__ring_rx *rx,
                         uint32_t first, pid_t pid)
{
	struct inbox in;
	uint32_t seen = first;
	long steps = 0;
	int status;
	inbox_init(&in);
	for (; steps < STEPS_MAX; steps++) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
			break;
		struct weft__ring_rx try = *rx;
		memcpy(copy, ring, sizeof(struct weft__ring));
		try.ring = (struct weft__ring *)copy;
		in.next = first;
		in.active = false;
		drain(&try, &in);
		assert_false(in.active && script[in.next - first] <= WEFT__BULK_PIECE);
		assert_true(in.next == seen || in.next == seen + 1);
		seen = in.next;
	}
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP); /* it reached its end */
	assert_int_equal(seen, first + SCRIPT);
	inbox_fini(&in);
	return steps;
}

static void nothing_half_is_seen_after_any_instruction_of_the_producer(void **state)
{
	int status;
	struct memory m;
	uint8_t *copy = shared_pages(sizeof(struct weft__ring));
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct inbox in;
	const uint32_t before = 40; /* a few laps, so that each cell was a raw one */
	message_bytes(0);
	inbox_init(&in);
	memory_init(&m);
	weft__ring_tx_init(&tx, m.ring, m.bulk, -1);
	weft__ring_rx_init(&rx, m.ring, m.bulk, -1);
	for (uint32_t i = 0; i < before; i++) {
		struct weft__hdr hdr = message_header(i, 1900);
		size_t taken = 0;
		assert_int_equal(weft__ring_send(&tx, &hdr, message_bytes(i), &taken), 0);
		drain(&rx, &in);
	}
	assert_int_equal(in.next, before);
	inbox_fini(&in);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		raise(SIGSTOP);
		send_script(&tx, before);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip_because("ptrace(2) is not allowed here");
	long steps = step_through(m.ring, copy, &rx, before, pid);
	print_message("# %ld instructions\n", steps);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	memory_fini(&m);
	munmap(copy, sizeof(struct weft__ring));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(positions_and_laps_wrap),
	        cmocka_unit_test(window_that_gets_no_memory_is_done_without),
	        cmocka_unit_test(window_that_gets_no_more_memory_is_done_without),
	        cmocka_unit_test(a_consumer_that_only_answers_leaves_room_for_every_message),
	        cmocka_unit_test(a_poll_that_finds_nothing_tells_what_was_put_off_and_wakes),
	        cmocka_unit_test(a_window_is_given_back_when_all_of_it_was_told),
	        cmocka_unit_test(fin_goes_into_a_full_ring),
	        cmocka_unit_test(producer_without_a_fence_wakes_all_the_same),
	        cmocka_unit_test(nothing_half_is_seen_after_any_instruction_of_the_producer),
	};
	return cmocka_run_group_tests_name("the ring", tests, NULL, NULL);
}
