/* The task VM's connection to weftd: a SEQPACKET socket, whole frames in a packet.
 *
 * It is born connected (WEFT_TASKVM_FD). Frames wait in vm->packets until the turn is over, or there are many;
 * then they go out together, as many as fit into a packet: each packet wakes weftd. One with a descriptor goes
 * alone. What the kernel does not take waits on. weftd's frames come likewise.
 *
 * What can go wrong: weftd dies or closes. Then the tasks go on, and the task VM tries the node's socket
 * again until its orphan time is over. On a new connection it says HELLO, what its job is, and again what it said of
 * each task. Questions to the coordinator are counted and go on where they were; output that was not acknowledged
 * is sent when the daemon asks for it. Bytes that are no message from a node count as a lost connection, too.
 */
#include "config.h"

#include "node/taskvm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/rundir.h"

enum {
	READS_MAX   = 16, /* packets taken in one turn */
	RETRY_MS    = 50,
	PACKET_ROOM = WEFT__FRAME_HEADER + WEFT__FRAME_MAX,
	TOGETHER_MAX = 64, /* frames in one packet, and that wait for the end of a turn */
};

/* Room for one descriptor beside a packet. */
union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

bool taskvm_conn_ready(const struct taskvm *vm)
{
	return vm->conn >= 0 && !vm->full;
}

/* The first frames that wait, as one packet: how many; 0 and the errno when it was not sent. */
static size_t send_packet(const struct taskvm *vm, int *errnum)
{
	struct iovec iov[TOGETHER_MAX];
	struct msghdr msg = {.msg_iov = iov};
	union control control;
	size_t nbytes = 0;
	for (struct weft__list *i = vm->packets.next; i != &vm->packets && msg.msg_iovlen < TOGETHER_MAX; i = i->next) {
		struct taskvm_packet *p = WEFT__CONTAINER(i, struct taskvm_packet, link);
		bool first = msg.msg_iovlen == 0;
		if (!first && (p->fd >= 0 || nbytes + p->frame.len > PACKET_ROOM))
			break;
		iov[msg.msg_iovlen++] = (struct iovec){.iov_base = p->frame.data, .iov_len = p->frame.len};
		nbytes += p->frame.len;
		if (p->fd < 0)
			continue;
		memset(&control, 0, sizeof control);
		msg.msg_control         = control.bytes;
		msg.msg_controllen      = sizeof control.bytes;
		struct cmsghdr *header  = CMSG_FIRSTHDR(&msg);
		header->cmsg_level      = SOL_SOCKET;
		header->cmsg_type       = SCM_RIGHTS;
		header->cmsg_len        = CMSG_LEN(sizeof p->fd);
		memcpy(CMSG_DATA(header), &p->fd, sizeof p->fd);
		break;
	}
	ssize_t n;
	do
		n = sendmsg(vm->conn, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	*errnum = errno;
	return n < 0 ? 0 : msg.msg_iovlen;
}

static bool is_full(int errnum)
{
	return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == ENOBUFS || errnum == ETOOMANYREFS;
}

static void packet_drop(struct taskvm *vm, struct taskvm_packet *p)
{
	weft__list_remove(&p->link);
	vm->npackets--;
	if (p->fd >= 0)
		close(p->fd);
	weft__buf_fini(&p->frame);
	weft__free(p);
}

/* Takes frame over. */
static int packet_queue(struct taskvm *vm, struct weft__buf *frame, int fd)
{
	struct taskvm_packet *p = weft__calloc(1, sizeof *p);
	if (!p)
		return WEFT_ENOMEM;
	p->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, TASKVM_PMI_FD + 1);
	if (fd >= 0 && p->fd < 0) {
		weft__free(p);
		return WEFT_ENOSPC;
	}
	p->frame = *frame;
	*frame = (struct weft__buf){0};
	weft__list_push(&vm->packets, &p->link);
	vm->npackets++;
	return 0;
}

static void frame_send(struct taskvm *vm, struct weft__buf *frame, int fd)
{
	int rc = packet_queue(vm, frame, fd);
	if (rc) /* weftd learns it all again on a new connection */
		taskvm_conn_lost(vm, weft__err_text(rc));
	else if (vm->npackets >= TOGETHER_MAX && !vm->full)
		taskvm_conn_flush(vm);
}

void taskvm_conn_send_body(struct taskvm *vm, const struct weft__buf *body)
{
	struct weft__buf frame = {0};
	uint8_t header[WEFT__FRAME_HEADER];
	weft__frame_header(header, body->len);
	if (weft__buf_append(&frame, header, sizeof header) || weft__buf_append(&frame, body->data, body->len))
		taskvm_conn_lost(vm, "out of memory");
	else
		frame_send(vm, &frame, -1);
	weft__buf_fini(&frame);
}

