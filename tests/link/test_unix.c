/* Links over Unix sockets. */
#include "config.h"

#include "party.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rng.h"

struct pair {
	struct party a, b;
};

static void open_party(uv_loop_t *loop, struct party *p, int *fd)
{
	assert_int_equal(link_open(loop, fd, &party_handler, p, &p->l), 0);
	assert_int_equal(*fd, -1);
}

static void open_pair(struct stage *s, struct pair *two)
{
	int fds[2];
	*two = (struct pair){0};
	seqpacket_pair(fds);
	open_party(&s->loop, &two->a, &fds[0]);
	open_party(&s->loop, &two->b, &fds[1]);
}

static void close_pair(struct pair *two)
{
	party_fini(&two->a);
	party_fini(&two->b);
}

/* One link, and the bare other end of its socket. */
static int open_half(struct stage *s, struct party *p)
{
	int fds[2];
	*p = (struct party){0};
	seqpacket_pair(fds);
	open_party(&s->loop, p, &fds[0]);
	return fds[1];
}

/* --- frames ------------------------------------------------------------------------------- */

static void frames_of_every_size_arrive_both_ways(void **state)
{
	static const size_t sizes[] = {
	        1, 2, 7, 8, 9, 1000, 4088, 65536, WEFT__FRAME_MAX - 1, WEFT__FRAME_MAX};
	struct stage *s = *state;
	struct pair two;
	open_pair(s, &two);
	for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		send_bytes(two.a.l, sizes[i], i);
		send_bytes(two.b.l, sizes[i], i + 100);
		assert_true(run_until(&s->loop, &two.b.nframes, i + 1));
		assert_true(run_until(&s->loop, &two.a.nframes, i + 1));
		assert_last(&two.b, sizes[i], i);
		assert_last(&two.a, sizes[i], i + 100);
	}
	assert_int_equal(two.a.nopened, 1);
	close_pair(&two);
}

static void a_message_is_encoded_and_sent(void **state)
{
	struct stage *s = *state;
	struct pair two;
	open_pair(s, &two);
	const struct weft__msg m = {.code = WEFT__MSG_HEARTBEAT, .heartbeat = {.seq = 77}};
	assert_int_equal(link_send(two.a.l, &m, NULL, 0), 0);
	assert_true(run_until(&s->loop, &two.b.nframes, 1));
	struct weft__arena arena = {0};
	struct weft__msg got;
	assert_int_equal(weft__msg_decode(two.b.last.data, two.b.last.len, WEFT__ROLE_NODE,
	                                  WEFT__ROLE_COORD, &arena, &got, NULL),
	                 0);
	assert_int_equal(got.heartbeat.seq, 77);
	weft__arena_fini(&arena);
	close_pair(&two);
}

static void a_frame_over_the_maximum_is_refused_and_nothing_is_sent(void **state)
{
	struct stage *s = *state;
	struct pair two;
	open_pair(s, &two);
	struct weft__buf b = {0};
	fill(&b, WEFT__FRAME_MAX + 1, 0);
	assert_int_equal(link_send_body(two.a.l, b.data, b.len), WEFT_ETOOBIG);
	weft__buf_fini(&b);
	assert_int_equal(link_queued(two.a.l), 0);
	send_bytes(two.a.l, 5, 3);
	assert_true(run_until(&s->loop, &two.b.nframes, 1));
	assert_last(&two.b, 5, 3);
	close_pair(&two);
}

static void queued_frames_arrive_in_order_without_loss(void **state)
{
	enum { N = 20000 };
	struct stage *s = *state;
	struct pair two;
	open_pair(s, &two);
	two.b.then = party_check_number;
	link_pause(two.b.l, true);
	uint8_t body[700] = {0};
	uint64_t nbytes = 0;
	for (uint32_t i = 0; i < N; i++) {
		size_t n = sizeof i + i % (sizeof body - sizeof i);
		memcpy(body, &i, sizeof i);
		assert_int_equal(link_send_body(two.a.l, body, n), 0);
		nbytes += n;
	}
	assert_true(link_queued(two.a.l) > 0);
	run_for(&s->loop, 20);
	assert_int_equal(two.b.nframes, 0);
	link_pause(two.b.l, false);
	assert_true(run_until(&s->loop, &two.b.nframes, N));
	assert_int_equal(two.b.nbytes, nbytes);
	assert_int_equal(link_queued(two.a.l), 0);
	close_pair(&two);
}

