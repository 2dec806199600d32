/* nonsense.c - a client of the VM that says well-formed messages of random content; nonsense.sh says how it is used.
 *
 * usage: nonsense tool|outside|spawned SEED MESSAGES [FOLDER]
 *
 * As a tool or a task from outside it connects to the node's socket in FOLDER, again whenever the node has had enough of it;
 * as a spawned task it has one connection, its own. Numbers are small, or have come from the VM: most name something
 * that is there. What would end other tasks or the VM itself, or make the VM larger, it does not say: all may.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/rundir.h"
#include "proto/prescan.h"
#include "tests/proto/sample.h"

enum { NUMBERS = 256, FDS_MAX = 3, WELCOME_MS = 1000, ROOM_MS = 100 };

struct speaker {
	enum weft__role role;
	const char *folder; /* NULL: our connection is born with us */
	int fd;             /* -1: none */
	uint64_t tid;
	struct weft__rng rng;
	uint64_t client, pass;            /* what the last WELCOME gave */
	uint64_t numbers[NUMBERS], ncome; /* the last that came */
	struct weft__arena arena;
	struct sample sample;
};

static bool chance(struct speaker *s, uint64_t one_of)
{
	return weft__rng_below(&s->rng, one_of) == 0;
}

static void hang_up(struct speaker *s)
{
	close(s->fd);
	s->fd = -1;
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void note(struct speaker *s, const struct weft__msg *m)
{
	const struct weft__msg_type *type = weft__msg_type((uint64_t)m->code);
	if (m->code == WEFT__MSG_WELCOME) {
		s->client = m->welcome.client;
		s->pass = m->welcome.pass;
	}
	for (size_t i = 0; i < type->nfields; i++)
		if (type->fields[i].kind == WEFT__FIELD_U64)
			s->numbers[s->ncome++ % NUMBERS] = *(uint64_t *)sample_field(m, type, i);
}

static void take(struct speaker *s, const uint8_t *packet, size_t nbytes)
{
	struct weft_error e;
	for (size_t at = 0; at + WEFT__FRAME_HEADER < nbytes;) {
		int length = weft__frame_length(packet + at, &e);
		const uint8_t *body = packet + at + WEFT__FRAME_HEADER;
		struct weft__msg m;
		if (length < 0)
			return;
		if (!weft__msg_decode(body, (size_t)length, WEFT__ROLE_NODE, s->role, &s->arena, &m, &e) ||
		    !weft__msg_decode(body, (size_t)length, WEFT__ROLE_COORD, s->role, &s->arena, &m, &e))
			note(s, &m);
		at += WEFT__FRAME_HEADER + (size_t)length;
	}
}

/* All that has come. Descriptors are closed as they come: there is no room for any. */
static void hear(struct speaker *s)
{
	static uint8_t packet[WEFT__FRAME_HEADER + WEFT__FRAME_MAX];
	while (s->fd >= 0) {
		ssize_t n = recv(s->fd, packet, sizeof packet, MSG_DONTWAIT);
		if (n > 0)
			take(s, packet, (size_t)n);
		else if (n < 0 && errno == EAGAIN)
			return;
		else
			hang_up(s);
	}
}

/* --- saying ----------------------------------------------------------------------------------- */

static void send_packet(struct speaker *s, struct weft__buf *frame, int *fds, size_t nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} ancillary = {0};
	struct iovec iov = {.iov_base = frame->data, .iov_len = frame->len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (nfds) {
		msg.msg_control = ancillary.bytes;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, nfds * sizeof(int));
	}
	while (s->fd >= 0 && sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		struct pollfd p = {.fd = s->fd, .events = POLLIN | POLLOUT};
		if (errno == EAGAIN && poll(&p, 1, ROOM_MS) >= 0)
			hear(s);
		else if (errno != EINTR)
			hang_up(s);
	}
}

