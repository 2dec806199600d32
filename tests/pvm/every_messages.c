/* Messages, the machine, spawning, notices: see every.c. */
#include "every.h"

/* --- messages ------------------------------------------------------------------------------------- */

static void to_oneself(void)
{
	struct timeval second = {1, 0}, now = {0, 0};
	int me = pvm_mytid(), b, bytes, tag, from;
	send_int(me, 1, 10);
	send_int(me, 2, 20);
	send_int(me, 1, 11);
	ID(b = pvm_recv(me, 2));
	R(next_int());
	R(pvm_bufinfo(b, &bytes, &tag, &from));
	R(bytes);
	R(tag);
	ID(from);
	ID(pvm_recv(-1, 1));
	R(next_int());
	ID(pvm_recv(-1, -1));
	R(next_int());
	R(pvm_nrecv(-1, -1));
	R(pvm_getrbuf());
	R(pvm_nrecv(me, 1));
	R(pvm_probe(-1, -1));
	R(pvm_getrbuf());
	send_int(me, 3, 30);
	ID(pvm_trecv(me, 3, &second));
	ID(pvm_getrbuf());
	R(next_int());
	R(pvm_trecv(me, 4, &now));
	R(pvm_getrbuf());
	ID(pvm_getsbuf());
	send_int(me, 3, 31);
	send_int(me, 4, 32);
	ID(pvm_recv(me, 4));
	ID(pvm_probe(me, 3));
	ID(pvm_probe(me, 3));
	R(pvm_probe(me, 4));
	R(pvm_probe(me, 3) == pvm_getrbuf());
	R(next_int());
	ID(pvm_nrecv(me, 3));
	R(next_int());
}

static void bad_messages(void)
{
	int v = 1;
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&v, 1, 1);
	R(pvm_send(0, TAG));
	R(pvm_send(-1, TAG));
	R(pvm_send(-5, TAG));
	R(pvm_send(99, TAG));
	R(pvm_send(dead_tid(), TAG));
	R(pvm_send(0x40000001, TAG));
	R(pvm_send(0x7fffffff, TAG));
	R(pvm_send(pvm_mytid(), -1));
	R(pvm_send(pvm_mytid(), -2));
	R(pvm_send(pvm_mytid(), 0x7fffffff));
	R(pvm_nrecv(-2, -1));
	R(pvm_nrecv(0, -1));
	R(pvm_nrecv(99, -1));
	R(pvm_nrecv(-1, -2));
	R(pvm_nrecv(0x40000001, -1));
	R(pvm_probe(-2, -1));
	R(pvm_probe(-1, -5));
	R(pvm_probe(0, 0));
}

static void timed(void)
{
	struct timeval now = {0, 0}, soon = {0, 20000}, bad = {-1, 0}, worse = {0, -1}, odd = {0, 5000000};
	R(pvm_trecv(-1, -1, &now));
	R(pvm_trecv(-1, -1, &soon));
	R(pvm_trecv(-1, -1, &bad));
	R(pvm_trecv(-1, -1, &worse));
	R(pvm_trecv(-2, -1, &now));
	send_int(pvm_mytid(), 1, 5);
	ID(pvm_trecv(-1, 1, &soon));
	R(next_int());
	send_int(pvm_mytid(), 1, 6);
	ID(pvm_trecv(-1, 1, NULL));
	R(next_int());
	send_int(pvm_mytid(), 1, 7);
	ID(pvm_trecv(-1, 1, &odd));
	R(next_int());
}

static void packed_at_once(void)
{
	int v[3] = {1, 2, 3}, w[3] = {0}, from = 0, tag = 0, n = 0, me = pvm_mytid();
	char text[8] = "";
	R(pvm_psend(me, 4, v, 3, PVM_INT));
	R(pvm_precv(me, 4, w, 3, PVM_INT, &from, &tag, &n));
	printf("%d %d %d tag %d length %d\n", w[0], w[1], w[2], tag, n);
	ID(from);
	R(pvm_psend(me, 4, v, 3, PVM_INT));
	w[2] = -1;
	R(pvm_precv(-1, -1, w, 2, PVM_INT, &from, &tag, &n));
	printf("%d %d %d length %d\n", w[0], w[1], w[2], n);
	R(pvm_psend(me, 4, v, 1, PVM_INT));
	R(pvm_precv(-1, -1, w, 3, PVM_INT, NULL, NULL, &n));
	R(n);
	R(pvm_psend(me, 4, "text", 5, PVM_STR));
	R(pvm_precv(-1, -1, text, 8, PVM_STR, NULL, NULL, NULL));
	R(pvm_psend(me, 4, "text", 5, PVM_BYTE));
	R(pvm_precv(-1, -1, text, 8, PVM_BYTE, NULL, NULL, NULL));
	TEXT(text);
	R(pvm_psend(me, 4, v, 3, 99));
	R(pvm_psend(me, 4, v, 3, -1));
	R(pvm_psend(me, 4, v, -1, PVM_INT));
	R(pvm_psend(0, 4, v, 1, PVM_INT));
	R(pvm_psend(99, 4, v, 1, PVM_INT));
	R(pvm_psend(me, -4, v, 1, PVM_INT));
	R(pvm_psend(me, 9, v, 0, PVM_INT));
	R(pvm_precv(me, 9, w, 0, PVM_INT, NULL, NULL, &n));
	R(n);
	R(pvm_psend(me, 9, v, 1, PVM_INT));
	R(pvm_precv(me, 9, w, 1, 99, NULL, NULL, NULL));
}


