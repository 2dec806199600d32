/* Sockets for tasks: tokens, and dialling a node of another version. */
#include "config.h"

#include "party.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"

/* A node that waits for one token. */
struct node {
	uv_loop_t *loop;
	struct link_listener *ll;
	struct link_token token; /* used up when used is set */
	bool used, inside;       /* inside: a call of ours is under way, nothing may be told */
	int first_fault;         /* added to the first half that find gives back */
	unsigned nfound, ndone;
	int fd, code;
	struct link_token shown;
};

struct caller {
	unsigned ndone;
	int fd, code;
};

static int find(void *arg, struct link_token *token)
{
	struct node *n = arg;
	n->nfound++;
	if (n->used || memcmp(token->bytes, n->token.bytes, LINK_TOKEN_BYTES / 2) != 0)
		return WEFT_ENOENT;
	*token = n->token;
	token->bytes[3] = (uint8_t)(token->bytes[3] + n->first_fault);
	n->used = true;
	return 0;
}

static void on_accepted_done(void *arg, const struct link_token *token, int fd, int code)
{
	struct node *n = arg;
	assert_false(n->inside);
	assert_true(fd >= 0 ? code == 0 : code < 0);
	n->ndone++;
	n->code = code;
	n->shown = *token;
	if (n->fd >= 0)
		close(n->fd);
	n->fd = fd;
}

static void on_dialled(void *arg, int fd, int code)
{
	struct caller *c = arg;
	assert_true(fd >= 0 ? code == 0 : code < 0);
	c->ndone++;
	c->fd = fd;
	c->code = code;
}

static void on_accepted(void *arg, int fd, enum link_purpose purpose, const char *from)
{
	struct node *n = arg;
	assert_int_equal(purpose, LINK_TO_TASK);
	n->inside = true;
	link_accept_task(n->loop, &fd, find, on_accepted_done, n);
	n->inside = false;
	assert_int_equal(fd, -1);
}

static void open_node(struct stage *s, struct node *n)
{
	*n = (struct node){.loop = &s->loop, .fd = -1};
	for (unsigned i = 0; i < LINK_TOKEN_BYTES; i++)
		n->token.bytes[i] = (uint8_t)(i * 37 + 5);
	assert_int_equal(link_listen_tcp(&s->loop, "127.0.0.1", 0, 0, on_accepted, n, &n->ll, NULL),
	                 0);
}

static void close_node(struct node *n)
{
	if (n->fd >= 0)
		close(n->fd);
	link_listener_close(&n->ll);
}

static void dial(struct node *n, struct caller *c, const struct link_token *token)
{
	*c = (struct caller){.fd = -1};
	assert_int_equal(link_dial_task(n->loop, "127.0.0.1", link_listener_port(n->ll), token,
	                                on_dialled, c),
	                 0);
	assert_int_equal(c->ndone, 0);
}

static const uint8_t preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_TASK};

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t size = sizeof value;
	assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
	return value;
}

