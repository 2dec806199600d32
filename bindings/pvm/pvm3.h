/* pvm3.h - the interface of PVM 3.4, as its manual describes it, over Weft.
 *
 * Programs written for PVM compile against this header and link with -lpvm3 (groups: -lgpvm3).
 * Functions return a number that is not negative, or one of the errors below. Each works as the
 * manual page of its name says; docs/pvm-differences has the exceptions.
 */
#ifndef WEFT_PVM3_H
#define WEFT_PVM3_H
#define _PVM3_H_

#include <stdio.h>
#include <sys/time.h>

#define PVM_VER           "3.4.6"
#define PVM_MAJOR_VERSION 3
#define PVM_MINOR_VERSION 4
#define PVM_PATCH_VERSION 6

/* --- errors ----------------------------------------------------------------------------------- */

#define PvmOk           0
#define PvmBadParam     (-2)  /* bad parameter */
#define PvmMismatch     (-3)  /* parameters that should agree do not */
#define PvmOverflow     (-4)  /* value too large */
#define PvmNoData       (-5)  /* end of buffer */
#define PvmNoHost       (-6)  /* no such host */
#define PvmNoFile       (-7)  /* no such file */
#define PvmDenied       (-8)  /* permission denied */
#define PvmNoMem        (-10) /* out of memory */
#define PvmBadMsg       (-12) /* the message can't be decoded */
#define PvmSysErr       (-14) /* no virtual machine */
#define PvmNoBuf        (-15) /* no current buffer */
#define PvmNoSuchBuf    (-16) /* no such buffer */
#define PvmNullGroup    (-17) /* the group has no name */
#define PvmDupGroup     (-18) /* already in the group */
#define PvmNoGroup      (-19) /* no such group */
#define PvmNotInGroup   (-20) /* not in the group */
#define PvmNoInst       (-21) /* no such instance */
#define PvmHostFail     (-22) /* the host failed */
#define PvmNoParent     (-23) /* no parent task */
#define PvmNotImpl      (-24) /* not implemented */
#define PvmDSysErr      (-25) /* error in a daemon */
#define PvmBadVersion   (-26) /* versions differ */
#define PvmOutOfRes     (-27) /* out of resources */
#define PvmDupHost      (-28) /* the host is there already */
#define PvmCantStart    (-29) /* a daemon can't be started */
#define PvmAlready      (-30) /* under way already */
#define PvmNoTask       (-31) /* no such task */
#define PvmNotFound     (-32) /* not found */
#define PvmExists       (-33) /* exists already */
#define PvmHostrNMstr   (-34) /* a hoster must run on the first host */
#define PvmParentNotSet (-35) /* spawned with PvmNoSpawnParent */
#define PvmIPLoopback   (-36) /* the first host's address is a loopback */
#define PvmNoEntry      PvmNotFound
#define PvmDupEntry     PvmDenied

/* --- encodings, spawn, notify ----------------------------------------------------------------- */

#define PvmDataDefault 0 /* XDR */
#define PvmDataRaw     1
#define PvmDataInPlace 2 /* read from where they are when the message is sent */
#define PvmDataFoo     PvmDataDefault
#define PvmDataTrace   4

#define PvmTaskDefault   0
#define PvmTaskHost      1  /* where is a host */
#define PvmTaskArch      2  /* where is an architecture */
#define PvmTaskDebug     4  /* under the debugger */
#define PvmTaskTrace     8
#define PvmMppFront      16
#define PvmHostCompl     32 /* everywhere but there */
#define PvmNoSpawnParent 64 /* the new task shall not know its parent */

#define PvmTaskExit     1
#define PvmHostDelete   2
#define PvmHostAdd      3
#define PvmRouteAdd     4
#define PvmRouteDelete  5
#define PvmNotifyCancel 256

/* --- options ---------------------------------------------------------------------------------- */

#define PvmRoute             1
#define PvmDontRoute         1
#define PvmAllowDirect       2
#define PvmRouteDirect       3
#define PvmDebugMask         2
#define PvmAutoErr           3 /* errors are 0 silent, 1 printed, 2 fatal, 3 fatal with a core */
#define PvmOutputTid         4
#define PvmOutputCode        5
#define PvmTraceTid          6
#define PvmTraceCode         7
#define PvmTraceBuffer       8
#define PvmTraceOptions      9
#define PvmTraceFull         1
#define PvmTraceTime         2
#define PvmTraceCount        3
#define PvmFragSize          10
#define PvmResvTids          11 /* reserved tags and tids may be used */
#define PvmSelfOutputTid     12
#define PvmSelfOutputCode    13
#define PvmSelfTraceTid      14
#define PvmSelfTraceCode     15
#define PvmSelfTraceBuffer   16
#define PvmSelfTraceOptions  17
#define PvmShowTids          18
#define PvmPollType          19
#define PvmPollConstant      1
#define PvmPollSleep         2
#define PvmPollTime          20
#define PvmOutputContext     21
#define PvmTraceContext      22
#define PvmSelfOutputContext 23
#define PvmSelfTraceContext  24
#define PvmNoReset           25

