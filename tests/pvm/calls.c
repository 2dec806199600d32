/* A PVM program, compiled against our pvm3.h: calls with right and wrong arguments, and what comes of
 * them. Started by `weft run`, it spawns itself ("child", "ends", "adds") and prints TAP. */
#include <pvm3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

enum { TAG = 7, GONE = 8, MANY = 3, BIG = 1 << 20 };

static int body_bytes(int bufid)
{
	int n = -1;
	pvm_bufinfo(bufid, &n, NULL, NULL);
	return n;
}

/* --- buffers and packing ------------------------------------------------------------------------ */

static void check_buffers(void)
{
	int b = pvm_mkbuf(PvmDataRaw);
	check(b > 0, "a buffer has a positive id");
	equal(PvmBadParam, pvm_mkbuf(77), "an unknown encoding is a bad parameter");
	equal(PvmOk, pvm_freebuf(b), "a buffer is freed");
	equal(PvmNoSuchBuf, pvm_freebuf(b), "once");
	equal(PvmBadParam, pvm_freebuf(-3), "a negative buffer is a bad parameter");
	int i = 1;
	pvm_setsbuf(0);
	equal(PvmNoBuf, pvm_pkint(&i, 1, 1), "nothing is packed without a buffer");
	equal(PvmNoBuf, pvm_send(pvm_mytid(), TAG), "nothing is sent without a buffer");
	equal(0, pvm_setsbuf(0), "there was no current buffer");
	int s = pvm_initsend(PvmDataDefault);
	equal(s, pvm_getsbuf(), "pvm_initsend's buffer is the current one");
	equal(PvmBadParam, pvm_pkint(&i, -1, 1), "a negative count is a bad parameter");
	equal(PvmBadParam, pvm_pkint(NULL, 1, 1), "so is a null pointer");
	equal(PvmBadParam, pvm_pkstr(NULL), "and a null string");
	equal(PvmNoSuchBuf, pvm_setsbuf(9999), "a buffer that is not there can't be the current one");
}

/* To oneself and back. */
static int to_self(void)
{
	equal(PvmOk, pvm_send(pvm_mytid(), TAG), "a message to oneself is sent");
	return pvm_recv(pvm_mytid(), TAG);
}

static void check_packing(int encoding, const char *name)
{
	char c[10] = "bytes", c2[10], text[32];
	short h[4] = {-1, 2, -3, 4}, h2[4] = {0};
	long l = 1L << 40 | 5, l2 = 0;
	unsigned long ul = ~0UL, ul2 = 0;
	double d[3] = {1.5, -2.5, 1e300}, d2[3];
	float z[4] = {1, 2, 3, 4}, z2[4] = {0};
	printf("# encoding %s\n", name);
	pvm_initsend(encoding);
	pvm_pkbyte(c, 10, 1);
	pvm_pkshort(h, 2, 2);
	pvm_pklong(&l, 1, 1);
	pvm_pkulong(&ul, 1, 1);
	pvm_pkdouble(d, 3, 1);
	pvm_pkcplx(z, 2, 1);
	equal(PvmOk, pvm_pkstr((char *)"a string"), "a string is packed");
	int b = to_self();
	check(b > 0, "it arrives");
	if (encoding == PvmDataDefault)
		equal(12 + 8 + 8 + 8 + 24 + 16 + 4 + 12, body_bytes(b), "XDR has its own lengths");
	equal(PvmOk, pvm_upkbyte(c2, 10, 1), "bytes come out");
	check(memcmp(c, c2, 10) == 0, "as they went in");
	pvm_upkshort(h2, 2, 2);
	check(h2[0] == -1 && h2[1] == 0 && h2[2] == -3, "shorts by a stride");
	pvm_upklong(&l2, 1, 1);
	pvm_upkulong(&ul2, 1, 1);
	check(l == l2 && ul == ul2, "longs keep their 64 bits");
	pvm_upkdouble(d2, 3, 1);
	check(memcmp(d, d2, sizeof d) == 0, "doubles");
	pvm_upkcplx(z2, 2, 1);
	check(memcmp(z, z2, sizeof z) == 0, "complex numbers");
	equal(PvmOk, pvm_upkstr(text), "the string comes out");
	check(strcmp(text, "a string") == 0, "as it went in");
	equal(PvmNoData, pvm_upkint((int *)text, 1, 1), "past the end there is no data");
}

