/* Reductions. Small teams: short vectors go whole to all who need the result, each of whom folds them in the order of
 * the ranks; of a long one each rank folds a piece, and the pieces are then collected or passed to all. Large teams,
 * short vectors: a binomial tree (reduce), recursive doubling (allreduce, scan). Long ones: a ring on which each rank
 * ends up with one reduced piece, and the pieces are then collected or passed around.
 *
 * The order in which values are combined follows from ranks and counts alone, never from which message came
 * first: a sum of floats is the same in each run, and in allreduce the same on every rank: where two ranks
 * compute the same thing, the lower one's operand stands on the left on both.
 */
#include "config.h"

#include "task/coll.h"

#include "base/heap.h"
#include "task/op.h"
#include "task/types.h"

/* One reduction. */
struct job {
	weft_team_t *team;
	int64_t count;
	size_t size; /* bytes of a value */
	int type, op;
};

static void combine(const struct job *j, void *acc, const void *in, int64_t count)
{
	weft__op_apply(j->op, j->type, acc, in, (size_t)count);
}

static void swap(char **a, char **b)
{
	char *was = *a;
	*a = *b;
	*b = was;
}

/* Values before the i-th piece; there are as many pieces as ranks. */
static int64_t piece_at(const struct job *j, int i)
{
	int64_t each = j->count / j->team->size, rest = j->count % j->team->size;
	return each * i + (i < rest ? i : rest);
}

static size_t piece_bytes(const struct job *j, int i)
{
	return (size_t)(piece_at(j, i + 1) - piece_at(j, i)) * j->size;
}

static char *piece(const struct job *j, char *values, int i)
{
	return values + (size_t)piece_at(j, i) * j->size;
}

/* --- the ring ----------------------------------------------------------------------------------- */

/* acc holds the own values; afterwards its piece (rank + 1) % size is reduced. tmp has room for one piece. */
static int reduce_ring(const struct job *j, char *acc, char *tmp)
{
	int size = j->team->size, rank = j->team->rank;
	int right = (rank + 1) % size, left = (rank - 1 + size) % size;
	for (int step = 0; step < size - 1; step++) {
		int out = (rank - step + size) % size, in = (rank - step - 1 + size) % size;
		int rc = weft__coll_exchange(j->team, right, piece(j, acc, out), piece_bytes(j, out), left, tmp,
		                             piece_bytes(j, in));
		if (rc)
			return rc;
		combine(j, piece(j, acc, in), tmp, piece_at(j, in + 1) - piece_at(j, in));
	}
	return 0;
}

/* The same in one step. tmp has room for one piece of each rank. */
static int reduce_pieces(const struct job *j, char *acc, char *tmp)
{
	struct weft__batch batch;
	int size = j->team->size, rank = j->team->rank, mine = (rank + 1) % size, rc = 0;
	size_t nbytes = piece_bytes(j, mine);
	weft__batch_start(&batch, j->team);
	for (int step = 1; step < size && !rc; step++) {
		int from = (rank - step + size) % size;
		rc = weft__batch_recv(&batch, from, tmp + nbytes * (size_t)from, nbytes);
	}
	for (int step = 1; step < size && !rc; step++) {
		int to = (rank + step) % size, theirs = (to + 1) % size;
		rc = weft__batch_send(&batch, to, piece(j, acc, theirs), piece_bytes(j, theirs));
	}
	rc = weft__batch_end(&batch, rc);
	if (rc)
		return rc;
	weft__coll_copy(tmp + nbytes * (size_t)rank, piece(j, acc, mine), nbytes);
	weft__coll_copy(piece(j, acc, mine), tmp, nbytes);
	for (int from = 1; from < size; from++)
		combine(j, piece(j, acc, mine), tmp + nbytes * (size_t)from, piece_at(j, mine + 1) - piece_at(j, mine));
	return 0;
}

/* What it leaves goes to everyone. */
static int pass_to_all(const struct job *j, char *acc)
{
	struct weft__batch batch;
	int size = j->team->size, rank = j->team->rank, mine = (rank + 1) % size, rc = 0;
	weft__batch_start(&batch, j->team);
	for (int step = 1; step < size && !rc; step++) {
		int from = (rank - step + size) % size, theirs = (from + 1) % size;
		rc = weft__batch_recv(&batch, from, piece(j, acc, theirs), piece_bytes(j, theirs));
	}
	for (int step = 1; step < size && !rc; step++)
		rc = weft__batch_send(&batch, (rank + step) % size, piece(j, acc, mine), piece_bytes(j, mine));
	return weft__batch_end(&batch, rc);
}

