/* coll.h - what teams and collectives are made of: messages between ranks, and the end of a team that fails.
 *
 * Room's map: team.c (making teams), coll.c (the messages and failure; barrier), coll_batch.c (several messages at once),
 * coll_hall.c (ranks of one node in shared memory), coll_bcast.c, coll_reduce.c (reduce, allreduce, scan), coll_gather.c (gather,
 * scatter, allgather), coll_alltoall.c, op.c.
 */
#ifndef WEFT_TASK_COLL_H
#define WEFT_TASK_COLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "task/engine.h"

struct weft_team {
	struct weft__engine *e;
	int rank, size;
	weft_tid_t *tids; /* [size] */

	/* Where its messages are: values under `context`, notices of failure under `notices`. */
	weft_context_t context, notices;
	int32_t tag;          /* of all its messages; the same on all ranks */
	uint32_t fingerprint; /* of tids: tells this team from an older one in the same context */
	enum weft__crowding { WEFT__CROWDED_UNKNOWN, WEFT__CROWDED_NO, WEFT__CROWDED_YES } crowding;
	struct weft__hall *hall; /* NULL: there is none, or not yet */
	uint32_t meeting;        /* the last one's number */
	int hall_calls;          /* collectives that could have met there, up to the one that decides */
	int failed;           /* 0, or what the team failed with: every later collective returns it */

	struct weft_team *root; /* the engine's job team */
	uint32_t splits_next;   /* root only, atomic: the lowest number that no split team of this task has had */
};

/* Shorter messages go the way with the fewest steps, longer ones the way with the fewest bytes. In a small team each talks
 * to each in one step: with more tasks than cores every further step is a turn of all others. There, what each tells
 * each goes by way of one rank: as many turns, and far fewer messages. */
enum {
	WEFT__FLAT_MAX       = 16,        /* ranks of a small team */
	WEFT__EACH_MAX       = 4,         /* ranks that tell each other directly also in a crowd */
	WEFT__FLAT_BYTES     = 2 * 1024,  /* bytes of a vector that goes whole to each of them */
	WEFT__BCAST_LONG     = 64 * 1024, /* bytes of the vector */
	WEFT__CROWD_BYTES    = 64 * 1024, /* bytes of a vector that goes by way of one rank in a crowd */
	WEFT__REDUCE_LONG    = 32 * 1024, /* bytes of the vector */
	WEFT__GATHER_LONG    = 16 * 1024, /* bytes of one rank's values */
	WEFT__ALLGATHER_LONG = 64 * 1024, /* bytes of all ranks' values */
	WEFT__ALLTOALL_LONG  = 512,       /* bytes from one rank to one other */
};

/* For tests, which have several engines: as weft_team_job and weft_team_create. */
weft_team_t *weft__team_job(struct weft__engine *e);
int weft__team_create(struct weft__engine *e, const weft_tid_t *tids, int n, weft_context_t context,
                      weft_team_t **out);

/* At the start of each collective: 0 with the bytes of one rank's values in *nbytes, or its error. */
int weft__coll_begin(weft_team_t *team, int64_t count, int type, int root, size_t *nbytes);

/* At its end: what the function of weft.h returns. A failure is told to all other ranks, so that
 * none waits for this one; the team is of no use any more. */
int weft__coll_end(weft_team_t *team, int rc);

/* Within one. Both ranks must agree on nbytes: WEFT_ETRUNC. WEFT_ENOTASK: the other is dead. Any other code is
 * what some rank of the team failed with. */
int weft__coll_send(weft_team_t *team, int to, const void *buf, size_t nbytes);
int weft__coll_recv(weft_team_t *team, int from, void *buf, size_t nbytes);

/* Both at the same time. */
int weft__coll_exchange(weft_team_t *team, int to, const void *sendbuf, size_t sendbytes, int from,
                        void *recvbuf, size_t recvbytes);

/* Wait for one of the engine's requests under way. */
int weft__coll_wait(weft_team_t *team, weft_request_t *request, weft_status_t *status);

/* What a receive of nbytes that ended with rc and this status comes to. */
int weft__coll_received(int from, size_t nbytes, int rc, const weft_status_t *status);

/* A short message is copied, whatever its receiver does: no request is needed for it. */
bool weft__coll_is_short(const weft_team_t *team, size_t nbytes);

/* Several messages at once: all are started, then waited for. At most WEFT__FLAT_MAX each way. A rank takes the
 * messages of one other in the order in which that one sends them. */
struct weft__batch {
	weft_team_t *team;
	int n;
	struct weft__batch_part {
		weft_request_t request;
		int from; /* -1: it is a send */
		size_t nbytes;
	} parts[2 * WEFT__FLAT_MAX];
};
void weft__batch_start(struct weft__batch *b, weft_team_t *team);
int weft__batch_recv(struct weft__batch *b, int from, void *buf, size_t nbytes);
int weft__batch_send(struct weft__batch *b, int to, const void *buf, size_t nbytes);

/* In any case, with 0 or the error of the above: then all that was started is given up. */
int weft__batch_end(struct weft__batch *b, int rc);

/* In a small team: each tells each its nbytes. all[] has those of all ranks, first only the own ones at their place. */
int weft__coll_tell_all(weft_team_t *team, char *all, size_t nbytes);

static inline bool weft__is_flat(const weft_team_t *team)
{
	return team->size <= WEFT__FLAT_MAX;
}

/* Has some node of a small team more tasks than cores? All ranks get the same answer; they must ask in the same
 * collective, and exchange messages the first time. */
int weft__coll_crowded(weft_team_t *team, bool *crowded);

/* A small team of one node in shared memory. Has it such a hall, and room there for nbytes of each rank? All ranks get the
 * same answer; they must ask in the same collective, and may exchange messages. */
int weft__hall_ready(weft_team_t *team, size_t nbytes, bool *ready);

/* Bring nbytes, the same number as all others: WEFT_ETRUNC; wait until all are there. What they brought stays at their
 * stands until this rank comes to the next meeting; they could change it. */
int weft__hall_meet(weft_team_t *team, const void *mine, size_t nbytes);
const void *weft__hall_stand(const weft_team_t *team, int rank);

/* The team goes. For tests, which have no node: a hall for it, which each rank then enters by a mapping of its own. */
void weft__hall_leave(weft_team_t *team);
int weft__hall_create(const weft_team_t *team, int *fd, struct weft__hall **hall);
size_t weft__hall_bytes(int size);
void weft__hall_enter(weft_team_t *team, struct weft__hall *hall);

/* What another rank has told that the team failed with; 0: nothing. */
int weft__coll_heard(weft_team_t *team);

/* Memory for the time of one collective; NULL: there is none. */
struct weft__scratch {
	char *big;
	_Alignas(16) char small[1024];
};
char *weft__scratch_get(struct weft__scratch *s, size_t nbytes);
void weft__scratch_free(struct weft__scratch *s);

/* memcpy that takes NULL with 0 bytes and a copy onto itself. */
void weft__coll_copy(void *dst, const void *src, size_t nbytes);

#endif
