/* Introductions: two tasks that want to talk are handed a channel each, once, and the daemons step aside.
 *
 * Happy path, both tasks here: CONNECT comes; one sealed memfd is made and goes to both with the other's
 * doorbell. On two nodes: the node of the lower tid sends INTRO with a fresh token, the other answers, the
 * first dials the other's port, shows the token, and each hands its end of the connection to its task.
 * The node of the higher tid asks for that by INTRO_WANTED.
 *
 * What can go wrong:
 * - The other task has not enrolled: the pair waits until it does or ends.
 * - It has ended, left, or never was: CHANNEL with WEFT_ENOTASK; who had a channel gets TASK_GONE.
 * - Its node was asked before the coordinator told it of the task, as a job's first tasks may run before its other nodes
 *   have heard of it: the pair waits until all has come that the coordinator may have said before.
 * - Both ask at once: there is one pair, and it opens once; a second request changes nothing.
 * - A task shares a buffer with its partner (SHARE): it is passed on when it is sound, else the task is closed.
 * - No shared memory is left: a socketpair takes its place.
 * - The other node can't be dialled from here, but we from there: INTRO_TURN with a token tells it to.
 * - The link between the nodes breaks: what was asked is asked again. It can't be made: WEFT_ENONODE.
 * - Many tasks meet at once, from many nodes: a port lets only so many unproven connections in and drops the
 *   oldest. A node has DIALS_MAX under way, the others wait for their turn; one that was dropped is tried again.
 */
#include "config.h"

#include "node/node.h"
#include "node/pair.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rng.h"
#include "transport/region.h"
#include "transport/transport.h"

enum {
	DIALS_MAX = 16,
	TRIES_MAX = 20,
	TRY_AGAIN_MS = 100,
	SHARED_MAX = 33 + 8, /* buffers that a task lets another read, the page of their account, halls of teams */
	SHARED_QUEUE = 4096,
};

static bool is_here(const struct node *n, uint64_t tid)
{
	return weft__tid_node((weft_tid_t){tid}) == n->index;
}

/* The task of this node that can have a channel now or later, or NULL. */
static struct task *living(const struct node *n, uint64_t tid)
{
	struct task *t = job_task(n, tid);
	return t && t->state != TASK_ENDED && !t->left ? t : NULL;
}

/* A tid of this node that may be a task's, though we have not been told so far; in another daemon's place of any. */
static bool unborn(const struct node *n, uint64_t tid)
{
	return is_here(n, tid) && (tid > n->newest || (n->again && !n->told));
}

/* --- what tasks are told ------------------------------------------------------------------------- */

static void tell(const struct node *n, uint64_t tid, const struct weft__msg *m, const int *fds, size_t nfds)
{
	struct task *t = job_task(n, tid);
	if (t && t->client)
		client_send(t->client, m, fds, nfds);
}

static void tell_failed(const struct node *n, uint64_t tid, uint64_t other, int code)
{
	struct weft__msg m = {.code = WEFT__MSG_CHANNEL, .channel = {.tid = other, .code = code}};
	tell(n, tid, &m, NULL, 0);
}

/* The pair comes to nothing: those who asked are told, and it is forgotten. */
static void fail(struct pair *p, int code)
{
	for (int i = LOW; i <= HIGH; i++)
		if (p->asked[i])
			tell_failed(p->node, p->tids[i], p->tids[!i], code);
	pair_free(p);
}

/* Hands one end of a channel to a task of this node. */
static void hand(struct pair *p, int side, int kind, const int *fds, size_t nfds)
{
	struct weft__msg m = {.code = WEFT__MSG_CHANNEL,
	                      .channel = {.tid = p->tids[!side], .kind = (uint64_t)kind, .side = (uint64_t)side}};
	tell(p->node, p->tids[side], &m, fds, nfds);
	const struct task *t = job_task(p->node, p->tids[side]);
	if (t && t->client && t->client->link)
		link_flush(t->client->link); /* one end alone is of no use: should we die now, let it be with both */
	p->asked[side] = false;
}

/* --- both tasks here ------------------------------------------------------------------------------ */

static void open_stream_here(struct pair *p)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)) {
		fail(p, WEFT_ENOSPC);
		return;
	}
	for (int i = LOW; i <= HIGH; i++) {
		hand(p, i, WEFT__CHANNEL_STREAM, &ends[i], 1);
		close(ends[i]);
	}
	pair_step(p, PAIR_OPEN);
}

