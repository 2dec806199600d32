/* Happy path: attach finds the node's socket and sends HELLO; questions may follow at once, for the daemon
 * answers in order. WELCOME comes, then the answers, each brought by its req to whoever asked.
 *
 * What can go wrong: the node's daemon crashes: another one listens already where it did. We connect again and say who we
 * are; what we and the coordinator say to each other is counted (proto/session.h) and goes on where it was; what
 * only the daemon was asked is asked again. Also: the node refuses us (another version: REFUSED says so in words, then the connection
 * closes); it closes in the middle (it was killed, or the VM was taken down): every waiting question ends
 * with that reason, listeners are told; it says nothing (it is stopped, or overloaded): questions that wait
 * have a time limit.
 */
#include "config.h"

#include "console/session.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/map.h"
#include "base/rundir.h"
#include "link/link.h"
#include "proto/session.h"

struct ask {
	session_answer_fn answer;
	void *arg;
	struct weft__buf body; /* a question for the daemon alone, to ask it of another one; else empty */
};

struct session {
	uv_loop_t *loop;
	struct link *link;           /* NULL: closed */
	struct weft__arena arena;
	struct weft__map asks;       /* by req: struct ask */
	struct weft__list listeners;
	uint64_t last_req;
	uv_timer_t *timer;           /* wakes session_wait */
	struct weft__session counts; /* what we and the coordinator say to each other */
	bool resuming;               /* it has not said yet how much of that has come to it */
	uint64_t client, pass;       /* who we are to another daemon of the node */
	bool welcomed, interrupted;
	int given;                   /* a descriptor for the next job, -1: none */
	int64_t node;
	struct weft_error end;       /* why it was closed; code 0: it is open */
	char dir[PATH_MAX];
	char nodedir[PATH_MAX + 24]; /* where the node's daemons listen; "": not known yet */
	char name[65], host[256];
};

static void free_ask(struct ask *ask)
{
	if (ask)
		weft__buf_fini(&ask->body);
	weft__free(ask);
}

/* Answers have the req of the question as their first field. */
static bool is_answer(enum weft__msg_code code)
{
	switch (code) {
	case WEFT__MSG_RESULT:
	case WEFT__MSG_SPAWNED:
	case WEFT__MSG_STATUS:
	case WEFT__MSG_NODE_ROW:
	case WEFT__MSG_TASK_ROW:
	case WEFT__MSG_JOB_ROW:
	case WEFT__MSG_LIST_END:
	case WEFT__MSG_NODE_ADDED:
	case WEFT__MSG_NAME_VALUE:
	case WEFT__MSG_LOG_BYTES:
	case WEFT__MSG_MBOX_VALUE:
	case WEFT__MSG_MBOX_ROW:
	case WEFT__MSG_NET_ROW:
		return true;
	default:
		return false;
	}
}

static void end_session(struct session *s, int code, const char *text)
{
	if (s->end.code == 0)
		weft__err_set(&s->end, code ? code : WEFT_ECLOSED, "%s", text);
	uv_stop(s->loop);
	for (struct weft__list *l = s->listeners.next, *next; l != &s->listeners; l = next) {
		struct session_listener *listener = WEFT__CONTAINER(l, struct session_listener, link);
		next                              = l->next;
		if (listener->closed)
			listener->closed(listener->arg, s->end.code, s->end.text);
	}
}

static int greet(struct session *s, uint64_t again)
{
	struct weft__msg m = {.code  = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION,
	                                .release = weft__str(PACKAGE_VERSION),
	                                .role    = WEFT__ROLE_TOOL,
	                                .pid     = (uint64_t)getpid(),
	                                .name    = weft__str("weft"),
	                                .again   = again,
	                                .client  = s->client,
	                                .pass    = s->pass,
	                                .seen    = s->counts.received}};
	s->resuming        = s->welcomed;
	return link_send(s->link, &m, &s->given, s->given >= 0);
}

/* What we asked an earlier daemon itself. */
static void ask_again(struct session *s)
{
	size_t cursor = 0;
	uint64_t req;
	void *value;
	while (weft__map_next(&s->asks, &cursor, &req, &value)) {
		const struct ask *ask = value;
		if (ask->body.len)
			link_send_body(s->link, ask->body.data, ask->body.len);
	}
}

/* What we said to the coordinator and it has not seen. */
static int say_again(struct session *s)
{
	int rc = 0;
	for (struct weft__list *l = s->counts.kept.next; !rc && l != &s->counts.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		rc                           = link_send_body(s->link, k->body, k->nbytes);
	}
	return rc;
}

