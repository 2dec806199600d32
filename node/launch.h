/* launch.h - the command that starts a daemon on another machine.
 *
 * To add a way to start one (a batch system's, say): give it a number WEFT__ADD_* in proto/proto.h and a line in the
 * table of launch.c. Its command is run once for each node, with the node's key on its standard input, and has to
 * pass that, the daemon's output and its exit status on; it should end when the daemon does. */
#ifndef WEFT_NODE_LAUNCH_H
#define WEFT_NODE_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "proto/proto.h"

enum { LAUNCH_WORDS_MAX = 64, LAUNCH_TEXT_MAX = 24576, LAUNCH_ADDRESSES_MAX = 1024 };

/* Exit statuses of a daemon that could not join, by which home knows why; sysexits(3) has them. */
enum launch_status {
	LAUNCH_UNREACHED  = 69, /* no address of the home node answers */
	LAUNCH_FOLDER     = 73, /* no folder for its socket */
	LAUNCH_VERSION    = 76, /* another version answers there */
	LAUNCH_KEY        = 77, /* the key does not fit, or did not come */
	LAUNCH_NOT_FOUND  = 127,
	LAUNCH_SSH_FAILED = 255,
};

struct launch {
	const char *argv[LAUNCH_WORDS_MAX + 4]; /* ends with NULL */
	char words[2048], master[256];          /* what they point into */
	char script[LAUNCH_TEXT_MAX];           /* what a shell runs there */
};

/* What the daemon has to be told beside what NODE_START says. */
struct launch_home {
	const char *vm, *addresses; /* addresses: of home, as "10.0.0.1:7000,…" */
	uint16_t port;              /* of home */
	uint64_t orphan_ms;
	const char *folder; /* where our own daemon is */
	const char *dir;    /* the VM's, where a user's ssh may have left its socket */
	const char *half;   /* NULL: its key comes on standard input; else it is fetched with this (hosting.h) */
};

/* 0; WEFT_EUNSUP: there is no such kind; WEFT_ETOOBIG. */
int launch_make(struct launch *l, const struct weft__msg_node_start *m, const struct launch_home *home,
                struct weft_error *e);

/* The same for somebody who logs in there by means of his own: for the shell that he finds. 0; WEFT_ETOOBIG. */
int launch_command(char *command, size_t size, const struct weft__msg_node_start *m, const struct launch_home *home,
                   struct weft_error *e);

const char *launch_name(uint64_t kind); /* "ssh"; NULL: there is none */

#endif