static void cast(void)
{
	char text[32] = "";
	int dead[2];
	if (start_tasks(2) != 2)
		return;
	pvm_initsend(PvmDataDefault);
	pvm_pkstr("answer");
	R(pvm_mcast(tids, 2, TAG));
	for (int i = 0; i < 2; i++) {
		ID(pvm_recv(tids[i], TAG + 1));
		R(pvm_upkstr(text));
		TEXT(text);
	}
	R(pvm_mcast(tids, 0, TAG));
	R(pvm_mcast(tids, -1, TAG));
	R(pvm_mcast(tids, 2, -TAG));
	dead[0] = dead_tid();
	dead[1] = tids[0];
	R(pvm_mcast(dead, 2, TAG));
	ID(pvm_recv(tids[0], TAG + 1));
	dead[0] = -1;
	R(pvm_mcast(dead, 2, TAG));
	dead[0] = pvm_mytid();
	R(pvm_mcast(dead, 1, TAG + 9));
	R(pvm_nrecv(-1, TAG + 9) > 0);
	end_tasks();
}

static int pick(int bufid, int tid, int tag)
{
	int found;
	pvm_bufinfo(bufid, NULL, &found, NULL);
	return found == 2;
}

static void own_match(void)
{
	int (*old)(int, int, int);
	send_int(pvm_mytid(), 1, 10);
	send_int(pvm_mytid(), 2, 20);
	old = pvm_recvf(pick);
	R(old != NULL);
	ID(pvm_recv(-1, 1));
	R(next_int());
	R(pvm_recvf(old) == pick);
	ID(pvm_recv(-1, -1));
	R(next_int());
}

static int nhandled, handled_value;

static int handler(int bufid)
{
	nhandled++;
	handled_value = next_int();
	return 0;
}

static void handlers(void)
{
	int id, other;
	R((id = pvm_addmhf(-1, 5, -1, handler)) >= 0);
	R((other = pvm_addmhf(pvm_mytid(), 6, 0, handler)) > id);
	R(pvm_addmhf(-1, 5, -1, handler));
	R(pvm_addmhf(-1, 15, -1, NULL) >= 0);
	R(pvm_addmhf(-2, 16, -1, handler) >= 0);
	R(pvm_addmhf(-1, -2, -1, handler) >= 0);
	R(pvm_addmhf(-1, 17, -2, handler) >= 0);
	send_int(pvm_mytid(), 5, 50);
	send_int(pvm_mytid(), 7, 70);
	ID(pvm_recv(-1, 7));
	R(nhandled);
	R(handled_value);
	R(pvm_delmhf(id));
	R(pvm_delmhf(id));
	R(pvm_delmhf(-1));
	R(pvm_delmhf(9999));
	send_int(pvm_mytid(), 5, 51);
	ID(pvm_recv(-1, 5));
	R(next_int());
	R(nhandled);
}

static void contexts(void)
{
	struct timeval second = {1, 0};
	int c, d;
	R(pvm_getcontext());
	ID(c = pvm_newcontext());
	ID(d = pvm_newcontext());
	R(c != d);
	R(pvm_setcontext(c));
	R(pvm_getcontext() == c);
	send_int(pvm_mytid(), 1, 10);
	R(pvm_setcontext(0) == c);
	R(pvm_nrecv(-1, -1));
	R(pvm_setcontext(c));
	ID(pvm_trecv(-1, -1, &second));
	R(next_int());
	R(pvm_freecontext(d));
	R(pvm_freecontext(d));
	R(pvm_freecontext(c));
	R(pvm_freecontext(-1));
	R(pvm_setcontext(-1) >= 0);
}

/* --- the machine ---------------------------------------------------------------------------------- */

