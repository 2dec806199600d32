#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/heap.h"
#include "console/exitcode.h"
#include "console/listing.h"
#include "console/target.h"
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
	if (row->state != WEFT__JOB_ENDED && !row->exit_code)
		table_add(t, "-");
	else
		table_add(t, "%lld", (long long)row->exit_code);
	if (row->parent)
		table_add(t, "%llu", (unsigned long long)row->parent);
	else
		table_add(t, "-");
	table_add(t, "%s", row->program.p);
}

static int show_weft(struct context *c, const struct args *a)
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

/* --- as PVM's console shows them: jobs that run, with their tasks --------------------------------- */

struct member {
	uint64_t job, rank, tid;
	char *row; /* as ps shows it */
};

struct members {
	struct member *all;
	size_t n, cap;
	int code;
};

static char *row_of(const struct weft__msg_task_row *t)
{
	char tid[TARGET_TEXT], row[1024];
	snprintf(row, sizeof row, "%24s %8s %9s %s", t->host.p, target_pvm(t->tid, tid), words_pvm_flags(t->flags), t->program.p);
	return weft__strdup(row);
}

static void on_task(void *arg, const struct weft__msg *m)
{
	struct members *x = arg;
	if (m->code != WEFT__MSG_TASK_ROW || m->task_row.flags & WEFT__TASK_ENROLLED) /* it came by itself */
		return;
	if (x->n == x->cap) {
		size_t cap         = x->cap ? 2 * x->cap : 64;
		struct member *all = weft__realloc(x->all, cap * sizeof *all);
		if (!all) {
			x->code = WEFT_ENOMEM;
			return;
		}
		x->all = all;
		x->cap = cap;
	}
	char *row = row_of(&m->task_row);
	x->code   = row ? x->code : WEFT_ENOMEM;
	if (row)
		x->all[x->n++] = (struct member){m->task_row.job, m->task_row.rank, m->task_row.tid, row};
}

static int compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return x->job != y->job ? (x->job > y->job) - (x->job < y->job) : (x->rank > y->rank) - (x->rank < y->rank);
}

/* "1: t20001 t20002", or, in long, the job's number and a row for each. */
static void print(const struct members *x, bool in_long)
{
	char tid[TARGET_TEXT];
	if (in_long)
		printf("%24s %8s %9s %s\n", "HOST", "TID", "FLAG 0x", "COMMAND");
	for (size_t i = 0; i < x->n; i++) {
		bool first = i == 0 || x->all[i].job != x->all[i - 1].job, last = i + 1 == x->n || x->all[i].job != x->all[i + 1].job;
		if (first)
			printf("%2llu:%s", (unsigned long long)x->all[i].job, in_long ? "\n" : "");
		if (in_long)
			puts(x->all[i].row);
		else
			printf(" t%s%s", target_pvm(x->all[i].tid, tid), last ? "\n" : "");
	}
}

static int show_pvm(struct context *c, const struct args *a)
{
	struct weft_error e;
	struct members x = {0};
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	int rc = session_list(c->session, WEFT__LIST_TASKS, 0, 0, on_task, &x, &e);
	if (!rc && x.code)
		rc = weft__err_set(&e, x.code, "out of memory");
	if (rc)
		context_error(c, "%s", e.text);
	if (x.n)
		qsort(x.all, x.n, sizeof *x.all, compare);
	if (!rc)
		print(&x, args_has(a, 'l'));
	for (size_t i = 0; i < x.n; i++)
		weft__free(x.all[i].row);
	weft__free(x.all);
	context_detach(c);
	return rc ? EXITCODE_FAILURE : 0;
}

static int exec_jobs(struct context *c, const struct args *a)
{
	bool pvm = c->dialect == DIALECT_PVM && !args_has(a, OPT_JSON);
	return pvm ? show_pvm(c, a) : show_weft(c, a);
}

static const struct option_def options[] = {
        {.id = 'l', .name = "long", .help = "in pvm: with a row for each task, as ps has it"},
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
                         "128 + the signal's number for a task that a signal ended; - while the job runs and none has failed.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `jobs`, an array of objects with "
                         "`job`, `parent` (the job of the task that spawned it; null: none did), `tasks`, "
                         "`running`, `state` (`starting`, `running`, `ended`), `exit` and `program`.",
        .examples      = "weft jobs\nweft jobs --json\n",
        .exec          = exec_jobs,
};
