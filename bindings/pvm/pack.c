/* Packing and unpacking. XDR (PvmDataDefault): big-endian, shorts and characters of 4 bytes, runs of
 * bytes padded to 4; longs are 8 bytes, so that none is cut. Raw: as in memory. In place: a note of
 * where it is, read when the message is sent. */
#include "config.h"

#include <limits.h>
#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/pvm.h"

/* An item is n numbers of size bytes, which XDR makes `wide` bytes; sign: extended when widened. */
struct type {
	uint8_t size, n, wide, sign;
};

static const struct type types[] = {
        [PVM_BYTE] = {1, 1, 1, 0},  [PVM_SHORT] = {2, 1, 4, 1},  [PVM_INT] = {4, 1, 4, 0},
        [PVM_FLOAT] = {4, 1, 4, 0}, [PVM_CPLX] = {4, 2, 4, 0},   [PVM_DOUBLE] = {8, 1, 8, 0},
        [PVM_DCPLX] = {8, 2, 8, 0}, [PVM_LONG] = {sizeof(long), 1, 8, 1},
        [PVM_USHORT] = {2, 1, 4, 0}, [PVM_UINT] = {4, 1, 4, 0}, [PVM_ULONG] = {sizeof(long), 1, 8, 0},
};

size_t weft__pvm_type_size(int type)
{
	if (type < PVM_BYTE || type > PVM_ULONG)
		return 0;
	return (size_t)types[type].size * types[type].n;
}

/* --- one number ------------------------------------------------------------------------------- */

static void encode(const struct type *t, const unsigned char *from, unsigned char *to)
{
	if (t->size == 4) {
		uint32_t v;
		memcpy(&v, from, sizeof v);
		if (t->wide == 4) {
			v = __builtin_bswap32(v);
			memcpy(to, &v, sizeof v);
			return;
		}
		uint64_t wide = t->sign ? (uint64_t)(int64_t)(int32_t)v : v;
		wide = __builtin_bswap64(wide);
		memcpy(to, &wide, sizeof wide);
	} else if (t->size == 8) {
		uint64_t v;
		memcpy(&v, from, sizeof v);
		v = __builtin_bswap64(v);
		memcpy(to, &v, sizeof v);
	} else {
		uint16_t v;
		memcpy(&v, from, sizeof v);
		uint32_t wide = __builtin_bswap32(t->sign ? (uint32_t)(int32_t)(int16_t)v : v);
		memcpy(to, &wide, sizeof wide);
	}
}

