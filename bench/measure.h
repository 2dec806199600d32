/* measure.h - what the figures of bench/measure have in common. */
#ifndef WEFT_BENCH_MEASURE_H
#define WEFT_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

enum { TAG = 5, CONTROL_TAG = 6, SIZE_MAX_BYTES = 4 << 20 };

extern const size_t measure_sizes[]; /* of messages, bytes, ascending */
extern const int measure_nsizes;
extern uint8_t *measure_out, *measure_in; /* [SIZE_MAX_BYTES] each */

/* One sample: the time from sample_start to sample_stop, and the cache-line hand-over right before and after it. */
struct sample {
	double before_ns, after_ns; /* 0: not taken, as with more than two ranks: they would spin for a core */
	uint64_t start_ns;
	double elapsed_ns;
};

void sample_start(struct sample *s);
void sample_stop(struct sample *s);
extern const struct sample sample_none; /* of a value without a hand-over beside it */

/* Rank 0 prints "FIGURE SIZE UNIT VALUE BEFORE AFTER", or "missing FIGURE SIZE WHY". */
void report(const char *figure, size_t size, const char *unit, double value, const struct sample *s);
void report_missing(const char *figure, size_t size, const char *why);

/* Rounds that fill the time of one sample, between least and 200,000, the same at all ranks: rank 0 says. */
int agree_rounds(double round_ns, int least);

/* Ends the program with status 3. */
void wrong(const char *figure, size_t size);

/* Bytes that depend on place and seed; a stamp in the first four of them (where there are four) says which round. */
void fill(uint8_t *p, size_t n, unsigned seed);
void check(const char *figure, const uint8_t *p, size_t n, unsigned seed, uint32_t stamp);
void stamp(uint8_t *p, size_t n, uint32_t stamp);
int is_stamped(const uint8_t *p, size_t n, uint32_t stamp);

double cpu_ns(void); /* that this process has used */

/* measure_pair.c: two ranks */
void take_latency(void);
void take_bandwidth(void);
void take_rate(void);
void take_wake(void);
void take_match_posted(void);
void take_match_unexpected(void);

/* measure_team.c: two ranks or more */
void take_rate_all(void);
void take_crowd(void);
void take_coll(void);
void take_barrier(void);
void take_blocked(void);

/* measure_process.c */
void take_handover(void);
void take_memcpy(void);
void take_buffers(void);
void take_spawn(void);
void take_spawn_one(void);
void take_start(void);

#endif
