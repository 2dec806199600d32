/* The table of the messages, and the two loops over it: one that encodes, one that decodes.
 *
 * Both walk a message's fields and its struct side by side: each kind of field has a fixed size in
 * the struct and nothing lies between them, which the assertions below hold the compiler to.
 *
 * Decoding happens in two passes. The pre-scan checks everything and says how much room the texts
 * and arrays take; then the arena is made large enough, once, and MessagePack-C takes out item
 * after item. It gets them one at a time, never an array, so that it has no reason to allocate.
 * After the pre-scan only the arena's allocation can fail.
 */
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <msgpack.h>
#include <stdbool.h>
#include <string.h>

#include "base/heap.h"
#include "proto/prescan.h"
#include "proto/proto.h"

enum {
	T = WEFT__ROLE_TASK,
	V = WEFT__ROLE_TASKVM,
	C = WEFT__ROLE_TOOL,
	N = WEFT__ROLE_NODE,
	K = WEFT__ROLE_COORD,
};

/* clang-format off */
#define MSG(code, NAME, name, from, to, doc) static const struct weft__field fields_##name[] = {
#define U64(name, max, doc)                  {WEFT__FIELD_U64, #name, max, 0, doc},
#define I64(name, doc)                       {WEFT__FIELD_I64, #name, 0, 0, doc},
#define STR(name, max, doc)                  {WEFT__FIELD_STR, #name, max, 0, doc},
#define BIN(name, max, doc)                  {WEFT__FIELD_BIN, #name, max, 0, doc},
#define U64S(name, max, doc)                 {WEFT__FIELD_U64S, #name, max, 0, doc},
#define STRS(name, max, each, doc)           {WEFT__FIELD_STRS, #name, max, each, doc},
#define END                                  };
#include "proto/msgs.def"
#include "proto/msgs_undef.h"

