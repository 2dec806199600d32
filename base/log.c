#include "config.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 2048, TAG_MAX_BYTES = 64 };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static int log_fd = 2;
static enum weft__log_level log_level = WEFT__LOG_INFO;
static char log_tag[TAG_MAX_BYTES];

void weft__log_open(int fd, enum weft__log_level level, const char *tag)
{
	log_fd = fd;
	log_level = level;
	snprintf(log_tag, sizeof log_tag, "%s", tag ? tag : "");
}

void weft__log_start(const char *tag, bool quiet)
{
	const char *wanted = getenv("WEFT_LOG");
	enum weft__log_level level = quiet ? WEFT__LOG_WARN : WEFT__LOG_INFO;
	for (size_t i = 0; wanted && i < sizeof level_names / sizeof *level_names; i++)
		if (!strcmp(wanted, level_names[i]))
			level = (enum weft__log_level)i;
	weft__log_open(2, level, tag);
}

/* "2026-01-31T12:00:00.123Z warn weftd n1 WEFT-NODE-LOST ": returns its length. */
static size_t write_head(char *line, size_t size, enum weft__log_level level, const char *id)
{
	struct timespec now;
	struct tm utc;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
	int more = snprintf(line + n, size - n, ".%03ldZ %s %s%s%s ", now.tv_nsec / 1000000,
	                    level_names[level], log_tag, *log_tag ? " " : "", id);
	n += (size_t)more;
	return n < size ? n : size - 1;
}

void weft__log(enum weft__log_level level, const char *id, const char *format, ...)
{
	if (level < log_level)
		return;
	int saved_errno = errno;
	char line[LINE_MAX_BYTES];
	size_t room = sizeof line - 1; /* the last byte is for the newline */
	size_t n = write_head(line, room, level, id);
	va_list ap;
	va_start(ap, format);
	int more = vsnprintf(line + n, room - n, format, ap);
	va_end(ap);
	n += more < 0 ? 0 : (size_t)more;
	if (n >= room) {
		n = room - 1;
		memcpy(line + n - 3, "...", 3);
	}
	/* What a peer or a user sent may stand in the line: it must stay one line, and harmless on
	 * a terminal. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	/* One write a line, so that the lines of several processes do not mix; a log that can't be
	 * written must not stop a daemon. */
	while (write(log_fd, line, n) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}
