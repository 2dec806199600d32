/* cpus.h - sets of processors. */
#ifndef WEFT_NODE_CPUS_H
#define WEFT_NODE_CPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CPUS_MAX = 4096 };

/* A set of processors, by the numbers that Linux gives them. */
struct cpus {
	uint64_t bits[CPUS_MAX / 64];
};

bool cpus_has(const struct cpus *set, size_t cpu);
void cpus_add(struct cpus *set, size_t cpu);
void cpus_join(struct cpus *set, const struct cpus *more);
bool cpus_meet(const struct cpus *a, const struct cpus *b);
size_t cpus_count(const struct cpus *set);
void cpus_format(const struct cpus *set, char *text, size_t size); /* "0-3,8"; cut with "..." when it does not fit */

#endif
