/* A PVM program about the mailbox: what Debian's PVM 3.4.6 returns. Started by `weft run`, it spawns itself
 * and prints TAP. */
#include <pvm3.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

enum { GO = 1, CODES = 2, FOUND = 3, END = 4, GONE = 9 };

static int put(const char *name, int value, int flags)
{
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&value, 1, 1);
	return pvm_putinfo((char *)name, pvm_getsbuf(), flags);
}

/* The value, or an error. */
static int get(const char *name, int index, int flags)
{
	int value = -99, id = pvm_recvinfo((char *)name, index, flags);
	if (id < 0)
		return id;
	if (id != pvm_getrbuf())
		return -98;
	pvm_upkint(&value, 1, 1);
	return value;
}

/* "name: index owner flags, ...", owner 1: oneself, 0: nobody, 2: another. */
static const char *listed(const char *name)
{
	static char text[512];
	struct pvmmboxinfo *c;
	int n;
	text[0] = '\0';
	if (pvm_getmboxinfo((char *)name, &n, &c) || n != 1)
		return n ? "many" : "none";
	for (int i = 0; i < c->mi_nentries; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%d %d %d", i ? ", " : "", c->mi_indices[i],
		         c->mi_owners[i] == pvm_mytid() ? 1 : c->mi_owners[i] ? 2 : 0, c->mi_flags[i]);
	return text;
}

static void is_listed(const char *expected, const char *name)
{
	const char *got = listed(name);
	check(strcmp(got, expected) == 0, expected);
	if (strcmp(got, expected))
		printf("# %s: %s\n", name, got);
}

static int classes(const char *pattern)
{
	int n = -1;
	pvm_getmboxinfo((char *)pattern, &n, NULL);
	return n;
}

static void check_own(void)
{
	equal(0, put("one", 1, 0), "the first index is 0");
	equal(0, put("one", 2, 0), "an owner may overwrite");
	equal(2, get("one", 0, 0), "and gets what it has put");
	equal(PvmNotFound, get("one", 1, 0), "another index is not there");
	equal(2, get("one", 0, PvmMboxFirstAvail), "the first is");
	equal(PvmNotFound, get("one", 1, PvmMboxFirstAvail), "from 1 on there is none");
	equal(PvmOk, pvm_delinfo((char *)"one", 0, 0), "it is deleted");
	equal(PvmNotFound, pvm_delinfo((char *)"one", 0, 0), "once");
	for (int i = 0; i < 3; i++)
		equal(i, put("multi", i + 1, PvmMboxMultiInstance), "several get an index each");
	equal(0, put("multi", 4, PvmMboxOverWritable), "one without that flag overwrites the first");
	is_listed("0 1 4, 1 1 2, 2 1 2", "multi");
	equal(1, pvm_delinfo((char *)"multi", 1, 0), "pvm_delinfo returns the index");
	equal(1, put("multi", 5, PvmMboxMultiInstance), "which is free again");
	equal(4, get("multi", 0, PvmMboxFirstAvail | PvmMboxReadAndDelete), "one is taken");
	is_listed("1 1 2, 2 1 2", "multi");
	equal(5, put("at", 1, PvmMboxMultiInstance | PvmMboxOverWritable | PvmMboxDirectIndex(5)), "an index wanted");
	equal(6, put("at", 1, PvmMboxMultiInstance | PvmMboxDirectIndex(5)), "is the least one among several");
	equal(5, put("at", 1, PvmMboxOverWritable | PvmMboxDirectIndex(5)), "and the one when there is one alone");
	is_listed("5 1 5124, 6 1 5122", "at");
	pvm_delinfo((char *)"at", 5, 0);
	pvm_delinfo((char *)"at", 6, 0);
	equal(1, classes("m*i"), "a star in a pattern is anything");
	equal(1, classes("ul"), "a pattern may be anywhere in the name");
	equal(0, classes("m.*"), "and a point is a point");
	equal(1, classes("*"), "all that is there");
	equal(1, classes(NULL), "the same");
}

static void check_bad(void)
{
	pvm_initsend(PvmDataDefault);
	equal(PvmBadParam, pvm_putinfo(NULL, pvm_getsbuf(), 0), "a mailbox needs a name");
	equal(PvmBadParam, pvm_putinfo((char *)"", pvm_getsbuf(), 0), "that is not empty");
	equal(PvmNoSuchBuf, pvm_putinfo((char *)"bad", 9999, 0), "and a buffer that is there");
	equal(PvmBadParam, pvm_putinfo((char *)"bad", 0, 0), "none is a bad parameter");
	equal(PvmBadParam, get("multi", -1, 0), "so is a negative index");
	equal(PvmBadParam, pvm_recvinfo(NULL, 0, 0), "and no name, to get");
	equal(PvmBadParam, pvm_delinfo(NULL, 0, 0), "or to delete");
	static char big[(16 << 20) + 1], name[300];
	pvm_initsend(PvmDataRaw);
	pvm_pkbyte(big, sizeof big, 1);
	equal(PvmOverflow, pvm_putinfo((char *)"bad", pvm_getsbuf(), 0), "a message can be too long for it");
	memset(name, 'n', sizeof name - 1);
	equal(PvmOverflow, put(name, 1, 0), "a name, too");
}

