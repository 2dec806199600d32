/* Exchanges of task VMs, what they spawn and name, and how they end a job. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/ids.h"
#include "coord/journal.h"
#include "tests/coord/drive.h"

enum { VM = 50, NODES = 3, TASKS = 6 };

/* Three nodes with two tasks of job `job` each, all running, and a task VM with client VM on each. */
struct world {
	struct drive *d;
	uint32_t job;
	uint64_t tids[TASKS];
	uint32_t nodes[TASKS];
};

static void open_vm(struct drive *d, uint32_t node, uint32_t client, uint32_t job)
{
	drive_send(d, node,
	           &(struct weft__msg){.code = WEFT__MSG_CLIENT_OPEN,
	                               .client_open = {.client = client, .role = WEFT__ROLE_TASKVM, .name = weft__str("vm"), .job = job}});
}

static int setup(void **state)
{
	struct world *w = weft__calloc(1, sizeof *w);
	int code;
	w->d = drive_vm(NODES, 2);
	w->job = drive_spawn(w->d, 1, 1, "", TASKS, w->tids, w->nodes, &code);
	for (size_t i = 0; i < TASKS; i++)
		drive_started(w->d, w->tids[i]);
	for (uint32_t node = 1; node <= NODES; node++)
		open_vm(w->d, node, VM, w->job);
	drive_forget(w->d);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	drive_destroy(w->d);
	weft__free(w);
	return 0;
}

static uint64_t member(uint32_t job, uint32_t node)
{
	return (uint64_t)job << WEFT__NODE_BITS | node;
}

static void give_some(struct drive *d, uint32_t node, uint64_t req, const char *name, const uint64_t *members, size_t n,
                      const void *bytes, size_t nbytes, bool more)
{
	drive_ask(d, node, VM,
	          &(struct weft__msg){.code = WEFT__MSG_EXCHANGE,
	                              .exchange = {.req = req,
	                                           .more = more,
	                                           .name = weft__str(name),
	                                           .members = {members, n},
	                                           .bytes = {bytes, nbytes}}});
}

static void give(struct drive *d, uint32_t node, uint64_t req, const char *text)
{
	give_some(d, node, req, "x", NULL, 0, text, strlen(text), false);
}

static const struct weft__msg_exchanged *take(struct drive *d, uint32_t node, uint64_t req, int code)
{
	const struct weft__msg_exchanged *m = &drive_take(d, node, VM, WEFT__MSG_EXCHANGED)->exchanged;
	assert_int_equal(m->req, req);
	assert_int_equal(m->code, code);
	return m;
}

static uint32_t u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* "1=a 2=bb " from what came, in its order. */
static const char *unpack(const struct weft__msg_exchanged *m, uint32_t job)
{
	static char text[256];
	const uint8_t *p = m->bytes.p, *end = p + m->bytes.n;
	size_t n = 0;
	assert_int_equal(m->total, m->bytes.n);
	while (p < end) {
		uint32_t length = u32(p + 8);
		assert_int_equal(u32(p), job);
		n += (size_t)snprintf(text + n, sizeof text - n, "%u=%.*s ", u32(p + 4), (int)length, (const char *)p + 12);
		p += 12 + length;
	}
	return text;
}

static void all_get_what_all_gave_in_the_order_of_nodes(void **state)
{
	struct world *w = *state;
	for (uint64_t round = 1; round <= 2; round++) { /* the name serves again */
		give(w->d, 3, 10 * round, "ccc");
		give(w->d, 1, 11 * round, "");
		assert_false(drive_has(w->d, 3, VM, WEFT__MSG_EXCHANGED));
		give(w->d, 2, 12 * round, "b");
		assert_string_equal(unpack(take(w->d, 3, 10 * round, 0), w->job), "1= 2=b 3=ccc ");
		assert_string_equal(unpack(take(w->d, 1, 11 * round, 0), w->job), "1= 2=b 3=ccc ");
		assert_string_equal(unpack(take(w->d, 2, 12 * round, 0), w->job), "1= 2=b 3=ccc ");
	}
	struct coord_counts n;
	coord_count(w->d->c, &n);
	assert_int_equal(n.exchanges, 0);
	assert_int_equal(n.exchange_bytes, 0);
}

