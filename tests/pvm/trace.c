/* A PVM program that traces its children, and reads the traces as PVM's own tools do. Started by `weft run`, it spawns itself and
 * prints TAP. */
#include <pvm3.h>
#include <pvmtev.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/time.h>

#include "tap.h"

enum { TRACES = 666, NUMBER = 3, EVENTS = 64 };

extern struct Pvmtevinfo pvmtevinfo[];

static int child(int waits)
{
	int n = 7, me = pvm_mytid();
	if (waits)
		pvm_recv(-1, 999);
	pvm_setopt(PvmAutoErr, 0);
	for (int i = 0; i < 2; i++) {
		pvm_initsend(PvmDataDefault);
		pvm_pkint(&n, 1, 1);
		pvm_send(me, NUMBER);
		pvm_recv(-1, NUMBER);
		pvm_upkint(&n, 1, 1);
	}
	pvm_send(me, -5);
	pvm_exit();
	return 0;
}

/* What the records said. */
static struct {
	int described[TEV_MAX + 1][3]; /* by phase: 0 none, 1 entry, 2 exit */
	int seen[TEV_MAX + 1][3];
	int bytes, result, last_seconds, nfields, buffers, names, status, ended, source;
	char name[64];
} got;

/* The fields of each described event, for the records that follow. */
static struct {
	int n, ids[16], types[16];
} layout[TEV_MAX + 1][3];

static int number(void)
{
	int n = -999;
	pvm_upkint(&n, 1, 1);
	return n;
}

static void text(char *to)
{
	char long_text[4096] = "";
	pvm_upkstr(long_text);
	snprintf(to, 64, "%.63s", long_text);
}

static void value(int event, int phase, int id, int type)
{
	char word[64];
	long address;
	int count = type & TEV_DATA_ARRAY ? number() : 1, n = 0;
	for (; count > 0; count--)
		switch (type & ~TEV_DATA_ARRAY) {
		case TEV_DATA_STRING:
			text(word);
			got.names++;
			break;
		case TEV_DATA_LONG:
			pvm_upklong(&address, 1, 1);
			break;
		default:
			n = number();
		}
	if (event == TEV_SEND && phase == 1 && id == TEV_DID_MNB)
		got.bytes = n;
	if (event == TEV_SEND && phase == 2 && id == TEV_DID_CC)
		got.result = n;
	if (event == TEV_ENDTASK && id == TEV_DID_TST)
		got.status = n;
	if (event == TEV_ENDTASK && id == TEV_DID_TID)
		got.ended = n;
	if (id == TEV_DID_TS)
		got.last_seconds = n;
	got.nfields++;
}

static void record(int is_described)
{
	int event = number(), phase = event & TEV_EVENT_ENTRY ? 1 : event & TEV_EVENT_EXIT ? 2 : 0, id = 0;
	event &= ~(TEV_EVENT_ENTRY | TEV_EVENT_EXIT);
	if (event < 0 || event > TEV_MAX) {
		check(0, "an event is one of PVM's");
		return;
	}
	got.seen[event][phase]++;
	if (is_described) {
		text(got.name);
		check(strcmp(got.name, pvmtevinfo[event].name) == 0, "an event has its name");
		got.described[event][phase]++;
		layout[event][phase].n = 0;
		while ((id = number()) >= 0 && layout[event][phase].n < 16) {
			int type = number(), at = layout[event][phase].n++;
			layout[event][phase].ids[at] = id;
			layout[event][phase].types[at] = type;
			value(event, phase, id, type);
		}
		equal(TEV_MARK_EVENT_DESC_END, id, "and its end");
		return;
	}
	for (int i = 0; i < layout[event][phase].n; i++)
		value(event, phase, layout[event][phase].ids[i], layout[event][phase].types[i]);
	equal(TEV_MARK_EVENT_RECORD_END, number(), "a later record has the same fields, and its end");
}

static void fields(void)
{
	char name[64];
	int id, n = 0;
	while ((id = number()) >= 0) {
		text(name);
		text(name);
		n++;
	}
	equal(TEV_DID_MAX + 1, n, "all fields are named first");
}

