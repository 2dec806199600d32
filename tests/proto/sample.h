/* sample.h - messages made from the table, for tests and fuzzers, and a second packer to check
 * against. */
#ifndef WEFT_TESTS_PROTO_SAMPLE_H
#define WEFT_TESTS_PROTO_SAMPLE_H

#include <stdbool.h>

#include "base/rng.h"
#include "proto/proto.h"

enum { SAMPLE_NONE = -1, SAMPLE_NUMBERS_MAX = 16385, SAMPLE_TEXTS_MAX = 4097 };

/* A message and what its fields point at. Large: not for the stack. */
struct sample {
	struct weft__msg m;
	uint64_t numbers[2][SAMPLE_NUMBERS_MAX];
	struct weft__str texts[2][SAMPLE_TEXTS_MAX];
};

/* A random message of the type: small, but for the field `full` (or SAMPLE_NONE), which has its
 * maximum. */
void sample_fill(struct sample *s, const struct weft__msg_type *type, struct weft__rng *r,
                 int full);

/* Sets the length, count or value of a field; what it points at is there already or random. */
void sample_set(struct sample *s, const struct weft__msg_type *type, size_t field, uint64_t n);

/* Where field number i of a message lies. */
void *sample_field(const struct weft__msg *m, const struct weft__msg_type *type, size_t i);

bool sample_equal(const struct weft__msg *a, const struct weft__msg *b);

/* Appends the body, written by hand: every number and length in its widest form, no maximum
 * respected. In place of the field `replaced` (or SAMPLE_NONE) the given bytes. */
void sample_pack(struct weft__buf *out, const struct weft__msg *m, int replaced, const void *bytes,
                 size_t nbytes);

/* A role that may send the type, and one that may get it. */
enum weft__role sample_from(const struct weft__msg_type *type);
enum weft__role sample_to(const struct weft__msg_type *type);

/* Decodes bytes from anywhere as if they came from a peer that may send them. What is accepted must
 * be printable, and come back equal when it is encoded and decoded again: aborts when not. Returns
 * whether the bytes were accepted. */
bool sample_try(const uint8_t *body, size_t nbytes);

#endif
