/* err.h - the text and the name of an error, and the room for human detail. */
#ifndef WEFT_BASE_ERR_H
#define WEFT_BASE_ERR_H

#include "base/weft_base.h"

/* Detail for a human reader; an optional output (NULL: not wanted). */
struct weft_error {
	int code;
	char text[256]; /* as long as the longest that a message carries */
};

/* The text ("no such node") and the name ("ENONODE") of a code; "unknown error" when there is none. */
const char *weft__err_text(int code);
const char *weft__err_name(int code);

/* Fill *e (may be NULL) with a formatted text and return the code. */
int weft__err_set(struct weft_error *e, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The WEFT_ code that stands for an errno value. */
int weft__err_from_errno(int errnum);

#endif
