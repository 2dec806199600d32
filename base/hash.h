/* hash.h - FNV-1a: names of files and of meetings, places in maps. It keeps nothing secret. */
#ifndef WEFT_BASE_HASH_H
#define WEFT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define WEFT__HASH_EMPTY UINT64_C(0xcbf29ce484222325)

/* Of all that has been hashed so far (WEFT__HASH_EMPTY: nothing) and n bytes more. */
static inline uint64_t weft__hash(uint64_t hash, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

#endif
