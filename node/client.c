/* Clients: tasks and tools, on the node's socket or on the connection that a task was born with.
 *
 * Happy path: HELLO comes, WELCOME goes back at once (a task that enrols from outside first gets its tid from the
 * coordinator), the coordinator is told by CLIENT_OPEN. Questions for the coordinator are checked and passed on
 * in UP, its answers come back in DOWN; what is for the node itself is done here.
 *
 * What can go wrong: another version or a second HELLO (REFUSED, with words); bytes that are no message, or a
 * message that this client may not send (closed, one log line); it goes (CLIENT_CLOSE; the partners of a task are
 * told). Too much waits for an absent coordinator: all clients are paused until it is back.
 */
#include "config.h"

#include "node/hosting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rng.h"

static const char *const state_names[] = {"new", "waiting", "open", "left", "gone"};
static const bool steps[5][5] = {
        [CLIENT_NEW]     = {[CLIENT_WAITING] = true, [CLIENT_OPEN] = true, [CLIENT_GONE] = true},
        [CLIENT_WAITING] = {[CLIENT_OPEN] = true, [CLIENT_GONE] = true},
        [CLIENT_OPEN]    = {[CLIENT_LEFT] = true, [CLIENT_GONE] = true},
        [CLIENT_LEFT]    = {[CLIENT_GONE] = true},
};

static void step(struct client *c, enum client_state to)
{
	if (!steps[c->state][to]) {
		weft__log(WEFT__LOG_ERROR, "WEFT-CLIENT-STATE", "client=%u impossible: %s to %s", c->number,
		          state_names[c->state], state_names[to]);
		abort();
	}
	weft__log(WEFT__LOG_DEBUG, "WEFT-CLIENT-STATE", "client=%u pid=%lld from=%s to=%s", c->number,
	          (long long)c->pid, state_names[c->state], state_names[to]);
	c->state = to;
}

struct client *client_find(const struct node *n, uint64_t number)
{
	return weft__map_get(&n->clients, number);
}

uint32_t client_number(struct node *n)
{
	return ++n->keeper.notes->last_client;
}

static void close_doomed(uv_timer_t *timer)
{
	struct node *n = timer->data;
	size_t cursor = 0;
	uint64_t number;
	void *value;
	while (weft__map_next(&n->clients, &cursor, &number, &value)) {
		struct client *c = value;
		if (c->doomed) {
			client_close(c);
			cursor = 0; /* the map has changed */
		}
	}
}

void client_doom(struct client *c)
{
	c->doomed = true;
	uv_timer_start(&c->node->doom_timer, close_doomed, 0, 0);
}

/* What can't be sent would be waited for without end. */
static void check_sent(struct client *c, int rc, int code)
{
	if (!rc || rc == WEFT_ECLOSED)
		return;
	weft__log(WEFT__LOG_WARN, "WEFT-CLIENT-SEND", "client=%u pid=%lld %s: %s", c->number, (long long)c->pid,
	          weft__msg_name((enum weft__msg_code)code), weft__err_text(rc));
	client_doom(c);
}

void client_send(struct client *c, const struct weft__msg *m, const int *fds, size_t nfds)
{
	if (c->link)
		check_sent(c, link_send(c->link, m, fds, nfds), m->code);
}

void client_send_body(struct client *c, const void *body, size_t nbytes)
{
	if (c->link)
		check_sent(c, link_send_body(c->link, body, nbytes), weft__msg_peek(body, nbytes));
}

/* It is to say HELLO once more; what it had said already, to another, comes before that and counts for nothing. */
void client_again(struct client *c)
{
	struct weft__msg m = {.code = WEFT__MSG_AGAIN, .again = {.again = c->node->keeper.notes->crashes}};
	c->stale = true;
	client_send(c, &m, NULL, 0);
}

/* --- opening ------------------------------------------------------------------------------------ */

static void forget(struct client *c);

