/* Teams: how they are made, and which contexts they have.
 *
 * A context must be unknown to all other teams that two members share. Teams that users make have the user's; the job's
 * team has number 0; for a split the members agree on a number: each says the lowest number that no
 * split team of its own has had, and the largest said is tried. Another split may be under way in another
 * thread of some member, so each takes the number for itself if it still can, and if one can't all try
 * again. Parts of one split have no member in common and all use the same number. Nobody else is asked.
 */
#include "config.h"

#include "task/coll.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"

/* A context: WEFT__CONTEXT_INTERNAL, one of these, and a number. */
enum {
	KIND_CREATED = 0,
	KIND_SPLIT   = 1 << 29,
	NOTICES      = 1 << 30, /* or-ed: where its notices of failure go */
	NUMBER_MAX   = (1 << 29) - 1,
};

/* --- made and unmade -------------------------------------------------------------------------------- */

static uint32_t fingerprint_of(const weft_tid_t *tids, int n)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (int i = 0; i < n; i++) {
		h = (h ^ tids[i].v) * UINT64_C(0x100000001b3);
		h ^= h >> 29;
	}
	return (uint32_t)(h ^ h >> 32);
}

static void destroy(weft_team_t **team)
{
	if (*team) { /* also half built */
		weft__hall_leave(*team);
		weft__free((*team)->tids);
		weft__free(*team);
		*team = NULL;
	}
}

/* With room for n members. */
static weft_team_t *allocate(int n)
{
	weft_team_t *team = weft__calloc(1, sizeof *team);
	if (!team)
		return NULL;
	team->tids = weft__calloc((size_t)n, sizeof *team->tids);
	if (!team->tids)
		destroy(&team);
	return team;
}

/* The tag comes from the members, so that a team takes no message of an earlier one of other members
 * under the same context. */
static void fill(weft_team_t *team, struct weft__engine *e, weft_team_t *root, int n, int rank, uint32_t context)
{
	team->e = e;
	team->root = root;
	team->rank = rank;
	team->size = n;
	team->context.v = WEFT__CONTEXT_INTERNAL | context;
	team->notices.v = WEFT__CONTEXT_INTERNAL | NOTICES | context;
	team->fingerprint = fingerprint_of(team->tids, n);
	team->tag = (int32_t)(team->fingerprint & INT32_MAX);
}

weft_team_t *weft__team_job(struct weft__engine *e)
{
	struct weft__job_team *job = weft__engine_job_team(e);
	weft_team_t *team = __atomic_load_n(&job->team, __ATOMIC_ACQUIRE), *other = NULL;
	if (team)
		return team;
	int n = (int)weft__size(e);
	team = allocate(n);
	if (!team)
		return NULL;
	memcpy(team->tids, weft__job_tids(e), (size_t)n * sizeof *team->tids);
	fill(team, e, team, n, (int)weft__rank(e), KIND_SPLIT);
	team->splits_next = 1;
	job->destroy = destroy;
	if (__atomic_compare_exchange_n(&job->team, &other, team, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return team;
	destroy(&team); /* another thread was faster */
	return other;
}

static int compare_tids(const void *a, const void *b)
{
	const weft_tid_t *x = a, *y = b;
	return x->v < y->v ? -1 : x->v > y->v;
}

/* 0: the tids are all different. */
static int check_different(const weft_tid_t *tids, int n)
{
	weft_tid_t *sorted = weft__malloc((size_t)n * sizeof *tids);
	if (!sorted)
		return WEFT_ENOMEM;
	memcpy(sorted, tids, (size_t)n * sizeof *tids);
	qsort(sorted, (size_t)n, sizeof *sorted, compare_tids);
	int rc = 0;
	for (int i = 0; i + 1 < n && !rc; i++)
		if (sorted[i].v == sorted[i + 1].v)
			rc = weft__fail(WEFT_EINVAL, "a task is listed twice");
	weft__free(sorted);
	return rc;
}

int weft__team_create(struct weft__engine *e, const weft_tid_t *tids, int n, weft_context_t context,
                      weft_team_t **out)
{
	if (!tids || n < 1 || !out || context.v > NUMBER_MAX)
		return WEFT_EINVAL;
	int rank = 0;
	while (rank < n && tids[rank].v != weft__self(e).v)
		rank++;
	if (rank == n)
		return weft__fail(WEFT_EINVAL, "the calling task is not in the list");
	int rc = check_different(tids, n);
	if (rc)
		return rc;
	weft_team_t *root = weft__team_job(e), *team = allocate(n);
	if (!root || !team) {
		destroy(&team);
		return WEFT_ENOMEM;
	}
	memcpy(team->tids, tids, (size_t)n * sizeof *tids);
	fill(team, e, root, n, rank, KIND_CREATED | context.v);
	*out = team;
	return 0;
}

void weft_team_free(weft_team_t **team)
{
	if (!team || !*team)
		return;
	if ((*team)->root == *team)
		*team = NULL; /* the job's stays */
	else
		destroy(team);
}

weft_team_t *weft_team_job(void)
{
	struct weft__engine *e = weft__here();
	return e ? weft__team_job(e) : NULL;
}

int weft_team_create(const weft_tid_t *tids, int n, weft_context_t context, weft_team_t **out)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__team_create(e, tids, n, context, out) : WEFT_ENOTINIT);
}

