/* args.h - the arguments of a command, read by its option table. */
#ifndef WEFT_CONSOLE_ARGS_H
#define WEFT_CONSOLE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "console/command.h"

struct arg {
	const struct option_def *option;
	const char *value; /* NULL: it has none */
};

/* Values and operands point into the argv that was read. */
struct args {
	const struct command *command;
	enum dialect dialect;
	struct arg *list; /* in the order given */
	size_t n;
	char **operands;
	int noperands;
};

/* Reads argv[1..argc-1]; argv may be put in another order. Each value has been checked when it returns 0;
 * WEFT_EINVAL: the text says what is wrong and what to do. Whatever it returns, args_fini is due. */
int args_parse(const struct command *command, enum dialect dialect, int argc, char **argv, struct args *a,
               struct weft_error *e);
void args_fini(struct args *a);

bool args_has(const struct args *a, int id);
const char *args_text(const struct args *a, int id);             /* the last one's value, or NULL */
long args_count(const struct args *a, int id, long otherwise);   /* ARG_COUNT */
int64_t args_duration_ms(const struct args *a, int id);          /* ARG_DURATION; -1: not given */

/* "90", "90s", "5m", "1h30m", "2.5" seconds; above 0 and at most 10 years. 0 or WEFT_EINVAL. */
int args_parse_duration(const char *text, int64_t *ms);

/* A whole decimal number from min to max; 0 or WEFT_EINVAL. */
int args_parse_count(const char *text, long min, long max, long *value);

/* "15", "TERM", "SIGTERM", "term"; 0 or WEFT_EINVAL. And the name "TERM" of a number, or NULL. */
int args_parse_signal(const char *text, int *signo);
const char *args_signal_name(int signo);

#endif
