/* The connection with the node's daemon.
 *
 * A packet is a frame. Questions carry a number; each thread waits for its own answer, and whoever
 * is in charge of progress reads for all. A question keeps its frame until it is answered: when a
 * new daemon has taken the connection over, it says WELCOME again, and all that is unanswered is
 * asked again.
 *
 * What can go wrong: the socket is full (frames wait in the outbox, and epoll for room); the daemon
 * is gone, or says what it may not (the connection is closed; questions end with WEFT_ENOVM,
 * channels with tasks go on); an answer that nobody waits for any more (passed over); descriptors
 * that no message wants (closed), or that the process has no room for (the channel is not to be
 * had: WEFT_ENOSPC).
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "task/quick.h"

enum {
	PACKET_MAX = WEFT__FRAME_HEADER + WEFT__FRAME_MAX,
	NFDS_MAX = 4,
	OUTBOX_MAX = 4 << 20,
	READS_PER_GO = 64,
	SNDBUF_BYTES = 1 << 20,
};

int weft__control_open(struct weft__engine *e, int *fd)
{
	struct weft__control *c = &e->control;
	c->packet = weft__malloc(PACKET_MAX + 1);
	if (!c->packet)
		return WEFT_ENOMEM;
	int bytes = SNDBUF_BYTES; /* the largest frame must fit; the system grants what it can */
	setsockopt(*fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	c->fd = *fd;
	*fd = -1;
	return 0;
}

/* No daemon any more: whoever waits for it is told. */
static void lost(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	if (c->fd < 0)
		return;
	weft__wait_forget_fd(e, c->fd);
	close(c->fd);
	c->fd = -1;
	c->epoll_events = 0;
	c->outbox.len = 0;
	for (struct weft__list *l; (l = weft__list_pop(&c->asks));) {
		struct weft__ask *ask = WEFT__CONTAINER(l, struct weft__ask, link);
		ask->code = WEFT_ENOVM;
		ask->done = true;
	}
	weft__peers_unreachable(e, WEFT_ENOVM);
	weft__notices_lost(e);
	weft__changed(e);
}

void weft__control_close(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	lost(e);
	weft__buf_fini(&c->outbox);
	weft__arena_fini(&c->arena);
	weft__free(c->packet);
	c->packet = NULL;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void flush(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	while (c->fd >= 0 && c->outbox.len) {
		int length = weft__frame_length(c->outbox.data, NULL);
		size_t n = WEFT__FRAME_HEADER + (size_t)length;
		ssize_t sent = send(c->fd, c->outbox.data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
			weft__rouse(e);
			return;
		}
		if (sent < 0) {
			lost(e);
			return;
		}
		weft__buf_consume(&c->outbox, n);
	}
}

static int send_frame(struct weft__engine *e, const struct weft__buf *frame)
{
	struct weft__control *c = &e->control;
	if (c->fd < 0)
		return WEFT_ENOVM;
	if (c->outbox.len > OUTBOX_MAX)
		return WEFT_EAGAIN;
	int rc = weft__buf_append(&c->outbox, frame->data, frame->len);
	if (rc == 0)
		flush(e);
	return rc ? rc : c->fd < 0 ? WEFT_ENOVM : 0;
}

int weft__control_send(struct weft__engine *e, const struct weft__msg *m)
{
	struct weft__buf frame = {0};
	struct weft_error error;
	if (e->control.fd < 0)
		return WEFT_ENOVM;
	int rc = weft__msg_encode(&frame, m, &error);
	if (rc == 0)
		rc = send_frame(e, &frame);
	weft__buf_fini(&frame);
	return rc;
}

int weft__control_send_fd(struct weft__engine *e, const struct weft__msg *m, int fd)
{
	struct weft__control *c = &e->control;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} ancillary = {0};
	struct weft__buf frame = {0};
	struct weft_error error;
	if (c->fd < 0 || c->outbox.len)
		return c->fd < 0 ? WEFT_ENOVM : WEFT_EAGAIN;
	int rc = weft__msg_encode(&frame, m, &error);
	if (rc == 0) {
		struct iovec iov = {.iov_base = frame.data, .iov_len = frame.len};
		struct msghdr msg = {.msg_iov = &iov,
		                     .msg_iovlen = 1,
		                     .msg_control = ancillary.bytes,
		                     .msg_controllen = sizeof ancillary.bytes};
		struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
		rc = sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? WEFT_EAGAIN : 0;
	}
	weft__buf_fini(&frame);
	return rc;
}

