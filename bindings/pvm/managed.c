/* What a resource manager tells the daemons, and they it. There are no such daemons here: the manager's own library does what it
 * orders, by the coordinator, and makes the messages that answer. SM_EXEC starts tasks on one node, whose ends SM_TASKX tells;
 * tasks that nobody spawned tell of themselves by SM_EXECACK; SM_ADD adds hosts, SM_HOSTX tells which are gone; SM_HANDOFF
 * names another manager, whose own library registers it.
 */
#include "config.h"

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"
#include "bindings/pvm/pvmproto.h"

enum { TASKX_TAG = SM_TASKX & INT32_MAX, HOSTX_TAG = SM_HOSTX & INT32_MAX };

/* It is as if it had come just now. */
static int deliver(struct weft__talk *t, int src, int tag)
{
	if (t->rc == PvmOk) {
		t->b->src = src;
		t->b->dst = weft__pvm.tid;
		t->b->tag = tag;
		t->b->context = PvmBaseContext;
		t->rc = weft__pvm_deliver(t->id);
	}
	if (t->rc)
		weft__talk_end(t);
	return t->rc;
}

/* --- ends ------------------------------------------------------------------------------------- */

static int watch(int what, uint64_t id, int tag)
{
	return weft__pvm_code(weft__notify(weft__pvm.e, what, (weft_context_t){PvmBaseContext}, tag, &id, 1));
}

int weft__managed_begin(void)
{
	weft_node_t *nodes;
	int n, rc = weft__pvm_list_nodes(&nodes, &n);
	if (rc)
		return rc;
	for (int i = 0; rc == PvmOk && i < n; i++)
		rc = watch(WEFT_NOTIFY_LOST, nodes[i].node, HOSTX_TAG);
	weft__free(nodes);
	if (rc == PvmOk) {
		const weft_context_t base = {PvmBaseContext};
		rc = weft__pvm_code(weft__notify(weft__pvm.e, WEFT_NOTIFY_ADDED, base, HOSTX_TAG, NULL, -1));
	}
	return rc;
}

void weft__managed_greeted(struct weft__pvm_buf *b, weft_tid_t who)
{
	if (b->tag != SM_EXECACK || b->context != PvmBaseContext || !weft__pvm_is_task(b->src))
		return;
	b->src = weft__pvm_host_of(weft__pvm_node_of(b->src)) | INT32_MIN;
	watch(WEFT_NOTIFY_EXIT, who.v, TASKX_TAG);
}

bool weft__managed_notice(const weft_notice_t *notice, int tag, int context, int *bufid)
{
	const weft_exit_t *how = &notice->how;
	struct weft__talk t;
	if (context != PvmBaseContext || (tag != TASKX_TAG && tag != HOSTX_TAG))
		return false;
	if (notice->what == WEFT_NOTIFY_ADDED) {
		watch(WEFT_NOTIFY_LOST, notice->node, HOSTX_TAG);
		*bufid = 0;
		return true;
	}
	weft__talk_begin(&t);
	if (tag == TASKX_TAG) {
		int numbers[] = {weft__pvm_slot(how->tid), weft__pvm_wait_status(how), 0, 0, 0, 0};
		weft__talk_put_ints(&t, numbers, 6);
	} else {
		weft__talk_put_int(&t, weft__pvm_host_of(notice->node));
	}
	*bufid = t.rc ? t.rc : t.id;
	if (t.rc) {
		weft__talk_end(&t);
		return true;
	}
	t.b->src = WEFT__PVM_DAEMON;
	t.b->dst = weft__pvm.tid;
	t.b->tag = tag | INT32_MIN;
	t.b->context = context;
	return true;
}

/* --- SM_EXEC ---------------------------------------------------------------------------------- */

/* How many tids, and each, or an error in its place. */
static int acknowledge(uint32_t node, const int *tids, int n)
{
	struct weft__talk t;
	weft__talk_begin(&t);
	weft__talk_put_int(&t, n);
	weft__talk_put_ints(&t, tids, n);
	int rc = deliver(&t, weft__pvm_host_of(node) | INT32_MIN, SM_EXECACK);
	for (int i = 0; rc == PvmOk && i < n; i++)
		if (tids[i] > 0)
			watch(WEFT_NOTIFY_EXIT, weft__pvm_find(tids[i]).v, TASKX_TAG);
	return rc;
}

