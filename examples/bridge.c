/* bridge - a task of Weft couples two programs of Open MPI.
 *
 * A rod is hot at its left end and cold at its right one. Each half is a job of its own, an unchanged Open MPI program
 * (bridge_half) whose ranks share its cells by MPI. The two jobs know nothing of each other: their ranks enrol with
 * weft_init, find this task in the name store, and hand it the temperature at their edge, step by step. At the end
 * it computes the whole rod alone, and compares.
 *
 * usage: bridge [RANKS]     starts both halves, as jobs of RANKS (2) ranks, beside it
 *        bridge --wait      waits for them: weft run -n 3 ./bridge_half left, mpirun -n 2 ./bridge_half right
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge.h"
#include "weft.h"

enum { RANKS_MAX = CELLS, PATIENCE_MS = 60000 };

struct half {
	weft_tid_t edge; /* the rank at the bridge */
	int joined, size;
	double cells[CELLS];
};

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bridge: %s: %s: %s\n", what, weft_strerror(rc), weft_last_error());
	exit(EXIT_FAILURE);
}

static void start_halves(const char *self, int nranks)
{
	static const char *const left[] = {"left", NULL}, *const right[] = {"right", NULL};
	char program[4096];
	const char *slash = strrchr(self, '/');
	snprintf(program, sizeof program, "%.*sbridge_half", slash ? (int)(slash - self) + 1 : 0, self);
	must(weft_spawn(program, left, NULL, nranks, NULL, NULL), "spawn the left half");
	must(weft_spawn(program, right, NULL, nranks, NULL, NULL), "spawn the right half");
}

static void wait_for_ranks(struct half halves[2])
{
	while (halves[LEFT].joined == 0 || halves[RIGHT].joined == 0 || halves[LEFT].joined < halves[LEFT].size ||
	       halves[RIGHT].joined < halves[RIGHT].size) {
		struct join j;
		weft_status_t from;
		must(weft_recv(WEFT_ANY_TASK, WEFT_CONTEXT, TAG_JOIN, &j, sizeof j, &from, PATIENCE_MS), "wait for the halves");
		struct half *h = &halves[j.side == RIGHT];
		h->joined++;
		h->size = j.size;
		if (j.at_bridge)
			h->edge = from.source;
	}
	printf("bridge: %d ranks on the left, %d on the right\n", halves[LEFT].size, halves[RIGHT].size);
}

static void pass_edges(const struct half halves[2])
{
	for (int step = 0; step < STEPS; step++) {
		double edge[2];
		for (int s = LEFT; s <= RIGHT; s++)
			must(weft_recv(halves[s].edge, WEFT_CONTEXT, TAG_EDGE, &edge[s], sizeof edge[s], NULL, PATIENCE_MS),
			     "receive an edge");
		for (int s = LEFT; s <= RIGHT; s++)
			must(weft_send(halves[s].edge, WEFT_CONTEXT, TAG_EDGE, &edge[!s], sizeof edge[s], PATIENCE_MS), "send an edge");
		if (step % (STEPS / 4) == 0)
			printf("bridge: step %d, %.4f | %.4f\n", step, edge[LEFT], edge[RIGHT]);
	}
}

static void collect(struct half halves[2])
{
	for (int i = 0; i < halves[LEFT].size + halves[RIGHT].size; i++) {
		struct part p;
		must(weft_recv(WEFT_ANY_TASK, WEFT_CONTEXT, TAG_PART, &p, sizeof p, NULL, PATIENCE_MS), "receive the result");
		if (p.first >= 0 && p.count >= 0 && p.first + p.count <= CELLS)
			memcpy(halves[p.side == RIGHT].cells + p.first, p.cells, (size_t)p.count * sizeof *p.cells);
	}
}

/* The whole rod, by this task alone; the largest difference. */
static double compare(const struct half halves[2])
{
	static double rod[2][2 * CELLS + 2];
	double worst = 0;
	for (int i = 0; i < 2; i++)
		rod[i][0] = 1;
	for (int step = 0; step < STEPS; step++)
		for (int i = 1; i <= 2 * CELLS; i++)
			rod[(step + 1) % 2][i] = conducted(rod[step % 2][i - 1], rod[step % 2][i], rod[step % 2][i + 1]);
	for (int i = 0; i < 2 * CELLS; i++) {
		double error = fabs(halves[i / CELLS].cells[i % CELLS] - rod[STEPS % 2][i + 1]);
		worst = error > worst ? error : worst;
	}
	return worst;
}

int main(int argc, char **argv)
{
	static struct half halves[2];
	int wait = argc > 1 && !strcmp(argv[1], "--wait"), nranks = argc > 1 && !wait ? atoi(argv[1]) : 2;
	if (nranks < 1 || nranks > RANKS_MAX) {
		fprintf(stderr, "usage: bridge [RANKS 1..%d] | bridge --wait\n", RANKS_MAX);
		return 2;
	}
	must(weft_init(), "weft_init");
	weft_tid_t self = weft_self();
	must(weft_name_put(BRIDGE_NAME, &self, sizeof self, 1), "publish the bridge");
	if (!wait)
		start_halves(argv[0], nranks);
	wait_for_ranks(halves);
	pass_edges(halves);
	collect(halves);
	must(weft_name_delete(BRIDGE_NAME), "take the name back");
	double worst = compare(halves);
	printf("bridge: the halves and the whole rod differ by %g: %s\n", worst, worst == 0 ? "right" : "wrong");
	must(weft_fini(), "weft_fini");
	return worst == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
