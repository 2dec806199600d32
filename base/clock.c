#include "config.h"

#include "base/clock.h"

#include <limits.h>
#include <time.h>

enum { NS_PER_MS = 1000000 };

uint64_t weft__clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t weft__deadline(int timeout_ms)
{
	if (timeout_ms < 0)
		return WEFT__NEVER;
	return weft__clock_ns() + (uint64_t)timeout_ms * NS_PER_MS;
}

int weft__deadline_left_ms(uint64_t deadline_ns)
{
	if (deadline_ns == WEFT__NEVER)
		return -1;
	uint64_t now = weft__clock_ns();
	if (deadline_ns <= now)
		return 0;
	uint64_t ms = (deadline_ns - now - 1) / NS_PER_MS + 1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}
