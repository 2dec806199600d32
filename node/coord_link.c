/* The node's connection with the coordinator, and on the home node the coordinator's process.
 *
 * Happy path: the home node starts weft-coord with one end of a socket pair, where JOIN waits for it before it runs;
 * another node dials the home node's port at the addresses that it was given, and keeps to the one that answers. The
 * node says JOIN, the coordinator JOINED, and then each sends what the other has not seen (proto/session.h) and a
 * heartbeat twice a second.
 *
 * What can go wrong:
 * - No address of home answers a node that has never joined: it says which it tried, and ends.
 * - The link closes, or nothing comes for some beats: messages are kept, clients must wait when they are too
 *   many, and the node tries again. When the orphan time is over the node halts.
 * - The home node's link closes, but weft-coord lives: it is found at its socket in the VM's folder.
 * - weft-coord dies: it is started again, and reads its journal. When it dies again and again the node halts.
 * - weft-coord ends with success: the VM is over, the node halts.
 * - We are in place of a daemon that has crashed: weft-coord lives, and is found at its socket. JOIN says so; what that
 *   daemon had sent or was sent and nobody has confirmed is said again by those who know it (takeover.c).
 * - REFUSED, or a lower epoch than the one that the node follows, or counts that can't be: another
 *   coordinator is in charge, or this node's place was given away. The node halts.
 */
#include "config.h"

#include "node/node.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"
#include "base/rundir.h"
#include "node/addresses.h"
#include "node/launch.h"
#include "node/race.h"

enum {
	RETRY_FAST_MS  = 2,  /* the socket is there and will listen in a moment */
	RETRY_BLIND_MS = 20, /* when the folder can't be watched */
	RETRY_MS       = 250,
	FIRST_MS       = 3000, /* a node that never joined tries again within this */
	RESTARTS_MAX   = 5,
	EXIT_STORE     = 74, /* weft-coord's status when it can't write its journal */
};

enum {
	COORD_AWAY, /* no link */
	COORD_JOINING,
	COORD_JOINED,
};
static const char *const state_names[] = {"away", "joining", "joined"};

static void attempt(struct node *n);
static void on_timer(uv_timer_t *timer);

static void step(struct node *n, int to)
{
	struct coord_link *c = &n->coord;
	if (c->state == to)
		return;
	weft__log(WEFT__LOG_DEBUG, "WEFT-COORD-STATE", "from=%s to=%s epoch=%u", state_names[c->state], state_names[to],
	          n->epoch);
	c->state = to;
}

static void arm(struct node *n, uint64_t after_ms)
{
	uv_timer_start(&n->coord.timer, on_timer, after_ms, 0);
}

/* --- sending ------------------------------------------------------------------------------------ */

static void send_now(struct node *n, const struct weft__msg *m)
{
	if (n->coord.link)
		link_send(n->coord.link, m, NULL, 0);
}

void coord_link_send(struct node *n, const struct weft__msg *m)
{
	struct weft__buf body = {0};
	struct weft_error e;
	int rc = weft__msg_encode_body(&body, m, &e);
	if (!rc)
		rc = weft__session_push(&n->coord.session, body.data, body.len);
	if (rc) /* a gap can't be mended: the coordinator must think that we are gone */
		node_halt(n, "a message for the coordinator could not be kept");
	else if (n->coord.state == COORD_JOINED)
		link_send_body(n->coord.link, body.data, body.len);
	weft__buf_fini(&body);
	if (n->coord.session.nbytes > NODE_UNSENT_MAX)
		client_pause_all(n, true);
}

void coord_link_up(struct node *n, uint32_t client, const uint8_t *body, size_t nbytes)
{
	struct weft__msg m = {.code = WEFT__MSG_UP, .up = {.client = client, .frame = {body, nbytes}}};
	coord_link_send(n, &m);
}

void coord_link_pass(struct node *n, int *fd, const char *from)
{
	struct weft__msg m = {.code = WEFT__MSG_PASS_LINK, .pass_link = {.address = weft__str(from)}};
	if (n->coord.state == COORD_JOINED)
		link_send(n->coord.link, &m, fd, 1);
	close(*fd); /* without a coordinator the other node tries again */
	*fd = -1;
}

