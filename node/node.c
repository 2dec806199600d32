/* The life of the daemon: start, signals, the orderly end.
 *
 * Happy path: the folder is taken by its lock; sockets listen; the coordinator is started or dialled; the node
 * serves until HALT, SIGTERM, or the end of the tool that it was started for. Then it kills its task VMs and
 * waits for them, tells the coordinator the rest, closes everything and removes its folder; the home node
 * waits for the coordinator and the daemons that it started, and removes the VM's folder.
 *
 * What can go wrong: the folder is another's or its lock is held (we say so and exit); something does not end
 * (after some seconds it is killed, and after some more the daemon goes without it).
 */
#include "config.h"

#include "node/hosting.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rundir.h"
#include "node/folder.h"

enum {
	GRACE_ALONE_MS = 2000, /* the coordinator's time to take the VM down when it was asked to, with one node */
	GRACE_MS       = 6500, /* and with several: it waits for the others */
	HALT_TERM_MS   = 2500, /* then what has not ended is told so again */
	HALT_LEAVE_MS  = 7000, /* and left behind */
	BATCH_GRACE_MS = 25000, /* for tasks, when the batch system has announced its end; Slurm's usual KillWait is 30 s */
};

static const char *const state_names[] = {"starting", "up", "halting", "leaving", "down"};
static const bool steps[5][5] = {
        [NODE_STARTING] = {[NODE_UP] = true, [NODE_HALTING] = true},
        [NODE_UP]       = {[NODE_HALTING] = true},
        [NODE_HALTING]  = {[NODE_LEAVING] = true},
        [NODE_LEAVING]  = {[NODE_DOWN] = true},
};

void node_step(struct node *n, enum node_state to)
{
	if (!steps[n->state][to]) {
		weft__log(WEFT__LOG_ERROR, "WEFT-NODE-STATE", "node=%u impossible: %s to %s", n->index,
		          state_names[n->state], state_names[to]);
		abort();
	}
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-STATE", "node=%u from=%s to=%s", n->index, state_names[n->state],
	          state_names[to]);
	n->state = to;
}

/* --- the end ------------------------------------------------------------------------------------ */

static void close_handle(void *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void node_clean(void *node)
{
	struct node *n = node;
	char nodedir[PATH_MAX + 16];
	snprintf(nodedir, sizeof nodedir, "%s/n%u", n->dir, n->index);
	int fd = weft__rundir_open(nodedir, 0, NULL);
	if (fd >= 0)
		folder_empty(fd, NULL);
	rmdir(nodedir);
	fd = n->home ? weft__rundir_open(n->dir, 0, NULL) : -1;
	if (fd >= 0)
		folder_empty(fd, NULL);
	rmdir(n->dir);
	weft__rundir_base_drop(n->dir);
}

static void remove_folders(struct node *n)
{
	folder_empty(n->nodedirfd, NULL);
	if (n->home)
		folder_empty(n->dirfd, NULL);
	rmdir(n->nodedir);
	rmdir(n->dir); /* of another node on another machine it is empty as well; else it stays */
	weft__rundir_base_drop(n->dir);
}

void node_abandon(struct node *n)
{
	void *handles[] = {&n->on_child, &n->on_term, &n->on_int, &n->on_hup, &n->halt_timer, &n->doom_timer,
	                   &n->coord.timer, &n->redial_timer,
	                   &n->spare_timer, &n->takeover_timer};
	for (size_t i = 0; i < sizeof handles / sizeof *handles; i++)
		close_handle(handles[i]);
	takeover_stop(n);
}

/* Closes all that keeps the loop running; it ends when what is queued has gone out. */
static void down(struct node *n)
{
	node_step(n, NODE_DOWN);
	client_close_all(n);
	peer_close_all(n);
	coord_link_stop(n);
	linger_stop(n, 0);
	keeper_put(&n->keeper, KEEPER_UNIX, -1); /* who comes now must not wait for nobody */
	keeper_put(&n->keeper, KEEPER_TCP, -1);
	if (n->unix_listener)
		link_listener_close(&n->unix_listener);
	if (n->tcp_listener)
		link_listener_close(&n->tcp_listener);
	if (n->coord.watching)
		close_handle(&n->coord.folder);
	node_abandon(n);
	remove_folders(n);
}

static bool has_task_vms(const struct node *n)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		const struct job *j = value;
		if (j->vm || j->vm_pid)
			return true;
	}
	return false;
}

void node_settled(struct node *n)
{
	if (n->state == NODE_HALTING && !has_task_vms(n)) {
		node_step(n, NODE_LEAVING);
		if (n->home && n->coord.pid && !n->coord.told) /* nobody else is left to stop it */
			kill(n->coord.pid, SIGTERM);
	}
	if (n->state != NODE_LEAVING || starter_sweep(n) > 0)
		return;
	if (n->children.count == 0)
		down(n);
}

