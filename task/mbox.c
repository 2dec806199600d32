/* Questions about mailboxes. */
#include "config.h"

#include <string.h>
#include <time.h>

#include "base/heap.h"
#include "task/quick.h"

enum { NAME_MAX_BYTES = 255, PART_BYTES = 131072, TRY_MS = 100, TRIES_MAX = 600 };

static int check(const char *name, uint32_t index)
{
	if (!name || !*name || index > INT32_MAX)
		return WEFT_EINVAL;
	return strnlen(name, NAME_MAX_BYTES + 1) > NAME_MAX_BYTES ? WEFT_ETOOBIG : 0;
}

/* All parts of a long one belong to one question. */
static int add_parts(struct weft__engine *e, struct weft__ask *ask, struct weft__msg *m, const char *bytes, size_t nbytes)
{
	size_t at = 0;
	int rc;
	m->mbox_put.size = nbytes > PART_BYTES ? nbytes : 0;
	do {
		size_t n = nbytes - at < PART_BYTES ? nbytes - at : PART_BYTES;
		m->mbox_put.offset = at;
		m->mbox_put.value = (struct weft__bin){bytes + at, n};
		rc = weft__ask_add(e, ask, m);
		at += n;
	} while (rc == 0 && at < nbytes);
	return rc;
}

int weft__mbox_put(struct weft__engine *e, const char *name, uint32_t flags, bool alone,
                   const void *bytes, size_t nbytes, uint32_t *index)
{
	int rc = check(name, 0);
	if (rc)
		return rc;
	if (nbytes > WEFT__LETTER_MAX)
		return WEFT_ETOOBIG;
	struct weft__msg m = {
	        .code = WEFT__MSG_MBOX_PUT,
	        .mbox_put = {.name = weft__str(name), .flags = flags, .alone = alone}};
	struct weft__ask ask = {.answer = weft__answer_result};
	weft__lock(e);
	rc = add_parts(e, &ask, &m, bytes, nbytes);
	if (rc)
		weft__buf_fini(&ask.frames);
	else
		rc = weft__ask_wait(e, &ask, -1);
	weft__unlock(e);
	if (rc == 0)
		*index = (uint32_t)ask.value;
	return rc;
}

int weft__mbox_delete(struct weft__engine *e, const char *name, uint32_t index)
{
	int rc = check(name, index);
	if (rc)
		return rc;
	struct weft__msg m = {.code = WEFT__MSG_MBOX_DEL,
	                      .mbox_del = {.name = weft__str(name), .index = index}};
	return weft__ask_result(e, &m, NULL, -1);
}

int weft__mbox_reset(struct weft__engine *e, const char *name, int index, bool only_stale)
{
	int rc = name ? check(name, 0) : 0;
	if (rc)
		return rc;
	struct weft__msg m = {.code = WEFT__MSG_MBOX_RESET,
	                      .mbox_reset = {.name = weft__str(name ? name : ""),
	                                     .one = index >= 0,
	                                     .index = index >= 0 ? (uint64_t)index : 0,
	                                     .stale = only_stale}};
	return weft__ask_result(e, &m, NULL, -1);
}

static bool answer_letter(struct weft__ask *ask, const struct weft__msg *m)
{
	struct weft__letter *letter = ask->arg;
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code != WEFT__MSG_MBOX_VALUE)
		return false;
	const struct weft__msg_mbox_value *v = &m->mbox_value;
	ask->code = (int)v->code;
	if (ask->code)
		return true;
	if (!letter->bytes) {
		ask->value = v->value.n + v->left; /* all of it */
		letter->bytes = weft__malloc(ask->value ? ask->value : 1);
	}
	if (!letter->bytes)
		ask->code = WEFT_ENOMEM;
	else if (letter->nbytes + v->value.n + v->left != ask->value)
		ask->code = WEFT_EPROTO;
	else if (v->value.n)
		memcpy((char *)letter->bytes + letter->nbytes, v->value.p, v->value.n);
	letter->nbytes += v->value.n;
	letter->owner.v = v->owner;
	letter->index = (uint32_t)v->index;
	return ask->code || v->left == 0;
}

static int get(struct weft__engine *e, const char *name, uint32_t index, uint32_t flags, struct weft__letter *letter)
{
	struct weft__msg m = {.code = WEFT__MSG_MBOX_GET,
	                      .mbox_get = {.name = weft__str(name), .index = index, .flags = flags}};
	struct weft__ask ask = {.answer = answer_letter, .arg = letter};
	weft__lock(e);
	int rc = weft__ask(e, &ask, &m, -1);
	weft__unlock(e);
	if (rc) {
		weft__free(letter->bytes);
		*letter = (struct weft__letter){0};
	}
	return rc;
}

int weft__mbox_get(struct weft__engine *e, const char *name, uint32_t index, uint32_t flags,
                   struct weft__letter *letter)
{
	const struct timespec pause = {.tv_nsec = TRY_MS * 1000000L};
	int rc = check(name, index);
	if (rc)
		return rc;
	*letter = (struct weft__letter){0};
	rc = get(e, name, index, flags, letter);
	for (int i = 0; rc == WEFT_EAGAIN && i < TRIES_MAX; i++) { /* the node has much to take already */
		nanosleep(&pause, NULL);
		rc = get(e, name, index, flags, letter);
	}
	return rc;
}

/* --- listing ---------------------------------------------------------------------------------- */

struct rows {
	struct weft__letter_row *rows;
	size_t n, room;
};

static bool take_row(struct rows *rows, const struct weft__msg_mbox_row *m)
{
	if (rows->n == rows->room) {
		size_t room = rows->room ? 2 * rows->room : 16;
		struct weft__letter_row *more = weft__realloc(rows->rows, room * sizeof *more);
		if (!more)
			return false;
		rows->rows = more;
		rows->room = room;
	}
	struct weft__letter_row *row = &rows->rows[rows->n++];
	size_t n = m->name.n < sizeof row->name ? m->name.n : sizeof row->name - 1;
	memcpy(row->name, m->name.p, n);
	row->name[n] = '\0';
	row->owner.v = m->owner;
	row->index = (uint32_t)m->index;
	row->flags = (uint32_t)m->flags;
	return true;
}

static bool answer_rows(struct weft__ask *ask, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_RESULT)
		return weft__answer_result(ask, m);
	if (m->code == WEFT__MSG_MBOX_ROW && !take_row(ask->arg, &m->mbox_row)) {
		ask->code = WEFT_ENOMEM;
		return true;
	}
	if (m->code == WEFT__MSG_LIST_END)
		ask->code = (int)m->list_end.code;
	return m->code == WEFT__MSG_LIST_END;
}

int weft__mbox_list(struct weft__engine *e, struct weft__letter_row **rows, size_t *n)
{
	struct rows all = {0};
	struct weft__msg m = {.code = WEFT__MSG_MBOX_LIST};
	struct weft__ask ask = {.answer = answer_rows, .arg = &all};
	weft__lock(e);
	int rc = weft__ask(e, &ask, &m, -1);
	weft__unlock(e);
	if (rc) {
		weft__free(all.rows);
		return rc;
	}
	*rows = all.rows;
	*n = all.n;
	return 0;
}
