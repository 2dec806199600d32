/* hosts.c - pvm_addhosts of its arguments, then pvm_config; prints both. For hosts.sh. */
#include <stdio.h>
#include <pvm3.h>

int main(int argc, char **argv)
{
	struct pvmhostinfo *hosts;
	int infos[16], n = argc - 1, nhosts, narch;
	if (n < 1 || n > 16)
		return 2;
	printf("%d:", pvm_addhosts(argv + 1, n, infos));
	for (int i = 0; i < n; i++)
		printf(" %d", infos[i] > 0 ? 1 : infos[i]);
	puts("");
	pvm_config(&nhosts, &narch, &hosts);
	for (int i = 1; i < nhosts; i++)
		printf("%s %d\n", hosts[i].hi_name, hosts[i].hi_speed);
	pvm_exit();
	return 0;
}
