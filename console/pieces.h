/* pieces.h - output that has come before it is known whose it is; it waits here, in order. */
#ifndef WEFT_CONSOLE_PIECES_H
#define WEFT_CONSOLE_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/proto.h"

struct piece {
	struct weft__list link;
	struct weft__msg m; /* OUTPUT or OUTPUT_END; its bytes are the piece's own */
};

struct pieces {
	struct weft__list all;
	size_t nbytes;
};

void pieces_init(struct pieces *p);
void pieces_fini(struct pieces *p);

/* Copies an OUTPUT or OUTPUT_END. 0 or WEFT_ENOMEM. */
int pieces_push(struct pieces *p, const struct weft__msg *m);

/* The first one of this job (0: of any), to be freed with weft__free; NULL: there is none. */
struct piece *pieces_pop(struct pieces *p, uint64_t job);

#endif