static void pause_itself(struct party *p, const char *what)
{
	if (*what == 'f')
		link_pause(p->l, true);
}

static void a_link_paused_by_its_handler_hands_on_one_frame_at_a_time(void **state)
{
	struct stage *s = *state;
	struct pair two;
	open_pair(s, &two);
	two.b.then = pause_itself;
	for (unsigned i = 0; i < 5; i++)
		send_bytes(two.a.l, 10, i);
	for (unsigned i = 1; i <= 5; i++) {
		assert_true(run_until(&s->loop, &two.b.nframes, i));
		run_for(&s->loop, 5);
		assert_int_equal(two.b.nframes, i);
		assert_last(&two.b, 10, i - 1);
		link_pause(two.b.l, false);
	}
	close_pair(&two);
}

static void another_handler_takes_over(void **state)
{
	struct stage *s = *state;
	struct pair two;
	struct party heir = {.nopened = 1};
	open_pair(s, &two);
	send_bytes(two.a.l, 10, 1);
	assert_true(run_until(&s->loop, &two.b.nframes, 1));
	heir.l = two.b.l;
	two.b.l = NULL;
	link_set_handler(heir.l, &party_handler, &heir);
	send_bytes(two.a.l, 11, 2);
	assert_true(run_until(&s->loop, &heir.nframes, 1));
	assert_int_equal(two.b.nframes, 1);
	party_fini(&heir);
	close_pair(&two);
}

static void the_peers_pid_is_known(void **state)
{
	struct stage *s = *state;
	struct pair two;
	char text[32];
	open_pair(s, &two);
	assert_int_equal(link_peer_pid(two.a.l), getpid());
	snprintf(text, sizeof text, "pid %d", (int)getpid());
	assert_string_equal(link_peer(two.a.l), text);
	assert_string_equal(link_peer_host(two.a.l), "");
	close_pair(&two);
}

/* --- descriptors -------------------------------------------------------------------------- */

static const struct weft__msg some_message = {.code = WEFT__MSG_HEARTBEAT};

static ino_t inode(int fd)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static void descriptors_arrive_with_their_frames(void **state)
{
	struct stage *s = *state;
	struct pair two;
	int pipes[LINK_FDS_MAX][2], fds[LINK_FDS_MAX];
	open_pair(s, &two);
	for (int i = 0; i < LINK_FDS_MAX; i++) {
		assert_int_equal(pipe2(pipes[i], O_CLOEXEC), 0);
		fds[i] = pipes[i][1];
	}
	for (unsigned n = 0; n <= LINK_FDS_MAX; n++) {
		assert_int_equal(link_send(two.a.l, &some_message, fds, n), 0);
		assert_true(run_until(&s->loop, &two.b.nframes, n + 1));
		assert_int_equal(two.b.nlast_fds, n);
		for (unsigned i = 0; i < n; i++) {
			assert_true(inode(two.b.fds[i]) == inode(fds[i]));
			assert_true(fcntl(two.b.fds[i], F_GETFD) & FD_CLOEXEC);
		}
	}
	for (int i = 0; i < LINK_FDS_MAX; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	close_pair(&two);
}

static void expect_fd_every_third(struct party *p, const char *what)
{
	if (*what == 'f')
		assert_int_equal(p->nlast_fds, (p->nframes - 1) % 3 == 0);
}

static void descriptors_keep_their_place_in_a_long_queue(void **state)
{
	enum { N = 300 };
	struct stage *s = *state;
	struct pair two;
	uint8_t body[20000] = {0};
	open_pair(s, &two);
	two.b.then = expect_fd_every_third;
	link_pause(two.b.l, true);
	for (unsigned i = 0; i < N; i++) {
		int fd = 0;
		if (i % 3 == 0)
			assert_int_equal(link_send(two.a.l, &some_message, &fd, 1), 0);
		else
			assert_int_equal(link_send_body(two.a.l, body, sizeof body), 0);
	}
	assert_true(link_queued(two.a.l) > 0);
	link_pause(two.b.l, false);
	assert_true(run_until(&s->loop, &two.b.nframes, N));
	assert_int_equal(two.b.nfds, N / 3);
	close_pair(&two);
}

static void queued_descriptors_are_closed_when_the_peer_goes(void **state)
{
	struct stage *s = *state;
	struct party p;
	int fd = open_half(s, &p), in = 0;
	uint8_t body[20000] = {0};
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(link_send(p.l, &some_message, &in, 1), 0);
		assert_int_equal(link_send_body(p.l, body, sizeof body), 0);
	}
	assert_true(link_queued(p.l) > 0);
	close(fd);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_int_equal(p.code, WEFT_ECLOSED);
	party_fini(&p); /* and stage_close counts the descriptors */
}

