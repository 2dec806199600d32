/* Collectives: every one, over every type and operation, all roots, team sizes, short and long vectors, compared with what
 * one process computes alone. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rng.h"
#include "tests/task/crew.h"
#include "task/op.h"
#include "task/state.h"
#include "task/types.h"

#define TRY(condition)                                                                             \
	if (!CREW_CHECK(m, condition))                                                             \
	return false

static const int sizes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 19};
enum { NSIZES = sizeof sizes / sizeof *sizes };

/* A small number, so that sums and products of many are exact in every type (or wrap alike). */
static int small(int rank, int64_t i, int op)
{
	uint64_t v = (uint64_t)rank * 7 + (uint64_t)i * 13 + (uint64_t)(rank * i) % 5;
	return op == WEFT_PROD ? 1 + (int)(v % 2) : (int)(v % 11);
}

static void put(int type, void *values, int64_t i, int v)
{
	switch (type) {
	case WEFT_FLOAT:
		((float *)values)[i] = (float)v;
		break;
	case WEFT_DOUBLE:
		((double *)values)[i] = v;
		break;
	case WEFT_COMPLEX:
		((float *)values)[2 * i] = (float)v;
		((float *)values)[2 * i + 1] = (float)(v % 2);
		break;
	case WEFT_DCOMPLEX:
		((double *)values)[2 * i] = v;
		((double *)values)[2 * i + 1] = v % 2;
		break;
	default: {
		size_t size = weft__type_size(type);
		int64_t wide = v;
		memcpy((char *)values + (size_t)i * size,
		       (char *)&wide + (WEFT__BYTE_ORDER == WEFT__BIG ? 8 - size : 0), size);
	}
	}
}

/* What rank contributes. */
static void contribute(int rank, int type, int op, void *values, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		put(type, values, i, small(rank, i, op));
}

/* What the ranks first..last make together. */
static void fold(int last, int type, int op, void *result, void *tmp, int64_t count)
{
	contribute(0, type, op, result, count);
	for (int rank = 1; rank <= last; rank++) {
		contribute(rank, type, op, tmp, count);
		weft__op_apply(op, type, result, tmp, (size_t)count);
	}
}

/* By value: a product of complex numbers may be a zero of either sign. */
static bool equal(int type, const void *a, const void *b, int64_t count)
{
	size_t nbytes = (size_t)count * weft__type_size(type), n = nbytes / weft__type_unit(type);
	if (type == WEFT_FLOAT || type == WEFT_COMPLEX) {
		for (size_t i = 0; i < n; i++)
			if (((const float *)a)[i] != ((const float *)b)[i])
				return false;
		return true;
	}
	if (type == WEFT_DOUBLE || type == WEFT_DCOMPLEX) {
		for (size_t i = 0; i < n; i++)
			if (((const double *)a)[i] != ((const double *)b)[i])
				return false;
		return true;
	}
	return memcmp(a, b, nbytes) == 0;
}

/* Room for one thread: the vectors of a whole team. */
struct room {
	char *send, *recv, *want, *tmp;
	size_t nbytes;
};

static bool make_room(struct room *r, size_t nbytes)
{
	r->nbytes = nbytes + 16;
	r->send = malloc(4 * r->nbytes);
	if (!r->send)
		return false;
	memset(r->send, 0x5a, 4 * r->nbytes);
	r->recv = r->send + r->nbytes;
	r->want = r->recv + r->nbytes;
	r->tmp = r->want + r->nbytes;
	return true;
}

/* --- reductions --------------------------------------------------------------------------------- */

