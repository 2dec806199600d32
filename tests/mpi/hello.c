/* Each rank says who it is; with an argument, also how many ranks share its node, as the MPI sees it. */
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int rank, size, nlocal;
	MPI_Comm node;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
	MPI_Comm_size(node, &nlocal);
	if (argc > 1)
		printf("rank %d of %d, %d on its node\n", rank, size, nlocal);
	else
		printf("rank %d of %d\n", rank, size);
	MPI_Comm_free(&node);
	MPI_Finalize();
	return 0;
}
