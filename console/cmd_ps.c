#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "console/exitcode.h"
#include "console/listing.h"
#include "console/nodes.h"
#include "console/target.h"
#include "console/words.h"

enum { COLUMNS = 9 };
static const char *const names[COLUMNS] = {"TID", ">JOB", ">RANK", "HOST", ">PID",
                                           "STATE", "PARENT", "PROGRAM", "NAME"};

static void write_json(struct json *j, const struct weft__msg *m)
{
	const struct weft__msg_task_row *t = &m->task_row;
	char tid[WEFT__TID_TEXT], parent[WEFT__TID_TEXT];
	json_open(j, NULL);
	json_text(j, "tid", words_tid(t->tid, tid));
	json_text(j, "parent", t->parent ? words_tid(t->parent, parent) : NULL);
	json_number(j, "job", (int64_t)t->job);
	json_number(j, "rank", (int64_t)t->rank);
	json_number(j, "node", (int64_t)t->node);
	json_text(j, "host", t->host.p);
	json_number(j, "pid", (int64_t)t->pid);
	json_text(j, "state", words_task_state(t->state));
	json_bool(j, "enrolled", t->flags & WEFT__TASK_ENROLLED);
	json_text(j, "program", t->program.p);
	json_text(j, "name", t->name.n ? t->name.p : NULL);
	json_close(j);
}

static void add_row(struct table *table, const struct weft__msg *m)
{
	const struct weft__msg_task_row *t = &m->task_row;
	char tid[WEFT__TID_TEXT], parent[WEFT__TID_TEXT];
	table_add(table, "%s", words_tid(t->tid, tid));
	table_add(table, "%llu", (unsigned long long)t->job);
	table_add(table, "%llu", (unsigned long long)t->rank);
	table_add(table, "%s", t->host.p);
	table_add(table, "%llu", (unsigned long long)t->pid);
	table_add(table, "%s", words_task_state(t->state));
	table_add(table, "%s", words_tid(t->parent, parent));
	table_add(table, "%s", t->program.p);
	table_add(table, "%s", t->name.p);
}

/* --- as PVM's console shows them ------------------------------------------------------------------ */

enum { PVM_COLUMNS = 4, PVM_LONG_COLUMNS = 6, FLAG_ROOM = 16 };
static const char *const pvm_names[PVM_COLUMNS]              = {">HOST", ">TID", ">FLAG 0x", "COMMAND"};
static const unsigned char pvm_widths[PVM_COLUMNS]          = {24, 8, 9, 12};
static const char *const pvm_long_names[PVM_LONG_COLUMNS]    = {">HOST", ">TID", ">PTID", ">PID", ">FLAG 0x", "COMMAND"};
static const unsigned char pvm_long_widths[PVM_LONG_COLUMNS] = {24, 8, 8, 6, 9, 12};

static void add_pvm_row(struct table *table, const struct weft__msg *m)
{
	const struct weft__msg_task_row *t = &m->task_row;
	char tid[TARGET_TEXT];
	table_add(table, "%s", t->host.p);
	table_add(table, "%s", target_pvm(t->tid, tid));
	table_add(table, "%s", words_pvm_flags(t->flags));
	table_add(table, "%s", t->program.p);
}

static void add_pvm_long_row(struct table *table, const struct weft__msg *m)
{
	const struct weft__msg_task_row *t = &m->task_row;
	char tid[TARGET_TEXT];
	table_add(table, "%s", t->host.p);
	table_add(table, "%s", target_pvm(t->tid, tid));
	table_add(table, "%s", t->flags & WEFT__TASK_ENROLLED ? "0" : target_pvm(t->parent, tid));
	table_add(table, "%llu", (unsigned long long)t->pid);
	table_add(table, "%s", words_pvm_flags(t->flags));
	table_add(table, "%s", t->program.p);
}

/* With -x the console shows itself, too. */
static void add_console(const struct context *c, size_t nrows, struct table *t)
{
	const char *row[PVM_COLUMNS] = {session_host(c->session), "(cons)", "4/c", "-"};
	for (size_t i = 0; i < PVM_COLUMNS; i++)
		table_add(t, "%s", row[i]);
}

