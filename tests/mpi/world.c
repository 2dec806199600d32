/* Each rank says which program of the job it is, and that all of the world meets. world NAME */
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int rank, size, *number, known, one = 1, met;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_APPNUM, &number, &known);
	MPI_Allreduce(&one, &met, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	printf("%s: rank %d of %d, %d met, program %d\n", argc > 1 ? argv[1] : "", rank, size, met, known ? *number : -1);
	MPI_Finalize();
	return 0;
}
