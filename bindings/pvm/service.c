/* What PVM's tools ask of the library beside messages and tasks: clocks, tickles, registration as a service, a
 * reset of the machine; and small things of its own that they use. */
#include "config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/pvmproto.h"
#include "proto/proto.h"

enum { CLOCK_MS = 10000, TICKLE_MAX = 10, TICKLE_GET_MASK = 5, TICKLE_SET_MASK = 6 };

/* --- clocks ----------------------------------------------------------------------------------- */

static uint64_t now_us(void)
{
	struct timeval now;
	gettimeofday(&now, NULL);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_usec;
}

/* Seconds carry the sign; microseconds are 0..999999. */
static struct timeval interval(int64_t us)
{
	int64_t rest = us % 1000000;
	if (rest < 0)
		rest += 1000000;
	return (struct timeval){.tv_sec = (us - rest) / 1000000, .tv_usec = rest};
}

int weft__call_hostsync(int host, struct timeval *clock, struct timeval *delta)
{
	uint64_t theirs = 0, before, after;
	uint32_t node = weft__pvm_node_of(host);
	int rc = weft__pvm_enrol();
	if (rc == PvmOk && (host < 0 || node == 0))
		rc = PvmNoHost;
	if (rc)
		return lpvmerr("pvm_hostsync", rc);
	before = now_us();
	rc = weft__clock_of(weft__pvm.e, node, &theirs, CLOCK_MS);
	after = now_us();
	if (rc)
		return lpvmerr("pvm_hostsync", rc == WEFT_ETIMEDOUT ? PvmHostFail : weft__pvm_code(rc));
	if (clock)
		*clock = interval((int64_t)theirs);
	if (delta)
		*delta = interval((int64_t)(before + (after - before) / 2) - (int64_t)theirs);
	return PvmOk;
}

/* --- tickles ---------------------------------------------------------------------------------- */

/* The original's daemon prints into its log, or changes how it works; Weft's has nothing of that. What is kept is
 * the mask of what it logs, which can be read back. */
int weft__call_tickle(int nargs, int *args, int *nanswers, int *answers)
{
	static int mask;
	int rc = weft__pvm_enrol();
	if (rc || nargs < 1 || nargs > TICKLE_MAX || !args)
		return lpvmerr("pvm_tickle", rc ? rc : PvmBadParam);
	if (args[0] == TICKLE_SET_MASK)
		mask = nargs > 1 ? args[1] : 0;
	if (nanswers)
		*nanswers = args[0] == TICKLE_GET_MASK;
	if (args[0] == TICKLE_GET_MASK && answers)
		answers[0] = mask;
	return PvmOk;
}

/* --- tracers ---------------------------------------------------------------------------------- */

#define TRACER "###_PVM_TRACER_###"
int weft__call_reg_tracer(int context, int tag, int output_context, int output_tag, char *mask, int buffer, int options)
{
	struct weft__pvm_buf *b;
	int rc = weft__pvm_enrol(), id = rc ? rc : weft__pvm_buf_new(PvmDataDefault, &b);
	int numbers[] = {weft__pvm.tid, context, tag, output_context, output_tag, buffer, options};
	if (id > 0) {
		Pvmtmask own = "";
		strncpy(own, mask ? mask : "", sizeof own - 1);
		rc = weft__pvm_pack(b, PVM_INT, numbers, 7, 1);
		if (rc == PvmOk)
			rc = weft__pvm_pack(b, PVM_BYTE, own, sizeof own, 1);
		rc = rc ? rc : weft__pvm_register(TRACER, id);
	}
	return rc ? lpvmerr("pvm_reg_tracer", rc) : PvmOk;
}

void weft__trace_registered(struct Pvmtracer *t)
{
	struct weft__letter letter = {0};
	struct weft__pvm_buf *b;
	int numbers[7];
	if (weft__mbox_get(weft__pvm.e, TRACER, 0, WEFT__MBOX_FIRST, &letter))
		return;
	int id = weft__pvm_buf_adopt(&letter.bytes, letter.nbytes, &b);
	weft__free(letter.bytes);
	if (id < 0)
		return;
	if (letter.owner.v && letter.owner.v != weft__self(weft__pvm.e).v &&
	    weft__pvm_unpack(b, PVM_INT, numbers, 7, 1) == PvmOk &&
	    weft__pvm_unpack(b, PVM_BYTE, t->tmask, sizeof t->tmask, 1) == PvmOk) {
		weft__pvm_learn(letter.owner);
		t->tmask[sizeof t->tmask - 1] = '\0';
		t->trctid = t->outtid = numbers[0];
		t->trcctx = numbers[1];
		t->trctag = numbers[2];
		t->outctx = numbers[3];
		t->outtag = numbers[4];
		t->trcbuf = numbers[5];
		t->trcopt = numbers[6];
	}
	weft__pvm_buf_drop(id);
}

/* --- resets and ends -------------------------------------------------------------------------- */

