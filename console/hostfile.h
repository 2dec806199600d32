/* hostfile.h - lists of hosts: plain ones, those of MPI's launchers, and PVM's.
 *
 *   # a comment, also behind a host
 *   node1                          a host
 *   node2 slots=4                  that many tasks fit; node2:4 is the same, and so are four lines "node2"
 *   alice@node3 ip=10.0.0.3        options are KEY=VALUE; hostfile.c has the table of them
 *   * lo=alice ep=$HOME/bin        from here on, in place of the last such line; * alone: no defaults
 *   & node4 sp=2000                known, but not to be added at once
 *   $ node5                        may be overloaded
 *
 * A $NAME in dx=, ep= and wd= is kept: it is the remote machine's to expand.
 */
#ifndef WEFT_CONSOLE_HOSTFILE_H
#define WEFT_CONSOLE_HOSTFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum {
	HOSTFILE_BYTES_MAX = 4 << 20, /* of a file */
	HOSTFILE_LINE_MAX  = 4095,
	HOSTFILE_NAME_MAX  = 255,
	HOSTFILE_VALUE_MAX = 1023,
	HOSTFILE_SLOTS_MAX = 65535,
	HOSTFILE_SPEED_MAX = 1000000,
};

/* Options that are texts. */
enum hostfile_text {
	HOSTFILE_LOGIN,    /* lo=  name of the user there */
	HOSTFILE_ADDRESS,  /* ip=  what is dialled in place of the name */
	HOSTFILE_DAEMON,   /* dx=  path of the daemon */
	HOSTFILE_PATH,     /* ep=  folders where programs are looked for, with colons between */
	HOSTFILE_WDIR,     /* wd=  where tasks start */
	HOSTFILE_DEBUGGER, /* bx=  path of the debugger's script */
	HOSTFILE_VMID,     /* id=  of PVM's virtual machine */
	HOSTFILE_PORTS,    /* port=  of the daemon there, one or a range A-B */
	HOSTFILE_NTEXTS,
};

/* so=: how the daemon is to be started, when it is not the usual way. */
enum hostfile_start { HOSTFILE_USUAL, HOSTFILE_PASSWORD /* so=pw */, HOSTFILE_BY_HAND /* so=ms */ };

struct hostfile_host {
	char *name;
	unsigned line;  /* where it is first named */
	bool later;     /* & */
	bool overload;  /* $ */
	unsigned slots; /* 0: not said */
	unsigned speed; /* sp=, 0: not said; PVM's usual one is 1000 */
	enum hostfile_start start;
	char *text[HOSTFILE_NTEXTS]; /* NULL: not said */
};

struct hostfile {
	struct hostfile_host *hosts; /* in the order of the file, each name once */
	size_t n;
	struct hostfile_host others; /* the last "*" line: what holds for hosts that are in no file; no name */
};

/* Reads a file, "-": standard input. Of 0 hosts there is nothing wrong here. WEFT_EINVAL: e names the file and the line;
 * WEFT_ENOFILE and others: it can't be read. Whatever they return, hostfile_fini is due, of a struct that was zeroed. */
int hostfile_read(struct hostfile *f, const char *path, struct weft_error *e);

/* The same with nbytes of text, of which name is told in errors. */
int hostfile_parse(struct hostfile *f, const char *text, size_t nbytes, const char *name, struct weft_error *e);

/* One host with its options, as in a line of a file: "node2 lo=alice sp=2000". */
int hostfile_add(struct hostfile *f, const char *line, struct weft_error *e);

/* What the hosts of f do not say themselves, known says: of a host of that name, or of others. 0, WEFT_ENOMEM. */
int hostfile_complete(struct hostfile *f, const struct hostfile *known, struct weft_error *e);

void hostfile_fini(struct hostfile *f);

/* NULL: it is not in there. */
const struct hostfile_host *hostfile_find(const struct hostfile *f, const char *name);

/* Is it this machine: its name, "localhost", one of its addresses, or a name that /etc/hosts has for one of those?
 * Asks no name server, which may be slow. */
bool hostfile_is_here(const char *name);

/* "7000" or "7000-7010". */
bool hostfile_is_ports(const char *text);

#endif
