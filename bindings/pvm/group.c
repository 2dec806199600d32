/* libgpvm3: groups. Their membership is the coordinator's; instance numbers are the lowest that are
 * free. Broadcast, gather, scatter and reduce are messages between the members. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "bindings/pvm/exported.h"
#include "proto/proto.h"

enum { NAME_BYTES = 255 };

/* PVM's group calls print nothing when they fail, whatever PvmAutoErr is; gather, scatter and reduce do. */
static int silent(int code)
{
	pvm_errno = code;
	return code;
}

static int ask(int op, const char *group, uint64_t arg, int *value)
{
	if (!group || !*group)
		return PvmNullGroup;
	if (strlen(group) > NAME_BYTES)
		return PvmBadParam;
	return pvm_weft_group(op, group, arg, value);
}

/* --- membership ------------------------------------------------------------------------------- */

int pvm_joingroup(char *group)
{
	pvm_weft_group_enter(TEV_JOINGROUP, group, -1, 0);
	int instance = 0, rc = ask(WEFT__GROUP_JOIN, group, 0, &instance);
	if (rc == PvmAlready)
		rc = PvmDupGroup;
	return pvm_weft_group_leave(TEV_JOINGROUP, TEV_DID_CC, rc ? silent(rc) : instance);
}

int pvm_lvgroup(char *group)
{
	pvm_weft_group_enter(TEV_LVGROUP, group, -1, 0);
	int rc = ask(WEFT__GROUP_LEAVE, group, 0, NULL);
	return pvm_weft_group_leave(TEV_LVGROUP, TEV_DID_CC, rc ? silent(rc) : PvmOk);
}

int pvm_gsize(char *group)
{
	pvm_weft_group_enter(TEV_GSIZE, group, -1, 0);
	int size = 0, rc = ask(WEFT__GROUP_SIZE, group, 0, &size);
	return pvm_weft_group_leave(TEV_GSIZE, TEV_DID_GS, rc ? silent(rc) : size);
}

static int member(const char *group, int instance, int *tid)
{
	int rc = instance < 0 ? PvmNoInst
	                      : ask(WEFT__GROUP_MEMBER, group, (uint64_t)instance, tid);
	return rc == PvmNotInGroup ? PvmNoInst : rc;
}

int pvm_gettid(char *group, int instance)
{
	pvm_weft_group_enter(TEV_GETTID, group, TEV_DID_GI, instance);
	int tid = 0, rc = member(group, instance, &tid);
	return pvm_weft_group_leave(TEV_GETTID, TEV_DID_GT, rc ? silent(rc) : tid);
}

static int instance_of(const char *group, int tid, int *instance)
{
	return tid <= 0 ? PvmBadParam : ask(WEFT__GROUP_INSTANCE, group, (uint64_t)tid, instance);
}

int pvm_getinst(char *group, int tid)
{
	pvm_weft_group_enter(TEV_GETINST, group, TEV_DID_GT, tid);
	int instance = 0, rc = instance_of(group, tid, &instance);
	return pvm_weft_group_leave(TEV_GETINST, TEV_DID_GI, rc ? silent(rc) : instance);
}

/* --- barriers --------------------------------------------------------------------------------- */

static int barrier(const char *group, int count)
{
	if (count < -1 || count == 0)
		return group && *group ? PvmMismatch : PvmNullGroup;
	int rc = ask(WEFT__GROUP_BARRIER, group, count < 0 ? 0 : (uint64_t)count, NULL);
	return rc == PvmBadParam ? PvmMismatch : rc; /* others wait there with another count */
}

int pvm_barrier(char *group, int count)
{
	pvm_weft_group_enter(TEV_BARRIER, group, TEV_DID_GBC, count);
	int rc = barrier(group, count);
	return pvm_weft_group_leave(TEV_BARRIER, TEV_DID_CC, rc ? silent(rc) : PvmOk);
}

/* Waits until size tasks have joined and asked for it. Their number. */
int pvm_freezegroup(char *group, int size)
{
	int rc = barrier(group, size);
	if (rc == PvmOk)
		rc = ask(WEFT__GROUP_SIZE, group, 0, &size);
	return rc ? silent(rc) : size;
}

/* PVM's group server, and how long to wait for it; for tools that ask it. NULL: for ever. */
struct timeval *pvmgs_tmout;

int gs_getgstid(void)
{
	return pvm_weft_group_server();
}

/* --- messages among members ------------------------------------------------------------------- */

/* The members by instance, 0: none has it; free() it. How many instances, or an error. */
static int members(const char *group, int **tids)
{
	if (!group || !*group)
		return PvmNullGroup;
	return pvm_weft_group_members(group, tids);
}

