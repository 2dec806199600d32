/* weftd and another node, which the test plays: links between nodes, and introductions between them. Node 2 has
 * the address of the test's own port. Run as "test_peers task ..." it is a task of node 1.
 */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/heap.h"
#include "link/link.h"
#include "tests/node/actor.h"
#include "tests/node/rig.h"

enum { OTHER = 2, INCARNATION = 5, QUEUE_MAX = 64 };

/* The other node. */
struct other {
	struct rig rig;
	uv_loop_t loop;
	uv_timer_t limit, beats;
	bool over_limit;
	struct link_listener *listener;
	struct link *link; /* with weftd, whoever dialled */
	bool opened, closed;
	uint8_t key[LINK_KEY_BYTES];
	uint16_t port; /* weftd's */
	struct weft__buf queue[QUEUE_MAX];
	size_t nqueued, ntaken;
	struct weft__arena arena;
	struct link_token token;
	int socket; /* for a task */
	int socket_code;
	bool socket_done;
	bool ends_early; /* the other task has its end first, uses it, and ends */
};

/* --- the loop -------------------------------------------------------------------------------------- */

static void on_limit(uv_timer_t *timer)
{
	((struct other *)timer->data)->over_limit = true;
}

/* Runs the loop until the flag is set. */
static void until(struct other *o, const bool *flag)
{
	o->over_limit = false;
	uv_timer_start(&o->limit, on_limit, 10000, 0);
	while (!*flag && !o->over_limit)
		uv_run(&o->loop, UV_RUN_ONCE);
	uv_timer_stop(&o->limit);
	if (!*flag)
		fail_msg("it did not happen within 10 s");
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	((struct other *)arg)->opened = true;
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct other *o = arg;
	assert_true(o->nqueued < QUEUE_MAX);
	assert_int_equal(weft__buf_append(&o->queue[o->nqueued++], body, nbytes), 0);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct other *o = arg;
	if (o->link == l)
		o->link = NULL;
	o->closed = true;
}

static const struct link_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};

static void expect(struct other *o, enum weft__msg_code code, struct weft__msg *m)
{
	for (;;) {
		bool came = o->ntaken < o->nqueued;
		o->over_limit = false;
		uv_timer_start(&o->limit, on_limit, 10000, 0);
		while (!came && !o->over_limit) {
			uv_run(&o->loop, UV_RUN_ONCE);
			came = o->ntaken < o->nqueued;
		}
		uv_timer_stop(&o->limit);
		if (!came)
			fail_msg("%s did not come within 10 s", weft__msg_name(code));
		struct weft__buf *b = &o->queue[o->ntaken++];
		struct weft_error e = {0};
		if (weft__msg_decode(b->data, b->len, WEFT__ROLE_NODE, WEFT__ROLE_NODE, &o->arena, m, &e))
			fail_msg("%s", e.text);
		if (m->code == code)
			return;
	}
}

static int find_key(void *arg, const char *identity, uint8_t key[static LINK_KEY_BYTES])
{
	assert_string_equal(identity, "peer 1 1 2 5");
	memcpy(key, ((struct other *)arg)->key, LINK_KEY_BYTES);
	return 0;
}

static uint64_t their_tid(uint64_t local)
{
	return ((uint64_t)OTHER << WEFT__LOCAL_BITS) + local;
}

static int find_token(void *arg, struct link_token *token)
{
	struct other *o = arg;
	if (memcmp(token->bytes, o->token.bytes, LINK_TOKEN_BYTES / 2) != 0)
		return WEFT_EDENIED;
	if (o->ends_early) {
		struct weft__msg gone = {.code = WEFT__MSG_PEER_TASK_GONE, .peer_task_gone = {.tid = their_tid(1)}};
		assert_int_equal(link_send(o->link, &gone, NULL, 0), 0);
		poll(NULL, 0, 100); /* time for weftd to hear it; without, nothing is shown, and nothing fails */
	}
	*token = o->token;
	return 0;
}

static void on_task_socket(void *arg, const struct link_token *token, int fd, int code)
{
	struct other *o = arg;
	o->socket = fd;
	o->socket_code = code;
	o->socket_done = true;
}

