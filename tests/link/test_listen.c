/* Listening, on a Unix socket and on a node's port. */
#include "config.h"

#include "party.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rundir.h"
#include "link/complaint.h"
#include "link/listener.h"

enum { GUESTS_MAX = 300, NOBODY = 65534 };

struct host {
	struct link_listener *ll;
	unsigned nguests;
	int guests[GUESTS_MAX];
	enum link_purpose purpose;
	char from[LINK_ADDRESS_TEXT];
	bool closes; /* the listener, from inside accepted */
	int dirfd;
	char dir[PATH_MAX];
};

static void on_accepted(void *arg, int fd)
{
	struct host *h = arg;
	assert_true(h->nguests < GUESTS_MAX);
	h->guests[h->nguests++] = fd;
	if (h->closes)
		link_listener_close(&h->ll);
}

static void on_accepted_tcp(void *arg, int fd, enum link_purpose purpose, const char *from)
{
	struct host *h = arg;
	h->purpose = purpose;
	snprintf(h->from, sizeof h->from, "%s", from);
	on_accepted(arg, fd);
}

static void make_dir(struct host *h)
{
	snprintf(h->dir, sizeof h->dir, "%s/weft-test-XXXXXX",
	         getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(h->dir));
	h->dirfd = open(h->dir, O_DIRECTORY | O_CLOEXEC);
	assert_true(h->dirfd >= 0);
}

static void open_host(struct stage *s, struct host *h)
{
	struct weft_error e = {0};
	*h = (struct host){0};
	make_dir(h);
	if (link_listen_unix(&s->loop, h->dirfd, "sock", on_accepted, h, &h->ll, &e) < 0)
		fail_msg("%s", e.text);
}

static void open_port(struct stage *s, struct host *h, const char *address, uint16_t first,
                      uint16_t last)
{
	struct weft_error e = {0};
	*h = (struct host){.dirfd = -1};
	if (link_listen_tcp(&s->loop, address, first, last, on_accepted_tcp, h, &h->ll, &e) < 0)
		fail_msg("%s", e.text);
}

static void close_host(struct host *h)
{
	for (unsigned i = 0; i < h->nguests; i++)
		close(h->guests[i]);
	link_listener_close(&h->ll);
	if (h->dirfd >= 0) {
		close(h->dirfd);
		assert_int_equal(rmdir(h->dir), 0); /* empty, that is: the socket is gone */
	}
}

/* A client of the host's socket that is on its way, or -1 and errno. */
static int visit(const struct host *h)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/sock", h->dirfd);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	int errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}

/* --- Unix --------------------------------------------------------------------------------- */

static void a_client_is_accepted_and_its_frames_arrive(void **state)
{
	struct stage *s = *state;
	struct host h;
	struct party a = {0}, b = {0};
	struct weft_error e = {0};
	open_host(s, &h);
	int fd = weft__rundir_connect(h.dir, "sock", &e);
	if (fd < 0)
		fail_msg("%s", e.text);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	assert_int_equal(link_open(&s->loop, &fd, &party_handler, &a, &a.l), 0);
	assert_int_equal(link_open(&s->loop, &h.guests[0], &party_handler, &b, &b.l), 0);
	h.nguests = 0;
	assert_int_equal(link_send_body(a.l, "hello", 5), 0);
	assert_true(run_until(&s->loop, &b.nframes, 1));
	assert_memory_equal(b.last.data, "hello", 5);
	party_fini(&a);
	party_fini(&b);
	close_host(&h);
}

static void the_socket_is_for_its_owner_only(void **state)
{
	struct stage *s = *state;
	struct host h;
	struct stat st;
	open_host(s, &h);
	assert_int_equal(fstatat(h.dirfd, "sock", &st, 0), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	close_host(&h);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct stage *s = *state;
	struct host h = {0};
	struct weft_error e = {0};
	make_dir(&h);
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/sock", h.dirfd);
	int dead = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(dead, (struct sockaddr *)&a, sizeof a), 0);
	close(dead);
	assert_int_equal(visit(&h), -1);
	assert_int_equal(link_listen_unix(&s->loop, h.dirfd, "sock", on_accepted, &h, &h.ll, &e),
	                 0);
	int fd = visit(&h);
	assert_true(fd >= 0);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	close(fd);
	close_host(&h);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct stage *s = *state;
	struct host h = {0};
	struct weft_error e = {0};
	make_dir(&h);
	close(openat(h.dirfd, "sock", O_CREAT | O_WRONLY, 0600));
	assert_int_equal(link_listen_unix(&s->loop, h.dirfd, "sock", on_accepted, &h, &h.ll, &e),
	                 WEFT_EEXIST);
	assert_non_null(strstr(e.text, "sock"));
	assert_null(h.ll);
	assert_int_equal(unlinkat(h.dirfd, "sock", 0), 0);
	close_host(&h);
}

