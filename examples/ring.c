/* ring - a token goes round all tasks; each adds its rank. Prints the sum and the time of a hop. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "weft.h"

enum { TOKEN = 1, ROUNDS = 1000 };

static void must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "ring: %s: %s: %s\n", what, weft_strerror(rc), weft_last_error());
	exit(EXIT_FAILURE);
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void)
{
	must(weft_init(), "weft_init");

	int rank = weft_rank(), size = weft_size();
	weft_team_t *team = weft_team_job();
	weft_tid_t left = weft_team_tid(team, (rank + size - 1) % size);
	weft_tid_t right = weft_team_tid(team, (rank + 1) % size);

	must(weft_barrier(team), "barrier");
	double start = seconds();
	int64_t sum = 0;
	for (int i = 0; i < ROUNDS; i++) {
		if (rank > 0)
			must(weft_recv(left, WEFT_CONTEXT, TOKEN, &sum, sizeof sum, NULL, -1), "recv");
		sum += rank;
		must(weft_send(right, WEFT_CONTEXT, TOKEN, &sum, sizeof sum, -1), "send");
		if (rank == 0)
			must(weft_recv(left, WEFT_CONTEXT, TOKEN, &sum, sizeof sum, NULL, -1), "recv");
	}
	if (rank == 0) {
		int64_t expected = (int64_t)ROUNDS * size * (size - 1) / 2;
		printf("ring of %d tasks, %d rounds: sum %lld, expected %lld, %.2f us a hop\n", size, ROUNDS,
		       (long long)sum, (long long)expected, (seconds() - start) / ROUNDS / size * 1e6);
		if (sum != expected)
			return EXIT_FAILURE;
	}
	must(weft_fini(), "weft_fini");
	return EXIT_SUCCESS;
}
