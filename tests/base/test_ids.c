#include "config.h"

#include <string.h>

#include "base/ids.h"
#include "base/rng.h"
#include "tests/base/test.h"

#define GENERATION_MAX ((UINT64_C(1) << 33) - 1)

static void the_parts_of_a_tid_come_back(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 1);
	for (int i = 0; i < 10000; i++) {
		uint32_t node = (uint32_t)weft__rng_below(&r, WEFT__NODE_MAX + 1);
		uint32_t local = (uint32_t)weft__rng_below(&r, WEFT__LOCAL_MAX + 1);
		uint64_t generation = weft__rng_below(&r, GENERATION_MAX + 1);
		weft_tid_t tid = weft__tid_make(node, local, generation);
		assert_int_equal(weft__tid_node(tid), node);
		assert_int_equal(weft__tid_local(tid), local);
		assert_int_equal(weft__tid_generation(tid), generation);
		assert_int_equal(weft__tid_slot(tid), node << 17 | local);
	}
}

static void the_largest_tid_uses_all_bits_and_its_slot_is_positive(void **state)
{
	weft_tid_t tid = weft__tid_make(WEFT__NODE_MAX, WEFT__LOCAL_MAX, GENERATION_MAX);
	assert_true(tid.v == UINT64_MAX);
	assert_int_equal(weft__tid_slot(tid), INT32_MAX);
}

static void the_slot_does_not_make_two_tids_equal(void **state)
{
	assert_true(weft__tid_equal(weft__tid_make(1, 2, 3), weft__tid_make(1, 2, 3)));
	assert_false(weft__tid_equal(weft__tid_make(1, 2, 3), weft__tid_make(1, 2, 4)));
	assert_false(weft__tid_equal(weft__tid_make(1, 2, 3), weft__tid_make(2, 2, 3)));
}

static void a_tid_is_printed_with_its_generation_only_when_it_matters(void **state)
{
	char text[WEFT__TID_TEXT];
	assert_string_equal(weft__tid_format(weft__tid_make(1, 1, 0), text), "t20001");
	assert_string_equal(weft__tid_format(weft__tid_make(1, 1, 7), text), "t20001.7");
	assert_string_equal(weft__tid_format((weft_tid_t){UINT64_MAX}, text),
	                    "t7fffffff.8589934591");
	assert_string_equal(weft__tid_format(WEFT_NO_TID, text), "t0");
}

static void a_printed_tid_is_read_back(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 2);
	for (int i = 0; i < 10000; i++) {
		weft_tid_t tid =
		        weft__tid_make((uint32_t)(1 + weft__rng_below(&r, WEFT__NODE_MAX)),
		                       (uint32_t)(1 + weft__rng_below(&r, WEFT__LOCAL_MAX)),
		                       weft__rng_below(&r, GENERATION_MAX + 1) >> i % 34);
		char text[WEFT__TID_TEXT];
		weft_tid_t read;
		weft__tid_format(tid, text);
		assert_int_equal(weft__tid_parse(text, &read), 0);
		assert_true(weft__tid_equal(read, tid));
		assert_int_equal(weft__tid_parse(text + 1, &read), 0); /* without the t */
		assert_true(weft__tid_equal(read, tid));
	}
}

static void capital_digits_are_read_too(void **state)
{
	weft_tid_t a, b;
	assert_int_equal(weft__tid_parse("t2ABCD", &a), 0);
	assert_int_equal(weft__tid_parse("2abcd.0", &b), 0);
	assert_true(weft__tid_equal(a, b));
}

static void what_is_no_tid_is_refused_and_writes_nothing(void **state)
{
	static const char *const wrong[] = {
	        "",
	        "t",
	        "x20001",
	        "tt20001",
	        " t20001",
	        "t20001 ",
	        "t20001.",
	        "t20001.x",
	        "t20001.1.1",
	        "t-1",
	        "t20001.-1",
	        "t0x20001",
	        "t0",
	        "0",
	        "t1",
	        "t20000",
	        "t80000000",
	        "t100020001",
	        "t20001.8589934592",
	        "t20001.99999999999999999999",
	        "t20001.a",
	        "ffffffffffffffffffff",
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		weft_tid_t tid = {42};
		if (weft__tid_parse(wrong[i], &tid) != WEFT_EINVAL)
			fail_msg("accepted: '%s'", wrong[i]);
		assert_int_equal(tid.v, 42);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_parts_of_a_tid_come_back),
	        cmocka_unit_test(the_largest_tid_uses_all_bits_and_its_slot_is_positive),
	        cmocka_unit_test(the_slot_does_not_make_two_tids_equal),
	        cmocka_unit_test(a_tid_is_printed_with_its_generation_only_when_it_matters),
	        cmocka_unit_test(a_printed_tid_is_read_back),
	        cmocka_unit_test(capital_digits_are_read_too),
	        cmocka_unit_test(what_is_no_tid_is_refused_and_writes_nothing),
	};
	return cmocka_run_group_tests_name("ids", tests, NULL, NULL);
}
