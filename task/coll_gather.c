/* Gather, scatter: a binomial tree for short values in large teams, else straight to and from the root. Allgather: each
 * to each in small teams; in large ones Bruck's algorithm for short values (log2 of the ranks steps), a ring for long ones.
 *
 * In the trees ranks are counted from the root; the values of a subtree are those of the places from its top on, so
 * that each step moves one piece of memory. The turn back to ranks is made once, by whoever has them all.
 */
#include "config.h"

#include "task/coll.h"

#include "base/heap.h"

static char *at(void *values, size_t nbytes, int i)
{
	return (char *)values + nbytes * (size_t)i;
}

/* all[i] = turned[(i - first) mod size]: the value of place 0 is rank first's. */
static void turn_back(const weft_team_t *team, char *all, const char *turned, size_t nbytes, int first)
{
	size_t head = nbytes * (size_t)(team->size - first);
	weft__coll_copy(at(all, nbytes, first), turned, head);
	weft__coll_copy(all, turned + head, nbytes * (size_t)first);
}

static void turn(const weft_team_t *team, char *turned, const char *all, size_t nbytes, int first)
{
	size_t head = nbytes * (size_t)(team->size - first);
	weft__coll_copy(turned, all + nbytes * (size_t)first, head);
	weft__coll_copy(turned + head, all, nbytes * (size_t)first);
}

/* The tree: place's subtree is the places from it on up to the returned one, without it; its parent is *above
 * below it (0 for the root). */
static int subtree_end(const weft_team_t *team, int place, int *above)
{
	int mask = 1;
	while (mask < team->size && !(place & mask))
		mask *= 2;
	*above = place ? mask : 0;
	return place + mask < team->size ? place + mask : team->size;
}

static bool goes_by_tree(const weft_team_t *team, size_t nbytes)
{
	return nbytes < WEFT__GATHER_LONG && !weft__is_flat(team);
}

/* --- gather -------------------------------------------------------------------------------------- */

/* tree[] holds the own value first, then room for the rest of the subtree. */
static int gather_tree(weft_team_t *team, char *tree, size_t nbytes, int root)
{
	int size = team->size, place = (team->rank - root + size) % size, above;
	int end = subtree_end(team, place, &above);
	for (int k = 1; place + k < end; k *= 2) {
		int child = place + k, ignored, child_end = subtree_end(team, child, &ignored);
		int rc = weft__coll_recv(team, (child + root) % size, at(tree, nbytes, k),
		                         nbytes * (size_t)(child_end - child));
		if (rc)
			return rc;
	}
	if (place == 0)
		return 0;
	return weft__coll_send(team, (place - above + root) % size, tree, nbytes * (size_t)(end - place));
}

static int gather_short(weft_team_t *team, const void *send, char *recv, size_t nbytes, int root)
{
	int above, size = team->size, place = (team->rank - root + size) % size;
	int n = subtree_end(team, place, &above) - place;
	char *tree = weft__malloc(nbytes * (size_t)n + 1);
	if (!tree)
		return WEFT_ENOMEM;
	weft__coll_copy(tree, send ? send : at(recv, nbytes, root), nbytes);
	int rc = gather_tree(team, tree, nbytes, root);
	if (!rc && place == 0)
		turn_back(team, recv, tree, nbytes, root);
	weft__free(tree);
	return rc;
}

/* Some ranks' values, as many as a batch takes. */
static int gather_some(weft_team_t *team, char *recv, size_t nbytes, int root, int first)
{
	struct weft__batch batch;
	int end = first + WEFT__FLAT_MAX < team->size ? first + WEFT__FLAT_MAX : team->size, rc = 0;
	weft__batch_start(&batch, team);
	for (int rank = first; rank < end && !rc; rank++)
		if (rank != root)
			rc = weft__batch_recv(&batch, rank, at(recv, nbytes, rank), nbytes);
	return weft__batch_end(&batch, rc);
}

static int gather_straight(weft_team_t *team, const void *send, char *recv, size_t nbytes, int root)
{
	int rc = 0;
	if (team->rank != root)
		return weft__coll_send(team, root, send, nbytes);
	if (send)
		weft__coll_copy(at(recv, nbytes, root), send, nbytes);
	if (team->size == 2)
		return weft__coll_recv(team, !root, at(recv, nbytes, !root), nbytes);
	for (int rank = 0; rank < team->size && !rc; rank += WEFT__FLAT_MAX)
		rc = gather_some(team, recv, nbytes, root, rank);
	return rc;
}

int weft_gather(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, int root)
{
	size_t nbytes;
	bool at_root = team && team->rank == root;
	if (count > 0 && ((at_root && !recv) || (!at_root && !send)))
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, root, &nbytes);
	if (rc)
		return weft__ended(rc);
	return weft__coll_end(team, goes_by_tree(team, nbytes) ? gather_short(team, send, recv, nbytes, root)
	                                                       : gather_straight(team, send, recv, nbytes, root));
}

/* --- scatter ------------------------------------------------------------------------------------- */