static void on_dialled(void *arg, int fd, int code)
{
	on_task_socket(arg, NULL, fd, code);
}

static void on_tcp(void *arg, int fd, enum link_purpose purpose, const char *from)
{
	struct other *o = arg;
	if (purpose == LINK_TO_TASK) {
		assert_int_equal(link_accept_task(&o->loop, &fd, find_token, on_task_socket, o), 0);
		return;
	}
	assert_int_equal(purpose, LINK_TO_PEER);
	if (o->link)
		link_close(&o->link);
	assert_int_equal(link_accept(&o->loop, &fd, find_key, o, &handler, o, &o->link), 0);
}

/* --- set-up ------------------------------------------------------------------------------------------ */

static void introduce_node_at(struct other *o, const char *address, const char *others)
{
	struct weft__msg peer = {.code = WEFT__MSG_PEER,
	                         .peer = {.node = OTHER,
	                                  .incarnation = INCARNATION,
	                                  .host = weft__str("other"),
	                                  .address = weft__str(address),
	                                  .addresses = weft__str(others),
	                                  .port = link_listener_port(o->listener),
	                                  .ncores = 1,
	                                  .key = {o->key, sizeof o->key}}};
	fake_send(&o->rig.coord, &peer, -1);
}

/* A message that weftd answers, so that what was sent to it before has been taken. */
static void settle(struct other *o)
{
	struct fake tool = {0};
	rig_tool(&o->rig, &tool, NULL);
	fake_fini(&tool);
}

static int setup(void **state)
{
	struct other *o = calloc(1, sizeof *o);
	struct weft_error e;
	o->socket = -1;
	memset(o->key, 0x5a, sizeof o->key);
	rig_start(&o->rig, &(struct rig_options){0});
	o->port = o->rig.port;
	uv_loop_init(&o->loop);
	uv_timer_init(&o->loop, &o->limit);
	uv_timer_init(&o->loop, &o->beats);
	o->limit.data = o->beats.data = o;
	assert_int_equal(link_listen_tcp(&o->loop, "127.0.0.1", 0, 0, on_tcp, o, &o->listener, &e), 0);
	introduce_node_at(o, "127.0.0.1", "");
	settle(o);
	*state = o;
	return 0;
}

static int teardown(void **state)
{
	struct other *o = *state;
	if (o->link)
		link_close(&o->link);
	if (o->socket >= 0)
		close(o->socket);
	link_listener_close(&o->listener);
	uv_close((uv_handle_t *)&o->limit, NULL);
	uv_close((uv_handle_t *)&o->beats, NULL);
	uv_run(&o->loop, UV_RUN_DEFAULT);
	uv_loop_close(&o->loop);
	for (size_t i = 0; i < o->nqueued; i++)
		weft__buf_fini(&o->queue[i]);
	weft__arena_fini(&o->arena);
	rig_end(&o->rig);
	free(o);
	return 0;
}

static void dial(struct other *o)
{
	o->opened = o->closed = false;
	assert_int_equal(link_dial(&o->loop, "127.0.0.1", o->port, LINK_TO_PEER, "peer 2 5 1 1", o->key, &handler, o, &o->link),
	                 0);
	until(o, &o->opened);
}

static void on_beat(uv_timer_t *timer)
{
	struct other *o = timer->data;
	rig_beat(&o->rig, UINT64_MAX);
}

/* From now on the coordinator says, again and again, that it has told of all tasks that there are. */
static void tell_that_all_is_told(struct other *o)
{
	uv_timer_start(&o->beats, on_beat, 0, 5);
}

static void start_task(struct other *o, const char *steps)
{
	struct weft__msg m;
	rig_launch(&o->rig, &(struct rig_launch){.job = 1, .argv = {actor_program(), "task", steps}});
	fake_expect(&o->rig.coord, WEFT__MSG_STARTED, &m);
}

