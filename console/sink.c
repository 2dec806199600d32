#include "config.h"

#include "console/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/heap.h"

enum {
	SHARED_MAX  = 512,        /* bytes that fit when poll says that some do */
	COMPACT_MIN = 256 * 1024, /* written bytes at the front of the queue that are worth moving the rest for */
};

/* A terminal or pipe, opened again for ourselves; -1 where that is not allowed. */
static int open_again(int fd)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static void classify(struct sink *s, int fd)
{
	struct stat st;
	s->fd   = fd;
	s->kind = SINK_DIRECT;
	if (fstat(fd, &st))
		return;
	if (S_ISSOCK(st.st_mode)) {
		s->kind = SINK_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || isatty(fd)) {
		int own = open_again(fd);
		s->kind = own >= 0 ? SINK_OWN : SINK_SHARED;
		s->fd   = own >= 0 ? own : fd;
		s->ours = own >= 0;
	}
}

int sink_open(struct sink *s, uv_loop_t *loop, int fd, void (*changed)(void *arg, struct sink *s), void *arg)
{
	*s = (struct sink){.changed = changed, .arg = arg};
	classify(s, fd);
	if (s->kind == SINK_DIRECT)
		return 0;
	s->poll = weft__calloc(1, sizeof *s->poll);
	if (!s->poll)
		return WEFT_ENOMEM;
	/* uv_poll_init makes its descriptor non-blocking: it must not be the shared one. */
	int watched = s->kind == SINK_OWN ? s->fd : fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	int flags   = fcntl(s->fd, F_GETFL);
	if (watched < 0 || uv_poll_init(loop, s->poll, watched)) {
		weft__free(s->poll);
		s->poll = NULL;
		s->kind = SINK_DIRECT;
		if (watched >= 0 && watched != s->fd)
			close(watched);
		return 0;
	}
	if (s->kind != SINK_OWN && flags >= 0)
		fcntl(s->fd, F_SETFL, flags);
	s->poll->data = s;
	return 0;
}

static void fail(struct sink *s, int errnum)
{
	s->error = errnum;
	weft__buf_fini(&s->queue);
	s->at = 0;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
	struct sink *s = poll->data;
	s->polling     = false;
	uv_poll_stop(poll);
	sink_flush(s);
	s->changed(s->arg, s);
}

static ssize_t write_some(struct sink *s, const uint8_t *bytes, size_t nbytes)
{
	if (s->kind == SINK_SOCKET)
		return send(s->fd, bytes, nbytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (s->kind == SINK_SHARED && nbytes > SHARED_MAX)
		nbytes = SHARED_MAX;
	return write(s->fd, bytes, nbytes);
}

static void await_room(struct sink *s)
{
	if (!s->poll || s->polling)
		return;
	s->polling = true;
	uv_poll_start(s->poll, UV_WRITABLE, on_writable);
}

void sink_flush(struct sink *s)
{
	while (sink_queued(s) > 0 && !s->polling) {
		ssize_t n = write_some(s, s->queue.data + s->at, s->queue.len - s->at);
		if (n >= 0)
			s->at += (size_t)n;
		else if (errno == EAGAIN)
			await_room(s);
		else if (errno != EINTR)
			fail(s, errno);
		if (s->kind == SINK_SHARED && sink_queued(s) > 0)
			await_room(s);
	}
	if (s->at == s->queue.len) {
		s->queue.len = s->at = 0;
	} else if (s->at >= COMPACT_MIN) {
		weft__buf_consume(&s->queue, s->at);
		s->at = 0;
	}
}

void sink_drain(struct sink *s)
{
	while (sink_queued(s) > 0) {
		struct pollfd room = {.fd = s->fd, .events = POLLOUT};
		if (s->kind != SINK_DIRECT && poll(&room, 1, -1) < 0 && errno != EINTR)
			return;
		ssize_t n = write_some(s, s->queue.data + s->at, s->queue.len - s->at);
		if (n >= 0)
			s->at += (size_t)n;
		else if (errno != EAGAIN && errno != EINTR)
			fail(s, errno);
	}
	s->queue.len = s->at = 0;
}

int sink_write(struct sink *s, const void *bytes, size_t nbytes)
{
	return s->error ? 0 : weft__buf_append(&s->queue, bytes, nbytes);
}

size_t sink_queued(const struct sink *s)
{
	return s->queue.len - s->at;
}

static void free_poll(uv_handle_t *poll)
{
	weft__free(poll);
}

void sink_close(struct sink *s)
{
	if (s->poll) {
		uv_os_fd_t watched = -1;
		uv_fileno((uv_handle_t *)s->poll, &watched);
		uv_poll_stop(s->poll);
		uv_close((uv_handle_t *)s->poll, free_poll);
		if (watched >= 0 && watched != s->fd)
			close(watched);
	}
	if (s->ours)
		close(s->fd);
	weft__buf_fini(&s->queue);
	*s = (struct sink){.fd = -1};
}