/* --- questions -------------------------------------------------------------------------------- */

static struct weft__ask *ask_of(struct weft__control *c, uint64_t req)
{
	for (struct weft__list *l = c->asks.next; l != &c->asks; l = l->next) {
		struct weft__ask *ask = WEFT__CONTAINER(l, struct weft__ask, link);
		if (ask->req == req)
			return ask;
	}
	return NULL;
}

/* All answers begin with the question's number. */
static void on_answer(struct weft__engine *e, const struct weft__msg *m)
{
	struct weft__ask *ask = ask_of(&e->control, m->result.req);
	if (!ask || !ask->answer(ask, m))
		return;
	weft__list_remove(&ask->link);
	ask->done = true;
	weft__changed(e);
}

bool weft__answer_result(struct weft__ask *ask, const struct weft__msg *m)
{
	if (m->code != WEFT__MSG_RESULT)
		return false;
	ask->code = (int)m->result.code;
	ask->value = m->result.value;
	if (m->result.text.n)
		weft__err_set(&ask->detail, ask->code, "%s", m->result.text.p);
	return true;
}

int weft__ask_add(struct weft__engine *e, struct weft__ask *ask, struct weft__msg *m)
{
	struct weft_error error;
	if (!ask->req)
		ask->req = ++e->control.req_next;
	m->result.req = ask->req; /* all questions begin with it, too */
	int rc = weft__msg_encode(&ask->frames, m, &error);
	return rc == WEFT_ETOOBIG ? weft__fail(rc, "%s", error.text) : rc;
}

int weft__ask_send(struct weft__engine *e, struct weft__ask *ask)
{
	weft__list_init(&ask->link);
	int rc = send_frame(e, &ask->frames);
	if (rc == 0)
		weft__list_push(&e->control.asks, &ask->link);
	return rc;
}

bool weft__ask_answered(void *ask)
{
	return ((struct weft__ask *)ask)->done;
}

static void forget(struct weft__engine *e, const struct weft__ask *ask)
{
	struct weft__msg m = {.code = WEFT__MSG_FORGET, .forget = {.req = ask->req}};
	weft__control_send(e, &m); /* unheard, it costs an answer that nobody takes */
}

int weft__ask_wait(struct weft__engine *e, struct weft__ask *ask, int timeout_ms)
{
	uint64_t deadline = weft__until(timeout_ms);
	int rc = weft__ask_send(e, ask);
	if (rc == 0) {
		rc = weft__await(e, weft__ask_answered, ask, deadline);
		weft__list_remove(&ask->link);
		if (rc)
			forget(e, ask);
	}
	weft__buf_fini(&ask->frames);
	if (rc)
		return rc;
	return *ask->detail.text && ask->code < 0 ? weft__fail(ask->code, "%s", ask->detail.text)
	                                          : ask->code;
}

int weft__ask(struct weft__engine *e, struct weft__ask *ask, struct weft__msg *m, int timeout_ms)
{
	int rc = weft__ask_add(e, ask, m);
	if (rc) {
		weft__buf_fini(&ask->frames);
		return rc;
	}
	return weft__ask_wait(e, ask, timeout_ms);
}

