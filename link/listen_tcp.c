/* listen_tcp.c - a node's port: who comes says what for, then is handed on.
 *
 * Happy path: a connection is accepted, its 16 bytes of preamble come, ours go back, and the owner
 * gets the descriptor with its purpose.
 *
 * Failure modes:
 * - The stranger is silent, slow, garbage, of another version or unknown purpose, hangs up, or is
 * one too many (strangers.h): its descriptor is closed, it is counted, and logged once a minute for
 * its address.
 * - No port of the range is free: an error that says which were tried.
 * - No memory for a stranger: he is hung up on.
 * - The owner closes the listener from inside `accepted`: the strangers are dropped with it, and
 * nothing of the listener is touched afterwards.
 */
#include "config.h"

#include "link/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "link/address.h"
#include "link/exchange.h"
#include "link/preamble.h"

enum { BACKLOG = 256 };

struct guest {
	struct stranger stranger;
	struct link_listener *ll;
	struct exchange *x;
	enum link_purpose purpose;
	char from[LINK_ADDRESS_TEXT];
};

/* --- one who has come --------------------------------------------------------------------- */

static int on_preamble(void *arg, const uint8_t in[EXCHANGE_BYTES], uint8_t out[EXCHANGE_BYTES],
                       bool *speak, struct weft_error *e)
{
	struct guest *g = arg;
	int rc = preamble_answer(in, out, &g->purpose, e);
	*speak = rc != WEFT_EPROTO;
	return rc;
}

static void on_greeted(void *arg, int fd, const uint8_t in[EXCHANGE_BYTES],
                       const struct weft_error *e)
{
	struct guest g = *(struct guest *)arg;
	strangers_leave(&((struct guest *)arg)->stranger);
	weft__free(arg);
	if (fd < 0)
		listener_refuse(g.ll, g.from, e->text);
	else
		g.ll->accepted_tcp(g.ll->arg, fd, g.purpose, g.from);
}

static void evict(struct stranger *s)
{
	struct guest *g = WEFT__CONTAINER(s, struct guest, stranger);
	exchange_cancel(&g->x);
	listener_refuse(g->ll, g->from, "too many connections that say nothing");
	weft__free(g);
}

static void admit(struct link_listener *ll, int fd, const struct sockaddr_storage *from)
{
	static const struct exchange_handler handler = {.answer = on_preamble, .done = on_greeted};
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	struct guest *g = weft__calloc(1, sizeof *g);
	if (!g) {
		close(fd);
		ll->nrefused++;
		return;
	}
	g->ll = ll;
	address_print((const struct sockaddr *)from, true, g->from);
	if (exchange_answer(ll->loop, &fd, LINK_HANDSHAKE_MS, &handler, g, &g->x) < 0) {
		ll->nrefused++;
		weft__free(g);
		return;
	}
	strangers_enter(&ll->strangers, &g->stranger, evict);
}

static void leave(struct link_listener *ll)
{
	while (ll->strangers.count > 0) {
		struct stranger *s =
		        WEFT__CONTAINER(ll->strangers.list.next, struct stranger, list);
		struct guest *g = WEFT__CONTAINER(s, struct guest, stranger);
		strangers_leave(s);
		exchange_cancel(&g->x);
		weft__free(g);
	}
}

/* --- the port ----------------------------------------------------------------------------- */

static void set_port(struct sockaddr_storage *a, uint16_t port)
{
	if (a->ss_family == AF_INET6)
		((struct sockaddr_in6 *)a)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)a)->sin_port = htons(port);
}

static uint16_t bound_port(int fd)
{
	struct sockaddr_storage a = {0};
	socklen_t size = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &size) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
	                                     : ((struct sockaddr_in *)&a)->sin_port);
}

/* A numeric address; "" is any, of both families where the machine has IPv6. */
static int parse(const char *address, struct sockaddr_storage *a, socklen_t *size,
                 struct weft_error *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
	                         .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
	struct addrinfo *found;
	if (getaddrinfo(*address ? address : "::", "0", &hints, &found) != 0)
		return weft__err_set(e, WEFT_EINVAL, "\"%s\" is not a numeric address to listen on",
		                     address);
	memcpy(a, found->ai_addr, found->ai_addrlen);
	*size = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

/* A listening socket, or -1 and errno. */
static int try_port(struct sockaddr_storage *a, socklen_t size, uint16_t port)
{
	int one = 1, none = 0;
	int fd = socket(a->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (a->ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &none, sizeof none);
	set_port(a, port);
	if (bind(fd, (struct sockaddr *)a, size) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	int errnum = errno;
	close(fd);
	errno = errnum;
	return -1;
}

static int open_port(const char *address, uint16_t first, uint16_t last, struct weft_error *e)
{
	struct sockaddr_storage a = {0};
	socklen_t size = 0;
	int rc = parse(address, &a, &size, e);
	if (rc < 0)
		return rc;
	if (last < first)
		return weft__err_set(e, WEFT_EINVAL, "%u..%u is no range of ports", first, last);
	for (unsigned port = first; port <= last; port++) {
		int fd = try_port(&a, size, (uint16_t)port);
		if (fd < 0 && errno == EAFNOSUPPORT && !*address && a.ss_family == AF_INET6) {
			a = (struct sockaddr_storage){.ss_family = AF_INET}; /* no IPv6 here */
			size = sizeof(struct sockaddr_in);
			fd = try_port(&a, size, (uint16_t)port);
		}
		if (fd >= 0)
			return fd;
		if (errno != EADDRINUSE)
			return weft__err_set(
			        e, weft__err_from_errno(errno), "cannot listen on %s port %u: %s",
			        *address ? address : "any address", port, strerror(errno));
	}
	return weft__err_set(e, WEFT_EEXIST, "ports %u to %u on %s are all in use: name others",
	                     first, last, *address ? address : "this machine");
}

int link_adopt_tcp(uv_loop_t *loop, int *fd,
                   void (*accepted)(void *arg, int fd, enum link_purpose purpose, const char *from), void *arg,
                   struct link_listener **ll, struct weft_error *e)
{
	struct link_listener *new;
	uint16_t port = bound_port(*fd);
	int rc = listener_start(loop, fd, &new, e);
	if (rc < 0)
		return rc;
	new->admit = admit;
	new->leave = leave;
	new->accepted_tcp = accepted;
	new->arg = arg;
	new->port = port;
	*ll = new;
	return 0;
}

int link_listen_tcp(uv_loop_t *loop, const char *address, uint16_t first, uint16_t last,
                    void (*accepted)(void *arg, int fd, enum link_purpose purpose,
                                     const char *from),
                    void *arg, struct link_listener **ll, struct weft_error *e)
{
	int fd = open_port(address, first, last, e);
	return fd < 0 ? fd : link_adopt_tcp(loop, &fd, accepted, arg, ll, e);
}