static bool reduce_all_ways(struct member *m, struct room *r, int type, int op, int64_t count, int root)
{
	size_t nbytes = (size_t)count * weft__type_size(type);
	weft_type_t t = (weft_type_t)type;
	weft_op_t o = (weft_op_t)op;
	bool at_root = m->rank == root;

	fold(m->size - 1, type, op, r->want, r->tmp, count);
	contribute(m->rank, type, op, r->send, count);
	memset(r->recv, 0x5a, nbytes + 16);
	TRY(weft_allreduce(m->team, r->send, r->recv, count, t, o) == 0);
	TRY(equal(type, r->recv, r->want, count));
	TRY(r->recv[nbytes] == 0x5a);
	contribute(m->rank, type, op, r->recv, count);
	TRY(weft_allreduce(m->team, NULL, r->recv, count, t, o) == 0);
	TRY(equal(type, r->recv, r->want, count));

	memset(r->recv, 0x5a, nbytes + 16);
	TRY(weft_reduce(m->team, r->send, at_root ? r->recv : NULL, count, t, o, root) == 0);
	TRY(!at_root || equal(type, r->recv, r->want, count));
	contribute(m->rank, type, op, r->recv, count);
	TRY(weft_reduce(m->team, at_root ? NULL : r->send, r->recv, count, t, o, root) == 0);
	TRY(!at_root || equal(type, r->recv, r->want, count));
	contribute(m->rank, type, op, r->tmp, count);
	TRY(memcmp(r->send, r->tmp, nbytes) == 0); /* what is only read stays */

	fold(m->rank, type, op, r->want, r->tmp, count);
	TRY(weft_scan(m->team, r->send, r->recv, count, t, o) == 0);
	TRY(equal(type, r->recv, r->want, count));
	contribute(m->rank, type, op, r->recv, count);
	TRY(weft_scan(m->team, NULL, r->recv, count, t, o) == 0);
	TRY(equal(type, r->recv, r->want, count));
	return true;
}

static bool reduce_types_and_ops(struct member *m, void *arg)
{
	static const int64_t counts[] = {0, 1, 5, 33};
	struct room r = {0};
	TRY(make_room(&r, 64 * WEFT__WIDEST_TYPE));
	bool ok = true;
	for (int type = 1; type <= WEFT__TYPE_MAX && ok; type++)
		for (int op = WEFT_SUM; op <= WEFT_BXOR && ok; op++)
			for (int k = 0; k < 4 && ok; k++)
				if (weft__op_valid(op, type))
					ok = reduce_all_ways(m, &r, type, op, counts[k], (type + op + k) % m->size);
	free(r.send);
	return ok;
}

static void every_type_and_operation_reduces_right(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], "shm", 65536, reduce_types_and_ops, NULL);
}

static bool reduce_long(struct member *m, void *arg)
{
	static const int64_t counts[] = {4095, 4096, 4097, 20011, 65537}; /* around the change of ways, and uneven */
	struct room r = {0};
	TRY(make_room(&r, 65537 * sizeof(double)));
	bool ok = true;
	for (int k = 0; k < 5 && ok; k++) {
		ok = reduce_all_ways(m, &r, WEFT_DOUBLE, WEFT_SUM, counts[k], k % m->size);
		ok = ok && reduce_all_ways(m, &r, WEFT_INT16, WEFT_MAX, counts[k], (k + 1) % m->size);
		ok = ok && reduce_all_ways(m, &r, WEFT_COMPLEX, WEFT_SUM, counts[k] / 2, (k + 2) % m->size);
	}
	free(r.send);
	return ok;
}

static void long_vectors_reduce_right(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], i % 2 ? "stream" : "shm", 8192, reduce_long, NULL);
}

/* What the ranks of a team agree on when a node has more tasks than cores. */
static void crowd(struct member *m)
{
	if (m->size <= WEFT__FLAT_MAX)
		m->team->crowding = WEFT__CROWDED_YES;
}

static bool reduce_in_a_crowd(struct member *m, void *arg)
{
	crowd(m);
	return reduce_types_and_ops(m, arg);
}

static bool reduce_long_in_a_crowd(struct member *m, void *arg)
{
	crowd(m);
	return reduce_long(m, arg);
}

static void values_reduce_right_in_a_crowd(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], "shm", 8, reduce_in_a_crowd, NULL);
	crew_run(6, "stream", 8192, reduce_long_in_a_crowd, NULL);
}

static void values_reduce_right_in_a_hall(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], "hall", 65536, reduce_types_and_ops, NULL);
	crew_run(5, "hall", 8192, reduce_long, NULL);
}

/* --- moving values ------------------------------------------------------------------------------- */

/* Value i of what rank has for other. */
static void mark(uint32_t *values, int rank, int other, int64_t count)
{
	for (int64_t i = 0; i < count; i++)
		values[i] = (uint32_t)rank << 24 | (uint32_t)other << 16 | ((uint32_t)i & 0xffff);
}