static void open_here(struct pair *p, const struct task *low, const struct task *high)
{
	int memfd;
	int rc = weft__shm_create(&memfd);
	if (rc) {
		weft__log(WEFT__LOG_WARN, "WEFT-SHM-FULL", "no shared memory for two tasks (%s): a socket takes its place",
		          weft__err_text(rc));
		open_stream_here(p);
		return;
	}
	hand(p, LOW, WEFT__CHANNEL_SHM, (int[]){memfd, high->doorbell}, 2);
	hand(p, HIGH, WEFT__CHANNEL_SHM, (int[]){memfd, low->doorbell}, 2);
	close(memfd);
	pair_step(p, PAIR_OPEN);
}

/* --- one task elsewhere --------------------------------------------------------------------------- */

static uint32_t other_node(const struct pair *p)
{
	int theirs = is_here(p->node, p->tids[LOW]) ? HIGH : LOW;
	return weft__tid_node((weft_tid_t){p->tids[theirs]});
}

/* To the other's node; a pair whose other node does not exist (any more) fails. */
static void send_peer(struct pair *p, const struct weft__msg *m)
{
	int rc = peer_send(p->node, other_node(p), m);
	if (rc)
		fail(p, rc == WEFT_ENONODE ? WEFT_ENOTASK : rc);
	else
		pair_step(p, PAIR_ASKED);
}

static void send_intro(struct pair *p)
{
	pair_token_forget(p);
	if (weft__random_bytes(&p->token, sizeof p->token)) {
		fail(p, WEFT_EINTERNAL);
		return;
	}
	struct weft__msg m = {.code = WEFT__MSG_INTRO,
	                      .intro = {.low = p->tids[LOW],
	                                .high = p->tids[HIGH],
	                                .token = {p->token.bytes, sizeof p->token.bytes}}};
	send_peer(p, &m);
}

static void send_wanted(struct pair *p)
{
	struct weft__msg m = {.code = WEFT__MSG_INTRO_WANTED,
	                      .intro_wanted = {.low = p->tids[LOW], .high = p->tids[HIGH]}};
	send_peer(p, &m);
}

static void send_answer(struct node *n, uint32_t peer, uint64_t low, uint64_t high, int code)
{
	struct weft__msg m = {.code = WEFT__MSG_INTRO_ANSWER, .intro_answer = {.low = low, .high = high, .code = code}};
	peer_send(n, peer, &m);
}

/* Our task is the higher one, has enrolled, and the other node waits for our answer. */
static void accept_invitation(struct pair *p)
{
	struct node *n = p->node;
	p->invited = false;
	if (pair_token_put(p)) {
		send_answer(n, other_node(p), p->tids[LOW], p->tids[HIGH], WEFT_ENOMEM);
		fail(p, WEFT_ENOMEM);
		return;
	}
	pair_step(p, PAIR_DIALLING);
	send_answer(n, other_node(p), p->tids[LOW], p->tids[HIGH], 0);
}

static void await_birth(struct pair *p)
{
	p->told_with = p->node->coord.beats + 1;
	weft__list_remove(&p->turn);
	weft__list_push(&p->node->unborn, &p->turn);
}

/* Does the next step of a waiting pair, if it can be done. */
static void advance(struct pair *p)
{
	struct node *n = p->node;
	bool here[2] = {is_here(n, p->tids[LOW]), is_here(n, p->tids[HIGH])};
	struct task *tasks[2] = {here[LOW] ? living(n, p->tids[LOW]) : NULL, here[HIGH] ? living(n, p->tids[HIGH]) : NULL};
	for (int i = LOW; i <= HIGH; i++) {
		if (here[i] && !tasks[i]) { /* or it has ended, and is about to be told of */
			if (unborn(n, p->tids[i]))
				await_birth(p);
			else
				fail(p, WEFT_ENOTASK);
			return;
		}
	}
	for (int i = LOW; i <= HIGH; i++)
		if (here[i] && !tasks[i]->enrolled)
			return;
	if (here[LOW] && here[HIGH])
		open_here(p, tasks[LOW], tasks[HIGH]);
	else if (here[LOW])
		send_intro(p);
	else if (p->invited)
		accept_invitation(p);
	else
		send_wanted(p);
}

/* --- requests ------------------------------------------------------------------------------------- */

