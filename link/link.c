/* link.c - what both kinds of link share: states, the queue, the handler, the end.
 *
 * Happy path: link_open, link_accept or link_dial makes the struct; the link becomes usable and
 * `opened` is told; frames are written at once or, when the kernel takes no more, from the poll
 * callback; what comes in is handed to `frame` from the poll callback; link_close sends what is
 * queued and frees.
 *
 * Failure modes:
 * - Reading fails or ends: the link is FAILED, and the timer tells `closed` in the loop's next
 * turn. Nothing is ever told from inside a call that the owner makes.
 * - Writing fails: what the peer sent before its end is read first (it may be a task's exit
 * status). Until then sends say WEFT_ECLOSED; the end of reading closes the link.
 * - A handler closes this link, or another: the struct lives until libuv has closed its handles,
 * which is after every callback that is under way. Whoever calls a handler looks at the state
 * afterwards.
 * - After link_close the peer takes nothing: given up after LEAVE_MS.
 * - No memory: the call that needed it fails, and nothing has happened.
 */
#include "config.h"

#include "link/inner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "link/dial.h"

enum {
	LEAVE_MS = 1000,
	OUT_KEEP = 64 * 1024, /* an empty queue keeps this much memory at most */
	GATHER_MAX = 32 * 1024, /* so much does not wait for the loop's next turn */
};

#define TO(state) (1u << LINK_##state)

/* Which state may follow which. */
static const struct {
	const char *name;
	unsigned next;
} states[] = {
        [LINK_DIALLING] = {"dialling", TO(SHAKING) | TO(FAILED) | TO(GONE)},
        [LINK_SHAKING] = {"shaking", TO(OPEN) | TO(FAILED) | TO(GONE)},
        [LINK_OPENING] = {"opening", TO(OPEN) | TO(LEAVING) | TO(GONE)},
        [LINK_OPEN] = {"open", TO(FAILED) | TO(LEAVING) | TO(GONE)},
        [LINK_FAILED] = {"failed", TO(GONE)},
        [LINK_LEAVING] = {"leaving", TO(GONE)},
        [LINK_GONE] = {"gone", 0},
};

void link_become(struct link *l, enum link_state state)
{
	assert(states[l->state].next & 1u << state);
	weft__log(WEFT__LOG_DEBUG, "WEFT-LINK-STATE", "peer=\"%s\" fd=%d from=%s to=%s", l->peer,
	          l->fd, states[l->state].name, states[state].name);
	l->state = state;
}

/* --- libuv -------------------------------------------------------------------------------- */

void link_drop_baggage(struct baggage *b)
{
	weft__list_remove(&b->list);
	for (size_t i = 0; i < b->nfds; i++)
		close(b->fds[i]);
	weft__free(b);
}

static void free_queue_memory(struct link *l)
{
	weft__buf_fini(&l->out);
	l->out = (struct weft__buf){0};
	l->out_sent = 0;
}

static void drop_queue(struct link *l)
{
	while (!weft__list_empty(&l->baggage))
		link_drop_baggage(WEFT__CONTAINER(l->baggage.next, struct baggage, list));
	free_queue_memory(l);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct link *l = handle->data;
	if (--l->nhandles > 0)
		return;
	drop_queue(l);
	if (l->kind->fini)
		l->kind->fini(l);
	weft__free(l);
}

