/* Packing and unpacking. By default numbers have the widths that XDR gives them: shorts and characters 4 bytes,
 * runs of bytes padded to 4; longs have 8 bytes, so that none is cut. Their byte order is the packer's; who unpacks on
 * another kind of machine turns them round. Raw: as in memory. In place: a note of where it is, read when
 * the message is sent. */
#include "config.h"

#include <limits.h>
#include <string.h>
#include <sys/time.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"

/* An item is n numbers of size bytes, which a message has in `wide` bytes; sign: extended when widened. */
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

static uint64_t load(const unsigned char *from, uint8_t size, bool sign, bool swap)
{
	uint64_t v8;
	uint32_t v4;
	uint16_t v2;
	switch (size) {
	case 8:
		memcpy(&v8, from, sizeof v8);
		return swap ? __builtin_bswap64(v8) : v8;
	case 4:
		memcpy(&v4, from, sizeof v4);
		v4 = swap ? __builtin_bswap32(v4) : v4;
		return sign ? (uint64_t)(int64_t)(int32_t)v4 : v4;
	default:
		memcpy(&v2, from, sizeof v2);
		v2 = swap ? __builtin_bswap16(v2) : v2;
		return sign ? (uint64_t)(int64_t)(int16_t)v2 : v2;
	}
}

static void store(unsigned char *to, uint8_t size, bool swap, uint64_t value)
{
	uint32_t v4 = (uint32_t)value;
	uint16_t v2 = (uint16_t)value;
	if (swap) {
		value = __builtin_bswap64(value);
		v4 = __builtin_bswap32(v4);
		v2 = __builtin_bswap16(v2);
	}
	memcpy(to, size == 8 ? (void *)&value : size == 4 ? (void *)&v4 : (void *)&v2, size);
}

/* --- runs ------------------------------------------------------------------------------------- */

/* Some items, in memory and in a message. */
struct run {
	int type, count;
	bool pack;          /* into the message; else out of it */
	unsigned char *p;   /* in memory, ... */
	ptrdiff_t step;     /* ... from item to item */
	size_t item, bytes; /* of an item in memory; of all in the message */
};

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

static struct run run_of(int encoding, int type, void *p, int count, int stride)
{
	const struct type *t = &types[type];
	size_t n = (size_t)count * t->n, item = (size_t)t->size * t->n;
	struct run r = {.type = type, .count = count, .p = p, .step = (ptrdiff_t)item * stride, .item = item};
	if (encoding != PvmDataDefault)
		r.bytes = n * t->size;
	else
		r.bytes = type == PVM_BYTE ? (n + 3) & ~(size_t)3 : n * t->wide;
	return r;
}

static void copy(const struct run *r, unsigned char *in_message)
{
	bool is_dense = r->step == (ptrdiff_t)r->item;
	size_t piece = is_dense ? r->item * (size_t)r->count : r->item;
	for (int i = 0; i < (is_dense ? 1 : r->count); i++) {
		unsigned char *own = r->p + i * r->step, *other = in_message + (size_t)i * r->item;
		weft__pvm_copy(r->pack ? other : own, r->pack ? own : other, piece);
	}
	size_t plain = r->item * (size_t)r->count;
	if (r->pack && r->bytes > plain)
		memset(in_message + plain, 0, r->bytes - plain);
}

static void convert(const struct run *r, unsigned char *in_message, bool swap)
{
	const struct type *t = &types[r->type];
	for (int i = 0; i < r->count; i++)
		for (int k = 0; k < t->n; k++, in_message += t->wide) {
			unsigned char *own = r->p + i * r->step + k * t->size;
			if (r->pack)
				store(in_message, t->wide, swap, load(own, t->size, t->sign, false));
			else
				store(own, t->size, false, load(in_message, t->wide, t->sign, swap));
		}
}