static void only_those_who_are_named_take_part(void **state)
{
	struct world *w = *state;
	const uint64_t two[] = {member(w->job, 3), member(w->job, 1), member(w->job, 3)}, same[] = {member(w->job, 1), member(w->job, 3)};
	give(w->d, 2, 1, "whole"); /* the same name for all: another exchange */
	give_some(w->d, 2, 2, "x", two, 3, "b", 1, false);
	take(w->d, 2, 2, WEFT_EDENIED);
	give_some(w->d, 1, 3, "x", two, 3, "a", 1, false);
	give_some(w->d, 3, 4, "x", same, 2, "c", 1, false);
	assert_string_equal(unpack(take(w->d, 1, 3, 0), w->job), "1=a 3=c ");
	take(w->d, 3, 4, 0);
	assert_false(drive_has(w->d, 2, VM, WEFT__MSG_EXCHANGED));
}

static void two_gifts_of_one_are_one_too_many(void **state)
{
	struct world *w = *state;
	give(w->d, 1, 1, "a");
	give(w->d, 1, 2, "a");
	take(w->d, 1, 2, WEFT_EALREADY);
	give(w->d, 2, 1, "b");
	give(w->d, 3, 1, "c");
	assert_string_equal(unpack(take(w->d, 1, 1, 0), w->job), "1=a 2=b 3=c ");
}

static void large_gifts_come_and_go_in_pieces(void **state)
{
	enum { PIECE = 128 * 1024, PIECES = 5 };
	struct world *w = *state;
	uint8_t *bytes = weft__calloc(1, PIECE);
	const struct weft__msg_exchanged *m;
	for (uint32_t node = 1; node <= NODES; node++)
		for (int i = 0; i < PIECES; i++) {
			memset(bytes, (int)(16 * node) + i, PIECE);
			give_some(w->d, node, 7, i ? "" : "x", NULL, 0, bytes, PIECE, i < PIECES - 1);
		}
	uint64_t at = 0, total = NODES * (12 + (uint64_t)PIECES * PIECE);
	do {
		m = take(w->d, 2, 7, 0);
		assert_int_equal(m->offset, at);
		assert_int_equal(m->total, total);
		for (size_t i = 0; i < m->bytes.n; i += 997) {
			uint64_t in = (at + i) % (12 + (uint64_t)PIECES * PIECE);
			uint64_t node = 1 + (at + i) / (12 + (uint64_t)PIECES * PIECE);
			if (in >= 12)
				assert_int_equal(((const uint8_t *)m->bytes.p)[i], 16 * node + (in - 12) / PIECE);
		}
		at += m->bytes.n;
		assert_false(drive_has(w->d, 2, VM, WEFT__MSG_EXCHANGED)); /* the next one is asked for */
		drive_ask(w->d, 2, VM, &(struct weft__msg){.code = WEFT__MSG_EXCHANGE_READ, .exchange_read = {7, at}});
	} while (at < total);
	assert_false(drive_has(w->d, 2, VM, WEFT__MSG_EXCHANGED));
	weft__free(bytes);
}

static void too_much_ends_it_for_all(void **state)
{
	struct world *w = *state;
	const size_t piece = 128 * 1024;
	uint8_t *bytes = weft__calloc(1, piece);
	give(w->d, 1, 1, "a");
	for (int i = 0; i < 65; i++)
		give_some(w->d, 2, 2, i ? "" : "x", NULL, 0, bytes, piece, true);
	take(w->d, 1, 1, WEFT_ETOOBIG);
	take(w->d, 2, 2, WEFT_ETOOBIG);
	give_some(w->d, 2, 2, "", NULL, 0, bytes, piece, false); /* what was under way */
	assert_false(drive_has(w->d, 2, VM, WEFT__MSG_EXCHANGED));
	struct coord_counts n;
	coord_count(w->d->c, &n);
	assert_int_equal(n.exchanges, 0);
	weft__free(bytes);
}

static void it_fails_for_the_others_when_a_node_has_no_task_left(void **state)
{
	struct world *w = *state;
	give(w->d, 1, 1, "a");
	give(w->d, 2, 1, "b");
	uint32_t left = 0;
	for (size_t i = 0; i < TASKS; i++)
		if (w->nodes[i] == 3) {
			assert_false(drive_has(w->d, 1, VM, WEFT__MSG_EXCHANGED));
			drive_exited(w->d, w->tids[i], 0, 0);
			left++;
		}
	assert_int_equal(left, 2);
	assert_non_null(strstr(take(w->d, 1, 1, WEFT_ENOTASK)->text.p, "node 3"));
	take(w->d, 2, 1, WEFT_ENOTASK);
	give(w->d, 1, 2, "a"); /* it will never be any better */
	take(w->d, 1, 2, WEFT_ENOTASK);
}

