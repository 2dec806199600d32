/* Task ids. Each node index has a counter that never goes back, also not over the lives of several nodes:
 * its count gives local number and generation, so a tid is never given twice and a slot only after all
 * others of the node. The counters are part of the state and every step is on disk before its messages
 * leave; so no blocks of ids need to be reserved to survive a crash. */
#include "config.h"

#include "coord/state.h"

#define GENERATIONS (UINT64_C(1) << 33)

int tid_next(struct coord *c, uint32_t node, uint64_t *tid)
{
	uint64_t *count = &c->seats[node].ntids;
	for (uint32_t tries = 0; tries < WEFT__LOCAL_MAX; tries++) {
		if (*count / WEFT__LOCAL_MAX >= GENERATIONS)
			return WEFT_ENOSPC;
		uint32_t local = 1 + (uint32_t)(*count % WEFT__LOCAL_MAX);
		weft_tid_t next = weft__tid_make(node, local, *count / WEFT__LOCAL_MAX);
		++*count;
		if (weft__map_get(&c->slots, weft__tid_slot(next)))
			continue; /* a task of an earlier generation still lives there */
		*tid = next.v;
		return 0;
	}
	return WEFT_ENOSPC;
}
