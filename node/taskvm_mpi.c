#include "config.h"

#include "node/taskvm_mpi.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/ids.h"
#include "base/log.h"
#include "node/ask.h"

enum { EVENTS_MAX = 64, VARIABLES_MAX = 128 };

int taskvm_mpi_prepare(struct taskvm *vm, struct taskvm_launch *l, struct weft_error *e)
{
	if (l->family == FAMILY_NONE)
		return 0;
	if (vm->mpi_fds < 0)
		vm->mpi_fds = epoll_create1(EPOLL_CLOEXEC);
	if (vm->mpi_fds < 0)
		return weft__err_set(e, WEFT_ENOSPC, "no descriptors left; see ulimit -n");
	if (!taskvm_world(vm, l->family))
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	switch (l->family) {
	case FAMILY_MPICH:
		return taskvm_pmi1_prepare(vm, l, e);
	case FAMILY_OPENMPI:
		return taskvm_pmix_prepare(vm, l, e);
	case FAMILY_OTHER:
	case FAMILY_UNCLEAR:
	case FAMILY_NONE:
		break;
	}
	return 0;
}

int taskvm_mpi_open(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, int *fd)
{
	*fd = -1;
	t->family = l->family;
	if (t->family != FAMILY_NONE)
		t->mpi_rank = world_rank(taskvm_world(vm, t->family), t->rank);
	if (l->family == FAMILY_OPENMPI)
		return taskvm_pmix_open(vm, l, t);
	return l->family == FAMILY_MPICH ? taskvm_pmi1_open(vm, l, t, fd) : 0;
}

void taskvm_mpi_started(struct taskvm *vm, struct taskvm_task *t, bool runs)
{
	for (size_t i = 0; t->variables && t->variables[i]; i++)
		weft__free(t->variables[i]);
	weft__free(t->variables);
	t->variables = NULL;
	if (t->family == FAMILY_MPICH)
		taskvm_pmi1_started(vm, t, runs);
}

void taskvm_mpi_ended(struct taskvm *vm, struct taskvm_task *t)
{
	if (t->family == FAMILY_MPICH)
		taskvm_pmi1_ended(vm, t);
	else if (t->family == FAMILY_OPENMPI)
		taskvm_pmix_ended(vm, t);
}

void taskvm_mpi_clean(struct taskvm *vm)
{
	if (vm->pmi1)
		taskvm_pmi1_clean(vm);
	if (vm->pmix)
		taskvm_pmix_clean(vm);
}

int taskvm_mpi_fd(const struct taskvm *vm)
{
	return vm->mpi_fds;
}

void taskvm_mpi_ready(struct taskvm *vm)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(vm->mpi_fds, events, EVENTS_MAX, 0);
	for (int i = 0; i < n; i++) {
		struct taskvm_task *t = events[i].data.ptr;
		if (!t)
			taskvm_pmix_read(vm);
		else if (t->mpi_fd >= 0) /* not closed because of an earlier one */
			taskvm_pmi1_ready(vm, t, events[i].events);
	}
}

/* --- for the hosts ----------------------------------------------------------------------------------- */

void taskvm_mpi_blame(struct taskvm *vm, const struct taskvm_task *t, int exit_code, const char *what)
{
	char text[TASKVM_TEXT], tid[WEFT__TID_TEXT], line[TASKVM_TEXT + 40];
	if (vm->blamed || vm->terminating)
		return;
	vm->blamed = true;
	snprintf(text, sizeof text, "rank %u (%s, pid %ld) on %.60s %.150s", t->rank,
	         weft__tid_format((weft_tid_t){t->tid}, tid), (long)t->pid, vm->host, what);
	weft__log(WEFT__LOG_INFO, "WEFT-MPI-ABORT", "job=%u code=%d %s", vm->job, exit_code, text);
	ask_abort(vm, t->tid, exit_code, text);
	struct taskvm_task *writer = weft__map_get(&vm->by_tid, t->tid);
	if (vm->logged && writer) {
		snprintf(line, sizeof line, "weft: %s; the job was ended\n", text);
		taskvm_output_say(vm, writer, line);
	}
}

void taskvm_mpi_blame_end(struct taskvm *vm, const struct taskvm_task *t, const char *when)
{
	char what[TASKVM_TEXT];
	int signo = (int)t->exited.signo, code = (int)t->exited.exit_code;
	if (signo)
		snprintf(what, sizeof what, "was killed by signal %d (%s) %s", signo, strsignal(signo), when);
	else
		snprintf(what, sizeof what, "ended with exit code %d %s", code, when);
	taskvm_mpi_blame(vm, t, signo ? 128 + signo : code ? code : 1, what);
}

bool taskvm_mpi_variable(struct taskvm_task *t, const char *format, ...)
{
	char text[4096];
	size_t n = 0;
	va_list ap;
	va_start(ap, format);
	int length = vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (!t->variables)
		t->variables = weft__calloc(VARIABLES_MAX + 1, sizeof(char *));
	while (t->variables && t->variables[n])
		n++;
	if (!t->variables || n == VARIABLES_MAX || length < 0 || (size_t)length >= sizeof text)
		return false;
	t->variables[n] = weft__strdup(text);
	return t->variables[n] != NULL;
}
