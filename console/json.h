/* json.h - a small writer of JSON: commas, nesting and escapes are its business. */
#ifndef WEFT_CONSOLE_JSON_H
#define WEFT_CONSOLE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { JSON_DEPTH_MAX = 31 };

struct json {
	FILE *out;
	unsigned depth;
	uint32_t filled;  /* a bit for each open object or array: something is in it */
	uint32_t objects; /* and a bit: it is an object */
};

/* key is NULL in an array and at the top. */
void json_init(struct json *j, FILE *out);
void json_open(struct json *j, const char *key);       /* { */
void json_open_array(struct json *j, const char *key); /* [ */
void json_close(struct json *j);                       /* } or ]; a newline after the outermost */

/* Bytes that are no UTF-8 come out as U+FFFD, so that the result is always JSON. NULL is null. */
void json_text(struct json *j, const char *key, const char *text);
void json_text_n(struct json *j, const char *key, const char *text, size_t nbytes);
void json_number(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif
