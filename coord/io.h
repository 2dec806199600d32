/* io.h - numbers and texts of records and snapshots: one function walks a struct's members, and the same
 * walk writes them or reads them, so that the two cannot differ. */
#ifndef WEFT_COORD_IO_H
#define WEFT_COORD_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct io {
	struct weft__buf *out; /* writing: to its end; NULL: reading */
	const uint8_t *in;
	size_t left;
	int failed; /* 0, WEFT_ENOMEM, or WEFT_EPROTO: there is not what was to be read; stays */
};

static inline bool io_reading(const struct io *io)
{
	return io->out == NULL;
}

/* Numbers take 1 to 10 bytes. The narrower ones fail to read what does not fit. */
void io_u64(struct io *io, uint64_t *v);
void io_i64(struct io *io, int64_t *v);
void io_u32(struct io *io, uint32_t *v);
void io_size(struct io *io, size_t *v);

/* A count of things to follow, each of at least one byte: never more than there is left to read. */
size_t io_count(struct io *io, size_t n);

/* A text that may be NULL; reading allocates it and frees what was there. */
void io_text(struct io *io, char **text);

/* Bytes: writing takes p[*n]; reading points into the input. */
void io_bytes(struct io *io, const void **p, size_t *n);

#endif
