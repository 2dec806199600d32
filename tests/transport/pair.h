/* pair.h - what the transport tests share: two ends of each kind of channel, messages that can be
 * checked. */
#ifndef TESTS_TRANSPORT_PAIR_H
#define TESTS_TRANSPORT_PAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/transport.h"
#include "tests/base/test.h"

enum { MESSAGE_MAX = 8 * 1024 * 1024 + 1 };

/* A kind of channel. */
struct kind {
	const char *name;
	bool local;  /* both ends in one process only, used by one thread */
	bool bells;  /* waits for doorbells */
	bool socket; /* far bytes are those of a socket */
	void (*socketpair)(int fds[2]);
};

extern const struct kind kinds[];
extern const size_t nkinds;

/* Two ends. What is not open yet is in memfds or socks, so that a child process can open its end.
 */
struct pair {
	const struct kind *kind;
	struct weft__channel *ends[2];
	int bells[2]; /* end i waits for bells[i] */
	int memfds[2], socks[2];
};

void pair_prepare(struct pair *p, const struct kind *kind);
void pair_open_end(struct pair *p, int i);
void pair_drop_end(struct pair *p, int i); /* what is not open, close its descriptors */
void pair_open(struct pair *p, const struct kind *kind);
void pair_close(struct pair *p); /* what is still open of both ends */

/* Sleep until end i is ready, as an engine does; false after timeout_ms. Arms and disarms. */
bool pair_sleep(struct pair *p, int i, bool want_send, int timeout_ms);

/* Message number n: its payload is message_bytes(n)[len], its header is made of n and len. */
struct weft__hdr message_header(uint32_t n, uint64_t len);
const uint8_t *message_bytes(uint32_t n);

/* The length of message n in a test of mixed sizes: mostly small, some large. */
uint64_t mixed_len(uint32_t n);

/* Checks what comes: messages 0, 1, 2, ... each as message_header and message_bytes say. */
struct inbox {
	struct weft__sink sink;
	uint32_t next; /* number of the message that is due */
	bool discard;  /* begin answers NULL */
	bool active;   /* between begin and end */
	uint64_t ndiscarded;
	uint8_t *room; /* MESSAGE_MAX */
};

void inbox_init(struct inbox *in);
void inbox_fini(struct inbox *in);

/* Send message n of len bytes from end i, polling the other end into `in` whenever the channel is
 * full. */
void send_message(struct pair *p, int i, uint32_t n, uint64_t len, struct inbox *in);

/* Poll end i until message number `next` is due. */
void receive_until(struct pair *p, int i, struct inbox *in, uint32_t next);

/* Poll end i until it says that it is closed; returns what it said. */
int receive_all(struct pair *p, int i, struct inbox *in);

int count_fds(void);

/* In one of two processes that are to run at the same time: the side-th processor that we may use. */
void pin_apart(int side);

/* Run each behaviour over each kind (with one_process: also those that live in one process). */
int run_over_kinds(const char *group, const struct CMUnitTest *behaviours, size_t n,
                   bool one_process);

#endif
