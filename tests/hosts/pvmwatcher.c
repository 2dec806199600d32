/* pvmwatcher.c - the same as watcher.c in PVM's words: PvmHostAdd brings the tids of the hosts. */
#include <stdio.h>

#include <pvm3.h>

enum { TAG = 7 };

int main(void)
{
	struct pvmhostinfo *hosts;
	int count = 0, tid = 0, nhosts = 0, narch = 0;
	if (pvm_mytid() < 0 || pvm_notify(PvmHostAdd, TAG, 1, NULL) < 0)
		return 1;
	puts("watching");
	fflush(stdout);
	if (pvm_recv(-1, TAG) < 0 || pvm_upkint(&count, 1, 1) < 0 || count != 1 || pvm_upkint(&tid, 1, 1) < 0)
		return 2;
	if (pvm_config(&nhosts, &narch, &hosts) < 0)
		return 3;
	for (int i = 0; i < nhosts; i++)
		if (hosts[i].hi_tid == tid)
			printf("added %s\n", hosts[i].hi_name);
	pvm_exit();
	return 0;
}
