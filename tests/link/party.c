#include "config.h"

#include "party.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"

static void drop_fds(struct party *p)
{
	for (size_t i = 0; i < p->nlast_fds; i++)
		close(p->fds[i]);
	p->nlast_fds = 0;
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	struct party *p = arg;
	assert_int_equal(p->nframes, 0);
	assert_int_equal(p->nclosed, 0);
	p->nopened++;
	snprintf(p->identity, sizeof p->identity, "%s", identity ? identity : "");
	if (p->then)
		p->then(p, "opened");
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds,
                     size_t nfds)
{
	struct party *p = arg;
	assert_int_equal(p->nopened, 1);
	assert_int_equal(p->nclosed, 0);
	drop_fds(p);
	for (size_t i = 0; i < nfds; i++)
		p->fds[i] = fds[i];
	p->nlast_fds = nfds;
	p->nfds += (unsigned)nfds;
	p->nframes++;
	p->nbytes += nbytes;
	p->last.len = 0;
	assert_int_equal(weft__buf_append(&p->last, body, nbytes), 0);
	if (p->then)
		p->then(p, "frame");
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct party *p = arg;
	assert_int_equal(p->nclosed, 0);
	assert_true(code < 0);
	assert_true(*text);
	p->nclosed++;
	p->code = code;
	snprintf(p->text, sizeof p->text, "%s", text);
	if (p->then)
		p->then(p, "closed");
	p->l = NULL;
}

const struct link_handler party_handler = {on_opened, on_frame, on_closed};

void party_fini(struct party *p)
{
	link_close(&p->l);
	drop_fds(p);
	weft__buf_fini(&p->last);
}

void party_check_number(struct party *p, const char *what)
{
	if (*what != 'f')
		return;
	uint32_t number;
	assert_true(p->last.len >= sizeof number);
	memcpy(&number, p->last.data, sizeof number);
	assert_int_equal(number, p->nframes - 1);
}

int count_fds(void)
{
	int n = 0;
	DIR *dir = opendir("/proc/self/fd");
	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

int stage_open(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	assert_non_null(s);
	/* libuv keeps a pipe for the process from the first loop on. */
	assert_int_equal(uv_loop_init(&s->loop), 0);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	s->nfds = count_fds();
	assert_int_equal(uv_loop_init(&s->loop), 0);
	*state = s;
	return 0;
}

static void complain_about_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		print_message("a %s handle is left\n", uv_handle_type_name(handle->type));
}

int stage_close(void **state)
{
	struct stage *s = *state;
	weft__heap_fail_at(0);
	uint64_t start = now_ms();
	while (uv_run(&s->loop, UV_RUN_NOWAIT) && now_ms() - start < 20000)
		usleep(1000);
	int rc = uv_loop_close(&s->loop);
	if (rc < 0)
		uv_walk(&s->loop, complain_about_handle, NULL);
	assert_int_equal(rc, 0);
	assert_int_equal(count_fds(), s->nfds);
	free(s);
	return 0;
}

static void on_tick(uv_timer_t *timer)
{
}

/* uv_run may block in the turn whose timers made the condition true: a tick keeps it awake. */
static bool run(uv_loop_t *loop, const unsigned *counter, unsigned least, uint64_t ms)
{
	uint64_t start = now_ms();
	uv_timer_t tick;
	uv_timer_init(loop, &tick);
	uv_timer_start(&tick, on_tick, 1, 1);
	while ((!counter || *counter < least) && now_ms() - start < ms)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return counter && *counter >= least;
}

bool run_until(uv_loop_t *loop, const unsigned *counter, unsigned least)
{
	return run(loop, counter, least, 10000);
}

void run_for(uv_loop_t *loop, unsigned ms)
{
	run(loop, NULL, 0, ms);
}

uint64_t now_ms(void)
{
	return weft__clock_ns() / 1000000;
}

void seqpacket_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
	                 0);
}

int connect_raw(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
	                        .sin_port = htons(port),
	                        .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;
	assert_true(fd >= 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	assert_true(connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EINPROGRESS);
	return fd;
}

int listen_raw(int backlog, uint16_t *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

void expect_eof(uv_loop_t *loop, int fd)
{
	char byte;
	uint64_t start = now_ms();
	ssize_t n;
	while ((n = recv(fd, &byte, 1, MSG_DONTWAIT)) != 0 && (n > 0 || errno == EAGAIN)) {
		assert_true(now_ms() - start < 20000);
		run_for(loop, 2);
	}
	close(fd);
}

void fill(struct weft__buf *b, size_t nbytes, unsigned seed)
{
	assert_int_equal(weft__buf_reserve(b, nbytes), 0);
	for (size_t i = 0; i < nbytes; i++)
		b->data[b->len++] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

void send_bytes(struct link *l, size_t nbytes, unsigned seed)
{
	struct weft__buf b = {0};
	fill(&b, nbytes, seed);
	assert_int_equal(link_send_body(l, b.data, nbytes), 0);
	weft__buf_fini(&b);
}

void assert_last(const struct party *p, size_t nbytes, unsigned seed)
{
	struct weft__buf b = {0};
	fill(&b, nbytes, seed);
	assert_int_equal(p->last.len, nbytes);
	assert_memory_equal(p->last.data, b.data, nbytes);
	weft__buf_fini(&b);
}
