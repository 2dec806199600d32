/* A hostile far end: whatever bytes it writes, nothing is read or written out of bounds, nothing
 * hangs. The ring lies in heap blocks of its exact size, so that a build with ASan sees the first
 * wrong byte. */
#include "config.h"

#include "tests/transport/pair.h"
#include "transport/ring.h"

#include "base/clock.h"
#include "base/rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

enum { SEED = 20260, ROOM_MAX = 1 << 20 };

/* Takes anything; the room for a message is of its exact size. */
struct bin {
	struct weft__sink sink;
	uint64_t sum; /* of all bytes, so that each is read */
	uint64_t count;
	uint8_t *room;
};

static void add_up(struct bin *b, const uint8_t *bytes, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		b->sum += bytes[i];
	b->count++;
}

static void bin_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	add_up(arg, payload, hdr->len);
}

static void *bin_begin(void *arg, const struct weft__hdr *hdr)
{
	struct bin *b = arg;
	free(b->room);
	b->room = hdr->len <= ROOM_MAX ? malloc(hdr->len) : NULL;
	return b->room;
}

static void bin_end(void *arg, const struct weft__hdr *hdr)
{
	struct bin *b = arg;
	if (b->room)
		add_up(b, b->room, hdr->len);
}

static void bin_init(struct bin *b)
{
	*b = (struct bin){.sink = {.message = bin_message, .begin = bin_begin, .end = bin_end, .arg = b}};
}

/* --- the ring
 * --------------------------------------------------------------------------------------- */

struct ring_fixture {
	struct weft__ring *ring;
	uint8_t *bulk;
	struct weft__ring_tx tx;
	struct weft__ring_rx rx;
	struct bin bin;
};

static void fixture_init(struct ring_fixture *f)
{
	f->ring = aligned_alloc(512, sizeof *f->ring);
	f->bulk = malloc(WEFT__BULK_BYTES);
	assert_true(f->ring && f->bulk);
	memset(f->ring, 0, sizeof *f->ring);
	memset(f->bulk, 0, WEFT__BULK_BYTES);
	weft__ring_tx_init(&f->tx, f->ring, f->bulk, -1);
	weft__ring_rx_init(&f->rx, f->ring, f->bulk, -1);
	bin_init(&f->bin);
}

static void fixture_fini(struct ring_fixture *f)
{
	free(f->bin.room);
	free(f->ring);
	free(f->bulk);
}

/* Poll until nothing comes; a bounded number of polls must do, for each takes a cell or stops. */
static int poll_out(struct ring_fixture *f)
{
	int rc, polls = 0;
	while ((rc = weft__ring_poll(&f->rx, &f->bin.sink)) > 0)
		assert_true(++polls < 100000);
	assert_true(rc == 0 || rc == WEFT_EPROTO || rc == WEFT_ECLOSED);
	return rc;
}

static void send_some(struct ring_fixture *f, struct weft__rng *rng)
{
	for (uint64_t i = weft__rng_below(rng, 12); i > 0; i--) {
		uint64_t lens[] = {8, 40, 500, 5000, 60000};
		struct weft__hdr hdr = {.len = lens[weft__rng_below(rng, 5)],
		                        .id = weft__rng_below(rng, 2)};
		size_t taken = 0;
		int rc = weft__ring_send(&f->tx, &hdr, message_bytes(0), &taken);
		assert_true(rc == 0 || rc == WEFT_EAGAIN || rc == WEFT_EPROTO);
		assert_true(taken <= hdr.len);
		if (rc != 0)
			break;
	}
}

