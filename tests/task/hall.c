/* hall - a job whose team meets in shared memory; hall.sh runs it. It sums and gathers in turns, and looks at every value.
 *
 * usage: hall ROUNDS          all go through the rounds
 *        hall die RANK MS     for ever, but a signal ends this rank after a time, wherever it is; the others say what
 *                             they are told
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "bindings/c/weft.h"

enum { SETTLED = 20, RANKS_MAX = 64 };

/* 0, what a collective returned, or 1: a value was wrong. */
static int go_round(int64_t round)
{
	int rank = weft_rank(), size = weft_size();
	int64_t sum = round + rank, all[RANKS_MAX], mine = round * size + rank;
	int rc = weft_allreduce(weft_team_job(), NULL, &sum, 1, WEFT_INT64, WEFT_SUM);
	if (rc == 0 && sum != round * size + (int64_t)size * (size - 1) / 2)
		return 1;
	if (rc == 0)
		rc = weft_allgather(weft_team_job(), &mine, all, 1, WEFT_INT64);
	for (int i = 0; i < size && rc == 0; i++)
		rc = all[i] != round * size + i;
	return rc != 0 ? rc : weft_barrier(weft_team_job());
}

/* Memory that was handed on by the node: the hall, as there are no long messages here. */
static int is_in_a_hall(void)
{
	char line[512];
	int found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps))
		found |= strstr(line, "memfd:weft-buffer") != NULL;
	if (maps)
		fclose(maps);
	return found;
}

/* A timer's signal ends this process. */
static void die_after(int ms)
{
	struct itimerval when = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &when, NULL);
}

int main(int argc, char **argv)
{
	int rc = 0, dying = argc == 4 && strcmp(argv[1], "die") == 0;
	int64_t round, rounds = dying || argc < 2 ? INT64_MAX : atoll(argv[1]);
	if (argc < 2 || weft_init() != 0 || weft_size() > RANKS_MAX)
		return 2;
	for (round = 0; round < rounds && rc == 0; round++) {
		rc = go_round(round);
		if (round == SETTLED && dying && weft_rank() == atoi(argv[2]))
			die_after(atoi(argv[3]));
	}
	printf("%s, %s%s\n", rc == 1 ? "wrong" : rc ? weft_strerror(rc) : "right", is_in_a_hall() ? "in a hall" : "by messages",
	       rc && round <= SETTLED ? ", too early" : "");
	return weft_fini() != 0 || (rc != 0 && !dying);
}
