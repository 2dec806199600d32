/* Groups, names, notifications, contexts, lists. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "tests/coord/drive.h"

/* Home with outsiders 2.. as tasks (client 1 is the tool); tids[i] of client 2 + i. */
static struct drive *with_tasks(uint32_t n, uint64_t *tids)
{
	struct drive *d = drive_vm(2, 4);
	for (uint32_t i = 0; i < n; i++) {
		drive_open(d, 1, 2 + i, WEFT__ROLE_TASK, 0);
		tids[i] = drive_take(d, 1, 0, WEFT__MSG_CLIENT_ENROLLED)->client_enrolled.tid;
		assert_true(tids[i] != 0);
	}
	return d;
}

static void close_client(struct drive *d, uint32_t client)
{
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = client}});
}

/* --- groups -------------------------------------------------------------------------------------------- */

static struct weft__msg group_msg(uint64_t req, uint64_t op, uint64_t arg)
{
	return (struct weft__msg){.code = WEFT__MSG_GROUP, .group = {req, op, weft__str("g"), arg}};
}

static int group(struct drive *d, uint32_t client, uint64_t op, uint64_t arg, uint64_t *value)
{
	struct weft__msg m = group_msg(1, op, arg);
	return drive_result(d, 1, client, &m, value);
}

static void instances_are_the_lowest_that_are_free(void **state)
{
	uint64_t tids[4], v;
	struct drive *d = with_tasks(4, tids);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(group(d, 2 + i, WEFT__GROUP_JOIN, 0, &v), 0);
		assert_int_equal(v, i);
	}
	assert_int_equal(group(d, 3, WEFT__GROUP_LEAVE, 0, NULL), 0);
	assert_int_equal(group(d, 1, WEFT__GROUP_SIZE, 0, &v), 0); /* a tool may look */
	assert_int_equal(v, 2);
	assert_int_equal(group(d, 5, WEFT__GROUP_JOIN, 0, &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(group(d, 1, WEFT__GROUP_MEMBER, 1, &v), 0);
	assert_int_equal(v, tids[3]);
	assert_int_equal(group(d, 1, WEFT__GROUP_INSTANCE, tids[2], &v), 0);
	assert_int_equal(v, 2);
	drive_destroy(d);
}

static void wrong_group_operations_are_refused(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_tasks(2, tids);
	assert_int_equal(group(d, 2, WEFT__GROUP_SIZE, 0, NULL), WEFT_ENOGROUP);
	assert_int_equal(group(d, 2, WEFT__GROUP_LEAVE, 0, NULL), WEFT_ENOGROUP);
	assert_int_equal(group(d, 1, WEFT__GROUP_JOIN, 0, NULL), WEFT_EDENIED);
	assert_int_equal(group(d, 2, WEFT__GROUP_JOIN, 0, NULL), 0);
	assert_int_equal(group(d, 2, WEFT__GROUP_JOIN, 0, NULL), WEFT_EALREADY);
	assert_int_equal(group(d, 3, WEFT__GROUP_LEAVE, 0, NULL), WEFT_ENOTMEMBER);
	assert_int_equal(group(d, 3, WEFT__GROUP_BARRIER, 1, NULL), WEFT_ENOTMEMBER);
	assert_int_equal(group(d, 2, WEFT__GROUP_MEMBER, 7, NULL), WEFT_ENOTMEMBER);
	assert_int_equal(group(d, 2, WEFT__GROUP_INSTANCE, tids[1], NULL), WEFT_ENOTMEMBER);
	assert_int_equal(group(d, 2, WEFT__GROUP_INSTANCE, 99, NULL), WEFT_ENOTMEMBER);
	assert_int_equal(group(d, 2, 0, 0, NULL), WEFT_EINVAL);
	assert_int_equal(group(d, 2, WEFT__GROUP_BARRIER, COORD_MEMBERS_MAX + 1, NULL), WEFT_EINVAL);
	struct weft__msg m = {.code = WEFT__MSG_GROUP, .group = {1, WEFT__GROUP_JOIN, weft__str(""), 0}};
	assert_int_equal(drive_result(d, 1, 2, &m, NULL), WEFT_EINVAL);
	drive_destroy(d);
}

static void a_group_goes_with_its_last_member(void **state)
{
	uint64_t tids[1];
	struct drive *d = with_tasks(1, tids);
	group(d, 2, WEFT__GROUP_JOIN, 0, NULL);
	close_client(d, 2);
	assert_int_equal(group(d, 1, WEFT__GROUP_SIZE, 0, NULL), WEFT_ENOGROUP);
	drive_destroy(d);
}

static void arrive(struct drive *d, uint32_t client, uint64_t req, uint64_t count)
{
	struct weft__msg m = group_msg(req, WEFT__GROUP_BARRIER, count);
	drive_ask(d, 1, client, &m);
}

static void check_answer(struct drive *d, uint32_t client, uint64_t req, int code)
{
	const struct weft__msg_result *r = &drive_take(d, 1, client, WEFT__MSG_RESULT)->result;
	assert_int_equal(r->req, req);
	assert_int_equal(r->code, code);
}

static void join_all(struct drive *d, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(group(d, 2 + i, WEFT__GROUP_JOIN, 0, NULL), 0);
}

static void a_barrier_opens_when_enough_have_arrived_and_can_be_used_again(void **state)
{
	uint64_t tids[3];
	struct drive *d = with_tasks(3, tids);
	join_all(d, 3);
	for (int round = 0; round < 2; round++) {
		arrive(d, 2, 10, 0);
		arrive(d, 3, 11, 0);
		assert_false(drive_has(d, 1, 2, WEFT__MSG_RESULT));
		arrive(d, 4, 12, 3);
		for (uint32_t i = 0; i < 3; i++)
			check_answer(d, 2 + i, 10 + i, 0);
	}
	arrive(d, 2, 20, 2);
	arrive(d, 3, 21, 2);
	check_answer(d, 2, 20, 0);
	check_answer(d, 3, 21, 0);
	arrive(d, 2, 30, 1);
	check_answer(d, 2, 30, 0);
	drive_destroy(d);
}

/* --- groups that meet by themselves ---------------------------------------------------------------------- */

static void meet(struct drive *d, uint32_t client, uint64_t count, uint64_t grant, uint64_t meeting)
{
	struct weft__msg m = {.code = WEFT__MSG_GROUP_MEET, .group_meet = {77, weft__str("g"), count, grant, meeting}};
	drive_ask(d, 1, client, &m);
}

static bool is_kept(struct drive *d, uint32_t client)
{
	const struct weft__msg_result *r = &drive_take(d, 1, client, WEFT__MSG_RESULT)->result;
	assert_int_equal(r->code, 0);
	return r->value & WEFT__GROUP_KEPT;
}

/* The grant; 0: none came. */
static uint64_t page_of(struct drive *d, size_t n)
{
	if (!drive_has(d, 1, 0, WEFT__MSG_GROUP_PAGE))
		return 0;
	const struct weft__msg_group_page *m = &drive_take(d, 1, 0, WEFT__MSG_GROUP_PAGE)->group_page;
	assert_int_equal(m->tids.n, n);
	return m->grant;
}

static uint64_t until_granted(struct drive *d, uint32_t n)
{
	for (int round = 0; round < 64; round++) {
		for (uint32_t i = 0; i < n; i++)
			arrive(d, 2 + i, 10, n);
		for (uint32_t i = 0; i < n; i++)
			assert_false(is_kept(d, 2 + i));
		uint64_t grant = page_of(d, n);
		if (grant)
			return grant;
	}
	return 0;
}

static void members_that_always_meet_get_a_page_and_keep_it_when_all_leave_one_meeting(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_tasks(2, tids);
	join_all(d, 2);
	uint64_t grant = until_granted(d, 2);
	assert_true(grant);
	for (uint64_t meeting = 5; meeting < 8; meeting++) {
		meet(d, 2, 2, grant, meeting);
		meet(d, 3, 0, grant, meeting);
		assert_true(is_kept(d, 2));
		assert_true(is_kept(d, 3));
	}
	drive_destroy(d);
}

static void a_page_is_dropped_when_one_comes_without_it_or_from_another_meeting(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_tasks(2, tids);
	join_all(d, 2);
	uint64_t grant = until_granted(d, 2);
	meet(d, 2, 2, grant, 1);
	arrive(d, 3, 11, 2);
	assert_false(is_kept(d, 2));
	assert_false(is_kept(d, 3));
	meet(d, 2, 2, grant, 1); /* too late */
	meet(d, 3, 2, grant, 1);
	assert_false(is_kept(d, 2));
	assert_false(is_kept(d, 3));
	uint64_t other = until_granted(d, 2);
	assert_true(other > grant);
	meet(d, 2, 2, other, 1);
	meet(d, 3, 2, other, 2);
	assert_false(is_kept(d, 2));
	assert_false(is_kept(d, 3));
	drive_destroy(d);
}

static void a_page_is_dropped_when_members_change(void **state)
{
	uint64_t tids[3];
	struct drive *d = with_tasks(3, tids);
	join_all(d, 2);
	uint64_t grant = until_granted(d, 2);
	meet(d, 2, 2, grant, 1);
	group(d, 4, WEFT__GROUP_JOIN, 0, NULL);
	meet(d, 3, 2, grant, 1);
	assert_false(is_kept(d, 2));
	assert_false(is_kept(d, 3));
	group(d, 4, WEFT__GROUP_LEAVE, 0, NULL);
	grant = until_granted(d, 2);
	assert_true(grant);
	meet(d, 2, 2, grant, 1);
	close_client(d, 3);
	check_answer(d, 2, 77, WEFT_ENOTASK);
	drive_destroy(d);
}

static void different_counts_in_a_barrier_are_an_error_for_the_later_one(void **state)
{
	uint64_t tids[3];
	struct drive *d = with_tasks(3, tids);
	join_all(d, 3);
	arrive(d, 2, 1, 3);
	arrive(d, 3, 2, 2);
	check_answer(d, 3, 2, WEFT_EINVAL);
	arrive(d, 2, 3, 3);
	check_answer(d, 2, 3, WEFT_EALREADY);
	assert_false(drive_has(d, 1, 2, WEFT__MSG_RESULT));
	drive_destroy(d);
}

static void a_barrier_fails_when_a_member_that_it_needs_dies(void **state)
{
	uint64_t tids[3];
	struct drive *d = with_tasks(3, tids);
	join_all(d, 3);
	arrive(d, 2, 1, 0);
	arrive(d, 3, 2, 0);
	close_client(d, 4);
	check_answer(d, 2, 1, WEFT_ENOTASK);
	check_answer(d, 3, 2, WEFT_ENOTASK);
	arrive(d, 2, 3, 0); /* of those that are left */
	arrive(d, 3, 4, 0);
	check_answer(d, 2, 3, 0);
	check_answer(d, 3, 4, 0);
	drive_destroy(d);
}

static void a_barrier_goes_on_when_enough_are_left(void **state)
{
	uint64_t tids[4];
	struct drive *d = with_tasks(4, tids);
	join_all(d, 4);
	arrive(d, 2, 1, 2);
	close_client(d, 5);
	assert_false(drive_has(d, 1, 2, WEFT__MSG_RESULT));
	arrive(d, 3, 2, 2);
	check_answer(d, 2, 1, 0);
	check_answer(d, 3, 2, 0);
	drive_destroy(d);
}

static void a_waiter_that_dies_or_forgets_has_not_arrived(void **state)
{
	uint64_t tids[4];
	struct drive *d = with_tasks(4, tids);
	join_all(d, 4);
	arrive(d, 2, 1, 2);
	close_client(d, 2);
	arrive(d, 3, 2, 2);
	assert_false(drive_has(d, 1, 3, WEFT__MSG_RESULT));
	drive_ask(d, 1, 3, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {2}});
	arrive(d, 4, 3, 2);
	assert_false(drive_has(d, 1, 4, WEFT__MSG_RESULT));
	arrive(d, 5, 4, 2);
	check_answer(d, 4, 3, 0);
	check_answer(d, 5, 4, 0);
	assert_false(drive_has(d, 1, 3, WEFT__MSG_RESULT));
	drive_destroy(d);
}