void weft__ask_again(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	for (struct weft__list *l = c->asks.next; l != &c->asks && c->fd >= 0; l = l->next) {
		struct weft__ask *ask = WEFT__CONTAINER(l, struct weft__ask, link);
		if (ask->restart)
			ask->restart(ask);
		if (weft__buf_append(&c->outbox, ask->frames.data, ask->frames.len)) {
			lost(e); /* no memory: better told than waited for */
			return;
		}
	}
	flush(e);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void dispatch(struct weft__engine *e, const struct weft__msg *m, int *fds, size_t nfds)
{
	switch (m->code) {
	case WEFT__MSG_WELCOME:
		weft__on_welcome(e, &m->welcome, fds, nfds);
		break;
	case WEFT__MSG_REFUSED:
		weft__on_refused(e, &m->refused);
		lost(e);
		break;
	case WEFT__MSG_TEAM:
		weft__on_team(e, &m->team);
		break;
	case WEFT__MSG_CHANNEL:
		weft__on_channel(e, &m->channel, fds, nfds);
		break;
	case WEFT__MSG_SHARED:
		weft__on_shared(e, &m->shared, fds, nfds);
		break;
	case WEFT__MSG_GROUP_PAGE:
		weft__on_group_page(e, &m->group_page, fds, nfds);
		break;
	case WEFT__MSG_TASK_GONE:
		weft__on_task_gone(e, &m->task_gone);
		break;
	case WEFT__MSG_NOTICE:
		weft__on_notice(e, &m->notice);
		break;
	case WEFT__MSG_START_TASK:
		weft__on_start_task(e, &m->start_task);
		break;
	case WEFT__MSG_OUTPUT_BEGIN:
		weft__on_output_begin(e, &m->output_begin);
		break;
	case WEFT__MSG_OUTPUT:
		weft__on_output(e, &m->output);
		break;
	case WEFT__MSG_OUTPUT_END:
		weft__on_output_end(e, &m->output_end);
		break;
	default:
		on_answer(e, m);
	}
}

/* What the node says itself, or passes on from the coordinator: the frame at *at, which moves on to the next one. */
static int decode(struct weft__control *c, size_t *at, struct weft__msg *m)
{
	struct weft_error error;
	int length = weft__frame_length(c->packet + *at, &error);
	const uint8_t *body = c->packet + *at + WEFT__FRAME_HEADER;
	*at += WEFT__FRAME_HEADER + (size_t)length;
	int rc = weft__msg_decode(body, (size_t)length, WEFT__ROLE_NODE, WEFT__ROLE_TASK, &c->arena,
	                          m, &error);
	if (rc == WEFT_EDENIED)
		rc = weft__msg_decode(body, (size_t)length, WEFT__ROLE_COORD, WEFT__ROLE_TASK,
		                      &c->arena, m, &error);
	return rc;
}

/* One packet, with its descriptors. Its length; 0: the end; WEFT_EAGAIN: none is there. */
static int receive(struct weft__control *c, int *fds, size_t *nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * NFDS_MAX)];
	} ancillary;
	struct iovec iov = {.iov_base = c->packet, .iov_len = PACKET_MAX + 1};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = ancillary.bytes,
	                     .msg_controllen = sizeof ancillary.bytes};
	ssize_t n;
	do
		n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	*nfds = 0;
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? WEFT_EAGAIN : 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count && *nfds < NFDS_MAX; i++)
			memcpy(&fds[(*nfds)++], CMSG_DATA(h) + i * sizeof(int), sizeof(int));
	}
	c->cut = msg.msg_flags &
	         MSG_CTRUNC; /* descriptors came for which this process had no place */
	return msg.msg_flags & MSG_TRUNC ? PACKET_MAX + 1 : (int)n; /* so many are no frame */
}

/* The frames of a packet. Descriptors come with a single one. */
static int take(struct weft__engine *e, size_t nbytes, int *fds, size_t nfds)
{
	struct weft__control *c = &e->control;
	struct weft_error error;
	struct weft__msg m;
	int count = weft__frame_count(c->packet, nbytes, &error), rc = count < 0 ? count : 0;
	for (size_t at = 0; rc == 0 && at < nbytes && c->fd >= 0; nfds = 0) {
		rc = decode(c, &at, &m);
		if (rc == 0)
			dispatch(e, &m, fds, nfds);
	}
	return rc;
}

void weft__control_poll(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	flush(e);
	for (int i = 0; c->fd >= 0 && i < READS_PER_GO; i++) {
		int fds[NFDS_MAX] = {-1, -1, -1, -1};
		size_t nfds;
		int n = receive(c, fds, &nfds);
		if (n == WEFT_EAGAIN)
			break;
		int rc = n > 0 ? take(e, (size_t)n, fds, nfds) : WEFT_ECLOSED;
		for (size_t f = 0; f < nfds; f++)
			if (fds[f] >= 0)
				close(fds[f]);
		if (rc)
			lost(e);
	}
}
