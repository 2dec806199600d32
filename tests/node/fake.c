#include "config.h"

#include "tests/node/fake.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "proto/output.h"
#include "proto/session.h"
#include "tests/base/test.h"

enum { ROOM = WEFT__FRAME_HEADER + WEFT__FRAME_MAX, MEANWHILE_MS = 500 };

void fake_init(struct fake *f, int fd, enum weft__role self, enum weft__role peer)
{
	*f = (struct fake){.fd = fd, .self = self, .peer = peer, .came_fd = -1};
	f->packet = malloc(ROOM);
	assert_non_null(f->packet);
}

void fake_fini(struct fake *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->came_fd >= 0)
		close(f->came_fd);
	free(f->packet);
	weft__arena_fini(&f->arena);
	*f = (struct fake){.fd = -1, .came_fd = -1};
}

static void send_bytes(struct fake *f, const void *bytes, size_t nbytes, int fd)
{
	char control[CMSG_SPACE(sizeof fd)] = {0};
	struct iovec iov  = {.iov_base = (void *)bytes, .iov_len = nbytes};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control    = control;
		msg.msg_controllen = sizeof control;
		struct cmsghdr *h  = CMSG_FIRSTHDR(&msg);
		h->cmsg_level      = SOL_SOCKET;
		h->cmsg_type       = SCM_RIGHTS;
		h->cmsg_len        = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	ssize_t n = sendmsg(f->fd, &msg, MSG_NOSIGNAL);
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		fail_msg("sendmsg: %s", strerror(errno));
}

void fake_send(struct fake *f, const struct weft__msg *m, int fd)
{
	struct weft__buf frame = {0};
	struct weft_error e = {0};
	if (weft__msg_encode(&frame, m, &e))
		fail_msg("%s: %s", weft__msg_name(m->code), e.text);
	send_bytes(f, frame.data, frame.len, fd);
	weft__buf_fini(&frame);
}

void fake_send_raw(struct fake *f, const void *bytes, size_t nbytes)
{
	send_bytes(f, bytes, nbytes, -1);
}

static struct {
	void (*act)(void *arg);
	void *arg;
	uint64_t due_ns;
} meanwhile;

void fake_meanwhile(void (*act)(void *arg), void *arg)
{
	meanwhile.act = act;
	meanwhile.arg = arg;
}

static void look_meanwhile(void)
{
	uint64_t now = weft__clock_ns();
	if (!meanwhile.act || now < meanwhile.due_ns)
		return;
	meanwhile.due_ns = now + MEANWHILE_MS * UINT64_C(1000000);
	meanwhile.act(meanwhile.arg);
}

static bool wait_readable(const struct fake *f, int timeout_ms)
{
	uint64_t deadline = weft__deadline(timeout_ms);
	struct pollfd polled = {.fd = f->fd, .events = POLLIN};
	int n, left;
	do {
		look_meanwhile();
		left = weft__deadline_left_ms(deadline);
		n = poll(&polled, 1, left < MEANWHILE_MS ? left : MEANWHILE_MS);
	} while (n < 0 ? errno == EINTR : n == 0 && left > 0);
	return n > 0;
}

bool fake_silent(struct fake *f, int timeout_ms)
{
	return f->at == f->nbytes && !wait_readable(f, timeout_ms);
}

/* A packet with frames that have not been looked at; false: the connection was closed. */
static bool receive(struct fake *f)
{
	if (f->at < f->nbytes)
		return true;
	if (!wait_readable(f, FAKE_TIMEOUT_MS))
		fail_msg("nothing came within %d ms", FAKE_TIMEOUT_MS);
	char control[CMSG_SPACE(sizeof f->came_fd)];
	struct iovec iov  = {.iov_base = f->packet, .iov_len = ROOM};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(f->fd, &msg, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return false;
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	if (h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&f->came_fd, CMSG_DATA(h), sizeof f->came_fd);
	f->at = 0;
	f->nbytes = (size_t)n;
	return true;
}

static bool next(struct fake *f, struct weft__msg *m)
{
	if (f->came_fd >= 0)
		close(f->came_fd);
	f->came_fd = -1;
	if (!receive(f))
		return false;
	struct weft_error e = {0};
	assert_true(f->nbytes - f->at >= WEFT__FRAME_HEADER);
	int length = weft__frame_length(f->packet + f->at, &e);
	assert_true(length >= 0 && (size_t)length <= f->nbytes - f->at - WEFT__FRAME_HEADER);
	const uint8_t *body = f->packet + f->at + WEFT__FRAME_HEADER;
	size_t nbytes = (size_t)length;
	f->at += WEFT__FRAME_HEADER + nbytes;
	int rc = weft__msg_decode(body, nbytes, f->peer, f->self, &f->arena, m, &e);
	if (rc == WEFT_EDENIED && f->peer == WEFT__ROLE_NODE) /* passed on for the coordinator */
		rc = weft__msg_decode(body, nbytes, WEFT__ROLE_COORD, f->self, &f->arena, m, &e);
	if (rc)
		fail_msg("%s", e.text);
	f->nnumbered += weft__session_numbered(m->code);
	return true;
}

bool fake_next(struct fake *f, struct weft__msg *m)
{
	bool came;
	do
		came = next(f, m);
	while (came && m->code == WEFT__MSG_SEEN); /* it needs no answer */
	return came;
}

void fake_expect(struct fake *f, enum weft__msg_code code, struct weft__msg *m)
{
	do {
		if (!fake_next(f, m))
			fail_msg("the connection was closed before %s came", weft__msg_name(code));
	} while (m->code != code);
}

int fake_count_fds(pid_t pid)
{
	char path[64];
	struct stat st;
	snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
	DIR *dir = opendir(path);
	if (!dir) { /* only root may look into a process that has keys; newer kernels tell all the number */
		if (stat(path, &st) || st.st_size == 0)
			skip_because("only root may count the descriptors of a daemon that has keys, before Linux 6.2");
		return (int)st.st_size;
	}
	int n = 0;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n - 2;
}

int fake_await_fds(pid_t pid, int n)
{
	uint64_t deadline = weft__deadline(FAKE_TIMEOUT_MS);
	while (fake_count_fds(pid) != n && weft__deadline_left_ms(deadline))
		poll(NULL, 0, 5);
	return fake_count_fds(pid);
}

void fake_acknowledge(struct fake *f, const struct weft__msg *m)
{
	struct weft__output_span span;
	struct weft__msg ack = {.code = WEFT__MSG_OUTPUT_ACK};
	if (!weft__output_span(m, &span))
		return;
	ack.output_ack = (struct weft__msg_output_ack){.job = span.job, .node = span.node, .offset = span.to, .sink = span.sink};
	fake_send(f, &ack, -1);
}
