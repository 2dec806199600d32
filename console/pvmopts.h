/* pvmopts.h - what PVM's console is told by setopt and trace, and hands on to the tasks that it spawns. */
#ifndef WEFT_CONSOLE_PVMOPTS_H
#define WEFT_CONSOLE_PVMOPTS_H

#include <stdint.h>

#include "base/err.h"
#include "console/environ.h"
#include "console/tracemask.h"

enum { PVMOPTS_N = 25 }; /* PvmRoute .. PvmNoReset, by PVM's numbers less one */

struct pvmopts {
	int64_t values[PVMOPTS_N];
	struct tracemask mask;
};

enum pvmopts_trace { PVMOPTS_FULL = 1, PVMOPTS_TIME = 2, PVMOPTS_COUNT = 3 };

void pvmopts_init(struct pvmopts *o);

/* The index of an option, by its name as in pvm3.h; -1: there is none. And the name; NULL: PVM's console does not know
 * that number. */
int pvmopts_find(const char *name);
const char *pvmopts_name(int index);
const char *pvmopts_nearest(const char *name); /* or NULL */

/* A number, or a tid for those that are one. 0; WEFT_EINVAL: the text says what may stand there. */
int pvmopts_set(struct pvmopts *o, int index, const char *text, struct weft_error *e);

/* The values that trace changes as well. */
int64_t *pvmopts_trace_buffer(struct pvmopts *o);
int64_t *pvmopts_trace_options(struct pvmopts *o);

/* For tasks that are spawned: where their traces go, and which. trace_tid: in place of PvmTraceTid when it is not 0. 0 or
 * WEFT_ENOMEM. */
int pvmopts_put(const struct pvmopts *o, uint32_t trace_tid, struct environ_list *env);

#endif
