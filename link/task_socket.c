/* task_socket.c - a TCP connection that shows a token and then belongs to two tasks.
 *
 * Happy path: the dialer's node shows the token's first half after the preamble; the other node
 * finds the token, which thereby is used up, and answers the second half; both have the descriptor.
 *
 * Failure modes:
 * - The first half is unknown or used: the answer is zeros, and the connection ends (WEFT_EDENIED
 * on both sides).
 * - The second half is wrong: it is not the node that was meant, WEFT_EDENIED.
 * - Silence, a hang-up, too many at once: as everywhere, done says why within LINK_HANDSHAKE_MS.
 *
 * These sockets have no keep-alive and no time-out of their own: a task that is stopped is not
 * dead.
 */
#include "config.h"

#include "link/link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "link/dial.h"
#include "link/exchange.h"
#include "link/strangers.h"

enum { HALF = EXCHANGE_BYTES };
_Static_assert(2 * (int)HALF == (int)LINK_TOKEN_BYTES, "an exchange carries half a token");

/* In a time that does not depend on where they differ. */
static bool equal(const uint8_t a[static HALF], const uint8_t b[static HALF])
{
	volatile uint8_t differ = 0;
	for (size_t i = 0; i < HALF; i++)
		differ |= a[i] ^ b[i];
	return differ == 0;
}

/* --- dialing ------------------------------------------------------------------------------ */

struct caller {
	uv_loop_t *loop;
	struct dial *dial;
	struct exchange *x;
	uint64_t deadline_ms; /* on the loop's clock */
	struct link_token token;
	void (*done)(void *arg, int fd, int code);
	void *arg;
};

static void caller_end(struct caller *c, int fd, int code)
{
	void (*done)(void *arg, int fd, int code) = c->done;
	void *arg = c->arg;
	explicit_bzero(&c->token, sizeof c->token);
	weft__free(c);
	done(arg, fd, code);
}

static void on_answered(void *arg, int fd, const uint8_t in[EXCHANGE_BYTES],
                        const struct weft_error *e)
{
	struct caller *c = arg;
	if (fd >= 0 && !equal(in, c->token.bytes + HALF)) {
		close(fd);
		caller_end(c, -1, WEFT_EDENIED);
		return;
	}
	caller_end(c, fd, e->code);
}

static void on_dialled(void *arg, int fd, const struct weft_error *e)
{
	static const struct exchange_handler handler = {.done = on_answered};
	struct caller *c = arg;
	c->dial = NULL;
	if (fd < 0) {
		caller_end(c, -1, e->code);
		return;
	}
	uint64_t now = uv_now(c->loop);
	uint64_t left_ms = now < c->deadline_ms ? c->deadline_ms - now : 0;
	int rc = exchange_ask(c->loop, &fd, c->token.bytes, left_ms, &handler, c, &c->x);
	if (rc < 0)
		caller_end(c, -1, rc);
}

int link_dial_task(uv_loop_t *loop, const char *address, uint16_t port,
                   const struct link_token *token, void (*done)(void *arg, int fd, int code),
                   void *arg)
{
	struct caller *c = weft__calloc(1, sizeof *c);
	if (!c)
		return WEFT_ENOMEM;
	c->loop = loop;
	c->token = *token;
	c->done = done;
	c->arg = arg;
	int rc = dial_start(loop, address, port, LINK_TO_TASK, on_dialled, c, &c->dial);
	if (rc < 0) {
		weft__free(c);
		return rc;
	}
	c->deadline_ms = uv_now(loop) + LINK_HANDSHAKE_MS;
	return 0;
}

/* --- accepting ---------------------------------------------------------------------------- */

struct callee {
	struct stranger stranger;
	struct exchange *x;
	struct link_token token;
	int (*find)(void *arg, struct link_token *token);
	void (*done)(void *arg, const struct link_token *token, int fd, int code);
	void *arg;
};

static struct strangers callees;

static void callee_end(struct callee *c, int fd, int code)
{
	struct callee own = *c;
	strangers_leave(&c->stranger);
	explicit_bzero(&c->token, sizeof c->token);
	weft__free(c);
	own.done(own.arg, &own.token, fd, code);
	explicit_bzero(&own.token, sizeof own.token);
}

static void evict(struct stranger *s)
{
	struct callee *c = WEFT__CONTAINER(s, struct callee, stranger);
	exchange_expire(c->x, WEFT_ENOSPC, "too many connections that say nothing");
}

static int on_token(void *arg, const uint8_t in[EXCHANGE_BYTES], uint8_t out[EXCHANGE_BYTES],
                    bool *speak, struct weft_error *e)
{
	struct callee *c = arg;
	struct link_token token = {0};
	memcpy(token.bytes, in, HALF);
	int rc = c->find(c->arg, &token);
	if (rc == 0 && !equal(in, token.bytes))
		rc = WEFT_EDENIED;
	memset(out, 0, EXCHANGE_BYTES);
	if (rc < 0)
		return weft__err_set(e, WEFT_EDENIED, "unknown token");
	c->token = token;
	memcpy(out, token.bytes + HALF, HALF);
	return 0;
}

static void on_shown(void *arg, int fd, const uint8_t in[EXCHANGE_BYTES],
                     const struct weft_error *e)
{
	callee_end(arg, fd, e->code);
}

int link_accept_task(uv_loop_t *loop, int *fd, int (*find)(void *arg, struct link_token *token),
                     void (*done)(void *arg, const struct link_token *token, int fd, int code),
                     void *arg)
{
	static const struct exchange_handler handler = {.answer = on_token, .done = on_shown};
	struct callee *c = weft__calloc(1, sizeof *c);
	if (!c) {
		close(*fd);
		*fd = -1;
		return WEFT_ENOMEM;
	}
	int one = 1;
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->find = find;
	c->done = done;
	c->arg = arg;
	int rc = exchange_answer(loop, fd, LINK_HANDSHAKE_MS, &handler, c, &c->x);
	if (rc < 0) {
		weft__free(c);
		return rc;
	}
	strangers_enter(&callees, &c->stranger, evict);
	return 0;
}
