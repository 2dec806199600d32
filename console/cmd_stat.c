/* cmd_stat.c - mstat and pstat: is a host up, does a task run? */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "console/context.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/nodes.h"
#include "console/target.h"
#include "console/words.h"

enum { NOT_ALL = 1 }; /* exit status: one of them is not there */

struct state {
	uint64_t id;   /* of the node, or the task */
	uint64_t state;
	bool found;
};

static void on_node(void *arg, const struct weft__msg *m)
{
	struct state *s = arg;
	if (m->code == WEFT__MSG_NODE_ROW && m->node_row.node == s->id) {
		s->state = m->node_row.state;
		s->found = true;
	}
}

static void on_task(void *arg, const struct weft__msg *m)
{
	struct state *s = arg;
	if (m->code == WEFT__MSG_TASK_ROW && m->task_row.tid == s->id) {
		s->state = m->task_row.state;
		s->found = m->task_row.state != WEFT__TASK_ENDED;
	}
}

/* 0: s says what there is, also when there is nothing; complains itself about other errors. */
static int look(struct context *c, unsigned kind, const char *name, struct state *s)
{
	struct weft_error e;
	uint32_t job;
	*s     = (struct state){0};
	int rc = kind == WEFT__LIST_NODES ? nodes_find(c->session, name, &s->id, &e) : target_find(c, name, &s->id, &job);
	if (rc == WEFT_ENONODE && kind == WEFT__LIST_NODES)
		return 0;
	if (rc && kind == WEFT__LIST_TASKS)
		return rc;
	if (!rc && kind == WEFT__LIST_TASKS && !s->id) {
		context_error(c, "not a task: '%.40s'; of jobs see: jobs", name);
		return WEFT_EINVAL;
	}
	if (!rc)
		rc = session_list(c->session, kind, 0, 0, kind == WEFT__LIST_NODES ? on_node : on_task, s, &e);
	if (rc)
		context_error(c, "%s: %s", name, e.text);
	return rc;
}

static const char *say(const struct context *c, unsigned kind, const struct state *s)
{
	bool pvm = c->dialect == DIALECT_PVM;
	if (kind == WEFT__LIST_NODES)
		return !s->found ? pvm ? "No such host" : "no such node" : pvm ? "ok" : words_node_state(s->state);
	return !s->found ? pvm ? "No such task" : "no such task" : pvm ? "run" : words_task_state(s->state);
}

static void show(const struct context *c, struct json *j, unsigned kind, const char *name, const struct state *s)
{
	char text[TARGET_TEXT], tid[WEFT__TID_TEXT];
	bool node = kind == WEFT__LIST_NODES, pvm = c->dialect == DIALECT_PVM;
	if (j) {
		json_open(j, NULL);
		json_text(j, node ? "host" : "tid", node ? name : words_tid(s->id, tid));
		json_text(j, "state", !s->found ? NULL : node ? words_node_state(s->state) : words_task_state(s->state));
		json_close(j);
	} else if (pvm && !node) {
		printf("t%8s  %s\n", target_pvm(s->id, text), say(c, kind, s));
	} else if (pvm) {
		printf("%24s  %s\n", name, say(c, kind, s));
	} else {
		printf("%s  %s\n", node ? name : words_tid(s->id, tid), say(c, kind, s));
	}
}

static int show_all(struct context *c, const struct args *a, unsigned kind)
{
	struct json json, *j = args_has(a, OPT_JSON) ? &json : NULL;
	int status = 0;
	if (context_attach(c, a))
		return EXITCODE_FAILURE;
	if (j) {
		json_init(j, stdout);
		json_open(j, NULL);
		json_number(j, "schema", 1);
		json_text(j, "vm", session_name(c->session));
		json_open_array(j, kind == WEFT__LIST_NODES ? "nodes" : "tasks");
	}
	for (int i = 0; i < a->noperands; i++) {
		struct state s;
		if (look(c, kind, a->operands[i], &s)) {
			status = EXITCODE_FAILURE;
			continue;
		}
		show(c, j, kind, a->operands[i], &s);
		if (!s.found && status == 0)
			status = NOT_ALL;
	}
	if (j) {
		json_close(j);
		json_close(j);
	}
	context_detach(c);
	return status;
}

static int exec_mstat(struct context *c, const struct args *a)
{
	return show_all(c, a, WEFT__LIST_NODES);
}

static int exec_pstat(struct context *c, const struct args *a)
{
	return show_all(c, a, WEFT__LIST_TASKS);
}

static const struct option_def options[] = {OPTION_JSON, OPTION_VM, OPTION_HELP, OPTION_END};

static const struct exit_def exits[] = {
        {"1", "one of them is not there"},
        {NULL, NULL},
};

const struct command cmd_mstat = {
        .name          = "mstat",
        .summary       = "say whether hosts are up",
        .operands      = "HOST ...",
        .operand       = ARG_HOST,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = options,
        .exits         = exits,
        .man           = "One line for each host, with the state of its node as in `weft conf`.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `nodes`, an array of objects with "
                         "`host` and `state` (null: there is no such node).",
        .examples      = "weft mstat node2 node3\n",
        .exec          = exec_mstat,
};

const struct command cmd_pstat = {
        .name          = "pstat",
        .summary       = "say whether tasks run",
        .operands      = "TASK ...",
        .operand       = ARG_TASK,
        .noperands_min = 1,
        .noperands_max = -1,
        .options       = options,
        .exits         = exits,
        .man           = "One line for each task, with its state as in `weft ps`.\n\n"
                         "With `--json`: an object with `schema` (1), `vm` and `tasks`, an array of objects with "
                         "`tid` and `state` (null: there is no such task).",
        .examples      = "weft pstat t20001 t20002\n",
        .exec          = exec_pstat,
};
