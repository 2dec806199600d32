/* Things found by name: a map from the name's hash, and a chain for names that share one. */
#include "config.h"

#include <string.h>

#include "base/hash.h"
#include "base/heap.h"
#include "coord/state.h"

struct entry *entry_find(const struct weft__map *m, struct weft__str name)
{
	struct entry *e = weft__map_get(m, weft__hash(WEFT__HASH_EMPTY, name.p, name.n));
	while (e && (strlen(e->name) != name.n || memcmp(e->name, name.p, name.n) != 0))
		e = e->same;
	return e;
}

bool entry_put(struct coord *c, struct weft__map *m, struct entry *e)
{
	uint64_t key = weft__hash(WEFT__HASH_EMPTY, e->name, strlen(e->name));
	e->same = weft__map_get(m, key);
	return coord_put(c, m, key, e);
}

void entry_remove(struct coord *c, struct weft__map *m, struct entry *e)
{
	uint64_t key = weft__hash(WEFT__HASH_EMPTY, e->name, strlen(e->name));
	struct entry *first = weft__map_get(m, key);
	if (first == e && e->same) {
		coord_put(c, m, key, e->same); /* the key is there: this takes no memory */
	} else if (first == e) {
		weft__map_remove(m, key);
	} else {
		while (first && first->same != e)
			first = first->same;
		if (first)
			first->same = e->same;
	}
	weft__free(e->name);
	e->name = NULL;
}
