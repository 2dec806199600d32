#include "config.h"

#include "link/link.h"

#include <stdio.h>
#include <unistd.h>

/* The front ends that distributions come with go first: with one of them nft's own rules are not the user's. */
void link_firewall_line(uint16_t port, char *line, size_t size)
{
	if (access("/usr/sbin/ufw", X_OK) == 0)
		snprintf(line, size, "sudo ufw allow %u/tcp", port);
	else if (access("/usr/bin/firewall-cmd", X_OK) == 0)
		snprintf(line, size, "sudo firewall-cmd --add-port=%u/tcp", port);
	else if (access("/usr/sbin/iptables", X_OK) == 0 && access("/usr/sbin/nft", X_OK) != 0)
		snprintf(line, size, "sudo iptables -I INPUT -p tcp --dport %u -j ACCEPT", port);
	else
		snprintf(line, size, "sudo nft insert rule inet filter input tcp dport %u accept", port);
}
