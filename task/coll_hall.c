/* A small team that is on one node meets in shared memory: each rank has a place there to write to, which all others read.
 *
 * All goes well. After some collectives rank 0 makes the hall and hands it to the others by way of the node; all say
 * whether they have it, and only if all do is it used. At a meeting a rank writes what it brings to its stand, then the
 * meeting's number to its place among the arrived, and waits until all have done so. Each rank has two stands, in
 * turns: whoever writes to one again has seen all others at the meeting in between, so that they have read it. With more
 * tasks than cores a meeting costs a rank one turn of the scheduler and no message.
 *
 * Who waits for long sleeps: it says so in its word among the sleepers, looks once more, and receives. Whoever finds all
 * arrived takes the words of the sleepers back and sends each an empty message. One of the two sees the other: both
 * write, then look, with a barrier in between. Who is woken looks again: the message may be of the meeting before.
 *
 * What can go wrong. The hall can't be made or handed on (no memory, no descriptors, a node that is away): the team goes on
 * by messages. A rank that is missing has died, or has failed and told so (coll.c): a sleeper looks for both. Counts
 * that differ are found at the stands; a rank that sends a message while others wait for it here has called something
 * else. What others write is never used as a length or a place: a bad rank spoils its team's values, no more.
 */
#include "config.h"

#include "task/coll.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/ids.h"
#include "task/quick.h"
#include "transport/region.h"

enum {
	CALLS_BEFORE = 8,    /* collectives of a team before it is worth the making */
	BLOCK_BYTES = 1024,  /* of a stand, for each rank */
	HALLS_MAX = 8,       /* that one task makes */
	ARRIVAL_MS = 1000,   /* for a hall to come from the node */
	ROUNDS = 64,         /* looks between two looks at everything else */
	ROUNDS_CROWDED = 8,  /* the same where each is a turn of the scheduler */
	PATIENCE_MIN = 20,   /* ms of sleep between looks for what went wrong: at first, then twice as long each time */
	PATIENCE_MAX = 160,
};

/* In shared memory. A word of an array is written by the rank of its place; asleep also by who takes it back. */
struct weft__hall {
	_Alignas(64) _Atomic uint32_t arrived[WEFT__FLAT_MAX]; /* number of the rank's last meeting */
	_Alignas(64) _Atomic uint32_t asleep[WEFT__FLAT_MAX];  /* 1: it is to be woken */
	_Alignas(64) _Atomic uint64_t context;                 /* whose it is */
	_Atomic uint64_t fingerprint;
	_Alignas(64) uint8_t stands[];
};

struct stand {
	_Alignas(64) _Atomic uint64_t nbytes;
	_Alignas(64) uint8_t bytes[];
};

/* One that came and was not looked for yet. */
struct kept_hall {
	struct weft__list link;
	struct weft__hall *hall;
	size_t nbytes;
};

static size_t stand_bytes(int size)
{
	return sizeof(struct stand) + BLOCK_BYTES * (size_t)size;
}

size_t weft__hall_bytes(int size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t nbytes = sizeof(struct weft__hall) + 2 * (size_t)size * stand_bytes(size);
	return (nbytes + page - 1) / page * page;
}

static struct stand *stand_of(const weft_team_t *team, int rank)
{
	size_t place = (team->meeting % 2) * (size_t)team->size + (size_t)rank;
	return (struct stand *)(void *)(team->hall->stands + place * stand_bytes(team->size));
}

const void *weft__hall_stand(const weft_team_t *team, int rank)
{
	return stand_of(team, rank)->bytes;
}

/* --- making it, and handing it on --------------------------------------------------------------- */

int weft__hall_create(const weft_team_t *team, int *fd, struct weft__hall **hall)
{
	void *at;
	int rc = weft__region_create(weft__hall_bytes(team->size), true, fd, &at);
	if (rc)
		return rc;
	*hall = at;
	atomic_store(&(*hall)->context, team->context.v);
	atomic_store(&(*hall)->fingerprint, team->fingerprint);
	return 0;
}

void weft__hall_enter(weft_team_t *team, struct weft__hall *hall)
{
	team->hall = hall;
	team->hall_calls = CALLS_BEFORE;
}

void weft__hall_leave(weft_team_t *team)
{
	if (team->hall)
		munmap(team->hall, weft__hall_bytes(team->size));
	team->hall = NULL;
}

