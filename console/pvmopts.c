#include "config.h"

#include "console/pvmopts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ids.h"
#include "console/suggest.h"

enum {
	ROUTE = 0, DEBUG_MASK, AUTO_ERR, OUTPUT_TID, OUTPUT_CODE, TRACE_TID, TRACE_CODE, TRACE_BUFFER, TRACE_OPTIONS,
	FRAG_SIZE, RESV_TIDS, SELF_OUTPUT_TID, SELF_OUTPUT_CODE, SELF_TRACE_TID, SELF_TRACE_CODE, SELF_TRACE_BUFFER,
	SELF_TRACE_OPTIONS, SHOW_TIDS, POLL_TYPE, POLL_TIME, OUTPUT_CONTEXT, TRACE_CONTEXT, SELF_OUTPUT_CONTEXT,
	SELF_TRACE_CONTEXT, NO_RESET,
	TRACE_TAG = 666, /* what XPVM and the tracer use */
};

static const struct option {
	const char *name;
	int64_t usual, min, max;
	bool is_tid;
} options[PVMOPTS_N] = {
        [ROUTE]              = {"PvmRoute", 1, 1, 3, false},
        [DEBUG_MASK]         = {"PvmDebugMask", 0, 0, INT32_MAX, false},
        [AUTO_ERR]           = {"PvmAutoErr", 1, 0, 3, false},
        [OUTPUT_TID]         = {"PvmOutputTid", 0, -1, INT32_MAX, true},
        [OUTPUT_CODE]        = {"PvmOutputCode", 0, 0, INT32_MAX, false},
        [TRACE_TID]          = {"PvmTraceTid", 0, -1, INT32_MAX, true},
        [TRACE_CODE]         = {"PvmTraceCode", TRACE_TAG, 0, INT32_MAX, false},
        [TRACE_BUFFER]       = {"PvmTraceBuffer", 0, 0, INT32_MAX, false},
        [TRACE_OPTIONS]      = {"PvmTraceOptions", PVMOPTS_FULL, PVMOPTS_FULL, PVMOPTS_COUNT, false},
        [FRAG_SIZE]          = {"PvmFragSize", 4080, 64, 1 << 20, false},
        [RESV_TIDS]          = {"PvmResvTids", 1, 0, 1, false},
        [SELF_OUTPUT_TID]    = {"PvmSelfOutputTid", -1, -1, INT32_MAX, true},
        [SELF_OUTPUT_CODE]   = {"PvmSelfOutputCode", 0, 0, INT32_MAX, false},
        [SELF_TRACE_TID]     = {"PvmSelfTraceTid", -1, -1, INT32_MAX, true},
        [SELF_TRACE_CODE]    = {"PvmSelfTraceCode", 0, 0, INT32_MAX, false},
        [SELF_TRACE_BUFFER]  = {"PvmSelfTraceBuffer", 0, 0, INT32_MAX, false},
        [SELF_TRACE_OPTIONS] = {"PvmSelfTraceOptions", 0, 0, PVMOPTS_COUNT, false},
        [SHOW_TIDS]          = {"PvmShowTids", 1, 0, 1, false},
        [OUTPUT_CONTEXT]     = {"PvmOutputContext", 0, 0, INT32_MAX, false},
        [TRACE_CONTEXT]      = {"PvmTraceContext", 0, 0, INT32_MAX, false},
        [SELF_OUTPUT_CONTEXT] = {"PvmSelfOutputContext", 0, 0, INT32_MAX, false},
        [SELF_TRACE_CONTEXT] = {"PvmSelfTraceContext", 0, 0, INT32_MAX, false},
        [NO_RESET]           = {"PvmNoReset", 1, 0, 1, false},
};

void pvmopts_init(struct pvmopts *o)
{
	for (int i = 0; i < PVMOPTS_N; i++)
		o->values[i] = options[i].usual;
	tracemask_init(&o->mask);
}

const char *pvmopts_name(int index)
{
	return options[index].name;
}

int pvmopts_find(const char *name)
{
	for (int i = 0; i < PVMOPTS_N; i++) /* "PvmRoute", and "route" for short */
		if (options[i].name && (!strcasecmp(options[i].name, name) || !strcasecmp(options[i].name + 3, name)))
			return i;
	return -1;
}

const char *pvmopts_nearest(const char *name)
{
	const char *names[PVMOPTS_N + 1];
	size_t n = 0;
	for (int i = 0; i < PVMOPTS_N; i++)
		if (options[i].name)
			names[n++] = options[i].name;
	names[n] = NULL;
	return suggest_nearest(name, names);
}

int pvmopts_set(struct pvmopts *o, int index, const char *text, struct weft_error *e)
{
	const struct option *option = &options[index];
	char *end;
	weft_tid_t tid;
	if (option->is_tid && *text == 't' && weft__tid_parse(text, &tid) == 0) {
		o->values[index] = weft__tid_slot(tid);
		return 0;
	}
	errno         = 0;
	int64_t value = strtoll(text, &end, 0);
	if (end == text || *end || errno || value < option->min || value > option->max)
		return weft__err_set(e, WEFT_EINVAL, "%s is a number from %" PRId64 " to %" PRId64 "%s, not '%.40s'",
		                     option->name, option->min, option->max, option->is_tid ? ", or a tid" : "", text);
	o->values[index] = value;
	return 0;
}

int64_t *pvmopts_trace_buffer(struct pvmopts *o)
{
	return &o->values[TRACE_BUFFER];
}

int64_t *pvmopts_trace_options(struct pvmopts *o)
{
	return &o->values[TRACE_OPTIONS];
}

int pvmopts_put(const struct pvmopts *o, uint32_t trace_tid, struct environ_list *env)
{
	const int64_t *v = o->values;
	int64_t tid      = trace_tid ? trace_tid : v[TRACE_TID] > 0 ? v[TRACE_TID] : 0;
	int64_t out      = v[OUTPUT_TID] > 0 ? v[OUTPUT_TID] : 0;
	char targets[200], mask[64], buffer[40], how[40];
	if (!tid && !out)
		return 0;
	snprintf(targets, sizeof targets,
	         "WEFT_PVM_TARGETS=%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64 ":%" PRId64, out,
	         v[OUTPUT_CONTEXT], v[OUTPUT_CODE], tid, v[TRACE_CONTEXT], v[TRACE_CODE]);
	snprintf(mask, sizeof mask, "PVMTMASK=%s", o->mask.text);
	snprintf(buffer, sizeof buffer, "PVMTRCBUF=%" PRId64, v[TRACE_BUFFER]);
	snprintf(how, sizeof how, "PVMTRCOPT=%" PRId64, v[TRACE_OPTIONS]);
	int rc = environ_put(env, targets);
	rc     = rc ? rc : environ_put(env, mask);
	rc     = rc ? rc : environ_put(env, buffer);
	return rc ? rc : environ_put(env, how);
}
