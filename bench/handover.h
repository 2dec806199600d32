/* handover.h - the time that a cache line takes from core to core, measured between two processes.
 *
 * The figure says in which regime the machine is; it stands beside every sample.
 */
#ifndef WEFT_BENCH_HANDOVER_H
#define WEFT_BENCH_HANDOVER_H

#include <stdint.h>

struct handover;

uint64_t now_ns(void);

/* Maps the file named by BENCH_SHARED, which bench/compare makes; NULL when there is none. */
struct handover *handover_open(void);

/* Both sides call it, side 0 and 1. Half a round trip in ns, the best of some batches: what interrupts the processes
 * must not look like another regime. 0 when h is NULL. */
double handover_ns(struct handover *h, int side);

/* Bind this process to a core: rank modulo the cores that there are. */
void pin(int rank);

#endif
