#include "config.h"

#include "console/live.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "console/words.h"

enum { KINDS = 3, IDS_MAX = 1000, ID_TEXT = 64 };

/* The ids of one kind: those of the last answer, and those of the one that is coming in. */
struct ids {
	unsigned kind;
	int64_t req; /* 0: nothing is asked */
	size_t n, ncoming;
	char texts[IDS_MAX][ID_TEXT], coming[IDS_MAX][ID_TEXT];
	const char *list[IDS_MAX + 1];
};

struct live {
	struct ids ids[KINDS]; /* nodes, tasks, jobs */
};

static void take_row(struct ids *ids, const struct weft__msg *m)
{
	char tid[WEFT__TID_TEXT];
	if (ids->ncoming == IDS_MAX)
		return;
	char *text = ids->coming[ids->ncoming++];
	if (m->code == WEFT__MSG_NODE_ROW)
		snprintf(text, ID_TEXT, "%.63s", m->node_row.host.p);
	else if (m->code == WEFT__MSG_TASK_ROW)
		snprintf(text, ID_TEXT, "%s", words_tid(m->task_row.tid, tid));
	else if (m->code == WEFT__MSG_JOB_ROW)
		snprintf(text, ID_TEXT, "%llu", (unsigned long long)m->job_row.job);
	else
		ids->ncoming--;
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct ids *ids = arg;
	if (m->code != WEFT__MSG_LIST_END && m->code != WEFT__MSG_RESULT) {
		take_row(ids, m);
		return false;
	}
	ids->req = 0;
	ids->n   = ids->ncoming;
	memcpy(ids->texts, ids->coming, ids->n * sizeof *ids->texts);
	for (size_t i = 0; i < ids->n; i++)
		ids->list[i] = ids->texts[i];
	ids->list[ids->n] = NULL;
	return true;
}

struct live *live_create(void)
{
	static const unsigned kinds[KINDS] = {WEFT__LIST_NODES, WEFT__LIST_TASKS, WEFT__LIST_JOBS};
	struct live *l                     = weft__calloc(1, sizeof *l);
	for (size_t i = 0; l && i < KINDS; i++)
		l->ids[i].kind = kinds[i];
	return l;
}

void live_destroy(struct live **l, struct session *s)
{
	for (size_t i = 0; *l && s && i < KINDS; i++)
		if ((*l)->ids[i].req > 0)
			session_forget(s, (*l)->ids[i].req);
	weft__free(*l);
	*l = NULL;
}

void live_refresh(struct live *l, struct session *s)
{
	for (size_t i = 0; i < KINDS; i++) {
		struct weft__msg m = {.code = WEFT__MSG_LIST, .list = {.kind = l->ids[i].kind}};
		if (l->ids[i].req > 0)
			continue;
		l->ids[i].ncoming = 0;
		l->ids[i].req     = session_ask(s, &m, on_answer, &l->ids[i]);
	}
}

void live_get(const struct live *l, struct line_live *live)
{
	live->hosts = l->ids[0].list;
	live->tasks = l->ids[1].list;
	live->jobs  = l->ids[2].list;
}
