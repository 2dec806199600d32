#include "config.h"

#include "base/rng.h"

#include <assert.h>
#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "base/weft_base.h"

int weft__random_bytes(void *p, size_t nbytes)
{
	uint8_t *at = p;
	while (nbytes > 0) {
		ssize_t n = getrandom(at, nbytes, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return WEFT_EIO;
		at += n;
		nbytes -= (size_t)n;
	}
	return 0;
}

void weft__rng_init(struct weft__rng *r, uint64_t seed)
{
	r->s = seed;
}

/* SplitMix64: every seed is good, and neighbouring seeds give unrelated sequences. */
uint64_t weft__rng_next(struct weft__rng *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

uint64_t weft__rng_below(struct weft__rng *r, uint64_t n)
{
	assert(n > 0);
	uint64_t uneven = -n % n; /* 2^64 mod n: so many values would come up once too often */
	uint64_t x;
	do
		x = weft__rng_next(r);
	while (x < uneven);
	return x % n;
}