static void a_descriptor_that_is_none_is_an_error_and_nothing_is_sent(void **state)
{
	struct stage *s = *state;
	struct pair two;
	int fds[2] = {0, 9999};
	open_pair(s, &two);
	assert_int_equal(link_send(two.a.l, &some_message, fds, 2), WEFT_EINVAL);
	assert_int_equal(link_queued(two.a.l), 0);
	close_pair(&two);
}

static void send_raw(int fd, const void *bytes, size_t nbytes, unsigned nfds)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (void *)bytes, .iov_len = nbytes};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	if (nfds > 0) {
		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memset(CMSG_DATA(c), 0, nfds * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &h, MSG_NOSIGNAL), nbytes);
}

static void too_many_descriptors_close_the_link(void **state)
{
	struct stage *s = *state;
	struct party p;
	int fd = open_half(s, &p);
	uint8_t frame[10] = {0};
	weft__frame_header(frame, 2);
	send_raw(fd, frame, sizeof frame, LINK_FDS_MAX + 1);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_int_equal(p.code, WEFT_EPROTO);
	assert_int_equal(p.nframes, 0);
	close(fd);
	party_fini(&p);
}

static void a_process_without_descriptors_says_so_and_lives(void **state)
{
	struct stage *s = *state;
	struct party p;
	struct rlimit old, low;
	int fd = open_half(s, &p);
	uint8_t frame[10] = {0};
	weft__frame_header(frame, 2);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	send_raw(fd, frame, sizeof frame, 4);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 4;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	bool told = run_until(&s->loop, &p.nclosed, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(told);
	assert_int_equal(p.code, WEFT_ENOSPC);
	close(fd);
	party_fini(&p);
}

/* --- bad peers ---------------------------------------------------------------------------- */

static void expect_refused(struct stage *s, const void *bytes, size_t nbytes, int code)
{
	struct party p;
	int fd = open_half(s, &p);
	send_raw(fd, bytes, nbytes, 1);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_int_equal(p.code, code);
	assert_int_equal(p.nframes, 0);
	close(fd);
	party_fini(&p);
}

static void packets_that_are_no_frames_close_the_link(void **state)
{
	struct stage *s = *state;
	static uint8_t big[WEFT__FRAME_MAX + 4 * 8] = {0};
	uint8_t frame[16] = {0};
	expect_refused(s, "x", 1, WEFT_EPROTO);
	expect_refused(s, "GET / HTTP/1.1\r\n\r\n", 18, WEFT_EPROTO);
	weft__frame_header(frame, 9); /* truncated */
	expect_refused(s, frame, sizeof frame, WEFT_EPROTO);
	weft__frame_header(frame, 7); /* too long for what it announces */
	expect_refused(s, frame, sizeof frame, WEFT_EPROTO);
	weft__frame_header(frame, 0);
	expect_refused(s, frame, 8, WEFT_EPROTO);
	weft__frame_header(frame, 8);
	frame[2] = WEFT__PROTO_VERSION + 1;
	expect_refused(s, frame, sizeof frame, WEFT_EVERSION);
	weft__frame_header(big, WEFT__FRAME_MAX);
	expect_refused(s, big, sizeof big, WEFT_EPROTO);
}

static void what_a_peer_sent_before_its_end_is_read_first(void **state)
{
	struct stage *s = *state;
	struct party p;
	int fd = open_half(s, &p);
	uint8_t frame[10] = {0};
	weft__frame_header(frame, 2);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	send_bytes(p.l, 100, 0); /* never read: the kernel then reports a reset before the frames */
	for (int i = 0; i < 3; i++)
		send_raw(fd, frame, sizeof frame, 0);
	close(fd);
	send_bytes(p.l, 100, 0); /* fails, quietly and without SIGPIPE */
	assert_int_equal(p.nclosed, 0);
	assert_int_equal(link_send_body(p.l, "x", 1), WEFT_ECLOSED);
	assert_true(run_until(&s->loop, &p.nclosed, 1));
	assert_int_equal(p.nframes, 3);
	assert_int_equal(p.code, WEFT_ECLOSED);
	party_fini(&p);
}

/* --- the end ------------------------------------------------------------------------------ */

/* The receiver sees each frame, and the bare socket how they were packed. */
static void a_link_that_gathers_sends_the_frames_of_a_turn_in_one_packet(void **state)
{
	enum { N = 20, NBYTES = 100 };
	struct stage *s = *state;
	struct party p;
	uint8_t body[NBYTES] = {0}, packet[N * (WEFT__FRAME_HEADER + NBYTES) + 1];
	int fd = open_half(s, &p);
	link_gather(p.l);
	assert_true(run_until(&s->loop, &p.nopened, 1));
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(link_send_body(p.l, body, NBYTES), 0);
	assert_int_equal(recv(fd, packet, sizeof packet, MSG_DONTWAIT), -1);
	while (link_queued(p.l) > 0)
		uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_int_equal(recv(fd, packet, sizeof packet, MSG_DONTWAIT), N * (WEFT__FRAME_HEADER + NBYTES));
	assert_int_equal(weft__frame_count(packet, N * (WEFT__FRAME_HEADER + NBYTES), NULL), N);
	assert_int_equal(recv(fd, packet, sizeof packet, MSG_DONTWAIT), -1);
	close(fd);
	party_fini(&p);
}

static void gathered_frames_arrive_one_by_one_and_with_their_descriptors(void **state)
{
	enum { N = 300 };
	struct stage *s = *state;
	struct pair two;
	uint8_t body[3000] = {0};
	open_pair(s, &two);
	link_gather(two.a.l);
	two.b.then = expect_fd_every_third;
	for (unsigned i = 0; i < N; i++) {
		int fd = 0;
		if (i % 3 == 0)
			assert_int_equal(link_send(two.a.l, &some_message, &fd, 1), 0);
		else
			assert_int_equal(link_send_body(two.a.l, body, sizeof body), 0);
	}
	assert_true(run_until(&s->loop, &two.b.nframes, N));
	assert_int_equal(two.b.nfds, N / 3);
	close_pair(&two);
}

static void link_close_sends_what_is_queued(void **state)
{
	enum { N = 200 };
	struct stage *s = *state;
	struct pair two;
	uint8_t body[20000] = {0};
	open_pair(s, &two);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(link_send_body(two.a.l, body, sizeof body), 0);
	assert_true(link_queued(two.a.l) > 0);
	link_close(&two.a.l);
	assert_null(two.a.l);
	assert_true(run_until(&s->loop, &two.b.nclosed, 1));
	assert_int_equal(two.b.nframes, N);
	assert_int_equal(two.b.code, WEFT_ECLOSED);
	assert_int_equal(two.a.nclosed, 0);
	close_pair(&two);
}

static void link_close_is_the_end_whoever_has_a_copy(void **state)
{
	struct stage *s = *state;
	struct pair two;
	open_pair(s, &two);
	int copy = dup(link_fd(two.a.l));
	send_bytes(two.a.l, 7, 1);
	link_close(&two.a.l);
	assert_true(run_until(&s->loop, &two.b.nclosed, 1));
	assert_int_equal(two.b.code, WEFT_ECLOSED);
	assert_last(&two.b, 7, 1);
	close(copy);
	close_pair(&two);
}

static void link_close_waits_one_second_for_a_peer_that_takes_nothing(void **state)
{
	struct stage *s = *state;
	struct party p;
	int fd = open_half(s, &p);
	uint8_t body[20000] = {0};
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(link_send_body(p.l, body, sizeof body), 0);
	uint64_t start = now_ms();
	party_fini(&p);
	while (uv_loop_alive(&s->loop) && now_ms() - start < 3000)
		run_for(&s->loop, 10);
	assert_in_range(now_ms() - start, 900, 2500);
	close(fd);
}

static struct party *victim;

static void close_victim(struct party *p, const char *what)
{
	if (strcmp(what, p->with) == 0)
		link_close(&victim->l);
}

static void a_handler_may_close_its_own_link(void **state)
{
	static char *const whens[] = {"opened", "frame", "closed"};
	struct stage *s = *state;
	for (unsigned i = 0; i < 3; i++) {
		struct pair two;
		open_pair(s, &two);
		two.a.then = close_victim;
		two.a.with = whens[i];
		victim = &two.a;
		send_bytes(two.b.l, 10, 0);
		send_bytes(two.b.l, 10, 0);
		if (i == 2) {
			assert_true(run_until(&s->loop, &two.a.nframes, 2));
			link_close(&two.b.l);
			assert_true(run_until(&s->loop, &two.a.nclosed, 1));
		} else {
			assert_true(run_until(&s->loop, &two.b.nclosed, 1));
			assert_int_equal(two.a.nclosed, 0);
			assert_int_equal(two.a.nframes, i);
		}
		close_pair(&two);
	}
}

/* Two pairs whose left ends come readable in one turn of the loop: the first to be told closes the
 * other. */
static void a_handler_may_close_another_link_in_the_same_turn(void **state)
{
	struct stage *s = *state;
	struct pair one, other;
	open_pair(s, &one);
	open_pair(s, &other);
	assert_true(run_until(&s->loop, &one.a.nopened, 1));
	assert_true(run_until(&s->loop, &other.a.nopened, 1));
	one.a.then = close_victim;
	one.a.with = "frame";
	victim = &other.a;
	for (int i = 0; i < 5; i++) {
		send_bytes(other.b.l, 10, 0);
		send_bytes(one.b.l, 10, 0);
	}
	assert_true(run_until(&s->loop, &other.b.nclosed, 1));
	assert_true(run_until(&s->loop, &one.a.nframes, 5));
	assert_int_equal(other.a.nclosed, 0);
	close_pair(&one);
	close_pair(&other);
}

static void closing_a_link_that_has_failed_leaves_closed_untold(void **state)
{
	struct stage *s = *state;
	struct pair one, other;
	int fds[2];
	open_pair(s, &one);
	other = (struct pair){0};
	seqpacket_pair(fds);
	open_party(&s->loop, &other.a, &fds[0]);
	assert_true(run_until(&s->loop, &other.a.nopened, 1));
	/* Both fail in one turn; the first that is told closes the other. */
	close(fds[1]);
	link_close(&one.b.l);
	one.a.then = close_victim;
	one.a.with = "closed";
	victim = &other.a;
	unsigned sum = 0;
	for (int i = 0; i < 50 && sum == 0; i++) {
		run_for(&s->loop, 2);
		sum = one.a.nclosed;
	}
	assert_int_equal(one.a.nclosed, 1);
	assert_true(other.a.nclosed <= 1);
	assert_null(other.a.l);
	close_pair(&one);
	close_pair(&other);
}

static void link_close_of_nothing_is_nothing(void **state)
{
	struct link *l = NULL;
	link_close(&l);
	assert_null(l);
}

static void a_descriptor_that_poll_cannot_watch_is_refused_and_closed(void **state)
{
	struct stage *s = *state;
	struct link *l = NULL;
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), none = -1;
	assert_int_equal(link_open(&s->loop, &file, &party_handler, NULL, &l), WEFT_EIO);
	assert_int_equal(file, -1);
	assert_int_equal(link_open(&s->loop, &none, &party_handler, NULL, &l), WEFT_EIO);
	assert_null(l);
}

