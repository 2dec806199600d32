#include "config.h"

#include "base/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A system is there when all its variables are; the first of them is the job's id. */
static const struct {
	enum weft__batch_system system;
	const char *name, *variables[2];
} systems[] = {
        {WEFT__BATCH_SLURM, "slurm", {"SLURM_JOB_ID", "SLURM_JOB_NODELIST"}},
        {WEFT__BATCH_PBS, "pbs", {"PBS_JOBID", "PBS_NODEFILE"}},
        {WEFT__BATCH_SGE, "sge", {"JOB_ID", "PE_HOSTFILE"}},
        {WEFT__BATCH_LSF, "lsf", {"LSB_JOBID", "LSB_MCPU_HOSTS"}},
        {WEFT__BATCH_FLUX, "flux", {"FLUX_JOB_ID", "FLUX_URI"}}, /* last: it runs in jobs of others as well */
};

enum { NSYSTEMS = sizeof systems / sizeof *systems };

const char *weft__batch_getenv(const char *name)
{
	return getenv(name);
}

const char *weft__batch_name(enum weft__batch_system system)
{
	for (size_t i = 0; i < NSYSTEMS; i++)
		if (systems[i].system == system)
			return systems[i].name;
	return "none";
}

static const char *value_of(weft__batch_env env, const char *name)
{
	const char *value = env(name);
	return value && *value ? value : NULL;
}

static void copy_id(char *to, const char *from)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	snprintf(to, WEFT__BATCH_ID_TEXT, "%s", from);
	for (; *to; to++)
		if (!strchr(allowed, *to))
			*to = '_';
}

bool weft__batch_job(weft__batch_env env, struct weft__batch_job *job)
{
	for (size_t i = 0; i < NSYSTEMS; i++) {
		const char *id = value_of(env, systems[i].variables[0]);
		if (!id || !value_of(env, systems[i].variables[1]))
			continue;
		job->system = systems[i].system;
		copy_id(job->id, id);
		return true;
	}
	return false;
}

void weft__batch_vm(const struct weft__batch_job *job, char name[WEFT__BATCH_VM_TEXT])
{
	snprintf(name, WEFT__BATCH_VM_TEXT, "%s-%s", weft__batch_name(job->system), job->id);
}

/* A batch script has SLURM_NTASKS as well; only a step has these. */
unsigned weft__batch_copies(weft__batch_env env)
{
	static const char *const counts[] = {"SLURM_STEP_NUM_TASKS", "FLUX_JOB_SIZE"};
	static const char *const ranks[]  = {"SLURM_PROCID", "FLUX_TASK_RANK"};
	static const char *const mpi[]    = {"PMI_FD", "PMI_PORT", "PMIX_NAMESPACE", "PMI2_FD"};
	for (size_t i = 0; i < sizeof mpi / sizeof *mpi; i++)
		if (value_of(env, mpi[i]))
			return 1;
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
		const char *count = value_of(env, counts[i]);
		unsigned long n   = count ? strtoul(count, NULL, 10) : 0;
		if (value_of(env, ranks[i]) && n > 1 && n < 1u << 30)
			return (unsigned)n;
	}
	return 1;
}