static void a_successors_socket_survives_the_end_of_the_first(void **state)
{
	struct stage *s = *state;
	struct host h;
	struct link_listener *successor = NULL;
	struct stat st;
	open_host(s, &h);
	assert_int_equal(
	        link_listen_unix(&s->loop, h.dirfd, "sock", on_accepted, &h, &successor, NULL), 0);
	link_listener_close(&h.ll);
	assert_int_equal(fstatat(h.dirfd, "sock", &st, 0), 0);
	h.ll = successor;
	close_host(&h);
}

static void names_that_cannot_be_are_refused(void **state)
{
	struct stage *s = *state;
	struct host h = {0};
	struct weft_error e;
	char name[200];
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	make_dir(&h);
	assert_int_equal(link_listen_unix(&s->loop, h.dirfd, name, on_accepted, &h, &h.ll, &e),
	                 WEFT_ETOOBIG);
	assert_int_equal(
	        link_listen_unix(&s->loop, h.dirfd, "no/such/folder", on_accepted, &h, &h.ll, &e),
	        WEFT_EIO);
	assert_int_equal(link_listen_unix(&s->loop, 9999, "sock", on_accepted, &h, &h.ll, &e), WEFT_EIO);
	assert_null(h.ll);
	close_host(&h);
}

static void another_user_is_hung_up_on(void **state)
{
	struct stage *s = *state;
	struct host h;
	if (geteuid() != 0)
		skip_because("only root can become another user");
	open_host(s, &h);
	/* The folder and the file would keep him out before we see him: open both. */
	assert_int_equal(fchmod(h.dirfd, 0755), 0);
	assert_int_equal(fchmodat(h.dirfd, "sock", 0666, 0), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(2);
		int fd = visit(&h);
		if (fd < 0)
			_exit(3);
		fcntl(fd, F_SETFL, 0);
		_exit(recv(fd, &byte, 1, 0) <= 0 ? 0 : 4);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 200 && link_listener_refused(h.ll) == 0; i++)
		run_for(&s->loop, 10);
	assert_int_equal(link_listener_refused(h.ll), 1);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(h.nguests, 0);
	close_host(&h);
}

static void the_listener_may_be_closed_from_inside_accepted(void **state)
{
	struct stage *s = *state;
	struct host h;
	open_host(s, &h);
	h.closes = true;
	int a = visit(&h), b = visit(&h);
	assert_true(a >= 0 && b >= 0);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	run_for(&s->loop, 5);
	assert_int_equal(h.nguests, 1);
	close(a);
	close(b);
	close_host(&h);

	open_port(s, &h, "127.0.0.1", 0, 0);
	h.closes = true;
	uint8_t preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_TASK};
	uint16_t port = link_listener_port(h.ll);
	a = connect_raw(port);
	b = connect_raw(port);
	run_for(&s->loop, 5);
	assert_int_equal(send(a, preamble, 16, MSG_NOSIGNAL), 16);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	expect_eof(&s->loop, b);
	close(a);
	close_host(&h);
}

/* --- shortage ----------------------------------------------------------------------------- */

static void count_turn(uv_prepare_t *prepare)
{
	++*(unsigned *)prepare->data;
}

/* Turns the loop for 400 ms; how often did it turn? */
static unsigned count_turns(struct stage *s)
{
	unsigned nturns = 0;
	uv_prepare_t prepare;
	prepare.data = &nturns;
	uv_prepare_init(&s->loop, &prepare);
	uv_prepare_start(&prepare, count_turn);
	run_for(&s->loop, 400);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_run(&s->loop, UV_RUN_NOWAIT);
	return nturns;
}

struct shortage {
	struct rlimit old;
	int fds[128];
	unsigned nfds;
};

static void use_up_descriptors(struct shortage *sh)
{
	struct rlimit low;
	sh->nfds = 0;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &sh->old), 0);
	low = sh->old;
	low.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	for (int fd; (fd = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0;)
		sh->fds[sh->nfds++] = fd;
}

static void give_descriptors_back(struct shortage *sh)
{
	while (sh->nfds > 0)
		close(sh->fds[--sh->nfds]);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &sh->old), 0);
}

