/* PVM's group server, for the tools that ask it. There is no such task: groups are the coordinator's. Who asks for its tid gets
 * that of the first host; what it sends there is answered at once, by a message that seems to come from there.
 *
 * GSLS asks for all groups, which pvm_gstat prints. DUMP, which pvmgroups sends, has the server print them: here the asker does.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/pvm.h"
#include "proto/proto.h"

enum { DUMP = 9, GSLS = 10, NO_BARRIER = -1 };

static bool is_asked;

int weft__pvm_group_server(void)
{
	return is_asked ? weft__pvm_host_of(1) : 0;
}

int pvm_weft_group_server(void)
{
	int rc = weft__pvm_enrol();
	is_asked |= rc == 0;
	return rc ? rc : weft__pvm_group_server();
}

/* --- a group as PVM's tools see it ------------------------------------------------------------ */

struct group {
	const struct weft__group_row *row;
	int *tids, ninstances; /* 0: none has it */
};

static int barrier_of(const struct group *g)
{
	return g->row->barrier ? (int)g->row->barrier : NO_BARRIER;
}

static int waiting(const struct group *g, size_t i)
{
	return weft__pvm_slot(g->row->waiting[i]);
}

/* The groups with their members; one that has gone since it was listed is left out. */
static struct group *load(const struct weft__group_row *rows, size_t n, int *ngroups)
{
	struct group *groups = weft__calloc(n + 1, sizeof *groups);
	*ngroups = 0;
	for (size_t i = 0; groups && i < n; i++) {
		struct group *g = &groups[*ngroups];
		g->row = &rows[i];
		g->ninstances = pvm_weft_group_members(rows[i].name, &g->tids);
		*ngroups += g->ninstances >= 0;
	}
	return groups;
}

static void unload(struct group *groups, int n)
{
	for (int i = 0; i < n; i++)
		free(groups[i].tids);
	weft__free(groups);
}

/* --- GSLS ------------------------------------------------------------------------------------- */

static int pack(struct weft__pvm_buf *b, const int *values, int n)
{
	return weft__pvm_pack(b, PVM_INT, values, n, 1);
}

/* Length of the name, the name, how many members, the highest instance and one, the barrier, who waits there; their tids. */
static int pack_group(struct weft__pvm_buf *b, const struct group *g)
{
	int length = (int)strlen(g->row->name), rc = pack(b, &length, 1);
	int numbers[] = {(int)g->row->size, g->ninstances, barrier_of(g), (int)g->row->nwaiting};
	if (rc == PvmOk)
		rc = weft__pvm_pack_text(b, g->row->name);
	if (rc == PvmOk)
		rc = pack(b, numbers, 4);
	if (rc == PvmOk)
		rc = pack(b, g->tids, g->ninstances);
	for (size_t i = 0; rc == PvmOk && i < g->row->nwaiting; i++)
		rc = pack(b, &(int){waiting(g, i)}, 1);
	return rc;
}

static int answer(const struct group *groups, int n)
{
	struct weft__pvm_buf *b;
	int id = weft__pvm_buf_new(PvmDataDefault, &b);
	if (id < 0)
		return id;
	int rc = pack(b, &n, 1);
	for (int i = 0; rc == PvmOk && i < n; i++)
		rc = pack_group(b, &groups[i]);
	b->src = weft__pvm_group_server();
	b->dst = weft__pvm.tid;
	b->tag = GSLS;
	b->context = pvmmyctx;
	if (rc == PvmOk)
		rc = weft__pvm_deliver(id);
	if (rc)
		weft__pvm_buf_drop(id);
	return rc;
}

/* --- DUMP ------------------------------------------------------------------------------------- */

static void print(const struct group *g)
{
	printf("group: %s  size: %u barrier_count: %d barrier_reached %zu\n  Tids: \n", g->row->name, (unsigned)g->row->size,
	       barrier_of(g), g->row->nwaiting);
	for (int i = 0; i < g->ninstances; i++)
		if (g->tids[i])
			printf("(%d,  0x%x) ", i, (unsigned)g->tids[i]);
	puts("");
	for (size_t i = 0; i < g->row->nwaiting; i++)
		printf("%s0x%x  ", i ? "" : "tids waiting on barrier:\n", (unsigned)waiting(g, i));
	if (g->row->nwaiting)
		puts("");
}

int weft__pvm_tell_group_server(int tag)
{
	struct weft__group_row *rows = NULL;
	size_t nrows = 0;
	int n = 0;
	if (tag != GSLS && tag != DUMP)
		return PvmOk; /* the library's own, which does not ask so */
	int rc = weft__pvm_code(weft__group_list(weft__pvm.e, &rows, &nrows));
	struct group *groups = rc ? NULL : load(rows, nrows, &n);
	if (rc == PvmOk && !groups)
		rc = PvmNoMem;
	if (rc == PvmOk && tag == GSLS)
		rc = answer(groups, n);
	if (rc == PvmOk && tag == DUMP)
		printf("%d groups:\n", n);
	for (int i = 0; rc == PvmOk && tag == DUMP && i < n; i++)
		print(&groups[i]);
	unload(groups, n);
	weft__group_rows_free(rows, nrows);
	return rc;
}