/* The task has ended well; what it printed is in the job's log. */
static void assert_task_said(struct other *o, const char *text)
{
	char path[128], said[256] = {0};
	struct weft__msg m;
	fake_expect(&o->rig.coord, WEFT__MSG_EXITED, &m);
	assert_int_equal(m.exited.exit_code, 0);
	snprintf(path, sizeof path, "%s/log/j1.log", o->rig.nodedir);
	uint64_t deadline = weft__deadline(20000);
	do { /* output may come after the exit */
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? 0 : read(fd, said, sizeof said - 1);
		said[n > 0 ? n : 0] = '\0';
		if (fd >= 0)
			close(fd);
	} while (strcmp(said, text) && weft__deadline_left_ms(deadline) && poll(NULL, 0, 5) == 0);
	assert_string_equal(said, text);
}

/* The daemon says goodbye to the other node, which must hear it. */
static void end(struct other *o)
{
	siginfo_t info = {0};
	uint64_t deadline = weft__deadline(10000);
	rig_send_halt(&o->rig);
	while (!info.si_pid && weft__deadline_left_ms(deadline)) {
		uv_run(&o->loop, UV_RUN_NOWAIT);
		waitid(P_PID, (id_t)o->rig.pid, &info, WEXITED | WNOHANG | WNOWAIT);
		poll(NULL, 0, 1);
	}
	rig_assert_gone(&o->rig, 0);
}

/* --- strangers ---------------------------------------------------------------------------------------- */

static void who_lacks_the_key_is_no_peer(void **state)
{
	struct other *o = *state;
	uint8_t wrong[LINK_KEY_BYTES] = {1};
	const char *identities[] = {"peer 2 5 1 1", "peer 2 4 1 1", "peer 3 1 1 1", "peer 2 5 1 2", "node 2 5", "nonsense"};
	for (size_t i = 0; i < 6; i++) {
		const uint8_t *key = i == 0 ? wrong : o->key;
		o->opened = o->closed = false;
		assert_int_equal(
		        link_dial(&o->loop, "127.0.0.1", o->port, LINK_TO_PEER, identities[i], key, &handler, o, &o->link), 0);
		until(o, &o->closed);
		assert_false(o->opened);
	}
	dial(o); /* and the true one is let in */
	end(o);
}

static void bad_bytes_close_the_link_and_nothing_else(void **state)
{
	struct other *o = *state;
	struct weft__msg wrong = {.code = WEFT__MSG_PEER_GONE, .peer_gone = {.node = 1}}; /* the coordinator's alone */
	struct weft__buf body = {0};
	assert_int_equal(weft__msg_encode_body(&body, &wrong, NULL), 0);
	dial(o);
	assert_int_equal(link_send_body(o->link, body.data, body.len), 0);
	until(o, &o->closed);
	dial(o);
	assert_int_equal(link_send_body(o->link, "\xdd\5\0\0\0", 5), 0);
	until(o, &o->closed);
	assert_int_equal(rig_logged(&o->rig, "WEFT-PEER-BAD"), 2);
	weft__buf_fini(&body);
	dial(o);
	end(o);
}

static void a_node_speaks_for_its_own_tasks_only(void **state)
{
	struct other *o = *state;
	uint8_t token[LINK_TOKEN_BYTES] = {0};
	uint64_t third = (UINT64_C(3) << WEFT__LOCAL_BITS) + 1;
	struct weft__msg m;
	dial(o);
	struct weft__msg forged[] = {
	        {.code = WEFT__MSG_PEER_TASK_GONE, .peer_task_gone = {.tid = third}},
	        {.code = WEFT__MSG_INTRO, .intro = {.low = 1, .high = rig_tid(1, 0), .token = {token, sizeof token}}},
	        {.code = WEFT__MSG_INTRO_WANTED, .intro_wanted = {.low = rig_tid(1, 0), .high = third}},
	        {.code = WEFT__MSG_INTRO_ANSWER, .intro_answer = {.low = rig_tid(1, 0), .high = third}},
	        {.code = WEFT__MSG_PEER_DOWN, .peer_down = {.client = 1, .frame = {"\x91\xcc", 2}}},
	        {.code = WEFT__MSG_PEER_UP, .peer_up = {.job = 1, .frame = {"", 0}}},
	};
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(link_send(o->link, &forged[i], NULL, 0), 0);
	/* What is right is answered: all before has been taken. */
	struct weft__msg ask = {.code = WEFT__MSG_INTRO_WANTED, .intro_wanted = {.low = rig_tid(1, 0), .high = their_tid(1)}};
	assert_int_equal(link_send(o->link, &ask, NULL, 0), 0);
	tell_that_all_is_told(o);
	expect(o, WEFT__MSG_INTRO_ANSWER, &m);
	assert_int_equal(m.intro_answer.code, WEFT_ENOTASK);
	assert_int_equal(rig_logged(&o->rig, "WEFT-PEER-BAD"), 6);
	end(o);
}

