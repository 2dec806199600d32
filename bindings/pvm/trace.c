/* Traces of calls, as messages for the trace tid. Full traces have a record of each call's entry and exit; the
 * first of a kind describes itself. Times and counts are kept, and sent when the task leaves. With a trace buffer
 * records are collected until there are so many bytes.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/time.h>

#include "bindings/pvm/calls.h"

enum { ENTRY_BIT = 1, EXIT_BIT = 2, PHASES = TEV_EVENT_ENTRY | TEV_EVENT_EXIT };

/* What is being written. */
static struct {
	int buffer;        /* a buffer's id, 0: none */
	struct Pvmtracer to;
	bool is_described; /* the record's fields have been named before */
	bool is_collected; /* records wait in the buffer */
	bool is_busy;      /* within a record: what it needs of PVM is not traced */
	int depth;         /* within calls of libgpvm3, whose calls are not traced */
} out;

static int last_introduced; /* a trace tid that has been told what the fields are */

/* --- writing ---------------------------------------------------------------------------------- */

static void put_ints(const int *values, int n)
{
	struct weft__pvm_buf *b = weft__pvm_buf(out.buffer);
	if (b)
		weft__pvm_pack(b, PVM_INT, values, n, 1);
}

static void put_int(int value)
{
	put_ints(&value, 1);
}

static void put_text(const char *text)
{
	struct weft__pvm_buf *b = weft__pvm_buf(out.buffer);
	size_t n = strlen(text) + 1;
	if (!b || n > 65536)
		return;
	put_int((int)n);
	weft__pvm_pack(b, PVM_BYTE, text, (int)n, 1);
}

static void send_buffer(bool begins)
{
	struct weft__pvm_buf *b = weft__pvm_buf(out.buffer);
	struct weft__pvm_blob *blob = b ? weft__pvm_buf_seal(b) : NULL;
	if (blob)
		blob->bytes[WEFT__PVM_TRACES_AT] = begins;
	if (blob)
		weft__pvm_send_blob(out.to.trctid, out.to.trcctx, out.to.trctag, blob);
	weft__pvm_blob_drop(blob);
	weft__pvm_buf_drop(out.buffer);
	out.buffer = 0;
	out.is_collected = false;
}

static void flush(void)
{
	if (!out.is_collected)
		return;
	put_int(TEV_MARK_EVENT_BUFFER_END);
	send_buffer(false);
}

/* To a new reader first what the fields are called. */
static void introduce(const struct Pvmtracer *to)
{
	if (to->trctid == last_introduced)
		return;
	flush();
	int id = weft__pvm_buf_new(PvmDataDefault, NULL);
	if (id < 0)
		return;
	last_introduced = to->trctid;
	out.buffer = id;
	out.to = *to;
	put_int(TEV_MARK_DATA_ID);
	for (int i = 0; i <= TEV_DID_MAX; i++) {
		put_int(i);
		put_text(pvmtevdidlist[i].did);
		put_text(pvmtevdidlist[i].desc);
	}
	put_int(TEV_MARK_DATA_ID_END);
	send_buffer(true);
}

static bool open_record(int event, const struct Pvmtracer *to, bool collect)
{
	struct Pvmtevinfo *info = &pvmtevinfo[event & ~PHASES];
	int phase = event & TEV_EVENT_ENTRY ? ENTRY_BIT : EXIT_BIT, first = TEV_MARK_EVENT_BUFFER;
	if (!out.buffer) {
		int id = weft__pvm_buf_new(PvmDataDefault, NULL);
		if (id < 0)
			return false;
		out.buffer = id;
		out.to = *to;
		if (collect)
			put_ints(&first, 1);
		out.is_collected = collect;
	}
	out.is_busy = true;
	out.is_described = (event & PHASES) && info->desc_status & phase;
	put_int(out.is_described ? TEV_MARK_EVENT_RECORD : TEV_MARK_EVENT_DESC);
	put_int(event);
	if (!out.is_described)
		put_text(info->name);
	if (event & PHASES)
		info->desc_status |= phase;
	return true;
}

static void field(int id, int type)
{
	int header[] = {id, type};
	if (!out.is_described)
		put_ints(header, 2);
}

void weft__trace_int(int id, int value)
{
	field(id, TEV_DATA_INT);
	put_int(value);
}

void weft__trace_ints(int id, const int *values, int n)
{
	field(id, TEV_DATA_INT | TEV_DATA_ARRAY);
	n = values && n > 0 ? n : 0;
	put_int(n);
	put_ints(values, n);
}

void weft__trace_text(int id, const char *text)
{
	field(id, TEV_DATA_STRING);
	put_text(text ? text : "");
}

void weft__trace_texts(int id, char *const *texts, int n)
{
	field(id, TEV_DATA_STRING | TEV_DATA_ARRAY);
	n = texts && n > 0 ? n : 0;
	put_int(n);
	for (int i = 0; i < n; i++)
		put_text(texts[i] ? texts[i] : "");
}

void weft__trace_address(int id, const void *p)
{
	struct weft__pvm_buf *b = weft__pvm_buf(out.buffer);
	long value = (long)p;
	field(id, TEV_DATA_LONG);
	if (b)
		weft__pvm_pack(b, PVM_LONG, &value, 1, 1);
}

static void put_time_and_task(int tid)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	weft__trace_int(TEV_DID_TS, (int)now.tv_sec);
	weft__trace_int(TEV_DID_TU, (int)now.tv_usec);
	weft__trace_int(TEV_DID_TID, tid);
}