/* --- queries ----------------------------------------------------------------------------------------- */

int weft_team_rank(const weft_team_t *team)
{
	return team ? team->rank : WEFT_EINVAL;
}

int weft_team_size(const weft_team_t *team)
{
	return team ? team->size : WEFT_EINVAL;
}

weft_tid_t weft_team_tid(const weft_team_t *team, int rank)
{
	return team && rank >= 0 && rank < team->size ? team->tids[rank] : WEFT_NO_TID;
}

/* --- split ------------------------------------------------------------------------------------------- */

/* What each member says. */
struct vote {
	int32_t color, key;
	uint32_t next; /* the lowest number that it could take */
	int32_t rank;
};

static int compare_votes(const void *a, const void *b)
{
	const struct vote *x = a, *y = b;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static bool take_number(weft_team_t *root, uint32_t number)
{
	uint32_t next = __atomic_load_n(&root->splits_next, __ATOMIC_ACQUIRE);
	while (next <= number)
		if (__atomic_compare_exchange_n(&root->splits_next, &next, number + 1, false, __ATOMIC_ACQ_REL,
		                                __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* All say their vote until there is a number that everyone could take. */
static int agree(weft_team_t *team, struct vote *votes, int color, int key, uint32_t *number)
{
	for (;;) {
		uint32_t next = __atomic_load_n(&team->root->splits_next, __ATOMIC_ACQUIRE);
		votes[team->rank] = (struct vote){color, key, next, team->rank};
		int rc = weft_allgather(team, NULL, votes, sizeof *votes, WEFT_BYTE);
		if (rc)
			return rc;
		*number = 0;
		for (int i = 0; i < team->size; i++)
			if (votes[i].next > *number)
				*number = votes[i].next;
		if (*number > NUMBER_MAX)
			return WEFT_ENOSPC;
		int32_t taken = take_number(team->root, *number);
		rc = weft_allreduce(team, NULL, &taken, 1, WEFT_INT32, WEFT_MIN);
		if (rc || taken)
			return rc;
	}
}

/* Of the votes those of one color, in the order of the new team. */
static int part(const weft_team_t *team, struct vote *votes, int color)
{
	int n = 0;
	for (int i = 0; i < team->size; i++)
		if (votes[i].color == color)
			votes[n++] = (struct vote){.color = color, .key = votes[i].key, .rank = i};
	qsort(votes, (size_t)n, sizeof *votes, compare_votes);
	return n;
}

/* made has room for all of team; nothing can fail after the vote. */
static int split(weft_team_t *team, struct vote *votes, int color, int key, weft_team_t *made)
{
	uint32_t number;
	int rc = agree(team, votes, color, key, &number), rank = 0;
	if (rc || color < 0)
		return rc;
	int n = part(team, votes, color);
	for (int i = 0; i < n; i++) {
		made->tids[i] = team->tids[votes[i].rank];
		if (votes[i].rank == team->rank)
			rank = i;
	}
	fill(made, team->e, team->root, n, rank, KIND_SPLIT | number);
	return 0;
}

int weft_team_split(weft_team_t *team, int color, int key, weft_team_t **out)
{
	if (!team || !out)
		return weft__ended(WEFT_EINVAL);
	struct vote *votes = weft__calloc((size_t)team->size, sizeof *votes);
	weft_team_t *made = allocate(team->size);
	int rc = votes && made ? split(team, votes, color, key, made) : WEFT_ENOMEM;
	if (rc || color < 0)
		destroy(&made);
	weft__free(votes);
	if (rc)
		return weft__coll_end(team, rc);
	*out = made;
	return 0;
}
