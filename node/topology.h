/* topology.h - the parts of this machine that a task can be bound to, as far as we may use them.
 *
 * What sysfs says of each processor (its core, its package) is read here. Caches and memory are hwloc's business: a part
 * of its own, weft-hwloc.so, loaded when a job asks for a binding, so that starting a job does not pay for it and a
 * machine without hwloc can do without.
 */
#ifndef WEFT_NODE_TOPOLOGY_H
#define WEFT_NODE_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "node/cpus.h"

/* The processors that this process may run on. False: the kernel does not say. */
bool topology_allowed(struct cpus *set);

/* The parts of kind WEFT__BIND_THREAD .. WEFT__BIND_PACKAGE that have allowed processors, cut to these, neighbours beside
 * each other: *parts is the caller's to weft__free. WEFT_ENOMEM, WEFT_EINVAL (this machine cannot tell such parts). */
int topology_parts(unsigned kind, struct cpus **parts, size_t *nparts, struct weft_error *e);

/* The same without hwloc; kinds that sysfs cannot tell are refused. */
int topology_parts_sysfs(unsigned kind, struct cpus **parts, size_t *nparts, struct weft_error *e);

/* What weft-hwloc.so exports under the name "topology_hwloc": calls add for each part, in hwloc's logical order, until it
 * returns false. False: hwloc could not read this machine, or knows no such parts. */
typedef bool topology_hwloc_fn(unsigned kind, bool (*add)(void *arg, const struct cpus *part), void *arg);
extern topology_hwloc_fn topology_hwloc;

#endif
