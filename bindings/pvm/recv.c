/* Receiving. The engine matches as long as a receive is a plain one: any task or one task, any tag
 * or one tag, in the current context. It does not know what else PVM has: messages that a probe has
 * seen (they have a buffer id already), notices whose source is a daemon, a program's own match
 * function, message handlers. For those the engine's messages are taken into a list, oldest first,
 * and matched there; what is in the list is older than all that the engine still has in that context.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"

enum { FOR_EVER = -1 };

struct kept {
	struct weft__list link;
	int bufid;
	bool shown; /* to the handlers */
};

struct handler {
	struct weft__list link;
	int id, src, tag, context;
	int (*function)(int bufid);
};

struct pattern {
	int tid, tag, context;
};

static struct weft__list kept = {&kept, &kept};
static struct weft__list handlers = {&handlers, &handlers};
static int is_handling;

/* --- the list --------------------------------------------------------------------------------- */

int weft__pvm_deliver(int bufid)
{
	struct kept *k = weft__malloc(sizeof *k);
	if (!k)
		return PvmNoMem;
	*k = (struct kept){.bufid = bufid};
	weft__list_push(&kept, &k->link);
	return PvmOk;
}

static int take(struct kept *k)
{
	int bufid = k->bufid;
	weft__list_remove(&k->link);
	weft__free(k);
	return bufid;
}

static bool matches(const struct pattern *p, int bufid)
{
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	if (!b || b->context != p->context)
		return false;
	if (weft__pvm.match)
		return weft__pvm.match(bufid, p->tid, p->tag) == 1;
	return (p->tid == -1 || p->tid == b->src) && (p->tag == -1 || p->tag == b->tag);
}

/* A program's match function may return more than 1: then the highest value wins. */
static struct kept *find(const struct pattern *p)
{
	struct weft__list *next;
	struct kept *best = NULL;
	int highest = 0;
	for (struct weft__list *l = kept.next; l != &kept; l = next) {
		struct kept *k = WEFT__CONTAINER(l, struct kept, link);
		next = l->next;
		if (!weft__pvm.match && matches(p, k->bufid))
			return k;
		struct weft__pvm_buf *b = weft__pvm_buf(k->bufid);
		int value = weft__pvm.match && b && b->context == p->context
		                    ? weft__pvm.match(k->bufid, p->tid, p->tag)
		                    : 0;
		if (value < 0)
			return NULL;
		if (value == 1)
			return k;
		if (value > highest) {
			highest = value;
			best = k;
		}
	}
	return best;
}

/* A message of the engine's as a buffer; its id, or an error. 0: it was none of PVM's. */
static int receive_one(weft_tid_t from, int context, int32_t tag, int timeout_ms)
{
	void *bytes = NULL;
	weft_status_t status;
	int rc = weft__recv_alloc_by(weft__pvm.e, from, (weft_context_t){(uint32_t)context}, tag,
	                             weft__pvm_bytes_alloc, &bytes, &status, timeout_ms);
	if (rc == WEFT_ETIMEDOUT)
		return PvmNoData;
	if (rc)
		return weft__pvm_code(rc);
	int bufid = 0;
	struct weft__pvm_buf *b = NULL;
	weft__pvm_learn(status.source);
	if (!weft__pvm_output(bytes, status.nbytes, &status, context, &bufid) &&
	    !weft__pvm_start_order(bytes, status.nbytes, context, &bufid) &&
	    !weft__pvm_host_order(bytes, status.nbytes, &bufid) &&
	    !weft__pvm_notice(bytes, status.nbytes, &status, context, &bufid)) {
		bufid = weft__pvm_buf_adopt(&bytes, status.nbytes, &b);
		if (bufid > 0) {
			b->src = weft__pvm_slot(status.source);
			b->dst = weft__pvm.tid;
			b->tag = b->reserved ? status.tag | INT32_MIN : status.tag;
			b->context = context;
			if (b->blob->bytes[WEFT__PVM_TRACES_AT])
				weft__traced_begins(status.source, context, status.tag, b->reserved);
			weft__managed_greeted(b, status.source);
			if (weft__managed_takes_over(b)) {
				weft__pvm_buf_drop(bufid);
				bufid = 0;
			}
		}
	}
	weft__free(bytes);
	return bufid == PvmBadMsg ? 0 : bufid;
}

