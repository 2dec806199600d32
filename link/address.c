#include "config.h"

#include "link/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { HOST_TEXT = INET6_ADDRSTRLEN };

void address_print(const struct sockaddr *a, bool with_port, char text[static LINK_ADDRESS_TEXT])
{
	char host[HOST_TEXT] = "?";
	unsigned port = 0;
	bool brackets = false;
	if (a->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		port = ntohs(in->sin_port);
	} else if (a->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a;
		port = ntohs(in6->sin6_port);
		brackets = !IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr);
		if (brackets)
			inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		else
			inet_ntop(AF_INET, in6->sin6_addr.s6_addr + 12, host, sizeof host);
	}
	if (!with_port)
		snprintf(text, LINK_ADDRESS_TEXT, "%s", host);
	else
		snprintf(text, LINK_ADDRESS_TEXT, brackets ? "[%s]:%u" : "%s:%u", host, port);
}

void address_print_peer(int fd, bool with_port, char text[static LINK_ADDRESS_TEXT])
{
	struct sockaddr_storage a = {0};
	socklen_t size = sizeof a;
	if (getpeername(fd, (struct sockaddr *)&a, &size) < 0)
		a.ss_family = AF_UNSPEC;
	address_print((const struct sockaddr *)&a, with_port, text);
}
