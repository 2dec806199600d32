/* Buffers and their ids. A buffer's bytes are shared with the sends that are under way: whoever
 * changes them then makes its own copy first.
 *
 * A message travels as 16 bytes of header, then the body: 'P' 'V', version, encoding with the byte order of the
 * body's numbers, wait id, check sum, 1 when the tag is PVM's own, 1 when traces begin, 2 bytes zero; all little-endian. */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "transport/copy.h"

enum { LITTLE = 0x10, IS_LITTLE = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ };
enum { FORMAT = 2, BUFFERS_MAX = 1 << 24, BODY_MAX = INT32_MAX };

static struct weft__pvm_buf **table; /* by id - 1 */
static int table_room, *vacant, nvacant, nused;

/* A piece of a message that lies elsewhere, and is longer, need not be copied first. */
enum { LEND_MIN = 16 << 10 };

/* --- bytes ------------------------------------------------------------------------------------ */

void weft__pvm_copy_long(void *to, const void *from, size_t nbytes)
{
	enum { UNKNOWN, NO, YES };
	static int strings = UNKNOWN; /* the question takes long on virtual machines */
	if (strings == UNKNOWN)
		strings = weft__copy_probe() ? YES : NO;
	weft__copy(to, from, nbytes, strings == YES);
}

enum { SPARES = 4, SPARE_MIN = 32 << 10, SPARE_MAX = (4 << 20) + 4096 }; /* 4 MiB and what is before them */
static struct {
	void *bytes;
	size_t room;
} spares[SPARES]; /* the latest first */

void *weft__pvm_bytes_alloc(size_t nbytes)
{
	for (size_t i = 0; nbytes >= SPARE_MIN && i < SPARES; i++) {
		void *bytes = spares[i].bytes;
		if (!bytes || spares[i].room < nbytes || spares[i].room / 2 > nbytes)
			continue;
		memmove(spares + i, spares + i + 1, (SPARES - 1 - i) * sizeof *spares);
		spares[SPARES - 1].bytes = NULL;
		return bytes;
	}
	return weft__malloc(nbytes);
}

void weft__pvm_bytes_free(void *bytes, size_t room)
{
	if (!bytes || room < SPARE_MIN || room > SPARE_MAX) {
		weft__free(bytes);
		return;
	}
	weft__free(spares[SPARES - 1].bytes);
	memmove(spares + 1, spares, (SPARES - 1) * sizeof *spares);
	spares[0].bytes = bytes;
	spares[0].room = room;
}

void weft__pvm_blob_drop(struct weft__pvm_blob *blob)
{
	if (!blob || --blob->refs)
		return;
	weft__pvm_bytes_free(blob->bytes, blob->room);
	weft__free(blob->slices);
	weft__free(blob);
}

static struct weft__pvm_blob *blob_new(const void *bytes, size_t size, size_t room)
{
	struct weft__pvm_blob *blob = weft__malloc(sizeof *blob);
	unsigned char *own = weft__pvm_bytes_alloc(room);
	if (!blob || !own) {
		weft__free(blob);
		weft__free(own);
		return NULL;
	}
	if (bytes)
		memcpy(own, bytes, size);
	else
		memset(own, 0, size);
	*blob = (struct weft__pvm_blob){.refs = 1, .bytes = own, .size = size, .room = room};
	return blob;
}

/* Makes the blob the buffer's own, with so much room. */
static bool own_blob(struct weft__pvm_buf *b, size_t room)
{
	struct weft__pvm_blob *old = b->blob;
	if (!old || old->refs > 1) {
		struct weft__pvm_blob *own = blob_new(old ? old->bytes : NULL,
		                                      old ? old->size : WEFT__PVM_HEADER, room);
		if (!own)
			return false;
		weft__pvm_blob_drop(old);
		b->blob = own;
		return true;
	}
	if (old->room >= room)
		return true;
	unsigned char *more = weft__realloc(old->bytes, room);
	if (!more)
		return false;
	old->bytes = more;
	old->room = room;
	return true;
}

/* As in PVM: what is packed into a message that came, or that was unpacked from, begins it anew, but for raw data: those
 * come behind what is there. */
static void begin_packing(struct weft__pvm_buf *b)
{
	b->packs = true;
	if (b->encoding != PvmDataDefault)
		return;
	weft__pvm_blob_drop(b->blob);
	b->blob = NULL;
	b->swap = false;
}

