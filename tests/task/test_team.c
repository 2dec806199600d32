/* Teams: made, split, split again, in several threads at once; and what happens when a member dies. */
#include "config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/task/crew.h"

#define TRY(condition)                                                                             \
	if (!CREW_CHECK(m, condition))                                                             \
	return false

/* --- made and split ------------------------------------------------------------------------------ */

/* The team has these members of the crew in this order, and works. */
static bool is_team_of(struct member *m, weft_team_t *team, const int *ranks, int n)
{
	TRY(team != NULL && weft_team_size(team) == n);
	int32_t sum = m->rank + 1, want = 0;
	for (int i = 0; i < n; i++) {
		TRY(weft_team_tid(team, i).v == m->crew->tids[ranks[i]].v);
		TRY((weft_team_rank(team) == i) == (ranks[i] == m->rank));
		want += ranks[i] + 1;
	}
	TRY(weft_team_tid(team, n).v == 0 && weft_team_tid(team, -1).v == 0);
	TRY(weft_allreduce(team, NULL, &sum, 1, WEFT_INT32, WEFT_SUM) == 0);
	TRY(sum == want);
	int32_t first = m->rank;
	TRY(weft_bcast(team, &first, 1, WEFT_INT32, 0) == 0);
	TRY(first == ranks[0]);
	return true;
}

static bool split_by_parity(struct member *m, void *arg)
{
	int ranks[CREW_MAX], n = 0;
	weft_team_t *half = NULL;
	TRY(weft_team_split(m->team, m->rank % 2, -m->rank, &half) == 0); /* keys turn the order round */
	for (int r = m->size - 1; r >= 0; r--)
		if (r % 2 == m->rank % 2)
			ranks[n++] = r;
	TRY(is_team_of(m, half, ranks, n));
	for (int i = 0; i < m->size; i++)
		ranks[i] = i;
	TRY(is_team_of(m, m->team, ranks, m->size)); /* the old one works still */

	weft_team_t *same = NULL;
	TRY(weft_team_split(m->team, 5, 1, &same) == 0); /* equal keys: by old rank */
	TRY(is_team_of(m, same, ranks, m->size));
	weft_team_free(&half);
	TRY(half == NULL);
	weft_team_free(&half);
	weft_team_free(&same);

	weft_team_t *job = m->team;
	weft_team_free(&job); /* the job's stays */
	TRY(job == NULL && is_team_of(m, m->team, ranks, m->size));
	return true;
}

static void teams_split_by_color_and_key(void **state)
{
	for (int size = 1; size <= 9; size++)
		crew_run(size, "shm", 65536, split_by_parity, NULL);
	crew_run(16, "stream", 65536, split_by_parity, NULL);
}

static bool leave_some_out(struct member *m, void *arg)
{
	int ranks[CREW_MAX], n = 0;
	weft_team_t *team = m->team;
	TRY(weft_team_split(m->team, m->rank % 3 ? 0 : -1, 0, &team) == 0);
	if (m->rank % 3 == 0) {
		TRY(team == NULL);
		return true;
	}
	for (int r = 0; r < m->size; r++)
		if (r % 3)
			ranks[n++] = r;
	TRY(is_team_of(m, team, ranks, n));
	weft_team_free(&team);
	return true;
}

static void a_negative_color_is_in_no_team(void **state)
{
	for (int size = 1; size <= 9; size++)
		crew_run(size, "shm", 65536, leave_some_out, NULL);
}

static bool halve_until_alone(struct member *m, void *arg)
{
	weft_team_t *teams[8], *team = m->team;
	int first = 0, size = m->size, depth = 0;
	while (size > 1) {
		int rank = m->rank - first, half = size / 2, upper = rank >= half, ranks[CREW_MAX];
		TRY(weft_team_split(team, upper, rank, &teams[depth]) == 0);
		team = teams[depth++];
		first += upper ? half : 0;
		size = upper ? size - half : half;
		for (int i = 0; i < size; i++)
			ranks[i] = first + i;
		TRY(is_team_of(m, team, ranks, size));
	}
	TRY(weft_barrier(m->team) == 0);
	while (depth > 0)
		weft_team_free(&teams[--depth]);
	return true;
}

