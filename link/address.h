/* address.h - socket addresses as text. */
#ifndef WEFT_LINK_ADDRESS_H
#define WEFT_LINK_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "link/link.h"

/* "127.0.0.1" or, with_port, "127.0.0.1:4711" and "[::1]:4711". An IPv4 address that came in
 * through an IPv6 socket is shown as what it is. */
void address_print(const struct sockaddr *a, bool with_port, char text[static LINK_ADDRESS_TEXT]);

/* What getpeername says, as above. */
void address_print_peer(int fd, bool with_port, char text[static LINK_ADDRESS_TEXT]);

#endif
