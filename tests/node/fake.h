/* fake.h - the other end of a SEQPACKET connection to one of the node's programs, for tests: blocking, bounded in
 * time, and without the link room, so that it can also say what a link never would.
 */
#ifndef TESTS_NODE_FAKE_H
#define TESTS_NODE_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/proto.h"

struct fake {
	int fd;
	enum weft__role self, peer;
	struct weft__arena arena;
	uint8_t *packet; /* the last one received; the message points into it */
	size_t nbytes, at; /* its length; where its next frame begins */
	int came_fd;     /* that came along with it, to keep or close; -1 */
	uint64_t nnumbered; /* messages that came which a session counts */
};

enum { FAKE_TIMEOUT_MS = 20000 };

void fake_init(struct fake *f, int fd, enum weft__role self, enum weft__role peer);
void fake_fini(struct fake *f);

void fake_send(struct fake *f, const struct weft__msg *m, int fd);
void fake_send_raw(struct fake *f, const void *bytes, size_t nbytes);

/* The next message; false: the connection was closed. Fails the test when nothing comes in time. */
bool fake_next(struct fake *f, struct weft__msg *m);

/* Skips to the next message of that code; fails the test when the connection closes before. */
void fake_expect(struct fake *f, enum weft__msg_code code, struct weft__msg *m);

/* As who shows the output: all up to this message, when it is some. */
void fake_acknowledge(struct fake *f, const struct weft__msg *m);

/* Called now and then while any fake waits; NULL: nothing is. */
void fake_meanwhile(void (*act)(void *arg), void *arg);

/* Nothing comes for that long. */
bool fake_silent(struct fake *f, int timeout_ms);

/* Descriptors that a process has open. Where that cannot be known the test is skipped. */
int fake_count_fds(pid_t pid);
int fake_await_fds(pid_t pid, int n); /* until it has so many, or for long; how many it has then */

#endif
