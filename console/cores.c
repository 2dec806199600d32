#include "config.h"

#include "console/cores.h"

#include <string.h>

/* A pretend node is called "local2", "local3" … and has the cores of the home machine. */
static bool is_pretended(const struct weft__msg_node_row *n)
{
	return n->host.n > 5 && !memcmp(n->host.p, "local", 5) && strspn(n->host.p + 5, "0123456789") == n->host.n - 5;
}

static bool on_answer(void *arg, const struct weft__msg *m)
{
	struct cores *c = arg;
	if (m->code == WEFT__MSG_NODE_ROW) {
		unsigned ncores = (unsigned)m->node_row.ncores;
		if (m->node_row.node == 1)
			c->here = ncores;
		else if (!is_pretended(&m->node_row))
			c->elsewhere += ncores;
		return false;
	}
	c->req = 0;
	if (m->code == WEFT__MSG_LIST_END && m->list_end.code == 0)
		c->counted(c->arg, c->here + c->elsewhere);
	return true;
}

void cores_count(struct cores *c, struct session *s, void (*counted)(void *arg, unsigned ncores), void *arg)
{
	struct weft__msg m = {.code = WEFT__MSG_LIST, .list = {.kind = WEFT__LIST_NODES}};
	*c                 = (struct cores){.session = s, .counted = counted, .arg = arg};
	c->req             = session_ask(s, &m, on_answer, c);
}

void cores_cancel(struct cores *c)
{
	if (c->session && c->req > 0)
		session_forget(c->session, c->req);
	c->session = NULL;
}