static void without_descriptors_the_listener_hangs_up_and_does_not_spin(void **state)
{
	enum { N = 5 };
	struct stage *s = *state;
	struct host h;
	struct shortage sh;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fds[N];
	open_port(s, &h, "127.0.0.1", 0, 0);
	a.sin_port = htons(link_listener_port(h.ll));
	for (int i = 0; i < N; i++)
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	use_up_descriptors(&sh);
	for (int i = 0; i < N; i++)
		connect(fds[i], (struct sockaddr *)&a, sizeof a);
	unsigned nturns = count_turns(s);
	uint64_t nrefused = link_listener_refused(h.ll);
	give_descriptors_back(&sh);
	assert_in_range(nturns, 1, 1000);
	assert_int_equal(nrefused, N);
	for (int i = 0; i < N; i++)
		expect_eof(&s->loop, fds[i]);

	uint8_t preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_TASK};
	int fd = connect_raw(link_listener_port(h.ll)); /* and afterwards all is well */
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, preamble, 16, MSG_NOSIGNAL), 16);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	close(fd);
	close_host(&h);
}

static void without_even_the_reserve_it_waits_and_goes_on_later(void **state)
{
	struct stage *s = *state;
	struct host h;
	struct shortage sh;
	open_host(s, &h);
	int fd = visit(&h);
	assert_true(fd >= 0);
	close(h.ll->reserve);
	h.ll->reserve = -1;
	use_up_descriptors(&sh);
	unsigned nturns = count_turns(s);
	give_descriptors_back(&sh);
	assert_in_range(nturns, 1, 1000);
	assert_int_equal(h.nguests, 0);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	close(fd);
	close_host(&h);
}

static void every_allocation_of_a_listener_may_fail(void **state)
{
	struct stage *s = *state;
	struct host h = {0};
	make_dir(&h);
	weft__heap_fail_at(1);
	assert_int_equal(link_listen_unix(&s->loop, h.dirfd, "sock", on_accepted, &h, &h.ll, NULL),
	                 WEFT_ENOMEM);
	weft__heap_fail_at(1);
	assert_int_equal(
	        link_listen_tcp(&s->loop, "127.0.0.1", 0, 0, on_accepted_tcp, &h, &h.ll, NULL),
	        WEFT_ENOMEM);
	weft__heap_fail_at(0);
	assert_null(h.ll);
	close_host(&h);

	uint8_t preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_TASK};
	open_port(s, &h, "127.0.0.1", 0, 0);
	for (unsigned long n = 1; n <= 3; n++) { /* a guest, his exchange, and none */
		int fd = connect_raw(link_listener_port(h.ll));
		weft__heap_fail_at(n);
		run_for(&s->loop, 10);
		weft__heap_fail_at(0);
		if (n < 3) {
			expect_eof(&s->loop, fd);
			continue;
		}
		assert_int_equal(send(fd, preamble, 16, MSG_NOSIGNAL), 16);
		assert_true(run_until(&s->loop, &h.nguests, 1));
		close(fd);
	}
	assert_int_equal(link_listener_refused(h.ll), 2);
	close_host(&h);
}

/* --- the port ----------------------------------------------------------------------------- */

static void a_busy_port_is_passed_over(void **state)
{
	struct stage *s = *state;
	struct host h;
	struct weft_error e = {0};
	uint16_t port;
	int busy;
	do {
		busy = listen_raw(1, &port);
		if (port > 65500)
			close(busy);
	} while (port > 65500);
	open_port(s, &h, "127.0.0.1", port, (uint16_t)(port + 30));
	assert_in_range(link_listener_port(h.ll), port + 1, port + 30);
	uint16_t second = link_listener_port(h.ll);
	struct link_listener *none = NULL;
	assert_int_equal(
	        link_listen_tcp(&s->loop, "127.0.0.1", port, port, on_accepted_tcp, &h, &none, &e),
	        WEFT_EEXIST);
	assert_non_null(strstr(e.text, "all in use"));
	if (second == port + 1)
		assert_int_equal(link_listen_tcp(&s->loop, "127.0.0.1", port, second,
		                                 on_accepted_tcp, &h, &none, &e),
		                 WEFT_EEXIST);
	assert_null(none);
	close(busy);
	close_host(&h);
}

