/* region.h - the process' shared buffers: memory that a task of the same node can be let read.
 *
 * They are the process', not an engine's: they outlive weft_fini. Any thread may call these. */
#ifndef WEFT_TASK_REGION_H
#define WEFT_TASK_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weft__engine;

enum { WEFT__REGIONS_MAX = 32 }; /* a descriptor each */

/* NULL: not worth it, or not to be had; ordinary memory does as well. */
void *weft__region_alloc(size_t nbytes);

/* false: p is none. Those who were let read it are told, as far as e (may be NULL) knows them. */
bool weft__region_free(struct weft__engine *e, void *p);

struct weft__region {
	uint8_t *at; /* NULL: an empty place */
	size_t nbytes;
	int fd;
	uint32_t id;    /* from 1 on, never used again */
	unsigned place; /* of WEFT__REGIONS_MAX */
};

/* The one that holds all of these bytes. */
bool weft__region_find(const void *bytes, size_t nbytes, struct weft__region *r);

/* In the child of a fork. */
void weft__regions_forked(void);

#endif
