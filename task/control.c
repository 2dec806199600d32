/* The connection with the node's daemon.
 *
 * A packet is a frame. Questions carry a number; each thread waits for its own answer, and whoever
 * is in charge of progress reads for all. What the coordinator is asked and says is counted
 * (proto/session.h).
 *
 * What can go wrong: the daemon crashes. Another one says AGAIN on our socket, of which the task VM has a copy, or we
 * find it where that one listened. It is told who we are and whom we have channels with, the channels that we waited
 * for are asked for again, and with the coordinator all goes on where it was.
 *
 * Also: the socket is full (frames wait in the outbox, and epoll for room); the daemon
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
#include "base/rundir.h"
#include "task/quick.h"

enum {
	PACKET_MAX = WEFT__FRAME_HEADER + WEFT__FRAME_MAX,
	NFDS_MAX = 4,
	OUTBOX_MAX = 4 << 20,
	READS_PER_GO = 64,
	SNDBUF_BYTES = 1 << 20,
};

static void take_socket(struct weft__control *c, int fd)
{
	int bytes = SNDBUF_BYTES; /* the largest frame must fit; the system grants what it can */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	c->fd = fd;
}

int weft__control_open(struct weft__engine *e, int *fd, const char *nodedir)
{
	struct weft__control *c = &e->control;
	weft__session_init(&c->session);
	c->packet = weft__malloc(PACKET_MAX + 1);
	c->nodedir = nodedir ? weft__strdup(nodedir) : NULL;
	if (!c->packet || (nodedir && !c->nodedir))
		return WEFT_ENOMEM;
	take_socket(c, *fd);
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
	if (c->session.kept.next)
		weft__session_fini(&c->session);
	weft__free(c->packet);
	weft__free(c->nodedir);
	c->packet = NULL;
	c->nodedir = NULL;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* It takes no more for now; or the daemon has gone, and who reads will come to that, behind what it still said. */
static bool may_go_on(int why)
{
	return why == EAGAIN || why == EWOULDBLOCK || why == ENOBUFS || why == EPIPE || why == ECONNRESET;
}

static void flush(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	while (c->fd >= 0 && c->outbox.len) {
		int length = weft__frame_length(c->outbox.data, NULL);
		size_t n = WEFT__FRAME_HEADER + (size_t)length;
		ssize_t sent = send(c->fd, c->outbox.data, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && may_go_on(errno)) {
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

/* One or more frames. Those for the coordinator are kept until it has confirmed them. */
static int send_frame(struct weft__engine *e, const struct weft__buf *frames)
{
	struct weft__control *c = &e->control;
	if (c->fd < 0)
		return WEFT_ENOVM;
	if (c->outbox.len > OUTBOX_MAX || (c->resuming && c->session.nbytes > OUTBOX_MAX))
		return WEFT_EAGAIN;
	int rc = 0;
	for (size_t at = 0, n; rc == 0 && at < frames->len; at += n) {
		const uint8_t *frame = frames->data + at, *body = frame + WEFT__FRAME_HEADER;
		size_t nbytes = (size_t)weft__frame_length(frame, NULL);
		bool asks = weft__session_asks((enum weft__msg_code)weft__msg_peek(body, nbytes));
		n = WEFT__FRAME_HEADER + nbytes;
		if (asks)
			rc = weft__session_push(&c->session, body, nbytes);
		if (rc == 0 && !(asks && c->resuming))
			rc = weft__buf_append(&c->outbox, frame, n);
	}
	if (rc)
		lost(e); /* no memory: better told than waited for */
	else
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

/* --- another daemon --------------------------------------------------------------------------- */

static int append_body(struct weft__control *c, const void *body, size_t nbytes)
{
	uint8_t header[WEFT__FRAME_HEADER];
	weft__frame_header(header, nbytes);
	int rc = weft__buf_append(&c->outbox, header, sizeof header);
	return rc ? rc : weft__buf_append(&c->outbox, body, nbytes);
}

/* It knows nothing of us. What was on its way to the old one counts for nothing. */
static void begin_again(struct weft__engine *e, uint64_t again)
{
	struct weft__control *c = &e->control;
	c->outbox.len = 0;
	c->resuming = e->welcome;
	if (weft__hello_send(e, again))
		lost(e);
}

/* Only what the daemon itself is asked; the coordinator says what has come to it. */
static void ask_daemon_again(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	for (struct weft__list *l = c->asks.next; l != &c->asks; l = l->next) {
		const struct weft__ask *ask = WEFT__CONTAINER(l, struct weft__ask, link);
		const uint8_t *body = ask->frames.data + WEFT__FRAME_HEADER;
		int code = weft__msg_peek(body, ask->frames.len - WEFT__FRAME_HEADER);
		if (!weft__session_asks((enum weft__msg_code)code) &&
		    weft__buf_append(&c->outbox, ask->frames.data, ask->frames.len)) {
			lost(e); /* which ends all questions */
			return;
		}
	}
}

void weft__control_again(struct weft__engine *e)
{
	weft__peers_known(e);
	weft__peers_ask_again(e);
	ask_daemon_again(e);
	flush(e);
}

static void resumed(struct weft__engine *e, uint64_t seen)
{
	struct weft__control *c = &e->control;
	int rc = weft__session_confirm(&c->session, seen);
	c->resuming = false;
	for (struct weft__list *l = c->session.kept.next; rc == 0 && l != &c->session.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		rc = append_body(c, k->body, k->nbytes);
	}
	if (rc)
		lost(e);
	else
		flush(e);
}

/* It is gone, perhaps before it said WELCOME; who takes its place listens already where it did. false: nobody does. */
static bool reconnect(struct weft__engine *e)
{
	struct weft__control *c = &e->control;
	int fd = c->nodedir && !e->refused ? weft__rundir_connect(c->nodedir, "sock", NULL) : -1;
	if (fd < 0)
		return false;
	weft__wait_forget_fd(e, c->fd);
	close(c->fd);
	c->epoll_events = 0;
	take_socket(c, fd);
	begin_again(e, 0);
	weft__rouse(e);
	return c->fd >= 0;
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
	case WEFT__MSG_START_HOST:
		weft__on_start_host(e, &m->start_host);
		break;
	case WEFT__MSG_AGAIN:
		begin_again(e, m->again.again);
		break;
	case WEFT__MSG_RESUMED:
		resumed(e, m->resumed.seen);
		break;
	case WEFT__MSG_SEEN:
		weft__session_confirm(&e->control.session, m->seen.seen);
		break;
	case WEFT__MSG_OUTPUT_BEGIN:
	case WEFT__MSG_OUTPUT:
	case WEFT__MSG_OUTPUT_END:
		weft__on_output(e, m);
		break;
	default:
		on_answer(e, m);
	}
}

/* The daemon answers some questions itself: BYE, TASKER, HOSTER. */
static bool is_of_daemon(struct weft__control *c, const struct weft__msg *m)
{
	const struct weft__ask *ask = m->code == WEFT__MSG_RESULT ? ask_of(c, m->result.req) : NULL;
	if (!ask)
		return false;
	const uint8_t *body = ask->frames.data + WEFT__FRAME_HEADER;
	return !weft__session_asks((enum weft__msg_code)weft__msg_peek(body, ask->frames.len - WEFT__FRAME_HEADER));
}

/* Counts what the coordinator has said, and confirms it now and then. */
static void take(struct weft__engine *e, const struct weft__msg *m, size_t nbytes, int *fds, size_t nfds)
{
	struct weft__control *c = &e->control;
	bool counts = weft__session_answers(m->code) && !is_of_daemon(c, m);
	bool due = counts && weft__session_took(&c->session, nbytes);
	dispatch(e, m, fds, nfds);
	struct weft__msg seen = {.code = WEFT__MSG_SEEN, .seen = {.seen = c->session.received}};
	if (due && !c->resuming)
		weft__control_send(e, &seen);
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
	while (n < 0 && (errno == EINTR || errno == ECONNRESET)); /* said once; more may be there */
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
static int take_packet(struct weft__engine *e, size_t nbytes, int *fds, size_t nfds)
{
	struct weft__control *c = &e->control;
	struct weft_error error;
	struct weft__msg m;
	int count = weft__frame_count(c->packet, nbytes, &error), rc = count < 0 ? count : 0;
	for (size_t at = 0, from = 0; rc == 0 && at < nbytes && c->fd >= 0; nfds = 0, from = at) {
		rc = decode(c, &at, &m);
		if (rc == 0)
			take(e, &m, at - from, fds, nfds);
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
		int rc = n > 0 ? take_packet(e, (size_t)n, fds, nfds) : WEFT_ECLOSED;
		for (size_t f = 0; f < nfds; f++)
			if (fds[f] >= 0)
				close(fds[f]);
		if (rc && !(rc == WEFT_ECLOSED && reconnect(e)))
			lost(e);
	}
}
