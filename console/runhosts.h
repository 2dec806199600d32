/* runhosts.h - the machines that a run asks for. */
#ifndef WEFT_CONSOLE_RUNHOSTS_H
#define WEFT_CONSOLE_RUNHOSTS_H

#include "console/adder.h"
#include "console/hostfile.h"
#include "console/plan.h"

struct runhosts {
	struct hostfile list; /* those to be there */
	bool only;            /* tasks that name no host go to these alone */
	char *names;          /* what plan.hosts points to, or NULL */
};

/* From --hostfile, and for a VM of the run's own (private_vm) from --host. 0, WEFT_EINVAL …; due: runhosts_fini. */
int runhosts_read(struct runhosts *h, const struct plan *p, bool private_vm, struct weft_error *e);

/* Makes them nodes of the VM, and tasks go there. Complains itself: 0 or an error; all must come. */
int runhosts_bring(struct runhosts *h, struct context *c, struct session *s, struct plan *p, bool private_vm);
void runhosts_fini(struct runhosts *h);

#endif
