/* Nodes come, are silent, come back, are lost, are removed; the VM ends. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "coord/journal.h"
#include "coord/state.h"
#include "tests/coord/drive.h"

static void break_link(struct drive *d, uint64_t link)
{
	struct coord_event ev = {.kind = COORD_LINK_DOWN, .link = link};
	drive_event(d, &ev);
}

static size_t count_nodes(struct drive *d)
{
	struct coord_counts n;
	coord_count(d->c, &n);
	return n.nodes;
}

/* --- joining ------------------------------------------------------------------------------------------ */

static void home_joins_and_is_told_to_start_the_others(void **state)
{
	struct drive *d = drive_create(3);
	drive_join(d, 1, "home", 2, 0, 0);
	const struct weft__msg_joined *j = &drive_take(d, 1, 0, WEFT__MSG_JOINED)->joined;
	assert_int_equal(j->epoch, 1);
	assert_int_equal(j->seen, 0);
	assert_string_equal(j->vm.p, "test");
	for (uint64_t i = 2; i <= 3; i++) {
		const struct weft__msg_node_start *s = &drive_take(d, 1, 0, WEFT__MSG_NODE_START)->node_start;
		assert_int_equal(s->node, i);
		assert_int_equal(s->incarnation, i);
		assert_int_equal(s->kind, WEFT__ADD_LOCAL);
		assert_int_equal(s->key.n, 0); /* the shell's */
	}
	drive_destroy(d);
}

static void nodes_learn_of_each_other(void **state)
{
	struct drive *d = drive_create(2);
	drive_join(d, 1, "home", 2, 0, 0);
	drive_join(d, 2, "local2", 3, 0, 0);
	const struct weft__msg_peer *p = &drive_take(d, 1, 0, WEFT__MSG_PEER)->peer;
	assert_int_equal(p->node, 2);
	assert_int_equal(p->ncores, 3);
	assert_string_equal(p->address.p, "10.0.0.9"); /* where its link comes from */
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_PEER)->peer.node, 1);
	drive_destroy(d);
}

static void hello_is_answered_or_refused_with_both_versions(void **state)
{
	struct drive *d = drive_create(1);
	struct weft__msg m = {.code = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION, .release = weft__str("9.9"), .role = WEFT__ROLE_NODE}};
	drive_send(d, 1, &m);
	assert_string_equal(drive_take(d, 1, 0, WEFT__MSG_WELCOME)->welcome.vm.p, "test");
	m.hello.version = 77;
	drive_send(d, 1, &m);
	const struct weft__msg_refused *r = &drive_take(d, 1, 0, WEFT__MSG_REFUSED)->refused;
	assert_int_equal(r->code, WEFT_EVERSION);
	assert_non_null(strstr(r->text.p, "77"));
	assert_non_null(strstr(r->text.p, "9.9"));
	assert_int_equal(d->closed, 1);
	m.hello.version = WEFT__PROTO_VERSION;
	m.hello.role = WEFT__ROLE_TASK;
	drive_send(d, 1, &m);
	assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_REFUSED)->refused.code, WEFT_EDENIED);
	drive_destroy(d);
}

static void check_join_refused(struct drive *d, uint32_t node, uint64_t epoch, uint64_t seen, int code)
{
	uint32_t closed = d->closed;
	drive_join(d, node, "x", 1, epoch, seen);
	assert_int_equal(drive_take(d, node, 0, WEFT__MSG_REFUSED)->refused.code, code);
	assert_int_equal(d->closed, closed + 1);
}

static void who_does_not_belong_is_refused(void **state)
{
	struct drive *d = drive_vm(2, 1);
	check_join_refused(d, 7, 0, 0, WEFT_EFENCED); /* nobody knows it */
	break_link(d, 2);
	check_join_refused(d, 2, 5, 0, WEFT_EFENCED);    /* it follows a later coordinator */
	check_join_refused(d, 2, 1, 1000, WEFT_EFENCED); /* it has seen what was never sent */
	check_join_refused(d, 2, 0, 1, WEFT_EPROTO);
	drive_join(d, 2, "local2", 1, 1, d->seen[2]);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_JOINED)->joined.epoch, 1);
	struct weft__msg m = {.code = WEFT__MSG_JOIN, .join = {.node = 1, .incarnation = 1}};
	struct weft__buf b = {0};
	weft__msg_encode_body(&b, &m, NULL);
	struct coord_event ev = {.kind = COORD_MESSAGE, .link = 9, .node = 2, .incarnation = 2, .from = "",
	        .body = b.data, .nbytes = b.len};
	drive_event(d, &ev); /* node 2 says that it is node 1 */
	assert_int_equal(drive_take(d, 9, 0, WEFT__MSG_REFUSED)->refused.code, WEFT_EDENIED);
	weft__buf_fini(&b);
	drive_destroy(d);
}

