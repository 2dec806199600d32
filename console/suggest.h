/* suggest.h - what somebody who mistyped a word has probably meant. */
#ifndef WEFT_CONSOLE_SUGGEST_H
#define WEFT_CONSOLE_SUGGEST_H

#include <stddef.h>

/* How many letters must be put in, left out, changed or swapped with their neighbour to make b of a;
 * words longer than 63 bytes are far from all others. */
size_t suggest_distance(const char *a, const char *b);

/* The one of names (ends with NULL) that is nearest to word and near enough to be meant, or NULL. */
const char *suggest_nearest(const char *word, const char *const *names);

#endif