/* Sixteen links, all of whose handlers close, pause or write to links drawn at random, their own
 * too. */
enum { CROWD = 16 };
static struct party crowd[CROWD];
static struct weft__rng dice;

static void do_anything(struct party *p, const char *what)
{
	struct party *other = &crowd[weft__rng_below(&dice, CROWD)];
	static const uint8_t body[3000];
	if (!other->l || (other == p && *what == 'c'))
		return;
	switch (weft__rng_below(&dice, 24)) {
	case 0:
		link_close(&other->l);
		break;
	case 1:
	case 2:
		link_pause(other->l, weft__rng_below(&dice, 2));
		break;
	default:
		for (uint64_t i = weft__rng_below(&dice, 4); i > 0; i--)
			link_send_body(other->l, body, 1 + weft__rng_below(&dice, sizeof body));
	}
}

static void handlers_that_close_each_other_at_random_leave_nothing(void **state)
{
	struct stage *s = *state;
	uint64_t seed = now_ms();
	print_message("seed %llu\n", (unsigned long long)seed);
	weft__rng_init(&dice, seed);
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < CROWD; i += 2) {
			int fds[2];
			seqpacket_pair(fds);
			crowd[i] = crowd[i + 1] = (struct party){.then = do_anything};
			open_party(&s->loop, &crowd[i], &fds[0]);
			open_party(&s->loop, &crowd[i + 1], &fds[1]);
		}
		for (int turn = 0; turn < 60; turn++) {
			do_anything(&crowd[turn % CROWD], "test");
			uv_run(&s->loop, UV_RUN_NOWAIT);
		}
		for (int i = 0; i < CROWD; i++)
			party_fini(&crowd[i]);
	}
}

