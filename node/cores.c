/* The cores that tasks may use: those that the scheduler would give us (affinity, which a cgroup's cpuset narrows),
 * and not more than a cgroup's CPU quota pays for.
 */
#include "config.h"

#include "node/node.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t by_affinity(void)
{
	for (int ncpus = 1024; ncpus <= 1 << 20; ncpus *= 2) {
		cpu_set_t *set = CPU_ALLOC((size_t)ncpus);
		size_t size = CPU_ALLOC_SIZE((size_t)ncpus);
		if (!set)
			break;
		int rc = sched_getaffinity(0, size, set);
		int count = rc ? 0 : CPU_COUNT_S(size, set);
		CPU_FREE(set);
		if (!rc)
			return (uint32_t)count;
	}
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	return online > 0 ? (uint32_t)online : 1;
}

/* The first line of a file of our cgroup in the hierarchy with that controller ("" is version 2). */
static bool cgroup_read(const char *mount, const char *controller, const char *file, char *line, size_t size)
{
	char entry[4096], path[8192];
	bool found = false;
	FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && !found && fgets(entry, sizeof entry, f)) {
		char *names = strchr(entry, ':'), *folder = names ? strchr(names + 1, ':') : NULL;
		if (!folder)
			continue;
		*folder++ = '\0';
		folder[strcspn(folder, "\n")] = '\0';
		if (*controller ? strstr(names + 1, controller) == NULL : names[1] != '\0')
			continue;
		snprintf(path, sizeof path, "%s%s/%s", mount, folder, file);
		found = true;
	}
	if (f)
		fclose(f);
	f = found ? fopen(path, "re") : NULL;
	found = f && fgets(line, (int)size, f);
	if (f)
		fclose(f);
	return found;
}

/* Whole cores of the CPU quota, UINT32_MAX when there is none. */
static uint32_t by_quota(void)
{
	char line[128], period_line[128];
	long quota = 0, period = 0;
	if (cgroup_read("/sys/fs/cgroup", "", "cpu.max", line, sizeof line)) {
		if (sscanf(line, "%ld %ld", &quota, &period) != 2)
			return UINT32_MAX; /* "max" */
	} else if (cgroup_read("/sys/fs/cgroup/cpu", "cpu", "cpu.cfs_quota_us", line, sizeof line) &&
	           cgroup_read("/sys/fs/cgroup/cpu", "cpu", "cpu.cfs_period_us", period_line, sizeof period_line)) {
		quota = atol(line);
		period = atol(period_line);
	}
	if (quota <= 0 || period <= 0)
		return UINT32_MAX;
	return (uint32_t)((quota + period - 1) / period);
}

uint32_t cores_count(void)
{
	uint32_t affinity = by_affinity(), quota = by_quota();
	uint32_t cores = affinity < quota ? affinity : quota;
	return cores > 65535 ? 65535 : cores > 0 ? cores : 1;
}
