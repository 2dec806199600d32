/* fake.h - a node that does what a test tells it, at the other end of a session; both on one loop. */
#ifndef WEFT_TESTS_CONSOLE_FAKE_H
#define WEFT_TESTS_CONSOLE_FAKE_H

#include <uv.h>

#include "console/session.h"
#include "link/link.h"
#include "proto/proto.h"

enum { FAKE_RECEIVED_MAX = 64 };

struct fake {
	uv_loop_t loop;
	struct link *link;       /* the node's end; NULL: closed */
	struct session *session; /* the tool's */
	/* What the node received: codes in order, and the last message of interest. */
	enum weft__msg_code received[FAKE_RECEIVED_MAX];
	size_t nreceived;
	uint64_t last_req;
	uint64_t acknowledged; /* bytes, by OUTPUT_ACK */
	unsigned ngiven;       /* HELLOs with a descriptor */
	/* Called for each message; the test's own answers. May be NULL. */
	void (*answer)(struct fake *f, const struct weft__msg *m);
	struct weft__arena arena;
};

/* A session that is connected, its HELLO not yet answered. */
void fake_open(struct fake *f, void (*answer)(struct fake *f, const struct weft__msg *m));
void fake_serve(struct fake *f, int *fd); /* the node's end of another one; takes it */
void fake_close(struct fake *f);

void fake_send(struct fake *f, const struct weft__msg *m); /* from the node to the tool */
void fake_welcome(struct fake *f);
void fake_hang_up(struct fake *f);

/* Runs the loop until all that was sent has arrived on both sides. */
void fake_settle(struct fake *f);

#endif
