/* dial.h - connecting to a node's port and greeting it. */
#ifndef WEFT_LINK_DIAL_H
#define WEFT_LINK_DIAL_H

#include "base/err.h"
#include "link/link.h"

struct dial;

/* fd is to keep, its preamble exchanged; or -1 and why. The dial is gone. */
typedef void (*dial_done_fn)(void *arg, int fd, const struct weft_error *e);

/* done follows within LINK_HANDSHAKE_MS, never from inside. 0, WEFT_EINVAL, WEFT_ENOMEM. */
int dial_start(uv_loop_t *loop, const char *address, uint16_t port, enum link_purpose purpose,
               dial_done_fn done, void *arg, struct dial **d);
void dial_cancel(struct dial **d); /* done is not called */

#endif