static void a_task_that_leaves_during_its_barrier_is_told(void **state)
{
	uint64_t tids[2];
	struct drive *d = with_tasks(2, tids);
	join_all(d, 2);
	arrive(d, 2, 1, 0);
	struct weft__msg m = group_msg(2, WEFT__GROUP_LEAVE, 0);
	drive_ask(d, 1, 2, &m);
	check_answer(d, 2, 1, WEFT_ENOTMEMBER);
	check_answer(d, 2, 2, 0);
	drive_destroy(d);
}

static void a_task_can_be_in_so_many_groups(void **state)
{
	uint64_t tids[1];
	struct drive *d = with_tasks(1, tids);
	char name[16];
	for (int i = 0; i <= COORD_MEMBERSHIPS_MAX; i++) {
		snprintf(name, sizeof name, "g%d", i);
		struct weft__msg m = {.code = WEFT__MSG_GROUP, .group = {1, WEFT__GROUP_JOIN, weft__str(name), 0}};
		assert_int_equal(drive_result(d, 1, 2, &m, NULL), i < COORD_MEMBERSHIPS_MAX ? 0 : WEFT_ETOOBIG);
	}
	close_client(d, 2);
	struct coord_counts n;
	coord_count(d->c, &n);
	assert_int_equal(n.groups + n.members, 0);
	drive_destroy(d);
}

