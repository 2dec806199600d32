#include "config.h"

#include "console/nodes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ids.h"
#include "console/suggest.h"

enum { NAMES_MAX = 256, NAME_ROOM = 64 };

#define DAEMON_BIT 0x80000000UL

struct search {
	const char *wanted;
	uint64_t found;
	char names[NAMES_MAX][NAME_ROOM]; /* of all, to suggest one */
	size_t nnames;
};

/* Is it this node's address? The port behind it is not said by anybody. */
static bool is_address(const char *wanted, struct weft__str address)
{
	size_t n = strlen(wanted);
	return n > 0 && n < address.n && !strncmp(wanted, address.p, n) && address.p[n] == ':' &&
	       !memchr(address.p + n + 1, ':', address.n - n - 1);
}

static void on_row(void *arg, const struct weft__msg *m)
{
	struct search *s = arg;
	char index[32];
	if (m->code != WEFT__MSG_NODE_ROW)
		return;
	snprintf(index, sizeof index, "%llu", (unsigned long long)m->node_row.node);
	const char *wanted = *s->wanted == '#' ? s->wanted + 1 : s->wanted;
	if (!strcmp(wanted, index) || (wanted == s->wanted && !strcmp(wanted, m->node_row.host.p)))
		s->found = m->node_row.node;
	else if (!s->found && is_address(wanted, m->node_row.address))
		s->found = m->node_row.node;
	if (s->nnames < NAMES_MAX)
		snprintf(s->names[s->nnames++], NAME_ROOM, "%.63s", m->node_row.host.p);
}

int nodes_find(struct session *s, const char *wanted, uint64_t *node, struct weft_error *e)
{
	static struct search search;
	const char *names[NAMES_MAX + 1];
	if (!strcmp(wanted, ".") && session_node(s) > 0) {
		*node = (uint64_t)session_node(s);
		return 0;
	}
	search = (struct search){.wanted = wanted};
	int rc = session_list(s, WEFT__LIST_NODES, 0, 0, on_row, &search, e);
	if (rc)
		return rc;
	if (search.found) {
		*node = search.found;
		return 0;
	}
	for (size_t i = 0; i < search.nnames; i++)
		names[i] = search.names[i];
	names[search.nnames] = NULL;
	const char *nearest  = suggest_nearest(wanted, names);
	if (nearest)
		return weft__err_set(e, WEFT_ENONODE, "no such node; did you mean %s?", nearest);
	return weft__err_set(e, WEFT_ENONODE, "no such node; see: weft conf");
}

uint64_t nodes_dtid(uint64_t node)
{
	return node << WEFT__LOCAL_BITS;
}

int nodes_parse_dtid(const char *text, uint64_t *node)
{
	char *end;
	if (*text == 't')
		text++;
	errno               = 0;
	unsigned long value = strtoul(text, &end, 16);
	if (end == text || *end || *text == '-' || errno || value > UINT32_MAX)
		return WEFT_EINVAL;
	value &= ~DAEMON_BIT;
	if (value >> WEFT__LOCAL_BITS == 0)
		return WEFT_EINVAL;
	*node = value >> WEFT__LOCAL_BITS;
	return 0;
}

const char *nodes_arch(void)
{
	const char *set = getenv("PVM_ARCH");
	return set && *set ? set : sizeof(long) == 8 ? "LINUX64" : "LINUX";
}
