/* blame.h - why a node that was to be started did not come, and what mends it. */
#ifndef WEFT_NODE_BLAME_H
#define WEFT_NODE_BLAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* What is known of an attempt. */
struct blame_case {
	const char *launcher; /* "ssh" */
	const char *host;     /* as the user called it */
	const char *target;   /* what was dialled: "alice@10.0.0.7" */
	int status;           /* of the launcher's command; -1: it still runs, and its time is over */
	const char *said;     /* the last of its output */
	const char *release;  /* the daemon there says that it is this; "": it said nothing, so it did not run */
	unsigned protocol;
	const char *addresses; /* of home, which the daemon was told */
	uint16_t port;         /* of home */
	unsigned limit_s;      /* its time */
};

struct blame {
	int code;
	char text[512]; /* what happened, and the likely cause */
	char fix[256];  /* the command that mends it, or "" */
};

void blame_find(const struct blame_case *c, struct blame *b);

/* The launcher's own program can't be run: which, and why. */
void blame_missing(const char *launcher, const char *program, const char *why, struct blame *b);

#endif
