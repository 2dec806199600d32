/* The coordinator's process.
 *
 * Happy path: the folder is locked and the journal replayed; the home node's daemon is at the other end of a socket
 * that we were born with, and coord.sock is made, where it comes when that was lost. What comes in during one turn
 * of the loop goes through the core and makes a batch: before the
 * loop sleeps again the batch's records are written, then its messages leave. The other nodes'
 * connections come through the home node's port and link (PASS_LINK with the descriptor) and speak TLS with us.
 *
 * Failure modes:
 * - A link closes, fails its handshake or says what it may not: the core is told, or closes it itself.
 * - The journal can't be written, or there is no memory: the process ends with an error, nothing of the batch
 *   has left. The home node starts another one, which carries on from what is on disk.
 * - The journal is damaged: refused with a text that says where; nothing is overwritten.
 * - SIGTERM: the VM is taken down in good order.
 * - The VM ends (COORD_STOP): what is queued still goes out, then no file of ours is left.
 */
#include "config.h"

#include "coord/shell.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rundir.h"
#include "coord/journal.h"
#include "coord/store.h"

enum {
	COMPACT_BYTES = 4 << 20, /* the journal is made anew when it is larger, and ... */
	COMPACT_TIMES = 4,       /* ... so many times as large as the last snapshot */
};

struct shell {
	const struct shell_options *options;
	int dirfd;
	uv_loop_t loop;
	uv_timer_t tick;
	uv_signal_t term;
	uv_prepare_t before_sleep; /* a batch ends here ... */
	uv_check_t after_poll;     /* ... or here */
	struct link_listener *listener;
	struct store store;
	struct coord *core;
	struct coord_actions out;
	struct weft__arena arena;
	struct weft__list peers;
	struct weft__map peer_by_id;
	uint64_t next_id;
	bool stopped;    /* the VM has ended */
	int failed;      /* the process has to end */
	struct weft_error error;
};

/* One link; its id is what the core calls it by. */
struct peer {
	struct weft__list all;
	struct shell *shell;
	struct link *link;
	uint64_t id;
	uint32_t node, incarnation; /* 0: the TLS handshake is not over */
	bool is_home;               /* came in at the Unix socket */
	char from[LINK_ADDRESS_TEXT];
};

static void fail(struct shell *s, int code, const char *text)
{
	if (s->failed)
		return;
	s->failed = weft__err_set(&s->error, code, "%s", text);
	weft__log(WEFT__LOG_ERROR, "WEFT-COORD-FAILED", "%s", text);
	uv_stop(&s->loop);
}

/* --- events for the core --------------------------------------------------------------------------- */

static void step(struct shell *s, struct coord_event *ev)
{
	if (s->failed || s->stopped)
		return;
	ev->now_ms = weft__clock_ns() / 1000000;
	int rc = coord_step(s->core, ev, &s->out);
	if (rc)
		fail(s, rc, rc == WEFT_ENOMEM ? "no memory; the next coordinator carries on from the journal" : "internal error");
}

static void on_signal(uv_signal_t *handle, int signo)
{
	struct coord_event ev = {.kind = COORD_HALT};
	step(handle->data, &ev);
}

static bool has_home(const struct shell *s)
{
	for (const struct weft__list *i = s->peers.next; i != &s->peers; i = i->next)
		if (WEFT__CONTAINER(i, struct peer, all)->is_home)
			return true;
	return false;
}

/* With its daemon dead and its folder removed the VM is over: no tool can find it, but its nodes still live. */
static void on_tick(uv_timer_t *timer)
{
	struct shell *s       = timer->data;
	bool over             = weft__rundir_removed(s->dirfd) && !has_home(s);
	struct coord_event ev = {.kind = over ? COORD_HALT : COORD_TICK};
	step(s, &ev);
	ev.kind = COORD_TICK;
	if (over)
		step(s, &ev);
}

/* --- links ------------------------------------------------------------------------------------------- */

static struct peer *peer_create(struct shell *s)
{
	struct peer *p = weft__calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->shell = s;
	p->id = ++s->next_id;
	weft__list_init(&p->all);
	if (weft__map_put(&s->peer_by_id, p->id, p)) {
		weft__free(p);
		return NULL;
	}
	weft__list_push(&s->peers, &p->all);
	return p;
}

