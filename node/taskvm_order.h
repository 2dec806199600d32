/* taskvm_order.h - the start of one task, as an order that any thread of the task VM can carry out.
 *
 * taskvm_spawn.c makes it and ends it, taskvm_exec.c carries it out, taskvm_crew.c has threads that do so beside the loop.
 * In between nobody else changes what it points to. taskvm_reap.c may find that the task has ended before that: it says so in
 * `early`, which is the loop's.
 */
#ifndef WEFT_NODE_TASKVM_ORDER_H
#define WEFT_NODE_TASKVM_ORDER_H

#include "node/taskvm.h"

/* The descriptors of a new task; -1 where there is none (yet). */
struct taskvm_ends {
	int in[2], out[2], err[2]; /* pipes: reading end, writing end */
	int control[2];            /* ours (weftd's), the task's */
	int pmi;                   /* the task's PMI_FD */
};

/* The variables that tell a task who it is among those of its launch. */
struct taskvm_own {
	char rank[40], tid[WEFT__TID_TEXT + 16], cpus[96];
};

/* A task that has ended, and was reaped, before its order came back. */
struct taskvm_end {
	pid_t pid; /* 0: it has not */
	int status;
	struct rusage used;
};

struct taskvm_order {
	struct weft__list link; /* in the crew's lists */
	struct weft__list out;  /* in taskvm.orders */
	struct taskvm_launch *launch;
	struct taskvm_task *task;
	struct taskvm_ends ends;
	struct taskvm_own own;
	char **env; /* ends with NULL; the texts are the launch's, the task's and our own */
	bool bound; /* to the processors of mask, else to those that we may use */
	uint64_t mask[TASKVM_MASK_BYTES / sizeof(uint64_t)];
	_Atomic pid_t pid; /* the new process, which says it itself as soon as it is there ... */
	int errnum;        /* ... carried out: why there is none, or 0 */
	struct taskvm_end early;
};

/* taskvm_spawn.c: 0; or an error of weft_base.h, and why in l->text. end frees the order; both are for the loop's thread. */
int taskvm_order_make(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, struct taskvm_order **o);
int taskvm_order_end(struct taskvm *vm, struct taskvm_order *o);

/* taskvm_exec.c: any thread. */
void taskvm_exec(const struct taskvm *vm, struct taskvm_order *o);
void taskvm_ends_close(struct taskvm_ends *e);

/* taskvm_launch.c: it was carried out. */
void taskvm_launch_done(struct taskvm *vm, struct taskvm_order *o);

/* taskvm_crew.c */
bool taskvm_crew_take(struct taskvm *vm, struct taskvm_order *o); /* false: it does not pay, or there is no crew */
bool taskvm_crew_room(const struct taskvm *vm);                   /* it can take one more */
bool taskvm_crew_busy(const struct taskvm *vm);                   /* it cannot, and there are more */
void taskvm_crew_collect(struct taskvm *vm);                      /* taskvm_launch_done for each that was carried out */
bool taskvm_crew_wait(struct taskvm *vm);                         /* for one at least; false: it has none */
void taskvm_crew_settle(struct taskvm *vm);                       /* for all */
void taskvm_crew_dismiss(struct taskvm *vm);                      /* it has nothing to do any more */
int taskvm_crew_fd(const struct taskvm *vm);                      /* readable: collect; -1 */

#endif