/* All that the engine has in a context goes to the list. 0 or an error. */
static int drain(int context)
{
	for (;;) {
		int bufid = receive_one(WEFT_ANY_TASK, context, WEFT_ANY_TAG, 0);
		if (bufid < 0)
			return bufid == PvmNoData ? 0 : bufid;
		int rc = bufid ? weft__pvm_deliver(bufid) : 0;
		if (rc) {
			weft__pvm_buf_drop(bufid);
			return rc;
		}
	}
}

int weft__pvm_catch_some(int timeout_ms)
{
	int rc = receive_one(WEFT_ANY_TASK, WEFT__PVM_CATCH_CONTEXT, WEFT_ANY_TAG, timeout_ms);
	while (rc == 0)
		rc = receive_one(WEFT_ANY_TASK, WEFT__PVM_CATCH_CONTEXT, WEFT_ANY_TAG, 0);
	if (rc > 0)
		weft__pvm_buf_drop(rc); /* a message that somebody sent there */
	return rc > 0 || rc == PvmNoData ? 0 : rc;
}

static void forget(struct handler *h)
{
	weft__list_remove(&h->link);
	weft__free(h);
	weft__pvm.nhandlers--;
}

void weft__pvm_recv_fini(void)
{
	while (!weft__list_empty(&kept))
		weft__pvm_buf_drop(take(WEFT__CONTAINER(kept.next, struct kept, link)));
	while (!weft__list_empty(&handlers))
		forget(WEFT__CONTAINER(handlers.next, struct handler, link));
}

/* --- handlers --------------------------------------------------------------------------------- */

static struct handler *handler_for(int bufid)
{
	const struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	for (struct weft__list *l = handlers.next; b && l != &handlers; l = l->next) {
		struct handler *h = WEFT__CONTAINER(l, struct handler, link);
		if ((h->src == -1 || h->src == b->src) && (h->tag == -1 || h->tag == b->tag) &&
		    (h->context == -1 || h->context == b->context))
			return h;
	}
	return NULL;
}

static void handle(struct handler *h, int bufid)
{
	int sbuf = weft__pvm.sbuf, rbuf = weft__pvm.rbuf, context = pvmmyctx;
	weft__pvm.sbuf = 0;
	weft__pvm.rbuf = bufid;
	is_handling = 1;
	const struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	if (b && weft__trace_begin(TEV_MHF_INVOKE | TEV_EVENT_ENTRY)) {
		int numbers[][2] = {{TEV_DID_RST, h->src}, {TEV_DID_RMC, h->tag}, {TEV_DID_RCX, h->context},
		                    {TEV_DID_MB, bufid}, {TEV_DID_MC, b->tag},    {TEV_DID_SRC, b->src}};
		for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
			weft__trace_int(numbers[i][0], numbers[i][1]);
		weft__trace_end();
	}
	h->function(bufid);
	is_handling = 0;
	weft__pvm_buf_drop(bufid);
	pvmmyctx = context;
	weft__pvm.sbuf = weft__pvm_buf(sbuf) ? sbuf : 0;
	weft__pvm.rbuf = weft__pvm_buf(rbuf) ? rbuf : 0;
}

/* The handlers see each message once; what they want does not stay. */
static void show_handlers(void)
{
	struct weft__list *l = kept.next;
	while (l != &kept && !is_handling) {
		struct kept *k = WEFT__CONTAINER(l, struct kept, link);
		struct handler *h = k->shown ? NULL : handler_for(k->bufid);
		l = l->next;
		k->shown = true;
		if (h) {
			handle(h, take(k));
			l = kept.next; /* the handler may have changed the list */
		}
	}
}

static int drain_handled(void)
{
	int rc = weft__pvm_is_catching() ? weft__pvm_catch_some(0) : 0;
	if (rc == 0)
		rc = drain(pvmmyctx);
	for (struct weft__list *l = handlers.next; rc == 0 && l != &handlers; l = l->next) {
		struct handler *h = WEFT__CONTAINER(l, struct handler, link);
		if (h->context >= 0 && h->context != pvmmyctx)
			rc = drain(h->context);
	}
	if (rc == 0 && weft__pvm.nhandlers)
		show_handlers();
	return rc;
}

static bool overlap(int one, int other)
{
	return one == other || one == -1 || other == -1;
}

/* Some message would be for two. All tags are PVM's own handlers', too, in the context of those. */
static bool is_taken(int src, int tag, int context)
{
	if (tag == -1 && overlap(context, WEFT__PVM_CATCH_CONTEXT))
		return true;
	for (struct weft__list *l = handlers.next; l != &handlers; l = l->next) {
		const struct handler *h = WEFT__CONTAINER(l, struct handler, link);
		if (overlap(h->src, src) && overlap(h->tag, tag) && overlap(h->context, context))
			return true;
	}
	return false;
}