/* --- introductions -------------------------------------------------------------------------------------- */

/* weftd's task is the lower one: weftd dials. */
static void answer_intro(struct other *o, int code, struct weft__msg *m)
{
	expect(o, WEFT__MSG_INTRO, m);
	assert_int_equal(m->intro.low, rig_tid(1, 0));
	assert_int_equal(m->intro.high, their_tid(1));
	memcpy(o->token.bytes, m->intro.token.p, sizeof o->token.bytes);
	struct weft__msg answer = {.code = WEFT__MSG_INTRO_ANSWER,
	                           .intro_answer = {.low = rig_tid(1, 0), .high = their_tid(1), .code = code}};
	assert_int_equal(link_send(o->link, &answer, NULL, 0), 0);
}

static void a_task_here_asks_for_one_there(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	start_task(o, "h c#262145 w");
	answer_intro(o, 0, &m);
	until(o, &o->socket_done);
	assert_true(o->socket >= 0);
	assert_task_said(o, "channel 0 kind 2 side 0\n");
	expect(o, WEFT__MSG_PEER_TASK_GONE, &m); /* and its end is told */
	assert_int_equal(m.peer_task_gone.tid, rig_tid(1, 0));
	end(o);
}

static void a_task_there_that_ends_at_once_was_there(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	o->ends_early = true;
	start_task(o, "h c#262145 w g");
	answer_intro(o, 0, &m);
	until(o, &o->socket_done);
	assert_true(o->socket >= 0);
	assert_task_said(o, "channel 0 kind 2 side 0\ngone #262145\n");
	end(o);
}

static void a_task_there_that_ends_before_it_is_dialled_is_none(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	o->ends_early = true;
	start_task(o, "h c#262145 w");
	answer_intro(o, 0, &m);
	memset(&o->token, 0, sizeof o->token); /* what is shown is not known any more */
	struct weft__msg gone = {.code = WEFT__MSG_PEER_TASK_GONE, .peer_task_gone = {.tid = their_tid(1)}};
	assert_int_equal(link_send(o->link, &gone, NULL, 0), 0);
	until(o, &o->socket_done);
	assert_true(o->socket < 0);
	assert_task_said(o, "channel -3 kind 0 side 0\n");
	end(o);
}

static void a_task_there_asks_for_one_here(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	start_task(o, "s200 h w");
	dial(o);
	struct weft__msg ask = {.code = WEFT__MSG_INTRO_WANTED, .intro_wanted = {.low = rig_tid(1, 0), .high = their_tid(1)}};
	assert_int_equal(link_send(o->link, &ask, NULL, 0), 0);
	answer_intro(o, 0, &m); /* when it has enrolled */
	until(o, &o->socket_done);
	assert_task_said(o, "channel 0 kind 2 side 0\n");
	end(o);
}

static void a_refusal_there_is_told_here(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	start_task(o, "h c#262145 w");
	answer_intro(o, WEFT_ENOTASK, &m);
	assert_task_said(o, "channel -3 kind 0 side 0\n");
	end(o);
}

static void what_a_broken_link_took_is_asked_again(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	uint8_t first[LINK_TOKEN_BYTES];
	start_task(o, "h c#262145 w");
	expect(o, WEFT__MSG_INTRO, &m);
	memcpy(first, m.intro.token.p, sizeof first);
	link_close(&o->link);
	answer_intro(o, 0, &m);
	assert_memory_not_equal(first, o->token.bytes, sizeof first);
	until(o, &o->socket_done);
	assert_task_said(o, "channel 0 kind 2 side 0\n");
	end(o);
}

/* --- addresses ------------------------------------------------------------------------------------- */

static void of_several_addresses_the_one_that_answers_is_taken(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	introduce_node_at(o, "127.0.0.77", "127.0.0.78,[::1],127.0.0.1");
	settle(o);
	start_task(o, "h c#262145 w");
	answer_intro(o, 0, &m);
	until(o, &o->socket_done);
	assert_task_said(o, "channel 0 kind 2 side 0\n");
	end(o);
}

