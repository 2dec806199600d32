/* Questions about groups, and what time it is elsewhere. */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "task/quick.h"

enum { NAME_MAX_BYTES = 255, INSTANCES_MAX = 1 << 20 };

static int check_name(const char *name)
{
	if (!name || !*name)
		return WEFT_EINVAL;
	return strnlen(name, NAME_MAX_BYTES + 1) > NAME_MAX_BYTES ? WEFT_ETOOBIG : 0;
}

int weft__group(struct weft__engine *e, int op, const char *group, uint64_t arg, uint64_t *value,
                int timeout_ms)
{
	int rc = check_name(group);
	if (rc)
		return rc;
	if (op == WEFT__GROUP_LEAVE)
		weft__page_forget(e, group);
	struct weft__msg m = {.code = WEFT__MSG_GROUP,
	                      .group = {.op = (uint64_t)op, .name = weft__str(group), .arg = arg}};
	return weft__ask_result(e, &m, value, timeout_ms);
}

struct members {
	weft_tid_t *tids;
	size_t n;
};

static bool answer_members(struct weft__ask *ask, const struct weft__msg *m)
{
	struct members *members = ask->arg;
	const struct weft__msg_group_tids *part = &m->group_tids;
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_GROUP_TIDS)
		return false;
	size_t n = members->n + part->tids.n;
	ask->code = (int)part->code;
	if (part->tids.n == 0 || n > INSTANCES_MAX)
		return true;
	weft_tid_t *more = weft__realloc(members->tids, n * sizeof *more);
	if (!more) {
		ask->code = WEFT_ENOMEM;
		return true;
	}
	members->tids = more;
	for (size_t i = 0; i < part->tids.n; i++)
		more[members->n + i].v = part->tids.p[i];
	members->n = n;
	return !part->more;
}

int weft__group_members(struct weft__engine *e, const char *group, weft_tid_t **tids, size_t *n)
{
	int rc = check_name(group);
	if (rc)
		return rc;
	struct members members = {0};
	struct weft__msg m = {.code = WEFT__MSG_GROUP,
	                      .group = {.op = WEFT__GROUP_MEMBERS, .name = weft__str(group)}};
	struct weft__ask ask = {.answer = answer_members, .arg = &members};
	weft__lock(e);
	rc = weft__ask(e, &ask, &m, -1);
	weft__unlock(e);
	if (rc) {
		weft__free(members.tids);
		return rc;
	}
	*tids = members.tids;
	*n = members.n;
	return 0;
}

/* --- all groups ------------------------------------------------------------------------------- */

struct rows {
	struct weft__group_row *rows;
	size_t n, room;
};

void weft__group_rows_free(struct weft__group_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		weft__free(rows[i].waiting);
	weft__free(rows);
}

static void drop_rows(struct rows *rows)
{
	weft__group_rows_free(rows->rows, rows->n);
	*rows = (struct rows){0};
}

static bool take_row(struct rows *rows, const struct weft__msg_group_row *m)
{
	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 16;
		struct weft__group_row *more = weft__realloc(rows->rows, room * sizeof *more);
		if (!more)
			return false;
		rows->rows = more;
		rows->room = room;
	}
	struct weft__group_row *row = &rows->rows[rows->n];
	*row = (struct weft__group_row){
	        .size = (uint32_t)m->size, .barrier = (uint32_t)m->barrier, .nwaiting = m->waiting.n};
	memcpy(row->name, m->name.p, m->name.n < sizeof row->name ? m->name.n : sizeof row->name - 1);
	row->waiting = weft__calloc(m->waiting.n + 1, sizeof *row->waiting);
	if (!row->waiting)
		return false;
	for (size_t i = 0; i < m->waiting.n; i++)
		row->waiting[i].v = m->waiting.p[i];
	rows->n++;
	return true;
}

static bool answer_rows(struct weft__ask *ask, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code == WEFT__MSG_GROUP_ROW && !take_row(ask->arg, &m->group_row)) {
		ask->code = WEFT_ENOMEM;
		return true;
	}
	if (m->code == WEFT__MSG_LIST_END)
		ask->code = (int)m->list_end.code;
	return m->code == WEFT__MSG_LIST_END;
}

int weft__group_list(struct weft__engine *e, struct weft__group_row **rows, size_t *n)
{
	struct rows all = {0};
	struct weft__msg m = {.code = WEFT__MSG_GROUP_LIST};
	struct weft__ask ask = {.answer = answer_rows, .arg = &all};
	weft__lock(e);
	int rc = weft__ask(e, &ask, &m, -1);
	weft__unlock(e);
	if (rc) {
		drop_rows(&all);
		return rc;
	}
	*rows = all.rows;
	*n = all.n;
	return 0;
}

int weft__clock_of(struct weft__engine *e, uint32_t node, uint64_t *time_us, int timeout_ms)
{
	if (node < 1 || node > WEFT__NODE_MAX)
		return WEFT_ENONODE;
	struct weft__msg m = {.code = WEFT__MSG_CLOCK, .clock = {.node = node}};
	return weft__ask_result(e, &m, time_us, timeout_ms);
}