static void refuse(struct client *c, int code, const char *text)
{
	struct weft__msg m = {.code = WEFT__MSG_REFUSED, .refused = {.code = code, .text = weft__str(text)}};
	weft__log(WEFT__LOG_WARN, "WEFT-CLIENT-REFUSED", "client=%u pid=%lld: %s", c->number, (long long)c->pid, text);
	link_send(c->link, &m, NULL, 0);
	client_close(c);
}

static uint64_t ntasks_here(const struct job *j)
{
	uint64_t count = 0;
	for (uint32_t i = 0; i < j->ntids; i++)
		count += weft__tid_node((weft_tid_t){j->tids[i]}) == j->node->index;
	return count ? count : 1;
}

static void send_team(struct client *c, const struct job *j)
{
	struct weft__msg m;
	for (uint32_t first = 0; first < j->ntids;) {
		first = job_team_part(j, first, &m);
		client_send(c, &m, NULL, 0);
	}
}

static void welcome(struct client *c)
{
	const struct node *n = c->node;
	const struct task *t = c->task;
	struct weft__msg m = {.code = WEFT__MSG_WELCOME,
	                      .welcome = {.release = weft__str(PACKAGE_VERSION),
	                                  .vm = weft__str(n->vm),
	                                  .node = n->index,
	                                  .host = weft__str(n->host),
	                                  .ncores = n->ncores,
	                                  .epoch = n->epoch,
	                                  .client = c->number,
	                                  .pass = c->pass}};
	if (!t) {
		client_send(c, &m, NULL, 0);
		return;
	}
	m.welcome.tid = t->tid;
	m.welcome.parent = t->job->parent;
	m.welcome.job = t->job->id;
	m.welcome.rank = t->rank;
	m.welcome.size = t->job->size;
	m.welcome.nlocal = ntasks_here(t->job);
	client_send(c, &m, &t->doorbell, 1);
	send_team(c, t->job);
}

static void announce(struct client *c, const struct weft__msg_hello *hello)
{
	struct weft__msg m = {.code = WEFT__MSG_CLIENT_OPEN,
	                      .client_open = {.client = c->number,
	                                      .role = c->role,
	                                      .tid = c->task ? c->task->tid : 0,
	                                      .pid = (uint64_t)c->pid,
	                                      .name = hello->name,
	                                      .owner = c->owner,
	                                      .pass = c->pass,
	                                      .resume = hello->client != 0,
	                                      .seen = hello->seen}};
	coord_link_send(c->node, &m);
}

static bool is_eventfd(int fd)
{
	char link[64], name[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof name - 1);
	name[n < 0 ? 0 : n] = '\0';
	return !strcmp(name, "anon_inode:[eventfd]");
}

/* The task has a doorbell and is ready for introductions. One that goes on with another daemon brings the doorbell
 * that its partners know: takes *fd. */
static int enrol(struct client *c, int *fd)
{
	struct task *t = c->task;
	if (*fd >= 0 && !is_eventfd(*fd))
		return WEFT_EPROTO;
	t->doorbell = *fd >= 0 ? *fd : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	*fd = -1;
	if (t->doorbell < 0)
		return WEFT_ENOSPC;
	t->enrolled = true;
	t->client = c;
	return 0;
}

/* It may have other things to do than to come back to the next daemon in time: that one finds its connection. */
static void hold(struct client *c)
{
	const struct keeper_held h = {.tid = c->task->tid, .client = c->number, .job = c->task->job->id};
	if (!c->held)
		keeper_hold(&c->node->keeper, &h, link_fd(c->link));
	c->held = true;
}

static void open_enrolled(struct client *c, const struct weft__msg_hello *m, int *fd)
{
	int rc = enrol(c, fd);
	if (rc) {
		refuse(c, rc, rc == WEFT_EPROTO ? "its doorbell is none" : "the node has no descriptors left; see ulimit -n");
		return;
	}
	step(c, CLIENT_OPEN);
	announce(c, m);
	welcome(c);
	intro_enrolled(c->node, c->task);
	if (!c->spawned)
		hold(c);
	if (m->client)
		output_again(c->node, c->number);
}