void intro_wanted(struct node *n, struct task *from, uint64_t tid)
{
	if (!from || !living(n, from->tid)) /* what it asked before its end comes to nothing */
		return;
	if (tid == from->tid) {
		tell_failed(n, from->tid, tid, WEFT_EINVAL);
		return;
	}
	bool may = is_here(n, tid) ? living(n, tid) || unborn(n, tid) : peer_find(n, weft__tid_node((weft_tid_t){tid})) != NULL;
	struct pair *p = may ? pair_make(n, from->tid, tid) : NULL;
	if (!p) {
		tell_failed(n, from->tid, tid, may ? WEFT_ENOMEM : WEFT_ENOTASK);
		return;
	}
	if (p->state == PAIR_OPEN && p->known && !p->listed[from->tid == p->tids[HIGH]])
		tell_failed(n, from->tid, tid, WEFT_ENONODE); /* its end was lost with the daemon that had it in its hands */
	if (p->state == PAIR_OPEN)
		return; /* the answer is on its way: the other asked first */
	p->asked[from->tid == p->tids[HIGH]] = true;
	if (p->state == PAIR_WAITING)
		advance(p);
}

void intro_enrolled(struct node *n, struct task *t)
{
	size_t count;
	uint64_t tid = t->tid, *tids = pair_partners(n, tid, &count);
	for (size_t i = 0; i < count; i++) {
		struct pair *p = pair_find(n, tid, tids[i]);
		if (p && p->state == PAIR_WAITING)
			advance(p);
	}
	weft__free(tids);
}

/* One of the two is a task of this node, and is none. */
static bool is_vain(const struct pair *p)
{
	const struct node *n = p->node;
	return (is_here(n, p->tids[LOW]) && !living(n, p->tids[LOW])) || (is_here(n, p->tids[HIGH]) && !living(n, p->tids[HIGH]));
}

void intro_told(struct node *n, uint64_t beat)
{
	n->told |= beat > 0;
	while (!weft__list_empty(&n->unborn)) {
		struct pair *p = WEFT__CONTAINER(n->unborn.next, struct pair, turn);
		if (p->told_with > beat)
			return;
		weft__list_remove(&p->turn);
		bool vain = is_vain(p);
		if (vain && is_here(n, p->tids[LOW]) != is_here(n, p->tids[HIGH]))
			send_answer(n, other_node(p), p->tids[LOW], p->tids[HIGH], WEFT_ENOTASK);
		if (vain)
			fail(p, WEFT_ENOTASK);
		else if (p->state == PAIR_WAITING)
			advance(p);
	}
}

/* --- shared buffers ------------------------------------------------------------------------------- */

const char *intro_share(struct node *n, const struct task *from, const struct weft__msg_share *m, int fd)
{
	struct pair *p = from ? pair_find(n, from->tid, m->tid) : NULL;
	const struct task *to = p && p->state == PAIR_OPEN && is_here(n, m->tid) ? living(n, m->tid) : NULL;
	bool back = m->nbytes == 0;
	if (!back && !weft__region_sound(fd, m->nbytes))
		return "shares what is no sealed memory of that size";
	if (!to)
		return NULL; /* it has ended, or a daemon before this one introduced them */
	uint8_t *count = &p->nshared[from->tid == p->tids[HIGH]];
	if (!back && *count == SHARED_MAX)
		return "shares too much";
	if (!back)
		++*count;
	else if (*count)
		--*count;
	/* What is not passed on costs the two a copy, no more; a task that does not listen shall not fill us up. */
	if (to->client && to->client->link && link_queued(to->client->link) < SHARED_QUEUE) {
		struct weft__msg shared = {.code = WEFT__MSG_SHARED,
		                           .shared = {.tid = from->tid, .region = m->region, .nbytes = m->nbytes}};
		link_send(to->client->link, &shared, &fd, !back);
	}
	return NULL;
}

void intro_group(struct node *n, const struct weft__msg_group_page *m)
{
	struct weft__msg page = {.code = WEFT__MSG_GROUP_PAGE,
	                         .group_page = {.name = m->name, .grant = m->grant, .tids = m->tids}};
	int fd;
	void *at;
	if (weft__region_create(WEFT__GROUP_PAGE_BYTES, true, &fd, &at))
		return; /* they go on without it */
	munmap(at, WEFT__GROUP_PAGE_BYTES);
	for (size_t i = 0; i < m->tids.n; i++) {
		const struct task *t = job_task(n, m->tids.p[i]);
		if (t && t->client && t->client->link && link_queued(t->client->link) < SHARED_QUEUE)
			link_send(t->client->link, &page, &fd, 1);
	}
	close(fd);
}

