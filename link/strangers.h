/* strangers.h - how many connections may be unproven at once.
 *
 * A new one is always let in: when there are STRANGERS_MAX already the oldest has to go. Somebody
 * who holds many idle connections open thus never keeps out those who come with a key and need
 * milliseconds.
 */
#ifndef WEFT_LINK_STRANGERS_H
#define WEFT_LINK_STRANGERS_H

#include <stdbool.h>

#include "base/list.h"

enum { STRANGERS_MAX = 64 };

struct strangers {
	struct weft__list list; /* oldest first */
	unsigned count;
};

struct stranger {
	struct weft__list list;
	struct strangers *among;           /* NULL: not, or no longer */
	void (*evict)(struct stranger *s); /* it has left already */
};

void strangers_enter(struct strangers *among, struct stranger *s,
                     void (*evict)(struct stranger *s));
void strangers_leave(struct stranger *s); /* also when it has left already */

#endif