static void peer_destroy(struct peer *p)
{
	if (p->link)
		link_close(&p->link);
	weft__list_remove(&p->all);
	weft__map_remove(&p->shell->peer_by_id, p->id);
	weft__free(p);
}

/* "node 3 7", written as we write it, and never as the home node, whose socket is in the folder. */
static bool read_identity(const char *identity, uint32_t *node, uint32_t *incarnation)
{
	char again[64];
	unsigned n, i;
	if (sscanf(identity, "node %u %u", &n, &i) != 2 || n <= COORD_HOME || n > WEFT__NODE_MAX)
		return false;
	snprintf(again, sizeof again, "node %u %u", n, i);
	if (strcmp(again, identity) != 0)
		return false;
	*node = n;
	*incarnation = i;
	return true;
}

static int find_key(void *arg, const char *identity, uint8_t key[static LINK_KEY_BYTES])
{
	const struct shell *s = arg;
	uint32_t node, incarnation;
	if (!read_identity(identity, &node, &incarnation))
		return WEFT_EDENIED;
	return link_key_derive(s->options->key, identity, key);
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	struct peer *p = arg;
	link_gather(l);
	if (!p->is_home && !read_identity(identity, &p->node, &p->incarnation))
		peer_destroy(p);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct peer *p = arg;
	struct shell *s = p->shell;
	struct coord_event ev = {.kind = COORD_LINK_DOWN, .link = p->id};
	bool stranger = p->node == 0;
	if (!stranger || link_complain(p->from))
		weft__log(stranger ? WEFT__LOG_WARN : WEFT__LOG_INFO, stranger ? "WEFT-COORD-STRANGER" : "WEFT-COORD-LINK",
		          "node=%u from=%s closed: %s", p->node, p->from, text);
	p->link = NULL;
	peer_destroy(p);
	step(s, &ev);
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds);

static const struct link_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};

/* "10.0.0.9:4711" or "[fe80::1]:4711" without port and brackets. */
static void copy_host(char to[static LINK_ADDRESS_TEXT], struct weft__str address)
{
	const char *p = address.p, *end = p + address.n;
	const char *colon = strrchr(p, ':');
	if (*p == '[') {
		const char *bracket = strchr(p, ']');
		end = bracket ? bracket : end;
		p++;
	} else if (colon && colon == strchr(p, ':')) {
		end = colon;
	}
	snprintf(to, LINK_ADDRESS_TEXT, "%.*s", (int)(end - p), p);
}

static void pass_link(struct peer *from, const struct weft__msg_pass_link *m, int fd)
{
	struct shell *s = from->shell;
	struct peer *p = peer_create(s);
	if (!p) {
		close(fd);
		return; /* the node tries again */
	}
	copy_host(p->from, m->address);
	if (link_accept(&s->loop, &fd, find_key, s, &handler, p, &p->link)) {
		p->link = NULL;
		peer_destroy(p);
	}
}

/* The shell's own message, from home alone; true: it was that. */
static bool take_passed(struct peer *p, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct weft__msg m;
	if (!p->is_home || nfds != 1 || weft__msg_peek(body, nbytes) != WEFT__MSG_PASS_LINK)
		return false;
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_NODE, WEFT__ROLE_COORD, &p->shell->arena, &m, NULL);
	if (rc)
		return false;
	pass_link(p, &m.pass_link, fds[0]);
	return true;
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct peer *p = arg;
	if (take_passed(p, body, nbytes, fds, nfds))
		return;
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	struct coord_event ev = {.kind = COORD_MESSAGE, .link = p->id, .body = body, .nbytes = nbytes};
	ev.node = p->node;
	ev.incarnation = p->incarnation;
	ev.from = p->from;
	step(p->shell, &ev);
}

/* The home node's daemon: its end of a pair, or someone with our uid at coord.sock. */
static void on_unix(void *arg, int fd)
{
	struct shell *s = arg;
	struct peer *p = peer_create(s);
	if (!p) {
		close(fd);
		return;
	}
	p->is_home = true;
	p->node = p->incarnation = COORD_HOME;
	if (link_open(&s->loop, &fd, &handler, p, &p->link)) {
		p->link = NULL;
		peer_destroy(p);
	}
}