static void decode(const struct type *t, const unsigned char *from, unsigned char *to)
{
	if (t->wide == 8) {
		uint64_t v;
		memcpy(&v, from, sizeof v);
		v = __builtin_bswap64(v);
		uint32_t narrow = (uint32_t)v;
		memcpy(to, t->size == 8 ? (void *)&v : (void *)&narrow, t->size);
	} else {
		uint32_t v;
		memcpy(&v, from, sizeof v);
		v = __builtin_bswap32(v);
		uint16_t narrow = (uint16_t)v;
		memcpy(to, t->size == 4 ? (void *)&v : (void *)&narrow, t->size);
	}
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Bytes that count items are in a message. */
static size_t coded_bytes(int encoding, int type, int count)
{
	const struct type *t = &types[type];
	size_t n = (size_t)count * t->n;
	if (encoding != PvmDataDefault)
		return n * t->size;
	return type == PVM_BYTE ? (n + 3) & ~(size_t)3 : n * t->wide;
}

static int leave_in_place(struct weft__pvm_buf *b, const void *p, int count, ptrdiff_t stride_bytes,
                          size_t item_bytes)
{
	size_t bytes = (size_t)count * item_bytes;
	if (bytes > INT32_MAX - b->pieces_bytes)
		return PvmOverflow;
	if ((b->npieces & (b->npieces - 1)) == 0) {
		size_t room = b->npieces ? 2 * b->npieces : 1;
		struct weft__pvm_piece *more = weft__realloc(b->pieces, room * sizeof *more);
		if (!more)
			return PvmNoMem;
		b->pieces = more;
	}
	b->pieces[b->npieces++] = (struct weft__pvm_piece){p, count, stride_bytes, item_bytes};
	b->pieces_bytes += bytes;
	return PvmOk;
}

/* type may be PVM_STR: bytes, without their stride. */
static int check(int type, const void *p, int count, int stride)
{
	size_t size = weft__pvm_type_size(type);
	int64_t span = (int64_t)count * stride * (int64_t)size;
	if (!size || count < 0 || (count && !p))
		return PvmBadParam;
	return span > INT32_MAX || span < -INT32_MAX || (int64_t)count * 8 > INT32_MAX * INT64_C(2)
	               ? PvmOverflow
	               : PvmOk;
}

int weft__pvm_pack(struct weft__pvm_buf *b, int type, const void *p, int count, int stride)
{
	int rc = check(type, p, count, stride);
	if (rc || count == 0)
		return rc;
	const struct type *t = &types[type];
	size_t item = (size_t)t->size * t->n;
	ptrdiff_t step = (ptrdiff_t)item * stride;
	if (b->encoding == PvmDataInPlace)
		return leave_in_place(b, p, count, step, item);
	size_t bytes = coded_bytes(b->encoding, type, count);
	unsigned char *to = weft__pvm_buf_extend(b, bytes);
	const unsigned char *from = p;
	if (!to)
		return PvmNoMem;
	if (b->encoding != PvmDataDefault || type == PVM_BYTE) {
		size_t plain = item * (size_t)count;
		if (stride == 1)
			memcpy(to, from, plain);
		else
			for (int i = 0; i < count; i++)
				memcpy(to + (size_t)i * item, from + i * step, item);
		memset(to + plain, 0, bytes - plain);
		return PvmOk;
	}
	for (int i = 0; i < count; i++)
		for (int k = 0; k < t->n; k++, to += t->wide)
			encode(t, from + i * step + k * t->size, to);
	return PvmOk;
}

int weft__pvm_unpack(struct weft__pvm_buf *b, int type, void *p, int count, int stride)
{
	int rc = check(type, p, count, stride);
	if (rc || count == 0)
		return rc;
	if (b->encoding == PvmDataInPlace)
		return PvmNoData; /* its data were never brought here */
	const struct type *t = &types[type];
	size_t item = (size_t)t->size * t->n, bytes = coded_bytes(b->encoding, type, count);
	ptrdiff_t step = (ptrdiff_t)item * stride;
	if (!b->blob || b->blob->size - b->at < bytes)
		return PvmNoData;
	const unsigned char *from = b->blob->bytes + b->at;
	unsigned char *to = p;
	b->at += bytes;
	if (b->encoding != PvmDataDefault || type == PVM_BYTE) {
		if (stride == 1)
			memcpy(to, from, item * (size_t)count);
		else
			for (int i = 0; i < count; i++)
				memcpy(to + i * step, from + (size_t)i * item, item);
		return PvmOk;
	}
	for (int i = 0; i < count; i++)
		for (int k = 0; k < t->n; k++, from += t->wide)
			decode(t, from, to + i * step + k * t->size);
	return PvmOk;
}

/* --- the calls -------------------------------------------------------------------------------- */

static int pack(const char *name, int type, const void *p, int count, int stride)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	int rc = b ? weft__pvm_pack(b, type, p, count, stride) : PvmNoBuf;
	return rc ? lpvmerr(name, rc) : PvmOk;
}

static int unpack(const char *name, int type, void *p, int count, int stride)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.rbuf);
	int rc = b ? weft__pvm_unpack(b, type, p, count, stride) : PvmNoBuf;
	return rc ? lpvmerr(name, rc) : PvmOk;
}

