/* Output of other tasks that this one wants, for a dialect: their starts, what they write, and the end of
 * that come from the node, and become messages to oneself in the context and with the tag that whoever spawned
 * them has named. What they write is acknowledged when the dialect has taken the message, so that
 * a task that does not receive stops the writers, and nothing grows.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "proto/output.h"
#include "task/quick.h"

/* A task whose output comes. */
struct writer {
	uint32_t context;
	int32_t tag;
	uint64_t parent, sink;
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

static void acknowledge(struct weft__engine *e, const struct weft__output_span *span, uint64_t units)
{
	struct weft__msg m = weft__output_taken(&e->outputs, span, units);
	weft__control_send(e, &m);
}

void weft__output_received(struct weft__engine *e, const struct weft__output *output)
{
	const struct weft__output_span span = {.job = output->job, .node = output->node, .sink = output->sink};
	if (!output->node)
		return;
	weft__lock(e);
	if (output->what == WEFT__OUTPUT_BEGINS) /* more follows: that is acknowledged for both */
		weft__output_taken(&e->outputs, &span, 1);
	else
		acknowledge(e, &span, output->what == WEFT__OUTPUT_ENDS ? 1 : output->nbytes);
	weft__unlock(e);
}

/* It may have begun before, in another way: the end of that was lost, and comes once more. */
static struct writer *writer_make(struct weft__engine *e, const struct weft__msg_output_begin *m)
{
	struct writer *known = weft__map_get(&e->writers, m->tid), *w = known ? known : weft__malloc(sizeof *w);
	if (!w)
		return NULL;
	*w = (struct writer){.context = (uint32_t)m->context, .tag = (int32_t)m->tag, .parent = m->parent, .sink = m->sink};
	if (!known && weft__map_put(&e->writers, m->tid, w)) {
		weft__free(w);
		return NULL;
	}
	return w;
}

/* To whom it is delivered, and what; NULL: nobody wants it. */
static struct writer *open_piece(struct weft__engine *e, const struct weft__msg *m, struct weft__output *output)
{
	switch (m->code) {
	case WEFT__MSG_OUTPUT_BEGIN:
		output->what = WEFT__OUTPUT_BEGINS;
		output->tid.v = m->output_begin.tid;
		return writer_make(e, &m->output_begin);
	case WEFT__MSG_OUTPUT:
		output->what = WEFT__OUTPUT_BYTES;
		output->tid.v = m->output.tid;
		output->nbytes = (uint32_t)m->output.bytes.n;
		return weft__map_get(&e->writers, m->output.tid);
	default:
		output->what = WEFT__OUTPUT_ENDS;
		output->tid.v = m->output_end.tid;
		return weft__map_get(&e->writers, m->output_end.tid);
	}
}

void weft__on_output(struct weft__engine *e, const struct weft__msg *m)
{
	struct weft__output_span span;
	weft__output_span(m, &span);
	enum weft__output_turn turn = weft__output_came(&e->outputs, &span);
	if (turn == WEFT__OUTPUT_TWICE)
		acknowledge(e, &span, 0);
	if (turn != WEFT__OUTPUT_NEXT)
		return;
	struct weft__output output = {.job = (uint32_t)span.job, .node = (uint32_t)span.node, .sink = (uint32_t)span.sink};
	struct writer *w = open_piece(e, m, &output);
	bool delivered = w && deliver(e, w, &output, output.nbytes ? m->output.bytes.p : NULL);
	if (!delivered && span.node) /* or there is no room */
		acknowledge(e, &span, span.to - span.from);
	if (output.what == WEFT__OUTPUT_ENDS && w && (w->sink == span.sink || !span.node))
		weft__free(weft__map_remove(&e->writers, output.tid.v));
}

void weft__outputs_fini(struct weft__engine *e)
{
	size_t cursor = 0;
	uint64_t tid;
	void *w;
	while (weft__map_next(&e->writers, &cursor, &tid, &w))
		weft__free(w);
	weft__map_fini(&e->writers);
	weft__output_counts_fini(&e->outputs);
}

int weft__output_to(struct weft__engine *e, const struct weft__spawn_how *how, int timeout_ms)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_WANT,
	                      .output_want = {.tid = how->tid.v, .context = how->context.v, .tag = how->tag}};
	return weft__ask_result(e, &m, NULL, timeout_ms);
}
