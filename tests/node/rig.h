/* rig.h - a real weftd with the test in the coordinator's place, and tools that talk to it.
 *
 * weft-coord is a script that sleeps; the test listens on the coordinator's socket itself (or it is the
 * true one, when a test wants a whole machine). All is in a
 * temporary folder, and what a failed test leaves is killed: the test is its subreaper.
 */
#ifndef TESTS_NODE_RIG_H
#define TESTS_NODE_RIG_H

#include <sys/types.h>

#include "tests/node/fake.h"

enum { RIG_FDS = 20 };

struct rig {
	char base[64], dir[80], nodedir[96], bin[80], log[96];
	pid_t pid; /* weftd, 0: has ended */
	int listener;
	struct fake coord, owner;
	uint64_t key[4];
	uint16_t port;       /* the daemon's, from its JOIN */
	uint64_t generation; /* of the tids of tasks that are launched */
	bool joined;         /* the coordinator's heartbeats go out by themselves, while the test waits for anything */
	uint64_t seen;       /* what they say */
	uint64_t npeers;     /* of which JOINED says that they follow */
};

struct rig_options {
	const char *extra[6]; /* more arguments */
	bool with_owner;
	int nofile; /* RLIMIT_NOFILE of the daemon, 0: as it is */
	bool real_coord; /* weft-coord itself */
};

void rig_make(struct rig *r, bool real_coord);               /* the folders only */
pid_t rig_spawn(struct rig *r, const struct rig_options *o); /* weftd only */
void rig_start(struct rig *r, const struct rig_options *o);  /* all, until it has joined */
pid_t rig_daemon(const struct rig *r);                       /* r->pid is its keeper */
void rig_kill(pid_t daemon);                                /* and its keeper: nobody takes its place */
void rig_join(struct rig *r, uint64_t epoch, uint64_t seen); /* take its connection as coordinator */
void rig_end(struct rig *r);                                 /* for teardown */

/* A test's fixtures: a rig in *state, without options. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* weftd has ended with that status, and of all that it started nothing is left, no folder either. */
void rig_assert_gone(struct rig *r, int status);
void rig_assert_no_children(void);

/* With the script in the coordinator's place: its pid when it ran for the n-th time, 0: it has not yet. */
pid_t rig_coord_pid(const struct rig *r, int nth);
pid_t rig_coord_wait(const struct rig *r, int nth);
void rig_confirm(struct rig *r);   /* as the coordinator: all that has come is on disk, so that task VMs may go */
void rig_beat(struct rig *r, uint64_t heard); /* a heartbeat of the coordinator's */
void rig_send_halt(struct rig *r); /* as the true coordinator does it: HALT is its last word */
void rig_halt(struct rig *r);      /* the same, and all is gone */

int rig_logged(const struct rig *r, const char *text); /* how often that is in the log */

void rig_tool(struct rig *r, struct fake *tool, uint64_t *client); /* says HELLO, is welcome */
void rig_connect(struct rig *r, struct fake *f, enum weft__role as);

void rig_team(struct rig *r, uint64_t job, uint64_t size);
uint64_t rig_tid(uint64_t job, uint64_t rank); /* generation 0 */

struct rig_launch {
	uint64_t job, ntasks, first, client, flags;
	const char *argv[8];
	bool more;
};
void rig_launch(struct rig *r, const struct rig_launch *l); /* TEAM and LAUNCH */

/* Two tasks of job 1 that read a line, the first one from the client's standard input; and their output, which says so. */
void rig_launch_readers(struct rig *r, uint64_t client);
void rig_expect_read(struct fake *tool, const char *line);

#endif
