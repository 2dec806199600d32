/* Barriers of a group again and again, while its members compute, leave, come and die: nobody passes one before all have
 * come. The first argument is a file that all members map: how many barriers each place has come to. Prints "right" and the
 * number of barriers. */
#include <fcntl.h>
#include <pvm3.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MEMBERS = 5, ROUNDS = 2000, CALM = 300, DIE = 7 };

static char group[] = "meeting";
static _Atomic int *come; /* by place */
static int me, round_no;

static void fail(const char *what, int code)
{
	printf("member %d, barrier %d: %s %d\n", me, round_no, what, code);
	fflush(stdout);
	pvm_exit();
	exit(1);
}

static void expect(const char *what, int got, int wanted)
{
	if (got != wanted)
		fail(what, got);
}

static void compute(long ns)
{
	struct timespec begin, now;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < ns);
}

/* Of the first n places; count as it is given. */
static void meet(int n, int count)
{
	round_no++;
	atomic_store(&come[me], round_no);
	expect("pvm_barrier", pvm_barrier(group, count), PvmOk);
	for (int i = 0; i < n; i++)
		if (atomic_load(&come[i]) < round_no)
			fail("is missing:", i);
}

static void calm(int n)
{
	for (int i = 0; i < CALM; i++)
		meet(n, n);
}

static void member(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (i % 97 == 0 && i / 97 % MEMBERS == me)
			compute(3000000);
		meet(MEMBERS, i % 501 == 500 ? -1 : MEMBERS);
	}
	if (me == MEMBERS - 1) { /* one leaves, and comes again */
		expect("pvm_lvgroup", pvm_lvgroup(group), PvmOk);
		round_no += CALM;
		expect("pvm_recv", pvm_recv(pvm_parent(), 3) > 0, 1);
		expect("pvm_joingroup", pvm_joingroup(group), me);
	} else {
		calm(MEMBERS - 1);
		if (me == 0) { /* now the others may not go on without it */
			pvm_initsend(PvmDataRaw);
			expect("pvm_send", pvm_send(pvm_parent(), 3), PvmOk);
		}
	}
	calm(MEMBERS);
	if (me == MEMBERS - 1)
		kill(getpid(), SIGKILL);
	round_no++;
	while (pvm_gsize(group) == MEMBERS)
		; /* one is dying */
	calm(MEMBERS - 1);
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1, tids[MEMBERS];
	if (fd < 0 || ftruncate(fd, 4096))
		return 1;
	come = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pvm_parent() > 0) {
		pvm_recv(pvm_parent(), 1);
		me = pvm_joingroup(group);
		expect("pvm_freezegroup", pvm_freezegroup(group, MEMBERS), MEMBERS);
		member();
		pvm_initsend(PvmDataRaw);
		pvm_pkint(&round_no, 1, 1);
		pvm_send(pvm_parent(), 2);
		pvm_exit();
		return 0;
	}
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	path[n > 0 ? n : 0] = '\0';
	pvm_catchout(stdout);
	char *arguments[] = {argv[1], NULL};
	if (pvm_spawn(path, arguments, PvmTaskDefault, (char *)"", MEMBERS, tids) != MEMBERS)
		return 1;
	pvm_initsend(PvmDataRaw);
	pvm_mcast(tids, MEMBERS, 1);
	pvm_recv(-1, 3);
	int rounds = 0;
	pvm_initsend(PvmDataRaw);
	pvm_mcast(tids, MEMBERS, 3);
	for (int i = 0; i < MEMBERS - 1; i++) {
		struct timeval limit = {40, 0};
		if (pvm_trecv(-1, 2, &limit) <= 0)
			return 1;
		pvm_upkint(&rounds, 1, 1);
	}
	printf("right %d\n", rounds);
	pvm_exit();
	return 0;
}
