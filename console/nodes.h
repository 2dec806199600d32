/* nodes.h - nodes by what people call them. */
#ifndef WEFT_CONSOLE_NODES_H
#define WEFT_CONSOLE_NODES_H

#include <stdint.h>

#include "base/err.h"
#include "console/session.h"

/* The index of the node that is called so: its name, its index as "#2" or "2", "." for the one that the session is
 * with, its address. 0; WEFT_ENONODE: the text suggests the nearest name; or an error of the session. */
int nodes_find(struct session *s, const char *wanted, uint64_t *node, struct weft_error *e);

/* What PVM calls the tid of a host: "20000" for node 1. And the node of such a text: with or without a "t" and the bit
 * of PVM's daemons. 0 or WEFT_EINVAL. */
uint64_t nodes_dtid(uint64_t node);
int nodes_parse_dtid(const char *text, uint64_t *node);

/* PVM's name of this kind of machine; all nodes are of one kind. */
const char *nodes_arch(void);

#endif
