#include "config.h"

#include "party.h"

#include <dirent.h>
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

static void on_bound(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

int stage_close(void **state)
{
	struct stage *s = *state;
	weft__heap_fail_at(0);
	uv_timer_t bound;
	bool late = false;
	bound.data = &late;
	uv_timer_init(&s->loop, &bound);
	uv_timer_start(&bound, on_bound, 5000, 0);
	uv_unref((uv_handle_t *)&bound);
	while (!late && uv_run(&s->loop, UV_RUN_ONCE))
		;
	uv_close((uv_handle_t *)&bound, NULL);
	uv_run(&s->loop, UV_RUN_NOWAIT);
	int rc = uv_loop_close(&s->loop);
	if (rc < 0)
		uv_walk(&s->loop, complain_about_handle, NULL);
	assert_int_equal(rc, 0);
	assert_int_equal(count_fds(), s->nfds);
	free(s);
	return 0;
}

bool run_until(uv_loop_t *loop, const unsigned *counter, unsigned least)
{
	uv_timer_t bound;
	bool late = false;
	bound.data = &late;
	uv_timer_init(loop, &bound);
	uv_timer_start(&bound, on_bound, 10000, 0);
	while (*counter < least && !late)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&bound, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return *counter >= least;
}

void run_for(uv_loop_t *loop, unsigned ms)
{
	uv_timer_t bound;
	bool late = false;
	bound.data = &late;
	uv_timer_init(loop, &bound);
	uv_timer_start(&bound, on_bound, ms, 0);
	while (!late)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&bound, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
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

void fill(struct weft__buf *b, size_t nbytes, unsigned seed)
{
	assert_int_equal(weft__buf_reserve(b, nbytes), 0);
	for (size_t i = 0; i < nbytes; i++)
		b->data[b->len++] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}
