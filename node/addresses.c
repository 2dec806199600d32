#include "config.h"

#include "node/addresses.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANY_PORT = 9 };

/* Interfaces that containers, virtual machines and VPNs make. The same address is often on many machines. */
static const char *const odd[] = {"docker", "virbr", "veth", "vnet",  "vmnet", "vboxnet",   "cni", "flannel", "cali", "podman",
                                  "lxc",    "lxd",   "tun",  "tap",   "wg",    "tailscale", "zt",  "ppp",     "ipsec", "nebula"};

enum address_rank addresses_rank(const char *interface, unsigned flags)
{
	if (!(flags & IFF_UP) || !(flags & IFF_RUNNING) || flags & IFF_LOOPBACK)
		return ADDRESS_NONE;
	if (flags & IFF_POINTOPOINT)
		return ADDRESS_ODD;
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		if (!strncmp(interface, odd[i], strlen(odd[i])))
			return ADDRESS_ODD;
	if (!strncmp(interface, "br-", 3) && isxdigit((unsigned char)interface[3])) /* Docker's other networks */
		return ADDRESS_ODD;
	return ADDRESS_USUAL;
}

/* Is it good for no other machine: 127.*, ::1, or an address of one wire only? */
static bool is_local(const struct sockaddr *a)
{
	if (a->sa_family == AF_INET) {
		uint32_t bits = ntohl(((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr);
		return bits >> 24 == 127 || bits >> 16 == 0xa9fe || bits == 0;
	}
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(in6) || IN6_IS_ADDR_LINKLOCAL(in6) || IN6_IS_ADDR_UNSPECIFIED(in6);
}

static bool print(const struct sockaddr *a, char text[static LINK_ADDRESS_TEXT])
{
	const void *bits = a->sa_family == AF_INET
	                           ? (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr
	                           : (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
	return inet_ntop(a->sa_family, bits, text, LINK_ADDRESS_TEXT) != NULL;
}

/* The address from which the kernel would send to that one: nothing is sent. */
static bool route_source(const char *toward, char text[static LINK_ADDRESS_TEXT])
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST}, *to = NULL;
	struct sockaddr_storage own = {0};
	socklen_t size = sizeof own;
	char port[8];
	snprintf(port, sizeof port, "%d", ANY_PORT);
	if (!*toward || getaddrinfo(toward, port, &hints, &to))
		return false;
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool found = fd >= 0 && connect(fd, to->ai_addr, to->ai_addrlen) == 0 &&
	             getsockname(fd, (struct sockaddr *)&own, &size) == 0 && !is_local((struct sockaddr *)&own) &&
	             print((struct sockaddr *)&own, text);
	if (fd >= 0)
		close(fd);
	freeaddrinfo(to);
	return found;
}

static int by_rank(const void *a, const void *b)
{
	const struct address *x = a, *y = b;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static size_t collect(struct address found[static ADDRESSES_MAX])
{
	struct ifaddrs *all = NULL;
	size_t n = 0;
	if (getifaddrs(&all))
		return 0;
	for (enum address_rank rank = ADDRESS_USUAL; rank < ADDRESS_NONE; rank++) {
		for (const struct ifaddrs *i = all; i && n < ADDRESSES_MAX; i = i->ifa_next) {
			if (!i->ifa_addr || (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6) ||
			    is_local(i->ifa_addr) || addresses_rank(i->ifa_name, i->ifa_flags) != rank ||
			    !print(i->ifa_addr, found[n].text))
				continue;
			snprintf(found[n].interface, sizeof found[n].interface, "%s", i->ifa_name);
			found[n++].rank = rank;
		}
	}
	freeifaddrs(all);
	return n;
}

size_t addresses_own(struct address found[static ADDRESSES_MAX], const char *toward)
{
	static const char *const world[] = {"192.0.2.1", "2001:db8::1"}; /* nobody has these */
	char source[LINK_ADDRESS_TEXT];
	size_t n = collect(found);
	bool sure = route_source(toward, source);
	for (size_t i = 0; i < n; i++)
		if (sure && !strcmp(found[i].text, source))
			found[i].rank = ADDRESS_ROUTE;
	for (size_t w = 0; w < sizeof world / sizeof *world && !sure; w++) {
		bool known = route_source(world[w], source);
		for (size_t i = 0; i < n; i++)
			if (known && found[i].rank == ADDRESS_USUAL && !strcmp(found[i].text, source))
				found[i].rank = ADDRESS_ROUTE;
	}
	/* In their own order among equals: the array is short. */
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k > 0 && by_rank(&found[k - 1], &found[k]) > 0; k--) {
			struct address swap = found[k];
			found[k] = found[k - 1];
			found[k - 1] = swap;
		}
	}
	return n;
}

void addresses_list(char *list, size_t size, const char *toward)
{
	struct address found[ADDRESSES_MAX];
	size_t n = addresses_own(found, toward), at = 0;
	*list = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(found[i].text);
		if (at + length + 2 > size)
			return;
		if (at)
			list[at++] = ',';
		memcpy(list + at, found[i].text, length + 1);
		at += length;
	}
}

bool addresses_next(const char **list, char address[static LINK_ADDRESS_TEXT], unsigned short *port)
{
	const char *from = *list, *end = from + strcspn(from, ","), *stop = end, *colon = NULL;
	*list = *end ? end + 1 : end;
	if (*from == '[') {
		from++;
		stop = memchr(from, ']', (size_t)(end - from));
		if (!stop)
			return false;
		colon = stop[1] == ':' ? stop + 1 : NULL;
	} else {
		colon = memchr(from, ':', (size_t)(end - from));
		if (colon && memchr(colon + 1, ':', (size_t)(end - colon - 1)))
			colon = NULL; /* a bare IPv6 address */
		stop = colon ? colon : end;
	}
	size_t length = (size_t)(stop - from);
	if (length == 0 || length >= LINK_ADDRESS_TEXT)
		return false;
	if (colon) {
		char *rest;
		unsigned long number = strtoul(colon + 1, &rest, 10);
		if (!isdigit((unsigned char)colon[1]) || rest != end || number == 0 || number > 65535)
			return false;
		*port = (unsigned short)number;
	}
	memcpy(address, from, length);
	address[length] = '\0';
	return true;
}
