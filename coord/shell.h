/* shell.h - the coordinator's process around its core: links, timers, journal. */
#ifndef WEFT_COORD_SHELL_H
#define WEFT_COORD_SHELL_H

#include "base/err.h"
#include "coord/coord.h"
#include "link/link.h"

struct shell_options {
	const char *dir; /* the VM's folder */
	struct coord_options core;
	uint8_t key[LINK_KEY_BYTES]; /* the VM's */
	bool batch;                  /* SIGTERM comes from a batch system and is its home node's business */
	int home_fd;                 /* the home node's daemon, connected already; -1: it comes to coord.sock */
};

/* Serves until the VM ends. 0: it has ended and the journal is gone; WEFT_EEXIST: another coordinator serves it;
 * other errors: the journal stays, a new process may carry on. The text says what was wrong. */
int shell_run(const struct shell_options *options, struct weft_error *e);

#endif