unsigned char *weft__pvm_buf_extend(struct weft__pvm_buf *b, size_t size)
{
	if (!b->packs)
		begin_packing(b);
	size_t have = b->blob ? b->blob->size : WEFT__PVM_HEADER;
	if (size > (size_t)BODY_MAX - have)
		return NULL;
	size_t need = have + size;
	bool fits = b->blob && b->blob->refs == 1 && b->blob->room >= need;
	if (!fits && !own_blob(b, need < 256 ? 256 : need + need / 2))
		return NULL;
	b->blob->size = need;
	return b->blob->bytes + have;
}

size_t weft__pvm_buf_bytes(const struct weft__pvm_buf *b)
{
	return (b->blob ? b->blob->size - WEFT__PVM_HEADER : 0) + b->pieces_bytes;
}

static void put32(unsigned char *to, int value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)((uint32_t)value >> (8 * i));
}

static int get32(const unsigned char *from)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++)
		value |= (uint32_t)from[i] << (8 * i);
	return (int)value;
}

static void write_header(const struct weft__pvm_buf *b, unsigned char *to)
{
	memset(to, 0, WEFT__PVM_HEADER);
	to[0] = 'P';
	to[1] = 'V';
	to[2] = FORMAT;
	to[3] = (unsigned char)(b->is_event ? PvmDataTrace : b->encoding == PvmDataInPlace ? PvmDataRaw : b->encoding);
	if (b->swap != IS_LITTLE)
		to[3] |= LITTLE;
	put32(to + 4, b->wid);
	put32(to + 8, b->crc);
}

static bool is_dense(const struct weft__pvm_piece *piece)
{
	return piece->stride_bytes == (ptrdiff_t)piece->item_bytes;
}

static size_t bytes_of(const struct weft__pvm_piece *piece)
{
	return (size_t)piece->count * piece->item_bytes;
}

static void gather(const struct weft__pvm_piece *piece, unsigned char *to)
{
	if (is_dense(piece)) {
		weft__pvm_copy(to, piece->p, bytes_of(piece));
		return;
	}
	for (int i = 0; i < piece->count; i++)
		memcpy(to + (size_t)i * piece->item_bytes, piece->p + i * piece->stride_bytes,
		       piece->item_bytes);
}

/* The message's memory, with its header; its pieces are to come. */
static struct weft__pvm_blob *blob_for_pieces(const struct weft__pvm_buf *b)
{
	size_t size = WEFT__PVM_HEADER + b->pieces_bytes;
	struct weft__pvm_blob *blob = weft__malloc(sizeof *blob);
	unsigned char *bytes = weft__pvm_bytes_alloc(size);
	if (!blob || !bytes) {
		weft__free(blob);
		weft__free(bytes);
		return NULL;
	}
	*blob = (struct weft__pvm_blob){.refs = 1, .bytes = bytes, .size = size, .room = size};
	write_header(b, bytes);
	return blob;
}

static struct weft__pvm_blob *seal_pieces(const struct weft__pvm_buf *b)
{
	struct weft__pvm_blob *blob = blob_for_pieces(b);
	unsigned char *to = blob ? blob->bytes + WEFT__PVM_HEADER : NULL;
	for (size_t i = 0; blob && i < b->npieces; i++) {
		gather(&b->pieces[i], to);
		to += bytes_of(&b->pieces[i]);
	}
	return blob;
}

/* Each large piece is a slice, and so is all that is between two of them. */
struct weft__pvm_blob *weft__pvm_buf_lend(struct weft__pvm_buf *b)
{
	if (b->encoding != PvmDataInPlace || b->pieces_bytes < LEND_MIN)
		return weft__pvm_buf_seal(b);
	struct weft__pvm_blob *blob = blob_for_pieces(b);
	struct weft__slice *slices = weft__malloc((2 * b->npieces + 1) * sizeof *slices), *last = slices;
	if (!blob || !slices) {
		weft__pvm_blob_drop(blob);
		weft__free(slices);
		return NULL;
	}
	*last = (struct weft__slice){blob->bytes, WEFT__PVM_HEADER};
	unsigned char *to = blob->bytes + WEFT__PVM_HEADER;
	for (size_t i = 0; i < b->npieces; i++) {
		const struct weft__pvm_piece *piece = &b->pieces[i];
		size_t nbytes = bytes_of(piece);
		if (is_dense(piece) && nbytes >= LEND_MIN) {
			*++last = (struct weft__slice){piece->p, nbytes};
			*++last = (struct weft__slice){to + nbytes, 0};
		} else {
			gather(piece, to);
			last->nbytes += nbytes;
		}
		to += nbytes;
	}
	blob->slices = slices;
	return blob;
}

