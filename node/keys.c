#include "config.h"

#include "node/keys.h"

#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/heap.h"

static struct key *find(const struct keys *k, const char *name, size_t n)
{
	struct key *at = weft__map_get(&k->by_hash, weft__hash(WEFT__HASH_EMPTY, name, n));
	while (at && (strlen(at->name) != n || memcmp(at->name, name, n) != 0))
		at = at->same;
	return at;
}

const char *keys_get(const struct keys *k, const char *name, size_t nname)
{
	const struct key *found = find(k, name, nname);
	return found ? found->value : NULL;
}

static int grow(struct keys *k)
{
	size_t cap = k->cap ? 2 * k->cap : 64;
	struct key **items = k->n < k->cap ? k->items : weft__realloc(k->items, cap * sizeof(struct key *));
	if (!items)
		return WEFT_ENOMEM;
	k->cap = k->n < k->cap ? k->cap : cap;
	k->items = items;
	return 0;
}

int keys_put(struct keys *k, const char *name, size_t nname, const char *value, size_t nvalue)
{
	if (nname >= KEYS_KEY_MAX || nvalue >= KEYS_VALUE_MAX)
		return WEFT_ETOOBIG;
	if (find(k, name, nname))
		return WEFT_EEXIST;
	size_t nbytes = sizeof(struct key) + nname + nvalue + 2;
	if (k->nbytes + nbytes > KEYS_BYTES_MAX)
		return WEFT_ENOSPC;
	struct key *new = weft__calloc(1, nbytes);
	if (!new || grow(k)) {
		weft__free(new);
		return WEFT_ENOMEM;
	}
	memcpy(new->name, name, nname);
	new->value = new->name + nname + 1;
	memcpy(new->value, value, nvalue);
	uint64_t h = weft__hash(WEFT__HASH_EMPTY, name, nname);
	new->same = weft__map_get(&k->by_hash, h);
	if (weft__map_put(&k->by_hash, h, new)) {
		weft__free(new);
		return WEFT_ENOMEM;
	}
	k->items[k->n++] = new;
	k->nbytes += nbytes;
	return 0;
}

void keys_fini(struct keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		weft__free(k->items[i]);
	weft__free(k->items);
	weft__map_fini(&k->by_hash);
	*k = (struct keys){0};
}