static void splits_of_splits_work(void **state)
{
	for (int size = 1; size <= 9; size++)
		crew_run(size, "shm", 65536, halve_until_alone, NULL);
	crew_run(16, "shm", 65536, halve_until_alone, NULL);
}

static bool create_teams(struct member *m, void *arg)
{
	const weft_context_t context = {77}, too_large = {UINT32_C(1) << 29};
	weft_tid_t tids[CREW_MAX];
	int ranks[CREW_MAX];
	weft_team_t *team = NULL;
	for (int i = 0; i < m->size; i++) { /* in another order than the job's */
		ranks[i] = (i * 2 + 1) % m->size;
		tids[i] = m->crew->tids[ranks[i]];
	}
	TRY(weft__team_create(m->e, tids, m->size, context, &team) == 0);
	TRY(is_team_of(m, team, ranks, m->size));
	weft_team_free(&team);

	TRY(weft__team_create(m->e, tids, 0, context, &team) == WEFT_EINVAL);
	TRY(weft__team_create(m->e, NULL, 1, context, &team) == WEFT_EINVAL);
	TRY(weft__team_create(m->e, tids, m->size, too_large, &team) == WEFT_EINVAL);
	tids[0] = tids[1];
	TRY(weft__team_create(m->e, tids, m->size, context, &team) == WEFT_EINVAL);
	tids[0].v = 12345;
	for (int i = 0; i < m->size; i++)
		if (tids[i].v == m->crew->tids[m->rank].v)
			tids[i].v = 54321;
	TRY(weft__team_create(m->e, tids, m->size, context, &team) == WEFT_EINVAL);
	TRY(team == NULL);
	TRY(weft_team_size(NULL) == WEFT_EINVAL && weft_team_rank(NULL) == WEFT_EINVAL);
	TRY(weft_team_tid(NULL, 0).v == 0);
	return true;
}

static void teams_are_made_of_lists_of_tasks(void **state)
{
	crew_run(3, "shm", 65536, create_teams, NULL);
	crew_run(7, "shm", 65536, create_teams, NULL);
}

/* --- splits in two threads at once ----------------------------------------------------------------- */

enum { SPLITS = 12 };

struct splitter {
	struct member *m;
	weft_team_t *team, *made[SPLITS];
	bool ok;
};

static bool split_many_times(struct splitter *s)
{
	struct member *m = s->m;
	for (int i = 0; i < SPLITS; i++) {
		TRY(weft_team_split(s->team, (m->rank + i) % 2, 0, &s->made[i]) == 0);
		TRY(weft_barrier(s->made[i]) == 0);
	}
	return true;
}

static void *splitter_main(void *arg)
{
	struct splitter *s = arg;
	s->ok = split_many_times(s);
	return NULL;
}

/* Two teams that share all members are split at the same time in an order that nobody knows: the teams that come of
 * it must still not share a context. */
static bool split_in_two_threads(struct member *m, void *arg)
{
	struct splitter s[2] = {{.m = m}, {.m = m}};
	pthread_t other;
	for (uint32_t i = 0; i < 2; i++)
		TRY(weft__team_create(m->e, m->crew->tids, m->size, (weft_context_t){i + 1}, &s[i].team) == 0);
	TRY(pthread_create(&other, NULL, splitter_main, &s[1]) == 0);
	splitter_main(&s[0]);
	pthread_join(other, NULL);
	TRY(s[0].ok && s[1].ok);
	for (int i = 0; i < 2 * SPLITS; i++)
		for (int k = 0; k < i; k++)
			TRY(s[i / SPLITS].made[i % SPLITS]->context.v != s[k / SPLITS].made[k % SPLITS]->context.v);
	TRY(weft_barrier(m->team) == 0);
	for (int i = 0; i < 2 * SPLITS; i++)
		weft_team_free(&s[i / SPLITS].made[i % SPLITS]);
	weft_team_free(&s[0].team);
	weft_team_free(&s[1].team);
	return true;
}

