/* The ends: of tasks, and of what they leave behind.
 *
 * The task VM is the subreaper of all that its tasks start: a process whose parent ends becomes our child.
 * So killing our children until wait4 says that there are none reaches every one of them, and a process id
 * is safe to use as long as its process has not been reaped by us.
 */
#include "config.h"

#include "node/taskvm_order.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "node/children.h"
#include "node/standin.h"
#include "node/taskvm_mpi.h"

enum { SWEEP_MS = 20, CHILDREN_MAX = 4096 };

static uint64_t microseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

void taskvm_ended(struct taskvm *vm, struct taskvm_task *t, int status, const struct rusage *used)
{
	bool by_signal = WIFSIGNALED(status);
	t->exited = (struct weft__msg_exited){.tid = t->tid,
	                                      .exit_code = by_signal ? -1 : WEXITSTATUS(status),
	                                      .signo = by_signal ? (uint64_t)WTERMSIG(status) : 0,
	                                      .flags = by_signal && WCOREDUMP(status) ? WEFT__EXIT_CORE : 0,
	                                      .utime_us = microseconds(used->ru_utime),
	                                      .stime_us = microseconds(used->ru_stime),
	                                      .maxrss_kib = (uint64_t)used->ru_maxrss};
	weft__map_remove(&vm->by_pid, (uint64_t)t->pid);
	taskvm_control_close(vm, t);
	taskvm_task_step(vm, t, TASKVM_ENDED);
	taskvm_mpi_ended(vm, t); /* before the report: who ends a job says why */
	taskvm_report(vm, t);
}

/* The thread that has started it may not run again for long: the task ends when its order comes back. What no order has
 * started was left by a task. */
static void ended_early(struct taskvm *vm, pid_t pid, int status, const struct rusage *used)
{
	for (struct weft__list *i = vm->orders.next; i != &vm->orders; i = i->next) {
		struct taskvm_order *o = WEFT__CONTAINER(i, struct taskvm_order, out);
		if (o->pid == pid)
			o->early = (struct taskvm_end){pid, status, *used};
	}
}

void taskvm_reap(struct taskvm *vm)
{
	for (;;) {
		int status;
		struct rusage used;
		pid_t pid = wait4(-1, &status, WNOHANG, &used);
		if (pid < 0 && errno == EINTR)
			continue;
		vm->childless = pid < 0 && errno == ECHILD;
		if (pid <= 0)
			break;
		struct taskvm_task *t = weft__map_get(&vm->by_pid, (uint64_t)pid);
		if (t)
			taskvm_ended(vm, t, status, &used);
		else
			ended_early(vm, pid, status, &used);
	}
	if (vm->ending && !vm->childless)
		taskvm_kill_children(vm);
}

void taskvm_kill_children(struct taskvm *vm)
{
	static pid_t pids[CHILDREN_MAX];
	size_t n = children_list(pids, CHILDREN_MAX);
	for (size_t i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	vm->sweep_ns = weft__clock_ns() + (uint64_t)SWEEP_MS * 1000000;
}

void taskvm_report(struct taskvm *vm, const struct taskvm_task *t)
{
	struct weft__msg started = {
	        .code = WEFT__MSG_STARTED,
	        .started = {.tid = t->tid, .pid = (uint64_t)t->pid, .cpus = weft__str(t->cpus)}};
	struct weft__msg exited = {.code = WEFT__MSG_EXITED, .exited = t->exited};
	struct weft__msg failed = {
	        .code = WEFT__MSG_START_FAILED,
	        .start_failed = {.tid = t->tid, .code = t->code, .text = weft__str(t->text)}};
	switch (t->state) {
	case TASKVM_WAITING:
	case TASKVM_STARTING:
		break;
	case TASKVM_RUNNING:
		taskvm_conn_send(vm, &started, -1);
		taskvm_control_give(vm, t);
		break;
	case TASKVM_ENDED:
		taskvm_conn_send(vm, &exited, -1);
		break;
	case TASKVM_FAILED:
		taskvm_conn_send(vm, &failed, -1);
		break;
	}
}

/* A task's signal goes to its process group, so that what a "sh -c" started gets it, too. */
static void task_signal(const struct taskvm *vm, const struct taskvm_task *t, int signo)
{
	if (t->state != TASKVM_RUNNING)
		return;
	if (signo == SIGKILL && t->stands_in)
		signo = STANDIN_KILL;
	if (kill(-t->pid, signo) && kill(t->pid, signo))
		weft__log(WEFT__LOG_WARN, "WEFT-TASK-SIGNAL", "job=%u pid=%ld signo=%d was not delivered", vm->job,
		          (long)t->pid, signo);
}

void taskvm_signal(struct taskvm *vm, const struct weft__msg_task_signal *m)
{
	if (m->signo == SIGKILL)
		taskvm_launch_cancel(vm, m->tid, "it was killed before it started");
	else
		taskvm_launch_all(vm); /* what was asked for before gets the signal as well */
	taskvm_crew_settle(vm);
	if (m->tid) {
		struct taskvm_task *t = weft__map_get(&vm->by_tid, m->tid);
		if (t)
			task_signal(vm, t, (int)m->signo);
		return;
	}
	for (struct weft__list *i = vm->tasks.next; i != &vm->tasks; i = i->next)
		task_signal(vm, WEFT__CONTAINER(i, struct taskvm_task, link), (int)m->signo);
}
