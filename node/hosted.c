/* The beginning of a daemon that a task has started, PVM's hoster: hosting.c tells what is done and why.
 *
 * What can go wrong: home does not answer, or refuses, for it does not know our half yet: dialled again until the time is
 * over. Whoever started us has gone: nobody reads our line, and so home never agrees.
 */
#include "config.h"

#include "node/hosting.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "node/launch.h"
#include "node/race.h"

enum { AGAIN_MS = 50, LIMIT_MS = 9000, MTU = 4080, PVM_PROTOCOL = 2316 };

struct fetch {
	struct node *node;
	uint8_t agreed[LINK_KEY_BYTES];
	struct race *race;
	struct link *link;
	uv_timer_t timer;
	uint64_t began_ns;
	bool done;
	int status; /* of the process, should it end here */
};

static void dial(struct fetch *f);

static void on_timer(uv_timer_t *timer)
{
	dial(timer->data);
}

static void again(struct fetch *f, int code)
{
	f->status = code == WEFT_EVERSION ? LAUNCH_VERSION : code == WEFT_EDENIED ? LAUNCH_KEY : LAUNCH_UNREACHED;
	if (weft__clock_ns() - f->began_ns < LIMIT_MS * UINT64_C(1000000) && code != WEFT_EVERSION)
		uv_timer_start(&f->timer, on_timer, AGAIN_MS, 0);
}

static void frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct fetch *f = arg;
	struct weft__msg m;
	struct weft_error e;
	link_close(&f->link);
	if (weft__msg_decode(body, nbytes, WEFT__ROLE_NODE, WEFT__ROLE_NODE, &f->node->arena, &m, &e) ||
	    m.code != WEFT__MSG_NODE_KEY || m.node_key.key.n != LINK_KEY_BYTES) {
		again(f, WEFT_EPROTO);
		return;
	}
	memcpy(f->node->key, m.node_key.key.p, LINK_KEY_BYTES);
	f->done = true;
}

static void closed(struct link *l, void *arg, int code, const char *text)
{
	struct fetch *f = arg;
	f->link = NULL;
	again(f, code);
}

static void won(void *arg, struct link *l, const char *address, uint16_t port)
{
	static const struct link_handler handler = {.frame = frame, .closed = closed};
	struct fetch *f = arg;
	f->race = NULL;
	f->link = l;
	link_set_handler(l, &handler, f);
}

static void lost(void *arg, int code, const char *text)
{
	struct fetch *f = arg;
	f->race = NULL;
	again(f, code);
}

static void dial(struct fetch *f)
{
	static const struct race_handler handler = {.won = won, .lost = lost};
	struct node *n = f->node;
	char label[HOSTING_LABEL_TEXT];
	hosting_label(n->index, n->incarnation, label);
	int rc = race_start(n->loop, n->join_list, n->join_port, LINK_TO_KEY, label, f->agreed, &handler, f, &f->race);
	if (rc)
		again(f, rc);
}

/* In a loop of its own: the daemon begins with its key. */
static int fetch(struct fetch *f)
{
	uv_loop_t loop;
	if (uv_loop_init(&loop))
		return LAUNCH_UNREACHED;
	f->node->loop = &loop;
	f->began_ns = weft__clock_ns();
	uv_timer_init(&loop, &f->timer);
	f->timer.data = f;
	dial(f);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&f->timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	f->node->loop = NULL;
	weft__arena_fini(&f->node->arena);
	return f->done ? 0 : f->status;
}

/* The line of PVM's own daemon, which programs look for, and our half. */
static bool show(const struct link_pair *pair)
{
	char half[HOSTING_HALF_TEXT];
	hosting_print_half(pair->shown, half);
	return printf("ddpro<%d> arch<LINUX64> ip<00000000:0000> mtu<%d> weftd<%s %d> key<%s>\n", PVM_PROTOCOL, MTU, PACKAGE_VERSION,
	              WEFT__PROTO_VERSION, half) > 0 &&
	       fflush(stdout) == 0;
}

/* Who waits for the command to end, or for the end of what it prints, need not wait for us. */
static bool leave(void)
{
	pid_t pid = fork();
	if (pid > 0)
		_exit(0);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (pid || null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return false;
	if (null > 2)
		close(null);
	return true;
}

int hosted_begin(struct node *n, const uint8_t half[static LINK_KEY_BYTES])
{
	struct fetch f = {.node = n};
	struct link_pair pair;
	char label[HOSTING_LABEL_TEXT];
	hosting_label(n->index, n->incarnation, label);
	int status = LAUNCH_KEY;
	if (link_pair_make(&pair) == 0 && link_pair_agree(&pair, half, label, f.agreed) == 0 && show(&pair) && leave())
		status = fetch(&f);
	explicit_bzero(&pair, sizeof pair);
	explicit_bzero(f.agreed, sizeof f.agreed);
	return status;
}
