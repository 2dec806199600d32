/* jobmap.h - where the tasks of a job are: for each rank its node and its place there. Pure. */
#ifndef WEFT_NODE_JOBMAP_H
#define WEFT_NODE_JOBMAP_H

#include <stdint.h>

struct jobmap {
	uint32_t size, nnodes;
	uint32_t *nodes;      /* [nnodes] indexes of the nodes that have tasks of the job, ascending */
	uint32_t *ntasks;     /* [nnodes] how many each has */
	uint32_t *node_of;    /* [size] by rank: position in nodes */
	uint32_t *local_rank; /* [size] by rank: 0.. among those on the same node, in the order of ranks */
};

/* tids[size] by rank. 0 or WEFT_ENOMEM (m is empty then). */
int jobmap_init(struct jobmap *m, const uint64_t *tids, uint32_t size);
void jobmap_fini(struct jobmap *m);

/* The position of a node, or nnodes when the job has no task there. */
uint32_t jobmap_position(const struct jobmap *m, uint32_t node);

/* The position of a value in a list that ascends, or n when it is not there. */
uint32_t jobmap_search(const uint32_t *ascending, uint32_t n, uint32_t value);

#endif