int weft__managed_exec(struct weft__pvm_buf *b, uint32_t node)
{
	struct weft__talk t = {.b = b};
	struct weft__exec x = {.parent = weft__talk_get_int(&t)};
	char file[4096];
	int nargs, nenv, *tids = NULL;
	weft__talk_get_text(&t, x.file = file, sizeof file);
	x.flags = weft__talk_get_int(&t);
	x.count = weft__talk_get_int(&t);
	x.argv = weft__talk_get_texts(&t, &nargs);
	for (int i = 0; i < 6; i++)
		x.targets[i] = weft__talk_get_int(&t);
	x.env = weft__talk_get_texts(&t, &nenv);
	if (t.rc == PvmOk && (x.count < 1 || x.count > 65536))
		t.rc = PvmBadParam;
	if (t.rc == PvmOk && !(tids = weft__calloc((size_t)x.count, sizeof *tids)))
		t.rc = PvmNoMem;
	if (t.rc == PvmOk)
		t.rc = weft__pvm_exec(&x, node, tids);
	if (t.rc == PvmOk)
		t.rc = acknowledge(node, tids, x.count);
	weft__free(tids);
	weft__talk_free_texts(x.argv);
	weft__talk_free_texts(x.env);
	return t.rc;
}

/* --- SM_ADD ----------------------------------------------------------------------------------- */

static const struct pvmhostinfo *find(const struct pvmhostinfo *hosts, int n, int tid)
{
	for (int i = 0; i < n; i++)
		if (hosts[i].hi_tid == tid)
			return &hosts[i];
	return NULL;
}

/* Of each its tid or an error, and what pvm_config says of it. */
static void put_hosts(struct weft__talk *t, const int *infos, int n)
{
	struct pvmhostinfo *hosts;
	int nhosts, narchs;
	t->rc = t->rc ? t->rc : weft__call_config(&nhosts, &narchs, &hosts);
	weft__talk_put_int(t, n);
	weft__talk_put_int(t, 1);
	for (int i = 0; t->rc == PvmOk && i < n; i++) {
		const struct pvmhostinfo *h = infos[i] > 0 ? find(hosts, nhosts, infos[i]) : NULL;
		weft__talk_put_int(t, infos[i]);
		weft__talk_put_text(t, h ? h->hi_name : "");
		weft__talk_put_text(t, h ? h->hi_arch : "");
		weft__talk_put_int(t, h ? h->hi_speed : 0);
		weft__talk_put_int(t, h ? h->hi_dsig : 0);
	}
}

int weft__managed_add(struct weft__pvm_buf *b)
{
	struct weft__talk t = {.b = b}, answer;
	int n = 0;
	char **names = weft__talk_get_texts(&t, &n);
	int *infos = t.rc ? NULL : weft__calloc((size_t)n + 1, sizeof *infos);
	if (t.rc == PvmOk && !infos)
		t.rc = PvmNoMem;
	int added = t.rc == PvmOk && n > 0 ? weft__call_addhosts(names, n, infos) : 0;
	for (int i = 0; added < 0 && i < n; i++)
		infos[i] = added;
	weft__talk_free_texts(names);
	if (t.rc)
		return t.rc;
	weft__talk_begin(&answer);
	put_hosts(&answer, infos, n);
	weft__free(infos);
	return deliver(&answer, WEFT__PVM_DAEMON, SM_ADDACK);
}

/* --- SM_HANDOFF ------------------------------------------------------------------------------- */

int weft__managed_hand_over(struct weft__pvm_buf *b)
{
	struct weft__talk t = {.b = b}, message;
	int tid = weft__talk_get_int(&t);
	if (t.rc == PvmOk && (!weft__pvm_is_task(tid) || !weft__pvm_find(tid).v))
		t.rc = PvmNoTask;
	if (t.rc)
		return t.rc;
	weft__call_delinfo((char *)WEFT__PVM_MANAGER, 0, PvmMboxDefault);
	weft__talk_begin(&message);
	struct weft__pvm_blob *blob = message.rc ? NULL : weft__pvm_buf_seal(message.b);
	int rc = blob ? weft__pvm_send_blob(tid, PvmBaseContext, SM_HANDOFF, blob) : PvmNoMem;
	weft__pvm_blob_drop(blob);
	weft__talk_end(&message);
	return rc;
}

/* What goes wrong leaves the machine without a manager. */
bool weft__managed_takes_over(const struct weft__pvm_buf *b)
{
	if (b->tag != SM_HANDOFF || b->context != PvmBaseContext)
		return false;
	if (weft__pvm_register(WEFT__PVM_MANAGER, weft__pvm_tid_message()) == PvmOk)
		weft__managed_begin();
	return true;
}