#define PvmTaskSelf    0
#define PvmTaskChild   1
#define PvmBaseContext 0

#define PvmMboxDefault       0 /* one, which its owner alone may change */
#define PvmMboxPersistent    1 /* it stays when its owner exits */
#define PvmMboxMultiInstance 2 /* several under one name */
#define PvmMboxOverWritable  4 /* others may change it */
#define PvmMboxFirstAvail    8 /* with this index or the next one that there is */
#define PvmMboxReadAndDelete 16
#define PvmMboxWaitForInfo   32
#define PvmMboxMaxFlag       512
/* The index wanted, as part of the flags. */
#define PvmMboxDirectIndexShift 10
#define PvmMboxMaxDirectIndex   (1u << (31 - PvmMboxDirectIndexShift))
#define PvmMboxDirectIndex(index) \
	((unsigned)(index) >= PvmMboxMaxDirectIndex ? 0 : (int)((unsigned)(index) << PvmMboxDirectIndexShift))
#define PvmMboxDirectIndexOf(flags) \
	((int)((unsigned)(flags) >> PvmMboxDirectIndexShift & (PvmMboxMaxDirectIndex - 1)))

/* --- types of data ---------------------------------------------------------------------------- */

#define PVM_STR    0
#define PVM_BYTE   1
#define PVM_SHORT  2
#define PVM_INT    3
#define PVM_FLOAT  4
#define PVM_CPLX   5
#define PVM_DOUBLE 6
#define PVM_DCPLX  7
#define PVM_LONG   8
#define PVM_USHORT 9
#define PVM_UINT   10
#define PVM_ULONG  11

struct pvmhostinfo {
	int hi_tid;    /* the daemon's tid */
	char *hi_name;
	char *hi_arch;
	int hi_speed;
	int hi_dsig;   /* how it represents data */
};

struct pvmtaskinfo {
	int ti_tid;
	int ti_ptid; /* the parent, or why there is none */
	int ti_host; /* its daemon's tid */
	int ti_flag;
	char *ti_a_out;
	int ti_pid;
};

struct pvmminfo {
	int len;
	int ctx;
	int tag;
	int wid;
	int enc;
	int crc;
	int src;
	int dst;
};

struct pvmmboxinfo {
	char *mi_name;
	int mi_nentries;
	int *mi_indices;
	int *mi_owners;
	int *mi_flags;
};