static void both_nodes_get_an_end_that_carries_bytes(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct caller c;
	char bytes[8];
	open_node(s, &n);
	dial(&n, &c, &n.token);
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_true(run_until(&s->loop, &n.ndone, 1));
	assert_int_equal(c.code, 0);
	assert_int_equal(n.code, 0);
	assert_memory_equal(n.shown.bytes, n.token.bytes, LINK_TOKEN_BYTES);
	assert_int_equal(send(c.fd, "ping", 4, 0), 4);
	assert_int_equal(send(n.fd, "pong!", 5, 0), 5);
	run_for(&s->loop, 5);
	assert_int_equal(recv(n.fd, bytes, sizeof bytes, MSG_DONTWAIT), 4);
	assert_int_equal(recv(c.fd, bytes, sizeof bytes, MSG_DONTWAIT), 5);
	const int ends[] = {c.fd, n.fd};
	for (int i = 0; i < 2;
	     i++) { /* small messages go at once; a stopped task is not a dead one */
		assert_true(option(ends[i], IPPROTO_TCP, TCP_NODELAY));
		assert_false(option(ends[i], SOL_SOCKET, SO_KEEPALIVE));
		assert_int_equal(option(ends[i], IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
	}
	close(c.fd);
	close_node(&n);
}

static void bytes_behind_the_token_are_the_tasks(void **state)
{
	struct stage *s = *state;
	struct node n;
	uint8_t bytes[16 + 16 + 5], answer[32];
	open_node(s, &n);
	memcpy(bytes, preamble, 16);
	memcpy(bytes + 16, n.token.bytes, 16);
	memcpy(bytes + 32, "early", 5);
	int fd = connect_raw(link_listener_port(n.ll));
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL), sizeof bytes);
	assert_true(run_until(&s->loop, &n.ndone, 1));
	assert_int_equal(recv(n.fd, bytes, sizeof bytes, MSG_DONTWAIT), 5);
	assert_memory_equal(bytes, "early", 5);
	assert_int_equal(recv(fd, answer, sizeof answer, 0), 32);
	assert_memory_equal(answer + 16, n.token.bytes + 16, 16);
	close(fd);
	close_node(&n);
}

static void a_wrong_token_is_refused_on_both_sides(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct caller c;
	open_node(s, &n);
	struct link_token wrong = n.token;
	wrong.bytes[15] ^= 1;
	dial(&n, &c, &wrong);
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_true(run_until(&s->loop, &n.ndone, 1));
	assert_int_equal(c.code, WEFT_EDENIED);
	assert_int_equal(n.code, WEFT_EDENIED);
	assert_false(n.used);
	close_node(&n);
}

static void a_token_serves_one_connection(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct caller first, second;
	open_node(s, &n);
	dial(&n, &first, &n.token);
	assert_true(run_until(&s->loop, &first.ndone, 1));
	dial(&n, &second, &n.token);
	assert_true(run_until(&s->loop, &second.ndone, 1));
	assert_true(run_until(&s->loop, &n.ndone, 2));
	assert_int_equal(first.code, 0);
	assert_int_equal(second.code, WEFT_EDENIED);
	assert_int_equal(n.code, WEFT_EDENIED);
	close(first.fd);
	close_node(&n);
}

static void an_acceptor_without_the_second_half_is_refused(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct caller c;
	open_node(s, &n);
	struct link_token expected = n.token;
	expected.bytes[LINK_TOKEN_BYTES - 1] ^= 0x80;
	dial(&n, &c, &expected);
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_true(run_until(&s->loop, &n.ndone, 1));
	assert_int_equal(c.code, WEFT_EDENIED);
	close_node(&n);
}

static void a_token_that_was_looked_up_carelessly_is_checked_again(void **state)
{
	struct stage *s = *state;
	struct node n;
	struct caller c;
	open_node(s, &n);
	n.first_fault = 1;
	dial(&n, &c, &n.token);
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_true(run_until(&s->loop, &n.ndone, 1));
	assert_int_equal(c.code, WEFT_EDENIED);
	assert_int_equal(n.code, WEFT_EDENIED);
	close_node(&n);
}

static void a_dialer_that_shows_nothing_is_dropped_after_five_seconds(void **state)
{
	struct stage *s = *state;
	struct node n;
	open_node(s, &n);
	int fd = connect_raw(link_listener_port(n.ll));
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, preamble, 16, MSG_NOSIGNAL), 16);
	uint64_t start = now_ms();
	assert_true(run_until(&s->loop, &n.ndone, 1));
	assert_in_range(now_ms() - start, 4500, 7000);
	assert_int_equal(n.code, WEFT_ETIMEDOUT);
	assert_int_equal(n.nfound, 0);
	expect_eof(&s->loop, fd);
	close_node(&n);
}

