#include "config.h"

#include "base/environ.h"

#include <stddef.h>
#include <string.h>

const char *const weft__environ_own[] = {
        "WEFT_FD",   "WEFT_TID", "WEFT_RANK", "WEFT_SIZE",    "WEFT_JOB",       "WEFT_NODE",      "WEFT_DIR",
        "WEFT_VM",   "WEFT_CPUS", /* a task */
        "WEFT_STANDIN",           /* what a tasker of PVM's starts in place of one */
        "WEFT_TASKVM_FD",         /* a task VM */
        "WEFTD_OWNER_FD",         /* a daemon */
        "WEFT_COORD_FD",          /* a coordinator */
        NULL,
};

bool weft__environ_is_own(const char *assignment)
{
	for (const char *const *name = weft__environ_own; *name; name++) {
		size_t n = strlen(*name);
		if (strncmp(assignment, *name, n) == 0 && assignment[n] == '=')
			return true;
	}
	return false;
}
