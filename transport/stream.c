/* Channels over a connected stream socket: TCP between nodes, or a Unix pair.
 *
 * The happy path: a message is a header of 40 bytes and its payload, written by one send. The
 * far end reads into a staging buffer and hands out what is whole there; of a longer payload it
 * hands out what has come, and reads the rest straight to where it belongs, what follows behind it
 * into the staging buffer again.
 *
 * Places. The kernel copies twice as fast to what begins with a cache line, or begins in the same
 * place of one as that what it copies from. On one machine its own memory holds the stream one byte
 * after the other, in pages of which it leaves the last 31 bytes when a write ends there. So each message takes a
 * whole number of lines, with zeros behind the payload; and before that of a long one there is padding, up
 * to 63 bytes, such that its place in the stream is like its place in the sender's memory. A
 * receiver's buffer is like the sender's, as a rule.
 *
 * What goes wrong.
 * - The socket takes a part: what it took of the header is kept here (sent), of the payload with
 * the caller
 *   (*taken). The same message comes again.
 * - End of file, reset or a broken pipe: what came before is handed out, then WEFT_ECLOSED. A
 * failed write does not end the reading: what a dying far end sent may still be in the socket.
 * - A header that no one of us writes: WEFT_EPROTO.
 * - Closing a TCP socket that has unread bytes resets the connection and discards what the far end
 * has not got yet. So close says that nothing more comes and throws away what arrives until the
 * kernel has got rid of all that was sent, LINGER_MS at most.
 */
#include "config.h"

#include "transport/transport.h"

#include "base/clock.h"
#include "base/heap.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <linux/sockios.h>

enum {
	HEADER_BYTES = 40,
	STAGING_BYTES = 64 * 1024,
	AHEAD_MIN = 2048,             /* bytes to read beyond what is known to come, at least */
	LONG_BYTES = 48 * 1024,       /* from here on a copy costs more than another read */
	JOIN_BYTES = 8 * 1024,        /* a payload up to this is copied behind its header */
	LINE = 64,                    /* of the caches */
	LOOPBACK_BUFFER = 256 * 1024, /* in flight on one machine: no more than caches hold */
	POLL_READS = 8,               /* a poll reads at most so often */
	PACKET = 65483, /* of the loopback interface */
	AHEAD_BYTES = 2 * PACKET - 406, /* with a header */
	WHOLE_BYTES = 5 * PACKET - 406, /* about as much as is in flight: the answer would come too late */
	LINGER_MS = 200,
	MARK = 0x5746, /* at the end of each header */
};

struct stream {
	struct weft__channel channel;
	int fd;
	bool deaf;  /* writing failed */
	int closed; /* reading: 0, or why nothing more comes */
	short events;
	size_t sent;    /* bytes of the header that the socket has taken; 0 between messages */
	uint8_t *out;   /* for a header with its padding, and a short payload */
	size_t nhead;   /* its bytes with the padding */
	size_t ntail;   /* zeros behind its payload that the socket has not taken */

	uint8_t *staging; /* LINE + STAGING_BYTES, from the first read on */
	size_t start, end;
	size_t skip; /* zeros behind the last payload that have not come */
	size_t ahead; /* how far to fill it, AHEAD_MIN..STAGING_BYTES */
	bool active;  /* a message is half here */
	uint64_t emptied_ns; /* when a poll at leisure had taken all there was; 0: look at once */
	struct weft__hdr hdr;
	uint8_t *to; /* NULL: throw away */
	uint64_t got;
};

/* --- the header: len 8, id 8, total 8, context 4, tag 4, kind 1, flags 1, padding 1, 0 3, MARK 2 */

static void put(uint8_t *to, uint64_t v, size_t nbytes)
{
	v = htole64(v);
	memcpy(to, &v, nbytes);
}

static uint64_t get(const uint8_t *from, size_t nbytes)
{
	uint64_t v = 0;
	memcpy(&v, from, nbytes);
	return le64toh(v);
}

static void header_encode(uint8_t to[static HEADER_BYTES], const struct weft__hdr *hdr,
                          size_t padding)
{
	put(to, hdr->len, 8);
	put(to + 8, hdr->id, 8);
	put(to + 16, hdr->total, 8);
	put(to + 24, hdr->context, 4);
	put(to + 28, (uint32_t)hdr->tag, 4);
	to[32] = hdr->kind;
	to[33] = hdr->flags;
	put(to + 34, padding, 4);
	put(to + 38, MARK, 2);
}