static void check_in_place(void)
{
	int a[4] = {1, 2, 3, 4}, b[2] = {0};
	pvm_initsend(PvmDataInPlace);
	pvm_pkint(a, 2, 2);
	equal(PvmNotImpl, pvm_pkstr((char *)"x"), "strings can't be left in place");
	a[2] = 30;
	to_self();
	pvm_upkint(b, 2, 1);
	check(b[0] == 1 && b[1] == 30, "what is left in place is read when it is sent");
}

static void check_formats(void)
{
	int n = 3, v[3] = {1, 2, 3}, w[3] = {0}, i = 0;
	double d = 0;
	char text[32] = "";
	equal(PvmOk, pvm_packf("%+ %d %*d %lf %s", PvmDataDefault, 42, n, v, 2.5, "text"), "pvm_packf");
	to_self();
	equal(PvmOk, pvm_unpackf("%d %*d %lf %s", &i, n, w, &d, text), "pvm_unpackf");
	check(i == 42 && w[2] == 3 && d == 2.5 && strcmp(text, "text") == 0, "with the same values");
	equal(PvmBadParam, pvm_packf("%q", 1), "an unknown format is a bad parameter");
}

/* --- messages ----------------------------------------------------------------------------------- */

static int pick_largest(int bufid, int tid, int tag)
{
	int found;
	(void)tid;
	(void)tag;
	pvm_bufinfo(bufid, NULL, &found, NULL);
	return found + 1;
}

static int handled;

static int handler(int bufid)
{
	(void)bufid;
	pvm_upkint(&handled, 1, 1);
	return 0;
}

static void send_int(int tid, int tag, int value)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&value, 1, 1);
	pvm_send(tid, tag);
}

static int received_int(void)
{
	int value = -1;
	pvm_upkint(&value, 1, 1);
	return value;
}

static void check_matching(void)
{
	int me = pvm_mytid(), tag, tid, len, raw[2] = {0};
	struct timeval soon = {0, 50000};
	equal(PvmBadParam, pvm_send(-1, TAG), "nobody is a bad parameter");
	equal(PvmBadParam, pvm_send(me, -2), "a reserved tag is a bad parameter");
	equal(PvmBadParam, pvm_recv(me, -2), "of a receive that would wait for ever, too");
	equal(0, pvm_nrecv(me, -2), "one that does not wait finds nothing");
	equal(0, pvm_probe(-5, 1), "as from nobody");
	struct timeval past = {-1, 0};
	equal(0, pvm_trecv(-1, -1, &past), "or until a time that is over");
	equal(0, pvm_nrecv(-1, -1), "nothing is there");
	equal(0, pvm_trecv(-1, -1, &soon), "nothing comes in time");
	pvm_setopt(PvmResvTids, 1);
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&raw[0], 1, 1);
	equal(PvmOk, pvm_send(me, -7), "a reserved tag may be allowed");
	equal(PvmOk, pvm_send(me, TAG), "the same message goes out with another one, too");
	equal(0, pvm_nrecv(me, -7 & 0x7fffffff), "it is not the tag without its sign");
	check(pvm_recv(me, -7) > 0, "and comes");
	pvm_bufinfo(pvm_getrbuf(), NULL, &tag, NULL);
	equal(-7, tag, "as it was sent");
	check(pvm_recv(-1, -1) > 0, "so does the other");
	pvm_bufinfo(pvm_getrbuf(), NULL, &tag, NULL);
	equal(TAG, tag, "as that was");
	equal(1, pvm_setopt(PvmResvTids, 0), "no longer");
	send_int(me, 1, 10);
	send_int(me, 2, 20);
	send_int(me, 3, 30);
	int b = pvm_probe(-1, 2);
	check(b > 0 && pvm_probe(-1, 9) == 0, "a probe finds what is there");
	equal(PvmOk, pvm_bufinfo(b, &len, &tag, &tid), "and says what it is");
	check(len == 4 && tag == 2 && tid == me, "length, tag and source");
	pvm_recv(-1, -1);
	equal(10, received_int(), "a probe leaves the order as it is");
	equal(b, pvm_recv(me, 2), "what was probed has the same buffer");
	pvm_recvf(pick_largest);
	send_int(me, 1, 11);
	pvm_recv(-1, -1);
	equal(30, received_int(), "a program's own match function decides");
	pvm_recvf(NULL);
	pvm_recv(-1, -1);
	equal(11, received_int(), "and no longer when it is taken away");
	int two[2] = {5, 6};
	equal(PvmOk, pvm_psend(me, TAG, two, 2, PVM_INT), "pvm_psend");
	equal(PvmOk, pvm_precv(-1, TAG, raw, 2, PVM_INT, &tid, &tag, &len), "pvm_precv");
	check(raw[1] == 6 && tid == me && tag == TAG && len == 8, "brings the same");
	int id = pvm_addmhf(-1, 99, -1, handler);
	equal(PvmExists, pvm_addmhf(-1, 99, -1, handler), "a handler is added once");
	send_int(me, 99, 77);
	equal(0, pvm_nrecv(-1, 99), "its message is not received");
	equal(77, handled, "but handled");
	equal(PvmOk, pvm_delmhf(id), "it is removed");
	equal(PvmNotFound, pvm_delmhf(id), "once");
}

