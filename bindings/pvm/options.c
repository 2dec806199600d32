/* Options, contexts, names of things that a program may ask for. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/ids.h"
#include "base/map.h"
#include "bindings/pvm/calls.h"

/* What an option is kept in and which values it may have. */
enum bound { ANY, RANGE, TARGET, OUTPUTS, TRACES, TASK, FIXED, NOTHING };

static const struct option {
	int what;
	int *value;
	enum bound bound;
	int min, max;
} options[] = {
        {PvmRoute, &weft__pvm.route, RANGE, PvmDontRoute, PvmRouteDirect},
        {PvmDebugMask, &weft__pvm.debugmask, ANY, 0, 0},
        {PvmAutoErr, &weft__pvm.autoerr, ANY, 0, 0},
        {PvmOutputTid, &pvmctrc.outtid, TARGET, 0, 0},
        {PvmOutputCode, &pvmctrc.outtag, OUTPUTS, 0, 0},
        {PvmTraceTid, &pvmctrc.trctid, TARGET, 0, 0},
        {PvmTraceCode, &pvmctrc.trctag, TRACES, 0, 0},
        {PvmTraceBuffer, &pvmctrc.trcbuf, ANY, 0, 0},
        {PvmTraceOptions, &pvmctrc.trcopt, RANGE, PvmTraceFull, PvmTraceCount},
        {PvmFragSize, &weft__pvm.fragsize, RANGE, 52, 1 << 20},
        {PvmResvTids, &weft__pvm.resvtids, ANY, 0, 0},
        {PvmSelfOutputTid, &pvmtrc.outtid, TASK, 0, 0},
        {PvmSelfOutputCode, &pvmtrc.outtag, ANY, 0, 0},
        {PvmSelfTraceTid, &pvmtrc.trctid, TASK, 0, 0},
        {PvmSelfTraceCode, &pvmtrc.trctag, ANY, 0, 0},
        {PvmSelfTraceBuffer, &pvmtrc.trcbuf, ANY, 0, 0},
        {PvmSelfTraceOptions, &pvmtrc.trcopt, RANGE, PvmTraceFull, PvmTraceCount},
        {PvmShowTids, &weft__pvm.showtids, ANY, 0, 0},
        {PvmPollType, NULL, NOTHING, 0, 0}, /* the original's, too, has no shared memory to poll */
        {PvmPollTime, NULL, NOTHING, 0, 0},
        {PvmOutputContext, &pvmctrc.outctx, OUTPUTS, 0, 0},
        {PvmTraceContext, &pvmctrc.trcctx, TRACES, 0, 0},
        {PvmSelfOutputContext, &pvmtrc.outctx, FIXED, 0, 0},
        {PvmSelfTraceContext, &pvmtrc.trcctx, FIXED, 0, 0},
        {PvmNoReset, &weft__pvm.noreset, ANY, 0, 0},
};

static const struct option *find(int what)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (options[i].what == what)
			return &options[i];
	return NULL;
}

/* How another task wants what goes there is its affair. */
static bool agrees(int target, int value, int before)
{
	return target <= 0 || target == weft__pvm.tid || value == before;
}

/* A tag for what goes nowhere is not kept. */
static bool is_idle(int what)
{
	return (what == PvmSelfOutputCode && pvmtrc.outtid <= 0) || (what == PvmSelfTraceCode && pvmtrc.trctid <= 0);
}

static int check(const struct option *o, int value)
{
	switch (o->bound) {
	case ANY:
		return PvmOk;
	case RANGE:
		return value >= o->min && value <= o->max ? PvmOk : PvmBadParam;
	case TARGET: /* oneself, nobody, or who it is anyway */
		return value == 0 || value == weft__pvm.tid || value == *o->value ? PvmOk : PvmBadParam;
	case OUTPUTS:
		return agrees(pvmctrc.outtid, value, *o->value) ? PvmOk : PvmBadParam;
	case TRACES:
		return agrees(pvmctrc.trctid, value, *o->value) ? PvmOk : PvmBadParam;
	case TASK:
		return value <= 0 || weft__pvm_is_task(value) ? PvmOk : PvmBadParam;
	default:
		return PvmNotImpl;
	}
}

enum { MOVE_MS = 10000 };

/* What this task writes goes where the option says, before it is set. */
static int move_output(int what, int value)
{
	struct weft__spawn_how how = {.context = {(uint32_t)pvmtrc.outctx}, .tag = what == PvmSelfOutputCode ? value : pvmtrc.outtag};
	int to = what == PvmSelfOutputTid ? value : pvmtrc.outtid;
	if ((what != PvmSelfOutputTid && what != PvmSelfOutputCode) || (to <= 0 && pvmtrc.outtid <= 0))
		return PvmOk;
	how.tid = to > 0 ? weft__pvm_find(to) : WEFT_NO_TID;
	int rc = weft__output_to(weft__pvm.e, &how, MOVE_MS);
	return rc == WEFT_EUNSUP ? PvmOk : weft__pvm_code(rc); /* nobody knows the output of what came by itself */
}

