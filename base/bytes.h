/* bytes.h - numbers as they stand in frames, files and exchanges: little-endian, at any address. */
#ifndef WEFT_BASE_BYTES_H
#define WEFT_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void weft__u32_put(uint8_t at[static 4], uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

static inline uint32_t weft__u32_get(const uint8_t at[static 4])
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

#endif