static int transfer(const struct weft__pvm_buf *b, const struct run *r, unsigned char *in_message)
{
	const struct type *t = &types[r->type];
	bool is_raw = b->encoding != PvmDataDefault;
	if (is_raw && b->swap && t->size > 1)
		return PvmBadMsg; /* raw, of another kind of machine */
	if (is_raw || t->size == 1 || (t->size == t->wide && !b->swap))
		copy(r, in_message);
	else
		convert(r, in_message, b->swap);
	return PvmOk;
}

static int leave_in_place(struct weft__pvm_buf *b, const struct run *r)
{
	if (r->bytes > INT32_MAX - b->pieces_bytes)
		return PvmOverflow;
	if ((b->npieces & (b->npieces - 1)) == 0) {
		size_t room = b->npieces ? 2 * b->npieces : 1;
		struct weft__pvm_piece *more = weft__realloc(b->pieces, room * sizeof *more);
		if (!more)
			return PvmNoMem;
		b->pieces = more;
	}
	b->pieces[b->npieces++] = (struct weft__pvm_piece){r->p, r->count, r->step, r->item};
	b->pieces_bytes += r->bytes;
	return PvmOk;
}

/* In an event: what comes, and how many unless it is one. */
static int announce(struct weft__pvm_buf *b, int type, int count)
{
	static const int codes[] = {
	        [PVM_BYTE] = TEV_DATA_BYTE,   [PVM_SHORT] = TEV_DATA_SHORT,   [PVM_INT] = TEV_DATA_INT,   [PVM_FLOAT] = TEV_DATA_FLOAT,
	        [PVM_CPLX] = TEV_DATA_CPLX,   [PVM_DOUBLE] = TEV_DATA_DOUBLE, [PVM_DCPLX] = TEV_DATA_DCPLX, [PVM_LONG] = TEV_DATA_LONG,
	        [PVM_USHORT] = TEV_DATA_SHORT, [PVM_UINT] = TEV_DATA_INT,     [PVM_ULONG] = TEV_DATA_ULONG,
	};
	int head[] = {codes[type] | (count == 1 ? TEV_DATA_SCALAR : TEV_DATA_ARRAY), count};
	b->is_event = false;
	int rc = weft__pvm_pack(b, PVM_INT, head, count == 1 ? 1 : 2, 1);
	b->is_event = true;
	return rc;
}

int weft__pvm_event_begin(struct weft__pvm_buf *b)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	int head[] = {TEV_MARK_USER_EVENT_RECORD, TEV_USER_DEFINED}, time[] = {(int)now.tv_sec, (int)now.tv_usec};
	int rc = weft__pvm_pack(b, PVM_INT, head, 2, 1);
	if (rc == PvmOk)
		rc = weft__pvm_pack_text(b, pvmtevinfo[TEV_USER_DEFINED].name);
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_INT, time, 2, 1);
	b->is_event = rc == PvmOk;
	return rc;
}

int weft__pvm_pack(struct weft__pvm_buf *b, int type, const void *p, int count, int stride)
{
	int rc = check(type, p, count, stride);
	if (rc == PvmOk && count > 0 && b->is_event)
		rc = announce(b, type, count);
	if (rc || count == 0)
		return rc;
	struct run r = run_of(b->encoding, type, (void *)(uintptr_t)p, count, stride);
	r.pack = true;
	if (b->encoding == PvmDataInPlace)
		return leave_in_place(b, &r);
	unsigned char *to = weft__pvm_buf_extend(b, r.bytes);
	return to ? transfer(b, &r, to) : PvmNoMem;
}

/* As many as there are: programs ask for more than was packed, and don't look at what that returns. */
static int unpack_rest(struct weft__pvm_buf *b, struct run *r)
{
	const struct type *t = &types[r->type];
	size_t width = (size_t)t->n * (b->encoding == PvmDataDefault ? t->wide : t->size);
	r->count = (int)((b->blob->size - b->at) / width);
	int rc = r->count ? transfer(b, r, b->blob->bytes + b->at) : PvmOk;
	b->at = b->blob->size;
	return rc ? rc : PvmNoData;
}