/* What reduce_ring leaves goes around, until everyone has all of it. */
static int pass_around(const struct job *j, char *acc)
{
	int size = j->team->size, rank = j->team->rank;
	int right = (rank + 1) % size, left = (rank - 1 + size) % size;
	for (int step = 0; step < size - 1; step++) {
		int out = (rank + 1 - step + size) % size, in = (rank - step + size) % size;
		int rc = weft__coll_exchange(j->team, right, piece(j, acc, out), piece_bytes(j, out), left,
		                             piece(j, acc, in), piece_bytes(j, in));
		if (rc)
			return rc;
	}
	return 0;
}

/* What reduce_ring leaves goes to the root. */
static int collect(const struct job *j, char *acc, int root)
{
	int size = j->team->size, mine = (j->team->rank + 1) % size;
	if (j->team->rank != root)
		return weft__coll_send(j->team, root, piece(j, acc, mine), piece_bytes(j, mine));
	for (int rank = 0; rank < size; rank++) {
		int theirs = (rank + 1) % size;
		int rc = rank == root ? 0 : weft__coll_recv(j->team, rank, piece(j, acc, theirs), piece_bytes(j, theirs));
		if (rc)
			return rc;
	}
	return 0;
}

/* Two ranks have nothing to gain from the ways of a small team. */
static bool is_small(const struct job *j)
{
	return j->team->size > 2 && weft__is_flat(j->team);
}

static bool is_long(const struct job *j)
{
	size_t nbytes = (size_t)j->count * j->size, least = is_small(j) ? WEFT__FLAT_BYTES : WEFT__REDUCE_LONG;
	return nbytes >= least && j->count >= j->team->size && j->team->size > 1;
}

/* Bytes that pieces of all ranks need at most. */
static size_t room_for_pieces(const struct job *j)
{
	return (size_t)(j->count + j->team->size) * j->size;
}

/* all[] has each rank's values, by rank. */
static void fold(const struct job *j, void *result, const char *all)
{
	size_t nbytes = (size_t)j->count * j->size;
	weft__coll_copy(result, all, nbytes);
	for (int rank = 1; rank < j->team->size; rank++)
		combine(j, result, all + nbytes * (size_t)rank, j->count);
}

/* --- reduce -------------------------------------------------------------------------------------- */

/* acc holds the own values and, at the root, the result afterwards. */
static int reduce_tree(const struct job *j, char *acc, char *tmp, int root)
{
	int size = j->team->size, place = (j->team->rank - root + size) % size;
	size_t nbytes = (size_t)j->count * j->size;
	for (int mask = 1; mask < size; mask *= 2) {
		if (place & mask)
			return weft__coll_send(j->team, (place - mask + root) % size, acc, nbytes);
		if (place + mask >= size)
			continue;
		int rc = weft__coll_recv(j->team, (place + mask + root) % size, tmp, nbytes);
		if (rc)
			return rc;
		combine(j, acc, tmp, j->count);
	}
	return 0;
}

/* Everyone's values to the root. */
static int reduce_flat(const struct job *j, const void *send, void *recv, int root)
{
	struct weft__batch batch;
	struct weft__scratch scratch;
	size_t nbytes = (size_t)j->count * j->size;
	if (j->team->rank != root)
		return weft__coll_send(j->team, root, send, nbytes);
	char *all = weft__scratch_get(&scratch, nbytes * (size_t)j->team->size);
	if (!all)
		return WEFT_ENOMEM;
	int rc = 0;
	weft__batch_start(&batch, j->team);
	for (int rank = 0; rank < j->team->size && !rc; rank++)
		if (rank != root)
			rc = weft__batch_recv(&batch, rank, all + nbytes * (size_t)rank, nbytes);
	rc = weft__batch_end(&batch, rc);
	if (!rc) {
		weft__coll_copy(all + nbytes * (size_t)root, send ? send : recv, nbytes);
		fold(j, recv, all);
	}
	weft__scratch_free(&scratch);
	return rc;
}

