/* moved.c - a task on another node has its output come here and prints numbers, slowly; for moved.sh, in which daemons die
 * meanwhile. Says "has N" after the first N, and whether each has come once and in order. */
#include <pvm3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FIRST = 60, MOVED, COUNT = 400, PAUSE_US = 5000, LIMIT_S = 30 };

static int print_numbers(void)
{
	pvm_setopt(PvmSelfOutputCode, MOVED);
	for (int i = 0; i < COUNT; i++) {
		printf("%d\n", i);
		fflush(stdout);
		usleep(PAUSE_US);
	}
	pvm_exit();
	return 0;
}

int main(int argc, char **argv)
{
	char *args[] = {(char *)"prints", NULL}, text[65536], line[32], wanted[32];
	struct timeval limit = {LIMIT_S, 0};
	int tid, who, n = -1, wrong = 0, next = 0, begun = 0;
	size_t at = 0;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "prints"))
		return print_numbers();
	pvm_setopt(PvmOutputTid, pvm_mytid());
	pvm_setopt(PvmOutputCode, FIRST);
	if (argc < 2 || pvm_spawn(argv[0], args, PvmTaskHost, argv[1], 1, &tid) != 1)
		return 2;
	while (n != 0 && pvm_trecv(-1, MOVED, &limit) > 0) {
		pvm_upkint(&who, 1, 1);
		pvm_upkint(&n, 1, 1);
		begun += n < 0;
		if (n > 0)
			pvm_upkbyte(text, n, 1);
		for (int i = 0; i < n; i++) {
			if (at < sizeof line - 1)
				line[at++] = text[i];
			if (text[i] != '\n')
				continue;
			line[at - 1] = '\0';
			at = 0;
			snprintf(wanted, sizeof wanted, "%d", next);
			wrong += strcmp(line, wanted) != 0;
			if (++next == 50)
				printf("has %d\n", next);
		}
	}
	printf("%d numbers, %d wrong, begun %d, ended %d\n", next, wrong, begun, n == 0);
	pvm_exit();
	return 0;
}