int pvm_pkbyte(char *p, int count, int stride)
{
	return pack("pvm_pkbyte", PVM_BYTE, p, count, stride);
}

int pvm_pkcplx(float *p, int count, int stride)
{
	return pack("pvm_pkcplx", PVM_CPLX, p, count, stride);
}

int pvm_pkdcplx(double *p, int count, int stride)
{
	return pack("pvm_pkdcplx", PVM_DCPLX, p, count, stride);
}

int pvm_pkdouble(double *p, int count, int stride)
{
	return pack("pvm_pkdouble", PVM_DOUBLE, p, count, stride);
}

int pvm_pkfloat(float *p, int count, int stride)
{
	return pack("pvm_pkfloat", PVM_FLOAT, p, count, stride);
}

int pvm_pkint(int *p, int count, int stride)
{
	return pack("pvm_pkint", PVM_INT, p, count, stride);
}

int pvm_pklong(long *p, int count, int stride)
{
	return pack("pvm_pklong", PVM_LONG, p, count, stride);
}

int pvm_pkshort(short *p, int count, int stride)
{
	return pack("pvm_pkshort", PVM_SHORT, p, count, stride);
}

int pvm_pkuint(unsigned int *p, int count, int stride)
{
	return pack("pvm_pkuint", PVM_UINT, p, count, stride);
}

int pvm_pkulong(unsigned long *p, int count, int stride)
{
	return pack("pvm_pkulong", PVM_ULONG, p, count, stride);
}

int pvm_pkushort(unsigned short *p, int count, int stride)
{
	return pack("pvm_pkushort", PVM_USHORT, p, count, stride);
}

/* A length, which counts the NUL, then the characters. */
int pvm_pkstr(char *text)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	if (!text)
		return lpvmerr("pvm_pkstr", PvmBadParam);
	size_t n = strlen(text) + 1;
	int rc = !b ? PvmNoBuf : n > INT_MAX / 2 ? PvmOverflow : PvmOk;
	if (rc == PvmOk && b->encoding == PvmDataInPlace)
		rc = PvmNotImpl;
	int count = (int)n;
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_INT, &count, 1, 1);
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_BYTE, text, count, 1);
	return rc ? lpvmerr("pvm_pkstr", rc) : PvmOk;
}

int pvm_upkbyte(char *p, int count, int stride)
{
	return unpack("pvm_upkbyte", PVM_BYTE, p, count, stride);
}

int pvm_upkcplx(float *p, int count, int stride)
{
	return unpack("pvm_upkcplx", PVM_CPLX, p, count, stride);
}

int pvm_upkdcplx(double *p, int count, int stride)
{
	return unpack("pvm_upkdcplx", PVM_DCPLX, p, count, stride);
}

int pvm_upkdouble(double *p, int count, int stride)
{
	return unpack("pvm_upkdouble", PVM_DOUBLE, p, count, stride);
}

int pvm_upkfloat(float *p, int count, int stride)
{
	return unpack("pvm_upkfloat", PVM_FLOAT, p, count, stride);
}

int pvm_upkint(int *p, int count, int stride)
{
	return unpack("pvm_upkint", PVM_INT, p, count, stride);
}

int pvm_upklong(long *p, int count, int stride)
{
	return unpack("pvm_upklong", PVM_LONG, p, count, stride);
}

int pvm_upkshort(short *p, int count, int stride)
{
	return unpack("pvm_upkshort", PVM_SHORT, p, count, stride);
}

int pvm_upkuint(unsigned int *p, int count, int stride)
{
	return unpack("pvm_upkuint", PVM_UINT, p, count, stride);
}

int pvm_upkulong(unsigned long *p, int count, int stride)
{
	return unpack("pvm_upkulong", PVM_ULONG, p, count, stride);
}

int pvm_upkushort(unsigned short *p, int count, int stride)
{
	return unpack("pvm_upkushort", PVM_USHORT, p, count, stride);
}

