/* Enrolment, and who is who. Any call enrols; after pvm_exit the next one does so again, with a new
 * tid. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/ids.h"
#include "base/map.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"

enum {
	GROUP_BIT = 1 << 30, /* PVM's tids of groups of tasks have it, no others */
	FRAGMENT = 4080, /* of PvmFragSize, in each life */
	EXIT_MS = 60000, /* how long the last messages are kept for receivers that are not there yet */
};

struct weft__pvm weft__pvm = {.autoerr = 1,
                              .route = PvmAllowDirect,
                              .fragsize = FRAGMENT,
                              .showtids = 1};
int pvmmyctx;

static struct weft__map slots; /* slot -> the whole tid */
static int *siblings;
static pid_t enrolled_pid;

/* --- tids ------------------------------------------------------------------------------------- */

bool weft__pvm_is_task(int tid)
{
	return tid > 0 && !(tid & GROUP_BIT) && (tid & WEFT__LOCAL_MAX);
}

bool weft__pvm_is_host(int tid)
{
	return tid > 0 && !(tid & GROUP_BIT) && !(tid & WEFT__LOCAL_MAX);
}

int weft__pvm_host_of(uint32_t node)
{
	return (int)(node << WEFT__LOCAL_BITS);
}

uint32_t weft__pvm_node_of(int tid)
{
	return ((uint32_t)tid & ~(UINT32_C(3) << 30)) >> WEFT__LOCAL_BITS;
}

int weft__pvm_slot(weft_tid_t tid)
{
	return (int)weft__tid_slot(tid);
}

void weft__pvm_learn(weft_tid_t tid)
{
	uint64_t slot = weft__tid_slot(tid);
	uintptr_t known = (uintptr_t)weft__map_get(&slots, slot);
	if (slot && known != tid.v)
		weft__map_put(&slots, slot, (void *)(uintptr_t)tid.v); /* if not: it is asked for again */
}

weft_tid_t weft__pvm_refind(int tid)
{
	weft_task_t *tasks;
	int n;
	uint64_t before = (uintptr_t)weft__map_get(&slots, (uint64_t)tid);
	if (weft__pvm_list_tasks(0, &tasks, &n))
		return WEFT_NO_TID;
	for (int i = 0; i < n; i++)
		weft__pvm_learn(tasks[i].tid);
	weft__free(tasks);
	uint64_t now = (uintptr_t)weft__map_get(&slots, (uint64_t)tid);
	return now == before ? WEFT_NO_TID : (weft_tid_t){now};
}

weft_tid_t weft__pvm_find(int tid)
{
	uint64_t known = (uintptr_t)weft__map_get(&slots, (uint64_t)tid);
	return known ? (weft_tid_t){known} : weft__pvm_refind(tid);
}

/* --- coming and going ------------------------------------------------------------------------- */

/* exit() without pvm_exit(): what was sent still reaches those that receive it. */
static void at_end(void)
{
	if (weft__pvm.e && enrolled_pid == getpid() && weft__here() == weft__pvm.e) {
		weft__trace_exit();
		weft__pvm_sends_finish(EXIT_MS);
	}
}

static void learn_relatives(struct weft__engine *e)
{
	const weft_tid_t *job = weft__job_tids(e);
	weft__pvm_learn(weft__self(e));
	if (weft__parent(e).v)
		weft__pvm_learn(weft__parent(e));
	for (uint32_t i = 0; job && i < weft__size(e); i++)
		weft__pvm_learn(job[i]);
}

int weft__pvm_enrol(void)
{
	static bool hooked;
	if (weft__pvm.e && enrolled_pid == getpid())
		return 0;
	int rc = weft__here_init();
	if (rc)
		return weft__pvm_code(rc);
	weft__pvm.e = weft__here();
	weft__pvm.tid = weft__pvm_slot(weft__self(weft__pvm.e));
	enrolled_pid = getpid();
	const char *context = getenv("PVMCTX");
	pvmmyctx = context ? (int)strtol(context, NULL, 0) : PvmBaseContext;
	if (pvmmyctx < 0)
		pvmmyctx = PvmBaseContext;
	weft__pvm_inherit();
	learn_relatives(weft__pvm.e);
	if (!weft__parent(weft__pvm.e).v)
		weft__manager_greet();
	if (!hooked)
		hooked = atexit(at_end) == 0;
	return 0;
}

int weft__call_mytid(void)
{
	int rc = weft__pvm_enrol();
	return rc ? lpvmerr("pvm_mytid", rc) : weft__pvm.tid;
}

int weft__call_exit(void)
{
	if (!weft__pvm.e || enrolled_pid != getpid())
		return PvmOk;
	weft__pvm_catch_all();
	weft__trace_exit();
	weft__pvm_sends_finish(EXIT_MS);
	weft__pvm_output_fini();
	weft__pvm_recv_fini();
	weft__pvm_notify_fini();
	weft__here_fini();
	weft__map_fini(&slots);
	slots = (struct weft__map){0};
	free(siblings);
	siblings = NULL;
	weft__pvm.e = NULL;
	weft__pvm.tid = 0;
	weft__pvm.fragsize = FRAGMENT;
	unsetenv("PVMCTX");
	unsetenv(WEFT__PVM_TARGETS);
	return PvmOk;
}

int weft__call_parent(void)
{
	int rc = weft__pvm_enrol();
	if (rc)
		return lpvmerr("pvm_parent", rc);
	weft_tid_t parent = weft__parent(weft__pvm.e);
	const char *none = getenv("PVMNOPARENT"), *other = getenv(WEFT__PVM_PARENT);
	if (none && *none)
		return PvmParentNotSet;
	if (other && *other && parent.v)
		return (int)strtol(other, NULL, 10);
	return parent.v ? weft__pvm_slot(parent) : PvmNoParent;
}

int weft__call_siblings(int **tids)
{
	int rc = weft__pvm_enrol();
	if (rc || !tids)
		return lpvmerr("pvm_siblings", rc ? rc : PvmBadParam);
	uint32_t n = weft__size(weft__pvm.e);
	const weft_tid_t *job = weft__job_tids(weft__pvm.e);
	int *own = realloc(siblings, n * sizeof *own);
	if (!own)
		return lpvmerr("pvm_siblings", PvmNoMem);
	for (uint32_t i = 0; i < n; i++)
		own[i] = weft__pvm_slot(job[i]);
	siblings = own;
	*tids = own;
	return (int)n;
}

int weft__call_tidtohost(int tid)
{
	return weft__pvm_host_of(weft__pvm_node_of(tid));
}

char *pvm_version(void)
{
	return (char *)PVM_VER;
}

int weft__call_getfds(int **fds)
{
	static int list[1];
	int rc = weft__pvm_enrol();
	if (rc || !fds)
		return lpvmerr("pvm_getfds", rc ? rc : PvmBadParam);
	list[0] = weft__fd(weft__pvm.e);
	if (list[0] < 0)
		return lpvmerr("pvm_getfds", PvmSysErr);
	weft__progress(weft__pvm.e);
	*fds = list;
	return 1;
}
