/* Where the tasks' output goes, and what comes back: acknowledgements and standard input.
 *
 * A task VM sends OUTPUT to its node; the job's LAUNCH said which client of which node it is for. On this node it
 * goes to that client's connection (a tool's, or a task's that wants it) or, for client 0, into the job's log;
 * else to that node. A task VM keeps what is not acknowledged, and sends it again when it may have been lost with a link
 * or a daemon. What a client has not acknowledged is counted, so that a client that goes leaves no task VM waiting: what is for
 * nobody is acknowledged and dropped.
 */
#include "config.h"

#include "node/node.h"

#include "base/log.h"

static uint64_t unacked_key(uint64_t job, uint64_t node)
{
	return job << WEFT__NODE_BITS | node;
}

static void unacked_set(struct client *c, uint64_t key, uintptr_t nbytes)
{
	if (nbytes == 0)
		weft__map_remove(&c->unacked, key);
	else if (weft__map_put(&c->unacked, key, (void *)nbytes)) /* a number, not a pointer to anything */
		client_doom(c);
}

static void acknowledge(struct node *n, uint64_t job, uint64_t node, uint64_t nbytes)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_ACK, .output_ack = {.job = job, .node = node, .bytes = nbytes}};
	output_to_vm(n, node, job, &m);
}

/* The tool that showed this job's output is gone: does the job go on? Of one that has no task here we don't know. */
static bool may_stay(struct node *n, uint64_t job)
{
	const struct job *j = job_find(n, job);
	return !j || j->flags & WEFT__SPAWN_STAYS;
}

void output_deliver(struct node *n, uint64_t client, const struct weft__msg *m, const uint8_t *body, size_t nbytes)
{
	struct client *c = client ? client_find(n, client) : NULL;
	bool is_output = m->code == WEFT__MSG_OUTPUT;
	if (c && c->link && (c->role == WEFT__ROLE_TOOL || c->role == WEFT__ROLE_TASK)) {
		uint64_t key = unacked_key(m->output.job, m->output.node);
		if (is_output)
			unacked_set(c, key, (uintptr_t)weft__map_get(&c->unacked, key) + m->output.bytes.n);
		client_send_body(c, body, nbytes);
		return;
	}
	if (!is_output || takeover_expects(n, client)) /* its task VM keeps it until it is told: output_again */
		return;
	if (client == 0 || (n->home && may_stay(n, m->output.job)))
		joblog_append(n, m->output.job, m->output.bytes.p, m->output.bytes.n);
	acknowledge(n, m->output.job, m->output.node, m->output.bytes.n);
}

/* To the job's sink, wherever that is. */
static void route(struct job *j, const struct weft__msg *m, const uint8_t *body, size_t nbytes)
{
	struct node *n = j->node;
	if (j->sink_node == n->index)
		output_deliver(n, j->sink_client, m, body, nbytes);
	else if (peer_down(n, j->sink_node, j->sink_client, body, nbytes) == 0)
		j->unacked += m->code == WEFT__MSG_OUTPUT ? m->output.bytes.n : 0;
	else if (m->code == WEFT__MSG_OUTPUT) /* nobody is there */
		acknowledge(n, j->id, n->index, m->output.bytes.n);
}

void output_from_vm(struct job *j, const struct weft__msg *m, const uint8_t *body, size_t nbytes)
{
	bool is_own = m->code != WEFT__MSG_OUTPUT || (m->output.job == j->id && m->output.node == j->node->index);
	if (!is_own) {
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "task VM of job=%u sent output of another", j->id);
		return;
	}
	if (m->code == WEFT__MSG_OUTPUT_END) {
		struct task *t = job_task(j->node, m->output_end.tid);
		if (t && t->job == j)
			t->output_ended = true;
	}
	route(j, m, body, nbytes);
}

void output_end(struct job *j, struct task *t)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_END,
	                      .output_end = {.job = j->id, .tid = t->tid, .rank = t->rank}};
	struct weft__buf body = {0};
	t->output_ended = true;
	if (weft__msg_encode_body(&body, &m, NULL) == 0)
		route(j, &m, body.data, body.len);
	weft__buf_fini(&body);
}

void output_acknowledged(struct client *c, const struct weft__msg_output_ack *m)
{
	uint64_t key = unacked_key(m->job, m->node);
	uintptr_t owed = (uintptr_t)weft__map_get(&c->unacked, key);
	uint64_t nbytes = m->bytes < owed ? m->bytes : owed;
	if (nbytes == 0)
		return;
	unacked_set(c, key, owed - nbytes);
	acknowledge(c->node, m->job, m->node, nbytes);
}

void output_to_vm(struct node *n, uint64_t node, uint64_t job, const struct weft__msg *m)
{
	if (node && node != n->index) {
		peer_up(n, node, job, m);
		return;
	}
	struct job *j = job_find(n, job);
	if (!j || j->outside)
		return;
	if (m->code == WEFT__MSG_OUTPUT_ACK)
		j->unacked -= m->output_ack.bytes < j->unacked ? m->output_ack.bytes : j->unacked;
	taskvm_link_send(j, m, -1);
}

void output_peer_again(struct node *n, uint32_t index, uint64_t client, bool unacked_only)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		struct job *j = value;
		if (j->sink_node != index || (client && j->sink_client != client) || j->rejoining)
			continue;
		if (unacked_only && !j->unacked)
			continue;
		j->unacked = 0;
		taskvm_link_send(j, &(struct weft__msg){.code = WEFT__MSG_OUTPUT_AGAIN}, -1);
	}
}

void output_again(struct node *n, uint64_t client)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_AGAIN, .output_again = {.client = client}};
	size_t cursor = 0;
	uint64_t index;
	void *unused;
	output_peer_again(n, n->index, client, false);
	while (weft__map_next(&n->peers, &cursor, &index, &unused))
		peer_send(n, index, &m);
}

void output_peer_broken(struct node *n, uint32_t index)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		struct job *j = value;
		if (j->sink_node == index && j->unacked) /* nobody will acknowledge what was under way */
			acknowledge(n, id, n->index, j->unacked);
	}
}

void output_client_gone(struct client *c)
{
	size_t cursor = 0;
	uint64_t key;
	void *owed;
	while (weft__map_next(&c->unacked, &cursor, &key, &owed))
		acknowledge(c->node, key >> WEFT__NODE_BITS, key & WEFT__NODE_MAX, (uintptr_t)owed);
	weft__map_fini(&c->unacked);
}