static struct handler *with_id(int id)
{
	struct weft__list *l = handlers.next;
	while (l != &handlers && WEFT__CONTAINER(l, struct handler, link)->id != id)
		l = l->next;
	return l == &handlers ? NULL : WEFT__CONTAINER(l, struct handler, link);
}

static int unused_id(void)
{
	int id = 0;
	while (with_id(id))
		id++;
	return id;
}

int weft__call_addmhf(int src, int tag, int context, int (*function)(int bufid))
{
	int rc = weft__pvm_enrol();
	if (rc || !function || src < -1 || tag < -1 || context < -1)
		return lpvmerr("pvm_addmhf", rc ? rc : PvmBadParam);
	if (is_taken(src, tag, context))
		return lpvmerr("pvm_addmhf", PvmExists);
	struct handler *h = weft__malloc(sizeof *h);
	if (!h)
		return lpvmerr("pvm_addmhf", PvmNoMem);
	*h = (struct handler){.id = unused_id(),
	                      .src = src,
	                      .tag = tag,
	                      .context = context,
	                      .function = function};
	weft__list_push(&handlers, &h->link);
	weft__pvm.nhandlers++;
	return h->id;
}

int weft__call_delmhf(int id)
{
	struct handler *h = id < 0 ? NULL : with_id(id);
	if (!h)
		return lpvmerr("pvm_delmhf", id < 0 ? PvmBadParam : PvmNotFound);
	forget(h);
	return PvmOk;
}

/* For people who look for a handler that is not called. */
int pvmdisplaymhfinfo(void)
{
	for (struct weft__list *l = handlers.next; l != &handlers; l = l->next) {
		const struct handler *h = WEFT__CONTAINER(l, struct handler, link);
		printf("handler %d: source %d, tag %d, context %d\n", h->id, h->src, h->tag,
		       h->context);
	}
	return PvmOk;
}

/* What matches when the program has no function of its own. */
static int usual_match(int bufid, int tid, int tag)
{
	const struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	return b && (tid == -1 || tid == b->src) && (tag == -1 || tag == b->tag);
}

