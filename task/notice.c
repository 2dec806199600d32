/* Being told of ends and beginnings.
 *
 * An exit notice is a message from the task that ended, and its last one. It comes another way than
 * the task's messages, and may overtake them: it waits until the channel has been drained. Where
 * there is no channel, one may be on its way with messages in it: the node, which knows, is asked
 * for it, unless the notice says that the task never could send any.
 *
 * It may also come late, when the task's channel is closed already. So as long as it is expected a
 * receive that it would match waits for it, though its source is dead. When the daemon is gone
 * nothing is expected any more.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "task/quick.h"

enum { IDS_MAX = 16384 };

/* An exit that we have asked to be told of. */
struct expected {
	struct expected *next; /* of the same task */
	uint32_t context;
	int32_t tag;
};

/* --- what is expected ------------------------------------------------------------------------- */

static int expect(struct weft__engine *e, uint64_t tid, uint32_t context, int32_t tag)
{
	struct expected *x = weft__malloc(sizeof *x);
	if (!x)
		return WEFT_ENOMEM;
	*x = (struct expected){weft__map_get(&e->expected, tid), context, tag};
	if (weft__map_put(&e->expected, tid, x)) {
		weft__free(x);
		return WEFT_ENOMEM;
	}
	return 0;
}

static void expect_no_more(struct weft__engine *e, uint64_t tid, uint32_t context, int32_t tag)
{
	struct expected *head = weft__map_get(&e->expected, tid), *first = head;
	for (struct expected **at = &head; *at; at = &(*at)->next) {
		struct expected *x = *at;
		if (x->context != context || x->tag != tag)
			continue;
		*at = x->next;
		weft__free(x);
		break;
	}
	if (!head)
		weft__map_remove(&e->expected, tid);
	else if (head != first)
		weft__map_put(&e->expected, tid, head); /* in its place: no memory is needed */
}

bool weft__notice_expected(const struct weft__engine *e, const struct weft__match_key *key)
{
	for (const struct expected *x = weft__map_get(&e->expected, key->source); x; x = x->next)
		if (x->context == key->context && (key->tag == x->tag || key->tag == WEFT_ANY_TAG))
			return true;
	return false;
}

void weft__notices_lost(struct weft__engine *e)
{
	struct weft__map expected = e->expected;
	size_t cursor = 0;
	uint64_t tid;
	void *value;
	e->expected = (struct weft__map){0};
	while (weft__map_next(&expected, &cursor, &tid, &value)) {
		for (struct expected *x = value, *next; x; x = next) {
			next = x->next;
			weft__free(x);
		}
		weft__peer_told(e, (weft_tid_t){tid});
	}
	weft__map_fini(&expected);
}

/* --- asking ----------------------------------------------------------------------------------- */

static int ask(struct weft__engine *e, const struct weft__msg_notify *notify)
{
	bool is_new_exit = notify->kind == WEFT__NOTIFY_EXIT && !notify->cancel;
	struct weft__msg m = {.code = WEFT__MSG_NOTIFY, .notify = *notify};
	struct weft__ask ask = {.answer = weft__answer_result};
	uint32_t context = (uint32_t)notify->context;
	int32_t tag = (int32_t)notify->tag;
	int rc = 0;
	size_t n = 0;
	weft__lock(e);
	for (; is_new_exit && rc == 0 && n < notify->ids.n; n++)
		rc = expect(e, notify->ids.p[n], context, tag);
	if (rc)
		n--;
	if (rc == 0)
		rc = weft__ask(e, &ask, &m, -1);
	if (notify->kind == WEFT__NOTIFY_EXIT && notify->cancel)
		n = rc ? 0 : notify->ids.n;
	else if (rc == 0)
		n = 0;
	while (n--) {
		expect_no_more(e, notify->ids.p[n], context, tag);
		weft__peer_told(e, (weft_tid_t){notify->ids.p[n]});
	}
	weft__unlock(e);
	return rc;
}

int weft__notify(struct weft__engine *e, int what, weft_context_t context, int32_t tag,
                 const uint64_t *ids, int n)
{
	int kind = what & ~WEFT_NOTIFY_CANCEL;
	uint64_t additions = n < 0 ? UINT64_MAX : (uint64_t)n;
	if (kind < WEFT_NOTIFY_EXIT || kind > WEFT_NOTIFY_ADDED || tag < 0)
		return WEFT_EINVAL;
	if (kind == WEFT_NOTIFY_ADDED) {
		ids = &additions;
		n = 1;
	}
	if (n < 0 || (n && !ids))
		return WEFT_EINVAL;
	for (int done = 0; done < n; done += IDS_MAX) {
		size_t count = (size_t)(n - done < IDS_MAX ? n - done : IDS_MAX);
		int rc = ask(
		        e, &(struct weft__msg_notify){.kind = (uint64_t)kind,
		                                      .context = context.v,
		                                      .tag = tag,
		                                      .ids = {ids + done, count},
		                                      .cancel = (what & WEFT_NOTIFY_CANCEL) != 0});
		if (rc)
			return rc;
	}
	return 0;
}

/* --- being told ------------------------------------------------------------------------------- */

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

/* The notice of an end comes last: after the messages that its channel still holds, or will. A program that was no task
 * of ours (a script, one of another MPI) has sent none. */
static void deliver_last(struct weft__engine *e, struct weft__message *m, uint64_t flags)
{
	bool lost = flags & WEFT__EXIT_LOST;
	weft_tid_t tid = {m->kept.key.source};
	struct weft__peer *p = flags & WEFT__EXIT_SPOKE ? weft__peer_get(e, tid) : weft__peer_find(e, tid);
	if (!p || p->state == WEFT__DEAD) {
		weft__message_deliver(e, m);
		weft__peer_told(e, tid);
		return;
	}
	weft__list_push(&p->notices, &m->kept.all);
	p->doomed = true;
	if (p->state == WEFT__OPEN)
		weft__peer_gone(e, p, lost);
	else if (lost || weft__peer_connect(e, p))
		weft__peer_end(e, p);
}

void weft__on_notice(struct weft__engine *e, const struct weft__msg_notice *n)
{
	bool is_exit = n->kind == WEFT__NOTIFY_EXIT;
	struct weft__match_key key = {is_exit ? n->tid : e->self.v, (uint32_t)n->context,
	                              (int32_t)n->tag};
	weft_notice_t notice = {.what = (int32_t)n->kind, .node = (uint32_t)n->node};
	if (is_exit) {
		weft__exit_of(&notice.how, n->tid, n->exit_code, n->signo, n->flags);
		expect_no_more(e, n->tid, key.context, key.tag);
	}
	struct weft__message *m = weft__message_new(e, &key, sizeof notice);
	if (!m)
		return; /* nowhere to put it; whoever waits for the task itself learns of it still
		         */
	memcpy(m->bytes, &notice, sizeof notice);
	if (is_exit)
		deliver_last(e, m, n->flags);
	else
		weft__message_deliver(e, m);
}
