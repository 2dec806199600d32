/* Binding: who gets which processors, and the parts of the machine that we are on. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "node/bind.h"
#include "node/topology.h"
#include "proto/proto.h"

/* n parts of `each` processors in a row. */
static struct cpus *make_parts(size_t n, size_t each)
{
	struct cpus *parts = weft__calloc(n, sizeof *parts);
	for (size_t i = 0; i < n * each; i++)
		cpus_add(&parts[i / each], i);
	return parts;
}

static void assert_chosen(const struct bind_plan *plan, size_t index, const char *expected)
{
	struct cpus set;
	char text[64];
	assert_true(bind_choose(plan, index, &set));
	cpus_format(&set, text, sizeof text);
	assert_string_equal(text, expected);
}

static void shares_are_equal_and_cover_all(void **state)
{
	struct bind_plan plan = {.parts = make_parts(8, 1), .nparts = 8, .nshares = 3};
	assert_chosen(&plan, 0, "0-1");
	assert_chosen(&plan, 1, "2-4");
	assert_chosen(&plan, 2, "5-7");
	bind_plan_fini(&plan);
}

static void tasks_get_one_core_after_the_other_and_begin_again(void **state)
{
	struct bind_plan plan = {.parts = make_parts(3, 2), .nparts = 3, .width = 1};
	assert_chosen(&plan, 0, "0-1");
	assert_chosen(&plan, 2, "4-5");
	assert_chosen(&plan, 3, "0-1");
	bind_plan_fini(&plan);
}

static void a_task_can_get_several_cores(void **state)
{
	struct bind_plan plan = {.parts = make_parts(4, 1), .nparts = 4, .width = 2};
	assert_chosen(&plan, 0, "0-1");
	assert_chosen(&plan, 1, "2-3");
	plan.width = 9;
	assert_chosen(&plan, 0, "0-3");
	bind_plan_fini(&plan);
}

static void neighbours_are_dealt_to_different_packages(void **state)
{
	struct bind_plan plan = {.parts = make_parts(8, 1), .nparts = 8, .width = 1, .deal = make_parts(2, 4), .ndeal = 2};
	assert_chosen(&plan, 0, "0");
	assert_chosen(&plan, 1, "4");
	assert_chosen(&plan, 2, "1");
	assert_chosen(&plan, 8, "0"); /* the ninth task: all cores have one */
	plan.width = 2;
	assert_chosen(&plan, 2, "2-3");
	bind_plan_fini(&plan);
}

static void what_is_bound_to_may_be_larger_than_what_is_dealt(void **state)
{
	struct bind_plan plan = {.parts = make_parts(2, 4), .nparts = 2, .width = 1, .deal = make_parts(8, 1), .ndeal = 8};
	assert_chosen(&plan, 3, "0-3");
	assert_chosen(&plan, 4, "4-7");
	bind_plan_fini(&plan);
}

static void without_parts_nothing_is_bound(void **state)
{
	struct bind_plan plan = {.width = 1};
	struct cpus set;
	assert_false(bind_choose(&plan, 0, &set));
}

static void sets_are_written_as_ranges_and_cut_when_they_are_long(void **state)
{
	struct cpus set = {0};
	char text[64], little[12];
	for (size_t cpu = 0; cpu < 400; cpu += 2)
		cpus_add(&set, cpu);
	cpus_add(&set, 1);
	cpus_add(&set, CPUS_MAX); /* no such processor */
	assert_false(cpus_has(&set, CPUS_MAX));
	cpus_format(&set, text, sizeof text);
	assert_memory_equal(text, "0-2,4,6,", 8);
	assert_non_null(strstr(text, "..."));
	cpus_format(&set, little, sizeof little);
	assert_string_equal(little, "0-2,4,6...");
}

static void the_parts_of_a_kind_are_all_that_is_allowed_and_each_once(void **state)
{
	static const unsigned kinds[] = {WEFT__BIND_THREAD, WEFT__BIND_CORE, WEFT__BIND_L3, WEFT__BIND_NUMA, WEFT__BIND_PACKAGE};
	struct cpus allowed;
	assert_true(topology_allowed(&allowed));
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		struct cpus *parts = NULL, all = {0};
		size_t nparts = 0, total = 0;
		struct weft_error e = {0};
		if (topology_parts(kinds[k], &parts, &nparts, &e)) {
			assert_true(kinds[k] == WEFT__BIND_L3 || kinds[k] == WEFT__BIND_NUMA); /* this machine or no hwloc */
			continue;
		}
		for (size_t i = 0; i < nparts; i++) {
			cpus_join(&all, &parts[i]);
			total += cpus_count(&parts[i]);
		}
		assert_memory_equal(&all, &allowed, sizeof all);
		assert_int_equal(total, cpus_count(&allowed));
		weft__free(parts);
	}
}

static void sysfs_alone_knows_threads_cores_and_packages(void **state)
{
	struct cpus *threads, *cores, *packages, *none = NULL;
	size_t nthreads, ncores, npackages, n = 7;
	struct weft_error e = {0};
	assert_int_equal(topology_parts_sysfs(WEFT__BIND_THREAD, &threads, &nthreads, &e), 0);
	assert_int_equal(topology_parts_sysfs(WEFT__BIND_CORE, &cores, &ncores, &e), 0);
	assert_int_equal(topology_parts_sysfs(WEFT__BIND_PACKAGE, &packages, &npackages, &e), 0);
	assert_true(npackages >= 1 && ncores >= npackages && nthreads >= ncores);
	assert_int_equal(topology_parts_sysfs(WEFT__BIND_NUMA, &none, &n, &e), WEFT_EINVAL);
	assert_null(none);
	assert_int_equal(n, 7);
	weft__free(threads);
	weft__free(cores);
	weft__free(packages);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(shares_are_equal_and_cover_all),
	        cmocka_unit_test(tasks_get_one_core_after_the_other_and_begin_again),
	        cmocka_unit_test(a_task_can_get_several_cores),
	        cmocka_unit_test(neighbours_are_dealt_to_different_packages),
	        cmocka_unit_test(what_is_bound_to_may_be_larger_than_what_is_dealt),
	        cmocka_unit_test(without_parts_nothing_is_bound),
	        cmocka_unit_test(sets_are_written_as_ranges_and_cut_when_they_are_long),
	        cmocka_unit_test(the_parts_of_a_kind_are_all_that_is_allowed_and_each_once),
	        cmocka_unit_test(sysfs_alone_knows_threads_cores_and_packages),
	};
	return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