static int reduce_by_steps(const struct job *j, const void *send, void *recv, int root)
{
	struct weft__scratch scratch;
	size_t nbytes = (size_t)j->count * j->size;
	bool at_root = j->team->rank == root;
	char *tmp = weft__scratch_get(&scratch, room_for_pieces(j) + (at_root ? 0 : nbytes));
	if (!tmp)
		return WEFT_ENOMEM;
	char *acc = at_root ? recv : tmp + room_for_pieces(j);
	if (send)
		weft__coll_copy(acc, send, nbytes);
	int rc;
	if (is_long(j)) {
		rc = is_small(j) ? reduce_pieces(j, acc, tmp) : reduce_ring(j, acc, tmp);
		rc = rc ? rc : collect(j, acc, root);
	} else {
		rc = reduce_tree(j, acc, tmp, root);
	}
	weft__scratch_free(&scratch);
	return rc;
}

static int reduce(const struct job *j, const void *send, void *recv, int root)
{
	return is_small(j) && !is_long(j) ? reduce_flat(j, send, recv, root) : reduce_by_steps(j, send, recv, root);
}

int weft_reduce(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, weft_op_t op,
                int root)
{
	size_t nbytes;
	if (!weft__op_valid((int)op, (int)type))
		return weft__ended(WEFT_EINVAL);
	bool at_root = team && team->rank == root;
	if (count > 0 && ((at_root && !recv) || (!at_root && !send)))
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, root, &nbytes);
	if (rc)
		return weft__ended(rc);
	struct job j = {team, count, weft__type_size((int)type), (int)type, (int)op};
	return weft__coll_end(team, reduce(&j, send, recv, root));
}

/* --- allreduce ----------------------------------------------------------------------------------- */

/* Recursive doubling among a power of two of ranks; of the others each even one lends its values to the odd one above
 * it and gets the result back. *acc holds the values, then the result; the two buffers may change places. */
static int reduce_doubling(const struct job *j, char **acc, char **tmp)
{
	weft_team_t *team = j->team;
	size_t nbytes = (size_t)j->count * j->size;
	int power = 1, rank = team->rank, rc;
	while (2 * power <= team->size)
		power *= 2;
	int lent = team->size - power, place = rank < 2 * lent ? rank / 2 : rank - lent;

	if (rank < 2 * lent && rank % 2 == 0) {
		rc = weft__coll_send(team, rank + 1, *acc, nbytes);
		return rc ? rc : weft__coll_recv(team, rank + 1, *acc, nbytes);
	}
	if (rank < 2 * lent) {
		rc = weft__coll_recv(team, rank - 1, *tmp, nbytes);
		if (rc)
			return rc;
		combine(j, *tmp, *acc, j->count);
		swap(acc, tmp);
	}
	for (int mask = 1; mask < power; mask *= 2) {
		int other = place ^ mask, peer = other < lent ? 2 * other + 1 : other + lent;
		rc = weft__coll_exchange(team, peer, *acc, nbytes, peer, *tmp, nbytes);
		if (rc)
			return rc;
		if (other < place)
			swap(acc, tmp);
		combine(j, *acc, *tmp, j->count);
	}
	return rank < 2 * lent ? weft__coll_send(team, rank - 1, *acc, nbytes) : 0;
}

/* Everyone's values to everyone. */
static int allreduce_flat(const struct job *j, const void *send, void *recv)
{
	struct weft__scratch scratch;
	size_t nbytes = (size_t)j->count * j->size;
	char *all = weft__scratch_get(&scratch, nbytes * (size_t)j->team->size);
	if (!all)
		return WEFT_ENOMEM;
	weft__coll_copy(all + nbytes * (size_t)j->team->rank, send ? send : recv, nbytes);
	int rc = weft__coll_tell_all(j->team, all, nbytes);
	if (!rc)
		fold(j, recv, all);
	weft__scratch_free(&scratch);
	return rc;
}

/* Everyone's values to rank 0, and the result back; it is the same. */
static int allreduce_crowded(const struct job *j, const void *send, void *recv)
{
	size_t nbytes = (size_t)j->count * j->size;
	if (j->team->rank != 0)
		return weft__coll_exchange(j->team, 0, send ? send : recv, nbytes, 0, recv, nbytes);
	int rc = reduce_flat(j, send, recv, 0);
	for (int rank = 1; rank < j->team->size && !rc; rank++)
		rc = weft__coll_send(j->team, rank, recv, nbytes);
	return rc;
}

