/* Messages of many sizes go round a ring, and every byte is looked at. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { LARGEST = 1 << 20 };

static void fill(unsigned char *p, int n, int seed)
{
	for (int i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 7 + seed);
}

int main(int argc, char **argv)
{
	int rank, size, wrong = 0, wrong_somewhere;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	unsigned char *out = malloc(LARGEST), *in = malloc(LARGEST);
	int right = (rank + 1) % size, left = (rank + size - 1) % size;
	for (int n = 1; n <= LARGEST; n *= 4) {
		MPI_Status status;
		int got;
		fill(out, n, rank + n);
		MPI_Sendrecv(out, n, MPI_BYTE, right, n, in, n, MPI_BYTE, left, n, MPI_COMM_WORLD, &status);
		MPI_Get_count(&status, MPI_BYTE, &got);
		wrong += got != n || status.MPI_SOURCE != left;
		fill(out, n, left + n);
		for (int i = 0; i < n; i++)
			wrong += in[i] != out[i];
	}
	MPI_Reduce(&wrong, &wrong_somewhere, 1, MPI_INT, MPI_SUM, 0, MPI_COMM_WORLD);
	if (rank == 0)
		printf("ring of %d: %s\n", size, wrong_somewhere ? "wrong" : "right");
	free(out);
	free(in);
	MPI_Finalize();
	return wrong != 0;
}
