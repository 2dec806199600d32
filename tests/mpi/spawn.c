/* Spawns itself: parents and children add up their ranks over what joins them, then part. spawn [HOW MANY] */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void child(MPI_Comm parent)
{
	int rank, size, nparents, sum, none = 0;
	char word[16] = "";
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_remote_size(parent, &nparents);
	MPI_Bcast(word, sizeof word, MPI_CHAR, 0, parent);
	MPI_Comm all;
	MPI_Intercomm_merge(parent, 1, &all);
	MPI_Allreduce(&none, &sum, 1, MPI_INT, MPI_SUM, all);
	printf("child %d of %d with %d parent(s): %s, %d\n", rank, size, nparents, word, sum);
	fflush(stdout);
	MPI_Comm_free(&all);
	MPI_Comm_disconnect(&parent);
}

static void start(const char *program, int wanted)
{
	char word[16] = "hello", one[] = "one";
	char *arguments[] = {one, NULL};
	int rank, size, nchildren, sum, add = 1, *codes = malloc((size_t)wanted * sizeof *codes), failed = 0;
	MPI_Comm children, all;
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Comm_spawn(program, arguments, wanted, MPI_INFO_NULL, 0, MPI_COMM_WORLD, &children, codes);
	for (int i = 0; i < wanted; i++)
		failed += codes[i] != MPI_SUCCESS;
	MPI_Comm_remote_size(children, &nchildren);
	MPI_Bcast(word, sizeof word, MPI_CHAR, rank == 0 ? MPI_ROOT : MPI_PROC_NULL, children);
	MPI_Intercomm_merge(children, 0, &all);
	MPI_Allreduce(&add, &sum, 1, MPI_INT, MPI_SUM, all);
	if (rank == 0)
		printf("%d parent(s), %d children, %d failed, sum %d\n", size, nchildren, failed, sum);
	fflush(stdout);
	MPI_Comm_free(&all);
	MPI_Comm_disconnect(&children);
	free(codes);
}

int main(int argc, char **argv)
{
	MPI_Comm parent;
	MPI_Init(&argc, &argv);
	MPI_Comm_get_parent(&parent);
	if (parent == MPI_COMM_NULL)
		start(argv[0], argc > 1 ? atoi(argv[1]) : 2);
	else
		child(parent);
	MPI_Finalize();
	return 0;
}
