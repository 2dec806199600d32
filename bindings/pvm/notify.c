/* Notifications. The engine's notice comes from the task that ended, or from ourselves, with
 * weft_notice_t in it; PVM's comes from the task's daemon, with tids in it. What has been asked for
 * and not yet come is remembered: a notification that is taken back comes at once, says PVM.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "bindings/pvm/pvm.h"

/* A daemon that nobody knows, as the source of what is told about tasks that never were. */
#define NO_DAEMON INT32_MIN

struct wanted {
	struct weft__list link;
	int what, tag, context;
	int tid;        /* as the user named it */
	weft_tid_t who; /* PvmTaskExit */
	uint32_t node;  /* PvmHostDelete */
};

static struct weft__list wanted = {&wanted, &wanted};

static void forget(struct wanted *w)
{
	weft__list_remove(&w->link);
	weft__free(w);
}

void weft__pvm_notify_fini(void)
{
	while (!weft__list_empty(&wanted))
		forget(WEFT__CONTAINER(wanted.next, struct wanted, link));
}

/* A message as PVM's daemon sends it: tids, for PvmHostAdd after their number. */
static int notice_new(int what, int tid, int source, int tag, int context)
{
	struct weft__pvm_buf *b;
	int count = 1, bufid = weft__pvm_buf_new(PvmDataDefault, &b);
	if (bufid < 0)
		return bufid;
	int rc = what == PvmHostAdd ? weft__pvm_pack(b, PVM_INT, &count, 1, 1) : PvmOk;
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_INT, &tid, 1, 1);
	if (rc) {
		weft__pvm_buf_drop(bufid);
		return rc;
	}
	b->src = source;
	b->dst = weft__pvm.tid;
	b->tag = tag;
	b->context = context;
	return bufid;
}

static struct wanted *find(const weft_notice_t *notice, int tag, int context)
{
	for (struct weft__list *l = wanted.next; l != &wanted; l = l->next) {
		struct wanted *w = WEFT__CONTAINER(l, struct wanted, link);
		if (w->what == notice->what && w->tag == tag && w->context == context &&
		    (w->what == PvmTaskExit ? w->who.v == notice->how.tid.v : w->node == notice->node))
			return w;
	}
	return NULL;
}

bool weft__pvm_notice(const void *bytes, size_t nbytes, const weft_status_t *status, int context,
                      int *bufid)
{
	weft_notice_t notice;
	const char *p = bytes;
	if (nbytes != sizeof notice || (p[0] == 'P' && p[1] == 'V'))
		return false;
	memcpy(&notice, bytes, sizeof notice);
	int daemon = notice.node ? weft__pvm_host_of(notice.node) : NO_DAEMON;
	int tid = notice.what == PvmTaskExit ? weft__pvm_slot(notice.how.tid) : daemon;
	struct wanted *w = notice.what == PvmHostAdd ? NULL : find(&notice, status->tag, context);
	if (w)
		forget(w);
	else if (notice.what != PvmHostAdd)
		return *bufid = 0, true; /* taken back meanwhile, and told then */
	*bufid = notice_new(notice.what, tid, daemon, status->tag, context);
	return true;
}

/* --- asking ----------------------------------------------------------------------------------- */

static int deliver(int what, int tid, int source, int tag)
{
	int bufid = notice_new(what, tid, source, tag, pvmmyctx);
	int rc = bufid < 0 ? bufid : weft__pvm_deliver(bufid);
	if (rc && bufid > 0)
		weft__pvm_buf_drop(bufid);
	return rc;
}

static int ask(int what, int tag, const uint64_t *ids, int n)
{
	weft_context_t context = {(uint32_t)pvmmyctx};
	return weft__pvm_code(weft__notify(weft__pvm.e, what, context, tag, ids, n));
}

static int want(int what, int tag, int tid)
{
	uint64_t id = 0;
	weft_tid_t who = WEFT_NO_TID;
	uint32_t node = weft__pvm_node_of(tid);
	if (what == PvmTaskExit)
		id = (who = weft__pvm_find(tid)).v;
	else
		id = node;
	if (id == 0)
		return deliver(what, tid, NO_DAEMON, tag);
	struct wanted *w = weft__malloc(sizeof *w);
	if (!w)
		return PvmNoMem;
	*w = (struct wanted){
	        .what = what, .tag = tag, .context = pvmmyctx, .tid = tid, .who = who, .node = node};
	weft__list_push(&wanted, &w->link);
	int rc = ask(what, tag, &id, 1);
	if (rc)
		forget(w);
	return rc;
}

static int take_back(int what, int tag, int tid)
{
	struct weft__list *next;
	for (struct weft__list *l = wanted.next; l != &wanted; l = next) {
		struct wanted *w = WEFT__CONTAINER(l, struct wanted, link);
		next = l->next;
		if (w->what != what || w->tag != tag || w->context != pvmmyctx || w->tid != tid)
			continue;
		uint64_t id = what == PvmTaskExit ? w->who.v : w->node;
		int rc = ask(what | WEFT_NOTIFY_CANCEL, tag, &id, 1);
		forget(w);
		if (rc == PvmOk)
			rc = deliver(what, tid, weft__pvm_host_of(weft__pvm_node_of(tid)), tag);
		return rc;
	}
	return PvmOk;
}

int pvm_notify(int what, int tag, int count, int *tids)
{
	int kind = what & ~PvmNotifyCancel, rc = weft__pvm_enrol();
	bool cancel = what & PvmNotifyCancel;
	if (rc == PvmOk && (kind == PvmRouteAdd || kind == PvmRouteDelete))
		rc = PvmNotImpl;
	if (rc == PvmOk && (kind < PvmTaskExit || kind > PvmHostAdd || tag < 0))
		rc = PvmBadParam;
	if (rc == PvmOk && kind == PvmHostAdd)
		rc = ask(kind, tag, NULL, cancel || count == 0 ? 0 : count < 0 ? -1 : count);
	else if (rc == PvmOk && (count < 1 || !tids))
		rc = PvmBadParam;
	if (rc || kind == PvmHostAdd)
		return rc ? lpvmerr("pvm_notify", rc) : PvmOk;
	for (int i = 0; i < count; i++)
		if (kind == PvmTaskExit ? !weft__pvm_is_task(tids[i]) : !weft__pvm_is_host(tids[i]))
			return lpvmerr("pvm_notify", PvmBadParam);
	for (int i = 0; rc == PvmOk && i < count; i++)
		rc = cancel ? take_back(kind, tag, tids[i]) : want(kind, tag, tids[i]);
	return rc ? lpvmerr("pvm_notify", rc) : PvmOk;
}
