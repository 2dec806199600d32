/* Where the tasks' output goes, and what comes back: acknowledgements and standard input.
 *
 * A task VM sends OUTPUT to its node; the job's LAUNCH said which client of which node it is for. On this node it
 * goes to that client's connection (a tool's, or a task's that wants it) or, for client 0, into the job's log;
 * else to that node. A task VM keeps what is not acknowledged, and sends it again when it may have been lost with a link
 * or a daemon (proto/output.h). How far a client has been sent is known, so that a client that goes leaves no task VM waiting:
 * what is for nobody is acknowledged and dropped.
 */
#include "config.h"

#include "node/node.h"

#include "base/heap.h"
#include "base/log.h"
#include "proto/output.h"

/* Of which only the task VM and the sink count. */
static void acknowledge(struct node *n, const struct weft__output_span *of, uint64_t offset)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_ACK,
	                      .output_ack = {.job = of->job, .node = of->node, .offset = offset, .sink = of->sink}};
	output_to_vm(n, of->node, of->job, &m);
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
	struct weft__output_span span = {0};
	weft__output_span(m, &span);
	if (c && c->link && (c->role == WEFT__ROLE_TOOL || c->role == WEFT__ROLE_TASK)) {
		uintptr_t to = (uintptr_t)span.to; /* a number, not a pointer to anything */
		if (span.node && to && weft__map_put(&c->sent, weft__output_key(&span), (void *)to))
			client_doom(c);
		client_send_body(c, body, nbytes);
		return;
	}
	if (!span.node || takeover_expects(n, client)) /* its task VM keeps it until it is told: output_again */
		return;
	if (m->code == WEFT__MSG_OUTPUT && (client == 0 || (n->home && may_stay(n, span.job))))
		joblog_append(n, span.job, m->output.bytes.p, m->output.bytes.n);
	acknowledge(n, &span, span.to);
}

/* Where a task VM's output goes, but for the job's, and how much of it is under way to another node. */
struct sink {
	uint64_t node, client, sent;
};

static void sink_drop(struct job *j, uint64_t number)
{
	weft__free(weft__map_remove(&j->sinks, number));
}

void output_job_fini(struct job *j)
{
	size_t cursor = 0;
	uint64_t number;
	void *s;
	while (weft__map_next(&j->sinks, &cursor, &number, &s))
		weft__free(s);
	weft__map_fini(&j->sinks);
}

/* The one that it is for, as the message says; NULL: no memory. */
static struct sink *sink_find(struct job *j, const struct weft__output_span *span)
{
	struct sink *s = weft__map_get(&j->sinks, span->sink);
	if (s || !(s = weft__calloc(1, sizeof *s)))
		return s;
	*s = (struct sink){.node = span->sink_node, .client = span->sink_client};
	if (weft__map_put(&j->sinks, span->sink, s)) {
		weft__free(s);
		return NULL;
	}
	return s;
}

/* To the job's sink, or the task's own, wherever that is. */
static void route(struct job *j, const struct weft__msg *m, const uint8_t *body, size_t nbytes)
{
	struct node *n = j->node;
	struct weft__output_span span = {0};
	weft__output_span(m, &span);
	struct sink *s = span.sink ? sink_find(j, &span) : NULL;
	uint64_t node = s ? s->node : span.sink ? 0 : j->sink_node, client = s ? s->client : j->sink_client;
	uint64_t *sent = s ? &s->sent : &j->output_sent;
	if (node == n->index)
		output_deliver(n, client, m, body, nbytes);
	else if (node && peer_down(n, node, client, body, nbytes) == 0)
		*sent = span.node ? span.to : *sent;
	else if (span.node && !n->taking_over) /* nobody is there, and we would know it */
		acknowledge(n, &span, span.to);
}

