/* weft-coord as a process: a home node that speaks to it over its socket, kills it, and gives it bad bytes. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/rng.h"
#include "base/rundir.h"
#include "proto/proto.h"
#include "proto/session.h"

enum { PATIENCE_MS = 20000, FRAME_ROOM = WEFT__FRAME_MAX + WEFT__FRAME_HEADER };

/* A home node as simple as can be: blocking, one message at a time. */
struct home {
	char path[64];
	int dirfd, fd;
	pid_t pid;
	uint64_t epoch;
	struct weft__session session;
	struct weft__arena arena, inner;
	uint8_t *packet; /* the last one */
	size_t nbytes, at; /* its length; where its next frame begins */
	struct weft__msg m;
};

static int set_up(void **state)
{
	static struct home h;
	const char *tmp = getenv("TMPDIR");
	h = (struct home){.fd = -1};
	snprintf(h.path, sizeof h.path, "%s/weft-coord-XXXXXX", tmp && strlen(tmp) < 30 ? tmp : "/tmp");
	assert_non_null(mkdtemp(h.path));
	h.dirfd = open(h.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	h.packet = weft__malloc(FRAME_ROOM);
	weft__session_init(&h.session);
	*state = &h;
	return h.dirfd < 0;
}

/* Waits for the process; its exit status, or 1000 + the signal. */
static int reap(struct home *h)
{
	int status = -1;
	for (uint64_t end = weft__deadline(PATIENCE_MS); weft__deadline_left_ms(end) > 0;) {
		pid_t got = waitpid(h->pid, &status, WNOHANG);
		if (got == h->pid) {
			h->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
		}
		poll(NULL, 0, 5);
	}
	return -1;
}

static int tear_down(void **state)
{
	struct home *h = *state;
	static const char *const names[] = {"journal", "journal.new", "coord.lock", "coord.sock", "log"};
	if (h->pid > 0) {
		kill(h->pid, SIGKILL);
		reap(h);
	}
	if (h->fd >= 0)
		close(h->fd);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlinkat(h->dirfd, names[i], 0);
	close(h->dirfd);
	weft__session_fini(&h->session);
	weft__arena_fini(&h->arena);
	weft__arena_fini(&h->inner);
	weft__free(h->packet);
	return rmdir(h->path);
}

/* --- the process ----------------------------------------------------------------------------------------- */

static pid_t spawn(struct home *h, const char *extra, rlim_t file_bytes)
{
	char program[4096];
	int key[2];
	uint8_t bytes[32];
	snprintf(program, sizeof program, "%s/coord/weft-coord", getenv("WEFT_BUILDDIR") ? getenv("WEFT_BUILDDIR") : ".");
	assert_int_equal(pipe(key), 0);
	memset(bytes, 7, sizeof bytes);
	assert_int_equal(write(key[1], bytes, sizeof bytes), (ssize_t)sizeof bytes); /* now: it may end before it reads */
	close(key[1]);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int log = openat(h->dirfd, "log", O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(key[0], 0);
		dup2(log, 2);
		if (file_bytes)
			setrlimit(RLIMIT_FSIZE, &(struct rlimit){file_bytes, file_bytes});
		execl(program, "weft-coord", "--dir", h->path, "--vm", "test", "--orphan-ms", "500", extra, (char *)NULL);
		_exit(127);
	}
	close(key[0]);
	return pid;
}

static void dial(struct home *h)
{
	h->nbytes = h->at = 0;
	h->fd = weft__rundir_connect(h->path, "coord.sock", NULL);
}

static void start(struct home *h)
{
	h->pid = spawn(h, NULL, 0);
	for (uint64_t end = weft__deadline(PATIENCE_MS);;) {
		dial(h);
		if (h->fd >= 0)
			return;
		assert_true(weft__deadline_left_ms(end) > 0);
		poll(NULL, 0, 2);
	}
}

static void kill_it(struct home *h)
{
	kill(h->pid, SIGKILL);
	assert_int_equal(reap(h), 1000 + SIGKILL);
	close(h->fd);
	h->fd = -1;
}

/* --- messages --------------------------------------------------------------------------------------------- */

static void send_raw(struct home *h, const void *bytes, size_t nbytes)
{
	assert_int_equal(send(h->fd, bytes, nbytes, MSG_NOSIGNAL), (ssize_t)nbytes);
}

static void send_now(struct home *h, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__msg_encode(&b, m, NULL), 0);
	send_raw(h, b.data, b.len);
	weft__buf_fini(&b);
}