struct weft__pvm_blob *weft__pvm_buf_seal(struct weft__pvm_buf *b)
{
	if (b->encoding == PvmDataInPlace)
		return seal_pieces(b);
	if (!b->blob && !own_blob(b, WEFT__PVM_HEADER))
		return NULL;
	unsigned char header[WEFT__PVM_HEADER];
	write_header(b, header);
	if (memcmp(header, b->blob->bytes, sizeof header) != 0) {
		if (!own_blob(b, b->blob->size))
			return NULL;
		memcpy(b->blob->bytes, header, sizeof header);
	}
	b->blob->refs++;
	return b->blob;
}

/* --- ids -------------------------------------------------------------------------------------- */

struct weft__pvm_buf *weft__pvm_buf(int bufid)
{
	return bufid > 0 && bufid <= nused ? table[bufid - 1] : NULL;
}

static bool make_room(void)
{
	if (nvacant || nused < table_room)
		return true;
	int room = table_room ? table_room * 2 : 64;
	if (room > BUFFERS_MAX)
		return false;
	struct weft__pvm_buf **more = weft__realloc(table, (size_t)room * sizeof(*more));
	if (!more)
		return false;
	table = more;
	int *ids = weft__realloc(vacant, (size_t)room * sizeof *ids);
	if (!ids)
		return false;
	vacant = ids;
	table_room = room;
	return true;
}

int weft__pvm_buf_new(int encoding, struct weft__pvm_buf **b)
{
	if (!make_room())
		return PvmNoMem;
	struct weft__pvm_buf *fresh = weft__calloc(1, sizeof *fresh);
	if (!fresh)
		return PvmNoMem;
	int id = nvacant ? vacant[--nvacant] : ++nused;
	fresh->encoding = encoding;
	fresh->at = WEFT__PVM_HEADER;
	table[id - 1] = fresh;
	if (b)
		*b = fresh;
	return id;
}

int weft__pvm_buf_adopt(void **bytes, size_t nbytes, struct weft__pvm_buf **b)
{
	const unsigned char *p = *bytes;
	if (nbytes < WEFT__PVM_HEADER || p[0] != 'P' || p[1] != 'V' || p[2] != FORMAT)
		return PvmBadMsg;
	int encoding = p[3] & ~LITTLE;
	bool is_event = encoding == PvmDataTrace;
	if (encoding > PvmDataRaw && !is_event)
		return PvmBadMsg;
	struct weft__pvm_blob *blob = weft__malloc(sizeof *blob);
	struct weft__pvm_buf *own = NULL;
	int id = blob ? weft__pvm_buf_new(is_event ? PvmDataDefault : encoding, &own) : PvmNoMem;
	if (id < 0) {
		weft__free(blob);
		return id;
	}
	*blob = (struct weft__pvm_blob){.refs = 1, .bytes = *bytes, .size = nbytes, .room = nbytes};
	*bytes = NULL;
	own->blob = blob;
	own->is_event = is_event;
	own->reserved = p[WEFT__PVM_RESERVED_AT] != 0;
	own->swap = (p[3] & LITTLE) != (IS_LITTLE ? LITTLE : 0);
	own->wid = get32(p + 4);
	own->crc = get32(p + 8);
	*b = own;
	return id;
}

void weft__pvm_buf_drop(int bufid)
{
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	if (!b)
		return;
	weft__pvm_blob_drop(b->blob);
	weft__free(b->pieces);
	weft__free(b);
	table[bufid - 1] = NULL;
	vacant[nvacant++] = bufid;
	if (weft__pvm.sbuf == bufid)
		weft__pvm.sbuf = 0;
	if (weft__pvm.rbuf == bufid)
		weft__pvm.rbuf = 0;
}

/* --- the calls -------------------------------------------------------------------------------- */