int weft__pvm_unpack(struct weft__pvm_buf *b, int type, void *p, int count, int stride)
{
	int rc = check(type, p, count, stride);
	if (rc || count == 0)
		return rc;
	if (b->encoding == PvmDataInPlace)
		return PvmNoData; /* its data were never brought here */
	if (b->packs) { /* it is read from its beginning */
		b->packs = false;
		b->at = WEFT__PVM_HEADER;
	}
	struct run r = run_of(b->encoding, type, p, count, stride);
	if (!b->blob)
		return PvmNoData;
	if (b->blob->size - b->at < r.bytes)
		return unpack_rest(b, &r);
	rc = transfer(b, &r, b->blob->bytes + b->at);
	if (rc == PvmOk)
		b->at += r.bytes;
	return rc;
}

/* --- the calls -------------------------------------------------------------------------------- */

/* What the calls have in common: event is the trace's. */
static void enter(int event, const void *p, int count, int stride)
{
	if (!weft__trace_begin(event | TEV_EVENT_ENTRY))
		return;
	weft__trace_address(TEV_DID_PDA, p);
	weft__trace_int(TEV_DID_PC, count);
	weft__trace_int(TEV_DID_PSD, stride);
	weft__trace_end();
}

static int leave(int event, const char *name, int rc)
{
	if (rc)
		lpvmerr(name, rc);
	return weft__trace_leave(event, TEV_DID_CC, rc);
}

static int pack(int event, const char *name, int type, const void *p, int count, int stride)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf);
	if (weft__trace_is_on())
		enter(event, p, count, stride);
	int rc = b ? weft__pvm_pack(b, type, p, count, stride) : PvmNoBuf;
	return rc || weft__trace_is_on() ? leave(event, name, rc) : PvmOk;
}

static int unpack(int event, const char *name, int type, void *p, int count, int stride)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.rbuf);
	if (weft__trace_is_on())
		enter(event, p, count, stride);
	int rc = b ? weft__pvm_unpack(b, type, p, count, stride) : PvmNoBuf;
	return rc || weft__trace_is_on() ? leave(event, name, rc) : PvmOk;
}

int pvm_pkbyte(char *p, int count, int stride)
{
	return pack(TEV_PKBYTE, "pvm_pkbyte", PVM_BYTE, p, count, stride);
}

int pvm_pkcplx(float *p, int count, int stride)
{
	return pack(TEV_PKCPLX, "pvm_pkcplx", PVM_CPLX, p, count, stride);
}

int pvm_pkdcplx(double *p, int count, int stride)
{
	return pack(TEV_PKDCPLX, "pvm_pkdcplx", PVM_DCPLX, p, count, stride);
}

int pvm_pkdouble(double *p, int count, int stride)
{
	return pack(TEV_PKDOUBLE, "pvm_pkdouble", PVM_DOUBLE, p, count, stride);
}

int pvm_pkfloat(float *p, int count, int stride)
{
	return pack(TEV_PKFLOAT, "pvm_pkfloat", PVM_FLOAT, p, count, stride);
}

int pvm_pkint(int *p, int count, int stride)
{
	return pack(TEV_PKINT, "pvm_pkint", PVM_INT, p, count, stride);
}

int pvm_pklong(long *p, int count, int stride)
{
	return pack(TEV_PKLONG, "pvm_pklong", PVM_LONG, p, count, stride);
}

int pvm_pkshort(short *p, int count, int stride)
{
	return pack(TEV_PKSHORT, "pvm_pkshort", PVM_SHORT, p, count, stride);
}

int pvm_pkuint(unsigned int *p, int count, int stride)
{
	return pack(TEV_PKUINT, "pvm_pkuint", PVM_UINT, p, count, stride);
}

int pvm_pkulong(unsigned long *p, int count, int stride)
{
	return pack(TEV_PKULONG, "pvm_pkulong", PVM_ULONG, p, count, stride);
}