/* --- actions -------------------------------------------------------------------------------------------- */

/* PEER, NODE_START and LAUNCH get their key here, and go nowhere but out. A LAUNCH of all of a job needs none. */
static int send_with_key(struct shell *s, struct peer *p, const struct coord_action *a, const uint8_t *body)
{
	struct weft__msg m;
	char label[COORD_LABEL_TEXT];
	uint8_t key[LINK_KEY_BYTES];
	int rc = weft__msg_decode(body, a->nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE, &s->arena, &m, NULL);
	if (!rc && !coord_key_label(a, &m, label))
		return m.code == WEFT__MSG_LAUNCH ? link_send_body(p->link, body, a->nbytes) : WEFT_EINTERNAL;
	if (!rc)
		rc = link_key_derive(s->options->key, label, key);
	if (rc)
		return rc;
	struct weft__bin bytes = {key, sizeof key};
	if (m.code == WEFT__MSG_PEER)
		m.peer.key = bytes;
	else if (m.code == WEFT__MSG_NODE_START)
		m.node_start.key = bytes;
	else
		m.launch.secret = (struct weft__bin){key, LINK_KEY_BYTES / 2};
	rc = link_send(p->link, &m, NULL, 0);
	explicit_bzero(key, sizeof key);
	return rc;
}

static void send_out(struct shell *s, const struct coord_action *a)
{
	struct peer *p = weft__map_get(&s->peer_by_id, a->link);
	const uint8_t *body = s->out.bytes.data + a->at;
	if (!p || !p->link)
		return;
	int code = weft__msg_peek(body, a->nbytes);
	bool keyed = code == WEFT__MSG_PEER || code == WEFT__MSG_NODE_START || code == WEFT__MSG_LAUNCH;
	int rc = keyed ? send_with_key(s, p, a, body) : link_send_body(p->link, body, a->nbytes);
	if (rc && rc != WEFT_ECLOSED) /* closed: the link says so itself */
		fail(s, rc, weft__err_text(rc));
}

static void carry_out(struct shell *s)
{
	for (size_t i = 0; i < s->out.nitems && !s->failed; i++) {
		const struct coord_action *a = &s->out.items[i];
		struct peer *p;
		switch (a->kind) {
		case COORD_SEND:
			send_out(s, a);
			break;
		case COORD_CLOSE:
			p = weft__map_get(&s->peer_by_id, a->link);
			if (p)
				peer_destroy(p);
			break;
		case COORD_LOG:
			weft__log(a->level, a->id, "%s", (const char *)s->out.bytes.data + a->at);
			break;
		case COORD_STOP:
			s->stopped = true;
			uv_stop(&s->loop);
			break;
		}
	}
	coord_actions_clear(&s->out);
}

static void compact(struct shell *s)
{
	struct weft__buf journal = {0};
	struct weft_error e;
	int rc = journal_append_head(&journal);
	if (!rc)
		rc = coord_save(s->core, &journal);
	if (!rc && store_replace(&s->store, journal.data, journal.len, &e))
		weft__log(WEFT__LOG_WARN, "WEFT-COORD-JOURNAL", "it stays long: %s", e.text);
	else if (!rc)
		weft__log(WEFT__LOG_DEBUG, "WEFT-COORD-JOURNAL", "made anew, %zu bytes", journal.len);
	s->store.base = s->store.nbytes; /* also after a failure: not again at once */
	weft__buf_fini(&journal);
}

/* The end of a batch: first to disk, then out. */
static void flush(struct shell *s)
{
	struct weft_error e;
	if (s->failed || s->stopped || (s->out.records.len == 0 && s->out.nitems == 0))
		return;
	if (s->out.records.len > 0 &&
	    store_append(&s->store, s->out.records.data, s->out.records.len, &e)) {
		fail(s, e.code, e.text);
		return;
	}
	carry_out(s);
	if (s->store.nbytes > COMPACT_BYTES && s->store.nbytes / COMPACT_TIMES > s->store.base && !s->stopped)
		compact(s);
}