static bool gather_and_scatter(struct member *m, struct room *r, int64_t count, int root)
{
	size_t each = (size_t)count * 4;
	bool at_root = m->rank == root;
	uint32_t *send = (uint32_t *)r->send, *recv = (uint32_t *)r->recv, *want = (uint32_t *)r->want;

	for (int i = 0; i < m->size; i++)
		mark(want + i * count, i, root, count);
	mark(send, m->rank, root, count);
	memset(recv, 0, each * (size_t)m->size);
	TRY(weft_gather(m->team, send, at_root ? recv : NULL, count, WEFT_UINT32, root) == 0);
	TRY(!at_root || memcmp(recv, want, each * (size_t)m->size) == 0);
	memset(recv, 0, each * (size_t)m->size);
	mark(recv + root * count, root, root, count);
	TRY(weft_gather(m->team, at_root ? NULL : send, recv, count, WEFT_UINT32, root) == 0);
	TRY(!at_root || memcmp(recv, want, each * (size_t)m->size) == 0);

	for (int i = 0; i < m->size; i++)
		mark(send + i * count, root, i, count);
	mark(want, root, m->rank, count);
	memset(recv, 0, each);
	TRY(weft_scatter(m->team, at_root ? send : NULL, recv, count, WEFT_UINT32, root) == 0);
	TRY(memcmp(recv, want, each) == 0);
	memset(recv, 0, each);
	TRY(weft_scatter(m->team, send, at_root ? NULL : recv, count, WEFT_UINT32, root) == 0);
	TRY(at_root || memcmp(recv, want, each) == 0);
	return true;
}

static bool everyone_to_everyone(struct member *m, struct room *r, int64_t count)
{
	size_t all = (size_t)count * 4 * (size_t)m->size;
	uint32_t *send = (uint32_t *)r->send, *recv = (uint32_t *)r->recv, *want = (uint32_t *)r->want;

	for (int i = 0; i < m->size; i++)
		mark(want + i * count, i, 0, count);
	mark(send, m->rank, 0, count);
	memset(recv, 0, all);
	TRY(weft_allgather(m->team, send, recv, count, WEFT_UINT32) == 0);
	TRY(memcmp(recv, want, all) == 0);
	memset(recv, 0, all);
	mark(recv + m->rank * count, m->rank, 0, count);
	TRY(weft_allgather(m->team, NULL, recv, count, WEFT_UINT32) == 0);
	TRY(memcmp(recv, want, all) == 0);

	for (int i = 0; i < m->size; i++) {
		mark(send + i * count, m->rank, i, count);
		mark(want + i * count, i, m->rank, count);
	}
	memset(recv, 0, all);
	TRY(weft_alltoall(m->team, send, recv, count, WEFT_UINT32) == 0);
	TRY(memcmp(recv, want, all) == 0);
	memcpy(recv, send, all);
	TRY(weft_alltoall(m->team, NULL, recv, count, WEFT_UINT32) == 0);
	TRY(memcmp(recv, want, all) == 0);
	return true;
}

static bool bcast(struct member *m, struct room *r, int64_t count, int root)
{
	uint32_t *values = (uint32_t *)r->send, *want = (uint32_t *)r->want;
	mark(want, root, 1, count);
	memset(values, 0, (size_t)count * 4);
	if (m->rank == root)
		mark(values, root, 1, count);
	values[count] = 0x5a5a5a5a;
	TRY(weft_bcast(m->team, values, count, WEFT_UINT32, root) == 0);
	TRY(memcmp(values, want, (size_t)count * 4) == 0);
	TRY(values[count] == 0x5a5a5a5a);
	return true;
}

static bool move_values(struct member *m, void *arg)
{
	static const int64_t counts[] = {0, 1, 3, 100, 128, 1024, 4096, 5003};
	struct room r = {0};
	TRY(make_room(&r, (size_t)m->size * 5003 * 4));
	bool ok = true;
	for (int k = 0; k < 8 && ok; k++) {
		for (int root = 0; root < m->size && ok; root++)
			ok = gather_and_scatter(m, &r, counts[k], root) && bcast(m, &r, counts[k], root);
		ok = ok && everyone_to_everyone(m, &r, counts[k]);
		ok = ok && CREW_CHECK(m, weft_barrier(m->team) == 0);
	}
	free(r.send);
	return ok;
}

static void values_get_where_they_belong_over_shared_memory(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], "shm", 65536, move_values, NULL);
}

static void values_get_where_they_belong_over_streams_by_rendezvous(void **state)
{
	for (int i = 1; i < NSIZES; i += 2)
		crew_run(sizes[i], "stream", 1000, move_values, NULL);
}

static void values_get_where_they_belong_in_a_hall(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], "hall", 65536, move_values, NULL);
}