/* --- ends ----------------------------------------------------------------------------------------- */

/* One of the pair is gone. */
static void end_pair(struct pair *p, uint64_t gone, bool lost)
{
	struct node *n = p->node;
	if (!is_here(n, gone) && p->state == PAIR_DIALLING && p->dials) { /* told by dialled */
		p->gone = true;
		p->lost = lost;
		return;
	}
	int left = p->tids[LOW] == gone ? HIGH : LOW;
	struct weft__msg here = {.code = WEFT__MSG_TASK_GONE, .task_gone = {.tid = gone, .lost = lost}};
	struct weft__msg there = {.code = WEFT__MSG_PEER_TASK_GONE, .peer_task_gone = {.tid = gone}};
	uint64_t other = p->tids[left];
	if (!is_here(n, other))
		peer_send(n, weft__tid_node((weft_tid_t){other}), &there);
	else if (p->state == PAIR_OPEN)
		tell(n, other, &here, NULL, 0);
	if (is_here(n, gone) && p->kept >= 0)
		linger_start(n, &p->kept, other_node(p));
	p->asked[!left] = false;
	fail(p, WEFT_ENOTASK);
}

void intro_gone(struct node *n, uint64_t tid, bool lost)
{
	size_t count;
	uint64_t *tids = pair_partners(n, tid, &count);
	for (size_t i = 0; i < count; i++) {
		struct pair *p = pair_find(n, tid, tids[i]);
		if (p)
			end_pair(p, tid, lost);
	}
	weft__free(tids);
}

/* All pairs with a task of that node. */
static void each_of_node(struct node *n, uint32_t index, void (*act)(struct pair *p, uint64_t theirs, bool lost),
                         bool lost)
{
	size_t ntids;
	uint64_t *tids = pair_endpoints(n, index, &ntids);
	for (size_t i = 0; i < ntids; i++) {
		size_t count;
		uint64_t *others = pair_partners(n, tids[i], &count);
		for (size_t j = 0; j < count; j++) {
			struct pair *p = pair_find(n, tids[i], others[j]);
			if (p)
				act(p, tids[i], lost);
		}
		weft__free(others);
	}
	weft__free(tids);
}

static void ask_again(struct pair *p, uint64_t theirs, bool lost)
{
	if (p->state == PAIR_OPEN || p->state == PAIR_WAITING)
		return;
	bool wanted = p->asked[LOW] || p->asked[HIGH] || is_here(p->node, p->tids[LOW]);
	pair_token_forget(p);
	weft__list_remove(&p->turn);
	p->invited = p->turned = false;
	pair_step(p, PAIR_WAITING);
	if (wanted)
		advance(p);
}

static void give_up(struct pair *p, uint64_t theirs, bool lost)
{
	if (p->state != PAIR_OPEN)
		fail(p, WEFT_ENONODE);
}

void intro_peer_broken(struct node *n, uint32_t index)
{
	each_of_node(n, index, ask_again, false);
}

void intro_peer_failed(struct node *n, uint32_t index)
{
	each_of_node(n, index, give_up, false);
}

void intro_peer_gone(struct node *n, uint32_t index, bool lost)
{
	each_of_node(n, index, end_pair, lost);
}

/* --- in place of an earlier daemon ---------------------------------------------------------------- */

static void ask_about(struct node *n, uint32_t index, const uint64_t *tids, size_t ntids)
{
	enum { PART = 16384 };
	for (size_t at = 0; at < ntids; at += PART) {
		size_t count = ntids - at < PART ? ntids - at : PART;
		struct weft__msg m = {.code = WEFT__MSG_PEER_TASKS, .peer_tasks = {.tids = {tids + at, count}}};
		peer_send(n, index, &m);
	}
}