int pvm_bcast(char *group, int tag)
{
	pvm_weft_group_enter(TEV_BCAST, group, TEV_DID_MC, tag);
	int *tids, to = 0, me = pvm_mytid(), n = members(group, &tids);
	if (n < 0)
		return pvm_weft_group_leave(TEV_BCAST, TEV_DID_CC, silent(n));
	for (int i = 0; i < n; i++)
		if (tids[i] && tids[i] != me)
			tids[to++] = tids[i];
	int rc = to ? pvm_mcast(tids, to, tag) : silent(PvmNoInst);
	free(tids);
	return pvm_weft_group_leave(TEV_BCAST, TEV_DID_CC, rc);
}

/* What gather, scatter and reduce start with. */
struct call {
	int me, root, root_tid; /* instances, and the root's tid */
	int *tids, n;           /* of the members; n 0 but at the root */
	size_t bytes;           /* of one member's part */
};

static int begin(struct call *c, const char *group, int root, int count, int type, int tag)
{
	*c = (struct call){.root = root, .bytes = pvm_weft_type_size(type) * (size_t)count};
	if (!pvm_weft_type_size(type) || count < 1)
		return PvmBadParam;
	int me = pvm_mytid();
	c->n = members(group, &c->tids);
	if (c->n < 0)
		return c->n;
	for (c->me = 0; c->me < c->n && c->tids[c->me] != me;)
		c->me++;
	if (c->me == c->n)
		return PvmNotInGroup;
	c->root_tid = root >= 0 && root < c->n ? c->tids[root] : 0;
	if (c->me != root)
		c->n = 0; /* the root deals with all of them, the others with the root */
	return c->root_tid ? PvmOk : PvmNoInst;
}

static int end(struct call *c, const char *name, int rc)
{
	free(c->tids);
	return rc ? lpvmerr(name, rc) : PvmOk;
}

/* From one member, all of it. */
static int receive(int tid, int tag, void *to, int count, int type, size_t bytes)
{
	int length, rc = pvm_precv(tid, tag, to, count, type, NULL, NULL, &length);
	return rc == PvmOk && (size_t)length != bytes ? PvmMismatch : rc;
}

int pvm_gather(void *result, void *data, int count, int type, int tag, char *group, int root)
{
	pvm_weft_group_enter(TEV_GATHER, group, TEV_DID_MC, tag);
	struct call c;
	int rc = begin(&c, group, root, count, type, tag);
	if (rc == PvmOk && c.me != root)
		rc = pvm_psend(c.root_tid, tag, data, count, type);
	if (rc == PvmOk && c.me == root && count && !result)
		rc = PvmBadParam;
	for (int i = 0; rc == PvmOk && i < c.n; i++) {
		char *to = (char *)result + (size_t)i * c.bytes;
		if (i == root && c.bytes)
			memmove(to, data, c.bytes);
		else if (c.tids[i] && i != root)
			rc = receive(c.tids[i], tag, to, count, type, c.bytes);
	}
	return pvm_weft_group_leave(TEV_GATHER, TEV_DID_CC, end(&c, "pvm_gather", rc));
}

int pvm_scatter(void *result, void *data, int count, int type, int tag, char *group, int root)
{
	pvm_weft_group_enter(TEV_SCATTER, group, TEV_DID_MC, tag);
	struct call c;
	int rc = begin(&c, group, root, count, type, tag);
	if (rc == PvmOk && count && (!result || (c.me == root && !data)))
		rc = PvmBadParam;
	if (rc == PvmOk && c.me != root)
		rc = receive(c.root_tid, tag, result, count, type, c.bytes);
	for (int i = 0; rc == PvmOk && i < c.n; i++) {
		char *from = (char *)data + (size_t)i * c.bytes;
		if (i == root && c.bytes)
			memmove(result, from, c.bytes);
		else if (c.tids[i] && i != root)
			rc = pvm_psend(c.tids[i], tag, from, count, type);
	}
	return pvm_weft_group_leave(TEV_SCATTER, TEV_DID_CC, end(&c, "pvm_scatter", rc));
}

int pvm_reduce(void (*func)(int *, void *, void *, int *, int *), void *data, int count, int type,
               int tag, char *group, int root)
{
	pvm_weft_group_enter(TEV_REDUCE, group, TEV_DID_MC, tag);
	struct call c;
	int info = 0, rc = begin(&c, group, root, count, type, tag);
	if (rc == PvmOk && (!func || (count && !data)))
		rc = PvmBadParam;
	if (rc == PvmOk && c.me != root)
		rc = pvm_psend(c.root_tid, tag, data, count, type);
	void *theirs = rc == PvmOk && c.me == root ? malloc(c.bytes ? c.bytes : 1) : NULL;
	if (rc == PvmOk && c.me == root && !theirs)
		rc = PvmNoMem;
	for (int i = 0; rc == PvmOk && i < c.n; i++) {
		if (!c.tids[i] || i == root)
			continue;
		rc = receive(c.tids[i], tag, theirs, count, type, c.bytes);
		if (rc == PvmOk)
			func(&type, data, theirs, &count, &info);
		if (rc == PvmOk && info < 0)
			rc = info;
	}
	free(theirs);
	return pvm_weft_group_leave(TEV_REDUCE, TEV_DID_CC, end(&c, "pvm_reduce", rc));
}