void weft__trace_end(void)
{
	struct weft__pvm_buf *b = weft__pvm_buf(out.buffer);
	put_int(out.is_described ? TEV_MARK_EVENT_RECORD_END : TEV_MARK_EVENT_DESC_END);
	out.is_busy = false;
	if (!out.is_collected)
		send_buffer(false);
	else if (b && weft__pvm_buf_bytes(b) > (size_t)out.to.trcbuf)
		flush();
}

/* --- calls ------------------------------------------------------------------------------------ */

static void count(struct Pvmtevinfo *info, bool is_exit)
{
	struct timeval now, spent;
	info->count++;
	if (pvmtrc.trcopt != PvmTraceTime)
		return;
	gettimeofday(&now, NULL);
	if (!is_exit) {
		info->mark = now;
		return;
	}
	timersub(&now, &info->mark, &spent);
	timeradd(&info->total, &spent, &info->total);
}

bool weft__trace_begin(int event)
{
	int number = event & ~PHASES;
	if (out.is_busy || out.depth || !weft__trace_is_on() || !TEV_MASK_CHECK(pvmtrc.tmask, number))
		return false;
	if (pvmtrc.trcopt == PvmTraceTime || pvmtrc.trcopt == PvmTraceCount) {
		count(&pvmtevinfo[number], event & TEV_EVENT_EXIT);
		return false;
	}
	introduce(&pvmtrc);
	if (!open_record(event, &pvmtrc, pvmtrc.trcbuf > 0))
		return false;
	put_time_and_task(weft__pvm.tid);
	return true;
}

void weft__trace_target(void)
{
	flush();
	if (strlen(pvmtrc.tmask) < TEV_MASK_LENGTH - 1) /* a short mask traces what it names */
		memset(pvmtrc.tmask + strlen(pvmtrc.tmask), 0, TEV_MASK_LENGTH - strlen(pvmtrc.tmask));
}

/* --- tasks that come and go ------------------------------------------------------------------- */

/* PVM's daemons tell of tasks whatever the mask says: that they begin, so does here a task itself before all else that it
 * tells; that they were spawned, who spawned them; that they end, traced.c. */
void weft__trace_begins(void)
{
	if (!weft__trace_is_on())
		return;
	int parent = weft__call_parent();
	bool spawned = parent != PvmNoParent;
	introduce(&pvmtrc);
	if (!open_record(TEV_NEWTASK, &pvmtrc, false))
		return;
	put_time_and_task(weft__pvm.tid);
	weft__trace_int(TEV_DID_PT, spawned ? parent : -1);
	weft__trace_int(TEV_DID_TF, !spawned ? -1 : parent == PvmParentNotSet ? PvmNoSpawnParent : 0);
	weft__trace_text(TEV_DID_TN, spawned ? program_invocation_name : "-");
	weft__trace_end();
}

void weft__trace_spawned(const struct Pvmtracer *to, const int *tids, int n)
{
	if (to->trctid <= 0)
		return;
	flush();
	introduce(to);
	for (int i = 0; i < n; i++)
		if (tids[i] > 0 && open_record(TEV_SPNTASK, to, false)) {
			put_time_and_task(tids[i]);
			weft__trace_int(TEV_DID_PT, weft__pvm.tid);
			weft__trace_end();
		}
}

/* What was counted, of all calls that were made. */
static void send_counts(void)
{
	bool times = pvmtrc.trcopt == PvmTraceTime;
	int seconds[TEV_MAX + 1], microseconds[TEV_MAX + 1], counts[TEV_MAX + 1], n = 0;
	char *names[TEV_MAX + 1];
	for (int i = 0; i <= TEV_MAX; i++) {
		const struct Pvmtevinfo *info = &pvmtevinfo[i];
		if (!info->count)
			continue;
		names[n] = info->name;
		seconds[n] = (int)info->total.tv_sec;
		microseconds[n] = (int)info->total.tv_usec;
		counts[n++] = info->count;
	}
	if (!n || !open_record(times ? TEV_TIMING : TEV_PROFILING, &pvmtrc, false))
		return;
	put_time_and_task(weft__pvm.tid);
	weft__trace_int(TEV_DID_VCT, n);
	weft__trace_texts(TEV_DID_VID, names, n);
	if (times) {
		weft__trace_ints(TEV_DID_TGS, seconds, n);
		weft__trace_ints(TEV_DID_TGU, microseconds, n);
	}
	weft__trace_ints(TEV_DID_PRF, counts, n);
	weft__trace_end();
}

/* Of its end who gets the traces is told by the system: traced.c. */
void weft__trace_exit(void)
{
	if (!weft__trace_is_on())
		return;
	flush();
	if (pvmtrc.trcopt == PvmTraceTime || pvmtrc.trcopt == PvmTraceCount)
		send_counts();
	last_introduced = 0;
	for (int i = 0; i <= TEV_MAX; i++)
		pvmtevinfo[i].desc_status = pvmtevinfo[i].count = 0;
}

/* --- calls of libgpvm3 -------------------------------------------------------------------------- */

void pvm_weft_group_enter(int event, const char *group, int id, int value)
{
	if (weft__trace_begin(event | TEV_EVENT_ENTRY)) {
		weft__trace_text(TEV_DID_GN, group);
		if (id >= 0)
			weft__trace_int(id, value);
		weft__trace_end();
	}
	out.depth++;
}

int pvm_weft_group_leave(int event, int id, int result)
{
	out.depth--;
	if (weft__trace_begin(event | TEV_EVENT_EXIT)) {
		weft__trace_int(id, result);
		weft__trace_end();
	}
	return result;
}
