/* types.h - the types of values that messages and collectives carry: sizes, byte order, strided copies. */
#ifndef WEFT_TASK_TYPES_H
#define WEFT_TASK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WEFT__TYPE_MAX    = 13, /* the largest weft_type_t */
	WEFT__LITTLE      = 1,  /* byte orders, as they are written on the wire */
	WEFT__BIG         = 2,
	WEFT__BYTE_ORDER  = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? WEFT__LITTLE : WEFT__BIG,
	WEFT__WIDEST_TYPE = 16, /* bytes */
};

/* Bytes of one value; 0: there is no such type. */
size_t weft__type_size(int type);

/* Bytes of the part of a value that is swapped as one: half a complex; 0: there is no such type. */
size_t weft__type_unit(int type);

/* dst[count] one after the other, from every stride-th value of src; swapped: in the other byte order. */
void weft__type_gather(int type, void *dst, const void *src, size_t count, size_t stride, bool swapped);

/* The way back: src[count] one after the other, to every stride-th place of dst. */
void weft__type_scatter(int type, void *dst, const void *src, size_t count, size_t stride, bool swapped);

#endif