int (*pvm_recvf(int (*match)(int bufid, int tid, int tag)))(int bufid, int tid, int tag)
{
	int (*before)(int, int, int) = weft__pvm.match;
	weft__pvm.match = match == usual_match ? NULL : match;
	return before ? before : usual_match;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static int time_left(uint64_t end)
{
	uint64_t now = weft__clock_ms();
	if (end == UINT64_MAX)
		return FOR_EVER;
	return now >= end ? 0 : end - now > INT_MAX ? INT_MAX : (int)(end - now);
}

/* Until something comes, or the time is over. */
static void pause_for_message(uint64_t end)
{
	struct pollfd p = {.fd = weft__fd(weft__pvm.e), .events = POLLIN};
	weft__progress(weft__pvm.e);
	poll(&p, 1, time_left(end));
	weft__progress(weft__pvm.e);
}

/* Through the list. The message's place in it; NULL with *code: 0 when the time is over. */
static struct kept *await_kept(const struct pattern *p, uint64_t end, bool dead_source, int *code)
{
	for (;;) {
		*code = drain_handled();
		struct kept *k = *code ? NULL : find(p);
		if (k || *code)
			return k;
		if (dead_source && end == UINT64_MAX)
			*code = PvmNoTask;
		if (*code || time_left(end) == 0)
			return NULL;
		pause_for_message(end);
	}
}

static bool is_plain(int tid)
{
	return !weft__pvm.match && !weft__pvm.nhandlers && !weft__pvm_is_catching() && (tid == -1 || weft__pvm_is_task(tid));
}

/* The next message: its buffer's id; 0 when the time is over; an error. */
static int next_message(int tid, int tag, uint64_t end)
{
	struct pattern p = {tid, tag, pvmmyctx};
	struct kept *k = weft__list_empty(&kept) || weft__pvm.nhandlers ? NULL : find(&p);
	weft_tid_t from = WEFT_ANY_TASK;
	int code;
	weft__pvm_sends_reap();
	if (k)
		return take(k);
	if (is_plain(tid) && tid != -1)
		from = weft__pvm_find(tid);
	if (!is_plain(tid) || from.v == 0) {
		k = await_kept(&p, end, from.v == 0, &code);
		return k ? take(k) : code;
	}
	for (;;) {
		int bufid = receive_one(from, p.context, tag == -1 ? WEFT_ANY_TAG : tag & INT32_MAX, time_left(end));
		if (bufid == PvmNoTask) {
			from = weft__pvm_refind(tid);
			if (from.v)
				continue;
			return end == UINT64_MAX ? PvmNoTask : 0;
		}
		if (bufid < 0)
			return bufid == PvmNoData ? 0 : bufid;
		if (bufid && weft__list_empty(&kept) && matches(&p, bufid))
			return bufid;
		if (bufid)
			weft__pvm_deliver(bufid); /* from the daemon, of whom nothing was asked; or the second of two */
		k = find(&p);
		if (k)
			return take(k);
	}
}

/* Whether such a message can come at all. */
static bool is_possible(int tid, int tag)
{
	bool is_source = tid == -1 || tid == WEFT__PVM_DAEMON || weft__pvm_is_task(tid) ||
	                 (tid > 0 && tid == weft__pvm_group_server());
	return (is_source && (tag >= -1 || weft__pvm.resvtids)) || weft__pvm.match;
}

int weft__pvm_become_current(int bufid)
{
	if (weft__pvm.rbuf && weft__pvm.rbuf != bufid)
		weft__pvm_buf_drop(weft__pvm.rbuf);
	return weft__pvm.rbuf = bufid;
}

/* --- the calls -------------------------------------------------------------------------------- */

static int receive(const char *name, int tid, int tag, uint64_t end)
{
	int rc = weft__pvm_enrol();
	bool can_come = is_possible(tid, tag);
	if (rc == PvmOk && !can_come && end == UINT64_MAX)
		rc = PvmBadParam; /* where the original would wait for ever */
	if (rc == PvmOk && can_come)
		rc = next_message(tid, tag, end);
	if (rc < 0)
		return lpvmerr(name, rc);
	return weft__pvm_become_current(rc); /* 0: then there is no current one either */
}

int weft__call_recv(int tid, int tag)
{
	return receive("pvm_recv", tid, tag, UINT64_MAX);
}

int weft__call_nrecv(int tid, int tag)
{
	return receive("pvm_nrecv", tid, tag, 0);
}

int weft__call_trecv(int tid, int tag, struct timeval *limit)
{
	if (!limit)
		return receive("pvm_trecv", tid, tag, UINT64_MAX);
	if (limit->tv_sec < 0 || limit->tv_usec < 0)
		return receive("pvm_trecv", tid, tag, 0);
	if (limit->tv_sec > INT_MAX)
		return lpvmerr("pvm_trecv", PvmBadParam);
	uint64_t ms = (uint64_t)limit->tv_sec * 1000 + ((uint64_t)limit->tv_usec + 999) / 1000;
	return receive("pvm_trecv", tid, tag, ms ? weft__clock_ms() + ms : 0);
}

int weft__call_probe(int tid, int tag)
{
	struct kept *k = NULL;
	int rc = weft__pvm_enrol();
	if (rc == PvmOk && is_possible(tid, tag)) {
		struct pattern p = {tid, tag, pvmmyctx};
		weft__pvm_sends_reap();
		k = await_kept(&p, 0, false, &rc);
	}
	if (rc)
		return lpvmerr("pvm_probe", rc);
	return k ? k->bufid : 0;
}

/* The body's bytes as they are, whatever their type: so the original. */
int weft__call_precv(int tid, int tag, void *buf, int count, int type, int *atid, int *atag, int *alen)
{
	size_t size = weft__pvm_type_size(type);
	int rc = weft__pvm_enrol();
	if (rc == PvmOk && !is_possible(tid, tag))
		rc = PvmBadParam;
	if (rc == PvmOk && type == PVM_STR)
		rc = PvmNotImpl;
	if (rc == PvmOk && (!size || count < 0 || (count && !buf)))
		rc = PvmBadParam;
	int bufid = rc ? rc : next_message(tid, tag, UINT64_MAX);
	if (bufid <= 0)
		return lpvmerr("pvm_precv", bufid);
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	size_t room = (size_t)count * size, n = weft__pvm_buf_bytes(b);
	size_t wanted = n < room ? n : room;
	if (wanted)
		weft__pvm_copy(buf, b->blob->bytes + WEFT__PVM_HEADER, wanted);
	if (atid)
		*atid = b->src;
	if (atag)
		*atag = b->tag;
	if (alen)
		*alen = (int)n;
	weft__pvm_buf_drop(bufid);
	return PvmOk;
}
