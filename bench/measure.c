/* measure.c - the figures of bench/compare; one source for all systems (sys.h).
 *
 * usage: measure FIGURE [SECONDS]   SECONDS: how long one sample may take
 *
 * Every figure checks the data that it moved; wrong data ends the program with status 3. A program of two ranks binds
 * each to a core of its own; larger ones are left to the scheduler.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* clocks */
#endif

#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "sys.h"

const size_t measure_sizes[] = {0,     8,     64,    512,    1024,    2048,   4096,
                                8192,  16384, 32768, 65536,  262144,  1 << 20, SIZE_MAX_BYTES};
const int measure_nsizes = sizeof measure_sizes / sizeof *measure_sizes;
uint8_t *measure_out, *measure_in;
const struct sample sample_none;

/* One that waits for ranks that were killed spins for ever, also when nobody is left to end it. */
enum { LIFE_MAX_S = 120 };

static struct handover *shared;
static double budget_ns = 50e6;

static const struct figure {
	const char *name;
	void (*take)(void);
	int ranks_min;
} figures[] = {
        {"latency", take_latency, 2},
        {"bandwidth", take_bandwidth, 2},
        {"rate", take_rate, 2},
        {"rate-all", take_rate_all, 2},
        {"wake", take_wake, 2},
        {"match-posted", take_match_posted, 2},
        {"match-unexpected", take_match_unexpected, 2},
        {"crowd", take_crowd, 2},
        {"coll", take_coll, 2},
        {"barrier", take_barrier, 2},
        {"start", take_start, 1},
        {"blocked", take_blocked, 2},
        {"buffers", take_buffers, 2},
        {"handover", take_handover, 2},
        {"memcpy", take_memcpy, 1},
        {"spawn", take_spawn, 1},
        {"spawn-one", take_spawn_one, 1},
};

void sample_start(struct sample *s)
{
	s->before_ns = sys_size() == 2 ? handover_ns(shared, sys_rank()) : 0.0;
	s->start_ns = now_ns();
}

void sample_stop(struct sample *s)
{
	s->elapsed_ns = (double)(now_ns() - s->start_ns);
	s->after_ns = sys_size() == 2 ? handover_ns(shared, sys_rank()) : 0.0;
}

void report(const char *figure, size_t size, const char *unit, double value, const struct sample *s)
{
	if (sys_rank() != 0)
		return;
	printf("%s %zu %s %.6g %.1f %.1f\n", figure, size, unit, value, s->before_ns, s->after_ns);
	fflush(stdout);
}

void report_missing(const char *figure, size_t size, const char *why)
{
	if (sys_rank() != 0)
		return;
	printf("missing %s %zu %s\n", figure, size, why);
	fflush(stdout);
}

int agree_rounds(double round_ns, int least)
{
	double fit = budget_ns / (round_ns > 1.0 ? round_ns : 1.0);
	int32_t rounds = fit < least ? least : fit > 200000.0 ? 200000 : (int32_t)fit;

	for (int r = 1; r < sys_size(); r++) {
		if (sys_rank() == 0)
			sys_send(r, CONTROL_TAG, &rounds, sizeof rounds);
		else if (sys_rank() == r)
			sys_recv(0, CONTROL_TAG, &rounds, sizeof rounds);
	}
	return rounds;
}

void wrong(const char *figure, size_t size)
{
	fprintf(stderr, "measure: %s, size %zu: wrong data at rank %d\n", figure, size, sys_rank());
	exit(3);
}

static uint8_t byte_at(size_t place, unsigned seed)
{
	return (uint8_t)(place * 7 + (place >> 8) + seed);
}

void fill(uint8_t *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = byte_at(i, seed);
}

void stamp(uint8_t *p, size_t n, uint32_t value)
{
	if (n >= sizeof value)
		memcpy(p, &value, sizeof value);
}

int is_stamped(const uint8_t *p, size_t n, uint32_t value)
{
	return n < sizeof value || memcmp(p, &value, sizeof value) == 0;
}

void check(const char *figure, const uint8_t *p, size_t n, unsigned seed, uint32_t value)
{
	if (!is_stamped(p, n, value))
		wrong(figure, n);
	for (size_t i = n < sizeof value ? 0 : sizeof value; i < n; i++)
		if (p[i] != byte_at(i, seed))
			wrong(figure, n);
}

double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int run(const struct figure *f)
{
	const char *lack = sys_lacks(f->name);

	if (lack != NULL) {
		report_missing(f->name, 0, lack);
		return 0;
	}
	if (sys_size() < f->ranks_min) {
		fprintf(stderr, "measure: %s takes %d ranks or more, here is %d\n", f->name, f->ranks_min,
		        sys_size());
		return 1;
	}
	f->take();
	return 0;
}

int main(int argc, char **argv)
{
	const struct figure *f = NULL;

	alarm(LIFE_MAX_S);
	sys_init(&argc, &argv);
	for (size_t i = 0; argc > 1 && i < sizeof figures / sizeof *figures; i++)
		if (strcmp(argv[1], figures[i].name) == 0)
			f = &figures[i];
	if (argc > 2)
		budget_ns = atof(argv[2]) * 1e9;
	if (sys_size() == 2)
		pin(sys_rank());
	shared = handover_open();
	measure_out = calloc(1, SIZE_MAX_BYTES);
	measure_in = calloc(1, SIZE_MAX_BYTES);
	if (f == NULL || measure_out == NULL || measure_in == NULL) {
		fprintf(stderr, f == NULL ? "measure: no such figure\n" : "measure: no memory\n");
		return 1;
	}
	int rc = run(f);
	free(measure_out);
	free(measure_in);
	sys_fini();
	return rc;
}