static void task_flags(void)
{
	struct pvmtaskinfo *tasks = NULL;
	int n = 0;
	if (start_tasks(1) != 1)
		return;
	order(tids[0], "answer");
	MUST(reply_int(tids[0])); /* it is connected */
	R(pvm_tasks(tids[0], &n, &tasks));
	R(n == 1 ? tasks[0].ti_flag : -1);
	R(n == 1 && tasks[0].ti_ptid == pvm_mytid());
	end_tasks();
}

static void configuration(void)
{
	struct pvmhostinfo *hosts = NULL;
	int nhosts = -1, narch = -1;
	R(pvm_config(&nhosts, &narch, &hosts));
	R(nhosts);
	R(narch);
	R(hosts != NULL);
	R(hosts && hosts[0].hi_tid == pvm_tidtohost(pvm_mytid()));
	TEXT(hosts ? hosts[0].hi_arch : "");
	R(hosts ? hosts[0].hi_speed : 0);
	R(pvm_mstat(hosts ? hosts[0].hi_name : ""));
	R(pvm_config(NULL, NULL, NULL));
	R(pvm_mstat("no.such.host"));
	R(pvm_mstat(""));
	R(pvm_tidtohost(pvm_mytid()) > 0);
	R(pvm_tidtohost(0));
	R(pvm_tidtohost(99));
}

static void tasks_list(void)
{
	struct pvmtaskinfo *tasks = NULL;
	int n = -1, seen = 0;
	R(pvm_tasks(pvm_mytid(), &n, &tasks));
	R(n);
	ID(tasks ? tasks[0].ti_tid : 0);
	R(tasks && tasks[0].ti_pid == getpid());
	R(tasks && tasks[0].ti_host == pvm_tidtohost(pvm_mytid()));
	R(tasks ? tasks[0].ti_ptid : -1);
	R(tasks ? tasks[0].ti_flag : -1);
	TEXT(tasks ? tasks[0].ti_a_out : NULL);
	R(pvm_tasks(0, &n, &tasks));
	for (int i = 0; i < n; i++)
		seen += tasks[i].ti_tid == pvm_mytid();
	R(seen);
	R(pvm_tasks(pvm_tidtohost(pvm_mytid()), &n, &tasks));
	R(n >= 1);
	R(pvm_tasks(99, &n, &tasks));
	R(pvm_tasks(-1, &n, &tasks));
	R(pvm_tasks(dead_tid(), &n, &tasks));
	R(pvm_tasks(0x7fc0000, &n, &tasks));
	R(pvm_tasks(0, NULL, NULL));
}

static void statuses(void)
{
	R(pvm_pstat(pvm_mytid()));
	R(pvm_pstat(0));
	R(pvm_pstat(-1));
	R(pvm_pstat(99));
	R(pvm_pstat(dead_tid()));
	R(pvm_pstat(0x40000001));
	R(pvm_pstat(0x7fffffff));
	R(pvm_kill(0));
	R(pvm_kill(-1));
	R(pvm_kill(5));
	R(pvm_kill(dead_tid()));
	R(pvm_sendsig(0, SIGCONT));
	R(pvm_sendsig(-1, SIGCONT));
	R(pvm_sendsig(5, SIGCONT));
	R(pvm_sendsig(dead_tid(), SIGCONT));
	R(pvm_sendsig(pvm_mytid(), SIGCONT));
	R(pvm_sendsig(pvm_mytid(), 9999));
	R(pvm_sendsig(pvm_mytid(), -1));
	R(pvm_kill(pvm_tidtohost(pvm_mytid())));
}

static void hosts(void)
{
	char *none[] = {"no.such.host.invalid"}, *bad[] = {""};
	int infos[2] = {99, 99};
	R(pvm_delhosts(none, 1, infos));
	R(infos[0]);
	R(pvm_addhosts(none, 0, infos));
	R(pvm_addhosts(none, -1, infos));
	R(pvm_delhosts(none, 0, infos));
	R(pvm_delhosts(none, -1, infos));
	R(pvm_addhosts(bad, 1, infos));
}

static void clocks(void)
{
	struct timeval at = {0, 0}, ahead = {9, 9};
	R(pvm_hostsync(pvm_tidtohost(pvm_mytid()), &at, &ahead));
	R(at.tv_sec > 1000000000);
	R(ahead.tv_sec == 0 || ahead.tv_sec == -1);
	R(pvm_hostsync(0, &at, &ahead));
	R(pvm_hostsync(-1, &at, &ahead));
	R(pvm_hostsync(pvm_mytid(), &at, &ahead));
	R(pvm_hostsync(0x7fc0000, &at, &ahead));
	R(pvm_hostsync(pvm_tidtohost(pvm_mytid()), NULL, NULL));
}

/* --- spawning ------------------------------------------------------------------------------------- */