static void message(void)
{
	int mark;
	while ((pvm_upkint(&mark, 1, 1)) == PvmOk) {
		if (mark == TEV_MARK_DATA_ID)
			fields();
		else if (mark == TEV_MARK_EVENT_DESC || mark == TEV_MARK_EVENT_RECORD)
			record(mark == TEV_MARK_EVENT_DESC);
		else
			got.buffers += mark == TEV_MARK_EVENT_BUFFER;
	}
}

/* The child's traces, to its end; signo: what it is killed with, or 0. */
static int trace_killed(char *self, int options, int buffer, int signo)
{
	char *argv[] = {(char *)(signo ? "waits" : "child"), NULL};
	struct timeval limit = {20, 0};
	int tid;
	memset(&got, 0, sizeof got);
	got.result = 1;
	pvm_setopt(PvmTraceOptions, options);
	pvm_setopt(PvmTraceBuffer, buffer);
	equal(1, pvm_spawn(self, argv, 0, NULL, 1, &tid), "a traced child");
	while (!got.seen[TEV_ENDTASK][0] && pvm_trecv(-1, TRACES, &limit) > 0) {
		pvm_bufinfo(pvm_getrbuf(), NULL, NULL, &got.source);
		message();
		if (signo && got.seen[TEV_MYTID][2]) {
			pvm_sendsig(tid, signo);
			signo = 0;
		}
	}
	equal(1, got.seen[TEV_NEWTASK][0], "is told of when it begins");
	equal(1, got.seen[TEV_ENDTASK][0], "and when it ends");
	equal(tid, got.ended, "which of them");
	equal((int)0x80000000, got.source, "by the system");
	return got.status;
}

static void trace(char *self, int options, int buffer)
{
	equal(0, trace_killed(self, options, buffer, 0), "with status 0");
}

int main(int argc, char **argv)
{
	Pvmtmask mask;
	if (pvm_mytid() < 0)
		return 2;
	if (argc > 1)
		return child(!strcmp(argv[1], "waits"));
	pvm_setopt(PvmAutoErr, 0);
	TEV_MASK_INIT(mask);
	for (int i = 0; i <= TEV_MAX; i++)
		TEV_MASK_SET(mask, i);
	pvm_settmask(PvmTaskChild, mask);
	pvm_setopt(PvmTraceTid, pvm_mytid());
	pvm_setopt(PvmTraceCode, TRACES);
	trace(argv[0], PvmTraceFull, 0);
	check(got.seen[TEV_SEND][1] == 3 && got.seen[TEV_SEND][2] == 3, "three sends, three returns");
	check(got.described[TEV_SEND][1] == 1 && got.described[TEV_SEND][2] == 1, "described once");
	check(got.seen[TEV_RECV][1] == 2 && got.seen[TEV_PKINT][2] == 2, "two receives, two numbers packed");
	equal(4, got.bytes, "of 4 bytes");
	equal(PvmBadParam, got.result, "the last send is refused");
	equal(0, got.buffers, "each record for itself");
	trace(argv[0], PvmTraceFull, 400);
	equal(3, got.seen[TEV_SEND][1], "as many with a buffer");
	check(got.buffers > 1 && got.buffers < 15, "in fewer messages");
	equal(SIGKILL, trace_killed(argv[0], PvmTraceFull, 0, SIGKILL), "a killed one's end is told, too");
	trace(argv[0], PvmTraceTime, 0);
	check(got.seen[TEV_TIMING][0] == 1 && got.seen[TEV_SEND][1] == 0, "times alone");
	check(got.names > 5, "with the calls' names");
	trace(argv[0], PvmTraceCount, 0);
	equal(1, got.seen[TEV_PROFILING][0], "counts alone");
	TEV_MASK_INIT(mask);
	TEV_MASK_SET(mask, TEV_RECV);
	pvm_settmask(PvmTaskChild, mask);
	trace(argv[0], PvmTraceFull, 0);
	check(got.seen[TEV_RECV][1] == 2 && got.seen[TEV_SEND][1] == 0, "what the mask has, and no more");
	pvm_exit();
	printf("1..%d\n", ntests);
	return nfailed != 0;
}
