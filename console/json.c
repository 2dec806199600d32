#include "config.h"

#include "console/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

void json_init(struct json *j, FILE *out)
{
	*j = (struct json){.out = out};
}

/* Bytes of the UTF-8 character at p, 0 when there is none: overlong forms, halves of pairs and what lies
 * beyond U+10FFFF are none. */
static size_t utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first_low, first_high, second_low, second_high;
		size_t length;
	} forms[] = {
	        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
	        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
	        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	if (*p < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		if (*p < forms[i].first_low || *p > forms[i].first_high)
			continue;
		if (left < forms[i].length || p[1] < forms[i].second_low || p[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < forms[i].length; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

static void put_string(FILE *out, const char *text, size_t nbytes)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + nbytes;
	putc('"', out);
	while (p < end) {
		size_t length = utf8_length(p, (size_t)(end - p));
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", out);
		else if (*p == '\t')
			fputs("\\t", out);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(out, "\\u%04x", *p);
		else if (length)
			fwrite(p, 1, length, out);
		else
			fputs("\\ufffd", out);
		p += length ? length : 1;
	}
	putc('"', out);
}

/* What stands before a value: comma, line, key. */
static void begin_value(struct json *j, const char *key)
{
	uint32_t bit = UINT32_C(1) << j->depth;
	if (j->depth > 0) {
		if (j->filled & bit)
			putc(',', j->out);
		/* A row of a list has a line of its own, its fields share it. */
		if (j->depth <= 2) {
			putc('\n', j->out);
			for (unsigned i = 0; i < j->depth; i++)
				fputs("  ", j->out);
		} else if (j->filled & bit) {
			putc(' ', j->out);
		}
		j->filled |= bit;
	}
	assert((j->depth > 0 && (j->objects & bit) != 0) == (key != NULL));
	if (key) {
		put_string(j->out, key, strlen(key));
		fputs(": ", j->out);
	}
}

static void open_value(struct json *j, const char *key, bool object)
{
	begin_value(j, key);
	putc(object ? '{' : '[', j->out);
	j->depth++;
	assert(j->depth <= JSON_DEPTH_MAX);
	uint32_t bit = UINT32_C(1) << j->depth;
	j->filled &= ~bit;
	j->objects = object ? j->objects | bit : j->objects & ~bit;
}

void json_open(struct json *j, const char *key)
{
	open_value(j, key, true);
}

void json_open_array(struct json *j, const char *key)
{
	open_value(j, key, false);
}

void json_close(struct json *j)
{
	assert(j->depth > 0);
	uint32_t bit = UINT32_C(1) << j->depth;
	j->depth--;
	if ((j->filled & bit) && j->depth < 2) {
		putc('\n', j->out);
		for (unsigned i = 0; i < j->depth; i++)
			fputs("  ", j->out);
	}
	putc(j->objects & bit ? '}' : ']', j->out);
	if (j->depth == 0)
		putc('\n', j->out);
}

void json_text_n(struct json *j, const char *key, const char *text, size_t nbytes)
{
	begin_value(j, key);
	put_string(j->out, text, nbytes);
}

void json_text(struct json *j, const char *key, const char *text)
{
	if (text)
		json_text_n(j, key, text, strlen(text));
	else
		json_null(j, key);
}

void json_number(struct json *j, const char *key, int64_t value)
{
	begin_value(j, key);
	fprintf(j->out, "%" PRId64, value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin_value(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *key)
{
	begin_value(j, key);
	fputs("null", j->out);
}
