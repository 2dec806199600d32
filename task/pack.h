/* pack.h - a typed buffer as the bytes of a message, for those who send and receive it. */
#ifndef WEFT_TASK_PACK_H
#define WEFT_TASK_PACK_H

#include <stddef.h>

#include "bindings/c/weft.h"

/* The message's bytes, the buffer's until it changes; never empty. */
const void *weft__pack_bytes(const weft_buf_t *buf, size_t *nbytes);

/* Replace what the buffer holds by a copy of a message that came; unpacking begins at its front.
 * 0; WEFT_EPROTO (not a typed message), WEFT_ENOMEM: the buffer is as before. The items behind the head
 * are checked as they are unpacked. */
int weft__pack_load(weft_buf_t *buf, const void *bytes, size_t nbytes);

/* The same without a copy: *bytes, from weft__malloc, becomes the buffer's and NULL, if 0 is returned. */
int weft__pack_adopt(weft_buf_t *buf, void **bytes, size_t nbytes);

#endif
