/* machines.h - the machines of a batch job become nodes of its virtual machine. */
#ifndef WEFT_CONSOLE_MACHINES_H
#define WEFT_CONSOLE_MACHINES_H

#include "base/err.h"
#include "console/allocation.h"
#include "console/session.h"

enum {
	MACHINES_MS   = 15000, /* each has come, or has failed, within this */
	MACHINES_TEXT = 2400,
};

/* The allocation whose VM is meant when none is named. a->n is 0 outside of a job, in a task, and where WEFT_VM names
 * another VM. An error: it can't be read, e says why. Due in any case: allocation_fini. */
int machines_find(struct allocation *a, struct weft_error *e);

/* How many tasks the nodes of the VM that s is connected to are for; 0: it can't be known. */
unsigned machines_slots(struct session *s);

/* The VM that s is connected to was just started here: starts a daemon on each other machine by the batch system's
 * own means and tells the VM how many tasks each is for. 0 when all are there; else text names the first one that is
 * not, with the cause, and in further lines what its launcher said and the command that mends it. */
int machines_join(struct session *s, const struct allocation *a, char text[static MACHINES_TEXT]);

#endif
