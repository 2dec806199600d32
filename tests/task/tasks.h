/* tasks.h - several engines in one process, each with a channel to each other, and no daemon. */
#ifndef WEFT_TESTS_TASKS_H
#define WEFT_TESTS_TASKS_H

#include <stddef.h>

#include "task/engine.h"
#include "transport/transport.h"

enum { TASKS_MAX = 4 };
enum wire { INPROC, STREAM_AHEAD, STREAM, SHM, NWIRES }; /* AHEAD: long messages begin at once */
extern const char *const wire_names[NWIRES];

struct tasks {
	struct weft__engine *e[TASKS_MAX];
	weft_tid_t tid[TASKS_MAX];
	int n;
};

/* Small limits, so that a test reaches them soon. */
extern const struct weft__settings small;

void tasks_open(struct tasks *t, int n, enum wire wire, const struct weft__settings *settings);
void tasks_close(struct tasks *t);

/* A task leaves, and the others are told. */
void tasks_leave(struct tasks *t, int who);

/* A task dies without a word, and the others are told. */
void tasks_kill(struct tasks *t, int who);

/* All go on until nothing more happens. */
void tasks_progress(struct tasks *t);

/* The end of a request of task `who`, while all go on; fails the test after some seconds. */
int tasks_finish(struct tasks *t, int who, weft_request_t *r, weft_status_t *status);

/* Two ends of a channel. doorbells as weft__inproc_open. */
void wire_open(enum wire wire, const int doorbells[2], struct weft__channel *ends[2]);

struct CMUnitTest;

/* Runs each of the tests over the wires from `first` on, with *wire set to the one; its name says which. Returns what
 * main should. */
int tasks_run(const struct CMUnitTest *each, int n, enum wire first, enum wire *wire);

/* bytes[n] that depend on the seed; 1 when they are so. */
void fill(void *bytes, size_t n, unsigned seed);
int is_filled(const void *bytes, size_t n, unsigned seed);

#endif