int pvm_pkushort(unsigned short *p, int count, int stride)
{
	return pack(TEV_PKUSHORT, "pvm_pkushort", PVM_USHORT, p, count, stride);
}

/* A length, which counts the NUL, then the characters. */
int weft__pvm_pack_text(struct weft__pvm_buf *b, const char *text)
{
	size_t n = text ? strlen(text) + 1 : 0;
	int count = (int)n, rc = !text ? PvmBadParam : !b ? PvmNoBuf : n > INT_MAX / 2 ? PvmOverflow : PvmOk;
	if (rc == PvmOk && b->encoding == PvmDataInPlace)
		rc = PvmNotImpl;
	if (rc == PvmOk)
		rc = weft__pvm_pack(b, PVM_INT, &count, 1, 1);
	return rc ? rc : weft__pvm_pack(b, PVM_BYTE, text, count, 1);
}

/* In an event a text is its characters. */
static int pack_string(struct weft__pvm_buf *b, const char *text)
{
	bool plain = b && b->is_event && text && strlen(text) <= INT_MAX / 2;
	return plain ? weft__pvm_pack(b, PVM_BYTE, text, (int)strlen(text), 1) : weft__pvm_pack_text(b, text);
}

int pvm_pkstr(char *text)
{
	if (weft__trace_begin(TEV_PKSTR | TEV_EVENT_ENTRY)) {
		weft__trace_address(TEV_DID_PDA, text);
		weft__trace_end();
	}
	return leave(TEV_PKSTR, "pvm_pkstr", pack_string(weft__pvm_buf(weft__pvm.sbuf), text));
}

int pvm_upkbyte(char *p, int count, int stride)
{
	return unpack(TEV_UPKBYTE, "pvm_upkbyte", PVM_BYTE, p, count, stride);
}

int pvm_upkcplx(float *p, int count, int stride)
{
	return unpack(TEV_UPKCPLX, "pvm_upkcplx", PVM_CPLX, p, count, stride);
}

int pvm_upkdcplx(double *p, int count, int stride)
{
	return unpack(TEV_UPKDCPLX, "pvm_upkdcplx", PVM_DCPLX, p, count, stride);
}

int pvm_upkdouble(double *p, int count, int stride)
{
	return unpack(TEV_UPKDOUBLE, "pvm_upkdouble", PVM_DOUBLE, p, count, stride);
}

int pvm_upkfloat(float *p, int count, int stride)
{
	return unpack(TEV_UPKFLOAT, "pvm_upkfloat", PVM_FLOAT, p, count, stride);
}

int pvm_upkint(int *p, int count, int stride)
{
	return unpack(TEV_UPKINT, "pvm_upkint", PVM_INT, p, count, stride);
}

int pvm_upklong(long *p, int count, int stride)
{
	return unpack(TEV_UPKLONG, "pvm_upklong", PVM_LONG, p, count, stride);
}

int pvm_upkshort(short *p, int count, int stride)
{
	return unpack(TEV_UPKSHORT, "pvm_upkshort", PVM_SHORT, p, count, stride);
}

int pvm_upkuint(unsigned int *p, int count, int stride)
{
	return unpack(TEV_UPKUINT, "pvm_upkuint", PVM_UINT, p, count, stride);
}

int pvm_upkulong(unsigned long *p, int count, int stride)
{
	return unpack(TEV_UPKULONG, "pvm_upkulong", PVM_ULONG, p, count, stride);
}

int pvm_upkushort(unsigned short *p, int count, int stride)
{
	return unpack(TEV_UPKUSHORT, "pvm_upkushort", PVM_USHORT, p, count, stride);
}

