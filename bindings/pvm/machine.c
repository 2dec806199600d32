/* The virtual machine: its tasks, starting and halting it; hosts.c has its hosts.
 * Starting and halting are the weft command's; the library runs it. */
#include "config.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"
#include "proto/proto.h"

enum { TASK_SPAWNED = 2, TASK_CONNECTED = 4 };

extern char **environ;

/* --- lists ------------------------------------------------------------------------------------ */

/* Their flags are behind the rows. */
static int list_tasks(uint32_t node, weft_task_t **tasks, uint32_t **flags, int *n)
{
	int max = 64;
	for (;;) {
		weft_task_t *rows = weft__malloc((size_t)max * (sizeof *rows + sizeof **flags));
		if (!rows)
			return PvmNoMem;
		*flags = (uint32_t *)&rows[max];
		int rc = weft__tasks_flags(weft__pvm.e, node, rows, *flags, max, n);
		if (rc == 0 && *n <= max) {
			*tasks = rows;
			return PvmOk;
		}
		weft__free(rows);
		if (rc)
			return weft__pvm_code(rc);
		max = *n + 64;
	}
}

int weft__pvm_list_tasks(uint32_t node, weft_task_t **tasks, int *n)
{
	uint32_t *flags;
	return list_tasks(node, tasks, &flags, n);
}

/* --- tasks ------------------------------------------------------------------------------------ */

/* Nodes on which `where` looks: 0 all, else the one. An error when there is no such thing. */
static int where_node(int where, uint32_t *node)
{
	*node = 0;
	if (where == 0)
		return PvmOk;
	*node = weft__pvm_node_of(where);
	return where < 0 || *node == 0 ? PvmNoHost : PvmOk;
}

static void fill_task(struct pvmtaskinfo *to, const weft_task_t *from, uint32_t flags, char *text)
{
	memcpy(text, from->program, WEFT_TEXT_MAX);
	*to = (struct pvmtaskinfo){.ti_tid = weft__pvm_slot(from->tid),
	                           .ti_ptid = from->parent.v ? weft__pvm_slot(from->parent) : 0,
	                           .ti_host = weft__pvm_host_of(from->node),
	                           .ti_flag = (flags & WEFT__TASK_ENROLLED ? 0 : TASK_SPAWNED) |
	                                      (flags & WEFT__TASK_CONNECTED ? TASK_CONNECTED : 0),
	                           .ti_a_out = text,
	                           .ti_pid = from->pid};
}

int weft__call_tasks(int where, int *ntask, struct pvmtaskinfo **taskp)
{
	static struct pvmtaskinfo *infos;
	weft_task_t *tasks;
	uint32_t node, *flags;
	int n, used = 0, rc = weft__pvm_enrol();
	if (rc == PvmOk && weft__manager()) {
		rc = weft__manager_tasks(where, ntask, taskp);
		if (rc != PvmNoTask)
			return rc ? lpvmerr("pvm_tasks", rc) : PvmOk;
		rc = PvmOk;
	}
	if (rc == PvmOk)
		rc = where_node(where, &node);
	if (rc == PvmOk)
		rc = list_tasks(node, &tasks, &flags, &n);
	if (rc)
		return lpvmerr("pvm_tasks", rc);
	size_t size = (size_t)n * (sizeof *infos + WEFT_TEXT_MAX);
	struct pvmtaskinfo *fresh = weft__malloc(size ? size : 1);
	char *text = fresh ? (char *)&fresh[n] : NULL;
	for (int i = 0; fresh && i < n; i++) {
		weft__pvm_learn(tasks[i].tid);
		if (!weft__pvm_is_task(where) || weft__pvm_slot(tasks[i].tid) == where) {
			fill_task(&fresh[used], &tasks[i], flags[i], text + (size_t)used * WEFT_TEXT_MAX);
			used++;
		}
	}
	weft__free(tasks);
	if (!fresh)
		return lpvmerr("pvm_tasks", PvmNoMem);
	weft__free(infos);
	infos = fresh;
	if (ntask)
		*ntask = used;
	if (taskp)
		*taskp = infos;
	return PvmOk;
}

int weft__call_pstat(int tid)
{
	weft_task_t *tasks;
	int n, found = 0, rc = weft__pvm_enrol();
	if (rc == PvmOk && !weft__pvm_is_task(tid))
		rc = PvmBadParam;
	if (rc == PvmOk)
		rc = weft__pvm_list_tasks(weft__pvm_node_of(tid), &tasks, &n);
	if (rc)
		return lpvmerr("pvm_pstat", rc == PvmNoHost ? PvmNoTask : rc);
	for (int i = 0; i < n; i++)
		found |= weft__pvm_slot(tasks[i].tid) == tid;
	weft__free(tasks);
	return found ? PvmOk : weft__pvm_silent(PvmNoTask);
}

/* --- signals ---------------------------------------------------------------------------------- */

static int send_signal(const char *name, int tid, int signo)
{
	int rc = weft__pvm_enrol();
	if (rc || !weft__pvm_is_task(tid))
		return lpvmerr(name, rc ? rc : PvmBadParam);
	if (signo < 1 || signo > 64)
		return PvmOk; /* as the original: the daemon, who finds out, does not say */
	weft_tid_t to = weft__pvm_find(tid);
	rc = to.v ? weft__signal(weft__pvm.e, to, signo) : WEFT_ENOTASK;
	if (rc == WEFT_ENOTASK && (to = weft__pvm_refind(tid)).v)
		rc = weft__signal(weft__pvm.e, to, signo);
	return rc == 0 || rc == WEFT_ENOTASK ? PvmOk : lpvmerr(name, weft__pvm_code(rc));
}

int weft__call_sendsig(int tid, int signo)
{
	return send_signal("pvm_sendsig", tid, signo);
}

int weft__call_kill(int tid)
{
	return send_signal("pvm_kill", tid, 15);
}

/* --- the machine as a whole ------------------------------------------------------------------- */

/* Runs the weft command; its exit status, -1: it can't be run. */
static int run_weft(char *const argv[])
{
	pid_t pid;
	int status;
	if (posix_spawnp(&pid, "weft", NULL, NULL, argv, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int weft__call_start_pvmd(int argc, char **argv, int block)
{
	char *const up[] = {(char *)"weft", (char *)"up", NULL};
	(void)block; /* weft up returns when the machine answers */
	if (argc < 0 || (argc && !argv))
		return lpvmerr("pvm_start_pvmd", PvmBadParam);
	if (weft__pvm_enrol() == PvmOk)
		return lpvmerr("pvm_start_pvmd", PvmDupHost);
	if (run_weft(up) != 0)
		return lpvmerr("pvm_start_pvmd", PvmCantStart);
	int rc = weft__pvm_enrol();
	return rc ? lpvmerr("pvm_start_pvmd", rc) : PvmOk;
}

int weft__call_halt(void)
{
	char *const down[] = {(char *)"weft", (char *)"down", NULL};
	int rc = weft__pvm_enrol();
	if (rc)
		return lpvmerr("pvm_halt", rc);
	return run_weft(down) == 0 ? PvmOk : lpvmerr("pvm_halt", PvmSysErr);
}
