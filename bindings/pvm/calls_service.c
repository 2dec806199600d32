/* PVM's calls about mailboxes, services, options and contexts: traced, then done. */
#include "config.h"

#include "bindings/pvm/calls.h"

int pvm_putinfo(char *name, int bufid, int flags)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(name)},
	                                      {TEV_DID_CI, PvmMboxDirectIndexOf(flags), NULL},
	                                      {TEV_DID_CF, flags, NULL},
	                                      {TEV_DID_CD, bufid, NULL}};
	weft__trace_enter(TEV_PUTINFO, 4, fields);
	return weft__trace_leave(TEV_PUTINFO, TEV_DID_CC, weft__call_putinfo(name, bufid, flags));
}

int pvm_recvinfo(char *name, int index, int flags)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(name)},
	                                      {TEV_DID_CI, index, NULL},
	                                      {TEV_DID_CF, flags, NULL}};
	weft__trace_enter(TEV_GETINFO, 3, fields);
	return weft__trace_leave(TEV_GETINFO, TEV_DID_CR, weft__call_recvinfo(name, index, flags));
}

int pvm_delinfo(char *name, int index, int flags)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(name)},
	                                      {TEV_DID_CI, index, NULL},
	                                      {TEV_DID_CF, flags, NULL}};
	weft__trace_enter(TEV_DELINFO, 3, fields);
	return weft__trace_leave(TEV_DELINFO, TEV_DID_CC, weft__call_delinfo(name, index, flags));
}

int pvm_getmboxinfo(char *pattern, int *nclasses, struct pvmmboxinfo **classes)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(pattern)}};
	weft__trace_enter(TEV_GETMBOXINFO, 1, fields);
	return weft__trace_leave(TEV_GETMBOXINFO, TEV_DID_CC, weft__call_getmboxinfo(pattern, nclasses, classes));
}

int pvm_insert(char *name, int index, int number)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(name)},
	                                      {TEV_DID_CI, index, NULL},
	                                      {TEV_DID_CD, number, NULL}};
	weft__trace_enter(TEV_INSERT, 3, fields);
	return weft__trace_leave(TEV_INSERT, TEV_DID_CC, weft__call_insert(name, index, number));
}

int pvm_lookup(char *name, int index, int *number)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(name)}, {TEV_DID_CI, index, NULL}};
	weft__trace_enter(TEV_LOOKUP, 2, fields);
	return weft__trace_leave(TEV_LOOKUP, TEV_DID_CC, weft__call_lookup(name, index, number));
}

int pvm_delete(char *name, int index)
{
	const struct weft__traced fields[] = {{TEV_DID_CN, 0, weft__text(name)}, {TEV_DID_CI, index, NULL}};
	weft__trace_enter(TEV_DELETE, 2, fields);
	return weft__trace_leave(TEV_DELETE, TEV_DID_CC, weft__call_delete(name, index));
}

int pvm_hostsync(int host, struct timeval *clock, struct timeval *delta)
{
	const struct weft__traced fields[] = {{TEV_DID_HPT, host, NULL}};
	weft__trace_enter(TEV_HOSTSYNC, 1, fields);
	struct timeval theirs = {0}, difference = {0};
	int rc = weft__call_hostsync(host, &theirs, &difference);
	if (clock && rc == PvmOk)
		*clock = theirs;
	if (delta && rc == PvmOk)
		*delta = difference;
	const struct weft__traced result[] = {{TEV_DID_CC, rc, NULL},
	                                      {TEV_DID_HCS, (int)theirs.tv_sec, NULL},
	                                      {TEV_DID_HCU, (int)theirs.tv_usec, NULL},
	                                      {TEV_DID_HDS, (int)difference.tv_sec, NULL},
	                                      {TEV_DID_HDU, (int)difference.tv_usec, NULL}};
	return weft__trace_is_on() ? weft__trace_result(TEV_HOSTSYNC, 5, result) : rc;
}

int pvm_tickle(int nargs, int *args, int *nanswers, int *answers)
{
	weft__trace_enter(TEV_TICKLE, 0, NULL);
	return weft__trace_leave(TEV_TICKLE, TEV_DID_CC, weft__call_tickle(nargs, args, nanswers, answers));
}

