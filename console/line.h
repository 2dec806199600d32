/* line.h - a line of the console: its words, and what may complete the last one. */
#ifndef WEFT_CONSOLE_LINE_H
#define WEFT_CONSOLE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "console/command.h"

struct line {
	char **words;    /* ends with NULL */
	size_t nwords;
	char *bytes;     /* what the words point into */
	bool open_word;  /* the line ends within a word, not after a blank */
	char quote;      /* a quote that is open at the end, or 0 */
	size_t word_at;  /* where the last word starts in the text; its end when none is open */
};

/* Takes a text apart as a shell does: blanks, '...', "...", \x; # starts a comment. What is left open counts as
 * closed at the end. 0 or WEFT_ENOMEM; line_fini is due when it returns 0. */
int line_split(const char *text, struct line *l);
void line_fini(struct line *l);

/* A line of these n words; one of the words of first, and then those of rest from its word `from` on. 0 or
 * WEFT_ENOMEM. */
int line_of_words(char *const *words, size_t n, struct line *l);
int line_join(const struct line *first, const struct line *rest, size_t from, struct line *l);

/* A word so that line_split makes the same of it. */
void line_print_word(const char *word, FILE *out);

struct aliases;

/* What there is to complete from; each list ends with NULL. */
struct line_live {
	const char *const *hosts, *const *tasks, *const *jobs;
	const struct aliases *aliases; /* or NULL */
	enum dialect dialect;
};

/* What the last word may be completed to, in a list that ends with NULL: free each and the list with weft__free.
 * NULL: out of memory. Names of files are completed, too. */
char **line_candidates(const struct line *l, const struct line_live *live);

/* How many bytes all of them begin with. */
size_t line_common(char *const *candidates);

#endif
