/* Asking a resource manager. What a task wants of the machine goes to the manager as a message in base context, in PVM's layout;
 * it answers by one with the same tag. Who begins before the manager registers goes on asking the coordinator.
 *
 * What can go wrong: the manager ends; then the coordinator is asked from there on.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"
#include "bindings/pvm/pvmproto.h"
#include "proto/proto.h"

static struct {
	int asker; /* tid of this life */
	int tid;
} manager;

int weft__manager(void)
{
	struct weft__letter letter = {0};
	if (manager.asker == weft__pvm.tid)
		return manager.tid;
	manager.asker = weft__pvm.tid;
	manager.tid = 0;
	if (weft__mbox_get(weft__pvm.e, WEFT__PVM_MANAGER, 0, WEFT__MBOX_FIRST, &letter) == 0 && letter.owner.v &&
	    letter.owner.v != weft__self(weft__pvm.e).v) {
		weft__pvm_learn(letter.owner);
		manager.tid = weft__pvm_slot(letter.owner);
	}
	weft__free(letter.bytes);
	return manager.tid;
}

/* --- a question and its answer ------------------------------------------------------------------ */

static int send(struct weft__talk *t, int tag)
{
	struct weft__pvm_blob *blob = t->rc ? NULL : weft__pvm_buf_seal(t->b);
	int rc = blob ? weft__pvm_send_blob(manager.tid, PvmBaseContext, tag, blob) : t->rc ? t->rc : PvmNoMem;
	weft__pvm_blob_drop(blob);
	return rc;
}

void weft__manager_greet(void)
{
	struct weft__talk t;
	if (!weft__manager())
		return;
	weft__talk_begin(&t);
	weft__talk_put_int(&t, 1);
	weft__talk_put_int(&t, weft__pvm.tid);
	send(&t, SM_EXECACK); /* what goes wrong leaves it unknown to the manager */
	weft__talk_end(&t);
}

/* The question goes, the answer is in its place. */
static void ask(struct weft__talk *t, int tag)
{
	struct weft__pvm before = weft__pvm;
	int context = pvmmyctx;
	t->rc = send(t, tag);
	weft__talk_end(t);
	if (t->rc)
		return;
	weft__pvm.rbuf = weft__pvm.autoerr = 0;
	weft__pvm.resvtids = 1;
	weft__pvm.match = NULL;
	pvmmyctx = PvmBaseContext;
	int id = weft__call_recv(manager.tid, tag);
	pvmmyctx = context;
	weft__pvm.rbuf = before.rbuf;
	weft__pvm.autoerr = before.autoerr;
	weft__pvm.resvtids = before.resvtids;
	weft__pvm.match = before.match;
	t->id = id > 0 ? id : 0;
	t->b = id > 0 ? weft__pvm_buf(id) : NULL;
	t->rc = id > 0 ? PvmOk : id == PvmNoTask ? PvmNoTask : PvmSysErr;
	if (t->rc == PvmNoTask)
		manager.tid = 0;
}

/* --- hosts ------------------------------------------------------------------------------------ */

enum { TEXT = WEFT_TEXT_MAX };

int weft__manager_addhosts(char **names, int n, int *infos)
{
	struct weft__talk t;
	char text[TEXT];
	weft__talk_begin(&t);
	weft__talk_put_texts(&t, names, n);
	ask(&t, SM_ADDHOST);
	int count = weft__talk_get_int(&t), done = 0;
	if (t.rc == PvmOk && count != n)
		t.rc = count < 0 ? count : PvmOutOfRes;
	weft__talk_get_int(&t); /* of architectures */
	for (int i = 0; t.rc == PvmOk && i < n; i++) {
		infos[i] = weft__talk_get_int(&t);
		weft__talk_get_text(&t, text, sizeof text);
		weft__talk_get_text(&t, text, sizeof text);
		weft__talk_get_int(&t);
		weft__talk_get_int(&t);
		done += infos[i] >= 0;
	}
	weft__talk_end(&t);
	return t.rc ? t.rc : done;
}

int weft__manager_delhosts(char **names, int n, int *infos)
{
	struct weft__talk t;
	weft__talk_begin(&t);
	weft__talk_put_texts(&t, names, n);
	ask(&t, SM_DELHOST);
	int count = weft__talk_get_int(&t), done = 0;
	if (t.rc == PvmOk && count != n)
		t.rc = count < 0 ? count : PvmOutOfRes;
	for (int i = 0; t.rc == PvmOk && i < n; i++) {
		infos[i] = weft__talk_get_int(&t);
		done += infos[i] >= 0;
	}
	weft__talk_end(&t);
	return t.rc ? t.rc : done;
}