int pvm_reg_hoster(void)
{
	weft__trace_enter(TEV_REG_HOSTER, 0, NULL);
	return weft__trace_leave(TEV_REG_HOSTER, TEV_DID_CC, weft__call_reg_hoster());
}

int pvm_reg_rm(struct pvmhostinfo **host)
{
	weft__trace_enter(TEV_REG_RM, 0, NULL);
	return weft__trace_leave(TEV_REG_RM, TEV_DID_CC, weft__call_reg_rm(host));
}

int pvm_reg_tasker(void)
{
	weft__trace_enter(TEV_REG_TASKER, 0, NULL);
	return weft__trace_leave(TEV_REG_TASKER, TEV_DID_CC, weft__call_reg_tasker());
}

int pvm_reg_tracer(int context, int tag, int output_context, int output_tag, char *mask,
                   int buffer, int options)
{
	const struct weft__traced fields[] = {{TEV_DID_TRC, context, NULL},
	                                      {TEV_DID_TRT, tag, NULL},
	                                      {TEV_DID_TRX, output_context, NULL},
	                                      {TEV_DID_TRO, output_tag, NULL},
	                                      {TEV_DID_TRM, 0, weft__text(mask)},
	                                      {TEV_DID_TRB, buffer, NULL},
	                                      {TEV_DID_TRL, options, NULL}};
	weft__trace_enter(TEV_REG_TRACER, 7, fields);
	return weft__trace_leave(TEV_REG_TRACER, TEV_DID_CC,
	                         weft__call_reg_tracer(context, tag, output_context, output_tag, mask, buffer, options));
}

int pvm_setopt(int what, int value)
{
	const struct weft__traced fields[] = {{TEV_DID_OPT, what, NULL}, {TEV_DID_OPV, value, NULL}};
	weft__trace_enter(TEV_SETOPT, 2, fields);
	return weft__trace_leave(TEV_SETOPT, TEV_DID_OPV, weft__call_setopt(what, value));
}

int pvm_getopt(int what)
{
	const struct weft__traced fields[] = {{TEV_DID_OPT, what, NULL}};
	weft__trace_enter(TEV_GETOPT, 1, fields);
	return weft__trace_leave(TEV_GETOPT, TEV_DID_OPV, weft__call_getopt(what));
}

int pvm_settmask(int who, Pvmtmask mask)
{
	const struct weft__traced fields[] = {{TEV_DID_TMW, who, NULL}, {TEV_DID_TM, 0, weft__text(mask)}};
	weft__trace_enter(TEV_SETTMASK, 2, fields);
	return weft__trace_leave(TEV_SETTMASK, TEV_DID_CC, weft__call_settmask(who, mask));
}

int pvm_gettmask(int who, Pvmtmask mask)
{
	const struct weft__traced fields[] = {{TEV_DID_TMW, who, NULL}};
	weft__trace_enter(TEV_GETTMASK, 1, fields);
	return weft__trace_leave(TEV_GETTMASK, TEV_DID_CC, weft__call_gettmask(who, mask));
}

int pvm_newcontext(void)
{
	weft__trace_enter(TEV_NEWCONTEXT, 0, NULL);
	return weft__trace_leave(TEV_NEWCONTEXT, TEV_DID_CXN, weft__call_newcontext());
}

int pvm_setcontext(int context)
{
	const struct weft__traced fields[] = {{TEV_DID_CXS, context, NULL}};
	weft__trace_enter(TEV_SETCONTEXT, 1, fields);
	return weft__trace_leave(TEV_SETCONTEXT, TEV_DID_CC, weft__call_setcontext(context));
}

int pvm_getcontext(void)
{
	weft__trace_enter(TEV_GETCONTEXT, 0, NULL);
	return weft__trace_leave(TEV_GETCONTEXT, TEV_DID_CXC, weft__call_getcontext());
}

int pvm_freecontext(int context)
{
	const struct weft__traced fields[] = {{TEV_DID_CXF, context, NULL}};
	weft__trace_enter(TEV_FREECONTEXT, 1, fields);
	return weft__trace_leave(TEV_FREECONTEXT, TEV_DID_CC, weft__call_freecontext(context));
}
