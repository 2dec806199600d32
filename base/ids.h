/* ids.h - task, node and job ids: how they are put together and printed. */
#ifndef WEFT_BASE_IDS_H
#define WEFT_BASE_IDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/weft_base.h"

enum {
	WEFT__NODE_BITS  = 14,
	WEFT__LOCAL_BITS = 17,
	WEFT__SLOT_BITS  = 31,
	WEFT__NODE_MAX   = (1 << WEFT__NODE_BITS) - 1,  /* nodes are 1..WEFT__NODE_MAX; 0 is none */
	WEFT__LOCAL_MAX  = (1 << WEFT__LOCAL_BITS) - 1, /* locals are 1..WEFT__LOCAL_MAX */
	WEFT__TID_TEXT   = 32,                          /* room for a printed tid with its NUL */
};

/* generation < 2^33. */
weft_tid_t weft__tid_make(uint32_t node, uint32_t local, uint64_t generation);
uint32_t weft__tid_node(weft_tid_t tid);
uint32_t weft__tid_local(weft_tid_t tid);
uint32_t weft__tid_slot(weft_tid_t tid); /* 31 bits: what the PVM dialect calls a tid */
uint64_t weft__tid_generation(weft_tid_t tid);
bool weft__tid_equal(weft_tid_t a, weft_tid_t b);

/* "t20001", or "t20001.7" when the generation is not 0. Returns text. */
char *weft__tid_format(weft_tid_t tid, char text[static WEFT__TID_TEXT]);

/* Reads "t20001", "t20001.7" (the t may be missing); 0 or WEFT_EINVAL. */
int weft__tid_parse(const char *text, weft_tid_t *tid);

#endif