/* A task from outside, which an earlier daemon knew; the coordinator says whether it may. */
static void open_known(struct client *c, const struct weft__msg_hello *m, int *fd)
{
	int rc = *fd < 0 || !m->tid ? WEFT_EPROTO : 0;
	if (!rc && c->held)
		rc = m->tid == c->task->tid ? 0 : WEFT_EPROTO;
	else if (!rc)
		rc = job_outside(c->node, c, m->tid, m->job, &c->task);
	if (rc)
		refuse(c, rc, weft__err_text(rc));
	else
		open_enrolled(c, m, fd);
}

static void open_task(struct client *c, const struct weft__msg_hello *m, int *fd)
{
	if (c->spawned && m->tid != c->task->tid) {
		refuse(c, WEFT_EDENIED, "this connection is for another task");
	} else if (!c->spawned && m->client) {
		open_known(c, m, fd);
	} else if (!c->spawned && m->tid) {
		refuse(c, WEFT_EDENIED, "a spawned task speaks on its own connection (WEFT_FD)");
	} else if (!c->spawned) {
		step(c, CLIENT_WAITING);
		announce(c, m);
	} else {
		open_enrolled(c, m, fd);
	}
}

static void leave(struct client *c);

/* An earlier daemon was told its tid and had no time to pass it on: that task never was. */
static int begin_anew(struct client *c)
{
	struct node *n = c->node;
	uint32_t old = c->number, number = client_number(n);
	if (weft__map_put(&n->clients, number, c))
		return WEFT_ENOMEM;
	leave(c);
	weft__map_remove(&n->clients, old);
	keeper_drop(&n->keeper, old);
	c->held = false;
	c->number = number;
	return 0;
}

/* The number and the pass that it had with an earlier daemon, or new ones. */
static int identify(struct client *c, const struct weft__msg_hello *m)
{
	struct node *n = c->node;
	if (!m->client) {
		int rc = c->held ? begin_anew(c) : 0;
		return rc ? rc : weft__random_bytes(&c->pass, sizeof c->pass);
	}
	c->pass = m->pass;
	if (c->held)
		return m->client == c->number ? 0 : WEFT_ENOTASK;
	bool expected = c->spawned ? m->client <= n->clients_before : takeover_expects(n, m->client);
	if (!expected || client_find(n, m->client))
		return WEFT_ENOTASK;
	if (weft__map_put(&n->clients, m->client, c))
		return WEFT_ENOMEM;
	weft__map_remove(&n->clients, c->number);
	c->number = (uint32_t)m->client;
	return 0;
}

/* Its standard input may come with it: an earlier daemon had that for a job that is still to be started. */
static void open_tool(struct client *c, const struct weft__msg_hello *m, int *fd)
{
	step(c, CLIENT_OPEN);
	announce(c, m);
	welcome(c);
	c->stdin_fd = *fd;
	*fd = -1;
	if (!m->client)
		return;
	job_launch_late(c->node, c->number);
	output_again(c->node, c->number);
}

/* It asks from another daemon's time: its connection becomes its job's. */
static void open_task_vm(struct client *c, const struct weft__msg_hello *m)
{
	struct node *n = c->node;
	struct link *l = c->link;
	pid_t pid = (pid_t)link_peer_pid(l);
	c->link = NULL;
	forget(c);
	taskvm_link_rejoin(n, &l, pid, m->job);
}

