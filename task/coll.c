/* Collectives: the messages between ranks, failure, and the barrier.
 *
 * All goes well: weft__coll_begin checks the arguments, ranks exchange messages in the team's context, weft__coll_end
 * returns. Messages have no numbers: those between two ranks arrive in their order, and each algorithm receives
 * those of one rank in the order in which that one sends them. So a fast rank's next collective waits for a slow
 * rank, and the engine finds the same few keys again and again.
 *
 * A member dies: whoever exchanges messages with it gets WEFT_ENOTASK. But most ranks wait for others that live,
 * and those would now leave the collective and never send. So a rank that fails, with whatever error,
 * sends a notice to every other rank. A rank that waits longer than a moment looks for notices, and fails
 * with the same code, which it tells to all in turn: everyone hears it from someone that can still speak. A
 * send under way is given up.
 *
 * Afterwards messages of the collective may lie about unreceived, so the team stays failed: each later collective
 * returns the code at once. The survivors make another team (weft_team_create with another context).
 *
 * Counts that differ: a message's length is not what was expected: WEFT_ETRUNC, and then as above.
 */
#include "config.h"

#include "task/coll.h"

#include <string.h>

#include "task/state.h"
#include "task/types.h"

/* How long a rank waits before it looks for notices, in ms: at first, and then twice as long each time. */
enum { PATIENCE_MIN = 20, PATIENCE_MAX = 160, FLUSH_MAX = 300 };

static int longer(int patience_ms)
{
	return patience_ms < PATIENCE_MAX ? 2 * patience_ms : patience_ms;
}

void weft__coll_copy(void *dst, const void *src, size_t nbytes)
{
	if (nbytes > 0 && dst != src)
		memcpy(dst, src, nbytes);
}

/* --- failure ------------------------------------------------------------------------------------- */

/* A notice is empty; its tag says which team and why: codes are -1..-CODES. */
enum { CODES = 127 };

static int32_t notice_tag(const weft_team_t *team, int code)
{
	uint32_t why = code < 0 && code >= -CODES ? (uint32_t)-code : (uint32_t)-WEFT_EINTERNAL;
	return (int32_t)((team->fingerprint & (INT32_MAX & ~CODES)) | why);
}

int weft__coll_heard(weft_team_t *team)
{
	weft_status_t status;
	char nothing;
	while (weft__recv(team->e, WEFT_ANY_TASK, team->notices, WEFT_ANY_TAG, &nothing, 0, &status, 0) == 0) {
		int code = -(status.tag & CODES);
		if (notice_tag(team, code) == status.tag) /* else of an older team */
			return weft__fail(code, "a collective failed in another task of the team: %s", weft__err_text(code));
	}
	return 0;
}

/* Tell every rank. The notices go out by themselves, to whom and when they can; but a rank that now receives the half of
 * a piece that was given up shall not have to wait until this task calls the library again. */
static void tell(weft_team_t *team, int code)
{
	static const char nothing;
	for (int rank = 0; rank < team->size; rank++) {
		weft_request_t request;
		if (rank != team->rank && weft__isend(team->e, team->tids[rank], team->notices, notice_tag(team, code),
		                                      &nothing, 0, &request) == 0)
			weft__let_go(team->e, &request);
	}
	weft__flush(team->e, FLUSH_MAX);
}

int weft__coll_begin(weft_team_t *team, int64_t count, int type, int root, size_t *nbytes)
{
	if (!team)
		return weft__fail(WEFT_EINVAL, "the team is NULL: the task is not enrolled, or in no team of the split");
	size_t size = weft__type_size(type);
	if (count < 0 || size == 0)
		return weft__fail(WEFT_EINVAL, "a count of %lld of type %d", (long long)count, type);
	if (root < 0 || root >= team->size)
		return weft__fail(WEFT_EINVAL, "root %d is no rank of a team of %d", root, team->size);
	if ((uint64_t)count > WEFT_MSG_MAX / size / (size_t)team->size)
		return weft__fail(WEFT_ETOOBIG, "%lld values for each of %d tasks", (long long)count, team->size);
	if (team->failed)
		return weft__fail(team->failed, "an earlier collective of this team failed: %s",
		                  weft__err_text(team->failed));
	*nbytes = (size_t)count * size;
	return 0;
}

int weft__coll_end(weft_team_t *team, int rc)
{
	if (rc && !team->failed) {
		team->failed = rc;
		tell(team, rc);
	}
	return weft__ended(rc);
}

/* --- messages ------------------------------------------------------------------------------------- */

int weft__coll_wait(weft_team_t *team, weft_request_t *request, weft_status_t *status)
{
	for (int patience = PATIENCE_MIN;; patience = longer(patience)) {
		int rc = weft__wait(team->e, request, status, patience);
		if (rc != WEFT_ETIMEDOUT)
			return rc;
		rc = weft__coll_heard(team);
		if (rc) {
			weft__give_up(team->e, request);
			return rc;
		}
	}
}

bool weft__coll_is_short(const weft_team_t *team, size_t nbytes)
{
	return nbytes <= team->e->settings.eager_max;
}

