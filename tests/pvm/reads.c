/* A PVM program that reads what foreign.c sends. Its exit status says which part came out wrong. */
#include <pvm3.h>
#include <string.h>

int main(void)
{
	int i = 0;
	long l = 0;
	short h = 0;
	double d = 0;
	char text[8] = "";
	if (pvm_mytid() < 0 || pvm_recv(-1, 5) < 0)
		return 1;
	if (pvm_upkint(&i, 1, 1) || i != 0x01020304)
		return 2;
	if (pvm_upklong(&l, 1, 1) || l != (1L << 40 | 5))
		return 3;
	if (pvm_upkshort(&h, 1, 1) || h != -3)
		return 4;
	if (pvm_upkdouble(&d, 1, 1) || d != 2.5)
		return 5;
	if (pvm_upkstr(text) || strcmp(text, "hi") != 0)
		return 6;
	if (pvm_upkint(&i, 1, 1) != PvmNoData)
		return 7;
	pvm_exit();
	return 0;
}
