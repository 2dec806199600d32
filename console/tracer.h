/* tracer.h - the task that receives and prints what the tasks of `spawn -@` tell of their calls. */
#ifndef WEFT_CONSOLE_TRACER_H
#define WEFT_CONSOLE_TRACER_H

#include "console/context.h"

struct tracer;

/* Starts it on this node; what it prints goes to standard output or, when file is not NULL, there. 0 or an error. */
int tracer_start(struct context *c, const char *file, struct tracer **t, struct weft_error *e);

/* Its tid, as PVM knows it. */
uint32_t tracer_slot(const struct tracer *t);

/* What a traced task wrote, which is part of the traces; nbytes 0: it writes no more. */
void tracer_wrote(struct tracer *t, uint64_t tid, const void *bytes, size_t nbytes);

/* No more traces come: it prints what it has, and ends. *t is NULL afterwards. */
void tracer_end(struct tracer **t);

#endif