static void hello(struct client *c, const struct weft__msg_hello *m, int *fd)
{
	char text[200];
	if (m->version != WEFT__PROTO_VERSION) {
		snprintf(text, sizeof text, "release %.32s speaks version %llu of the protocol, this node (%s) version %d",
		         m->release.p, (unsigned long long)m->version, PACKAGE_VERSION, WEFT__PROTO_VERSION);
		refuse(c, WEFT_EVERSION, text);
		return;
	}
	if (c->state != CLIENT_NEW) {
		if (!m->again || m->again != c->node->keeper.notes->crashes) /* else it had said it already */
			refuse(c, WEFT_EALREADY, "the task on this connection has enrolled already");
		return;
	}
	if (c->stale && m->again && m->again != c->node->keeper.notes->crashes)
		return; /* to a daemon between us and the one that it knew */
	if (m->role == WEFT__ROLE_TASKVM && !c->spawned && takeover_awaits(c->node, (pid_t)link_peer_pid(c->link))) {
		open_task_vm(c, m);
		return;
	}
	c->pid = (int64_t)m->pid;
	c->role = (enum weft__role)m->role;
	int rc = identify(c, m);
	if (!rc && m->role == WEFT__ROLE_TASK)
		link_gather(c->link);
	if (rc)
		refuse(c, rc, "another daemon serves this node by now, and knows nothing of this connection");
	else if (m->role == WEFT__ROLE_TASK)
		open_task(c, m, fd);
	else if (m->role == WEFT__ROLE_TOOL && !c->spawned)
		open_tool(c, m, fd);
	else
		refuse(c, WEFT_EDENIED, "only tasks and tools are served on this socket");
}

void client_enrolled(struct node *n, const struct weft__msg_client_enrolled *m)
{
	struct client *c = client_find(n, m->client);
	if (!c || c->state != CLIENT_WAITING)
		return;
	int rc = m->code ? (int)m->code : job_outside(n, c, m->tid, m->job, &c->task);
	int none = -1;
	if (!rc)
		rc = enrol(c, &none);
	if (rc) {
		refuse(c, rc, weft__err_text(rc));
		return;
	}
	step(c, CLIENT_OPEN);
	welcome(c);
	intro_enrolled(n, c->task);
	hold(c);
}

/* --- what it says ------------------------------------------------------------------------------- */

/* The task leaves: its partners are told, its connection may stay. */
static void leave(struct client *c)
{
	struct weft__msg closed = {.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = c->number}};
	coord_link_send(c->node, &closed);
	tasker_gone(c);
	hosting_gone(c);
	if (c->task) {
		job_task_left(c->node, c->task);
		c->task = NULL;
	}
}

static void bye(struct client *c, const struct weft__msg_bye *m)
{
	struct weft__msg result = {.code = WEFT__MSG_RESULT, .result = {.req = m->req}};
	leave(c);
	step(c, CLIENT_LEFT);
	client_send(c, &result, NULL, 0);
}

static void take_stdin(struct client *c, const struct weft__msg *m, const int *fds, size_t nfds)
{
	if (nfds == 0) {
		output_to_vm(c->node, m->stdin_bytes.node, m->stdin_bytes.job, m);
		return;
	}
	if (c->stdin_fd >= 0)
		close(c->stdin_fd);
	c->stdin_fd = fds[0];
	for (size_t i = 1; i < nfds; i++)
		close(fds[i]);
}

static void bad(struct client *c, const char *why)
{
	weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "client=%u pid=%lld: %s", c->number, (long long)c->pid, why);
	client_close(c);
}

static void share(struct client *c, const struct weft__msg_share *m, const int *fds, size_t nfds)
{
	const char *wrong = intro_share(c->node, c->task, m, nfds ? fds[0] : -1);
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
	if (wrong)
		bad(c, wrong);
}

static void said_hello(struct client *c, const struct weft__msg_hello *m, const int *fds, size_t nfds)
{
	int fd = nfds ? fds[0] : -1;
	hello(c, m, &fd);
	if (fd >= 0)
		close(fd);
	for (size_t i = 1; i < nfds; i++)
		close(fds[i]);
}

