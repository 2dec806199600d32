/* groups.c - two groups, of the first of which two of three members come to a barrier, and then the commands of its arguments; for
 * tools.sh and record.sh. */
#include <pvm3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { JOINED = 1 };

int main(int argc, char **argv)
{
	int parent = pvm_parent(), tids[2];
	if (parent > 0) {
		pvm_joingroup("one");
		pvm_initsend(PvmDataDefault);
		pvm_send(parent, JOINED);
		pvm_barrier("one", 3);
		for (;;)
			pause();
	}
	pvm_joingroup("one");
	for (int i = 0; i < 2; i++) { /* one by one: their instances */
		pvm_spawn(argv[0], NULL, PvmTaskDefault, "", 1, &tids[i]);
		pvm_recv(tids[i], JOINED);
	}
	pvm_joingroup("two");
	for (int i = 1; i < argc; i++)
		if (system(argv[i]))
			puts("it failed");
	pvm_kill(tids[0]);
	pvm_kill(tids[1]);
	pvm_exit();
	return 0;
}
