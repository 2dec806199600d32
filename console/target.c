#include "config.h"

#include "console/target.h"

#include <stdio.h>
#include <string.h>

#include "base/ids.h"
#include "console/words.h"

struct search {
	uint32_t slot;
	uint64_t found;
};

static void on_row(void *arg, const struct weft__msg *m)
{
	struct search *s = arg;
	if (m->code == WEFT__MSG_TASK_ROW && weft__tid_slot((weft_tid_t){m->task_row.tid}) == s->slot &&
	    m->task_row.state != WEFT__TASK_ENDED)
		s->found = m->task_row.tid;
}

/* Who has this slot now? */
static int find_owner(struct context *c, uint64_t *tid)
{
	struct weft_error e;
	struct search s = {.slot = weft__tid_slot((weft_tid_t){*tid})};
	int rc          = session_list(c->session, WEFT__LIST_TASKS, 0, weft__tid_node((weft_tid_t){*tid}), on_row, &s, &e);
	if (rc && rc != WEFT_ENONODE && rc != WEFT_ENOENT) {
		context_error(c, "%s", e.text);
		return rc;
	}
	if (s.found)
		*tid = s.found;
	return 0;
}

static int parse(const struct context *c, const char *text, uint64_t *tid, uint32_t *job)
{
	weft_tid_t parsed;
	if (c->dialect == DIALECT_PVM && *text != 'j' && weft__tid_parse(text, &parsed) == 0) {
		*tid = parsed.v;
		*job = 0;
		return 0;
	}
	return words_target(text, tid, job);
}

int target_find(struct context *c, const char *text, uint64_t *tid, uint32_t *job)
{
	uint64_t t;
	uint32_t j;
	int rc = parse(c, text, &t, &j);
	if (rc && c->dialect == DIALECT_PVM)
		context_error(c, "neither a task (t20001) nor a job (j3): '%.40s'", text);
	else if (rc)
		context_error(c, "neither a task (t20001) nor a job (3): '%.40s'", text);
	if (!rc && t && !strchr(text, '.'))
		rc = find_owner(c, &t);
	if (rc)
		return rc;
	*tid = t;
	*job = j;
	return 0;
}

const char *target_pvm(uint64_t tid, char text[static TARGET_TEXT])
{
	if (tid)
		snprintf(text, TARGET_TEXT, "%x", (unsigned)weft__tid_slot((weft_tid_t){tid}));
	else
		snprintf(text, TARGET_TEXT, "ffffffdd");
	return text;
}
