/* Every collective operation once, with results that are known; what is wrong is named. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 5000 };

static int rank, size, wrong;

static void check(const char *what, int good)
{
	if (good)
		return;
	wrong++;
	printf("%s is wrong at rank %d\n", what, rank);
}

static int sum_of_ranks(void)
{
	return size * (size - 1) / 2;
}

static int *numbers(int n)
{
	int *p = malloc((size_t)(n + 1) * sizeof *p);
	for (int i = 0; i < n; i++)
		p[i] = -1;
	return p;
}

static void one_to_all(void)
{
	int *a = numbers(MANY), *all = numbers(2 * size), two[2], good = 1;
	for (int i = 0; i < MANY && rank == size - 1; i++)
		a[i] = 3 * i;
	MPI_Bcast(a, MANY, MPI_INT, size - 1, MPI_COMM_WORLD);
	for (int i = 0; i < MANY; i++)
		good &= a[i] == 3 * i;
	check("Bcast", good);
	for (int i = 0; i < 2 * size; i++)
		all[i] = i * i;
	MPI_Scatter(all, 2, MPI_INT, two, 2, MPI_INT, 0, MPI_COMM_WORLD);
	check("Scatter", two[0] == 4 * rank * rank && two[1] == (2 * rank + 1) * (2 * rank + 1));
	free(a);
	free(all);
}

/* Rank r gives r + 1 numbers. */
static void unequal_parts(void)
{
	int total = size * (size + 1) / 2, good = 1;
	int *counts = numbers(size), *at = numbers(size), *mine = numbers(size), *all = numbers(total);
	for (int i = 0, sum = 0; i < size; sum += counts[i++]) {
		counts[i] = i + 1;
		at[i] = sum;
	}
	for (int i = 0; i <= rank; i++)
		mine[i] = 100 * rank + i;
	MPI_Gatherv(mine, rank + 1, MPI_INT, all, counts, at, MPI_INT, 0, MPI_COMM_WORLD);
	for (int i = 0; i < size && rank == 0; i++)
		for (int k = 0; k <= i; k++)
			good &= all[at[i] + k] == 100 * i + k;
	check("Gatherv", good);
	memset(all, 0, (size_t)total * sizeof *all);
	MPI_Allgatherv(mine, rank + 1, MPI_INT, all, counts, at, MPI_INT, MPI_COMM_WORLD);
	for (int i = 0; i < size; i++)
		for (int k = 0; k <= i; k++)
			good &= all[at[i] + k] == 100 * i + k;
	check("Allgatherv", good);
	memset(mine, 0, (size_t)size * sizeof *mine);
	MPI_Scatterv(all, counts, at, MPI_INT, mine, rank + 1, MPI_INT, 0, MPI_COMM_WORLD);
	for (int i = 0; i <= rank; i++)
		good &= mine[i] == 100 * rank + i;
	check("Scatterv", good);
	free(counts);
	free(at);
	free(mine);
	free(all);
}

static void all_to_all(void)
{
	int *out = numbers(size), *in = numbers(size), *all = numbers(size), good = 1;
	for (int i = 0; i < size; i++)
		out[i] = 1000 * rank + i;
	MPI_Gather(&rank, 1, MPI_INT, all, 1, MPI_INT, 0, MPI_COMM_WORLD);
	for (int i = 0; i < size && rank == 0; i++)
		good &= all[i] == i;
	check("Gather", good);
	MPI_Allgather(&rank, 1, MPI_INT, all, 1, MPI_INT, MPI_COMM_WORLD);
	for (int i = 0; i < size; i++)
		good &= all[i] == i;
	check("Allgather", good);
	MPI_Alltoall(out, 1, MPI_INT, in, 1, MPI_INT, MPI_COMM_WORLD);
	for (int i = 0; i < size; i++)
		good &= in[i] == 1000 * i + rank;
	check("Alltoall", good);
	int *ones = numbers(size), *at = numbers(size);
	for (int i = 0; i < size; i++) {
		ones[i] = 1;
		at[i] = size - 1 - i; /* backwards */
	}
	MPI_Alltoallv(out, ones, at, MPI_INT, in, ones, at, MPI_INT, MPI_COMM_WORLD);
	for (int i = 0; i < size; i++)
		good &= in[size - 1 - i] == 1000 * i + size - 1 - rank;
	check("Alltoallv", good);
	free(out);
	free(in);
	free(all);
	free(ones);
	free(at);
}