/* The channel is there; has the other one ended meanwhile? A node that is not known by now is, or is gone, soon. */
static void know(struct node *n, struct task *t, uint64_t other)
{
	struct pair *p = other == t->tid ? NULL : pair_make(n, t->tid, other);
	if (!p)
		return;
	p->known = true;
	p->listed[t->tid == p->tids[HIGH]] = true;
	if (p->asked[other == p->tids[HIGH]])
		tell_failed(n, other, t->tid, WEFT_ENONODE);
	weft__list_remove(&p->turn);
	pair_token_forget(p);
	pair_step(p, PAIR_OPEN);
	if (is_here(n, other) && !living(n, other))
		end_pair(p, other, false);
	else if (!is_here(n, other) && peer_find(n, weft__tid_node((weft_tid_t){other})))
		ask_about(n, weft__tid_node((weft_tid_t){other}), &other, 1);
}

void intro_known(struct node *n, struct task *t, const struct weft__msg_connected *m)
{
	for (size_t i = 0; i < m->tids.n; i++)
		know(n, t, m->tids.p[i]);
}

void intro_peer_again(struct node *n, uint32_t index)
{
	size_t count;
	uint64_t *tids = pair_endpoints(n, index, &count);
	ask_about(n, index, tids, count);
	weft__free(tids);
}

void intro_forget_lost(struct node *n)
{
	size_t count;
	uint64_t *tids = pair_endpoints(n, 0, &count);
	for (size_t i = 0; i < count; i++)
		if (!is_here(n, tids[i]) && !peer_find(n, weft__tid_node((weft_tid_t){tids[i]})))
			intro_gone(n, tids[i], true);
	weft__free(tids);
}

/* Those of ours that a peer asks about and that have ended. */
static void tell_ended(struct peer *peer, const struct weft__msg_peer_tasks *m)
{
	for (size_t i = 0; i < m->tids.n; i++) {
		struct weft__msg gone = {.code = WEFT__MSG_PEER_TASK_GONE, .peer_task_gone = {.tid = m->tids.p[i]}};
		if (is_here(peer->node, m->tids.p[i]) && !living(peer->node, m->tids.p[i]))
			peer_send(peer->node, peer->index, &gone);
	}
}

/* --- between nodes -------------------------------------------------------------------------------- */

/* Our side of it. */
static int own_side(const struct pair *p)
{
	return is_here(p->node, p->tids[LOW]) ? LOW : HIGH;
}

/* There is a connection: our end goes to our task, and a copy stays. */
static void open_between(struct pair *p, int *fd)
{
	hand(p, own_side(p), WEFT__CHANNEL_STREAM, fd, 1);
	linger_drop(p->node, &p->kept);
	p->kept = linger_keep(p->node, fd);
	pair_step(p, PAIR_OPEN);
}

static void dialled(void *arg, int fd, int code);

/* What a dial that is under way needs to find its pair again: the pair may be gone meanwhile. */
struct dial {
	struct node *node;
	uint64_t low, high;
	struct link_token token;
};

/* Our task is the lower one, and its node can't dial the other: the other way round. */
static void turn(struct pair *p)
{
	struct node *n = p->node;
	pair_token_forget(p);
	if (weft__random_bytes(&p->token, sizeof p->token) || pair_token_put(p)) {
		fail(p, WEFT_ENOMEM);
		return;
	}
	p->turned = true;
	pair_step(p, PAIR_DIALLING);
	struct weft__msg m = {.code = WEFT__MSG_INTRO_TURN,
	                      .intro_turn = {.low = p->tids[LOW],
	                                     .high = p->tids[HIGH],
	                                     .token = {p->token.bytes, sizeof p->token.bytes}}};
	int rc = peer_send(n, other_node(p), &m);
	if (rc)
		fail(p, rc == WEFT_ENONODE ? WEFT_ENOTASK : rc);
}

static void dial(struct pair *p)
{
	struct node *n = p->node;
	struct peer *peer = peer_find(n, other_node(p));
	if (peer && peer->deaf && own_side(p) == LOW) {
		turn(p);
		return;
	}
	struct dial *d = peer ? weft__calloc(1, sizeof *d) : NULL;
	if (!d) {
		fail(p, peer ? WEFT_ENOMEM : WEFT_ENOTASK);
		return;
	}
	*d = (struct dial){n, p->tids[LOW], p->tids[HIGH], p->token};
	n->ndials++;
	p->dials = true;
	pair_step(p, PAIR_DIALLING);
	char address[LINK_ADDRESS_TEXT];
	peer_where(peer, address);
	int rc = link_dial_task(n->loop, address, peer->port, &p->token, dialled, d);
	if (rc)
		dialled(d, -1, rc);
}

