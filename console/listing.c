#include "config.h"

#include "console/listing.h"

#include <stdio.h>

#include "console/exitcode.h"

struct listing {
	const struct listing_kind *kind;
	bool as_json;
	const struct listing_form *form; /* NULL: Weft's own */
	size_t nrows;
	struct json json;
	struct table table;
};

static void on_row(void *arg, const struct weft__msg *m)
{
	struct listing *l = arg;
	if (m->code != l->kind->row)
		return;
	l->nrows++;
	if (l->as_json)
		l->kind->write(&l->json, m);
	else if (l->form)
		l->form->add(&l->table, m);
	else
		l->kind->add(&l->table, m);
}

static int show_json(struct context *c, struct listing *l, uint32_t job, uint32_t node,
                     struct weft_error *e)
{
	json_init(&l->json, stdout);
	json_open(&l->json, NULL);
	json_number(&l->json, "schema", 1);
	json_text(&l->json, "vm", session_name(c->session));
	json_open_array(&l->json, l->kind->key);
	int rc = session_list(c->session, l->kind->kind, job, node, on_row, l, e);
	json_close(&l->json);
	json_close(&l->json);
	return rc;
}

static int show_table(struct context *c, struct listing *l, uint32_t job, uint32_t node,
                     struct weft_error *e)
{
	const struct listing_form *form = l->form;
	table_init(&l->table, form ? form->columns : l->kind->columns, form ? form->ncolumns : l->kind->ncolumns);
	l->table.widths = form ? form->widths : NULL;
	int rc = session_list(c->session, l->kind->kind, job, node, on_row, l, e);
	if (!rc && form && form->head)
		form->head(c, l->nrows, &l->table);
	if (l->kind->sorted)
		table_sort(&l->table);
	if (!rc && table_print(&l->table, stdout, context_colour(1) && !form))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	table_fini(&l->table);
	return rc;
}

int listing_show_node(struct context *c, const struct args *a, const struct listing_kind *kind, uint32_t job,
                      uint32_t node)
{
	struct weft_error e;
	struct listing l = {.kind = kind, .as_json = args_has(a, OPT_JSON)};
	l.form           = c->dialect == DIALECT_PVM ? kind->pvm : NULL;
	int rc           = l.as_json ? show_json(c, &l, job, node, &e) : show_table(c, &l, job, node, &e);
	if (rc == WEFT_ENOENT && job)
		context_error(c, "there is no job %u; see: %sjobs", job, c->interactive ? "" : "weft ");
	else if (rc)
		context_error(c, "%s", e.text);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}

int listing_show(struct context *c, const struct args *a, const struct listing_kind *kind, uint32_t job)
{
	return context_attach(c, a) ? EXITCODE_FAILURE : listing_show_node(c, a, kind, job, 0);
}
