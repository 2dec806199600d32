/* mpirun.h - what people type after mpirun and mpiexec, in the words of weft run. */
#ifndef WEFT_CONSOLE_MPIRUN_H
#define WEFT_CONSOLE_MPIRUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct mpirun {
	char **argv; /* "run" and its arguments; argv[argc] is NULL */
	int argc, cap;
	bool counted; /* the program that comes next has its number of tasks */
	bool named;   /* a program came */
	enum { MPIRUN_RUN, MPIRUN_HELP, MPIRUN_VERSION } wanted;
};

/* argv[1..argc-1] is read as Open MPI's mpirun and MPICH's mpiexec read it. 0; WEFT_EINVAL: the text names the option and
 * what was most probably meant; WEFT_ENOMEM. Whatever it returns, mpirun_fini is due. */
int mpirun_translate(int argc, char *const *argv, struct mpirun *m, struct weft_error *e);
void mpirun_fini(struct mpirun *m);

#endif