static void bad_bytes_close_the_link_with_one_log_line(void **state)
{
	struct drive *d = drive_vm(2, 1);
	static const uint8_t bad[] = {0xdd, 5, 0, 0, 0};
	struct coord_event ev = {.kind = COORD_MESSAGE, .link = 2, .node = 2, .incarnation = 2, .from = "",
	        .body = bad, .nbytes = sizeof bad};
	drive_event(d, &ev);
	assert_int_equal(d->closed, 1);
	assert_non_null(strstr(d->log, "WEFT-NODE-SUSPECT")); /* after WEFT-COORD-PEER */
	ev.link = 3; /* a stranger who has not joined */
	drive_event(d, &ev);
	assert_int_equal(d->closed, 2);
	assert_non_null(strstr(d->log, "WEFT-COORD-PEER"));
	drive_destroy(d);
}

static void a_message_before_join_closes_the_link(void **state)
{
	struct drive *d = drive_create(1);
	drive_open(d, 1, 1, WEFT__ROLE_TOOL, 0);
	assert_int_equal(d->closed, 1);
	drive_destroy(d);
}

static void a_heartbeat_that_confirms_the_future_closes_the_link(void **state)
{
	struct drive *d = drive_vm(1, 1);
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_HEARTBEAT, .heartbeat = {.seq = 1, .seen = 1 << 20}});
	assert_int_equal(d->closed, 1);
	drive_destroy(d);
}

static void a_node_hears_which_of_its_heartbeats_has_come(void **state)
{
	struct drive *d = drive_vm(1, 1);
	drive_silence(d, 2 * COORD_HEARTBEAT_MS);
	while (drive_has(d, 1, 0, WEFT__MSG_HEARTBEAT))
		assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_HEARTBEAT)->heartbeat.heard, 0);
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_HEARTBEAT, .heartbeat = {.seq = 7, .seen = d->seen[1]}});
	drive_silence(d, 2 * COORD_HEARTBEAT_MS);
	assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_HEARTBEAT)->heartbeat.heard, 7);
	drive_destroy(d);
}

/* --- silence ------------------------------------------------------------------------------------------------ */

static void a_node_whose_link_breaks_can_come_back_and_nothing_has_happened(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint64_t tids[2];
	drive_spawn(d, 1, 1, "", 2, tids, NULL, NULL);
	uint64_t seen = d->seen[2];
	break_link(d, 2);
	drive_pass(d, COORD_SILENCE_MS - 500);
	drive_result(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_SIGNAL, .signal = {1, tids[1], 0, 10}}, NULL);
	assert_false(drive_has(d, 2, 0, WEFT__MSG_TASK_SIGNAL)); /* kept */
	drive_join(d, 2, "local2", 1, 1, seen - 1);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_LAUNCH)->launch.tids.p[0], tids[1]); /* it had not come */
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.signo, 10);
	drive_started(d, tids[0]);
	drive_started(d, tids[1]);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_SPAWNED)->spawned.code, 0);
	drive_destroy(d);
}

static void lose_node_2(struct drive *d)
{
	break_link(d, 2);
	drive_pass(d, COORD_SILENCE_MS + 1000);
}

static void a_lost_node_takes_its_tasks_and_clients_along(void **state)
{
	struct drive *d = drive_vm(3, 1);
	uint64_t tids[2];
	drive_spawn(d, 1, 1, "#2,#3", 2, tids, NULL, NULL);
	drive_started(d, tids[0]);
	drive_started(d, tids[1]);
	drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT);
	drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT);
	lose_node_2(d);
	const struct weft__msg_job_event *e = &drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT)->job_event;
	assert_int_equal(e->tid, tids[0]);
	assert_int_equal(e->flags, WEFT__EXIT_LOST);
	assert_int_equal(e->exit_code, -1);
	assert_int_equal(drive_take(d, 3, 0, WEFT__MSG_PEER_GONE)->peer_gone.lost, 1);
	assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_PEER_GONE)->peer_gone.node, 2);
	check_join_refused(d, 2, 1, 0, WEFT_EFENCED);
	drive_destroy(d);
}

static void a_node_that_is_silent_on_an_open_link_is_lost_too(void **state)
{
	struct drive *d = drive_vm(2, 1);
	drive_silence(d, COORD_SILENCE_MS - 250);
	assert_int_equal(count_nodes(d), 2);
	drive_silence(d, 750);
	assert_int_equal(count_nodes(d), 1); /* home has more patience */
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_REFUSED)->refused.code, WEFT_EFENCED);
	drive_destroy(d);
}

static void nobody_is_lost_because_the_coordinator_itself_stood_still(void **state)
{
	struct drive *d = drive_vm(2, 1);
	struct coord_event tick = {.kind = COORD_TICK};
	drive_pass(d, 1000);
	d->now_ms += 60000;
	drive_event(d, &tick);
	drive_silence(d, COORD_SILENCE_MS - 500);
	assert_int_equal(count_nodes(d), 2);
	drive_destroy(d);
}

