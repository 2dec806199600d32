/* op.h - the operations of reductions: element by element, over every type. */
#ifndef WEFT_TASK_OP_H
#define WEFT_TASK_OP_H

#include <stdbool.h>
#include <stddef.h>

/* Whether there is such an operation on such a type. */
bool weft__op_valid(int op, int type);

/* acc[i] = acc[i] op in[i] for count values; the two do not overlap. Integers wrap around. */
void weft__op_apply(int op, int type, void *acc, const void *in, size_t count);

#endif
