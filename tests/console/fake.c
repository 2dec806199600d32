#include "config.h"

#include "tests/console/fake.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/base/test.h"

enum { SETTLE_TURNS = 16 };

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct fake *f = arg;
	struct weft__msg m;
	struct weft_error e;
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_TOOL, WEFT__ROLE_NODE, &f->arena, &m, &e);
	if (rc == WEFT_EDENIED)
		rc = weft__msg_decode(body, nbytes, WEFT__ROLE_TOOL, WEFT__ROLE_COORD, &f->arena, &m, &e);
	assert_int_equal(rc, 0);
	assert_true(f->nreceived < FAKE_RECEIVED_MAX);
	f->received[f->nreceived++] = m.code;
	f->ngiven += m.code == WEFT__MSG_HELLO && nfds == 1;
	if (m.code == WEFT__MSG_OUTPUT_ACK)
		f->acknowledged = m.output_ack.offset;
	else if (m.code != WEFT__MSG_HELLO)
		f->last_req = m.result.req; /* the first field of every question */
	if (f->answer)
		f->answer(f, &m);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct fake *f = arg;
	f->link        = NULL;
}

static const struct link_handler handler = {.frame = on_frame, .closed = on_closed};

void fake_serve(struct fake *f, int *fd)
{
	assert_int_equal(link_open(&f->loop, fd, &handler, f, &f->link), 0);
}

void fake_open(struct fake *f, void (*answer)(struct fake *f, const struct weft__msg *m))
{
	int pair[2];
	struct weft_error e;
	*f = (struct fake){.answer = answer};
	assert_int_equal(uv_loop_init(&f->loop), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fake_serve(f, &pair[0]);
	assert_int_equal(session_open(&f->loop, &pair[1], "/nowhere/testvm", &f->session, &e), 0);
}

void fake_close(struct fake *f)
{
	session_close(&f->session);
	if (f->link)
		link_close(&f->link);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	weft__arena_fini(&f->arena);
}

void fake_send(struct fake *f, const struct weft__msg *m)
{
	assert_int_equal(link_send(f->link, m, NULL, 0), 0);
}

void fake_welcome(struct fake *f)
{
	struct weft__msg m = {.code    = WEFT__MSG_WELCOME,
	                      .welcome = {.release = weft__str("0.1.0"),
	                                  .vm      = weft__str("testvm"),
	                                  .node    = 1,
	                                  .host    = weft__str("testhost"),
	                                  .ncores  = 4}};
	fake_send(f, &m);
}

void fake_hang_up(struct fake *f)
{
	link_close(&f->link);
}

/* Both ends are on this loop and the kernel delivers at once: what is under way takes a few turns. */
void fake_settle(struct fake *f)
{
	for (int turn = 0; turn < SETTLE_TURNS; turn++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
}
