/* Sending. PVM's sends do not wait for the receiver. A message goes out as far as it can before the call returns, for a program
 * may compute for long until its next call: where there is no channel yet it is waited for. The rest goes on in later calls,
 * from bytes that it shares with the buffer. What is under way is bounded: beyond UNDER_WAY_MAX a send waits, so that a
 * receiver that does not receive costs the sender its time, and nobody's memory.
 *
 * What can go wrong: the receiver is dead or never was. PVM says nothing about that, and returns 0.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"

enum {
	SHORT_BYTES = 8192, /* such a message is offered to the channel first */
	SWEEP_EVERY = 16,
	NUNDER_WAY_MAX = 65536,
	PATIENCE_MS = 1000, /* a task that was just spawned enrols and receives within this, else its messages wait */
	QUEUE_MAX = 256,
};
#define UNDER_WAY_MAX ((size_t)256 << 20)

struct under_way {
	struct under_way *next;
	weft_tid_t to;
	bool is_new; /* there was no channel to it */
	weft_request_t request;
	struct weft__pvm_blob *blob;
};

static struct under_way *first, **last = &first;
static size_t nunder_way, under_way_bytes;
static struct under_way *fresh; /* the first of those that the call which goes on has begun */
static size_t nolder; /* under way when that began */

static void retire(struct under_way **at)
{
	struct under_way *u = *at;
	*at = u->next;
	if (last == &u->next)
		last = at;
	if (fresh == u)
		fresh = u->next;
	nunder_way--;
	under_way_bytes -= u->blob->size;
	weft__pvm_blob_drop(u->blob);
	weft__free(u);
}

void weft__pvm_sends_reap(void)
{
	static unsigned calls;
	bool all = nunder_way <= SWEEP_EVERY || ++calls % SWEEP_EVERY == 0;
	for (struct under_way **at = &first; *at;) {
		if (weft__test(weft__pvm.e, &(*at)->request, NULL) != WEFT_EAGAIN)
			retire(at);
		else if (!all)
			return;
		else
			at = &(*at)->next;
	}
}

void weft__pvm_sends_finish(int timeout_ms)
{
	uint64_t end = weft__clock_ms() + (uint64_t)timeout_ms;
	while (first) {
		uint64_t now = weft__clock_ms();
		int left = now < end ? (int)(end - now) : 0;
		if (weft__wait(weft__pvm.e, &first->request, NULL, left) == WEFT_ETIMEDOUT) {
			weft__give_up(weft__pvm.e, &first->request);
		}
		retire(&first);
	}
}

/* Room for one more. */
static void wait_for_room(size_t bytes)
{
	while (first && (nunder_way >= NUNDER_WAY_MAX || under_way_bytes + bytes > UNDER_WAY_MAX)) {
		weft__wait(weft__pvm.e, &first->request, NULL, -1);
		retire(&first);
	}
}

static int begin(weft_tid_t to, int context, int tag, struct weft__pvm_blob *blob)
{
	wait_for_room(blob->size);
	struct under_way *u = weft__malloc(sizeof *u);
	if (!u)
		return WEFT_ENOMEM;
	int rc = weft__isend_lent(weft__pvm.e, to, (weft_context_t){(uint32_t)context}, tag, blob->slices,
	                          blob->bytes, blob->size, &u->request);
	if (rc) {
		weft__free(u);
		return rc;
	}
	blob->refs++;
	u->blob = blob;
	u->next = NULL;
	u->to = to;
	u->is_new = weft__lacks_channel(weft__pvm.e, &u->request);
	if (!fresh) {
		fresh = u;
		nolder = nunder_way;
	}
	*last = u;
	last = &u->next;
	nunder_way++;
	under_way_bytes += blob->size;
	return 0;
}

/* Something for the same task is under way from before: it was not taken then. */
static bool is_stuck(const struct under_way *u)
{
	for (const struct under_way *before = first; before && before != fresh; before = before->next)
		if (before->to.v == u->to.v)
			return true;
	return false;
}

