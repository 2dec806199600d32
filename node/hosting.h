/* hosting.h - daemons that a task of the user's starts, PVM's hoster: home's side, and the new daemon's. */
#ifndef WEFT_NODE_HOSTING_H
#define WEFT_NODE_HOSTING_H

#include "node/node.h"

enum { HOSTING_HALF_TEXT = 2 * LINK_KEY_BYTES + 1, HOSTING_LABEL_TEXT = 40 };

/* --- home (hosting.c) --------------------------------------------------------------------------- */

void hosting_register(struct client *c, const struct weft__msg_hoster *m);
void hosting_gone(struct client *c); /* it is no hoster any more */
void hosting_answered(struct client *c, const struct weft__msg_host_started *m);
bool hosting_start(struct node *n, const struct weft__msg_node_start *m); /* false: there is no hoster for it */
void hosting_accept(struct node *n, int *fd);                             /* a LINK_TO_KEY */
void hosting_forget_all(struct node *n);

/* --- the new daemon (hosted.c) -------------------------------------------------------------------- */

/* Shows its half to whoever started it, goes into the background, and fetches the node's key from home with
 * home's half. 0, or the process's exit status. */
int hosted_begin(struct node *n, const uint8_t half[static LINK_KEY_BYTES]);

/* --- both ------------------------------------------------------------------------------------------- */

void hosting_print_half(const uint8_t half[static LINK_KEY_BYTES], char text[static HOSTING_HALF_TEXT]);
bool hosting_read_half(const char *text, uint8_t half[static LINK_KEY_BYTES]); /* behind it anything may follow */

/* What the two agree on is for this, and is the dialer's name. */
void hosting_label(uint32_t node, uint32_t incarnation, char label[static HOSTING_LABEL_TEXT]);

#endif
