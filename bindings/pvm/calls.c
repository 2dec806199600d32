/* PVM's calls about the machine and its tasks: traced, then done. */
#include "config.h"

#include "bindings/pvm/calls.h"

static void put_fields(int n, const struct weft__traced *fields)
{
	for (int i = 0; i < n; i++)
		if (fields[i].text)
			weft__trace_text(fields[i].field, fields[i].text);
		else
			weft__trace_int(fields[i].field, fields[i].value);
}

void weft__trace_entry(int event, int n, const struct weft__traced *fields)
{
	if (!weft__trace_begin(event | TEV_EVENT_ENTRY))
		return;
	put_fields(n, fields);
	weft__trace_end();
}

int weft__trace_result(int event, int n, const struct weft__traced *fields)
{
	if (weft__trace_begin(event | TEV_EVENT_EXIT)) {
		put_fields(n, fields);
		weft__trace_end();
	}
	return fields->value;
}

int pvm_config(int *nhost, int *narch, struct pvmhostinfo **hostp)
{
	weft__trace_enter(TEV_CONFIG, 0, NULL);
	int hosts = 0, archs = 0, rc = weft__call_config(&hosts, &archs, hostp);
	if (nhost && rc == PvmOk)
		*nhost = hosts;
	if (narch && rc == PvmOk)
		*narch = archs;
	const struct weft__traced result[] = {{TEV_DID_CC, rc, NULL}, {TEV_DID_NH, hosts, NULL}, {TEV_DID_NA, archs, NULL}};
	return weft__trace_is_on() ? weft__trace_result(TEV_CONFIG, 3, result) : rc;
}

int pvm_archcode(char *name)
{
	const struct weft__traced fields[] = {{TEV_DID_AN, 0, weft__text(name)}};
	weft__trace_enter(TEV_ARCHCODE, 1, fields);
	return weft__trace_leave(TEV_ARCHCODE, TEV_DID_AC, weft__call_archcode(name));
}

static void enter_hosts(int event, char **names, int n)
{
	if (!weft__trace_is_on() || !weft__trace_begin(event | TEV_EVENT_ENTRY))
		return;
	weft__trace_texts(TEV_DID_HNL, names, n);
	weft__trace_end();
}

int pvm_addhosts(char **names, int n, int *infos)
{
	enter_hosts(TEV_ADDHOSTS, names, n);
	return weft__trace_leave(TEV_ADDHOSTS, TEV_DID_CC, weft__call_addhosts(names, n, infos));
}

int pvm_delhosts(char **names, int n, int *infos)
{
	enter_hosts(TEV_DELHOSTS, names, n);
	return weft__trace_leave(TEV_DELHOSTS, TEV_DID_CC, weft__call_delhosts(names, n, infos));
}

int pvm_mstat(char *host)
{
	const struct weft__traced fields[] = {{TEV_DID_HN, 0, weft__text(host)}};
	weft__trace_enter(TEV_MSTAT, 1, fields);
	return weft__trace_leave(TEV_MSTAT, TEV_DID_HS, weft__call_mstat(host));
}

int pvm_tasks(int where, int *ntask, struct pvmtaskinfo **taskp)
{
	const struct weft__traced fields[] = {{TEV_DID_TW, where, NULL}};
	weft__trace_enter(TEV_TASKS, 1, fields);
	int n = 0, rc = weft__call_tasks(where, &n, taskp);
	if (ntask && rc == PvmOk)
		*ntask = n;
	const struct weft__traced result[] = {{TEV_DID_CC, rc, NULL}, {TEV_DID_TNT, n, NULL}};
	return weft__trace_is_on() ? weft__trace_result(TEV_TASKS, 2, result) : rc;
}

int pvm_pstat(int tid)
{
	const struct weft__traced fields[] = {{TEV_DID_TT, tid, NULL}};
	weft__trace_enter(TEV_PSTAT, 1, fields);
	return weft__trace_leave(TEV_PSTAT, TEV_DID_TST, weft__call_pstat(tid));
}

int pvm_sendsig(int tid, int signo)
{
	const struct weft__traced fields[] = {{TEV_DID_TT, tid, NULL}, {TEV_DID_SN, signo, NULL}};
	weft__trace_enter(TEV_SENDSIG, 2, fields);
	return weft__trace_leave(TEV_SENDSIG, TEV_DID_CC, weft__call_sendsig(tid, signo));
}

