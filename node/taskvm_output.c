/* What tasks write: pipes, read in turn, sent as OUTPUT; and what rank 0 reads.
 *
 * All pipes are in one epoll set, which the loop looks at only while the connection takes more and fewer than
 * WEFT__OUTPUT_WINDOW bytes are unacknowledged. The kernel hands ready pipes out in turn, and each gives at most
 * one chunk: a noisy task does not starve the others. A full window stops all reading, so that the tasks
 * wait in their writes and nothing grows.
 *
 * OUTPUT_MOVE gives a task's output a sink of its own, of which the node is told with each message: the daemon need not remember it.
 *
 * A task's OUTPUT_END follows the end of both its pipes. A process that the task left behind may hold them open
 * longer than the task lives; when all of the job has ended here, what has not come by then never will.
 */
#include "config.h"

#include "node/taskvm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "proto/output.h"

enum {
	CHUNK      = 32 * 1024,
	EVENTS_MAX = 64, /* more than the starts of a turn bring: what has ended is not kept open */
	STDIN_MAX  = 128 * 1024, /* a tool keeps 64 KiB under way; more is a fault of its */
};

static int watch(struct taskvm *vm, struct taskvm_stream *s)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
	if (epoll_ctl(vm->outputs, EPOLL_CTL_ADD, s->fd, &event))
		return weft__err_from_errno(errno);
	vm->nstreams++;
	return 0;
}

int taskvm_output_watch(struct taskvm *vm, struct taskvm_task *t)
{
	for (size_t i = 0; i < 2; i++) {
		int rc = watch(vm, &t->streams[i]);
		if (!rc)
			continue;
		for (size_t j = 0; j < 2; j++) {
			close(t->streams[j].fd);
			t->streams[j].fd = -1;
			vm->nstreams -= j < i;
		}
		return rc;
	}
	return 0;
}

/* --- what is not acknowledged ------------------------------------------------------------------- */

void taskvm_output_init(struct taskvm *vm)
{
	weft__list_init(&vm->sinks);
	weft__list_init(&vm->job_sink.unacked);
	weft__list_push(&vm->sinks, &vm->job_sink.link);
}

uint64_t taskvm_output_unacked(const struct taskvm *vm)
{
	uint64_t n = 0;
	for (struct weft__list *i = vm->sinks.next; i != &vm->sinks; i = i->next) {
		const struct taskvm_sink *s = WEFT__CONTAINER(i, struct taskvm_sink, link);
		n += s->sent - s->acked;
	}
	return n;
}

static struct taskvm_sink *sink_of(struct taskvm *vm, const struct taskvm_task *t)
{
	return t->sink ? t->sink : &vm->job_sink;
}

/* Takes its place in the order, and is kept. */
static void output_send(struct taskvm *vm, struct taskvm_sink *s, const struct weft__msg *m)
{
	struct weft__output_span span;
	struct taskvm_output *o = weft__calloc(1, sizeof *o);
	weft__output_span(m, &span);
	s->sent = span.to;
	if (o && !weft__msg_encode_body(&o->frame, m, NULL)) {
		o->end = span.to;
		weft__list_push(&s->unacked, &o->link);
	} else if (o) {
		weft__buf_fini(&o->frame);
		weft__free(o);
	}
	if (!vm->output_held)
		taskvm_conn_send(vm, m, -1);
}

void taskvm_output_begin(struct taskvm *vm, const struct taskvm_task *t, struct taskvm_sink *s,
                         const struct weft__msg_output_begin *begin)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_BEGIN, .output_begin = *begin};
	m.output_begin.node = vm->node;
	m.output_begin.offset = s->sent;
	m.output_begin.tid = t->tid;
	m.output_begin.sink = s->number;
	m.output_begin.sink_node = s->node;
	m.output_begin.sink_client = s->client;
	output_send(vm, s, &m);
}

static void send_end(struct taskvm *vm, const struct taskvm_task *t)
{
	struct taskvm_sink *s = sink_of(vm, t);
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_END,
	                      .output_end = {.job = vm->job,
	                                     .node = vm->node,
	                                     .offset = s->sent,
	                                     .tid = t->tid,
	                                     .rank = t->rank,
	                                     .sink = s->number,
	                                     .sink_node = s->node,
	                                     .sink_client = s->client}};
	output_send(vm, s, &m);
}

static void send_bytes(struct taskvm *vm, const struct taskvm_task *t, int stream, const void *bytes, size_t nbytes)
{
	struct taskvm_sink *s = sink_of(vm, t);
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT,
	                      .output = {.job = vm->job,
	                                 .node = vm->node,
	                                 .offset = s->sent,
	                                 .tid = t->tid,
	                                 .rank = t->rank,
	                                 .stream = (uint64_t)stream,
	                                 .bytes = {bytes, nbytes},
	                                 .sink = s->number,
	                                 .sink_node = s->node,
	                                 .sink_client = s->client}};
	output_send(vm, s, &m);
}