/* --- no memory ---------------------------------------------------------------------------- */

static void every_allocation_may_fail(void **state)
{
	struct stage *s = *state;
	int in = 0;
	for (unsigned long n = 1; n < 100; n++) {
		struct pair two = {0};
		int fds[2];
		seqpacket_pair(fds);
		open_party(&s->loop, &two.b, &fds[1]);
		weft__heap_fail_at(n);
		int open = link_open(&s->loop, &fds[0], &party_handler, &two.a, &two.a.l);
		int send = open == 0 ? link_send(two.a.l, &some_message, &in, 1) : 0;
		int body = open == 0 ? link_send_body(two.a.l, "body", 4) : 0;
		weft__heap_fail_at(0);
		assert_int_equal(fds[0], -1);
		if (open < 0) {
			assert_int_equal(open, WEFT_ENOMEM);
			assert_null(two.a.l);
			assert_true(run_until(&s->loop, &two.b.nclosed, 1));
		} else {
			assert_true(send == 0 || send == WEFT_ENOMEM);
			assert_true(body == 0 || body == WEFT_ENOMEM);
			unsigned expected = (send == 0) + (body == 0);
			assert_true(run_until(&s->loop, &two.b.nframes, expected));
			assert_int_equal(two.b.nfds, send == 0);
		}
		close_pair(&two);
		if (open == 0 && send == 0 && body == 0) {
			assert_true(n > 3);
			return;
		}
	}
	fail_msg("the allocations never end");
}

