/* bare.c - the limit of the hardware and of the kernel, without any message library.
 *
 * usage: bare FIGURE [SECONDS]   FIGURE: latency bandwidth rate tcp-latency tcp-bandwidth wake spawn
 * Two pinned processes; prints lines as bench/measure does. Shared memory: payload is copied in and out in blocks
 * through a small ring, both sides at the same time; 8 bytes and less ride in the cache line of the flag.
 */
#define _GNU_SOURCE 1 /* memfd_create, futex */

#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"

enum { BLOCK = 16384, SLOTS = 8, LARGEST = 4 << 20 };

/* One direction: the sender raises `full`, the receiver raises `taken`; a small payload rides beside `full`. */
struct pipe_line {
	_Alignas(128) _Atomic uint64_t full;
	uint8_t inside[48];
	_Alignas(128) _Atomic uint64_t taken;
	_Alignas(128) _Atomic uint32_t futex;
	_Alignas(4096) uint8_t block[SLOTS][BLOCK];
};

static struct pipe_line *lines; /* [2]: from 0 to 1, from 1 to 0 */
static int side;
static uint64_t sent, received;
static int sockets[2];
static double budget_s = 0.05;
static uint8_t *out, *in;
static struct handover *shared;

static const size_t sizes[] = {0,    8,     64,    512,   1024,   2048,   4096,   8192,
                               16384, 32768, 65536, 262144, 1 << 20, 4 << 20};
enum { NSIZES = sizeof sizes / sizeof *sizes };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void wait_for(_Atomic uint64_t *word, uint64_t value)
{
	while (atomic_load_explicit(word, memory_order_acquire) < value)
		;
}

static void shm_send(const uint8_t *p, size_t n)
{
	struct pipe_line *l = &lines[side];

	if (n <= sizeof l->inside) {
		wait_for(&l->taken, sent); /* the line is free again */
		memcpy(l->inside, p, n);
		atomic_store_explicit(&l->full, ++sent, memory_order_release);
		return;
	}
	for (size_t done = 0; done < n; done += BLOCK) {
		size_t piece = n - done < BLOCK ? n - done : BLOCK;
		if (sent >= SLOTS)
			wait_for(&l->taken, sent - SLOTS + 1);
		memcpy(l->block[sent % SLOTS], p + done, piece);
		atomic_store_explicit(&l->full, ++sent, memory_order_release);
	}
}

static void shm_recv(uint8_t *p, size_t n)
{
	struct pipe_line *l = &lines[1 - side];

	if (n <= sizeof l->inside) {
		wait_for(&l->full, ++received);
		memcpy(p, l->inside, n);
		atomic_store_explicit(&l->taken, received, memory_order_release);
		return;
	}
	for (size_t done = 0; done < n; done += BLOCK) {
		size_t piece = n - done < BLOCK ? n - done : BLOCK;
		wait_for(&l->full, ++received);
		memcpy(p + done, l->block[(received - 1) % SLOTS], piece);
		atomic_store_explicit(&l->taken, received, memory_order_release);
	}
}

static void tcp_send(const uint8_t *p, size_t n)
{
	for (size_t done = 0; done < n || n == 0;) {
		ssize_t k = send(sockets[side], p + done, n == 0 ? 1 : n - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN)
			die("send");
		if (k > 0 && n == 0)
			return;
		done += k > 0 ? (size_t)k : 0;
	}
}

static void tcp_recv(uint8_t *p, size_t n)
{
	for (size_t done = 0; done < n || n == 0;) {
		ssize_t k = recv(sockets[side], p + done, n == 0 ? 1 : n - done, MSG_DONTWAIT);
		if (k == 0 || (k < 0 && errno != EAGAIN))
			die("recv");
		if (k > 0 && n == 0)
			return;
		done += k > 0 ? (size_t)k : 0;
	}
}

struct way {
	void (*send)(const uint8_t *p, size_t n);
	void (*recv)(uint8_t *p, size_t n);
};
static const struct way shm = {shm_send, shm_recv}, tcp = {tcp_send, tcp_recv};

static void pingpong(const struct way *w, size_t n, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		if (side == 0) {
			w->send(out, n);
			w->recv(in, n);
		} else {
			w->recv(in, n);
			w->send(in, n);
		}
	}
}

static int agree(const struct way *w, double seconds_each, int least)
{
	int32_t rounds = (int32_t)(budget_s / (seconds_each > 1e-9 ? seconds_each : 1e-9));

	rounds = rounds < least ? least : rounds > 200000 ? 200000 : rounds;
	if (side == 0)
		w->send((uint8_t *)&rounds, sizeof rounds);
	else
		w->recv((uint8_t *)&rounds, sizeof rounds);
	return rounds;
}

static void print(const char *figure, size_t size, double value, double h)
{
	if (side == 0) {
		printf("%s %zu %.6g %.1f\n", figure, size, value, h);
		fflush(stdout);
	}
}