static void heartbeat(struct node *n)
{
	struct coord_link *c = &n->coord;
	struct weft__msg m = {.code = WEFT__MSG_HEARTBEAT,
	                      .heartbeat = {.seq = ++c->beats, .seen = c->session.received}};
	send_now(n, &m);
}

static void join(struct node *n)
{
	char addresses[ADDRESSES_TEXT] = "";
	if (!*n->listen_address) /* else that is the only one */
		addresses_list(addresses, sizeof addresses, n->home ? "" : n->join_address);
	struct weft__msg m = {.code = WEFT__MSG_JOIN,
	                      .join = {.node = n->index,
	                               .incarnation = n->incarnation,
	                               .epoch = n->epoch,
	                               .host = weft__str(n->host),
	                               .address = weft__str(n->listen_address),
	                               .port = n->port,
	                               .ncores = n->ncores,
	                               .pid = (uint64_t)getpid(),
	                               .release = weft__str(PACKAGE_VERSION),
	                               .seen = n->coord.session.received,
	                               .addresses = weft__str(addresses),
	                               .again = n->epoch ? 0 : n->keeper.notes->crashes}};
	send_now(n, &m);
}

/* --- receiving ---------------------------------------------------------------------------------- */

static void lost(struct node *n, const char *why)
{
	struct coord_link *c = &n->coord;
	race_cancel(&c->race);
	if (c->link)
		link_close(&c->link);
	if (c->state == COORD_JOINED) {
		c->lost_ns = weft__clock_ns();
		weft__log(n->state < NODE_HALTING ? WEFT__LOG_WARN : WEFT__LOG_DEBUG, "WEFT-COORD-LOST", "epoch=%u: %s",
		          n->epoch, why);
	}
	step(n, COORD_AWAY);
	if (n->state == NODE_LEAVING)
		node_settled(n);
	else
		arm(n, n->home ? RETRY_FAST_MS : RETRY_MS);
}

static void resend(struct node *n)
{
	struct weft__session *s = &n->coord.session;
	for (struct weft__list *i = s->kept.next; i != &s->kept; i = i->next) {
		struct weft__unseen *k = WEFT__CONTAINER(i, struct weft__unseen, link);
		link_send_body(n->coord.link, k->body, k->nbytes);
	}
}

static int confirmed(struct node *n, uint64_t seen)
{
	int rc = weft__session_confirm(&n->coord.session, seen);
	if (rc) {
		weft__log(WEFT__LOG_ERROR, "WEFT-COORD-SESSION", "seen=%llu sent=%llu", (unsigned long long)seen,
		          (unsigned long long)n->coord.session.sent);
		node_halt(n, "the coordinator has lost its memory of this node");
	} else if (n->clients_paused && !n->blind && n->coord.session.nbytes < NODE_UNSENT_MAX / 2) {
		client_pause_all(n, false);
	}
	if (!rc)
		job_confirmed(n, seen);
	return rc;
}

static void joined(struct node *n, const struct weft__msg_joined *m)
{
	bool fresh = n->epoch == 0;
	if (m->epoch < n->epoch || m->epoch == 0) {
		weft__log(WEFT__LOG_ERROR, "WEFT-COORD-FENCED", "epoch=%llu ours=%u", (unsigned long long)m->epoch, n->epoch);
		node_halt(n, "a coordinator of an older epoch answered");
		return;
	}
	n->epoch = (uint32_t)m->epoch;
	if (m->orphan_ms)
		n->orphan_ms = m->orphan_ms;
	snprintf(n->vm, sizeof n->vm, "%.*s", (int)m->vm.n, m->vm.p);
	if (fresh) /* numbered after all that is kept: it would be late, and nothing is here yet */
		job_inventory(n);
	if (confirmed(n, m->seen))
		return;
	step(n, COORD_JOINED);
	n->coord.restarts = 0;
	weft__log(WEFT__LOG_INFO, "WEFT-COORD-JOINED", "node=%u epoch=%u", n->index, n->epoch);
	resend(n);
	if (fresh && n->again) {
		takeover_joined(n, m->peers);
		heartbeat(n); /* its answer comes behind all that it had to say again */
	}
	arm(n, NODE_HEARTBEAT_MS);
	if (fresh && !n->home) /* it needs what JOINED told */
		taskvm_link_spare(n);
}

