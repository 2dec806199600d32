/* The ring with its two ends as threads over one mapping, for ThreadSanitizer, which sees no race between two
 * mappings or two processes. Prints TAP. */
#include "config.h"

#include "transport/ring.h"

#include "base/rng.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

enum { LEN_MAX = 100000, ASLEEP_FOR_EVER_MS = 10000 };

static struct {
	struct weft__ring rings[2];
	uint8_t bulk[2][WEFT__BULK_BYTES];
} memory;

static int bells[2];

/* One end: sends `count` messages with number and pattern, takes as many, then says FIN and waits for FIN. */
struct end {
	int side;
	uint32_t count, looks_max;
	bool lazy; /* sleeps for each message */
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct weft__sink sink;
	struct weft__rng rng;
	uint32_t got, ntrims;
	uint8_t *out, *room;
};

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("not ok - %s\n", what);
	fflush(stdout);
	_exit(1);
}

static size_t len_of(uint32_t n)
{
	struct weft__rng rng;
	weft__rng_init(&rng, n);
	uint64_t r = weft__rng_below(&rng, 100);
	return weft__rng_below(&rng, r < 70 ? 60 : r < 98 ? 3000 : LEN_MAX);
}

static void on_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	struct end *e = arg;
	const uint8_t *bytes = payload;
	must(hdr->tag == (int32_t)e->got && hdr->len == len_of(e->got), "header is right");
	for (size_t i = 0; i < hdr->len; i++)
		if (bytes[i] != (uint8_t)(e->got + i))
			must(false, "payload is right");
	e->got++;
}

static void *on_begin(void *arg, const struct weft__hdr *hdr)
{
	return ((struct end *)arg)->room;
}

static void on_end(void *arg, const struct weft__hdr *hdr)
{
	on_message(arg, hdr, ((struct end *)arg)->room);
}

static uint32_t give(void *arg, uint32_t ready, uint32_t units)
{
	return WEFT__BULK_UNITS;
}

/* As if the window's memory were another from now on. */
static bool take_back(void *arg)
{
	struct end *e = arg;
	memset(memory.bulk[e->side], 0xee, sizeof memory.bulk[e->side]);
	e->ntrims++;
	return true;
}

static int look(struct end *e)
{
	weft__ring_trim(&e->tx, true);
	int rc = weft__ring_poll(&e->rx, &e->sink);
	must(rc >= 0 || rc == WEFT_ECLOSED, "no protocol error");
	return rc;
}

static void sleep_until_rung(struct end *e, bool want_send)
{
	bool ready = weft__ring_rx_arm(&e->rx);
	if (want_send)
		ready = weft__ring_tx_arm(&e->tx) || ready;
	struct pollfd p = {.fd = bells[e->side], .events = POLLIN};
	if (!ready)
		must(poll(&p, 1, ASLEEP_FOR_EVER_MS) == 1, "no wake-up is lost");
	weft__ring_rx_disarm(&e->rx);
	if (want_send)
		weft__ring_tx_disarm(&e->tx);
	weft__doorbell_clear(bells[e->side]);
}

static void send_one(struct end *e, uint32_t n)
{
	struct weft__hdr hdr = {.len = len_of(n), .tag = (int32_t)n, .id = n % 7 == 0};
	size_t taken = 0;
	for (size_t i = 0; i < hdr.len; i++)
		e->out[i] = (uint8_t)(n + i);
	int rc;
	while ((rc = weft__ring_send(&e->tx, &hdr, e->out, &taken)) == WEFT_EAGAIN)
		if (look(e) <= 0)
			sleep_until_rung(e, true);
	must(rc == 0, "send succeeds");
	e->rx.awaits = true; /* as shm.c does */
	weft__ring_own(&e->tx, hdr.len);
}

static void *run(void *arg)
{
	struct end *e = arg;
	for (uint32_t n = 0; n < e->count; n++) {
		send_one(e, n);
		uint64_t looks = weft__rng_below(&e->rng, e->looks_max);
		while (looks-- > 0)
			look(e);
		while (e->lazy && e->got <= n)
			if (look(e) == 0)
				sleep_until_rung(e, false);
	}
	weft__ring_fin(&e->tx);
	int rc;
	while ((rc = look(e)) != WEFT_ECLOSED)
		if (rc == 0)
			sleep_until_rung(e, false);
	must(e->got == e->count, "everything came");
	must(e->ntrims > 0 || !e->lazy, "windows were given back");
	return NULL;
}

static void end_init(struct end *e, int side, uint32_t count, uint32_t looks_max, bool lazy)
{
	*e = (struct end){.side = side, .count = count, .looks_max = looks_max, .lazy = lazy};
	e->sink = (struct weft__sink){.message = on_message, .begin = on_begin, .end = on_end, .arg = e};
	e->out = malloc(LEN_MAX);
	e->room = malloc(LEN_MAX);
	must(e->out && e->room, "memory");
	weft__rng_init(&e->rng, (unsigned)side + count);
	weft__ring_tx_init(&e->tx, &memory.rings[side], memory.bulk[side], bells[!side]);
	weft__ring_rx_init(&e->rx, &memory.rings[!side], memory.bulk[!side], bells[!side]);
	e->tx.grow = give;
	e->tx.shrink = take_back;
	e->tx.arg = e;
}

static void two_threads(int number, const char *name, uint32_t count, uint32_t looks_max, bool lazy)
{
	struct end ends[2];
	pthread_t threads[2];
	memset(&memory, 0, sizeof memory);
	for (int i = 0; i < 2; i++)
		end_init(&ends[i], i, count, looks_max, lazy);
	for (int i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, run, &ends[i]) == 0, "thread");
	for (int i = 0; i < 2; i++)
		must(pthread_join(threads[i], NULL) == 0, "thread ends");
	for (int i = 0; i < 2; i++) {
		free(ends[i].out);
		free(ends[i].room);
	}
	printf("ok %d - %s\n", number, name);
}

int main(void)
{
	printf("1..3\n");
	for (int i = 0; i < 2; i++)
		bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	alarm(250);
	two_threads(1, "two_threads_flood_each_other", 6000, 1, false);
	two_threads(2, "two_threads_look_before_they_sleep", 6000, 50, true);
	two_threads(3, "two_threads_sleep_for_each_message", 6000, 1, true);
	return 0;
}
