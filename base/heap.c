#include "config.h"

#include "base/heap.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong fail_at; /* allocations until the one that fails; 0: none does */

static bool fails(void)
{
	unsigned long n = atomic_load_explicit(&fail_at, memory_order_relaxed);
	if (n == 0)
		return false;
	return atomic_fetch_sub(&fail_at, 1) == 1;
}

void *weft__malloc(size_t nbytes)
{
	return fails() ? NULL : malloc(nbytes ? nbytes : 1);
}

void *weft__calloc(size_t count, size_t nbytes)
{
	return fails() ? NULL : calloc(count ? count : 1, nbytes ? nbytes : 1);
}

void *weft__realloc(void *p, size_t nbytes)
{
	return fails() ? NULL : realloc(p, nbytes ? nbytes : 1);
}

void *weft__aligned_alloc(size_t alignment, size_t nbytes)
{
	void *p;
	return fails() || posix_memalign(&p, alignment, nbytes ? nbytes : 1) ? NULL : p;
}

char *weft__strdup(const char *s)
{
	return weft__strndup(s, SIZE_MAX);
}

char *weft__strndup(const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *copy = weft__malloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void weft__free(void *p)
{
	free(p);
}

void weft__heap_fail_at(unsigned long n)
{
	atomic_store(&fail_at, n);
}
