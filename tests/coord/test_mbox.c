/* Mailboxes, what time it is elsewhere, the members of a group, and who gets a job's output. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "tests/coord/drive.h"

enum { TOOL = 1, ANN = 2, BEN = 3 };

/* Home with two outsiders. */
static struct drive *with_two(uint64_t tids[2])
{
	struct drive *d = drive_vm(2, 4);
	for (uint32_t i = 0; i < 2; i++) {
		drive_open(d, 1, ANN + i, WEFT__ROLE_TASK, 0);
		tids[i] = drive_take(d, 1, 0, WEFT__MSG_CLIENT_ENROLLED)->client_enrolled.tid;
	}
	return d;
}

static void leave(struct drive *d, uint32_t client)
{
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = client}});
}

/* The index, or an error. */
static int put(struct drive *d, uint32_t client, uint64_t flags, const char *value)
{
	uint64_t index;
	struct weft__msg m = {.code = WEFT__MSG_MBOX_PUT,
	                      .mbox_put = {.req = 1, .name = weft__str("box"), .flags = flags,
	                                   .value = {value, strlen(value)}}};
	int code = drive_result(d, 1, client, &m, &index);
	return code ? code : (int)index;
}

static int put_alone(struct drive *d, uint32_t client, uint64_t index)
{
	struct weft__msg m = {
	        .code = WEFT__MSG_MBOX_PUT,
	        .mbox_put = {.req = 1, .name = weft__str("box"), .value = {"x", 1}, .alone = 1,
	                     .flags = WEFT__MBOX_MULTI | index << WEFT__MBOX_INDEX_SHIFT}};
	return drive_result(d, 1, client, &m, NULL);
}

static const struct weft__msg_mbox_value *get(struct drive *d, uint32_t client, uint64_t index, uint64_t flags)
{
	drive_ask(d, 1, client, &(struct weft__msg){.code = WEFT__MSG_MBOX_GET, .mbox_get = {7, weft__str("box"), index, flags}});
	if (!drive_has(d, 1, client, WEFT__MSG_MBOX_VALUE))
		return NULL;
	return &drive_take(d, 1, client, WEFT__MSG_MBOX_VALUE)->mbox_value;
}

static int del(struct drive *d, uint32_t client, uint64_t index)
{
	struct weft__msg m = {.code = WEFT__MSG_MBOX_DEL, .mbox_del = {1, weft__str("box"), index}};
	return drive_result(d, 1, client, &m, NULL);
}

static void assert_gone(struct drive *d)
{
	struct coord_counts n;
	coord_count(d->c, &n);
	assert_int_equal(n.mboxes + n.letters, 0);
	drive_destroy(d);
}

static void a_message_is_its_owners(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	assert_int_equal(put(d, ANN, 0, "one"), 0);
	const struct weft__msg_mbox_value *v = get(d, BEN, 0, 0);
	assert_int_equal(v->code, 0);
	assert_memory_equal(v->value.p, "one", 3);
	assert_int_equal(v->owner, tids[0]);
	assert_int_equal(put(d, BEN, 0, "two"), WEFT_EDENIED);
	assert_int_equal(del(d, BEN, 0), WEFT_EDENIED);
	assert_int_equal(get(d, BEN, 0, WEFT__MBOX_TAKE)->code, WEFT_EDENIED);
	assert_int_equal(put(d, ANN, WEFT__MBOX_WRITABLE, "three"), 0);
	assert_int_equal(put(d, BEN, 0, "four"), 0);
	assert_int_equal(get(d, ANN, 0, 0)->owner, tids[1]);
	assert_int_equal(del(d, BEN, 0), 0);
	assert_int_equal(del(d, BEN, 0), WEFT_ENOENT);
	assert_gone(d);
}

static void indexes_are_the_lowest_that_are_free(void **state)
{
	uint64_t tids[2], at_5 = 5 << WEFT__MBOX_INDEX_SHIFT;
	struct drive *d = with_two(tids);
	for (int i = 0; i < 3; i++)
		assert_int_equal(put(d, ANN, WEFT__MBOX_MULTI, "x"), i);
	assert_int_equal(del(d, ANN, 1), 0);
	assert_int_equal(put(d, BEN, WEFT__MBOX_MULTI, "x"), 1);
	assert_int_equal(put(d, BEN, WEFT__MBOX_MULTI | at_5, "x"), 5);
	assert_int_equal(put(d, BEN, WEFT__MBOX_MULTI | at_5, "x"), 6);
	assert_int_equal(put(d, BEN, at_5, "x"), 5);
	assert_int_equal(put(d, ANN, at_5, "x"), WEFT_EDENIED);
	assert_int_equal(put_alone(d, BEN, 5), WEFT_EDENIED);
	assert_int_equal(put_alone(d, BEN, 4), 0);
	assert_int_equal(get(d, ANN, 3, 0)->code, WEFT_ENOENT);
	assert_int_equal(get(d, ANN, 3, WEFT__MBOX_FIRST)->index, 4);
	assert_int_equal(get(d, ANN, 7, WEFT__MBOX_FIRST)->code, WEFT_ENOENT);
	drive_destroy(d);
}

