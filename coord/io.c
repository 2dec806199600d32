#include "config.h"

#include "coord/io.h"

#include <string.h>

#include "base/heap.h"
#include "base/weft_base.h"

static void fail(struct io *io, int code)
{
	if (!io->failed)
		io->failed = code;
}

static uint64_t read_u64(struct io *io)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (io->failed || io->left == 0)
			break;
		uint8_t b = *io->in++;
		io->left--;
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
	}
	fail(io, WEFT_EPROTO);
	return 0;
}

void io_u64(struct io *io, uint64_t *v)
{
	if (io_reading(io)) {
		*v = read_u64(io);
		return;
	}
	uint8_t bytes[10];
	size_t n = 0;
	for (uint64_t rest = *v;; rest >>= 7) {
		bytes[n++] = (uint8_t)(rest | (rest > 0x7f ? 0x80 : 0));
		if (rest <= 0x7f)
			break;
	}
	if (weft__buf_append(io->out, bytes, n))
		fail(io, WEFT_ENOMEM);
}

void io_i64(struct io *io, int64_t *v)
{
	uint64_t folded = (uint64_t)*v << 1 ^ (*v < 0 ? UINT64_MAX : 0);
	io_u64(io, &folded);
	if (io_reading(io))
		*v = (int64_t)(folded >> 1 ^ (folded & 1 ? UINT64_MAX : 0));
}

void io_u32(struct io *io, uint32_t *v)
{
	uint64_t wide = *v;
	io_u64(io, &wide);
	if (wide > UINT32_MAX)
		fail(io, WEFT_EPROTO);
	else
		*v = (uint32_t)wide;
}

void io_size(struct io *io, size_t *v)
{
	uint64_t wide = *v;
	io_u64(io, &wide);
	*v = (size_t)wide;
}

size_t io_count(struct io *io, size_t n)
{
	io_size(io, &n);
	if (io_reading(io) && n > io->left)
		fail(io, WEFT_EPROTO);
	return io->failed ? 0 : n;
}

void io_bytes(struct io *io, const void **p, size_t *n)
{
	io_size(io, n);
	if (!io_reading(io)) {
		if (*n > 0 && weft__buf_append(io->out, *p, *n))
			fail(io, WEFT_ENOMEM);
		return;
	}
	if (io->failed || *n > io->left) {
		fail(io, WEFT_EPROTO);
		*p = io->in;
		*n = 0;
		return;
	}
	*p = io->in;
	io->in += *n;
	io->left -= *n;
}

void io_text(struct io *io, char **text)
{
	uint64_t there = *text != NULL;
	io_u64(io, &there);
	if (io_reading(io)) {
		weft__free(*text);
		*text = NULL;
	}
	if (!there)
		return;
	const void *p = *text;
	size_t n = *text ? strlen(*text) : 0;
	io_bytes(io, &p, &n);
	if (!io_reading(io) || io->failed)
		return;
	*text = weft__strndup(p, n);
	if (!*text)
		fail(io, WEFT_ENOMEM);
}
