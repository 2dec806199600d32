/* live.h - ids of the nodes, tasks and jobs that there are, for completion; asked for ahead of time. */
#ifndef WEFT_CONSOLE_LIVE_H
#define WEFT_CONSOLE_LIVE_H

#include "console/line.h"
#include "console/session.h"

struct live;

struct live *live_create(void); /* NULL: out of memory */
void live_destroy(struct live **l, struct session *s);

/* Asks anew, unless the last questions are still unanswered. */
void live_refresh(struct live *l, struct session *s);

/* The hosts, tasks and jobs of the last answers; valid until the loop runs. */
void live_get(const struct live *l, struct line_live *live);

#endif