static void splits_in_two_threads_get_contexts_of_their_own(void **state)
{
	crew_run(2, "shm", 65536, split_in_two_threads, NULL);
	crew_run(4, "shm", 65536, split_in_two_threads, NULL);
}

/* --- death ------------------------------------------------------------------------------------------ */

enum { NWAYS = 9 };

struct death {
	int way, victim, nearly; /* nearly: how many are about to wait */
	int64_t count;
};

static int collective(struct member *m, int way, int64_t count, double *send, double *recv)
{
	switch (way) {
	case 0:
		return weft_barrier(m->team);
	case 1:
		return weft_bcast(m->team, send, count, WEFT_DOUBLE, 0);
	case 2:
		return weft_reduce(m->team, send, recv, count, WEFT_DOUBLE, WEFT_SUM, 0);
	case 3:
		return weft_allreduce(m->team, send, recv, count, WEFT_DOUBLE, WEFT_SUM);
	case 4:
		return weft_gather(m->team, send, recv, count, WEFT_DOUBLE, 0);
	case 5:
		return weft_scatter(m->team, send, recv, count, WEFT_DOUBLE, 0);
	case 6:
		return weft_allgather(m->team, send, recv, count, WEFT_DOUBLE);
	case 7:
		return weft_alltoall(m->team, send, recv, count, WEFT_DOUBLE);
	default:
		return weft_scan(m->team, send, recv, count, WEFT_DOUBLE, WEFT_SUM);
	}
}

static void pause_ms(long ms)
{
	struct timespec t = {0, ms * 1000000};
	nanosleep(&t, NULL);
}

/* The survivors go from collective to collective until there is an error; a collective may go well for
 * those that needed nothing of the victim, the barriers after it can't. */
static bool survive(struct member *m, void *arg)
{
	struct death *d = arg;
	size_t nbytes = (size_t)d->count * (size_t)m->size * sizeof(double) + 8;
	double *send = calloc(1, nbytes), *recv = calloc(1, nbytes);
	TRY(send != NULL && recv != NULL);
	int rc = weft_barrier(m->team);
	__atomic_add_fetch(&d->nearly, 1, __ATOMIC_SEQ_CST);
	if (m->rank == d->victim) {
		while (__atomic_load_n(&d->nearly, __ATOMIC_SEQ_CST) < m->size)
			pause_ms(1);
		if (d->way % 2)
			pause_ms(30); /* dies while they wait, or before */
		crew_die(m);
	} else {
		rc = rc ? rc : collective(m, d->way, d->count, send, recv);
		for (int i = 0; i < 3 && rc == 0; i++)
			rc = weft_barrier(m->team);
		CREW_CHECK(m, rc == WEFT_ENOTASK);
		CREW_CHECK(m, weft_barrier(m->team) == WEFT_ENOTASK); /* it stays so */
	}
	free(send);
	free(recv);
	return true;
}

static void a_members_death_ends_every_collective_for_everyone(void **state)
{
	static const int crew_sizes[] = {2, 4, 5};
	for (int way = 0; way < NWAYS; way++)
		for (int i = 0; i < 3; i++)
			for (int k = 0; k < 2; k++) {
				struct death d = {.way = way, .victim = k ? crew_sizes[i] - 1 : crew_sizes[i] / 2};
				d.count = k ? 20000 : 3; /* by rendezvous, and at once */
				crew_run(crew_sizes[i], "shm", 4096, survive, &d);
				d.nearly = 0;
				crew_run(crew_sizes[i], "hall", 4096, survive, &d);
			}
}

static bool regroup(struct member *m, void *arg)
{
	struct death *d = arg;
	double v[2] = {1, 0};
	weft_tid_t tids[CREW_MAX];
	int ranks[CREW_MAX], n = 0;
	TRY(survive(m, arg));
	if (m->rank == d->victim)
		return true;
	TRY(weft_bcast(m->team, v, 1, WEFT_DOUBLE, 0) == WEFT_ENOTASK);
	for (int r = 0; r < m->size; r++)
		if (r != d->victim) {
			tids[n] = m->crew->tids[r];
			ranks[n++] = r;
		}
	weft_team_t *team = NULL;
	TRY(weft__team_create(m->e, tids, n, (weft_context_t){9}, &team) == 0);
	TRY(is_team_of(m, team, ranks, n));
	weft_team_free(&team);
	return true;
}