static void each_child(struct node *n, int signo)
{
	size_t cursor = 0;
	uint64_t pid;
	void *unused;
	while (weft__map_next(&n->children, &cursor, &pid, &unused))
		kill((pid_t)pid, signo);
}

static void on_halt_timer(uv_timer_t *timer)
{
	struct node *n = timer->data;
	if (n->state < NODE_HALTING) { /* it should have come from the coordinator */
		node_halt(n, n->stopping ? "the batch system ends its job, and tasks have not ended in time"
		                         : "it was asked to, and the coordinator does not answer");
		return;
	}
	n->halt_ms += HALT_TICK_MS;
	if (n->halt_ms >= HALT_KILL_MS)
		each_child(n, SIGKILL);
	else if (n->halt_ms >= HALT_TERM_MS)
		each_child(n, SIGTERM);
	if (n->halt_ms >= HALT_LEAVE_MS) {
		weft__log(WEFT__LOG_ERROR, "WEFT-NODE-STUCK", "node=%u children=%zu did not end", n->index,
		          n->children.count);
		if (n->state == NODE_HALTING)
			node_step(n, NODE_LEAVING);
		down(n);
		uv_stop(n->loop);
		return;
	}
	node_settled(n);
}

void node_halt(struct node *n, const char *why)
{
	if (n->state >= NODE_HALTING)
		return;
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-HALT", "node=%u: %s", n->index, why);
	node_step(n, NODE_HALTING);
	n->keeper.notes->halting = true;
	job_kill_all(n);
	taskvm_link_drop(n);
	/* Never within the call: whoever found the reason has still things in its hands. */
	uv_timer_start(&n->halt_timer, on_halt_timer, 0, HALT_TICK_MS);
}

static void expect_halt(struct node *n)
{
	if (n->state < NODE_HALTING && !uv_is_active((uv_handle_t *)&n->halt_timer))
		uv_timer_start(&n->halt_timer, on_halt_timer, n->peers.count ? GRACE_MS : GRACE_ALONE_MS, 0);
}

void node_owner_gone(struct node *n)
{
	expect_halt(n); /* CLIENT_CLOSE tells the coordinator */
}

void node_fini(struct node *n)
{
	size_t cursor = 0;
	uint64_t pid;
	void *child;
	while (weft__map_next(&n->children, &cursor, &pid, &child))
		weft__free(child);
	job_forget_all(n);
	hosting_forget_all(n);
	struct weft__map *maps[] = {&n->children, &n->clients, &n->jobs, &n->askers, &n->tasks, &n->endpoints, &n->tokens,
	                            &n->peers};
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		weft__map_fini(maps[i]);
	weft__arena_fini(&n->arena);
	weft__arena_fini(&n->carried);
	weft__buf_fini(&n->modexes);
	weft__session_fini(&n->coord.session);
	explicit_bzero(n->key, sizeof n->key);
	uv_loop_close(n->loop);
}

/* --- signals ------------------------------------------------------------------------------------ */

static void on_child(uv_signal_t *handle, int signo)
{
	struct node *n = handle->data;
	starter_reap(n);
	if (n->state == NODE_LEAVING)
		node_settled(n);
}

/* SIGTERM in a batch job: the coordinator sees to an end in order. It comes twice, as one and then all of the batch
 * system's programs end the job. */
static void batch_ends(struct node *n)
{
	struct weft__msg m = {.code = WEFT__MSG_STOPPING, .stopping.signo = SIGTERM};
	if (n->stopping || n->state >= NODE_HALTING)
		return;
	n->stopping = true;
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-STOPPING", "node=%u: its batch job ends", n->index);
	coord_link_send(n, &m);
	uv_timer_start(&n->halt_timer, on_halt_timer, BATCH_GRACE_MS, 0);
}

/* A batch system that keeps track of processes by their parents alone does not find a daemon. */
void node_look_for_leader(struct node *n)
{
	if (n->leader > 0 && kill(n->leader, 0) && errno == ESRCH) {
		n->slurm = false; /* nobody has told the tasks */
		n->leader = 0;
		batch_ends(n);
	}
}

/* SIGTERM. The home node takes the whole VM down: it asks the coordinator as a tool would. A second one does
 * not wait for the answer. */
