/* behind.h - the MPI behind a command line: of the program itself, or of one that it starts.
 *
 * Seen are programs behind wrappers (numactl, env, timeout …) and behind any other program when they are arguments with
 * a '/'; programs that a shell script names (script.h), or the text of sh -c; and Python programs that import mpi4py, by
 * the MPI that mpi4py is linked with. Bounded in files and depth; what is not seen belongs to no family.
 */
#ifndef WEFT_NODE_BEHIND_H
#define WEFT_NODE_BEHIND_H

#include "node/family.h"

struct behind_command {
	int dirfd; /* relative names are relative to it; or AT_FDCWD */
	const char *path; /* where argv[0] was found */
	char *const *argv, *const *env;
};

/* library: as from family_find; for FAMILY_UNCLEAR, which programs of two MPIs. */
enum family behind_find(const struct behind_command *c, char library[FAMILY_LIBRARY]);

/* The value of a variable of such an environment; NULL: it is not there. */
const char *behind_variable(char *const *env, const char *name);

#endif
