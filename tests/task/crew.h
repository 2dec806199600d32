/* crew.h - a team of engines in one process, each with a thread, every two joined by a channel. */
#ifndef WEFT_TESTS_CREW_H
#define WEFT_TESTS_CREW_H

#include <stdbool.h>
#include <stddef.h>

#include "task/coll.h"

enum { CREW_MAX = 19 };

struct member {
	struct crew *crew;
	struct weft__engine *e;
	weft_team_t *team; /* the job's */
	int rank, size;
	char failure[240]; /* what its thread found wrong; "" is nothing */
};

struct crew {
	int size;
	struct member members[CREW_MAX];
	weft_tid_t tids[CREW_MAX];
	struct weft__hall *hall; /* one for all, at one address, as ThreadSanitizer sees it; NULL: none */
	bool (*story)(struct member *m, void *arg);
	void *arg;
};

/* Run story in a thread for each rank and fail the test if one returns false. over: "stream", "shm",
 * or "hall": shm, and a small team meets in shared memory. Threads that do not end within a time fail it too. */
void crew_run(int size, const char *over, size_t eager_max, bool (*story)(struct member *m, void *arg), void *arg);

/* Within a story: return CREW_CHECK(m, condition) is for the caller to test; it notes what failed and where. */
bool crew_note(struct member *m, bool ok, const char *what, const char *file, int line);
#define CREW_CHECK(m, condition) crew_note(m, (condition), #condition, __FILE__, __LINE__)

/* The others are told that this member is gone. */
void crew_die(struct member *m);

#endif
