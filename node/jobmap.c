#include "config.h"

#include "node/jobmap.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/ids.h"

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

uint32_t jobmap_search(const uint32_t *ascending, uint32_t n, uint32_t value)
{
	uint32_t low = 0, high = n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (ascending[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && ascending[low] == value ? low : n;
}

uint32_t jobmap_position(const struct jobmap *m, uint32_t node)
{
	return jobmap_search(m->nodes, m->nnodes, node);
}

int jobmap_init(struct jobmap *m, const uint64_t *tids, uint32_t size)
{
	*m = (struct jobmap){.size = size};
	m->nodes = weft__calloc((size_t)size + 1, sizeof *m->nodes);
	m->ntasks = weft__calloc((size_t)size + 1, sizeof *m->ntasks);
	m->node_of = weft__calloc((size_t)size + 1, sizeof *m->node_of);
	m->local_rank = weft__calloc((size_t)size + 1, sizeof *m->local_rank);
	if (!m->nodes || !m->ntasks || !m->node_of || !m->local_rank) {
		jobmap_fini(m);
		return WEFT_ENOMEM;
	}
	for (uint32_t i = 0; i < size; i++)
		m->nodes[i] = weft__tid_node((weft_tid_t){tids[i]});
	qsort(m->nodes, size, sizeof *m->nodes, compare);
	for (uint32_t i = 0; i < size; i++)
		if (m->nnodes == 0 || m->nodes[m->nnodes - 1] != m->nodes[i])
			m->nodes[m->nnodes++] = m->nodes[i];
	for (uint32_t rank = 0; rank < size; rank++) {
		uint32_t at = jobmap_position(m, weft__tid_node((weft_tid_t){tids[rank]}));
		m->node_of[rank] = at;
		m->local_rank[rank] = m->ntasks[at]++;
	}
	return 0;
}

void jobmap_fini(struct jobmap *m)
{
	weft__free(m->nodes);
	weft__free(m->ntasks);
	weft__free(m->node_of);
	weft__free(m->local_rank);
	*m = (struct jobmap){0};
}
