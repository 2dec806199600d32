/* What goes out to a peer.
 *
 * Four things wait for their turn on a channel: control (CTS, CREDIT, CANCEL), which goes first;
 * messages, in the order of the sends and as far as the peer's credit reaches; the data of
 * rendezvous, in pieces that take turns with messages; and before all of them what the channel has
 * taken by half.
 *
 * Credit. Each message sent that has not been received there counts, with its bytes and a fixed
 * cost, against what the receiver grants a sender (settings.credit_bytes). The receiver tells what
 * was received in instalments of a quarter. It counts too, and closes a peer that oversteps.
 *
 * What can go wrong: the channel is full (it is tried again at each step, and armed for room in a
 * sleep); it takes no more (everything queued ends with WEFT_ENOTASK; the peer is then deaf, not
 * yet dead); the owner of what is half taken gives up (the rest goes on from a copy, in limbo).
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "task/quick.h"

void weft__queue_ready(struct weft__peer *p)
{
	if (weft__list_empty(&p->ready))
		weft__list_push(&p->engine->ready, &p->ready);
}

void weft__queue_add(struct weft__peer *p, struct weft__list *queue, struct weft__out *out)
{
	weft__list_push(queue, &out->link);
	weft__queue_ready(p);
}

void weft__queue_flush_all(struct weft__engine *e)
{
	struct weft__list *l;
	while ((l = weft__list_pop(&e->ready)))
		weft__queue_push(WEFT__CONTAINER(l, struct weft__peer, ready));
}

/* --- whose turn it is ------------------------------------------------------------------------- */

static struct weft__list *first(struct weft__list *queue)
{
	return weft__list_empty(queue) ? NULL : queue->next;
}

/* The next message, if the credit reaches. */
static struct weft__list *next_message(struct weft__peer *p)
{
	struct weft__list *l = first(&p->messages);
	if (!l)
		return NULL;
	struct weft__out *out = WEFT__CONTAINER(l, struct weft__out, link);
	const struct weft__hdr *hdr = &out->hdr;
	if (hdr->kind == WEFT__RTS && out->request)
		weft__send_ahead(p, out->request);
	uint64_t cost = WEFT__MESSAGE_COST + hdr->len;
	if (p->credit_used + cost > p->engine->settings.credit_bytes)
		return NULL;
	p->credit_used += cost;
	return l;
}

static struct weft__out *next(struct weft__peer *p)
{
	struct weft__list *l = first(&p->control);
	if (!l && p->stream_turn)
		l = first(&p->streams);
	if (!l)
		l = next_message(p);
	if (!l)
		l = first(&p->streams);
	if (!l)
		return NULL;
	weft__list_remove(l);
	struct weft__out *out = WEFT__CONTAINER(l, struct weft__out, link);
	p->stream_turn = out->hdr.kind != WEFT__DATA;
	return out;
}

/* --- credit ----------------------------------------------------------------------------------- */

void weft__queue_tell_credit(struct weft__peer *p)
{
	if (p->credit_queued || p->state != WEFT__OPEN ||
	    p->owed < p->engine->settings.credit_bytes / 4)
		return;
	p->credit_queued = true;
	p->credit = (struct weft__out){.hdr = {.kind = WEFT__CREDIT, .total = p->owed}};
	p->held -= p->owed;
	p->owed = 0;
	weft__queue_add(p, &p->control, &p->credit);
}

/* --- offering --------------------------------------------------------------------------------- */

static void taken(struct weft__peer *p, struct weft__out *out)
{
	if (out == &p->credit) {
		p->credit_queued = false;
		weft__queue_tell_credit(p);
	} else if (out == &p->limbo) {
		weft__free(p->limbo_copy);
		p->limbo_copy = NULL;
	} else {
		weft__send_taken(p->engine, out->request);
	}
}

void weft__queue_push(struct weft__peer *p)
{
	while (p->state == WEFT__OPEN && !p->deaf) {
		struct weft__out *out = p->current ? p->current : next(p);
		if (!out)
			break;
		p->current = out;
		size_t before = out->taken;
		int rc = p->channel->ops->send(p->channel, &out->hdr, out->payload, &out->taken);
		if (rc == 0 || out->taken != before)
			p->engine->npushed++;
		if (rc == WEFT_EAGAIN) {
			if (!p->blocked)
				weft__rouse(p->engine);
			p->blocked = true;
			return;
		}
		if (rc) {
			p->deaf = true;
			weft__queue_end(p, WEFT_ENOTASK);
			break;
		}
		p->current = NULL;
		taken(p, out);
	}
	p->blocked = false;
}

bool weft__queue_has(const struct weft__peer *p, const struct weft__out *out)
{
	return p->current == out || !weft__list_empty(&out->link);
}

int weft__queue_withdraw(struct weft__peer *p, struct weft__out *out)
{
	if (p->current != out) {
		weft__list_remove(&out->link);
		return 0;
	}
	void *copy = weft__malloc(out->hdr.len);
	if (!copy)
		return WEFT_ENOMEM;
	if (out->hdr.len)
		memcpy(copy, out->payload, out->hdr.len);
	p->limbo = *out;
	p->limbo.payload = copy;
	p->limbo.request = NULL;
	p->limbo_copy = copy;
	p->current = &p->limbo;
	return WEFT_EALREADY;
}

static void end_outs(struct weft__engine *e, struct weft__list *queue, int code)
{
	struct weft__list *l;
	while ((l = weft__list_pop(queue))) {
		struct weft__out *out = WEFT__CONTAINER(l, struct weft__out, link);
		if (out->request && out->hdr.kind != WEFT__CTS) /* a receive ends otherwise */
			weft__request_end(e, out->request, code);
	}
}

void weft__queue_end(struct weft__peer *p, int code)
{
	struct weft__engine *e = p->engine;
	struct weft__list *l;
	if (p->current && p->current->request)
		weft__list_push(&p->control, &p->current->link);
	p->current = NULL;
	while ((l = weft__list_pop(&p->sends)))
		weft__request_end(e, WEFT__CONTAINER(l, struct weft__request, link), code);
	end_outs(e, &p->messages, code);
	end_outs(e, &p->streams, code);
	end_outs(e, &p->control, code);
	weft__changed(e);
}