static void ring_with_flipped_bytes_does_no_harm(void **state)
{
	struct weft__rng rng;
	int refused = 0;
	weft__rng_init(&rng, SEED);
	for (int round = 0; round < 3000; round++) {
		struct ring_fixture f;
		fixture_init(&f);
		for (int turn = 0; turn < 6; turn++) {
			send_some(&f, &rng);
			uint8_t *bytes = (uint8_t *)f.ring;
			for (uint64_t i = weft__rng_below(&rng, 4); i > 0; i--) {
				/* Mostly words and headers of cells, for payload cannot do harm. */
				size_t at = weft__rng_below(&rng, sizeof *f.ring);
				if (weft__rng_below(&rng, 4) > 0)
					at = offsetof(struct weft__ring, cells) +
					     weft__rng_below(&rng, 80) * 64 +
					     weft__rng_below(&rng, 48);
				bytes[at] ^= (uint8_t)(1U << weft__rng_below(&rng, 8));
			}
			refused += poll_out(&f) == WEFT_EPROTO;
		}
		fixture_fini(&f);
	}
	assert_true(refused > 100);
}

static void ring_of_random_cells_does_no_harm(void **state)
{
	struct weft__rng rng;
	weft__rng_init(&rng, SEED + 1);
	for (int round = 0; round < 3000; round++) {
		struct ring_fixture f;
		fixture_init(&f);
		uint8_t *bytes = (uint8_t *)f.ring->cells;
		for (size_t i = 0; i < sizeof f.ring->cells; i++)
			bytes[i] = (uint8_t)weft__rng_next(&rng);
		for (int i = 0; i < WEFT__RING_CELLS; i++) {
			uint64_t word = 1 | weft__rng_below(&rng, 3000) << 16 |
			                weft__rng_below(&rng, 8) << 32;
			atomic_store(&f.ring->cells[i].word, word);
			if (weft__rng_below(&rng, 2))
				f.ring->cells[i].wide.len = weft__rng_below(&rng, 30000);
		}
		poll_out(&f);
		fixture_fini(&f);
	}
}

static void progress_that_was_never_made_is_refused(void **state)
{
	struct weft__rng rng;
	int refused = 0;
	weft__rng_init(&rng, SEED + 2);
	for (int round = 0; round < 500; round++) {
		struct ring_fixture f;
		fixture_init(&f);
		for (int i = 0; i < 40; i++) {
			atomic_store(&f.ring->read.cells, (uint32_t)weft__rng_next(&rng));
			atomic_store(&f.ring->read.units, (uint32_t)weft__rng_next(&rng));
			send_some(&f, &rng);
		}
		refused += f.tx.broken;
		fixture_fini(&f);
	}
	assert_true(refused > 400);
}

/* --- sockets
 * ---------------------------------------------------------------------------------------- */

/* What a good sender would write: from a socket pair, without reading it through a channel. */
static size_t good_bytes(uint8_t *bytes, size_t room)
{
	struct pair p;
	size_t n = 0;
	ssize_t got;
	pair_prepare(&p, &kinds[nkinds - 1]);
	pair_open_end(&p, 0);
	for (uint32_t i = 0; i < 20; i++) {
		struct weft__hdr hdr = message_header(i, i * 3);
		size_t taken = 0;
		assert_int_equal(p.ends[0]->ops->send(p.ends[0], &hdr, message_bytes(i), &taken),
		                 0);
	}
	p.ends[0]->ops->close(&p.ends[0]);
	while ((got = read(p.socks[1], bytes + n, room - n)) > 0)
		n += (size_t)got;
	pair_close(&p);
	return n;
}

