#include "config.h"

#include "console/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 16 * 1024 };

void lines_init(struct lines *l, int fd)
{
	*l = (struct lines){.fd = fd};
}

void lines_fini(struct lines *l)
{
	weft__buf_fini(&l->bytes);
	*l = (struct lines){.fd = -1};
}

int lines_fill(struct lines *l, struct weft_error *e)
{
	char piece[PIECE];
	ssize_t n;
	do
		n = read(l->fd, piece, sizeof piece);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		l->end = true;
		return weft__err_set(e, WEFT_EIO, "cannot read the commands: %s", strerror(errno));
	}
	l->end = n == 0;
	return weft__buf_append(&l->bytes, piece, (size_t)n) ? weft__err_set(e, WEFT_ENOMEM, "out of memory") : 0;
}

/* How many bytes the command at the front has, its newline included; 0: its end is not there yet. Newlines behind a
 * backslash become blanks. */
static size_t find_end(struct lines *l)
{
	char *text = (char *)l->bytes.data;
	while (l->seen < l->bytes.len) {
		char *newline = memchr(text + l->seen, '\n', l->bytes.len - l->seen);
		if (!newline)
			break;
		size_t at = (size_t)(newline - text);
		l->seen   = at + 1;
		l->number++;
		if (at == 0 || text[at - 1] != '\\' || (at > 1 && text[at - 2] == '\\'))
			return at + 1;
		text[at] = text[at - 1] = ' ';
	}
	l->seen = l->bytes.len;
	return 0;
}

/* A command of n bytes in all is at the front. */
static int hand_out(struct lines *l, size_t n, const char **text, struct weft_error *e)
{
	char *front = (char *)l->bytes.data;
	front[n - 1] = '\0';
	if (strlen(front) + 1 < n)
		return weft__err_set(e, WEFT_EINVAL, "this line has a NUL byte: no commands are read from it");
	*text = front;
	return 0;
}

int lines_next(struct lines *l, const char **text, struct weft_error *e)
{
	if (l->taken) {
		weft__buf_consume(&l->bytes, l->taken);
		l->seen = l->taken = 0;
	}
	size_t n = find_end(l);
	if (n == 0 && l->end && l->bytes.len > 0) { /* the last line has no newline */
		if (weft__buf_append(&l->bytes, "\n", 1))
			return weft__err_set(e, WEFT_ENOMEM, "out of memory");
		n = l->seen = l->bytes.len;
		l->number++;
	}
	if (n == 0 && l->end) {
		*text = NULL;
		return 0;
	}
	if (n == 0 && l->bytes.len <= LINES_BYTES_MAX)
		return WEFT_EAGAIN;
	l->taken      = n ? n : l->bytes.len;
	bool too_long = l->skipping || l->taken > LINES_BYTES_MAX;
	bool told     = l->skipping;
	l->skipping   = n == 0;
	if (!too_long)
		return hand_out(l, n, text, e);
	if (told)
		return lines_next(l, text, e);
	return weft__err_set(e, WEFT_ETOOBIG, "this line is longer than %d KiB: it is left out", LINES_BYTES_MAX / 1024);
}
