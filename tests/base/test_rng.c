#include "config.h"

#include <string.h>

#include "base/rng.h"
#include "tests/base/test.h"

static void a_seed_gives_its_known_sequence(void **state)
{
	/* From the published SplitMix64, seed 1234567. */
	static const uint64_t expected[] = {
	        6457827717110365317u, 3203168211198807973u,  9817491932198370423u,
	        4593380528125082431u, 16408922859458223821u,
	};
	struct weft__rng r;
	weft__rng_init(&r, 1234567);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		assert_true(weft__rng_next(&r) == expected[i]);
}

static void below_stays_below_and_reaches_every_value(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 1);
	for (uint64_t n = 1; n <= 20; n++) {
		unsigned seen[20] = {0};
		for (int i = 0; i < 2000; i++) {
			uint64_t x = weft__rng_below(&r, n);
			assert_true(x < n);
			seen[x]++;
		}
		for (uint64_t x = 0; x < n; x++) /* 2000 / n are due; half of them is far out */
			assert_true(seen[x] > 1000 / n);
	}
}

static void below_favours_no_value_also_when_the_range_is_huge(void **state)
{
	/* The plain remainder would give the first third twice as often as the others. */
	const uint64_t third = UINT64_C(1) << 62;
	struct weft__rng r;
	unsigned seen[3] = {0};
	weft__rng_init(&r, 3);
	for (int i = 0; i < 9000; i++)
		seen[weft__rng_below(&r, 3 * third) / third]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(seen[i], 2800, 3200);
}

static void random_bytes_fill_all_and_no_more(void **state)
{
	uint8_t a[1002] = {0}, b[1002] = {0};
	assert_int_equal(weft__random_bytes(a + 1, 1000), 0);
	assert_int_equal(weft__random_bytes(b + 1, 1000), 0);
	assert_int_equal(a[0] | a[1001], 0);
	assert_memory_not_equal(a, b, sizeof a);
	int zeros = 0;
	for (int i = 1; i <= 1000; i++)
		zeros += a[i] == 0;
	assert_true(zeros < 50); /* 4 are due */
	assert_int_equal(weft__random_bytes(a, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_seed_gives_its_known_sequence),
	        cmocka_unit_test(below_stays_below_and_reaches_every_value),
	        cmocka_unit_test(below_favours_no_value_also_when_the_range_is_huge),
	        cmocka_unit_test(random_bytes_fill_all_and_no_more),
	};
	return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