static void add_console_long(const struct context *c, size_t nrows, struct table *t)
{
	char pid[16];
	snprintf(pid, sizeof pid, "%ld", (long)getpid());
	const char *row[PVM_LONG_COLUMNS] = {session_host(c->session), "(cons)", "0", pid, "4/c", "-"};
	for (size_t i = 0; i < PVM_LONG_COLUMNS; i++)
		table_add(t, "%s", row[i]);
}

/* --- the command --------------------------------------------------------------------------------- */

/* Whose tasks are to be shown; 0: all. PVM shows those of its own host unless it is told otherwise. */
static int choose_node(struct context *c, const struct args *a, uint64_t *node)
{
	struct weft_error e;
	const char *name = args_text(a, 'n'), *dtid = args_text(a, OPT_HOST_TID);
	int rc           = 0;
	*node            = 0;
	if (dtid)
		rc = nodes_parse_dtid(dtid, node)
		             ? weft__err_set(&e, WEFT_EINVAL, "not the tid of a host: '%.40s'; see: weft conf", dtid)
		             : 0;
	else if (name)
		rc = nodes_find(c->session, name, node, &e);
	else if (c->dialect == DIALECT_PVM && !args_has(a, 'a') && !args_has(a, OPT_JSON))
		*node = (uint64_t)session_node(c->session);
	if (rc)
		context_error(c, "%s%s%s", name && !dtid ? name : "", name && !dtid ? ": " : "", e.text);
	return rc;
}

static int show(struct context *c, const struct args *a, uint32_t job)
{
	bool in_long = args_has(a, 'l'), with_console = args_has(a, 'x') && c->interactive;
	struct listing_form form = {.columns  = in_long ? pvm_long_names : pvm_names,
	                            .widths   = in_long ? pvm_long_widths : pvm_widths,
	                            .ncolumns = in_long ? PVM_LONG_COLUMNS : PVM_COLUMNS,
	                            .add      = in_long ? add_pvm_long_row : add_pvm_row};
	if (with_console)
		form.head = in_long ? add_console_long : add_console;
	struct listing_kind kind = {.kind     = WEFT__LIST_TASKS,
	                            .row      = WEFT__MSG_TASK_ROW,
	                            .key      = "tasks",
	                            .columns  = names,
	                            .ncolumns = COLUMNS,
	                            .add      = add_row,
	                            .write    = write_json,
	                            .pvm      = &form};
	uint64_t node;
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	if (choose_node(c, a, &node) == 0)
		return listing_show_node(c, a, &kind, job, (uint32_t)node);
	context_detach(c);
	return EXITCODE_FAILURE;
}

static int exec_ps(struct context *c, const struct args *a)
{
	uint32_t job = 0;
	if (a->noperands > 0 && words_job(a->operands[0], &job)) {
		context_error(c, "not a job: '%s'; see: weft jobs", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	return show(c, a, job);
}

static const struct option_def options[] = {
        {.id   = 'n',
         .name = "node",
         .kind = ARG_HOST,
         .arg  = "HOST",
         .help = "only the tasks of this node"},
        {.id   = OPT_HOST_TID,
         .name = "host-tid",
         .pvm  = 'h',
         .kind = ARG_TEXT,
         .arg  = "DTID",
         .help = "only the tasks of the node that PVM calls so, see conf"},
        {.id = 'a', .name = "all", .help = "the tasks of all nodes, as is usual in weft, and not in pvm"},
        {.id   = 'l',
         .name = "long",
         .help = "in pvm: with parents and processes, which weft shows always"},
        {.id = 'x', .name = "console", .help = "in pvm: with the console itself"},
        OPTION_JSON,
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_ps = {
        .name          = "ps",
        .summary       = "show the tasks of the virtual machine",
        .operands      = "[JOB]",
        .operand       = ARG_JOB,
        .noperands_max = 1,
        .options       = options,
        .man           = "Lists all tasks, or those of one job: id, job, rank, host, process, state, the task that "
                         "spawned it, program, and the name that it gave itself.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `tasks`, an array of objects with "
                         "`tid`, `parent` (null: none), `job`, `rank`, `node`, `host`, `pid`, `state` (`starting`, "
                         "`running`, `ended`), `enrolled` (true: it was started outside), `program` and `name` "
                         "(null: none).",
        .examples      = "weft ps\n# the tasks of job 3\nweft ps 3\n",
        .exec          = exec_ps,
};
