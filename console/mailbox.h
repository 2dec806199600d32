/* mailbox.h - the rows of PVM's mailboxes. */
#ifndef WEFT_CONSOLE_MAILBOX_H
#define WEFT_CONSOLE_MAILBOX_H

#include "console/session.h"

/* Each message of each mailbox. 0 or the session's error. */
int mailbox_list(struct session *s, void (*row)(void *arg, const struct weft__msg_mbox_row *row), void *arg,
                 struct weft_error *e);

#endif