/* --- names ------------------------------------------------------------------------------------------------ */

static int put(struct drive *d, const char *name, const char *value, uint64_t replace)
{
	struct weft__msg m = {.code = WEFT__MSG_NAME_PUT, .name_put = {1, replace, weft__str(name), {value, strlen(value)}}};
	return drive_result(d, 1, 1, &m, NULL);
}

static const struct weft__msg_name_value *get(struct drive *d, uint64_t req, const char *name, uint64_t wait)
{
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_NAME_GET, .name_get = {req, wait, weft__str(name)}});
	return drive_has(d, 1, 1, WEFT__MSG_NAME_VALUE) ? &drive_take(d, 1, 1, WEFT__MSG_NAME_VALUE)->name_value : NULL;
}

static int del(struct drive *d, const char *name)
{
	struct weft__msg m = {.code = WEFT__MSG_NAME_DEL, .name_del = {1, weft__str(name)}};
	return drive_result(d, 1, 1, &m, NULL);
}

static void names_are_put_got_replaced_and_deleted(void **state)
{
	struct drive *d = drive_vm(1, 1);
	assert_int_equal(get(d, 1, "n", 0)->code, WEFT_ENOENT);
	assert_int_equal(put(d, "n", "one", 0), 0);
	assert_int_equal(put(d, "n", "two", 0), WEFT_EEXIST);
	assert_memory_equal(get(d, 2, "n", 0)->value.p, "one", 3);
	assert_int_equal(put(d, "n", "three", 1), 0);
	const struct weft__msg_name_value *v = get(d, 3, "n", 1);
	assert_int_equal(v->value.n, 5);
	assert_memory_equal(v->value.p, "three", 5);
	assert_int_equal(del(d, "n"), 0);
	assert_int_equal(del(d, "n"), WEFT_ENOENT);
	assert_int_equal(put(d, "n", "", 0), 0);
	assert_int_equal(get(d, 4, "n", 0)->value.n, 0);
	assert_int_equal(put(d, "", "x", 0), WEFT_EINVAL);
	assert_int_equal(get(d, 5, "", 1)->code, WEFT_EINVAL);
	drive_destroy(d);
}

