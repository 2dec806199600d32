#include "config.h"

#include "console/listing.h"
#include "console/words.h"

enum { COLUMNS = 7 };
static const char *const names[COLUMNS] = {">JOB", ">TASKS", ">RUNNING", "STATE", ">EXIT", ">PARENT", "PROGRAM"};

static void write_json(struct json *j, const struct weft__msg *m)
{
	const struct weft__msg_job_row *row = &m->job_row;
	json_open(j, NULL);
	json_number(j, "job", (int64_t)row->job);
	if (row->parent)
		json_number(j, "parent", (int64_t)row->parent);
	else
		json_null(j, "parent");
	json_number(j, "tasks", (int64_t)row->size);
	json_number(j, "running", (int64_t)row->running);
	json_text(j, "state", words_job_state(row->state));
	json_number(j, "exit", row->exit_code);
	json_text(j, "program", row->program.p);
	json_close(j);
}

static void add_row(struct table *t, const struct weft__msg *m)
{
	const struct weft__msg_job_row *row = &m->job_row;
	table_add(t, "%llu", (unsigned long long)row->job);
	table_add(t, "%llu", (unsigned long long)row->size);
	table_add(t, "%llu", (unsigned long long)row->running);
	table_add(t, "%s", words_job_state(row->state));
	table_add(t, "%lld", (long long)row->exit_code);
	if (row->parent)
		table_add(t, "%llu", (unsigned long long)row->parent);
	else
		table_add(t, "-");
	table_add(t, "%s", row->program.p);
}

static int exec_jobs(struct context *c, const struct args *a)
{
	static const struct listing_kind kind = {.kind     = WEFT__LIST_JOBS,
	                                         .row      = WEFT__MSG_JOB_ROW,
	                                         .key      = "jobs",
	                                         .columns  = names,
	                                         .ncolumns = COLUMNS,
	                                         .sorted   = true,
	                                         .add      = add_row,
	                                         .write    = write_json};
	return listing_show(c, a, &kind, 0);
}

static const struct option_def options[] = {
        {.id = 'l', .name = "long", .help = "in pvm: with what weft shows always"},
        OPTION_JSON,
        OPTION_VM,
        OPTION_HELP,
        OPTION_END,
};

const struct command cmd_jobs = {
        .name          = "jobs",
        .summary       = "show the jobs of the virtual machine",
        .options       = options,
        .noperands_max = 0,
        .man           = "Lists the jobs: what one request to spawn tasks started. EXIT is the largest exit code so far, "
                         "128 + the signal's number for a task that a signal ended.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `jobs`, an array of objects with "
                         "`job`, `parent` (the job of the task that spawned it; null: none did), `tasks`, "
                         "`running`, `state` (`starting`, `running`, `ended`), `exit` and `program`.",
        .examples      = "weft jobs\nweft jobs --json\n",
        .exec          = exec_jobs,
};
