/* Output of tasks that were spawned with an output tid: the engine's messages become PVM's, which say a task
 * and a number of bytes, then the bytes; numbers below 1 say that it was spawned, that it has begun, and that no more
 * comes. pvm_catchout has them in a context of its own and prints them, a whole line at a time.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "base/ids.h"
#include "base/map.h"
#include "bindings/pvm/calls.h"

enum { SPAWNED = -2, BEGUN = -1, ENDED = 0 };
enum { LINE_MAX_BYTES = 4096, QUIET_MS = 5000 };

static struct {
	FILE *to;
	struct weft__map lines;   /* tid -> its line so far, of those that have begun and not ended */
	struct weft__map spawned; /* tids that have not begun */
	unsigned ncame;           /* messages */
} catching;

bool weft__pvm_is_catching(void)
{
	return catching.to != NULL || catching.lines.count || catching.spawned.count;
}

/* --- PVM's messages --------------------------------------------------------------------------- */

static int message_new(int tid, int n, int parent, const void *bytes, int tag, int context)
{
	struct weft__pvm_buf *b;
	int id = weft__pvm_buf_new(PvmDataDefault, &b);
	int rc = id < 0 ? id : weft__pvm_pack(b, PVM_INT, &tid, 1, 1);
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_INT, &n, 1, 1);
	if (rc == PvmOk && n < 0)
		rc = weft__pvm_pack(b, PVM_INT, &parent, 1, 1);
	if (rc == PvmOk && n > 0)
		rc = weft__pvm_pack(b, PVM_BYTE, bytes, n, 1);
	if (rc) {
		if (id > 0)
			weft__pvm_buf_drop(id);
		return rc;
	}
	b->src = WEFT__PVM_DAEMON;
	b->dst = weft__pvm.tid;
	b->tag = tag;
	b->context = context;
	return id;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct line {
	size_t n;
	char text[LINE_MAX_BYTES];
};

static void print_line(int tid, const char *text, size_t n)
{
	if (!catching.to)
		return;
	if (weft__pvm.showtids)
		fprintf(catching.to, "[t%x] ", (unsigned)tid);
	fwrite(text, 1, n, catching.to);
	fputc('\n', catching.to);
}

static void print_mark(int tid, const char *what)
{
	if (catching.to && weft__pvm.showtids)
		fprintf(catching.to, "[t%x] %s\n", (unsigned)tid, what);
}

static void begin(uint64_t tid)
{
	struct line *l = weft__calloc(1, sizeof *l);
	weft__map_remove(&catching.spawned, tid);
	if (!l || weft__map_put(&catching.lines, tid, l)) {
		weft__free(l);
		return;
	}
	print_mark((int)tid, "BEGIN");
}

static void add(uint64_t tid, const char *bytes, size_t nbytes)
{
	struct line *l = weft__map_get(&catching.lines, tid);
	for (size_t i = 0; l && i < nbytes; i++) {
		if (bytes[i] != '\n')
			l->text[l->n++] = bytes[i];
		if (bytes[i] == '\n' || l->n == sizeof l->text) {
			print_line((int)tid, l->text, l->n);
			l->n = 0;
		}
	}
}

static void end(uint64_t tid)
{
	struct line *l = weft__map_get(&catching.lines, tid);
	if (!l)
		return;
	if (l->n)
		print_line((int)tid, l->text, l->n);
	print_mark((int)tid, "EOF");
	weft__map_remove(&catching.lines, tid);
	weft__free(l);
}

/* --- what comes ------------------------------------------------------------------------------- */

static void catch(const struct weft__output *o, const char *bytes)
{
	uint64_t tid = weft__tid_slot(o->tid);
	catching.ncame++;
	if (o->what == WEFT__OUTPUT_BEGINS)
		begin(tid);
	else if (o->what == WEFT__OUTPUT_BYTES)
		add(tid, bytes, o->nbytes);
	else
		end(tid);
	if (catching.to)
		fflush(catching.to);
}

