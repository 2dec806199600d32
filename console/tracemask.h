/* tracemask.h - which calls of PVM's library are traced: a text of which each character holds four events. */
#ifndef WEFT_CONSOLE_TRACEMASK_H
#define WEFT_CONSOLE_TRACEMASK_H

#include <stdbool.h>
#include <stddef.h>

enum { TRACEMASK_CHARS = 35 };

struct tracemask {
	char text[TRACEMASK_CHARS + 1];
};

/* The usual events: those that XPVM shows. Events that tasks start and end are always on. */
void tracemask_init(struct tracemask *m);
void tracemask_usual(struct tracemask *m);
void tracemask_all(struct tracemask *m, bool on);

/* By name, with or without "pvm_"; false: there is no such event. */
bool tracemask_set(struct tracemask *m, const char *name, bool on);
const char *tracemask_nearest(const char *name); /* or NULL */

/* The names of all that can be chosen, in alphabetical order; *cursor is 0 at first. NULL: that was the last one. */
const char *tracemask_next(const struct tracemask *m, size_t *cursor, bool *on);

#endif