static void a_daemon_that_restarts_keeps_its_tasks_and_loses_its_clients(void **state)
{
	struct drive *d = drive_vm(2, 4);
	uint64_t tids[3];
	drive_spawn(d, 1, 1, "#2", 3, tids, NULL, NULL);
	drive_started(d, tids[0]);
	drive_started(d, tids[1]);
	drive_open(d, 2, 1, WEFT__ROLE_TASK, tids[0]);
	drive_open(d, 2, 2, WEFT__ROLE_TASK, 0);
	drive_take(d, 2, 0, WEFT__MSG_CLIENT_ENROLLED);
	struct weft__msg join = {.code = WEFT__MSG_GROUP, .group = {1, WEFT__GROUP_JOIN, weft__str("g"), 0}};
	assert_int_equal(drive_result(d, 2, 1, &join, NULL), 0);
	drive_forget(d);
	break_link(d, 2);
	drive_join(d, 2, "local2", 4, 0, 0);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_JOINED)->joined.seen, 0);
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_PEER)->peer.node, 1);
	assert_false(drive_has(d, 2, 0, WEFT__MSG_LAUNCH)); /* whether it came is not known: never twice */
	drive_send(d, 2, &(struct weft__msg){.code = WEFT__MSG_HOSTED, .hosted = {.tid = tids[0], .pid = 5}});
	drive_send(d, 2, &(struct weft__msg){.code = WEFT__MSG_HOSTED, .hosted = {.tid = 999, .pid = 5}});
	drive_send(d, 2, &(struct weft__msg){.code = WEFT__MSG_INVENTORY_END, .inventory_end = {2}});
	assert_int_equal(drive_take(d, 2, 0, WEFT__MSG_TASK_SIGNAL)->task_signal.tid, 999);
	const struct weft__msg_spawned *s = &drive_take(d, 1, 1, WEFT__MSG_SPAWNED)->spawned;
	assert_int_equal(s->errors.p[0], 0);
	assert_int_equal(s->errors.p[1], 0);
	assert_int_equal(s->errors.p[2], -WEFT_ENONODE);
	struct coord_counts n;
	coord_count(d->c, &n);
	assert_int_equal(n.live_tasks, 1);
	assert_int_equal(n.clients, 1);
	assert_int_equal(n.members, 1); /* of the task that lives */
	drive_destroy(d);
}

static void what_a_crashed_daemon_may_not_have_launched_is_launched_again(void **state)
{
	struct drive *d = drive_vm(2, 4);
	uint64_t tids[3];
	uint32_t job = drive_spawn(d, 1, 1, "#2", 3, tids, NULL, NULL);
	for (int left = 2; left >= 0; left--) {
		struct weft__msg failed = {.code = WEFT__MSG_START_FAILED,
		                           .start_failed = {.tid = tids[left], .code = WEFT_ENOSPC, .text = weft__str("full")}};
		drive_send(d, 2, &failed);
		drive_forget(d);
		break_link(d, 2);
		struct weft__msg join = {.code = WEFT__MSG_JOIN,
		                         .join = {.node = 2, .incarnation = 2, .host = weft__str("local2"), .port = 1, .ncores = 4,
		                                  .release = weft__str("r"), .again = (uint64_t)(3 - left)}};
		drive_send(d, 2, &join);
		const struct weft__msg_launch *l = &drive_take(d, 2, 0, WEFT__MSG_LAUNCH)->launch;
		assert_int_equal(l->job, job);
		assert_int_equal(l->last, 1);
		assert_int_equal(l->tids.n, left);
		assert_int_equal(l->ranks.n, left);
		for (int i = 0; i < left; i++)
			assert_int_equal(l->tids.p[i], tids[i]);
		assert_false(drive_has(d, 2, 0, WEFT__MSG_LAUNCH));
		drive_send(d, 2, &(struct weft__msg){.code = WEFT__MSG_INVENTORY_END, .inventory_end = {2}});
		drive_send(d, 2, &(struct weft__msg){.code = WEFT__MSG_RESUME_END, .resume_end = {.again = (uint64_t)(3 - left)}});
	}
	drive_destroy(d);
}

/* --- adding and removing ------------------------------------------------------------------------------------- */

static void add(struct drive *d, uint64_t kind, const char *host, uint64_t count)
{
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_NODE_ADD, .node_add = {.req = 1, .kind = kind,
	        .host = weft__str(host), .count = count}});
}

static int added_code(struct drive *d)
{
	return (int)drive_take(d, 1, 1, WEFT__MSG_NODE_ADDED)->node_added.code;
}

static void each_added_node_is_answered(void **state)
{
	struct drive *d = drive_vm(1, 1);
	add(d, WEFT__ADD_LOCAL, "", 3);
	drive_join(d, 2, "local2", 1, 0, 0);
	const struct weft__msg_node_added *a = &drive_take(d, 1, 1, WEFT__MSG_NODE_ADDED)->node_added;
	assert_int_equal(a->code, 0);
	assert_int_equal(a->node, 2);
	assert_int_equal(a->left, 2);
	drive_send(d, 1,
	           &(struct weft__msg){.code = WEFT__MSG_NODE_FAILED,
	                               .node_failed = {.node = 3, .incarnation = 3, .code = WEFT_ENOFILE,
	                                       .text = weft__str("no weftd there")}});
	a = &drive_take(d, 1, 1, WEFT__MSG_NODE_ADDED)->node_added;
	assert_int_equal(a->code, WEFT_ENOFILE);
	assert_string_equal(a->text.p, "no weftd there");
	drive_pass(d, COORD_START_MS + 1000);
	a = &drive_take(d, 1, 1, WEFT__MSG_NODE_ADDED)->node_added;
	assert_int_equal(a->code, WEFT_ETIMEDOUT);
	assert_int_equal(a->left, 0);
	check_join_refused(d, 4, 0, 0, WEFT_EFENCED); /* too late */
	drive_destroy(d);
}