static void what_is_not_to_stay_goes_with_its_owner(void **state)
{
	uint64_t tids[2], v;
	struct drive *d = with_two(tids);
	struct weft__msg reset = {.code = WEFT__MSG_MBOX_RESET, .mbox_reset = {.req = 1, .name = {"", 0}, .stale = 1}};
	put(d, ANN, WEFT__MBOX_MULTI, "x");
	put(d, ANN, WEFT__MBOX_MULTI | WEFT__MBOX_PERSISTENT, "x");
	put(d, TOOL, WEFT__MBOX_MULTI, "x");
	leave(d, ANN);
	assert_int_equal(get(d, BEN, 0, 0)->code, WEFT_ENOENT);
	assert_int_equal(get(d, BEN, 1, 0)->owner, 0);
	assert_int_equal(del(d, BEN, 1), WEFT_EDENIED);
	assert_int_equal(get(d, BEN, 2, 0)->code, 0);
	assert_int_equal(drive_result(d, 1, BEN, &reset, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(get(d, BEN, 1, 0)->code, WEFT_ENOENT);
	leave(d, TOOL);
	assert_gone(d);
}

static void those_who_wait_get_it_and_one_takes_it(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	assert_null(get(d, ANN, 0, WEFT__MBOX_WAIT | WEFT__MBOX_TAKE));
	assert_null(get(d, BEN, 1, WEFT__MBOX_WAIT));
	assert_int_equal(put(d, BEN, WEFT__MBOX_WRITABLE, "x"), 0);
	assert_int_equal(drive_take(d, 1, ANN, WEFT__MSG_MBOX_VALUE)->mbox_value.code, 0);
	assert_int_equal(get(d, BEN, 0, 0)->code, WEFT_ENOENT);
	assert_false(drive_has(d, 1, BEN, WEFT__MSG_MBOX_VALUE));
	drive_ask(d, 1, BEN, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {7}});
	assert_gone(d);
}

static void send_part(struct drive *d, uint32_t client, uint64_t req, size_t offset, const char *bytes, size_t n, size_t size)
{
	drive_ask(d, 1, client,
	          &(struct weft__msg){.code = WEFT__MSG_MBOX_PUT,
	                              .mbox_put = {req, weft__str("box"), WEFT__MBOX_PERSISTENT, {bytes, n}, 0, size, offset}});
}

static void a_long_message_comes_and_goes_in_parts(void **state)
{
	enum { SIZE = 300000, PART = 100000 };
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	char *bytes = weft__malloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		bytes[i] = (char)(i % 251);
	send_part(d, ANN, 5, 0, "lost", 4, SIZE); /* asked again: the parts so far are void */
	for (size_t at = 0; at < SIZE; at += PART) {
		assert_false(drive_has(d, 1, ANN, WEFT__MSG_RESULT));
		send_part(d, ANN, 5, at, bytes + at, PART, SIZE);
	}
	assert_int_equal(drive_take(d, 1, ANN, WEFT__MSG_RESULT)->result.code, 0);
	leave(d, ANN);
	size_t at = 0, left = SIZE;
	const struct weft__msg_mbox_value *v = get(d, BEN, 0, 0);
	for (;;) {
		assert_int_equal(v->code, 0);
		assert_memory_equal(v->value.p, bytes + at, v->value.n);
		at += v->value.n;
		left = v->left;
		assert_int_equal(at + left, SIZE);
		if (!left)
			break;
		v = &drive_take(d, 1, BEN, WEFT__MSG_MBOX_VALUE)->mbox_value;
	}
	weft__free(bytes);
	drive_destroy(d);
}

static void parts_that_do_not_fit_are_no_message(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	send_part(d, ANN, 5, 0, "abc", 3, 9);
	send_part(d, ANN, 5, 4, "efg", 3, 9); /* a part is missing */
	send_part(d, ANN, 6, 3, "def", 3, 9); /* of another one */
	send_part(d, ANN, 5, 3, "defghijkl", 9, 9);
	assert_false(drive_has(d, 1, ANN, WEFT__MSG_RESULT));
	assert_int_equal(get(d, BEN, 0, 0)->code, WEFT_ENOENT);
	send_part(d, BEN, 7, 0, "abc", 3, 3); /* a part that is all of it */
	assert_int_equal(drive_take(d, 1, BEN, WEFT__MSG_RESULT)->result.code, WEFT_EINVAL);
	leave(d, ANN);
	assert_gone(d);
}

static void a_list_has_a_row_for_each(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	put(d, ANN, WEFT__MBOX_MULTI, "x");
	put(d, BEN, WEFT__MBOX_MULTI | WEFT__MBOX_WRITABLE, "x");
	drive_ask(d, 1, TOOL, &(struct weft__msg){.code = WEFT__MSG_MBOX_LIST, .mbox_list = {3}});
	for (uint64_t i = 0; i < 2; i++) {
		const struct weft__msg_mbox_row *row = &drive_take(d, 1, TOOL, WEFT__MSG_MBOX_ROW)->mbox_row;
		assert_string_equal(row->name.p, "box");
		assert_int_equal(row->index, i);
		assert_int_equal(row->owner, tids[i]);
		assert_int_equal(row->flags, WEFT__MBOX_MULTI | (i ? WEFT__MBOX_WRITABLE : 0));
	}
	assert_int_equal(drive_take(d, 1, TOOL, WEFT__MSG_LIST_END)->list_end.count, 2);
	drive_destroy(d);
}

static void a_node_tells_the_time(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	struct weft__msg m = {.code = WEFT__MSG_CLOCK, .clock = {.req = 4, .node = 99}};
	assert_int_equal(drive_result(d, 1, ANN, &m, NULL), WEFT_ENONODE);
	m.clock.node = 2;
	m.clock.req = 5;
	drive_ask(d, 1, ANN, &m);
	struct weft__msg answer = *drive_take(d, 2, 0, WEFT__MSG_CLOCK);
	answer.clock.time_us = 1234567;
	drive_send(d, 2, &answer);
	const struct weft__msg_result *r = &drive_take(d, 1, ANN, WEFT__MSG_RESULT)->result;
	assert_int_equal(r->req, 5);
	assert_int_equal(r->value, 1234567);
	drive_destroy(d);
}

static void a_groups_members_come_by_instance(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	struct weft__msg m = {.code = WEFT__MSG_GROUP, .group = {1, WEFT__GROUP_JOIN, weft__str("g"), 0}};
	drive_result(d, 1, ANN, &m, NULL);
	drive_result(d, 1, BEN, &m, NULL);
	m.group.op = WEFT__GROUP_LEAVE;
	drive_result(d, 1, ANN, &m, NULL);
	m.group.op = WEFT__GROUP_MEMBERS;
	drive_ask(d, 1, TOOL, &m);
	const struct weft__msg_group_tids *g = &drive_take(d, 1, TOOL, WEFT__MSG_GROUP_TIDS)->group_tids;
	assert_int_equal(g->tids.n, 2);
	assert_int_equal(g->tids.p[0], 0);
	assert_int_equal(g->tids.p[1], tids[1]);
	assert_int_equal(g->more, 0);
	m.group.name = weft__str("none");
	assert_int_equal(drive_result(d, 1, TOOL, &m, NULL), WEFT_ENOGROUP);
	drive_destroy(d);
}

static void a_task_gets_the_output_that_it_is_to_get(void **state)
{
	static const struct weft__str argv[] = {{"prog", 4}};
	uint64_t tids[2];
	struct drive *d = with_two(tids);
	struct weft__msg m = {.code = WEFT__MSG_SPAWN,
	                      .spawn = {.req = 1,
	                                .count = 1,
	                                .host = weft__str("#2"),
	                                .argv = {argv, 1},
	                                .sink_tid = tids[1],
	                                .sink_context = 77,
	                                .sink_tag = -5}};
	drive_ask(d, 1, ANN, &m);
	const struct weft__msg_launch *l = &drive_take(d, 2, 0, WEFT__MSG_LAUNCH)->launch;
	assert_int_equal(l->sink_node, 1);
	assert_int_equal(l->sink_client, BEN);
	assert_int_equal(l->sink_task, 1);
	assert_int_equal(l->sink_context, 77);
	assert_int_equal(l->sink_tag, -5);
	drive_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_is_its_owners),
	        cmocka_unit_test(indexes_are_the_lowest_that_are_free),
	        cmocka_unit_test(what_is_not_to_stay_goes_with_its_owner),
	        cmocka_unit_test(those_who_wait_get_it_and_one_takes_it),
	        cmocka_unit_test(a_long_message_comes_and_goes_in_parts),
	        cmocka_unit_test(parts_that_do_not_fit_are_no_message),
	        cmocka_unit_test(a_list_has_a_row_for_each),
	        cmocka_unit_test(a_node_tells_the_time),
	        cmocka_unit_test(a_groups_members_come_by_instance),
	        cmocka_unit_test(a_task_gets_the_output_that_it_is_to_get),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
