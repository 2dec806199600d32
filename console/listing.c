#include "config.h"

#include "console/listing.h"

#include <stdio.h>

#include "console/exitcode.h"

struct listing {
	const struct listing_kind *kind;
	bool as_json;
	struct json json;
	struct table table;
};

static void on_row(void *arg, const struct weft__msg *m)
{
	struct listing *l = arg;
	if (m->code != l->kind->row)
		return;
	if (l->as_json)
		l->kind->write(&l->json, m);
	else
		l->kind->add(&l->table, m);
}

static int show_json(struct context *c, struct listing *l, uint32_t job, struct weft_error *e)
{
	json_init(&l->json, stdout);
	json_open(&l->json, NULL);
	json_number(&l->json, "schema", 1);
	json_text(&l->json, "vm", session_name(c->session));
	json_open_array(&l->json, l->kind->key);
	int rc = session_list(c->session, l->kind->kind, job, 0, on_row, l, e);
	json_close(&l->json);
	json_close(&l->json);
	return rc;
}

static int show_table(struct context *c, struct listing *l, uint32_t job, struct weft_error *e)
{
	table_init(&l->table, l->kind->columns, l->kind->ncolumns);
	int rc = session_list(c->session, l->kind->kind, job, 0, on_row, l, e);
	if (l->kind->sorted)
		table_sort(&l->table);
	if (!rc && table_print(&l->table, stdout, context_colour(1)))
		rc = weft__err_set(e, WEFT_ENOMEM, "out of memory");
	table_fini(&l->table);
	return rc;
}

int listing_show(struct context *c, const struct args *a, const struct listing_kind *kind, uint32_t job)
{
	struct weft_error e;
	struct listing l = {.kind = kind, .as_json = args_has(a, OPT_JSON)};
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int rc = l.as_json ? show_json(c, &l, job, &e) : show_table(c, &l, job, &e);
	if (rc == WEFT_ENOENT && job)
		context_error(c, "there is no job %u; see: weft jobs", job);
	else if (rc)
		context_error(c, "%s", e.text);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}