static void those_who_wait_for_a_name_get_it_when_it_comes(void **state)
{
	struct drive *d = drive_vm(1, 1);
	assert_null(get(d, 1, "n", 1));
	assert_null(get(d, 2, "n", 1));
	assert_null(get(d, 3, "n", 1));
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {2}});
	assert_int_equal(del(d, "n"), WEFT_ENOENT); /* waited for, not there */
	assert_int_equal(put(d, "n", "v", 0), 0);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_NAME_VALUE)->name_value.req, 1);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_NAME_VALUE)->name_value.req, 3);
	assert_false(drive_has(d, 1, 1, WEFT__MSG_NAME_VALUE));
	drive_destroy(d);
}

static void a_name_that_nobody_waits_for_any_more_leaves_nothing(void **state)
{
	struct drive *d = drive_vm(1, 1);
	struct coord_counts n;
	assert_null(get(d, 1, "n", 1));
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_FORGET, .forget = {1}});
	coord_count(d->c, &n);
	assert_int_equal(n.names + n.asks, 0);
	drive_destroy(d);
}

static void the_name_store_has_a_bottom(void **state)
{
	struct drive *d = drive_vm(1, 1);
	char name[16], *value = weft__calloc(1, 65536);
	struct weft__msg m = {.code = WEFT__MSG_NAME_PUT, .name_put = {.req = 1, .value = {value, 65536}}};
	for (int i = 0; i <= COORD_NAME_BYTES_MAX / 65536; i++) {
		snprintf(name, sizeof name, "n%d", i);
		m.name_put.name = weft__str(name);
		assert_int_equal(drive_result(d, 1, 1, &m, NULL), i < COORD_NAME_BYTES_MAX / 65536 ? 0 : WEFT_ENOSPC);
	}
	m.name_put.name = weft__str("n0");
	m.name_put.replace = 1;
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), 0);
	weft__free(value);
	drive_destroy(d);
}