static bool bcast_long(struct member *m, void *arg)
{
	static const int64_t counts[] = {16383, 16384, 16385, 100003};
	struct room r = {0};
	TRY(make_room(&r, 100003 * 4));
	bool ok = true;
	for (int k = 0; k < 4 && ok; k++)
		for (int root = 0; root < m->size && ok; root++)
			ok = bcast(m, &r, counts[k], root);
	free(r.send);
	return ok;
}

static void long_vectors_are_broadcast_whole(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], i % 2 ? "shm" : "stream", 8192, bcast_long, NULL);
}

/* --- order and sameness ---------------------------------------------------------------------------- */

struct sums {
	int64_t count;
	double *of[CREW_MAX]; /* each rank's result */
};

static bool sum_reals(struct member *m, void *arg)
{
	struct sums *sums = arg;
	double *mine = malloc((size_t)sums->count * sizeof *mine);
	TRY(mine != NULL);
	struct weft__rng r;
	weft__rng_init(&r, 100 + (uint64_t)m->rank);
	for (int64_t i = 0; i < sums->count; i++) /* of very different sizes: each order has its own sum */
		mine[i] = ((double)weft__rng_next(&r) - 9e18) * (i % 3 ? 1e-9 : 1e9);
	bool ok = CREW_CHECK(m, weft_allreduce(m->team, mine, sums->of[m->rank], sums->count, WEFT_DOUBLE, WEFT_SUM) == 0);
	free(mine);
	return ok;
}

static void a_sum_of_reals_is_the_same_on_all_ranks_and_in_every_run(void **state)
{
	static const int64_t counts[] = {1, 100, 30011};
	static double results[CREW_MAX][30011], first[30011];
	for (int i = 0; i < NSIZES; i++)
		for (int k = 0; k < 3; k++)
			for (int run = 0; run < 3; run++) {
				struct sums sums = {.count = counts[k]};
				size_t nbytes = (size_t)counts[k] * sizeof(double);
				for (int rank = 0; rank < sizes[i]; rank++)
					sums.of[rank] = results[rank];
				static const char *const over[] = {"stream", "shm", "hall"};
				crew_run(sizes[i], over[run], 8192, sum_reals, &sums);
				if (run == 0)
					memcpy(first, results[0], nbytes);
				for (int rank = 0; rank < sizes[i]; rank++)
					assert_memory_equal(results[rank], first, nbytes);
			}
}

/* Nobody leaves the barrier before everyone has come. */
static bool count_arrivals(struct member *m, void *arg)
{
	int *arrived = arg;
	for (int round = 1; round <= 50; round++) {
		__atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);
		TRY(weft_barrier(m->team) == 0);
		TRY(__atomic_load_n(arrived, __ATOMIC_SEQ_CST) >= round * m->size);
	}
	return true;
}

static void nobody_leaves_a_barrier_early(void **state)
{
	for (int i = 0; i < NSIZES; i++) {
		int arrived = 0;
		crew_run(sizes[i], "shm", 65536, count_arrivals, &arrived);
		assert_int_equal(arrived, 50 * sizes[i]);
	}
}

static bool count_arrivals_in_a_crowd(struct member *m, void *arg)
{
	crowd(m);
	return count_arrivals(m, arg);
}

/* Now and then one comes so late that the others sleep. */
static bool count_arrivals_asleep(struct member *m, void *arg)
{
	int *arrived = arg;
	m->e->crowded = m->size % 2;
	for (int round = 1; round <= 30; round++) {
		if (round % m->size == m->rank)
			nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
		__atomic_add_fetch(arrived, 1, __ATOMIC_SEQ_CST);
		TRY(weft_barrier(m->team) == 0);
		TRY(__atomic_load_n(arrived, __ATOMIC_SEQ_CST) >= round * m->size);
	}
	return true;
}

static void nobody_leaves_a_hall_early(void **state)
{
	for (int i = 0; i < NSIZES; i++) {
		int arrived = 0;
		crew_run(sizes[i], "hall", 65536, count_arrivals, &arrived);
		assert_int_equal(arrived, 50 * sizes[i]);
		arrived = 0;
		crew_run(sizes[i], "hall", 65536, count_arrivals_asleep, &arrived);
		assert_int_equal(arrived, 30 * sizes[i]);
	}
}

