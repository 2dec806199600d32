/* listing.h - a query that shows rows: as a table or as JSON. */
#ifndef WEFT_CONSOLE_LISTING_H
#define WEFT_CONSOLE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/context.h"
#include "console/json.h"
#include "console/table.h"

struct listing_kind {
	unsigned kind;          /* WEFT__LIST_* */
	enum weft__msg_code row; /* of a row */
	const char *key;        /* what JSON calls the rows */
	const char *const *columns;
	size_t ncolumns;
	bool sorted; /* rows come in any order: show them in that of their first column */
	void (*add)(struct table *t, const struct weft__msg *m);
	void (*write)(struct json *j, const struct weft__msg *m);
};

/* Asks for the rows and shows them; complains itself. job 0: of all jobs. Returns the exit status. */
int listing_show(struct context *c, const struct args *a, const struct listing_kind *kind, uint32_t job);

#endif