/* --- notifications ------------------------------------------------------------------------------------------ */

static int notify(struct drive *d, uint32_t client, uint64_t kind, int64_t tag, uint64_t id, uint64_t cancel)
{
	struct weft__msg m = {.code = WEFT__MSG_NOTIFY,
	                      .notify = {.req = 1, .kind = kind, .context = 3, .tag = tag, .ids = {&id, 1}, .cancel = cancel}};
	return drive_result(d, 1, client, &m, NULL);
}

static void an_exit_is_told_once_to_each_that_asked(void **state)
{
	uint64_t tids[2], tid;
	struct drive *d = with_tasks(2, tids);
	drive_spawn(d, 1, 1, "#2", 1, &tid, NULL, NULL);
	assert_int_equal(notify(d, 2, WEFT__NOTIFY_EXIT, 7, tid, 0), 0);
	assert_int_equal(notify(d, 3, WEFT__NOTIFY_EXIT, 8, tid, 0), 0);
	drive_started(d, tid);
	drive_exited(d, tid, 5, 0);
	drive_exited(d, tid, 5, 0);
	for (uint32_t c = 2; c <= 3; c++) {
		const struct weft__msg_notice *n = &drive_take(d, 1, c, WEFT__MSG_NOTICE)->notice;
		assert_int_equal(n->tid, tid);
		assert_int_equal(n->tag, 5 + c);
		assert_int_equal(n->context, 3);
		assert_int_equal(n->node, 2);
		assert_int_equal(n->exit_code, 5);
		assert_false(drive_has(d, 1, c, WEFT__MSG_NOTICE));
	}
	drive_destroy(d);
}