int pvm_upkstr(char *text)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.rbuf);
	size_t before = b ? b->at : 0;
	int count = 0, rc = !b ? PvmNoBuf : text ? PvmOk : PvmBadParam;
	if (rc == PvmOk)
		rc = weft__pvm_unpack(b, PVM_INT, &count, 1, 1);
	if (rc == PvmOk && count < 1)
		rc = PvmBadMsg;
	if (rc == PvmOk)
		rc = weft__pvm_unpack(b, PVM_BYTE, text, count, 1);
	if (rc == PvmOk) {
		text[count - 1] = '\0';
		return PvmOk;
	}
	if (b)
		b->at = before;
	return lpvmerr("pvm_upkstr", rc);
}

/* --- messages in messages --------------------------------------------------------------------- */

/* A message within another: its encoding and length, then the body's bytes. */
static int pack_message(struct weft__pvm_buf *b, int bufid, bool with_header)
{
	struct weft__pvm_buf *m = weft__pvm_buf(bufid);
	if (!b)
		return PvmNoBuf;
	if (!m || m == b)
		return bufid <= 0 || m == b ? PvmBadParam : PvmNoSuchBuf;
	struct weft__pvm_blob *blob = weft__pvm_buf_seal(m);
	if (!blob)
		return PvmNoMem;
	int n = (int)(blob->size - WEFT__PVM_HEADER), rc = PvmOk;
	int header[] = {m->src, m->dst, m->tag, m->context, m->wid, blob->bytes[3], n};
	if (with_header)
		rc = weft__pvm_pack(b, PVM_INT, header, 7, 1);
	unsigned char *to = rc == PvmOk ? weft__pvm_buf_extend(b, (size_t)n) : NULL;
	if (to)
		memcpy(to, blob->bytes + WEFT__PVM_HEADER, (size_t)n);
	weft__pvm_blob_drop(blob);
	return rc ? rc : to ? PvmOk : PvmNoMem;
}

int pvm_pkmesg(int bufid)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	int rc = b && b->encoding == PvmDataInPlace ? PvmNotImpl : pack_message(b, bufid, true);
	return rc ? lpvmerr("pvm_pkmesg", rc) : PvmOk;
}

int pvm_pkmesgbody(int bufid)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf), *m = weft__pvm_buf(bufid);
	int rc = b && b->encoding == PvmDataInPlace ? PvmNotImpl : PvmOk;
	if (rc == PvmOk && b && m && (b->encoding == PvmDataDefault) != (m->encoding == PvmDataDefault))
		rc = PvmMismatch;
	if (rc == PvmOk)
		rc = pack_message(b, bufid, false);
	return rc ? lpvmerr("pvm_pkmesgbody", rc) : PvmOk;
}

int pvm_upkmesg(void)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.rbuf), *m = NULL;
	int header[7];
	size_t before = b ? b->at : 0;
	int rc = b ? weft__pvm_unpack(b, PVM_INT, header, 7, 1) : PvmNoBuf;
	if (rc == PvmOk && (header[6] < 0 || header[5] < PvmDataDefault || header[5] > PvmDataRaw))
		rc = PvmBadMsg;
	if (rc == PvmOk && b->blob->size - b->at < (size_t)header[6])
		rc = PvmNoData;
	int id = rc == PvmOk ? weft__pvm_buf_new(header[5], &m) : rc;
	unsigned char *to = id > 0 ? weft__pvm_buf_extend(m, (size_t)header[6]) : NULL;
	if (!to) {
		if (id > 0)
			weft__pvm_buf_drop(id);
		if (b)
			b->at = before;
		return lpvmerr("pvm_upkmesg", id < 0 ? id : PvmNoMem);
	}
	memcpy(to, b->blob->bytes + b->at, (size_t)header[6]);
	b->at += (size_t)header[6];
	m->src = header[0];
	m->dst = header[1];
	m->tag = header[2];
	m->context = header[3];
	m->wid = header[4];
	return id;
}
