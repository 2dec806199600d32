/* again.c - tasks that do a bit of everything, round by round, while somebody kills the daemons.
 *
 *     again ROUNDS   each rank sends its round number round the ring and checks what comes, asks the coordinator for a
 *                    context, a name and a barrier of a group, meets those on its node, and prints a line. Rank 0 spawns
 *                    "again child" in every tenth round and checks how that ends. The exit status is the rank.
 *     again child    ends with status 7.
 *     again late     waits for its standard input to end before it enrols.
 *     again outside  enrols from outside, prints its tid as a number, does not look at anything until its standard input
 *                    ends, and then answers one message and asks for a context.
 *     again alone    enrols from outside, spawns "again child" and checks how that ends, and asks for a context and a name.
 *     again partner TID   sends that one a message and waits for the answer.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "weft.h"

enum { TURN = 1, CHILD_STATUS = 7, PAUSE_NS = 2000000, MEETINGS = 5 };

static void must(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "again: rank %d: %s: %s: %s\n", weft_rank(), what, weft_strerror(rc), weft_last_error());
	exit(99);
}

static void check(int well, const char *what)
{
	if (well)
		return;
	fprintf(stderr, "again: rank %d: %s\n", weft_rank(), what);
	exit(98);
}

static void spawn_one(const char *self)
{
	const char *argv[] = {"child", NULL};
	weft_tid_t child;
	int error;
	weft_exit_t how;
	must(weft_spawn(self, argv, NULL, 1, &child, &error), "spawn");
	must(weft_wait_exit(child, &how, 30000), "wait_exit");
	check(how.code == CHILD_STATUS && how.signo == 0, "the child ended in another way");
}

static void ask(int rank, int round)
{
	char name[32];
	int value = round, back = -1;
	size_t n = 0;
	static uint32_t before;
	weft_context_t context;
	must(weft_context_new(&context), "context_new");
	check(context.v > before, "a context came twice");
	before = context.v;
	snprintf(name, sizeof name, "r%d", rank);
	must(weft_name_put(name, &value, sizeof value, 1), "name_put");
	must(weft_name_get(name, &back, sizeof back, &n), "name_get");
	check(back == round && n == sizeof back, "the name has another value");
}

static void turn(weft_team_t *team, int rank, int size, int round)
{
	int32_t out = round * 1000 + rank, in = -1;
	int left = (rank + size - 1) % size;
	must(weft_send(weft_team_tid(team, (rank + 1) % size), WEFT_CONTEXT, TURN, &out, sizeof out, -1), "send");
	must(weft_recv(weft_team_tid(team, left), WEFT_CONTEXT, TURN, &in, sizeof in, NULL, 30000), "recv");
	check(in == round * 1000 + left, "a message was lost, or came twice");
}

static void be_outside(void)
{
	weft_status_t status;
	weft_context_t context;
	int32_t value = 0;
	printf("%" PRIu64 "\n", weft_self().v);
	fflush(stdout);
	while (getchar() != EOF)
		;
	must(weft_recv(WEFT_ANY_TASK, WEFT_CONTEXT, TURN, &value, sizeof value, &status, 30000), "recv");
	must(weft_send(status.source, WEFT_CONTEXT, TURN, &value, sizeof value, 30000), "send");
	must(weft_context_new(&context), "context_new");
}

static void be_partner(const char *tid)
{
	weft_tid_t other = {strtoull(tid, NULL, 10)};
	int32_t value = 42;
	must(weft_send(other, WEFT_CONTEXT, TURN, &value, sizeof value, 30000), "send");
	printf("sent\n");
	fflush(stdout);
	must(weft_recv(other, WEFT_CONTEXT, TURN, &value, sizeof value, NULL, 30000), "recv");
	check(value == 42, "another answer");
}

int main(int argc, char **argv)
{
	struct timespec pause = {0, PAUSE_NS};
	const char *what = argc > 1 ? argv[1] : "100";
	if (strcmp(what, "late") == 0)
		while (getchar() != EOF)
			;
	must(weft_init(), "init");
	if (strcmp(what, "child") == 0)
		return CHILD_STATUS;
	if (strcmp(what, "outside") == 0 || strcmp(what, "partner") == 0) {
		if (argc > 2)
			be_partner(argv[2]);
		else
			be_outside();
		return weft_fini() < 0;
	}
	if (strcmp(what, "alone") == 0) {
		spawn_one(argv[0]);
		ask(0, 0);
		return weft_fini() < 0;
	}
	int rank = weft_rank(), size = weft_size(), rounds = strcmp(what, "late") ? atoi(what) : 1;
	weft_team_t *team = weft_team_job();
	char here[32];
	snprintf(here, sizeof here, "node%d", weft_node());
	must(weft_group_join("all"), "group_join");
	must(weft_group_join(here), "group_join");
	must(weft_barrier(team), "barrier");
	int nhere = weft_group_size(here);
	must(nhere, "group_size");
	for (int round = 0; round < rounds; round++) {
		turn(team, rank, size, round);
		ask(rank, round);
		if (rank == 0 && round % 10 == 5)
			spawn_one(argv[0]);
		must(weft_group_barrier("all", size, 30000), "group_barrier");
		for (int i = 0; i < MEETINGS; i++)
			must(weft_group_barrier(here, nhere, 30000), "group_barrier on one node");
		printf("%d %d\n", rank, round);
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
	must(weft_fini(), "fini");
	return rank;
}