static void what_has_happened_is_told_at_once(void **state)
{
	uint64_t tids[1], tid;
	struct drive *d = with_tasks(1, tids);
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	drive_exited(d, tid, -1, 9);
	assert_int_equal(notify(d, 2, WEFT__NOTIFY_EXIT, 1, tid, 0), 0);
	assert_int_equal(drive_take(d, 1, 2, WEFT__MSG_NOTICE)->notice.signo, 9);
	assert_int_equal(notify(d, 2, WEFT__NOTIFY_EXIT, 1, 424242, 0), 0);
	assert_int_equal(drive_take(d, 1, 2, WEFT__MSG_NOTICE)->notice.flags, WEFT__EXIT_LOST);
	assert_int_equal(notify(d, 2, WEFT__NOTIFY_LOST, 1, 77, 0), 0);
	assert_int_equal(drive_take(d, 1, 2, WEFT__MSG_NOTICE)->notice.node, 77);
	drive_destroy(d);
}

static void a_notification_can_be_taken_back(void **state)
{
	uint64_t tids[1], tid;
	struct drive *d = with_tasks(1, tids);
	drive_spawn(d, 1, 1, "", 1, &tid, NULL, NULL);
	notify(d, 2, WEFT__NOTIFY_EXIT, 1, tid, 0);
	notify(d, 2, WEFT__NOTIFY_EXIT, 2, tid, 0);
	assert_int_equal(notify(d, 2, WEFT__NOTIFY_EXIT, 1, tid, 1), 0);
	drive_exited(d, tid, 0, 0);
	assert_int_equal(drive_take(d, 1, 2, WEFT__MSG_NOTICE)->notice.tag, 2);
	assert_false(drive_has(d, 1, 2, WEFT__MSG_NOTICE));
	drive_destroy(d);
}

static void added_nodes_are_told_as_often_as_wanted(void **state)
{
	uint64_t tids[1];
	struct drive *d = with_tasks(1, tids);
	notify(d, 2, WEFT__NOTIFY_ADDED, 1, 1, 0);
	notify(d, 2, WEFT__NOTIFY_ADDED, 2, UINT64_MAX, 0);
	notify(d, 2, WEFT__NOTIFY_ADDED, 3, 5, 0);
	notify(d, 2, WEFT__NOTIFY_ADDED, 3, 0, 0); /* none after all */
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_NODE_ADD, .node_add = {.req = 1,
	        .kind = WEFT__ADD_LOCAL, .host = weft__str(""), .count = 2}});
	drive_join(d, 3, "local3", 1, 0, 0);
	drive_join(d, 4, "local4", 1, 0, 0);
	unsigned first = 0, all = 0;
	while (drive_has(d, 1, 2, WEFT__MSG_NOTICE)) {
		const struct weft__msg_notice *n = &drive_take(d, 1, 2, WEFT__MSG_NOTICE)->notice;
		first += n->tag == 1;
		all += n->tag == 2;
		assert_int_not_equal(n->tag, 3);
	}
	assert_int_equal(first, 1);
	assert_int_equal(all, 2);
	drive_destroy(d);
}

static void a_lost_node_is_told(void **state)
{
	uint64_t tids[1];
	struct drive *d = with_tasks(1, tids);
	notify(d, 2, WEFT__NOTIFY_LOST, 1, 2, 0);
	struct coord_event down = {.kind = COORD_LINK_DOWN, .link = 2};
	drive_event(d, &down);
	drive_pass(d, COORD_SILENCE_MS + 1000);
	assert_int_equal(drive_take(d, 1, 2, WEFT__MSG_NOTICE)->notice.node, 2);
	drive_destroy(d);
}

static void wrong_notifications_are_refused(void **state)
{
	uint64_t tids[1];
	struct drive *d = with_tasks(1, tids);
	struct weft__msg none = {.code = WEFT__MSG_NOTIFY, .notify = {.req = 1, .kind = WEFT__NOTIFY_EXIT}};
	assert_int_equal(notify(d, 2, 0, 1, 1, 0), WEFT_EINVAL);
	assert_int_equal(drive_result(d, 1, 2, &none, NULL), WEFT_EINVAL);
	drive_destroy(d);
}