void weft__hall_came(struct weft__engine *e, int fd, size_t nbytes)
{
	struct kept_hall *k = nbytes >= sizeof(struct weft__hall) ? weft__malloc(sizeof *k) : NULL;
	if (!k)
		return;
	k->hall = weft__region_map(fd, nbytes, true);
	k->nbytes = nbytes;
	if (!k->hall) {
		weft__free(k);
		return;
	}
	weft__list_push(&e->halls, &k->link);
	weft__changed(e);
}

void weft__halls_fini(struct weft__engine *e)
{
	struct weft__list *l;
	while ((l = weft__list_pop(&e->halls))) {
		struct kept_hall *k = WEFT__CONTAINER(l, struct kept_hall, link);
		munmap(k->hall, k->nbytes);
		weft__free(k);
	}
}

/* Take the team's out of those that came. */
static bool has_come(void *arg)
{
	weft_team_t *team = arg;
	struct weft__engine *e = team->e;
	for (struct weft__list *l = e->halls.next; l != &e->halls; l = l->next) {
		struct kept_hall *k = WEFT__CONTAINER(l, struct kept_hall, link);
		if (k->nbytes != weft__hall_bytes(team->size) || atomic_load(&k->hall->context) != team->context.v ||
		    atomic_load(&k->hall->fingerprint) != team->fingerprint)
			continue;
		weft__list_remove(l);
		team->hall = k->hall;
		weft__free(k);
		return true;
	}
	return false;
}

static bool hand_on(weft_team_t *team, int fd)
{
	int rc = 0;
	weft__lock(team->e);
	uint32_t id = WEFT__HALL_FIRST + team->e->nhalls++;
	for (int rank = 1; rank < team->size && !rc; rank++) {
		struct weft__msg m = {.code = WEFT__MSG_SHARE,
		                      .share = {.tid = team->tids[rank].v,
		                                .region = id,
		                                .nbytes = weft__hall_bytes(team->size)}};
		rc = weft__control_send_fd(team->e, &m, fd);
	}
	weft__unlock(team->e);
	return rc == 0;
}

static bool is_here(const weft_team_t *team)
{
	for (int rank = 1; rank < team->size; rank++)
		if (weft__tid_node(team->tids[rank]) != weft__tid_node(team->tids[0]))
			return false;
	return team->e->control.fd >= 0;
}

/* Have all said yes? Besides, everyone has a channel with everyone afterwards. */
static int agree(weft_team_t *team, bool yes, bool *all)
{
	char votes[WEFT__FLAT_MAX];
	votes[team->rank] = yes;
	int rc = weft__coll_tell_all(team, votes, sizeof *votes);
	*all = !rc && !memchr(votes, 0, (size_t)team->size);
	return rc;
}

static int set_up(weft_team_t *team)
{
	struct weft__hall *made = NULL;
	int fd = -1;
	bool yes = is_here(team), all;
	if (yes && team->rank == 0)
		yes = team->e->nhalls < HALLS_MAX && weft__hall_create(team, &fd, &made) == 0;
	int rc = agree(team, yes, &all);
	if (!rc && all) {
		if (team->rank == 0) {
			yes = hand_on(team, fd);
		} else {
			weft__lock(team->e);
			yes = weft__await(team->e, has_come, team, weft__until(ARRIVAL_MS)) == 0;
			weft__unlock(team->e);
		}
		rc = agree(team, yes, &all);
	}
	if (made) {
		close(fd);
		team->hall = made;
	}
	if (rc || !all)
		weft__hall_leave(team);
	return rc;
}

int weft__hall_ready(weft_team_t *team, size_t nbytes, bool *ready)
{
	*ready = false;
	if (team->size < 3 || !weft__is_flat(team))
		return 0;
	if (team->hall_calls < CALLS_BEFORE && ++team->hall_calls == CALLS_BEFORE) {
		int rc = set_up(team);
		if (rc)
			return rc;
	}
	*ready = team->hall && nbytes <= BLOCK_BYTES * (size_t)team->size;
	return 0;
}

/* --- meeting ---------------------------------------------------------------------------------------- */

static bool is_missing(const weft_team_t *team, int rank)
{
	return (int32_t)(atomic_load_explicit(&team->hall->arrived[rank], memory_order_acquire) - team->meeting) < 0;
}

/* How many are; 0: all have arrived. */
static int missing(const weft_team_t *team)
{
	int n = 0;
	for (int rank = 0; rank < team->size; rank++)
		n += is_missing(team, rank);
	return n;
}

static bool is_met(void *team)
{
	return missing(team) == 0;
}

static int32_t wake_tag(const weft_team_t *team)
{
	return team->tag ^ 1;
}