static int send_short(weft_team_t *team, int to, const void *buf, size_t nbytes)
{
	for (int patience = PATIENCE_MIN;; patience = longer(patience)) {
		int rc = weft__send(team->e, team->tids[to], team->context, team->tag, buf, nbytes, patience);
		if (rc != WEFT_ETIMEDOUT)
			return rc;
		rc = weft__coll_heard(team);
		if (rc)
			return rc;
	}
}

int weft__coll_send(weft_team_t *team, int to, const void *buf, size_t nbytes)
{
	weft_request_t request;
	if (weft__coll_is_short(team, nbytes))
		return send_short(team, to, buf, nbytes);
	int rc = weft__isend(team->e, team->tids[to], team->context, team->tag, buf, nbytes, &request);
	return rc ? rc : weft__coll_wait(team, &request, NULL);
}

int weft__coll_received(int from, size_t nbytes, int rc, const weft_status_t *status)
{
	if (rc == 0 && status->nbytes != nbytes)
		rc = WEFT_ETRUNC;
	if (rc == WEFT_ETRUNC)
		return weft__fail(rc, "rank %d sent %zu bytes where %zu were expected: counts differ", from,
		                  status->nbytes, nbytes);
	return rc;
}

int weft__coll_recv(weft_team_t *team, int from, void *buf, size_t nbytes)
{
	weft_status_t status;
	int rc;
	for (int patience = PATIENCE_MIN;; patience = longer(patience)) {
		rc = weft__recv(team->e, team->tids[from], team->context, team->tag, buf, nbytes, &status, patience);
		if (rc != WEFT_ETIMEDOUT)
			break;
		rc = weft__coll_heard(team);
		if (rc)
			return rc;
	}
	return weft__coll_received(from, nbytes, rc, &status);
}

int weft__coll_exchange(weft_team_t *team, int to, const void *sendbuf, size_t sendbytes, int from,
                        void *recvbuf, size_t recvbytes)
{
	weft_request_t request;
	if (weft__coll_is_short(team, sendbytes)) {
		int rc = send_short(team, to, sendbuf, sendbytes);
		return rc ? rc : weft__coll_recv(team, from, recvbuf, recvbytes);
	}
	int rc = weft__isend(team->e, team->tids[to], team->context, team->tag, sendbuf, sendbytes, &request);
	if (rc)
		return rc;
	rc = weft__coll_recv(team, from, recvbuf, recvbytes);
	if (rc == 0)
		return weft__coll_wait(team, &request, NULL);
	weft__give_up(team->e, &request);
	return rc;
}

/* --- crowded teams ---------------------------------------------------------------------------------- */

int weft__coll_crowded(weft_team_t *team, bool *crowded)
{
	if (team->size <= WEFT__EACH_MAX)
		team->crowding = WEFT__CROWDED_NO; /* it makes no difference */
	if (team->crowding == WEFT__CROWDED_UNKNOWN) {
		char votes[WEFT__FLAT_MAX] = {0};
		votes[team->rank] = team->e->crowded;
		int rc = weft__coll_tell_all(team, votes, sizeof *votes);
		if (rc)
			return rc;
		team->crowding = memchr(votes, 1, (size_t)team->size) ? WEFT__CROWDED_YES : WEFT__CROWDED_NO;
	}
	*crowded = team->crowding == WEFT__CROWDED_YES;
	return 0;
}

/* --- barrier --------------------------------------------------------------------------------------- */

/* They meet; or each tells each; in a crowd each tells rank 0, who tells each. */
static int barrier_flat(weft_team_t *team)
{
	struct weft__batch batch;
	char nothing = 0;
	bool crowded, ready;
	int rc = weft__hall_ready(team, 0, &ready);
	if (rc || ready)
		return rc ? rc : weft__hall_meet(team, NULL, 0);
	rc = weft__coll_crowded(team, &crowded);
	if (rc || !crowded)
		return rc ? rc : weft__coll_tell_all(team, &nothing, 0);
	if (team->rank != 0)
		return weft__coll_exchange(team, 0, &nothing, 0, 0, &nothing, 0);
	weft__batch_start(&batch, team);
	for (int rank = 1; rank < team->size && !rc; rank++)
		rc = weft__batch_recv(&batch, rank, &nothing, 0);
	rc = weft__batch_end(&batch, rc);
	for (int rank = 1; rank < team->size && !rc; rank++)
		rc = weft__coll_send(team, rank, &nothing, 0);
	return rc;
}

/* Dissemination: after the round of distance k everyone knows of the 2k ranks below it. */
static int barrier_rounds(weft_team_t *team)
{
	char nothing;
	for (int k = 1; k < team->size; k *= 2) {
		int to = (team->rank + k) % team->size, from = (team->rank - k + team->size) % team->size;
		int rc = weft__coll_exchange(team, to, &nothing, 0, from, &nothing, 0);
		if (rc)
			return rc;
	}
	return 0;
}

int weft_barrier(weft_team_t *team)
{
	size_t nbytes;
	int rc = weft__coll_begin(team, 0, WEFT_BYTE, 0, &nbytes);
	return rc ? weft__ended(rc) : weft__coll_end(team, team->size > 2 && weft__is_flat(team) ? barrier_flat(team)
	                                                                              : barrier_rounds(team));
}
