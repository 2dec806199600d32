/* A PVM program whose tasks send, and then call PVM no more until what they sent has been received: messages leave with the
 * call, whatever their length, also to tasks of other nodes that have only just been spawned, and with pvm_mcast. Started
 * by `weft run`, it spawns itself and prints TAP. */
#include <fcntl.h>
#include <pvm3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "tap.h"

/* On a machine that is very busy a receiver may be too late now and then. */
enum { ATTEMPTS = 5 };
enum { TAG = 1, TASKS_MAX = 3, LONG = 300000, HUGE = 3000000 };

static char bytes[HUGE];

/* Outside of PVM: the other end of the pipe is closed, or 10 s are over. */
static void wait_for_end(const char *fifo)
{
	char c;
	alarm(10);
	int fd = open(fifo, O_RDONLY);
	while (fd >= 0 && read(fd, &c, 1) > 0)
		continue;
	alarm(0);
	close(fd);
}

static int child(const char *fifo, int nbytes)
{
	int parent = pvm_parent();
	if (nbytes) {
		pvm_initsend(PvmDataDefault);
		pvm_pkbyte(bytes, nbytes, 1);
		pvm_send(parent, TAG);
		wait_for_end(fifo);
	} else {
		usleep(20000); /* as one that reads its input first */
		pvm_recv(parent, TAG);
		unlink(fifo); /* our parent waits for that */
	}
	pvm_exit();
	return 0;
}

/* A task on each node sends so many bytes. */
static void sends_arrive(char *self, int nhosts, struct pvmhostinfo *hosts, int nbytes, const char *what)
{
	char fifo[] = "/tmp/weft-handed.XXXXXX", number[16], *argv[] = {fifo, number, NULL};
	struct timeval limit = {2, 0};
	int tid;
	close(mkstemp(fifo));
	unlink(fifo);
	snprintf(number, sizeof number, "%d", nbytes);
	for (int i = 0; i < nhosts; i++) {
		int got = 0;
		for (int k = 0; k < ATTEMPTS && got <= 0; k++) {
			mkfifo(fifo, 0600);
			int fd = open(fifo, O_RDWR);
			pvm_spawn(self, argv, PvmTaskHost, hosts[i].hi_name, 1, &tid);
			got = pvm_trecv(tid, TAG, &limit);
			close(fd);
			unlink(fifo);
		}
		check(got > 0, what);
	}
}

/* To tasks that enrol meanwhile: how many have not got it. */
static int mcast_lacks(char *self, int nhosts, struct pvmhostinfo *hosts, int nbytes)
{
	char files[TASKS_MAX][32], number[] = "0";
	int tids[TASKS_MAX], left = 0;
	for (int i = 0; i < nhosts; i++) {
		char *argv[] = {strcpy(files[i], "/tmp/weft-handed.XXXXXX"), number, NULL};
		close(mkstemp(files[i]));
		pvm_spawn(self, argv, PvmTaskHost, hosts[i].hi_name, 1, &tids[i]);
	}
	pvm_initsend(PvmDataDefault);
	pvm_pkbyte(bytes, nbytes, 1);
	pvm_mcast(tids, nhosts, TAG);
	for (int ticks = 0; ticks < 200; ticks++, usleep(10000)) {
		left = 0;
		for (int i = 0; i < nhosts; i++)
			left += access(files[i], F_OK) == 0;
		if (!left)
			break;
	}
	for (int i = 0; i < nhosts; i++)
		unlink(files[i]);
	return left;
}

static void mcast_arrives(char *self, int nhosts, struct pvmhostinfo *hosts, int nbytes, const char *what)
{
	int left = nhosts;
	for (int k = 0; k < ATTEMPTS && left; k++)
		left = mcast_lacks(self, nhosts, hosts, nbytes);
	equal(0, left, what);
}

int main(int argc, char **argv)
{
	struct pvmhostinfo *hosts;
	int nhosts;
	if (pvm_mytid() < 0)
		return 2;
	if (argc > 2)
		return child(argv[1], atoi(argv[2]));
	pvm_config(&nhosts, NULL, &hosts);
	check(nhosts >= 1 && nhosts <= TASKS_MAX, "hosts");
	sends_arrive(argv[0], nhosts, hosts, 1, "a byte arrives before the sender's next call");
	sends_arrive(argv[0], nhosts, hosts, 20000, "so do some thousand");
	sends_arrive(argv[0], nhosts, hosts, LONG, "so does a long message that is waited for");
	mcast_arrives(argv[0], nhosts, hosts, 100, "pvm_mcast reaches all before the next call");
	mcast_arrives(argv[0], nhosts, hosts, HUGE, "so it does with a huge message");
	pvm_exit();
	printf("1..%d\n", ntests);
	return nfailed != 0;
}
