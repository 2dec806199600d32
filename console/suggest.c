#include "config.h"

#include "console/suggest.h"

#include <string.h>

enum { WORD_MAX = 63 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Three rows of the table of distances between all beginnings of a and of b are kept. */
size_t suggest_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	size_t rows[3][WORD_MAX + 1];
	if (na > WORD_MAX || nb > WORD_MAX)
		return strcmp(a, b) ? WORD_MAX : 0;
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	for (size_t j = 0; j <= nb; j++)
		last[j] = j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]), least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *free_row = before;
		before           = last;
		last             = row;
		row              = free_row;
	}
	return last[nb];
}

const char *suggest_nearest(const char *word, const char *const *names)
{
	const char *nearest = NULL;
	size_t length       = strlen(word);
	size_t best         = length <= 2 ? 2 : length / 3 + 2; /* one more than what is near enough */
	for (; *names; names++) {
		/* A word that was not typed to its end is near, too. */
		size_t distance = length >= 2 && !strncmp(word, *names, length) ? 1 : suggest_distance(word, *names);
		if (distance < best) {
			best    = distance;
			nearest = *names;
		}
	}
	return nearest;
}
