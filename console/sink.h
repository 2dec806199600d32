/* sink.h - writing to a descriptor that others share, without ever blocking the loop where that can be helped.
 *
 * Our standard output may be a terminal or a pipe that other programs use, so it must not be made non-blocking:
 * it is opened anew through /proc where that works. Otherwise little is written at a time, when poll says so.
 */
#ifndef WEFT_CONSOLE_SINK_H
#define WEFT_CONSOLE_SINK_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "base/buf.h"

struct sink {
	int fd;
	enum sink_kind {
		SINK_DIRECT, /* a file: writing never waits for a reader */
		SINK_OWN,    /* a descriptor of our own, non-blocking */
		SINK_SOCKET,
		SINK_SHARED, /* blocking and not ours alone */
	} kind;
	bool ours;          /* fd is closed with the sink */
	bool polling;
	uv_poll_t *poll;    /* NULL: direct */
	struct weft__buf queue;
	size_t at;          /* queue.data up to here has been written */
	int error;          /* errno of the write that failed; nothing is written any more */
	void (*changed)(void *arg, struct sink *s); /* room came, or it failed */
	void *arg;
};

/* Write to fd (1, 2, a file). 0, WEFT_ENOMEM, WEFT_EIO. */
int sink_open(struct sink *s, uv_loop_t *loop, int fd, void (*changed)(void *arg, struct sink *s), void *arg);

/* Takes the bytes to be written by the next sink_flush; 0 or WEFT_ENOMEM. A failed sink swallows them. */
int sink_write(struct sink *s, const void *bytes, size_t nbytes);
void sink_flush(struct sink *s);

/* Writes all that is queued, and waits for the reader as a plain write would. */
void sink_drain(struct sink *s);
size_t sink_queued(const struct sink *s);

/* What is queued is dropped. */
void sink_close(struct sink *s);

#endif