static void a_host_is_added_once_by_a_name_that_is_one(void **state)
{
	struct drive *d = drive_vm(1, 1);
	add(d, WEFT__ADD_SSH, "alpha", 1);
	const struct weft__msg_node_start *s = &drive_take(d, 1, 0, WEFT__MSG_NODE_START)->node_start;
	assert_string_equal(s->host.p, "alpha");
	add(d, WEFT__ADD_SSH, "alpha", 1);
	assert_int_equal(added_code(d), WEFT_EEXIST);
	static const char *const bad[] = {"", "-oProxyCommand=x", "a b", "a;b", "a,b"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		add(d, WEFT__ADD_SSH, bad[i], 1);
		assert_int_equal(added_code(d), WEFT_EINVAL);
	}
	add(d, WEFT__ADD_SSH, "beta", 2);
	assert_int_equal(added_code(d), WEFT_EINVAL);
	add(d, WEFT__ADD_LOCAL, "", 0);
	assert_int_equal(added_code(d), WEFT_EINVAL);
	add(d, WEFT__ADD_LOCAL, "", COORD_NODES_START);
	assert_int_equal(added_code(d), WEFT_EAGAIN);
	add(d, 0, "", 1);
	assert_int_equal(added_code(d), WEFT_EINVAL);
	drive_destroy(d);
}

static void a_call_from_node_to_node_is_passed_on_unless_that_one_has_gone(void **state)
{
	struct drive *d = drive_vm(3, 1);
	struct weft__msg call = {.code = WEFT__MSG_PEER_CALL, .peer_call = {.node = 3, .incarnation = 4}};
	drive_forget(d);
	drive_send(d, 2, &call); /* of another life */
	call.peer_call.node = 9;
	drive_send(d, 2, &call);
	call.peer_call = (struct weft__msg_peer_call){.node = 2, .incarnation = 2};
	drive_send(d, 2, &call); /* oneself */
	for (uint32_t node = 1; node <= 3; node++)
		assert_false(drive_has(d, node, 0, WEFT__MSG_PEER_CALL));
	call.peer_call = (struct weft__msg_peer_call){.node = 3, .incarnation = 3};
	drive_send(d, 2, &call);
	const struct weft__msg_peer_call *m = &drive_take(d, 3, 0, WEFT__MSG_PEER_CALL)->peer_call;
	assert_int_equal(m->node, 2);
	assert_int_equal(m->incarnation, 2);
	drive_destroy(d);
}

static void what_the_user_says_about_a_host_reaches_its_starter(void **state)
{
	struct drive *d = drive_vm(1, 1);
	drive_ask(d, 1, 1,
	          &(struct weft__msg){.code = WEFT__MSG_NODE_ADD,
	                              .node_add = {.req = 1,
	                                           .kind = WEFT__ADD_SSH,
	                                           .host = weft__str("alpha"),
	                                           .count = 1,
	                                           .login = weft__str("anna"),
	                                           .address = weft__str("10.1.1.1"),
	                                           .daemon = weft__str("$HOME/bin/weftd"),
	                                           .path = weft__str("$HOME/bin:/opt/bin"),
	                                           .wdir = weft__str("/tmp"),
	                                           .ports = weft__str("7000-7009"),
	                                           .slots = 3,
	                                           .speed = 500}});
	const struct weft__msg_node_start *s = &drive_take(d, 1, 0, WEFT__MSG_NODE_START)->node_start;
	assert_string_equal(s->login.p, "anna");
	assert_string_equal(s->address.p, "10.1.1.1");
	assert_string_equal(s->daemon.p, "$HOME/bin/weftd");
	assert_string_equal(s->path.p, "$HOME/bin:/opt/bin");
	assert_string_equal(s->wdir.p, "/tmp");
	assert_string_equal(s->ports.p, "7000-7009");
	drive_join(d, 2, "alpha", 64, 0, 0);
	assert_int_equal(added_code(d), 0);
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_LIST, .list = {.req = 2, .kind = WEFT__LIST_NODES}});
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_NODE_ROW)->node_row.slots, 0);
	const struct weft__msg_node_row *r = &drive_take(d, 1, 1, WEFT__MSG_NODE_ROW)->node_row;
	assert_int_equal(r->slots, 3);
	assert_int_equal(r->speed, 500);
	assert_int_equal(r->ncores, 64);
	drive_ask(d, 1, 1,
	          &(struct weft__msg){.code = WEFT__MSG_NODE_ADD,
	                              .node_add = {.req = 3, .kind = WEFT__ADD_SSH, .host = weft__str("beta"), .count = 1,
	                                           .login = weft__str("-oProxyCommand=x")}});
	assert_int_equal(added_code(d), WEFT_EINVAL);
	drive_destroy(d);
}

/* --- draining ----------------------------------------------------------------------------------------- */

static struct weft__msg set(uint64_t req, uint64_t node, uint64_t drain, uint64_t wait)
{
	return (struct weft__msg){.code = WEFT__MSG_NODE_SET,
	                          .node_set = {.req = req, .node = node, .drain = drain, .wait = wait}};
}

