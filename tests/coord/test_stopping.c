/* A batch system announces the end of its job. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "coord/journal.h"
#include "coord/state.h"
#include "tests/coord/drive.h"

static const struct weft__msg stopping = {.code = WEFT__MSG_STOPPING};

/* SIGNALs to the tasks of a job that reached this node. */
static int terms(struct drive *d, uint32_t node)
{
	int n = 0;
	while (drive_has(d, node, 0, WEFT__MSG_TASK_SIGNAL))
		n += drive_take(d, node, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.signo == 15;
	return n;
}

static void the_tasks_of_all_nodes_are_asked_to_end_once_and_tools_are_told(void **state)
{
	struct drive *d = drive_vm(3, 1);
	uint64_t tids[3];
	uint32_t nodes[3];
	assert_true(drive_spawn(d, 1, 1, "", 3, tids, nodes, NULL));
	for (int i = 0; i < 3; i++)
		drive_started(d, tids[i]);
	drive_send(d, 2, &stopping);
	drive_send(d, 3, &stopping);
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(terms(d, i), 1);
	const struct weft__msg *m = drive_take(d, 1, 1, WEFT__MSG_ENDING);
	assert_non_null(strstr(m->ending.text.p, "local2"));
	assert_false(drive_has(d, 1, 1, WEFT__MSG_ENDING));
	drive_destroy(d);
}

static void nothing_new_is_started_and_the_last_job_takes_the_vm_down(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint64_t tids[1];
	uint32_t nodes[1];
	int code = 0;
	assert_true(drive_spawn(d, 1, 1, "", 1, tids, nodes, NULL));
	drive_started(d, tids[0]);
	drive_send(d, 2, &stopping);
	drive_forget(d);
	assert_int_equal(drive_spawn(d, 1, 1, "", 1, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_ECANCELED);
	assert_false(drive_has(d, 2, 0, WEFT__MSG_HALT));
	drive_exited(d, tids[0], 0, 0);
	assert_true(drive_has(d, 2, 0, WEFT__MSG_HALT));
	drive_destroy(d);
}

static void an_idle_vm_goes_down_at_once(void **state)
{
	struct drive *d = drive_vm(2, 1);
	drive_send(d, 1, &stopping);
	assert_true(drive_has(d, 2, 0, WEFT__MSG_HALT));
	drive_destroy(d);
}

static void a_restarted_coordinator_remembers_it(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint64_t tids[1];
	uint32_t nodes[1];
	struct weft__buf snapshot = {0}, again = {0};
	struct coord *copy = NULL;
	assert_true(drive_spawn(d, 1, 1, "", 1, tids, nodes, NULL));
	drive_send(d, 2, &stopping);
	assert_int_equal(coord_save(d->c, &snapshot), 0);
	assert_int_equal(coord_create(&copy), 0);
	struct weft_error e;
	assert_int_equal(coord_replay(copy, snapshot.data + JOURNAL_FRAME, snapshot.len - JOURNAL_FRAME, &e), 0);
	assert_int_equal(coord_save(copy, &again), 0);
	assert_int_equal(snapshot.len, again.len);
	assert_memory_equal(snapshot.data, again.data, again.len);
	assert_string_equal(copy->stopped_by, "local2");
	weft__buf_fini(&snapshot);
	weft__buf_fini(&again);
	coord_destroy(&copy);
	drive_destroy(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_tasks_of_all_nodes_are_asked_to_end_once_and_tools_are_told),
	        cmocka_unit_test(nothing_new_is_started_and_the_last_job_takes_the_vm_down),
	        cmocka_unit_test(an_idle_vm_goes_down_at_once),
	        cmocka_unit_test(a_restarted_coordinator_remembers_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
