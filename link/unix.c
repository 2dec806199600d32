/* unix.c - links over a Unix SOCK_SEQPACKET socket: whole frames in a packet, descriptors beside a single one.
 *
 * Happy path: a frame is one sendmsg, with its descriptors as SCM_RIGHTS; on a link that gathers all frames
 * that wait are one, as far as they fit. The other side gets exactly this packet from one recvmsg and
 * hands its frames on.
 *
 * Failure modes:
 * - The peer takes nothing: EAGAIN, the frame stays in the queue until poll says writable.
 * - The peer closed with packets of ours unread: the kernel reports ECONNRESET once, *before* the
 * packets that the peer had sent. We read on: an end of file follows them.
 * - The packet is not made of frames, or longer than the longest one, or brings descriptors that are not a
 * single frame's or more than we take: the link fails, the descriptors are closed.
 * - We are out of descriptors: the kernel drops what comes (MSG_CTRUNC), and the link fails with
 * words.
 */
#include "config.h"

#include "link/inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"

enum {
	SCM_FDS_MAX = 253, /* the kernel's bound for one packet */
	SEND_BUFFER =
	        1024 *
	        1024, /* asked for; the kernel may give less, a frame fits its default as well */
	TURN_FRAMES = 64, /* read in one turn of the loop, then others have theirs */
	DRAIN_MAX = 4096, /* packets thrown away before a close */
};

/* Where every packet is received: what is read is handed on before anything else is read. */
static uint8_t packet[WEFT__FRAME_HEADER + WEFT__FRAME_MAX];

/* Moves the descriptors of a received packet into fds, at most LINK_FDS_MAX; closes them all and
 * returns SIZE_MAX when there are more. */
static size_t unpack_baggage(struct msghdr *h, int fds[static LINK_FDS_MAX])
{
	size_t nfds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (nfds < LINK_FDS_MAX)
				fds[nfds] = fd;
			else
				close(fd);
			nfds++;
		}
	}
	if (nfds <= LINK_FDS_MAX)
		return nfds;
	for (size_t i = 0; i < LINK_FDS_MAX; i++)
		close(fds[i]);
	return SIZE_MAX;
}

/* 0 when the packet is whole frames, and may have its descriptors. */
static int check_packet(const struct msghdr *h, size_t nbytes, size_t nfds, struct weft_error *e)
{
	if (h->msg_flags & MSG_CTRUNC)
		return weft__err_set(e, WEFT_ENOSPC, "descriptors were lost: none is free in this process");
	if (nfds == SIZE_MAX)
		return weft__err_set(e, WEFT_EPROTO, "more than %d descriptors with one frame", LINK_FDS_MAX);
	if (h->msg_flags & MSG_TRUNC)
		return weft__err_set(e, WEFT_EPROTO, "a packet longer than any frame");
	int nframes = weft__frame_count(packet, nbytes, e);
	if (nframes > 1 && nfds > 0)
		return weft__err_set(e, WEFT_EPROTO, "descriptors with %d frames", nframes);
	return nframes < 0 ? nframes : 0;
}

/* Checks one packet and hands it on, until a handler closes the link. */
static void take_packet(struct link *l, struct msghdr *h, size_t nbytes)
{
	int fds[LINK_FDS_MAX];
	size_t nfds = unpack_baggage(h, fds);
	struct weft_error e = {0};
	int code = check_packet(h, nbytes, nfds, &e);
	if (code < 0) {
		for (size_t i = 0; nfds != SIZE_MAX && i < nfds; i++)
			close(fds[i]);
		link_fail(l, code, "%s", e.text);
		return;
	}
	for (size_t at = 0; at < nbytes && l->state == LINK_OPEN;) {
		size_t length = (size_t)weft__frame_length(packet + at, &e);
		at += WEFT__FRAME_HEADER;
		l->handler->frame(l, l->arg, packet + at, length, fds, nfds);
		at += length;
	}
}

