#include "config.h"

#include "node/world.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/heap.h"

int world_init(struct world *w, const uint64_t *tids, uint32_t ntids, const uint8_t *members)
{
	*w = (struct world){0};
	w->ranks = weft__calloc((size_t)ntids + 1, sizeof *w->ranks);
	w->tids = weft__calloc((size_t)ntids + 1, sizeof *w->tids);
	for (uint32_t i = 0; w->ranks && w->tids && i < ntids; i++) {
		if (members && !members[i])
			continue;
		w->ranks[w->size] = i;
		w->tids[w->size++] = tids[i];
	}
	if (w->ranks && w->tids && jobmap_init(&w->map, w->tids, w->size) == 0)
		return 0;
	world_fini(w);
	return WEFT_ENOMEM;
}

void world_fini(struct world *w)
{
	weft__free(w->ranks);
	weft__free(w->tids);
	jobmap_fini(&w->map);
	*w = (struct world){0};
}

uint32_t world_rank(const struct world *w, uint32_t rank)
{
	return jobmap_search(w->ranks, w->size, rank);
}

bool world_print(const struct world *w, uint32_t ntids, char *text, size_t room)
{
	size_t n = 0;
	*text = '\0';
	for (uint32_t i = 0, count; w->size < ntids && i < w->size; i += count) {
		for (count = 1; i + count < w->size && w->ranks[i + count] == w->ranks[i] + count;)
			count++;
		n += (size_t)snprintf(text + n, room - n, "%s%u+%u", i ? "." : "", w->ranks[i], count);
		if (n >= room)
			return false;
	}
	return true;
}

bool world_read(const char *text, uint8_t *members, uint32_t ntids)
{
	memset(members, *text == '\0', ntids);
	while (*text) {
		unsigned first, count;
		int n = 0;
		if (sscanf(text, "%9u+%9u%n", &first, &count, &n) != 2 || first >= ntids || count > ntids - first)
			return false;
		memset(members + first, 1, count);
		text += n;
		if (*text == '.')
			text++;
		else if (*text)
			return false;
	}
	return true;
}
