/* exe.h - where the programs of Weft are that another one starts: weftd, weft-taskvm, weft-coord. */
#ifndef WEFT_BASE_EXE_H
#define WEFT_BASE_EXE_H

#include <stddef.h>

#include "base/err.h"

/* The path of the program `name`, of the room `room` ("node", "coord"), into path[size]: in $WEFT_LIBEXECDIR
 * and nowhere else when that is set; else beside the running program, in its ../libexec/weft, in its build tree,
 * or where it was configured to be installed. 0, WEFT_ENOFILE (the text says where it was looked for), WEFT_ETOOBIG. */
int weft__exe_find(const char *room, const char *name, char *path, size_t size, struct weft_error *e);

/* The folder of the running program itself; libtool keeps it one folder below in a build tree, which is left out. 0 or
 * WEFT_EIO. */
int weft__exe_folder(char *path, size_t size, struct weft_error *e);

#endif
