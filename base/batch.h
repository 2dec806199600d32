/* batch.h - which batch job this process is in, as its environment says.
 *
 * A batch system hands out machines for a time and tells by variables which ones. A virtual machine of a job
 * has a name of its own, "slurm-1234", so that each process of the job finds it and no other.
 */
#ifndef WEFT_BASE_BATCH_H
#define WEFT_BASE_BATCH_H

#include <stdbool.h>

enum weft__batch_system {
	WEFT__BATCH_NONE,
	WEFT__BATCH_SLURM,
	WEFT__BATCH_PBS, /* and Torque */
	WEFT__BATCH_SGE, /* Grid Engine, a job of a parallel environment */
	WEFT__BATCH_FLUX,
	WEFT__BATCH_LSF,
};

enum { WEFT__BATCH_ID_TEXT = 41, WEFT__BATCH_VM_TEXT = 65 };

struct weft__batch_job {
	enum weft__batch_system system;
	char id[WEFT__BATCH_ID_TEXT]; /* letters, digits, '.', '_' and '-' only */
};

typedef const char *(*weft__batch_env)(const char *name); /* NULL: there is no such variable */

const char *weft__batch_getenv(const char *name); /* of this process */

/* "slurm", as it stands in the name of a VM. */
const char *weft__batch_name(enum weft__batch_system system);

/* False: in no job that has a list of machines; *job is not touched. */
bool weft__batch_job(weft__batch_env env, struct weft__batch_job *job);

/* The name of the job's VM. */
void weft__batch_vm(const struct weft__batch_job *job, char name[WEFT__BATCH_VM_TEXT]);

/* How many processes the batch system itself started as one parallel program of which this is one, when they are
 * not those of an MPI, which know of each other; else 1. */
unsigned weft__batch_copies(weft__batch_env env);

#endif