static void welcomed(struct session *s, const struct weft__msg_welcome *m)
{
	if (s->welcomed)
		ask_again(s);
	s->welcomed = true;
	s->client   = m->client;
	s->pass     = m->pass;
	s->node     = (int64_t)m->node;
	snprintf(s->nodedir, sizeof s->nodedir, "%s/n%lld", s->dir, (long long)s->node);
	snprintf(s->name, sizeof s->name, "%.*s", (int)m->vm.n, m->vm.p);
	snprintf(s->host, sizeof s->host, "%.*s", (int)m->host.n, m->host.p);
	uv_stop(s->loop);
}

/* The coordinator has seen so much of what we said. */
static int resumed(struct session *s, uint64_t seen)
{
	int rc = weft__session_confirm(&s->counts, seen);
	if (!rc)
		rc = say_again(s);
	s->resuming = false;
	return rc;
}

static void take_answer(struct session *s, const struct weft__msg *m)
{
	uint64_t req    = m->result.req;
	struct ask *ask = weft__map_get(&s->asks, req);
	if (ask && ask->answer(ask->arg, m))
		session_forget(s, (int64_t)req);
	uv_stop(s->loop); /* session_wait looks whether this was the one */
}

static void take_event(struct session *s, const struct weft__msg *m)
{
	for (struct weft__list *l = s->listeners.next, *next; l != &s->listeners; l = next) {
		struct session_listener *listener = WEFT__CONTAINER(l, struct session_listener, link);
		next                              = l->next;
		listener->event(listener->arg, m);
	}
}

static void take(struct session *s, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_WELCOME) {
		welcomed(s, &m->welcome);
	} else if (m->code == WEFT__MSG_AGAIN) {
		greet(s, m->again.again);
	} else if (m->code == WEFT__MSG_RESUMED) {
		if (resumed(s, m->resumed.seen)) {
			link_close(&s->link);
			end_session(s, WEFT_EPROTO, "the virtual machine has lost its memory of this tool");
		}
	} else if (m->code == WEFT__MSG_SEEN) {
		weft__session_confirm(&s->counts, m->seen.seen);
	} else if (m->code == WEFT__MSG_REFUSED) {
		weft__err_set(&s->end, m->refused.code ? (int)m->refused.code : WEFT_EDENIED, "%.*s",
		              (int)m->refused.text.n, m->refused.text.p);
	} else if (is_answer(m->code)) {
		take_answer(s, m);
	} else {
		take_event(s, m);
	}
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct session *s = arg;
	struct weft__msg m;
	struct weft_error e = {0};
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]); /* a tool is sent none */
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_NODE, WEFT__ROLE_TOOL, &s->arena, &m, &e);
	if (rc == WEFT_EDENIED) /* what the node passes on for the coordinator */
		rc = weft__msg_decode(body, nbytes, WEFT__ROLE_COORD, WEFT__ROLE_TOOL, &s->arena, &m, &e);
	if (rc) {
		link_close(&s->link);
		end_session(s, rc, e.text);
		return;
	}
	if (weft__session_answers(m.code) && weft__session_took(&s->counts, nbytes) && !s->resuming)
		link_send(s->link, &(struct weft__msg){.code = WEFT__MSG_SEEN, .seen = {s->counts.received}}, NULL, 0);
	take(s, &m);
}

static const struct link_handler handler;

/* Whoever takes the daemon's place listens already where it did; false: nobody does. A daemon that has not said WELCOME
 * has passed nothing on: the next one is told all, as if it were the first. */
static bool reconnect(struct session *s)
{
	int fd = *s->nodedir && s->end.code == 0 ? weft__rundir_connect(s->nodedir, "sock", NULL) : -1;
	if (fd < 0 || link_open(s->loop, &fd, &handler, s, &s->link))
		return false;
	int rc = greet(s, 0);
	if (!rc && !s->welcomed) {
		ask_again(s);
		rc = say_again(s);
	}
	if (rc)
		link_close(&s->link);
	return !rc;
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct session *s = arg;
	s->link           = NULL;
	if (reconnect(s))
		return;
	if (code == WEFT_ECLOSED)
		text = "the virtual machine went down";
	end_session(s, code, text);
}

static const struct link_handler handler = {.frame = on_frame, .closed = on_closed};