static void a_drained_node_gets_no_new_tasks_until_that_is_undone(void **state)
{
	struct drive *d = drive_vm(2, 2);
	struct weft__msg m = set(1, 2, WEFT__DRAIN_YES, 0);
	uint32_t nodes[4];
	int code;
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), 0);
	assert_true(drive_spawn(d, 1, 1, "", 4, NULL, nodes, NULL) > 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(nodes[i], 1);
	assert_int_equal(drive_spawn(d, 1, 1, "local2", 1, NULL, nodes, &code), 0);
	assert_int_equal(code, WEFT_ENONODE);
	m = set(1, 1, WEFT__DRAIN_YES, 0);
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), 0);
	assert_int_equal(drive_spawn(d, 1, 1, "", 1, NULL, nodes, &code), 0);
	assert_int_equal(code, WEFT_ENONODE);
	m = set(1, 2, WEFT__DRAIN_NO, 0);
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), 0);
	assert_true(drive_spawn(d, 1, 1, "", 1, NULL, nodes, NULL) > 0);
	assert_int_equal(nodes[0], 2);
	m = set(1, 9, WEFT__DRAIN_YES, 0);
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), WEFT_ENONODE);
	drive_destroy(d);
}

static void who_waits_for_a_drained_node_is_answered_when_its_last_task_has_ended(void **state)
{
	struct drive *d = drive_vm(2, 2);
	uint64_t tids[2];
	assert_true(drive_spawn(d, 1, 1, "local2", 2, tids, NULL, NULL) > 0);
	drive_started(d, tids[0]);
	drive_started(d, tids[1]);
	struct weft__msg m = set(7, 2, WEFT__DRAIN_YES, 1);
	drive_forget(d);
	drive_ask(d, 1, 1, &m);
	drive_exited(d, tids[0], 0, 0);
	assert_false(drive_has(d, 1, 1, WEFT__MSG_RESULT));
	drive_exited(d, tids[1], 0, 0);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_RESULT)->result.req, 7);
	assert_int_equal(drive_result(d, 1, 1, &m, NULL), 0); /* it is empty: at once */
	drive_destroy(d);
}

static void who_waits_for_a_drained_node_is_told_when_it_is_lost_or_taken_back(void **state)
{
	struct drive *d = drive_vm(2, 2);
	uint64_t tids[1];
	assert_true(drive_spawn(d, 1, 1, "local2", 1, tids, NULL, NULL) > 0);
	drive_started(d, tids[0]);
	struct weft__msg m = set(7, 2, WEFT__DRAIN_YES, 1), undo = set(8, 2, WEFT__DRAIN_NO, 0);
	drive_forget(d);
	drive_ask(d, 1, 1, &m);
	drive_ask(d, 1, 1, &undo);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_RESULT)->result.code, WEFT_ECANCELED);
	drive_forget(d);
	drive_ask(d, 1, 1, &m);
	break_link(d, 2);
	drive_pass(d, COORD_SILENCE_MS + 1000);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_RESULT)->result.code, WEFT_ENONODE);
	drive_destroy(d);
}

static int del(struct drive *d, uint64_t node)
{
	return drive_result(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_NODE_DEL, .node_del = {1, node}}, NULL);
}

static void a_removed_node_is_told_to_halt_and_the_answer_comes_when_it_is_gone(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint64_t tid;
	assert_int_equal(del(d, 9), WEFT_ENONODE);
	assert_int_equal(del(d, 1), WEFT_EDENIED);
	drive_spawn(d, 1, 1, "#2", 1, &tid, NULL, NULL);
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_NODE_DEL, .node_del = {1, 2}});
	drive_take(d, 2, 0, WEFT__MSG_HALT);
	assert_int_equal(drive_spawn(d, 1, 1, "#2", 1, NULL, NULL, NULL), 0);
	drive_exited(d, tid, -1, 9);
	assert_false(drive_has(d, 1, 1, WEFT__MSG_RESULT));
	break_link(d, 2);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_RESULT)->result.code, 0);
	assert_int_equal(drive_take(d, 1, 0, WEFT__MSG_PEER_GONE)->peer_gone.lost, 0);
	drive_destroy(d);
}

static void a_removed_node_that_hangs_is_given_up(void **state)
{
	struct drive *d = drive_vm(2, 1);
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_NODE_DEL, .node_del = {1, 2}});
	drive_pass(d, COORD_LEAVE_MS + 1000);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_RESULT)->result.code, 0);
	drive_destroy(d);
}

static void indexes_are_not_used_again(void **state)
{
	struct drive *d = drive_vm(2, 1);
	lose_node_2(d);
	add(d, WEFT__ADD_LOCAL, "", 1);
	const struct weft__msg_node_start *s = &drive_take(d, 1, 0, WEFT__MSG_NODE_START)->node_start;
	assert_int_equal(s->node, 3);
	assert_int_equal(s->incarnation, 3);
	drive_destroy(d);
}