/* A message for the node itself. */
static void message(struct client *c, const struct weft__msg *m, const int *fds, size_t nfds)
{
	switch (m->code) {
	case WEFT__MSG_HELLO:
		said_hello(c, &m->hello, fds, nfds);
		break;
	case WEFT__MSG_CONNECTED:
		if (c->task && c->node->again) /* else we know ourselves */
			intro_known(c->node, c->task, &m->connected);
		break;
	case WEFT__MSG_BYE:
		bye(c, &m->bye);
		break;
	case WEFT__MSG_CONNECT:
		intro_wanted(c->node, c->task, m->connect.tid);
		break;
	case WEFT__MSG_SHARE:
		share(c, &m->share, fds, nfds);
		break;
	case WEFT__MSG_OUTPUT_ACK:
		output_acknowledged(c, &m->output_ack);
		break;
	case WEFT__MSG_STDIN:
		take_stdin(c, m, fds, nfds);
		break;
	case WEFT__MSG_LOG_READ:
		joblog_read(c->node, c, &m->log_read);
		break;
	case WEFT__MSG_NET_PROBE:
		probe_ask(c->node, c, &m->net_probe);
		break;
	case WEFT__MSG_TASKER:
		tasker_register(c, &m->tasker);
		break;
	case WEFT__MSG_START_TASK:
		tasker_start(c, m);
		break;
	case WEFT__MSG_TASK_ENDED:
		tasker_ended(c, m);
		break;
	case WEFT__MSG_HOSTER:
		hosting_register(c, &m->hoster);
		break;
	case WEFT__MSG_HOST_STARTED:
		hosting_answered(c, &m->host_started);
		break;
	default:
		bad(c, "a message that the node does not take");
	}
}

static bool takes_descriptors(const struct weft__msg *m)
{
	return m->code == WEFT__MSG_STDIN || m->code == WEFT__MSG_SHARE || m->code == WEFT__MSG_HELLO;
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct client *c = arg;
	struct node *n = c->node;
	struct weft__msg m = {0};
	struct weft_error e = {0};
	enum weft__role as = c->state == CLIENT_NEW ? WEFT__ROLE_TOOL : c->role;
	if (c->state == CLIENT_NEW && c->stale && weft__msg_peek(body, nbytes) != WEFT__MSG_HELLO) {
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		return;
	}
	/* Before HELLO nobody knows what it may send: HELLO alone, which every role may. */
	int rc = c->state == CLIENT_NEW && weft__msg_peek(body, nbytes) != WEFT__MSG_HELLO
	                 ? weft__err_set(&e, WEFT_EPROTO, "its first message is not HELLO")
	                 : weft__msg_decode(body, nbytes, as, WEFT__ROLE_NODE, &n->arena, &m, &e);
	bool up = false;
	/* HALT and CLOCK go from clients to the coordinator and from there to nodes: from a client they are not for us. */
	bool passes = !rc && (m.code == WEFT__MSG_HALT || m.code == WEFT__MSG_CLOCK);
	if ((rc == WEFT_EDENIED || passes) && c->state == CLIENT_OPEN) {
		rc = weft__msg_decode(body, nbytes, as, WEFT__ROLE_COORD, &n->arena, &m, &e);
		up = !rc;
	}
	if (!rc && c->state != CLIENT_OPEN && m.code != WEFT__MSG_HELLO)
		rc = weft__err_set(&e, WEFT_EPROTO, "%s before WELCOME or after BYE", weft__msg_name(m.code));
	if (rc || !takes_descriptors(&m)) {
		for (size_t i = 0; i < nfds; i++)
			close(fds[i]);
		nfds = 0;
	}
	if (rc)
		bad(c, e.text);
	else if (up)
		coord_link_up(n, c->number, body, nbytes);
	else
		message(c, &m, fds, nfds);
}

/* --- the end ------------------------------------------------------------------------------------ */

