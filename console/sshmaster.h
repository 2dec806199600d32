/* sshmaster.h - a connection of ssh that the user has opened by a password, for the daemon's ssh to go through. */
#ifndef WEFT_CONSOLE_SSHMASTER_H
#define WEFT_CONSOLE_SSHMASTER_H

#include "base/err.h"

/* sshmaster_open - let ssh log in with our terminal, and leave its connection open.
 *
 * dir is the VM's folder, where the home node's ssh looks for the connection's socket; login "" when ssh decides. Waits
 * for the user as long as ssh does. The connection closes a few seconds after the last session through it.
 * 0; WEFT_EDENIED: ssh did not get in, and has said why; WEFT_EUNSUP, WEFT_ENOFILE, WEFT_ETOOBIG: e says why not.
 */
int sshmaster_open(const char *dir, const char *login, const char *host, struct weft_error *e);

#endif
