/* Starting the node's tasks, for a dialect: see node/tasker.c. An order to start one becomes a message to oneself. */
#include "config.h"

#include <string.h>

#include "task/quick.h"

int weft__service_change(struct weft__engine *e, struct weft__service *s, struct weft__msg *m, const struct weft__service *to)
{
	struct weft__service before = *s;
	if (to->on) /* the first orders may come with the answer */
		*s = *to;
	int rc = weft__ask_result(e, m, NULL, -1);
	if (rc)
		*s = before;
	else
		s->on = to->on;
	return rc;
}

int weft__tasker(struct weft__engine *e, bool on, weft_context_t context, int32_t tag)
{
	struct weft__msg m = {.code = WEFT__MSG_TASKER, .tasker = {.on = on}};
	return weft__service_change(e, &e->tasker, &m, &(struct weft__service){on, context.v, tag});
}

void weft__tasker_again(struct weft__engine *e)
{
	struct weft__msg m = {.code = WEFT__MSG_TASKER, .tasker = {.on = 1}};
	if (e->tasker.on)
		weft__control_send(e, &m);
}

int weft__task_ended(struct weft__engine *e, weft_tid_t tid, uint32_t status)
{
	struct weft__msg m = {.code = WEFT__MSG_TASK_ENDED, .task_ended = {.tid = tid.v, .status = status}};
	weft__lock(e);
	int rc = weft__control_send(e, &m);
	weft__unlock(e);
	return rc;
}

static size_t size_of(const struct weft__strs *texts)
{
	size_t n = 0;
	for (size_t i = 0; i < texts->n; i++)
		n += texts->p[i].n + 1;
	return n;
}

static char *copy(char *to, struct weft__str text)
{
	if (text.n)
		memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return to + text.n + 1;
}

void weft__on_start_task(struct weft__engine *e, const struct weft__msg_start_task *m)
{
	struct weft__match_key key = {e->self.v, e->tasker.context, e->tasker.tag};
	struct weft__start start = {
	        .magic = WEFT__START_MAGIC, .tid = {m->tid}, .argc = (uint32_t)m->argv.n, .nenv = (uint32_t)m->env.n};
	struct weft__message *message =
	        weft__message_new(e, &key, sizeof start + m->path.n + 1 + size_of(&m->argv) + size_of(&m->env));
	if (!message)
		return;
	char *to = (char *)message->bytes;
	memcpy(to, &start, sizeof start);
	to = copy(to + sizeof start, m->path);
	for (size_t i = 0; i < m->argv.n; i++)
		to = copy(to, m->argv.p[i]);
	for (size_t i = 0; i < m->env.n; i++)
		to = copy(to, m->env.p[i]);
	weft__message_deliver(e, message);
}