int session_open(uv_loop_t *loop, int *fd, const char *dir, struct session **s, struct weft_error *e)
{
	struct session *new = weft__calloc(1, sizeof *new);
	uv_timer_t *timer   = weft__calloc(1, sizeof *timer);
	if (!new || !timer) {
		close(*fd);
		*fd = -1;
		weft__free(new);
		weft__free(timer);
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	new->loop  = loop;
	new->timer = timer;
	new->given = -1;
	uv_timer_init(loop, timer);
	weft__list_init(&new->listeners);
	weft__session_init(&new->counts);
	snprintf(new->dir, sizeof new->dir, "%s", dir);
	const char *slash = strrchr(dir, '/');
	snprintf(new->name, sizeof new->name, "%s", slash ? slash + 1 : dir);
	int rc = link_open(loop, fd, &handler, new, &new->link);
	if (!rc)
		rc = greet(new, 0);
	if (rc) {
		session_close(&new);
		return weft__err_set(e, rc, "cannot talk to the virtual machine: %s", weft__err_text(rc));
	}
	*s = new;
	return 0;
}

int session_attach(uv_loop_t *loop, const char *vm, struct session **s, struct weft_error *e)
{
	char dir[PATH_MAX];
	int fd = weft__rundir_attach(vm, dir, sizeof dir, e);
	if (fd < 0)
		return fd;
	char nodedir[PATH_MAX];
	strcpy(nodedir, dir);
	char *slash = strrchr(dir, '/'); /* the VM's folder has the node's */
	if (slash)
		*slash = '\0';
	int rc = session_open(loop, &fd, dir, s, e);
	if (!rc)
		strcpy((*s)->nodedir, nodedir);
	return rc;
}

static void free_timer(uv_handle_t *timer)
{
	weft__free(timer);
}

void session_close(struct session **s)
{
	struct session *old = *s;
	*s                  = NULL;
	if (!old)
		return;
	if (old->link)
		link_close(&old->link);
	while (weft__list_pop(&old->listeners)) /* they may unlisten later */
		;
	size_t cursor = 0;
	uint64_t req;
	void *ask;
	while (weft__map_next(&old->asks, &cursor, &req, &ask))
		free_ask(ask);
	weft__session_fini(&old->counts);
	weft__map_fini(&old->asks);
	weft__arena_fini(&old->arena);
	uv_close((uv_handle_t *)old->timer, free_timer);
	weft__free(old);
}

bool session_is_open(const struct session *s)
{
	return s->link != NULL;
}

const char *session_dir(const struct session *s)
{
	return s->dir;
}

const char *session_name(const struct session *s)
{
	return s->name;
}

int64_t session_node(const struct session *s)
{
	return s->node;
}

const char *session_host(const struct session *s)
{
	return s->host;
}

void session_listen(struct session *s, struct session_listener *l)
{
	weft__list_push(&s->listeners, &l->link);
}

void session_unlisten(struct session_listener *l)
{
	weft__list_remove(&l->link);
}

/* What is for the coordinator is kept until that has it; body gets what is not. */
static int send_kept(struct session *s, const struct weft__msg *m, struct weft__buf *own)
{
	struct weft__buf body = {0};
	bool asks             = weft__session_asks(m->code);
	if (!s->link)
		return WEFT_ECLOSED;
	int rc = weft__msg_encode_body(&body, m, NULL);
	if (!rc && asks)
		rc = weft__session_push(&s->counts, body.data, body.len);
	if (!rc && !(asks && s->resuming))
		rc = link_send_body(s->link, body.data, body.len);
	if (rc == WEFT_ECLOSED && (asks || own)) /* the daemon has crashed, as we shall hear: the next one is told */
		rc = 0;
	if (own && !asks) {
		*own = body;
		body = (struct weft__buf){0};
	}
	weft__buf_fini(&body);
	return rc;
}

int session_send(struct session *s, const struct weft__msg *m)
{
	return send_kept(s, m, NULL);
}

int session_give(struct session *s, int fd)
{
	struct weft__msg m = {.code = WEFT__MSG_STDIN};
	s->given           = fd;
	int rc             = fd >= 0 && s->link ? link_send(s->link, &m, &fd, 1) : 0;
	return rc == WEFT_ECLOSED ? 0 : rc; /* the next daemon gets it with HELLO */
}

int64_t session_ask(struct session *s, struct weft__msg *m, session_answer_fn answer, void *arg)
{
	struct ask *ask = weft__calloc(1, sizeof *ask);
	if (!ask)
		return WEFT_ENOMEM;
	*ask          = (struct ask){.answer = answer, .arg = arg};
	m->result.req = ++s->last_req; /* the first field of every question */
	int rc        = weft__map_put(&s->asks, s->last_req, ask);
	if (rc) {
		weft__free(ask);
		return rc;
	}
	rc = send_kept(s, m, &ask->body);
	if (rc) {
		session_forget(s, (int64_t)s->last_req);
		return rc;
	}
	return (int64_t)s->last_req;
}

void session_forget(struct session *s, int64_t req)
{
	free_ask(weft__map_remove(&s->asks, (uint64_t)req));
}

/* --- questions that wait -------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Runs the loop until something happens, at most left_ms (-1: for ever). */
static void wait_some(struct session *s, int left_ms)
{
	uv_update_time(s->loop); /* it may have stood still for long */
	if (left_ms >= 0)
		uv_timer_start(s->timer, on_timer, (uint64_t)left_ms, 0);
	uv_run(s->loop, UV_RUN_DEFAULT);
	uv_timer_stop(s->timer);
}

int session_wait(struct session *s, const bool *done, int timeout_ms, struct weft_error *e)
{
	uint64_t deadline = weft__deadline(timeout_ms);
	s->interrupted    = false;
	while (!*done) {
		int left_ms = weft__deadline_left_ms(deadline);
		if (s->end.code)
			return weft__err_set(e, s->end.code, "%s", s->end.text);
		if (s->interrupted)
			return weft__err_set(e, WEFT_ECANCELED, "interrupted");
		if (left_ms == 0)
			return weft__err_set(e, WEFT_ETIMEDOUT,
			                     "no answer from the virtual machine '%s' within %d s; see: weft doctor",
			                     s->name, timeout_ms / 1000);
		wait_some(s, left_ms);
	}
	return 0;
}

void session_interrupt(struct session *s)
{
	s->interrupted = true;
	uv_stop(s->loop);
}

int session_welcome(struct session *s, struct weft_error *e)
{
	return session_wait(s, &s->welcomed, SESSION_TIMEOUT_MS, e);
}

struct request {
	bool done;
	int code;
	struct weft_error *e;
};

static bool on_result(void *arg, const struct weft__msg *m)
{
	struct request *r = arg;
	r->done           = true;
	if (m->code != WEFT__MSG_RESULT)
		r->code = weft__err_set(r->e, WEFT_EPROTO, "unexpected answer from the virtual machine");
	else if (m->result.code)
		r->code = weft__err_set(r->e, (int)m->result.code, "%s",
		                        m->result.text.n ? m->result.text.p
		                                         : weft__err_text((int)m->result.code));
	return true;
}

int session_request(struct session *s, struct weft__msg *m, int timeout_ms, struct weft_error *e)
{
	struct request r = {.e = e};
	int64_t req      = session_ask(s, m, on_result, &r);
	if (req < 0)
		return weft__err_set(e, (int)req, "%s", s->end.code ? s->end.text : weft__err_text((int)req));
	int rc = session_wait(s, &r.done, timeout_ms, e);
	session_forget(s, req);
	return rc ? rc : r.code;
}

struct listing {
	bool done;
	int code;
	void (*row)(void *arg, const struct weft__msg *m);
	void *arg;
};

static bool on_row(void *arg, const struct weft__msg *m)
{
	struct listing *l = arg;
	switch (m->code) {
	case WEFT__MSG_LIST_END:
		l->done = true;
		l->code = (int)m->list_end.code;
		return true;
	case WEFT__MSG_RESULT: /* a node answers so when it cannot ask the coordinator */
		l->done = true;
		l->code = (int)m->result.code;
		return true;
	default:
		l->row(l->arg, m);
		return false;
	}
}

int session_list(struct session *s, unsigned kind, uint32_t job, uint32_t node,
                 void (*row)(void *arg, const struct weft__msg *m), void *arg, struct weft_error *e)
{
	struct listing l   = {.row = row, .arg = arg};
	struct weft__msg m = {.code = WEFT__MSG_LIST, .list = {.kind = kind, .job = job, .node = node}};
	int64_t req        = session_ask(s, &m, on_row, &l);
	if (req < 0)
		return weft__err_set(e, (int)req, "%s", s->end.code ? s->end.text : weft__err_text((int)req));
	int rc = session_wait(s, &l.done, SESSION_TIMEOUT_MS, e);
	session_forget(s, req);
	if (!rc && l.code)
		rc = weft__err_set(e, l.code, "%s", weft__err_text(l.code));
	return rc;
}
