/* adder.h - hosts become nodes: all at once, one line for each, live on a terminal. */
#ifndef WEFT_CONSOLE_ADDER_H
#define WEFT_CONSOLE_ADDER_H

#include <stdbool.h>
#include <stdio.h>

#include "console/context.h"
#include "console/hostfile.h"

struct adder_options {
	unsigned kind;     /* WEFT__ADD_*: how they are started; 0 is ssh */
	const char *ports; /* for those whose entry has none, or NULL */
	long local;        /* so many pretend nodes on the home machine in addition */
	bool later;        /* also those that the list says are for later ("&") */
	bool here_too;     /* an entry for this machine is the home node's: its slots and speed are set; else it is an error */
	bool there_too;    /* one that is a node already is no failure */
	bool quiet;        /* only what failed is said */
	bool json;         /* one object in the end, to out */
	FILE *out;
};

struct adder_result {
	unsigned up, failed;
	bool here; /* this machine was in the list */
};

/* Asks for the nodes of the list, ADDER_AT_ONCE at one time, each with ADDER_HOST_MS at most, and says what became
 * of each as it is known. 0, also when some failed; else the session's error, of which it has complained. */
enum { ADDER_AT_ONCE = 32, ADDER_HOST_MS = 12000 };
int adder_run(struct context *c, struct session *s, const struct hostfile *f, const struct adder_options *o,
              struct adder_result *result);

#endif
