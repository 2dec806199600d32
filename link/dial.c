/* dial.c - connecting to a node's port, and the preamble.
 *
 * Happy path: a numeric address is parsed on the spot, a name is looked up in libuv's thread pool;
 * a non-blocking connect to the first address; its socket comes writable without an error; the
 * preambles are exchanged; done gets the descriptor.
 *
 * Failure modes, each told to done with the address in words:
 * - The name is unknown, or the resolver hangs: the timer ends the wait, and the request is freed
 * when libuv gives it back.
 * - An address refuses, or is a hole that swallows the connect without an error for minutes: each
 * address gets its share of the time, then the next is tried.
 * - Whoever listens there is no Weft, or another version: the preamble says so.
 */
#include "config.h"

#include "link/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "link/address.h"
#include "link/exchange.h"
#include "link/preamble.h"

enum dial_state {
	DIAL_LOOKING,    /* for the addresses of a name */
	DIAL_CONNECTING, /* poll waits for fd */
	DIAL_MOVING_ON,  /* poll is closing; then the next address */
	DIAL_GREETING,   /* x is at work */
	DIAL_FAILED,     /* the timer is about to tell */
	DIAL_OVER,       /* told, or canceled */
};

struct dial {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_poll_t poll;           /* of one attempt to connect */
	uv_getaddrinfo_t request; /* while it is out it counts as a handle */
	unsigned nhandles;        /* live; the struct is freed with the last */
	enum dial_state state;
	uint64_t deadline_ms; /* on the loop's clock */
	int fd;
	struct addrinfo *addresses, *next;
	struct exchange *x;
	enum link_purpose purpose;
	struct weft_error error; /* why the last attempt failed */
	dial_done_fn done;
	void *arg;
	char where[LINK_ADDRESS_TEXT]; /* the address under way */
	char name[];                   /* as the caller gave it, "name:port" */
};

static void try_next(struct dial *d);

static void on_handle_closed(uv_handle_t *handle);

static void release(struct dial *d)
{
	if (--d->nhandles > 0)
		return;
	if (d->addresses)
		uv_freeaddrinfo(d->addresses);
	weft__free(d);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct dial *d = handle->data;
	if (d->state == DIAL_MOVING_ON)
		try_next(d);
	release(d);
}

/* Ends the attempt under way: its poll is closing afterwards. */
static void abandon_attempt(struct dial *d)
{
	uv_close((uv_handle_t *)&d->poll, on_handle_closed);
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
}

static void dismantle(struct dial *d)
{
	if (d->state == DIAL_CONNECTING)
		abandon_attempt(d);
	if (d->state == DIAL_LOOKING)
		uv_cancel((uv_req_t *)&d->request); /* its callback comes in any case */
	exchange_cancel(&d->x);
	d->state = DIAL_OVER;
	uv_close((uv_handle_t *)&d->timer, on_handle_closed);
}

static void give_up(struct dial *d)
{
	dismantle(d); /* libuv frees it after this callback */
	d->done(d->arg, -1, &d->error);
}

static uint64_t left_ms(const struct dial *d)
{
	uint64_t now = uv_now(d->loop);
	return now < d->deadline_ms ? d->deadline_ms - now : 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct dial *d = timer->data;
	switch (d->state) {
	case DIAL_LOOKING:
		weft__err_set(&d->error, WEFT_ETIMEDOUT, "no answer from the resolver about %s",
		              d->name);
		give_up(d);
		break;
	case DIAL_CONNECTING:
		weft__err_set(&d->error, WEFT_ETIMEDOUT,
		              "%s does not answer: is it up, and the port open in its firewall?",
		              d->where);
		abandon_attempt(d);
		d->state = DIAL_MOVING_ON;
		break;
	case DIAL_FAILED:
		give_up(d);
		break;
	case DIAL_MOVING_ON:
	case DIAL_GREETING: /* exchange has its own timer */
	case DIAL_OVER:
		break;
	}
}

/* --- greeting ----------------------------------------------------------------------------- */

static void on_greeted(void *arg, int fd, const uint8_t in[EXCHANGE_BYTES],
                       const struct weft_error *e)
{
	struct dial *d = arg;
	d->x = NULL;
	struct weft_error why = *e;
	if (fd >= 0 && preamble_judge(in, &why) < 0) {
		close(fd);
		fd = -1;
	}
	if (fd < 0)
		weft__err_set(&d->error, why.code, "%s: %s", d->where, why.text);
	else
		d->error = (struct weft_error){0};
	dismantle(d);
	d->done(d->arg, fd, &d->error);
}

static void greet(struct dial *d)
{
	static const struct exchange_handler handler = {.done = on_greeted};
	uint8_t out[EXCHANGE_BYTES];
	int one = 1, fd = d->fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	d->fd = -1;
	abandon_attempt(d); /* the exchange has a poll of its own */
	uv_timer_stop(&d->timer);
	preamble_ask(out, d->purpose);
	int rc = exchange_ask(d->loop, &fd, out, left_ms(d), &handler, d, &d->x);
	if (rc < 0) {
		weft__err_set(&d->error, rc, "%s: %s", d->where, weft__err_text(rc));
		d->state = DIAL_FAILED;
		uv_timer_start(&d->timer, on_timer, 0, 0);
		return;
	}
	d->state = DIAL_GREETING;
}

