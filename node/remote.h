/* remote.h - what is common to the ways in which home starts daemons of other machines. */
#ifndef WEFT_NODE_REMOTE_H
#define WEFT_NODE_REMOTE_H

#include "node/blame.h"
#include "node/launch.h"
#include "node/node.h"

/* For a shell there: it starts the daemon, which gets its key by half (hosting.h). 0; WEFT_ETOOBIG, WEFT_EIO. */
int remote_command(struct node *n, const struct weft__msg_node_start *m, const char *half, char *command, size_t size,
                   struct weft_error *e);

/* The coordinator is told, and the log. */
void remote_failed(struct node *n, uint32_t index, uint32_t incarnation, const struct blame *b, const char *said);

#endif