/* Feed bytes to a stream in chunks of random length, then end. Returns what poll said last. */
static int feed(struct weft__rng *rng, const uint8_t *bytes, size_t n)
{
	struct pair p;
	struct bin bin;
	int rc = 0;
	uint64_t deadline = weft__deadline(10000);
	bin_init(&bin);
	pair_prepare(&p, &kinds[nkinds - 1]);
	pair_open_end(&p, 1);
	while (n > 0 && rc >= 0) {
		size_t chunk = 1 + weft__rng_below(rng, n < 5000 ? n : 5000);
		ssize_t wrote = send(p.socks[0], bytes, chunk, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (wrote > 0) {
			bytes += wrote;
			n -= (size_t)wrote;
		}
		rc = p.ends[1]->ops->poll(p.ends[1], &bin.sink);
		assert_true(weft__clock_ns() < deadline);
	}
	shutdown(p.socks[0], SHUT_WR);
	while (rc >= 0) {
		rc = p.ends[1]->ops->poll(p.ends[1], &bin.sink);
		assert_true(weft__clock_ns() < deadline);
	}
	free(bin.room);
	pair_close(&p);
	return rc;
}

static void stream_of_flipped_bytes_does_no_harm(void **state)
{
	static uint8_t good[100000], bad[100000];
	struct weft__rng rng;
	int refused = 0;
	size_t n = good_bytes(good, sizeof good);
	weft__rng_init(&rng, SEED + 3);
	assert_int_equal(feed(&rng, good, n), WEFT_ECLOSED);
	for (int round = 0; round < 500; round++) {
		memcpy(bad, good, n);
		for (uint64_t i = 1 + weft__rng_below(&rng, 5); i > 0; i--)
			bad[weft__rng_below(&rng, n)] ^= (uint8_t)(1 + weft__rng_below(&rng, 255));
		size_t cut = weft__rng_below(&rng, 4) ? n : weft__rng_below(&rng, n);
		int rc = feed(&rng, bad, cut);
		assert_true(rc == WEFT_ECLOSED || rc == WEFT_EPROTO);
		refused += rc == WEFT_EPROTO;
	}
	assert_true(refused > 50);
}

static void stream_of_random_bytes_is_refused(void **state)
{
	static uint8_t bad[5000];
	struct weft__rng rng;
	weft__rng_init(&rng, SEED + 4);
	for (int round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof bad; i++)
			bad[i] = (uint8_t)weft__rng_next(&rng);
		assert_int_equal(feed(&rng, bad, sizeof bad), WEFT_EPROTO);
	}
}

/* One long message as a good sender writes it, with its payload anywhere in a cache line. */
static size_t long_message(uint8_t *bytes, size_t room, size_t len, size_t place)
{
	static _Alignas(64) uint8_t payload[64 + 60000];
	struct pair p;
	size_t taken = 0, n = 0;
	ssize_t got;
	struct weft__hdr hdr = message_header(0, len);
	pair_prepare(&p, &kinds[nkinds - 1]);
	pair_open_end(&p, 0);
	assert_int_equal(p.ends[0]->ops->send(p.ends[0], &hdr, payload + place, &taken), 0);
	p.ends[0]->ops->close(&p.ends[0]);
	while ((got = read(p.socks[1], bytes + n, room - n)) > 0)
		n += (size_t)got;
	pair_close(&p);
	return n;
}

static void stream_with_too_much_padding_is_refused(void **state)
{
	enum { PADDING_AT = 34, LINE = 64 };
	static uint8_t bytes[100000];
	struct weft__rng rng;
	weft__rng_init(&rng, SEED + 5);
	for (size_t place = 0; place < LINE; place++) {
		size_t n = long_message(bytes, sizeof bytes, 60000, place);
		assert_true(bytes[PADDING_AT] < LINE);
		assert_int_equal((40u + bytes[PADDING_AT]) % LINE, place); /* where it starts */
		assert_int_equal(n % LINE, 0);
		assert_int_equal(feed(&rng, bytes, n), WEFT_ECLOSED);
		bytes[PADDING_AT] = (uint8_t)(LINE + place);
		assert_int_equal(feed(&rng, bytes, n), WEFT_EPROTO);
		bytes[PADDING_AT] = LINE - 1; /* more than comes */
		assert_int_equal(feed(&rng, bytes, 41 + place / 4), WEFT_ECLOSED);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(ring_with_flipped_bytes_does_no_harm),
	        cmocka_unit_test(ring_of_random_cells_does_no_harm),
	        cmocka_unit_test(progress_that_was_never_made_is_refused),
	        cmocka_unit_test(stream_of_flipped_bytes_does_no_harm),
	        cmocka_unit_test(stream_of_random_bytes_is_refused),
	        cmocka_unit_test(stream_with_too_much_padding_is_refused),
	};
	printf("# seed %d\n", SEED);
	return cmocka_run_group_tests_name("a hostile far end", tests, NULL, NULL);
}
