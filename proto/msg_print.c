#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <string.h>

#include "proto/prescan.h"
#include "proto/proto.h"

enum { TEXT_SHOWN_MAX = 80, ITEMS_SHOWN_MAX = 8 };

struct line {
	char *text;
	size_t size, len;
};

static void add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct line *l, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(l->text + l->len, l->size - l->len, format, ap);
	va_end(ap);
	l->len += n < 0 ? 0 : (size_t)n;
	if (l->len >= l->size)
		l->len = l->size - 1;
}

/* A text comes from a peer: nothing in it may end the line or move a terminal's cursor. */
static void add_text(struct line *l, const struct weft__str *s)
{
	size_t shown = s->n < TEXT_SHOWN_MAX ? s->n : TEXT_SHOWN_MAX;
	add(l, "\"");
	for (size_t i = 0; i < shown; i++) {
		char c = s->p[i];
		add(l, "%c", (unsigned char)c < ' ' || c == 0x7f || c == '"' ? '?' : c);
	}
	add(l, shown < s->n ? "...\"" : "\"");
}

static void add_number(struct line *l, const struct weft__field *f, uint64_t n)
{
	char tid[WEFT__TID_TEXT];
	if (strcmp(f->name, "tid") == 0 || strcmp(f->name, "tids") == 0)
		add(l, "%s", weft__tid_format((weft_tid_t){n}, tid));
	else
		add(l, "%" PRIu64, n);
}

static void add_numbers(struct line *l, const struct weft__field *f,
                        const struct weft__u64s *numbers)
{
	add(l, "%zu[", numbers->n);
	for (size_t i = 0; i < numbers->n && i < ITEMS_SHOWN_MAX; i++) {
		add(l, i ? " " : "");
		add_number(l, f, numbers->p[i]);
	}
	add(l, numbers->n > ITEMS_SHOWN_MAX ? " ...]" : "]");
}

static void add_texts(struct line *l, const struct weft__strs *texts)
{
	add(l, "%zu[", texts->n);
	for (size_t i = 0; i < texts->n && i < ITEMS_SHOWN_MAX; i++) {
		add(l, i ? " " : "");
		add_text(l, &texts->p[i]);
	}
	add(l, texts->n > ITEMS_SHOWN_MAX ? " ...]" : "]");
}

/* A key or a token must not stand in a log, and neither must a user's environment. */
static bool is_secret(const struct weft__field *f)
{
	return strcmp(f->name, "key") == 0 || strcmp(f->name, "token") == 0 ||
	       strcmp(f->name, "env") == 0;
}

/* Adds a field and returns what follows it in the struct. */
static const uint8_t *add_field(struct line *l, const struct weft__field *f, const uint8_t *value)
{
	const void *at = value;
	add(l, " %s=", f->name);
	switch (f->kind) {
	case WEFT__FIELD_U64:
		add_number(l, f, *(const uint64_t *)at);
		return value + sizeof(uint64_t);
	case WEFT__FIELD_I64:
		add(l, "%" PRId64, *(const int64_t *)at);
		return value + sizeof(int64_t);
	case WEFT__FIELD_STR:
		if (is_secret(f))
			add(l, "(%zu bytes)", ((const struct weft__str *)at)->n);
		else
			add_text(l, at);
		return value + sizeof(struct weft__str);
	case WEFT__FIELD_BIN:
		add(l, "(%zu bytes)", ((const struct weft__bin *)at)->n);
		return value + sizeof(struct weft__bin);
	case WEFT__FIELD_U64S:
		add_numbers(l, f, at);
		return value + sizeof(struct weft__u64s);
	case WEFT__FIELD_STRS:
		if (is_secret(f))
			add(l, "(%zu texts)", ((const struct weft__strs *)at)->n);
		else
			add_texts(l, at);
		return value + sizeof(struct weft__strs);
	}
	return value;
}

void weft__msg_print(const struct weft__msg *m, char *text, size_t size)
{
	if (size == 0)
		return;
	struct line l = {text, size, 0};
	const struct weft__msg_type *type = weft__msg_type((uint64_t)m->code);
	add(&l, "%s", weft__msg_name(m->code));
	const uint8_t *value = (const uint8_t *)m + offsetof(struct weft__msg, hello);
	for (size_t i = 0; type && i < type->nfields; i++)
		value = add_field(&l, &type->fields[i], value);
}