static void on_prepare(uv_prepare_t *handle)
{
	flush(handle->data);
}

static void on_check(uv_check_t *handle)
{
	flush(handle->data);
}

/* --- beginning and end ---------------------------------------------------------------------------------- */

static int replay(void *arg, const void *body, size_t nbytes, struct weft_error *e)
{
	struct shell *s = arg;
	int rc = coord_replay(s->core, body, nbytes, e);
	return rc == WEFT_ENOMEM ? weft__err_set(e, rc, "no memory to replay the journal") : rc;
}

static int begin(struct shell *s, int dirfd, struct weft_error *e)
{
	size_t nrecords, ncut;
	struct coord_event ev = {.kind = COORD_START, .options = &s->options->core};
	int rc = coord_create(&s->core);
	if (rc)
		return weft__err_set(e, rc, "no memory");
	rc = store_read(&s->store, replay, s, &nrecords, &ncut, e);
	if (rc)
		return rc;
	step(s, &ev);
	if (s->failed) {
		*e = s->error;
		return s->failed;
	}
	weft__log(WEFT__LOG_INFO, "WEFT-COORD-UP", "vm=%s epoch=%u records=%zu cut=%zu", s->options->core.vm,
	          coord_epoch(s->core), nrecords, ncut);
	rc = link_listen_unix(&s->loop, dirfd, "coord.sock", on_unix, s, &s->listener, e);
	if (!rc && s->options->home_fd >= 0)
		on_unix(s, s->options->home_fd);
	return rc;
}

static void start_handles(struct shell *s)
{
	uv_timer_init(&s->loop, &s->tick);
	uv_signal_init(&s->loop, &s->term);
	uv_prepare_init(&s->loop, &s->before_sleep);
	uv_check_init(&s->loop, &s->after_poll);
	s->tick.data = s->term.data = s->before_sleep.data = s->after_poll.data = s;
	if (!s->options->batch)
		uv_signal_start(&s->term, on_signal, SIGTERM);
	uv_timer_start(&s->tick, on_tick, COORD_TICK_MS, COORD_TICK_MS);
	uv_prepare_start(&s->before_sleep, on_prepare);
	uv_check_start(&s->after_poll, on_check);
}

static void end(struct shell *s)
{
	uv_close((uv_handle_t *)&s->tick, NULL);
	uv_close((uv_handle_t *)&s->term, NULL);
	uv_close((uv_handle_t *)&s->before_sleep, NULL);
	uv_close((uv_handle_t *)&s->after_poll, NULL);
	if (s->listener)
		link_listener_close(&s->listener);
	while (!weft__list_empty(&s->peers))
		peer_destroy(WEFT__CONTAINER(s->peers.next, struct peer, all));
	uv_run(&s->loop, UV_RUN_DEFAULT); /* what is queued goes out, within the time that link_close gives */
	weft__map_fini(&s->peer_by_id);
	weft__arena_fini(&s->arena);
	coord_actions_fini(&s->out);
	coord_destroy(&s->core);
	int rc = uv_loop_close(&s->loop);
	assert(rc == 0);
}

int shell_run(const struct shell_options *options, struct weft_error *e)
{
	struct shell s = {.options = options};
	weft__list_init(&s.peers);
	int dirfd = weft__rundir_open(options->dir, 0, e);
	if (dirfd < 0)
		return dirfd;
	s.dirfd = dirfd;
	int rc = store_open(&s.store, dirfd, e);
	if (rc) {
		close(dirfd);
		return rc;
	}
	rc = uv_loop_init(&s.loop);
	if (rc) {
		rc = weft__err_set(e, weft__err_from_errno(-rc), "no event loop: %s", uv_strerror(rc));
	} else {
		start_handles(&s);
		rc = begin(&s, dirfd, e);
		if (!rc)
			uv_run(&s.loop, UV_RUN_DEFAULT);
		if (!rc && s.failed) {
			rc = s.failed;
			*e = s.error;
		}
		end(&s);
	}
	if (!rc)
		store_remove(&s.store);
	else
		store_close(&s.store);
	close(dirfd);
	return rc;
}