static void an_address_that_is_none_is_refused(void **state)
{
	struct stage *s = *state;
	struct host h = {0};
	struct weft_error e = {0};
	assert_int_equal(
	        link_listen_tcp(&s->loop, "not an address", 0, 0, on_accepted_tcp, &h, &h.ll, &e),
	        WEFT_EINVAL);
	assert_int_equal(
	        link_listen_tcp(&s->loop, "127.0.0.1", 9, 8, on_accepted_tcp, &h, &h.ll, &e),
	        WEFT_EINVAL);
	assert_true(link_listen_tcp(&s->loop, "192.0.2.1", 0, 0, on_accepted_tcp, &h, &h.ll, &e) <
	            0);
	assert_non_null(strstr(e.text, "192.0.2.1"));
	assert_null(h.ll);
}

static void listening_on_all_addresses_shows_ipv4_guests_as_such(void **state)
{
	struct stage *s = *state;
	struct host h;
	open_port(s, &h, "", 0, 0);
	int fd = connect_raw(link_listener_port(h.ll));
	uint8_t preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_COORD}, answer[16];
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, preamble, 16, MSG_NOSIGNAL), 16);
	assert_true(run_until(&s->loop, &h.nguests, 1));
	assert_int_equal(h.purpose, LINK_TO_COORD);
	assert_int_equal(strncmp(h.from, "127.0.0.1:", 10), 0);
	assert_int_equal(recv(fd, answer, 16, 0), 16);
	assert_memory_equal(answer, preamble, 6);
	assert_int_equal(answer[6], 1);
	close(fd);
	close_host(&h);
}

static void bytes_behind_the_preamble_are_left_for_the_next_reader(void **state)
{
	struct stage *s = *state;
	struct host h;
	open_port(s, &h, "127.0.0.1", 0, 0);
	int fd = connect_raw(link_listener_port(h.ll));
	uint8_t bytes[21] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION, LINK_TO_TASK};
	memcpy(bytes + 16, "after", 5);
	run_for(&s->loop, 5);
	for (unsigned i = 0; i < sizeof bytes; i++) { /* one by one */
		assert_int_equal(send(fd, bytes + i, 1, MSG_NOSIGNAL), 1);
		uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	assert_true(run_until(&s->loop, &h.nguests, 1));
	char rest[10];
	assert_int_equal(recv(h.guests[0], rest, sizeof rest, MSG_DONTWAIT), 5);
	assert_memory_equal(rest, "after", 5);
	close(fd);
	close_host(&h);
}

static void expect_answer(struct stage *s, const struct host *h, const uint8_t *bytes,
                          size_t nbytes, int answer)
{
	uint8_t got[17];
	uint64_t before = link_listener_refused(h->ll);
	int fd = connect_raw(link_listener_port(h->ll));
	run_for(&s->loop, 5);
	assert_int_equal(send(fd, bytes, nbytes, MSG_NOSIGNAL), nbytes);
	run_for(&s->loop, 20);
	ssize_t n = recv(fd, got, sizeof got, 0);
	if (answer == 0) {
		assert_true(n <= 0);
	} else {
		assert_int_equal(n, 16);
		assert_memory_equal(got, "WEFT", 4);
		assert_int_equal(got[4], WEFT__PROTO_VERSION);
		assert_int_equal(got[6], answer);
		assert_memory_equal(got + 8, PACKAGE_VERSION, strlen(PACKAGE_VERSION));
	}
	expect_eof(&s->loop, fd);
	assert_int_equal(link_listener_refused(h->ll), before + 1);
	assert_int_equal(h->nguests, 0);
}

static void strangers_are_refused_and_weft_of_another_version_in_words(void **state)
{
	struct stage *s = *state;
	struct host h;
	uint8_t preamble[16] = {'W', 'E', 'F', 'T', WEFT__PROTO_VERSION + 1, LINK_TO_COORD};
	open_port(s, &h, "127.0.0.1", 0, 0);
	expect_answer(s, &h, preamble, 16, 2);
	preamble[4] = 0;
	expect_answer(s, &h, preamble, 16, 2);
	preamble[4] = WEFT__PROTO_VERSION;
	preamble[5] = 0;
	expect_answer(s, &h, preamble, 16, 3);
	preamble[5] = 200;
	expect_answer(s, &h, preamble, 16, 3);
	preamble[5] = LINK_TO_TASK;
	preamble[6] = 1; /* an answer is no question */
	expect_answer(s, &h, preamble, 16, 3);
	expect_answer(s, &h, (const uint8_t *)"GET / HTTP/1.1\r\n", 16, 0);
	expect_answer(s, &h, (const uint8_t *)"WEFS 0123456789a", 16, 0);
	close_host(&h);
}

