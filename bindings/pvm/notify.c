/* Notifications. The engine's notice comes from the task that ended, or from ourselves, with
 * weft_notice_t in it; PVM's comes from a daemon, with tids in it. What has been asked for
 * and not yet come is remembered: a notification that is taken back comes at once, says PVM.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"

enum { NO_DESCRIPTOR = -1 }; /* what PVM tells of a route beside its task */

struct wanted {
	struct weft__list link;
	int what, tag, context;
	int tid;        /* as the user named it */
	weft_tid_t who; /* PvmTaskExit, PvmRouteDelete */
	uint32_t node;  /* PvmHostDelete */
};

static struct weft__list wanted = {&wanted, &wanted};

/* Routes: tasks that messages have gone to directly (PvmRouteDirect). */
static struct {
	struct weft__map tids;
	int tag, context, left; /* PvmRouteAdd: how many are to be told; -1: all */
} routes;

static void forget(struct wanted *w)
{
	weft__list_remove(&w->link);
	weft__free(w);
}

void weft__pvm_notify_fini(void)
{
	while (!weft__list_empty(&wanted))
		forget(WEFT__CONTAINER(wanted.next, struct wanted, link));
	weft__map_fini(&routes.tids);
	memset(&routes, 0, sizeof routes);
	weft__traced_fini();
}

/* A message as PVM's daemon sends it: tids, for PvmHostAdd after their number; about routes the library itself
 * sends it, with a descriptor. */
static int notice_new(int what, int tid, int tag, int context)
{
	struct weft__pvm_buf *b;
	bool is_route = what == PvmRouteAdd || what == PvmRouteDelete;
	int numbers[] = {tid, NO_DESCRIPTOR}, count = 1, bufid = weft__pvm_buf_new(PvmDataDefault, &b);
	if (bufid < 0)
		return bufid;
	int rc = what == PvmHostAdd ? weft__pvm_pack(b, PVM_INT, &count, 1, 1) : PvmOk;
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_INT, numbers, is_route ? 2 : 1, 1);
	if (rc) {
		weft__pvm_buf_drop(bufid);
		return rc;
	}
	b->src = is_route ? weft__pvm.tid : WEFT__PVM_DAEMON;
	b->dst = weft__pvm.tid;
	b->tag = tag;
	b->context = context;
	return bufid;
}