/* For messages of this task. */
static int own_buf(int encoding)
{
	struct weft__pvm_buf *b;
	if ((encoding < PvmDataDefault || encoding > PvmDataInPlace) && encoding != PvmDataTrace)
		return PvmBadParam;
	int id = weft__pvm_buf_new(encoding == PvmDataTrace ? PvmDataDefault : encoding, &b);
	if (id < 0)
		return id;
	b->src = weft__pvm.tid;
	int rc = encoding == PvmDataTrace ? weft__pvm_event_begin(b) : PvmOk;
	if (rc)
		weft__pvm_buf_drop(id);
	return rc ? rc : id;
}

int weft__call_mkbuf(int encoding)
{
	int id = own_buf(encoding);
	return id < 0 ? lpvmerr("pvm_mkbuf", id) : id;
}

int weft__call_initsend(int encoding)
{
	int id = own_buf(encoding);
	if (id < 0)
		return lpvmerr("pvm_initsend", id);
	weft__pvm_buf_drop(weft__pvm.sbuf);
	return weft__pvm.sbuf = id;
}

int weft__call_freebuf(int bufid)
{
	if (bufid == 0)
		return PvmOk;
	if (bufid < 0)
		return lpvmerr("pvm_freebuf", PvmBadParam);
	if (!weft__pvm_buf(bufid))
		return lpvmerr("pvm_freebuf", PvmNoSuchBuf);
	weft__pvm_buf_drop(bufid);
	return PvmOk;
}

int weft__call_getsbuf(void)
{
	return weft__pvm.sbuf;
}

int weft__call_getrbuf(void)
{
	return weft__pvm.rbuf;
}

/* A buffer is one of both at a time. */
static int set_current(const char *name, int *current, int *other, int bufid)
{
	if (bufid < 0)
		return lpvmerr(name, PvmBadParam);
	if (bufid && !weft__pvm_buf(bufid))
		return lpvmerr(name, PvmNoSuchBuf);
	int before = *current;
	*current = bufid;
	if (bufid && *other == bufid)
		*other = 0;
	return before;
}

int weft__call_setsbuf(int bufid)
{
	return set_current("pvm_setsbuf", &weft__pvm.sbuf, &weft__pvm.rbuf, bufid);
}

int weft__call_setrbuf(int bufid)
{
	return set_current("pvm_setrbuf", &weft__pvm.rbuf, &weft__pvm.sbuf, bufid);
}

int weft__call_bufinfo(int bufid, int *nbytes, int *tag, int *tid)
{
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	if (!b)
		return lpvmerr("pvm_bufinfo", bufid <= 0 ? PvmBadParam : PvmNoSuchBuf);
	if (nbytes)
		*nbytes = (int)weft__pvm_buf_bytes(b);
	if (tag)
		*tag = b->tag;
	if (tid)
		*tid = b->src;
	return PvmOk;
}

/* What PVM calls an encoding in a message; raw is the way in which this machine has its data. */
static int code_of(const struct weft__pvm_buf *b)
{
	if (b->is_event)
		return 0x40000000;
	switch (b->encoding) {
	case PvmDataRaw:
		return WEFT__PVM_DSIG;
	case PvmDataInPlace:
		return 0x20000000;
	default:
		return 0x10000000;
	}
}

int weft__call_getminfo(int bufid, struct pvmminfo *info)
{
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	if (!b || !info)
		return lpvmerr("pvm_getminfo", bufid <= 0 || !info ? PvmBadParam : PvmNoSuchBuf);
	*info = (struct pvmminfo){.len = (int)weft__pvm_buf_bytes(b),
	                          .ctx = b->context,
	                          .tag = b->tag,
	                          .wid = b->wid,
	                          .enc = code_of(b),
	                          .crc = b->crc,
	                          .src = b->src,
	                          .dst = b->dst};
	return PvmOk;
}

int weft__call_setminfo(int bufid, struct pvmminfo *info)
{
	struct weft__pvm_buf *b = weft__pvm_buf(bufid);
	if (!b || !info)
		return lpvmerr("pvm_setminfo", bufid <= 0 || !info ? PvmBadParam : PvmNoSuchBuf);
	b->context = info->ctx;
	b->tag = info->tag;
	b->wid = info->wid;
	b->crc = info->crc;
	b->src = info->src;
	b->dst = info->dst;
	return PvmOk;
}