static bool is_in(int tid, const int *tids, int n)
{
	for (int i = 0; i < n; i++)
		if (tids[i] == tid)
			return true;
	return false;
}

static int kill_others(int self)
{
	struct pvmtaskinfo *tasks;
	int n, nspared, *spared;
	int rc = pvm_getnoresets(&spared, &nspared);
	rc = rc ? rc : weft__call_tasks(0, &n, &tasks);
	for (int i = 0; rc == PvmOk && i < n; i++)
		if (tasks[i].ti_tid != self && tasks[i].ti_tid != weft__pvm.tid &&
		    !is_in(tasks[i].ti_tid, spared, nspared))
			weft__call_kill(tasks[i].ti_tid);
	return rc;
}

/* Mailboxes: those of a name, or of an index in it, or all that nobody owns any more. */
int pvmreset(int tid, int kill_tasks, char *mailbox, int index)
{
	int rc = weft__pvm_enrol();
	if (rc == PvmOk && kill_tasks)
		rc = kill_others(tid);
	if (rc == PvmOk) {
		bool one = mailbox && *mailbox;
		rc = weft__pvm_code(weft__mbox_reset(weft__pvm.e, one ? mailbox : NULL, one ? index : -1, !one));
	}
	return rc ? lpvmerr("pvmreset", rc) : PvmOk;
}

int pvmendtask(void)
{
	return weft__call_exit();
}

/* --- small things ------------------------------------------------------------------------------ */

static const char *const tm[] = {
        "TM_CONNECT", "TM_CONN2", "TM_EXIT", "TM_ADDHOST", "TM_DELHOST", "TM_CONFIG", "TM_MSTAT",
        "TM_HALT", "TM_TICKLE", "TM_SPAWN", "TM_PSTAT", "TM_SENDSIG", "TM_TASK", "TM_MCA",
        "TM_NOTIFY", "TM_DB", "TM_SCHED", "TM_TASKER", "TM_HOSTER", "TM_TRACER", "TM_HOSTSYNC",
        "TM_SETOPT", "TM_GETOPT", "TM_CONTEXT", "TM_SHMCONN",
};
static const char *const dm[] = {
        "DM_ADD", "DM_ADDACK", "DM_EXEC", "DM_EXECACK", "DM_SENDSIG", "DM_HTUPD", "DM_HTUPDACK",
        "DM_HTCOMMIT", "DM_SLCONF", "DM_STARTACK", "DM_TASK", "DM_TASKACK", "DM_DELHOST",
        "DM_DELHOSTACK", "DM_NULL", "DM_TASKOUT", "DM_PSTAT", "DM_PSTATACK", "DM_HALT", "DM_MCA",
        "DM_NOTIFY", "DM_NOTIFYACK", "DM_DB", "DM_DBACK", "DM_RESET", "DM_RESETACK", "DM_HTDEL",
        "DM_HOSTSYNC", "DM_HOSTSYNCACK",
};
static const char *const tc[] = {
        "TC_CONREQ", "TC_CONACK", "TC_TASKEXIT", "TC_NOOP", "TC_OUTPUT", "TC_SETTRACE",
        "TC_SETTMASK", "TC_SETTRCBUF", "TC_SETTRCOPT", "TC_SHMAT", "TC_OUTPUTX", "TC_SIBLINGS",
};
static const char *const sm[] = {
        "SM_SPAWN", "SM_EXEC", "SM_EXECACK", "SM_TASK", "SM_CONFIG", "SM_ADDHOST", "SM_DELHOST",
        "SM_ADD", "SM_ADDACK", "SM_NOTIFY", "SM_TASKX", "SM_HOSTX", "SM_HANDOFF", "SM_SCHED",
        "SM_STHOST", "SM_STHOSTACK", "SM_STTASK",
};

char *pvmnametag(int tag, int *known)
{
	static const struct {
		int first, n;
		const char *const *names;
	} ranges[] = {
	        {(int)0x80010001, (int)(sizeof tm / sizeof *tm), tm},
	        {(int)0x80020001, (int)(sizeof dm / sizeof *dm), dm},
	        {(int)0x80030001, (int)(sizeof tc / sizeof *tc), tc},
	        {SM_FIRST, (int)(sizeof sm / sizeof *sm), sm},
	};
	static char number[16];
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		int at = (int)((unsigned)tag - (unsigned)ranges[i].first);
		if (at < 0 || at >= ranges[i].n)
			continue;
		if (known)
			*known = 1;
		return (char *)ranges[i].names[at];
	}
	if (known)
		*known = 0;
	snprintf(number, sizeof number, "%d", tag);
	return number;
}

/* Decimal, octal or hexadecimal, as in C. */
int pvmstrtoi(char *text)
{
	return text ? (int)strtol(text, NULL, 0) : 0;
}

int pvmputenv(char *variable)
{
	return variable ? putenv(variable) : -1;
}

/* The original prints what memory its checking allocator has given out; here libc's tools do that. */
void i_dump(int verbose)
{
	(void)verbose;
}
