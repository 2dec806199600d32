#include "config.h"

#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/weft_base.h"
#include "tests/base/test.h"

static void what_was_appended_is_there_in_order(void **state)
{
	struct weft__buf b = {0};
	uint8_t expected[5000];
	for (size_t i = 0; i < sizeof expected; i++) {
		expected[i] = (uint8_t)(i * 7);
		assert_int_equal(weft__buf_append(&b, &expected[i], 1), 0);
	}
	assert_int_equal(b.len, sizeof expected);
	assert_true(b.cap >= b.len);
	assert_memory_equal(b.data, expected, sizeof expected);
	weft__buf_fini(&b);
}

static void consume_takes_from_the_front(void **state)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__buf_append(&b, "abcdef", 6), 0);
	weft__buf_consume(&b, 0);
	weft__buf_consume(&b, 2);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "cdef", 4);
	weft__buf_consume(&b, 4);
	assert_int_equal(b.len, 0);
	weft__buf_fini(&b);
}

static void nothing_is_appended_without_memory_for_it(void **state)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__buf_append(&b, NULL, 0), 0);
	assert_null(b.data);
	weft__buf_fini(&b);
}

static void reserve_makes_room_without_moving_the_end(void **state)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__buf_append(&b, "x", 1), 0);
	assert_int_equal(weft__buf_reserve(&b, 1000), 0);
	assert_int_equal(b.len, 1);
	assert_true(b.cap - b.len >= 1000);
	weft__buf_fini(&b);
}

static void an_absurd_reserve_is_out_of_memory(void **state)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__buf_append(&b, "x", 1), 0);
	assert_int_equal(weft__buf_reserve(&b, SIZE_MAX), WEFT_ENOMEM);
	assert_int_equal(weft__buf_reserve(&b, SIZE_MAX - 1), WEFT_ENOMEM);
	assert_int_equal(b.len, 1);
	weft__buf_fini(&b);
}

static void printf_appends_text_without_its_nul(void **state)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__buf_printf(&b, "%s-", "ab"), 0);
	assert_int_equal(weft__buf_printf(&b, "%0100d", 7), 0);
	assert_int_equal(b.len, 103);
	assert_memory_equal(b.data, "ab-000", 6);
	assert_int_equal(b.data[102], '7');
	weft__buf_fini(&b);
}

static void a_failed_allocation_changes_nothing(void **state)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__buf_append(&b, "abc", 3), 0);
	size_t cap = b.cap;
	char large[4096] = "";
	weft__heap_fail_at(1);
	assert_int_equal(weft__buf_append(&b, large, sizeof large), WEFT_ENOMEM);
	weft__heap_fail_at(1);
	assert_int_equal(weft__buf_printf(&b, "%5000s", ""), WEFT_ENOMEM);
	weft__heap_fail_at(0);
	assert_int_equal(b.len, 3);
	assert_int_equal(b.cap, cap);
	assert_memory_equal(b.data, "abc", 3);
	weft__buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_appended_is_there_in_order),
	        cmocka_unit_test(consume_takes_from_the_front),
	        cmocka_unit_test(nothing_is_appended_without_memory_for_it),
	        cmocka_unit_test(reserve_makes_room_without_moving_the_end),
	        cmocka_unit_test(an_absurd_reserve_is_out_of_memory),
	        cmocka_unit_test(printf_appends_text_without_its_nul),
	        cmocka_unit_test(a_failed_allocation_changes_nothing),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
