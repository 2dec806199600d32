#include "config.h"

#include "proto/output.h"

bool weft__output_span(const struct weft__msg *m, struct weft__output_span *s)
{
	switch (m->code) {
	case WEFT__MSG_OUTPUT_BEGIN:
		*s = (struct weft__output_span){m->output_begin.job,  m->output_begin.node,      m->output_begin.offset,     1,
		                                m->output_begin.sink, m->output_begin.sink_node, m->output_begin.sink_client};
		break;
	case WEFT__MSG_OUTPUT:
		*s = (struct weft__output_span){m->output.job,  m->output.node,      m->output.offset,     m->output.bytes.n,
		                                m->output.sink, m->output.sink_node, m->output.sink_client};
		break;
	case WEFT__MSG_OUTPUT_END:
		*s = (struct weft__output_span){m->output_end.job,  m->output_end.node,      m->output_end.offset,     1,
		                                m->output_end.sink, m->output_end.sink_node, m->output_end.sink_client};
		break;
	default:
		return false;
	}
	s->to = s->from > UINT64_MAX - s->to ? UINT64_MAX : s->from + s->to;
	return true;
}

uint64_t weft__output_key(const struct weft__output_span *s)
{
	return s->sink << (32 + WEFT__NODE_BITS) | s->job << WEFT__NODE_BITS | s->node;
}

struct weft__output_span weft__output_of_key(uint64_t key)
{
	return (struct weft__output_span){.job = key >> WEFT__NODE_BITS & UINT32_MAX,
	                                  .node = key & WEFT__NODE_MAX,
	                                  .sink = key >> (32 + WEFT__NODE_BITS)};
}

static uint64_t number(const struct weft__map *m, uint64_t key)
{
	return (uintptr_t)weft__map_get(m, key); /* a number, not a pointer to anything */
}

enum weft__output_turn weft__output_came(struct weft__output_counts *c, const struct weft__output_span *s)
{
	uint64_t come = number(&c->come, weft__output_key(s));
	if (s->node == 0)
		return WEFT__OUTPUT_NEXT;
	if (s->from != come)
		return s->from < come ? WEFT__OUTPUT_TWICE : WEFT__OUTPUT_EARLY;
	if (s->to > s->from && weft__map_put(&c->come, weft__output_key(s), (void *)(uintptr_t)s->to))
		return WEFT__OUTPUT_EARLY; /* no memory: later, then */
	return WEFT__OUTPUT_NEXT;
}

struct weft__msg weft__output_taken(struct weft__output_counts *c, const struct weft__output_span *s, uint64_t more)
{
	uint64_t taken = number(&c->taken, weft__output_key(s)) + more;
	if (more && weft__map_put(&c->taken, weft__output_key(s), (void *)(uintptr_t)taken))
		taken -= more;
	return (struct weft__msg){.code = WEFT__MSG_OUTPUT_ACK,
	                          .output_ack = {.job = s->job, .node = s->node, .offset = taken, .sink = s->sink}};
}

void weft__output_counts_fini(struct weft__output_counts *c)
{
	weft__map_fini(&c->come);
	weft__map_fini(&c->taken);
}