int pvm_kill(int tid)
{
	const struct weft__traced fields[] = {{TEV_DID_TT, tid, NULL}};
	weft__trace_enter(TEV_KILL, 1, fields);
	return weft__trace_leave(TEV_KILL, TEV_DID_CC, weft__call_kill(tid));
}

int pvm_start_pvmd(int argc, char **argv, int block)
{
	const struct weft__traced fields[] = {{TEV_DID_BF, block, NULL}};
	weft__trace_enter(TEV_START_PVMD, 1, fields);
	return weft__trace_leave(TEV_START_PVMD, TEV_DID_CC, weft__call_start_pvmd(argc, argv, block));
}

int pvm_halt(void)
{
	weft__trace_enter(TEV_HALT, 0, NULL);
	return weft__trace_leave(TEV_HALT, TEV_DID_CC, weft__call_halt());
}

int pvm_spawn(char *file, char **argv, int flags, char *where, int count, int *tids)
{
	const struct weft__traced fields[] = {{TEV_DID_SE, 0, weft__text(file)},
	                                      {TEV_DID_SW, 0, weft__text(where)},
	                                      {TEV_DID_SF, flags, NULL},
	                                      {TEV_DID_SC, count, NULL}};
	weft__trace_enter(TEV_SPAWN, 4, fields);
	int rc = weft__call_spawn(file, argv, flags, where, count, tids);
	if (weft__trace_begin(TEV_SPAWN | TEV_EVENT_EXIT)) {
		weft__trace_int(TEV_DID_CC, rc);
		weft__trace_ints(TEV_DID_STL, tids, count);
		weft__trace_end();
	}
	return rc;
}

int pvm_notify(int what, int tag, int count, int *tids)
{
	bool has_tids = what != PvmHostAdd && what != PvmRouteAdd;
	if (weft__trace_is_on() && weft__trace_begin(TEV_NOTIFY | TEV_EVENT_ENTRY)) {
		weft__trace_int(TEV_DID_NE, what);
		weft__trace_int(TEV_DID_NMC, tag);
		weft__trace_ints(TEV_DID_NTL, has_tids ? tids : NULL, count);
		weft__trace_end();
	}
	return weft__trace_leave(TEV_NOTIFY, TEV_DID_CC, weft__call_notify(what, tag, count, tids));
}

int pvm_mytid(void)
{
	if (!weft__pvm.e)
		weft__pvm_enrol(); /* that it may know whether to trace */
	weft__trace_enter(TEV_MYTID, 0, NULL);
	return weft__trace_leave(TEV_MYTID, TEV_DID_MT, weft__call_mytid());
}

int pvm_exit(void)
{
	weft__trace_enter(TEV_EXIT, 0, NULL);
	return weft__call_exit();
}

int pvm_parent(void)
{
	if (!weft__pvm.e)
		weft__pvm_enrol(); /* that it may know whether to trace */
	weft__trace_enter(TEV_PARENT, 0, NULL);
	return weft__trace_leave(TEV_PARENT, TEV_DID_PT, weft__call_parent());
}

int pvm_siblings(int **tids)
{
	weft__trace_enter(TEV_SIBLINGS, 0, NULL);
	int n = weft__call_siblings(tids);
	if (weft__trace_begin(TEV_SIBLINGS | TEV_EVENT_EXIT)) {
		weft__trace_ints(TEV_DID_SIB, n > 0 ? *tids : NULL, n);
		weft__trace_end();
	}
	return n;
}

int pvm_tidtohost(int tid)
{
	const struct weft__traced fields[] = {{TEV_DID_TID, tid, NULL}};
	weft__trace_enter(TEV_TIDTOHOST, 1, fields);
	return weft__trace_leave(TEV_TIDTOHOST, TEV_DID_HPT, weft__call_tidtohost(tid));
}

int pvm_getfds(int **fds)
{
	weft__trace_enter(TEV_GETFDS, 0, NULL);
	int n = weft__call_getfds(fds);
	if (weft__trace_begin(TEV_GETFDS | TEV_EVENT_EXIT)) {
		weft__trace_int(TEV_DID_CC, n);
		weft__trace_ints(TEV_DID_FDS, n > 0 ? *fds : NULL, n);
		weft__trace_end();
	}
	return n;
}

int pvm_catchout(FILE *to)
{
	weft__trace_enter(TEV_CATCHOUT, 0, NULL);
	return weft__trace_leave(TEV_CATCHOUT, TEV_DID_CC, weft__call_catchout(to));
}
