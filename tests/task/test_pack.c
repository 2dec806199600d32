/* Typed buffers: what goes in comes out, in either byte order, and bad bytes do no harm. */
#include "config.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/rng.h"
#include "bindings/c/weft.h"
#include "task/pack.h"
#include "task/types.h"

static const weft_type_t all_types[] = {WEFT_BYTE,   WEFT_INT8,  WEFT_UINT8,  WEFT_INT16,   WEFT_UINT16,
                                        WEFT_INT32,  WEFT_UINT32, WEFT_INT64, WEFT_UINT64,  WEFT_FLOAT,
                                        WEFT_DOUBLE, WEFT_COMPLEX, WEFT_DCOMPLEX};

enum { NTYPES = sizeof all_types / sizeof *all_types };

static weft_buf_t *create(void)
{
	weft_buf_t *b = NULL;
	assert_int_equal(weft_buf_create(&b), 0);
	assert_non_null(b);
	return b;
}

/* A message as another task would get it. */
static weft_buf_t *transfer(const weft_buf_t *from)
{
	size_t n;
	const void *bytes = weft__pack_bytes(from, &n);
	assert_int_equal(n, weft_buf_size(from));
	weft_buf_t *b = create();
	assert_int_equal(weft__pack_load(b, bytes, n), 0);
	return b;
}

static void fill(uint8_t *p, size_t n, uint64_t seed)
{
	struct weft__rng r;
	weft__rng_init(&r, seed);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)weft__rng_next(&r);
}

/* --- what goes in comes out ------------------------------------------------------------------- */

static void every_type_comes_out_as_it_went_in(void **state)
{
	for (int t = 0; t < NTYPES; t++)
		for (size_t stride = 1; stride <= 3; stride++) {
			enum { N = 37 };
			uint8_t in[N * 3 * WEFT__WIDEST_TYPE], out[sizeof in];
			size_t size = weft__type_size((int)all_types[t]);
			fill(in, sizeof in, (uint64_t)t * 10 + stride);
			memset(out, 0, sizeof out);

			weft_buf_t *b = create();
			assert_int_equal(weft_pack(b, all_types[t], in, N, (int64_t)stride), 0);
			weft_buf_t *got = transfer(b);
			assert_int_equal(weft_unpack(got, all_types[t], out, N, (int64_t)stride), 0);
			for (size_t i = 0; i < N; i++)
				assert_memory_equal(in + i * stride * size, out + i * stride * size, size);
			for (size_t i = 0; i < N && stride > 1; i++) /* what lies between is untouched */
				assert_int_equal(out[i * stride * size + size], 0);
			assert_int_equal(weft_unpack(got, all_types[t], out, 1, 1), WEFT_EEND);
			weft_buf_destroy(&got);
			weft_buf_destroy(&b);
			assert_null(b);
		}
}

static void sixty_four_bits_stay_sixty_four(void **state)
{
	const int64_t in[] = {INT64_MIN, -1, 0, INT64_MAX, 0x0123456789abcdef};
	int64_t out[5];
	weft_buf_t *b = create();
	assert_int_equal(weft_pack(b, WEFT_INT64, in, 5, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_INT64, out, 5, 1), 0);
	assert_memory_equal(in, out, sizeof in);
	weft_buf_destroy(&b);
}

static void long_runs_have_wide_counts(void **state)
{
	static const int64_t counts[] = {255, 256, 65535, 65536, 100000};
	static uint8_t in[100000], out[100000];
	fill(in, sizeof in, 1);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		weft_buf_t *b = create();
		int type;
		int64_t count;
		assert_int_equal(weft_pack(b, WEFT_BYTE, in, counts[i], 1), 0);
		assert_int_equal(weft_buf_next(b, &type, &count), 0);
		assert_int_equal(type, WEFT_BYTE);
		assert_int_equal(count, counts[i]);
		memset(out, 0, sizeof out);
		assert_int_equal(weft_unpack(b, WEFT_BYTE, out, counts[i], 1), 0);
		assert_memory_equal(in, out, (size_t)counts[i]);
		weft_buf_destroy(&b);
	}
}

static void a_part_of_a_run_may_be_taken_and_several_runs_at_once(void **state)
{
	const int32_t in[] = {1, 2, 3, 4, 5, 6, 7};
	int32_t out[7] = {0};
	int64_t count;
	weft_buf_t *b = create();
	assert_int_equal(weft_pack(b, WEFT_INT32, in, 4, 1), 0);
	assert_int_equal(weft_pack(b, WEFT_INT32, in + 4, 3, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out, 1, 1), 0);
	assert_int_equal(weft_buf_next(b, NULL, &count), 0);
	assert_int_equal(count, 3);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out + 1, 5, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out + 6, 1, 1), 0);
	assert_memory_equal(in, out, sizeof in);
	assert_int_equal(weft_buf_next(b, NULL, NULL), WEFT_EEND);

	assert_int_equal(weft_buf_rewind(b), 0);
	memset(out, 0, sizeof out);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out, 7, 1), 0);
	assert_memory_equal(in, out, sizeof in);
	weft_buf_destroy(&b);
}