static void indexes_that_are_free_are_used_again_when_all_have_been_used(void **state)
{
	struct drive *d = drive_vm(3, 1);
	uint64_t old, tid;
	drive_spawn(d, 1, 1, "#2", 1, &old, NULL, NULL);
	lose_node_2(d);
	d->c->next_index = WEFT__NODE_MAX + 1;
	add(d, WEFT__ADD_LOCAL, "", 1);
	const struct weft__msg_node_start *s = &drive_take(d, 1, 0, WEFT__MSG_NODE_START)->node_start;
	assert_int_equal(s->node, 2);
	assert_int_equal(s->incarnation, 4); /* so that the lost one is refused */
	struct weft__msg m = {.code = WEFT__MSG_JOIN, .join = {.node = 2, .incarnation = 4, .host = weft__str("again"), .ncores = 1}};
	struct weft__buf b = {0};
	weft__msg_encode_body(&b, &m, NULL);
	struct coord_event ev = {.kind = COORD_MESSAGE, .link = 9, .node = 2, .incarnation = 4, .from = "",
	        .body = b.data, .nbytes = b.len};
	drive_event(d, &ev);
	weft__buf_fini(&b);
	drive_spawn(d, 1, 1, "#2", 1, &tid, NULL, NULL);
	assert_int_not_equal(tid, old);
	drive_destroy(d);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void halt_ends_the_others_first_and_home_last(void **state)
{
	struct drive *d = drive_vm(3, 1);
	drive_ask(d, 1, 1, &(struct weft__msg){.code = WEFT__MSG_HALT, .halt = {5}});
	drive_take(d, 2, 0, WEFT__MSG_HALT);
	drive_take(d, 3, 0, WEFT__MSG_HALT);
	int code = 0;
	assert_int_equal(drive_spawn(d, 1, 1, "", 1, NULL, NULL, &code), 0);
	assert_int_equal(code, WEFT_ENOVM);
	break_link(d, 2);
	assert_false(drive_has(d, 1, 0, WEFT__MSG_HALT));
	break_link(d, 3);
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_RESULT)->result.req, 5);
	drive_take(d, 1, 0, WEFT__MSG_HALT);
	assert_true(d->stopped);
	drive_destroy(d);
}

static void a_tool_elsewhere_is_answered_before_its_node_halts(void **state)
{
	struct drive *d = drive_vm(2, 1);
	drive_open(d, 2, 8, WEFT__ROLE_TOOL, 0);
	assert_int_equal(drive_result(d, 2, 8, &(struct weft__msg){.code = WEFT__MSG_HALT, .halt = {5}}, NULL), 0);
	drive_take(d, 2, 0, WEFT__MSG_HALT);
	drive_pass(d, COORD_LEAVE_MS + 1000); /* it hangs */
	assert_true(d->stopped);
	drive_destroy(d);
}

static void the_vm_ends_with_its_owner(void **state)
{
	struct drive *d = drive_vm(1, 1);
	drive_send(d, 1,
	           &(struct weft__msg){.code = WEFT__MSG_CLIENT_OPEN,
	                               .client_open = {.client = 2, .role = WEFT__ROLE_TOOL, .name = weft__str("weft"), .owner = 1}});
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {1}});
	assert_false(d->stopped);
	drive_send(d, 1, &(struct weft__msg){.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {2}});
	assert_true(d->stopped);
	drive_destroy(d);
}

static void the_vm_ends_when_home_is_gone_for_the_orphan_time(void **state)
{
	struct drive *d = drive_vm(2, 1);
	break_link(d, 1);
	drive_pass(d, 59000);
	assert_false(d->stopped);
	assert_false(drive_has(d, 2, 0, WEFT__MSG_HALT));
	drive_pass(d, 2000);
	drive_take(d, 2, 0, WEFT__MSG_HALT);
	break_link(d, 2);
	assert_true(d->stopped);
	drive_destroy(d);
}

/* --- starting again -------------------------------------------------------------------------------------------- */

static struct coord *replayed(struct drive *d)
{
	struct coord *c;
	const uint8_t *body;
	size_t at = 0, n;
	assert_int_equal(coord_create(&c), 0);
	while (journal_next(d->journal.data, d->journal.len, &at, &body, &n, NULL) > 0)
		assert_int_equal(coord_replay(c, body, n, NULL), 0);
	return c;
}

static void a_restart_goes_on_where_the_journal_ends(void **state)
{
	struct drive *d = drive_vm(2, 1);
	uint64_t tids[2];
	drive_spawn(d, 1, 1, "", 2, tids, NULL, NULL);
	drive_started(d, tids[0]);
	uint64_t seen = d->seen[1];
	struct coord *again = replayed(d);
	coord_destroy(&d->c);
	d->c = again;
	struct coord_options o = {.vm = "other", .local_nodes = 9};
	struct coord_event start = {.kind = COORD_START, .options = &o};
	drive_event(d, &start);
	drive_join(d, 1, "home", 1, 1, seen - 1);
	const struct weft__msg_joined *j = &drive_take(d, 1, 0, WEFT__MSG_JOINED)->joined;
	assert_int_equal(j->epoch, 2);
	assert_int_equal(j->seen, 3); /* CLIENT_OPEN, SPAWN, STARTED */
	assert_string_equal(j->vm.p, "test");
	assert_int_equal(drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT)->job_event.tid, tids[0]);
	drive_take(d, 1, 1, WEFT__MSG_JOB_EVENT); /* the one that had not been confirmed comes again */
	drive_pass(d, COORD_SILENCE_MS + 1000);
	assert_int_equal(count_nodes(d), 2); /* node 2 has more time, as it was we who left */
	drive_pass(d, COORD_REJOIN_MS);
	assert_int_equal(count_nodes(d), 1);
	drive_destroy(d);
}