static void a_node_that_can_t_be_dialled_is_asked_to_dial(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	introduce_node_at(o, "127.0.0.77", "127.0.0.78");
	settle(o);
	start_task(o, "h c#262145 w");
	fake_expect(&o->rig.coord, WEFT__MSG_PEER_CALL, &m);
	assert_int_equal(m.peer_call.node, OTHER);
	assert_int_equal(m.peer_call.incarnation, INCARNATION);
	dial(o);
	answer_intro(o, 0, &m); /* what was to be said meanwhile comes */
	expect(o, WEFT__MSG_INTRO_TURN, &m);
	assert_int_equal(m.intro_turn.high, their_tid(1));
	assert_memory_not_equal(m.intro_turn.token.p, o->token.bytes, sizeof o->token.bytes);
	memcpy(o->token.bytes, m.intro_turn.token.p, sizeof o->token.bytes);
	assert_int_equal(link_dial_task(&o->loop, "127.0.0.1", o->port, &o->token, on_dialled, o), 0);
	until(o, &o->socket_done);
	assert_int_equal(o->socket_code, 0);
	assert_task_said(o, "channel 0 kind 2 side 0\n");
	end(o);
}

static void who_is_called_dials(void **state)
{
	struct other *o = *state;
	struct weft__msg call = {.code = WEFT__MSG_PEER_CALL, .peer_call = {.node = OTHER, .incarnation = INCARNATION + 1}};
	fake_send(&o->rig.coord, &call, -1); /* of another life: nothing happens */
	call.peer_call.incarnation = INCARNATION;
	fake_send(&o->rig.coord, &call, -1);
	until(o, &o->opened);
	end(o);
}

static void a_lost_node_answers_who_waits_for_it(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	start_task(o, "h c#262145 w c#262146 w");
	expect(o, WEFT__MSG_INTRO, &m);
	struct weft__msg gone = {.code = WEFT__MSG_PEER_GONE,
	                         .peer_gone = {.node = OTHER, .incarnation = INCARNATION, .lost = 1}};
	fake_send(&o->rig.coord, &gone, -1);
	assert_task_said(o, "channel -3 kind 0 side 0\nchannel -3 kind 0 side 0\n");
	assert_int_equal(rig_logged(&o->rig, "WEFT-NODE-LOST"), 1);
	end(o);
}

static void a_lost_node_ends_the_channels_with_it(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	start_task(o, "h c#262145 w g");
	answer_intro(o, 0, &m);
	until(o, &o->socket_done);
	struct weft__msg gone = {.code = WEFT__MSG_PEER_GONE,
	                         .peer_gone = {.node = OTHER, .incarnation = INCARNATION, .lost = 1}};
	settle(o);
	fake_send(&o->rig.coord, &gone, -1);
	assert_task_said(o, "channel 0 kind 2 side 0\ngone #262145\n");
	end(o);
}

/* weftd's task is the higher one when its tid is of a later generation: then the test dials. */
static uint64_t higher_tid(struct other *o)
{
	o->rig.generation = 1;
	return rig_tid(1, 0) | UINT64_C(1) << WEFT__SLOT_BITS;
}

static int dial_task(struct other *o, const struct link_token *token)
{
	o->socket_done = false;
	assert_int_equal(link_dial_task(&o->loop, "127.0.0.1", o->port, token, on_dialled, o), 0);
	until(o, &o->socket_done);
	return o->socket;
}

/* The other node's task 1 has a channel for ours, at this token. */
static void introduce(struct other *o, uint64_t high, const struct link_token *token)
{
	struct weft__msg intro = {
	        .code = WEFT__MSG_INTRO,
	        .intro = {.low = their_tid(1), .high = high, .token = {token->bytes, sizeof token->bytes}}};
	assert_int_equal(link_send(o->link, &intro, NULL, 0), 0);
}

