/* measure_pair.c - figures between two ranks: latency, bandwidth, rate, wake-up, matching. */
#include "measure.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "handover.h"
#include "sys.h"

/* Every round carries its number there and back. */
static void pingpong(const char *figure, size_t n, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		if (sys_rank() == 0) {
			stamp(measure_out, n, (uint32_t)i);
			sys_send(1, TAG, measure_out, n);
			sys_recv(1, TAG, measure_in, n);
		} else {
			sys_recv(0, TAG, measure_in, n);
			sys_send(0, TAG, measure_in, n);
		}
		if (!is_stamped(measure_in, n, (uint32_t)i))
			wrong(figure, n);
	}
}

static int pingpong_rounds(const char *figure, size_t n)
{
	enum { TRIAL = 20 };

	pingpong(figure, n, TRIAL); /* connects, touches the memory */
	uint64_t t = now_ns();
	pingpong(figure, n, TRIAL);
	return agree_rounds((double)(now_ns() - t) / TRIAL, TRIAL);
}

/* Half a round trip. */
void take_latency(void)
{
	struct sample s;

	for (int i = 0; i < measure_nsizes; i++) {
		size_t n = measure_sizes[i];
		fill(measure_out, n, (unsigned)i);
		memset(measure_in, 0, n);
		int rounds = pingpong_rounds("latency", n);
		sample_start(&s);
		pingpong("latency", n, rounds);
		sample_stop(&s);
		check("latency", measure_in, n, (unsigned)i, (uint32_t)rounds - 1);
		report("latency", n, "us", s.elapsed_ns / rounds / 2e3, &s);
	}
}

enum { RECEIVE_AREA = 256 << 10 }; /* messages of a window go to different places, while they are small */

/* Rank 0 sends `width` messages at a time and waits for a word back. The messages of a window bear its number. */
static void stream(const char *figure, size_t n, int width, int rounds)
{
	int places = n * (size_t)width <= RECEIVE_AREA ? width : n < RECEIVE_AREA ? (int)(RECEIVE_AREA / n) : 1;
	uint32_t word = 0;

	for (int i = 0; i < rounds; i++) {
		if (sys_rank() == 0) {
			stamp(measure_out, n, (uint32_t)i);
			for (int w = 0; w < width; w++)
				sys_isend(w, 1, TAG, measure_out, n);
			sys_wait(width);
			sys_recv(1, CONTROL_TAG, &word, sizeof word);
			if (word != (uint32_t)i)
				wrong(figure, n);
			continue;
		}
		for (int w = 0; w < width; w++)
			sys_irecv(w, 0, TAG, measure_in + n * (size_t)(w % places), n);
		sys_wait(width);
		for (int p = 0; p < places; p++)
			if (!is_stamped(measure_in + n * (size_t)p, n, (uint32_t)i))
				wrong(figure, n);
		word = (uint32_t)i;
		sys_send(0, CONTROL_TAG, &word, sizeof word);
	}
}

static double messages_per_ns(const char *figure, size_t n, unsigned seed, struct sample *s)
{
	int width = n >= 1 << 20 ? 4 : n >= 65536 ? 16 : SYS_WINDOW;

	fill(measure_out, n, seed);
	stream(figure, n, width, 2);
	uint64_t t = now_ns();
	stream(figure, n, width, 2);
	int rounds = agree_rounds((double)(now_ns() - t) / 2, 4);
	sample_start(s);
	stream(figure, n, width, rounds);
	sample_stop(s);
	if (sys_rank() == 1)
		check(figure, measure_in, n, seed, (uint32_t)rounds - 1);
	return (double)rounds * width / s->elapsed_ns;
}

void take_bandwidth(void)
{
	struct sample s;

	for (int i = 1; i < measure_nsizes; i++) {
		double per_ns = messages_per_ns("bandwidth", measure_sizes[i], (unsigned)i, &s);
		report("bandwidth", measure_sizes[i], "GB/s", per_ns * (double)measure_sizes[i], &s);
	}
}

void take_rate(void)
{
	struct sample s;
	double per_ns = messages_per_ns("rate", 8, 1, &s);

	report("rate", 8, "M/s", per_ns * 1e3, &s);
}

/* From the send to a receiver that has slept for 2 ms until it has the message. A receiver that did not sleep but spun
 * is no answer to the question. */
void take_wake(void)
{
	enum { ROUNDS = 100 };
	const struct timespec pause = {.tv_nsec = 2000000};
	double sum_ns = 0.0, used = cpu_ns();
	struct sample s;

	sample_start(&s);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t sent, got;
		if (sys_rank() == 0) {
			nanosleep(&pause, NULL);
			sent = now_ns();
			sys_send(1, TAG, &sent, sizeof sent);
			sys_recv(1, TAG, &got, sizeof got);
			sum_ns += (double)(got - sent);
		} else {
			sys_recv(0, TAG, &sent, sizeof sent);
			got = now_ns();
			sys_send(0, TAG, &got, sizeof got);
		}
	}
	used = cpu_ns() - used;
	sample_stop(&s);
	double share = used / s.elapsed_ns;
	if (sys_rank() == 1)
		sys_send(0, CONTROL_TAG, &share, sizeof share);
	else
		sys_recv(1, CONTROL_TAG, &share, sizeof share);
	if (share < 0.25)
		report("wake", 8, "us", sum_ns / ROUNDS / 1e3, &s);
	else
		report_missing("wake", 8, "its receiver spins and never sleeps");
}

static const int counts[] = {0, 10, 100, 1000, 10000};
enum { NCOUNTS = sizeof counts / sizeof *counts };

static void send_unexpected(int to, int count)
{
	for (int i = 0; i < count; i++) {
		int64_t word = i;
		sys_send(to, 1000 + i, &word, sizeof word);
	}
}

static void recv_unexpected(int from, int count)
{
	for (int i = 0; i < count; i++) {
		int64_t word = -1;
		sys_recv(from, 1000 + i, &word, sizeof word);
		if (word != i)
			wrong("match-unexpected", (size_t)count);
	}
}

/* An 8-byte half round trip while both ranks have `count` receives posted that don't match it. */
void take_match_posted(void)
{
	struct sample s;

	for (int c = 0; c < NCOUNTS; c++) {
		sys_post_many(1 - sys_rank(), counts[c]);
		int rounds = pingpong_rounds("match-posted", 8);
		sample_start(&s);
		pingpong("match-posted", 8, rounds);
		sample_stop(&s);
		report("match-posted", (size_t)counts[c], "us", s.elapsed_ns / rounds / 2e3, &s);
		sys_cancel_many(counts[c]);
	}
}

/* The same while both ranks hold `count` messages that they have not asked for yet. */
void take_match_unexpected(void)
{
	struct sample s;

	for (int c = 0; c < NCOUNTS; c++) {
		send_unexpected(1 - sys_rank(), counts[c]);
		int rounds = pingpong_rounds("match-unexpected", 8);
		sample_start(&s);
		pingpong("match-unexpected", 8, rounds);
		sample_stop(&s);
		report("match-unexpected", (size_t)counts[c], "us", s.elapsed_ns / rounds / 2e3, &s);
		recv_unexpected(1 - sys_rank(), counts[c]);
	}
}
