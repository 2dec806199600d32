/* weft.h: the virtual machine; spawn, signal, wait; groups, notify, names. */
#include "config.h"

#include "bindings/c/weft.h"

#include <limits.h>

#include "proto/proto.h"
#include "task/engine.h"

int weft_nodes(weft_node_t *nodes, int max, int *n)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__nodes(e, nodes, max, n) : WEFT_ENOTINIT);
}

int weft_tasks(uint32_t job, uint32_t node, weft_task_t *tasks, int max, int *n)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__tasks(e, job, node, tasks, max, n) : WEFT_ENOTINIT);
}

int weft_add_node(const char *host, uint32_t *node)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__add_node(e, host, node) : WEFT_ENOTINIT);
}

int weft_remove_node(uint32_t node)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__remove_node(e, node) : WEFT_ENOTINIT);
}

int weft_spawn(const char *program, const char *const *argv, const weft_spawn_opts_t *opts,
               int count, weft_tid_t *tids, int *errors)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__spawn(e, program, argv, opts, count, tids, errors)
	                     : WEFT_ENOTINIT);
}

int weft_signal(weft_tid_t tid, int signo)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__signal(e, tid, signo) : WEFT_ENOTINIT);
}

int weft_kill(weft_tid_t tid)
{
	return weft_signal(tid, 9);
}

int weft_wait_exit(weft_tid_t tid, weft_exit_t *how, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__wait_exit(e, tid, how, timeout_ms) : WEFT_ENOTINIT);
}

/* --- groups ----------------------------------------------------------------------------------- */

/* An operation whose answer is a number that the call returns. */
static int group(int op, const char *name, uint64_t arg)
{
	struct weft__engine *e = weft__here();
	uint64_t value = 0;
	int rc = e ? weft__group(e, op, name, arg, &value, -1) : WEFT_ENOTINIT;
	return weft__ended(rc ? rc : value <= INT_MAX ? (int)value : WEFT_EINTERNAL);
}

int weft_group_join(const char *name)
{
	return group(WEFT__GROUP_JOIN, name, 0);
}

int weft_group_leave(const char *name)
{
	int rc = group(WEFT__GROUP_LEAVE, name, 0);
	return rc < 0 ? rc : 0;
}

int weft_group_size(const char *name)
{
	return group(WEFT__GROUP_SIZE, name, 0);
}

int weft_group_member(const char *name, int instance, weft_tid_t *tid)
{
	struct weft__engine *e = weft__here();
	uint64_t value = 0;
	int rc = e ? 0 : WEFT_ENOTINIT;
	if (rc == 0 && !tid)
		rc = WEFT_EINVAL;
	if (rc == 0 && instance < 0)
		rc = WEFT_ENOTMEMBER;
	if (rc == 0)
		rc = weft__group(e, WEFT__GROUP_MEMBER, name, (uint64_t)instance, &value, -1);
	if (rc == 0)
		tid->v = value;
	return weft__ended(rc);
}

int weft_group_instance(const char *name, weft_tid_t tid)
{
	return group(WEFT__GROUP_INSTANCE, name, tid.v);
}

int weft_group_barrier(const char *name, int count, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = !e ? WEFT_ENOTINIT : count < 0 ? WEFT_EINVAL : 0;
	if (rc == 0)
		rc = weft__group_barrier(e, name, (uint64_t)count, timeout_ms);
	return weft__ended(rc);
}

/* --- notify, names ---------------------------------------------------------------------------- */

int weft_notify(int what, weft_context_t context, int32_t tag, const uint64_t *ids, int n)
{
	struct weft__engine *e = weft__here();
	int rc = !e ? WEFT_ENOTINIT : context.v & WEFT__CONTEXT_INTERNAL ? WEFT_EINVAL : 0;
	return weft__ended(rc ? rc : weft__notify(e, what, context, tag, ids, n));
}

int weft_name_put(const char *name, const void *value, size_t nbytes, int replace)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__name_put(e, name, value, nbytes, replace) : WEFT_ENOTINIT);
}

int weft_name_get(const char *name, void *value, size_t size, size_t *nbytes)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__name_get(e, name, value, size, nbytes, 0) : WEFT_ENOTINIT);
}

int weft_name_wait(const char *name, void *value, size_t size, size_t *nbytes, int timeout_ms)
{
	struct weft__engine *e = weft__here();
	int rc = e ? weft__name_get(e, name, value, size, nbytes, timeout_ms) : WEFT_ENOTINIT;
	return weft__ended(rc == WEFT_ENOENT && timeout_ms == 0 ? WEFT_ETIMEDOUT : rc);
}

int weft_name_delete(const char *name)
{
	struct weft__engine *e = weft__here();
	return weft__ended(e ? weft__name_delete(e, name) : WEFT_ENOTINIT);
}