/* (a, b) then (c, d) is (a * c, b * c + d): the order matters. */
static void compose(void *in, void *inout, int *n, MPI_Datatype *type)
{
	double *a = in, *b = inout;
	(void)type;
	for (int i = 0; i < *n; i += 2) {
		double product = a[i] * b[i], sum = a[i + 1] * b[i] + b[i + 1];
		b[i] = product;
		b[i + 1] = sum;
	}
}

static void reductions(void)
{
	double *a = malloc(MANY * sizeof *a), *b = malloc(MANY * sizeof *b), pair[2] = {2, rank}, result[2], wanted[2] = {1, 0};
	int good = 1, before = -1, upto, most;
	for (int i = 0; i < MANY; i++)
		a[i] = rank + i;
	MPI_Reduce(a, b, MANY, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
	for (int i = 0; i < MANY && rank == 0; i++)
		good &= b[i] == sum_of_ranks() + (double)size * i;
	check("Reduce", good);
	MPI_Allreduce(a, b, MANY, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
	for (int i = 0; i < MANY; i++)
		good &= b[i] == sum_of_ranks() + (double)size * i;
	check("Allreduce", good);
	MPI_Allreduce(&rank, &most, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
	check("Allreduce of a maximum", most == size - 1);
	MPI_Scan(&rank, &upto, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	check("Scan", upto == rank * (rank + 1) / 2);
	MPI_Exscan(&rank, &before, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	check("Exscan", rank == 0 || before == rank * (rank - 1) / 2);
	MPI_Op op;
	MPI_Datatype two;
	MPI_Op_create(compose, 0, &op);
	MPI_Type_contiguous(1, MPI_DOUBLE, &two);
	MPI_Type_commit(&two);
	MPI_Allreduce(pair, result, 2, MPI_DOUBLE, op, MPI_COMM_WORLD);
	for (int i = 0; i < size; i++) {
		wanted[1] = wanted[1] * 2 + i;
		wanted[0] *= 2;
	}
	check("Allreduce of an operation of ours", result[0] == wanted[0] && result[1] == wanted[1]);
	MPI_Type_free(&two);
	MPI_Op_free(&op);
	free(a);
	free(b);
}

static void scattered_sums(void)
{
	int *a = numbers(size), *counts = numbers(size), one = -1;
	for (int i = 0; i < size; i++) {
		a[i] = rank + i;
		counts[i] = 1;
	}
	MPI_Reduce_scatter_block(a, &one, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	check("Reduce_scatter_block", one == sum_of_ranks() + size * rank);
	one = -1;
	MPI_Reduce_scatter(a, &one, counts, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	check("Reduce_scatter", one == sum_of_ranks() + size * rank);
	free(a);
	free(counts);
}

static void later_ones(void)
{
	MPI_Request requests[3];
	MPI_Status ends[3];
	int sum = -1, from = rank == 0 ? 42 : -1;
	MPI_Ibarrier(MPI_COMM_WORLD, &requests[0]);
	MPI_Iallreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD, &requests[1]);
	MPI_Ibcast(&from, 1, MPI_INT, 0, MPI_COMM_WORLD, &requests[2]);
	MPI_Waitall(3, requests, ends);
	check("Iallreduce", sum == sum_of_ranks());
	check("Ibcast", from == 42);
}

static void halves(void)
{
	MPI_Comm half;
	int n, sum, wanted = 0;
	MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &half);
	MPI_Comm_size(half, &n);
	MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, half);
	for (int i = rank % 2; i < size; i += 2)
		wanted += i;
	check("Comm_split", n == (size + 1 - rank % 2) / 2 && sum == wanted);
	MPI_Comm_free(&half);
}

int main(int argc, char **argv)
{
	int all_wrong;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Barrier(MPI_COMM_WORLD);
	one_to_all();
	unequal_parts();
	all_to_all();
	reductions();
	scattered_sums();
	later_ones();
	halves();
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Reduce(&wrong, &all_wrong, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("collectives of %d: %d wrong\n", size, all_wrong);
	MPI_Finalize();
	return wrong != 0;
}