/* What follows from some options. */
static void follow(int what, int before)
{
	switch (what) {
	case PvmSelfOutputTid:
	case PvmSelfOutputCode:
		pvmctrc.outtid = pvmtrc.outtid;
		pvmctrc.outtag = pvmtrc.outtag;
		pvmctrc.outctx = pvmtrc.outctx;
		break;
	case PvmSelfTraceTid:
	case PvmSelfTraceCode:
		pvmctrc.trctid = pvmtrc.trctid;
		pvmctrc.trctag = pvmtrc.trctag;
		pvmctrc.trcctx = pvmtrc.trcctx;
		weft__trace_target();
		break;
	case PvmNoReset:
		if (!before != !weft__pvm.noreset)
			weft__pvm_spare(weft__pvm.noreset != 0); /* what can go wrong leaves it to the next reset */
		break;
	default:
		break;
	}
}

int weft__call_setopt(int what, int value)
{
	const struct option *o = find(what);
	int rc = weft__pvm_enrol();
	if (rc == PvmOk)
		rc = o ? check(o, value) : PvmBadParam;
	if (rc == PvmOk && is_idle(what))
		return PvmOk;
	if (rc == PvmOk)
		rc = move_output(what, value);
	if (rc)
		return lpvmerr("pvm_setopt", rc);
	int before = *o->value;
	*o->value = value;
	follow(what, before);
	return before;
}

int weft__call_getopt(int what)
{
	const struct option *o = find(what);
	int rc = weft__pvm_enrol();
	if (rc == PvmOk && (!o || !o->value))
		rc = PvmBadParam;
	return rc ? lpvmerr("pvm_getopt", rc) : *o->value;
}

/* --- what tasks hand on to those that they spawn ---------------------------------------------- */

struct Pvmtracer pvmtrc, pvmctrc;

#define NO_EVENTS "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@"

static int number_of(const char *variable)
{
	const char *text = getenv(variable);
	return text ? (int)strtol(text, NULL, 0) : 0;
}

void weft__pvm_inherit(void)
{
	struct Pvmtracer *t = &pvmtrc;
	const char *targets = getenv(WEFT__PVM_TARGETS), *mask = getenv("PVMTMASK");
	const char *self = getenv("WEFT_TID");
	weft_tid_t tid;
	if (!self || weft__tid_parse(self, &tid) || tid.v != weft__self(weft__pvm.e).v)
		targets = mask = NULL; /* inherited from another task: they are about that one */
	*t = (struct Pvmtracer){.trcbuf = number_of("PVMTRCBUF"), .trcopt = number_of("PVMTRCOPT")};
	memcpy(t->tmask, NO_EVENTS, sizeof t->tmask);
	if (mask && strlen(mask) < sizeof t->tmask)
		memcpy(t->tmask, mask, strlen(mask));
	int n = targets ? sscanf(targets, "%d:%d:%d:%d:%d:%d", &t->outtid, &t->outctx, &t->outtag, &t->trctid,
	                         &t->trcctx, &t->trctag)
	                : 0;
	if (n != 6)
		t->outtid = t->outctx = t->outtag = t->trctid = t->trcctx = t->trctag = 0;
	if (!targets)
		weft__trace_registered(t);
	pvmctrc = *t;
	weft__trace_target();
	if (!targets)
		t->outtid = t->outctx = t->outtag = 0; /* its own goes where it went before */
	weft__trace_begins();
}

void weft__pvm_bequeath(const struct Pvmtracer *t, struct weft__bequest *b)
{
	snprintf(b->targets, sizeof b->targets, WEFT__PVM_TARGETS "=%d:%d:%d:%d:%d:%d", t->outtid, t->outctx,
	         t->outtag, t->trctid, t->trcctx, t->trctag);
	snprintf(b->mask, sizeof b->mask, "PVMTMASK=%.*s", TEV_MASK_LENGTH, t->tmask);
	snprintf(b->buffer, sizeof b->buffer, "PVMTRCBUF=%d", t->trcbuf);
	snprintf(b->options, sizeof b->options, "PVMTRCOPT=%d", t->trcopt);
}

static struct Pvmtracer *tracer_of(int who)
{
	return who == PvmTaskSelf ? &pvmtrc : who == PvmTaskChild ? &pvmctrc : NULL;
}

int weft__call_settmask(int who, Pvmtmask mask)
{
	struct Pvmtracer *t = tracer_of(who);
	int rc = weft__pvm_enrol();
	if (rc || !t || !mask)
		return lpvmerr("pvm_settmask", rc ? rc : PvmBadParam);
	size_t n = strnlen(mask, sizeof t->tmask - 1);
	memset(t->tmask, 0, sizeof t->tmask);
	memcpy(t->tmask, mask, n);
	weft__trace_target();
	return PvmOk;
}