static void on_term(uv_signal_t *handle, int signo)
{
	struct node *n = handle->data;
	struct weft__buf body = {0};
	struct weft__msg open = {.code = WEFT__MSG_CLIENT_OPEN,
	                         .client_open = {.client = client_number(n),
	                                         .role = WEFT__ROLE_TOOL,
	                                         .pid = (uint64_t)getpid(),
	                                         .name = weft__str("weftd")}};
	struct weft__msg halt = {.code = WEFT__MSG_HALT, .halt = {.req = 1}};
	if (n->batch) {
		batch_ends(n);
		return;
	}
	bool asked = n->home && n->coord.link && !uv_is_active((uv_handle_t *)&n->halt_timer) &&
	             weft__msg_encode_body(&body, &halt, NULL) == 0;
	if (asked) {
		weft__log(WEFT__LOG_INFO, "WEFT-NODE-TERM", "node=%u asks the coordinator to take the VM down", n->index);
		coord_link_send(n, &open);
		coord_link_up(n, (uint32_t)open.client_open.client, body.data, body.len);
		expect_halt(n);
	} else {
		node_halt(n, "SIGTERM");
	}
	weft__buf_fini(&body);
}

static void on_ignored(uv_signal_t *handle, int signo)
{
}

static int signals_watch(struct node *n)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file size limit: the call says so */
	const struct {
		uv_signal_t *handle;
		uv_signal_cb act;
		int signo;
	} watched[] = {{&n->on_child, on_child, SIGCHLD},
	               {&n->on_term, on_term, SIGTERM},
	               {&n->on_int, on_ignored, SIGINT}, /* Ctrl-C is the tool's business */
	               {&n->on_hup, on_ignored, SIGHUP}};
	for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
		uv_signal_init(n->loop, watched[i].handle);
		watched[i].handle->data = n;
		if (uv_signal_start(watched[i].handle, watched[i].act, watched[i].signo))
			return WEFT_EIO;
	}
	return 0;
}

/* --- the start ---------------------------------------------------------------------------------- */

static int folders_open(struct node *n, struct weft_error *e)
{
	n->dirfd = weft__rundir_open(n->dir, 1, e);
	if (n->dirfd < 0)
		return n->dirfd;
	int length = snprintf(n->nodedir, sizeof n->nodedir, "%s/n%u", n->dir, n->index);
	if (length < 0 || (size_t)length >= sizeof n->nodedir)
		return weft__err_set(e, WEFT_ETOOBIG, "path is too long: %s", n->dir);
	n->nodedirfd = weft__rundir_open(n->nodedir, 1, e);
	if (n->nodedirfd < 0)
		return n->nodedirfd;
	n->lockfd = n->again ? keeper_take(&n->keeper, KEEPER_LOCK) : -1;
	if (n->lockfd < 0)
		n->lockfd = openat(n->nodedirfd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (n->lockfd < 0)
		return weft__err_set(e, WEFT_EIO, "%s/lock: %s", n->nodedir, strerror(errno));
	if (flock(n->lockfd, LOCK_EX | LOCK_NB))
		return weft__err_set(e, WEFT_EALREADY, "node %u of %s is up already: another weftd holds %s/lock",
		                     n->index, n->dir, n->nodedir);
	n->locked = true;
	keeper_put(&n->keeper, KEEPER_LOCK, n->lockfd);
	return 0;
}

static void on_unix(void *arg, int fd)
{
	struct node *n = arg;
	if (n->state != NODE_UP) {
		close(fd);
		return;
	}
	int rc = client_open(n, &fd, NULL, false);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-CLIENT-REFUSED", "a connection to the node's socket: %s",
		          weft__err_text(rc));
}

static void on_tcp(void *arg, int fd, enum link_purpose purpose, const char *from)
{
	struct node *n = arg;
	switch (purpose) {
	case LINK_TO_COORD:
		if (n->home) {
			coord_link_pass(n, &fd, from);
			return;
		}
		break;
	case LINK_TO_PEER:
		peer_accept(n, &fd);
		return;
	case LINK_TO_PROBE:
		probe_accept(n, &fd);
		return;
	case LINK_TO_TASK:
		intro_accept(n, &fd);
		return;
	case LINK_TO_KEY:
		hosting_accept(n, &fd);
		return;
	}
	if (link_complain(from))
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-REFUSED", "%s asked for a coordinator; it is not here", from);
	close(fd);
}