/* Everything that hangs on it; the struct goes. */
static void forget(struct client *c)
{
	struct node *n = c->node;
	bool was_open = c->state == CLIENT_OPEN || c->state == CLIENT_WAITING || (c->state == CLIENT_NEW && c->held);
	step(c, CLIENT_GONE);
	weft__map_remove(&n->clients, c->number);
	if (c->held)
		keeper_drop(&n->keeper, c->number);
	if (was_open)
		leave(c);
	else if (c->task && c->stale)
		job_task_left(n, c->task);
	else if (c->task && c->task->client == c)
		c->task->client = NULL;
	if (c->stdin_fd >= 0)
		close(c->stdin_fd);
	output_client_gone(c);
	tasker_gone(c);
	hosting_gone(c);
	bool owner = c->owner;
	weft__free(c);
	if (owner)
		node_owner_gone(n);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct client *c = arg;
	c->link = NULL;
	if (code != WEFT_ECLOSED)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "client=%u pid=%lld: %s", c->number, (long long)c->pid, text);
	forget(c);
}

void client_close(struct client *c)
{
	if (c->link)
		link_close(&c->link);
	forget(c);
}

static const struct link_handler handler = {.frame = on_frame, .closed = on_closed};

int client_open(struct node *n, int *fd, struct task *task, bool owner)
{
	struct client *c = weft__calloc(1, sizeof *c);
	int rc = c ? 0 : WEFT_ENOMEM;
	if (!rc) {
		*c = (struct client){.number = client_number(n), .node = n, .task = task, .spawned = task != NULL,
		                     .owner = owner, .stdin_fd = -1};
		rc = weft__map_put(&n->clients, c->number, c);
	}
	if (rc) {
		weft__free(c);
		close(*fd);
		*fd = -1;
		return rc;
	}
	rc = link_open(n->loop, fd, &handler, c, &c->link);
	if (rc) {
		weft__map_remove(&n->clients, c->number);
		weft__free(c);
		return rc;
	}
	c->pid = task ? task->pid : link_peer_pid(c->link);
	if (task)
		task->client = c;
	bool task_vm = !task && takeover_awaits(n, (pid_t)link_peer_pid(c->link));
	if (n->clients_paused && !task_vm)
		link_pause(c->link, true);
	return 0;
}

/* The number is the one that the coordinator knows. */
void client_held(struct node *n, const struct keeper_held *h, int *fd)
{
	if (client_open(n, fd, NULL, false))
		return;
	struct client *c = client_find(n, n->keeper.notes->last_client);
	int rc = weft__map_put(&n->clients, h->client, c);
	if (!rc) {
		weft__map_remove(&n->clients, c->number);
		c->number = h->client;
		c->held = true;
		rc = job_outside(n, c, h->tid, h->job, &c->task);
	}
	if (rc)
		client_close(c);
	else
		client_again(c);
}

void client_down(struct node *n, const struct weft__msg_down *m)
{
	struct client *c = client_find(n, m->client);
	if (m->frame.n && job_vm_down(n, m->client, m->frame.p, m->frame.n))
		return;
	if (c && m->frame.n && c->state == CLIENT_OPEN)
		client_send_body(c, m->frame.p, m->frame.n);
}

void client_pause_all(struct node *n, bool paused)
{
	if (n->clients_paused == paused)
		return;
	n->clients_paused = paused;
	weft__log(WEFT__LOG_WARN, "WEFT-CLIENTS-PAUSED", "paused=%d unsent=%zu", paused, n->coord.session.nbytes);
	size_t cursor = 0;
	uint64_t number;
	void *c;
	while (weft__map_next(&n->clients, &cursor, &number, &c))
		link_pause(((struct client *)c)->link, paused);
}

void client_tell_tools(struct node *n, int code, const char *text)
{
	struct weft__msg m = {.code = WEFT__MSG_REFUSED, .refused = {.code = code, .text = weft__str(text)}};
	size_t cursor = 0;
	uint64_t number;
	void *c;
	while (weft__map_next(&n->clients, &cursor, &number, &c))
		if (((struct client *)c)->role == WEFT__ROLE_TOOL)
			client_send(c, &m, NULL, 0);
}

void client_close_all(struct node *n)
{
	for (;;) {
		size_t cursor = 0;
		uint64_t number;
		void *c;
		if (!weft__map_next(&n->clients, &cursor, &number, &c))
			return;
		client_close(c);
	}
}