static void spawning(void)
{
	int got[4] = {1, 1, 1, 1};
	char *args[] = {"task", NULL};
	R(pvm_spawn("no-such-program", NULL, PvmTaskDefault, "", 2, got));
	printf("%d %d\n", got[0], got[1]);
	R(pvm_spawn("", NULL, PvmTaskDefault, "", 1, got));
	printf("%d\n", got[0]);
	R(pvm_spawn(program, args, PvmTaskDefault, "", 0, got));
	R(pvm_spawn(program, args, PvmTaskDefault, "", -1, got));
	R(pvm_spawn(program, args, PvmTaskHost, "no.such.host", 1, got));
	printf("%d\n", got[0]);
	R(pvm_spawn(program, args, PvmTaskHost, "", 1, got));
	R(pvm_spawn(program, args, PvmTaskArch, "NOSUCH", 1, got));
	printf("%d\n", got[0]);
	R(pvm_spawn(program, args, PvmTaskHost, NULL, 1, got));
	ntids = 1;
	R(pvm_spawn(program, args, PvmTaskArch, "LINUX64", 1, tids));
	end_tasks();
	ntids = 1;
	R(pvm_spawn(program, args, PvmTaskHost, ".", 1, tids));
	end_tasks();
	R(pvm_spawn(program, args, PvmTaskHost | PvmHostCompl, ".", 1, got));
	printf("%d\n", got[0]);
}

static void spawned(void)
{
	struct pvmtaskinfo *tasks = NULL;
	int n = -1;
	R(start_tasks(3));
	R(tids[0] != tids[1] && tids[1] != tids[2]);
	R(pvm_pstat(tids[0]));
	R(pvm_tasks(tids[1], &n, &tasks));
	R(n);
	ID(tasks ? tasks[0].ti_ptid : 0);
	R(pvm_sendsig(tids[0], 0));
	R(pvm_notify(PvmTaskExit, 55, 3, tids));
	R(pvm_kill(tids[2]));
	ID(pvm_recv(-1, 55));
	ID(next_int());
	end_tasks();
	ID(pvm_recv(-1, 55));
	ID(pvm_recv(-1, 55));
	R(pvm_nrecv(-1, 55));
}

static void notifying(void)
{
	struct timeval second = {1, 0};
	int one[1] = {dead_tid()}, self[1], b, from, tag, bytes;
	self[0] = pvm_mytid();
	R(pvm_notify(PvmTaskExit, 55, 1, one));
	ID(b = pvm_trecv(-1, 55, &second));
	if (b > 0) {
		R(pvm_bufinfo(b, &bytes, &tag, &from));
		R(bytes);
		R(tag);
		printf("from %x\n", (unsigned)from);
		R(next_int() == dead_tid());
	}
	R(pvm_notify(PvmTaskExit, 55, 0, one));
	R(pvm_notify(PvmTaskExit, 55, -1, one));
	one[0] = 5;
	R(pvm_notify(PvmTaskExit, 56, 1, one));
	R(pvm_trecv(-1, 56, &second) > 0);
	one[0] = -1;
	R(pvm_notify(PvmTaskExit, 57, 1, one));
	one[0] = 0;
	R(pvm_notify(PvmTaskExit, 57, 1, one));
	R(pvm_notify(0, 58, 1, self));
	R(pvm_notify(99, 58, 1, self));
	R(pvm_notify(PvmTaskExit, -1, 1, self));
	R(pvm_notify(PvmHostAdd, 59, 1, NULL));
	R(pvm_notify(PvmHostAdd | PvmNotifyCancel, 59, 0, NULL));
	R(pvm_notify(PvmHostAdd, 59, -1, NULL));
	R(pvm_notify(PvmHostAdd, 59, 0, NULL));
	one[0] = pvm_tidtohost(pvm_mytid());
	R(pvm_notify(PvmHostDelete, 60, 1, one));
	R(pvm_notify(PvmHostDelete | PvmNotifyCancel, 60, 1, one));
	ID(pvm_trecv(-1, 60, &second));
	one[0] = 0x7fc0000;
	R(pvm_notify(PvmHostDelete, 61, 1, one));
	ID(pvm_trecv(-1, 61, &second));
}

const struct one_case message_cases[] = {
        {"to_oneself", to_oneself},
        {"bad_messages", bad_messages},
        {"timed", timed},
        {"packed_at_once", packed_at_once},
        {"cast", cast},
        {"own_match", own_match},
        {"handlers", handlers},
        {"contexts", contexts},
        {"configuration", configuration},
        {"task_flags", task_flags},
        {"tasks_list", tasks_list},
        {"statuses", statuses},
        {"hosts", hosts},
        {"clocks", clocks},
        {"spawning", spawning},
        {"spawned", spawned},
        {"notifying", notifying},
        {NULL, NULL},
};
