/* lines.h - commands from a file or a pipe, one after the other. */
#ifndef WEFT_CONSOLE_LINES_H
#define WEFT_CONSOLE_LINES_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum { LINES_BYTES_MAX = 256 * 1024 }; /* of one command */

struct lines {
	int fd;
	struct weft__buf bytes; /* read, and not handed out yet */
	size_t taken;           /* of them: the command that was handed out last */
	size_t seen;            /* of them: looked through for the end of a command */
	bool end;               /* nothing more comes */
	bool skipping;          /* within a line that was too long */
	unsigned number;        /* of the last line of the command that was handed out */
};

void lines_init(struct lines *l, int fd);
void lines_fini(struct lines *l);

/* The next command, without its newline: a line, with the following one where it ends in a backslash; NULL at the end.
 * 0; WEFT_EAGAIN: lines_fill is due; WEFT_ETOOBIG, WEFT_EINVAL (it has a NUL byte): the command is left out, e says so;
 * WEFT_ENOMEM. The text is valid until the next call. */
int lines_next(struct lines *l, const char **text, struct weft_error *e);

/* Reads what there is, waits for something when there is nothing. 0, WEFT_EIO, WEFT_ENOMEM. */
int lines_fill(struct lines *l, struct weft_error *e);

#endif
