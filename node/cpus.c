#include "config.h"

#include "node/cpus.h"

#include <stdio.h>
#include <string.h>

bool cpus_has(const struct cpus *set, size_t cpu)
{
	return cpu < CPUS_MAX && (set->bits[cpu / 64] >> (cpu % 64) & 1);
}

void cpus_add(struct cpus *set, size_t cpu)
{
	if (cpu < CPUS_MAX)
		set->bits[cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

void cpus_join(struct cpus *set, const struct cpus *more)
{
	for (size_t i = 0; i < CPUS_MAX / 64; i++)
		set->bits[i] |= more->bits[i];
}

bool cpus_meet(const struct cpus *a, const struct cpus *b)
{
	for (size_t i = 0; i < CPUS_MAX / 64; i++)
		if (a->bits[i] & b->bits[i])
			return true;
	return false;
}

size_t cpus_count(const struct cpus *set)
{
	size_t n = 0;
	for (size_t i = 0; i < CPUS_MAX / 64; i++)
		n += (size_t)__builtin_popcountll(set->bits[i]);
	return n;
}

void cpus_format(const struct cpus *set, char *text, size_t size)
{
	size_t n = 0;
	*text = '\0';
	for (size_t first = 0; first < CPUS_MAX; first++) {
		if (!cpus_has(set, first))
			continue;
		size_t last = first;
		while (cpus_has(set, last + 1))
			last++;
		char range[48];
		int length = last > first ? snprintf(range, sizeof range, "%s%zu-%zu", n ? "," : "", first, last)
		                          : snprintf(range, sizeof range, "%s%zu", n ? "," : "", first);
		if (n + (size_t)length + 4 > size) {
			snprintf(text + n, size - n, "...");
			return;
		}
		memcpy(text + n, range, (size_t)length + 1);
		n += (size_t)length;
		first = last;
	}
}