static void a_client_has_a_bounded_number_of_notifications(void **state)
{
	uint64_t tids[1], *ids = weft__calloc(16384, sizeof *ids);
	struct drive *d = with_tasks(1, tids);
	for (size_t i = 0; i < 16384; i++)
		ids[i] = tids[0];
	struct weft__msg m = {.code = WEFT__MSG_NOTIFY, .notify = {.req = 1, .kind = WEFT__NOTIFY_EXIT, .ids = {ids, 16384}}};
	for (int i = 0; i <= COORD_WATCHES_MAX / 16384; i++)
		assert_int_equal(drive_result(d, 1, 1, &m, NULL), i < COORD_WATCHES_MAX / 16384 ? 0 : WEFT_ENOSPC);
	m.notify.cancel = 1;
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), 0);
	struct coord_counts n;
	coord_count(d->c, &n);
	assert_int_equal(n.watches, 0);
	weft__free(ids);
	drive_destroy(d);
}

/* --- contexts, lists -------------------------------------------------------------------------------------------- */

static void contexts_are_given_once(void **state)
{
	uint64_t tids[1], a, b;
	struct drive *d = with_tasks(1, tids);
	struct weft__msg m = {.code = WEFT__MSG_CONTEXT_NEW, .context_new = {1, 10}};
	assert_int_equal(drive_result(d, 1, 2, &m, &a), 0);
	assert_int_equal(drive_result(d, 1, 2, &m, &b), 0);
	assert_int_equal(a, COORD_CONTEXT_FIRST);
	assert_int_equal(b, a + 10);
	m.context_new.count = 0;
	assert_int_equal(drive_result(d, 1, 2, &m, NULL), WEFT_EINVAL);
	drive_destroy(d);
}

static uint64_t list(struct drive *d, uint64_t kind, uint64_t job, uint64_t node, int *code)
{
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_LIST, .list = {1, kind, job, node}});
	const struct weft__msg_list_end *e = &drive_take(d, 1, 1, WEFT__MSG_LIST_END)->list_end;
	*code = (int)e->code;
	return e->count;
}

static void lists_show_nodes_tasks_and_jobs(void **state)
{
	struct drive *d = drive_vm(2, 2);
	uint64_t tids[3];
	int code;
	uint32_t job = drive_spawn(d, 1, 1, "", 3, tids, NULL, NULL);
	drive_open(d, 2, 9, WEFT__ROLE_TASK, tids[2]);
	assert_int_equal(drive_result(d, 2, 9, &(struct weft__msg){.code = WEFT__MSG_TASK_NAME,
	        .task_name = {1, weft__str("bee")}}, NULL), 0);
	drive_exited(d, tids[0], 2, 0);
	assert_int_equal(list(d, WEFT__LIST_NODES, 0, 0, &code), 2);
	const struct weft__msg_node_row *n = &drive_take(d, 1, 1, WEFT__MSG_NODE_ROW)->node_row;
	assert_string_equal(n->host.p, "home");
	assert_int_equal(n->state, WEFT__NODE_UP);
	assert_string_equal(drive_take(d, 1, 1, WEFT__MSG_NODE_ROW)->node_row.address.p, "10.0.0.9:1");
	assert_int_equal(list(d, WEFT__LIST_TASKS, job, 0, &code), 2); /* the one that ended is not shown */
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_TASK_ROW)->task_row.tid, tids[1]);
	const struct weft__msg_task_row *t = &drive_take(d, 1, 1, WEFT__MSG_TASK_ROW)->task_row;
	assert_string_equal(t->name.p, "bee");
	assert_string_equal(t->program.p, "prog");
	assert_int_equal(t->node, 2);
	assert_int_equal(list(d, WEFT__LIST_TASKS, 0, 2, &code), 1);
	assert_int_equal(list(d, WEFT__LIST_JOBS, 0, 0, &code), 1);
	const struct weft__msg_job_row *j = &drive_take(d, 1, 1, WEFT__MSG_JOB_ROW)->job_row;
	assert_int_equal(j->running, 2);
	assert_int_equal(j->exit_code, 2);
	assert_int_equal(j->state, WEFT__JOB_STARTING);
	assert_int_equal(list(d, WEFT__LIST_TASKS, job + 1, 0, &code), 0);
	assert_int_equal(code, WEFT_ENOENT);
	assert_int_equal(list(d, WEFT__LIST_TASKS, 0, 9, &code), 0);
	assert_int_equal(code, WEFT_ENONODE);
	assert_int_equal(list(d, 0, 0, 0, &code), 0);
	assert_int_equal(code, WEFT_EINVAL);
	drive_destroy(d);
}