static int convert(const struct weft__output *o, const char *bytes, int tag, int context)
{
	int tid = weft__pvm_slot(o->tid), parent = weft__pvm_slot(o->parent);
	if (o->what == WEFT__OUTPUT_BYTES)
		return message_new(tid, (int)o->nbytes, 0, bytes, tag, context);
	if (o->what == WEFT__OUTPUT_ENDS)
		return message_new(tid, ENDED, 0, NULL, tag, context);
	int moved = o->sink != 0; /* the task has wanted it so: then PVM's daemon tells of both the other way round */
	int first = message_new(tid, moved ? BEGUN : SPAWNED, parent, NULL, tag, context);
	int rc = first < 0 ? first : weft__pvm_deliver(first);
	return rc ? rc : message_new(tid, moved ? SPAWNED : BEGUN, parent, NULL, tag, context);
}

bool weft__pvm_output(const void *bytes, size_t nbytes, const weft_status_t *status, int context, int *bufid)
{
	struct weft__output o;
	if (nbytes < sizeof o || memcmp(bytes, WEFT__OUTPUT_MAGIC, sizeof o.magic) != 0 ||
	    status->source.v != weft__self(weft__pvm.e).v)
		return false;
	memcpy(&o, bytes, sizeof o);
	if (o.nbytes != nbytes - sizeof o)
		return false;
	const char *text = (const char *)bytes + sizeof o;
	*bufid = 0;
	weft__pvm_learn(o.tid);
	if (context == WEFT__PVM_CATCH_CONTEXT && status->tag == WEFT__PVM_TC_OUTPUT)
		catch(&o, text);
	else
		*bufid = convert(&o, text, status->tag, context);
	weft__output_received(weft__pvm.e, &o);
	return true;
}

/* --- pvm_catchout ----------------------------------------------------------------------------- */

int weft__call_catchout(FILE *to)
{
	int rc = weft__pvm_enrol();
	if (rc)
		return lpvmerr("pvm_catchout", rc);
	if (to)
		catching.to = to;
	pvmctrc.outtid = to ? weft__pvm.tid : 0;
	pvmctrc.outctx = to ? WEFT__PVM_CATCH_CONTEXT : 0;
	pvmctrc.outtag = to ? WEFT__PVM_TC_OUTPUT : 0;
	return PvmOk;
}

void weft__pvm_spawned(const weft_tid_t *tids, int n)
{
	if (pvmctrc.outtid != weft__pvm.tid || pvmctrc.outctx != WEFT__PVM_CATCH_CONTEXT)
		return;
	for (int i = 0; i < n; i++) {
		uint64_t slot = weft__tid_slot(tids[i]);
		if (slot && !weft__map_get(&catching.lines, slot)) /* without memory it is only not waited for */
			weft__map_put(&catching.spawned, slot, &catching);
	}
}

static bool runs(uint64_t tid, const weft_task_t *tasks, int n)
{
	for (int i = 0; i < n; i++)
		if (weft__tid_slot(tasks[i].tid) == tid)
			return true;
	return false;
}

/* Of tasks that were lost with their node no end comes. */
static void forget_lost(void)
{
	weft_task_t *tasks;
	int n;
	if (weft__pvm_list_tasks(0, &tasks, &n))
		return;
	struct weft__map *maps[] = {&catching.lines, &catching.spawned};
	for (int i = 0; i < 2; i++) {
		size_t cursor = 0;
		uint64_t tid;
		void *value;
		while (weft__map_next(maps[i], &cursor, &tid, &value)) {
			if (runs(tid, tasks, n))
				continue;
			end(tid);
			weft__map_remove(maps[i], tid);
			cursor = 0; /* the map has changed */
		}
	}
	weft__free(tasks);
}

/* As the original: only while output is collected, not after pvm_catchout(NULL). */
void weft__pvm_catch_all(void)
{
	bool collects = pvmctrc.outtid == weft__pvm.tid && pvmctrc.outctx == WEFT__PVM_CATCH_CONTEXT;
	while (collects && (catching.lines.count || catching.spawned.count)) {
		unsigned before = catching.ncame;
		if (weft__pvm_catch_some(QUIET_MS))
			return;
		if (catching.ncame == before)
			forget_lost();
	}
}

void weft__pvm_output_fini(void)
{
	size_t cursor = 0;
	uint64_t tid;
	void *line;
	while (weft__map_next(&catching.lines, &cursor, &tid, &line))
		weft__free(line);
	weft__map_fini(&catching.lines);
	weft__map_fini(&catching.spawned);
	memset(&catching, 0, sizeof catching);
}