static int header_decode(const uint8_t from[static HEADER_BYTES], struct weft__hdr *hdr,
                         size_t *padding)
{
	if (get(from + 34, 4) >= LINE || get(from + 38, 2) != MARK || get(from, 8) > WEFT__LEN_MAX)
		return WEFT_EPROTO;
	*padding = get(from + 34, 4);
	hdr->len = get(from, 8);
	hdr->id = get(from + 8, 8);
	hdr->total = get(from + 16, 8);
	hdr->context = (uint32_t)get(from + 24, 4);
	hdr->tag = (int32_t)(uint32_t)get(from + 28, 4);
	hdr->kind = from[32];
	hdr->flags = from[33];
	return 0;
}

/* --- sending ------------------------------------------------------------------------------- */

/* Zeros behind so many bytes of a message. */
static size_t tail_of(uint64_t nbytes)
{
	return (size_t)-nbytes % LINE;
}

/* The payload of a long message shall lie in the kernel's memory as it does in ours, seen from the
 * start of a cache line: both copies, in and out, are then up to twice as fast. */
static void compose(struct stream *s, const struct weft__hdr *hdr, const void *payload)
{
	size_t padding = hdr->len <= JOIN_BYTES
	                         ? 0
	                         : (size_t)((uintptr_t)payload - HEADER_BYTES) % LINE;
	s->nhead = HEADER_BYTES + padding;
	s->ntail = tail_of(s->nhead + hdr->len);
	header_encode(s->out, hdr, padding);
	memset(s->out + HEADER_BYTES, 0, padding);
}

/* Give the socket the rest of the message, given what it has taken; bytes taken, or -1 and errno.
 */
static ssize_t write_some(struct stream *s, const uint8_t *payload, size_t left)
{
	static const uint8_t zeros[LINE];
	if (left <= JOIN_BYTES && s->sent == 0) { /* the kernel likes one piece better than more */
		uint8_t *to = s->out + s->nhead;
		if (left > 0)
			memcpy(to, payload, left);
		memcpy(to + left, zeros, s->ntail);
		return send(s->fd, s->out, s->nhead + left + s->ntail, MSG_NOSIGNAL);
	}
	struct iovec iov[3] = {
	        {s->out + s->sent, s->nhead - s->sent},
	        {(uint8_t *)(uintptr_t)payload, left},
	        {(uint8_t *)(uintptr_t)zeros, s->ntail},
	};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = s->ntail ? 3 : 2};
	return sendmsg(s->fd, &m, MSG_NOSIGNAL);
}

/* What of n bytes is for one that wants so many more. */
static size_t part_of(size_t *n, size_t wanted)
{
	size_t part = *n < wanted ? *n : wanted;
	*n -= part;
	return part;
}

static int stream_send(struct weft__channel *c, const struct weft__hdr *hdr, const void *payload,
                       size_t *taken)
{
	struct stream *s = (struct stream *)c;
	if (s->deaf)
		return WEFT_ECLOSED;
	if (hdr->len > WEFT__LEN_MAX)
		return WEFT_ETOOBIG;
	if (s->sent == 0)
		compose(s, hdr, payload);
	while (s->sent < s->nhead || *taken < hdr->len || s->ntail) {
		ssize_t n = write_some(s, payload ? (const uint8_t *)payload + *taken : NULL, hdr->len - *taken);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ||
		              errno == ENOMEM))
			return WEFT_EAGAIN;
		if (n < 0) {
			s->deaf = true;
			return WEFT_ECLOSED;
		}
		size_t left = (size_t)n;
		s->sent += part_of(&left, s->nhead - s->sent);
		*taken += part_of(&left, hdr->len - *taken);
		s->ntail -= left;
	}
	s->sent = 0;
	return 0;
}

/* --- receiving ----------------------------------------------------------------------------- */

static void ended(struct stream *s, const struct weft__sink *sink)
{
	s->active = false;
	sink->end(sink->arg, &s->hdr);
}

/* A message that is longer than what has come. The next reads go straight to its place; when such
 * ones are the rule, most of it should not have been staged before. */
