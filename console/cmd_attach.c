/* attach: the console of a VM that is up, also of a batch job's on other machines.
 *
 * Happy path: without a job it is the console, which starts no VM. With one the batch system runs the same on the
 * job's first machine, with our terminal: srun --overlap, as a step of that job and within its limits.
 *
 * What can go wrong: the job is none of ours, or has ended: srun says so; no VM is up in it: the console there does.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console/console.h"
#include "console/context.h"
#include "console/exitcode.h"

enum { WORDS_MAX = 16, COMMAND_NOT_FOUND = 127 };

static bool is_job_id(const char *id)
{
	return *id && strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-") == strlen(id) && *id != '-';
}

/* What runs there finds the job's VM by the job's variables. */
static void set_vm(const char *vm)
{
	unsetenv("WEFT_DIR");
	if (vm)
		setenv("WEFT_VM", vm, 1);
	else
		unsetenv("WEFT_VM");
}

static int attach_slurm(struct context *c, const char *id, char **command, int nwords)
{
	char job[64], self[PATH_MAX];
	const char *argv[WORDS_MAX + 64];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	size_t n       = 0;
	if (length < 0) {
		context_error(c, "cannot read /proc/self/exe: %s", strerror(errno));
		return EXITCODE_FAILURE;
	}
	self[length] = '\0';
	snprintf(job, sizeof job, "--jobid=%.40s", id);
	const char *const words[] = {"srun", job,          "--overlap",    "--mpi=none", "--nodes=1",
	                             "--ntasks=1", "--relative=0", "--immediate=10", "--quiet"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		argv[n++] = words[i];
	if (isatty(0) && isatty(1))
		argv[n++] = "--pty";
	argv[n++] = self;
	if (nwords == 0)
		argv[n++] = "attach";
	for (int i = 0; i < nwords && n < sizeof argv / sizeof *argv - 1; i++)
		argv[n++] = command[i];
	argv[n] = NULL;
	fflush(stdout);
	execvp(argv[0], (char *const *)argv);
	int error = errno;
	context_error(c, "cannot run srun: %s; is this a machine of the cluster?", strerror(error));
	return error == ENOENT ? COMMAND_NOT_FOUND : EXITCODE_FAILURE;
}

static int exec_attach(struct context *c, const struct args *a)
{
	const char *vm = args_text(a, OPT_VM);
	if (a->noperands == 0) {
		if (vm)
			set_vm(vm);
		return console_run(c, &(struct console_start){.attach = true});
	}
	const char *target = a->operands[0], *colon = strchr(target, ':');
	if (!colon || !is_job_id(colon + 1)) {
		context_error(c, "'%.60s' is no job; it looks like slurm:1234", target);
		return EXITCODE_FAILURE;
	}
	if (strncmp(target, "slurm:", 6)) {
		context_error(c, "only jobs of Slurm can be attached to; log in to the job's first machine and run there: "
		              "WEFT_VM=%.*s-%s weft attach",
		              (int)(colon - target), target, colon + 1);
		return EXITCODE_FAILURE;
	}
	set_vm(vm);
	return attach_slurm(c, colon + 1, a->operands + 1, a->noperands - 1);
}

static const struct option_def options[] = {OPTION_VM, OPTION_HELP, OPTION_END};

const struct command cmd_attach = {
        .name          = "attach",
        .summary       = "have the console of a virtual machine that is up, or of a batch job's",
        .operands      = "[slurm:JOBID] [COMMAND ...]",
        .operand       = ARG_TEXT,
        .noperands_max = 60,
        .flags         = CMD_SHELL | CMD_PROGRAM,
        .options       = options,
        .man           = "Without a job this is the console, but one that never starts a virtual machine. With a job it runs on "
                         "the first machine of that job, as a step of it; a COMMAND runs there in place of the console.",
        .examples      = "# in a job script\nweft up\n# on the login node, meanwhile\nweft attach slurm:1234\n"
                         "weft attach slurm:1234 ps\n",
        .exec          = exec_attach,
};