void output_from_vm(struct job *j, const struct weft__msg *m, const uint8_t *body, size_t nbytes)
{
	struct weft__output_span span;
	if (weft__output_span(m, &span) && (span.job != j->id || span.node != j->node->index)) {
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
	const struct weft__output_span of = {.job = m->job, .node = m->node, .sink = m->sink};
	uint64_t key = weft__output_key(&of);
	uint64_t sent = (uintptr_t)weft__map_get(&c->sent, key);
	if (m->offset == 0 || m->offset > sent) /* of what it was not sent; or by an earlier daemon, and that comes again */
		return;
	if (m->offset == sent)
		weft__map_remove(&c->sent, key);
	acknowledge(c->node, &of, m->offset);
}

void output_move(struct node *n, const struct weft__msg *m)
{
	struct job *j = job_find(n, m->output_move.job);
	struct weft__msg answer = {.code = WEFT__MSG_OUTPUT_MOVED,
	                           .output_moved = {.req = m->output_move.req, .asker = m->output_move.asker, .code = WEFT_EUNSUP}};
	if (j && !j->outside && j->vm)
		taskvm_link_send(j, m, -1);
	else
		output_moved(n, &answer.output_moved);
}

void output_moved(struct node *n, const struct weft__msg_output_moved *m)
{
	struct client *c = client_find(n, m->asker);
	struct weft__msg result = {.code = WEFT__MSG_RESULT, .result = {.req = m->req, .code = m->code}};
	if (c && c->role == WEFT__ROLE_TASK)
		client_send(c, &result, NULL, 0);
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
	const struct sink *s = m->code == WEFT__MSG_OUTPUT_ACK ? weft__map_get(&j->sinks, m->output_ack.sink) : NULL;
	if (s && m->output_ack.offset >= s->sent)
		sink_drop(j, m->output_ack.sink);
	else if (m->code == WEFT__MSG_OUTPUT_ACK && !m->output_ack.sink && m->output_ack.offset >= j->output_sent)
		j->output_sent = 0; /* nothing is under way */
	taskvm_link_send(j, m, -1);
}

static void ask_again(struct job *j)
{
	if (!j->outside && !j->rejoining)
		taskvm_link_send(j, &(struct weft__msg){.code = WEFT__MSG_OUTPUT_AGAIN}, -1);
}

/* Does this job's output go to that client, 0 any, of that node? Or that of a task that has wanted it so. */
static bool is_for(const struct job *j, uint32_t index, uint64_t client)
{
	size_t cursor = 0;
	uint64_t number;
	void *value;
	if (j->sink_node == index && (!client || j->sink_client == client))
		return true;
	while (weft__map_next(&j->sinks, &cursor, &number, &value)) {
		const struct sink *s = value;
		if (s->node == index && (!client || s->client == client))
			return true;
	}
	return false;
}

static struct job *next_job(struct node *n, size_t *cursor)
{
	uint64_t id;
	void *job;
	return weft__map_next(&n->jobs, cursor, &id, &job) ? job : NULL;
}

void output_peer_again(struct node *n, uint32_t index, uint64_t client)
{
	size_t cursor = 0;
	for (struct job *j; (j = next_job(n, &cursor));)
		if (is_for(j, index, client))
			ask_again(j);
}

void output_peer_lost_some(struct node *n, uint32_t index)
{
	size_t cursor = 0;
	for (struct job *j; (j = next_job(n, &cursor));)
		if (is_for(j, index, 0) && (j->output_sent || j->sinks.count || j->flags & WEFT__SPAWN_STDIN))
			ask_again(j);
}

static bool is_away(struct node *n, uint64_t index)
{
	return index != n->index && !peer_find(n, (uint32_t)index);
}

static bool is_stranded(struct job *j)
{
	size_t cursor = 0;
	uint64_t number;
	void *s;
	bool away = is_away(j->node, j->sink_node);
	while (!away && weft__map_next(&j->sinks, &cursor, &number, &s))
		away = is_away(j->node, ((const struct sink *)s)->node);
	return away;
}

/* Of jobs whose reader's node is not there: it is dropped. */
static void output_stranded(struct node *n)
{
	size_t cursor = 0;
	for (struct job *j; (j = next_job(n, &cursor));)
		if (is_stranded(j))
			ask_again(j);
}

bool output_may_come(const struct job *j)
{
	struct node *n = j->node;
	if (j->sink_node != n->index)
		return !n->taking_over || peer_find(n, j->sink_node);
	return !takeover_expects(n, j->sink_client) || client_find(n, j->sink_client);
}

void output_again(struct node *n, uint64_t client)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_AGAIN, .output_again = {.client = client}};
	size_t cursor = 0;
	uint64_t index;
	void *unused;
	output_peer_again(n, n->index, client);
	if (!client)
		output_stranded(n);
	while (weft__map_next(&n->peers, &cursor, &index, &unused))
		peer_send(n, index, &m);
}

/* Nobody will acknowledge what was under way there. */
static void give_up(struct job *j, uint32_t index)
{
	struct weft__output_span of = {.job = j->id, .node = j->node->index};
	size_t cursor = 0;
	void *value;
	if (j->sink_node == index && j->output_sent)
		acknowledge(j->node, &of, j->output_sent);
	while (weft__map_next(&j->sinks, &cursor, &of.sink, &value)) {
		const struct sink *s = value;
		if (s->node != index || !s->sent)
			continue;
		acknowledge(j->node, &of, s->sent);
		cursor = 0; /* the map has changed */
	}
}

void output_peer_broken(struct node *n, uint32_t index)
{
	size_t cursor = 0;
	for (struct job *j; (j = next_job(n, &cursor));)
		give_up(j, index);
}

void output_client_gone(struct client *c)
{
	size_t cursor = 0;
	uint64_t key;
	void *sent;
	while (weft__map_next(&c->sent, &cursor, &key, &sent)) {
		const struct weft__output_span of = weft__output_of_key(key);
		acknowledge(c->node, &of, (uintptr_t)sent);
	}
	weft__map_fini(&c->sent);
}
