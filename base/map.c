#include "config.h"

#include "base/map.h"

#include <assert.h>

#include "base/heap.h"
#include "base/weft_base.h"

/* Linear probing; a removal moves the followers of its run back: no tombstones are needed. */

enum { NSLOTS_MIN = 16 };

static uint64_t hash(uint64_t key)
{
	key = (key ^ key >> 30) * 0xbf58476d1ce4e5b9u;
	key = (key ^ key >> 27) * 0x94d049bb133111ebu;
	return key ^ key >> 31;
}

/* The slot that has the key, or the empty one where it belongs. */
static struct weft__map_slot *find(struct weft__map_slot *slots, size_t nslots, uint64_t key)
{
	size_t i = hash(key) & (nslots - 1);
	while (slots[i].value && slots[i].key != key)
		i = (i + 1) & (nslots - 1);
	return &slots[i];
}

static int grow(struct weft__map *m)
{
	size_t nslots = m->nslots ? m->nslots * 2 : NSLOTS_MIN;
	struct weft__map_slot *slots = weft__calloc(nslots, sizeof *slots);
	if (!slots)
		return WEFT_ENOMEM;
	for (size_t i = 0; i < m->nslots; i++)
		if (m->slots[i].value)
			*find(slots, nslots, m->slots[i].key) = m->slots[i];
	weft__free(m->slots);
	m->slots = slots;
	m->nslots = nslots;
	return 0;
}

void weft__map_fini(struct weft__map *m)
{
	weft__free(m->slots);
	*m = (struct weft__map){0};
}

int weft__map_put(struct weft__map *m, uint64_t key, void *value)
{
	assert(value);
	struct weft__map_slot *slot = m->nslots ? find(m->slots, m->nslots, key) : NULL;
	if (slot && slot->value) {
		slot->value = value;
		return 0;
	}
	if (m->count >= m->nslots / 4 * 3) {
		int rc = grow(m);
		if (rc)
			return rc;
		slot = find(m->slots, m->nslots, key);
	}
	*slot = (struct weft__map_slot){key, value};
	m->count++;
	return 0;
}

void *weft__map_get(const struct weft__map *m, uint64_t key)
{
	return m->nslots ? find(m->slots, m->nslots, key)->value : NULL;
}

void *weft__map_remove(struct weft__map *m, uint64_t key)
{
	struct weft__map_slot *slot = m->nslots ? find(m->slots, m->nslots, key) : NULL;
	if (!slot || !slot->value)
		return NULL;
	void *value = slot->value;
	size_t mask = m->nslots - 1, hole = (size_t)(slot - m->slots);
	for (size_t i = (hole + 1) & mask; m->slots[i].value; i = (i + 1) & mask) {
		size_t home = hash(m->slots[i].key) & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue; /* its home lies behind the hole: it stays */
		m->slots[hole] = m->slots[i];
		hole = i;
	}
	m->slots[hole] = (struct weft__map_slot){0};
	m->count--;
	return value;
}

bool weft__map_next(const struct weft__map *m, size_t *cursor, uint64_t *key, void **value)
{
	for (; *cursor < m->nslots; (*cursor)++) {
		const struct weft__map_slot *slot = &m->slots[*cursor];
		if (!slot->value)
			continue;
		*key = slot->key;
		*value = slot->value;
		(*cursor)++;
		return true;
	}
	return false;
}
