/* taskvm_mpi.h - hosting programs of other MPIs: what the task VM's files see of it.
 *
 * taskvm_mpi.c decides who hosts a task and when a rank's end is the end of the job; taskvm_pmi1.c hosts MPICH's,
 * taskvm_pmix.c Open MPI's.
 */
#ifndef WEFT_NODE_TASKVM_MPI_H
#define WEFT_NODE_TASKVM_MPI_H

#include "node/taskvm.h"

/* --- for the task VM -------------------------------------------------------------------------------- */

/* Once for a LAUNCH whose program was found. 0, or why its tasks can't be hosted. */
int taskvm_mpi_prepare(struct taskvm *vm, struct taskvm_launch *l, struct weft_error *e);

/* Before a task is started: what it gets, t->variables and *fd (-1: none; it becomes TASKVM_PMI_FD). 0 or an errno. */
int taskvm_mpi_open(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, int *fd);
void taskvm_mpi_started(struct taskvm *vm, struct taskvm_task *t, bool runs); /* or it could not be started */
void taskvm_mpi_ended(struct taskvm *vm, struct taskvm_task *t);
void taskvm_mpi_clean(struct taskvm *vm); /* no process of the job is left here */

int taskvm_mpi_fd(const struct taskvm *vm); /* readable: call taskvm_mpi_ready; -1: nothing to wait for */
void taskvm_mpi_ready(struct taskvm *vm);

/* --- for the hosts ----------------------------------------------------------------------------------- */

/* End the job because of this task: "rank 2 (t20003, pid 815) on nodename " and what. The first one counts. */
void taskvm_mpi_blame(struct taskvm *vm, const struct taskvm_task *t, int exit_code, const char *what);

/* The same for a task that has ended, in the words of its status. */
void taskvm_mpi_blame_end(struct taskvm *vm, const struct taskvm_task *t, const char *when);

/* Add a variable for a task that is about to start. False: no memory. */
bool taskvm_mpi_variable(struct taskvm_task *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- taskvm_pmi1.c ------------------------------------------------------------------------------------- */

int taskvm_pmi1_prepare(struct taskvm *vm, struct taskvm_launch *l, struct weft_error *e);
int taskvm_pmi1_open(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, int *fd);
void taskvm_pmi1_started(struct taskvm *vm, struct taskvm_task *t, bool runs);
void taskvm_pmi1_ended(struct taskvm *vm, struct taskvm_task *t);
void taskvm_pmi1_clean(struct taskvm *vm);
void taskvm_pmi1_ready(struct taskvm *vm, struct taskvm_task *t, uint32_t events);

/* --- taskvm_pmix.c ------------------------------------------------------------------------------------- */

bool taskvm_pmix_spawned(const struct taskvm *vm); /* the job was, by a task of Open MPI */
int taskvm_pmix_prepare(struct taskvm *vm, struct taskvm_launch *l, struct weft_error *e);
int taskvm_pmix_open(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t);
void taskvm_pmix_ended(struct taskvm *vm, struct taskvm_task *t);
void taskvm_pmix_clean(struct taskvm *vm);
void taskvm_pmix_read(struct taskvm *vm); /* its descriptor in mpi_fds has no task */

#endif
