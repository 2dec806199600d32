/* region.h - memory that one process hands to others: a sealed memfd, which cannot be cut short under a reader.
 *
 * Its owner writes it; whom it is handed to can only read it, unless it was made writable for all. */
#ifndef WEFT_TRANSPORT_REGION_H
#define WEFT_TRANSPORT_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of it has memory. nbytes is a multiple of the page size, unless it is less than a page. *fd and the mapping
 * *at are the caller's. 0, WEFT_ENOSPC, WEFT_EIO. */
int weft__region_create(size_t nbytes, bool writable, int *fd, void **at);

/* Is it such a file, of that size? Of what comes from elsewhere nothing else may be mapped. */
bool weft__region_sound(int fd, uint64_t nbytes);

/* Maps one that is sound; NULL: it can't be. munmap. */
void *weft__region_map(int fd, size_t nbytes, bool writable);

#endif
