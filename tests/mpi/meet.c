/* Two jobs meet: the one opens a port and publishes it, the other finds it and connects. meet accept|connect */
#include <mpi.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	char port[MPI_MAX_PORT_NAME] = "";
	int rank, size, one = 1, sum, others;
	MPI_Comm between, all;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	int accepts = argc > 1 && !strcmp(argv[1], "accept");
	if (accepts) {
		if (rank == 0) {
			MPI_Open_port(MPI_INFO_NULL, port);
			MPI_Publish_name("weft-test-meeting", MPI_INFO_NULL, port);
		}
		MPI_Comm_accept(port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &between);
	} else {
		MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
		MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
		while (rank == 0 && MPI_Lookup_name("weft-test-meeting", MPI_INFO_NULL, port) != MPI_SUCCESS)
			;
		MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_ARE_FATAL);
		MPI_Comm_connect(port, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &between);
	}
	MPI_Comm_remote_size(between, &others);
	MPI_Intercomm_merge(between, accepts, &all);
	MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, all);
	if (rank == 0)
		printf("%s: %d here, %d there, %d in all\n", accepts ? "accepted" : "connected", size, others, sum);
	if (rank == 0 && accepts)
		MPI_Unpublish_name("weft-test-meeting", MPI_INFO_NULL, port);
	MPI_Comm_free(&all);
	MPI_Comm_disconnect(&between);
	if (rank == 0 && accepts)
		MPI_Close_port(port);
	MPI_Finalize();
	return 0;
}
