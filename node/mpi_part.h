/* mpi_part.h - what a task VM and the part of it that serves PMIx (weft-pmix.so) say to each other.
 *
 * The part alone knows libpmix, and runs libpmix's threads; the task VM loads it only for tasks that are linked with
 * Open MPI. The task VM calls the functions of struct mpi_part, from its one thread. Requests of the tasks come the
 * other way, through mpi_host.request, from a thread of libpmix: the host queues them, and answers each one, once,
 * when it can. Nothing here is a type of libpmix.
 */
#ifndef WEFT_NODE_MPI_PART_H
#define WEFT_NODE_MPI_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	MPI_PART_VERSION   = 2,
	MPI_SPACE_MAX      = 255, /* bytes of a space's name */
	MPI_NODE_NAME_ROOM = 24,
};
#define MPI_RANK_ALL UINT32_MAX /* every rank of its space */

/* A space is PMIx's word for a job. */
struct mpi_proc {
	char space[MPI_SPACE_MAX + 1];
	uint32_t rank;
};

struct mpi_bytes {
	void *p;
	size_t n;
};

/* A published value: what it is only the part knows. */
struct mpi_name {
	char *key;
	struct mpi_bytes value;
	bool read_once; /* it goes with the first look */
};

struct mpi_app {
	char **argv, **env; /* end with NULL; env on top of the asking job's */
	char *wdir, *host;  /* "": as the host likes */
	uint32_t ntasks;
};

enum mpi_wish {
	MPI_WISH_FENCE,     /* data of all task VMs that host procs: answer.data is theirs in a row */
	MPI_WISH_MODEX,     /* what procs[0], which lives elsewhere, has put: answer.data */
	MPI_WISH_ABORT,     /* end the job */
	MPI_WISH_PUBLISH,   /* names */
	MPI_WISH_LOOKUP,    /* names: the keys; answer.names */
	MPI_WISH_UNPUBLISH, /* names: the keys */
	MPI_WISH_SPAWN,     /* apps: answer.space */
	MPI_WISH_CONNECT,   /* procs of several spaces meet */
	MPI_WISH_DISCONNECT,
	MPI_WISH_PUT,      /* no request of a task but the result of mpi_part.fetch: code, data, token */
	MPI_WISH_BEGIN,    /* news: the task `from` has connected; takes no answer */
	MPI_WISH_FINISHED, /* news: it has finalized; takes no answer */
};

struct mpi_request {
	struct mpi_request *next; /* the host's */
	enum mpi_wish wish;
	struct mpi_proc from;
	struct mpi_proc *procs;
	size_t nprocs;
	struct mpi_bytes data;
	struct mpi_name *names;
	size_t nnames;
	struct mpi_app *apps;
	size_t napps;
	bool wait;          /* LOOKUP: until all are there ... */
	uint32_t timeout_s; /* ... or this time is over; 0: for ever */
	int code;           /* ABORT: the exit code; PUT: 0 or an error */
	char *text;         /* ABORT */
	uint64_t token;     /* PUT */
	void (*done)(void); /* the part's: libpmix's callback and its argument */
	void *done_arg;
};

struct mpi_answer {
	int code; /* 0 or an error of weft_base.h */
	struct mpi_bytes data;
	const struct mpi_name *names; /* those without a value were not found */
	size_t nnames;
	const char *space;
};

/* What the part needs of its host. */
struct mpi_host {
	void *arg;
	void (*request)(void *arg, struct mpi_request *r); /* from any thread; the request is the host's until answered */
	const char *folder;                               /* for libpmix's files */
	const char *node;                                 /* the node's name in mpi_space.nodes */
	const char *space;                                /* the job's */
};

/* A task that this task VM hosts. */
struct mpi_local {
	uint32_t rank, local_rank;
	uint32_t program; /* MPI_APPNUM */
};

/* A job as PMIx wants to know it. */
struct mpi_space {
	const char *name;
	uint32_t universe; /* how many tasks the VM likes to have */
	uint32_t nlocal;   /* tasks of it that this task VM hosts */
	const char *nodes; /* names with commas */
	const char *ranks; /* those of each node with commas, nodes with semicolons */
	const char *scratch;
	const struct mpi_local *locals; /* [nlocal] when the job has several programs; NULL: they have number 0 */
	const struct mpi_proc *parent; /* who spawned it, NULL: no task of an MPI */
};

struct mpi_part {
	int version; /* MPI_PART_VERSION */

	/* start - once, before all else. 0, or an error and why in text. */
	int (*start)(const struct mpi_host *host, char *text, size_t size);

	/* space - make a job known: this task VM's own, or one that its tasks meet. */
	int (*space)(const struct mpi_space *s);

	/* client - a task of the own job will start: *env is what it needs to connect, NAME=value, to be freed by drop. */
	int (*client)(uint32_t rank, char ***env);
	void (*drop)(char **env);

	/* answer - to a request; takes it. For news, too. */
	void (*answer)(struct mpi_request *r, const struct mpi_answer *a);

	/* fetch - what a task that is hosted here has put, for another task VM: comes as MPI_WISH_PUT, maybe at once. */
	int (*fetch)(const struct mpi_proc *who, uint64_t token);
};

/* The only symbol of weft-pmix.so. */
const struct mpi_part *weft_mpi_part(void);
#define MPI_PART_SYMBOL "weft_mpi_part"

#endif
