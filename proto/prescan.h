/* prescan.h - looks a body over, raw, before MessagePack-C sees it. */
#ifndef WEFT_PROTO_PRESCAN_H
#define WEFT_PROTO_PRESCAN_H

#include "proto/proto.h"

enum weft__token_kind {
	WEFT__TOKEN_UINT, /* an integer that is not negative */
	WEFT__TOKEN_NEGATIVE,
	WEFT__TOKEN_STR,
	WEFT__TOKEN_BIN,
	WEFT__TOKEN_ARRAY,
	WEFT__TOKEN_OTHER, /* what no message has: nil, boolean, float, map, extension */
};

/* One MessagePack item; of an array only its head. */
struct weft__token {
	enum weft__token_kind kind;
	size_t head;    /* bytes before the payload; all of an integer */
	uint64_t value; /* the integer (NEGATIVE: as int64_t), bytes of a text, elements of an array */
};

/* The item at p, of which nbytes are there. 0; WEFT_EPROTO: it reaches beyond them (an array: it
 * announces more elements than there are bytes). */
int weft__token_read(const uint8_t *p, size_t nbytes, struct weft__token *t);

/* The type with this code, or NULL. */
const struct weft__msg_type *weft__msg_type(uint64_t code);

/* The largest body of a message of this type. */
size_t weft__body_max(const struct weft__msg_type *type);

/* Checks all of a body against the table: code, direction, number and kinds of fields, every
 * length, count and value. Reads nothing beyond nbytes, allocates nothing. Gives the type, and how
 * many bytes its texts and arrays take at most, decoded. 0, WEFT_EPROTO, WEFT_EDENIED. */
int weft__prescan(const uint8_t *body, size_t nbytes, enum weft__role from, enum weft__role to,
                  const struct weft__msg_type **type, size_t *arena_bytes, struct weft_error *e);

#endif