static void texts_come_out_whole_or_not_at_all(void **state)
{
	char text[16] = "untouched";
	size_t len = 99;
	weft_buf_t *b = create();
	assert_int_equal(weft_pack_string(b, "warp and weft"), 0);
	assert_int_equal(weft_pack_string(b, ""), 0);
	assert_int_equal(weft_unpack_string(b, text, 13, &len), WEFT_ETRUNC);
	assert_int_equal(len, 13);
	assert_string_equal(text, "untouched");
	assert_int_equal(weft_unpack_string(b, NULL, 0, &len), WEFT_ETRUNC);
	int type;
	int64_t count;
	assert_int_equal(weft_buf_next(b, &type, &count), 0);
	assert_int_equal(type, 0);
	assert_int_equal(count, 13);
	assert_int_equal(weft_unpack_string(b, text, 14, NULL), 0);
	assert_string_equal(text, "warp and weft");
	assert_int_equal(weft_unpack_string(b, text, sizeof text, &len), 0);
	assert_string_equal(text, "");
	assert_int_equal(len, 0);
	assert_int_equal(weft_unpack_string(b, text, sizeof text, &len), WEFT_EEND);
	weft_buf_destroy(&b);
}

/* --- mistakes ------------------------------------------------------------------------------------ */

static void the_wrong_type_is_refused_and_nothing_taken(void **state)
{
	const double in[] = {1.5, 2.5};
	double out[2] = {0};
	int64_t wrong[2] = {7, 7};
	char text[8];
	weft_buf_t *b = create();
	assert_int_equal(weft_pack(b, WEFT_DOUBLE, in, 2, 1), 0);
	assert_int_equal(weft_pack(b, WEFT_INT64, wrong, 1, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_INT64, wrong, 2, 1), WEFT_ETYPE);
	assert_int_equal(weft_unpack_string(b, text, sizeof text, NULL), WEFT_ETYPE);
	assert_int_equal(wrong[0], 7);
	assert_int_equal(weft_unpack(b, WEFT_DOUBLE, out, 1, 1), 0);
	assert_int_equal(weft_unpack_string(b, text, sizeof text, NULL), WEFT_ETYPE);
	assert_int_equal(weft_unpack(b, WEFT_DOUBLE, out, 2, 1), WEFT_EEND); /* one, then another type */
	assert_true(out[0] == 1.5 && out[1] == 0);
	assert_int_equal(weft_unpack(b, WEFT_DOUBLE, out + 1, 1, 1), 0);
	assert_true(out[1] == 2.5);
	weft_buf_destroy(&b);
}

static void unpacking_past_the_end_takes_nothing(void **state)
{
	const int32_t in[] = {1, 2, 3};
	int32_t out[4] = {9, 9, 9, 9};
	weft_buf_t *b = create();
	assert_int_equal(weft_unpack(b, WEFT_INT32, out, 1, 1), WEFT_EEND);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out, 0, 1), 0);
	assert_int_equal(weft_pack(b, WEFT_INT32, in, 3, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out, 4, 1), WEFT_EEND);
	assert_int_equal(out[0], 9);
	assert_int_equal(weft_unpack(b, WEFT_INT32, out, 3, 1), 0);
	weft_buf_destroy(&b);
}

