/* All to all: Bruck's algorithm for short values in large teams (each is passed on log2 of the ranks times, in few
 * messages), else each value goes straight, in as many messages as there are ranks, with many of them at once. */
#include "config.h"

#include "task/coll.h"

#include "base/heap.h"

/* Value i of `turned` is on its way to the rank that is i above. In the round of bit k all those whose distance has
 * the bit travel k ranks up; when all bits are done everything is where it belongs. */
static int bruck(weft_team_t *team, char *turned, char *out, char *in, size_t nbytes)
{
	int size = team->size, rank = team->rank;
	for (int k = 1; k < size; k *= 2) {
		size_t n = 0;
		for (int i = k; i < size; i++)
			if (i & k)
				weft__coll_copy(out + nbytes * n++, turned + nbytes * (size_t)i, nbytes);
		int rc = weft__coll_exchange(team, (rank + k) % size, out, nbytes * n, (rank - k + size) % size, in,
		                             nbytes * n);
		if (rc)
			return rc;
		n = 0;
		for (int i = k; i < size; i++)
			if (i & k)
				weft__coll_copy(turned + nbytes * (size_t)i, in + nbytes * n++, nbytes);
	}
	return 0;
}

static int alltoall_short(weft_team_t *team, const char *send, char *recv, size_t nbytes)
{
	size_t size = (size_t)team->size, rank = (size_t)team->rank;
	char *turned = weft__malloc(3 * size * nbytes + 1);
	if (!turned)
		return WEFT_ENOMEM;
	for (size_t i = 0; i < size; i++)
		weft__coll_copy(turned + i * nbytes, send + (rank + i) % size * nbytes, nbytes);
	int rc = bruck(team, turned, turned + size * nbytes, turned + 2 * size * nbytes, nbytes);
	for (size_t i = 0; i < size && !rc; i++)
		weft__coll_copy(recv + (rank + size - i) % size * nbytes, turned + i * nbytes, nbytes);
	weft__free(turned);
	return rc;
}

/* With the ranks at the distances first..end-1. */
static int exchange_all(weft_team_t *team, const char *send, char *recv, size_t nbytes, int first, int end)
{
	struct weft__batch batch;
	int size = team->size, rank = team->rank, rc = 0;
	weft__batch_start(&batch, team);
	for (int step = first; step < end && !rc; step++) {
		int from = (rank - step + size) % size;
		rc = weft__batch_recv(&batch, from, recv + nbytes * (size_t)from, nbytes);
	}
	for (int step = first; step < end && !rc; step++) {
		int to = (rank + step) % size;
		rc = weft__batch_send(&batch, to, send + nbytes * (size_t)to, nbytes);
	}
	return weft__batch_end(&batch, rc);
}

static int alltoall_straight(weft_team_t *team, const char *send, char *recv, size_t nbytes)
{
	int size = team->size, rank = team->rank, other = !rank, rc = 0;
	weft__coll_copy(recv + nbytes * (size_t)rank, send + nbytes * (size_t)rank, nbytes);
	if (size == 2)
		return weft__coll_exchange(team, other, send + nbytes * (size_t)other, nbytes, other,
		                           recv + nbytes * (size_t)other, nbytes);
	for (int step = 1; step < size && !rc; step += WEFT__FLAT_MAX) {
		int end = step + WEFT__FLAT_MAX < size ? step + WEFT__FLAT_MAX : size;
		rc = exchange_all(team, send, recv, nbytes, step, end);
	}
	return rc;
}

/* Each brings all its values, and takes its own from each. */
static int alltoall_met(weft_team_t *team, const char *send, char *recv, size_t nbytes)
{
	int rc = weft__hall_meet(team, send ? send : recv, nbytes * (size_t)team->size);
	for (int rank = 0; rank < team->size && !rc; rank++)
		weft__coll_copy(recv + nbytes * (size_t)rank,
		                (const char *)weft__hall_stand(team, rank) + nbytes * (size_t)team->rank, nbytes);
	return rc;
}

static int alltoall(weft_team_t *team, const char *send, char *recv, size_t nbytes)
{
	struct weft__scratch scratch = {.big = NULL};
	bool ready;
	int met = weft__hall_ready(team, nbytes * (size_t)team->size, &ready);
	if (met || ready)
		return met ? met : alltoall_met(team, send, recv, nbytes);
	if (!send) { /* in place: what is sent must not be overwritten before */
		char *copy = weft__scratch_get(&scratch, nbytes * (size_t)team->size);
		if (!copy)
			return WEFT_ENOMEM;
		weft__coll_copy(copy, recv, nbytes * (size_t)team->size);
		send = copy;
	}
	bool few = nbytes < WEFT__ALLTOALL_LONG && !weft__is_flat(team);
	int rc = few ? alltoall_short(team, send, recv, nbytes) : alltoall_straight(team, send, recv, nbytes);
	weft__scratch_free(&scratch);
	return rc;
}

int weft_alltoall(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type)
{
	size_t nbytes;
	if (!recv && count > 0)
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, 0, &nbytes);
	return rc ? weft__ended(rc) : weft__coll_end(team, alltoall(team, send, recv, nbytes));
}
