#include "config.h"

#include <limits.h>

#include "base/clock.h"
#include "tests/base/test.h"

static void the_clock_never_goes_back(void **state)
{
	uint64_t last = weft__clock_ns();
	for (int i = 0; i < 10000; i++) {
		uint64_t now = weft__clock_ns();
		assert_true(now >= last);
		last = now;
	}
}

static void a_negative_timeout_is_no_deadline(void **state)
{
	assert_true(weft__deadline(-1) == WEFT__NEVER);
	assert_true(weft__deadline(INT_MIN) == WEFT__NEVER);
	assert_int_equal(weft__deadline_left_ms(WEFT__NEVER), -1);
}

static void a_deadline_lies_its_timeout_ahead(void **state)
{
	uint64_t before = weft__clock_ns();
	uint64_t deadline = weft__deadline(5000);
	uint64_t after = weft__clock_ns();
	assert_in_range(deadline, before + 5000000000u, after + 5000000000u);
	int left = weft__deadline_left_ms(deadline);
	assert_in_range(left, 1, 5000);
}

static void what_is_left_is_rounded_up(void **state)
{
	/* A wait of 0 ms for a deadline that lies a moment ahead would spin. */
	for (int i = 0; i < 100; i++) {
		uint64_t deadline = weft__clock_ns() + 900000;
		int left = weft__deadline_left_ms(deadline);
		assert_true(left == 1 || weft__clock_ns() >= deadline);
	}
}

static void a_deadline_in_the_past_leaves_nothing(void **state)
{
	assert_int_equal(weft__deadline_left_ms(0), 0);
	assert_int_equal(weft__deadline_left_ms(weft__deadline(0)), 0);
}

static void a_deadline_far_ahead_is_cut_to_an_int(void **state)
{
	assert_int_equal(weft__deadline_left_ms(WEFT__NEVER - 1), INT_MAX);
	assert_true(weft__deadline(INT_MAX) > weft__clock_ns());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_clock_never_goes_back),
	        cmocka_unit_test(a_negative_timeout_is_no_deadline),
	        cmocka_unit_test(a_deadline_lies_its_timeout_ahead),
	        cmocka_unit_test(what_is_left_is_rounded_up),
	        cmocka_unit_test(a_deadline_in_the_past_leaves_nothing),
	        cmocka_unit_test(a_deadline_far_ahead_is_cut_to_an_int),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
