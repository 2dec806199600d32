/* measure_process.c - figures of processes: their memory, their start, and the hand-over alone. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include "measure.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handover.h"
#include "sys.h"

/* For bench/compare, which takes it beside what is not measured between two ranks. */
void take_handover(void)
{
	struct sample s;

	sample_start(&s);
	sample_stop(&s);
	report("handover", 0, "ns", s.before_ns < s.after_ns ? s.before_ns : s.after_ns, &s);
}

/* One core copies blocks of a size again and again: within its caches, then from memory to memory. */
void take_memcpy(void)
{
	static const size_t blocks[] = {4096, 65536, SIZE_MAX_BYTES};
	enum { TOTAL = 64 << 20 };
	struct sample s;

	for (size_t b = 0; b < sizeof blocks / sizeof *blocks; b++) {
		size_t n = blocks[b];
		fill(measure_out, n, (unsigned)b);
		sample_start(&s);
		for (size_t done = 0; done < TOTAL && sys_rank() == 0; done += n) {
			stamp(measure_out, n, (uint32_t)done);
			memcpy(measure_in, measure_out, n);
		}
		sample_stop(&s);
		if (sys_rank() == 0)
			check("memcpy", measure_in, n, (unsigned)b, (uint32_t)(TOTAL - n));
		report("memcpy", n, "GB/s", (double)TOTAL / s.elapsed_ns, &s);
	}
}

static double resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (f == NULL || fscanf(f, "%*s %ld", &pages) != 1)
		pages = 0;
	if (f != NULL)
		fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024.0;
}

/* KiB that the file behind a mapping really has, when it may be asked (root only); else -1. */
static double backing_kib(const char *range)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof path, "/proc/self/map_files/%s", range);
	return stat(path, &st) == 0 ? (double)st.st_blocks / 2.0 : -1.0;
}

/* Is it memory shared with other processes, and not the page of the hand-over or a program file? */
static int is_shared_memory(const char *mode, const char *name)
{
	const char *ours = getenv("BENCH_SHARED");

	if (mode[3] != 's' || (ours != NULL && strcmp(name, ours) == 0))
		return 0;
	return strncmp(name, "/dev/shm/", 9) == 0 || strncmp(name, "/memfd:", 7) == 0 || strncmp(name, "/SYSV", 5) == 0 ||
	       strncmp(name, "/dev/zero", 9) == 0 || strncmp(name, "/tmp/", 5) == 0;
}

/* Shared memory that this process has mapped: each file once, all of it that takes memory; where that can't be found
 * out, what of it this process has touched. */
static double shared_kib(void)
{
	char line[1024], range[64], mode[8], name[512] = "";
	uintmax_t inode = 0, last = 0;
	double sum = 0.0, resident, backing = -1.0;
	int counts = 0;
	FILE *f = fopen("/proc/self/smaps", "re");

	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		name[0] = '\0';
		if (sscanf(line, "%63[0-9a-f-] %7s %*x %*s %ju %511s", range, mode, &inode, name) >= 3) {
			counts = is_shared_memory(mode, name);
			backing = counts ? backing_kib(range) : -1.0;
			if (counts && backing >= 0.0 && inode != last)
				sum += backing;
			last = counts ? inode : last;
		} else if (counts && backing < 0.0 && sscanf(line, "Rss: %lf kB", &resident) == 1) {
			sum += resident;
		}
	}
	if (f != NULL)
		fclose(f);
	return sum;
}

enum { TALK = 1000, UNEXPECTED = 1000 };

static void talk(void)
{
	int64_t word = 0;

	for (int i = 0; i < TALK; i++) {
		if (sys_rank() == 0)
			sys_send(1, TAG, &word, sizeof word);
		sys_recv(1 - sys_rank(), TAG, &word, sizeof word);
		if (sys_rank() == 1)
			sys_send(0, TAG, &word, sizeof word);
	}
}

/* Shared memory of a pair that has talked and is idle; growth of a receiver by 1,000 messages that it did not ask for. */
void take_buffers(void)
{
	int64_t word = 0;
	double before = 0.0, after = 0.0;

	talk();
	report("shared-per-pair", 2, "KiB", shared_kib(), &sample_none);
	talk();
	if (sys_rank() == 0) {
		for (int i = 0; i < UNEXPECTED; i++)
			sys_send(1, 1000 + i, &word, sizeof word);
		sys_send(1, TAG, &word, sizeof word);
		sys_recv(1, CONTROL_TAG, &after, sizeof after);
	} else {
		before = resident_kib();
		sys_recv(0, TAG, &word, sizeof word);
		after = resident_kib() - before;
		sys_send(0, CONTROL_TAG, &after, sizeof after);
		for (int i = 0; i < UNEXPECTED; i++)
			sys_recv(0, 1000 + i, &word, sizeof word);
	}
	report("unexpected", UNEXPECTED, "KiB", after, &sample_none);
}

/* BENCH_COUNT processes, 1,000 where it is not set. */
void take_spawn(void)
{
	const char *said = getenv("BENCH_COUNT");
	int count = said != NULL ? atoi(said) : 1000;
	uint64_t t = now_ns();

	if (sys_rank() == 0)
		sys_spawn("true", count);
	report("spawn", (size_t)count, "ms", (double)(now_ns() - t) / 1e6, &sample_none);
}

void take_spawn_one(void)
{
	enum { ROUNDS = 10 };
	uint64_t t = now_ns();

	for (int i = 0; i < ROUNDS && sys_rank() == 0; i++)
		sys_spawn("true", 1);
	report("spawn-one", 1, "ms", (double)(now_ns() - t) / ROUNDS / 1e6, &sample_none);
}

/* Nothing but to be there, all of us: how long that takes is seen from outside. */
void take_start(void)
{
	const char *ranks = getenv("BENCH_RANKS");
	if (ranks != NULL && atoi(ranks) != sys_size())
		wrong("start", 0);
}