/* One of several kinds, none of which has another end. */
static int descriptor(struct speaker *s)
{
	int pair[2];
	if (chance(s, 3))
		return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (chance(s, 2) ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	bool reader = chance(s, 2);
	close(pair[reader]);
	return pair[!reader];
}

static void say(struct speaker *s, const struct weft__msg *m, size_t nfds)
{
	struct weft__buf frame = {0};
	struct weft_error e;
	int fds[FDS_MAX];
	size_t n = 0;
	if (weft__msg_encode(&frame, m, &e) == 0) {
		while (n < nfds && (fds[n] = descriptor(s)) >= 0)
			n++;
		send_packet(s, &frame, fds, n);
	}
	while (n > 0)
		close(fds[--n]);
	weft__buf_fini(&frame);
}

static uint64_t number(struct speaker *s)
{
	if (chance(s, 2) && s->ncome)
		return s->numbers[weft__rng_below(&s->rng, s->ncome < NUMBERS ? s->ncome : NUMBERS)];
	return weft__rng_below(&s->rng, chance(s, 2) ? 4 : 40);
}

/* Something that could be meant in place of what is in the field. */
static void make_sense(struct speaker *s, const struct weft__msg_type *type, size_t i)
{
	static const char *const words[] = {"true", "sleep", "x", "n1", "1", "", "$HOME/x", "*"};
	void *at = sample_field(&s->sample.m, type, i);
	if (type->fields[i].kind == WEFT__FIELD_U64) {
		uint64_t n = number(s);
		if (n <= type->fields[i].max)
			*(uint64_t *)at = n;
	} else if (type->fields[i].kind == WEFT__FIELD_U64S) {
		const struct weft__u64s *list = at;
		for (size_t k = 0; k < list->n && k < SAMPLE_NUMBERS_MAX; k++)
			s->sample.numbers[list->p == s->sample.numbers[1]][k] = number(s);
	} else if (type->fields[i].kind == WEFT__FIELD_STR) {
		struct weft__str text = weft__str(words[weft__rng_below(&s->rng, sizeof words / sizeof *words)]);
		if (text.n <= type->fields[i].max)
			*(struct weft__str *)at = text;
	}
}

static bool may_say(struct speaker *s, const struct weft__msg_type *type)
{
	switch (type->code) {
	case WEFT__MSG_HALT:
	case WEFT__MSG_SIGNAL:
	case WEFT__MSG_NODE_ADD:
	case WEFT__MSG_NODE_DEL:
	case WEFT__MSG_NODE_SET:
	case WEFT__MSG_TASKER: /* all tasks would be its to start */
		return false;
	case WEFT__MSG_BYE:   /* this and a share of no memory end the connection; */
	case WEFT__MSG_SHARE:
	case WEFT__MSG_SPAWN: /* tasks cost more than words */
		return chance(s, 100);
	case WEFT__MSG_HELLO:
		return s->folder && chance(s, 10);
	default:
		return true;
	}
}

static void talk_nonsense(struct speaker *s)
{
	const struct weft__msg_type *type;
	do
		type = &weft__msg_types[weft__rng_below(&s->rng, weft__msg_ntypes)];
	while (!(type->from & s->role) || !(type->to & (WEFT__ROLE_NODE | WEFT__ROLE_COORD)) || !may_say(s, type));
	size_t full = weft__rng_below(&s->rng, 50 * type->nfields);
	sample_fill(&s->sample, type, &s->rng, full < type->nfields ? (int)full : SAMPLE_NONE);
	for (size_t i = 0; i < type->nfields; i++)
		if (!chance(s, 6))
			make_sense(s, type, i);
	say(s, &s->sample.m, chance(s, 4) ? weft__rng_below(&s->rng, FDS_MAX + 1) : 0);
	hear(s);
}

/* --- a connection after the other ------------------------------------------------------------- */

static bool begin(struct speaker *s)
{
	if (s->folder)
		s->fd = weft__rundir_connect(s->folder, "sock", NULL);
	if (s->fd < 0)
		return false;
	struct weft__msg m = {.code = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION,
	                                .release = weft__str("0"),
	                                .role = s->role,
	                                .tid = s->tid,
	                                .pid = (uint64_t)getpid(),
	                                .name = weft__str("nonsense")}};
	if (chance(s, 8)) { /* as one that comes back */
		m.hello.client = s->client;
		m.hello.pass = s->pass;
	}
	if (s->folder && chance(s, 20)) /* nor does it greet */
		return true;
	say(s, &m, 0);
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	if (s->fd >= 0 && poll(&p, 1, WELCOME_MS) >= 0)
		hear(s);
	return true;
}

int main(int argc, char **argv)
{
	static struct speaker s = {.fd = -1};
	const char *fd = getenv("WEFT_FD"), *tid = getenv("WEFT_TID");
	weft_tid_t own = {0};
	if (argc < 4)
		return 2;
	s.role = argv[1][0] == 't' ? WEFT__ROLE_TOOL : WEFT__ROLE_TASK;
	s.folder = argv[4];
	if (!s.folder && fd && tid && !weft__tid_parse(tid, &own))
		s.fd = atoi(fd);
	s.tid = own.v;
	weft__rng_init(&s.rng, strtoull(argv[2], NULL, 10));
	unsigned long connections = 0;
	for (long left = atol(argv[3]); left > 0; left--) {
		if (s.fd < 0 || !connections) {
			if ((!s.folder && connections) || !begin(&s))
				break;
			connections++;
		}
		if (s.fd >= 0)
			talk_nonsense(&s);
	}
	weft__arena_fini(&s.arena);
	return connections ? 0 : 1;
}
