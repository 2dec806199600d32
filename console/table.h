/* table.h - rows in aligned columns. */
#ifndef WEFT_CONSOLE_TABLE_H
#define WEFT_CONSOLE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS_MAX = 12 };

struct table {
	size_t ncolumns, ncells, cap;
	const unsigned char *widths; /* at least so wide is each column, with one blank between two; NULL: as wide as its
	                              * cells, with two */
	char **cells; /* row after row; the first row is the heading */
	int code;     /* 0 or WEFT_ENOMEM: cells were lost */
};

/* The heading; a column whose name starts with '>' is flush right. */
void table_init(struct table *t, const char *const *names, size_t ncolumns);
void table_fini(struct table *t);

/* The next cell of the current row; control characters are shown as '?'. */
void table_add(struct table *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts the rows in the order of the numbers in their first column. */
void table_sort(struct table *t);

/* Prints all, the heading in bold when bold is set. 0 or WEFT_ENOMEM. */
int table_print(const struct table *t, FILE *out, bool bold);

#endif
