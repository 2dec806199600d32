/* addresses.h - where this machine can be reached. */
#ifndef WEFT_NODE_ADDRESSES_H
#define WEFT_NODE_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>

#include "link/link.h"

enum { ADDRESSES_MAX = 12, ADDRESSES_TEXT = 1024 };

/* How likely an interface is the way to another machine. */
enum address_rank {
	ADDRESS_ROUTE,  /* the way to the host that it is about, or to the world, leads through it */
	ADDRESS_USUAL,
	ADDRESS_ODD,    /* a bridge for containers, a VPN, point to point: it may be the only one */
	ADDRESS_NONE,   /* down, loopback, or only for the wire */
};

struct address {
	char text[LINK_ADDRESS_TEXT]; /* numeric, without port */
	char interface[16];
	enum address_rank rank;
};

/* This machine's own, the likeliest first; how many. toward: a numeric address, the way to which comes first, or "". */
size_t addresses_own(struct address found[static ADDRESSES_MAX], const char *toward);

/* The same as "10.0.0.1,fd00::1" into list[size]; what does not fit is left out. */
void addresses_list(char *list, size_t size, const char *toward);

/* By its name and its flags (net/if.h). */
enum address_rank addresses_rank(const char *interface, unsigned flags);

/* Cuts the first entry off a list with commas: "10.0.0.1:7000", "[fd00::1]:7000", or with no port, which then is
 * *port as it was. *list moves on. false: there is none, or it is none (then the list ends). */
bool addresses_next(const char **list, char address[static LINK_ADDRESS_TEXT], unsigned short *port);

#endif
