/* hoster.c - a hoster, and who adds hosts by it; for hoster.sh, and for record.sh with the original.
 *
 * hoster PROGRAM FILE: spawns PROGRAM's copy as hoster, which runs the command for "first" here and says of others why
 * it can't; FILE gets what it is asked. Prints what happens, alike in every run. */
#include <pvm3.h>
#include <pvmproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ints.h"

enum { READY = 7, END = 8, ADDED = 9, HOSTS_MAX = 8 };

/* --- the hoster ----------------------------------------------------------------------------------- */

/* The line with which the command answers; the error when it does not. What it starts stays. */
static void start(const char *command, char *line, int size)
{
	const char *folder = getenv("HOSTER_TMP");
	strcpy(line, "PvmCantStart");
	if (folder)
		setenv("PVM_TMP", folder, 1);
	FILE *in = popen(command, "r");
	if (in && fgets(line, size, in))
		line[strcspn(line, "\n")] = 0;
	if (in)
		pclose(in);
}

static void note(FILE *to, const char *options, const char *login)
{
	const char *host = strchr(login, '@');
	fprintf(to, "options \"%s\", host %s, %s\n", options, host ? host + 1 : login,
	        strncmp(login, "anna@", 5) ? "as oneself" : "as anna");
	fflush(to);
}

static void answer(const char *file)
{
	static char command[65536], options[256], login[256], line[4096];
	FILE *to = fopen(file, "a");
	struct pvmminfo asked, answered;
	int n, tids[HOSTS_MAX];
	char *results[HOSTS_MAX];
	pvm_getminfo(pvm_getrbuf(), &asked);
	pvm_upkint(&n, 1, 1);
	for (int i = 0; i < n; i++) {
		pvm_upkint(&tids[i], 1, 1);
		pvm_upkstr(options);
		pvm_upkstr(login);
		pvm_upkstr(command);
		pvm_upkstr(line); /* the same for another system, and the machine's name: the manual does not tell of them */
		pvm_upkstr(line);
		note(to, options, login);
		strcpy(line, strstr(login, "second") ? "PvmDSysErr" : "what is no line of a daemon");
		if (strstr(login, "first"))
			start(command, line, sizeof line);
		results[i] = strdup(line);
	}
	fclose(to);
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&n, 1, 1);
	for (int i = n; i-- > 0;) {
		pvm_pkint(&tids[i], 1, 1);
		pvm_pkstr(results[i]);
	}
	pvm_getminfo(pvm_getsbuf(), &answered);
	answered.wid = asked.wid;
	pvm_setminfo(pvm_getsbuf(), &answered);
	pvm_send((int)0x80000000, SM_STHOSTACK);
}

static int be_hoster(const char *file)
{
	struct timeval soon = {0, 50000};
	int parent = pvm_parent();
	pvm_setopt(PvmResvTids, 1);
	send_int(parent, READY, pvm_reg_hoster());
	while (pvm_nrecv(parent, END) <= 0)
		if (pvm_trecv(-1, SM_STHOST, &soon) > 0)
			answer(file);
	send_int(parent, READY, pvm_reg_hoster()); /* no longer */
	pvm_exit();
	return 0;
}

/* --- who adds ------------------------------------------------------------------------------------- */

static void add(const char *what, char **hosts, int n)
{
	int infos[HOSTS_MAX], done = pvm_addhosts(hosts, n, infos);
	printf("%s: %d of %d:", what, done, n);
	for (int i = 0; i < n; i++)
		printf(" %d", infos[i] > 0 ? 1 : infos[i]);
	puts("");
}

int main(int argc, char **argv)
{
	char *args[] = {"hoster", argc > 2 ? argv[2] : NULL, NULL}, *hosts[] = {"first", "second so=pw lo=anna", "third so=its-own"},
	     *other[] = {"third"};
	int hoster, task;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && !strcmp(argv[1], "hoster"))
		return be_hoster(argv[2]);
	if (argc > 1 && !strcmp(argv[1], "there")) {
		send_int(pvm_parent(), READY, pvm_tidtohost(pvm_mytid()));
		pvm_exit();
		return 0;
	}
	pvm_setopt(PvmAutoErr, 0);
	pvm_spawn(argv[1], args, PvmTaskDefault, "", 1, &hoster);
	printf("the hoster registers: %d\n", receive_int(hoster, READY));
	add("hosts", hosts, 3);
	args[0] = "there";
	printf("a task there: %d\n", pvm_spawn(argv[1], args, PvmTaskHost, "first", 1, &task));
	printf("is on another host: %d\n", receive_int(task, READY) != pvm_tidtohost(pvm_mytid()));
	add("again", hosts, 1);
	printf("goes: %d\n", pvm_delhosts(hosts, 1, &task));
	send_int(hoster, END, 0);
	printf("the hoster goes: %d\n", receive_int(hoster, READY));
	add("without it", other, 1);
	pvm_exit();
	return 0;
}
