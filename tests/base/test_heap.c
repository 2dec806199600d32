#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "tests/base/test.h"

static void only_the_nth_allocation_fails(void **state)
{
	weft__heap_fail_at(3);
	void *first = weft__malloc(1);
	void *second = weft__calloc(1, 1);
	void *third = weft__malloc(1);
	void *fourth = weft__malloc(1);
	assert_non_null(first);
	assert_non_null(second);
	assert_null(third);
	assert_non_null(fourth);
	weft__free(first);
	weft__free(second);
	weft__free(fourth);
}

static void every_kind_of_allocation_can_fail(void **state)
{
	char *p = weft__strdup("kept");
	weft__heap_fail_at(1);
	assert_null(weft__malloc(1));
	weft__heap_fail_at(1);
	assert_null(weft__calloc(1, 1));
	weft__heap_fail_at(1);
	assert_null(weft__realloc(p, 1000));
	weft__heap_fail_at(1);
	assert_null(weft__strdup("x"));
	weft__heap_fail_at(1);
	assert_null(weft__strndup("x", 1));
	assert_string_equal(p, "kept");
	weft__free(p);
}

static void a_fault_can_be_called_off(void **state)
{
	weft__heap_fail_at(1);
	weft__heap_fail_at(0);
	void *p = weft__malloc(1);
	assert_non_null(p);
	weft__free(p);
}

static void no_bytes_are_not_out_of_memory(void **state)
{
	void *a = weft__malloc(0), *b = weft__calloc(0, 8), *c = weft__realloc(NULL, 0);
	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	weft__free(a);
	weft__free(b);
	weft__free(c);
	weft__free(NULL);
}

static void copies_of_texts_end_with_a_nul(void **state)
{
	const char unended[3] = {'a', 'b', 'c'};
	char *a = weft__strndup(unended, 3), *b = weft__strndup("abc", 100),
	     *c = weft__strndup("abc", 0);
	assert_string_equal(a, "abc");
	assert_string_equal(b, "abc");
	assert_string_equal(c, "");
	weft__free(a);
	weft__free(b);
	weft__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(only_the_nth_allocation_fails),
	        cmocka_unit_test(every_kind_of_allocation_can_fail),
	        cmocka_unit_test(a_fault_can_be_called_off),
	        cmocka_unit_test(no_bytes_are_not_out_of_memory),
	        cmocka_unit_test(copies_of_texts_end_with_a_nul),
	};
	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
