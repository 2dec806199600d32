/* In place of a daemon of this node that has crashed (keeper.c): what it knew is put together again.
 *
 * Happy path: we find the sockets at which it listened, and in the keeper's notes which processes it had started. Its task
 * VMs come back by themselves, with all that they know of their jobs and a copy of each task's control socket. When the
 * last one has come the coordinator is joined: it gets the inventory, sends what is not confirmed once more, and tells of
 * the other nodes. Until then tasks, tools and other nodes wait at the doors: asked by one of them for another task, we
 * would know of none. Then each
 * task is asked by AGAIN to say HELLO anew, and says with whom it has channels; the connections of tasks from outside wait
 * with the keeper. Tools connect again. What all these and the coordinator say to each other they have counted
 * (proto/session.h).
 *
 * What can go wrong: a task VM dies meanwhile, or does not come within AWAIT_MS, as it is stopped: it is killed, and its
 * tasks are lost. A tool does not come back within BACK_MS: it is taken to be gone. We crash, too: there is
 * another one.
 *
 * What only the dead daemon knew is dropped and asked for again by those who want it: introductions, links with other
 * nodes, who connects to whom.
 */
#include "config.h"

#include "node/node.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

enum {
	AWAIT_MS = 2000,
	BACK_MS  = 5000,
};

/* --- the keeper's word --------------------------------------------------------------------------- */

static void on_word(uv_poll_t *handle, int status, int events)
{
	struct node *n = handle->data;
	struct keeper_word word;
	while (n->hearing && keeper_hear(&n->keeper, &word))
		starter_ended(n, word.pid, word.status);
	if (n->state == NODE_LEAVING)
		node_settled(n);
}

static void listen_to_keeper(struct node *n)
{
	n->words.data = n;
	n->hearing = !uv_poll_init(n->loop, &n->words, n->keeper.words[1]);
	if (n->hearing)
		uv_poll_start(&n->words, UV_READABLE, on_word);
}

void takeover_stop(struct node *n)
{
	if (n->hearing && !uv_is_closing((uv_handle_t *)&n->words))
		uv_close((uv_handle_t *)&n->words, NULL);
	n->hearing = false;
}

/* --- who comes back ------------------------------------------------------------------------------ */

/* Tasks from outside that have had no time to say HELLO. */
static size_t list_held(const struct node *n, uint64_t held[static KEEPER_HELD_MAX])
{
	size_t cursor = 0, count = 0;
	uint64_t number;
	void *value;
	while (count < KEEPER_HELD_MAX && weft__map_next(&n->clients, &cursor, &number, &value)) {
		const struct client *c = value;
		if (c->held && c->state == CLIENT_NEW)
			held[count++] = number;
	}
	return count;
}

static void on_back_time(uv_timer_t *timer)
{
	struct node *n = timer->data;
	uint64_t held[KEEPER_HELD_MAX];
	struct weft__msg m = {.code = WEFT__MSG_RESUME_END,
	                      .resume_end = {.again = n->keeper.notes->crashes, .held = {held, list_held(n, held)}}};
	n->taking_over = false;
	coord_link_send(n, &m);
	job_launch_late(n, 0);
	output_again(n, 0);
	intro_forget_lost(n);
}

bool takeover_expects(const struct node *n, uint64_t client)
{
	const struct client *c = client ? client_find(n, client) : NULL;
	bool may_come = client && client <= n->clients_before;
	return may_come && (n->taking_over || (c && c->held && c->state == CLIENT_NEW));
}

static void join(struct node *n)
{
	struct weft_error e = {0};
	uv_timer_start(&n->takeover_timer, on_back_time, BACK_MS, 0);
	modex_resume(n);
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-AGAIN", "node=%u jobs=%zu tasks=%zu", n->index, n->jobs.count, n->tasks.count);
	if (n->state < NODE_HALTING && coord_link_start(n, &e))
		node_halt(n, e.text);
}

static void kill_awaited(struct node *n)
{
	size_t cursor = 0;
	uint64_t pid;
	void *value;
	while (weft__map_next(&n->children, &cursor, &pid, &value)) {
		const struct child *c = value;
		if (!c->awaited)
			continue;
		weft__log(WEFT__LOG_ERROR, "WEFT-TASKVM-SILENT", "pid=%ld did not come back: it is killed", (long)c->pid);
		kill(c->pid, SIGKILL);
	}
}

static void on_await_time(uv_timer_t *timer)
{
	struct node *n = timer->data;
	if (n->nawaited == 0) { /* never within the call that found it */
		join(n);
		return;
	}
	kill_awaited(n);
	uv_timer_start(timer, on_await_time, AWAIT_MS, 0);
}

void takeover_settled(struct node *n)
{
	if (n->nawaited == 0)
		uv_timer_start(&n->takeover_timer, on_await_time, 0, 0);
}

bool takeover_awaits(const struct node *n, pid_t pid)
{
	const struct child *c = weft__map_get(&n->children, (uint64_t)pid);
	return c && c->awaited;
}

static void take_held(void *arg, const struct keeper_held *h, int fd)
{
	if (fd >= 0)
		client_held(arg, h, &fd);
}

/* It knows all that another daemon of the node would: who waits at its doors may come. */
static void open_doors(struct node *n)
{
	n->blind = false;
	if (n->tcp_listener)
		link_listener_pause(n->tcp_listener, false);
	client_pause_all(n, n->coord.session.nbytes > NODE_UNSENT_MAX);
}

void takeover_joined(struct node *n, uint64_t npeers)
{
	n->npeers_awaited = npeers;
	if (n->blind && npeers == 0)
		open_doors(n);
}

void takeover_told(struct node *n)
{
	if (n->npeers_awaited && --n->npeers_awaited == 0 && n->blind)
		open_doors(n);
}

int takeover_start(struct node *n, struct weft_error *e)
{
	struct keeper_notes *notes = n->keeper.notes;
	n->taking_over = n->blind = n->clients_paused = true;
	link_listener_pause(n->tcp_listener, true);
	n->clients_before = notes->last_client;
	for (size_t i = 0; i < notes->nchildren; i++) {
		const struct keeper_child *c = &notes->children[i];
		if (c->pid && starter_adopt(n, c->pid, c->kind == KEEPER_TASKVM))
			return weft__err_set(e, WEFT_ENOMEM, "out of memory");
		if (c->pid && c->kind == KEEPER_COORD)
			n->coord.pid = c->pid;
	}
	listen_to_keeper(n);
	keeper_each_held(&n->keeper, take_held, n);
	weft__log(WEFT__LOG_WARN, "WEFT-NODE-TAKEOVER", "node=%u crashes=%u taskvms=%u", n->index, notes->crashes, n->nawaited);
	uv_timer_start(&n->takeover_timer, on_await_time, n->nawaited ? AWAIT_MS : 0, 0);
	return 0;
}