void link_destroy(struct link *l)
{
	link_become(l, LINK_GONE);
	if (l->dial)
		dial_cancel(&l->dial);
	if (l->fd >= 0) {
		if (l->kind->hang_up)
			l->kind->hang_up(l);
		uv_close((uv_handle_t *)&l->poll, on_handle_closed);
		close(l->fd);
		l->fd = -1;
	}
	uv_close((uv_handle_t *)&l->timer, on_handle_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct link *l = timer->data;
	switch (l->state) {
	case LINK_SHAKING:
		link_fail(l, WEFT_ETIMEDOUT, "%s did not prove itself within %d s", l->peer,
		          LINK_HANDSHAKE_MS / 1000);
		break;
	case LINK_OPENING:
		link_opened(l, NULL);
		break;
	case LINK_OPEN:
		link_flush(l);
		if (l->kind->resume && !l->read_wants_write)
			l->kind->resume(l);
		link_watch(l);
		break;
	case LINK_FAILED:
		link_destroy(l);
		l->handler->closed(l, l->arg, l->error.code, l->error.text);
		break;
	case LINK_LEAVING:
		link_destroy(l);
		break;
	case LINK_DIALLING: /* dial has its own timer */
	case LINK_GONE:
		break;
	}
}

/* The owner has gone: when all is sent and the goodbyes are said the link ends. */
static void leave(struct link *l)
{
	if (link_queued(l) > 0)
		link_watch(l);
	else if (l->write_broken || !l->kind->leave || !l->kind->leave(l))
		link_destroy(l);
	else
		link_watch(l);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;
	if (status <
	    0) { /* an error waits in the socket, and libuv has stopped: find out by trying */
		l->watched = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if (l->state == LINK_SHAKING)
		l->kind->shake(l);
	else if (events & UV_WRITABLE)
		link_flush(l);
	if (l->state == LINK_LEAVING)
		leave(l);
	else if ((events & UV_READABLE || l->read_wants_write) && link_may_read(l))
		l->kind->read(l);
	link_watch(l);
}

/* The events that the link waits for now. */
static int wanted(const struct link *l)
{
	int writable = link_queued(l) > 0 ? UV_WRITABLE : 0;
	switch (l->state) {
	case LINK_SHAKING:
		return l->read_wants_write ? UV_WRITABLE : UV_READABLE;
	case LINK_OPENING:
		return writable;
	case LINK_OPEN:
		if (l->paused)
			return writable;
		return UV_READABLE | (l->read_wants_write ? UV_WRITABLE : writable);
	case LINK_LEAVING:
		return writable ? writable : UV_READABLE;
	default:
		return 0;
	}
}

void link_watch(struct link *l)
{
	int events = wanted(l);
	if (l->fd < 0 || events == l->watched)
		return;
	l->watched = events;
	int rc = events ? uv_poll_start(&l->poll, events, on_poll) : uv_poll_stop(&l->poll);
	assert(rc ==
	       0); /* the handle is live and the events are valid: libuv has no other reason */
}

void link_timer(struct link *l, uint64_t timeout_ms)
{
	uv_timer_start(&l->timer, on_timer, timeout_ms, 0);
}

void link_wake(struct link *l)
{
	link_timer(l, 0);
}

/* --- birth and end ------------------------------------------------------------------------ */

int link_create(uv_loop_t *loop, const struct link_kind *kind, enum link_state state,
                const struct link_handler *handler, void *arg, struct link **l)
{
	struct link *new = weft__calloc(1, sizeof *new);
	if (!new)
		return WEFT_ENOMEM;
	new->loop = loop;
	new->kind = kind;
	new->state = state;
	new->handler = handler;
	new->arg = arg;
	new->fd = -1;
	new->pid = -1;
	weft__list_init(&new->baggage);
	uv_timer_init(loop, &new->timer);
	new->timer.data = new;
	new->nhandles = 1;
	*l = new;
	return 0;
}

int link_attach(struct link *l, int *fd)
{
	if (uv_poll_init(l->loop, &l->poll, *fd) < 0) { /* which makes it non-blocking */
		close(*fd);
		*fd = -1;
		return WEFT_EIO;
	}
	l->poll.data = l;
	l->nhandles++;
	l->fd = *fd;
	*fd = -1;
	return 0;
}

void link_opened(struct link *l, const char *identity)
{
	uv_timer_stop(&l->timer);
	link_become(l, LINK_OPEN);
	link_flush(l);
	link_watch(l);
	if (l->handler->opened)
		l->handler->opened(l, l->arg, identity);
}

void link_fail(struct link *l, int code, const char *format, ...)
{
	if (l->state >= LINK_FAILED)
		return;
	va_list args;
	va_start(args, format);
	vsnprintf(l->error.text, sizeof l->error.text, format, args);
	va_end(args);
	l->error.code = code;
	drop_queue(l);
	link_become(l, LINK_FAILED);
	link_watch(l);
	link_wake(l);
}

void link_close(struct link **link)
{
	struct link *l = *link;
	*link = NULL;
	if (!l || l->state == LINK_GONE)
		return;
	if (l->state != LINK_OPENING && l->state != LINK_OPEN) {
		link_destroy(l);
		return;
	}
	link_become(l, LINK_LEAVING);
	link_timer(l, LEAVE_MS);
	link_flush(l);
	leave(l);
}

/* --- sending ------------------------------------------------------------------------------ */

void link_gather(struct link *l)
{
	l->gathers = true;
}

size_t link_queued(const struct link *l)
{
	return l->out.len - l->out_sent;
}

/* Gives back the room of what has gone, each byte moved once at most on the average. */
static void tidy_queue(struct link *l)
{
	if (link_queued(l) == 0) {
		l->out_sent = l->out.len = 0;
		if (l->out.cap > OUT_KEEP)
			free_queue_memory(l);
	} else if (l->out_sent > l->out.len / 2) {
		weft__buf_consume(&l->out, l->out_sent);
		l->out_sent = 0;
	}
}

void link_flush(struct link *l)
{
	if (l->write_broken || link_queued(l) == 0)
		return;
	struct weft_error e = {0};
	if (l->kind->write(l, &e) == 0) {
		tidy_queue(l);
		return;
	}
	weft__log(WEFT__LOG_DEBUG, "WEFT-LINK-WRITE", "peer=\"%s\" unsent=%zu error=\"%s\"",
	          l->peer, link_queued(l), e.text);
	l->write_broken = true;
	drop_queue(l);
}

/* Descriptors for the link's next frame, duplicated. */
static int pack_baggage(struct link *l, const int *fds, size_t nfds, struct baggage **b)
{
	struct baggage *new = weft__calloc(1, sizeof *new);
	if (!new)
		return WEFT_ENOMEM;
	weft__list_init(&new->list);
	new->frame = l->frames_queued + 1;
	for (; new->nfds < nfds; new->nfds++) {
		int fd = fcntl(fds[new->nfds], F_DUPFD_CLOEXEC, 0);
		if (fd < 0) {
			int code = errno == EMFILE ? WEFT_ENOSPC : WEFT_EINVAL;
			link_drop_baggage(new);
			return code;
		}
		new->fds[new->nfds] = fd;
	}
	*b = new;
	return 0;
}

static bool takes_frames(const struct link *l)
{
	return l->state < LINK_FAILED && !l->write_broken;
}

/* A frame has been appended to the queue. */
static void frame_queued(struct link *l)
{
	l->frames_queued++;
	if (l->gathers && l->state == LINK_OPEN && link_queued(l) < GATHER_MAX) {
		if (!uv_is_active((uv_handle_t *)&l->timer))
			link_wake(l);
	} else if (l->state == LINK_OPEN || l->state == LINK_OPENING) {
		link_flush(l);
		link_watch(l);
	}
}

int link_send(struct link *l, const struct weft__msg *m, const int *fds, size_t nfds)
{
	assert(nfds == 0 || (nfds <= LINK_FDS_MAX && l->kind->carries_fds));
	if (!takes_frames(l))
		return WEFT_ECLOSED;
	struct baggage *b = NULL;
	int rc = nfds > 0 ? pack_baggage(l, fds, nfds, &b) : 0;
	if (rc < 0)
		return rc;
	size_t before = l->out.len;
	rc = weft__msg_encode(&l->out, m, NULL);
	if (rc == 0 && l->out.len - before > WEFT__FRAME_HEADER + WEFT__FRAME_MAX) {
		l->out.len = before;
		rc = WEFT_ETOOBIG;
	}
	if (rc < 0) {
		if (b)
			link_drop_baggage(b);
		return rc;
	}
	if (b)
		weft__list_push(&l->baggage, &b->list);
	frame_queued(l);
	return 0;
}

int link_send_body(struct link *l, const void *body, size_t nbytes)
{
	assert(nbytes > 0);
	if (nbytes > WEFT__FRAME_MAX)
		return WEFT_ETOOBIG;
	if (!takes_frames(l))
		return WEFT_ECLOSED;
	uint8_t header[WEFT__FRAME_HEADER];
	weft__frame_header(header, nbytes);
	int rc = weft__buf_reserve(&l->out, sizeof header + nbytes);
	if (rc < 0)
		return rc;
	weft__buf_append(&l->out, header, sizeof header);
	weft__buf_append(&l->out, body, nbytes);
	frame_queued(l);
	return 0;
}

/* --- the rest of the owner's calls -------------------------------------------------------- */

bool link_may_read(const struct link *l)
{
	return l->state == LINK_OPEN && !l->paused;
}

void link_pause(struct link *l, bool paused)
{
	if (l->paused == paused)
		return;
	l->paused = paused;
	if (!paused && l->state == LINK_OPEN && l->kind->resume)
		link_wake(l);
	link_watch(l);
}

void link_set_handler(struct link *l, const struct link_handler *handler, void *arg)
{
	l->handler = handler;
	l->arg = arg;
}

const char *link_peer(const struct link *l)
{
	return l->peer;
}

const char *link_peer_host(const struct link *l)
{
	return l->peer_host;
}

int link_fd(const struct link *l)
{
	return l->fd;
}

int64_t link_peer_pid(const struct link *l)
{
	return l->pid;
}
