/* clock.h - monotonic time, and deadlines made of time-outs. */
#ifndef WEFT_BASE_CLOCK_H
#define WEFT_BASE_CLOCK_H

#include <stdint.h>

#define WEFT__NEVER UINT64_MAX

uint64_t weft__clock_ns(void); /* CLOCK_MONOTONIC */

/* The moment timeout_ms from now, in ns; WEFT__NEVER when timeout_ms < 0. */
uint64_t weft__deadline(int timeout_ms);

/* Milliseconds left until the deadline, rounded up; -1 for WEFT__NEVER, 0 when it has passed. */
int weft__deadline_left_ms(uint64_t deadline_ns);

#endif