/* The root's tree[] is full; the others' gets their subtree's values, the own one first. */
static int scatter_tree(weft_team_t *team, char *tree, size_t nbytes, int root)
{
	int size = team->size, place = (team->rank - root + size) % size, above, k = 1;
	int end = subtree_end(team, place, &above);
	if (place) {
		int rc = weft__coll_recv(team, (place - above + root) % size, tree, nbytes * (size_t)(end - place));
		if (rc)
			return rc;
	}
	while (place + 2 * k < end)
		k *= 2;
	for (; k > 0; k /= 2) {
		int child = place + k, ignored, child_end = subtree_end(team, child, &ignored);
		int rc = child >= end ? 0
		                      : weft__coll_send(team, (child + root) % size, at(tree, nbytes, k),
		                                        nbytes * (size_t)(child_end - child));
		if (rc)
			return rc;
	}
	return 0;
}

static int scatter_short(weft_team_t *team, const char *send, void *recv, size_t nbytes, int root)
{
	int above, size = team->size, place = (team->rank - root + size) % size;
	int n = subtree_end(team, place, &above) - place;
	char *tree = weft__malloc(nbytes * (size_t)n + 1);
	if (!tree)
		return WEFT_ENOMEM;
	if (place == 0)
		turn(team, tree, send, nbytes, root);
	int rc = scatter_tree(team, tree, nbytes, root);
	if (!rc && recv)
		weft__coll_copy(recv, tree, nbytes);
	weft__free(tree);
	return rc;
}

static int scatter_straight(weft_team_t *team, const char *send, void *recv, size_t nbytes, int root)
{
	if (team->rank != root)
		return weft__coll_recv(team, root, recv, nbytes);
	for (int rank = 0; rank < team->size; rank++) {
		int rc = rank == root ? 0 : weft__coll_send(team, rank, send + nbytes * (size_t)rank, nbytes);
		if (rc)
			return rc;
	}
	if (recv)
		weft__coll_copy(recv, send + nbytes * (size_t)root, nbytes);
	return 0;
}

int weft_scatter(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type, int root)
{
	size_t nbytes;
	bool at_root = team && team->rank == root;
	if (count > 0 && ((at_root && !send) || (!at_root && !recv)))
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, root, &nbytes);
	if (rc)
		return weft__ended(rc);
	return weft__coll_end(team, goes_by_tree(team, nbytes) ? scatter_short(team, send, recv, nbytes, root)
	                                                       : scatter_straight(team, send, recv, nbytes, root));
}

/* --- allgather ----------------------------------------------------------------------------------- */

/* After the round of distance k, turned[] has the values of the 2k ranks from this one on. */
static int allgather_bruck(weft_team_t *team, char *turned, size_t nbytes)
{
	int size = team->size, rank = team->rank;
	for (int k = 1; k < size; k *= 2) {
		size_t now = nbytes * (size_t)(k < size - k ? k : size - k);
		int rc = weft__coll_exchange(team, (rank - k + size) % size, turned, now, (rank + k) % size,
		                             at(turned, nbytes, k), now);
		if (rc)
			return rc;
	}
	return 0;
}

static int allgather_short(weft_team_t *team, char *recv, size_t nbytes)
{
	char *turned = weft__malloc(nbytes * (size_t)team->size + 1);
	if (!turned)
		return WEFT_ENOMEM;
	weft__coll_copy(turned, at(recv, nbytes, team->rank), nbytes);
	int rc = allgather_bruck(team, turned, nbytes);
	if (!rc)
		turn_back(team, recv, turned, nbytes, team->rank);
	weft__free(turned);
	return rc;
}

static int allgather_ring(weft_team_t *team, char *recv, size_t nbytes)
{
	int size = team->size, rank = team->rank;
	for (int step = 0; step < size - 1; step++) {
		int out = (rank - step + size) % size, in = (rank - step - 1 + size) % size;
		int rc = weft__coll_exchange(team, (rank + 1) % size, at(recv, nbytes, out), nbytes,
		                             (rank - 1 + size) % size, at(recv, nbytes, in), nbytes);
		if (rc)
			return rc;
	}
	return 0;
}

static int allgather_flat(weft_team_t *team, char *all, size_t nbytes)
{
	bool ready;
	int rc = weft__hall_ready(team, nbytes, &ready);
	if (rc || !ready)
		return rc ? rc : weft__coll_tell_all(team, all, nbytes);
	rc = weft__hall_meet(team, at(all, nbytes, team->rank), nbytes);
	for (int rank = 0; rank < team->size && !rc; rank++)
		weft__coll_copy(at(all, nbytes, rank), weft__hall_stand(team, rank), nbytes);
	return rc;
}

int weft_allgather(weft_team_t *team, const void *send, void *recv, int64_t count, weft_type_t type)
{
	size_t nbytes;
	if (!recv && count > 0)
		return weft__ended(WEFT_EINVAL);
	int rc = weft__coll_begin(team, count, (int)type, 0, &nbytes);
	if (rc)
		return weft__ended(rc);
	if (send)
		weft__coll_copy(at(recv, nbytes, team->rank), send, nbytes);
	if (team->size > 2 && weft__is_flat(team))
		return weft__coll_end(team, allgather_flat(team, recv, nbytes));
	bool is_short = team->size > 2 && nbytes * (size_t)team->size < WEFT__ALLGATHER_LONG;
	return weft__coll_end(team, is_short ? allgather_short(team, recv, nbytes) : allgather_ring(team, recv, nbytes));
}
