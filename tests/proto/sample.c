#include "config.h"

#include "tests/proto/sample.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/prescan.h"

enum { POOL_BYTES = WEFT__FRAME_MAX + 4096 };

/* Texts and bytes are pieces of this: random, no NUL. */
static const char *pool(void)
{
	static char bytes[POOL_BYTES];
	if (!bytes[0]) {
		struct weft__rng r;
		weft__rng_init(&r, 42);
		for (size_t i = 0; i < sizeof bytes; i++)
			bytes[i] = (char)(1 + weft__rng_below(&r, 255));
	}
	return bytes;
}

static uint64_t random_up_to(struct weft__rng *r, uint64_t max)
{
	uint64_t n = weft__rng_next(r) >> weft__rng_below(r, 64); /* all widths are as likely */
	return n <= max ? n : n % (max + 1);
}

static struct weft__str random_text(struct weft__rng *r, uint64_t max)
{
	size_t n = random_up_to(r, max < 40 ? max : 40);
	return (struct weft__str){pool() + weft__rng_below(r, 4096), n};
}

static size_t field_size(enum weft__field_kind kind)
{
	return kind == WEFT__FIELD_U64 || kind == WEFT__FIELD_I64 ? 8 : 2 * sizeof(void *);
}

void *sample_field(const struct weft__msg *m, const struct weft__msg_type *type, size_t i)
{
	char *at = (char *)(uintptr_t)&m->hello;
	for (size_t before = 0; before < i; before++)
		at += field_size(type->fields[before].kind);
	return at;
}

/* How many fields of the same kind come before field i: at most one, in arrays. */
static size_t which(const struct weft__msg_type *type, size_t i)
{
	size_t n = 0;
	for (size_t before = 0; before < i; before++)
		n += type->fields[before].kind == type->fields[i].kind;
	assert(n < 2);
	return n;
}

void sample_set(struct sample *s, const struct weft__msg_type *type, size_t field, uint64_t n)
{
	void *at = sample_field(&s->m, type, field);
	switch (type->fields[field].kind) {
	case WEFT__FIELD_U64:
		*(uint64_t *)at = n;
		break;
	case WEFT__FIELD_I64:
		*(int64_t *)at = (int64_t)n;
		break;
	case WEFT__FIELD_STR:
		*(struct weft__str *)at = (struct weft__str){pool(), n};
		break;
	case WEFT__FIELD_BIN:
		*(struct weft__bin *)at = (struct weft__bin){pool(), n};
		break;
	case WEFT__FIELD_U64S:
		assert(n <= SAMPLE_NUMBERS_MAX);
		*(struct weft__u64s *)at = (struct weft__u64s){s->numbers[which(type, field)], n};
		break;
	case WEFT__FIELD_STRS:
		assert(n <= SAMPLE_TEXTS_MAX);
		*(struct weft__strs *)at = (struct weft__strs){s->texts[which(type, field)], n};
		break;
	}
}

void sample_fill(struct sample *s, const struct weft__msg_type *type, struct weft__rng *r, int full)
{
	memset(s, 0, sizeof *s);
	s->m.code = type->code;
	for (size_t i = 0; i < type->nfields; i++) {
		const struct weft__field *f = &type->fields[i];
		bool is_full = full == (int)i;
		uint64_t small = f->kind == WEFT__FIELD_U64 ? f->max : f->max < 40 ? f->max : 40;
		if (f->kind == WEFT__FIELD_I64) {
			uint64_t n = is_full ? INT64_MAX : random_up_to(r, INT64_MAX);
			sample_set(s, type, i, weft__rng_below(r, 2) ? n : ~n);
		} else {
			sample_set(s, type, i, is_full ? f->max : random_up_to(r, small));
		}
		if (f->kind == WEFT__FIELD_U64S)
			for (size_t k = 0; k < SAMPLE_NUMBERS_MAX; k++)
				s->numbers[which(type, i)][k] = random_up_to(r, UINT64_MAX - 1);
		if (f->kind == WEFT__FIELD_STRS)
			for (size_t k = 0; k < SAMPLE_TEXTS_MAX; k++)
				s->texts[which(type, i)][k] = random_text(r, f->each);
	}
}

/* --- compare --- */

static bool equal_bytes(const void *a, size_t na, const void *b, size_t nb)
{
	return na == nb && (na == 0 || memcmp(a, b, na) == 0);
}

static bool equal_texts(const struct weft__strs *a, const struct weft__strs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!equal_bytes(a->p[i].p, a->p[i].n, b->p[i].p, b->p[i].n))
			return false;
	return true;
}

