/* Which tasks of a job belong to the world of which MPI.
 *
 * Happy path: in a job of one program all belong to one, and nobody is asked. In one of several programs a task VM knows
 * its own tasks' programs alone; with the last LAUNCH it gives what it has found to the others, by an exchange,
 * and gets what they have found. Programs of no MPI start meanwhile, those of an MPI when the worlds are known. A task
 * VM whose tasks have all ended stays until then.
 *
 * What can go wrong: the exchange fails, because a node of the job is lost: the tasks that wait for it do not start, and
 * their text says why. What another task VM gives is checked; what makes no sense is WEFT_EPROTO.
 */
#include "config.h"

#include "node/taskvm.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "base/ids.h"
#include "node/exchange.h"

enum { RUN_BYTES = 9 }; /* first rank, how many, their family */

/* Those of our tasks that belong to an MPI, in runs of equal ones. */
static int print_runs(const struct taskvm *vm, struct weft__buf *runs)
{
	int rc = 0;
	for (uint32_t i = 0, count; i < vm->size && !rc; i += count) {
		uint8_t family = vm->families[i], run[RUN_BYTES];
		for (count = 1; i + count < vm->size && vm->families[i + count] == family;)
			count++;
		if (family == FAMILY_NONE)
			continue;
		weft__u32_put(run, i);
		weft__u32_put(run + 4, count);
		run[8] = family;
		rc = weft__buf_append(runs, run, sizeof run);
	}
	return rc;
}

static int read_runs(struct taskvm *vm, const uint8_t *bytes, size_t n)
{
	for (; n >= RUN_BYTES; bytes += RUN_BYTES, n -= RUN_BYTES) {
		uint32_t first = weft__u32_get(bytes), count = weft__u32_get(bytes + 4);
		uint8_t family = bytes[8];
		if (first >= vm->size || count > vm->size - first || (family != FAMILY_OPENMPI && family != FAMILY_MPICH))
			return WEFT_EPROTO;
		memset(vm->families + first, family, count);
	}
	return n ? WEFT_EPROTO : 0;
}

static void met(void *arg, int code, const char *text, const struct exchange_piece *pieces, size_t npieces)
{
	struct taskvm *vm = arg;
	vm->meeting = false;
	for (size_t i = 0; i < npieces && !code; i++) {
		code = read_runs(vm, pieces[i].bytes, pieces[i].nbytes);
		text = "what its nodes say of the job's programs makes no sense";
	}
	taskvm_launch_release(vm, code, text);
}

static bool all_here(const struct taskvm *vm)
{
	for (uint32_t i = 0; i < vm->size; i++)
		if (weft__tid_node((weft_tid_t){vm->tids[i]}) != vm->node)
			return false;
	return true;
}

void taskvm_world_add(struct taskvm *vm, const struct taskvm_launch *l)
{
	if (!vm->families)
		vm->families = weft__calloc((size_t)vm->size + 1, 1);
	for (size_t i = 0; vm->families && i < l->ntasks; i++)
		if (l->tasks[i]->rank < vm->size && l->held)
			vm->families[l->tasks[i]->rank] = (uint8_t)l->family;
}

void taskvm_world_complete(struct taskvm *vm)
{
	struct weft__buf runs = {0};
	if (vm->completed)
		return;
	vm->completed = true;
	int rc = vm->families && vm->tids ? 0 : WEFT_ENOMEM;
	if (!rc && all_here(vm)) {
		taskvm_launch_release(vm, 0, "");
		return;
	}
	if (!rc)
		rc = print_runs(vm, &runs);
	if (!rc)
		rc = exchange_start(vm, "programs", NULL, 0, runs.data, runs.len, met, vm);
	vm->meeting = !rc;
	if (rc)
		taskvm_launch_release(vm, rc, weft__err_text(rc));
	weft__buf_fini(&runs);
}

const struct world *taskvm_world(struct taskvm *vm, enum family family)
{
	struct world **place = &vm->worlds[family == FAMILY_MPICH];
	if (*place || !vm->tids)
		return *place;
	uint8_t *members = vm->families ? weft__calloc((size_t)vm->size + 1, 1) : NULL;
	struct world *w = members || !vm->families ? weft__calloc(1, sizeof *w) : NULL;
	for (uint32_t i = 0; members && i < vm->size; i++)
		members[i] = vm->families[i] == family;
	if (w && world_init(w, vm->tids, vm->size, members)) {
		weft__free(w);
		w = NULL;
	}
	weft__free(members);
	return *place = w;
}