/* Where the daemon before us listened; else anew. Who has come since then waits there. */
static int listen_all(struct node *n, struct weft_error *e)
{
	int local = n->again ? keeper_take(&n->keeper, KEEPER_UNIX) : -1;
	int port = n->again ? keeper_take(&n->keeper, KEEPER_TCP) : -1;
	int rc = local >= 0 ? link_adopt_unix(n->loop, &local, n->nodedirfd, "sock", on_unix, n, &n->unix_listener, e)
	                    : link_listen_unix(n->loop, n->nodedirfd, "sock", on_unix, n, &n->unix_listener, e);
	if (n->again)
		snprintf(n->listen_address, sizeof n->listen_address, "%s", n->keeper.notes->listen_address);
	if (!rc)
		rc = port >= 0 ? link_adopt_tcp(n->loop, &port, on_tcp, n, &n->tcp_listener, e)
		               : link_listen_tcp(n->loop, n->listen_address, n->port_first, n->port_last, on_tcp, n,
		                                 &n->tcp_listener, e);
	if (port >= 0)
		close(port);
	if (rc)
		return rc;
	n->port = link_listener_port(n->tcp_listener);
	keeper_put(&n->keeper, KEEPER_UNIX, link_listener_fd(n->unix_listener));
	keeper_put(&n->keeper, KEEPER_TCP, link_listener_fd(n->tcp_listener));
	snprintf(n->keeper.notes->listen_address, sizeof n->keeper.notes->listen_address, "%s", n->listen_address);
	return 0;
}

static bool is_loopback(const char *address)
{
	return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* A VM that began on this machine alone listens there alone. The port stays: those who know it are right. */
int node_listen_everywhere(struct node *n, struct weft_error *e)
{
	if (!is_loopback(n->listen_address))
		return 0;
	struct link_listener *wide;
	keeper_put(&n->keeper, KEEPER_TCP, -1);
	link_listener_close(&n->tcp_listener);
	int rc = link_listen_tcp(n->loop, "", n->port, n->port, on_tcp, n, &wide, e);
	if (!rc) {
		n->tcp_listener = wide;
		n->listen_address[0] = n->keeper.notes->listen_address[0] = '\0';
		keeper_put(&n->keeper, KEEPER_TCP, link_listener_fd(wide));
		weft__log(WEFT__LOG_INFO, "WEFT-NODE-LISTENS", "node=%u port=%u on all addresses", n->index, n->port);
		return 0;
	}
	struct weft_error again;
	if (link_listen_tcp(n->loop, n->listen_address, n->port, n->port, on_tcp, n, &n->tcp_listener, &again))
		n->tcp_listener = NULL;
	else
		keeper_put(&n->keeper, KEEPER_TCP, link_listener_fd(n->tcp_listener));
	return rc;
}

/* Who started a VM that is not private has a connection with it, but does not own it: `weft up` leaves. */
static int owner_open(struct node *n, struct weft_error *e)
{
	if (n->ownerfd < 0)
		return 0;
	int fd = fcntl(n->ownerfd, F_DUPFD_CLOEXEC, 0); /* the keeper has it, too: for another daemon */
	int rc = fd < 0 ? WEFT_ENOSPC : client_open(n, &fd, NULL, n->private_vm);
	if (!rc && n->again)
		client_again(client_find(n, n->keeper.notes->last_client));
	return rc ? weft__err_set(e, rc, "the owner's connection: %s", weft__err_text(rc)) : 0;
}

int node_start(struct node *n, struct weft_error *e)
{
#ifndef __SANITIZE_ADDRESS__ /* its search for leaks is done by another process */
	/* Keys are in our memory: no other process may read it. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return weft__err_set(e, WEFT_EIO, "can't adopt processes: %s", strerror(errno));
	uv_timer_t *timers[] = {&n->halt_timer, &n->doom_timer, &n->coord.timer, &n->redial_timer,
	                        &n->spare_timer, &n->takeover_timer};
	for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
		uv_timer_init(n->loop, timers[i]);
		timers[i]->data = n;
	}
	weft__list_init(&n->dials);
	weft__list_init(&n->redials);
	weft__list_init(&n->unborn);
	weft__list_init(&n->lingering);
	weft__list_init(&n->hostings);
	weft__session_init(&n->coord.session);
	int rc = signals_watch(n);
	if (rc)
		return weft__err_set(e, rc, "can't watch signals");
	rc = folders_open(n, e);
	if (!rc && n->home && !n->again)
		rc = coord_link_start(n, e); /* it starts while we go on; JOIN leaves when all listens */
	n->ncores = cores_count();
	if (!rc)
		rc = listen_all(n, e);
	if (!rc && n->again)
		rc = takeover_start(n, e);
	else if (!rc && !n->home)
		rc = coord_link_start(n, e);
	if (!rc)
		rc = owner_open(n, e);
	if (rc)
		return rc;
	n->keeper.notes->served = true;
	if (n->home)
		taskvm_link_spare(n);
	node_step(n, NODE_UP);
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-UP", "node=%u incarnation=%u host=%s vm=%s port=%u ncores=%u pid=%ld",
	          n->index, n->incarnation, n->host, n->vm, n->port, n->ncores, (long)getpid());
	if (n->keeper.notes->halting)
		node_halt(n, "the daemon before this one was about to");
	return 0;
}
