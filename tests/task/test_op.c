/* Operations: every one over every type, against a plain reference of one value at a time. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "bindings/c/weft.h"
#include "task/op.h"
#include "task/types.h"

enum { COUNT_MAX = 70 };

static bool is_unsigned(int type)
{
	return type == WEFT_BYTE || type == WEFT_UINT8 || type == WEFT_UINT16 || type == WEFT_UINT32 || type == WEFT_UINT64;
}

/* The low bits of a value, widened by its sign where it has one. */
static uint64_t load(int type, const void *p)
{
	uint64_t v = 0;
	size_t bits = 8 * weft__type_size(type);
	memcpy(&v, (const char *)p, bits / 8);
	if (WEFT__BYTE_ORDER == WEFT__BIG)
		v >>= 64 - bits;
	if (!is_unsigned(type) && bits < 64 && v >> (bits - 1) & 1)
		v |= UINT64_MAX << bits;
	return v;
}

static uint64_t integer_reference(int op, int type, uint64_t a, uint64_t b)
{
	bool less = is_unsigned(type) ? a < b : (int64_t)a < (int64_t)b;
	switch (op) {
	case WEFT_SUM:
		return a + b;
	case WEFT_PROD:
		return a * b;
	case WEFT_MIN:
		return less ? a : b;
	case WEFT_MAX:
		return less ? b : a;
	case WEFT_LAND:
		return a && b;
	case WEFT_LOR:
		return a || b;
	case WEFT_LXOR:
		return !a != !b;
	case WEFT_BAND:
		return a & b;
	case WEFT_BOR:
		return a | b;
	default:
		return a ^ b;
	}
}

static void integers_are_as_one_by_one_and_wrap(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 5);
	for (int type = WEFT_BYTE; type <= WEFT_UINT64; type++)
		for (int op = WEFT_SUM; op <= WEFT_BXOR; op++)
			for (size_t n = 0; n <= COUNT_MAX; n++) {
				size_t size = weft__type_size(type);
				uint8_t acc[COUNT_MAX * 8 + 8], in[sizeof acc], before[sizeof acc];
				for (size_t i = 0; i < sizeof acc; i++) {
					acc[i] = weft__rng_below(&r, 3) ? (uint8_t)weft__rng_next(&r) : 0;
					in[i] = weft__rng_below(&r, 3) ? (uint8_t)weft__rng_next(&r) : 0;
				}
				memcpy(before, acc, sizeof acc);
				assert_true(weft__op_valid(op, type));
				weft__op_apply(op, type, acc, in, n);
				for (size_t i = 0; i < n; i++) {
					uint64_t want = integer_reference(op, type, load(type, before + i * size),
					                                  load(type, in + i * size));
					uint64_t mask = UINT64_MAX >> (64 - 8 * size);
					assert_true((load(type, acc + i * size) & mask) == (want & mask));
				}
				assert_memory_equal(acc + n * size, before + n * size, sizeof acc - n * size);
			}
}

static double real_reference(int op, double a, double b)
{
	switch (op) {
	case WEFT_SUM:
		return a + b;
	case WEFT_PROD:
		return a * b;
	case WEFT_MIN:
		return a < b ? a : b;
	default:
		return a < b ? b : a;
	}
}

static void reals_are_as_one_by_one(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 6);
	for (int op = WEFT_SUM; op <= WEFT_MAX; op++)
		for (size_t n = 0; n <= COUNT_MAX; n++) {
			double a[COUNT_MAX], b[COUNT_MAX], want[COUNT_MAX];
			float fa[COUNT_MAX], fb[COUNT_MAX], fwant[COUNT_MAX];
			for (size_t i = 0; i < n; i++) { /* small integers: every step is exact */
				a[i] = (double)weft__rng_below(&r, 2000) - 1000;
				b[i] = (double)weft__rng_below(&r, 2000) - 1000;
				want[i] = real_reference(op, a[i], b[i]);
				fa[i] = (float)a[i];
				fb[i] = (float)b[i];
				fwant[i] = (float)want[i];
			}
			weft__op_apply(op, WEFT_DOUBLE, a, b, n);
			weft__op_apply(op, WEFT_FLOAT, fa, fb, n);
			for (size_t i = 0; i < n; i++)
				assert_true(a[i] == want[i] && fa[i] == fwant[i]);
		}
}

static void complex_numbers_add_and_multiply(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 7);
	double a[2 * COUNT_MAX], b[2 * COUNT_MAX], sum[2 * COUNT_MAX], prod[2 * COUNT_MAX];
	float fa[2 * COUNT_MAX], fb[2 * COUNT_MAX], fsum[2 * COUNT_MAX], fprod[2 * COUNT_MAX];
	for (size_t i = 0; i < 2 * COUNT_MAX; i++) {
		sum[i] = prod[i] = a[i] = (double)weft__rng_below(&r, 200) - 100;
		b[i] = (double)weft__rng_below(&r, 200) - 100;
		fsum[i] = fprod[i] = fa[i] = (float)a[i];
		fb[i] = (float)b[i];
	}
	weft__op_apply(WEFT_SUM, WEFT_DCOMPLEX, sum, b, COUNT_MAX);
	weft__op_apply(WEFT_PROD, WEFT_DCOMPLEX, prod, b, COUNT_MAX);
	weft__op_apply(WEFT_SUM, WEFT_COMPLEX, fsum, fb, COUNT_MAX);
	weft__op_apply(WEFT_PROD, WEFT_COMPLEX, fprod, fb, COUNT_MAX);
	for (size_t i = 0; i < 2 * COUNT_MAX; i += 2) {
		double re = a[i] * b[i] - a[i + 1] * b[i + 1], im = a[i] * b[i + 1] + a[i + 1] * b[i];
		assert_true(sum[i] == a[i] + b[i] && sum[i + 1] == a[i + 1] + b[i + 1]);
		assert_true(prod[i] == re && prod[i + 1] == im);
		assert_true(fsum[i] == (float)sum[i] && fsum[i + 1] == (float)sum[i + 1]);
		assert_true(fprod[i] == (float)re && fprod[i + 1] == (float)im);
	}
}

static void operations_that_make_no_sense_are_not_there(void **state)
{
	for (int op = WEFT_MIN; op <= WEFT_BXOR; op++) {
		assert_false(weft__op_valid(op, WEFT_COMPLEX));
		assert_false(weft__op_valid(op, WEFT_DCOMPLEX));
	}
	for (int op = WEFT_LAND; op <= WEFT_BXOR; op++) {
		assert_false(weft__op_valid(op, WEFT_FLOAT));
		assert_false(weft__op_valid(op, WEFT_DOUBLE));
	}
	assert_false(weft__op_valid(0, WEFT_INT32));
	assert_false(weft__op_valid(WEFT_BXOR + 1, WEFT_INT32));
	assert_false(weft__op_valid(-1, WEFT_INT32));
	assert_false(weft__op_valid(WEFT_SUM, 0));
	assert_false(weft__op_valid(WEFT_SUM, WEFT_DCOMPLEX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(integers_are_as_one_by_one_and_wrap),
	        cmocka_unit_test(reals_are_as_one_by_one),
	        cmocka_unit_test(complex_numbers_add_and_multiply),
	        cmocka_unit_test(operations_that_make_no_sense_are_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
