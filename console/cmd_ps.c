#include "config.h"

#include "console/exitcode.h"
#include "console/listing.h"
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
	json_bool(j, "enrolled", t->flags & 1);
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

static int exec_ps(struct context *c, const struct args *a)
{
	static const struct listing_kind kind = {.kind     = WEFT__LIST_TASKS,
	                                         .row      = WEFT__MSG_TASK_ROW,
	                                         .key      = "tasks",
	                                         .columns  = names,
	                                         .ncolumns = COLUMNS,
	                                         .add      = add_row,
	                                         .write    = write_json};
	uint32_t job                          = 0;
	if (a->noperands > 0 && words_job(a->operands[0], &job)) {
		context_error(c, "not a job: '%s'; see: weft jobs", a->operands[0]);
		return EXITCODE_FAILURE;
	}
	return listing_show(c, a, &kind, job);
}

static const struct option_def options[] = {OPTION_JSON, OPTION_VM, OPTION_HELP, OPTION_END};

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