static void dialers_beyond_64_push_the_oldest_out(void **state)
{
	enum { N = 66 };
	struct stage *s = *state;
	struct node n;
	struct caller c;
	int fds[N];
	open_node(s, &n);
	for (int i = 0; i < N; i++) {
		fds[i] = connect_raw(link_listener_port(n.ll));
		run_for(&s->loop, 2);
		assert_int_equal(send(fds[i], preamble, 16, MSG_NOSIGNAL), 16);
		run_for(&s->loop, 2);
	}
	assert_true(run_until(&s->loop, &n.ndone, N - 64));
	assert_int_equal(n.ndone, N - 64);
	assert_int_equal(n.code, WEFT_ENOSPC);
	dial(&n, &c, &n.token);
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_int_equal(c.code, 0);
	close(c.fd);
	for (int i = 0; i < N; i++)
		close(fds[i]);
	assert_true(run_until(&s->loop, &n.ndone, N + 1)); /* the rest hung up, and one succeeded */
	close_node(&n);
}

static void the_peer_may_hang_up_at_any_moment(void **state)
{
	struct stage *s = *state;
	for (unsigned nbytes = 0; nbytes < 32; nbytes += 4) { /* of preamble and token */
		struct node n;
		uint8_t bytes[32];
		open_node(s, &n);
		memcpy(bytes, preamble, 16);
		memcpy(bytes + 16, n.token.bytes, 16);
		int fd = connect_raw(link_listener_port(n.ll));
		run_for(&s->loop, 2);
		if (nbytes > 0)
			assert_int_equal(send(fd, bytes, nbytes, MSG_NOSIGNAL), nbytes);
		run_for(&s->loop, 2);
		close(fd);
		for (int i = 0; i < 500 && link_listener_refused(n.ll) + n.ndone == 0; i++)
			run_for(&s->loop, 2);
		assert_int_equal(link_listener_refused(n.ll), nbytes < 16);
		assert_int_equal(n.ndone, nbytes >= 16);
		assert_int_equal(n.fd, -1);
		close_node(&n);
	}
	for (unsigned turns = 0; turns < 10; turns++) { /* and the side that listens */
		struct node n;
		struct caller c;
		open_node(s, &n);
		dial(&n, &c, &n.token);
		for (unsigned i = 0; i < turns; i++)
			uv_run(&s->loop, UV_RUN_NOWAIT);
		close_node(&n);
		n.fd = -1;
		assert_true(run_until(&s->loop, &c.ndone, 1));
		if (c.fd >= 0)
			close(c.fd);
		run_for(&s->loop, 5);
		if (n.fd >= 0)
			close(n.fd);
	}
}

/* --- the other version -------------------------------------------------------------------- */

/* A dialer meets an acceptor that answers with these bytes. */
static void expect_judgement(struct stage *s, const uint8_t *answer, size_t nbytes, int code,
                             const char *word)
{
	static const uint8_t key[LINK_KEY_BYTES];
	uint16_t port;
	struct party p = {0};
	struct caller c = {.fd = -1};
	int listener = listen_raw(4, &port);
	assert_int_equal(link_dial_task(&s->loop, "127.0.0.1", port, &(struct link_token){0},
	                                on_dialled, &c),
	                 0);
	assert_int_equal(link_dial(&s->loop, "127.0.0.1", port, LINK_TO_PEER, "me", key,
	                           &party_handler, &p, &p.l),
	                 0);
	for (int i = 0; i < 2; i++) {
		int fd = -1;
		for (int turn = 0; turn < 500 && fd < 0; turn++) {
			run_for(&s->loop, 1);
			fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		}
		assert_true(fd >= 0);
		if (nbytes > 0)
			assert_int_equal(send(fd, answer, nbytes, MSG_NOSIGNAL), nbytes);
		shutdown(fd, SHUT_WR);
		run_for(&s->loop, 10);
		close(fd);
	}
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_int_equal(c.code, code);
	assert_int_equal(p.code, code);
	if (!strstr(p.text, word))
		fail_msg("no \"%s\" in \"%s\"", word, p.text);
	close(listener);
	party_fini(&p);
}