static void who_has_given_may_go(void **state)
{
	struct world *w = *state;
	give(w->d, 3, 1, "c");
	for (size_t i = 0; i < TASKS; i++)
		if (w->nodes[i] == 3)
			drive_exited(w->d, w->tids[i], 0, 0);
	give(w->d, 1, 1, "a");
	give(w->d, 2, 1, "b");
	assert_string_equal(unpack(take(w->d, 1, 1, 0), w->job), "1=a 2=b 3=c ");
}

static void it_fails_when_a_task_vm_goes_or_its_node_is_lost(void **state)
{
	struct world *w = *state;
	give(w->d, 1, 1, "a");
	give(w->d, 2, 1, "b");
	drive_send(w->d, 2, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = VM}});
	take(w->d, 1, 1, WEFT_ENOTASK);
	const uint64_t two[] = {member(w->job, 1), member(w->job, 3)};
	give_some(w->d, 1, 2, "y", two, 2, "a", 1, false);
	struct coord_event down = {.kind = COORD_LINK_DOWN, .link = 3};
	drive_event(w->d, &down);
	for (int i = 0; i < 24; i++) {
		drive_pass(w->d, 250);
		if (drive_has(w->d, 1, VM, WEFT__MSG_EXCHANGED))
			break;
	}
	take(w->d, 1, 2, WEFT_ENOTASK);
}

static void a_replay_and_a_snapshot_know_it_all(void **state)
{
	struct world *w = *state;
	const uint64_t two[] = {member(w->job, 1), member(w->job, 2)};
	struct weft__buf first = {0}, second = {0};
	struct coord *replayed = NULL, *copy = NULL;
	const uint8_t *record;
	size_t n, at = 0;
	static uint8_t large[200 * 1024];
	give(w->d, 1, 1, "a");
	give_some(w->d, 2, 2, "x", NULL, 0, "b", 1, true);
	give_some(w->d, 1, 3, "y", two, 2, large, 100 * 1024, true);
	give_some(w->d, 1, 3, "", NULL, 0, large, 100 * 1024, false);
	give_some(w->d, 2, 4, "y", two, 2, "b", 1, false); /* complete, and too large for one piece */
	drive_ask(w->d, 1, VM,
	          &(struct weft__msg){.code = WEFT__MSG_NAME_PUT, .name_put = {9, 0, weft__str("n"), {"v", 1}}});
	assert_int_equal(coord_save(w->d->c, &first), 0);

	assert_int_equal(coord_create(&replayed), 0);
	while (journal_next(w->d->journal.data, w->d->journal.len, &at, &record, &n, NULL) == 1)
		assert_int_equal(coord_replay(replayed, record, n, NULL), 0);
	assert_int_equal(coord_save(replayed, &second), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);

	second.len = 0;
	assert_int_equal(coord_create(&copy), 0);
	assert_int_equal(coord_replay(copy, first.data + JOURNAL_FRAME, first.len - JOURNAL_FRAME, NULL), 0);
	assert_int_equal(coord_save(copy, &second), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	struct coord_counts counts;
	coord_count(copy, &counts);
	assert_int_equal(counts.exchanges, 2);
	coord_destroy(&replayed);
	coord_destroy(&copy);
	weft__buf_fini(&first);
	weft__buf_fini(&second);
}

static void names_go_with_the_task_vm_that_put_them(void **state)
{
	struct world *w = *state;
	struct weft__msg put = {.code = WEFT__MSG_NAME_PUT, .name_put = {1, 0, weft__str("port"), {"v", 1}}};
	struct weft__msg get = {.code = WEFT__MSG_NAME_GET, .name_get = {2, 0, weft__str("port")}};
	assert_int_equal(drive_result(w->d, 2, VM, &put, NULL), 0);
	drive_ask(w->d, 1, VM, &get);
	assert_int_equal(drive_take(w->d, 1, VM, WEFT__MSG_NAME_VALUE)->name_value.code, 0);
	drive_send(w->d, 2, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = VM}});
	drive_ask(w->d, 1, VM, &get);
	assert_int_equal(drive_take(w->d, 1, VM, WEFT__MSG_NAME_VALUE)->name_value.code, WEFT_ENOENT);
}

static struct weft__msg spawn_msg(uint64_t parent)
{
	static const struct weft__str program[] = {{"child", 5}};
	return (struct weft__msg){.code = WEFT__MSG_SPAWN,
	                          .spawn = {.req = 5,
	                                    .count = 2,
	                                    .argv = {program, 1},
	                                    .mpi = WEFT__MPI_MPICH,
	                                    .parent = parent,
	                                    .hosting = {"keys", 4}}};
}

