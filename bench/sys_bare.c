/* sys_bare.c - sys.h without any message system: the limit of the hardware and of the kernel. Two ranks, no matching.
 *
 * BENCH_WAY says how the ranks talk:
 *   shm     rings in shared memory. A message of up to 56 bytes lies in one cache line with the flag that publishes it;
 *           a longer one in a slot, or in several so that both ranks copy at the same time.
 *   sleep   the same, and the receiver sleeps on a futex
 *   tcp     one socket over the loopback interface; both ranks poll it, and nothing is added to the bytes
 *   none    one rank, for what is not about messages
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* MAP_ANONYMOUS, syscall */
#endif

#include "sys.h"

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
#include <unistd.h>

#include "handover.h"

enum { LINE = 64, HEAD = LINE - sizeof(uint64_t), SHAPES = 3 };

/* A ring's slots: small messages, middle ones, blocks of large ones. */
static const struct shape {
	uint32_t slots, capacity; /* capacity: bytes of payload, a whole number of lines less the flag */
} shapes[SHAPES] = {{64, HEAD}, {64, 64 * LINE + HEAD}, {16, 256 * LINE + HEAD}};

/* The flag holds the number of the message, counted from 1, and is stored last. */
struct slot {
	_Alignas(LINE) _Atomic uint64_t flag;
	uint8_t payload[];
};

/* What both ends share of one ring in one direction, before its slots. */
struct ends {
	_Alignas(128) _Atomic uint64_t taken; /* by the receiver, who says so every quarter of the ring */
	_Alignas(128) _Atomic uint32_t doorbell;
	_Alignas(128) char end[1];
};

/* One end's own view of a ring. */
struct ring {
	struct ends *ends;
	uint8_t *slots;
	uint32_t nslots, capacity;
	uint64_t next;  /* message to write or read, from 1 */
	uint64_t taken; /* the sender's last look at ends->taken */
};

static enum { SHM, SLEEP, TCP, NONE } way;
static int rank;
static pid_t other;
static struct ring out[SHAPES], in[SHAPES];
static int sockets[2];
static struct {
	void *buf;
	size_t nbytes;
} receives[SYS_WINDOW];

