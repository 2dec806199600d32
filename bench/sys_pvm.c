/* sys_pvm.c - sys.h over PVM 3. The program started by bench/compare is rank 0 and spawns the others: BENCH_TASKS in all.
 *
 * Tasks ask for direct routes; messages are sent from where they lie (pvm_psend). PVM has no requests: a send
 * returns when the data may be changed, a receive is done when it is waited for. Groups, which need PVM's group
 * server, are joined with the first collective, in the order of ranks.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1 /* realpath */
#endif

#include "sys.h"

#include <limits.h>
#include <pvm3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TIDS_TAG = 1, JOIN_TAG = 2, COLLECTIVE_TAG = 3, EXIT_TAG = 4, RANKS_MAX = 256 };

static char group[] = "bench";
static int tids[RANKS_MAX], rank, size = 1, in_group;
static struct {
	void *buf; /* NULL: it was a send */
	size_t nbytes;
	int from, tag;
} requests[SYS_WINDOW];

static int must(int rc, const char *what)
{
	if (rc >= 0)
		return rc;
	fprintf(stderr, "measure (pvm): rank %d: ", rank);
	fflush(stderr);
	pvm_perror((char *)what);
	exit(1);
}

/* argv starts with the arguments, without the program. */
static void spawn_others(char **argv)
{
	char program[PATH_MAX];
	const char *tasks = getenv("BENCH_TASKS");

	size = tasks != NULL ? atoi(tasks) : 1;
	tids[0] = must(pvm_mytid(), "enrol");
	if (size <= 1)
		return;
	if (size > RANKS_MAX || realpath("/proc/self/exe", program) == NULL)
		must(PvmBadParam, "number of tasks");
	if (must(pvm_spawn(program, argv, PvmTaskDefault, (char *)"", size - 1, tids + 1), "spawn") != size - 1)
		must(PvmOutOfRes, "spawn");
	pvm_initsend(PvmDataRaw);
	pvm_pkint(&size, 1, 1);
	pvm_pkint(tids, size, 1);
	must(pvm_mcast(tids + 1, size - 1, TIDS_TAG), "mcast");
}

static void join_parent(int parent)
{
	must(pvm_recv(parent, TIDS_TAG), "recv");
	pvm_upkint(&size, 1, 1);
	pvm_upkint(tids, size, 1);
	while (tids[rank] != pvm_mytid())
		rank++;
}

void sys_init(int *argc, char ***argv)
{
	int parent;

	must(pvm_mytid(), "enrol");
	pvm_setopt(PvmAutoErr, 0);
	pvm_setopt(PvmRoute, PvmRouteDirect);
	parent = pvm_parent();
	if (parent > 0)
		join_parent(parent);
	else
		spawn_others(*argv + 1);
}

void sys_fini(void)
{
	if (in_group) {
		pvm_barrier(group, size);
		pvm_lvgroup(group);
	}
	pvm_exit();
}

int sys_rank(void)
{
	return rank;
}

int sys_size(void)
{
	return size;
}

const char *sys_lacks(const char *figure)
{
	if (strcmp(figure, "match-posted") == 0)
		return "it has no requests to post";
	if (strcmp(figure, "allgather") == 0 || strcmp(figure, "alltoall") == 0)
		return "it has no such call";
	return NULL;
}

void sys_send(int to, int tag, const void *buf, size_t nbytes)
{
	must(pvm_psend(tids[to], tag, (void *)buf, (int)nbytes, PVM_BYTE), "psend");
}

void sys_recv(int from, int tag, void *buf, size_t nbytes)
{
	must(pvm_precv(tids[from], tag, buf, (int)nbytes, PVM_BYTE, NULL, NULL, NULL), "precv");
}

void sys_isend(int slot, int to, int tag, const void *buf, size_t nbytes)
{
	requests[slot].buf = NULL;
	sys_send(to, tag, buf, nbytes);
}

void sys_irecv(int slot, int from, int tag, void *buf, size_t nbytes)
{
	requests[slot].buf = buf;
	requests[slot].nbytes = nbytes;
	requests[slot].from = from;
	requests[slot].tag = tag;
}

void sys_wait(int n)
{
	for (int i = 0; i < n; i++)
		if (requests[i].buf != NULL)
			sys_recv(requests[i].from, requests[i].tag, requests[i].buf, requests[i].nbytes);
}

void sys_post_many(int from, int count)
{
	abort(); /* sys_lacks says so */
}

void sys_cancel_many(int count)
{
	abort();
}

/* A group's instance is the rank when all join in turn. */
static void need_group(void)
{
	int word = 0;

	if (in_group)
		return;
	if (rank > 0)
		sys_recv(rank - 1, JOIN_TAG, &word, sizeof word);
	if (must(pvm_joingroup(group), "joingroup") != rank)
		must(PvmDupGroup, "joingroup: another program is in this group");
	if (rank + 1 < size)
		sys_send(rank + 1, JOIN_TAG, &word, sizeof word);
	must(pvm_freezegroup(group, size), "freezegroup");
	in_group = 1;
}

void sys_barrier(void)
{
	need_group();
	must(pvm_barrier(group, size), "barrier");
}

void sys_bcast(double *values, int count)
{
	need_group();
	if (rank == 0) {
		pvm_initsend(PvmDataRaw);
		pvm_pkdouble(values, count, 1);
		must(pvm_bcast(group, COLLECTIVE_TAG), "bcast");
	} else {
		must(pvm_recv(tids[0], COLLECTIVE_TAG), "recv");
		must(pvm_upkdouble(values, count, 1), "unpack");
	}
}

/* pvm_reduce works in place. */
void sys_reduce(const double *in, double *out, int count)
{
	need_group();
	memcpy(out, in, (size_t)count * sizeof *out);
	must(pvm_reduce(PvmSum, out, count, PVM_DOUBLE, COLLECTIVE_TAG, group, 0), "reduce");
}

/* What a PVM program writes for it. */
void sys_allreduce(const double *in, double *out, int count)
{
	sys_reduce(in, out, count);
	sys_bcast(out, count);
}

void sys_gather(const double *in, double *out, int count)
{
	need_group();
	must(pvm_gather(out, (void *)in, count, PVM_DOUBLE, COLLECTIVE_TAG, group, 0), "gather");
}

void sys_allgather(const double *in, double *out, int count)
{
	abort();
}

void sys_alltoall(const double *in, double *out, int count)
{
	abort();
}

void sys_spawn(const char *program, int count)
{
	int *children = calloc((size_t)count, sizeof *children);

	if (children == NULL)
		must(PvmNoMem, "spawn");
	if (must(pvm_spawn((char *)program, NULL, PvmTaskDefault, (char *)"", count, children), "spawn") != count)
		must(children[count - 1] < 0 ? children[count - 1] : PvmOutOfRes, "spawn");
	must(pvm_notify(PvmTaskExit, EXIT_TAG, count, children), "notify");
	for (int i = 0; i < count; i++)
		must(pvm_recv(-1, EXIT_TAG), "recv");
	free(children);
}