static void check_contexts(void)
{
	int me = pvm_mytid(), before = pvm_getcontext(), fresh = pvm_newcontext();
	check(fresh > 0, "a new context");
	send_int(me, TAG, 1);
	equal(before, pvm_setcontext(fresh), "the old one is returned");
	equal(0, pvm_nrecv(-1, -1), "its messages are not seen in the new one");
	pvm_setcontext(before);
	check(pvm_nrecv(-1, -1) > 0, "but in the old one");
	equal(PvmOk, pvm_freecontext(fresh), "a context is freed");
	equal(PvmNotFound, pvm_freecontext(fresh), "once");
	equal(PvmBadParam, pvm_setcontext(-1), "a negative one is a bad parameter");
}

/* --- tasks -------------------------------------------------------------------------------------- */

static void check_spawn(char *self)
{
	char *child[] = {(char *)"child", NULL}, *ends[] = {(char *)"ends", NULL};
	int tids[MANY], sum = 0, n, tid, *list;
	struct pvmtaskinfo *tasks;
	equal(PvmBadParam, pvm_spawn(self, child, 0, NULL, 0, tids), "no tasks are a bad parameter");
	equal(0, pvm_spawn((char *)"no_such_program", NULL, 0, NULL, 2, tids), "a program that is not there");
	check(tids[0] == PvmNoFile && tids[1] == PvmNoFile, "each task's error is in its place");
	equal(0, pvm_spawn(self, child, PvmTaskHost, (char *)"nowhere", 1, tids), "a host that is not there");
	equal(PvmNoHost, tids[0], "is the error");
	equal(0, pvm_spawn(self, child, PvmTaskHost, NULL, 1, tids), "no host at all");
	equal(PvmNoHost, tids[0], "is the same error");
	equal(PvmNoHost, pvm_tasks(5, NULL, NULL), "tasks of no host");
	equal(MANY, pvm_spawn(self, child, 0, NULL, MANY, tids), "tasks are spawned");
	equal(PvmOk, pvm_notify(PvmTaskExit, GONE, MANY, tids), "their ends are asked for");
	for (int i = 0; i < MANY; i++)
		send_int(tids[i], TAG, i);
	for (int i = 0; i < MANY; i++) {
		pvm_recv(-1, TAG);
		sum += received_int();
	}
	equal(0 + 1 + 2 + 3 * 100, sum, "all answer, knowing their parent");
	equal(PvmOk, pvm_tasks(0, &n, &tasks), "pvm_tasks");
	check(n >= 1, "knows of them");
	for (int i = 0; i < MANY; i++) {
		pvm_recv(-1, GONE);
		tid = received_int();
		sum = tid == tids[0] || tid == tids[1] || tid == tids[2];
		check(sum, "each end is told");
	}
	equal(PvmOk, pvm_notify(PvmTaskExit, GONE, 1, tids), "of what is dead already, too");
	pvm_recv(-1, GONE);
	equal(tids[0], received_int(), "it is told at once");
	equal(PvmNoTask, pvm_pstat(tids[0]), "a dead task has no status");
	send_int(tids[0], TAG, 1);
	equal(PvmOk, pvm_kill(tids[0]), "killing it is no error");
	equal(1, pvm_spawn(self, ends, PvmTaskHost, (char *)".", 1, tids), "one here");
	equal(pvm_tidtohost(pvm_mytid()), pvm_tidtohost(tids[0]), "is on this host");
	pvm_notify(PvmTaskExit, GONE, 1, tids);
	pvm_notify(PvmTaskExit | PvmNotifyCancel, GONE, 1, tids);
	pvm_recv(-1, GONE);
	equal(tids[0], received_int(), "a notification that is taken back comes at once");
	pvm_notify(PvmTaskExit, GONE, 1, tids);
	equal(PvmOk, pvm_kill(tids[0]), "it is killed");
	pvm_recv(-1, GONE);
	equal(tids[0], received_int(), "and its end told");
	equal(1, pvm_siblings(&list), "alone in its job");
	check(list[0] == pvm_mytid(), "is oneself");
	equal(PvmNoParent, pvm_parent(), "the first task has no parent");
}