static void lists_wait_for_a_node_that_is_behind(void **state)
{
	struct drive *d = drive_vm(1, 2);
	int code = 0;
	unsigned asked = 0;
	char *value = weft__calloc(1, 65536);
	struct weft__msg m = {.code = WEFT__MSG_NAME_PUT, .name_put = {1, 0, weft__str("n"), {value, 65536}}};
	drive_result(d, 1, 1, &m, NULL);
	for (; code == 0 && asked < 1000; asked++) {
		get(d, 1, "n", 0); /* never confirmed */
		list(d, WEFT__LIST_NODES, 0, 0, &code);
	}
	assert_int_equal(code, WEFT_EAGAIN);
	assert_in_range(asked, COORD_OUTBOX_BUSY / 65536 - 10, COORD_OUTBOX_BUSY / 65536 + 10);
	drive_pass(d, 1000); /* now it is */
	list(d, WEFT__LIST_NODES, 0, 0, &code);
	assert_int_equal(code, 0);
	weft__free(value);
	drive_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(instances_are_the_lowest_that_are_free),
	        cmocka_unit_test(wrong_group_operations_are_refused),
	        cmocka_unit_test(a_group_goes_with_its_last_member),
	        cmocka_unit_test(a_barrier_opens_when_enough_have_arrived_and_can_be_used_again),
	        cmocka_unit_test(members_that_always_meet_get_a_page_and_keep_it_when_all_leave_one_meeting),
	        cmocka_unit_test(a_page_is_dropped_when_one_comes_without_it_or_from_another_meeting),
	        cmocka_unit_test(a_page_is_dropped_when_members_change),
	        cmocka_unit_test(different_counts_in_a_barrier_are_an_error_for_the_later_one),
	        cmocka_unit_test(a_barrier_fails_when_a_member_that_it_needs_dies),
	        cmocka_unit_test(a_barrier_goes_on_when_enough_are_left),
	        cmocka_unit_test(a_waiter_that_dies_or_forgets_has_not_arrived),
	        cmocka_unit_test(a_task_that_leaves_during_its_barrier_is_told),
	        cmocka_unit_test(a_task_can_be_in_so_many_groups),
	        cmocka_unit_test(names_are_put_got_replaced_and_deleted),
	        cmocka_unit_test(those_who_wait_for_a_name_get_it_when_it_comes),
	        cmocka_unit_test(a_name_that_nobody_waits_for_any_more_leaves_nothing),
	        cmocka_unit_test(the_name_store_has_a_bottom),
	        cmocka_unit_test(an_exit_is_told_once_to_each_that_asked),
	        cmocka_unit_test(what_has_happened_is_told_at_once),
	        cmocka_unit_test(a_notification_can_be_taken_back),
	        cmocka_unit_test(added_nodes_are_told_as_often_as_wanted),
	        cmocka_unit_test(a_lost_node_is_told),
	        cmocka_unit_test(wrong_notifications_are_refused),
	        cmocka_unit_test(a_client_has_a_bounded_number_of_notifications),
	        cmocka_unit_test(contexts_are_given_once),
	        cmocka_unit_test(lists_show_nodes_tasks_and_jobs),
	        cmocka_unit_test(lists_wait_for_a_node_that_is_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
