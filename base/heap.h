/* heap.h - allocation with a place to put faults; all rooms allocate through it. */
#ifndef WEFT_BASE_HEAP_H
#define WEFT_BASE_HEAP_H

#include <stddef.h>

void *weft__malloc(size_t nbytes);
void *weft__calloc(size_t count, size_t nbytes);
void *weft__realloc(void *p, size_t nbytes);
void *weft__aligned_alloc(size_t alignment, size_t nbytes); /* a power of two, >= sizeof(void *) */
char *weft__strdup(const char *s);
char *weft__strndup(const char *s, size_t n);
void weft__free(void *p);

/* Tests: the n-th allocation from now fails (1 is the next one), once; 0 turns it off. */
void weft__heap_fail_at(unsigned long n);

#endif