int weft__manager_config(int *nhosts, int *narchs, struct pvmhostinfo **hosts)
{
	static struct pvmhostinfo *list;
	struct weft__talk t;
	weft__talk_begin(&t);
	ask(&t, SM_CONFIG);
	int n = weft__talk_get_int(&t), narch = weft__talk_get_int(&t);
	if (t.rc == PvmOk && (n < 0 || n > WEFT__NODE_MAX))
		t.rc = PvmBadMsg;
	struct pvmhostinfo *fresh = t.rc ? NULL : weft__calloc((size_t)n + 1, sizeof *fresh + 2 * TEXT);
	char *text = fresh ? (char *)&fresh[n + 1] : NULL;
	for (int i = 0; fresh && i < n; i++, text += 2 * TEXT) {
		fresh[i].hi_tid = weft__talk_get_int(&t);
		weft__talk_get_text(&t, fresh[i].hi_name = text, TEXT);
		weft__talk_get_text(&t, fresh[i].hi_arch = text + TEXT, TEXT);
		fresh[i].hi_speed = weft__talk_get_int(&t);
		fresh[i].hi_dsig = weft__talk_get_int(&t);
	}
	weft__talk_end(&t);
	if (t.rc || !fresh) {
		weft__free(fresh);
		return t.rc ? t.rc : PvmNoMem;
	}
	weft__free(list);
	list = fresh;
	if (nhosts)
		*nhosts = n;
	if (narchs)
		*narchs = narch;
	if (hosts)
		*hosts = list;
	return PvmOk;
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* They come to the message's end. */
int weft__manager_tasks(int where, int *ntasks, struct pvmtaskinfo **tasks)
{
	static struct pvmtaskinfo *list;
	struct weft__talk t;
	struct pvmtaskinfo *fresh = NULL;
	weft__talk_begin(&t);
	weft__talk_put_int(&t, where);
	ask(&t, SM_TASK);
	int code = weft__talk_get_int(&t), n = 0, max = t.b ? (int)(weft__pvm_buf_bytes(t.b) / 24) + 1 : 0; /* six numbers at least */
	if (t.rc == PvmOk && code < 0)
		t.rc = code;
	if (t.rc == PvmOk && !(fresh = weft__calloc((size_t)max, sizeof *fresh + TEXT)))
		t.rc = PvmNoMem;
	char *text = fresh ? (char *)&fresh[max] : NULL;
	while (t.rc == PvmOk && n < max) {
		struct pvmtaskinfo *to = &fresh[n];
		to->ti_tid = weft__talk_get_int(&t);
		to->ti_ptid = weft__talk_get_int(&t);
		to->ti_host = weft__talk_get_int(&t);
		to->ti_flag = weft__talk_get_int(&t);
		weft__talk_get_text(&t, to->ti_a_out = text + (size_t)n * TEXT, TEXT);
		to->ti_pid = weft__talk_get_int(&t);
		n += t.rc == PvmOk;
	}
	weft__talk_end(&t);
	if (!fresh)
		return t.rc;
	weft__free(list);
	list = fresh;
	if (ntasks)
		*ntasks = n;
	if (tasks)
		*tasks = list;
	return PvmOk;
}

/* "NAME=value" of the next name in "A:B:C" that has one; NULL: there is none. The caller frees it. */
static char *next_exported(const char **at)
{
	while (*at && **at) {
		size_t n = strcspn(*at, ":");
		char *name = weft__strndup(*at, n);
		const char *value = name ? getenv(name) : NULL;
		size_t size = n + 2 + (value ? strlen(value) : 0);
		char *variable = value ? weft__malloc(size) : NULL;
		if (variable)
			snprintf(variable, size, "%s=%s", name, value);
		weft__free(name);
		*at += n;
		*at += **at == ':';
		if (variable)
			return variable;
	}
	return NULL;
}

/* What a task has of its spawner by way of its environment: traces, the context, what is exported. */
static void put_env(struct weft__talk *t)
{
	struct weft__bequest bequest;
	char context[32], *variable;
	const char *list = getenv("PVM_EXPORT"), *at = list;
	int n = 4;
	weft__pvm_bequeath(&pvmctrc, &bequest);
	snprintf(context, sizeof context, "PVMCTX=0x%x", (unsigned)pvmmyctx);
	for (; (variable = next_exported(&at)); n++)
		weft__free(variable);
	weft__talk_put_int(t, n);
	weft__talk_put_text(t, bequest.mask);
	weft__talk_put_text(t, bequest.buffer);
	weft__talk_put_text(t, bequest.options);
	weft__talk_put_text(t, context);
	for (at = list; (variable = next_exported(&at));) {
		weft__talk_put_text(t, variable);
		weft__free(variable);
	}
}

int weft__manager_spawn(char *file, char **argv, int flags, char *where, int count, int *tids)
{
	const int targets[] = {pvmctrc.outtid, pvmctrc.outctx, pvmctrc.outtag, pvmctrc.trctid, pvmctrc.trcctx, pvmctrc.trctag};
	struct weft__talk t;
	int nargs = 0, started = 0;
	while (argv && argv[nargs])
		nargs++;
	weft__talk_begin(&t);
	weft__talk_put_text(&t, file);
	weft__talk_put_int(&t, flags);
	weft__talk_put_text(&t, where ? where : "");
	weft__talk_put_int(&t, count);
	weft__talk_put_texts(&t, argv, nargs);
	weft__talk_put_ints(&t, targets, 6);
	put_env(&t);
	ask(&t, SM_SPAWN);
	int n = weft__talk_get_int(&t);
	if (t.rc == PvmOk && n != count)
		t.rc = n < 0 ? n : PvmOutOfRes;
	for (int i = 0; t.rc == PvmOk && i < n; i++) {
		int tid = weft__talk_get_int(&t);
		started += tid > 0;
		if (tids)
			tids[i] = tid;
	}
	weft__talk_end(&t);
	return t.rc ? t.rc : started;
}

/* Nobody answers. */
int weft__manager_notify(int what, int tag, int count, const int *tids)
{
	struct weft__talk t;
	bool adds = (what & ~PvmNotifyCancel) == PvmHostAdd;
	weft__talk_begin(&t);
	weft__talk_put_int(&t, what);
	weft__talk_put_int(&t, pvmmyctx);
	weft__talk_put_int(&t, tag);
	weft__talk_put_int(&t, count);
	if (!adds)
		weft__talk_put_ints(&t, tids, count);
	int rc = send(&t, SM_NOTIFY);
	weft__talk_end(&t);
	return rc;
}
