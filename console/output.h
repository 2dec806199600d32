/* output.h - where the output of tasks goes: our standard output and error, or files. */
#ifndef WEFT_CONSOLE_OUTPUT_H
#define WEFT_CONSOLE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"

struct output;

struct output_config {
	bool label;          /* put the rank in front of each line */
	bool label_jobs;     /* and the job, also where it is the first one */
	const char *file;    /* a template (see output_open), or NULL: standard output and error */
	bool append;         /* files that exist are not emptied */
	void (*before)(void *arg); /* something is about to be written to the terminal, or NULL */
	void (*after)(void *arg);  /* it has been written, the cursor is at the start of a line */
	void (*changed)(void *arg); /* output_full or output_error may have changed */
	void *arg;
};

/* A task that writes. */
struct output_task {
	uint64_t tid;
	uint32_t job, rank;
	bool descendant; /* of another job than the first: its label names the job, too */
	const char *host;
	enum output_style {
		OUTPUT_USUAL,
		OUTPUT_PVM,   /* as PVM's console: "[3:t20001] " before each line, all to standard output, EOF last */
		OUTPUT_PLAIN, /* nothing before a line, whatever the others have */
	} style;
};

/* In a template %r is the rank, %j the job, %h the host, %s "out" or "err", %% a percent sign. One that is a
 * folder or ends in '/' means "/%j.%r.%s" in that folder, which is made when it is missing. 0, WEFT_EINVAL,
 * WEFT_EIO, WEFT_ENOMEM. */
int output_open(uv_loop_t *loop, const struct output_config *config, struct output **o, struct weft_error *e);

/* A piece of what a task wrote to stream 1 or 2; and it writes no more. 0, WEFT_ENOMEM, WEFT_EIO (a file cannot
 * be written: e says which). */
int output_push(struct output *o, const struct output_task *t, unsigned stream, const void *bytes,
                size_t nbytes, struct weft_error *e);
void output_end(struct output *o, const struct output_task *t);

/* A line of our own among those of the tasks, with its newline. 0 or WEFT_ENOMEM. */
int output_line(struct output *o, const char *text);

/* Bytes of our own, to standard output; like a task's they go out in whole lines. 0 or WEFT_ENOMEM. */
int output_print(struct output *o, const void *bytes, size_t nbytes);

/* Writes all whole lines that came, waiting for their reader: somebody else is about to write there. */
void output_drain(struct output *o);

/* Writes now what can be written without waiting; the loop would do it in its next turn. */
void output_flush(struct output *o);

bool output_full(const struct output *o); /* too much is queued: acknowledge nothing more for now */
bool output_idle(const struct output *o); /* all that is complete has been written */

/* 0: all is well. WEFT_ECLOSED: nobody reads our standard output any more. WEFT_EIO, WEFT_ENOMEM: e says why
 * something could not be written. */
int output_error(const struct output *o, struct weft_error *e);

/* Unfinished lines are dropped: end their tasks before. */
void output_close(struct output **o);

#endif
