/* pvmenv.h - the environment of tasks that are spawned in PVM's dialect. */
#ifndef WEFT_CONSOLE_PVMENV_H
#define WEFT_CONSOLE_PVMENV_H

#include "base/err.h"
#include "console/environ.h"

/* Programs are looked for in PVM's folders first; those that were compiled for PVM find Weft's libraries. 0 or
 * WEFT_ENOMEM, WEFT_ETOOBIG. */
int pvmenv_put(struct environ_list *env, struct weft_error *e);

/* The script that starts a program under a debugger: $PVM_DEBUGGER, $PVM_ROOT/lib/debugger. 0 or WEFT_ENOFILE. */
int pvmenv_debugger(char *path, size_t size, struct weft_error *e);

#endif
