/* A node's daemon crashed and another one is in its place: its clients and tasks go on.
 *
 * Happy path: JOIN says so. What was sent to the old daemon and is not confirmed is gone with it: what clients were
 * to get is in their own sessions, tasks that it had not launched are launched again, and the rest is sent
 * again if it does no harm twice. Clients are away until the new daemon opens them again; then each side sends
 * the other what it has not seen (proto/session.h). What the new daemon knows of tasks it tells by the usual inventory.
 *
 * What can go wrong: a client does not come back (RESUME_END: it is gone); it comes with another pass, or has seen what it
 * was never sent (it is refused); it takes nothing for long (what it gets is no longer kept, and it can't come back). */
#include "config.h"

#include <inttypes.h>

#include "base/heap.h"
#include "coord/state.h"

/* --- the node ------------------------------------------------------------------------------------- */

/* Those of its tasks that have not been seen to run or to fail come first, and are counted. */
static size_t keep_starting(struct coord *c, const struct node *n, struct weft__msg_launch *l, uint64_t *tids, uint64_t *ranks)
{
	size_t count = 0;
	for (size_t i = 0; i < l->tids.n; i++) {
		struct task *t = task_find(c, l->tids.p[i]);
		if (!t || t->node != n || t->state != WEFT__TASK_STARTING)
			continue;
		t->doubtful = 0;
		tids[count] = l->tids.p[i];
		ranks[count++] = l->ranks.p[i];
	}
	l->tids = (struct weft__u64s){tids, count};
	l->ranks = (struct weft__u64s){ranks, count};
	return count;
}

/* It may never have come to the task VM, which knows what it has started. That one waits for the job's last LAUNCH, even if
 * no task in it is left to start. */
static void launch_again(struct coord *c, struct node *n, const struct weft__unseen *k)
{
	struct weft__msg m;
	struct weft__msg_launch *l = &m.launch;
	int rc = weft__msg_decode(k->body, k->nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE, &c->part, &m, NULL);
	if (rc == WEFT_ENOMEM)
		c->failed = rc;
	uint64_t *tids = rc ? NULL : coord_alloc(c, (2 * l->tids.n + 1) * sizeof *tids);
	if (!tids)
		return;
	if (keep_starting(c, n, l, tids, tids + l->tids.n))
		job_send_team(c, job_find(c, l->job), n);
	if (l->tids.n || l->last)
		send_node(c, n, &m);
	weft__free(tids);
}

static void say_again(struct coord *c, struct node *n, const struct weft__unseen *k)
{
	switch (weft__msg_peek(k->body, k->nbytes)) {
	case WEFT__MSG_LAUNCH:
		launch_again(c, n, k);
		break;
	case WEFT__MSG_TASK_SIGNAL:
	case WEFT__MSG_CLOCK:
	case WEFT__MSG_OUTPUT_MOVE:
	case WEFT__MSG_PEER_CALL:
		send_body(c, n, k->body, k->nbytes);
		break;
	default:
		break;
	}
}

void again_begin(struct coord *c, struct node *n)
{
	struct weft__list kept;
	weft__list_init(&kept);
	for (struct weft__list *l; (l = weft__list_pop(&n->session.kept));)
		weft__list_push(&kept, l);
	weft__session_init(&n->session);
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = l->next)
		WEFT__CONTAINER(l, struct client, at_node)->away = 1;
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = l->next) {
		struct task *t = WEFT__CONTAINER(l, struct task, at_node);
		t->doubtful = !t->enrolled;
	}
	if (n->state == WEFT__NODE_LEAVING)
		send_node(c, n, &(struct weft__msg){.code = WEFT__MSG_HALT});
	for (struct weft__list *l; (l = weft__list_pop(&kept));) {
		struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		say_again(c, n, k);
		weft__free(k);
	}
}

static bool is_held(const struct weft__msg_resume_end *m, const struct client *client)
{
	for (size_t i = 0; i < m->held.n; i++)
		if (m->held.p[i] == client->number)
			return true;
	return false;
}