static void nobody_leaves_a_barrier_early_in_a_crowd(void **state)
{
	for (int i = 0; i < NSIZES; i++) {
		int arrived = 0;
		crew_run(sizes[i], "shm", 65536, count_arrivals_in_a_crowd, &arrived);
		assert_int_equal(arrived, 50 * sizes[i]);
	}
}

/* Fast ranks are many collectives ahead of slow ones. */
static bool run_ahead(struct member *m, void *arg)
{
	for (int32_t round = 0; round < 300; round++) {
		int32_t v = m->rank == round % m->size ? round : -1;
		TRY(weft_bcast(m->team, &v, 1, WEFT_INT32, round % m->size) == 0);
		TRY(v == round);
		int32_t sum = m->rank + round;
		TRY(weft_reduce(m->team, m->rank ? &sum : NULL, &sum, 1, WEFT_INT32, WEFT_SUM, 0) == 0);
		TRY(m->rank || sum == m->size * round + m->size * (m->size - 1) / 2);
	}
	return true;
}

static void collectives_do_not_mix_when_ranks_run_ahead(void **state)
{
	for (int i = 0; i < NSIZES; i++)
		crew_run(sizes[i], "shm", 65536, run_ahead, NULL);
}

/* --- mistakes ---------------------------------------------------------------------------------------- */

static bool make_mistakes(struct member *m, void *arg)
{
	int32_t v[2] = {1, 2}, sum;
	float c[4] = {0};
	TRY(weft_bcast(m->team, v, 1, WEFT_INT32, m->size) == WEFT_EINVAL);
	TRY(weft_bcast(m->team, v, 1, WEFT_INT32, -1) == WEFT_EINVAL);
	TRY(weft_bcast(m->team, v, -1, WEFT_INT32, 0) == WEFT_EINVAL);
	TRY(weft_bcast(m->team, v, 1, (weft_type_t)99, 0) == WEFT_EINVAL);
	TRY(weft_bcast(m->team, NULL, 1, WEFT_INT32, 0) == WEFT_EINVAL);
	TRY(weft_bcast(m->team, v, INT64_MAX, WEFT_INT64, 0) == WEFT_ETOOBIG);
	TRY(weft_barrier(NULL) == WEFT_EINVAL);
	TRY(weft_allreduce(m->team, v, &sum, 1, WEFT_INT32, (weft_op_t)99) == WEFT_EINVAL);
	TRY(weft_allreduce(m->team, c, c + 2, 1, WEFT_COMPLEX, WEFT_MIN) == WEFT_EINVAL);
	TRY(weft_allreduce(m->team, v, NULL, 1, WEFT_INT32, WEFT_SUM) == WEFT_EINVAL);
	TRY(weft_gather(m->team, NULL, m->rank ? v : NULL, 1, WEFT_INT32, 0) == WEFT_EINVAL);
	TRY(weft_scatter(m->team, NULL, m->rank ? NULL : v, 1, WEFT_INT32, 0) == WEFT_EINVAL);
	TRY(weft_alltoall(m->team, v, NULL, 1, WEFT_INT32) == WEFT_EINVAL);
	TRY(weft_allreduce(m->team, v, &sum, 1, WEFT_INT32, WEFT_SUM) == 0); /* none of them did harm */
	TRY(sum == m->size);
	return true;
}

static void bad_arguments_are_refused_and_the_team_goes_on(void **state)
{
	crew_run(3, "shm", 65536, make_mistakes, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_type_and_operation_reduces_right),
	        cmocka_unit_test(long_vectors_reduce_right),
	        cmocka_unit_test(values_reduce_right_in_a_crowd),
	        cmocka_unit_test(values_get_where_they_belong_over_streams_by_rendezvous),
	        cmocka_unit_test(values_get_where_they_belong_over_shared_memory),
	        cmocka_unit_test(values_get_where_they_belong_in_a_hall),
	        cmocka_unit_test(values_reduce_right_in_a_hall),
	        cmocka_unit_test(long_vectors_are_broadcast_whole),
	        cmocka_unit_test(a_sum_of_reals_is_the_same_on_all_ranks_and_in_every_run),
	        cmocka_unit_test(nobody_leaves_a_barrier_early),
	        cmocka_unit_test(nobody_leaves_a_barrier_early_in_a_crowd),
	        cmocka_unit_test(nobody_leaves_a_hall_early),
	        cmocka_unit_test(collectives_do_not_mix_when_ranks_run_ahead),
	        cmocka_unit_test(bad_arguments_are_refused_and_the_team_goes_on),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