static void a_journal_that_does_not_fit_together_is_refused(void **state)
{
	struct drive *d = drive_vm(1, 1);
	struct coord *c;
	struct weft_error e = {0};
	const uint8_t *body;
	size_t at = 0, n, count = 0;
	assert_int_equal(coord_create(&c), 0);
	while (journal_next(d->journal.data, d->journal.len, &at, &body, &n, NULL) > 0)
		if (++count != 1) { /* the start is missing */
			assert_int_equal(coord_replay(c, body, n, &e), WEFT_EPROTO);
			break;
		}
	assert_non_null(strstr(e.text, "does not follow"));
	coord_destroy(&c);
	drive_destroy(d);
}

static void records_and_snapshots_of_any_bytes_do_no_harm(void **state)
{
	struct drive *d = drive_vm(2, 2);
	struct weft__buf snapshot = {0};
	uint64_t tids[3];
	drive_spawn(d, 1, 1, "", 3, tids, NULL, NULL);
	drive_open(d, 1, 5, WEFT__ROLE_TASK, tids[0]);
	struct weft__msg join = {.code = WEFT__MSG_GROUP, .group = {1, WEFT__GROUP_JOIN, weft__str("g"), 0}};
	drive_result(d, 1, 5, &join, NULL);
	drive_ask(d, 1, 5, &(struct weft__msg){.code = WEFT__MSG_NAME_GET, .name_get = {2, 1, weft__str("n")}});
	drive_ask(d, 1, 5, &(struct weft__msg){.code = WEFT__MSG_WAIT, .wait = {3, tids[1]}});
	assert_int_equal(coord_save(d->c, &snapshot), 0);
	uint8_t *body = snapshot.data + JOURNAL_FRAME;
	size_t nbytes = snapshot.len - JOURNAL_FRAME, refused = 0;
	for (size_t i = 0; i < nbytes * 3; i++) {
		struct coord *c;
		uint8_t before = body[i / 3];
		body[i / 3] = i % 3 == 0 ? 0xff : i % 3 == 1 ? 0 : (uint8_t)(before + 1);
		assert_int_equal(coord_create(&c), 0);
		refused += coord_replay(c, body, nbytes, NULL) != 0;
		coord_destroy(&c);
		body[i / 3] = before;
	}
	assert_true(refused > nbytes / 3);
	for (size_t cut = 0; cut < nbytes; cut++) {
		struct coord *c;
		assert_int_equal(coord_create(&c), 0);
		assert_int_equal(coord_replay(c, body, cut, NULL), WEFT_EPROTO);
		coord_destroy(&c);
	}
	weft__buf_fini(&snapshot);
	drive_destroy(d);
}

static void keys_are_labelled_the_same_from_both_sides(void **state)
{
	char a[COORD_LABEL_TEXT], b[COORD_LABEL_TEXT];
	struct coord_action to_1 = {.node = 1, .incarnation = 1}, to_3 = {.node = 3, .incarnation = 4};
	struct weft__msg about_3 = {.code = WEFT__MSG_PEER, .peer = {.node = 3, .incarnation = 4}};
	struct weft__msg about_1 = {.code = WEFT__MSG_PEER, .peer = {.node = 1, .incarnation = 1}};
	assert_true(coord_key_label(&to_1, &about_3, a));
	assert_true(coord_key_label(&to_3, &about_1, b));
	assert_string_equal(a, "pair 1 1 3 4");
	assert_string_equal(b, a);
	struct weft__msg start = {.code = WEFT__MSG_NODE_START, .node_start = {.node = 3, .incarnation = 4}};
	assert_true(coord_key_label(&to_1, &start, a));
	assert_string_equal(a, "node 3 4");
	assert_false(coord_key_label(&to_1, &(struct weft__msg){.code = WEFT__MSG_HALT}, a));
	struct weft__msg launch = {.code = WEFT__MSG_LAUNCH, .launch = {.job = 7, .size = 4, .tids = {.n = 3}}};
	assert_true(coord_key_label(&to_1, &launch, a));
	assert_string_equal(a, "job 7");
	launch.launch.tids.n = 4; /* all of the job */
	assert_false(coord_key_label(&to_1, &launch, a));
}

/* --- no memory ---------------------------------------------------------------------------------------------------- */

