#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/weft_base.h"
#include "tests/base/test.h"

enum { NKEYS = 400 };

/* The model: an array of values by a small number, from which the keys are made. */
struct model {
	void *values[NKEYS];
	size_t count;
};

/* Keys that differ in few bits, high or low, as tids do. */
static uint64_t key_of(size_t i)
{
	return i % 2 ? (uint64_t)i << 31 | 0x20001 : i;
}

static void assert_map_equals_model(const struct weft__map *m, const struct model *model)
{
	assert_int_equal(m->count, model->count);
	for (size_t i = 0; i < NKEYS; i++)
		assert_ptr_equal(weft__map_get(m, key_of(i)), model->values[i]);
	size_t cursor = 0, seen = 0;
	uint64_t key;
	void *value;
	while (weft__map_next(m, &cursor, &key, &value)) {
		assert_ptr_equal(weft__map_get(m, key), value);
		seen++;
	}
	assert_int_equal(seen, model->count);
	assert_false(weft__map_next(m, &cursor, &key, &value));
}

static void random_changes_keep_it_equal_to_a_model(void **state)
{
	static char values[1000];
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct weft__rng r;
		struct weft__map m = {0};
		struct model model = {0};
		weft__rng_init(&r, seed);
		for (int step = 0; step < 3000; step++) {
			/* Phases that grow and phases that shrink. */
			bool put = weft__rng_below(&r, 10) < (step / 500 % 2 ? 3u : 7u);
			size_t i = weft__rng_below(&r, NKEYS);
			if (put) {
				void *value = &values[weft__rng_below(&r, sizeof values)];
				assert_int_equal(weft__map_put(&m, key_of(i), value), 0);
				model.count += !model.values[i];
				model.values[i] = value;
			} else {
				assert_ptr_equal(weft__map_remove(&m, key_of(i)), model.values[i]);
				model.count -= !!model.values[i];
				model.values[i] = NULL;
			}
			if (step % 100 == 0)
				assert_map_equals_model(&m, &model);
		}
		assert_map_equals_model(&m, &model);
		weft__map_fini(&m);
	}
}

static void an_empty_map_has_nothing(void **state)
{
	struct weft__map m = {0};
	size_t cursor = 0;
	uint64_t key;
	void *value;
	assert_null(weft__map_get(&m, 0));
	assert_null(weft__map_remove(&m, 0));
	assert_false(weft__map_next(&m, &cursor, &key, &value));
	weft__map_fini(&m);
}

static void the_keys_zero_and_all_ones_are_keys_like_others(void **state)
{
	struct weft__map m = {0};
	int a, b;
	assert_int_equal(weft__map_put(&m, 0, &a), 0);
	assert_int_equal(weft__map_put(&m, UINT64_MAX, &b), 0);
	assert_ptr_equal(weft__map_get(&m, 0), &a);
	assert_ptr_equal(weft__map_get(&m, UINT64_MAX), &b);
	assert_ptr_equal(weft__map_remove(&m, 0), &a);
	assert_null(weft__map_get(&m, 0));
	assert_int_equal(m.count, 1);
	weft__map_fini(&m);
}

static void a_failed_allocation_leaves_it_as_it_was(void **state)
{
	struct weft__map m = {0};
	char values[100];
	for (size_t i = 0; i < sizeof values; i++) {
		struct weft__map before = m;
		weft__heap_fail_at(1);
		int rc = weft__map_put(&m, i, &values[i]);
		weft__heap_fail_at(0);
		if (rc) {
			assert_int_equal(rc, WEFT_ENOMEM);
			assert_memory_equal(&m, &before, sizeof m);
			assert_null(weft__map_get(&m, i));
			assert_int_equal(weft__map_put(&m, i, &values[i]), 0);
		}
		for (size_t j = 0; j <= i; j++)
			assert_ptr_equal(weft__map_get(&m, j), &values[j]);
	}
	/* An existing key needs no memory. */
	weft__heap_fail_at(1);
	assert_int_equal(weft__map_put(&m, 0, &values[1]), 0);
	weft__heap_fail_at(0);
	weft__map_fini(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(random_changes_keep_it_equal_to_a_model),
	        cmocka_unit_test(an_empty_map_has_nothing),
	        cmocka_unit_test(the_keys_zero_and_all_ones_are_keys_like_others),
	        cmocka_unit_test(a_failed_allocation_leaves_it_as_it_was),
	};
	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
