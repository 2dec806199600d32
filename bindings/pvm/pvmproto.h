/* pvmproto.h - tags of messages between PVM and the tasks that serve it: resource managers (R), hosters (H) and
 * taskers (T); t is a task, d a daemon. */
#ifndef WEFT_PVMPROTO_H
#define WEFT_PVMPROTO_H
#define _PVMPROTO_H_

#define SM_FIRST      ((int)0x80040001)
#define SM_SPAWN      (SM_FIRST + 0)  /* t R */
#define SM_EXEC       (SM_FIRST + 1)  /* R d */
#define SM_EXECACK    (SM_FIRST + 2)  /* d R */
#define SM_TASK       (SM_FIRST + 3)  /* t R */
#define SM_CONFIG     (SM_FIRST + 4)  /* t R */
#define SM_ADDHOST    (SM_FIRST + 5)  /* t R */
#define SM_DELHOST    (SM_FIRST + 6)  /* t R */
#define SM_ADD        (SM_FIRST + 7)  /* R d */
#define SM_ADDACK     (SM_FIRST + 8)  /* d R */
#define SM_NOTIFY     (SM_FIRST + 9)  /* t R */
#define SM_TASKX      (SM_FIRST + 10) /* d R, T d: a task has ended */
#define SM_HOSTX      (SM_FIRST + 11) /* d R: a host is gone */
#define SM_HANDOFF    (SM_FIRST + 12) /* R d: another resource manager */
#define SM_SCHED      (SM_FIRST + 13) /* t R */
#define SM_STHOST     (SM_FIRST + 14) /* d H: start hosts */
#define SM_STHOSTACK  (SM_FIRST + 15) /* H d */
#define SM_STTASK     (SM_FIRST + 16) /* d T: start a task */
#define SM_LAST       (SM_FIRST + 16)

#endif