static void check_hosts(void)
{
	int nhost = 0, narch = 0;
	struct pvmhostinfo *hosts;
	equal(PvmOk, pvm_config(&nhost, &narch, &hosts), "pvm_config");
	const char *expected = getenv("NHOSTS");
	equal(expected ? atoi(expected) : 1, nhost, "has every host");
	equal(PvmOk, pvm_mstat(hosts[0].hi_name), "which is up");
	equal(PvmNoHost, pvm_mstat((char *)"nowhere"), "others are not");
	equal(PvmBadParam, pvm_pstat(hosts[0].hi_tid), "a host is no task");
	check(hosts[0].hi_tid > 0, "its tid is no error");
	equal(hosts[0].hi_tid, pvm_tidtohost(hosts[0].hi_tid), "and is its own host's");
	equal(0, pvm_tidtohost(0), "nothing has none");
	equal(-2, pvm_getopt(PvmPollType), "there is nothing to poll");
	equal(0, pvm_setopt(PvmAutoErr, 9), "any number will do for PvmAutoErr");
	equal(9, pvm_setopt(PvmAutoErr, 0), "and is kept");
	equal(PvmBadParam, pvm_setopt(PvmTraceOptions, 9), "there are three trace options");
	equal(PvmBadParam, pvm_setopt(PvmOutputTid, 5), "output goes to oneself or to nobody");
	equal(PvmAllowDirect, pvm_setopt(PvmRoute, PvmRouteDirect), "an option's old value is returned");
	equal(PvmRouteDirect, pvm_getopt(PvmRoute), "the new one is kept");
	equal(PvmBadParam, pvm_setopt(1234, 1), "an unknown option is a bad parameter");
}

/* Both sides send first, then receive: PVM's sends do not wait. */
static void exchange(int with)
{
	static double data[BIG], back[BIG];
	data[BIG - 1] = 1234;
	pvm_initsend(PvmDataRaw);
	pvm_pkdouble(data, BIG, 1);
	pvm_send(with, TAG);
	pvm_recv(with, TAG);
	pvm_upkdouble(back, BIG, 1);
	check(back[BIG - 1] == 1234, "two tasks send 8 MiB to each other, then receive");
}

