/* listener.h - what the Unix and the TCP listener share. */
#ifndef WEFT_LINK_LISTENER_H
#define WEFT_LINK_LISTENER_H

#include <sys/socket.h>
#include <sys/types.h>

#include "link/link.h"
#include "link/strangers.h"

struct link_listener {
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t timer;  /* listening again after a shortage */
	unsigned nhandles; /* live handles; the struct is freed with the last */
	int fd;            /* -1 after link_listener_close */
	int reserve;       /* a descriptor to give up when there is no other; -1: none */
	bool starved;      /* the shortage has been logged */
	bool paused;       /* its owner wants nobody for now */
	uint64_t nrefused;

	/* Someone has connected: takes the descriptor. */
	void (*admit)(struct link_listener *ll, int fd, const struct sockaddr_storage *from);
	/* The listener closes: give up what the kind has; NULL: nothing. */
	void (*leave)(struct link_listener *ll);
	void *arg;

	/* Unix */
	void (*accepted_unix)(void *arg, int fd);
	int dirfd; /* ours, -1: none */
	char name[64];
	ino_t ino; /* of the socket's file */

	/* TCP */
	void (*accepted_tcp)(void *arg, int fd, enum link_purpose purpose, const char *from);
	uint16_t port;
	struct strangers strangers; /* in their preamble */
};

/* Starts to accept on a listening, non-blocking socket; takes *fd, also on failure. 0, WEFT_ENOMEM,
 * WEFT_EIO. */
int listener_start(uv_loop_t *loop, int *fd, struct link_listener **ll, struct weft_error *e);

/* Counts one that was turned away; logs it when its address has not cost a line lately. */
void listener_refuse(struct link_listener *ll, const char *from, const char *why);

#endif
