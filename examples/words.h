/* words.h - a table that counts words, for examples/wordcount. */
#ifndef WEFT_EXAMPLES_WORDS_H
#define WEFT_EXAMPLES_WORDS_H

#include <stddef.h>
#include <stdint.h>

enum { WORD_MAX = 63 }; /* letters of a word that count; the rest of a longer one is left out */

struct word {
	char word[WORD_MAX + 1];
	uint64_t count; /* 0: an empty slot */
};

struct words { /* all zeros is empty and valid */
	struct word *slots;
	size_t nslots, ndistinct;
	uint64_t nwords;
};

int words_letter(char c); /* a letter, a digit, an apostrophe or a byte of a longer character */
void words_count(struct words *w, const char *text, size_t nbytes);
void words_add(struct words *w, const char *word, size_t len, uint64_t count);
int words_equal(const struct words *a, const struct words *b);
void words_print_top(const struct words *w, int top); /* the most frequent, then by alphabet */
void words_fini(struct words *w);

#endif