int main(void)
{
	weft__log_open(2, WEFT__LOG_ERROR, "test");
	const struct CMUnitTest tests[] = {
	        STAGED(frames_of_every_size_arrive_both_ways),
	        STAGED(a_message_is_encoded_and_sent),
	        STAGED(a_frame_over_the_maximum_is_refused_and_nothing_is_sent),
	        STAGED(queued_frames_arrive_in_order_without_loss),
	        STAGED(a_link_paused_by_its_handler_hands_on_one_frame_at_a_time),
	        STAGED(another_handler_takes_over),
	        STAGED(the_peers_pid_is_known),
	        STAGED(descriptors_arrive_with_their_frames),
	        STAGED(descriptors_keep_their_place_in_a_long_queue),
	        STAGED(queued_descriptors_are_closed_when_the_peer_goes),
	        STAGED(a_descriptor_that_is_none_is_an_error_and_nothing_is_sent),
	        STAGED(too_many_descriptors_close_the_link),
	        STAGED(a_process_without_descriptors_says_so_and_lives),
	        STAGED(packets_that_are_no_frames_close_the_link),
	        STAGED(what_a_peer_sent_before_its_end_is_read_first),
	        STAGED(a_link_that_gathers_sends_the_frames_of_a_turn_in_one_packet),
	        STAGED(gathered_frames_arrive_one_by_one_and_with_their_descriptors),
	        STAGED(link_close_sends_what_is_queued),
	        STAGED(link_close_is_the_end_whoever_has_a_copy),
	        STAGED(link_close_waits_one_second_for_a_peer_that_takes_nothing),
	        STAGED(a_handler_may_close_its_own_link),
	        STAGED(a_handler_may_close_another_link_in_the_same_turn),
	        STAGED(closing_a_link_that_has_failed_leaves_closed_untold),
	        STAGED(link_close_of_nothing_is_nothing),
	        STAGED(a_descriptor_that_poll_cannot_watch_is_refused_and_closed),
	        STAGED(handlers_that_close_each_other_at_random_leave_nothing),
	        STAGED(every_allocation_may_fail),
	};
	return cmocka_run_group_tests_name("unix links", tests, NULL, NULL);
}
