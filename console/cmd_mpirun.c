#include "config.h"

#include <stdio.h>

#include "console/args.h"
#include "console/context.h"
#include "console/exitcode.h"
#include "console/help.h"
#include "console/mpirun.h"

static int run(struct context *c, struct mpirun *m)
{
	struct args a;
	struct weft_error e;
	int status = EXITCODE_FAILURE;
	if (args_parse(&cmd_run, DIALECT_WEFT, m->argc, m->argv, &a, &e))
		context_error(c, "%s", e.text);
	else
		status = cmd_run.exec(c, &a);
	args_fini(&a);
	return status;
}

static int exec_mpirun(struct context *c, const struct args *a)
{
	struct mpirun m;
	struct weft_error e;
	int status = EXITCODE_FAILURE;
	/* The words behind the command's name; operands[-1] is the name. */
	if (mpirun_translate(a->noperands + 1, a->operands - 1, &m, &e)) {
		context_error(c, "%s", e.text);
	} else if (m.wanted == MPIRUN_HELP) {
		help_command(&cmd_mpirun, stdout, c->interactive, c->dialect);
		status = 0;
	} else if (m.wanted == MPIRUN_VERSION) {
		printf("weft %s\n", PACKAGE_VERSION);
		status = 0;
	} else {
		status = run(c, &m);
	}
	mpirun_fini(&m);
	return status;
}

const struct command cmd_mpirun = {
        .name          = "mpirun",
        .alias         = "mpiexec",
        .summary       = "run programs, with the options of mpirun and mpiexec",
        .operands      = "[OPTION ...] PROGRAM [ARGUMENT ...] [: ...]",
        .operand       = ARG_PROGRAM,
        .noperands_max = -1,
        .flags         = CMD_RAW,
        .man =
                "Takes what people type after mpirun and mpiexec, with one dash or two, and does what `weft run` does "
                "with it; `weft help run` says more. Programs may be linked with Weft, with Open MPI, with MPICH or with "
                "nothing of the kind.\n\n"
                "How many and where: `-n`, `-np`, `-c` N; `-N`, `-ppn`, `-npernode`, `-perhost` N; `--host`, `-H`, "
                "`-hosts` HOST,...; `--hostfile`, `--machinefile`, `-f` FILE; `--map-by`, `--bynode`, `--byslot`; "
                "`--bind-to`; `--oversubscribe`, `--nooversubscribe`; `--display-map`, `--report-bindings`.\n\n"
                "Environment: `-x NAME[=VALUE]`; `-genv NAME VALUE`, `-genvlist NAME,...`, `-genvall`, and the same with "
                "`-env`; `-mca NAME VALUE` becomes the variable OMPI_MCA_NAME, which Open MPI's programs read; "
                "`-wdir`, `-wd` DIR.\n\n"
                "Input and output: `-l`, `--tag-output`, `-prepend-rank`; `--output-filename FILE`; `--stdin none`; "
                "`-q`; `--timeout SECONDS`.\n\n"
                "`--rank-by`, `-launcher`, `-rmk`, `-iface` and `--prefix` are read and have no effect, as "
                "`--allow-run-as-root` and `-v`. An unknown option is an error that names the nearest one.",
        .examples = "weft mpirun -np 4 --bind-to core ./solver\n"
                    "weft mpirun -n 1 ./master : -n 8 -env LEVEL 2 ./worker\n",
        .exec = exec_mpirun,
};
