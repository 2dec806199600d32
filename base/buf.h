/* buf.h - a growable run of bytes. */
#ifndef WEFT_BASE_BUF_H
#define WEFT_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct weft__buf {
	uint8_t *data;
	size_t len, cap;
};

/* All zeros is empty and valid. */
void weft__buf_fini(struct weft__buf *b);

/* Room for nbytes more at data + len, without moving len; 0 or WEFT_ENOMEM (unchanged). */
int weft__buf_reserve(struct weft__buf *b, size_t nbytes);
int weft__buf_append(struct weft__buf *b, const void *bytes, size_t nbytes);
void weft__buf_consume(struct weft__buf *b, size_t nbytes); /* from the front */
int weft__buf_printf(struct weft__buf *b, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
