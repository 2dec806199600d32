/* mapping.h - weft run --display-map: which task runs where, in the order of ranks. */
#ifndef WEFT_CONSOLE_MAPPING_H
#define WEFT_CONSOLE_MAPPING_H

#include <stddef.h>
#include <stdio.h>

#include "proto/proto.h"

struct mapping; /* lines that wait for those of lower ranks */

/* Prints to f. NULL: out of memory. */
struct mapping *mapping_create(FILE *f);

/* A task has started, or could not be. Prints what is complete so far. */
void mapping_add(struct mapping *m, const struct weft__msg_job_event *event);

void mapping_destroy(struct mapping **m);

#endif
