#include "config.h"

#include "console/mailbox.h"

struct listing {
	void (*row)(void *arg, const struct weft__msg_mbox_row *row);
	void *arg;
	bool done;
	int code;
};

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct listing *l = arg;
	if (m->code == WEFT__MSG_MBOX_ROW) {
		l->row(l->arg, &m->mbox_row);
		return false;
	}
	l->code = m->code == WEFT__MSG_LIST_END ? (int)m->list_end.code
	          : m->code == WEFT__MSG_RESULT ? (int)m->result.code
	                                        : WEFT_EPROTO;
	l->done = true;
	return true;
}

int mailbox_list(struct session *s, void (*row)(void *arg, const struct weft__msg_mbox_row *row), void *arg,
                 struct weft_error *e)
{
	struct listing l   = {.row = row, .arg = arg};
	struct weft__msg m = {.code = WEFT__MSG_MBOX_LIST};
	int64_t req        = session_ask(s, &m, on_answer, &l);
	if (req < 0)
		return weft__err_set(e, (int)req, "%s", weft__err_text((int)req));
	int rc = session_wait(s, &l.done, SESSION_TIMEOUT_MS, e);
	session_forget(s, req);
	return rc ? rc : l.code ? weft__err_set(e, l.code, "%s", weft__err_text(l.code)) : 0;
}
