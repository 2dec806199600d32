#include "config.h"

#include "transport/transport.h"

#include <errno.h>
#include <unistd.h>

void weft__doorbell_ring(int doorbell)
{
	const uint64_t one = 1;
	if (doorbell < 0)
		return;
	/* A full counter (EAGAIN) is a doorbell that rings already; of a dead owner nobody waits.
	 */
	while (write(doorbell, &one, sizeof one) < 0 && errno == EINTR)
		;
}

void weft__doorbell_clear(int doorbell)
{
	uint64_t count;
	if (doorbell < 0)
		return;
	while (read(doorbell, &count, sizeof count) < 0 && errno == EINTR)
		;
}