/* What is said while there is no connection is said again on the next one: states of tasks, questions, output. */
void taskvm_conn_send(struct taskvm *vm, const struct weft__msg *m, int fd)
{
	struct weft__buf frame = {0};
	struct weft_error e;
	bool asks = weft__session_asks(m->code);
	if (vm->conn < 0 && !asks)
		return;
	int rc = weft__msg_encode(&frame, m, &e);
	if (!rc && asks)
		rc = weft__session_push(&vm->session, frame.data + WEFT__FRAME_HEADER, frame.len - WEFT__FRAME_HEADER);
	if (rc)
		weft__log(WEFT__LOG_ERROR, "WEFT-TASKVM-ENCODE", "job=%u %s: %s", vm->job, weft__msg_name(m->code),
		          weft__err_text(rc));
	else if (vm->conn >= 0 && !(asks && vm->resuming))
		frame_send(vm, &frame, fd);
	weft__buf_fini(&frame);
}

void taskvm_conn_flush(struct taskvm *vm)
{
	int errnum;
	while (vm->conn >= 0 && !weft__list_empty(&vm->packets)) {
		size_t nsent = send_packet(vm, &errnum);
		vm->full = nsent == 0 && is_full(errnum);
		if (vm->full)
			return;
		if (nsent == 0)
			taskvm_conn_lost(vm, strerror(errnum));
		for (; nsent > 0; nsent--)
			packet_drop(vm, WEFT__CONTAINER(vm->packets.next, struct taskvm_packet, link));
	}
}

void taskvm_conn_lost(struct taskvm *vm, const char *why)
{
	if (vm->conn < 0)
		return;
	close(vm->conn);
	vm->conn = -1;
	vm->full = false;
	uint64_t now = weft__clock_ns();
	vm->orphan_deadline_ns = now + vm->orphan_ms * 1000000;
	vm->retry_ns = now;
	vm->output_held = true;
	while (!weft__list_empty(&vm->packets))
		packet_drop(vm, WEFT__CONTAINER(vm->packets.next, struct taskvm_packet, link));
	weft__log(WEFT__LOG_WARN, "WEFT-TASKVM-ORPHAN", "job=%u running=%zu orphan_ms=%llu: %s", vm->job,
	          vm->nrunning, (unsigned long long)vm->orphan_ms, why);
}

void taskvm_conn_hello(struct taskvm *vm)
{
	struct weft__msg m = {.code = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION,
	                                .release = weft__str(PACKAGE_VERSION),
	                                .role = WEFT__ROLE_TASKVM,
	                                .job = vm->job,
	                                .pid = (uint64_t)getpid(),
	                                .name = weft__str("weft-taskvm")}};
	taskvm_conn_send(vm, &m, -1);
}

/* The job, and which of its tasks are here, for a daemon that knows nothing of it. */
static void say_job(struct taskvm *vm)
{
	enum { PART = 4096 };
	uint64_t tids[PART], ranks[PART];
	vm->resuming = vm->session.sent > 0;
	struct weft__msg job = {.code = WEFT__MSG_REJOIN,
	                        .rejoin = {.job = vm->job,
	                                   .size = vm->size,
	                                   .parent = vm->parent,
	                                   .flags = vm->flags,
	                                   .sink_node = vm->sink_node,
	                                   .sink_client = vm->sink_client,
	                                   .last = vm->last_launch,
	                                   .asks = vm->session.sent > 0,
	                                   .seen = vm->session.received}};
	taskvm_conn_send(vm, &job, -1);
	for (uint32_t first = 0; vm->tids && first < vm->size; first += 2 * PART) {
		size_t count = vm->size - first < 2 * PART ? vm->size - first : 2 * PART;
		struct weft__msg team = {.code = WEFT__MSG_TEAM,
		                         .team = {vm->job, vm->size, first, {vm->tids + first, count}}};
		taskvm_conn_send(vm, &team, -1);
	}
	size_t n = 0;
	for (struct weft__list *i = vm->tasks.next; i != &vm->tasks; i = i->next) {
		const struct taskvm_task *t = WEFT__CONTAINER(i, struct taskvm_task, link);
		tids[n] = t->tid;
		ranks[n++] = t->rank;
		if (n < PART && i->next != &vm->tasks)
			continue;
		struct weft__msg part = {.code = WEFT__MSG_REJOINED, .rejoined = {0, {tids, n}, {ranks, n}}};
		taskvm_conn_send(vm, &part, -1);
		n = 0;
	}
}

