/* bridge_half left|right - half a rod, by Open MPI; the other half is beyond the bridge (bridge.c).
 *
 * It is a program of Open MPI in all respects: its ranks come from MPI_Init and exchange the edges of their cells by
 * MPI_Sendrecv. With weft_init they are tasks of Weft's virtual machine, too, whether Weft or mpirun has started them.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "weft.h"

enum { PATIENCE_MS = 60000 };

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bridge_half: %s: %s: %s\n", what, weft_strerror(rc), weft_last_error());
	MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
}

/* The neighbours' cells: of the other ranks by MPI, of the other job by way of the bridge. */
static void exchange(double *cells, int n, int before, int after, weft_tid_t bridge, enum side side)
{
	MPI_Sendrecv(&cells[n], 1, MPI_DOUBLE, after, 0, &cells[0], 1, MPI_DOUBLE, before, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	MPI_Sendrecv(&cells[1], 1, MPI_DOUBLE, before, 1, &cells[n + 1], 1, MPI_DOUBLE, after, 1, MPI_COMM_WORLD,
	             MPI_STATUS_IGNORE);
	int at_bridge = side == LEFT ? after == MPI_PROC_NULL : before == MPI_PROC_NULL;
	if (!at_bridge)
		return;
	double *mine = side == LEFT ? &cells[n] : &cells[1], *beyond = side == LEFT ? &cells[n + 1] : &cells[0];
	must(weft_send(bridge, WEFT_CONTEXT, TAG_EDGE, mine, sizeof *mine, PATIENCE_MS), "send the edge");
	must(weft_recv(bridge, WEFT_CONTEXT, TAG_EDGE, beyond, sizeof *beyond, NULL, PATIENCE_MS), "receive the edge");
}

int main(int argc, char **argv)
{
	static double cells[2][CELLS + 2];
	int rank, size, last;
	weft_tid_t bridge;
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	enum side side = argc > 1 && !strcmp(argv[1], "right") ? RIGHT : LEFT;
	int first = CELLS * rank / size, n = CELLS * (rank + 1) / size - first;
	int before = rank > 0 ? rank - 1 : MPI_PROC_NULL, after = rank + 1 < size ? rank + 1 : MPI_PROC_NULL;

	must(weft_init(), "weft_init");
	must(weft_name_wait(BRIDGE_NAME, &bridge, sizeof bridge, NULL, PATIENCE_MS), "find the bridge");
	struct join join = {side, rank, size, rank == (side == LEFT ? size - 1 : 0)};
	must(weft_send(bridge, WEFT_CONTEXT, TAG_JOIN, &join, sizeof join, PATIENCE_MS), "join");

	for (int i = 0; i < 2 && side == LEFT && rank == 0; i++)
		cells[i][0] = 1; /* the hot end; the cold one is 0 */
	for (int step = 0; step < STEPS; step++) {
		double *now = cells[step % 2], *next = cells[(step + 1) % 2];
		exchange(now, n, before, after, bridge, side);
		for (int i = 1; i <= n; i++)
			next[i] = conducted(now[i - 1], now[i], now[i + 1]);
	}
	last = STEPS % 2;
	struct part part = {side, first, n, {0}};
	memcpy(part.cells, cells[last] + 1, (size_t)n * sizeof *part.cells);
	must(weft_send(bridge, WEFT_CONTEXT, TAG_PART, &part, sizeof part, PATIENCE_MS), "send the result");
	must(weft_fini(), "weft_fini");
	MPI_Finalize();
	return EXIT_SUCCESS;
}
