/* Options, contexts, names of things that a program may ask for. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "bindings/pvm/pvm.h"

/* What an option is kept in and which values it may have. Output and tracing are not sent to tasks:
 * theirs can only be what they are. */
static const struct option {
	int what;
	int *value;
	int min, max;
} options[] = {
        {PvmRoute, &weft__pvm.route, PvmDontRoute, PvmRouteDirect},
        {PvmDebugMask, &weft__pvm.debugmask, 0, INT32_MAX},
        {PvmAutoErr, &weft__pvm.autoerr, 0, 3},
        {PvmFragSize, &weft__pvm.fragsize, 128, 1 << 20},
        {PvmResvTids, &weft__pvm.resvtids, 0, INT32_MAX},
        {PvmShowTids, &weft__pvm.showtids, 0, INT32_MAX},
        {PvmPollType, &weft__pvm.polltype, PvmPollConstant, PvmPollSleep},
        {PvmPollTime, &weft__pvm.polltime, 0, INT32_MAX},
        {PvmNoReset, &weft__pvm.noreset, INT32_MIN, INT32_MAX},
};

static const struct option *find(int what)
{
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		if (options[i].what == what)
			return &options[i];
	return NULL;
}

static bool is_output_or_trace(int what)
{
	return (what >= PvmOutputTid && what <= PvmTraceOptions) ||
	       (what >= PvmSelfOutputTid && what <= PvmSelfTraceOptions) ||
	       (what >= PvmOutputContext && what <= PvmSelfTraceContext);
}

int pvm_setopt(int what, int value)
{
	const struct option *o = find(what);
	int rc = weft__pvm_enrol();
	if (rc)
		return lpvmerr("pvm_setopt", rc);
	if (!o && is_output_or_trace(what))
		return value == 0 ? 0 : lpvmerr("pvm_setopt", PvmNotImpl);
	if (!o || value < o->min || value > o->max)
		return lpvmerr("pvm_setopt", PvmBadParam);
	int before = *o->value;
	if (what == PvmNoReset && !before != !value)
		weft__pvm_spare(value != 0); /* what can go wrong leaves it to the next reset */
	*o->value = value;
	return before;
}

int pvm_getopt(int what)
{
	const struct option *o = find(what);
	int rc = weft__pvm_enrol();
	if (rc)
		return lpvmerr("pvm_getopt", rc);
	if (!o && is_output_or_trace(what))
		return 0;
	return o ? *o->value : lpvmerr("pvm_getopt", PvmBadParam);
}

/* --- contexts --------------------------------------------------------------------------------- */

int pvm_newcontext(void)
{
	weft_context_t context;
	int rc = weft__pvm_enrol();
	if (rc == 0)
		rc = weft__pvm_code(weft__context_new(weft__pvm.e, 1, &context));
	return rc ? lpvmerr("pvm_newcontext", rc) : (int)context.v;
}

int pvm_setcontext(int context)
{
	int before = pvmmyctx, rc = weft__pvm_enrol();
	if (rc == 0 && context < 0)
		rc = PvmBadParam;
	if (rc)
		return lpvmerr("pvm_setcontext", rc);
	pvmmyctx = context;
	return before;
}

int pvm_getcontext(void)
{
	int rc = weft__pvm_enrol();
	return rc ? lpvmerr("pvm_getcontext", rc) : pvmmyctx;
}

int pvm_freecontext(int context)
{
	int rc = weft__pvm_enrol();
	if (rc == 0 && context < 0)
		rc = PvmBadParam;
	return rc ? lpvmerr("pvm_freecontext", rc) : PvmOk;
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