static void read_packets(struct link *l)
{
	for (int turn = 0; turn < TURN_FRAMES && link_may_read(l); turn++) {
		_Alignas(struct cmsghdr) char control[CMSG_SPACE(SCM_FDS_MAX * sizeof(int))];
		struct iovec iov = {.iov_base = packet, .iov_len = sizeof packet};
		struct msghdr h = {.msg_iov = &iov,
		                   .msg_iovlen = 1,
		                   .msg_control = control,
		                   .msg_controllen = sizeof control};
		ssize_t n = recvmsg(l->fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		if (n > 0)
			take_packet(l, &h, (size_t)n);
		else if (n == 0)
			link_fail(l, WEFT_ECLOSED, "%s closed the connection", l->peer);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNRESET)
			link_fail(l, WEFT_EIO, "reading from %s: %s", l->peer, strerror(errno));
	}
}

/* Sends nbytes of frames at the front of the queue, and the descriptors: as sendmsg. */
static ssize_t send_packet(struct link *l, struct baggage *b, size_t nbytes)
{
	struct iovec iov = {.iov_base = l->out.data + l->out_sent, .iov_len = nbytes};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(LINK_FDS_MAX * sizeof(int))] = {0};
	if (b) {
		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(b->nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(b->nfds * sizeof(int));
		memcpy(CMSG_DATA(c), b->fds, b->nfds * sizeof(int));
	}
	return sendmsg(l->fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* What is to be the next packet: how many bytes and frames of the queue, and the descriptors that go with it. */
static int next_packet(const struct link *l, size_t *nbytes, size_t *nframes, struct baggage **b, struct weft_error *e)
{
	uint64_t loaded = UINT64_MAX; /* the next frame that has descriptors */
	*b = NULL;
	*nbytes = *nframes = 0;
	if (!weft__list_empty(&l->baggage)) {
		struct baggage *first = WEFT__CONTAINER(l->baggage.next, struct baggage, list);
		loaded = first->frame;
		*b = loaded == l->frames_sent + 1 ? first : NULL;
	}
	do {
		int length = weft__frame_length(l->out.data + l->out_sent + *nbytes, e);
		if (length < 0)
			return length;
		size_t frame = WEFT__FRAME_HEADER + (size_t)length;
		if (*nframes > 0 && *nbytes + frame > sizeof packet)
			break;
		*nbytes += frame;
		++*nframes;
	} while (l->gathers && !*b && *nbytes < link_queued(l) && l->frames_sent + *nframes + 1 != loaded);
	return 0;
}

static int write_packets(struct link *l, struct weft_error *e)
{
	while (link_queued(l) > 0) {
		size_t nbytes, nframes;
		struct baggage *b;
		int rc = next_packet(l, &nbytes, &nframes, &b, e);
		if (rc < 0)
			return rc;
		if (send_packet(l, b, nbytes) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN)
				return 0;
			return weft__err_set(e, WEFT_EIO, "writing to %s: %s", l->peer,
			                     strerror(errno));
		}
		l->out_sent += nbytes;
		l->frames_sent += nframes;
		if (b)
			link_drop_baggage(b);
	}
	return 0;
}

/* Reads what nobody will: closing over unread packets would show the peer an error before our last ones. Others may
 * have a copy of the socket, as a task VM of its tasks': it is the end for the peer all the same. */
static void hang_up(struct link *l)
{
	char byte;
	for (int i = 0; i < DRAIN_MAX && recv(l->fd, &byte, 1, MSG_DONTWAIT) > 0; i++)
		;
	shutdown(l->fd, SHUT_RDWR);
}

const struct link_kind link_unix_kind = {
        .read = read_packets,
        .write = write_packets,
        .hang_up = hang_up,
        .carries_fds = true,
};

int link_open(uv_loop_t *loop, int *fd, const struct link_handler *handler, void *arg,
              struct link **l)
{
	struct link *new;
	int rc = link_create(loop, &link_unix_kind, LINK_OPENING, handler, arg, &new);
	if (rc < 0) {
		close(*fd);
		*fd = -1;
		return rc;
	}
	struct ucred who = {.pid = -1};
	socklen_t size = sizeof who;
	if (getsockopt(*fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0)
		new->pid = who.pid;
	int bytes = SEND_BUFFER;
	setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	snprintf(new->peer, sizeof new->peer, "pid %lld", (long long)new->pid);
	rc = link_attach(new, fd);
	if (rc < 0) {
		link_destroy(new);
		return rc;
	}
	link_wake(new);
	*l = new;
	return 0;
}