static void begin(struct stream *s, const struct weft__hdr *hdr, const uint8_t *payload,
                  size_t have, const struct weft__sink *sink)
{
	s->hdr = *hdr;
	s->active = true;
	s->got = have;
	if (hdr->len >= LONG_BYTES)
		s->ahead = AHEAD_MIN;
	s->to = sink->begin(sink->arg, &s->hdr);
	if (s->to)
		memcpy(s->to, payload, have);
}

/* What is left in the staging buffer goes to its front: to the same place in a cache line as it has
 * in the stream. */
static void make_room(struct stream *s)
{
	size_t left = s->end - s->start, front = s->start % LINE;
	if (s->start == front)
		return;
	if (left > 0)
		memmove(s->staging + front, s->staging + s->start, left);
	s->start = front;
	s->end = front + left;
}

/* The zeros behind the last message, as far as they are here; have they all been? */
static bool skip_zeros(struct stream *s)
{
	size_t here = s->end - s->start, part = part_of(&here, s->skip);
	s->start += part;
	s->skip -= part;
	return s->skip == 0;
}

/* Hand out what is in the staging buffer; the number of messages and pieces. */
static int unstage(struct stream *s, const struct weft__sink *sink)
{
	int pieces = 0;
	while (!s->closed && !s->active && skip_zeros(s) && s->end - s->start >= HEADER_BYTES) {
		struct weft__hdr hdr;
		size_t padding;
		s->closed = header_decode(s->staging + s->start, &hdr, &padding);
		if (s->closed || s->end - s->start < HEADER_BYTES + padding)
			break;
		s->start += HEADER_BYTES + padding;
		s->skip = tail_of(HEADER_BYTES + padding + hdr.len);
		pieces++;
		uint8_t *payload = s->staging + s->start;
		size_t have = s->end - s->start;
		if (have >= hdr.len) {
			s->start += hdr.len;
			sink->message(sink->arg, &hdr, payload);
		} else {
			s->start = s->end;
			begin(s, &hdr, payload, have, sink);
		}
	}
	make_room(s);
	return pieces;
}

/* One read: the rest of a message to its place, what follows into the staging buffer. The bytes
 * that came; 0: nothing for now, or closed. */
static size_t read_some(struct stream *s, bool *full)
{
	uint64_t rest = s->active ? s->hdr.len - s->got : 0;
	size_t straight = s->active && s->to ? rest : 0, room = s->ahead - (s->end - s->start);
	/* A message to throw away passes through the staging buffer, up to its end. */
	if (s->active && !s->to && rest < room)
		room = rest;
	if (straight > 0) /* the staging buffer is empty */
		s->start = s->end = (LINE - s->skip) % LINE;
	struct iovec iov[2] = {{straight ? s->to + s->got : NULL, straight},
	                       {s->staging + s->end, room}};
	ssize_t n;
	do
		n = straight > 0 ? readv(s->fd, iov, 2) : recv(s->fd, iov[1].iov_base, room, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n <= 0) {
		s->closed = WEFT_ECLOSED;
		return 0;
	}
	*full = (size_t)n == straight + room;
	if (*full && straight == 0 && s->ahead < STAGING_BYTES)
		s->ahead *= 2;
	size_t of_message = (size_t)n < rest ? (size_t)n : rest;
	s->got += of_message;
	s->end += (size_t)n - of_message;
	return (size_t)n;
}

/* A look at the socket holds up a far end on this machine that writes to it, and what is taken out bit by bit is
 * acknowledged bit by bit, which costs the far end once more. */
static bool leave_alone(struct stream *s, const struct weft__sink *sink)
{
	if (*sink->leisure_ns &&
	    weft__clock_ns() - s->emptied_ns < *sink->leisure_ns)
		return true;
	s->emptied_ns = 0;
	return false;
}

static int stream_poll(struct weft__channel *c, const struct weft__sink *sink)
{
	struct stream *s = (struct stream *)c;
	int pieces = 0;
	bool full = true;
	if (s->emptied_ns && leave_alone(s, sink))
		return 0;
	if (!s->staging && !s->closed) {
		s->staging = weft__aligned_alloc(LINE, LINE + STAGING_BYTES);
		if (!s->staging)
			return 0; /* the bytes wait in the socket; there may be memory later */
	}
	for (int reads = 0; !s->closed && full && reads < POLL_READS; reads++) {
		if (reads > 0 && sink->sated && *sink->sated)
			break;
		full = false;
		if (read_some(s, &full) == 0)
			break;
		if (s->active) {
			pieces++;
			if (s->got == s->hdr.len)
				ended(s, sink);
		}
		pieces += unstage(s, sink);
	}
	if (pieces > 0 && !full && !s->active && sink->leisure_ns && *sink->leisure_ns)
		s->emptied_ns = weft__clock_ns();
	return pieces > 0 ? pieces : s->closed;
}

