/* weft-hwloc.so: what hwloc says of this machine, for topology.c. */
#include "config.h"

#include "node/topology.h"

#include <hwloc.h>

#include "proto/proto.h"

static const hwloc_obj_type_t types[] = {
        [WEFT__BIND_THREAD] = HWLOC_OBJ_PU,       [WEFT__BIND_CORE] = HWLOC_OBJ_CORE,
        [WEFT__BIND_L3] = HWLOC_OBJ_L3CACHE,      [WEFT__BIND_NUMA] = HWLOC_OBJ_NUMANODE,
        [WEFT__BIND_PACKAGE] = HWLOC_OBJ_PACKAGE,
};

static bool tell(hwloc_topology_t topology, hwloc_obj_type_t type, bool (*add)(void *, const struct cpus *), void *arg)
{
	int n = hwloc_get_nbobjs_by_type(topology, type);
	for (int i = 0; i < n; i++) {
		hwloc_obj_t object = hwloc_get_obj_by_type(topology, type, (unsigned)i);
		struct cpus part = {0};
		int cpu;
		if (!object || !object->cpuset)
			continue;
		hwloc_bitmap_foreach_begin(cpu, object->cpuset)
			cpus_add(&part, (size_t)cpu);
		hwloc_bitmap_foreach_end();
		if (!add(arg, &part))
			return false;
	}
	return n > 0;
}

__attribute__((visibility("default"))) bool topology_hwloc(unsigned kind, bool (*add)(void *arg, const struct cpus *part),
                                                           void *arg)
{
	hwloc_topology_t topology;
	if (kind < WEFT__BIND_THREAD || kind >= sizeof types / sizeof *types || hwloc_topology_init(&topology))
		return false;
	bool told = hwloc_topology_load(topology) == 0 && tell(topology, types[kind], add, arg);
	hwloc_topology_destroy(topology);
	return told;
}
