/* calls.h - what PVM's calls do. The calls themselves, in calls*.c, trace and call these; so what the library calls
 * itself is not traced. */
#ifndef WEFT_PVM_CALLS_H
#define WEFT_PVM_CALLS_H

#include "bindings/pvm/pvm.h"

int weft__call_config(int *nhost, int *narch, struct pvmhostinfo **hostp);
int weft__call_archcode(char *name);
int weft__call_addhosts(char **names, int n, int *infos);
int weft__call_delhosts(char **names, int n, int *infos);
int weft__call_mstat(char *host);
int weft__call_tasks(int where, int *ntask, struct pvmtaskinfo **taskp);
int weft__call_pstat(int tid);
int weft__call_sendsig(int tid, int signo);
int weft__call_kill(int tid);
int weft__call_start_pvmd(int argc, char **argv, int block);
int weft__call_halt(void);
int weft__call_spawn(char *file, char **argv, int flags, char *where, int count, int *tids);
int weft__call_notify(int what, int tag, int count, int *tids);
int weft__call_mytid(void);
int weft__call_exit(void);
int weft__call_parent(void);
int weft__call_siblings(int **tids);
int weft__call_tidtohost(int tid);
int weft__call_getfds(int **fds);
int weft__call_catchout(FILE *to);

int weft__call_putinfo(char *name, int bufid, int flags);
int weft__call_recvinfo(char *name, int index, int flags);
int weft__call_delinfo(char *name, int index, int flags);
int weft__call_getmboxinfo(char *pattern, int *nclasses, struct pvmmboxinfo **classes);
int weft__call_insert(char *name, int index, int number);
int weft__call_lookup(char *name, int index, int *number);
int weft__call_delete(char *name, int index);
int weft__call_hostsync(int host, struct timeval *clock, struct timeval *delta);
int weft__call_tickle(int nargs, int *args, int *nanswers, int *answers);
int weft__call_reg_hoster(void);
int weft__call_reg_rm(struct pvmhostinfo **host);
int weft__call_reg_tasker(void);
int weft__call_reg_tracer(int context, int tag, int output_context, int output_tag, char *mask,
                          int buffer, int options);
int weft__call_setopt(int what, int value);
int weft__call_getopt(int what);
int weft__call_settmask(int who, Pvmtmask mask);
int weft__call_gettmask(int who, Pvmtmask mask);
int weft__call_newcontext(void);
int weft__call_setcontext(int context);
int weft__call_getcontext(void);
int weft__call_freecontext(int context);

int weft__call_mkbuf(int encoding);
int weft__call_initsend(int encoding);
int weft__call_freebuf(int bufid);
int weft__call_getsbuf(void);
int weft__call_getrbuf(void);
int weft__call_setsbuf(int bufid);
int weft__call_setrbuf(int bufid);
int weft__call_bufinfo(int bufid, int *nbytes, int *tag, int *tid);
int weft__call_getminfo(int bufid, struct pvmminfo *info);
int weft__call_setminfo(int bufid, struct pvmminfo *info);
int weft__call_send(int tid, int tag);
int weft__call_mcast(int *tids, int count, int tag);
int weft__call_psend(int tid, int tag, void *buf, int count, int type);
int weft__call_recv(int tid, int tag);
int weft__call_nrecv(int tid, int tag);
int weft__call_trecv(int tid, int tag, struct timeval *limit);
int weft__call_probe(int tid, int tag);
int weft__call_precv(int tid, int tag, void *buf, int count, int type, int *atid, int *atag,
                     int *alen);
int weft__call_addmhf(int src, int tag, int context, int (*function)(int bufid));
int weft__call_delmhf(int id);

/* --- traces of calls ---------------------------------------------------------------------------- */

/* A field with its value, or its text. */
struct weft__traced {
	int field, value;
	const char *text;
};

static inline const char *weft__text(const char *text)
{
	return text ? text : "";
}

void weft__trace_entry(int event, int n, const struct weft__traced *fields);
int weft__trace_result(int event, int n, const struct weft__traced *fields); /* the first value */

/* Before a call that may be the first. */
static inline void weft__trace_enter(int event, int n, const struct weft__traced *fields)
{
	if (weft__trace_is_on())
		weft__trace_entry(event, n, fields);
}

/* result is that of the call. */
static inline int weft__trace_leave(int event, int field, int result)
{
	if (weft__trace_is_on())
		weft__trace_result(event, 1, &(struct weft__traced){field, result, NULL});
	return result;
}

#endif
