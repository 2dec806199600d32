/* pmi1.h - the server's side of PMI-1, the wire protocol by which programs linked with MPICH find each other. Pure: bytes
 * of a rank go in, calls of pmi1_ops come out; no I/O.
 *
 * One server has the ranks of one job on one node, by their local rank. Happy path of a rank: init, get_maxes and the like;
 * it puts keys; barrier_in; when all local ranks are in a barrier `fence` gets the keys that are new, and the owner
 * brings what the other nodes have by pmi1_fence_add and ends the barrier by pmi1_fence_end; it gets keys;
 * finalize. Questions of names and spawns go to the owner, who answers later; a rank has one question at a time.
 *
 * What can go wrong: bytes that are no PMI-1, a command that nobody knows, a key-value space that is not the
 * job's, more than the bounds, a second init, a question while another is open: `bad` is called once, and
 * nothing more is read from that rank. A key that is not there, a name that is taken or not there, a spawn
 * that fails are errors that the rank is told.
 */
#ifndef WEFT_NODE_PMI1_H
#define WEFT_NODE_PMI1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PMI1_LINE_MAX  = 4096,       /* bytes of a line with its newline */
	PMI1_SPAWN_MAX = 128 * 1024, /* of all lines that describe one spawn */
	PMI1_FENCE_MAX = 8 << 20,    /* of the keys that are new at a barrier */
};

/* Where a rank stands. */
enum pmi1_state {
	PMI1_NEW,   /* has said nothing */
	PMI1_OPEN,  /* after init */
	PMI1_FINAL, /* after finalize */
	PMI1_BAD,   /* not listened to any more */
};

enum pmi1_name { PMI1_PUBLISH = 1, PMI1_UNPUBLISH, PMI1_LOOKUP };

/* One program of a spawn. */
struct pmi1_program {
	uint32_t count;
	const char **argv; /* ends with NULL; argv[0] is the program */
	const char *host, *wdir; /* of the info, or NULL */
};

struct pmi1_spawn {
	struct pmi1_program *programs;
	size_t nprograms;
	const char *preput; /* "KEY VALUE\n" for each key that the new job is to find */
	size_t npreput;
	uint32_t count; /* tasks in all */
};

/* What the server wants of its owner; local is the local rank. */
struct pmi1_ops {
	void (*reply)(void *arg, uint32_t local, const char *line, size_t n); /* ends with a newline */
	void (*fence)(void *arg, const void *bytes, size_t n); /* all local ranks are in; answered by pmi1_fence_end */
	void (*name)(void *arg, uint32_t local, enum pmi1_name op, const char *service, const char *port);
	void (*spawn)(void *arg, uint32_t local, const struct pmi1_spawn *s); /* valid during the call */
	void (*abort)(void *arg, uint32_t local, int exit_code);
	void (*bad)(void *arg, uint32_t local, const char *why);
};

struct pmi1_job {
	const char *name; /* of its key-value space */
	uint32_t nlocal, universe;
};

struct pmi1;

int pmi1_create(const struct pmi1_job *job, const struct pmi1_ops *ops, void *arg, struct pmi1 **s); /* 0, WEFT_ENOMEM */
void pmi1_destroy(struct pmi1 **s);

/* A key that is there from the beginning; as keys_put. Lines "KEY VALUE\n" likewise, as far as they make sense. */
int pmi1_preput(struct pmi1 *s, const char *key, const char *value);
void pmi1_preput_lines(struct pmi1 *s, const char *lines, size_t n);

void pmi1_set_program(struct pmi1 *s, uint32_t local, uint32_t program); /* which of the job's programs it runs */
void pmi1_input(struct pmi1 *s, uint32_t local, const void *bytes, size_t n);
enum pmi1_state pmi1_state(const struct pmi1 *s, uint32_t local);

uint32_t pmi1_waiting(const struct pmi1 *s); /* how many are in a barrier */

/* What another node gave to its fence. False: it makes no sense. */
bool pmi1_fence_add(struct pmi1 *s, const void *bytes, size_t n);
void pmi1_fence_end(struct pmi1 *s);

/* port: of a lookup that found it. code 0, or an error. */
void pmi1_name_done(struct pmi1 *s, uint32_t local, int code, const char *port);

/* errors[count]: 0 or an error for each task; code: none was started. */
void pmi1_spawn_done(struct pmi1 *s, uint32_t local, int code, const uint64_t *errors, uint32_t count);

/* A value for PMI_process_mapping of at most KEYS_VALUE_MAX bytes: node_of[size] by rank, nodes numbered from 0. False: it
 * does not fit (then there must be none: MPICH compares host names). */
bool pmi1_mapping(const uint32_t *node_of, uint32_t size, char *text, size_t room);

#endif