/* Those whose turn it is. */
static void dial_next(struct node *n)
{
	struct weft__list *l;
	while (n->ndials < DIALS_MAX && (l = weft__list_pop(&n->dials)))
		dial(WEFT__CONTAINER(l, struct pair, turn));
}

static void on_redial(uv_timer_t *timer)
{
	struct node *n = timer->data;
	struct weft__list *l;
	while ((l = weft__list_pop(&n->redials))) {
		struct pair *p = WEFT__CONTAINER(l, struct pair, turn);
		if (p->state == PAIR_WAITING)
			advance(p);
	}
}

/* Once more from the beginning, with another token, a little later. false: it was tried often enough. */
static bool dial_again(struct pair *p)
{
	struct node *n = p->node;
	if (++p->ntries >= TRIES_MAX)
		return false;
	pair_step(p, PAIR_WAITING);
	weft__list_push(&n->redials, &p->turn);
	if (!uv_is_active((uv_handle_t *)&n->redial_timer))
		uv_timer_start(&n->redial_timer, on_redial, TRY_AGAIN_MS, 0);
	return true;
}

static void dialled(void *arg, int fd, int code)
{
	struct dial *d = arg;
	struct node *n = d->node;
	struct pair *p = pair_find(n, d->low, d->high);
	bool current = p && p->state == PAIR_DIALLING && !memcmp(&p->token, &d->token, sizeof p->token);
	n->ndials--;
	struct peer *peer = p ? peer_find(n, other_node(p)) : NULL;
	if (current)
		p->dials = false;
	if (current && fd >= 0) {
		open_between(p, &fd);
		if (p->gone)
			end_pair(p, p->tids[!own_side(p)], p->lost);
	} else if (current && p->gone) {
		fail(p, WEFT_ENOTASK);
	} else if (current && peer && code != WEFT_ECLOSED && own_side(p) == LOW) {
		weft__log(WEFT__LOG_INFO, "WEFT-INTRO-TURN", "node=%u is to dial: %s", peer->index, weft__err_text(code));
		peer->deaf = true;
		turn(p);
	} else if (current && !(code == WEFT_ECLOSED && dial_again(p))) {
		weft__log(WEFT__LOG_WARN, "WEFT-INTRO-FAILED", "node=%u %s", other_node(p), weft__err_text(code));
		send_answer(n, other_node(p), d->low, d->high, WEFT_ENONODE);
		fail(p, WEFT_ENONODE);
	}
	if (fd >= 0)
		close(fd);
	weft__free(d);
	dial_next(n);
}

static void intro(struct peer *peer, const struct weft__msg_intro *m)
{
	struct node *n = peer->node;
	bool may = living(n, m->high) || unborn(n, m->high);
	struct pair *p = may ? pair_make(n, m->low, m->high) : NULL;
	if (!p || m->token.n != sizeof p->token.bytes) {
		send_answer(n, peer->index, m->low, m->high, may ? WEFT_ENOMEM : WEFT_ENOTASK);
		return;
	}
	if (p->state == PAIR_OPEN) /* it was lost on its way to the other: a new one, its task knows none yet */
		weft__log(WEFT__LOG_WARN, "WEFT-INTRO-AGAIN", "node=%u asks for a channel that is open here", peer->index);
	pair_token_forget(p);
	memcpy(p->token.bytes, m->token.p, sizeof p->token.bytes);
	p->invited = true;
	pair_step(p, PAIR_WAITING);
	advance(p);
}

static void answer(struct peer *peer, const struct weft__msg_intro_answer *m)
{
	struct pair *p = pair_find(peer->node, m->low, m->high);
	if (!p || p->state == PAIR_OPEN)
		return;
	if (m->code)
		fail(p, (int)m->code);
	else if (p->state == PAIR_ASKED && is_here(peer->node, m->low)) {
		weft__list_remove(&p->turn);
		weft__list_push(&p->node->dials, &p->turn);
		dial_next(p->node);
	}
}

static void turned(struct peer *peer, const struct weft__msg_intro_turn *m)
{
	struct node *n = peer->node;
	struct pair *p = pair_find(n, m->low, m->high);
	const struct task *ours = living(n, m->high);
	if (!p && (ours || unborn(n, m->high))) /* the daemon before us was asked */
		p = pair_make(n, m->low, m->high);
	if (p && p->state == PAIR_WAITING && !(ours && ours->enrolled)) /* it will ask itself */
		return;
	if (!p || p->state == PAIR_OPEN || m->token.n != sizeof p->token.bytes) {
		send_answer(n, peer->index, m->low, m->high, p ? WEFT_EPROTO : WEFT_ENOTASK);
		return;
	}
	pair_token_forget(p);
	memcpy(p->token.bytes, m->token.p, sizeof p->token.bytes);
	weft__list_remove(&p->turn);
	weft__list_push(&n->dials, &p->turn);
	dial_next(n);
}

