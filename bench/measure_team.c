/* measure_team.c - figures among all ranks: collectives, all pairs at once, the cost of being blocked. */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handover.h"
#include "sys.h"

enum operation { BARRIER, BCAST, REDUCE, ALLREDUCE, GATHER, ALLGATHER, ALLTOALL };
static const char *const operation_names[] = {"barrier", "bcast",     "reduce",  "allreduce",
                                              "gather",  "allgather", "alltoall"};

static void operate(enum operation op, double *a, double *b, int count)
{
	switch (op) {
	case BARRIER: sys_barrier(); break;
	case BCAST: sys_bcast(a, count); break;
	case REDUCE: sys_reduce(a, b, count); break;
	case ALLREDUCE: sys_allreduce(a, b, count); break;
	case GATHER: sys_gather(a, b, count); break;
	case ALLGATHER: sys_allgather(a, b, count); break;
	case ALLTOALL: sys_alltoall(a, b, count); break;
	}
}

/* What rank `from` contributes for rank `to` at place i; whole numbers, so that sums are exact. */
static double contribution(enum operation op, int from, int to, int i)
{
	return from * 3 + i + (op == ALLTOALL ? to * 100000 : 0);
}

static void prepare(enum operation op, double *a, double *b, int count)
{
	for (int to = 0; to < sys_size(); to++)
		for (int i = 0; i < count; i++) {
			size_t place = (size_t)to * (size_t)count + (size_t)i;
			a[place] = op == BCAST && sys_rank() != 0 ? -1.0 : contribution(op, sys_rank(), to, i);
			b[place] = -1.0;
		}
}

static void verify(enum operation op, const double *a, const double *b, int count)
{
	int n = sys_size(), sums = op == REDUCE || op == ALLREDUCE;

	if (op == BARRIER || ((op == REDUCE || op == GATHER) && sys_rank() != 0))
		return; /* nothing to see here */
	for (int from = 0; from < (sums || op == BCAST ? 1 : n); from++)
		for (int i = 0; i < count; i++) {
			double want = sums ? 3.0 * n * (n - 1) / 2 + (double)n * i : contribution(op, from, sys_rank(), i);
			double got = op == BCAST ? a[i] : b[(size_t)from * (size_t)count + (size_t)i];
			if (got < want || got > want)
				wrong(operation_names[op], (size_t)count * sizeof *a);
		}
}

/* One operation with count doubles of each rank (alltoall: for each rank), from barrier to barrier. */
static void take_operation(enum operation op, int count, int trial)
{
	const char *name = operation_names[op], *lack = sys_lacks(name);
	size_t n = (size_t)sys_size() * (size_t)count + 1, nbytes = (size_t)count * sizeof(double);
	double *a = calloc(n, sizeof *a), *b = calloc(n, sizeof *b);
	struct sample s;

	if (a == NULL || b == NULL)
		exit(1);
	prepare(op, a, b, count);
	if (lack != NULL) {
		report_missing(name, nbytes, lack);
	} else {
		operate(op, a, b, count);
		verify(op, a, b, count);
		uint64_t t = now_ns();
		for (int i = 0; i < trial; i++)
			operate(op, a, b, count);
		int rounds = agree_rounds((double)(now_ns() - t) / trial, trial);
		sys_barrier();
		sample_start(&s);
		for (int i = 0; i < rounds; i++)
			operate(op, a, b, count);
		sys_barrier();
		sample_stop(&s);
		verify(op, a, b, count);
		report(name, nbytes, "us", s.elapsed_ns / rounds / 1e3, &s);
	}
	free(a);
	free(b);
}

/* With more tasks than cores an operation can take long: few trials. */
void take_crowd(void)
{
	take_operation(BARRIER, 0, 3);
	take_operation(ALLREDUCE, 1, 3);
	take_operation(ALLREDUCE, 8192, 3);
	take_operation(ALLTOALL, 128, 3);
}

void take_barrier(void)
{
	take_operation(BARRIER, 0, 3);
}

void take_coll(void)
{
	take_operation(BARRIER, 0, 10);
	for (int op = BCAST; op <= ALLTOALL; op++) {
		take_operation((enum operation)op, 1, 10);
		take_operation((enum operation)op, 8192, 10);
	}
}

/* Each rank sends `width` messages to each other one and receives as many; 2 * (size - 1) * width <= SYS_WINDOW. */
static void exchange(int width, uint64_t round)
{
	uint64_t in[SYS_WINDOW], out = round * 1000 + (uint64_t)sys_rank();
	int me = sys_rank(), slot = 0;

	for (int r = 0; r < sys_size(); r++)
		for (int w = 0; r != me && w < width; w++, slot++)
			sys_irecv(slot, r, TAG, &in[slot], sizeof *in);
	for (int r = 0; r < sys_size(); r++)
		for (int w = 0; r != me && w < width; w++, slot++)
			sys_isend(slot, r, TAG, &out, sizeof out);
	sys_wait(slot);
	slot = 0;
	for (int r = 0; r < sys_size(); r++)
		for (int w = 0; r != me && w < width; w++, slot++)
			if (in[slot] != round * 1000 + (uint64_t)r)
				wrong("rate-all", sizeof *in);
}

/* 8-byte messages a second that all pairs pass together. */
void take_rate_all(void)
{
	enum { TRIAL = 3 };
	int others = sys_size() - 1, width = SYS_WINDOW / 2 / others;
	uint64_t round = 0;
	struct sample s;

	exchange(width, round++);
	uint64_t t = now_ns();
	for (int i = 0; i < TRIAL; i++)
		exchange(width, round++);
	int rounds = agree_rounds((double)(now_ns() - t) / TRIAL, TRIAL);
	sample_start(&s);
	for (int i = 0; i < rounds; i++)
		exchange(width, round++);
	sample_stop(&s);
	report("rate-all", 8, "M/s", (double)rounds * sys_size() * others * width / s.elapsed_ns * 1e3, &s);
}

/* The CPU time that a rank needs to wait 300 ms for a message, in percent of one core: the largest of all ranks. */
void take_blocked(void)
{
	const struct timespec pause = {.tv_nsec = 300000000};
	double worst = 0.0, share;
	char word = 0;

	for (int r = 1; r < sys_size() && sys_rank() == 0; r++) /* all are connected */
		sys_send(r, TAG, &word, 1);
	if (sys_rank() == 0) {
		nanosleep(&pause, NULL);
		for (int r = 1; r < sys_size(); r++)
			sys_send(r, TAG, &word, 1);
		for (int r = 1; r < sys_size(); r++) {
			sys_recv(r, CONTROL_TAG, &share, sizeof share);
			worst = share > worst ? share : worst;
		}
	} else {
		sys_recv(0, TAG, &word, 1);
		uint64_t t = now_ns();
		double used = cpu_ns();
		sys_recv(0, TAG, &word, 1);
		share = (cpu_ns() - used) / (double)(now_ns() - t);
		sys_send(0, CONTROL_TAG, &share, sizeof share);
	}
	report("blocked", 1, "%", worst * 100.0, &sample_none);
}