static struct taskvm_sink *sink_numbered(struct taskvm *vm, uint64_t number)
{
	struct weft__list *i = vm->sinks.next;
	while (i != &vm->sinks && WEFT__CONTAINER(i, struct taskvm_sink, link)->number != number)
		i = i->next;
	return i == &vm->sinks ? NULL : WEFT__CONTAINER(i, struct taskvm_sink, link);
}

static void sink_settle(struct taskvm *vm, struct taskvm_sink *s)
{
	if (s == &vm->job_sink || s->nusers || s->sent != s->acked)
		return;
	weft__list_remove(&s->link);
	weft__free(s);
}

void taskvm_output_acknowledged(struct taskvm *vm, const struct weft__msg_output_ack *m)
{
	struct taskvm_sink *s = sink_numbered(vm, m->sink);
	struct weft__list *first;
	if (!s || m->offset <= s->acked || m->offset > s->sent)
		return;
	s->acked = m->offset;
	while ((first = s->unacked.next) != &s->unacked) {
		struct taskvm_output *o = WEFT__CONTAINER(first, struct taskvm_output, link);
		if (o->end > m->offset)
			break;
		weft__list_remove(first);
		weft__buf_fini(&o->frame);
		weft__free(o);
	}
	sink_settle(vm, s);
}

static void stdin_again(struct taskvm *vm);

void taskvm_output_again(struct taskvm *vm)
{
	vm->output_held = false;
	stdin_again(vm);
	for (struct weft__list *k = vm->sinks.next; k != &vm->sinks; k = k->next) {
		const struct taskvm_sink *s = WEFT__CONTAINER(k, struct taskvm_sink, link);
		for (struct weft__list *i = s->unacked.next; i != &s->unacked && vm->conn >= 0; i = i->next)
			taskvm_conn_send_body(vm, &WEFT__CONTAINER(i, struct taskvm_output, link)->frame);
	}
}

bool taskvm_output_open(const struct taskvm *vm)
{
	return !vm->output_held && taskvm_conn_ready(vm) && taskvm_output_unacked(vm) < WEFT__OUTPUT_WINDOW;
}

static void stream_end(struct taskvm *vm, struct taskvm_stream *s)
{
	struct taskvm_task *t = s->task;
	epoll_ctl(vm->outputs, EPOLL_CTL_DEL, s->fd, NULL); /* a process that is being started has a copy until it is the program */
	close(s->fd);
	s->fd = -1;
	vm->nstreams--;
	if (t->streams[0].fd >= 0 || t->streams[1].fd >= 0)
		return;
	send_end(vm, t);
}

/* One chunk; true: something came. */
static bool stream_read(struct taskvm *vm, struct taskvm_stream *s)
{
	ssize_t n = read(s->fd, vm->chunk, CHUNK);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		stream_end(vm, s);
		return false;
	}
	send_bytes(vm, s->task, s->number, vm->chunk, (size_t)n);
	taskvm_alone_wrote(vm, s->task);
	return true;
}

void taskvm_output_say(struct taskvm *vm, struct taskvm_task *t, const char *text)
{
	send_bytes(vm, t, 2, text, strlen(text));
}

void taskvm_output_read(struct taskvm *vm)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(vm->outputs, events, EVENTS_MAX, 0);
	for (int i = 0; i < n && taskvm_output_open(vm); i++) {
		struct taskvm_stream *s = events[i].data.ptr;
		if (s->fd >= 0)
			stream_read(vm, s);
	}
}

void taskvm_output_drain(struct taskvm *vm)
{
	for (struct weft__list *i = vm->tasks.next; i != &vm->tasks && vm->nstreams; i = i->next) {
		struct taskvm_task *t = WEFT__CONTAINER(i, struct taskvm_task, link);
		for (size_t j = 0; j < 2; j++) {
			struct taskvm_stream *s = &t->streams[j];
			while (s->fd >= 0 && taskvm_output_open(vm) && stream_read(vm, s))
				;
			if (s->fd >= 0 && taskvm_output_open(vm))
				stream_end(vm, s);
		}
	}
}

/* --- elsewhere ------------------------------------------------------------------------------------ */

/* Who gets it; NULL: who gets the job's. Of a job whose output is a task's it is the log then. */
static int sink_make(struct taskvm *vm, const struct weft__msg_output_move *m, struct taskvm_sink **sink)
{
	*sink = NULL;
	if (!m->sink_node && !vm->job_sink.tells_begin)
		return 0;
	struct taskvm_sink *s = vm->last_sink < WEFT__SINK_MAX ? weft__calloc(1, sizeof *s) : NULL;
	if (!s)
		return WEFT_ENOMEM;
	s->number = ++vm->last_sink;
	s->node = m->sink_node ? m->sink_node : vm->node;
	s->client = m->sink_client;
	s->tells_begin = m->sink_node != 0;
	s->begin = (struct weft__msg_output_begin){.job = vm->job, .parent = vm->parent, .context = m->context, .tag = m->tag};
	weft__list_init(&s->unacked);
	weft__list_push(&vm->sinks, &s->link);
	*sink = s;
	return 0;
}