/* Spawned by the task VM on the first task's node for that task; the new job. */
static uint32_t spawn_child(struct world *w)
{
	struct weft__msg m = spawn_msg(w->tids[0]);
	drive_ask(w->d, w->nodes[0], VM, &m);
	uint32_t job = 0;
	for (uint32_t node = 1; node <= NODES; node++)
		while (drive_has(w->d, node, 0, WEFT__MSG_LAUNCH)) {
			const struct weft__msg_launch *l = &drive_take(w->d, node, 0, WEFT__MSG_LAUNCH)->launch;
			assert_int_equal(l->parent, w->tids[0]);
			assert_int_equal(l->mpi, WEFT__MPI_MPICH);
			assert_int_equal(l->hosting.n, 4);
			assert_int_equal(l->universe, NODES * 2);
			job = (uint32_t)l->job;
			for (size_t i = 0; i < l->tids.n; i++)
				drive_started(w->d, l->tids.p[i]);
		}
	assert_int_not_equal(job, 0);
	return job;
}

static void a_task_vm_spawns_for_a_task_of_its_own(void **state)
{
	struct world *w = *state;
	uint32_t child = spawn_child(w);
	assert_int_not_equal(child, w->job);
	const struct weft__msg_spawned *s = &drive_take(w->d, w->nodes[0], VM, WEFT__MSG_SPAWNED)->spawned;
	assert_int_equal(s->code, 0);
	assert_int_equal(s->size, 2);
	uint32_t elsewhere = 0;
	while (w->nodes[elsewhere] == w->nodes[0])
		elsewhere++;
	struct weft__msg m = spawn_msg(w->tids[elsewhere]); /* the task of another */
	drive_ask(w->d, w->nodes[0], VM, &m);
	assert_int_equal(drive_take(w->d, w->nodes[0], VM, WEFT__MSG_SPAWNED)->spawned.code, WEFT_ENOTASK);
}

static void an_abort_ends_the_job_and_those_that_it_has_spawned_and_tells_why_once(void **state)
{
	struct world *w = *state;
	uint32_t child = spawn_child(w);
	drive_forget(w->d);
	struct weft__msg m = {.code = WEFT__MSG_JOB_ABORT, .job_abort = {w->tids[1], 7, weft__str("it said so")}};
	drive_ask(w->d, w->nodes[1], VM, &m);
	m.job_abort.text = weft__str("late");
	drive_ask(w->d, w->nodes[1], VM, &m);
	uint32_t killed = 0, killed_child = 0;
	for (uint32_t node = 1; node <= NODES; node++)
		while (drive_has(w->d, node, 0, WEFT__MSG_TASK_SIGNAL)) {
			const struct weft__msg_task_signal *s = &drive_take(w->d, node, 0, WEFT__MSG_TASK_SIGNAL)->task_signal;
			assert_int_equal(s->signo, 9);
			killed += s->job == w->job;
			killed_child += s->job == child;
		}
	assert_int_equal(killed, NODES);
	assert_int_not_equal(killed_child, 0);
	for (size_t i = 0; i < TASKS; i++)
		drive_exited(w->d, w->tids[i], -1, 9);
	drive_ask(w->d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_LIST, .list = {1, WEFT__LIST_JOBS, 0, 0}});
	const struct weft__msg_job_row *row;
	do
		row = &drive_take(w->d, 1, 1, WEFT__MSG_JOB_ROW)->job_row;
	while (row->job != w->job);
	assert_int_equal(row->exit_code, 7); /* not 137 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(all_get_what_all_gave_in_the_order_of_nodes, setup, teardown),
	        cmocka_unit_test_setup_teardown(only_those_who_are_named_take_part, setup, teardown),
	        cmocka_unit_test_setup_teardown(two_gifts_of_one_are_one_too_many, setup, teardown),
	        cmocka_unit_test_setup_teardown(large_gifts_come_and_go_in_pieces, setup, teardown),
	        cmocka_unit_test_setup_teardown(too_much_ends_it_for_all, setup, teardown),
	        cmocka_unit_test_setup_teardown(it_fails_for_the_others_when_a_node_has_no_task_left, setup, teardown),
	        cmocka_unit_test_setup_teardown(who_has_given_may_go, setup, teardown),
	        cmocka_unit_test_setup_teardown(it_fails_when_a_task_vm_goes_or_its_node_is_lost, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_replay_and_a_snapshot_know_it_all, setup, teardown),
	        cmocka_unit_test_setup_teardown(names_go_with_the_task_vm_that_put_them, setup, teardown),
	        cmocka_unit_test_setup_teardown(a_task_vm_spawns_for_a_task_of_its_own, setup, teardown),
	        cmocka_unit_test_setup_teardown(an_abort_ends_the_job_and_those_that_it_has_spawned_and_tells_why_once, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
