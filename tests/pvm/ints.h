/* ints.h - for test programs of PVM: a message of one number. */
#include <pvm3.h>

static void send_int(int tid, int tag, int value)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&value, 1, 1);
	pvm_send(tid, tag);
}

static int receive_int(int tid, int tag)
{
	int value = -999;
	pvm_recv(tid, tag);
	pvm_upkint(&value, 1, 1);
	return value;
}