static void bad_arguments_are_refused(void **state)
{
	int32_t v[1] = {0};
	weft_buf_t *b = create();
	size_t before = weft_buf_size(b);
	assert_int_equal(weft_buf_create(NULL), WEFT_EINVAL);
	assert_int_equal(weft_pack(b, (weft_type_t)0, v, 1, 1), WEFT_EINVAL);
	assert_int_equal(weft_pack(b, (weft_type_t)14, v, 1, 1), WEFT_EINVAL);
	assert_int_equal(weft_pack(b, WEFT_INT32, v, -1, 1), WEFT_EINVAL);
	assert_int_equal(weft_pack(b, WEFT_INT32, v, 1, 0), WEFT_EINVAL);
	assert_int_equal(weft_pack(b, WEFT_INT32, NULL, 1, 1), WEFT_EINVAL);
	assert_int_equal(weft_pack(NULL, WEFT_INT32, v, 1, 1), WEFT_EINVAL);
	assert_int_equal(weft_unpack(b, WEFT_INT32, v, -1, 1), WEFT_EINVAL);
	assert_int_equal(weft_unpack(b, WEFT_INT32, v, 1, -3), WEFT_EINVAL);
	assert_int_equal(weft_pack_string(b, NULL), WEFT_EINVAL);
	assert_int_equal(weft_pack(b, WEFT_INT32, v, INT64_MAX, 1), WEFT_ETOOBIG);
	assert_int_equal(weft_pack(b, WEFT_BYTE, v, (int64_t)WEFT_MSG_MAX, 1), WEFT_ETOOBIG);
	assert_int_equal(weft_pack(b, WEFT_INT32, NULL, 0, 1), 0);
	assert_int_equal(weft_buf_size(b), before);
	weft_buf_destroy(&b);
	weft_buf_destroy(&b);
	weft_buf_destroy(NULL);
}

static void a_failed_allocation_changes_nothing(void **state)
{
	weft_buf_t *b = NULL;
	for (unsigned long n = 1; n <= 2; n++) {
		weft__heap_fail_at(n);
		assert_int_equal(weft_buf_create(&b), WEFT_ENOMEM);
		assert_null(b);
	}
	weft__heap_fail_at(0);
	b = create();
	uint8_t in[500];
	int32_t one = 1, back = 0;
	fill(in, sizeof in, 3);
	assert_int_equal(weft_pack(b, WEFT_INT32, &one, 1, 1), 0);
	size_t before = weft_buf_size(b);
	weft__heap_fail_at(1);
	assert_int_equal(weft_pack(b, WEFT_BYTE, in, sizeof in, 1), WEFT_ENOMEM);
	weft__heap_fail_at(1);
	assert_int_equal(weft__pack_load(b, "wp\1\1", 4), WEFT_ENOMEM);
	weft__heap_fail_at(0);
	assert_int_equal(weft_buf_size(b), before);
	assert_int_equal(weft_unpack(b, WEFT_INT32, &back, 1, 1), 0);
	assert_int_equal(back, 1);
	weft_buf_destroy(&b);
}

/* --- the other byte order --------------------------------------------------------------------------- */

/* The same three runs and a text as a big-endian and as a little-endian task would write them. */
static const uint8_t image_big[] = {
        'w', 'p', 1, 2,                                                    /* head */
        WEFT_INT32, 2, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe,                 /* 1, -2 */
        WEFT_DOUBLE | 1 << 5, 0, 1, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0,          /* 1.5 */
        WEFT_COMPLEX | 2 << 5, 0, 0, 0, 1, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0, /* (1, -2) */
        0, 4, 'w', 'e', 'f', 't',
        WEFT_UINT64 | 3 << 5, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8,
};
static const uint8_t image_little[] = {
        'w', 'p', 1, 1,
        WEFT_INT32, 2, 1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff,
        WEFT_DOUBLE | 1 << 5, 1, 0, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f,
        WEFT_COMPLEX | 2 << 5, 1, 0, 0, 0, 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0,
        0, 4, 'w', 'e', 'f', 't',
        WEFT_UINT64 | 3 << 5, 1, 0, 0, 0, 0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1,
};

static void check_image(const uint8_t *image, size_t nbytes)
{
	int32_t ints[2];
	double d;
	float c[2];
	char text[8];
	uint64_t u;
	weft_buf_t *b = create();
	assert_int_equal(weft__pack_load(b, image, nbytes), 0);
	assert_int_equal(weft_unpack(b, WEFT_INT32, ints, 2, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_DOUBLE, &d, 1, 1), 0);
	assert_int_equal(weft_unpack(b, WEFT_COMPLEX, c, 1, 1), 0);
	assert_int_equal(weft_unpack_string(b, text, sizeof text, NULL), 0);
	assert_int_equal(weft_unpack(b, WEFT_UINT64, &u, 1, 1), 0);
	assert_int_equal(weft_buf_next(b, NULL, NULL), WEFT_EEND);
	assert_int_equal(ints[0], 1);
	assert_int_equal(ints[1], -2);
	assert_true(d == 1.5 && c[0] == 1.0f && c[1] == -2.0f);
	assert_string_equal(text, "weft");
	assert_true(u == UINT64_C(0x0102030405060708));
	weft_buf_destroy(&b);
}

static void bytes_of_either_order_are_read_right(void **state)
{
	check_image(image_big, sizeof image_big);
	check_image(image_little, sizeof image_little);
}

