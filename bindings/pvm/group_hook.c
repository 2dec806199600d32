/* libpvm3's part in groups: the questions to the coordinator. */
#include "config.h"

#include <stdlib.h>

#include "base/heap.h"
#include "bindings/pvm/pvm.h"
#include "proto/proto.h"

size_t pvm_weft_type_size(int type)
{
	return weft__pvm_type_size(type);
}

int pvm_weft_group(int op, const char *group, uint64_t arg, int *value)
{
	uint64_t answer = 0;
	int rc = weft__pvm_enrol();
	if (rc)
		return rc;
	if (op == WEFT__GROUP_INSTANCE) {
		arg = weft__pvm_find((int)arg).v;
		if (arg == 0) { /* no task: is there such a group at all? */
			rc = weft__group(weft__pvm.e, WEFT__GROUP_SIZE, group, 0, &answer, -1);
			return rc ? weft__pvm_code(rc) : PvmNotInGroup;
		}
	}
	rc = op == WEFT__GROUP_BARRIER ? weft__group_barrier(weft__pvm.e, group, arg, -1)
	                               : weft__group(weft__pvm.e, op, group, arg, &answer, -1);
	if (rc)
		return weft__pvm_code(rc);
	if (op == WEFT__GROUP_MEMBER) {
		weft__pvm_learn((weft_tid_t){answer});
		answer = (uint64_t)weft__pvm_slot((weft_tid_t){answer});
	}
	if (value)
		*value = (int)answer;
	return PvmOk;
}

int pvm_weft_group_members(const char *group, int **tids)
{
	weft_tid_t *members;
	size_t n;
	int rc = weft__pvm_enrol();
	if (rc)
		return rc;
	rc = weft__group_members(weft__pvm.e, group, &members, &n);
	if (rc)
		return rc == WEFT_ETOOBIG ? PvmBadParam : weft__pvm_code(rc);
	int *list = malloc((n + 1) * sizeof *list);
	for (size_t i = 0; list && i < n; i++) {
		list[i] = members[i].v ? weft__pvm_slot(members[i]) : 0;
		if (members[i].v)
			weft__pvm_learn(members[i]);
	}
	weft__free(members);
	*tids = list;
	return list ? (int)n : PvmNoMem;
}
