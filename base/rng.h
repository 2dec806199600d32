/* rng.h - random bytes from the kernel, and a small seeded generator for simulations. */
#ifndef WEFT_BASE_RNG_H
#define WEFT_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

int weft__random_bytes(void *p, size_t nbytes); /* 0 or WEFT_EIO */

struct weft__rng {
	uint64_t s;
};

void weft__rng_init(struct weft__rng *r, uint64_t seed);
uint64_t weft__rng_next(struct weft__rng *r);
uint64_t weft__rng_below(struct weft__rng *r, uint64_t n); /* 0..n-1; n > 0 */

#endif
