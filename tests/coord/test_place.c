/* Placing as a SPAWN asks for it: node after node, in turn, a few a node, no more than fit. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/ids.h"
#include "coord/state.h"
#include "tests/coord/drive.h"

static void assert_nodes(const uint32_t *nodes, const char *expected)
{
	char text[65] = "";
	for (size_t i = 0; i < strlen(expected); i++)
		text[i] = (char)('0' + nodes[i]);
	assert_string_equal(text, expected);
}

static void spawn_and_expect(struct drive *d, struct weft__msg_spawn how, const char *expected)
{
	uint32_t nodes[64] = {0};
	how.count = strlen(expected);
	assert_true(drive_spawn_as(d, 1, 1, how, NULL, nodes, NULL) > 0);
	assert_nodes(nodes, expected);
}

static void node_after_node_fills_the_first_one_first(void **state)
{
	struct drive *d = drive_vm(3, 2);
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_FILL}, "112");
	drive_destroy(d);
}

static void node_after_node_goes_on_where_cores_are_free(void **state)
{
	struct drive *d = drive_vm(3, 2);
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_FILL}, "112");
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_FILL}, "23");
	drive_destroy(d);
}

static void node_after_node_shares_the_rest_when_all_cores_are_taken(void **state)
{
	struct drive *d = drive_vm(2, 2);
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_FILL}, "11112222");
	drive_destroy(d);
}

static void slots_behind_names_weigh_them(void **state)
{
	struct drive *d = drive_vm(3, 4);
	spawn_and_expect(d, (struct weft__msg_spawn){.host = weft__str("#2:2,#3:1")}, "223");
	spawn_and_expect(d, (struct weft__msg_spawn){.host = weft__str("#2:1,#3:3")}, "22333333");
	spawn_and_expect(d, (struct weft__msg_spawn){.host = weft__str("#1,#1,#3")}, "113");
	spawn_and_expect(d, (struct weft__msg_spawn){.host = weft__str("#1,#3")}, "1133");
	drive_destroy(d);
}

static void in_turn_deals_neighbours_to_different_nodes(void **state)
{
	struct drive *d = drive_vm(3, 4);
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_TURN}, "12312");
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_TURN, .host = weft__str("#3,#1")}, "31313");
	drive_destroy(d);
}

static void no_more_than_so_many_go_to_a_node(void **state)
{
	struct drive *d = drive_vm(3, 8);
	int code        = 0;
	spawn_and_expect(d, (struct weft__msg_spawn){.map = WEFT__MAP_FILL, .ppn = 2}, "11223");
	spawn_and_expect(d, (struct weft__msg_spawn){.ppn = 1}, "123");
	assert_int_equal(drive_spawn_as(d, 1, 1, (struct weft__msg_spawn){.count = 4, .ppn = 1}, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_ENOSPC);
	drive_destroy(d);
}

static void what_must_fit_does_not_share_cores(void **state)
{
	struct drive *d = drive_vm(2, 2);
	int code        = 0;
	struct weft__msg_spawn five = {.count = 5, .flags = WEFT__SPAWN_FIT};
	assert_int_equal(drive_spawn_as(d, 1, 1, five, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_ENOSPC);
	spawn_and_expect(d, (struct weft__msg_spawn){.flags = WEFT__SPAWN_FIT}, "112");
	struct weft__msg_spawn two = {.count = 2, .flags = WEFT__SPAWN_FIT};
	assert_int_equal(drive_spawn_as(d, 1, 1, two, NULL, NULL, &code), 0);
	spawn_and_expect(d, (struct weft__msg_spawn){.flags = WEFT__SPAWN_FIT}, "2");
	drive_destroy(d);
}

static void what_fills_the_nodes_is_counted_by_the_coordinator(void **state)
{
	struct drive *d = drive_vm(2, 2);
	uint32_t nodes[8];
	int code                      = 0;
	struct weft__msg_spawn filled = {.flags = WEFT__SPAWN_FILL};
	assert_true(drive_spawn_as(d, 1, 1, (struct weft__msg_spawn){.count = 1}, NULL, NULL, NULL) > 0);
	assert_true(drive_spawn_as(d, 1, 1, filled, NULL, nodes, NULL) > 0);
	assert_nodes(nodes, "122");
	assert_int_equal(drive_spawn_as(d, 1, 1, filled, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_ENOSPC);
	filled.ppn = 3;
	assert_true(drive_spawn_as(d, 1, 1, filled, NULL, nodes, NULL) > 0);
	assert_nodes(nodes, "111222");
	filled.count = 2; /* both a number and as many as fit */
	assert_int_equal(drive_spawn_as(d, 1, 1, filled, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_EINVAL);
	drive_destroy(d);
}

static void a_launch_says_how_many_tasks_its_node_gets_and_how_to_bind_them(void **state)
{
	static const struct weft__str argv[] = {{"prog", 4}};
	struct drive *d = drive_vm(2, 2);
	drive_ask(d, 1, 1,
	          &(struct weft__msg){.code  = WEFT__MSG_SPAWN,
	                              .spawn = {.count = 3,
	                                        .map   = WEFT__MAP_FILL,
	                                        .bind  = WEFT__BIND_CORE,
	                                        .deal  = WEFT__BIND_PACKAGE,
	                                        .width = 2,
	                                        .argv  = {argv, 1}}});
	const struct weft__msg_launch *l = &drive_take(d, 1, 0, WEFT__MSG_LAUNCH)->launch;
	assert_int_equal(l->nlocal, 2);
	assert_int_equal(l->bind, WEFT__BIND_CORE);
	assert_int_equal(l->deal, WEFT__BIND_PACKAGE);
	assert_int_equal(l->width, 2);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_LAUNCH)->launch.nlocal, 1);
	drive_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(node_after_node_fills_the_first_one_first),
	        cmocka_unit_test(node_after_node_goes_on_where_cores_are_free),
	        cmocka_unit_test(node_after_node_shares_the_rest_when_all_cores_are_taken),
	        cmocka_unit_test(slots_behind_names_weigh_them),
	        cmocka_unit_test(in_turn_deals_neighbours_to_different_nodes),
	        cmocka_unit_test(no_more_than_so_many_go_to_a_node),
	        cmocka_unit_test(what_must_fit_does_not_share_cores),
	        cmocka_unit_test(what_fills_the_nodes_is_counted_by_the_coordinator),
	        cmocka_unit_test(a_launch_says_how_many_tasks_its_node_gets_and_how_to_bind_them),
	};
	return cmocka_run_group_tests_name("placing", tests, NULL, NULL);
}
