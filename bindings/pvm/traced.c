/* The ends of tasks whose traces come here. With the first message of its traces a task says that they are such; the library of
 * who receives it asks to be told of the task's end, and makes the record of it that a daemon of PVM's sends: so it
 * comes also of a task that a signal ended, or that was lost with its node.
 */
#include "config.h"

#include <sys/time.h>

#include "base/heap.h"
#include "base/list.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"

enum { SECOND_US = 1000000 };

struct traced {
	struct weft__list link;
	weft_tid_t who;
	int context, tag;
	bool reserved; /* the tag is one of PVM's own */
};

static struct weft__list all = {&all, &all};

static void forget(struct traced *t)
{
	weft__list_remove(&t->link);
	weft__free(t);
}

void weft__traced_fini(void)
{
	while (!weft__list_empty(&all))
		forget(WEFT__CONTAINER(all.next, struct traced, link));
}

void weft__traced_begins(weft_tid_t who, int context, int tag, bool reserved)
{
	struct traced *t = weft__malloc(sizeof *t);
	if (!t)
		return;
	*t = (struct traced){.who = who, .context = context, .tag = tag, .reserved = reserved};
	weft__list_push(&all, &t->link);
	if (weft__notify(weft__pvm.e, WEFT_NOTIFY_EXIT, (weft_context_t){(uint32_t)context}, tag, &who.v, 1))
		forget(t);
}

static struct traced *find(weft_tid_t who, int context, int tag)
{
	for (struct weft__list *l = all.next; l != &all; l = l->next) {
		struct traced *t = WEFT__CONTAINER(l, struct traced, link);
		if (t->who.v == who.v && t->context == context && t->tag == tag)
			return t;
	}
	return NULL;
}

static void put_field(struct weft__talk *t, int id, int value)
{
	int field[] = {id, TEV_DATA_INT, value};
	weft__talk_put_ints(t, field, 3);
}

/* Its status as of wait(), and the times that it took. */
static void put_record(struct weft__talk *t, const weft_exit_t *how)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	weft__talk_put_int(t, TEV_MARK_EVENT_DESC);
	weft__talk_put_int(t, TEV_ENDTASK);
	weft__talk_put_text(t, pvmtevinfo[TEV_ENDTASK].name);
	put_field(t, TEV_DID_TS, (int)now.tv_sec);
	put_field(t, TEV_DID_TU, (int)now.tv_usec);
	put_field(t, TEV_DID_TID, weft__pvm_slot(how->tid));
	put_field(t, TEV_DID_TST, weft__pvm_wait_status(how));
	put_field(t, TEV_DID_TUS, (int)(how->utime_us / SECOND_US));
	put_field(t, TEV_DID_TUU, (int)(how->utime_us % SECOND_US));
	put_field(t, TEV_DID_TSS, (int)(how->stime_us / SECOND_US));
	put_field(t, TEV_DID_TSU, (int)(how->stime_us % SECOND_US));
	weft__talk_put_int(t, TEV_MARK_EVENT_DESC_END);
}

bool weft__traced_notice(const weft_notice_t *notice, int tag, int context, int *bufid)
{
	struct traced *x = notice->what == WEFT_NOTIFY_EXIT ? find(notice->how.tid, context, tag) : NULL;
	struct weft__talk t;
	if (!x)
		return false;
	weft__talk_begin(&t);
	put_record(&t, &notice->how);
	*bufid = t.rc ? t.rc : t.id;
	if (t.rc) {
		weft__talk_end(&t);
	} else {
		t.b->src = WEFT__PVM_DAEMON;
		t.b->dst = weft__pvm.tid;
		t.b->tag = x->reserved ? tag | INT32_MIN : tag;
		t.b->context = context;
	}
	forget(x);
	return true;
}
