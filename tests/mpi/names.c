/* Rank 0 publishes a name, the last rank finds it, and does not when it was taken back. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

static const char service[] = "weft-test-service", port[] = "tag#0$description#here$port#4711$";

static int lookup(char *found)
{
	*found = '\0';
	return MPI_Lookup_name(service, MPI_INFO_NULL, found);
}

int main(int argc, char **argv)
{
	int rank, size, class = -1;
	char found[MPI_MAX_PORT_NAME];
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
	if (rank == 0)
		printf("published: %d\n", MPI_Publish_name(service, MPI_INFO_NULL, port) == MPI_SUCCESS);
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == size - 1)
		printf("found: %d\n", lookup(found) == MPI_SUCCESS && !strcmp(found, port));
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == 0)
		printf("taken back: %d\n", MPI_Unpublish_name(service, MPI_INFO_NULL, port) == MPI_SUCCESS);
	MPI_Barrier(MPI_COMM_WORLD);
	if (rank == size - 1) {
		int rc = lookup(found);
		if (rc != MPI_SUCCESS)
			MPI_Error_class(rc, &class);
		printf("not found any more: %d\n", rc != MPI_SUCCESS && class == MPI_ERR_NAME);
	}
	MPI_Finalize();
	return 0;
}
