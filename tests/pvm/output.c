/* A PVM program about the output of its children and about clocks, tickles and services. What it expects is what Debian's PVM
 * 3.4.6 does. Started by `weft run`, it spawns itself ("says", "quiet", "moves") and prints TAP. */
#include <pvm3.h>
#include <pvmtev.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

enum { SAYS = 77, BEGINS = 2, GONE = 9, GO = 10 };

/* A child says a line, spawns another that says one, too, then half a line, and ends. */
static int says(char *self)
{
	char *argv[] = {(char *)"quiet", NULL};
	int tid;
	printf("first\n");
	fflush(stdout);
	pvm_spawn(self, argv, 0, NULL, 1, &tid);
	pvm_notify(PvmTaskExit, GONE, 1, &tid);
	pvm_recv(-1, GONE);
	printf("half");
	pvm_exit();
	return 0;
}

static void say_when_told(const char *text)
{
	pvm_recv(pvm_parent(), GO);
	printf("%s\n", text);
	fflush(stdout);
}

/* A child that changes where its own output goes while it runs. */
static int moves(void)
{
	int parent = pvm_parent();
	say_when_told("as at first");
	pvm_setopt(PvmSelfOutputCode, SAYS + 1);
	say_when_told("with another tag");
	pvm_setopt(PvmSelfOutputTid, 0);
	say_when_told("to nobody");
	pvm_setopt(PvmSelfOutputCode, SAYS + 2); /* of what goes nowhere */
	pvm_setopt(PvmSelfOutputTid, parent);
	say_when_told("back");
	pvm_setopt(PvmSelfOutputTid, parent);
	pvm_recv(parent, GO);
	printf("half");
	pvm_exit();
	return 0;
}

/* What came of one task. */
struct said {
	int tid, parent, spawned, begun, ended;
	char text[256];
};

static struct said *of(struct said *all, int tid)
{
	while (all->tid && all->tid != tid)
		all++;
	all->tid = tid;
	return all;
}

static void take(struct said *all)
{
	int tid, n, source;
	pvm_bufinfo(pvm_getrbuf(), NULL, NULL, &source);
	check(source == (int)0x80000000, "output comes from a daemon");
	pvm_upkint(&tid, 1, 1);
	pvm_upkint(&n, 1, 1);
	struct said *s = of(all, tid);
	if (n > 0 && strlen(s->text) + (size_t)n < sizeof s->text) {
		size_t have = strlen(s->text);
		pvm_upkbyte(s->text + have, n, 1);
		s->text[have + (size_t)n] = '\0';
		check(s->begun && !s->ended, "between beginning and end");
	} else if (n < 0) {
		check(n == -2 ? !s->spawned : s->spawned && !s->begun, "a task is spawned, then begins");
		pvm_upkint(&s->parent, 1, 1);
		*(n == -2 ? &s->spawned : &s->begun) = 1;
	} else {
		s->ended = 1;
	}
}

static void check_messages(char *self)
{
	struct said all[4] = {0};
	struct timeval limit = {20, 0};
	char *argv[] = {(char *)"says", NULL};
	int me = pvm_mytid(), tid, nended = 0;
	pvm_setopt(PvmOutputTid, me);
	equal(0, pvm_setopt(PvmOutputCode, SAYS), "a tag for output");
	equal(1, pvm_spawn(self, argv, 0, NULL, 1, &tid), "a child");
	while (nended < 2 && pvm_trecv(-1, SAYS, &limit) > 0) {
		take(all);
		nended = all[0].ended + all[1].ended;
	}
	equal(2, nended, "it and its child have ended");
	struct said *child = of(all, tid), *other = child == all ? all + 1 : all;
	check(strcmp(child->text, "first\nhalf") == 0, "all that it wrote came, in order");
	check(strcmp(other->text, "quiet\n") == 0, "and what its child wrote");
	check(child->parent == me && other->parent == tid, "with who spawned them");
	pvm_setopt(PvmOutputTid, 0);
	pvm_setopt(PvmOutputCode, 0);
}

static void tell(int tid)
{
	pvm_initsend(PvmDataDefault);
	pvm_send(tid, GO);
}

/* The next messages of output with that tag, up to a task's end or a whole line; "+" is that it was spawned, "!" that it has begun,
 * "." that it has ended. */
static void expect_output(int tag, const char *wanted, const char *what)
{
	struct timeval limit = {10, 0};
	char got[256] = "", *end = got;
	int tid, n = -9;
	while (strlen(got) < strlen(wanted) && pvm_trecv(-1, tag, &limit) > 0) {
		pvm_upkint(&tid, 1, 1);
		pvm_upkint(&n, 1, 1);
		if (n > 0 && n < 100)
			pvm_upkbyte(end, n, 1);
		else
			*end = n == 0 ? '.' : n == -1 ? '!' : '+';
		end += n > 0 ? n : 1;
		*end = '\0';
	}
	check(strcmp(got, wanted) == 0, what);
	if (strcmp(got, wanted))
		printf("# \"%s\", not \"%s\"\n", got, wanted);
}

