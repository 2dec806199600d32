/* session.h - a tool's connection to a virtual machine: questions, answers, events. */
#ifndef WEFT_CONSOLE_SESSION_H
#define WEFT_CONSOLE_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "proto/proto.h"

enum { SESSION_TIMEOUT_MS = 10000 }; /* a daemon that says nothing so long is out of order */

struct session;

/* Somebody who wants what comes without a question: JOB_EVENT, OUTPUT, OUTPUT_END, STDIN_ACK. */
struct session_listener {
	struct weft__list link; /* the session's */
	void (*event)(void *arg, const struct weft__msg *m);
	void (*closed)(void *arg, int code, const char *text); /* the VM is gone */
	void *arg;
};

/* An answer; one that has parts comes in several calls. Returns true when no more is wanted. */
typedef bool (*session_answer_fn)(void *arg, const struct weft__msg *m);

/* Connect to the VM that is up (vm NULL: see weft__rundir_vm_name; a task's own node when $WEFT_DIR says so)
 * and greet it. 0, WEFT_ENOVM: none is up; WEFT_EDENIED, WEFT_EIO. */
int session_attach(uv_loop_t *loop, const char *vm, struct session **s, struct weft_error *e);

/* The same over a connected socket; takes it. dir is the VM's folder. */
int session_open(uv_loop_t *loop, int *fd, const char *dir, struct session **s, struct weft_error *e);

/* What is queued still goes out. *s is NULL afterwards. */
void session_close(struct session **s);

bool session_is_open(const struct session *s);
const char *session_dir(const struct session *s);  /* the VM's folder */
const char *session_name(const struct session *s); /* its name */
int64_t session_node(const struct session *s);     /* its node's index; 0: not known yet */
const char *session_host(const struct session *s); /* and name; "": not known yet */

void session_listen(struct session *s, struct session_listener *l);
void session_unlisten(struct session_listener *l);

/* Sends a question with a new req (all questions have it first), and has the answers brought to answer.
 * The req, or an error. */
int64_t session_ask(struct session *s, struct weft__msg *m, session_answer_fn answer, void *arg);
void session_forget(struct session *s, int64_t req);

/* Our standard input, for the job that is asked for next, when its rank 0 is on our node: also should another daemon come in
 * between. It stays the caller's; -1: that job has it. */
int session_give(struct session *s, int fd);

/* Another message with the same req, or one that has none. */
int session_send(struct session *s, const struct weft__msg *m);

/* --- questions that wait -------------------------------------------------------------------------- */

/* Runs the loop until *done, the session's end (its code), an interruption (WEFT_ECANCELED) or the time is
 * over (WEFT_ETIMEDOUT; timeout_ms < 0: never). */
int session_wait(struct session *s, const bool *done, int timeout_ms, struct weft_error *e);
void session_interrupt(struct session *s); /* from a signal's callback: session_wait returns */

/* Until the node has said WELCOME. */
int session_welcome(struct session *s, struct weft_error *e);

/* A question that RESULT answers: its code, and its text in e. */
int session_request(struct session *s, struct weft__msg *m, int timeout_ms, struct weft_error *e);

/* LIST: row gets each NODE_ROW, TASK_ROW or JOB_ROW. */
int session_list(struct session *s, unsigned kind, uint32_t job, uint32_t node,
                 void (*row)(void *arg, const struct weft__msg *m), void *arg, struct weft_error *e);

#endif
