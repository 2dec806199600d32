/* Ends of requests: test, wait, cancel, and the calls that are several requests at once. */
#include "config.h"

#include "base/clock.h"
#include "base/heap.h"
#include "task/quick.h"

bool weft__has_ended(void *request)
{
	return ((struct weft__request *)request)->state == WEFT__ENDED;
}

static bool is_send(const struct weft__request *r)
{
	return r->state == WEFT__QUEUED || r->state == WEFT__AWAITING ||
	       r->state == WEFT__STREAMING;
}

int weft__complete(struct weft__engine *e, struct weft__request *r, weft_status_t *status,
                   void **buf, uint64_t deadline)
{
	if (r->state != WEFT__ENDED && weft__await(e, weft__has_ended, r, deadline)) {
		int rc = is_send(r) ? weft__send_give_up(e, r) : weft__recv_give_up(e, r);
		if (rc)
			return rc;
	}
	if (buf && r->alloc && (r->status.code == 0 || r->status.code == WEFT_ETRUNC))
		*buf = r->buf;
	return weft__request_collect(e, r, status);
}

/* --- test, wait, cancel ----------------------------------------------------------------------- */

int weft__wait(struct weft__engine *e, weft_request_t *handle, weft_status_t *status,
               int timeout_ms)
{
	if (!handle)
		return WEFT_EINVAL;
	if (handle->v == 0)
		return 0;
	weft__lock(e);
	struct weft__request *r = weft__request_get(e, *handle);
	int rc = r ? 0 : WEFT_EINVAL;
	if (r && r->state != WEFT__ENDED)
		rc = weft__await(e, weft__has_ended, r, weft__until(timeout_ms));
	if (rc == 0) {
		rc = weft__request_collect(e, r, status);
		*handle = WEFT_NO_REQUEST;
	}
	weft__unlock(e);
	return rc;
}

int weft__test(struct weft__engine *e, weft_request_t *handle, weft_status_t *status)
{
	/* A request that ended with ETIMEDOUT is told from one under way by its handle. */
	int rc = weft__wait(e, handle, status, 0);
	return rc == WEFT_ETIMEDOUT && handle->v ? WEFT_EAGAIN : rc;
}

int weft__cancel(struct weft__engine *e, weft_request_t handle)
{
	weft__lock(e);
	struct weft__request *r = weft__request_get(e, handle);
	int rc = WEFT_EINVAL;
	if (r && r->state == WEFT__ENDED)
		rc = WEFT_EALREADY;
	else if (r)
		rc = is_send(r) ? weft__send_cancel(e, r) : weft__recv_cancel(e, r);
	weft__unlock(e);
	return rc;
}

void weft__give_up(struct weft__engine *e, weft_request_t *handle)
{
	weft__lock(e);
	struct weft__request *r = weft__request_get(e, *handle);
	if (r)
		weft__complete(e, r, NULL, NULL, weft__until(0));
	*handle = WEFT_NO_REQUEST;
	weft__unlock(e);
}

/* --- handing over ----------------------------------------------------------------------------- */

enum { FULL_MS = 10, ASKED_US = 300, ASKED_NEW_MS = 200, VAIN_MAX = 127 };

static bool is_open(void *request)
{
	const struct weft__request *r = request;
	return r->state != WEFT__QUEUED || r->peer->state != WEFT__CONNECTING;
}

static bool is_out(void *request)
{
	return ((struct weft__request *)request)->state != WEFT__QUEUED;
}