static struct wanted *find(const weft_notice_t *notice, int tag, int context)
{
	for (struct weft__list *l = wanted.next; l != &wanted; l = l->next) {
		struct wanted *w = WEFT__CONTAINER(l, struct wanted, link);
		bool is_exit = w->what == PvmTaskExit || w->what == PvmRouteDelete;
		if ((is_exit ? PvmTaskExit : w->what) == notice->what && w->tag == tag && w->context == context &&
		    (is_exit ? w->who.v == notice->how.tid.v : w->node == notice->node))
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
	if (weft__managed_notice(&notice, status->tag, context, bufid) ||
	    weft__traced_notice(&notice, status->tag, context, bufid))
		return true;
	int host = notice.node ? weft__pvm_host_of(notice.node) : 0;
	int what = notice.what, tid = what == PvmTaskExit ? weft__pvm_slot(notice.how.tid) : host;
	struct wanted *w = what == PvmHostAdd ? NULL : find(&notice, status->tag, context);
	if (!w && what != PvmHostAdd)
		return *bufid = 0, true; /* taken back meanwhile, and told then */
	if (w) {
		what = w->what;
		tid = w->tid;
		forget(w);
	}
	*bufid = notice_new(what, tid, status->tag, context);
	return true;
}

/* --- asking ----------------------------------------------------------------------------------- */

static int deliver(int what, int tid, int tag, int context)
{
	int bufid = notice_new(what, tid, tag, context);
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

/* What the engine calls it. */
static int kind_of(int what)
{
	return what == PvmRouteDelete ? WEFT_NOTIFY_EXIT : what;
}

/* What is wanted of each of them is asked in one question, in id[*n]. */
static int want(int what, int tag, int tid, uint64_t *ids, int *n)
{
	uint64_t id = 0;
	weft_tid_t who = WEFT_NO_TID;
	uint32_t node = weft__pvm_node_of(tid);
	if (what == PvmTaskExit || (what == PvmRouteDelete && weft__map_get(&routes.tids, (uint64_t)tid)))
		id = (who = weft__pvm_find(tid)).v;
	else if (what == PvmHostDelete)
		id = node;
	if (id == 0)
		return deliver(what, tid, tag, pvmmyctx);
	struct wanted *w = weft__malloc(sizeof *w);
	if (!w)
		return PvmNoMem;
	*w = (struct wanted){
	        .what = what, .tag = tag, .context = pvmmyctx, .tid = tid, .who = who, .node = node};
	weft__list_push(&wanted, &w->link);
	ids[(*n)++] = id;
	return PvmOk;
}

static int want_all(int what, int tag, int count, const int *tids)
{
	uint64_t *ids = weft__calloc((size_t)count, sizeof *ids);
	int n = 0, rc = ids ? PvmOk : PvmNoMem;
	for (int i = 0; rc == PvmOk && i < count; i++)
		rc = want(what, tag, tids[i], ids, &n);
	int asked = n ? ask(kind_of(what), tag, ids, n) : PvmOk;
	for (; asked && n > 0; n--)
		forget(WEFT__CONTAINER(wanted.prev, struct wanted, link));
	weft__free(ids);
	return rc ? rc : asked;
}

static int take_back(int what, int tag, int tid)
{
	struct weft__list *next;
	for (struct weft__list *l = wanted.next; l != &wanted; l = next) {
		struct wanted *w = WEFT__CONTAINER(l, struct wanted, link);
		next = l->next;
		if (w->what != what || w->tag != tag || w->context != pvmmyctx || w->tid != tid)
			continue;
		uint64_t id = what == PvmHostDelete ? w->node : w->who.v;
		int rc = ask(kind_of(what) | WEFT_NOTIFY_CANCEL, tag, &id, 1);
		forget(w);
		if (rc == PvmOk)
			rc = deliver(what, tid, tag, pvmmyctx);
		return rc;
	}
	return PvmOk;
}

/* Additions: count of them are to be told; less than 0: all; 0: none any more. */
static int want_additions(int what, int tag, int count)
{
	if (what == PvmHostAdd)
		return ask(what, tag, NULL, count < 0 ? -1 : count);
	routes.tag = tag;
	routes.context = pvmmyctx;
	routes.left = count < 0 ? -1 : count;
	return PvmOk;
}

void weft__pvm_route(int tid)
{
	if (weft__map_get(&routes.tids, (uint64_t)tid) || tid == weft__pvm.tid)
		return;
	if (weft__map_put(&routes.tids, (uint64_t)tid, &routes) || routes.left == 0)
		return;
	routes.left -= routes.left > 0;
	deliver(PvmRouteAdd, tid, routes.tag, routes.context);
}

static int check(int what, int tag, int count, const int *tids)
{
	int rc = weft__pvm_enrol();
	if (rc)
		return rc;
	if (what < PvmTaskExit || what > PvmRouteDelete || tag < 0)
		return PvmBadParam;
	if (what == PvmHostAdd || what == PvmRouteAdd)
		return PvmOk;
	if (count < 1 || !tids)
		return PvmBadParam;
	for (int i = 0; i < count; i++)
		if (what != PvmHostDelete && !weft__pvm_is_task(tids[i]))
			return PvmBadParam;
	return PvmOk;
}

int weft__call_notify(int what, int tag, int count, int *tids)
{
	int kind = what & ~PvmNotifyCancel;
	bool cancel = what & PvmNotifyCancel;
	int rc = what < 0 ? PvmBadParam : check(kind, tag, count, tids);
	if (rc == PvmOk && kind <= PvmHostAdd && weft__manager())
		rc = weft__manager_notify(what, tag, count, tids);
	else if (rc == PvmOk && (kind == PvmHostAdd || kind == PvmRouteAdd))
		rc = want_additions(kind, tag, cancel ? 0 : count);
	else if (rc == PvmOk && !cancel)
		rc = want_all(kind, tag, count, tids);
	else
		for (int i = 0; rc == PvmOk && i < count; i++)
			rc = take_back(kind, tag, tids[i]);
	return rc ? lpvmerr("pvm_notify", rc) : PvmOk;
}
