/* A tasker: a task that starts the node's tasks in the place of the task VMs, as PVM knows it, for debuggers and the like.
 *
 * The task VM starts a process that stands for the task (standin.c). It asks here, as a tool, for the task to be
 * started; the tasker is told, and tells how the task has ended, which goes back to the same tool.
 *
 * What can go wrong: there is no tasker any more (RESULT with WEFT_ENOTASK; who stands in ends then). The tasker goes later: who
 * stands in watches its process by itself. A new weftd knows nothing of all that: both tell it again.
 */
#include "config.h"

#include "node/node.h"

#include "base/log.h"

void tasker_register(struct client *c, const struct weft__msg_tasker *m)
{
	struct node *n = c->node;
	struct weft__msg result = {.code = WEFT__MSG_RESULT, .result = {.req = m->req}};
	if (m->on && n->tasker && n->tasker != c->number)
		result.result.code = WEFT_EEXIST;
	else if (!m->on && n->tasker != c->number)
		result.result.code = WEFT_ENOENT;
	else
		n->tasker = m->on ? c->number : 0;
	weft__log(WEFT__LOG_INFO, "WEFT-TASKER", "client=%u pid=%lld on=%d code=%lld", c->number, (long long)c->pid, (int)m->on,
	          (long long)result.result.code);
	if (m->req)
		client_send(c, &result, NULL, 0);
}

int64_t tasker_pid(const struct node *n)
{
	const struct client *c = n->tasker ? client_find(n, n->tasker) : NULL;
	return c ? c->pid : 0;
}

void tasker_gone(const struct client *c)
{
	if (c->node->tasker == c->number)
		c->node->tasker = 0;
}

void tasker_start(struct client *c, const struct weft__msg *m)
{
	struct client *tasker = c->node->tasker ? client_find(c->node, c->node->tasker) : NULL;
	struct weft__msg result = {.code = WEFT__MSG_RESULT, .result = {.code = WEFT_ENOTASK}};
	c->stands_for = m->start_task.tid;
	if (m->start_task.again)
		return;
	if (tasker)
		client_send(tasker, m, NULL, 0);
	else
		client_send(c, &result, NULL, 0);
}

void tasker_ended(struct client *c, const struct weft__msg *m)
{
	size_t cursor = 0;
	uint64_t number;
	void *value;
	if (c->node->tasker != c->number || !m->task_ended.tid)
		return;
	while (weft__map_next(&c->node->clients, &cursor, &number, &value)) {
		struct client *other = value;
		if (other->stands_for == m->task_ended.tid)
			client_send(other, m, NULL, 0);
	}
}