static void the_survivors_make_a_team_of_their_own(void **state)
{
	struct death d = {.way = 3, .victim = 1, .count = 100};
	crew_run(5, "shm", 65536, regroup, &d);
}

/* One rank has other counts: all hear of it, at the latest in the barrier after. */
static bool differ(struct member *m, void *arg)
{
	const struct death *d = arg;
	int64_t count = d->count + (m->rank == d->victim ? 1 : 0);
	double *send = calloc((size_t)(count * m->size), 8), *recv = calloc((size_t)(count * m->size), 8);
	TRY(send != NULL && recv != NULL);
	int rc = collective(m, d->way, count, send, recv);
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = weft_barrier(m->team);
	free(send);
	free(recv);
	TRY(rc == WEFT_ETRUNC);
	return true;
}

static void counts_that_differ_are_an_error_for_everyone(void **state)
{
	for (int way = 1; way < NWAYS; way++)
		for (int64_t count = 3; count < 30000; count += 20000) {
			struct death d = {.way = way, .victim = 2, .count = count};
			crew_run(4, "shm", 65536, differ, &d);
			crew_run(4, "hall", 65536, differ, &d);
		}
}

/* One rank calls what goes by messages while the others wait for it in the hall. */
static bool call_another(struct member *m, void *arg)
{
	static double send[5 * 2000], recv[CREW_MAX][5 * 2000];
	TRY(weft_barrier(m->team) == 0);
	int rc = m->rank == 1 ? weft_alltoall(m->team, send, recv[1], 2000, WEFT_DOUBLE) : weft_barrier(m->team);
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = weft_barrier(m->team);
	TRY(rc == WEFT_ETRUNC);
	return true;
}

static void calls_that_differ_are_an_error_for_everyone(void **state)
{
	crew_run(5, "hall", 65536, call_another, NULL);
}

/* What others write into the hall spoils values, nothing else. */
static bool meet_a_vandal(struct member *m, void *arg)
{
	struct death *d = arg;
	int32_t v[4] = {1, 2, 3, 4}, sums[4];
	size_t nbytes = weft__hall_bytes(m->size);
	uint8_t *bytes = (uint8_t *)m->team->hall;
	struct weft__rng rng;
	weft__rng_init(&rng, 7);
	if (m->rank == d->victim) { /* writes, and never comes */
		for (int i = 0; i < 200000; i++)
			bytes[weft__rng_below(&rng, nbytes)] = (uint8_t)weft__rng_next(&rng);
		for (size_t i = 0; i < 64; i++) /* all have arrived at some meeting far away */
			bytes[i] = 0x3f;
		crew_die(m);
		return true;
	}
	int rc = 0;
	for (int i = 0; i < 100 && rc == 0; i++)
		rc = weft_allreduce(m->team, v, sums, 4, WEFT_INT32, WEFT_SUM);
	CREW_CHECK(m, rc == 0 || rc == WEFT_ETRUNC || rc == WEFT_ENOTASK);
	return true;
}

static void a_vandal_in_the_hall_spoils_values_alone(void **state)
{
	struct death d = {.victim = 2};
	crew_run(4, "hall", 65536, meet_a_vandal, &d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(teams_split_by_color_and_key),
	        cmocka_unit_test(a_negative_color_is_in_no_team),
	        cmocka_unit_test(splits_of_splits_work),
	        cmocka_unit_test(teams_are_made_of_lists_of_tasks),
	        cmocka_unit_test(splits_in_two_threads_get_contexts_of_their_own),
	        cmocka_unit_test(a_members_death_ends_every_collective_for_everyone),
	        cmocka_unit_test(the_survivors_make_a_team_of_their_own),
	        cmocka_unit_test(counts_that_differ_are_an_error_for_everyone),
	        cmocka_unit_test(calls_that_differ_are_an_error_for_everyone),
	        cmocka_unit_test(a_vandal_in_the_hall_spoils_values_alone),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
