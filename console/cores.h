/* cores.h - how many cores a virtual machine has; pretend nodes of one machine count once. */
#ifndef WEFT_CONSOLE_CORES_H
#define WEFT_CONSOLE_CORES_H

#include <stdint.h>

#include "console/session.h"

struct cores {
	struct session *session; /* NULL: not asked */
	int64_t req;
	unsigned here, elsewhere; /* cores of the home machine, of the others together */
	void (*counted)(void *arg, unsigned ncores);
	void *arg;
};

/* Asks; counted is called when the answer is there. */
void cores_count(struct cores *c, struct session *s, void (*counted)(void *arg, unsigned ncores), void *arg);
void cores_cancel(struct cores *c);

#endif
