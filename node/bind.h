/* bind.h - which processors each of a node's tasks of one program may use; no I/O. */
#ifndef WEFT_NODE_BIND_H
#define WEFT_NODE_BIND_H

#include <stdbool.h>
#include <stddef.h>

#include "node/cpus.h"

struct bind_plan {
	struct cpus *parts; /* what tasks are bound to; NULL: nothing */
	size_t nparts, width;
	struct cpus *deal;  /* neighbours go to different ones of these; NULL: to different parts */
	size_t ndeal;
	size_t nshares;     /* > 0: the parts are cut into so many equal shares, and deal and width mean nothing */
};

/* What the task with this number on its node (0, 1, ...) gets. More tasks than parts: it starts again with the first.
 * False: the task is not bound. */
bool bind_choose(const struct bind_plan *plan, size_t index, struct cpus *set);

void bind_plan_fini(struct bind_plan *plan);

#endif
