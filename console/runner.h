/* runner.h - jobs whose output is shown here: what became of their tasks, and their orderly end. */
#ifndef WEFT_CONSOLE_RUNNER_H
#define WEFT_CONSOLE_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "console/exitcode.h"
#include "console/output.h"
#include "console/session.h"
#include "proto/proto.h"

struct runner;

/* The first task that failed. */
struct runner_failure {
	struct exitcode_task how;
	uint64_t tid;
	uint32_t rank;
	uint64_t pid;
	uint64_t after_ms; /* since the job was asked for */
	char host[256];
	char text[256];    /* why it could not be started */
};

struct runner_root;

/* What the owner of a root is told; members that are NULL are not called. */
struct runner_handler {
	void (*started)(void *arg, struct runner_root *root);  /* rank 0 runs */
	void (*placed)(void *arg, const struct weft__msg_job_event *m); /* a task of the job itself runs, or never will */
	void (*failed)(void *arg, struct runner_root *root);   /* root->error: why some could not be started */
	void (*bad_exit)(void *arg, struct runner_root *root); /* root->first: the first task that failed */
	void (*finished)(void *arg, struct runner_root *root); /* it is done; the handler may forget it */
	void (*dropped)(void *arg, struct runner_root *root);  /* the runner goes before the job is done; forgets it */
	void (*wrote)(void *arg, uint64_t tid, const void *bytes, size_t nbytes); /* one of its tasks; nbytes 0: it writes no more */
	void (*stdin_ack)(void *arg, const struct weft__msg_stdin_ack *m);
	void (*output_failed)(void *arg, int code, const char *text);
	void (*ending)(void *arg, const char *text);           /* the batch system ends it soon; the tasks were told */
	void (*closed)(void *arg, int code, const char *text); /* the VM is gone */
};

/* A job that was spawned from here, its descendants included. */
struct runner_root {
	struct weft__list link;
	struct runner *runner;
	struct runner_handler handler;
	void *arg;
	int64_t req;           /* of its SPAWN, while unanswered */
	uint32_t job;          /* 0: not known yet */
	uint32_t size;
	bool answered;         /* SPAWNED came */
	bool done;             /* all tasks of it and of its descendants have ended, all output has come */
	int status;            /* largest so far, of its own tasks; or what it was aborted with */
	char aborted[256];     /* why the whole job was ended; "": it was not */
	uint32_t nfailed;      /* own tasks that failed */
	uint32_t nsilent;      /* tasks whose last output has not come, and never will */
	uint64_t began_ns;
	int64_t rank0_node;    /* where rank 0 runs; 0: not known */
	enum output_style style; /* of its output: not OUTPUT_USUAL when it was redirected */
	bool held;               /* which is not shown yet */
	bool keeps;              /* output of jobs that are not known waits until it has its number */
	bool failed;           /* its file cannot be written */
	struct output *output; /* of a redirected one that goes to a file; else NULL */
	struct weft_error error; /* SPAWNED says that not all could be started */
	struct runner_failure first;
};

/* config's changed is the runner's own business. 0 or an error. */
int runner_create(uv_loop_t *loop, struct session *s, const struct output_config *config, struct runner **r,
                  struct weft_error *e);
void runner_destroy(struct runner **r);

/* A job that is about to be asked for. NULL: out of memory. Its SPAWN's answers go to runner_answer with the
 * root as arg. */
struct runner_root *runner_add(struct runner *r, const struct runner_handler *handler, void *arg);

/* Before it is asked for: what it writes is shown in this style; OUTPUT_PVM ends with "[job] finished". It goes to
 * standard output or, when file is not NULL, there; append: behind what is in it. 0, WEFT_EIO, WEFT_ENOMEM. */
int runner_redirect(struct runner *r, struct runner_root *root, enum output_style style, const char *file, bool append,
                    struct weft_error *e);

/* Before it is asked for: what it writes is held back until runner_release, so that its number can be told first.
 * After that the root may be gone; one that is gone already does no harm. */
void runner_hold(struct runner *r, struct runner_root *root);
void runner_release(struct runner *r, struct runner_root *root);

bool runner_answer(void *root, const struct weft__msg *m);
void runner_forget(struct runner *r, struct runner_root **root);
struct runner_root *runner_next(struct runner *r, struct runner_root *after); /* NULL: the first; at the end */

/* A signal for the job and its descendants. False: no job of it is known yet. */
bool runner_signal(struct runner *r, struct runner_root *root, int signo);

/* Writes what output came, as far as it can be written without waiting; has all been written? */
bool runner_flush(struct runner *r);

/* What the console itself prints, among the tasks' lines. 0; WEFT_ECLOSED: nobody reads it; WEFT_EIO, WEFT_ENOMEM. */
int runner_print(struct runner *r, const void *bytes, size_t nbytes);
int runner_error(const struct runner *r, struct weft_error *e); /* the same, of what was written so far */

/* Is so much queued that whoever prints should wait? And: writes it all, waiting for the reader. */
bool runner_full(const struct runner *r);
void runner_drain(struct runner *r);

/* What a root with nsilent tasks is to be told with: into text[size]. */
void runner_describe_silent(const struct runner_root *root, char *text, size_t size);

/* "rank 2 (t20003) on vm, pid 1234: exit code 3": into text[size]. */
void runner_describe(const struct runner_failure *f, char *text, size_t size);

#endif