static void refused(struct node *n, const struct weft__msg_refused *m)
{
	weft__log(WEFT__LOG_ERROR, "WEFT-COORD-REFUSED", "node=%u code=%lld %s", n->index, (long long)m->code, m->text.p);
	node_halt(n, "the coordinator refused this node");
}

static void tell_time(struct node *n, const struct weft__msg *question)
{
	struct weft__msg m = *question;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	m.clock.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	coord_link_send(n, &m);
}

static void message(struct node *n, const struct weft__msg *m)
{
	switch (m->code) {
	case WEFT__MSG_JOINED:
		joined(n, &m->joined);
		break;
	case WEFT__MSG_REFUSED:
		refused(n, &m->refused);
		break;
	case WEFT__MSG_HEARTBEAT:
		if (!confirmed(n, m->heartbeat.seen))
			intro_told(n, m->heartbeat.heard);
		break;
	case WEFT__MSG_DOWN:
		client_down(n, &m->down);
		break;
	case WEFT__MSG_CLIENT_ENROLLED:
		client_enrolled(n, &m->client_enrolled);
		break;
	case WEFT__MSG_TEAM:
		job_team(n, &m->team);
		break;
	case WEFT__MSG_LAUNCH:
		job_launch(n, &m->launch);
		break;
	case WEFT__MSG_TASK_SIGNAL:
		job_signal(n, &m->task_signal);
		break;
	case WEFT__MSG_CLOCK:
		tell_time(n, m);
		break;
	case WEFT__MSG_OUTPUT_MOVE:
		output_move(n, m);
		break;
	case WEFT__MSG_GROUP_PAGE:
		intro_group(n, &m->group_page);
		break;
	case WEFT__MSG_PEER:
		peer_known(n, &m->peer);
		takeover_told(n);
		break;
	case WEFT__MSG_PEER_GONE:
		peer_gone(n, &m->peer_gone);
		break;
	case WEFT__MSG_PEER_CALL:
		peer_called(n, &m->peer_call);
		break;
	case WEFT__MSG_NODE_START:
		remote_start(n, &m->node_start);
		break;
	case WEFT__MSG_HALT:
		n->coord.told = true;
		node_halt(n, "the coordinator said so");
		break;
	default: /* WELCOME */
		break;
	}
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	struct node *n = arg;
	link_gather(l);
	if (n->home) {
		struct weft__msg m = {.code = WEFT__MSG_HELLO,
		                      .hello = {.version = WEFT__PROTO_VERSION,
		                                .release = weft__str(PACKAGE_VERSION),
		                                .role = WEFT__ROLE_NODE,
		                                .pid = (uint64_t)getpid(),
		                                .name = weft__str(n->host)}};
		send_now(n, &m);
	}
	join(n);
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct node *n = arg;
	struct weft__msg m;
	struct weft_error e = {0};
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]); /* the coordinator sends none */
	n->coord.silent = 0;
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE, &n->arena, &m, &e);
	bool numbered = !rc && weft__session_numbered(m.code);
	if (!rc && numbered && n->coord.state != COORD_JOINED)
		rc = weft__err_set(&e, WEFT_EPROTO, "%s before JOINED", weft__msg_name(m.code));
	if (rc) {
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "coordinator: %s", e.text);
		lost(n, "it sent bad bytes");
		return;
	}
	n->coord.session.received += numbered;
	message(n, &m);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct node *n = arg;
	n->coord.link = NULL;
	lost(n, text);
}

static const struct link_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};

/* --- connecting --------------------------------------------------------------------------------- */

static int dial_home(struct node *n)
{
	int fd = weft__rundir_connect(n->dir, "coord.sock", NULL);
	return fd < 0 ? fd : link_open(n->loop, &fd, &handler, n, &n->coord.link);
}