static void a_token_serves_one_connection_and_no_guess(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	uint64_t high = higher_tid(o);
	struct link_token token, guess;
	memset(&token, 0x33, sizeof token);
	start_task(o, "h c#262145 w s300");
	expect(o, WEFT__MSG_INTRO_WANTED, &m);
	assert_int_equal(m.intro_wanted.low, their_tid(1));
	assert_int_equal(m.intro_wanted.high, high);
	introduce(o, high, &token);
	expect(o, WEFT__MSG_INTRO_ANSWER, &m);
	assert_int_equal(m.intro_answer.code, 0);
	guess = token;
	guess.bytes[LINK_TOKEN_BYTES / 2 - 1] ^= 1;
	assert_int_equal(dial_task(o, &guess), -1);
	int fd = dial_task(o, &token);
	assert_true(fd >= 0);
	assert_int_equal(dial_task(o, &token), -1);
	close(fd);
	assert_task_said(o, "channel 0 kind 2 side 1\n");
	end(o);
}

static void an_introduction_to_nobody_is_refused(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	struct link_token token = {{1}};
	uint64_t high = higher_tid(o);
	dial(o);
	introduce(o, high, &token);
	tell_that_all_is_told(o);
	expect(o, WEFT__MSG_INTRO_ANSWER, &m);
	assert_int_equal(m.intro_answer.code, WEFT_ENOTASK);
	uv_timer_stop(&o->beats);
	start_task(o, "s300"); /* ends without having enrolled */
	introduce(o, high, &token);
	expect(o, WEFT__MSG_PEER_TASK_GONE, &m);
	assert_int_equal(m.peer_task_gone.tid, high);
	end(o);
}

/* weftd has taken what was sent to it: it complains of the last of that. */
static void await_complaint(struct other *o)
{
	struct weft__msg forged = {.code = WEFT__MSG_PEER_TASK_GONE, .peer_task_gone = {.tid = 3}};
	uint64_t deadline = weft__deadline(10000);
	assert_int_equal(link_send(o->link, &forged, NULL, 0), 0);
	while (!rig_logged(&o->rig, "WEFT-PEER-BAD") && weft__deadline_left_ms(deadline)) {
		uv_run(&o->loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	}
	assert_int_equal(rig_logged(&o->rig, "WEFT-PEER-BAD"), 1);
}

static void who_is_faster_than_the_coordinator_waits_for_it(void **state)
{
	struct other *o = *state;
	struct weft__msg m;
	struct link_token token = {{1}};
	uint64_t high = higher_tid(o);
	dial(o);
	introduce(o, high, &token);
	await_complaint(o);
	rig_confirm(&o->rig); /* from before it had heard anything */
	start_task(o, "h w");
	expect(o, WEFT__MSG_INTRO_ANSWER, &m);
	assert_int_equal(m.intro_answer.code, 0);
	int fd = dial_task(o, &token);
	assert_true(fd >= 0);
	close(fd);
	assert_task_said(o, "channel 0 kind 2 side 1\n");
	end(o);
}

#define A_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "task"))
		return actor_main(argv);
	const struct CMUnitTest tests[] = {
	        A_TEST(who_lacks_the_key_is_no_peer),
	        A_TEST(bad_bytes_close_the_link_and_nothing_else),
	        A_TEST(a_node_speaks_for_its_own_tasks_only),
	        A_TEST(a_task_here_asks_for_one_there),
	        A_TEST(a_task_there_that_ends_at_once_was_there),
	        A_TEST(a_task_there_that_ends_before_it_is_dialled_is_none),
	        A_TEST(a_task_there_asks_for_one_here),
	        A_TEST(a_refusal_there_is_told_here),
	        A_TEST(what_a_broken_link_took_is_asked_again),
	        A_TEST(of_several_addresses_the_one_that_answers_is_taken),
	        A_TEST(a_node_that_can_t_be_dialled_is_asked_to_dial),
	        A_TEST(who_is_called_dials),
	        A_TEST(a_lost_node_answers_who_waits_for_it),
	        A_TEST(a_lost_node_ends_the_channels_with_it),
	        A_TEST(a_token_serves_one_connection_and_no_guess),
	        A_TEST(an_introduction_to_nobody_is_refused),
	        A_TEST(who_is_faster_than_the_coordinator_waits_for_it),
	};
	return cmocka_run_group_tests_name("peers", tests, NULL, NULL);
}
