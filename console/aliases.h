/* aliases.h - names that a user gave to the beginning of a command. */
#ifndef WEFT_CONSOLE_ALIASES_H
#define WEFT_CONSOLE_ALIASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/list.h"
#include "console/line.h"

enum {
	ALIAS_NAME_MAX = 63,
	ALIASES_MAX    = 1000,
};

struct alias {
	struct weft__list link;
	char name[ALIAS_NAME_MAX + 1];
	bool kept;         /* for the next time */
	struct line words; /* what it stands for */
};

struct aliases {
	struct weft__list all; /* by name */
	size_t n;
	bool keeping; /* those that are put from now on are for the next time, too */
	bool changed; /* one that is kept was put or removed since this was set to false */
};

void aliases_init(struct aliases *a);
void aliases_fini(struct aliases *a);

/* words[0..n-1] are what it stands for; an old one of that name is replaced. 0, WEFT_EINVAL (the name is too long or
 * empty), WEFT_ENOSPC (there are too many), WEFT_ENOMEM. */
int aliases_put(struct aliases *a, const char *name, char *const *words, size_t n, struct weft_error *e);
bool aliases_remove(struct aliases *a, const char *name);
const struct alias *aliases_find(const struct aliases *a, const char *name);
const struct alias *aliases_next(const struct aliases *a, const struct alias *after); /* NULL: the first; at the end */

/* Puts what an alias stands for in the place of the first word, again while that is another alias; each counts once,
 * so that one may stand for a command of its own name. Quoted words are taken as they are. 0 or WEFT_ENOMEM. */
int aliases_expand(const struct aliases *a, struct line *l);

/* A command that makes it: "alias ll ps -l"; words are quoted where that is needed. */
void aliases_print(const struct alias *one, FILE *out);

#endif
