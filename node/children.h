/* children.h - the processes whose parent we are, also by adoption. */
#ifndef WEFT_NODE_CHILDREN_H
#define WEFT_NODE_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

/* The children at this moment into pids[max], ended and not yet reaped ones among them; how many there are, at
 * most max. A child that comes or goes meanwhile may be missed: wait4 has the last word. */
size_t children_list(pid_t *pids, size_t max);

#endif
