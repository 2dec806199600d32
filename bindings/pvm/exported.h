/* exported.h - what the libraries export: pvm3.h, and PVM's names that are in no header of its own but
 * that programs and its own libraries use. */
#ifndef WEFT_PVM_EXPORTED_H
#define WEFT_PVM_EXPORTED_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(default)

#include "bindings/pvm/pvm3.h"
#include "bindings/pvm/pvmtev.h"

extern char *pvm_errlist[]; /* by -code */
extern int pvm_nerr;
extern int pvm_errno; /* of the last call that failed */
extern int pvmmyctx;  /* the current context */

extern struct Pvmtracer pvmtrc, pvmctrc; /* of the task itself; of the tasks that it spawns */
extern struct Pvmtevinfo pvmtevinfo[];    /* by event */
extern struct Pvmtevdid pvmtevdidlist[];  /* by field */

int lpvmerr(const char *function, int code); /* a failed call ends with it; returns code */
extern struct timeval *pvmgs_tmout;
int gs_getgstid(void);
int pvm_vpackf(const char *format, va_list ap);
int pvm_vunpackf(const char *format, va_list ap);
int pvmgetclock(struct timeval *now);
int pvmsleep(int seconds);
int pvmdisplaymhfinfo(void);
char *pvmnametag(int tag, int *known); /* a reserved tag's name, or its number */
int pvmstrtoi(char *text);
int pvmputenv(char *variable);
int pvmendtask(void);
int pvmreset(int tid, int kill_tasks, char *mailbox, int index);
void i_dump(int verbose);
int pvmmatchstring(char *text, char *pattern); /* 1: it matches */

/* What libgpvm3 asks of libpvm3. op is a WEFT__GROUP_; tids in arg and *value are PVM's. 0 or an
 * error of PVM's. */
int pvm_weft_group(int op, const char *group, uint64_t arg, int *value);
int pvm_weft_group_members(const char *group, int **tids); /* by instance, 0: none; free(); how many */
int pvm_weft_group_server(void); /* what tools that ask PVM's group server may send to; or an error */
/* Around each of its calls, for traces; id: a TEV_DID_, -1: none. leave returns the result. */
void pvm_weft_group_enter(int event, const char *group, int id, int value);
int pvm_weft_group_leave(int event, int id, int result);
size_t pvm_weft_type_size(int type); /* 0: no such type, or strings */

#pragma GCC visibility pop

#endif