#ifdef __cplusplus
extern "C" {
#endif

/* --- the task --------------------------------------------------------------------------------- */

int pvm_mytid(void);
int pvm_exit(void);
int pvm_parent(void);
int pvm_siblings(int **tids);
int pvm_tidtohost(int tid);
int pvm_perror(char *text);
char *pvm_strerror(void);
char *pvm_version(void);
int pvm_archcode(char *arch);
int pvm_setopt(int what, int value);
int pvm_getopt(int what);
int pvm_getfds(int **fds);
int pvm_catchout(FILE *to);
int pvm_export(char *name);
int pvm_unexport(char *name);
char *pvmgetrsh(void);
char *pvmgettmp(void);
char *pvmtmpnam(char *name);

/* --- the virtual machine and its tasks -------------------------------------------------------- */

int pvm_start_pvmd(int argc, char **argv, int block);
int pvm_halt(void);
int pvm_config(int *nhost, int *narch, struct pvmhostinfo **hosts);
int pvm_addhosts(char **names, int n, int *infos);
int pvm_delhosts(char **names, int n, int *infos);
int pvm_mstat(char *host);
int pvm_spawn(char *file, char **argv, int flags, char *where, int count, int *tids);
int pvm_kill(int tid);
int pvm_sendsig(int tid, int signo);
int pvm_pstat(int tid);
int pvm_tasks(int where, int *ntask, struct pvmtaskinfo **tasks);
int pvm_notify(int what, int tag, int count, int *tids);

/* --- buffers ---------------------------------------------------------------------------------- */

int pvm_initsend(int encoding);
int pvm_mkbuf(int encoding);
int pvm_freebuf(int bufid);
int pvm_getsbuf(void);
int pvm_setsbuf(int bufid);
int pvm_getrbuf(void);
int pvm_setrbuf(int bufid);
int pvm_bufinfo(int bufid, int *nbytes, int *tag, int *tid);
int pvm_getminfo(int bufid, struct pvmminfo *info);
int pvm_setminfo(int bufid, struct pvmminfo *info);

int pvm_pkbyte(char *p, int count, int stride);
int pvm_pkcplx(float *p, int count, int stride);
int pvm_pkdcplx(double *p, int count, int stride);
int pvm_pkdouble(double *p, int count, int stride);
int pvm_pkfloat(float *p, int count, int stride);
int pvm_pkint(int *p, int count, int stride);
int pvm_pklong(long *p, int count, int stride);
int pvm_pkshort(short *p, int count, int stride);
int pvm_pkstr(char *text);
int pvm_pkuint(unsigned int *p, int count, int stride);
int pvm_pkulong(unsigned long *p, int count, int stride);
int pvm_pkushort(unsigned short *p, int count, int stride);
int pvm_packf(const char *format, ...);
int pvm_pkmesg(int bufid);
int pvm_pkmesgbody(int bufid);
int pvm_upkbyte(char *p, int count, int stride);
int pvm_upkcplx(float *p, int count, int stride);
int pvm_upkdcplx(double *p, int count, int stride);
int pvm_upkdouble(double *p, int count, int stride);
int pvm_upkfloat(float *p, int count, int stride);
int pvm_upkint(int *p, int count, int stride);
int pvm_upklong(long *p, int count, int stride);
int pvm_upkshort(short *p, int count, int stride);
int pvm_upkstr(char *text);
int pvm_upkuint(unsigned int *p, int count, int stride);
int pvm_upkulong(unsigned long *p, int count, int stride);
int pvm_upkushort(unsigned short *p, int count, int stride);
int pvm_unpackf(const char *format, ...);
int pvm_upkmesg(void);

/* --- messages --------------------------------------------------------------------------------- */

int pvm_send(int tid, int tag);
int pvm_mcast(int *tids, int count, int tag);
int pvm_psend(int tid, int tag, void *buf, int count, int type);
int pvm_recv(int tid, int tag);
int pvm_nrecv(int tid, int tag);
int pvm_trecv(int tid, int tag, struct timeval *limit);
int pvm_probe(int tid, int tag);
int pvm_precv(int tid, int tag, void *buf, int count, int type, int *atid, int *atag, int *alen);
int (*pvm_recvf(int (*match)(int bufid, int tid, int tag)))(int bufid, int tid, int tag);
int pvm_addmhf(int src, int tag, int context, int (*handler)(int bufid));
int pvm_delmhf(int id);

int pvm_newcontext(void);
int pvm_setcontext(int context);
int pvm_getcontext(void);
int pvm_freecontext(int context);

/* --- mailboxes -------------------------------------------------------------------------------- */

int pvm_putinfo(char *name, int bufid, int flags);
int pvm_recvinfo(char *name, int index, int flags);
int pvm_delinfo(char *name, int index, int flags);
int pvm_getmboxinfo(char *pattern, int *nclasses, struct pvmmboxinfo **classes);
int pvm_insert(char *name, int index, int number);
int pvm_lookup(char *name, int index, int *number);
int pvm_delete(char *name, int index);
int pvm_getnoresets(int **tids, int *n);

/* --- services --------------------------------------------------------------------------------- */

int pvm_hostsync(int host, struct timeval *clock, struct timeval *delta);
int pvm_tickle(int nargs, int *args, int *nanswers, int *answers);
int pvm_reg_hoster(void);
int pvm_reg_rm(struct pvmhostinfo **host);
int pvm_reg_tasker(void);
int pvm_reg_tracer(int context, int tag, int output_context, int output_tag, char *mask, int buffer,
                   int options);

/* --- groups (-lgpvm3) ------------------------------------------------------------------------- */

int pvm_joingroup(char *group);
int pvm_lvgroup(char *group);
int pvm_barrier(char *group, int count);
int pvm_bcast(char *group, int tag);
int pvm_gather(void *result, void *data, int count, int type, int tag, char *group, int root);
int pvm_scatter(void *result, void *data, int count, int type, int tag, char *group, int root);
int pvm_reduce(void (*func)(int *type, void *x, void *y, int *count, int *info), void *data,
               int count, int type, int tag, char *group, int root);
int pvm_getinst(char *group, int tid);
int pvm_gettid(char *group, int instance);
int pvm_gsize(char *group);
int pvm_freezegroup(char *group, int size);
void PvmMax(int *type, void *x, void *y, int *count, int *info);
void PvmMin(int *type, void *x, void *y, int *count, int *info);
void PvmSum(int *type, void *x, void *y, int *count, int *info);
void PvmProduct(int *type, void *x, void *y, int *count, int *info);

#ifdef __cplusplus
}
#endif
#endif
