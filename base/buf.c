#include "config.h"

#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "base/weft_base.h"

enum { CAP_MIN = 64 };

void weft__buf_fini(struct weft__buf *b)
{
	weft__free(b->data);
	*b = (struct weft__buf){0};
}

int weft__buf_reserve(struct weft__buf *b, size_t nbytes)
{
	if (nbytes <= b->cap - b->len)
		return 0;
	if (nbytes > SIZE_MAX / 2 - b->len)
		return WEFT_ENOMEM;
	size_t cap = b->cap < CAP_MIN ? CAP_MIN : b->cap;
	while (cap < b->len + nbytes)
		cap *= 2;
	uint8_t *data = weft__realloc(b->data, cap);
	if (!data)
		return WEFT_ENOMEM;
	b->data = data;
	b->cap = cap;
	return 0;
}

int weft__buf_append(struct weft__buf *b, const void *bytes, size_t nbytes)
{
	if (nbytes == 0)
		return 0;
	int rc = weft__buf_reserve(b, nbytes);
	if (rc)
		return rc;
	memcpy(b->data + b->len, bytes, nbytes);
	b->len += nbytes;
	return 0;
}

void weft__buf_consume(struct weft__buf *b, size_t nbytes)
{
	assert(nbytes <= b->len);
	if (nbytes == 0)
		return;
	b->len -= nbytes;
	memmove(b->data, b->data + nbytes, b->len);
}

int weft__buf_printf(struct weft__buf *b, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n < 0)
		return WEFT_EINVAL;
	int rc = weft__buf_reserve(b, (size_t)n + 1); /* vsnprintf wants room for its NUL */
	if (rc)
		return rc;
	va_start(ap, format);
	vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}
