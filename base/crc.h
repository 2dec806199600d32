/* crc.h - CRC-32C, for records that may be torn. */
#ifndef WEFT_BASE_CRC_H
#define WEFT_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Start with crc = 0; feed the result back to continue. */
uint32_t weft__crc32c(uint32_t crc, const void *p, size_t nbytes);

#endif