static void die(const char *what)
{
	fprintf(stderr, "measure (bare): %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- shared memory ------------------------------------------------------------------------------ */

static struct slot *slot_of(const struct ring *r, uint64_t number)
{
	return (struct slot *)(void *)(r->slots + (number % r->nslots) * (r->capacity + sizeof(uint64_t)));
}

static void futex(_Atomic uint32_t *word, int op, uint32_t value)
{
	syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void ring_write(struct ring *r, const uint8_t *p, size_t n)
{
	struct slot *s = slot_of(r, r->next);
	size_t head = n < HEAD ? n : HEAD;

	while (r->next > r->taken + r->nslots)
		r->taken = atomic_load_explicit(&r->ends->taken, memory_order_acquire);
	/* The receiver looks at the first line all the time: touch it once, at the end. */
	memcpy(s->payload + head, p + head, n - head);
	memcpy(s->payload, p, head);
	atomic_store_explicit(&s->flag, r->next++, memory_order_release);
	if (way == SLEEP) {
		atomic_fetch_add(&r->ends->doorbell, 1);
		futex(&r->ends->doorbell, FUTEX_WAKE, 1);
	}
}

static void ring_await(struct ring *r, struct slot *s)
{
	while (atomic_load_explicit(&s->flag, memory_order_acquire) != r->next) {
		if (way != SLEEP)
			continue;
		uint32_t seen = atomic_load(&r->ends->doorbell);
		if (atomic_load(&s->flag) != r->next)
			futex(&r->ends->doorbell, FUTEX_WAIT, seen);
	}
}

static void ring_read(struct ring *r, uint8_t *p, size_t n)
{
	struct slot *s = slot_of(r, r->next);

	ring_await(r, s);
	memcpy(p, s->payload, n);
	if (r->next % (r->nslots / 4) == 0)
		atomic_store_explicit(&r->ends->taken, r->next, memory_order_release);
	r->next++;
}

static int shape_for(size_t n)
{
	return n <= shapes[0].capacity ? 0 : n <= shapes[1].capacity ? 1 : 2;
}

static void shm_send(const uint8_t *p, size_t n)
{
	struct ring *r = &out[shape_for(n)];
	size_t done = 0;

	do {
		size_t piece = n - done < r->capacity ? n - done : r->capacity;
		ring_write(r, p + done, piece);
		done += piece;
	} while (done < n);
}

static void shm_recv(uint8_t *p, size_t n)
{
	struct ring *r = &in[shape_for(n)];
	size_t done = 0;

	do {
		size_t piece = n - done < r->capacity ? n - done : r->capacity;
		ring_read(r, p + done, piece);
		done += piece;
	} while (done < n);
}

static size_t ring_bytes(const struct shape *s)
{
	return sizeof(struct ends) + s->slots * (s->capacity + sizeof(uint64_t));
}

/* Direction 0 is from rank 0 to rank 1. */
static void rings_open(uint8_t *memory)
{
	for (int direction = 0; direction < 2; direction++)
		for (int i = 0; i < SHAPES; i++) {
			struct ring *r = direction == rank ? &out[i] : &in[i];
			r->ends = (struct ends *)(void *)memory;
			r->slots = memory + sizeof(struct ends);
			r->nslots = shapes[i].slots;
			r->capacity = shapes[i].capacity;
			r->next = 1;
			memory += ring_bytes(&shapes[i]);
		}
}

static uint8_t *rings_map(void)
{
	size_t nbytes = 0;

	for (int i = 0; i < SHAPES; i++)
		nbytes += 2 * ring_bytes(&shapes[i]);
	void *p = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* --- TCP ------------------------------------------------------------------------------------------ */

static void sockets_open(void)
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

/* A message of no bytes is one byte: a stream has no empty messages. In pieces of 256 KiB both sides copy at once. */
static void tcp_send(const uint8_t *p, size_t n)
{
	enum { PIECE = 256 << 10 };
	size_t total = n > 0 ? n : 1;

	for (size_t done = 0; done < total;) {
		size_t piece = total - done < PIECE ? total - done : PIECE;
		ssize_t k = send(sockets[rank], n > 0 ? p + done : (const uint8_t *)"", piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k < 0 && errno != EAGAIN)
			die("send");
		done += k > 0 ? (size_t)k : 0;
	}
}

static void tcp_recv(uint8_t *p, size_t n)
{
	size_t total = n > 0 ? n : 1;
	uint8_t nothing;

	for (size_t done = 0; done < total;) {
		ssize_t k = recv(sockets[rank], n > 0 ? p + done : &nothing, total - done, MSG_DONTWAIT);
		if (k == 0 || (k < 0 && errno != EAGAIN))
			die("recv");
		done += k > 0 ? (size_t)k : 0;
	}
}

/* --- sys.h ---------------------------------------------------------------------------------------- */

void sys_init(int *argc, char ***argv)
{
	const char *name = getenv("BENCH_WAY");
	uint8_t *memory;

	if (name != NULL)
		way = strcmp(name, "sleep") == 0  ? SLEEP
		      : strcmp(name, "tcp") == 0  ? TCP
		      : strcmp(name, "none") == 0 ? NONE
		                                  : SHM;
	if (way == NONE)
		return;
	memory = rings_map();
	sockets_open();
	other = fork();
	if (other < 0)
		die("fork");
	rank = other == 0 ? 1 : 0;
	rings_open(memory);
}

void sys_fini(void)
{
	if (other > 0)
		waitpid(other, NULL, 0);
}

int sys_rank(void)
{
	return rank;
}

int sys_size(void)
{
	return way == NONE ? 1 : 2;
}

const char *sys_lacks(const char *figure)
{
	static const char *const can[] = {"latency",  "bandwidth", "rate",  "wake",
	                                  "handover", "memcpy",    "spawn", "spawn-one"};

	for (size_t i = 0; i < sizeof can / sizeof *can; i++)
		if (strcmp(figure, can[i]) == 0)
			return NULL;
	return "the hardware has no such thing";
}

void sys_send(int to, int tag, const void *buf, size_t nbytes)
{
	if (way == TCP)
		tcp_send(buf, nbytes);
	else
		shm_send(buf, nbytes);
}

void sys_recv(int from, int tag, void *buf, size_t nbytes)
{
	if (way == TCP)
		tcp_recv(buf, nbytes);
	else
		shm_recv(buf, nbytes);
}

void sys_isend(int slot, int to, int tag, const void *buf, size_t nbytes)
{
	receives[slot].buf = NULL;
	sys_send(to, tag, buf, nbytes);
}

void sys_irecv(int slot, int from, int tag, void *buf, size_t nbytes)
{
	receives[slot].buf = buf;
	receives[slot].nbytes = nbytes;
}

void sys_wait(int n)
{
	for (int i = 0; i < n; i++)
		if (receives[i].buf != NULL)
			sys_recv(1 - rank, 0, receives[i].buf, receives[i].nbytes);
}

void sys_spawn(const char *program, int count)
{
	extern char **environ;
	char *argv[] = {strdup(program), NULL};
	pid_t pid;

	for (int i = 0; i < count; i++)
		if ((errno = posix_spawnp(&pid, program, NULL, NULL, argv, environ)) != 0)
			die("posix_spawn");
	for (int i = 0; i < count; i++)
		wait(NULL);
	free(argv[0]);
}

/* sys_lacks says so before any of these is called. */
void sys_post_many(int from, int count) { abort(); }
void sys_cancel_many(int count) { abort(); }
void sys_barrier(void) { abort(); }
void sys_bcast(double *values, int count) { abort(); }
void sys_reduce(const double *send, double *recv, int count) { abort(); }
void sys_allreduce(const double *send, double *recv, int count) { abort(); }
void sys_gather(const double *send, double *recv, int count) { abort(); }
void sys_allgather(const double *send, double *recv, int count) { abort(); }
void sys_alltoall(const double *send, double *recv, int count) { abort(); }