static void send_body(struct home *h, const void *body, size_t nbytes)
{
	uint8_t head[WEFT__FRAME_HEADER] = {'W', 'F', WEFT__PROTO_VERSION, 0, (uint8_t)nbytes, (uint8_t)(nbytes >> 8),
	                                    (uint8_t)(nbytes >> 16), 0};
	struct weft__buf b = {0};
	weft__buf_append(&b, head, sizeof head);
	weft__buf_append(&b, body, nbytes);
	send_raw(h, b.data, b.len);
	weft__buf_fini(&b);
}

/* A numbered one; it is kept until it is confirmed. */
static void say(struct home *h, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__msg_encode_body(&b, m, NULL), 0);
	assert_int_equal(weft__session_push(&h->session, b.data, b.len), 0);
	send_body(h, b.data, b.len);
	weft__buf_fini(&b);
}

static void ask(struct home *h, const struct weft__msg *m)
{
	struct weft__buf b = {0};
	assert_int_equal(weft__msg_encode_body(&b, m, NULL), 0);
	say(h, &(struct weft__msg){.code = WEFT__MSG_UP, .up = {.client = 1, .frame = {b.data, b.len}}});
	weft__buf_fini(&b);
}

/* Whole frames; false: the connection is closed. */
static bool receive_packet(struct home *h)
{
	struct pollfd p = {.fd = h->fd, .events = POLLIN};
	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	ssize_t n = recv(h->fd, h->packet, FRAME_ROOM, 0);
	h->at = 0;
	h->nbytes = n > 0 ? (size_t)n : 0;
	return n > 0;
}

/* The next message; those to the client are unpacked. False: the connection is closed. */
static bool receive(struct home *h)
{
	if (h->at == h->nbytes && !receive_packet(h))
		return false;
	assert_true(h->nbytes - h->at > WEFT__FRAME_HEADER);
	int length = weft__frame_length(h->packet + h->at, NULL);
	assert_true(length > 0 && (size_t)length <= h->nbytes - h->at - WEFT__FRAME_HEADER);
	int rc = weft__msg_decode(h->packet + h->at + WEFT__FRAME_HEADER, (size_t)length, WEFT__ROLE_COORD, WEFT__ROLE_NODE,
	                          &h->arena, &h->m, NULL);
	h->at += WEFT__FRAME_HEADER + (size_t)length;
	assert_int_equal(rc, 0);
	h->session.received += weft__session_numbered(h->m.code);
	if (h->m.code == WEFT__MSG_DOWN) {
		struct weft__bin inner = h->m.down.frame;
		rc = weft__msg_decode(inner.p, inner.n, WEFT__ROLE_COORD, WEFT__ROLE_TOOL, &h->inner, &h->m, NULL);
		assert_int_equal(rc, 0);
	}
	return true;
}

static const struct weft__msg *expect(struct home *h, enum weft__msg_code code)
{
	do
		assert_true(receive(h));
	while (h->m.code == WEFT__MSG_HEARTBEAT || h->m.code == WEFT__MSG_WELCOME || h->m.code == WEFT__MSG_SEEN);
	if (h->m.code != code)
		fail_msg("%s instead of %s", weft__msg_name(h->m.code), weft__msg_name(code));
	return &h->m;
}

static void join(struct home *h)
{
	send_now(h,
	         &(struct weft__msg){.code = WEFT__MSG_HELLO,
	                             .hello = {.version = WEFT__PROTO_VERSION, .release = weft__str("t"), .role = WEFT__ROLE_NODE}});
	send_now(h,
	         &(struct weft__msg){.code = WEFT__MSG_JOIN,
	                             .join = {.node = 1,
	                                      .incarnation = 1,
	                                      .epoch = h->epoch,
	                                      .host = weft__str("here"),
	                                      .address = weft__str("127.0.0.1"),
	                                      .port = 9,
	                                      .ncores = 2,
	                                      .release = weft__str("t"),
	                                      .seen = h->session.received}});
	const struct weft__msg_joined *j = &expect(h, WEFT__MSG_JOINED)->joined;
	assert_true(j->epoch > h->epoch);
	h->epoch = j->epoch;
	assert_int_equal(weft__session_confirm(&h->session, j->seen), 0);
	for (struct weft__list *l = h->session.kept.next; l != &h->session.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		send_body(h, k->body, k->nbytes);
	}
}

static void open_tool(struct home *h)
{
	say(h, &(struct weft__msg){.code = WEFT__MSG_CLIENT_OPEN, .client_open = {.client = 1, .role = WEFT__ROLE_TOOL}});
}

static void put(struct home *h, uint64_t req, const void *value, size_t n)
{
	ask(h, &(struct weft__msg){.code = WEFT__MSG_NAME_PUT, .name_put = {req, 1, weft__str("n"), {value, n}}});
}

static bool log_says(struct home *h, const char *text)
{
	static char log[65536];
	int fd = openat(h->dirfd, "log", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, log, sizeof log - 1);
	if (fd >= 0)
		close(fd);
	log[n > 0 ? n : 0] = '\0';
	return strstr(log, text) != NULL;
}

