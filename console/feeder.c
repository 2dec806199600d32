#include "config.h"

#include "console/feeder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/heap.h"

enum {
	WINDOW = 64 * 1024,
	PIECE  = 16 * 1024,
};

struct feeder {
	struct session *session;
	uint32_t job, node;
	uv_poll_t *poll;  /* NULL: a file, which is always readable */
	int fd;
	bool ours;        /* opened again, so that we may make it non-blocking */
	bool reading, ended;
	uint64_t credit;
	struct weft__buf sent; /* what rank 0 has not taken: it is sent again when a daemon has crashed */
	uint64_t taken;        /* bytes before that */
};

/* What can't be sent now, as a daemon has just crashed, is asked for once more. */
static void send_piece(struct feeder *f, uint64_t offset, const void *bytes, size_t nbytes, bool end)
{
	struct weft__msg m = {.code        = WEFT__MSG_STDIN,
	                      .stdin_bytes = {.job   = f->job,
	                                      .end   = end,
	                                      .bytes = {bytes, nbytes},
	                                      .node  = f->node,
	                                      .offset = offset}};
	session_send(f->session, &m);
}

static void read_some(struct feeder *f)
{
	char bytes[PIECE];
	while (!f->ended && f->credit > 0) {
		size_t room = f->credit < sizeof bytes ? f->credit : sizeof bytes;
		ssize_t n   = read(f->fd, bytes, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		f->ended = n <= 0;
		uint64_t offset = f->taken + f->sent.len;
		if (n > 0 && weft__buf_append(&f->sent, bytes, (size_t)n))
			f->ended = true;
		send_piece(f, offset, bytes, n > 0 ? (size_t)n : 0, f->ended);
		f->credit -= n > 0 ? (uint64_t)n : 0;
		if (f->poll && !f->ours)
			return; /* another read might block */
	}
}

static void on_readable(uv_poll_t *poll, int status, int events);

/* Poll while there is something to read for, and no longer: a level-triggered descriptor would spin. */
static void settle(struct feeder *f)
{
	bool wanted = !f->ended && f->credit > 0;
	if (!f->poll) {
		read_some(f);
	} else if (wanted && !f->reading) {
		f->reading = true;
		uv_poll_start(f->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	} else if (!wanted && f->reading) {
		f->reading = false;
		uv_poll_stop(f->poll);
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct feeder *f = poll->data;
	read_some(f);
	settle(f);
}

int feeder_open(uv_loop_t *loop, struct session *s, uint32_t job, uint32_t node, struct feeder **f)
{
	struct feeder *new = weft__calloc(1, sizeof *new);
	uv_poll_t *poll    = weft__calloc(1, sizeof *poll);
	if (!new || !poll) {
		weft__free(new);
		weft__free(poll);
		return WEFT_ENOMEM;
	}
	*new      = (struct feeder){.session = s, .job = job, .node = node, .credit = WINDOW};
	new->fd   = open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	new->ours = new->fd >= 0 && lseek(0, 0, SEEK_CUR) < 0; /* a file opened again starts at its beginning */
	if (!new->ours) {
		if (new->fd >= 0)
			close(new->fd);
		new->fd = 0;
	}
	int flags = fcntl(0, F_GETFL);
	if (uv_poll_init(loop, poll, new->fd) == 0) {
		new->poll  = poll;
		poll->data = new;
	} else {
		weft__free(poll);
	}
	if (!new->ours && flags >= 0)
		fcntl(0, F_SETFL, flags); /* others read it, too: it stays as it was */
	*f = new;
	settle(new);
	return 0;
}

static void send_again(struct feeder *f, uint64_t come)
{
	uint64_t all = f->taken + f->sent.len;
	for (uint64_t at = come < f->taken ? f->taken : come; at < all;) {
		size_t n = all - at < PIECE ? (size_t)(all - at) : PIECE;
		send_piece(f, at, f->sent.data + (at - f->taken), n, f->ended && at + n == all);
		at += n;
	}
	if (f->ended && come >= all)
		send_piece(f, all, NULL, 0, true);
}

static void drop(struct feeder *f, uint64_t nbytes)
{
	if (nbytes > f->sent.len)
		nbytes = f->sent.len;
	weft__buf_consume(&f->sent, (size_t)nbytes);
	f->taken += nbytes;
	f->credit = f->sent.len < WINDOW ? WINDOW - f->sent.len : 0;
}

void feeder_ack(struct feeder *f, const struct weft__msg_stdin_ack *m)
{
	drop(f, m->taken > f->taken ? m->taken - f->taken : 0);
	if (m->again)
		send_again(f, m->come);
	settle(f);
}

static void free_poll(uv_handle_t *poll)
{
	weft__free(poll);
}

void feeder_close(struct feeder **f)
{
	struct feeder *old = *f;
	*f                 = NULL;
	if (!old)
		return;
	if (old->poll) {
		uv_poll_stop(old->poll);
		uv_close((uv_handle_t *)old->poll, free_poll);
	}
	weft__buf_fini(&old->sent);
	if (old->ours)
		close(old->fd);
	weft__free(old);
}
