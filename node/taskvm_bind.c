/* Binding: what a LAUNCH asks for becomes a plan, once; each task then gets its set of processors before it is the program.
 *
 * What can go wrong: this machine does not tell such parts, or memory is out: no task of the LAUNCH starts, and the text
 * says why. Without a request nothing fails: a job that is alone here and has at most as many tasks as there
 * are processors gets equal shares of them, neighbours beside each other; every other job is not bound.
 */
#include "config.h"

#include "node/taskvm.h"

#include <sched.h>
#include <stdio.h>

#include "node/topology.h"

static void prepare_shares(struct taskvm_launch *l)
{
	struct bind_plan *plan = &l->bind;
	struct cpus allowed;
	struct weft_error e;
	if (!l->alone || l->nlocal < 2 || !topology_allowed(&allowed) || cpus_count(&allowed) < l->nlocal)
		return;
	if (!topology_parts_sysfs(WEFT__BIND_THREAD, &plan->parts, &plan->nparts, &e))
		plan->nshares = l->nlocal;
}

int taskvm_bind_prepare(struct taskvm_launch *l, const struct weft__msg_launch *m, struct weft_error *e)
{
	struct bind_plan *plan = &l->bind;
	int rc = 0;
	l->nlocal = (size_t)m->nlocal;
	l->alone = m->alone != 0;
	plan->width = m->width ? (size_t)m->width : 1;
	if (m->bind == WEFT__BIND_AUTO && !m->deal)
		prepare_shares(l);
	else if (m->bind != WEFT__BIND_NONE)
		rc = topology_parts((unsigned)(m->bind ? m->bind : m->deal), &plan->parts, &plan->nparts, e);
	if (!rc && plan->parts && m->deal && m->deal != m->bind)
		rc = topology_parts((unsigned)m->deal, &plan->deal, &plan->ndeal, e);
	return rc;
}

bool taskvm_bind_choose(const struct taskvm_launch *l, struct taskvm_task *t, cpu_set_t *mask)
{
	struct cpus set;
	if (!bind_choose(&l->bind, t->index, &set))
		return false;
	CPU_ZERO_S(TASKVM_MASK_BYTES, mask);
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++)
		if (cpus_has(&set, cpu))
			CPU_SET_S(cpu, TASKVM_MASK_BYTES, mask);
	cpus_format(&set, t->cpus, sizeof t->cpus);
	return true;
}