/* --- tests -------------------------------------------------------------------------------------------------- */

static void what_was_answered_outlives_kill_9(void **state)
{
	struct home *h = *state;
	start(h);
	join(h);
	open_tool(h);
	put(h, 1, "value", 5);
	assert_int_equal(expect(h, WEFT__MSG_RESULT)->result.code, 0);
	kill_it(h);
	start(h);
	join(h);
	ask(h, &(struct weft__msg){.code = WEFT__MSG_NAME_GET, .name_get = {2, 0, weft__str("n")}});
	const struct weft__msg_name_value *v = &expect(h, WEFT__MSG_NAME_VALUE)->name_value;
	assert_int_equal(v->req, 2);
	assert_memory_equal(v->value.p, "value", 5);
}

static void every_question_is_answered_once_however_often_it_is_killed(void **state)
{
	struct home *h = *state;
	struct weft__rng rng;
	uint64_t asked = 0, answered = 0;
	weft__rng_init(&rng, 11);
	start(h);
	join(h);
	open_tool(h);
	for (int round = 0; round < 12; round++) {
		for (uint64_t n = weft__rng_below(&rng, 20); n > 0; n--)
			put(h, ++asked, "v", 1);
		for (uint64_t n = weft__rng_below(&rng, 8); n > 0 && answered < asked; n--)
			assert_int_equal(expect(h, WEFT__MSG_RESULT)->result.req, ++answered);
		kill_it(h);
		start(h);
		join(h);
	}
	while (answered < asked)
		assert_int_equal(expect(h, WEFT__MSG_RESULT)->result.req, ++answered);
	assert_true(asked > 50);
}

static void a_second_coordinator_says_who_is_first_and_ends(void **state)
{
	struct home *h = *state;
	char pid[40];
	start(h);
	pid_t first = h->pid;
	h->pid = spawn(h, NULL, 0);
	assert_int_equal(reap(h), 75);
	snprintf(pid, sizeof pid, "pid %ld", (long)first);
	assert_true(log_says(h, "WEFT-COORD-TAKEN"));
	assert_true(log_says(h, pid));
	h->pid = first;
	join(h); /* the first one is unharmed */
}

static void a_damaged_journal_is_refused(void **state)
{
	struct home *h = *state;
	start(h);
	join(h);
	kill_it(h);
	int fd = openat(h->dirfd, "journal", O_RDWR);
	assert_int_equal(pwrite(fd, "\xff\xff", 2, 24), 2);
	close(fd);
	h->pid = spawn(h, NULL, 0);
	assert_int_equal(reap(h), 1);
	assert_true(log_says(h, "the journal is damaged"));
}

static void a_torn_journal_is_cut_and_goes_on(void **state)
{
	struct home *h = *state;
	start(h);
	join(h);
	kill_it(h);
	int fd = openat(h->dirfd, "journal", O_WRONLY | O_APPEND);
	assert_int_equal(write(fd, "\5\0\0", 3), 3);
	close(fd);
	start(h);
	join(h);
	assert_true(log_says(h, "cut=3"));
}

static void bad_frames_close_the_connection_and_harm_nobody(void **state)
{
	struct home *h = *state;
	static const uint8_t bad[][12] = {
	        {'W', 'F', WEFT__PROTO_VERSION, 0, 4, 0, 0, 0, 0xdd, 5, 0, 0}, /* an array of 5 that is not there */
	        {'W', 'F', WEFT__PROTO_VERSION, 0, 9, 0, 0, 0, 0x91, 1, 0, 0}, /* shorter than it says */
	        {'W', 'F', WEFT__PROTO_VERSION + 1, 0, 4, 0, 0, 0, 0x91, 1, 0, 0}, /* another version */
	        {'W', 'F', WEFT__PROTO_VERSION, 0, 4, 0, 0, 0x7f, 0x91, 1, 0, 0}, /* longer than any */
	        {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T', 'T', 'P', '/', '1'},
	        {'W', 'F', WEFT__PROTO_VERSION, 0, 4, 0, 0, 0, 0x93, 62, 1, 1}, /* STARTED before JOIN */
	        {'W', 'F', WEFT__PROTO_VERSION, 0, 4, 0, 0, 0, 0x92, 1, 1, 1}, /* a field too few and a byte too many */
	};
	start(h);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		send_raw(h, bad[i], sizeof bad[i]);
		while (receive(h))
			assert_int_equal(h->m.code, WEFT__MSG_REFUSED);
		close(h->fd);
		dial(h);
		assert_true(h->fd >= 0);
	}
	join(h);
}

