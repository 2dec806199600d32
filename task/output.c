/* Output of other tasks that this one wants, for a dialect: their starts, what they write, and the end of
 * that come from the node, and become messages to oneself in the context and with the tag that whoever spawned
 * them has named. What they write is acknowledged when the dialect has taken the message, so that
 * a task that does not receive stops the writers, and nothing grows.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "task/quick.h"

/* A task whose output comes. */
struct writer {
	uint32_t context;
	int32_t tag;
	uint64_t parent;
	uint64_t nbytes[2]; /* of each stream that have come: a daemon's crash may bring some twice */
	bool ended;
};

static bool deliver(struct weft__engine *e, const struct writer *w, struct weft__output *output, const void *bytes)
{
	struct weft__match_key key = {e->self.v, w->context, w->tag};
	struct weft__message *m = weft__message_new(e, &key, sizeof *output + output->nbytes);
	if (!m)
		return false;
	memcpy(output->magic, WEFT__OUTPUT_MAGIC, sizeof output->magic);
	output->parent.v = w->parent;
	memcpy(m->bytes, output, sizeof *output);
	if (output->nbytes)
		memcpy(m->bytes + sizeof *output, bytes, output->nbytes);
	weft__message_deliver(e, m);
	return true;
}

void weft__on_output_begin(struct weft__engine *e, const struct weft__msg_output_begin *m)
{
	struct writer *w = weft__map_get(&e->writers, m->tid);
	struct weft__output output = {.what = WEFT__OUTPUT_BEGINS, .tid = {m->tid}};
	if (w) /* said again */
		return;
	w = weft__malloc(sizeof *w);
	if (!w)
		return;
	*w = (struct writer){.context = (uint32_t)m->context, .tag = (int32_t)m->tag, .parent = m->parent};
	if (weft__map_put(&e->writers, m->tid, w))
		weft__free(w);
	else
		deliver(e, w, &output, NULL);
}

void weft__output_taken(struct weft__engine *e, const struct weft__output *output)
{
	struct weft__msg m = {
	        .code = WEFT__MSG_OUTPUT_ACK,
	        .output_ack = {.job = output->job, .node = output->node, .bytes = output->nbytes}};
	if (output->what != WEFT__OUTPUT_BYTES)
		return;
	weft__lock(e);
	weft__control_send(e, &m);
	weft__unlock(e);
}

void weft__on_output(struct weft__engine *e, const struct weft__msg_output *m)
{
	struct writer *w = weft__map_get(&e->writers, m->tid);
	uint64_t *come = w ? &w->nbytes[m->stream == 2] : NULL;
	bool is_new = w && !w->ended && m->offset == *come;
	if (w && !w->ended && m->offset > *come)
		return; /* something before it was lost with a daemon: both come again */
	struct weft__output output = {.what = WEFT__OUTPUT_BYTES,
	                              .tid = {m->tid},
	                              .job = (uint32_t)m->job,
	                              .node = (uint32_t)m->node,
	                              .nbytes = (uint32_t)m->bytes.n};
	struct weft__msg ack = {.code = WEFT__MSG_OUTPUT_ACK,
	                        .output_ack = {.job = m->job, .node = m->node, .bytes = m->bytes.n}};
	if (is_new)
		*come = m->offset + m->bytes.n;
	if (!is_new || !deliver(e, w, &output, m->bytes.p))
		weft__control_send(e, &ack); /* nobody wants it, or there is no room */
}

void weft__on_output_end(struct weft__engine *e, const struct weft__msg_output_end *m)
{
	struct writer *w = weft__map_get(&e->writers, m->tid);
	struct weft__output output = {.what = WEFT__OUTPUT_ENDS, .tid = {m->tid}};
	if (!w || w->ended)
		return;
	w->ended = true;
	deliver(e, w, &output, NULL);
}

void weft__outputs_fini(struct weft__engine *e)
{
	size_t cursor = 0;
	uint64_t tid;
	void *w;
	while (weft__map_next(&e->writers, &cursor, &tid, &w))
		weft__free(w);
	weft__map_fini(&e->writers);
}