/* An independent packer of the order that is not ours: reverses each unit byte by byte. */
static size_t pack_foreign(uint8_t *out, int type, const uint8_t *values, size_t count, size_t stride)
{
	size_t size = weft__type_size(type), unit = weft__type_unit(type), n = 0;
	out[n++] = 'w';
	out[n++] = 'p';
	out[n++] = 1;
	out[n++] = 3 - WEFT__BYTE_ORDER;
	out[n++] = (uint8_t)type;
	out[n++] = (uint8_t)count;
	for (size_t i = 0; i < count; i++)
		for (size_t u = 0; u < size; u += unit)
			for (size_t k = 0; k < unit; k++)
				out[n++] = values[i * stride * size + u + unit - 1 - k];
	return n;
}

static void every_type_of_the_other_order_is_read_right(void **state)
{
	for (int t = 0; t < NTYPES; t++)
		for (size_t stride = 1; stride <= 2; stride++) {
			enum { N = 21 };
			int type = (int)all_types[t];
			uint8_t in[N * 2 * WEFT__WIDEST_TYPE], out[sizeof in], message[8 + N * WEFT__WIDEST_TYPE];
			size_t size = weft__type_size(type);
			fill(in, sizeof in, 77 + (uint64_t)t);
			size_t n = pack_foreign(message, type, in, N, 1);
			weft_buf_t *b = create();
			assert_int_equal(weft__pack_load(b, message, n), 0);
			assert_int_equal(weft_unpack(b, all_types[t], out, N, (int64_t)stride), 0);
			for (size_t i = 0; i < N; i++)
				assert_memory_equal(in + i * size, out + i * stride * size, size);

			/* What is added to a message of the other order is written in that order. */
			n = pack_foreign(message, type, in, N, stride);
			assert_int_equal(weft__pack_load(b, message, 4), 0);
			assert_int_equal(weft_pack(b, all_types[t], in, N, (int64_t)stride), 0);
			size_t nbytes;
			const void *bytes = weft__pack_bytes(b, &nbytes);
			assert_int_equal(nbytes, n);
			assert_memory_equal(bytes, message, n);
			weft_buf_destroy(&b);
		}
}

/* --- bytes that nobody packed ------------------------------------------------------------------------- */

