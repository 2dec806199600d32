/* keeper.h - the process above weftd that starts another one when it crashes, and what outlives the crash. */
#ifndef WEFT_NODE_KEEPER_H
#define WEFT_NODE_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { KEEPER_CHILDREN = 65536 };

enum keeper_kind {
	KEEPER_COORD = 1,
	KEEPER_TASKVM, /* of a job */
	KEEPER_SPARE,  /* a task VM without one */
	KEEPER_OTHER,
};

struct keeper_child {
	pid_t pid; /* 0: a free place */
	enum keeper_kind kind;
};

/* Memory that the keeper and its daemons share. Written by the daemon that lives, and by the keeper, who forgets children
 * that have ended; read by the next one. */
struct keeper_notes {
	uint32_t crashes; /* daemons before this one */
	bool served;      /* one has been up: it is worth another one */
	bool halting;     /* the node was on its way down */
	bool ended;       /* the daemon ends in order */
	uint32_t last_client;
	size_t nheld; /* connections of tasks from outside */
	char listen_address[64];
	size_t nchildren; /* places that have ever been used */
	struct keeper_child children[KEEPER_CHILDREN]; /* that daemons have started and nobody has reaped */
};

/* Descriptors that the next daemon needs; they wait in a socket, which holds them open. */
enum keeper_pocket { KEEPER_LOCK = 1, KEEPER_UNIX, KEEPER_TCP, KEEPER_POCKETS };

/* A task from outside, whose connection waits there, too. */
struct keeper_held {
	uint64_t tid;
	uint32_t client, job;
};

enum { KEEPER_HELD_MAX = 4096 }; /* what a socket's queue takes may be less */

struct keeper {
	struct keeper_notes *notes;
	int pocket[2]; /* what is put in at one end is found at the other */
	int held[2];   /* the same, for keeper_held */
	int words[2];  /* from the keeper [0] to the daemon [1]: struct keeper_word */
};

/* A child of an earlier daemon, which is the keeper's now, has ended. */
struct keeper_word {
	pid_t pid;
	int status;
};

/* Runs `daemon` in a process of its own, again and again as long as it crashes; what it returns is its exit status.
 * Returns in the keeper, with the status to exit with, and in each daemon, with the daemon's. clean is called when
 * the keeper gives up, to remove what the daemon can't any more. */
int keeper_run(struct keeper *k, int (*daemon)(void *arg), void (*clean)(void *arg), void *arg);

/* In the daemon. */
void keeper_child_add(struct keeper *k, pid_t pid, enum keeper_kind kind);
void keeper_child_is(struct keeper *k, pid_t pid, enum keeper_kind kind); /* from now on */
void keeper_child_remove(struct keeper *k, pid_t pid);
void keeper_put(struct keeper *k, enum keeper_pocket what, int fd); /* a copy; in place of what was there */
int keeper_take(struct keeper *k, enum keeper_pocket what);        /* a copy; -1: there is none */
void keeper_hold(struct keeper *k, const struct keeper_held *h, int fd); /* a copy */
void keeper_drop(struct keeper *k, uint32_t client);
/* What is held; each gets a copy of the descriptor to keep. */
void keeper_each_held(struct keeper *k, void (*each)(void *arg, const struct keeper_held *h, int fd), void *arg);
bool keeper_hear(struct keeper *k, struct keeper_word *word);      /* false: nothing more */

#endif
