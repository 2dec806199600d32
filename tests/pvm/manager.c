/* manager.c - a resource manager, and a task that asks it for hosts and tasks; for manager.sh, and for record.sh with the original.
 *
 * manager PROGRAM FILE: PROGRAM is this one. What the manager is asked goes into FILE, what the task gets to standard output.
 * manager hosts: asks for the hosts alone. */
#include <pvm3.h>
#include <pvmproto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY = 7, HELLO = 8, EXIT = 9, TEXTS_MAX = 256, ASKED_MAX = 16 };

/* --- the manager ---------------------------------------------------------------------------------- */

static FILE *asked;
static int host; /* the daemon of the only host */
static struct {
	int who, tag, tid;
} wanted[ASKED_MAX];
static int nwanted, nended, ended[ASKED_MAX];

static int upk_int(void)
{
	int value = -999;
	pvm_upkint(&value, 1, 1);
	return value;
}

static void pk_int(int value)
{
	pvm_pkint(&value, 1, 1);
}

static char *upk_text(void)
{
	static char text[65536];
	*text = 0;
	pvm_upkstr(text);
	return strdup(text);
}

static int upk_texts(char **texts)
{
	int n = upk_int();
	for (int i = 0; i < n && i < TEXTS_MAX; i++)
		texts[i] = upk_text();
	return n;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static void manage_spawn(int who)
{
	static char *args[TEXTS_MAX], *env[TEXTS_MAX];
	int targets[6], tids[16] = {0};
	char *file = upk_text();
	int flags = upk_int();
	char *where = upk_text();
	int count = upk_int(), nargs = upk_texts(args);
	pvm_upkint(targets, 6, 1);
	int nenv = upk_texts(env), has_context = 0;
	for (int i = 0; i < nenv; i++)
		has_context |= !strncmp(env[i], "PVMCTX=", 7);
	fprintf(asked, "spawn %s, flags %d, where \"%s\", count %d, %d arguments, context %s\n", last_part(file), flags, where, count,
	        nargs, has_context ? "told" : "not told");
	pvm_initsend(PvmDataDefault);
	pk_int(who);
	pvm_pkstr(file);
	pk_int(flags);
	pk_int(count);
	pk_int(nargs);
	for (int i = 0; i < nargs; i++)
		pvm_pkstr(args[i]);
	pvm_pkint(targets, 6, 1);
	pk_int(nenv);
	for (int i = 0; i < nenv; i++)
		pvm_pkstr(env[i]);
	pk_int(0); /* which of them comes first, and of how many */
	pk_int(count);
	pvm_send(host, SM_EXEC);
	pvm_recv(-1, SM_EXECACK);
	int n = upk_int();
	pvm_upkint(tids, n, 1);
	fprintf(asked, "the daemon has started %d, %s\n", n, tids[0] > 0 ? "all right" : "not all right");
	pvm_initsend(PvmDataDefault);
	pk_int(n);
	pvm_pkint(tids, n, 1);
	pvm_send(who, SM_SPAWN);
}

static void manage_config(int who)
{
	struct pvmhostinfo *hosts;
	int n, narch;
	fputs("config\n", asked);
	pvm_config(&n, &narch, &hosts);
	pvm_initsend(PvmDataDefault);
	pk_int(n + 1);
	pk_int(narch);
	for (int i = 0; i <= n; i++) {
		pk_int(i < n ? hosts[i].hi_tid : 0x700000);
		pvm_pkstr(i < n ? hosts[i].hi_name : "imagined");
		pvm_pkstr("LINUX64");
		pk_int(i < n ? 1000 : 77);
		pk_int(0x408c41);
	}
	pvm_send(who, SM_CONFIG);
}

static void manage_tasks(int who)
{
	fprintf(asked, "tasks of %d\n", upk_int());
	pvm_initsend(PvmDataDefault);
	pk_int(0);
	for (int i = 0; i < 7; i++) {
		pk_int(0x700001 + i);
		pk_int(0);
		pk_int(0x700000);
		pk_int(4);
		pvm_pkstr("imagined");
		pk_int(100 + i);
	}
	pvm_send(who, SM_TASK);
}

static void manage_hosts(int who, int tag)
{
	char *names[TEXTS_MAX];
	int n = upk_texts(names), infos[TEXTS_MAX];
	fprintf(asked, "%s %d, first %s\n", tag == SM_ADDHOST ? "add" : "delete", n, names[0]);
	if (tag == SM_ADDHOST) {
		pvm_initsend(PvmDataDefault);
		pk_int(n);
		for (int i = 0; i < n; i++)
			pvm_pkstr(names[i]);
		pvm_send(host, SM_ADD);
		pvm_recv(-1, SM_ADDACK);
		int count = upk_int();
		upk_int();
		for (int i = 0; i < count; i++) {
			infos[i] = upk_int();
			upk_text();
			upk_text();
			upk_int();
			upk_int();
		}
		fprintf(asked, "the daemon tells of %d, the first %s\n", count, infos[0] > 0 ? "is added" : "is not");
	} else {
		pvm_delhosts(names, n, infos);
	}
	pvm_initsend(PvmDataDefault);
	pk_int(n);
	if (tag == SM_ADDHOST)
		pk_int(1);
	for (int i = 0; i < n; i++) {
		pk_int(tag == SM_ADDHOST ? (infos[i] > 0 ? infos[i] : PvmCantStart) : infos[i]);
		if (tag == SM_ADDHOST) {
			pvm_pkstr("");
			pvm_pkstr("");
			pk_int(0);
			pk_int(0);
		}
	}
	pvm_send(who, tag);
}

static int has_ended(int tid)
{
	for (int i = 0; i < nended; i++)
		if (ended[i] == tid)
			return 1;
	return 0;
}

/* Whoever wants to know of a task that has ended is told. */
static void tell_of_ends(void)
{
	for (int i = 0; i < nwanted; i++)
		for (int k = 0; k < nended; k++)
			if (wanted[i].tid == ended[k]) {
				pvm_initsend(PvmDataDefault);
				pk_int(wanted[i].tid);
				pvm_send(wanted[i].who, wanted[i].tag);
				wanted[i].tid = 0;
			}
}

static void manage_notify(int who)
{
	int what = upk_int(), context = upk_int(), tag = upk_int(), n = upk_int();
	fprintf(asked, "notify %d of %d, in context %d\n", what, n, context);
	for (int i = 0; i < n && nwanted < ASKED_MAX; i++) {
		wanted[nwanted].who = who;
		wanted[nwanted].tag = tag;
		wanted[nwanted++].tid = upk_int();
	}
	tell_of_ends();
}

static void manage_end(void)
{
	int tid = upk_int();
	fprintf(asked, "a task has ended with status %#x\n", (unsigned)upk_int());
	if (nended < ASKED_MAX)
		ended[nended++] = tid;
	tell_of_ends();
}

/* A task has enrolled by itself: its own daemon tells so. */
static int manage_newcomer(int who)
{
	int n = upk_int(), tid = upk_int();
	fprintf(asked, "a task has come by itself: %d, %s, told by %s\n", n, tid > 0 ? "all right" : "not all right",
	        who < 0 ? "a daemon" : "a task");
	return tid;
}

static int be_manager(const char *file)
{
	struct pvmhostinfo *master;
	int tag, who, parent = pvm_parent(), newcomer = 0, is_over = 0;
	asked = fopen(file, "w");
	setvbuf(asked, NULL, _IOLBF, 0);
	pvm_setopt(PvmResvTids, 1);
	pvm_setopt(PvmAutoErr, 0);
	fprintf(asked, "registers: %d\n", pvm_reg_rm(&master));
	host = master->hi_tid | (int)0x80000000;
	pvm_initsend(PvmDataDefault);
	pvm_send(parent, READY);
	while (!is_over || !has_ended(newcomer)) {
		pvm_bufinfo(pvm_recv(-1, -1), NULL, &tag, &who);
		if (tag == SM_EXECACK)
			newcomer = manage_newcomer(who);
		else if (tag == SM_SPAWN)
			manage_spawn(who);
		else if (tag == SM_CONFIG)
			manage_config(who);
		else if (tag == SM_TASK)
			manage_tasks(who);
		else if (tag == SM_ADDHOST || tag == SM_DELHOST)
			manage_hosts(who, tag);
		else if (tag == SM_NOTIFY)
			manage_notify(who);
		else if (tag == SM_TASKX)
			manage_end();
		else if (tag == READY) /* that was all */
			is_over = 1;
	}
	pvm_exit();
	return 0;
}

/* --- who asks ------------------------------------------------------------------------------------- */

static int be_child(const char *text)
{
	int parent = pvm_parent();
	pvm_initsend(PvmDataDefault);
	pvm_pkstr((char *)text);
	pvm_send(parent, HELLO);
	pvm_exit();
	return 3;
}

static void ask_hosts(void)
{
	struct pvmhostinfo *hosts;
	int n = -1, narch = -1;
	printf("pvm_config: %d", pvm_config(&n, &narch, &hosts));
	printf(", %d hosts, the last %s of speed %d\n", n, hosts[n - 1].hi_name, hosts[n - 1].hi_speed);
}

static int use(const char *program, int manager)
{
	struct pvmtaskinfo *tasks;
	struct timeval limit = {10, 0};
	int n = -1, tids[2], infos[2];
	char *args[] = {"child", "some text", NULL}, *names[] = {"no.such.host.invalid", "nor.this.invalid"};
	pvm_setopt(PvmAutoErr, 0);
	ask_hosts();
	printf("pvm_tasks: %d", pvm_tasks(0, &n, &tasks));
	printf(", %d tasks, the last %s of process %d\n", n, tasks[n - 1].ti_a_out, tasks[n - 1].ti_pid);
	printf("pvm_spawn: %d\n", pvm_spawn((char *)program, args, PvmTaskDefault, "", 2, tids));
	for (int i = 0; i < 2; i++) {
		pvm_recv(tids[i], HELLO);
		printf("a task has \"%s\" and knows its parent\n", upk_text());
	}
	printf("pvm_spawn of nothing: %d", pvm_spawn("/no/such/program", NULL, PvmTaskDefault, "", 1, infos));
	printf(", %d\n", infos[0]);
	printf("pvm_addhosts: %d", pvm_addhosts(names, 2, infos));
	printf(", %d\n", infos[0]);
	printf("pvm_delhosts: %d", pvm_delhosts(names, 2, infos));
	printf(", %d\n", infos[0]);
	printf("pvm_spawn: %d\n", pvm_spawn("/bin/true", NULL, PvmTaskDefault, "", 1, tids));
	printf("pvm_notify: %d\n", pvm_notify(PvmTaskExit, EXIT, 1, tids));
	printf("its end: %d\n", pvm_trecv(-1, EXIT, &limit) > 0);
	pvm_initsend(PvmDataDefault);
	pvm_send(manager, READY);
	pvm_exit();
	return 0;
}

int main(int argc, char **argv)
{
	char number[20];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && !strcmp(argv[1], "manager"))
		return be_manager(argv[2]);
	if (argc > 2 && !strcmp(argv[1], "child"))
		return be_child(argv[2]);
	if (argc > 3 && !strcmp(argv[1], "use"))
		return use(argv[2], atoi(argv[3]));
	if (argc > 1 && !strcmp(argv[1], "hosts")) {
		ask_hosts();
		return pvm_exit();
	}
	int tid;
	char *args[] = {"manager", argv[2], NULL};
	printf("the manager: %d\n", pvm_spawn(argv[1], args, PvmTaskDefault, "", 1, &tid));
	pvm_recv(tid, READY);
	pvm_exit();
	snprintf(number, sizeof number, "%d", tid);
	execl(argv[1], argv[1], "use", argv[1], number, (char *)NULL); /* a task that begins now */
	return 1;
}
