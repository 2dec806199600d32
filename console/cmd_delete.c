#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/nodes.h"
#include "console/words.h"

enum { DELETE_MS = 15000 };

/* As PVM's console does. */
static void show_results(const struct args *a, const int *results)
{
	int ndeleted = 0;
	for (int i = 0; i < a->noperands; i++)
		ndeleted += results[i] == 0;
	printf("%d successful\n%24s  %s\n", ndeleted, "HOST", "STATUS");
	for (int i = 0; i < a->noperands; i++)
		printf("%24s  %s\n", a->operands[i], results[i] ? words_pvm_error(results[i]) : "deleted");
}

static int exec_delete(struct context *c, const struct args *a)
{
	bool pvm     = c->dialect == DIALECT_PVM;
	int *results = weft__calloc((size_t)a->noperands, sizeof *results), status = 0;
	if (!results)
		context_error(c, "out of memory");
	if (!results || context_attach(c, a)) {
		weft__free(results);
		return EXITCODE_FAILURE;
	}
	for (int i = 0; i < a->noperands; i++) {
		struct weft_error e;
		struct weft__msg m = {.code = WEFT__MSG_NODE_DEL};
		int rc             = nodes_find(c->session, a->operands[i], &m.node_del.node, &e);
		if (!rc)
			rc = session_request(c->session, &m, DELETE_MS, &e);
		results[i] = rc;
		if (rc) {
			context_error(c, "%s: %s", a->operands[i], e.text);
			status = EXITCODE_FAILURE;
		}
	}
	if (pvm)
		show_results(a, results);
	weft__free(results);
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
