/* Bytes from the network, bounded in number and the same each time: every message is mutated a few
 * hundred times and decoded. fuzz_msg.c does the same without an end. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "tests/base/test.h"
#include "tests/proto/sample.h"

enum { ROUNDS = 300, MUTATIONS_MAX = 4 };

/* Bytes that mean something to MessagePack. */
static const uint8_t heads[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                0xc1, 0xc4, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcc,
                                0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd8,
                                0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};

static void mutate(struct weft__buf *b, struct weft__rng *r)
{
	size_t at = weft__rng_below(r, b->len), n = weft__rng_below(r, b->len - at);
	switch (weft__rng_below(r, 6)) {
	case 0: /* flip a bit */
		b->data[at] ^= (uint8_t)(1u << weft__rng_below(r, 8));
		break;
	case 1:
		b->data[at] = heads[weft__rng_below(r, sizeof heads)];
		break;
	case 2:
		b->data[at] = (uint8_t)weft__rng_next(r);
		break;
	case 3: /* leave a run out */
		memmove(b->data + at, b->data + at + n, b->len - at - n);
		b->len -= n;
		break;
	case 4: /* say a run twice */
		assert_int_equal(weft__buf_reserve(b, n), 0);
		memmove(b->data + at + n, b->data + at, b->len - at);
		b->len += n;
		break;
	case 5: /* a large length */
		for (size_t i = at; i < b->len && i < at + 4; i++)
			b->data[i] = 0xff;
		break;
	}
}

static bool try_exact_copy(const struct weft__buf *b)
{
	uint8_t *copy = malloc(b->len);
	memcpy(copy, b->data, b->len);
	bool accepted = sample_try(copy, b->len);
	free(copy);
	return accepted;
}

static void mutated_messages_are_refused_or_mean_what_they_say(void **state)
{
	static struct sample sample;
	struct weft__rng r;
	struct weft__buf b = {0};
	size_t naccepted = 0, nrefused = 0;
	weft__rng_init(&r, 20260131);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		sample_fill(&sample, &weft__msg_types[i], &r, SAMPLE_NONE);
		for (int round = 0; round < ROUNDS; round++) {
			b.len = 0;
			if (round % 2)
				sample_pack(&b, &sample.m, SAMPLE_NONE, NULL, 0);
			else
				assert_int_equal(weft__msg_encode_body(&b, &sample.m, NULL), 0);
			for (uint64_t n = 1 + weft__rng_below(&r, MUTATIONS_MAX); n > 0; n--)
				mutate(&b, &r);
			if (try_exact_copy(&b))
				naccepted++;
			else
				nrefused++;
		}
	}
	weft__buf_fini(&b);
	/* Both outcomes are there, or the mutations test nothing. */
	assert_true(naccepted > 100);
	assert_true(nrefused > 100);
}

static void random_bytes_are_never_taken_for_more_than_they_are(void **state)
{
	struct weft__rng r;
	uint8_t bytes[64];
	weft__rng_init(&r, 20260201);
	for (int round = 0; round < 20000; round++) {
		size_t n = 1 + weft__rng_below(&r, sizeof bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = weft__rng_below(&r, 2) ? heads[weft__rng_below(&r, sizeof heads)]
			                                  : (uint8_t)weft__rng_next(&r);
		struct weft__buf b = {bytes, n, n};
		try_exact_copy(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(mutated_messages_are_refused_or_mean_what_they_say),
	        cmocka_unit_test(random_bytes_are_never_taken_for_more_than_they_are),
	};
	return cmocka_run_group_tests_name("mutation", tests, NULL, NULL);
}