/* All have arrived. */
static void wake(weft_team_t *team)
{
	static const char nothing;
	for (int rank = 0; rank < team->size; rank++) {
		_Atomic uint32_t *asleep = &team->hall->asleep[rank];
		weft_request_t request;
		if (rank == team->rank || !atomic_load_explicit(asleep, memory_order_relaxed) || !atomic_exchange(asleep, 0))
			continue;
		if (weft__isend(team->e, team->tids[rank], team->context, wake_tag(team), &nothing, 0, &request) == 0)
			weft__let_go(team->e, &request);
	}
}

static void pause_for(const weft_team_t *team)
{
	if (team->e->crowded)
		sched_yield();
#if defined(__x86_64__) || defined(__i386__)
	else
		__builtin_ia32_pause();
#endif
}

/* For as long as ranks arrive, and a little longer. false: it lasts. */
static bool spin(weft_team_t *team)
{
	struct weft__engine *e = team->e;
	unsigned rounds = e->crowded ? ROUNDS_CROWDED : ROUNDS;
	uint64_t since = 0;
	int before = 0;
	for (unsigned round = 1;; round++) {
		int left = missing(team);
		if (left == 0)
			return true;
		if (round % rounds == 0) {
			weft__lock(e);
			weft__await(e, is_met, team, 0);
			weft__unlock(e);
			uint64_t now = weft__clock_ns();
			if (left != before)
				since = now;
			before = left;
			if (now - since >= e->settings.spin_ns)
				return false;
		}
		pause_for(team);
	}
}

/* Is somebody missing who will not come? */
static int look_around(weft_team_t *team)
{
	weft_status_t status;
	int rc = weft__coll_heard(team);
	weft__lock(team->e);
	for (int rank = 0; rank < team->size && !rc; rank++) {
		const struct weft__peer *p = weft__peer_find(team->e, team->tids[rank]);
		if (p && p->state == WEFT__DEAD && is_missing(team, rank))
			rc = WEFT_ENOTASK;
	}
	weft__unlock(team->e);
	if (!rc && weft__probe(team->e, WEFT_ANY_TASK, team->context, team->tag, &status, 0) == 0 && !is_met(team))
		rc = weft__fail(WEFT_ETRUNC, "a rank sent %zu bytes where all were to meet: counts or calls differ",
		                status.nbytes);
	return rc;
}

/* The message of who took the word back; or all have arrived, and it died before it could send one. A message that
 * comes after all wakes a later sleep, which looks again. */
static int receive_wake(weft_team_t *team)
{
	weft_status_t status;
	char nothing;
	for (int patience = PATIENCE_MIN;; patience = patience < PATIENCE_MAX ? 2 * patience : patience) {
		int rc = weft__recv(team->e, WEFT_ANY_TASK, team->context, wake_tag(team), &nothing, 0, &status, patience);
		if (rc != WEFT_ETIMEDOUT)
			return rc;
		if (is_met(team))
			return 0;
		rc = look_around(team);
		if (rc)
			return rc;
	}
}

/* Who wakes may have been slow, and mean the meeting before. */
static int sleep_until_met(weft_team_t *team)
{
	_Atomic uint32_t *asleep = &team->hall->asleep[team->rank];
	for (;;) {
		atomic_store(asleep, 1);
		atomic_thread_fence(memory_order_seq_cst);
		if (is_met(team) && atomic_exchange(asleep, 0))
			return 0;
		int rc = receive_wake(team);
		if (rc || is_met(team))
			return rc;
	}
}

int weft__hall_meet(weft_team_t *team, const void *mine, size_t nbytes)
{
	team->meeting++;
	struct stand *own = stand_of(team, team->rank);
	atomic_store_explicit(&own->nbytes, nbytes, memory_order_relaxed);
	weft__coll_copy(own->bytes, mine, nbytes);
	atomic_store_explicit(&team->hall->arrived[team->rank], team->meeting, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (is_met(team)) {
		wake(team);
	} else if (!spin(team)) {
		int rc = sleep_until_met(team);
		if (rc)
			return rc;
	}
	for (int rank = 0; rank < team->size; rank++) {
		uint64_t theirs = atomic_load_explicit(&stand_of(team, rank)->nbytes, memory_order_relaxed);
		if (theirs != nbytes)
			return weft__fail(WEFT_ETRUNC, "rank %d brought %llu bytes where %zu were expected: counts differ",
			                  rank, (unsigned long long)theirs, nbytes);
	}
	return 0;
}
