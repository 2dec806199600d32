/* manager.h - resource managers: tasks that others ask for hosts and tasks, in the place of the coordinator. */
#ifndef WEFT_PVM_MANAGER_H
#define WEFT_PVM_MANAGER_H

#include "bindings/pvm/pvm.h"

#define WEFT__PVM_MANAGER "###_PVM_RM_###" /* its mailbox */

/* --- messages (talk.c) ---------------------------------------------------------------------------- */

/* What is packed and unpacked; the first error stays, and nothing happens after it. */
struct weft__talk {
	struct weft__pvm_buf *b;
	int id, rc;
};
void weft__talk_begin(struct weft__talk *t);
void weft__talk_end(struct weft__talk *t); /* the buffer goes */
void weft__talk_put_int(struct weft__talk *t, int value);
void weft__talk_put_ints(struct weft__talk *t, const int *values, int n);
void weft__talk_put_text(struct weft__talk *t, const char *text);
void weft__talk_put_texts(struct weft__talk *t, char *const *texts, int n); /* their number, then each */
int weft__talk_get_int(struct weft__talk *t);
void weft__talk_get_text(struct weft__talk *t, char *to, size_t size); /* at most size - 1 bytes of it */
char **weft__talk_get_texts(struct weft__talk *t, int *n); /* their number, then each; ends with NULL; weft__talk_free_texts */
void weft__talk_free_texts(char **texts);

/* --- for those that ask (manager.c) ------------------------------------------------------------- */

/* The one that was there when this task first asked; 0: none, or it is this task. */
int weft__manager(void);

/* Nobody has spawned this task, who has just enrolled: the manager is told of it, as by a daemon of PVM's. */
void weft__manager_greet(void);

/* What the call of that name returns; PvmNoTask: the manager is gone, and the coordinator is to be asked. */
int weft__manager_addhosts(char **names, int n, int *infos);
int weft__manager_delhosts(char **names, int n, int *infos);
int weft__manager_config(int *nhosts, int *narchs, struct pvmhostinfo **hosts);
int weft__manager_tasks(int where, int *ntasks, struct pvmtaskinfo **tasks);
int weft__manager_spawn(char *file, char **argv, int flags, char *where, int count, int *tids);
int weft__manager_notify(int what, int tag, int count, const int *tids);

/* --- for the manager (managed.c) ------------------------------------------------------------------ */

/* It wants to be told of hosts that go, also of such as come later. */
int weft__managed_begin(void);

/* SM_EXEC, to the daemon of a node, and SM_ADD: done, and answered by a message from there. */
int weft__managed_exec(struct weft__pvm_buf *b, uint32_t node);
int weft__managed_add(struct weft__pvm_buf *b);

/* SM_HANDOFF: another task is the manager from now on. It is told by a message, with which its library registers it. */
int weft__managed_hand_over(struct weft__pvm_buf *b);
bool weft__managed_takes_over(const struct weft__pvm_buf *b); /* it was that message */

/* If the message is of a task that tells of itself: it is a daemon's from now on, and the manager is told of the task's end. */
void weft__managed_greeted(struct weft__pvm_buf *b, weft_tid_t who);

/* A notice with one of the tags that tell a manager of ends: PVM's message of it. */
bool weft__managed_notice(const weft_notice_t *notice, int tag, int context, int *bufid);

/* A spawn that SM_EXEC orders (spawn.c). env: NAME=value, to its end. */
struct weft__exec {
	char *file, **argv, **env;
	int parent, flags, count;
	int targets[6]; /* outputs and traces: tid, context, tag */
};
int weft__pvm_exec(const struct weft__exec *x, uint32_t node, int *tids);

#endif