int weft__pvm_unpack_text(struct weft__pvm_buf *b, char *text)
{
	size_t before = b ? b->at : 0;
	int count = 0, rc = !b ? PvmNoBuf : text ? PvmOk : PvmBadParam;
	if (rc == PvmOk)
		rc = weft__pvm_unpack(b, PVM_INT, &count, 1, 1);
	if (rc == PvmOk && count < 1)
		rc = PvmBadMsg;
	if (rc == PvmOk && (size_t)count > b->blob->size - b->at)
		rc = PvmNoData;
	if (rc == PvmOk)
		rc = weft__pvm_unpack(b, PVM_BYTE, text, count, 1);
	if (rc == PvmOk)
		text[count - 1] = '\0';
	else if (b)
		b->at = before;
	return rc;
}

int pvm_upkstr(char *text)
{
	if (weft__trace_begin(TEV_UPKSTR | TEV_EVENT_ENTRY)) {
		weft__trace_address(TEV_DID_PDA, text);
		weft__trace_end();
	}
	return leave(TEV_UPKSTR, "pvm_upkstr", weft__pvm_unpack_text(weft__pvm_buf(weft__pvm.rbuf), text));
}

/* --- messages in messages --------------------------------------------------------------------- */

enum { SWAPPED = 0x100 }; /* beside an encoding: the inner message's byte order is not the packer's */

/* A message within another: its encoding and length, then the body's bytes. */
static int pack_message(struct weft__pvm_buf *b, int bufid, bool with_header)
{
	struct weft__pvm_buf *m = weft__pvm_buf(bufid);
	if (!m || m == b)
		return bufid <= 0 || m ? PvmBadParam : PvmNoSuchBuf;
	if (!b)
		return PvmNoBuf;
	struct weft__pvm_blob *blob = weft__pvm_buf_seal(m);
	if (!blob)
		return PvmNoMem;
	int n = (int)(blob->size - WEFT__PVM_HEADER), rc = PvmOk;
	int header[] = {m->src, m->dst, m->tag, m->context, m->wid, (m->swap ? SWAPPED : 0) | (blob->bytes[3] & PvmDataRaw), n};
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
	return rc ? weft__pvm_silent(rc) : PvmOk;
}

int pvm_pkmesgbody(int bufid)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.sbuf), *m = weft__pvm_buf(bufid);
	int rc = b && b->encoding == PvmDataInPlace ? PvmNotImpl : PvmOk;
	if (rc == PvmOk && b && m &&
	    ((b->encoding == PvmDataDefault) != (m->encoding == PvmDataDefault) || b->swap != m->swap))
		rc = PvmMismatch;
	if (rc == PvmOk)
		rc = pack_message(b, bufid, false);
	return rc ? weft__pvm_silent(rc) : PvmOk;
}

int pvm_upkmesg(void)
{
	struct weft__pvm_buf *b = weft__pvm_buf(weft__pvm.rbuf), *m = NULL;
	int header[7];
	size_t before = b ? b->at : 0;
	int rc = b ? weft__pvm_unpack(b, PVM_INT, header, 7, 1) : PvmNoBuf;
	if (rc == PvmOk && (header[6] < 0 || header[5] & ~(SWAPPED | PvmDataRaw)))
		rc = PvmBadMsg;
	if (rc == PvmOk && b->blob->size - b->at < (size_t)header[6])
		rc = PvmNoData;
	int id = rc == PvmOk ? weft__pvm_buf_new(header[5] & PvmDataRaw, &m) : rc;
	unsigned char *to = id > 0 ? weft__pvm_buf_extend(m, (size_t)header[6]) : NULL;
	if (!to) {
		if (id > 0)
			weft__pvm_buf_drop(id);
		if (b)
			b->at = before;
		return weft__pvm_silent(id < 0 ? id : PvmNoMem);
	}
	memcpy(to, b->blob->bytes + b->at, (size_t)header[6]);
	b->at += (size_t)header[6];
	m->swap = !(header[5] & SWAPPED) != !b->swap; /* the packer's other one may be ours */
	m->src = header[0];
	m->dst = header[1];
	m->tag = header[2];
	m->context = header[3];
	m->wid = header[4];
	return id;
}