static void check_moved(char *self)
{
	char *argv[] = {(char *)"moves", NULL};
	int tid;
	pvm_setopt(PvmOutputTid, pvm_mytid());
	pvm_setopt(PvmOutputCode, SAYS);
	equal(1, pvm_spawn(self, argv, 0, NULL, 1, &tid), "a child");
	tell(tid);
	expect_output(SAYS, "+!as at first\n", "its output comes as its parent has said");
	tell(tid);
	expect_output(SAYS, ".", "that ends when it says otherwise");
	expect_output(SAYS + 1, "!+with another tag\n", "and begins so");
	tell(tid);
	expect_output(SAYS + 1, ".", "it ends when it goes nowhere");
	tell(tid);
	expect_output(SAYS + 1, "!+back\n", "and comes again");
	equal(0, pvm_nrecv(-1, SAYS), "nothing comes as at first any more");
	tell(tid);
	expect_output(SAYS + 1, "half.", "the same once more changes nothing");
	pvm_setopt(PvmOutputTid, 0);
	pvm_setopt(PvmOutputCode, 0);
}

static int count(const char *text, const char *what)
{
	int n = 0;
	for (const char *p = text; (p = strstr(p, what)); p++)
		n++;
	return n;
}

static void check_caught(char *self, int with_tids)
{
	char *argv[] = {(char *)"says", NULL}, text[4096] = "", mark[32];
	FILE *to = tmpfile();
	int tid;
	pvm_mytid();
	pvm_setopt(PvmShowTids, with_tids);
	equal(PvmOk, pvm_catchout(to), "pvm_catchout");
	equal(pvm_mytid(), pvm_getopt(PvmOutputTid), "is an output tid");
	equal(1, pvm_spawn(self, argv, 0, NULL, 1, &tid), "a child");
	equal(PvmOk, pvm_exit(), "pvm_exit waits for its end");
	rewind(to);
	text[fread(text, 1, sizeof text - 1, to)] = '\0';
	fclose(to);
	equal(1, count(text, "first\n"), "what it wrote is there");
	equal(1, count(text, "half\n"), "in whole lines");
	equal(1, count(text, "quiet\n"), "and what its child wrote");
	snprintf(mark, sizeof mark, "[t%x] ", (unsigned)tid);
	equal(with_tids ? 4 : 0, count(text, mark), "with tids or without");
	equal(with_tids ? 2 : 0, count(text, "] BEGIN\n"), "and when they began");
	equal(with_tids ? 2 : 0, count(text, "] EOF\n"), "and ended");
	pvm_setopt(PvmShowTids, 1);
}

static void check_clocks(void)
{
	struct timeval clock, delta, now;
	int nhost;
	struct pvmhostinfo *hosts;
	pvm_config(&nhost, NULL, &hosts);
	for (int i = 0; i < nhost; i++) {
		equal(PvmOk, pvm_hostsync(hosts[i].hi_tid, &clock, &delta), "a host's clock");
		gettimeofday(&now, NULL);
		check(now.tv_sec - clock.tv_sec <= 5 && clock.tv_sec - now.tv_sec <= 5, "is this machine's");
		check(delta.tv_usec >= 0 && delta.tv_usec < 1000000, "microseconds are not negative");
	}
	equal(PvmOk, pvm_hostsync(pvm_mytid(), NULL, NULL), "a task's host will do");
	equal(PvmNoHost, pvm_hostsync(0, &clock, &delta), "no host has no clock");
	equal(PvmNoHost, pvm_hostsync(-1, &clock, &delta), "nor has an error");
}

static void check_services(void)
{
	int args[2] = {6, 99}, n = -1, answer = 0;
	struct pvmhostinfo *host = NULL;
	Pvmtmask mask;
	equal(PvmOk, pvm_tickle(2, args, &n, &answer), "a mask is set");
	args[0] = 5;
	equal(PvmOk, pvm_tickle(1, args, &n, &answer), "and asked for");
	check(n == 1 && answer == 99, "it is the same");
	equal(PvmBadParam, pvm_tickle(0, args, NULL, NULL), "a tickle needs a number");
	equal(PvmBadParam, pvm_tickle(11, args, NULL, NULL), "or ten");
	equal(PvmOk, pvm_reg_hoster(), "a hoster registers");
	equal(PvmOk, pvm_reg_tasker(), "a tasker");
	equal(PvmOk, pvm_reg_rm(&host), "a resource manager");
	check(host && host->hi_tid > 0, "is told of its host");
	TEV_MASK_INIT(mask);
	equal(PvmOk, pvm_settmask(PvmTaskChild, mask), "a trace mask is set");
	TEV_MASK_SET(mask, TEV_SEND);
	equal(PvmOk, pvm_gettmask(PvmTaskChild, mask), "and got");
	check(!TEV_MASK_CHECK(mask, TEV_SEND), "as it was set");
	equal(PvmBadParam, pvm_settmask(5, mask), "of oneself or of children");
}

int main(int argc, char **argv)
{
	if (pvm_mytid() < 0)
		return 2;
	if (argc > 1 && strcmp(argv[1], "says") == 0)
		return says(argv[0]);
	if (argc > 1 && strcmp(argv[1], "moves") == 0)
		return moves();
	if (argc > 1) {
		printf("quiet\n");
		return 0;
	}
	pvm_setopt(PvmAutoErr, 0);
	check_messages(argv[0]);
	check_moved(argv[0]);
	check_caught(argv[0], 1);
	check_caught(argv[0], 0);
	check_clocks();
	check_services();
	pvm_exit();
	printf("1..%d\n", ntests);
	return nfailed != 0;
}
