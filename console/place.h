/* place.h - where the tasks of a program are to run: nodes, and a folder there. */
#ifndef WEFT_CONSOLE_PLACE_H
#define WEFT_CONSOLE_PLACE_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "console/args.h"
#include "console/session.h"

struct place {
	char host[4096];     /* as SPAWN wants it; empty: anywhere */
	char wdir[PATH_MAX]; /* absolute */
	bool usual;          /* nobody asked for this folder: PVM's hosts may have one of their own */
};

/* "alpha:4" is cut to "alpha": the number says how many tasks it gets while others get one. */
void place_cut_slots(char *name);

/* Reads --host, --where and --wdir. What --where calls an address, "." or an architecture is looked up in the VM; s NULL:
 * it is only looked whether it can be read. 0, WEFT_ENONODE, WEFT_ETOOBIG, WEFT_EIO. */
int place_find(const struct args *a, struct session *s, struct place *p, struct weft_error *e);

#endif
