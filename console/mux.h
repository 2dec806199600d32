/* mux.h - many tasks write, whole lines come out; no I/O.
 *
 * A task's bytes are kept until their line is complete; then it goes out in one piece, with its label in
 * front. A line that grows beyond the limit is written in parts: it owns its device until its end, and the
 * complete lines of other tasks wait meanwhile. When too much waits, or the kept bytes of all tasks
 * together are too many, the open line is cut (a newline is put in), so that memory stays bounded and
 * nobody waits for ever. A last line without newline goes out as it is when its task ends; only if something
 * else follows on the device is a newline put between, so that one task's output is not changed by a byte.
 */
#ifndef WEFT_CONSOLE_MUX_H
#define WEFT_CONSOLE_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"

enum {
	MUX_LINE_MAX  = 1024 * 1024,      /* bytes of one line that are kept */
	MUX_HELD_MAX  = 16 * 1024 * 1024, /* bytes kept in all */
	MUX_LABEL_MAX = 32,               /* room for a label with its NUL */
};

struct mux_source;

/* Where lines go that must not run into each other: a terminal, a pipe, a file. The caller's. */
struct mux_device {
	void *arg;                 /* for emit */
	struct mux_source *owner;  /* its line is written in part; NULL: none is */
	struct weft__list waiting; /* sources with complete lines, first come first */
	bool ragged;               /* the last byte written ended no line, and nobody will end it */
};

struct mux {
	struct weft__map tasks; /* by tid: struct mux_task */
	size_t held;            /* bytes kept in all */
	size_t line_max, held_max;
	void (*emit)(void *device_arg, unsigned stream, const void *bytes, size_t nbytes);
};

void mux_init(struct mux *m, void (*emit)(void *device_arg, unsigned stream, const void *bytes, size_t nbytes));
void mux_fini(struct mux *m); /* what was kept is dropped */
void mux_device_init(struct mux_device *d, void *arg);

/* Bytes of stream 1 or 2 of the task, which go to d; device and label ("" for none) of a task's stream are
 * those of its first bytes. 0 or WEFT_ENOMEM. */
int mux_push(struct mux *m, uint64_t tid, unsigned stream, struct mux_device *d, const char *label,
             const void *bytes, size_t nbytes);

/* Where this stream of the task goes; NULL: nothing has come of it yet. */
struct mux_device *mux_device_of(const struct mux *m, uint64_t tid, unsigned stream);

/* What the task has left without a newline gets one. */
void mux_end_lines(struct mux *m, uint64_t tid);

/* The task writes no more: what was kept of it goes out. */
void mux_end(struct mux *m, uint64_t tid);

/* Ends the line that is open on the device, if one is: what follows starts a line. */
void mux_break(struct mux *m, struct mux_device *d);

#endif