static void sigterm_takes_the_vm_down_and_nothing_is_left(void **state)
{
	struct home *h = *state;
	start(h);
	join(h);
	kill(h->pid, SIGTERM);
	expect(h, WEFT__MSG_HALT);
	assert_int_equal(reap(h), 0);
	unlinkat(h->dirfd, "log", 0);
	static const char *const names[] = {"journal", "coord.lock", "coord.sock"};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(faccessat(h->dirfd, names[i], F_OK, AT_SYMLINK_NOFOLLOW), -1);
}

static void it_ends_when_home_is_gone(void **state)
{
	struct home *h = *state;
	start(h);
	join(h);
	close(h->fd); /* --orphan-ms 500 */
	h->fd = -1;
	assert_int_equal(reap(h), 0);
	assert_true(log_says(h, "the home node is gone"));
}

static void a_full_disk_ends_it_before_anything_of_the_batch_is_sent(void **state)
{
	struct home *h = *state;
	char *value = weft__calloc(1, 65000);
	h->pid = spawn(h, NULL, 32768);
	for (h->fd = -1; h->fd < 0; poll(NULL, 0, 2))
		dial(h);
	join(h);
	open_tool(h);
	put(h, 1, value, 65000);
	while (receive(h))
		assert_int_not_equal(h->m.code, WEFT__MSG_RESULT);
	assert_int_equal(reap(h), 74);
	assert_true(log_says(h, "can't write journal"));
	close(h->fd);
	start(h); /* there is room now */
	join(h);
	assert_int_equal(expect(h, WEFT__MSG_RESULT)->result.req, 1);
	weft__free(value);
}

static void a_long_journal_is_made_anew(void **state)
{
	struct home *h = *state;
	struct stat st;
	char *value = weft__calloc(1, 65000);
	start(h);
	join(h);
	open_tool(h);
	for (uint64_t i = 1; i <= 100; i++) { /* 6.5 MB */
		value[0] = (char)i;
		put(h, i, value, 65000);
		assert_int_equal(expect(h, WEFT__MSG_RESULT)->result.req, i);
	}
	assert_int_equal(fstatat(h->dirfd, "journal", &st, 0), 0);
	assert_in_range(st.st_size, 65000, 5 << 20);
	kill_it(h);
	start(h);
	join(h);
	ask(h, &(struct weft__msg){.code = WEFT__MSG_NAME_GET, .name_get = {200, 0, weft__str("n")}});
	assert_int_equal(((const char *)expect(h, WEFT__MSG_NAME_VALUE)->name_value.value.p)[0], 100);
	weft__free(value);
}

static void keys_are_filled_in_on_the_way_out(void **state)
{
	struct home *h = *state;
	static const uint8_t zeros[32];
	uint8_t first[32];
	start(h);
	join(h);
	open_tool(h);
	ask(h, &(struct weft__msg){.code = WEFT__MSG_NODE_ADD, .node_add = {.req = 1, .kind = WEFT__ADD_LOCAL,
	        .host = weft__str(""), .count = 2}});
	struct weft__bin key = expect(h, WEFT__MSG_NODE_START)->node_start.key;
	assert_int_equal(key.n, 32);
	assert_memory_not_equal(key.p, zeros, 32);
	memcpy(first, key.p, 32);
	assert_memory_not_equal(expect(h, WEFT__MSG_NODE_START)->node_start.key.p, first, 32);
	kill_it(h); /* and no key is in the journal */
	static uint8_t journal[65536];
	int fd = openat(h->dirfd, "journal", O_RDONLY);
	ssize_t n = read(fd, journal, sizeof journal);
	close(fd);
	assert_true(n > 0);
	assert_null(memmem(journal, (size_t)n, first, 32));
}

static void a_wrong_command_line_is_refused(void **state)
{
	struct home *h = *state;
	h->pid = spawn(h, "--frobnicate", 0);
	assert_int_equal(reap(h), 64);
	assert_true(log_says(h, "usage: weft-coord"));
	h->pid = spawn(h, "--local-nodes=many", 0);
	assert_int_equal(reap(h), 64);
	assert_true(log_says(h, "not \"many\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(what_was_answered_outlives_kill_9),
	        TEST(every_question_is_answered_once_however_often_it_is_killed),
	        TEST(a_second_coordinator_says_who_is_first_and_ends),
	        TEST(a_damaged_journal_is_refused),
	        TEST(a_torn_journal_is_cut_and_goes_on),
	        TEST(bad_frames_close_the_connection_and_harm_nobody),
	        TEST(sigterm_takes_the_vm_down_and_nothing_is_left),
	        TEST(it_ends_when_home_is_gone),
	        TEST(a_full_disk_ends_it_before_anything_of_the_batch_is_sent),
	        TEST(a_long_journal_is_made_anew),
	        TEST(keys_are_filled_in_on_the_way_out),
	        TEST(a_wrong_command_line_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
