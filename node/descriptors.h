/* descriptors.h - what a program of the node inherited and must not pass on. */
#ifndef WEFT_NODE_DESCRIPTORS_H
#define WEFT_NODE_DESCRIPTORS_H

#include <stddef.h>

/* Closes every descriptor from `first` on but `keep` (-1: none). For the start of a program. */
void descriptors_close(int first, int keep);

/* Room for n more, of which there are few so far; `open` is one of them. The kernel's table grows by itself, but in a process
 * with threads whoever opens something then waits until every processor has noticed: some milliseconds each time. */
void descriptors_make_room(int open, size_t n);

#endif
