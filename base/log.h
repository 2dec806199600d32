/* log.h - log lines with stable ids, for daemons and tools. Code in a user's process never logs.
 *
 * A line is "2026-01-31T12:00:00.123Z warn WEFT-NODE-LOST node=3 silent_ms=4012".
 */
#ifndef WEFT_BASE_LOG_H
#define WEFT_BASE_LOG_H

#include <stdbool.h>

enum weft__log_level { WEFT__LOG_DEBUG, WEFT__LOG_INFO, WEFT__LOG_WARN, WEFT__LOG_ERROR };

/* Lines go to fd (default 2) from this level up (default info); the tag ("weftd n1") follows the level. */
void weft__log_open(int fd, enum weft__log_level level, const char *tag);
/* A daemon's: standard error, from the level up that $WEFT_LOG names: debug, info (default), warn (default when quiet), error. */
void weft__log_start(const char *tag, bool quiet);
void weft__log(enum weft__log_level level, const char *id, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