const struct weft__msg_type weft__msg_types[] = {
#define MSG(code, NAME, name, from, to, doc)                                                       \
	{code, #NAME, from, to, doc, fields_##name, sizeof fields_##name / sizeof *fields_##name},
#include "proto/msgs_only.h"
#include "proto/msgs.def"
#include "proto/msgs_undef.h"
};
const size_t weft__msg_ntypes = sizeof weft__msg_types / sizeof *weft__msg_types;

enum place {
#define MSG(code, NAME, name, from, to, doc) PLACE_##NAME,
#include "proto/msgs_only.h"
#include "proto/msgs.def"
#include "proto/msgs_undef.h"
};
static const uint8_t place_of_code[] = { /* in weft__msg_types, plus 1; 0 is none */
#define MSG(code, NAME, name, from, to, doc) [code] = PLACE_##NAME + 1,
#include "proto/msgs_only.h"
#include "proto/msgs.def"
#include "proto/msgs_undef.h"
};

#define MSG(code, NAME, name, from, to, doc) static_assert(sizeof(struct weft__msg_##name) == 0
#define U64(name, max, doc)                  +sizeof(uint64_t)
#define I64(name, doc)                       +sizeof(int64_t)
#define STR(name, max, doc)                  +sizeof(struct weft__str)
#define BIN(name, max, doc)                  +sizeof(struct weft__bin)
#define U64S(name, max, doc)                 +sizeof(struct weft__u64s)
#define STRS(name, max, each, doc)           +sizeof(struct weft__strs)
#define END                                  , "a message's struct is its fields, one after the other");
#include "proto/msgs.def"
#include "proto/msgs_undef.h"
/* clang-format on */

static const size_t field_sizes[] = {
        [WEFT__FIELD_U64] = sizeof(uint64_t),
        [WEFT__FIELD_I64] = sizeof(int64_t),
        [WEFT__FIELD_STR] = sizeof(struct weft__str),
        [WEFT__FIELD_BIN] = sizeof(struct weft__bin),
        [WEFT__FIELD_U64S] = sizeof(struct weft__u64s),
        [WEFT__FIELD_STRS] = sizeof(struct weft__strs),
};

const struct weft__msg_type *weft__msg_type(uint64_t code)
{
	if (code >= sizeof place_of_code || place_of_code[code] == 0)
		return NULL;
	return &weft__msg_types[place_of_code[code] - 1];
}

const char *weft__msg_name(enum weft__msg_code code)
{
	const struct weft__msg_type *type = weft__msg_type((uint64_t)code);
	return type ? type->name : "?";
}

struct weft__str weft__str(const char *s)
{
	return s ? (struct weft__str){s, strlen(s)} : (struct weft__str){"", 0};
}

size_t weft__strs_bytes(const struct weft__strs *list)
{
	enum { HEAD = 5 }; /* of a str, however long it is */
	size_t nbytes = 0;
	for (size_t i = 0; i < list->n; i++)
		nbytes += list->p[i].n + HEAD;
	return nbytes;
}

void weft__arena_fini(struct weft__arena *a)
{
	weft__free(a->data);
	*a = (struct weft__arena){0};
}

/* --- encode --- */

static int append(void *data, const char *bytes, size_t nbytes)
{
	return weft__buf_append(data, bytes, nbytes);
}

static int pack_text(msgpack_packer *pk, const struct weft__str *s)
{
	return msgpack_pack_str(pk, s->n) || msgpack_pack_str_body(pk, s->p, s->n) ? WEFT_ENOMEM
	                                                                           : 0;
}

static int pack_bytes(msgpack_packer *pk, const struct weft__bin *b)
{
	return msgpack_pack_bin(pk, b->n) || msgpack_pack_bin_body(pk, b->p, b->n) ? WEFT_ENOMEM
	                                                                           : 0;
}

static int pack_numbers(msgpack_packer *pk, const struct weft__u64s *numbers)
{
	if (msgpack_pack_array(pk, numbers->n))
		return WEFT_ENOMEM;
	for (size_t i = 0; i < numbers->n; i++)
		if (msgpack_pack_uint64(pk, numbers->p[i]))
			return WEFT_ENOMEM;
	return 0;
}

static int pack_texts(msgpack_packer *pk, const struct weft__strs *texts)
{
	if (msgpack_pack_array(pk, texts->n))
		return WEFT_ENOMEM;
	for (size_t i = 0; i < texts->n; i++)
		if (pack_text(pk, &texts->p[i]))
			return WEFT_ENOMEM;
	return 0;
}

static int pack_field(msgpack_packer *pk, enum weft__field_kind kind, const void *value)
{
	switch (kind) {
	case WEFT__FIELD_U64:
		return msgpack_pack_uint64(pk, *(const uint64_t *)value) ? WEFT_ENOMEM : 0;
	case WEFT__FIELD_I64:
		return msgpack_pack_int64(pk, *(const int64_t *)value) ? WEFT_ENOMEM : 0;
	case WEFT__FIELD_STR:
		return pack_text(pk, value);
	case WEFT__FIELD_BIN:
		return pack_bytes(pk, value);
	case WEFT__FIELD_U64S:
		return pack_numbers(pk, value);
	case WEFT__FIELD_STRS:
		return pack_texts(pk, value);
	}
	return WEFT_EINTERNAL;
}

static int check_text(const struct weft__str *s, uint64_t max)
{
	if (s->n > max)
		return WEFT_ETOOBIG;
	return s->n && memchr(s->p, '\0', s->n) ? WEFT_EINVAL : 0;
}

static int check_texts(const struct weft__strs *texts, const struct weft__field *f)
{
	if (texts->n > f->max)
		return WEFT_ETOOBIG;
	for (size_t i = 0; i < texts->n; i++) {
		int rc = check_text(&texts->p[i], f->each);
		if (rc)
			return rc;
	}
	return 0;
}

/* Whether a field's value keeps to the table: 0, WEFT_ETOOBIG, WEFT_EINVAL. */
static int check_field(const struct weft__field *f, const void *value)
{
	switch (f->kind) {
	case WEFT__FIELD_U64:
		return *(const uint64_t *)value > f->max ? WEFT_ETOOBIG : 0;
	case WEFT__FIELD_I64:
		return 0;
	case WEFT__FIELD_STR:
		return check_text(value, f->max);
	case WEFT__FIELD_BIN:
		return ((const struct weft__bin *)value)->n > f->max ? WEFT_ETOOBIG : 0;
	case WEFT__FIELD_U64S:
		return ((const struct weft__u64s *)value)->n > f->max ? WEFT_ETOOBIG : 0;
	case WEFT__FIELD_STRS:
		return check_texts(value, f);
	}
	return WEFT_EINTERNAL;
}

static int encode_fields(struct weft__buf *out, const struct weft__msg_type *type,
                         const struct weft__msg *m, struct weft_error *e)
{
	msgpack_packer pk;
	msgpack_packer_init(&pk, out, append);
	if (msgpack_pack_array(&pk, type->nfields + 1) || msgpack_pack_int(&pk, (int)type->code))
		return WEFT_ENOMEM;
	const uint8_t *value = (const uint8_t *)m + offsetof(struct weft__msg, hello);
	for (size_t i = 0; i < type->nfields; i++) {
		const struct weft__field *f = &type->fields[i];
		int rc = check_field(f, value);
		if (rc == WEFT_ETOOBIG)
			return weft__err_set(e, rc, "%s.%s is too large", type->name, f->name);
		if (rc)
			return weft__err_set(e, rc, "%s.%s: a NUL in a text", type->name, f->name);
		rc = pack_field(&pk, f->kind, value);
		if (rc)
			return rc;
		value += field_sizes[f->kind];
	}
	return 0;
}

int weft__msg_encode_body(struct weft__buf *out, const struct weft__msg *m, struct weft_error *e)
{
	const struct weft__msg_type *type = weft__msg_type((uint64_t)m->code);
	assert(type);
	size_t start = out->len;
	int rc = encode_fields(out, type, m, e);
	if (rc == WEFT_ENOMEM)
		weft__err_set(e, rc, "%s: out of memory", type->name);
	else if (!rc && out->len - start > weft__body_max(type))
		rc = weft__err_set(e, WEFT_ETOOBIG, "%s: %zu bytes in all, at most %zu", type->name,
		                   out->len - start, weft__body_max(type));
	if (rc)
		out->len = start;
	return rc;
}

int weft__msg_encode(struct weft__buf *out, const struct weft__msg *m, struct weft_error *e)
{
	size_t start = out->len;
	if (weft__buf_reserve(out, WEFT__FRAME_HEADER))
		return weft__err_set(e, WEFT_ENOMEM, "%s: out of memory", weft__msg_name(m->code));
	out->len += WEFT__FRAME_HEADER;
	int rc = weft__msg_encode_body(out, m, e);
	if (rc) {
		out->len = start;
		return rc;
	}
	weft__frame_header(out->data + start, out->len - start - WEFT__FRAME_HEADER);
	return 0;
}

/* --- decode --- */

struct decoder {
	const uint8_t *body;
	size_t nbytes, at;
	uint8_t *room;     /* what is free of the arena */
	msgpack_zone zone; /* empty, and stays so: where MessagePack-C would put arrays and maps */
};

/* The next integer, text or bytes. msgpack_unpack, not msgpack_unpack_next, which makes a zone in
 * the heap for each item. The pre-scan has seen the item: that MessagePack-C does not is a fault of
 * ours. */
static msgpack_object unpack(struct decoder *d)
{
	msgpack_object item;
	msgpack_unpack_return rc =
	        msgpack_unpack((const char *)d->body, d->nbytes, &d->at, &d->zone, &item);
	assert(rc == MSGPACK_UNPACK_SUCCESS || rc == MSGPACK_UNPACK_EXTRA_BYTES);
	return item;
}

/* The number of elements of the array that comes next. */
static size_t unpack_count(struct decoder *d)
{
	struct weft__token t;
	int rc = weft__token_read(d->body + d->at, d->nbytes - d->at, &t);
	assert(rc == 0 && t.kind == WEFT__TOKEN_ARRAY);
	d->at += t.head;
	return t.value;
}

static void *take_aligned(struct decoder *d, size_t nbytes)
{
	size_t mask = _Alignof(max_align_t) - 1;
	void *taken = d->room + (-(uintptr_t)d->room & mask);
	d->room = (uint8_t *)taken + nbytes;
	return taken;
}

static struct weft__str unpack_text(struct decoder *d)
{
	msgpack_object_str s = unpack(d).via.str;
	char *text = (char *)d->room;
	if (s.size > 0) /* MessagePack-C gives an empty text no address */
		memcpy(text, s.ptr, s.size);
	text[s.size] = '\0';
	d->room += s.size + 1;
	return (struct weft__str){text, s.size};
}

static struct weft__bin unpack_bytes(struct decoder *d)
{
	msgpack_object_bin b = unpack(d).via.bin;
	return (struct weft__bin){b.ptr, b.size};
}

static struct weft__u64s unpack_numbers(struct decoder *d)
{
	size_t n = unpack_count(d);
	uint64_t *numbers = take_aligned(d, n * sizeof *numbers);
	for (size_t i = 0; i < n; i++)
		numbers[i] = unpack(d).via.u64;
	return (struct weft__u64s){numbers, n};
}

static struct weft__strs unpack_texts(struct decoder *d)
{
	size_t n = unpack_count(d);
	struct weft__str *texts = take_aligned(d, n * sizeof *texts);
	for (size_t i = 0; i < n; i++)
		texts[i] = unpack_text(d);
	return (struct weft__strs){texts, n};
}

static void unpack_field(struct decoder *d, enum weft__field_kind kind, void *value)
{
	switch (kind) {
	case WEFT__FIELD_U64:
		*(uint64_t *)value = unpack(d).via.u64;
		break;
	case WEFT__FIELD_I64: /* a positive one stands in via.u64, which is the same bits */
		*(int64_t *)value = unpack(d).via.i64;
		break;
	case WEFT__FIELD_STR:
		*(struct weft__str *)value = unpack_text(d);
		break;
	case WEFT__FIELD_BIN:
		*(struct weft__bin *)value = unpack_bytes(d);
		break;
	case WEFT__FIELD_U64S:
		*(struct weft__u64s *)value = unpack_numbers(d);
		break;
	case WEFT__FIELD_STRS:
		*(struct weft__strs *)value = unpack_texts(d);
		break;
	}
}

static int arena_reserve(struct weft__arena *a, size_t nbytes)
{
	if (nbytes <= a->cap)
		return 0;
	uint8_t *larger = weft__malloc(nbytes);
	if (!larger)
		return WEFT_ENOMEM;
	weft__free(a->data); /* what it held belongs to the message before */
	*a = (struct weft__arena){larger, nbytes};
	return 0;
}

int weft__msg_decode(const void *body, size_t nbytes, enum weft__role from, enum weft__role to,
                     struct weft__arena *arena, struct weft__msg *m, struct weft_error *e)
{
	const struct weft__msg_type *type;
	size_t arena_bytes;
	int rc = weft__prescan(body, nbytes, from, to, &type, &arena_bytes, e);
	if (rc)
		return rc;
	if (arena_reserve(arena, arena_bytes))
		return weft__err_set(e, WEFT_ENOMEM, "%s: out of memory", type->name);

	struct decoder d = {.body = body, .nbytes = nbytes, .room = arena->data};
	unpack_count(&d); /* the message itself is an array, and */
	unpack(&d);       /* its code comes first */
	m->code = type->code;
	uint8_t *value = (uint8_t *)m + offsetof(struct weft__msg, hello);
	for (size_t i = 0; i < type->nfields; i++) {
		unpack_field(&d, type->fields[i].kind, value);
		value += field_sizes[type->fields[i].kind];
	}
	assert(d.at == nbytes && (arena_bytes == 0 || d.room <= arena->data + arena_bytes));
	return 0;
}
