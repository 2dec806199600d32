/* descriptors.h - what a program of the node inherited and must not pass on. */
#ifndef WEFT_NODE_DESCRIPTORS_H
#define WEFT_NODE_DESCRIPTORS_H

/* Closes every descriptor from `first` on but `keep` (-1: none). For the start of a program. */
void descriptors_close(int first, int keep);

#endif
