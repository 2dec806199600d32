/* What the node says about other tasks: here is a channel, it has ended. */
#include "config.h"

#include "task/state.h"

static int make_channel(const struct weft__engine *e, const struct weft__msg_channel *m, int *fds,
                        size_t nfds, struct weft__channel **c)
{
	if (e->control.cut)
		return WEFT_ENOSPC;
	if (m->kind == WEFT__CHANNEL_SHM && nfds >= 2)
		return weft__shm_open(&fds[0], &fds[1], (int)m->side, c);
	if (m->kind == WEFT__CHANNEL_STREAM && nfds >= 1)
		return weft__stream_open(&fds[0], c);
	return WEFT_EPROTO;
}

void weft__on_channel(struct weft__engine *e, const struct weft__msg_channel *m, int *fds,
                      size_t nfds)
{
	if (m->tid == 0 || m->tid == e->self.v)
		return;
	struct weft__peer *p = weft__peer_get(e, (weft_tid_t){m->tid});
	if (!p || p->state == WEFT__DEAD || p->state == WEFT__OPEN)
		return;
	struct weft__channel *c = NULL;
	int rc = m->code < 0 ? (int)m->code : make_channel(e, m, fds, nfds, &c);
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