static void wanted(struct peer *peer, const struct weft__msg_intro_wanted *m)
{
	struct node *n = peer->node;
	bool may = living(n, m->low) || unborn(n, m->low);
	struct pair *p = may ? pair_make(n, m->low, m->high) : NULL;
	if (!p)
		send_answer(n, peer->index, m->low, m->high, may ? WEFT_ENOMEM : WEFT_ENOTASK);
	else if (p->state == PAIR_WAITING)
		advance(p);
	else if (p->state == PAIR_DIALLING && p->turned)
		turn(p); /* its dial was lost */
	else if (p->state == PAIR_OPEN) /* it was lost with the daemon that had it in its hands */
		send_answer(n, peer->index, m->low, m->high, WEFT_ENONODE);
}

/* A node speaks for its own tasks only. */
static bool is_between(const struct peer *peer, uint64_t theirs, uint64_t ours)
{
	return weft__tid_node((weft_tid_t){theirs}) == peer->index && is_here(peer->node, ours);
}

static bool is_about_us(const struct peer *peer, uint64_t low, uint64_t high)
{
	return low < high && (is_between(peer, low, high) || is_between(peer, high, low));
}

void intro_message(struct peer *p, const struct weft__msg *m)
{
	bool fits = m->code == WEFT__MSG_PEER_TASKS;
	if (fits)
		tell_ended(p, &m->peer_tasks);
	else if (m->code == WEFT__MSG_INTRO && (fits = m->intro.low < m->intro.high && is_between(p, m->intro.low, m->intro.high)))
		intro(p, &m->intro);
	else if (m->code == WEFT__MSG_INTRO_ANSWER && (fits = is_about_us(p, m->intro_answer.low, m->intro_answer.high)))
		answer(p, &m->intro_answer);
	else if (m->code == WEFT__MSG_INTRO_TURN &&
	         (fits = m->intro_turn.low < m->intro_turn.high && is_between(p, m->intro_turn.low, m->intro_turn.high)))
		turned(p, &m->intro_turn);
	else if (m->code == WEFT__MSG_INTRO_WANTED && (fits = is_about_us(p, m->intro_wanted.low, m->intro_wanted.high)))
		wanted(p, &m->intro_wanted);
	else if (m->code == WEFT__MSG_PEER_TASK_GONE && (fits = weft__tid_node((weft_tid_t){m->peer_task_gone.tid}) == p->index))
		intro_gone(p->node, m->peer_task_gone.tid, false);
	if (!fits)
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "node=%u %s about tasks that are none of its", p->index,
		          weft__msg_name(m->code));
}

/* --- connections for two tasks --------------------------------------------------------------------- */

/* The first half was shown: it must be right to the last bit, and is good for one connection. */
static int find_token(void *arg, struct link_token *token)
{
	struct pair *p = pair_by_token(arg, token);
	unsigned differ = 0;
	for (size_t i = 0; p && i < LINK_TOKEN_BYTES / 2; i++)
		differ |= p->token.bytes[i] ^ token->bytes[i];
	if (!p || differ || p->token_used)
		return WEFT_EDENIED;
	p->token_used = true;
	*token = p->token;
	return 0;
}

static void accepted(void *arg, const struct link_token *token, int fd, int code)
{
	struct node *n = arg;
	struct pair *p = token ? pair_by_token(n, token) : NULL;
	if (p && p->state == PAIR_DIALLING && fd >= 0) {
		pair_token_forget(p);
		open_between(p, &fd);
	} else if (code) {
		weft__log(WEFT__LOG_WARN, "WEFT-INTRO-REFUSED", "a connection for a task: %s", weft__err_text(code));
	}
	if (fd >= 0)
		close(fd);
}

void intro_accept(struct node *n, int *fd)
{
	int rc = link_accept_task(n->loop, fd, find_token, accepted, n);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-INTRO-REFUSED", "a connection for a task: %s", weft__err_text(rc));
}
