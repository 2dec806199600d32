/* listen.c - accepting connections, for the Unix and the TCP listener.
 *
 * Happy path: poll says that someone waits, accept4 gives a descriptor, the kind admits it.
 *
 * Failure modes:
 * - No descriptor is left (EMFILE, ENFILE): the one who waits would make poll call for ever. We
 * give up a descriptor kept for this, take him with it, hang up on him and keep one again. When
 * even that fails, or the kernel is out of memory, we listen again after PAUSE_MS. One log line
 * tells it, until an accept succeeds.
 * - The one who waited has gone again (ECONNABORTED and other errors of his network): next.
 * - The owner closes the listener from inside `accepted`: the accept loop looks at fd after each.
 */
#include "config.h"

#include "link/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"

enum {
	PAUSE_MS = 100,
	TURN_GUESTS = 32, /* accepted in one turn of the loop */
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_handle_closed(uv_handle_t *handle)
{
	struct link_listener *ll = handle->data;
	if (--ll->nhandles == 0)
		weft__free(ll);
}

static void on_pause_end(uv_timer_t *timer)
{
	struct link_listener *ll = timer->data;
	if (!ll->paused)
		uv_poll_start(&ll->poll, UV_READABLE, on_poll);
}

static int open_reserve(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* accept failed for want of something: get rid of one guest, or wait. */
static void starve(struct link_listener *ll, int errnum)
{
	if (!ll->starved)
		weft__log(
		        WEFT__LOG_WARN, "WEFT-LINK-STARVED",
		        "cannot accept connections: %s; raise the limit of open files (ulimit -n)",
		        strerror(errnum));
	ll->starved = true;
	if ((errnum == EMFILE || errnum == ENFILE) && ll->reserve >= 0) {
		close(ll->reserve);
		int fd = accept4(ll->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			close(fd);
			ll->nrefused++;
		}
		ll->reserve = open_reserve();
		if (fd >= 0)
			return;
	}
	if (ll->reserve < 0)
		ll->reserve = open_reserve();
	uv_poll_stop(&ll->poll);
	uv_timer_start(&ll->timer, on_pause_end, PAUSE_MS, 0);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct link_listener *ll = poll->data;
	for (int turn = 0; turn < TURN_GUESTS && ll->fd >= 0 && !ll->paused; turn++) {
		struct sockaddr_storage from = {0};
		socklen_t size = sizeof from;
		int fd = accept4(ll->fd, (struct sockaddr *)&from, &size,
		                 SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			ll->starved = false;
			ll->admit(ll, fd, &from);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		           errno == ENOBUFS) {
			starve(ll, errno);
			break;
		}
	}
	if (status < 0 && ll->fd >= 0 && !ll->paused && !uv_is_active((uv_handle_t *)&ll->timer))
		uv_poll_start(&ll->poll, UV_READABLE, on_poll); /* libuv has stopped it */
}

int listener_start(uv_loop_t *loop, int *fd, struct link_listener **ll, struct weft_error *e)
{
	int own = *fd;
	*fd = -1;
	struct link_listener *new = weft__calloc(1, sizeof *new);
	if (!new) {
		close(own);
		return weft__err_set(e, WEFT_ENOMEM, "no memory for a listening socket");
	}
	int rc = uv_poll_init(loop, &new->poll, own);
	if (rc < 0) {
		close(own);
		weft__free(new);
		return weft__err_set(e, WEFT_EIO, "cannot watch a listening socket: %s",
		                     uv_strerror(rc));
	}
	uv_timer_init(loop, &new->timer);
	new->loop = loop;
	new->fd = own;
	new->dirfd = -1;
	new->reserve = open_reserve();
	new->poll.data = new->timer.data = new;
	new->nhandles = 2;
	uv_poll_start(&new->poll, UV_READABLE, on_poll);
	*ll = new;
	return 0;
}

void listener_refuse(struct link_listener *ll, const char *from, const char *why)
{
	ll->nrefused++;
	if (link_complain(from))
		weft__log(WEFT__LOG_WARN, "WEFT-LINK-REFUSED", "from=\"%s\" why=\"%s\"", from, why);
}

void link_listener_pause(struct link_listener *ll, bool paused)
{
	ll->paused = paused;
	if (paused)
		uv_poll_stop(&ll->poll);
	else if (!uv_is_active((uv_handle_t *)&ll->timer))
		uv_poll_start(&ll->poll, UV_READABLE, on_poll);
}

int link_listener_fd(const struct link_listener *ll)
{
	return ll->fd;
}

uint16_t link_listener_port(const struct link_listener *ll)
{
	return ll->port;
}

uint64_t link_listener_refused(const struct link_listener *ll)
{
	return ll->nrefused;
}

void link_listener_close(struct link_listener **listener)
{
	struct link_listener *ll = *listener;
	*listener = NULL;
	if (!ll)
		return;
	if (ll->leave)
		ll->leave(ll);
	uv_close((uv_handle_t *)&ll->poll, on_handle_closed);
	uv_close((uv_handle_t *)&ll->timer, on_handle_closed);
	close(ll->fd);
	ll->fd = -1;
	if (ll->reserve >= 0)
		close(ll->reserve);
}
