/* Happy path: how many tasks the home node takes is said, the other nodes are asked for, many at a time, and NODE_ADDED
 * comes for each. A script that does not run on a machine of its own job (salloc, on a login node) has a home node that
 * takes none.
 *
 * What can go wrong: a machine can't be reached, or its daemon does not come up: the coordinator says so within ten
 * seconds; what becomes of the VM is the caller's business.
 */
#include "config.h"

#include "console/machines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

enum { AT_ONCE = 64 };

struct joining {
	struct session *session;
	const struct allocation *a;
	const struct allocation_host *here; /* or NULL */
	int64_t *reqs;                      /* by host; 0: not asked */
	size_t next;                        /* host to ask for */
	unsigned left;                      /* questions without an answer */
	bool answered;
	int code;                 /* of the first one that failed */
	char text[MACHINES_TEXT];
};

/* What the launcher said, a line of its own each, and what mends it: as weft add shows it. */
static void add_details(char text[static MACHINES_TEXT], const char *said, const char *fix)
{
	size_t n = strlen(text);
	for (size_t length; *said && n < MACHINES_TEXT; said += length + (said[length] == '\n')) {
		length = strcspn(said, "\n");
		if (length > 0)
			n += (size_t)snprintf(text + n, MACHINES_TEXT - n, "\n    | %.*s", (int)length, said);
	}
	if (*fix && n < MACHINES_TEXT)
		snprintf(text + n, MACHINES_TEXT - n, "\n    mend it with: %s", fix);
}

static bool on_added(void *arg, const struct weft__msg *m)
{
	struct joining *j = arg;
	int64_t code      = m->code == WEFT__MSG_RESULT ? m->result.code : m->node_added.code;
	if (code && !j->code) {
		const char *host = m->code == WEFT__MSG_RESULT ? "" : m->node_added.host.p;
		const char *said = m->code == WEFT__MSG_RESULT ? m->result.text.p : m->node_added.text.p;
		const char *text = said && *said ? said : weft__err_text((int)code);
		bool named       = strstr(text, host) != NULL;
		snprintf(j->text, sizeof j->text, "%s%s%s", named ? "" : host, named ? "" : ": ", text);
		j->code = (int)code;
		if (m->code == WEFT__MSG_NODE_ADDED)
			add_details(j->text, m->node_added.said.p, m->node_added.fix.p);
	}
	j->left--;
	j->answered = true;
	return true;
}

/* Which program starts a daemon there. Systems without a launcher that passes standard input on leave it to ssh. */
static unsigned kind_of(enum weft__batch_system system)
{
	switch (system) {
	case WEFT__BATCH_SLURM:
		return WEFT__ADD_SRUN;
	case WEFT__BATCH_SGE:
		return WEFT__ADD_QRSH;
	case WEFT__BATCH_FLUX:
		return WEFT__ADD_FLUX;
	default:
		return WEFT__ADD_SSH;
	}
}

static int ask_home(struct session *s, const struct allocation_host *here, struct weft_error *e)
{
	struct weft__msg m = {.code     = WEFT__MSG_NODE_SET,
	                      .node_set = {.node  = 1,
	                                   .drain = here ? 0 : WEFT__DRAIN_YES,
	                                   .slots = here ? here->slots : 0}};
	return session_request(s, &m, MACHINES_MS, e);
}

/* The next ones, as many as may be under way at one time. */
static int ask_some(struct joining *j)
{
	for (; j->next < j->a->n && j->left < AT_ONCE; j->next++) {
		const struct allocation_host *h = &j->a->hosts[j->next];
		struct weft__msg m = {.code     = WEFT__MSG_NODE_ADD,
		                      .node_add = {.kind  = kind_of(j->a->job.system),
		                                   .host  = weft__str(h->name),
		                                   .count = 1,
		                                   .slots = h->slots < UINT16_MAX ? h->slots : UINT16_MAX}};
		char rank[24];
		if (h == j->here)
			continue;
		snprintf(rank, sizeof rank, "%zu", j->next); /* brokers of Flux are called by their place in the list */
		if (j->a->job.system == WEFT__BATCH_FLUX)
			m.node_add.address = weft__str(rank);
		int64_t req = session_ask(j->session, &m, on_added, j);
		if (req < 0)
			return (int)req;
		j->reqs[j->next] = req;
		j->left++;
	}
	return 0;
}

/* All come, or fail, in their time; the time of the later ones begins when an earlier one is there. */
static int ask_others(struct joining *j, struct weft_error *e)
{
	int rc = 0;
	while (!rc && !j->code) {
		rc = ask_some(j);
		if (rc)
			return weft__err_set(e, rc, "%s", weft__err_text(rc));
		if (j->left == 0)
			return 0;
		j->answered = false;
		rc          = session_wait(j->session, &j->answered, MACHINES_MS, e);
	}
	return rc;
}

int machines_find(struct allocation *a, struct weft_error *e)
{
	const char *vm = getenv("WEFT_VM"), *dir = getenv("WEFT_DIR");
	*a             = (struct allocation){0};
	if ((vm && *vm) || (dir && *dir))
		return 0;
	int rc = allocation_read(weft__batch_getenv, a, e);
	return rc == WEFT_ENOENT ? 0 : rc;
}

static void add_slots(void *arg, const struct weft__msg *m)
{
	unsigned *sum = arg;
	if (m->code == WEFT__MSG_NODE_ROW && m->node_row.state == WEFT__NODE_UP && !m->node_row.drained)
		*sum += (unsigned)(m->node_row.slots ? m->node_row.slots : m->node_row.ncores);
}

unsigned machines_slots(struct session *s)
{
	unsigned sum = 0;
	struct weft_error e;
	return session_list(s, WEFT__LIST_NODES, 0, 0, add_slots, &sum, &e) ? 0 : sum;
}

int machines_join(struct session *s, const struct allocation *a, char text[static MACHINES_TEXT])
{
	const struct allocation_host *here = allocation_here(weft__batch_getenv, a);
	struct weft_error e                = {0};
	struct joining j = {.session = s, .a = a, .here = here, .reqs = weft__calloc(a->n, sizeof *j.reqs)};
	int rc           = j.reqs ? ask_home(s, here, &e) : weft__err_set(&e, WEFT_ENOMEM, "out of memory");
	if (!rc)
		rc = ask_others(&j, &e);
	for (size_t i = 0; j.reqs && i < a->n; i++)
		if (j.reqs[i] > 0)
			session_forget(s, j.reqs[i]);
	weft__free(j.reqs);
	snprintf(text, MACHINES_TEXT, "%s", rc ? e.text : j.text);
	return rc ? rc : j.code;
}