/* What the call has begun goes out as far as it can; behind a long queue it need not be tried. */
static void hand_over(void)
{
	uint64_t end = weft__clock_ms() + PATIENCE_MS;
	for (struct under_way *u = nolder <= QUEUE_MAX ? fresh : NULL; u; u = u->next) {
		uint64_t now = weft__clock_ms();
		if (!is_stuck(u))
			weft__hand_over(weft__pvm.e, &u->request, u->is_new, now < end ? (int)(end - now) : 0);
	}
	fresh = NULL;
	weft__pvm_sends_reap();
}

static int send_whole(weft_tid_t to, int context, int tag, struct weft__pvm_blob *blob)
{
	int rc = WEFT_ETIMEDOUT;
	if (blob->size <= SHORT_BYTES)
		rc = weft__send(weft__pvm.e, to, (weft_context_t){(uint32_t)context}, tag,
		                blob->bytes, blob->size, 0);
	return rc == WEFT_ETIMEDOUT ? begin(to, context, tag, blob) : rc;
}

/* PVM's own tags are below 0, the engine's are not: the message says so. The blob, or a copy when its bytes are under
 * way without that. */
static struct weft__pvm_blob *marked(struct weft__pvm_blob *blob, int tag)
{
	unsigned char mark = tag < 0;
	if (blob->slices) /* for this send alone */
		blob->bytes[WEFT__PVM_RESERVED_AT] = mark;
	if (blob->bytes[WEFT__PVM_RESERVED_AT] == mark) {
		blob->refs++;
		return blob;
	}
	struct weft__pvm_blob *copy = weft__malloc(sizeof *copy);
	unsigned char *bytes = copy ? weft__malloc(blob->size) : NULL;
	if (!bytes) {
		weft__free(copy);
		return NULL;
	}
	memcpy(bytes, blob->bytes, blob->size);
	bytes[WEFT__PVM_RESERVED_AT] = mark;
	*copy = (struct weft__pvm_blob){.refs = 1, .bytes = bytes, .size = blob->size, .room = blob->size};
	return copy;
}

static int send_marked(int tid, int context, int tag, struct weft__pvm_blob *blob);

/* It is not handed over yet. */
static int send_one_of_many(int tid, int context, int tag, struct weft__pvm_blob *blob)
{
	struct weft__pvm_blob *own = marked(blob, tag);
	int rc = own ? send_marked(tid, context, tag & INT32_MAX, own) : PvmNoMem;
	weft__pvm_blob_drop(own);
	return rc;
}

int weft__pvm_send_blob(int tid, int context, int tag, struct weft__pvm_blob *blob)
{
	int rc = send_one_of_many(tid, context, tag, blob);
	if (first)
		hand_over();
	return rc;
}

static int send_marked(int tid, int context, int tag, struct weft__pvm_blob *blob)
{
	weft_tid_t to = weft__pvm_find(tid);
	if (first)
		weft__pvm_sends_reap();
	if (to.v == 0)
		return PvmOk;
	if (weft__pvm.route == PvmRouteDirect)
		weft__pvm_route(tid);
	int rc = send_whole(to, context, tag, blob);
	if (rc == WEFT_ENOTASK) { /* dead: or is its slot another task's now? */
		to = weft__pvm_refind(tid);
		rc = to.v ? send_whole(to, context, tag, blob) : 0;
	}
	return rc == WEFT_ENOTASK ? PvmOk : weft__pvm_code(rc);
}

static bool is_tag(int tag)
{
	return tag >= 0 || weft__pvm.resvtids;
}

/* A host's tid, with the bit that says daemon or without; the bit alone is the own host's. */
static bool is_daemon(int tid)
{
	return tid == WEFT__PVM_DAEMON || weft__pvm_is_host(tid & INT32_MAX);
}

