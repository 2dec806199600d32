/* keys.h - the key-value space of a job that is hosted by PMI-1: small texts under small texts, put once. Pure. */
#ifndef WEFT_NODE_KEYS_H
#define WEFT_NODE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"

enum {
	KEYS_KEY_MAX   = 64,   /* bytes with the NUL, as a client is told */
	KEYS_VALUE_MAX = 1024, /* likewise */
	KEYS_BYTES_MAX = 64 << 20, /* all together */
};

struct key {
	char *value;
	struct key *same; /* next one with the same hash */
	char name[];
};

/* All zeros is empty and valid. */
struct keys {
	struct key **items; /* in the order in which they came */
	size_t n, cap, nbytes;
	struct weft__map by_hash;
};

/* name[nname] and value[nvalue] without NULs. 0; WEFT_EEXIST, WEFT_ETOOBIG, WEFT_ENOSPC (all bytes are taken), WEFT_ENOMEM. */
int keys_put(struct keys *k, const char *name, size_t nname, const char *value, size_t nvalue);
const char *keys_get(const struct keys *k, const char *name, size_t nname); /* NULL: it is not there */
void keys_fini(struct keys *k);

#endif