static void a_bad_head_is_refused_and_the_buffer_kept(void **state)
{
	static const uint8_t bad[][4] = {
	        {'x', 'p', 1, 1}, {'w', 'q', 1, 1}, {'w', 'p', 0, 1}, {'w', 'p', 2, 1}, {'w', 'p', 1, 0}, {'w', 'p', 1, 3}};
	weft_buf_t *b = create();
	int32_t v = 5, back = 0;
	assert_int_equal(weft_pack(b, WEFT_INT32, &v, 1, 1), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(weft__pack_load(b, bad[i], 4), WEFT_EPROTO);
	assert_int_equal(weft__pack_load(b, image_big, 3), WEFT_EPROTO);
	assert_int_equal(weft__pack_load(b, "", 0), WEFT_EPROTO);
	assert_int_equal(weft_unpack(b, WEFT_INT32, &back, 1, 1), 0);
	assert_int_equal(back, 5);
	weft_buf_destroy(&b);
}

static void a_run_that_claims_too_much_is_refused(void **state)
{
	static const struct {
		size_t n;
		uint8_t bytes[16];
	} bad[] = {
	        {5, {'w', 'p', 1, 1, WEFT_INT32}},                             /* no count */
	        {6, {'w', 'p', 1, 1, WEFT_INT32, 0}},                          /* a run of nothing */
	        {9, {'w', 'p', 1, 1, WEFT_INT32, 1, 0, 0, 0}},                 /* a byte short */
	        {7, {'w', 'p', 1, 1, 14, 1, 0}},                               /* no such type */
	        {7, {'w', 'p', 1, 1, 0x1f, 1, 0}},                             /* nor this */
	        {7, {'w', 'p', 1, 1, 0x80 | WEFT_BYTE, 1, 0}},                 /* a bit that means nothing */
	        {7, {'w', 'p', 1, 1, 0, 3, 'a'}},                              /* a text cut short */
	        {12, {'w', 'p', 1, 1, WEFT_BYTE | 3 << 5, 1, 0, 0, 0, 0, 0, 0}}, /* a wide count cut short */
	        {13, {'w', 'p', 1, 1, WEFT_DCOMPLEX | 3 << 5, 255, 255, 255, 255, 255, 255, 255, 255}},
	        {13, {'w', 'p', 1, 1, WEFT_INT64 | 3 << 5, 0, 0, 0, 0, 0, 0, 0, 0x20}}, /* × 8 is 0 */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int type = -1;
		int64_t count = -1;
		uint8_t out[64];
		char text[64];
		void *bytes = weft__malloc(bad[i].n); /* no byte more: a sanitizer sees an over-read */
		assert_non_null(bytes);
		memcpy(bytes, bad[i].bytes, bad[i].n);
		weft_buf_t *b = create();
		assert_int_equal(weft__pack_adopt(b, &bytes, bad[i].n), 0);
		assert_null(bytes);
		assert_int_equal(weft_buf_next(b, &type, &count), WEFT_EPROTO);
		assert_int_equal(type, -1);
		assert_int_equal(weft_unpack(b, WEFT_INT32, out, 1, 1), WEFT_EPROTO);
		assert_int_equal(weft_unpack_string(b, text, sizeof text, NULL), WEFT_EPROTO);
		weft_buf_destroy(&b);
	}
}

/* Take everything out by what weft_buf_next says. The values must lie within the message. */
static int drain(weft_buf_t *b)
{
	static uint8_t out[4096];
	size_t total = weft_buf_size(b), taken = 0;
	for (;;) {
		int type, rc;
		int64_t count;
		rc = weft_buf_next(b, &type, &count);
		if (rc)
			return rc;
		size_t size = type ? weft__type_size(type) : 1;
		assert_true(size > 0 && count >= 0);
		taken += (size_t)count * size + 2;
		assert_true(taken <= total);
		if (type)
			rc = weft_unpack(b, (weft_type_t)type, out, count, 1);
		else
			rc = weft_unpack_string(b, (char *)out, sizeof out, NULL);
		assert_int_equal(rc, 0);
	}
}

static weft_buf_t *specimen(struct weft__rng *r)
{
	uint8_t values[20 * WEFT__WIDEST_TYPE];
	weft_buf_t *b = create();
	fill(values, sizeof values, weft__rng_next(r));
	for (uint64_t i = 0, n = 1 + weft__rng_below(r, 8); i < n; i++)
		if (weft__rng_below(r, 5) == 0)
			assert_int_equal(weft_pack_string(b, "a text of some length"), 0);
		else
			assert_int_equal(weft_pack(b, all_types[weft__rng_below(r, NTYPES)], values,
			                           (int64_t)weft__rng_below(r, 20), 1),
			                 0);
	return b;
}

static void changed_and_cut_messages_never_lead_outside(void **state)
{
	enum { ROUNDS = 20000 };
	uint64_t seed = 20001;
	int ended[2] = {0};
	struct weft__rng r;
	weft__rng_init(&r, seed);
	print_message("# seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < ROUNDS; i++) {
		weft_buf_t *b = specimen(&r);
		size_t n;
		const uint8_t *good = weft__pack_bytes(b, &n);
		if (weft__rng_below(&r, 2))
			n = 4 + weft__rng_below(&r, n - 3);
		uint8_t *bytes = weft__malloc(n);
		assert_non_null(bytes);
		memcpy(bytes, good, n);
		for (uint64_t k = 0, m = weft__rng_below(&r, 4); k < m; k++)
			bytes[3 + weft__rng_below(&r, n - 3)] = (uint8_t)weft__rng_next(&r);
		bytes[3] = (uint8_t)(1 + weft__rng_below(&r, 2));
		void *p = bytes;
		assert_int_equal(weft__pack_adopt(b, &p, n), 0);
		int rc = drain(b);
		assert_true(rc == WEFT_EEND || rc == WEFT_EPROTO);
		ended[rc == WEFT_EEND]++;
		weft_buf_destroy(&b);
	}
	assert_true(ended[0] > 100 && ended[1] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_type_comes_out_as_it_went_in),
	        cmocka_unit_test(sixty_four_bits_stay_sixty_four),
	        cmocka_unit_test(long_runs_have_wide_counts),
	        cmocka_unit_test(a_part_of_a_run_may_be_taken_and_several_runs_at_once),
	        cmocka_unit_test(texts_come_out_whole_or_not_at_all),
	        cmocka_unit_test(the_wrong_type_is_refused_and_nothing_taken),
	        cmocka_unit_test(unpacking_past_the_end_takes_nothing),
	        cmocka_unit_test(bad_arguments_are_refused),
	        cmocka_unit_test(a_failed_allocation_changes_nothing),
	        cmocka_unit_test(bytes_of_either_order_are_read_right),
	        cmocka_unit_test(every_type_of_the_other_order_is_read_right),
	        cmocka_unit_test(a_bad_head_is_refused_and_the_buffer_kept),
	        cmocka_unit_test(a_run_that_claims_too_much_is_refused),
	        cmocka_unit_test(changed_and_cut_messages_never_lead_outside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
