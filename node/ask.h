/* ask.h - what a task VM asks the coordinator for, on behalf of the MPI that it hosts.
 *
 * Each question has a number > 0 and calls its `done` once, never from within the call that asked; 0 instead of a
 * number: no memory, and done will not be called. Texts and arrays that done gets are valid during the call.
 * When weftd crashes the questions go on with the one that takes its place.
 */
#ifndef WEFT_NODE_ASK_H
#define WEFT_NODE_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct taskvm;

/* --- spawning ----------------------------------------------------------------------------------- */

struct ask_program {
	uint32_t count;
	const char *host;        /* as in SPAWN; NULL: any */
	const char *wdir;        /* NULL: the node's own */
	const char *const *argv; /* ends with NULL */
	const char *const *env;  /* likewise; the whole environment */
	unsigned mpi;            /* WEFT__MPI_* */
};

struct ask_job {
	int code; /* why not one task was started, or 0 */
	const char *text;
	uint32_t job, size;
	const uint64_t *tids;   /* [size] by rank */
	const uint64_t *errors; /* [size] 0, or an error's number without its sign */
};

typedef void ask_spawned_fn(void *arg, const struct ask_job *j);

/* parent: the task of this job that asks. hosting: for the task VMs of the new job (vm->hosting there); at most 16 KiB. */
uint64_t ask_spawn(struct taskvm *vm, const struct ask_program *programs, size_t nprograms, uint64_t parent,
                   const void *hosting, size_t nhosting, ask_spawned_fn *done, void *arg);

/* --- names: the VM's name store. What a task VM puts goes with it. ------------------------------------- */

typedef void ask_result_fn(void *arg, int code, const char *text);
typedef void ask_value_fn(void *arg, int code, const void *value, size_t nbytes);

uint64_t ask_name_put(struct taskvm *vm, const char *name, const void *value, size_t nbytes, bool replace,
                      ask_result_fn *done, void *arg); /* WEFT_EEXIST, WEFT_ENOSPC */
uint64_t ask_name_get(struct taskvm *vm, const char *name, bool wait, ask_value_fn *done, void *arg); /* WEFT_ENOENT */
uint64_t ask_name_del(struct taskvm *vm, const char *name, ask_result_fn *done, void *arg); /* WEFT_ENOENT */

/* --- other jobs: where their tasks are ------------------------------------------------------------- */

typedef void ask_team_fn(void *arg, int code, const uint64_t *tids, uint32_t size); /* by rank */

uint64_t ask_team(struct taskvm *vm, uint32_t job, ask_team_fn *done, void *arg); /* WEFT_ENOTASK */

/* --- signals and ends ---------------------------------------------------------------------------- */

uint64_t ask_signal(struct taskvm *vm, uint64_t tid, uint32_t job, int signo, ask_result_fn *done, void *arg);

/* End the whole job with this exit code: all its tasks are killed, the user is told why. No answer; the first one counts. */
void ask_abort(struct taskvm *vm, uint64_t tid, int exit_code, const char *text);

/* Its done is not called any more. 0 and numbers of the past are fine. */
void ask_cancel(struct taskvm *vm, uint64_t number);

#endif