/* Those that are still away will not come. A task that lives may have other things to do than to answer. */
void again_end(struct coord *c, struct node *n, const struct weft__msg *m)
{
	struct weft__list *l = n->clients.next;
	while (l != &n->clients) {
		struct client *client = WEFT__CONTAINER(l, struct client, at_node);
		const struct task *t = client_live_task(client);
		l = l->next;
		if (!client->away || (t && !t->enrolled) || is_held(&m->resume_end, client))
			continue;
		send_log(c, WEFT__LOG_INFO, "WEFT-CLIENT-LOST", "node=%u client=%u pid=%" PRIu64 " did not come back", n->index,
		         client->number, client->pid);
		client_end(c, client, CLIENT_GONE);
		l = n->clients.next; /* others may have gone with it */
	}
}

/* --- clients --------------------------------------------------------------------------------------- */

/* A task VM gets another number: it never learns which it has. */
static struct client *find(struct coord *c, struct node *n, const struct weft__msg_client_open *m)
{
	if (m->role != WEFT__ROLE_TASKVM)
		return weft__map_get(&n->numbers, m->client);
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = l->next) {
		struct client *client = WEFT__CONTAINER(l, struct client, at_node);
		if (client->role != WEFT__ROLE_TASKVM || client->job != m->job || !client->away)
			continue;
		weft__map_remove(&n->numbers, client->number);
		client->number = (uint32_t)m->client;
		return coord_put(c, &n->numbers, client->number, client) ? client : NULL;
	}
	return NULL;
}

void again_resumed(struct coord *c, struct client *client)
{
	client->away = 0;
	send_client(c, client,
	            &(struct weft__msg){.code = WEFT__MSG_RESUMED, .resumed = {.seen = client->session.received}});
	for (struct weft__list *l = client->session.kept.next; l != &client->session.kept; l = l->next) {
		const struct weft__unseen *k = WEFT__CONTAINER(l, struct weft__unseen, link);
		send_down(c, client->node, client->number, k->body, k->nbytes);
	}
}

/* True: that was all. */
bool again_open(struct coord *c, struct node *n, const struct weft__msg_client_open *m)
{
	struct client *client = find(c, n, m);
	if (!client)
		return false; /* its first CLIENT_OPEN was lost: it begins, and says all again */
	bool fits = client->away && client->role == m->role && (m->role == WEFT__ROLE_TASKVM || client->pass == m->pass) &&
	            !client->unkept && weft__session_confirm(&client->session, m->seen) == 0;
	if (fits)
		again_resumed(c, client);
	else
		client_refuse(c, n, m->client, WEFT_ENOTASK, "the coordinator can't go on with this connection");
	return true;
}

/* A message of the client has come. */
void again_count(struct coord *c, struct client *client, size_t nbytes)
{
	if (weft__session_took(&client->session, nbytes))
		send_client(c, client,
		            &(struct weft__msg){.code = WEFT__MSG_SEEN, .seen = {.seen = client->session.received}});
}

void again_confirm(struct coord *c, struct client *client, const struct weft__msg *m)
{
	if (weft__session_confirm(&client->session, m->seen.seen))
		send_log(c, WEFT__LOG_WARN, "WEFT-COORD-ODD", "node=%u client=%u confirms what it was not sent",
		         client->node->index, client->number);
}

/* One is to go to it: kept until it has confirmed it. */
void again_keep(struct coord *c, struct client *client, const void *body, size_t nbytes)
{
	struct weft__session *s = &client->session;
	if (s->nbytes + nbytes > COORD_CLIENT_KEPT_MAX) {
		client->unkept = 1;
		weft__session_confirm(s, s->sent);
	}
	if (client->unkept)
		s->sent++;
	else if (weft__session_push(s, body, nbytes))
		c->failed = WEFT_ENOMEM;
}
