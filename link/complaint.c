/* complaint.c - one log line a minute for each address that misbehaves, and for few addresses.
 *
 * A table of the addresses that have cost a line in the last minute. When it is full of such,
 * others stay silent: a scan from thousands of addresses writes COMPLAINTS lines a minute, no more.
 */
#include "config.h"

#include "link/complaint.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "link/link.h"

enum { COMPLAINTS = 64 };
static const uint64_t minute_ns = UINT64_C(60000000000);

static struct {
	char from[LINK_ADDRESS_TEXT]; /* "": free */
	uint64_t since_ns;
} complaints[COMPLAINTS];

bool complaint_due(const char *from, uint64_t now_ns)
{
	const char *port = strrchr(from, ':');
	char address[LINK_ADDRESS_TEXT];
	snprintf(address, sizeof address, "%.*s", port ? (int)(port - from) : LINK_ADDRESS_TEXT - 1,
	         from);
	size_t place = COMPLAINTS;
	for (size_t i = 0; i < COMPLAINTS; i++) {
		bool young = complaints[i].from[0] && now_ns - complaints[i].since_ns < minute_ns;
		if (young && strcmp(complaints[i].from, address) == 0)
			return false;
		if (!young)
			place = i;
	}
	if (place == COMPLAINTS)
		return false;
	memcpy(complaints[place].from, address, sizeof address);
	complaints[place].since_ns = now_ns;
	return true;
}

bool link_complain(const char *from)
{
	return complaint_due(from, weft__clock_ns());
}
