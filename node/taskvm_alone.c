/* Tasks that run an MPI which nobody hosts: each would be a world of one rank, and nobody told.
 *
 * Happy path: a job's first task is looked at when it writes something, and a few times in its first
 * minutes: what libraries it and its descendants have loaded. When an MPI's is among them, and no launcher of the
 * task's own making has given it a place in a world, the user is told once, with the option that mends it.
 *
 * Only tasks that --mpi does not speak of are looked at, in jobs of several tasks. What can't be read (a process that
 * has ended, one of another user) is left alone.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/log.h"
#include "node/taskvm.h"

enum { PROCESSES_MAX = 32, LINE_ROOM = 4200, PAUSE_MS = 50 };

static const uint64_t looks_ms[] = {250, 1000, 4000, 16000, 64000}; /* after the start */

static FILE *open_proc(pid_t pid, const char *name)
{
	char path[96];
	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

/* Whose library the process has loaded; its name into library. */
static enum family loaded(pid_t pid, char library[FAMILY_LIBRARY])
{
	char line[LINE_ROOM];
	enum family f = FAMILY_NONE;
	FILE *maps = open_proc(pid, "maps");
	while (maps && f == FAMILY_NONE && fgets(line, sizeof line, maps)) {
		const char *name = strrchr(line, '/');
		if (!name)
			continue;
		name++;
		line[strcspn(line, "\n")] = '\0';
		f = family_of_library(name);
		snprintf(library, FAMILY_LIBRARY, "%.79s", name);
	}
	if (maps)
		fclose(maps);
	return f;
}

/* By variables of a launcher: one that the task has started itself. */
static bool has_world(pid_t pid)
{
	static const char *const names[] = {"PMI_RANK=", "PMI_FD=", "PMI_PORT=", "PMIX_NAMESPACE=", "PMIX_RANK=", "OMPI_COMM_WORLD_SIZE="};
	char text[LINE_ROOM];
	size_t n = 0;
	bool found = false;
	FILE *f = open_proc(pid, "environ");
	for (int c; f && !found && (c = getc(f)) != EOF;) {
		if (n < sizeof text - 1)
			text[n++] = (char)c;
		if (c != '\0')
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			found |= !strncmp(text, names[i], strlen(names[i]));
		n = 0;
	}
	if (f)
		fclose(f);
	return found;
}

/* Behind those in pids[n]; how many there are then. */
static size_t add_children(pid_t pid, pid_t *pids, size_t n)
{
	char name[64];
	int child;
	snprintf(name, sizeof name, "task/%ld/children", (long)pid);
	FILE *f = open_proc(pid, name);
	while (f && n < PROCESSES_MAX && fscanf(f, "%d", &child) == 1)
		pids[n++] = child;
	if (f)
		fclose(f);
	return n;
}

static void tell(struct taskvm *vm, struct taskvm_task *t, pid_t pid, enum family f, const char *library)
{
	char line[2 * TASKVM_TEXT], tid[WEFT__TID_TEXT];
	const char *cure = f == FAMILY_OPENMPI ? "--mpi=openmpi makes them one"
	                 : f == FAMILY_MPICH   ? "--mpi=mpich makes them one"
	                                       : "Weft can't host this MPI";
	snprintf(line, sizeof line,
	         "weft: rank %u (%s, pid %ld) on %.60s runs an MPI (%.40s) that nobody hosts: each of the %u tasks is a world of "
	         "its own; %s, --mpi=none says that this is meant\n",
	         t->rank, weft__tid_format((weft_tid_t){t->tid}, tid), (long)pid, vm->host, library, vm->size, cure);
	weft__log(WEFT__LOG_INFO, "WEFT-MPI-ALONE", "job=%u pid=%ld %s", vm->job, (long)pid, library);
	taskvm_output_say(vm, t, line);
}

static void look(struct taskvm *vm, struct taskvm_alone *a)
{
	char library[FAMILY_LIBRARY];
	pid_t pids[PROCESSES_MAX];
	size_t n = 1;
	pids[0] = a->task->pid;
	for (size_t i = 0; i < n; i++) {
		enum family f = loaded(pids[i], library);
		if (f != FAMILY_NONE && !has_world(pids[i])) {
			tell(vm, a->task, pids[i], f, library);
			a->task = NULL;
			return;
		}
		n = add_children(pids[i], pids, n);
	}
}

void taskvm_alone_started(struct taskvm *vm, const struct taskvm_launch *l, struct taskvm_task *t)
{
	if (vm->alone.task || vm->alone.nlooks || vm->size < 2 || t->rank != 0 || t->family != FAMILY_NONE || l->mpi != WEFT__MPI_AUTO)
		return;
	vm->alone.task = t;
	vm->alone.start_ns = weft__clock_ns();
	vm->alone.due_ns = vm->alone.start_ns + looks_ms[0] * 1000000;
}

void taskvm_alone_wrote(struct taskvm *vm, const struct taskvm_task *t)
{
	uint64_t now = weft__clock_ns();
	if (vm->alone.task != t || t->state != TASKVM_RUNNING || now < vm->alone.pause_ns)
		return;
	vm->alone.pause_ns = now + (uint64_t)PAUSE_MS * 1000000;
	look(vm, &vm->alone);
}

uint64_t taskvm_alone_due_ns(const struct taskvm *vm)
{
	return vm->alone.task ? vm->alone.due_ns : WEFT__NEVER;
}

void taskvm_alone_timers(struct taskvm *vm, uint64_t now_ns)
{
	struct taskvm_alone *a = &vm->alone;
	if (!a->task || now_ns < a->due_ns)
		return;
	if (a->task->state == TASKVM_RUNNING)
		look(vm, a);
	a->nlooks++;
	if (a->nlooks == sizeof looks_ms / sizeof *looks_ms || (a->task && a->task->state != TASKVM_RUNNING))
		a->task = NULL;
	else
		a->due_ns = a->start_ns + looks_ms[a->nlooks] * 1000000;
}