void taskvm_conn_retry(struct taskvm *vm)
{
	int fd = weft__rundir_connect(vm->dir, "sock", NULL);
	if (fd < 0) {
		vm->retry_ns = weft__clock_ns() + (uint64_t)RETRY_MS * 1000000;
		return;
	}
	vm->conn = fd;
	weft__log(WEFT__LOG_INFO, "WEFT-TASKVM-REJOIN", "job=%u running=%zu", vm->job, vm->nrunning);
	taskvm_conn_hello(vm);
	say_job(vm);
	for (struct weft__list *i = vm->tasks.next; i != &vm->tasks && vm->conn >= 0; i = i->next)
		taskvm_report(vm, WEFT__CONTAINER(i, struct taskvm_task, link));
	taskvm_conn_send(vm, &(struct weft__msg){.code = WEFT__MSG_REJOINED, .rejoined = {.last = 1}}, -1);
	taskvm_pmix_ask_again(vm);
}

void taskvm_conn_resumed(struct taskvm *vm, uint64_t seen)
{
	struct weft__session *s = &vm->session;
	if (weft__session_confirm(s, seen)) {
		weft__log(WEFT__LOG_ERROR, "WEFT-TASKVM-SESSION", "job=%u seen=%llu sent=%llu", vm->job,
		          (unsigned long long)seen, (unsigned long long)s->sent);
		return;
	}
	vm->resuming = false;
	for (struct weft__list *i = s->kept.next; i != &s->kept && vm->conn >= 0; i = i->next) {
		struct weft__unseen *k = WEFT__CONTAINER(i, struct weft__unseen, link);
		taskvm_conn_send_body(vm, &(struct weft__buf){.data = k->body, .len = k->nbytes});
	}
}

/* The descriptor that came along with a packet, or -1; more than one are closed. */
static int received_fd(struct msghdr *msg)
{
	int fd = -1;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		int came;
		for (size_t at = CMSG_LEN(0); at + sizeof came <= h->cmsg_len; at += sizeof came) {
			memcpy(&came, (char *)h + at, sizeof came);
			if (fd < 0)
				fd = came;
			else
				close(came);
		}
	}
	return fd;
}

/* What the coordinator says is counted, and confirmed now and then. */
static void take(struct taskvm *vm, const struct weft__msg *m, size_t nbytes, int *fd)
{
	struct weft__session *s = &vm->session;
	struct weft__msg seen = {.code = WEFT__MSG_SEEN};
	bool due = weft__session_answers(m->code) && weft__session_took(s, nbytes);
	taskvm_message(vm, m, fd);
	seen.seen.seen = s->received;
	if (due && !vm->resuming)
		taskvm_conn_send(vm, &seen, -1);
}

/* The frame at *at, which moves on to the next one: what weftd says itself, or passes on from the coordinator. */
static int decode(struct taskvm *vm, size_t *at, struct weft__msg *m, struct weft_error *e)
{
	int length = weft__frame_length(vm->packet + *at, e);
	const uint8_t *body = vm->packet + *at + WEFT__FRAME_HEADER;
	*at += WEFT__FRAME_HEADER + (size_t)length;
	int rc = weft__msg_decode(body, (size_t)length, WEFT__ROLE_NODE, WEFT__ROLE_TASKVM, &vm->arena, m, e);
	if (rc == WEFT_EDENIED)
		rc = weft__msg_decode(body, (size_t)length, WEFT__ROLE_COORD, WEFT__ROLE_TASKVM, &vm->arena, m, e);
	return rc;
}

/* The frames of a packet. A descriptor comes with a single one. */
static void take_packet(struct taskvm *vm, size_t nbytes, int *fd)
{
	struct weft_error e;
	struct weft__msg m;
	int count = weft__frame_count(vm->packet, nbytes, &e), rc = count < 0 ? count : 0;
	for (size_t at = 0, from = 0; !rc && at < nbytes && vm->conn >= 0; from = at) {
		rc = decode(vm, &at, &m, &e);
		if (!rc)
			take(vm, &m, at - from - WEFT__FRAME_HEADER, fd);
	}
	if (!rc)
		return;
	weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "job=%u from weftd: %s", vm->job, e.text);
	taskvm_conn_lost(vm, "weftd sent bad bytes");
}

/* Takes one packet: true when there was one and the connection still stands. */
static bool read_packet(struct taskvm *vm)
{
	union control control;
	struct iovec iov  = {.iov_base = vm->packet, .iov_len = PACKET_ROOM};
	struct msghdr msg = {.msg_iov        = &iov,
	                     .msg_iovlen     = 1,
	                     .msg_control    = control.bytes,
	                     .msg_controllen = sizeof control.bytes};
	ssize_t n = recvmsg(vm->conn, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n < 0 && errno == ECONNRESET) /* said once; what had come before is there to be read */
		return true;
	if (n <= 0) {
		taskvm_conn_lost(vm, n ? strerror(errno) : "weftd closed the connection");
		return false;
	}
	int fd = received_fd(&msg);
	take_packet(vm, (size_t)n, &fd);
	if (fd >= 0)
		close(fd);
	return vm->conn >= 0;
}

void taskvm_conn_read(struct taskvm *vm)
{
	for (int i = 0; i < READS_MAX && vm->conn >= 0; i++)
		if (!read_packet(vm))
			return;
}