static void race_won(void *arg, struct link *l, const char *address, uint16_t port)
{
	struct node *n = arg;
	n->coord.race = NULL;
	n->coord.link = l;
	n->coord.silent = 0;
	snprintf(n->join_address, sizeof n->join_address, "%s", address);
	n->join_port = port;
	weft__log(WEFT__LOG_INFO, "WEFT-HOME-FOUND", "node=%u home answers at %s port %u", n->index, address, port);
	link_set_handler(l, &handler, n);
	on_opened(l, n, NULL);
}

/* One that never joined has somebody who waits to hear why. */
static void give_up_joining(struct node *n, int code, const char *text)
{
	fprintf(stderr, "weftd: home does not answer: %s\n", text);
	n->exit_status = code == WEFT_EVERSION ? LAUNCH_VERSION : code == WEFT_EDENIED ? LAUNCH_KEY : LAUNCH_UNREACHED;
	node_halt(n, "home does not answer");
}

static void race_lost(void *arg, int code, const char *text)
{
	struct node *n = arg;
	n->coord.race = NULL;
	bool hopeless = code == WEFT_EVERSION || code == WEFT_EDENIED;
	weft__log(WEFT__LOG_DEBUG, "WEFT-HOME-AWAY", "node=%u %s", n->index, text);
	if (n->epoch == 0 && !n->again && (hopeless || weft__clock_ns() - n->coord.lost_ns > FIRST_MS * UINT64_C(1000000)))
		give_up_joining(n, code, text);
	lost(n, text);
}

/* The address that answered last goes first. */
static int dial(struct node *n)
{
	static const struct race_handler racing = {.won = race_won, .lost = race_lost};
	char identity[64], list[sizeof n->join_list + LINK_ADDRESS_TEXT + 16];
	snprintf(identity, sizeof identity, "node %u %u", n->index, n->incarnation);
	snprintf(list, sizeof list, "[%s]:%u,%s", n->join_address, n->join_port, n->join_list);
	return race_start(n->loop, list, n->join_port, LINK_TO_COORD, identity, n->key, &racing, n, &n->coord.race);
}

static void on_folder(uv_fs_event_t *handle, const char *name, int events, int status);

/* Is told when the coordinator's socket is there; without it the timer finds it, later. */
static void watch_folder(struct node *n)
{
	struct coord_link *c = &n->coord;
	c->folder.data = n;
	c->watching = !uv_fs_event_init(n->loop, &c->folder);
	if (c->watching)
		uv_fs_event_start(&c->folder, on_folder, n->dir, 0);
}

static void joining(struct node *n)
{
	n->coord.silent = 0;
	step(n, COORD_JOINING);
	arm(n, NODE_HEARTBEAT_MS);
}

static void attempt(struct node *n)
{
	struct coord_link *c = &n->coord;
	if (c->link || c->race || n->state == NODE_LEAVING || n->state == NODE_DOWN)
		return;
	if (n->home && !c->pid) /* it ended: it comes back first */
		return;
	if (weft__clock_ns() - c->lost_ns > n->orphan_ms * 1000000) {
		node_halt(n, "the coordinator stayed away");
		return;
	}
	if (weft__rundir_removed(n->nodedirfd)) {
		node_halt(n, "its folder was removed: the virtual machine is over");
		return;
	}
	if (n->home && !c->watching)
		watch_folder(n);
	if (n->home ? dial_home(n) : dial(n))
		arm(n, n->home && !c->watching ? RETRY_BLIND_MS : RETRY_MS); /* the folder tells earlier */
	else
		joining(n);
}

static void on_timer(uv_timer_t *timer)
{
	struct node *n = timer->data;
	struct coord_link *c = &n->coord;
	node_look_for_leader(n);
	if (c->state == COORD_AWAY) {
		attempt(n);
		return;
	}
	/* Beats, not time: while this daemon itself was stopped the other may have spoken. */
	if (++c->silent > NODE_SILENT_MS / NODE_HEARTBEAT_MS + 2) {
		lost(n, "nothing came from it for too long");
		return;
	}
	if (c->state == COORD_JOINED)
		heartbeat(n);
	arm(n, NODE_HEARTBEAT_MS);
}