static void check_groups(char *self)
{
	char *adds[] = {(char *)"adds", NULL};
	int tids[MANY], sums[2] = {1, 10}, all[MANY + 1], mine = 5;
	equal(PvmNullGroup, pvm_joingroup((char *)""), "a group needs a name");
	equal(PvmNoGroup, pvm_gsize((char *)"none"), "no such group");
	equal(PvmNoGroup, pvm_getinst((char *)"none", 1), "whoever is asked for");
	equal(0, pvm_joingroup((char *)"g"), "the first instance is 0");
	equal(PvmDupGroup, pvm_joingroup((char *)"g"), "joining twice is an error");
	equal(MANY, pvm_spawn(self, adds, 0, NULL, MANY, tids), "others are spawned");
	equal(PvmOk, pvm_barrier((char *)"g", MANY + 1), "a barrier of all");
	equal(MANY + 1, pvm_gsize((char *)"g"), "all are in");
	equal(pvm_mytid(), pvm_gettid((char *)"g", 0), "instance 0 is this task");
	equal(0, pvm_getinst((char *)"g", pvm_mytid()), "and the other way round");
	equal(PvmNoInst, pvm_gettid((char *)"g", 99), "no such instance");
	send_int(pvm_mytid(), 1, 0);
	pvm_recv(-1, 1);
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&mine, 1, 1);
	equal(PvmOk, pvm_bcast((char *)"g", 5), "a broadcast");
	equal(PvmOk, pvm_reduce(PvmSum, sums, 2, PVM_INT, 6, (char *)"g", 0), "a sum");
	check(sums[0] == 1 + 3 * 5 && sums[1] == 10 + 3 * 100, "of what all have");
	equal(PvmOk, pvm_gather(all, &mine, 1, PVM_INT, 9, (char *)"g", 0), "a gather");
	check(all[0] == 5 && all[1] == 1 && all[2] == 2 && all[3] == 3, "by instance");
	equal(PvmOk, pvm_scatter(&mine, all, 1, PVM_INT, 10, (char *)"g", 0), "a scatter");
	exchange(pvm_gettid((char *)"g", 1));
	equal(PvmOk, pvm_barrier((char *)"g", MANY + 1), "a last barrier");
	equal(PvmOk, pvm_lvgroup((char *)"g"), "the group is left");
	int rc = pvm_lvgroup((char *)"g");
	check(rc == PvmNotInGroup || rc == PvmNoGroup, "once");
}

/* --- what the spawned ones do ------------------------------------------------------------------- */

static int child(void)
{
	int value;
	pvm_recv(pvm_parent(), TAG);
	value = received_int() + 100;
	send_int(pvm_parent(), TAG, value);
	pvm_exit();
	return 0;
}

static int adds(void)
{
	int me, value = 0, sums[2], mine;
	me = pvm_joingroup((char *)"g");
	pvm_barrier((char *)"g", MANY + 1);
	pvm_recv(-1, 5);
	value = received_int();
	sums[0] = value;
	sums[1] = 100;
	pvm_reduce(PvmSum, sums, 2, PVM_INT, 6, (char *)"g", 0);
	pvm_gather(NULL, &me, 1, PVM_INT, 9, (char *)"g", 0);
	pvm_scatter(&mine, NULL, 1, PVM_INT, 10, (char *)"g", 0);
	if (mine != me)
		abort();
	if (me == 1) {
		ntests = 1 << 20; /* its checks are not counted, but must not fail */
		fclose(stdout);
		exchange(pvm_gettid((char *)"g", 0));
	}
	pvm_barrier((char *)"g", MANY + 1);
	pvm_exit();
	return nfailed;
}

int main(int argc, char **argv)
{
	int me = pvm_mytid();
	if (me < 0)
		return 2;
	if (argc > 1 && strcmp(argv[1], "child") == 0)
		return child();
	if (argc > 1 && strcmp(argv[1], "adds") == 0)
		return adds();
	if (argc > 1 && strcmp(argv[1], "ends") == 0)
		return pvm_recv(-1, 12345) < 0;
	pvm_setopt(PvmAutoErr, 0);
	check_buffers();
	check_packing(PvmDataDefault, "XDR");
	check_packing(PvmDataRaw, "raw");
	check_in_place();
	check_formats();
	check_matching();
	check_contexts();
	check_hosts();
	check_spawn(argv[0]);
	check_groups(argv[0]);
	equal(PvmOk, pvm_exit(), "pvm_exit");
	check(pvm_mytid() > 0 && pvm_mytid() != me, "after it the task enrols anew");
	pvm_exit();
	printf("1..%d\n", ntests);
	return nfailed != 0;
}
