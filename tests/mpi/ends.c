/* Ends in ways that a job should not. ends HOW RANK [CODE]: that rank, after MPI_Init,
 *   abort    calls MPI_Abort with the code
 *   kill     kills itself with that signal
 *   exit     exits with the code, without MPI_Finalize
 *   late     exits with the code after MPI_Finalize
 *   early    exits with the code before MPI_Init
 * while the others wait for it in a barrier. */
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int rank;
	const char *how = argc > 1 ? argv[1] : "", *number = argc > 2 ? argv[2] : "0";
	int who = atoi(number), code = argc > 3 ? atoi(argv[3]) : 0;
	const char *weft = getenv("WEFT_RANK"), *pmi = getenv("PMI_RANK"), *ompi = getenv("OMPI_COMM_WORLD_RANK");
	const char *known = weft ? weft : pmi ? pmi : ompi ? ompi : "-1";
	if (!strcmp(how, "early") && atoi(known) == who)
		return code;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	if (rank == who && !strcmp(how, "abort"))
		MPI_Abort(MPI_COMM_WORLD, code);
	if (rank == who && !strcmp(how, "kill"))
		kill(getpid(), code);
	if (rank == who && !strcmp(how, "exit"))
		_exit(code);
	MPI_Barrier(MPI_COMM_WORLD);
	if (strcmp(how, "late") != 0) {
		printf("rank %d came through\n", rank);
		fflush(stdout);
	}
	MPI_Finalize();
	return rank == who && !strcmp(how, "late") ? code : 0;
}