/* --- logging ------------------------------------------------------------------------------ */

static unsigned count_lines(FILE *f, const char *word)
{
	char line[1000];
	unsigned n = 0;
	rewind(f);
	while (fgets(line, sizeof line, f))
		n += strstr(line, word) != NULL;
	return n;
}

static void a_port_scan_costs_a_counter_and_one_log_line(void **state)
{
	enum { N = 200 };
	struct stage *s = *state;
	struct host h;
	FILE *log = tmpfile();
	assert_non_null(log);
	open_port(s, &h, "127.0.0.1", 0, 0);
	weft__log_open(fileno(log), WEFT__LOG_INFO, "test");
	for (unsigned i = 0; i < N; i++) {
		/* Each from an address of its own would be another matter: all from one of 127.x,
		 * unused before. */
		struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(0x7f000a0a)}};
		struct sockaddr_in to = {.sin_family = AF_INET,
		                         .sin_port = htons(link_listener_port(h.ll)),
		                         .sin_addr = {htonl(INADDR_LOOPBACK)}};
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
		assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
		if (i % 2 == 0)
			assert_int_equal(send(fd, "SSH-2.0-scanner\r\n", 17, MSG_NOSIGNAL), 17);
		close(fd);
		if (i % 20 == 0)
			run_for(&s->loop, 2);
	}
	for (int i = 0; i < 500 && link_listener_refused(h.ll) < N; i++)
		run_for(&s->loop, 5);
	weft__log_open(2, WEFT__LOG_ERROR, "test");
	assert_int_equal(link_listener_refused(h.ll), N);
	assert_int_equal(count_lines(log, "WEFT-LINK-REFUSED"), 1);
	assert_int_equal(count_lines(log, "127.0.10.10"), 1);
	assert_int_equal(count_lines(log, ""), 1);
	fclose(log);
	close_host(&h);
}

static void an_address_may_cost_a_line_a_minute_and_few_addresses_may(void **state)
{
	const uint64_t minute = 60000000000, start = 1000 * minute;
	char from[LINK_ADDRESS_TEXT];
	assert_true(complaint_due("10.0.0.1:5", start));
	assert_false(complaint_due("10.0.0.1:6", start + 1)); /* the port does not count */
	assert_false(complaint_due("10.0.0.1:5", start + minute - 1));
	assert_true(complaint_due("[fe80::1]:5", start));
	assert_false(complaint_due("[fe80::1]:7", start));
	assert_true(complaint_due("10.0.0.1:5", start + minute));
	unsigned nlines = 0;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(from, sizeof from, "10.1.%u.%u:9", i / 256, i % 256);
		nlines += complaint_due(from, start + 3 * minute);
	}
	assert_int_equal(nlines, 64);
	assert_true(complaint_due("10.2.0.1:1", start + 4 * minute));
}

int main(void)
{
	weft__log_open(2, WEFT__LOG_ERROR, "test");
	const struct CMUnitTest tests[] = {
	        STAGED(a_client_is_accepted_and_its_frames_arrive),
	        STAGED(the_socket_is_for_its_owner_only),
	        STAGED(a_stale_socket_is_replaced),
	        STAGED(a_file_that_is_no_socket_is_left_alone),
	        STAGED(a_successors_socket_survives_the_end_of_the_first),
	        STAGED(names_that_cannot_be_are_refused),
	        STAGED(another_user_is_hung_up_on),
	        STAGED(the_listener_may_be_closed_from_inside_accepted),
	        STAGED(without_descriptors_the_listener_hangs_up_and_does_not_spin),
	        STAGED(without_even_the_reserve_it_waits_and_goes_on_later),
	        STAGED(every_allocation_of_a_listener_may_fail),
	        STAGED(a_busy_port_is_passed_over),
	        STAGED(an_address_that_is_none_is_refused),
	        STAGED(listening_on_all_addresses_shows_ipv4_guests_as_such),
	        STAGED(bytes_behind_the_preamble_are_left_for_the_next_reader),
	        STAGED(strangers_are_refused_and_weft_of_another_version_in_words),
	        STAGED(a_port_scan_costs_a_counter_and_one_log_line),
	        cmocka_unit_test(an_address_may_cost_a_line_a_minute_and_few_addresses_may),
	};
	return cmocka_run_group_tests_name("listeners", tests, NULL, NULL);
}
