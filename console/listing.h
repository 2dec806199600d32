/* listing.h - a query that shows rows: as a table or as JSON. */
#ifndef WEFT_CONSOLE_LISTING_H
#define WEFT_CONSOLE_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/context.h"
#include "console/json.h"
#include "console/table.h"

/* How PVM's console shows the same rows. */
struct listing_form {
	const char *const *columns;
	const unsigned char *widths;
	size_t ncolumns;
	void (*add)(struct table *t, const struct weft__msg *m);
	void (*head)(const struct context *c, size_t nrows, struct table *t); /* before the table is printed, or NULL */
};

struct listing_kind {
	unsigned kind;          /* WEFT__LIST_* */
	enum weft__msg_code row; /* of a row */
	const char *key;        /* what JSON calls the rows */
	const char *const *columns;
	size_t ncolumns;
	bool sorted; /* rows come in any order: show them in that of their first column */
	void (*add)(struct table *t, const struct weft__msg *m);
	void (*write)(struct json *j, const struct weft__msg *m);
	const struct listing_form *pvm; /* NULL: in PVM's dialect it looks the same */
};

/* Asks for the rows and shows them; complains itself. job 0: of all jobs. Returns the exit status. */
int listing_show(struct context *c, const struct args *a, const struct listing_kind *kind, uint32_t job);

/* The same, tasks of one node only: what --vm says has been attached to already, and is detached here. node 0: of all. */
int listing_show_node(struct context *c, const struct args *a, const struct listing_kind *kind, uint32_t job,
                      uint32_t node);

#endif
