/* words.c - see words.h. Open addressing; a full memory ends the program, it is an example. */
#include "words.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int words_letter(char c)
{
	unsigned char u = (unsigned char)c;
	return isalnum(u) || u == '\'' || u >= 0x80;
}

static struct word *find(const struct words *w, const char *word)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (const char *p = word; *p != '\0'; p++)
		hash = (hash ^ (unsigned char)*p) * 1099511628211u;
	size_t i = (size_t)hash & (w->nslots - 1);
	while (w->slots[i].count != 0 && strcmp(w->slots[i].word, word) != 0)
		i = (i + 1) & (w->nslots - 1);
	return &w->slots[i];
}

static void grow(struct words *w)
{
	struct words bigger = {.nslots = w->nslots == 0 ? 1024 : w->nslots * 2};

	bigger.slots = calloc(bigger.nslots, sizeof *bigger.slots);
	if (bigger.slots == NULL) {
		perror("wordcount");
		exit(EXIT_FAILURE);
	}
	for (size_t i = 0; i < w->nslots; i++)
		if (w->slots[i].count != 0)
			*find(&bigger, w->slots[i].word) = w->slots[i];
	free(w->slots);
	w->slots = bigger.slots;
	w->nslots = bigger.nslots;
}

void words_add(struct words *w, const char *word, size_t len, uint64_t count)
{
	char key[WORD_MAX + 1];

	if (len > WORD_MAX)
		len = WORD_MAX;
	for (size_t i = 0; i < len; i++)
		key[i] = (char)tolower((unsigned char)word[i]);
	key[len] = '\0';
	if (w->ndistinct * 2 >= w->nslots)
		grow(w);
	struct word *slot = find(w, key);
	if (slot->count == 0) {
		memcpy(slot->word, key, len + 1);
		w->ndistinct++;
	}
	slot->count += count;
	w->nwords += count;
}

void words_count(struct words *w, const char *text, size_t nbytes)
{
	for (size_t i = 0; i < nbytes;) {
		size_t begin = i;
		while (i < nbytes && words_letter(text[i]))
			i++;
		if (i > begin)
			words_add(w, text + begin, i - begin, 1);
		else
			i++;
	}
}

int words_equal(const struct words *a, const struct words *b)
{
	if (a->nwords != b->nwords || a->ndistinct != b->ndistinct)
		return 0;
	for (size_t i = 0; i < a->nslots; i++)
		if (a->slots[i].count != 0 && find(b, a->slots[i].word)->count != a->slots[i].count)
			return 0;
	return 1;
}

static int by_count(const void *x, const void *y)
{
	const struct word *a = *(const struct word *const *)x, *b = *(const struct word *const *)y;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->word, b->word);
}

void words_print_top(const struct words *w, int top)
{
	const struct word **order = malloc((w->ndistinct + 1) * sizeof *order);
	size_t n = 0;

	if (order == NULL)
		return;
	for (size_t i = 0; i < w->nslots; i++)
		if (w->slots[i].count != 0)
			order[n++] = &w->slots[i];
	qsort(order, n, sizeof *order, by_count);
	for (size_t i = 0; i < n && (int)i < top; i++)
		printf("%8llu %s\n", (unsigned long long)order[i]->count, order[i]->word);
	free(order);
}

void words_fini(struct words *w)
{
	free(w->slots);
	*w = (struct words){0};
}