int weft__call_gettmask(int who, Pvmtmask mask)
{
	const struct Pvmtracer *t = tracer_of(who);
	int rc = weft__pvm_enrol();
	if (rc || !t || !mask)
		return lpvmerr("pvm_gettmask", rc ? rc : PvmBadParam);
	memcpy(mask, t->tmask, strlen(t->tmask) + 1);
	return PvmOk;
}

/* --- contexts --------------------------------------------------------------------------------- */

/* That this task has made and not freed. */
static struct weft__map own_contexts;

int weft__call_newcontext(void)
{
	weft_context_t context;
	int rc = weft__pvm_enrol();
	if (rc == 0)
		rc = weft__pvm_code(weft__context_new(weft__pvm.e, 1, &context));
	if (rc == 0 && weft__map_put(&own_contexts, context.v, &own_contexts))
		rc = PvmNoMem;
	return rc ? lpvmerr("pvm_newcontext", rc) : (int)context.v;
}

int weft__call_setcontext(int context)
{
	int before = pvmmyctx, rc = weft__pvm_enrol();
	if (rc == 0 && context < 0)
		rc = PvmBadParam;
	if (rc)
		return lpvmerr("pvm_setcontext", rc);
	pvmmyctx = context;
	return before;
}

int weft__call_getcontext(void)
{
	int rc = weft__pvm_enrol();
	return rc ? lpvmerr("pvm_getcontext", rc) : pvmmyctx;
}

int weft__call_freecontext(int context)
{
	int rc = weft__pvm_enrol();
	if (rc == 0 && (context < 0 || !weft__map_get(&own_contexts, (uint64_t)context)))
		rc = PvmNotFound;
	if (rc)
		return lpvmerr("pvm_freecontext", rc);
	weft__map_remove(&own_contexts, (uint64_t)context);
	return PvmOk;
}

/* --- exported variables, names ---------------------------------------------------------------- */

/* Where name stands in the list "a:b:c", NULL if it doesn't. */
static const char *listed(const char *list, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = list; p && *p; p = strchr(p, ':') ? strchr(p, ':') + 1 : NULL)
		if (strncmp(p, name, n) == 0 && (p[n] == ':' || !p[n]))
			return p;
	return NULL;
}

static bool is_name(const char *name)
{
	return name && *name && !strchr(name, ':') && !strchr(name, '=');
}

int pvm_export(char *name)
{
	if (!is_name(name))
		return lpvmerr("pvm_export", PvmBadParam);
	const char *list = getenv("PVM_EXPORT");
	if (listed(list, name))
		return PvmOk;
	size_t size = (list ? strlen(list) : 0) + strlen(name) + 2;
	char *longer = weft__malloc(size);
	if (!longer)
		return lpvmerr("pvm_export", PvmNoMem);
	snprintf(longer, size, "%s%s%s", list ? list : "", list && *list ? ":" : "", name);
	int rc = setenv("PVM_EXPORT", longer, 1);
	weft__free(longer);
	return rc ? lpvmerr("pvm_export", PvmNoMem) : PvmOk;
}

int pvm_unexport(char *name)
{
	if (!is_name(name))
		return lpvmerr("pvm_unexport", PvmBadParam);
	const char *list = getenv("PVM_EXPORT"), *at = listed(list, name);
	if (!at)
		return PvmOk;
	char *shorter = weft__strdup(list);
	if (!shorter)
		return lpvmerr("pvm_unexport", PvmNoMem);
	char *gap = shorter + (at - list);
	const char *after = at + strlen(name);
	if (*after == ':')
		after++;
	else if (gap > shorter)
		gap--;
	memmove(gap, after, strlen(after) + 1);
	int rc = *shorter ? setenv("PVM_EXPORT", shorter, 1) : unsetenv("PVM_EXPORT");
	weft__free(shorter);
	return rc ? lpvmerr("pvm_unexport", PvmNoMem) : PvmOk;
}

char *pvmgetrsh(void)
{
	char *rsh = getenv("PVM_RSH");
	return rsh && *rsh ? rsh : (char *)"ssh";
}

char *pvmgettmp(void)
{
	char *tmp = getenv("PVM_TMP");
	return tmp && *tmp ? tmp : (char *)"/tmp";
}

char *pvmtmpnam(char *name)
{
	static char own[128];
	static unsigned count;
	char *to = name ? name : own;
	do
		snprintf(to, sizeof own, "%.80s/pvm%d.%u", pvmgettmp(), (int)getpid(), count++);
	while (access(to, F_OK) == 0);
	return to;
}

/* --- clocks, which benchmarks use ------------------------------------------------------------- */

int pvmgetclock(struct timeval *now)
{
	return gettimeofday(now, NULL);
}

/* sleep(3) need not sleep out its time where signals are about; this does. */
int pvmsleep(int seconds)
{
	struct timespec left = {.tv_sec = seconds < 0 ? 0 : seconds};
	while (nanosleep(&left, &left) < 0)
		continue;
	return 0;
}
