#include "config.h"

#include "node/topology.h"

#include <dlfcn.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/exe.h"
#include "base/heap.h"
#include "base/log.h"
#include "proto/proto.h"

bool topology_allowed(struct cpus *set)
{
	cpu_set_t *mask = CPU_ALLOC(CPUS_MAX);
	*set = (struct cpus){0};
	bool known = mask && sched_getaffinity(0, CPU_ALLOC_SIZE(CPUS_MAX), mask) == 0;
	for (size_t i = 0; known && i < CPUS_MAX; i++)
		if (CPU_ISSET_S(i, CPU_ALLOC_SIZE(CPUS_MAX), mask))
			cpus_add(set, i);
	if (mask)
		CPU_FREE(mask);
	return known && cpus_count(set) > 0;
}

/* --- what sysfs says ----------------------------------------------------------------------------- */

struct thread {
	long package, core; /* core: its first processor */
	size_t cpu;
};

/* The number that the file begins with, or otherwise. */
static long read_number(size_t cpu, const char *name, long otherwise)
{
	char path[96];
	long number = otherwise;
	snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%zu/topology/%s", cpu, name);
	FILE *f = fopen(path, "re");
	if (!f)
		return otherwise;
	if (fscanf(f, "%ld", &number) != 1)
		number = otherwise;
	fclose(f);
	return number;
}

static int by_place(const void *a, const void *b)
{
	const struct thread *ta = a, *tb = b;
	if (ta->package != tb->package)
		return ta->package < tb->package ? -1 : 1;
	if (ta->core != tb->core)
		return ta->core < tb->core ? -1 : 1;
	return ta->cpu < tb->cpu ? -1 : ta->cpu > tb->cpu;
}

static bool same_part(unsigned kind, const struct thread *a, const struct thread *b)
{
	if (kind == WEFT__BIND_PACKAGE)
		return a->package == b->package;
	return kind == WEFT__BIND_CORE && a->package == b->package && a->core == b->core;
}

int topology_parts_sysfs(unsigned kind, struct cpus **parts, size_t *nparts, struct weft_error *e)
{
	struct cpus allowed;
	if (kind != WEFT__BIND_THREAD && kind != WEFT__BIND_CORE && kind != WEFT__BIND_PACKAGE)
		return weft__err_set(e, WEFT_EINVAL, "only hwloc knows caches and memory, and it is not installed there");
	if (!topology_allowed(&allowed))
		return weft__err_set(e, WEFT_EINVAL, "the kernel does not tell which processors there are");
	size_t nthreads = cpus_count(&allowed), n = 0;
	struct thread *threads = weft__calloc(nthreads, sizeof *threads);
	struct cpus *list      = weft__calloc(nthreads, sizeof *list);
	if (!threads || !list) {
		weft__free(threads);
		weft__free(list);
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	}
	for (size_t cpu = 0; cpu < CPUS_MAX; cpu++)
		if (cpus_has(&allowed, cpu))
			threads[n++] = (struct thread){.package = read_number(cpu, "physical_package_id", 0),
			                               .core    = read_number(cpu, "thread_siblings_list", (long)cpu),
			                               .cpu     = cpu};
	qsort(threads, nthreads, sizeof *threads, by_place);
	n = 0;
	for (size_t i = 0; i < nthreads; i++) {
		if (i > 0 && !same_part(kind, &threads[i - 1], &threads[i]))
			n++;
		cpus_add(&list[n], threads[i].cpu);
	}
	weft__free(threads);
	*parts = list;
	*nparts = n + 1;
	return 0;
}

/* --- what hwloc says ----------------------------------------------------------------------------- */

struct listing {
	struct cpus allowed, *parts;
	size_t n, cap;
};

static bool add_part(void *arg, const struct cpus *part)
{
	struct listing *l = arg;
	if (!cpus_meet(part, &l->allowed))
		return true;
	if (l->n == l->cap) {
		size_t cap         = l->cap ? 2 * l->cap : 16;
		struct cpus *parts = weft__realloc(l->parts, cap * sizeof *parts);
		if (!parts)
			return false;
		l->parts = parts;
		l->cap   = cap;
	}
	for (size_t i = 0; i < CPUS_MAX / 64; i++)
		l->parts[l->n].bits[i] = part->bits[i] & l->allowed.bits[i];
	l->n++;
	return true;
}

/* The function of weft-hwloc.so, or NULL when it or hwloc is not installed. Stays loaded. */
static topology_hwloc_fn *load_hwloc(void)
{
	static topology_hwloc_fn *function;
	static bool tried;
	char path[PATH_MAX];
	struct weft_error e;
	if (tried)
		return function;
	tried = true;
	void *part = weft__exe_find("node", "weft-hwloc.so", path, sizeof path, &e) ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	void *found = part ? dlsym(part, "topology_hwloc") : NULL;
	if (found)
		memcpy(&function, &found, sizeof found);
	else
		weft__log(WEFT__LOG_INFO, "WEFT-NODE-HWLOC", "done without hwloc");
	return function;
}

int topology_parts(unsigned kind, struct cpus **parts, size_t *nparts, struct weft_error *e)
{
	struct listing l = {0};
	topology_hwloc_fn *ask = load_hwloc();
	bool told = ask && topology_allowed(&l.allowed) && ask(kind, add_part, &l) && l.n > 0;
	if (told) {
		*parts = l.parts;
		*nparts = l.n;
		return 0;
	}
	weft__free(l.parts);
	return topology_parts_sysfs(kind, parts, nparts, e);
}
