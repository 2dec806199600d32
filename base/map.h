/* map.h - hash map from a 64-bit key to a pointer; open addressing, grows by doubling. */
#ifndef WEFT_BASE_MAP_H
#define WEFT_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft__map_slot {
	uint64_t key;
	void *value; /* NULL: empty */
};

struct weft__map {
	struct weft__map_slot *slots;
	size_t nslots; /* 0 or a power of two */
	size_t count;
};

/* A map that is all zeros is empty and valid. */
void weft__map_fini(struct weft__map *m);

/* value must not be NULL; an existing key gets the new value. 0 or WEFT_ENOMEM (unchanged). */
int weft__map_put(struct weft__map *m, uint64_t key, void *value);
void *weft__map_get(const struct weft__map *m, uint64_t key); /* NULL: absent */
void *weft__map_remove(struct weft__map *m, uint64_t key);    /* the value that was there, or NULL */

/* Visits every entry: start with *cursor = 0; false at the end. The map must not change meanwhile. */
bool weft__map_next(const struct weft__map *m, size_t *cursor, uint64_t *key, void **value);

#endif
