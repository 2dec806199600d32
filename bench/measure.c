/* measure.c - the figures of bench/compare that two or more ranks take; one source for all systems (sys.h).
 *
 * usage: measure FIGURE [SECONDS]
 * Prints "figure size value handover" a line, at rank 0: value in the figure's unit, handover in ns.
 * Every figure checks the data that it moved; wrong data ends the program with status 3.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "handover.h"
#include "sys.h"

enum { TAG = 5, SIZE_MAX_BYTES = 4 << 20, GUARD_TAG = 6 };

static struct handover *shared;
static double budget_s = 0.05; /* for one figure at one size */
static uint8_t *out, *in;

static const size_t sizes[] = {0,    8,     64,    512,   1024,   2048,   4096,   8192,
                               16384, 32768, 65536, 262144, 1 << 20, 4 << 20};

static void wrong(const char *figure, size_t size)
{
	fprintf(stderr, "measure: %s, size %zu: WRONG DATA at rank %d\n", figure, size, sys_rank());
	exit(3);
}

static void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 7 + seed);
}

static void check(const char *figure, const uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (uint8_t)(i * 7 + seed))
			wrong(figure, n);
}

static void print(const char *figure, size_t size, double value, double handover)
{
	if (sys_rank() == 0)
		printf("%s %zu %.6g %.1f\n", figure, size, value, handover);
}

static double handover(void)
{
	return sys_size() == 2 ? handover_ns(shared, sys_rank()) : 0.0; /* more would spin for a core */
}

static void pingpong(size_t n, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		if (sys_rank() == 0) {
			sys_send(1, TAG, out, n);
			sys_recv(1, TAG, in, n);
		} else {
			sys_recv(0, TAG, in, n);
			sys_send(0, TAG, in, n);
		}
	}
}

/* Rounds that fill the budget, agreed by both sides: rank 0 says. */
static int agree_rounds(double seconds_each, int least)
{
	int32_t rounds = (int32_t)(budget_s / (seconds_each > 1e-9 ? seconds_each : 1e-9));

	if (rounds < least)
		rounds = least;
	if (rounds > 200000)
		rounds = 200000;
	for (int r = 1; r < sys_size(); r++) {
		if (sys_rank() == 0)
			sys_send(r, GUARD_TAG, &rounds, sizeof rounds);
		else if (sys_rank() == r)
			sys_recv(0, GUARD_TAG, &rounds, sizeof rounds);
	}
	return rounds;
}

/* Half a round trip, microseconds. */
static void latency(void)
{
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		size_t n = sizes[s];
		fill(out, n, (unsigned)s);
		memset(in, 0, n);
		uint64_t t = now_ns();
		pingpong(n, 20);
		int rounds = agree_rounds((double)(now_ns() - t) * 1e-9 / 20, 20);
		double before = handover();
		t = now_ns();
		pingpong(n, rounds);
		double us = (double)(now_ns() - t) / rounds / 2e3;
		double after = handover();
		check("latency", in, n, (unsigned)s);
		print("latency", n, us, before > after ? before : after);
	}
}

static void window(size_t n, int width, int rounds)
{
	int32_t ack = 0;

	for (int i = 0; i < rounds; i++) {
		if (sys_rank() == 0) {
			for (int w = 0; w < width; w++)
				sys_isend(w, 1, TAG, out, n);
			sys_wait(width);
			sys_recv(1, GUARD_TAG, &ack, sizeof ack);
		} else {
			for (int w = 0; w < width; w++)
				sys_irecv(w, 0, TAG, in + (n * (size_t)w) % (SIZE_MAX_BYTES + 1 - n), n);
			sys_wait(width);
			sys_send(0, GUARD_TAG, &ack, sizeof ack);
		}
	}
}

/* GB/s in one direction; for "rate" million messages a second. */
static void bandwidth(const char *figure, size_t first, size_t last)
{
	for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
		size_t n = sizes[s];
		if (n < first || n > last)
			continue;
		int width = n >= (1 << 20) ? 4 : n >= 65536 ? 16 : SYS_WINDOW;
		fill(out, n, (unsigned)s);
		uint64_t t = now_ns();
		window(n, width, 2);
		int rounds = agree_rounds((double)(now_ns() - t) * 1e-9 / 2, 4);
		double before = handover();
		t = now_ns();
		window(n, width, rounds);
		double per_ns = (double)rounds * width / (double)(now_ns() - t);
		double after = handover();
		if (sys_rank() == 1)
			check(figure, in, n, (unsigned)s);
		print(figure, n, strcmp(figure, "rate") == 0 ? per_ns * 1e3 : per_ns * (double)n,
		      before > after ? before : after);
	}
}

/* From the send to a receiver that has slept for 2 ms until it has the message, microseconds. */
static void wake(void)
{
	struct timespec pause = {.tv_nsec = 2000000};
	double best_handover = handover(), sum = 0.0;
	int rounds = 100;

	for (int i = 0; i < rounds; i++) {
		uint64_t sent, got;
		if (sys_rank() == 0) {
			nanosleep(&pause, NULL);
			sent = now_ns();
			sys_send(1, TAG, &sent, sizeof sent);
			sys_recv(1, TAG, &got, sizeof got);
			sum += (double)(got - sent) * 1e-3;
		} else {
			sys_recv(0, TAG, &sent, sizeof sent);
			got = now_ns();
			sys_send(0, TAG, &got, sizeof got);
		}
	}
	print("wake", 8, sum / rounds, best_handover);
}