static void an_acceptor_that_is_not_ours_is_told_in_words(void **state)
{
	struct stage *s = *state;
	char word[64];
	uint8_t answer[16] = {'W', 'E', 'F', 'T', 77, LINK_TO_PEER, 2, 0, '9', '.', '8', '.', '7'};
	expect_judgement(s, answer, 16, WEFT_EVERSION, "Weft 9.8.7 (protocol 77)");
	snprintf(word, sizeof word, "this is Weft %.20s (protocol %d)", PACKAGE_VERSION,
	         WEFT__PROTO_VERSION);
	expect_judgement(s, answer, 16, WEFT_EVERSION, word);
	memset(answer + 8, '\n', 8);
	expect_judgement(s, answer, 16, WEFT_EVERSION, "Weft ???????? (protocol 77)");
	answer[4] = WEFT__PROTO_VERSION;
	answer[6] = 3;
	expect_judgement(s, answer, 16, WEFT_EDENIED, "refused the connection");
	answer[6] = 0; /* our own question come back */
	expect_judgement(s, answer, 16, WEFT_EDENIED, "refused the connection");
	expect_judgement(s, answer, 9, WEFT_ECLOSED, "hung up after 9 of 16 bytes");
	expect_judgement(s, answer, 0, WEFT_ECLOSED, "hung up after 0 of 16 bytes");
	expect_judgement(s, (const uint8_t *)"HTTP/1.1 400 Bad", 16, WEFT_EPROTO, "not Weft");
}

static void an_acceptor_that_is_silent_is_given_up_after_five_seconds(void **state)
{
	struct stage *s = *state;
	uint16_t port;
	struct caller c = {.fd = -1};
	int listener = listen_raw(4, &port);
	uint64_t start = now_ms();
	assert_int_equal(link_dial_task(&s->loop, "127.0.0.1", port, &(struct link_token){0},
	                                on_dialled, &c),
	                 0);
	assert_true(run_until(&s->loop, &c.ndone, 1));
	assert_in_range(now_ms() - start, 4500, 7000);
	assert_int_equal(c.code, WEFT_ETIMEDOUT);
	close(listener);
}

static void every_allocation_may_fail(void **state)
{
	struct stage *s = *state;
	for (unsigned long i = 1; i < 50; i++) {
		struct node n;
		struct caller c = {.fd = -1};
		open_node(s, &n);
		weft__heap_fail_at(i);
		int rc = link_dial_task(&s->loop, "127.0.0.1", link_listener_port(n.ll), &n.token,
		                        on_dialled, &c);
		for (int turn = 0; rc == 0 && turn < 500 && c.ndone == 0; turn++)
			run_for(&s->loop, 2);
		weft__heap_fail_at(0);
		assert_true(rc == 0 || rc == WEFT_ENOMEM);
		assert_int_equal(c.ndone, rc == 0);
		run_for(&s->loop, 5);
		close_node(&n);
		if (c.fd >= 0) {
			close(c.fd);
			assert_true(i > 5);
			return;
		}
	}
	fail_msg("the allocations never end");
}

int main(void)
{
	weft__log_open(2, WEFT__LOG_ERROR, "test");
	const struct CMUnitTest tests[] = {
	        STAGED(both_nodes_get_an_end_that_carries_bytes),
	        STAGED(bytes_behind_the_token_are_the_tasks),
	        STAGED(a_wrong_token_is_refused_on_both_sides),
	        STAGED(a_token_serves_one_connection),
	        STAGED(an_acceptor_without_the_second_half_is_refused),
	        STAGED(a_token_that_was_looked_up_carelessly_is_checked_again),
	        STAGED(a_dialer_that_shows_nothing_is_dropped_after_five_seconds),
	        STAGED(dialers_beyond_64_push_the_oldest_out),
	        STAGED(the_peer_may_hang_up_at_any_moment),
	        STAGED(an_acceptor_that_is_not_ours_is_told_in_words),
	        STAGED(an_acceptor_that_is_silent_is_given_up_after_five_seconds),
	        STAGED(every_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("task sockets", tests, NULL, NULL);
}