static bool is_asked_for(void *request)
{
	return !is_out(request) ? false : ((struct weft__request *)request)->state != WEFT__AWAITING;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whoever sends before it receives is asked by its like only afterwards: after each time that it waited in vain it does not for
 * twice as many. */
static void await_asking(struct weft__engine *e, struct weft__request *r, struct weft__asking *a, uint64_t deadline)
{
	if (a->skip > 0) {
		a->skip--;
		return;
	}
	if (weft__await(e, is_asked_for, r, deadline))
		a->skip = a->vain = 2 * a->vain + 1 < VAIN_MAX ? 2 * a->vain + 1 : VAIN_MAX;
	else
		a->vain = 0;
}

bool weft__lacks_channel(struct weft__engine *e, const weft_request_t *handle)
{
	weft__lock(e);
	struct weft__request *r = weft__request_get(e, *handle);
	bool lacks = r && r->state == WEFT__QUEUED && r->peer->state == WEFT__CONNECTING;
	weft__unlock(e);
	return lacks;
}

/* A full channel is given a moment, for it is full because the receiver does something else. A task that there was no channel to has
 * but just begun, and will receive before long. */
void weft__hand_over(struct weft__engine *e, const weft_request_t *handle, bool is_new, int patience_ms)
{
	weft__lock(e);
	struct weft__request *r = weft__request_get(e, *handle);
	uint64_t end = weft__until(patience_ms);
	if (r && is_send(r) && weft__await(e, is_open, r, end) == 0 && r->state == WEFT__QUEUED)
		weft__await(e, is_out, r, sooner(end, weft__until(FULL_MS)));
	if (r && r->state == WEFT__AWAITING && is_new)
		await_asking(e, r, &e->asking_new, sooner(end, weft__until(ASKED_NEW_MS)));
	else if (r && r->state == WEFT__AWAITING)
		await_asking(e, r, &e->asking, weft__clock_ns() + ASKED_US * 1000);
	if (r && r->state == WEFT__STREAMING)
		weft__await(e, weft__has_ended, r, end);
	weft__unlock(e);
}

void weft__let_go(struct weft__engine *e, weft_request_t *handle)
{
	weft__lock(e);
	struct weft__request *r = weft__request_get(e, *handle);
	if (r && r->state == WEFT__ENDED)
		weft__request_free(e, r);
	else if (r)
		r->orphan = true;
	*handle = WEFT_NO_REQUEST;
	weft__unlock(e);
}

/* --- several ---------------------------------------------------------------------------------- */

struct set {
	struct weft__engine *e;
	weft_request_t *handles;
	int n;
	int ended; /* one of them, -1 */
	int code;  /* WEFT_EINVAL: one is none of ours */
};

static bool any_ended(void *arg)
{
	struct set *set = arg;
	for (int i = 0; i < set->n; i++) {
		if (set->handles[i].v == 0)
			continue;
		const struct weft__request *r = weft__request_get(set->e, set->handles[i]);
		if (r && r->state != WEFT__ENDED)
			continue;
		set->ended = i;
		set->code = r ? 0 : WEFT_EINVAL;
		return true;
	}
	return false;
}

int weft__wait_any(struct weft__engine *e, weft_request_t *r, int n, int *index,
                   weft_status_t *status, int timeout_ms)
{
	int nlive = 0;
	for (int i = 0; r && i < n; i++)
		nlive += r[i].v != 0;
	if (nlive == 0 || !index)
		return WEFT_EINVAL;
	weft__lock(e);
	struct set set = {.e = e, .handles = r, .n = n, .ended = -1};
	int rc = weft__await(e, any_ended, &set, weft__until(timeout_ms));
	if (rc == 0)
		rc = set.code;
	if (rc == 0) {
		rc = weft__request_collect(e, weft__request_get(e, r[set.ended]), status);
		r[set.ended] = WEFT_NO_REQUEST;
		*index = set.ended;
	}
	weft__unlock(e);
	return rc;
}

/* The receive `last` is to end, of r[n], which are waited for together: whatever comes by a socket before the last
 * message that they lack may wait a little. */
static void take_leisure(struct weft__engine *e, const struct weft__request *last,
                         const weft_request_t *r, int n)
{
	const struct weft__peer *p = weft__peer_recent(e, last->posted.key.source);
	short events;
	uint64_t count = 0;
	if (!p || p->state != WEFT__OPEN || p->channel->ops->pollfd(p->channel, &events) < 0)
		return;
	for (int i = 0; i < n; i++) {
		const struct weft__request *one = r[i].v ? weft__request_get(e, r[i]) : NULL;
		if (one && is_send(one))
			return;
		count += one && one->state != WEFT__ENDED;
	}
	e->due = e->nchanges + count - 1;
}

int weft__wait_all(struct weft__engine *e, weft_request_t *r, int n, weft_status_t *statuses,
                   int timeout_ms)
{
	if (n < 0 || (n && !r))
		return WEFT_EINVAL;
	uint64_t deadline = weft__until(timeout_ms);
	int first = 0;
	weft__lock(e);
	/* The last one first: when it has ended, most others have, and one poll has done for them all. */
	for (int i = n; i-- > 0;) {
		if (r[i].v == 0) {
			if (statuses)
				statuses[i] = (weft_status_t){.source = WEFT_NO_TID};
			continue;
		}
		struct weft__request *one = weft__request_get(e, r[i]);
		int rc = one ? 0 : WEFT_EINVAL;
		if (one && one->state != WEFT__ENDED) {
			if (!e->due && !e->polling && one->state == WEFT__POSTED)
				take_leisure(e, one, r, i + 1);
			rc = weft__await(e, weft__has_ended, one, deadline);
		}
		if (rc) { /* time is over: all of them stay */
			e->due = 0;
			weft__unlock(e);
			return rc;
		}
	}
	e->due = 0;
	for (int i = 0; i < n; i++) {
		struct weft__request *one = r[i].v ? weft__request_get(e, r[i]) : NULL;
		if (!one)
			continue;
		int code = weft__request_collect(e, one, statuses ? &statuses[i] : NULL);
		first = first ? first : code;
		r[i] = WEFT_NO_REQUEST;
	}
	weft__unlock(e);
	return first;
}

/* --- calls that are several requests ---------------------------------------------------------- */

int weft__sendrecv(struct weft__engine *e, weft_tid_t to, int32_t sendtag, const void *sendbuf,
                   size_t sendbytes, weft_tid_t from, int32_t recvtag, void *recvbuf,
                   size_t recvsize, weft_context_t context, weft_status_t *status, int timeout_ms)
{
	if (sendtag < 0 || (recvtag < 0 && recvtag != WEFT_ANY_TAG) || (!sendbuf && sendbytes) ||
	    (!recvbuf && recvsize) || to.v == WEFT_ANY_TASK.v)
		return WEFT_EINVAL;
	if (sendbytes > WEFT_MSG_MAX)
		return WEFT_ETOOBIG;
	uint64_t deadline = weft__until(timeout_ms);
	weft__lock(e);
	struct weft__request *in = weft__request_new(e), *out = weft__request_new(e);
	int rc = in && out ? 0 : WEFT_ENOMEM;
	if (rc == 0) {
		in->buf = recvbuf;
		in->size = recvsize;
		out->data = sendbuf;
		out->size = sendbytes;
		rc = weft__recv_start(e, in, &(struct weft__match_key){from.v, context.v, recvtag});
	}
	if (rc) {
		if (in)
			weft__request_free(e, in);
		if (out)
			weft__request_free(e, out);
		weft__unlock(e);
		return rc;
	}
	int sent = weft__send_start(e, out, to, context, sendtag);
	if (sent)
		weft__request_free(e, out);
	weft__queue_flush(e);
	if (sent == 0)
		sent = weft__complete(e, out, NULL, NULL, deadline);
	rc = weft__complete(e, in, status, NULL, sent ? 0 : deadline);
	weft__unlock(e);
	return sent ? sent : rc;
}

static int mcast(struct weft__engine *e, const weft_tid_t *to, int n,
                 struct weft__request **requests, weft_context_t context, int32_t tag,
                 const void *buf, size_t nbytes, uint64_t deadline)
{
	int first = 0;
	for (int i = 0; i < n; i++) {
		int rc = WEFT_ENOMEM;
		requests[i] = weft__request_new(e);
		if (requests[i]) {
			requests[i]->data = buf;
			requests[i]->size = nbytes;
			rc = weft__send_start(e, requests[i], to[i], context, tag);
		}
		if (rc && requests[i]) {
			weft__request_free(e, requests[i]);
			requests[i] = NULL;
		}
		first = first ? first : rc;
	}
	for (int i = 0; i < n; i++) {
		int rc = requests[i] ? weft__complete(e, requests[i], NULL, NULL, deadline) : 0;
		first = first ? first : rc;
	}
	return first;
}

int weft__mcast(struct weft__engine *e, const weft_tid_t *to, int n, weft_context_t context,
                int32_t tag, const void *buf, size_t nbytes, int timeout_ms)
{
	if (n < 0 || (n && !to) || tag < 0 || (!buf && nbytes))
		return WEFT_EINVAL;
	for (int i = 0; i < n; i++)
		if (to[i].v == WEFT_ANY_TASK.v)
			return WEFT_EINVAL;
	if (nbytes > WEFT_MSG_MAX)
		return WEFT_ETOOBIG;
	uint64_t deadline = weft__until(timeout_ms);
	weft__lock(e);
	struct weft__request **requests = weft__calloc((size_t)n, sizeof(struct weft__request *));
	int rc = requests ? mcast(e, to, n, requests, context, tag, buf, nbytes, deadline)
	                  : WEFT_ENOMEM;
	weft__free(requests);
	weft__unlock(e);
	return rc;
}