static int allreduce_long(const struct job *j, char *acc, char *tmp)
{
	int rc = is_small(j) ? reduce_pieces(j, acc, tmp) : reduce_ring(j, acc, tmp);
	if (rc)
		return rc;
	return is_small(j) ? pass_to_all(j, acc) : pass_around(j, acc);
}

static int allreduce_by_steps(const struct job *j, const void *send, void *recv)
{
	struct weft__scratch scratch;
	size_t nbytes = (size_t)j->count * j->size;
	char *acc = recv, *tmp = weft__scratch_get(&scratch, room_for_pieces(j));
	if (!tmp)
		return WEFT_ENOMEM;
	if (send)
		weft__coll_copy(acc, send, nbytes);
	int rc;
	if (is_long(j)) {
		rc = allreduce_long(j, acc, tmp);
	} else {
		rc = reduce_doubling(j, &acc, &tmp);
		if (!rc)
			weft__coll_copy(recv, acc, nbytes);
	}
	weft__scratch_free(&scratch);
	return rc;
}

/* They meet, and each adds up for itself. */
static int allreduce_met(const struct job *j, const void *send, void *recv)
{
	size_t nbytes = (size_t)j->count * j->size;
	int rc = weft__hall_meet(j->team, send ? send : recv, nbytes);
	if (rc)
		return rc;
	weft__coll_copy(recv, weft__hall_stand(j->team, 0), nbytes);
	for (int rank = 1; rank < j->team->size; rank++)
		combine(j, recv, weft__hall_stand(j->team, rank), j->count);
	return 0;
}

static int allreduce(const struct job *j, const void *send, void *recv)
{
	bool crowded = false, ready;
	int rc = weft__hall_ready(j->team, (size_t)j->count * j->size, &ready);
	if (rc || (ready && !is_long(j)))
		return rc ? rc : allreduce_met(j, send, recv);
	if (is_small(j) && (size_t)j->count * j->size <= WEFT__CROWD_BYTES)
		rc = weft__coll_crowded(j->team, &crowded);
	if (rc)
		return rc;
	if (crowded)
		return allreduce_crowded(j, send, recv);
	return is_small(j) && !is_long(j) ? allreduce_flat(j, send, recv) : allreduce_by_steps(j, send, recv);
}

int weft_allreduce(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, weft_op_t op)
{
	size_t nbytes;
	if (!weft__op_valid((int)op, (int)type) || (count > 0 && !recv))
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, 0, &nbytes);
	if (rc)
		return weft__ended(rc);
	struct job j = {team, count, weft__type_size((int)type), (int)type, (int)op};
	return weft__coll_end(team, allreduce(&j, send, recv));
}

/* --- scan ---------------------------------------------------------------------------------------- */

/* After the round of distance k, acc is over the 2k ranks up to this one. */
static int scan_doubling(const struct job *j, char **acc, char **tmp)
{
	weft_team_t *team = j->team;
	size_t nbytes = (size_t)j->count * j->size;
	for (int k = 1; k < team->size; k *= 2) {
		int above = team->rank + k, below = team->rank - k, rc = 0;
		if (above < team->size && below >= 0)
			rc = weft__coll_exchange(team, above, *acc, nbytes, below, *tmp, nbytes);
		else if (above < team->size)
			rc = weft__coll_send(team, above, *acc, nbytes);
		else if (below >= 0)
			rc = weft__coll_recv(team, below, *tmp, nbytes);
		if (rc)
			return rc;
		if (below >= 0) {
			combine(j, *tmp, *acc, j->count);
			swap(acc, tmp);
		}
	}
	return 0;
}

static int scan(const struct job *j, const void *send, void *recv)
{
	size_t nbytes = (size_t)j->count * j->size;
	char *scratch = weft__malloc(nbytes + 1);
	if (!scratch)
		return WEFT_ENOMEM;
	char *acc = recv, *tmp = scratch;
	if (send)
		weft__coll_copy(acc, send, nbytes);
	int rc = scan_doubling(j, &acc, &tmp);
	if (!rc)
		weft__coll_copy(recv, acc, nbytes);
	weft__free(scratch);
	return rc;
}

int weft_scan(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, weft_op_t op)
{
	size_t nbytes;
	if (!weft__op_valid((int)op, (int)type) || (count > 0 && !recv))
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, 0, &nbytes);
	if (rc)
		return weft__ended(rc);
	struct job j = {team, count, weft__type_size((int)type), (int)type, (int)op};
	return weft__coll_end(team, scan(&j, send, recv));
}
