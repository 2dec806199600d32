/* What the node says about other tasks: here is a channel, it has ended, and what one wanted to be told of.
 *
 * An exit notice is a message from the task that ended, and its last one. It comes another way than the
 * task's messages, and may overtake them: it waits until the channel has been drained. Where there is no
 * channel, one may be on its way with messages in it: the node, which knows, is asked for it. */
#include "config.h"

#include <string.h>

#include "task/state.h"

static int make_channel(const struct weft__msg_channel *m, int *fds, size_t nfds, struct weft__channel **c)
{
	if (m->kind == WEFT__CHANNEL_SHM && nfds >= 2)
		return weft__shm_open(&fds[0], &fds[1], (int)m->side, c);
	if (m->kind == WEFT__CHANNEL_STREAM && nfds >= 1)
		return weft__stream_open(&fds[0], c);
	return WEFT_EPROTO;
}

void weft__on_channel(struct weft__engine *e, const struct weft__msg_channel *m, int *fds, size_t nfds)
{
	if (m->tid == 0 || m->tid == e->self.v)
		return;
	struct weft__peer *p = weft__peer_get(e, (weft_tid_t){m->tid});
	if (!p || p->state == WEFT__DEAD || p->state == WEFT__OPEN)
		return;
	struct weft__channel *c = NULL;
	int rc = m->code < 0 ? (int)m->code : make_channel(m, fds, nfds, &c);
	if (rc == 0)
		rc = weft__peer_open(e, p, &c);
	if (c)
		c->ops->close(&c);
	if (rc)
		weft__peer_fail(e, p, rc);
	else if (p->doomed)
		weft__peer_gone(e, p, false);
}

void weft__on_task_gone(struct weft__engine *e, const struct weft__msg_task_gone *m)
{
	struct weft__peer *p = weft__peer_find(e, (weft_tid_t){m->tid});
	if (p)
		weft__peer_gone(e, p, m->lost);
}

void weft__exit_of(weft_exit_t *how, uint64_t tid, int64_t code, uint64_t signo, uint64_t flags)
{
	*how = (weft_exit_t){
	        .tid = {tid},
	        .code = (int32_t)code,
	        .signo = (int32_t)signo,
	        .core_dumped = (flags & WEFT__EXIT_CORE) != 0,
	        .lost = (flags & WEFT__EXIT_LOST) != 0,
	};
}

void weft__on_notice(struct weft__engine *e, const struct weft__msg_notice *n)
{
	bool is_exit = n->kind == WEFT__NOTIFY_EXIT;
	struct weft__match_key key = {is_exit ? n->tid : e->self.v, (uint32_t)n->context, (int32_t)n->tag};
	weft_notice_t notice = {.what = (int32_t)n->kind, .node = (uint32_t)n->node};
	if (is_exit)
		weft__exit_of(&notice.how, n->tid, n->exit_code, n->signo, n->flags);
	struct weft__message *m = weft__message_new(&key, sizeof notice);
	if (!m)
		return; /* nowhere to put it; whoever waits for the task itself learns of it still */
	memcpy(m->bytes, &notice, sizeof notice);
	struct weft__peer *p = is_exit ? weft__peer_get(e, (weft_tid_t){n->tid}) : NULL;
	if (!p || p->state == WEFT__DEAD) {
		weft__message_deliver(e, m);
		return;
	}
	weft__list_push(&p->notices, &m->kept.all);
	p->doomed = true;
	if (p->state == WEFT__OPEN)
		weft__peer_gone(e, p, n->flags & WEFT__EXIT_LOST);
	else if (n->flags & WEFT__EXIT_LOST || weft__peer_connect(e, p))
		weft__peer_end(e, p);
}