/* Services may name daemons, too. */
static bool is_target(int tid)
{
	return weft__pvm_is_task(tid) || (weft__pvm.resvtids && is_daemon(tid)) ||
	       (tid > 0 && tid == weft__pvm_group_server());
}

/* What pvm_bufinfo says of it from now on. */
static void note_sent(struct weft__pvm_buf *b, int tid, int tag)
{
	b->dst = tid;
	b->tag = tag;
	b->context = pvmmyctx;
}

static int send_buffer(struct weft__pvm_buf *b, int tid, int tag)
{
	struct weft__pvm_blob *blob = weft__pvm_buf_lend(b);
	if (!blob)
		return PvmNoMem;
	int rc = weft__pvm_send_blob(tid, pvmmyctx, tag, blob);
	weft__pvm_blob_drop(blob);
	note_sent(b, tid, tag);
	return rc;
}

int weft__call_send(int tid, int tag)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	int rc = weft__pvm_enrol();
	if (rc == 0)
		rc = !is_target(tid) || !is_tag(tag) ? PvmBadParam : b ? PvmOk : PvmNoBuf;
	if (rc == PvmOk && tid > 0 && tid == weft__pvm_group_server())
		rc = weft__pvm_tell_group_server(tag);
	else if (rc == PvmOk && !weft__pvm_is_task(tid))
		rc = weft__pvm_tell_daemon(b, tid, tag);
	else if (rc == PvmOk)
		rc = send_buffer(b, tid, tag);
	return rc ? lpvmerr("pvm_send", rc) : PvmOk;
}

static bool comes_again(const int *tids, int i)
{
	for (int k = 0; k < i; k++)
		if (tids[k] == tids[i])
			return true;
	return false;
}

int weft__call_mcast(int *tids, int count, int tag)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	int rc = weft__pvm_enrol();
	if (rc == 0)
		rc = !b ? PvmNoBuf : count < 0 || (count && !tids) || !is_tag(tag) ? PvmBadParam : PvmOk;
	for (int i = 0; rc == 0 && i < count; i++)
		if (!weft__pvm_is_task(tids[i]))
			rc = PvmBadParam;
	if (rc)
		return lpvmerr("pvm_mcast", rc);
	struct weft__pvm_blob *blob = weft__pvm_buf_seal(b);
	if (!blob)
		return lpvmerr("pvm_mcast", PvmNoMem);
	for (int i = 0; rc == 0 && i < count; i++)
		if (tids[i] != weft__pvm.tid && !comes_again(tids, i))
			rc = send_one_of_many(tids[i], pvmmyctx, tag, blob);
	if (first)
		hand_over();
	weft__pvm_blob_drop(blob);
	note_sent(b, b->dst, tag);
	return rc ? lpvmerr("pvm_mcast", rc) : PvmOk;
}

int weft__call_psend(int tid, int tag, void *buf, int count, int type)
{
	size_t size = weft__pvm_type_size(type);
	struct weft__pvm_buf *b = NULL;
	int rc = weft__pvm_enrol();
	if (rc == 0 && type == PVM_STR)
		rc = PvmNotImpl;
	if (rc == 0 && (!weft__pvm_is_task(tid) || !is_tag(tag) || !size || count < 0 ||
	                (count && !buf)))
		rc = PvmBadParam;
	int id = rc ? rc : weft__pvm_buf_new(PvmDataInPlace, &b);
	if (id < 0)
		return lpvmerr("pvm_psend", id);
	rc = weft__pvm_pack(b, type, buf, count, 1);
	struct weft__pvm_blob *blob = rc ? NULL : weft__pvm_buf_lend(b);
	if (blob)
		rc = weft__pvm_send_blob(tid, pvmmyctx, tag, blob);
	else if (rc == 0)
		rc = PvmNoMem;
	weft__pvm_blob_drop(blob);
	weft__pvm_buf_drop(id);
	return rc ? lpvmerr("pvm_psend", rc) : PvmOk;
}
