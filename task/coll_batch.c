/* Several messages of a collective at once, and memory for its time.
 *
 * All receives are posted and all sends are started before the first is waited for, so that a rank waits once and
 * not once for each message, and what arrives meanwhile goes straight to its place.
 *
 * Something fails (a rank is dead, a notice came, a length is wrong): what is still under way is given up, since the
 * memory that it reads and writes is the caller's.
 */
#include "config.h"

#include "task/coll.h"

#include "base/heap.h"

void weft__batch_start(struct weft__batch *b, weft_team_t *team)
{
	b->team = team;
	b->n = 0;
}

static struct weft__batch_part *add(struct weft__batch *b, int from, size_t nbytes)
{
	struct weft__batch_part *part = &b->parts[b->n];
	part->from = from;
	part->nbytes = nbytes;
	return part;
}

int weft__batch_recv(struct weft__batch *b, int from, void *buf, size_t nbytes)
{
	const weft_team_t *team = b->team;
	int rc = weft__irecv(team->e, team->tids[from], team->context, team->tag, buf, nbytes,
	                     &add(b, from, nbytes)->request);
	b->n += rc == 0;
	return rc;
}

int weft__batch_send(struct weft__batch *b, int to, const void *buf, size_t nbytes)
{
	weft_team_t *team = b->team;
	if (weft__coll_is_short(team, nbytes))
		return weft__coll_send(team, to, buf, nbytes);
	int rc = weft__isend(team->e, team->tids[to], team->context, team->tag, buf, nbytes,
	                     &add(b, -1, nbytes)->request);
	b->n += rc == 0;
	return rc;
}

int weft__batch_end(struct weft__batch *b, int rc)
{
	for (int i = 0; i < b->n; i++) {
		struct weft__batch_part *part = &b->parts[i];
		weft_status_t status;
		if (rc) {
			weft__give_up(b->team->e, &part->request);
			continue;
		}
		rc = weft__coll_wait(b->team, &part->request, &status);
		if (part->from >= 0)
			rc = weft__coll_received(part->from, part->nbytes, rc, &status);
	}
	return rc;
}

int weft__coll_tell_all(weft_team_t *team, char *all, size_t nbytes)
{
	struct weft__batch batch;
	int size = team->size, rank = team->rank, rc = 0;
	weft__batch_start(&batch, team);
	for (int step = 1; step < size && !rc; step++) {
		int from = (rank - step + size) % size;
		rc = weft__batch_recv(&batch, from, all + nbytes * (size_t)from, nbytes);
	}
	for (int step = 1; step < size && !rc; step++)
		rc = weft__batch_send(&batch, (rank + step) % size, all + nbytes * (size_t)rank, nbytes);
	return weft__batch_end(&batch, rc);
}

/* --- memory -------------------------------------------------------------------------------------- */

char *weft__scratch_get(struct weft__scratch *s, size_t nbytes)
{
	s->big = nbytes > sizeof s->small ? weft__malloc(nbytes) : NULL;
	return nbytes > sizeof s->small ? s->big : s->small;
}

void weft__scratch_free(struct weft__scratch *s)
{
	weft__free(s->big);
}