static void latency(const struct way *w, const char *figure)
{
	for (int s = 0; s < NSIZES; s++) {
		uint64_t t = now_ns();
		pingpong(w, sizes[s], 20);
		int rounds = agree(w, (double)(now_ns() - t) * 1e-9 / 20, 20);
		double h = handover_ns(shared, side);
		t = now_ns();
		pingpong(w, sizes[s], rounds);
		print(figure, sizes[s], (double)(now_ns() - t) / rounds / 2e3, h);
	}
}

static void stream(const struct way *w, size_t n, int count)
{
	uint8_t ack = 0;

	for (int i = 0; i < count; i++) {
		if (side == 0)
			w->send(out, n);
		else
			w->recv(in, n);
	}
	if (side == 0)
		w->recv(&ack, 1);
	else
		w->send(&ack, 1);
}

/* GB/s; "rate" is million messages a second of 8 bytes. */
static void bandwidth(const struct way *w, const char *figure, size_t first, size_t last)
{
	for (int s = 0; s < NSIZES; s++) {
		size_t n = sizes[s];
		if (n < first || n > last)
			continue;
		uint64_t t = now_ns();
		stream(w, n, 8);
		int count = agree(w, (double)(now_ns() - t) * 1e-9 / 8, 8);
		double h = handover_ns(shared, side);
		t = now_ns();
		stream(w, n, count);
		double per_ns = (double)count / (double)(now_ns() - t);
		print(figure, n, strcmp(figure, "rate") == 0 ? per_ns * 1e3 : per_ns * (double)n, h);
	}
}

static long futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

/* From the wake-up of a process that has slept for 2 ms until it runs, microseconds. */
static void wake(void)
{
	struct timespec pause = {.tv_nsec = 2000000};
	double sum = 0.0, h = handover_ns(shared, side);
	const int rounds = 100;

	for (int i = 0; i < rounds; i++) {
		uint64_t t, got;
		if (side == 0) {
			nanosleep(&pause, NULL);
			t = now_ns();
			atomic_store(&lines[0].futex, (uint32_t)i + 1);
			futex(&lines[0].futex, FUTEX_WAKE, 1);
			shm_recv((uint8_t *)&got, sizeof got);
			sum += (double)(got - t) * 1e-3;
		} else {
			while (atomic_load(&lines[0].futex) == (uint32_t)i)
				futex(&lines[0].futex, FUTEX_WAIT, (uint32_t)i);
			got = now_ns();
			shm_send((const uint8_t *)&got, sizeof got);
		}
	}
	print("wake", 8, sum / rounds, h);
}

/* 1,000 programs started and reaped, as many at a time as there are: seconds. */
static void spawn_many(void)
{
	char *argv[] = {(char *)"true", NULL};
	extern char **environ;
	enum { COUNT = 1000 };
	pid_t pid;

	uint64_t t = now_ns();
	for (int i = 0; i < COUNT; i++)
		if (posix_spawnp(&pid, "true", NULL, NULL, argv, environ) != 0)
			die("posix_spawn");
	for (int i = 0; i < COUNT; i++)
		wait(NULL);
	print("spawn", COUNT, (double)(now_ns() - t) * 1e-9, 0.0);
}

static void connect_pair(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof a;
	int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *)&a, sizeof a) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, (struct sockaddr *)&a, &len) != 0)
		die("listen");
	sockets[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(sockets[0], (struct sockaddr *)&a, sizeof a) != 0)
		die("connect");
	sockets[1] = accept(listener, NULL, NULL);
	for (int i = 0; i < 2; i++)
		setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	close(listener);
}

static int run(const char *figure)
{
	if (strcmp(figure, "latency") == 0)
		latency(&shm, figure);
	else if (strcmp(figure, "bandwidth") == 0)
		bandwidth(&shm, figure, 1, LARGEST);
	else if (strcmp(figure, "rate") == 0)
		bandwidth(&shm, figure, 8, 8);
	else if (strcmp(figure, "tcp-latency") == 0)
		latency(&tcp, figure);
	else if (strcmp(figure, "tcp-bandwidth") == 0)
		bandwidth(&tcp, figure, 1, LARGEST);
	else if (strcmp(figure, "wake") == 0)
		wake();
	else
		return 2;
	return 0;
}

int main(int argc, char **argv)
{
	const char *figure = argc > 1 ? argv[1] : "latency";

	if (argc > 2)
		budget_s = atof(argv[2]);
	if (strcmp(figure, "spawn") == 0) {
		spawn_many();
		return 0;
	}
	lines = mmap(NULL, 2 * sizeof *lines, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (lines == MAP_FAILED)
		die("mmap");
	out = calloc(1, LARGEST);
	in = calloc(1, LARGEST);
	if (out == NULL || in == NULL)
		die("memory");
	memset(lines, 0, 2 * sizeof *lines);
	shared = handover_open();
	connect_pair();
	pid_t other = fork();
	if (other < 0)
		die("fork");
	side = other == 0 ? 1 : 0;
	pin(side);
	int rc = run(figure);
	if (side == 0)
		waitpid(other, NULL, 0);
	return rc;
}
