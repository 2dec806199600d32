/* MessagePack-C believes what an array's head says: the five bytes dd 05 00 00 00 make it reserve
 * 2 GiB. So each body is looked over first, with code that only compares: an announced length is
 * held against the bytes that are there and against the table's maximum before anything is added
 * to it.
 *
 * What can be wrong, in the order of the checks: not an array; an unknown code; a message that this
 * peer may not send (the only one that is WEFT_EDENIED); too long; another number of fields; per
 * field the wrong kind, over its maximum, cut off, a NUL in a text; bytes after the last field.
 */
#include "config.h"

#include "proto/prescan.h"

#include <inttypes.h>
#include <string.h>

/* What is left to look over. */
struct scan {
	const uint8_t *at;
	size_t left;
	size_t arena_bytes;
	const struct weft__msg_type *type;
	struct weft_error *e;
};

static uint64_t big_endian(const uint8_t *p, size_t nbytes)
{
	uint64_t n = 0;
	for (size_t i = 0; i < nbytes; i++)
		n = n << 8 | p[i];
	return n;
}

/* The first bytes 0xc4 to 0xdf: how wide the number behind them is, and what it means. */
struct format {
	uint8_t width;
	enum weft__token_kind kind;
	bool is_signed;
};
static const struct format formats[32] = {
        [0xc4 - 0xc0] = {1, WEFT__TOKEN_BIN, false},
        [0xc5 - 0xc0] = {2, WEFT__TOKEN_BIN, false},
        [0xc6 - 0xc0] = {4, WEFT__TOKEN_BIN, false},
        [0xcc - 0xc0] = {1, WEFT__TOKEN_UINT, false},
        [0xcd - 0xc0] = {2, WEFT__TOKEN_UINT, false},
        [0xce - 0xc0] = {4, WEFT__TOKEN_UINT, false},
        [0xcf - 0xc0] = {8, WEFT__TOKEN_UINT, false},
        [0xd0 - 0xc0] = {1, WEFT__TOKEN_UINT, true},
        [0xd1 - 0xc0] = {2, WEFT__TOKEN_UINT, true},
        [0xd2 - 0xc0] = {4, WEFT__TOKEN_UINT, true},
        [0xd3 - 0xc0] = {8, WEFT__TOKEN_UINT, true},
        [0xd9 - 0xc0] = {1, WEFT__TOKEN_STR, false},
        [0xda - 0xc0] = {2, WEFT__TOKEN_STR, false},
        [0xdb - 0xc0] = {4, WEFT__TOKEN_STR, false},
        [0xdc - 0xc0] = {2, WEFT__TOKEN_ARRAY, false},
        [0xdd - 0xc0] = {4, WEFT__TOKEN_ARRAY, false},
};

/* The head of an item whose length, or value, stands in its first byte. */
static struct weft__token read_short(uint8_t first)
{
	if (first <= 0x7f)
		return (struct weft__token){WEFT__TOKEN_UINT, 1, first};
	if (first >= 0xe0)
		return (struct weft__token){WEFT__TOKEN_NEGATIVE, 1, (uint64_t)(int8_t)first};
	if (first >= 0xa0 && first <= 0xbf)
		return (struct weft__token){WEFT__TOKEN_STR, 1, first & 31};
	if (first >= 0x90 && first <= 0x9f)
		return (struct weft__token){WEFT__TOKEN_ARRAY, 1, first & 15};
	return (struct weft__token){WEFT__TOKEN_OTHER, 1, 0};
}

int weft__token_read(const uint8_t *p, size_t nbytes, struct weft__token *t)
{
	if (nbytes == 0)
		return WEFT_EPROTO;
	struct weft__token read = read_short(p[0]);
	const struct format *format = p[0] >= 0xc0 && p[0] <= 0xdf ? &formats[p[0] - 0xc0] : NULL;
	if (format && format->width) {
		if (nbytes - 1 < format->width)
			return WEFT_EPROTO;
		read.kind = format->kind;
		read.head = 1 + (size_t)format->width;
		read.value = big_endian(p + 1, format->width);
		unsigned unused_bits = 64 - 8 * (unsigned)format->width;
		if (format->is_signed && (int64_t)(read.value << unused_bits) < 0) {
			read.kind = WEFT__TOKEN_NEGATIVE;
			read.value |= unused_bits ? UINT64_MAX << (64 - unused_bits) : 0;
		}
	}
	bool has_payload = read.kind == WEFT__TOKEN_STR || read.kind == WEFT__TOKEN_BIN ||
	                   read.kind == WEFT__TOKEN_ARRAY;
	if (has_payload && read.value > nbytes - read.head)
		return WEFT_EPROTO;
	*t = read;
	return 0;
}

size_t weft__body_max(const struct weft__msg_type *type)
{
	const struct weft__field *last = &type->fields[type->nfields - 1];
	bool carries = last->kind == WEFT__FIELD_BIN && last->max == WEFT__CARRIED_MAX;
	return carries ? WEFT__FRAME_MAX : WEFT__CARRIED_MAX;
}

static int wrong(struct scan *s, const struct weft__field *f, const char *what)
{
	return weft__err_set(s->e, WEFT_EPROTO, "%s.%s: %s", s->type->name, f->name, what);
}

