/* Typed buffers.
 *
 * A buffer is at all times the message that it will be sent as:
 *
 *     head   'w' 'p' format order          4 bytes; order 1: little-endian, 2: big-endian
 *     run    tag  count  values             as many as there are
 *
 * A run is what one call packed. The tag's low five bits are the type (0: a text), the two bits above say
 * how wide the count is: 1, 2, 4 or 8 bytes. Count and values are in the head's byte order, without padding; the
 * receiver makes right, and only it: between equals packing and unpacking are one memcpy each. A run of
 * no values is not written, save the empty text.
 *
 * What came from another task is not trusted. The head is checked when the message is loaded; each run
 * when unpacking reaches it: its type must exist and its values must lie within the bytes that are there.
 * Bytes that break this give WEFT_EPROTO from then on, and nothing is read beyond them. An unpack first
 * walks over all runs that it would take from and only then moves values, so that a failed one takes nothing.
 */
#include "config.h"

#include "task/pack.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/heap.h"
#include "task/engine.h"
#include "task/types.h"

enum {
	HEAD   = 4,
	FORMAT = 1,
	TEXT   = 0, /* the type of a text, outside weft_type_t */

	TAG_TYPE  = 0x1f,
	TAG_WIDTH = 0x60, /* log2 of the count's bytes, shifted */
	TAG_SHIFT = 5,
};

/* Where unpacking stands: before a run's tag (left is 0), or before its next value. */
struct cursor {
	size_t at;
	uint64_t left; /* values of the run that are not taken yet */
	int type;      /* of the run */
};

struct weft_buf {
	struct weft__buf bytes;
	struct cursor cursor;
	bool swapped; /* its byte order is not ours */
};

/* --- making and emptying --------------------------------------------------------------------------- */

int weft_buf_reset(weft_buf_t *buf)
{
	static const uint8_t head[HEAD] = {'w', 'p', FORMAT, WEFT__BYTE_ORDER};
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	int rc = weft__buf_reserve(&buf->bytes, HEAD);
	if (rc)
		return weft__ended(rc);
	memcpy(buf->bytes.data, head, HEAD);
	buf->bytes.len = HEAD;
	buf->cursor = (struct cursor){.at = HEAD};
	buf->swapped = false;
	return 0;
}

int weft_buf_create(weft_buf_t **buf)
{
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	struct weft_buf *b = weft__calloc(1, sizeof *b);
	if (!b)
		return weft__ended(WEFT_ENOMEM);
	int rc = weft_buf_reset(b);
	if (rc) {
		weft__free(b);
		return weft__ended(rc);
	}
	*buf = b;
	return 0;
}

void weft_buf_destroy(weft_buf_t **buf)
{
	if (!buf || !*buf)
		return;
	weft__buf_fini(&(*buf)->bytes);
	weft__free(*buf);
	*buf = NULL;
}

int weft_buf_rewind(weft_buf_t *buf)
{
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	buf->cursor = (struct cursor){.at = HEAD};
	return 0;
}

size_t weft_buf_size(const weft_buf_t *buf)
{
	return buf ? buf->bytes.len : 0;
}

/* --- the message's bytes ------------------------------------------------------------------------------ */

const void *weft__pack_bytes(const weft_buf_t *buf, size_t *nbytes)
{
	*nbytes = buf->bytes.len;
	return buf->bytes.data;
}

static int check_head(const uint8_t *bytes, size_t nbytes)
{
	if (nbytes < HEAD || bytes[0] != 'w' || bytes[1] != 'p' || bytes[2] != FORMAT)
		return WEFT_EPROTO;
	return bytes[3] == WEFT__LITTLE || bytes[3] == WEFT__BIG ? 0 : WEFT_EPROTO;
}

static void loaded(weft_buf_t *buf)
{
	buf->swapped = buf->bytes.data[3] != WEFT__BYTE_ORDER;
	buf->cursor = (struct cursor){.at = HEAD};
}

int weft__pack_load(weft_buf_t *buf, const void *bytes, size_t nbytes)
{
	int rc = check_head(bytes, nbytes);
	if (rc)
		return rc;
	struct weft__buf fresh = {0};
	rc = weft__buf_append(&fresh, bytes, nbytes);
	if (rc)
		return rc;
	weft__buf_fini(&buf->bytes);
	buf->bytes = fresh;
	loaded(buf);
	return 0;
}

int weft__pack_adopt(weft_buf_t *buf, void **bytes, size_t nbytes)
{
	int rc = check_head(*bytes, nbytes);
	if (rc)
		return rc;
	weft__buf_fini(&buf->bytes);
	buf->bytes = (struct weft__buf){.data = *bytes, .len = nbytes, .cap = nbytes};
	*bytes = NULL;
	loaded(buf);
	return 0;
}

/* --- packing -------------------------------------------------------------------------------------------- */

/* Bytes of a run's tag and count. */
static size_t put_run(uint8_t *out, int type, uint64_t count, bool swapped)
{
	unsigned width = count <= UINT8_MAX ? 0 : count <= UINT16_MAX ? 1 : count <= UINT32_MAX ? 2 : 3;
	uint8_t u8 = (uint8_t)count;
	uint16_t u16 = (uint16_t)count;
	uint32_t u32 = (uint32_t)count;
	static const int types[] = {WEFT_UINT8, WEFT_UINT16, WEFT_UINT32, WEFT_UINT64};
	const void *values[] = {&u8, &u16, &u32, &count};

	out[0] = (uint8_t)((unsigned)type | width << TAG_SHIFT);
	weft__type_gather(types[width], out + 1, values[width], 1, 1, swapped);
	return 1 + ((size_t)1 << width);
}

