/* Broadcast: in small teams straight from the root, else down a binomial tree; long vectors in pieces, scattered and
 * then passed around a ring, so that the root sends each byte about twice however many ranks there are. */
#include "config.h"

#include "task/coll.h"

/* Ranks are counted from the root here: place 0 is the root. */
static int place_of(const weft_team_t *team, int root)
{
	return (team->rank - root + team->size) % team->size;
}

static int rank_at(const weft_team_t *team, int root, int place)
{
	return (place + root) % team->size;
}

static int bcast_flat(weft_team_t *team, void *values, size_t nbytes, int root)
{
	if (team->rank != root)
		return weft__coll_recv(team, root, values, nbytes);
	for (int place = 1; place < team->size; place++) {
		int rc = weft__coll_send(team, rank_at(team, root, place), values, nbytes);
		if (rc)
			return rc;
	}
	return 0;
}

static int bcast_tree(weft_team_t *team, void *values, size_t nbytes, int root)
{
	int place = place_of(team, root), mask = 1, rc;
	while (mask < team->size && !(place & mask))
		mask *= 2;
	if (place) {
		rc = weft__coll_recv(team, rank_at(team, root, place - mask), values, nbytes);
		if (rc)
			return rc;
	}
	for (mask /= 2; mask > 0; mask /= 2)
		if (place + mask < team->size) {
			rc = weft__coll_send(team, rank_at(team, root, place + mask), values, nbytes);
			if (rc)
				return rc;
		}
	return 0;
}

/* Bytes before the i-th of size pieces. */
static size_t piece_at(size_t nbytes, int size, int i)
{
	size_t each = nbytes / (size_t)size, rest = nbytes % (size_t)size, n = (size_t)i;
	return each * n + (n < rest ? n : rest);
}

/* Scatter by the same tree: a place that gets pieces from mask below has those of the mask places from it on. */
static int scatter_pieces(weft_team_t *team, char *values, size_t nbytes, int root)
{
	int place = place_of(team, root), size = team->size, mask = 1, rc;
	while (mask < size && !(place & mask))
		mask *= 2;
	int end = place + mask < size ? place + mask : size;
	if (place) {
		size_t from = piece_at(nbytes, size, place);
		rc = weft__coll_recv(team, rank_at(team, root, place - mask), values + from,
		                     piece_at(nbytes, size, end) - from);
		if (rc)
			return rc;
	}
	for (mask /= 2; mask > 0; mask /= 2) {
		int child = place + mask;
		if (child >= size)
			continue;
		size_t from = piece_at(nbytes, size, child), to = piece_at(nbytes, size, end);
		rc = weft__coll_send(team, rank_at(team, root, child), values + from, to - from);
		if (rc)
			return rc;
		end = child;
	}
	return 0;
}

static int pass_around(weft_team_t *team, char *values, size_t nbytes, int root)
{
	int place = place_of(team, root), size = team->size;
	int right = rank_at(team, root, place + 1), left = rank_at(team, root, place + size - 1);
	for (int step = 0; step < size - 1; step++) {
		int out = (place - step + size) % size, in = (place - step - 1 + size) % size;
		size_t at = piece_at(nbytes, size, out), into = piece_at(nbytes, size, in);
		int rc = weft__coll_exchange(team, right, values + at, piece_at(nbytes, size, out + 1) - at, left,
		                             values + into, piece_at(nbytes, size, in + 1) - into);
		if (rc)
			return rc;
	}
	return 0;
}

static int bcast(weft_team_t *team, void *values, size_t nbytes, int root)
{
	if (nbytes < WEFT__BCAST_LONG && weft__is_flat(team))
		return bcast_flat(team, values, nbytes, root);
	if (nbytes < WEFT__BCAST_LONG || team->size <= 2)
		return bcast_tree(team, values, nbytes, root);
	int rc = scatter_pieces(team, values, nbytes, root);
	return rc ? rc : pass_around(team, values, nbytes, root);
}

int weft_bcast(weft_team_t *team, void *values, int64_t count, weft_type_t type, int root)
{
	size_t nbytes;
	if (!values && count > 0)
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, root, &nbytes);
	return rc ? weft__ended(rc) : weft__coll_end(team, bcast(team, values, nbytes, root));
}
