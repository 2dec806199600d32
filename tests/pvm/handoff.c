/* handoff.c - a resource manager hands its office to another task; for manager.sh. PVM does the same: its daemon then asks the
 * other one. Spawns itself as both, and as one that asks; prints who is asked. */
#include <pvm3.h>
#include <pvmproto.h>
#include <stdio.h>
#include <string.h>

#include "ints.h"

enum { READY = 9, HAND_OVER = 50, END = 51, WHO = 52 };

/* Answers that there are no hosts, and tells which one it is. */
static void serve(int number)
{
	int tag, from, other, answer[] = {0, 1};
	while (pvm_bufinfo(pvm_recv(-1, -1), NULL, &tag, &from) == PvmOk && tag != END) {
		if (tag == SM_CONFIG) {
			pvm_initsend(PvmDataDefault);
			pvm_pkint(answer, 2, 1);
			pvm_send(from, SM_CONFIG);
			send_int(pvm_parent(), WHO, number);
		} else if (tag == HAND_OVER) {
			pvm_upkint(&other, 1, 1);
			send_int((int)0x80000000, SM_HANDOFF, other);
			send_int(pvm_parent(), READY, 0);
		}
	}
}

static void ask(char *self, char **argv)
{
	int tid, n = -1;
	pvm_spawn(self, argv, PvmTaskDefault, "", 1, &tid);
	n = receive_int(-1, WHO);
	printf("the %s one is asked\n", n == 1 ? "first" : "second");
	receive_int(tid, READY);
}

int main(int argc, char **argv)
{
	struct pvmhostinfo *hosts;
	char *args[][2] = {{"first", NULL}, {"second", NULL}, {"asks", NULL}};
	int first, second, n;
	setvbuf(stdout, NULL, _IOLBF, 0);
	pvm_setopt(PvmResvTids, 1);
	if (argc > 1 && !strcmp(argv[1], "asks")) {
		pvm_config(&n, NULL, &hosts);
		send_int(pvm_parent(), READY, n);
	} else if (argc > 1) {
		send_int(pvm_parent(), READY, strcmp(argv[1], "first") ? 0 : pvm_reg_rm(&hosts));
		serve(strcmp(argv[1], "first") ? 2 : 1);
	} else {
		pvm_spawn(argv[0], args[0], PvmTaskDefault, "", 1, &first);
		printf("registers: %d\n", receive_int(first, READY));
		pvm_spawn(argv[0], args[1], PvmTaskDefault, "", 1, &second);
		receive_int(second, READY);
		ask(argv[0], args[2]);
		send_int(first, HAND_OVER, second);
		receive_int(first, READY);
		ask(argv[0], args[2]);
		send_int(first, END, 0);
		send_int(second, END, 0);
	}
	pvm_exit();
	return 0;
}
