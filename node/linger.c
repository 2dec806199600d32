/* The last messages of tasks that have ended.
 *
 * A TCP socket that is closed with bytes in it that nobody has read resets its connection, and so does one that still
 * gets some afterwards; what the far end's kernel has no room for yet is then lost, although its sender was told that it
 * is sent. A killed task can do nothing against that. So we keep a copy of each end that a task of ours was given: while
 * there is one, a task's end closes nothing.
 *
 * The happy path: the task has ended, and so nothing more is sent (which its partner sees behind the last message); what
 * its partner still sends is thrown away until it closes its end, too. Then the copy is closed.
 *
 * What can go wrong:
 * - The partner's node is gone, or the connection broke: the copy is closed.
 * - The partner does not look at its messages for long: the copy stays for as long. It costs a descriptor.
 * - It sends on without end, as no task of ours does: the copy is closed.
 * - There are too many channels for half of our descriptors: no copies of those beyond. Their tasks' last messages get
 *   the time that the task itself gives them at its end (transport/stream.c), and none when it is killed.
 * - We end before the tasks: as before.
 */
#include "config.h"

#include "node/node.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"

enum {
	BIN_BYTES = 1 << 20,  /* thrown away at once, without a copy of it */
	READS_MAX = 8,        /* before others have their turn */
	DRAIN_MAX = 64 << 20, /* more than a task may have under way */
};

struct lingering {
	struct weft__list link; /* in node->lingering */
	struct node *node;
	uint32_t peer; /* the partner's node */
	int fd;
	ssize_t drained; /* bytes */
	uv_poll_t poll;
};

int linger_keep(struct node *n, int *fd)
{
	int kept = *fd;
	*fd = -1;
	if (n->nkept >= sysconf(_SC_OPEN_MAX) / 2) {
		close(kept);
		return -1;
	}
	n->nkept++;
	return kept;
}

void linger_drop(struct node *n, int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	n->nkept--;
}

static void freed(uv_handle_t *poll)
{
	weft__free(poll->data);
}

static void end(struct lingering *l)
{
	weft__list_remove(&l->link);
	uv_poll_stop(&l->poll);
	linger_drop(l->node, &l->fd);
	uv_close((uv_handle_t *)&l->poll, freed);
}

static void on_bytes(uv_poll_t *poll, int status, int events)
{
	struct lingering *l = poll->data;
	ssize_t n = status < 0 ? 0 : 1;
	for (int reads = 0; n > 0 && reads < READS_MAX; reads++) {
		n = recv(l->fd, NULL, BIN_BYTES, MSG_TRUNC | MSG_DONTWAIT);
		l->drained += n > 0 ? n : 0;
	}
	if (n == 0 || l->drained > DRAIN_MAX || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
		end(l);
}

void linger_start(struct node *n, int *fd, uint32_t peer)
{
	const int on = 1;
	if (*fd < 0)
		return;
	(void)setsockopt(*fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	struct lingering *l = shutdown(*fd, SHUT_WR) ? NULL : weft__calloc(1, sizeof *l);
	if (!l || uv_poll_init(n->loop, &l->poll, *fd)) { /* it broke long ago, or there is no memory */
		weft__free(l);
		linger_drop(n, fd);
		return;
	}
	l->node = n;
	l->peer = peer;
	l->fd = *fd;
	*fd = -1;
	l->poll.data = l;
	weft__list_push(&n->lingering, &l->link);
	uv_poll_start(&l->poll, UV_READABLE, on_bytes);
}

void linger_stop(struct node *n, uint32_t peer)
{
	for (struct weft__list *at = n->lingering.next, *next; at != &n->lingering; at = next) {
		struct lingering *l = WEFT__CONTAINER(at, struct lingering, link);
		next = at->next;
		if (peer == 0 || l->peer == peer)
			end(l);
	}
}
