/* exchange.c - 16 bytes each way.
 *
 * Happy path: the side that asks sends its bytes and waits for 16; the side that answers waits for
 * 16 and sends its own; each then hands the descriptor on.
 *
 * Failure modes: the peer says nothing or stops in the middle (the timer ends it), hangs up,
 * resets; the answering side does not like what came: it may still say so in its 16 bytes, and
 * hangs up. In all of these the descriptor is closed and done says why.
 */
#include "config.h"

#include "link/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"

struct exchange {
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned nhandles; /* live handles; the struct is freed with the last */
	int fd;            /* -1: handed on or closed */
	bool answers;      /* reads first */
	bool judged;       /* handler->answer has been asked */
	size_t nin;        /* of in, that came */
	size_t nout;       /* of out, that have gone */
	size_t nout_due;   /* of out, to send */
	uint8_t in[EXCHANGE_BYTES], out[EXCHANGE_BYTES];
	struct weft_error error; /* what the answering side did not like */
	const struct exchange_handler *handler;
	void *arg;
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct exchange *x = handle->data;
	if (--x->nhandles == 0)
		weft__free(x);
}

/* Returns the descriptor, which is the caller's from now on. */
static int dismantle(struct exchange *x)
{
	int fd = x->fd;
	x->fd = -1;
	uv_close((uv_handle_t *)&x->poll, on_handle_closed);
	uv_close((uv_handle_t *)&x->timer, on_handle_closed);
	return fd;
}

static void give_up(struct exchange *x)
{
	close(dismantle(x));
	x->handler->done(x->arg, -1, x->in, &x->error);
}

static void on_timer(uv_timer_t *timer)
{
	struct exchange *x = timer->data;
	if (x->error.code == 0)
		weft__err_set(&x->error, WEFT_ETIMEDOUT,
		              "the peer was silent (%zu of %d bytes came)", x->nin, EXCHANGE_BYTES);
	give_up(x);
}

enum progress { PROGRESS_SOME, PROGRESS_NONE, PROGRESS_BROKEN };

/* Some bytes more in or out. When it broke x->error says why; an answering side's refusal stays. */
static enum progress advance(struct exchange *x, bool reads)
{
	struct weft_error e = {0};
	ssize_t n;
	if (reads)
		n = recv(x->fd, x->in + x->nin, EXCHANGE_BYTES - x->nin, MSG_DONTWAIT);
	else
		n = send(x->fd, x->out + x->nout, x->nout_due - x->nout,
		         MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		*(reads ? &x->nin : &x->nout) += (size_t)n;
		return PROGRESS_SOME;
	}
	if (n < 0 && errno == EINTR)
		return PROGRESS_SOME;
	if (n < 0 && errno == EAGAIN)
		return PROGRESS_NONE;
	if (n == 0 || errno == ECONNRESET || errno == EPIPE) /* it was there, and has gone */
		weft__err_set(&e, WEFT_ECLOSED, "the peer hung up after %zu of %d bytes", x->nin,
		              EXCHANGE_BYTES);
	else
		weft__err_set(&e, weft__err_from_errno(errno), "%s", strerror(errno));
	if (x->error.code == 0)
		x->error = e;
	return PROGRESS_BROKEN;
}

/* The answering side has all that comes: what goes out? */
static void judge(struct exchange *x)
{
	bool speak = true;
	x->judged = true;
	int rc = x->handler->answer(x->arg, x->in, x->out, &speak, &x->error);
	if (rc < 0)
		x->error.code = rc;
	x->nout_due = speak ? EXCHANGE_BYTES : 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct exchange *x = poll->data;
	for (;;) {
		bool writes = x->nout < x->nout_due;
		if (writes || x->nin < EXCHANGE_BYTES) {
			enum progress progress = advance(x, !writes);
			if (progress == PROGRESS_SOME)
				continue;
			if (progress == PROGRESS_BROKEN)
				give_up(x);
			else
				uv_poll_start(poll, writes ? UV_WRITABLE : UV_READABLE, on_poll);
			return;
		}
		if (!x->answers || x->judged)
			break;
		judge(x);
	}
	if (x->error.code < 0) {
		give_up(x);
		return;
	}
	int fd = dismantle(x);
	x->handler->done(x->arg, fd, x->in, &x->error);
}

static int start(uv_loop_t *loop, int *fd, uint64_t timeout_ms,
                 const struct exchange_handler *handler, void *arg, struct exchange **x)
{
	int own = *fd;
	*fd = -1;
	struct exchange *new = weft__calloc(1, sizeof *new);
	if (!new) {
		close(own);
		return WEFT_ENOMEM;
	}
	if (uv_poll_init(loop, &new->poll, own) < 0) { /* makes it non-blocking, too */
		close(own);
		weft__free(new);
		return WEFT_EIO;
	}
	uv_timer_init(loop, &new->timer);
	new->poll.data = new->timer.data = new;
	new->nhandles = 2;
	new->fd = own;
	new->handler = handler;
	new->arg = arg;
	uv_timer_start(&new->timer, on_timer, timeout_ms, 0);
	*x = new;
	return 0;
}

int exchange_ask(uv_loop_t *loop, int *fd, const uint8_t out[static EXCHANGE_BYTES],
                 uint64_t timeout_ms, const struct exchange_handler *handler, void *arg,
                 struct exchange **x)
{
	struct exchange *new;
	int rc = start(loop, fd, timeout_ms, handler, arg, &new);
	if (rc < 0)
		return rc;
	memcpy(new->out, out, EXCHANGE_BYTES);
	new->nout_due = EXCHANGE_BYTES;
	uv_poll_start(&new->poll, UV_WRITABLE, on_poll);
	*x = new;
	return 0;
}

int exchange_answer(uv_loop_t *loop, int *fd, uint64_t timeout_ms,
                    const struct exchange_handler *handler, void *arg, struct exchange **x)
{
	struct exchange *new;
	int rc = start(loop, fd, timeout_ms, handler, arg, &new);
	if (rc < 0)
		return rc;
	new->answers = true;
	uv_poll_start(&new->poll, UV_READABLE, on_poll);
	*x = new;
	return 0;
}

void exchange_expire(struct exchange *x, int code, const char *text)
{
	weft__err_set(&x->error, code, "%s", text);
	uv_poll_stop(&x->poll);
	uv_timer_start(&x->timer, on_timer, 0, 0);
}

void exchange_cancel(struct exchange **x)
{
	if (*x)
		close(dismantle(*x));
	*x = NULL;
}
