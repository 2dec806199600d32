#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/context.h"
#include "console/exitcode.h"
#include "console/suggest.h"

enum { DELETE_MS = 15000, NAMES_MAX = 256 };

/* A node that is looked for by name, or by index as "#2" or "2". */
struct search {
	const char *wanted;
	uint64_t found;
	char names[NAMES_MAX][64]; /* of all, to suggest one */
	size_t nnames;
};

static void on_row(void *arg, const struct weft__msg *m)
{
	struct search *s = arg;
	char index[32];
	if (m->code != WEFT__MSG_NODE_ROW)
		return;
	snprintf(index, sizeof index, "%llu", (unsigned long long)m->node_row.node);
	const char *wanted = *s->wanted == '#' ? s->wanted + 1 : s->wanted;
	if (!strcmp(wanted, index) || (wanted == s->wanted && !strcmp(wanted, m->node_row.host.p)))
		s->found = m->node_row.node;
	if (s->nnames < NAMES_MAX)
		snprintf(s->names[s->nnames++], sizeof s->names[0], "%.63s", m->node_row.host.p);
}

static int find_node(struct context *c, const char *wanted, uint64_t *node, struct weft_error *e)
{
	static struct search s;
	const char *names[NAMES_MAX + 1];
	s      = (struct search){.wanted = wanted};
	int rc = session_list(c->session, WEFT__LIST_NODES, 0, 0, on_row, &s, e);
	if (rc)
		return rc;
	*node = s.found;
	if (s.found)
		return 0;
	for (size_t i = 0; i < s.nnames; i++)
		names[i] = s.names[i];
	names[s.nnames]     = NULL;
	const char *nearest = suggest_nearest(wanted, names);
	if (nearest)
		return weft__err_set(e, WEFT_ENONODE, "no such node; did you mean %s?", nearest);
	return weft__err_set(e, WEFT_ENONODE, "no such node; see: weft conf");
}

static int exec_delete(struct context *c, const struct args *a)
{
	int status = 0;
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	for (int i = 0; i < a->noperands && session_is_open(c->session); i++) {
		struct weft_error e;
		struct weft__msg m = {.code = WEFT__MSG_NODE_DEL};
		int rc             = find_node(c, a->operands[i], &m.node_del.node, &e);
		if (!rc)
			rc = session_request(c->session, &m, DELETE_MS, &e);
		if (rc) {
			context_error(c, "%s: %s", a->operands[i], e.text);
			status = EXITCODE_FAILURE;
		}
	}
	context_detach(c);
	return status;
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_delete = {
        .name          = "delete",
        .summary       = "remove nodes from the virtual machine",
        .operands      = "HOST|#INDEX ...",
        .operand       = ARG_HOST,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = options,
        .man           = "The nodes' tasks are killed, their daemons end. The home node, on which the virtual machine was "
                         "started, stays.",
        .examples      = "weft delete node3\nweft delete '#2'\n",
        .exec          = exec_delete,
};
