/* doctor_net.h - which nodes reach which, by which addresses, and what a firewall has to let through. */
#ifndef WEFT_CONSOLE_DOCTOR_NET_H
#define WEFT_CONSOLE_DOCTOR_NET_H

#include <stdbool.h>

#include "console/context.h"

/* weft doctor net; returns the exit status. */
int doctor_net(struct context *c, const struct args *a);

#endif