static bool equal_fields(enum weft__field_kind kind, const void *a, const void *b)
{
	const struct weft__str *sa = a, *sb = b;
	const struct weft__bin *ba = a, *bb = b;
	const struct weft__u64s *ua = a, *ub = b;
	switch (kind) {
	case WEFT__FIELD_U64:
	case WEFT__FIELD_I64:
		return memcmp(a, b, 8) == 0;
	case WEFT__FIELD_STR:
		return equal_bytes(sa->p, sa->n, sb->p, sb->n);
	case WEFT__FIELD_BIN:
		return equal_bytes(ba->p, ba->n, bb->p, bb->n);
	case WEFT__FIELD_U64S:
		return equal_bytes(ua->p, ua->n * sizeof *ua->p, ub->p, ub->n * sizeof *ub->p);
	case WEFT__FIELD_STRS:
		return equal_texts(a, b);
	}
	return false;
}

bool sample_equal(const struct weft__msg *a, const struct weft__msg *b)
{
	const struct weft__msg_type *type = weft__msg_type((uint64_t)a->code);
	if (a->code != b->code)
		return false;
	for (size_t i = 0; i < type->nfields; i++)
		if (!equal_fields(type->fields[i].kind, sample_field(a, type, i),
		                  sample_field(b, type, i)))
			return false;
	return true;
}

/* --- pack by hand --- */

static void put(struct weft__buf *out, const void *bytes, size_t nbytes)
{
	if (weft__buf_append(out, bytes, nbytes))
		abort();
}

static void put_number(struct weft__buf *out, uint8_t first, unsigned width, uint64_t n)
{
	put(out, &first, 1);
	while (width-- > 0)
		put(out, &(uint8_t){(uint8_t)(n >> 8 * width)}, 1);
}

static void put_text(struct weft__buf *out, const struct weft__str *s)
{
	put_number(out, 0xdb, 4, s->n);
	put(out, s->p, s->n);
}

static void put_field(struct weft__buf *out, enum weft__field_kind kind, const void *value)
{
	const struct weft__bin *bytes = value;
	const struct weft__u64s *numbers = value;
	const struct weft__strs *texts = value;
	switch (kind) {
	case WEFT__FIELD_U64:
		put_number(out, 0xcf, 8, *(const uint64_t *)value);
		break;
	case WEFT__FIELD_I64:
		put_number(out, 0xd3, 8, *(const uint64_t *)value);
		break;
	case WEFT__FIELD_STR:
		put_text(out, value);
		break;
	case WEFT__FIELD_BIN:
		put_number(out, 0xc6, 4, bytes->n);
		put(out, bytes->p, bytes->n);
		break;
	case WEFT__FIELD_U64S:
		put_number(out, 0xdd, 4, numbers->n);
		for (size_t i = 0; i < numbers->n; i++)
			put_number(out, 0xcf, 8, numbers->p[i]);
		break;
	case WEFT__FIELD_STRS:
		put_number(out, 0xdd, 4, texts->n);
		for (size_t i = 0; i < texts->n; i++)
			put_text(out, &texts->p[i]);
		break;
	}
}

void sample_pack(struct weft__buf *out, const struct weft__msg *m, int replaced, const void *bytes,
                 size_t nbytes)
{
	const struct weft__msg_type *type = weft__msg_type((uint64_t)m->code);
	put_number(out, 0xdd, 4, type->nfields + 1);
	put_number(out, 0xcf, 8, (uint64_t)m->code);
	for (size_t i = 0; i < type->nfields; i++) {
		if (replaced == (int)i)
			put(out, bytes, nbytes);
		else
			put_field(out, type->fields[i].kind, sample_field(m, type, i));
	}
}

/* --- decode anything --- */

enum weft__role sample_from(const struct weft__msg_type *type)
{
	return type->from & -type->from; /* the lowest bit of the set */
}

enum weft__role sample_to(const struct weft__msg_type *type)
{
	return type->to & -type->to;
}

bool sample_try(const uint8_t *body, size_t nbytes)
{
	struct weft__arena arena = {0}, arena_again = {0};
	struct weft__buf out = {0};
	struct weft__msg m, again;
	char line[300];
	int code = weft__msg_peek(body, nbytes);
	const struct weft__msg_type *type =
	        code < 0 ? &weft__msg_types[0] : weft__msg_type((uint64_t)code);
	int rc = weft__msg_decode(body, nbytes, sample_from(type), sample_to(type), &arena, &m,
	                          NULL);
	if (rc == 0) {
		weft__msg_print(&m, line, sizeof line);
		rc = weft__msg_encode_body(&out, &m, NULL);
		if (rc || out.len > nbytes)
			abort();
		rc = weft__msg_decode(out.data, out.len, sample_from(type), sample_to(type),
		                      &arena_again, &again, NULL);
		if (rc || !sample_equal(&m, &again))
			abort();
	}
	weft__arena_fini(&arena);
	weft__arena_fini(&arena_again);
	weft__buf_fini(&out);
	return rc == 0;
}
