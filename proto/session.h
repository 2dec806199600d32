/* session.h - between a node and the coordinator every message arrives once and in order.
 *
 * A link may break and the coordinator may crash; a message must be neither lost nor acted on twice. Both
 * sides count the numbered messages (all but the ones that open a link, heartbeats and PASS_LINK): the
 * first is number 1, no field bears the number. A sender keeps each message until the other side has said
 * that it has it: `seen` in JOIN, JOINED and HEARTBEAT is how many numbered messages the sender of `seen`
 * has received. After JOIN and JOINED each side sends again what the other has not seen, then goes on.
 * No numbered message goes out on a link before JOINED.
 *
 * A node that has followed no coordinator yet (JOIN with epoch 0) starts a new session on both sides: all
 * counts 0. A node keeps its session as long as it lives, whatever the coordinator does meanwhile; the
 * coordinator's side outlives its crashes through the journal.
 *
 * A client (task, tool, task VM) and the coordinator count what they say to each other in the same way, whatever daemons
 * are between them: when the node's daemon crashes and another one takes its place, each says how much has come
 * (HELLO, RESUMED), and is sent the rest. Meanwhile they confirm by SEEN, every so often.
 */
#ifndef WEFT_PROTO_SESSION_H
#define WEFT_PROTO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/proto.h"

/* A message that the other side has not confirmed. */
struct weft__unseen {
	struct weft__list link;
	uint64_t number;
	size_t nbytes;
	uint8_t body[];
};

struct weft__session {
	uint64_t received;      /* numbered messages that came: what we say as `seen` */
	uint64_t sent;          /* number of the last message pushed */
	struct weft__list kept; /* weft__unseen, oldest first: confirmed + 1 .. sent */
	size_t nbytes;          /* bytes of the bodies kept */
	uint64_t told;          /* clients: messages that we have confirmed to the other side, and ... */
	size_t untold_bytes;    /* ... bytes since then */
};

enum { WEFT__SESSION_SEEN = 32, WEFT__SESSION_SEEN_BYTES = 256 << 10 }; /* a client or the coordinator confirms so often */

bool weft__session_numbered(enum weft__msg_code code); /* between node and coordinator */
bool weft__session_asks(enum weft__msg_code code);     /* from a client to the coordinator */
bool weft__session_answers(enum weft__msg_code code);  /* from the coordinator to a client */

void weft__session_init(struct weft__session *s);
void weft__session_fini(struct weft__session *s);
void weft__session_reset(struct weft__session *s); /* a new session: all counts 0, nothing kept */

/* Give a body its number and keep a copy; send it now if the link is there. 0 or WEFT_ENOMEM. */
int weft__session_push(struct weft__session *s, const void *body, size_t nbytes);

/* The other side has seen so many: forget them. What is kept then is what must be sent again after a JOIN.
 * WEFT_EPROTO (nothing changed): it claims more than was sent, or less than it had confirmed. */
int weft__session_confirm(struct weft__session *s, uint64_t seen);

/* A client's: one more has come; true: it is time for SEEN, with s->received. */
bool weft__session_took(struct weft__session *s, size_t nbytes);

#endif