/* It may have come before, through a daemon that has crashed. */
static bool is_there(struct taskvm *vm, const struct taskvm_task *t, const struct weft__msg_output_move *m)
{
	const struct taskvm_sink *s = sink_of(vm, t);
	if (!m->sink_node)
		return !s->tells_begin;
	return s->tells_begin && s->node == m->sink_node && s->client == m->sink_client && s->begin.context == m->context &&
	       s->begin.tag == m->tag;
}

/* What it has written so far, as far as there is room, goes where it did. */
static void move(struct taskvm *vm, struct taskvm_task *t, struct taskvm_sink *to)
{
	struct taskvm_sink *from = t->sink;
	for (size_t i = 0; i < 2; i++)
		while (t->streams[i].fd >= 0 && taskvm_output_open(vm) && stream_read(vm, &t->streams[i]))
			;
	if (t->streams[0].fd < 0 && t->streams[1].fd < 0) /* it has said that it ends */
		return;
	send_end(vm, t);
	t->sink = to;
	if (to)
		to->nusers++;
	if (to && to->tells_begin)
		taskvm_output_begin(vm, t, to, &to->begin);
	if (from) {
		from->nusers--;
		sink_settle(vm, from);
	}
}

void taskvm_output_move(struct taskvm *vm, const struct weft__msg_output_move *m)
{
	struct taskvm_task *t = weft__map_get(&vm->by_tid, m->tid);
	struct taskvm_sink *to = NULL;
	int rc = t ? 0 : WEFT_ENOTASK;
	if (!rc && !is_there(vm, t, m)) {
		rc = sink_make(vm, m, &to);
		if (!rc)
			move(vm, t, to);
		if (to)
			sink_settle(vm, to);
	}
	struct weft__msg answer = {.code = WEFT__MSG_OUTPUT_MOVED, .output_moved = {.req = m->req, .asker = m->asker, .code = rc}};
	taskvm_conn_send(vm, &answer, -1);
}

/* --- standard input of rank 0 ------------------------------------------------------------------- */

void taskvm_stdin_open(struct taskvm *vm, int *fd)
{
	vm->stdin_pipe = *fd;
	*fd = -1;
	fcntl(vm->stdin_pipe, F_SETFL, O_NONBLOCK);
	taskvm_stdin_write(vm);
}

static void say_taken(struct taskvm *vm, bool again)
{
	struct weft__msg m = {.code = WEFT__MSG_STDIN_ACK,
	                      .stdin_ack = {.job = vm->job, .taken = vm->stdin_taken, .come = vm->stdin_come, .again = again}};
	taskvm_conn_send(vm, &m, -1);
}

/* What the tool has sent since then was lost with a daemon. */
static void stdin_again(struct taskvm *vm)
{
	if (vm->stdin_pipe >= 0 || vm->stdin_come)
		say_taken(vm, true);
}

static void acknowledge(struct taskvm *vm, size_t nbytes)
{
	vm->stdin_taken += nbytes;
	if (nbytes)
		say_taken(vm, false);
}

void taskvm_stdin_take(struct taskvm *vm, const struct weft__msg_stdin_bytes *m, int *fd)
{
	bool given = *fd >= 0;
	if (given && vm->stdin_fd < 0) {
		vm->stdin_fd = *fd;
		*fd = -1;
	}
	if (!given && m->offset != vm->stdin_come) /* it was said twice, or more is missing: we have asked for it */
		return;
	vm->stdin_come += m->bytes.n;
	if (vm->stdin_gone) {
		acknowledge(vm, m->bytes.n); /* the tool must not wait for what nobody reads */
		return;
	}
	if (vm->stdin_bytes.len + m->bytes.n > STDIN_MAX ||
	    weft__buf_append(&vm->stdin_bytes, m->bytes.p, m->bytes.n))
		weft__log(WEFT__LOG_WARN, "WEFT-STDIN-LOST", "job=%u bytes=%zu", vm->job, m->bytes.n);
	if (m->end)
		vm->stdin_end = true;
	taskvm_stdin_write(vm);
}

void taskvm_stdin_write(struct taskvm *vm)
{
	if (vm->stdin_pipe < 0)
		return;
	size_t taken = 0;
	while (vm->stdin_bytes.len) {
		ssize_t n = write(vm->stdin_pipe, vm->stdin_bytes.data, vm->stdin_bytes.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) { /* its reader is gone */
			vm->stdin_gone = true;
			n = (ssize_t)vm->stdin_bytes.len;
		}
		weft__buf_consume(&vm->stdin_bytes, (size_t)n);
		taken += (size_t)n;
	}
	if (vm->stdin_gone || (vm->stdin_end && !vm->stdin_bytes.len)) {
		close(vm->stdin_pipe);
		vm->stdin_pipe = -1;
		vm->stdin_gone = true;
	}
	acknowledge(vm, taken);
}
