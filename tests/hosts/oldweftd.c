/* oldweftd.c - a weftd of another version: it says so, dials home as it was told, and is refused as such a one is. */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROTOCOL = 77, PREAMBLE = 16, REFUSED_VERSION = 2, EXIT_PROTOCOL = 76, EXIT_UNREACHED = 69 };

/* "[10.0.0.1]:7000,…": tries them in turn; the answer's 16 bytes. */
static int ask(char *list, unsigned char answer[PREAMBLE])
{
	static const unsigned char hello[PREAMBLE] = {'W', 'E', 'F', 'T', PROTOCOL, 1, 0, 0, '0', '.', '0'};
	for (char *entry = strtok(list, ","); entry; entry = strtok(NULL, ",")) {
		struct sockaddr_in to = {.sin_family = AF_INET};
		char *colon = strrchr(entry, ':'), *end = strchr(entry, ']');
		if (!colon)
			continue;
		to.sin_port = htons((unsigned short)atoi(colon + 1));
		*(end ? end : colon) = '\0';
		if (inet_pton(AF_INET, *entry == '[' ? entry + 1 : entry, &to.sin_addr) != 1)
			continue;
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		bool answered = connect(fd, (struct sockaddr *)&to, sizeof to) == 0 && write(fd, hello, PREAMBLE) == PREAMBLE &&
		                recv(fd, answer, PREAMBLE, MSG_WAITALL) == PREAMBLE;
		close(fd);
		if (answered)
			return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	unsigned char answer[PREAMBLE] = {0};
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		puts("weftd 0.0 (protocol 77)");
		return 0;
	}
	if (argc < 3 || strcmp(argv[1], "--join"))
		return 2;
	if (ask(argv[2], answer))
		return EXIT_UNREACHED;
	fprintf(stderr, "weftd: answer %d of a Weft %.8s, protocol %d\n", answer[6], (const char *)answer + 8, answer[4]);
	return answer[6] == REFUSED_VERSION ? EXIT_PROTOCOL : 1;
}