static void check_numbers(void)
{
	int v = -1;
	char *ins = (char *)"ins";
	equal(0, pvm_insert(ins, -1, 7), "pvm_insert finds an index");
	equal(1, pvm_insert(ins, -1, 8), "and the next");
	equal(3, pvm_insert(ins, 3, 9), "or takes the one that is wanted");
	equal(PvmDupEntry, pvm_insert(ins, 3, 9), "once");
	is_listed("0 1 3, 1 1 3, 3 1 3", "ins");
	equal(0, pvm_lookup(ins, -1, &v), "pvm_lookup finds the first");
	equal(7, v, "with its number");
	equal(3, pvm_lookup(ins, 3, &v), "or the one that is wanted");
	equal(9, v, "with its");
	equal(PvmNotFound, pvm_lookup(ins, 2, &v), "or none");
	equal(PvmOk, pvm_delete(ins, 0), "pvm_delete");
	equal(PvmBadParam, pvm_delete(ins, -1), "needs an index");
	equal(PvmBadParam, pvm_insert(ins, -5, 1), "a negative one is a bad parameter");
	pvm_delete(ins, 1);
	pvm_delete(ins, 3);
}

/* What the child does to what its parent put. */
static int child(void)
{
	int codes[8], n = 0, value;
	pvm_setopt(PvmAutoErr, 0);
	pvm_recv(pvm_parent(), GO);
	codes[n++] = put("locked", 5, 0);
	codes[n++] = put("open", 5, PvmMboxOverWritable);
	codes[n++] = pvm_delinfo((char *)"locked", 0, 0);
	codes[n++] = get("locked", 0, PvmMboxReadAndDelete);
	codes[n++] = get("locked", 0, 0);
	codes[n++] = put("stays", 8, PvmMboxPersistent);
	codes[n++] = put("goes", 9, 0);
	codes[n++] = pvm_setopt(PvmNoReset, 1);
	pvm_initsend(PvmDataDefault);
	pvm_pkint(codes, n, 1);
	pvm_send(pvm_parent(), CODES);
	value = get("later", 0, PvmMboxWaitForInfo);
	pvm_initsend(PvmDataDefault);
	pvm_pkint(&value, 1, 1);
	pvm_send(pvm_parent(), FOUND);
	pvm_recv(pvm_parent(), END);
	pvm_exit();
	return 0;
}

static void check_others(char *self)
{
	static const int expected[8] = {PvmDenied, 0, PvmDenied, PvmDenied, 1, 0, 0, 0};
	char *argv[] = {(char *)"child", NULL};
	int tid, codes[8] = {0}, value = 0, n, *spared;
	put("locked", 1, 0);
	put("open", 1, PvmMboxOverWritable);
	equal(1, pvm_spawn(self, argv, 0, NULL, 1, &tid), "another task");
	pvm_initsend(PvmDataDefault);
	pvm_send(tid, GO);
	pvm_recv(tid, CODES);
	pvm_upkint(codes, 8, 1);
	for (int i = 0; i < 8; i++)
		equal(expected[i], codes[i], "may do what it may, and no more");
	is_listed("0 2 4", "open");
	equal(PvmOk, pvm_getnoresets(&spared, &n), "who is spared by a reset");
	check(n == 1 && spared[0] == tid, "is known");
	put("later", 42, 0);
	pvm_recv(tid, FOUND);
	pvm_upkint(&value, 1, 1);
	equal(42, value, "what is waited for comes");
	pvm_notify(PvmTaskExit, GONE, 1, &tid);
	pvm_initsend(PvmDataDefault);
	pvm_send(tid, END);
	pvm_recv(-1, GONE);
	is_listed("none", "open");
	is_listed("none", "goes");
	is_listed("0 0 1", "stays");
	equal(PvmDenied, put("stays", 1, 0), "what has no owner nobody may change");
	equal(PvmDenied, pvm_delinfo((char *)"stays", 0, 0), "or delete");
	equal(PvmOk, pvm_getnoresets(&spared, &n), "after its end");
	equal(0, n, "nobody is spared");
}

int main(int argc, char **argv)
{
	if (pvm_mytid() < 0)
		return 2;
	if (argc > 1)
		return child();
	pvm_setopt(PvmAutoErr, 0);
	check_own();
	check_bad();
	check_numbers();
	check_others(argv[0]);
	pvm_exit();
	is_listed("0 0 1", "stays");
	is_listed("none", "multi");
	pvm_exit();
	printf("1..%d\n", ntests);
	return nfailed != 0;
}
