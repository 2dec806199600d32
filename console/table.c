#include "config.h"

#include "console/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/heap.h"

enum { CELL_MAX = 512, GAP = 2, FIXED_GAP = 1 };

static void push(struct table *t, const char *text)
{
	if (t->ncells == t->cap) {
		size_t cap   = t->cap ? 2 * t->cap : 64;
		char **cells = weft__realloc(t->cells, cap * sizeof *cells);
		if (!cells) {
			t->code = WEFT_ENOMEM;
			return;
		}
		t->cells = cells;
		t->cap   = cap;
	}
	char *copy = weft__strdup(text);
	if (!copy) {
		t->code = WEFT_ENOMEM;
		return;
	}
	t->cells[t->ncells++] = copy;
}

void table_init(struct table *t, const char *const *names, size_t ncolumns)
{
	assert(ncolumns <= TABLE_COLUMNS_MAX);
	*t = (struct table){.ncolumns = ncolumns};
	for (size_t i = 0; i < ncolumns; i++)
		push(t, names[i]);
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->ncells; i++)
		weft__free(t->cells[i]);
	weft__free(t->cells);
	*t = (struct table){0};
}

void table_add(struct table *t, const char *format, ...)
{
	char text[CELL_MAX];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	push(t, text);
}

static int compare_rows(const void *a, const void *b)
{
	long x = strtol(*(char *const *)a, NULL, 10), y = strtol(*(char *const *)b, NULL, 10);
	return (x > y) - (x < y);
}

void table_sort(struct table *t)
{
	if (!t->code && t->ncells > t->ncolumns) /* the heading stays where it is */
		qsort(t->cells + t->ncolumns, t->ncells / t->ncolumns - 1, t->ncolumns * sizeof *t->cells,
		      compare_rows);
}

/* Characters, not bytes: what continues a UTF-8 character does not count. */
static size_t width(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void print_row(const struct table *t, size_t first, const size_t *widths, FILE *out)
{
	size_t pending = 0; /* blanks are owed until something follows them */
	for (size_t i = 0; i < t->ncolumns; i++) {
		const char *cell = t->cells[first + i];
		bool right       = t->cells[i][0] == '>';
		if (first == 0 && right)
			cell++;
		size_t fill = widths[i] - width(cell);
		if (right)
			pending += fill;
		if (*cell) {
			fprintf(out, "%*s%s", (int)pending, "", cell);
			pending = 0;
		}
		pending += (right ? 0 : fill) + (t->widths ? FIXED_GAP : GAP);
	}
}

int table_print(const struct table *t, FILE *out, bool bold)
{
	size_t widths[TABLE_COLUMNS_MAX] = {0};
	if (t->code)
		return t->code;
	for (size_t i = 0; t->widths && i < t->ncolumns; i++)
		widths[i] = t->widths[i];
	for (size_t i = 0; i < t->ncells; i++) {
		size_t column = i % t->ncolumns;
		size_t w      = width(t->cells[i]) - (i < t->ncolumns && t->cells[i][0] == '>');
		if (w > widths[column])
			widths[column] = w;
	}
	for (size_t first = 0; first + t->ncolumns <= t->ncells; first += t->ncolumns) {
		if (bold && first == 0)
			fputs("\033[1m", out);
		print_row(t, first, widths, out);
		fputs(bold && first == 0 ? "\033[0m\n" : "\n", out);
	}
	return 0;
}
