/* Services: tasks that do a daemon's work. A tasker is asked to start the tasks of its node (SM_STTASK), and tells how they
 * have ended (SM_TASKX); node/tasker.c has the way that both go. Registering again takes it back, as in PVM.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"
#include "bindings/pvm/pvmproto.h"

#define TASKER "###_PVM_TASKER_###"

enum { START_TAG = SM_STTASK & INT32_MAX };

/* --- registering ------------------------------------------------------------------------------ */

int weft__pvm_register(const char *service, int bufid)
{
	int index = bufid < 0 ? bufid : weft__call_putinfo((char *)service, bufid, PvmMboxDefault);
	if (bufid > 0)
		weft__pvm_buf_drop(bufid);
	return index == PvmDenied ? PvmAlready : index < 0 ? index : PvmOk;
}

int weft__pvm_tid_message(void)
{
	struct weft__pvm_buf *b;
	int id = weft__pvm_buf_new(PvmDataDefault, &b);
	if (id > 0 && weft__pvm_pack(b, PVM_INT, &weft__pvm.tid, 1, 1)) {
		weft__pvm_buf_drop(id);
		return PvmNoMem;
	}
	return id;
}

int weft__call_reg_rm(struct pvmhostinfo **host)
{
	int n, rc = weft__pvm_enrol();
	if (rc == PvmOk)
		rc = weft__pvm_register(WEFT__PVM_MANAGER, weft__pvm_tid_message());
	if (rc)
		return lpvmerr("pvm_reg_rm", rc);
	rc = weft__managed_begin();
	if (rc == PvmOk && host)
		rc = weft__call_config(&n, NULL, host);
	return rc;
}

static int begin_service(struct weft__pvm_service *s)
{
	int rc = weft__pvm_code(s->change(weft__pvm.e, true, (weft_context_t){PvmBaseContext}, s->tag));
	if (rc)
		return rc == PvmExists ? PvmAlready : rc;
	int id = weft__pvm_tid_message();
	s->place = id < 0 ? id : weft__call_putinfo((char *)s->name, id, PvmMboxMultiInstance);
	if (id > 0)
		weft__pvm_buf_drop(id);
	if (s->place < 0)
		s->change(weft__pvm.e, false, (weft_context_t){0}, 0);
	return s->place < 0 ? s->place : PvmOk;
}

static int end_service(struct weft__pvm_service *s)
{
	int rc = weft__pvm_code(s->change(weft__pvm.e, false, (weft_context_t){0}, 0));
	weft__call_delinfo((char *)s->name, s->place, PvmMboxDefault);
	s->place = -1;
	return rc == PvmNotFound ? PvmNoTask : rc;
}

int weft__pvm_serve(struct weft__pvm_service *s)
{
	int rc = weft__pvm_enrol();
	if (rc == PvmOk && s->tid != weft__pvm.tid)
		s->place = -1; /* another life */
	s->tid = weft__pvm.tid;
	if (rc == PvmOk)
		rc = s->place < 0 ? begin_service(s) : end_service(s);
	return rc;
}

int weft__call_reg_tasker(void)
{
	static struct weft__pvm_service tasker = {.name = TASKER, .change = weft__tasker, .tag = START_TAG, .place = -1};
	int rc = weft__pvm_serve(&tasker);
	return rc ? lpvmerr("pvm_reg_tasker", rc) : PvmOk;
}

/* --- orders ----------------------------------------------------------------------------------- */

struct texts {
	const char *at, *end;
};

/* The next text; NULL: there is none. */
static const char *next(struct texts *t)
{
	const char *text = t->at, *nul = memchr(text, 0, (size_t)(t->end - text));
	if (nul)
		t->at = nul + 1;
	return nul ? text : NULL;
}

static int pack_int(struct weft__pvm_buf *b, int value)
{
	return weft__pvm_pack(b, PVM_INT, &value, 1, 1);
}

/* Their number, then each. */
static int pack_texts(struct weft__pvm_buf *b, struct texts *t, uint32_t n)
{
	int rc = pack_int(b, (int)n);
	for (uint32_t i = 0; rc == PvmOk && i < n; i++) {
		const char *text = next(t);
		rc = text ? weft__pvm_pack_text(b, text) : PvmBadMsg;
	}
	return rc;
}

/* The flags of the spawn are not told; behind what PVM's manual says there is which of how many tasks it is. */
static int pack_order(struct weft__pvm_buf *b, const struct weft__start *start, struct texts *t)
{
	const char *path = next(t);
	int last[] = {0, 1, 1}, rc = path ? pack_int(b, weft__pvm_slot(start->tid)) : PvmBadMsg;
	if (rc == PvmOk)
		rc = pack_int(b, PvmTaskDefault);
	if (rc == PvmOk)
		rc = weft__pvm_pack_text(b, path);
	if (rc == PvmOk)
		rc = pack_texts(b, t, start->argc);
	if (rc == PvmOk)
		rc = pack_texts(b, t, start->nenv);
	return rc ? rc : weft__pvm_pack(b, PVM_INT, last, 3, 1);
}

bool weft__pvm_start_order(const void *bytes, size_t nbytes, int context, int *bufid)
{
	struct weft__start start;
	struct weft__pvm_buf *b;
	if (nbytes < sizeof start || memcmp(bytes, WEFT__START_MAGIC, sizeof start.magic) != 0)
		return false;
	memcpy(&start, bytes, sizeof start);
	struct texts t = {(const char *)bytes + sizeof start, (const char *)bytes + nbytes};
	weft__pvm_learn(start.tid);
	*bufid = weft__pvm_buf_new(PvmDataDefault, &b);
	if (*bufid < 0)
		return true;
	int rc = pack_order(b, &start, &t);
	if (rc) {
		weft__pvm_buf_drop(*bufid);
		*bufid = rc;
		return true;
	}
	b->src = WEFT__PVM_DAEMON;
	b->dst = weft__pvm.tid;
	b->tag = SM_STTASK;
	b->context = context;
	return true;
}

/* --- what they tell a daemon ------------------------------------------------------------------ */

/* tid, status, and the times that it took, which the task VM measures by itself. */
static int task_ended(struct weft__pvm_buf *b)
{
	int numbers[2], rc = weft__pvm_unpack(b, PVM_INT, numbers, 2, 1);
	if (rc)
		return rc;
	weft_tid_t tid = weft__pvm_find(numbers[0]);
	return tid.v ? weft__pvm_code(weft__task_ended(weft__pvm.e, tid, (uint32_t)numbers[1])) : PvmOk;
}

int weft__pvm_tell_daemon(struct weft__pvm_buf *b, int host, int tag)
{
	size_t at = b->at;
	bool packs = b->packs;
	uint32_t node = host == WEFT__PVM_DAEMON ? weft__node(weft__pvm.e) : weft__pvm_node_of(host);
	int rc = PvmNotImpl;
	b->at = WEFT__PVM_HEADER;
	if (tag == SM_TASKX)
		rc = task_ended(b);
	else if (tag == SM_EXEC)
		rc = weft__managed_exec(b, node);
	else if (tag == SM_ADD)
		rc = weft__managed_add(b);
	else if (tag == SM_HANDOFF)
		rc = weft__managed_hand_over(b);
	else if (tag == SM_STHOSTACK)
		rc = weft__hosts_started(b);
	b->at = at;
	b->packs = packs;
	return rc;
}
