#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/err.h"
#include "tests/base/test.h"

static const int codes[] = {
#define X(name, number, text) number,
        WEFT_ERRS(X)
#undef X
};
enum { NCODES = sizeof codes / sizeof *codes };

static void every_code_has_a_name_and_a_text_of_its_own(void **state)
{
	for (size_t i = 0; i < NCODES; i++) {
		assert_true(codes[i] < 0);
		assert_int_equal(weft__err_name(codes[i])[0], 'E');
		assert_true(strlen(weft__err_text(codes[i])) > 3);
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(codes[i], codes[j]);
			assert_string_not_equal(weft__err_name(codes[i]), weft__err_name(codes[j]));
			assert_string_not_equal(weft__err_text(codes[i]), weft__err_text(codes[j]));
		}
	}
	assert_string_equal(weft__err_name(WEFT_ENONODE), "ENONODE");
	assert_string_equal(weft__err_text(WEFT_ENONODE), "no such node");
}

static void numbers_that_are_no_code_are_unknown(void **state)
{
	assert_string_equal(weft__err_text(1), "unknown error");
	assert_string_equal(weft__err_text(-10000), "unknown error");
	assert_string_equal(weft__err_name(INT32_MIN), "unknown error");
	assert_string_equal(weft__err_text(0), "no error");
}

static void set_returns_the_code_and_keeps_the_text(void **state)
{
	struct weft_error e;
	assert_int_equal(weft__err_set(&e, WEFT_ENONODE, "node %d of %s", 7, "default"),
	                 WEFT_ENONODE);
	assert_int_equal(e.code, WEFT_ENONODE);
	assert_string_equal(e.text, "node 7 of default");
}

static void a_long_text_is_cut(void **state)
{
	struct weft_error e;
	weft__err_set(&e, WEFT_EIO, "%0500d", 1);
	assert_int_equal(strlen(e.text), sizeof e.text - 1);
}

static void nobody_needs_to_want_the_text(void **state)
{
	assert_int_equal(weft__err_set(NULL, WEFT_EIO, "%s", "x"), WEFT_EIO);
}

static void every_errno_becomes_a_code(void **state)
{
	assert_int_equal(weft__err_from_errno(0), 0);
	assert_int_equal(weft__err_from_errno(EMFILE), WEFT_ENOSPC);
	assert_int_equal(weft__err_from_errno(ENOENT), WEFT_ENOFILE);
	assert_int_equal(weft__err_from_errno(EACCES), WEFT_EDENIED);
	assert_int_equal(weft__err_from_errno(EPIPE), WEFT_ECLOSED);
	assert_int_equal(weft__err_from_errno(ENOTTY), WEFT_EIO);
	for (int errnum = 1; errnum < 200; errnum++)
		assert_string_not_equal(weft__err_text(weft__err_from_errno(errnum)),
		                        "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_code_has_a_name_and_a_text_of_its_own),
	        cmocka_unit_test(numbers_that_are_no_code_are_unknown),
	        cmocka_unit_test(set_returns_the_code_and_keeps_the_text),
	        cmocka_unit_test(a_long_text_is_cut),
	        cmocka_unit_test(nobody_needs_to_want_the_text),
	        cmocka_unit_test(every_errno_becomes_a_code),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