/* --- connecting --------------------------------------------------------------------------- */

static void set_error(struct dial *d, int errnum)
{
	weft__err_set(&d->error, weft__err_from_errno(errnum), "cannot connect to %s: %s", d->where,
	              strerror(errnum));
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct dial *d = poll->data;
	int errnum = 0;
	socklen_t size = sizeof errnum;
	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &errnum, &size) < 0)
		errnum = errno;
	if (errnum == 0) {
		greet(d);
		return;
	}
	set_error(d, errnum);
	abandon_attempt(d);
	d->state = DIAL_MOVING_ON;
}

/* How long the address at d->next may take: what is left is shared with those after it. */
static uint64_t share_ms(const struct dial *d)
{
	unsigned naddresses = 0;
	for (const struct addrinfo *a = d->next; a; a = a->ai_next)
		naddresses++;
	return left_ms(d) / naddresses;
}

/* Starts to connect to one address; an errno value. */
static int attempt(struct dial *d, const struct addrinfo *a)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return errno;
	int errnum = 0;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0 && errno != EINPROGRESS)
		errnum = errno;
	else if (uv_poll_init(d->loop, &d->poll, fd) < 0)
		errnum = ENOMEM;
	if (errnum) {
		close(fd);
		return errnum;
	}
	d->fd = fd;
	d->poll.data = d;
	d->nhandles++;
	uv_poll_start(&d->poll, UV_WRITABLE, on_poll);
	return 0;
}

static void try_next(struct dial *d)
{
	while (d->next && left_ms(d) > 0) {
		const struct addrinfo *a = d->next;
		uint64_t timeout_ms = share_ms(d);
		address_print(a->ai_addr, true, d->where);
		int errnum = attempt(d, a);
		d->next = a->ai_next;
		if (errnum == 0) {
			d->state = DIAL_CONNECTING;
			uv_timer_start(&d->timer, on_timer, timeout_ms, 0);
			return;
		}
		set_error(d, errnum);
	}
	d->state = DIAL_FAILED;
	uv_timer_start(&d->timer, on_timer, 0, 0);
}

/* --- looking up --------------------------------------------------------------------------- */

static void on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses)
{
	struct dial *d = request->data;
	if (d->state != DIAL_LOOKING) {
		uv_freeaddrinfo(addresses);
	} else if (status < 0) {
		weft__err_set(&d->error, WEFT_ENONODE, "cannot find the address of %s: %s", d->name,
		              uv_strerror(status));
		d->state = DIAL_FAILED;
		uv_timer_start(&d->timer, on_timer, 0, 0);
	} else {
		d->addresses = d->next = addresses;
		try_next(d);
	}
	release(d);
}

/* Parses a numeric address, or starts to look a name up. */
static int look_up(struct dial *d, const char *address, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                         .ai_flags = AI_NUMERICSERV | AI_NUMERICHOST};
	if (getaddrinfo(address, port, &hints, &d->addresses) == 0) {
		d->next = d->addresses;
		try_next(d);
		return 0;
	}
	d->addresses = NULL;
	hints.ai_flags = AI_NUMERICSERV;
	if (uv_getaddrinfo(d->loop, &d->request, on_lookup, address, port, &hints) < 0)
		return WEFT_EINVAL; /* longer than a name can be, or no memory */
	d->nhandles++;
	d->state = DIAL_LOOKING;
	uv_timer_start(&d->timer, on_timer, LINK_HANDSHAKE_MS, 0);
	return 0;
}

int dial_start(uv_loop_t *loop, const char *address, uint16_t port, enum link_purpose purpose,
               dial_done_fn done, void *arg, struct dial **d)
{
	char service[8];
	size_t size = strlen(address) + sizeof service + 2;
	if (!*address || port == 0)
		return WEFT_EINVAL;
	struct dial *new = weft__calloc(1, sizeof *new + size);
	if (!new)
		return WEFT_ENOMEM;
	snprintf(service, sizeof service, "%u", port);
	snprintf(new->name, size, "%s:%s", address, service);
	new->loop = loop;
	new->fd = -1;
	new->purpose = purpose;
	new->done = done;
	new->arg = arg;
	new->request.data = new;
	uv_timer_init(loop, &new->timer);
	new->timer.data = new;
	new->nhandles = 1;
	uv_update_time(loop);
	new->deadline_ms = uv_now(loop) + LINK_HANDSHAKE_MS;
	int rc = look_up(new, address, service);
	if (rc < 0) {
		new->state = DIAL_OVER;
		uv_close((uv_handle_t *)&new->timer, on_handle_closed);
		return rc;
	}
	*d = new;
	return 0;
}

void dial_cancel(struct dial **d)
{
	if (*d)
		dismantle(*d);
	*d = NULL;
}