/* An 8-byte half round trip with count receives posted before it, or messages unexpected, microseconds. */
static void match(int unexpected)
{
	static const int counts[] = {0, 10, 100, 1000, 10000};

	for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
		int count = counts[c], peer = 1 - sys_rank();
		uint64_t word = 0;
		if (unexpected) {
			for (int i = 0; i < count; i++)
				sys_send(peer, 1000 + i, &word, sizeof word);
		} else {
			sys_post_many(peer, count);
		}
		pingpong(8, 20);
		int rounds = agree_rounds(1e-5, 20);
		double h = handover();
		uint64_t t = now_ns();
		pingpong(8, rounds);
		print(unexpected ? "match-unexpected" : "match-posted", (size_t)count, (double)(now_ns() - t) / rounds / 2e3, h);
		if (unexpected) {
			for (int i = 0; i < count; i++)
				sys_recv(peer, 1000 + i, &word, sizeof word);
		} else {
			sys_cancel_many(count);
		}
	}
}

enum operation { BARRIER, BCAST, REDUCE, ALLREDUCE, GATHER, ALLGATHER, ALLTOALL };
static const char *const operation_names[] = {"barrier", "bcast", "reduce", "allreduce", "gather", "allgather", "alltoall"};

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

static void check_operation(enum operation op, const double *a, const double *b, int count)
{
	int n = sys_size(), sums = op == REDUCE || op == ALLREDUCE;

	if (op == BARRIER || ((op == REDUCE || op == GATHER) && sys_rank() != 0))
		return; /* nothing to see here */
	for (int i = 0; i < count; i++)
		for (int r = 0; r < (sums || op == BCAST ? 1 : n); r++) {
			double want = sums ? (double)n * (n - 1) / 2 + (double)n * i : r + i;
			if ((op == BCAST ? a[i] : b[(size_t)r * count + i]) != want)
				wrong(operation_names[op], (size_t)count * 8);
		}
}

/* Microseconds an operation of count doubles a rank. */
static void collective(enum operation op, int count)
{
	size_t n = (size_t)sys_size();
	double *a = calloc(n * (size_t)count + 1, sizeof *a), *b = calloc(n * (size_t)count + 1, sizeof *b);

	if (a == NULL || b == NULL)
		exit(1);
	for (size_t r = 0; r < n; r++)
		for (int i = 0; i < count; i++)
			a[r * (size_t)count + i] = op == BCAST && sys_rank() != 0 ? -1 : sys_rank() + i;
	double h = handover();
	sys_barrier();
	uint64_t t = now_ns();
	for (int i = 0; i < 5; i++)
		operate(op, a, b, count);
	int rounds = agree_rounds((double)(now_ns() - t) * 1e-9 / 5, 5);
	sys_barrier();
	t = now_ns();
	for (int i = 0; i < rounds; i++)
		operate(op, a, b, count);
	sys_barrier();
	double us = (double)(now_ns() - t) / rounds / 1e3;
	operate(op, a, b, count);
	check_operation(op, a, b, count);
	print(operation_names[op], (size_t)count * 8, us, h);
	free(a);
	free(b);
}

static void collectives(int all)
{
	collective(BARRIER, 0);
	collective(ALLREDUCE, 1);
	collective(ALLREDUCE, 8192);
	collective(ALLTOALL, 128);
	if (!all)
		return;
	for (int op = BCAST; op <= ALLTOALL; op++) {
		if (op == ALLREDUCE)
			continue;
		collective((enum operation)op, 1);
		collective((enum operation)op, 8192);
	}
}

int main(int argc, char **argv)
{
	sys_init(&argc, &argv);
	const char *figure = argc > 1 ? argv[1] : "latency";

	if (argc > 2)
		budget_s = atof(argv[2]);
	if (sys_size() <= 2)
		pin(sys_rank());
	shared = handover_open();
	out = calloc(1, SIZE_MAX_BYTES + 1);
	in = calloc(1, SIZE_MAX_BYTES + 1);
	if (out == NULL || in == NULL || sys_size() < 2)
		return 1;
	if (!sys_has(figure))
		return 2;
	if (strcmp(figure, "latency") == 0)
		latency();
	else if (strcmp(figure, "bandwidth") == 0)
		bandwidth(figure, 1, SIZE_MAX_BYTES);
	else if (strcmp(figure, "rate") == 0)
		bandwidth(figure, 8, 8);
	else if (strcmp(figure, "wake") == 0)
		wake();
	else if (strcmp(figure, "match-posted") == 0)
		match(0);
	else if (strcmp(figure, "match-unexpected") == 0)
		match(1);
	else if (strcmp(figure, "crowd") == 0)
		collectives(0);
	else if (strcmp(figure, "coll") == 0)
		collectives(1);
	else
		return 2;
	sys_fini();
	free(out);
	free(in);
	return 0;
}
