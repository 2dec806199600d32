#include "config.h"

#include "task/types.h"

#include <string.h>

#include "bindings/c/weft.h"

static const struct {
	uint8_t size, unit;
} types[WEFT__TYPE_MAX + 1] = {
        [WEFT_BYTE] = {1, 1},    [WEFT_INT8] = {1, 1},   [WEFT_UINT8] = {1, 1},
        [WEFT_INT16] = {2, 2},   [WEFT_UINT16] = {2, 2}, [WEFT_INT32] = {4, 4},
        [WEFT_UINT32] = {4, 4},  [WEFT_INT64] = {8, 8},  [WEFT_UINT64] = {8, 8},
        [WEFT_FLOAT] = {4, 4},   [WEFT_DOUBLE] = {8, 8}, [WEFT_COMPLEX] = {8, 4},
        [WEFT_DCOMPLEX] = {16, 8},
};

_Static_assert(sizeof(float) == 4 && sizeof(double) == 8, "IEEE 754 widths");

size_t weft__type_size(int type)
{
	return type < 1 || type > WEFT__TYPE_MAX ? 0 : types[type].size;
}

size_t weft__type_unit(int type)
{
	return type < 1 || type > WEFT__TYPE_MAX ? 0 : types[type].unit;
}

/* --- swapping: n units, neither side aligned -------------------------------------------------- */

static void swap16(uint8_t *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint16_t v;
		memcpy(&v, src + i * sizeof v, sizeof v);
		v = __builtin_bswap16(v);
		memcpy(dst + i * sizeof v, &v, sizeof v);
	}
}

static void swap32(uint8_t *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t v;
		memcpy(&v, src + i * sizeof v, sizeof v);
		v = __builtin_bswap32(v);
		memcpy(dst + i * sizeof v, &v, sizeof v);
	}
}

static void swap64(uint8_t *dst, const uint8_t *src, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v;
		memcpy(&v, src + i * sizeof v, sizeof v);
		v = __builtin_bswap64(v);
		memcpy(dst + i * sizeof v, &v, sizeof v);
	}
}

static void copy_swapped(uint8_t *dst, const uint8_t *src, size_t nbytes, size_t unit)
{
	switch (unit) {
	case 2:
		swap16(dst, src, nbytes / 2);
		break;
	case 4:
		swap32(dst, src, nbytes / 4);
		break;
	case 8:
		swap64(dst, src, nbytes / 8);
		break;
	default:
		memcpy(dst, src, nbytes);
	}
}

/* --- strided copies: steps in bytes ------------------------------------------------------------ */

/* Each size has a loop of its own, so that the copy of one value is a load and a store. */
static void copy_strided(uint8_t *dst, size_t dststep, const uint8_t *src, size_t srcstep, size_t count, size_t size)
{
	switch (size) {
	case 1:
		for (size_t i = 0; i < count; i++)
			dst[i * dststep] = src[i * srcstep];
		break;
	case 2:
		for (size_t i = 0; i < count; i++)
			memcpy(dst + i * dststep, src + i * srcstep, 2);
		break;
	case 4:
		for (size_t i = 0; i < count; i++)
			memcpy(dst + i * dststep, src + i * srcstep, 4);
		break;
	case 8:
		for (size_t i = 0; i < count; i++)
			memcpy(dst + i * dststep, src + i * srcstep, 8);
		break;
	default:
		for (size_t i = 0; i < count; i++)
			memcpy(dst + i * dststep, src + i * srcstep, size);
	}
}

static void copy(int type, uint8_t *dst, size_t dststride, const uint8_t *src, size_t srcstride, size_t count,
                 bool swapped)
{
	size_t size = types[type].size, unit = types[type].unit;
	bool dense = dststride == 1 && srcstride == 1;
	if (count == 0)
		return;
	if (!swapped && dense)
		memcpy(dst, src, count * size);
	else if (!swapped)
		copy_strided(dst, dststride * size, src, srcstride * size, count, size);
	else if (dense)
		copy_swapped(dst, src, count * size, unit);
	else
		for (size_t i = 0; i < count; i++)
			copy_swapped(dst + i * dststride * size, src + i * srcstride * size, size, unit);
}

void weft__type_gather(int type, void *dst, const void *src, size_t count, size_t stride, bool swapped)
{
	copy(type, dst, 1, src, stride, count, swapped);
}

void weft__type_scatter(int type, void *dst, const void *src, size_t count, size_t stride, bool swapped)
{
	copy(type, dst, stride, src, 1, count, swapped);
}
