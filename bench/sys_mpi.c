/* sys_mpi.c - sys.h over any MPI; its errors are fatal by default. */
#include "sys.h"

#include <mpi.h>
#include <stdlib.h>
#include <string.h>

static MPI_Request requests[SYS_WINDOW];
static MPI_Request *many;

void sys_init(int *argc, char ***argv)
{
	MPI_Init(argc, argv);
}

void sys_fini(void)
{
	MPI_Finalize();
}

int sys_rank(void)
{
	int r;
	MPI_Comm_rank(MPI_COMM_WORLD, &r);
	return r;
}

int sys_size(void)
{
	int n;
	MPI_Comm_size(MPI_COMM_WORLD, &n);
	return n;
}

const char *sys_lacks(const char *figure)
{
	return strncmp(figure, "spawn", 5) == 0 ? "it spawns programs that call MPI_Init only" : NULL;
}

void sys_send(int to, int tag, const void *buf, size_t nbytes)
{
	MPI_Send(buf, (int)nbytes, MPI_BYTE, to, tag, MPI_COMM_WORLD);
}

void sys_recv(int from, int tag, void *buf, size_t nbytes)
{
	MPI_Recv(buf, (int)nbytes, MPI_BYTE, from, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

void sys_isend(int slot, int to, int tag, const void *buf, size_t nbytes)
{
	MPI_Isend(buf, (int)nbytes, MPI_BYTE, to, tag, MPI_COMM_WORLD, &requests[slot]);
}

void sys_irecv(int slot, int from, int tag, void *buf, size_t nbytes)
{
	MPI_Irecv(buf, (int)nbytes, MPI_BYTE, from, tag, MPI_COMM_WORLD, &requests[slot]);
}

void sys_wait(int n)
{
	MPI_Waitall(n, requests, MPI_STATUSES_IGNORE);
}

void sys_post_many(int from, int count)
{
	static char scrap[8];

	many = calloc((size_t)count + 1, sizeof *many);
	if (many == NULL)
		MPI_Abort(MPI_COMM_WORLD, 1);
	for (int i = 0; i < count; i++)
		MPI_Irecv(scrap, 8, MPI_BYTE, from, 1000 + i, MPI_COMM_WORLD, &many[i]);
}

void sys_cancel_many(int count)
{
	for (int i = 0; i < count; i++) {
		MPI_Cancel(&many[i]);
		MPI_Wait(&many[i], MPI_STATUS_IGNORE);
	}
	free(many);
}

void sys_barrier(void)
{
	MPI_Barrier(MPI_COMM_WORLD);
}

void sys_bcast(double *values, int count)
{
	MPI_Bcast(values, count, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

void sys_reduce(const double *in, double *out, int count)
{
	MPI_Reduce(in, out, count, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
}

void sys_allreduce(const double *in, double *out, int count)
{
	MPI_Allreduce(in, out, count, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
}

void sys_gather(const double *in, double *out, int count)
{
	MPI_Gather(in, count, MPI_DOUBLE, out, count, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

void sys_allgather(const double *in, double *out, int count)
{
	MPI_Allgather(in, count, MPI_DOUBLE, out, count, MPI_DOUBLE, MPI_COMM_WORLD);
}

void sys_alltoall(const double *in, double *out, int count)
{
	MPI_Alltoall(in, count, MPI_DOUBLE, out, count, MPI_DOUBLE, MPI_COMM_WORLD);
}

void sys_spawn(const char *program, int count)
{
	MPI_Abort(MPI_COMM_WORLD, 1); /* sys_lacks says so */
}