/* --- the coordinator's process -------------------------------------------------------------------- */

static void on_folder(uv_fs_event_t *handle, const char *name, int events, int status)
{
	struct node *n = handle->data;
	if (!name || strcmp(name, "coord.sock"))
		return;
	attempt(n);
	if (!n->coord.link)
		arm(n, RETRY_FAST_MS); /* bound, and will listen in a moment */
}

static int run_coord(struct node *n, struct weft_error *e);

/* Nobody could read the log any more: it goes with the folder. So the tools are told. */
static void give_up(struct node *n, bool store)
{
	char text[240];
	snprintf(text, sizeof text, "the virtual machine ends: its coordinator %s %.120s",
	         store ? "cannot write its journal; is the disk full? see df" : "died again and again; its folder was",
	         n->dir);
	client_tell_tools(n, store ? WEFT_ENOSPC : WEFT_EINTERNAL, text);
	node_halt(n, text);
}

static void coord_ended(void *arg, int status)
{
	struct node *n = arg;
	struct coord_link *c = &n->coord;
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	c->pid = 0;
	weft__log(well ? WEFT__LOG_INFO : WEFT__LOG_ERROR, "WEFT-COORD-EXIT", "code=%d signo=%d",
	          WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (well || n->state >= NODE_HALTING) {
		node_halt(n, "the coordinator has ended");
		node_settled(n);
		return;
	}
	struct weft_error e;
	if (++c->restarts > RESTARTS_MAX)
		give_up(n, WIFEXITED(status) && WEXITSTATUS(status) == EXIT_STORE);
	else if (run_coord(n, &e))
		node_halt(n, e.text);
	node_settled(n);
}

/* A pair that joins us with a new coordinator: its end, -1 where there is none and it must be dialled. */
static int pair_open(struct node *n)
{
	int ends[2];
	if (n->coord.link || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -1;
	if (link_open(n->loop, &ends[0], &handler, n, &n->coord.link)) {
		close(ends[1]);
		return -1;
	}
	return ends[1];
}

static int run_coord(struct node *n, struct weft_error *e)
{
	char orphan[32], local[16];
	int fd = pair_open(n);
	snprintf(orphan, sizeof orphan, "%llu", (unsigned long long)n->orphan_ms);
	snprintf(local, sizeof local, "%u", n->local_nodes);
	const char *argv[12] = {"weft-coord", "--dir", n->dir, "--vm", n->vm, "--orphan-ms", orphan, "--local-nodes", local};
	size_t at = 9;
	if (n->private_vm)
		argv[at++] = "--private";
	if (n->batch)
		argv[at++] = "--batch";
	const struct starter_order order = {.kind = KEEPER_COORD,
	                                    .room = "coord",
	                                    .program = "weft-coord",
	                                    .argv = argv,
	                                    .fd_variable = fd >= 0 ? "WEFT_COORD_FD" : NULL,
	                                    .fd = fd,
	                                    .input = n->key,
	                                    .ninput = sizeof n->key,
	                                    .output = -1,
	                                    .ended = coord_ended,
	                                    .arg = n};
	int rc = starter_run(n, &order, &n->coord.pid, e);
	if (fd >= 0) {
		close(fd);
		joining(n);
	} else {
		arm(n, RETRY_FAST_MS);
	}
	return rc;
}

int coord_link_start(struct node *n, struct weft_error *e)
{
	struct coord_link *c = &n->coord;
	c->lost_ns = weft__clock_ns();
	if (n->home && !(c->pid && starter_tell(n, c->pid, coord_ended, n)))
		return run_coord(n, e);
	attempt(n);
	return 0;
}

void coord_link_stop(struct node *n)
{
	struct coord_link *c = &n->coord;
	uv_timer_stop(&c->timer);
	race_cancel(&c->race);
	if (c->link)
		link_close(&c->link);
	step(n, COORD_AWAY);
}
