/* A master that PVM's manual recommends: it hands out work one unit at a time, is told of each worker's end by pvm_notify, gives
 * the unit of a dead one to another and starts a new worker. master.sh kills workers and nodes meanwhile. */
#include <pvm3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { UNITS = 600, WORKERS = 6, SLOTS = 64, UNIT = 1, RESULT = 2, GONE = 3, HELD = 200 };

static struct {
	int tid, unit; /* unit -1: none */
} workers[SLOTS];
static int nworkers, queue[UNITS + SLOTS], nqueued, done[UNITS], ndone, nlost;
static char program[4096];

static int work(void)
{
	int unit, parent = pvm_parent();
	while (pvm_recv(parent, UNIT) > 0 && pvm_upkint(&unit, 1, 1) == PvmOk && unit >= 0) {
		long square = (long)unit * unit;
		usleep(20000);
		pvm_initsend(PvmDataDefault);
		pvm_pkint(&unit, 1, 1);
		pvm_pklong(&square, 1, 1);
		pvm_send(parent, RESULT);
	}
	pvm_exit();
	return 0;
}

/* Once so many units are done the rest waits until master.sh has killed what it means to: the file is there. */
static void hold(const char *killed)
{
	while (ndone == HELD && access(killed, F_OK))
		usleep(10000);
}

static void give(int w)
{
	int unit = nqueued > 0 ? queue[--nqueued] : -1;
	workers[w].unit = unit;
	if (unit < 0)
		return;
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&unit, 1, 1);
	pvm_send(workers[w].tid, UNIT);
}

static void hire(void)
{
	char *args[] = {(char *)"work", NULL};
	int tid;
	if (nworkers == SLOTS || pvm_spawn(program, args, PvmTaskDefault, (char *)"", 1, &tid) != 1)
		return;
	pvm_notify(PvmTaskExit, GONE, 1, &tid);
	workers[nworkers].tid = tid;
	give(nworkers++);
}

static int find(int tid)
{
	for (int w = 0; w < nworkers; w++)
		if (workers[w].tid == tid)
			return w;
	return -1;
}

static void bury(int w)
{
	if (workers[w].unit >= 0)
		queue[nqueued++] = workers[w].unit;
	workers[w] = workers[--nworkers];
	nlost++;
	hire();
}

static void take(int w, long *sum)
{
	int unit;
	long square;
	pvm_upkint(&unit, 1, 1);
	pvm_upklong(&square, 1, 1);
	if (!done[unit]) {
		done[unit] = 1;
		*sum += square;
		if (++ndone % 50 == 0) {
			printf("done %d\n", ndone);
			fflush(stdout);
		}
	}
	if (w >= 0)
		give(w);
}

int main(int argc, char **argv)
{
	long sum = 0;
	int end = -1;
	pvm_mytid();
	if (argc > 1 && !strcmp(argv[1], "work"))
		return work();
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	program[n > 0 ? n : 0] = 0;
	pvm_setopt(PvmAutoErr, 0);
	for (int unit = 0; unit < UNITS; unit++)
		queue[nqueued++] = unit;
	for (int w = 0; w < WORKERS; w++)
		hire();
	while (ndone < UNITS) {
		if (argc > 1)
			hold(argv[1]);
		int tag, from, tid, bufid = pvm_recv(-1, -1);
		if (bufid <= 0)
			return 1;
		pvm_bufinfo(bufid, NULL, &tag, &from);
		if (tag == RESULT) {
			take(find(from), &sum);
		} else if (tag == GONE && pvm_upkint(&tid, 1, 1) == PvmOk && find(tid) >= 0) {
			bury(find(tid));
		}
	}
	for (int w = 0; w < nworkers; w++) {
		pvm_initsend(PvmDataDefault);
		pvm_pkint(&end, 1, 1);
		pvm_send(workers[w].tid, UNIT);
	}
	printf("sum %ld, lost %d\n", sum, nlost);
	pvm_exit();
	return 0;
}