/* A little of everything, from the n-th allocation on without memory; true: it ran to its end. */
static bool live_a_little(unsigned long n)
{
	static const struct weft__str argv[] = {{"prog", 4}};
	struct weft__msg asks[] = {
	        {.code = WEFT__MSG_SPAWN, .spawn = {.req = 1, .flags = 1, .count = 3, .argv = {argv, 1}}},
	        {.code = WEFT__MSG_NAME_PUT, .name_put = {2, 0, weft__str("a"), {"v", 1}}},
	        {.code = WEFT__MSG_NAME_GET, .name_get = {3, 1, weft__str("b")}},
	        {.code = WEFT__MSG_NODE_ADD, .node_add = {.req = 4, .kind = WEFT__ADD_LOCAL, .host = weft__str(""), .count = 2}},
	        {.code = WEFT__MSG_GROUP, .group = {5, WEFT__GROUP_JOIN, weft__str("g"), 0}},
	        {.code = WEFT__MSG_GROUP, .group = {6, WEFT__GROUP_BARRIER, weft__str("g"), 2}},
	        {.code = WEFT__MSG_LIST, .list = {7, WEFT__LIST_NODES, 0, 0}},
	        {.code = WEFT__MSG_TASK_NAME, .task_name = {8, weft__str("me")}},
	};
	struct drive *d = drive_vm(1, 1);
	struct weft__buf bodies[sizeof asks / sizeof *asks] = {{0}};
	drive_open(d, 1, 2, WEFT__ROLE_TASK, 0);
	drive_forget(d);
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		struct weft__buf frame = {0};
		weft__msg_encode_body(&frame, &asks[i], NULL);
		struct weft__msg up = {.code = WEFT__MSG_UP, .up = {.client = 2, .frame = {frame.data, frame.len}}};
		weft__msg_encode_body(&bodies[i], &up, NULL);
		weft__buf_fini(&frame);
	}
	int rc = 0;
	struct coord_actions out = {0};
	weft__heap_fail_at(n);
	for (size_t i = 0; i < sizeof asks / sizeof *asks && !rc; i++) {
		struct coord_event ev = {.kind = COORD_MESSAGE, .link = 1, .node = 1, .incarnation = 1, .from = "", .now_ms = d->now_ms};
		ev.body = bodies[i].data;
		ev.nbytes = bodies[i].len;
		rc = coord_step(d->c, &ev, &out);
	}
	weft__heap_fail_at(0);
	assert_true(rc == 0 || rc == WEFT_ENOMEM);
	struct coord_event ev = {.kind = COORD_TICK};
	if (rc)
		assert_int_equal(coord_step(d->c, &ev, &out), WEFT_ENOMEM); /* and so it stays */
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
		weft__buf_fini(&bodies[i]);
	coord_actions_fini(&out);
	drive_destroy(d);
	return rc == 0;
}

static void every_allocation_may_fail(void **state)
{
	unsigned long n = 1;
	while (!live_a_little(n))
		n++;
	assert_in_range(n, 40, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(home_joins_and_is_told_to_start_the_others),
	        cmocka_unit_test(nodes_learn_of_each_other),
	        cmocka_unit_test(hello_is_answered_or_refused_with_both_versions),
	        cmocka_unit_test(who_does_not_belong_is_refused),
	        cmocka_unit_test(bad_bytes_close_the_link_with_one_log_line),
	        cmocka_unit_test(a_message_before_join_closes_the_link),
	        cmocka_unit_test(a_heartbeat_that_confirms_the_future_closes_the_link),
	        cmocka_unit_test(a_node_hears_which_of_its_heartbeats_has_come),
	        cmocka_unit_test(a_node_whose_link_breaks_can_come_back_and_nothing_has_happened),
	        cmocka_unit_test(a_lost_node_takes_its_tasks_and_clients_along),
	        cmocka_unit_test(a_node_that_is_silent_on_an_open_link_is_lost_too),
	        cmocka_unit_test(nobody_is_lost_because_the_coordinator_itself_stood_still),
	        cmocka_unit_test(a_daemon_that_restarts_keeps_its_tasks_and_loses_its_clients),
	        cmocka_unit_test(what_a_crashed_daemon_may_not_have_launched_is_launched_again),
	        cmocka_unit_test(each_added_node_is_answered),
	        cmocka_unit_test(a_host_is_added_once_by_a_name_that_is_one),
	        cmocka_unit_test(a_call_from_node_to_node_is_passed_on_unless_that_one_has_gone),
	        cmocka_unit_test(what_the_user_says_about_a_host_reaches_its_starter),
	        cmocka_unit_test(a_drained_node_gets_no_new_tasks_until_that_is_undone),
	        cmocka_unit_test(who_waits_for_a_drained_node_is_answered_when_its_last_task_has_ended),
	        cmocka_unit_test(who_waits_for_a_drained_node_is_told_when_it_is_lost_or_taken_back),
	        cmocka_unit_test(a_removed_node_is_told_to_halt_and_the_answer_comes_when_it_is_gone),
	        cmocka_unit_test(a_removed_node_that_hangs_is_given_up),
	        cmocka_unit_test(indexes_are_not_used_again),
	        cmocka_unit_test(indexes_that_are_free_are_used_again_when_all_have_been_used),
	        cmocka_unit_test(halt_ends_the_others_first_and_home_last),
	        cmocka_unit_test(a_tool_elsewhere_is_answered_before_its_node_halts),
	        cmocka_unit_test(the_vm_ends_with_its_owner),
	        cmocka_unit_test(the_vm_ends_when_home_is_gone_for_the_orphan_time),
	        cmocka_unit_test(a_restart_goes_on_where_the_journal_ends),
	        cmocka_unit_test(a_journal_that_does_not_fit_together_is_refused),
	        cmocka_unit_test(records_and_snapshots_of_any_bytes_do_no_harm),
	        cmocka_unit_test(keys_are_labelled_the_same_from_both_sides),
	        cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
