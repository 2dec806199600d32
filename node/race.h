/* race.h - dial several addresses of one node: the first that proves to be it is kept. */
#ifndef WEFT_NODE_RACE_H
#define WEFT_NODE_RACE_H

#include <stdint.h>

#include "link/link.h"

enum { RACE_MAX = 16 };

struct race;

struct race_handler {
	/* The winner, open; the owner gives it a handler of its own before he returns. address is where it was reached. */
	void (*won)(void *arg, struct link *l, const char *address, uint16_t port);
	/* Nobody is there. The text names each address and what was wrong with it; code is WEFT_EVERSION when
	 * one speaks another version, else that of the first address (WEFT_EDENIED: the key does not fit). */
	void (*lost)(void *arg, int code, const char *text);
};

/* addresses: a list as addresses_next reads it, the likeliest first; those without a port have `port`. Each begins a
 * little after the one before, or when that has failed. 0 and then won or lost, once, not from inside, and then
 * the race is gone; WEFT_EINVAL: no address; WEFT_ENOMEM. */
int race_start(uv_loop_t *loop, const char *addresses, uint16_t port, enum link_purpose purpose, const char *identity,
               const uint8_t key[static LINK_KEY_BYTES], const struct race_handler *handler, void *arg, struct race **r);
void race_cancel(struct race **r);

#endif
