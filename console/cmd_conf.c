#include "config.h"

#include <stdio.h>

#include "console/listing.h"
#include "console/nodes.h"
#include "console/words.h"

enum { COLUMNS = 7 };
static const char *const names[COLUMNS] = {">NODE", "HOST", "STATE", ">CORES", ">TASKS", ">PID", "ADDRESS"};

static void write_json(struct json *j, const struct weft__msg *m)
{
	const struct weft__msg_node_row *n = &m->node_row;
	json_open(j, NULL);
	json_number(j, "node", (int64_t)n->node);
	json_text(j, "host", n->host.p);
	json_text(j, "state", words_node_state(n->state));
	json_number(j, "cores", (int64_t)n->ncores);
	json_number(j, "tasks", (int64_t)n->ntasks);
	json_number(j, "pid", (int64_t)n->pid);
	json_text(j, "address", n->address.p);
	json_text(j, "release", n->release.p);
	json_number(j, "incarnation", (int64_t)n->incarnation);
	json_bool(j, "drained", n->drained);
	json_number(j, "slots", (int64_t)(n->slots ? n->slots : n->ncores));
	json_number(j, "speed", (int64_t)n->speed);
	json_close(j);
}

static void add_row(struct table *t, const struct weft__msg *m)
{
	const struct weft__msg_node_row *n = &m->node_row;
	table_add(t, "%llu", (unsigned long long)n->node);
	table_add(t, "%s", n->host.p);
	table_add(t, "%s%s", words_node_state(n->state), n->drained ? ", drained" : "");
	table_add(t, "%llu", (unsigned long long)n->ncores);
	table_add(t, "%llu", (unsigned long long)n->ntasks);
	table_add(t, "%llu", (unsigned long long)n->pid);
	table_add(t, "%s", n->address.p);
}

/* --- as PVM's console shows them ------------------------------------------------------------------ */

enum { PVM_COLUMNS = 5, PVM_SPEED = 1000 };
static const char *const pvm_names[PVM_COLUMNS]     = {">HOST", ">DTID", ">ARCH", ">SPEED", ">DSIG"};
static const unsigned char pvm_widths[PVM_COLUMNS] = {24, 8, 8, 7, 10};

static void add_pvm_row(struct table *t, const struct weft__msg *m)
{
	const struct weft__msg_node_row *n = &m->node_row;
	table_add(t, "%s", n->host.p);
	table_add(t, "%llx", (unsigned long long)nodes_dtid(n->node));
	table_add(t, "%s", nodes_arch());
	table_add(t, "%llu", (unsigned long long)(n->speed ? n->speed : PVM_SPEED));
	table_add(t, "0x00408c41"); /* of all machines whose integers and reals look like these */
}

static void print_pvm_head(const struct context *c, size_t nrows, struct table *t)
{
	printf("%zu host%s, 1 data format\n", nrows, nrows == 1 ? "" : "s");
}

static int exec_conf(struct context *c, const struct args *a)
{
	static const struct listing_form pvm_form = {.columns  = pvm_names,
	                                             .widths   = pvm_widths,
	                                             .ncolumns = PVM_COLUMNS,
	                                             .add      = add_pvm_row,
	                                             .head     = print_pvm_head};
	static const struct listing_kind kind = {.kind     = WEFT__LIST_NODES,
	                                         .row      = WEFT__MSG_NODE_ROW,
	                                         .key      = "nodes",
	                                         .columns  = names,
	                                         .ncolumns = COLUMNS,
	                                         .add      = add_row,
	                                         .write    = write_json,
	                                         .pvm      = &pvm_form};
	return listing_show(c, a, &kind, 0);
}

static const struct option_def options[] = {OPTION_JSON, OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_conf = {
        .name          = "conf",
        .summary       = "show the nodes of the virtual machine",
        .options       = options,
        .noperands_max = 0,
        .man           = "Lists the nodes with their index, host, state (`starting`, `up`, `suspect`: it has been "
                         "silent for a while, `leaving`; `drained`: it gets no new tasks), cores, running tasks, the "
                         "process of their daemon and the address on which it listens.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `nodes`, an array of objects with "
                         "`node`, `host`, `state`, `cores`, `tasks`, `pid`, `address`, `release`, "
                         "`incarnation`, `drained`, `slots` (tasks that fit) and `speed` (0: not said).",
        .examples      = "weft conf\nweft conf --json | jq '.nodes[].host'\n",
        .exec          = exec_conf,
};