/* --- waiting, opening, closing ------------------------------------------------------------- */

static bool stream_arm(struct weft__channel *c, bool want_send)
{
	struct stream *s = (struct stream *)c;
	s->events = want_send && !s->deaf ? POLLIN | POLLOUT : POLLIN;
	return s->closed || (want_send && s->deaf);
}

static void stream_disarm(struct weft__channel *c)
{
	((struct stream *)c)->events = 0;
}

static int stream_pollfd(const struct weft__channel *c, short *events)
{
	const struct stream *s = (const struct stream *)c;
	*events = s->events;
	return s->fd;
}

/* Until the kernel has got rid of what was sent: throw away what comes. What went into a Unix
 * socket is at the far end already. */
static void linger(int fd)
{
	char bin[4096];
	uint64_t deadline = weft__deadline(LINGER_MS);
	int unsent = 0, left_ms, domain = AF_UNIX;
	socklen_t size = sizeof domain;
	if (shutdown(fd, SHUT_WR) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0 || domain == AF_UNIX)
		return;
	while ((left_ms = weft__deadline_left_ms(deadline)) > 0) {
		if (ioctl(fd, SIOCOUTQ, &unsent) < 0 || unsent == 0)
			return;
		ssize_t n = recv(fd, bin, sizeof bin, MSG_DONTWAIT);
		if (n > 0)
			continue;
		if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
			return;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		poll(&p, 1, left_ms < 2 ? left_ms : 2);
	}
}

static void stream_free(struct stream *s)
{
	weft__free(s->out);
	weft__free(s->staging);
	weft__free(s);
}

static void stream_close(struct weft__channel **c)
{
	struct stream *s = (struct stream *)*c;
	*c = NULL;
	linger(s->fd);
	close(s->fd);
	stream_free(s);
}

static const struct weft__channel_ops stream_ops = {
        .name = "stream",
        .whole_bytes = WHOLE_BYTES,
        .ahead_bytes = AHEAD_BYTES,
        .send = stream_send,
        .poll = stream_poll,
        .arm = stream_arm,
        .disarm = stream_disarm,
        .pollfd = stream_pollfd,
        .close = stream_close,
};

/* Are both ends on this machine? */
static bool loopback(int fd)
{
	struct sockaddr_storage us = {0}, them = {0};
	socklen_t size = sizeof us, their_size = sizeof them;
	if (getsockname(fd, (struct sockaddr *)&us, &size) < 0 ||
	    getpeername(fd, (struct sockaddr *)&them, &their_size) < 0 ||
	    us.ss_family != them.ss_family)
		return false;
	const struct sockaddr_in *a4 = (void *)&us, *b4 = (void *)&them;
	const struct sockaddr_in6 *a6 = (void *)&us, *b6 = (void *)&them;
	if (us.ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return us.ss_family == AF_INET6 &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

int weft__stream_open(int *fd, struct weft__channel **c)
{
	const int on = 1, buffer = LOOPBACK_BUFFER;
	int sock = *fd, flags;
	*fd = -1;
	struct stream *s = weft__calloc(1, sizeof *s);
	if (s)
		s->out = weft__aligned_alloc(LINE, LINE + HEADER_BYTES + JOIN_BYTES);
	if (!s || !s->out) {
		close(sock);
		weft__free(s);
		return WEFT_ENOMEM;
	}
	flags = fcntl(sock, F_GETFL);
	if (flags < 0 || fcntl(sock, F_SETFL, flags | O_NONBLOCK) < 0) {
		close(sock);
		stream_free(s);
		return WEFT_EIO;
	}
	(void)setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on a Unix pair */
	if (loopback(sock))
		(void)setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
	s->channel.ops = &stream_ops;
	s->fd = sock;
	s->ahead = STAGING_BYTES;
	*c = &s->channel;
	return 0;
}
