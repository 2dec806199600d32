/* attach: the console of a VM that is up, also of a batch job's on other machines.
 *
 * Happy path: without a job it is the console, which starts no VM. With one the batch system runs the same on the
 * job's first machine, with our terminal: srun --overlap, as a step of that job and within its limits.
 *
 * What can go wrong: Slurm is not here, the job is none of ours, waits or has ended: squeue is asked first, and what it
 * says is told in our words with what to do; no VM is up in the job: the console there says so.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
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

/* Why there is no attaching to a job of which squeue says "STATE USER", or no more than why not. */
static bool is_ours(struct context *c, const char *id, const char *answer)
{
	char state[32] = "", user[64] = "";
	const struct passwd *me = getpwuid(geteuid());
	int n = sscanf(answer, "%31s %63s", state, user);
	if (n < 1 || strstr(answer, "Invalid job id"))
		context_error(c, "Slurm has no job %s: it has ended, or its number is another; see: squeue --me", id);
	else if (n < 2 || strspn(state, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") != strlen(state))
		context_error(c, "Slurm does not answer: %.200s; see: scontrol ping", answer);
	else if (geteuid() != 0 && me && strcmp(me->pw_name, user) != 0)
		context_error(c, "job %s is %s's, and a virtual machine is its user's alone", id, user);
	else if (!strcmp(state, "PENDING") || !strcmp(state, "CONFIGURING"))
		context_error(c, "job %s has not begun (%s); see: squeue --start --jobs=%s", id, state, id);
	else if (strcmp(state, "RUNNING") != 0)
		context_error(c, "job %s does not run any more (%s)", id, state);
	else
		return true;
	return false;
}

static bool check_slurm(struct context *c, const char *id)
{
	char question[160], answer[256] = "";
	snprintf(question, sizeof question, "LC_ALL=C squeue --noheader --format='%%T %%u' --jobs=%.60s 2>&1", id);
	fflush(stdout);
	FILE *f = popen(question, "re");
	size_t n = f ? fread(answer, 1, sizeof answer - 1, f) : 0;
	int status = f ? pclose(f) : -1;
	answer[n] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == COMMAND_NOT_FOUND) {
		context_error(c, "there is no Slurm here (no squeue in PATH); log in to a machine of the cluster: "
		              "ssh LOGIN-NODE weft attach slurm:%s", id);
		return false;
	}
	return is_ours(c, id, answer);
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
	if (!check_slurm(c, colon + 1))
		return EXITCODE_FAILURE;
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
