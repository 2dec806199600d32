/* world.h - the world of an MPI in a job: those of the job's tasks whose programs belong to it, in the order of their ranks.
 *
 * In a job of one program that is all of them. Beside other programs (weft run ./plain : ./mpi) it is a part, in which ranks
 * count from 0 again. Pure.
 */
#ifndef WEFT_NODE_WORLD_H
#define WEFT_NODE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/jobmap.h"

struct world {
	uint32_t size;
	uint32_t *ranks; /* [size] in the job, ascending */
	uint64_t *tids;  /* [size] */
	struct jobmap map;
};

/* tids[ntids] of the job; members[ntids]: 0 for those that do not belong, or NULL: all belong. 0 or WEFT_ENOMEM. */
int world_init(struct world *w, const uint64_t *tids, uint32_t ntids, const uint8_t *members);
void world_fini(struct world *w);

uint32_t world_rank(const struct world *w, uint32_t rank); /* of a rank of the job; w->size: it does not belong */

/* Which ranks of a job belong, in a few bytes: "" for all, or "FIRST+COUNT.FIRST+COUNT...". False: no room, no such text. */
bool world_print(const struct world *w, uint32_t ntids, char *text, size_t room);
bool world_read(const char *text, uint8_t *members, uint32_t ntids);

#endif
