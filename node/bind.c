#include "config.h"

#include "node/bind.h"

#include "base/heap.h"

static void take_share(const struct bind_plan *plan, size_t index, struct cpus *set)
{
	index %= plan->nshares;
	size_t from = index * plan->nparts / plan->nshares, to = (index + 1) * plan->nparts / plan->nshares;
	for (size_t i = from; i < to; i++)
		cpus_join(set, &plan->parts[i]);
}

/* The round-th handful of those parts that lie in (or around) one of the things that are dealt out. */
static void take_within(const struct bind_plan *plan, const struct cpus *dealt, size_t round, struct cpus *set)
{
	size_t n = 0, seen = 0;
	for (size_t i = 0; i < plan->nparts; i++)
		n += cpus_meet(&plan->parts[i], dealt);
	if (n == 0)
		return;
	size_t width = plan->width < n ? plan->width : n;
	size_t first = round * width % n;
	for (size_t i = 0; i < plan->nparts; i++) {
		if (!cpus_meet(&plan->parts[i], dealt))
			continue;
		if ((seen + n - first) % n < width)
			cpus_join(set, &plan->parts[i]);
		seen++;
	}
}

bool bind_choose(const struct bind_plan *plan, size_t index, struct cpus *set)
{
	*set = (struct cpus){0};
	if (plan->nparts == 0)
		return false;
	if (plan->nshares > 0) {
		take_share(plan, index, set);
	} else if (plan->ndeal > 0) {
		take_within(plan, &plan->deal[index % plan->ndeal], index / plan->ndeal, set);
	} else {
		for (size_t i = 0; i < plan->width && i < plan->nparts; i++)
			cpus_join(set, &plan->parts[(index * plan->width + i) % plan->nparts]);
	}
	return cpus_count(set) > 0;
}

void bind_plan_fini(struct bind_plan *plan)
{
	weft__free(plan->parts);
	weft__free(plan->deal);
	*plan = (struct bind_plan){0};
}