/* The next item, which must be of this kind and at most max; stands behind its head afterwards. */
static int next_item(struct scan *s, const struct weft__field *f, enum weft__token_kind kind,
                     uint64_t max, uint64_t *value)
{
	struct weft__token t;
	if (weft__token_read(s->at, s->left, &t))
		return wrong(s, f, "cut off");
	if (t.kind != kind)
		return wrong(s, f, "another kind of value");
	if (t.value > max)
		return weft__err_set(s->e, WEFT_EPROTO, "%s.%s: %" PRIu64 ", at most %" PRIu64,
		                     s->type->name, f->name, t.value, max);
	s->at += t.head;
	s->left -= t.head;
	*value = t.value;
	return 0;
}

static int scan_int(struct scan *s, const struct weft__field *f)
{
	struct weft__token t;
	uint64_t unused;
	if (weft__token_read(s->at, s->left, &t) || t.kind != WEFT__TOKEN_NEGATIVE)
		return next_item(s, f, WEFT__TOKEN_UINT, INT64_MAX, &unused);
	return next_item(s, f, WEFT__TOKEN_NEGATIVE, UINT64_MAX, &unused);
}

static int scan_text(struct scan *s, const struct weft__field *f, uint64_t max)
{
	uint64_t n;
	int rc = next_item(s, f, WEFT__TOKEN_STR, max, &n);
	if (rc)
		return rc;
	if (memchr(s->at, '\0', n))
		return wrong(s, f, "a NUL in a text");
	s->at += n;
	s->left -= n;
	s->arena_bytes += n + 1;
	return 0;
}

static int scan_bytes(struct scan *s, const struct weft__field *f)
{
	uint64_t n;
	int rc = next_item(s, f, WEFT__TOKEN_BIN, f->max, &n);
	if (rc)
		return rc;
	s->at += n;
	s->left -= n;
	return 0;
}

static int scan_array(struct scan *s, const struct weft__field *f)
{
	uint64_t n, unused;
	size_t each = f->kind == WEFT__FIELD_U64S ? sizeof(uint64_t) : sizeof(struct weft__str);
	int rc = next_item(s, f, WEFT__TOKEN_ARRAY, f->max, &n);
	if (rc)
		return rc;
	s->arena_bytes += _Alignof(max_align_t) + n * each; /* at most so much goes to alignment */
	for (; n > 0 && !rc; n--)
		rc = f->kind == WEFT__FIELD_U64S
		             ? next_item(s, f, WEFT__TOKEN_UINT, UINT64_MAX, &unused)
		             : scan_text(s, f, f->each);
	return rc;
}

static int scan_field(struct scan *s, const struct weft__field *f)
{
	uint64_t unused;
	switch (f->kind) {
	case WEFT__FIELD_U64:
		return next_item(s, f, WEFT__TOKEN_UINT, f->max, &unused);
	case WEFT__FIELD_I64:
		return scan_int(s, f);
	case WEFT__FIELD_STR:
		return scan_text(s, f, f->max);
	case WEFT__FIELD_BIN:
		return scan_bytes(s, f);
	case WEFT__FIELD_U64S:
	case WEFT__FIELD_STRS:
		return scan_array(s, f);
	}
	return WEFT_EINTERNAL;
}

/* The array's head and the code; s then stands before the first field. */
static int scan_code(struct scan *s, uint64_t *count)
{
	struct weft__token array, code;
	if (weft__token_read(s->at, s->left, &array) || array.kind != WEFT__TOKEN_ARRAY)
		return weft__err_set(s->e, WEFT_EPROTO, "not a message: no array");
	s->at += array.head;
	s->left -= array.head;
	if (array.value == 0 || weft__token_read(s->at, s->left, &code) ||
	    code.kind != WEFT__TOKEN_UINT)
		return weft__err_set(s->e, WEFT_EPROTO, "not a message: no code");
	s->at += code.head;
	s->left -= code.head;
	s->type = weft__msg_type(code.value);
	if (!s->type)
		return weft__err_set(s->e, WEFT_EPROTO, "unknown message code %" PRIu64,
		                     code.value);
	*count = array.value;
	return 0;
}

int weft__prescan(const uint8_t *body, size_t nbytes, enum weft__role from, enum weft__role to,
                  const struct weft__msg_type **type, size_t *arena_bytes, struct weft_error *e)
{
	struct scan s = {.at = body, .left = nbytes, .e = e};
	uint64_t count;
	int rc = scan_code(&s, &count);
	if (rc)
		return rc;
	const char *name = s.type->name;
	if (!(s.type->from & from) || !(s.type->to & to))
		return weft__err_set(e, WEFT_EDENIED, "%s: this peer may not send it here", name);
	if (nbytes > weft__body_max(s.type))
		return weft__err_set(e, WEFT_EPROTO, "%s: %zu bytes, at most %zu", name, nbytes,
		                     weft__body_max(s.type));
	if (count != s.type->nfields + 1)
		return weft__err_set(e, WEFT_EPROTO, "%s: %" PRIu64 " fields, not %zu", name,
		                     count - 1, s.type->nfields);
	for (size_t i = 0; i < s.type->nfields && !rc; i++)
		rc = scan_field(&s, &s.type->fields[i]);
	if (rc)
		return rc;
	if (s.left > 0)
		return weft__err_set(e, WEFT_EPROTO, "%s: %zu bytes after its end", name, s.left);
	*type = s.type;
	*arena_bytes = s.arena_bytes;
	return 0;
}

int weft__msg_peek(const void *body, size_t nbytes)
{
	struct scan s = {.at = body, .left = nbytes};
	uint64_t count;
	int rc = scan_code(&s, &count);
	return rc ? rc : (int)s.type->code;
}
