/* exchange.h - two sides of a connection show each other 16 bytes, within a time. The preamble and
 * the tokens of task sockets go through it. Not a byte more is read or written. */
#ifndef WEFT_LINK_EXCHANGE_H
#define WEFT_LINK_EXCHANGE_H

#include <stdint.h>

#include "base/err.h"
#include "link/link.h"

enum { EXCHANGE_BYTES = 16 };

struct exchange;

struct exchange_handler {
	/* The side that answers: what came; fill in what goes out. 0, or an error: the answer, when
	 * there is one
	 * (*speak is true at first), is all that the peer gets. */
	int (*answer)(void *arg, const uint8_t in[EXCHANGE_BYTES], uint8_t out[EXCHANGE_BYTES],
	              bool *speak, struct weft_error *e);

	/* Over: the descriptor to keep and what came, or -1 and why (e->code, e->text). The
	 * exchange is gone. */
	void (*done)(void *arg, int fd, const uint8_t in[EXCHANGE_BYTES],
	             const struct weft_error *e);
};

/* Send out, then read. Takes the descriptor, also on failure; never calls back from inside. 0,
 * WEFT_ENOMEM, WEFT_EIO. */
int exchange_ask(uv_loop_t *loop, int *fd, const uint8_t out[static EXCHANGE_BYTES],
                 uint64_t timeout_ms, const struct exchange_handler *handler, void *arg,
                 struct exchange **x);

/* Read, then send what handler->answer says. As above. */
int exchange_answer(uv_loop_t *loop, int *fd, uint64_t timeout_ms,
                    const struct exchange_handler *handler, void *arg, struct exchange **x);

/* End it with this error; done is called in the loop's next turn. */
void exchange_expire(struct exchange *x, int code, const char *text);

/* Hang up; done is not called. */
void exchange_cancel(struct exchange **x);

#endif
