/* taskvm_pmix.h - a task VM that hosts Open MPI: what its files share. mpi_part.h has the words. */
#ifndef WEFT_NODE_TASKVM_PMIX_H
#define WEFT_NODE_TASKVM_PMIX_H

#include <limits.h>
#include <pthread.h>

#include "node/mpi_part.h"
#include "node/mpi_shm.h"
#include "node/taskvm.h"

/* A space's name is "weft-VM-JOB-SECRET"; behind it, when not all of the job's tasks are Open MPI's, this and those that
 * are (world.h). */
#define PMIX_PART_SIGN "-@"

/* A job that our tasks know of. */
struct pmix_space {
	struct weft__list link;    /* in taskvm_pmix.spaces */
	uint32_t job;
	char name[MPI_SPACE_MAX + 1];
	struct world world;        /* when it is known */
	bool known, told;          /* told: libpmix knows it, too */
	struct weft__list waiting; /* pmix_wait.link */
};

/* Somebody who goes on when a space is known, or can't be. */
struct pmix_wait {
	struct weft__list link;
	void (*go_on)(struct taskvm *vm, struct mpi_request *r, int code);
	struct mpi_request *r;
};

struct taskvm_pmix {
	const struct mpi_part *part;
	struct mpi_host host;
	char space[MPI_SPACE_MAX + 1], node[MPI_NODE_NAME_ROOM];
	char folder[PATH_MAX], shm[MPI_SHM_PATH], interface[32];
	char **env;                /* of the first LAUNCH: what tasks that ours spawn get, too */
	struct weft__list spaces;
	struct weft__list lookups; /* those with a deadline */
	struct weft__list fetches; /* modexes that other task VMs answer */
	uint64_t last_token;

	/* libpmix's threads put requests here */
	pthread_mutex_t lock;
	struct mpi_request *first, **last;
	int wake; /* eventfd */
};

/* What the task VM of a task that calls MPI_Comm_spawn gives those of the new job: LAUNCH.hosting. */
enum { PMIX_HOSTING_MARK = 0x58494d50, PMIX_SECRET_BYTES = 16 };
struct pmix_hosting {
	uint32_t mark, rank;             /* who spawns ... */
	char space[MPI_SPACE_MAX + 1];   /* ... and its space */
	uint8_t secret[PMIX_SECRET_BYTES]; /* the new job's */
};

/* taskvm_pmix.c */
void pmix_space_name(const struct taskvm *vm, uint32_t job, const uint8_t secret[PMIX_SECRET_BYTES],
                     char name[MPI_SPACE_MAX + 1]); /* of a job whose tasks are all Open MPI's */
int pmix_secret_make(uint8_t secret[PMIX_SECRET_BYTES]);
int pmix_tell_space(struct taskvm *vm, const struct world *w, const char *name);
void pmix_answer_to(struct taskvm *vm, struct mpi_request **r, int code); /* nothing but a code */

/* taskvm_pmix_wish.c: what tasks want. */
void pmix_wish(struct taskvm *vm, struct mpi_request *r);

/* taskvm_pmix_space.c: other jobs, and data of tasks that live elsewhere. */
struct pmix_space *pmix_space_find(struct taskvm *vm, const char *name); /* NULL: no such name, or no memory */
int pmix_space_learn(struct taskvm *vm, struct pmix_space *s, const uint64_t *tids, uint32_t size);
void pmix_need(struct taskvm *vm, struct mpi_request *r,
               void (*go_on)(struct taskvm *vm, struct mpi_request *r, int code)); /* all spaces of r->procs */
void pmix_modex(struct taskvm *vm, struct mpi_request *r);
void pmix_fetched(struct taskvm *vm, struct mpi_request *r);
uint64_t pmix_fetch_due_ns(const struct taskvm *vm);
void pmix_fetch_timers(struct taskvm *vm, uint64_t now_ns);

#endif
