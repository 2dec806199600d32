/* Happy path: how many tasks the home node takes is said, all other nodes are asked for at once, and NODE_ADDED comes
 * for each. A script that does not run on a machine of its own job (salloc, on a login node) has a home node that
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

struct joining {
	unsigned left;
	bool done;
	int code;                 /* of the first one that failed */
	char text[MACHINES_TEXT];
};

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
	}
	j->left--;
	j->done = j->left == 0 || j->code;
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

static int ask_others(struct session *s, const struct allocation *a, const struct allocation_host *here,
                      struct joining *j, int64_t *reqs)
{
	char rank[24];
	for (size_t i = 0; i < a->n; i++) {
		struct weft__msg m = {.code     = WEFT__MSG_NODE_ADD,
		                      .node_add = {.kind  = kind_of(a->job.system),
		                                   .host  = weft__str(a->hosts[i].name),
		                                   .count = 1,
		                                   .slots = a->hosts[i].slots < UINT16_MAX ? a->hosts[i].slots : UINT16_MAX}};
		if (&a->hosts[i] == here)
			continue;
		snprintf(rank, sizeof rank, "%zu", i); /* brokers of Flux are called by their place in the list */
		if (a->job.system == WEFT__BATCH_FLUX)
			m.node_add.address = weft__str(rank);
		reqs[i] = session_ask(s, &m, on_added, j);
		if (reqs[i] < 0)
			return (int)reqs[i];
		j->left++;
	}
	j->done = j->left == 0;
	return 0;
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
	struct joining j                   = {0};
	int64_t *reqs                      = weft__calloc(a->n, sizeof *reqs);
	int rc = reqs ? ask_home(s, here, &e) : weft__err_set(&e, WEFT_ENOMEM, "out of memory");
	if (!rc) {
		rc = ask_others(s, a, here, &j, reqs);
		rc = rc ? weft__err_set(&e, rc, "%s", weft__err_text(rc)) : session_wait(s, &j.done, MACHINES_MS, &e);
	}
	for (size_t i = 0; reqs && i < a->n; i++)
		if (reqs[i] > 0)
			session_forget(s, reqs[i]);
	weft__free(reqs);
	snprintf(text, MACHINES_TEXT, "%s", rc ? e.text : j.text);
	return rc ? rc : j.code;
}