/* Append a run of count values of size bytes each; value_type says how they are swapped. */
static int append(weft_buf_t *buf, int type, int value_type, const void *values, uint64_t count, size_t stride)
{
	uint8_t run[1 + sizeof count];
	size_t size = weft__type_size(value_type), nrun = put_run(run, type, count, buf->swapped);
	if (count > (WEFT_MSG_MAX - buf->bytes.len - nrun) / size)
		return WEFT_ETOOBIG;
	int rc = weft__buf_reserve(&buf->bytes, nrun + (size_t)count * size);
	if (rc)
		return rc;
	uint8_t *end = buf->bytes.data + buf->bytes.len;
	memcpy(end, run, nrun);
	weft__type_gather(value_type, end + nrun, values, (size_t)count, stride, buf->swapped);
	buf->bytes.len += nrun + (size_t)count * size;
	return 0;
}

int weft_pack(weft_buf_t *buf, weft_type_t type, const void *values, int64_t count, int64_t stride)
{
	if (!buf || weft__type_size((int)type) == 0 || count < 0 || stride < 1 || (!values && count > 0))
		return weft__ended(WEFT_EINVAL);
	if (count == 0)
		return 0;
	return weft__ended(append(buf, (int)type, (int)type, values, (uint64_t)count, (size_t)stride));
}

int weft_pack_string(weft_buf_t *buf, const char *text)
{
	if (!buf || !text)
		return weft__ended(WEFT_EINVAL);
	return weft__ended(append(buf, TEXT, WEFT_BYTE, text, strlen(text), 1));
}

/* --- unpacking ------------------------------------------------------------------------------------------- */

/* Step onto the run that begins at c->at: 0 and c stands before its first value; WEFT_EEND, WEFT_EPROTO. */
static int open_run(const weft_buf_t *buf, struct cursor *c)
{
	size_t left = buf->bytes.len - c->at;
	if (left == 0)
		return WEFT_EEND;
	const uint8_t *run = buf->bytes.data + c->at;
	int type = run[0] & TAG_TYPE;
	unsigned width = (run[0] & TAG_WIDTH) >> TAG_SHIFT;
	size_t size = type == TEXT ? 1 : weft__type_size(type), nrun = 1 + ((size_t)1 << width);
	if (run[0] & ~(TAG_TYPE | TAG_WIDTH) || size == 0 || left < nrun)
		return WEFT_EPROTO;

	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t count = 0;
	static const int types[] = {WEFT_UINT8, WEFT_UINT16, WEFT_UINT32, WEFT_UINT64};
	void *values[] = {&u8, &u16, &u32, &count};
	weft__type_scatter(types[width], values[width], run + 1, 1, 1, buf->swapped);
	count = width == 0 ? u8 : width == 1 ? u16 : width == 2 ? u32 : count;
	if (count > (left - nrun) / size || (count == 0 && type != TEXT))
		return WEFT_EPROTO;

	*c = (struct cursor){.at = c->at + nrun, .left = count, .type = type};
	return 0;
}

/* Move c over the next count values, which may lie in several runs of the type, and copy them unless values
 * is NULL. */
static int take(const weft_buf_t *buf, struct cursor *c, int type, uint8_t *values, uint64_t count, size_t stride)
{
	size_t size = weft__type_size(type);
	for (bool first = true; count > 0; first = false) {
		int rc = c->left ? 0 : open_run(buf, c);
		if (rc)
			return rc;
		if (c->type != type)
			return first ? WEFT_ETYPE : WEFT_EEND;
		uint64_t now = count < c->left ? count : c->left;
		if (values) {
			weft__type_scatter(type, values, buf->bytes.data + c->at, (size_t)now, stride, buf->swapped);
			values += (size_t)now * stride * size;
		}
		c->at += (size_t)now * size;
		c->left -= now;
		count -= now;
	}
	return 0;
}

int weft_unpack(weft_buf_t *buf, weft_type_t type, void *values, int64_t count, int64_t stride)
{
	if (!buf || weft__type_size((int)type) == 0 || count < 0 || stride < 1 || (!values && count > 0))
		return weft__ended(WEFT_EINVAL);
	struct cursor c = buf->cursor;
	int rc = take(buf, &c, (int)type, NULL, (uint64_t)count, (size_t)stride);
	return weft__ended(rc ? rc : take(buf, &buf->cursor, (int)type, values, (uint64_t)count, (size_t)stride));
}

int weft_unpack_string(weft_buf_t *buf, char *text, size_t size, size_t *len)
{
	if (!buf || (!text && size > 0))
		return weft__ended(WEFT_EINVAL);
	struct cursor c = buf->cursor;
	int rc = c.left ? WEFT_ETYPE : open_run(buf, &c);
	if (rc)
		return weft__ended(rc);
	if (c.type != TEXT)
		return weft__ended(WEFT_ETYPE);
	size_t n = (size_t)c.left;
	if (len)
		*len = n;
	if (n >= size)
		return weft__ended(WEFT_ETRUNC);
	memcpy(text, buf->bytes.data + c.at, n);
	text[n] = '\0';
	buf->cursor = (struct cursor){.at = c.at + n};
	return 0;
}

int weft_buf_next(const weft_buf_t *buf, int *type, int64_t *count)
{
	if (!buf)
		return weft__ended(WEFT_EINVAL);
	struct cursor c = buf->cursor;
	int rc = c.left ? 0 : open_run(buf, &c);
	if (rc)
		return weft__ended(rc);
	if (type)
		*type = c.type;
	if (count)
		*count = (int64_t)c.left;
	return 0;
}
