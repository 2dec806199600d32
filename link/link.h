/* link.h - framed connections of daemons and tools, on a libuv loop.
 *
 * Two kinds behave alike: a Unix SOCK_SEQPACKET socket (whole frames in a packet, descriptors may come along),
 * and TLS 1.3 over TCP with an external pre-shared key. Both carry proto's frames. Everything runs on the
 * loop's thread. Frames sent are queued without loss until the link closes; link_queued shows how much.
 */
#ifndef WEFT_LINK_H
#define WEFT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"
#include "proto/proto.h"

enum {
	LINK_KEY_BYTES     = 32,
	LINK_TOKEN_BYTES   = 32,
	LINK_IDENTITY_MAX  = 127,  /* a PSK identity: 1 to so many printable characters */
	LINK_FDS_MAX       = 8,    /* descriptors with one frame */
	LINK_HANDSHAKE_MS  = 5000, /* a stranger's time to prove itself */
	LINK_STRANGER_MAX  = 4096, /* and what we read of it until then, bytes */
	LINK_ADDRESS_TEXT  = 64,   /* room for a numeric address or address:port with its NUL */
};

/* What a TCP connection to a node's port is for; said in the preamble, in clear. */
enum link_purpose {
	LINK_TO_COORD = 1, /* a node's control link: TLS with the node's own key */
	LINK_TO_PEER  = 2, /* between two nodes: TLS with the pair's key */
	LINK_TO_TASK  = 3, /* a channel of two tasks: shows a token, then belongs to the tasks */
	LINK_TO_PROBE = 4, /* as between two nodes, but only to see that it works */
	LINK_TO_KEY   = 5, /* a daemon that a task has started gets the node's key: TLS with what the two have agreed on */
};

struct link;

/* What the owner of a link is told. Each may close the link. */
struct link_handler {
	/* The link is usable (TLS ones: the handshake succeeded; Unix ones: in the loop's next turn). It comes
	 * before any frame. NULL: not interested.
	 * identity is the peer's PSK identity on an accepted TLS link, else NULL. */
	void (*opened)(struct link *l, void *arg, const char *identity);

	/* A frame's body came. fds[nfds] are the receiver's to keep or close; the handler must take them all. */
	void (*frame)(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds);

	/* The link is closed: code is WEFT_ECLOSED for an orderly end, else why; text is for people. Called
	 * once, never after link_close; the link is gone when it returns. */
	void (*closed)(struct link *l, void *arg, int code, const char *text);
};

/* A link over a connected SEQPACKET socket; takes the descriptor (also on failure). */
int link_open(uv_loop_t *loop, int *fd, const struct link_handler *handler, void *arg, struct link **l);

/* Finds the key of a PSK identity; 0, or an error: the stranger is refused. An identity names the dialer, and
 * must not be one under which this process dials itself: what it sent could be played back to it. */
typedef int (*link_key_fn)(void *arg, const char *identity, uint8_t key[static LINK_KEY_BYTES]);

/* The server's side of TLS over a TCP socket whose preamble has been read; takes the descriptor. opened or closed
 * follows within LINK_HANDSHAKE_MS; a closed before opened is a stranger's: log it when link_complain allows. */
int link_accept(uv_loop_t *loop, int *fd, link_key_fn find_key, void *key_arg,
                const struct link_handler *handler, void *arg, struct link **l);

/* Dial a node's port, say what for, and speak TLS as identity. opened or closed follows, within
 * LINK_HANDSHAKE_MS. address is numeric or a name that getaddrinfo knows (looked up off the loop). */
int link_dial(uv_loop_t *loop, const char *address, uint16_t port, enum link_purpose purpose,
              const char *identity, const uint8_t key[static LINK_KEY_BYTES],
              const struct link_handler *handler, void *arg, struct link **l);

/* Queue a message, also before `opened`; fds[nfds] are duplicated, the caller keeps his. Only Unix links carry descriptors.
 * 0, WEFT_ETOOBIG, WEFT_ENOMEM, WEFT_ENOSPC (descriptors), WEFT_ECLOSED. */
int link_send(struct link *l, const struct weft__msg *m, const int *fds, size_t nfds);

/* The same with a body that is encoded already, at least one byte. */
int link_send_body(struct link *l, const void *body, size_t nbytes);

/* From now on frames leave together: all of one turn of the loop with the next. For an owner that sends many small ones
 * to a peer that each would wake; on a Unix link the peer must be a link, too. */
void link_gather(struct link *l);

size_t link_queued(const struct link *l);      /* bytes not yet given to the kernel */
void link_flush(struct link *l);               /* what is queued goes out now, as far as it can */
void link_pause(struct link *l, bool paused);  /* stop reading, or go on; what has been read still comes */
void link_set_handler(struct link *l, const struct link_handler *handler, void *arg);
const char *link_peer(const struct link *l);   /* "127.0.0.1:4711", "pid 4711": for logs */
const char *link_peer_host(const struct link *l); /* "127.0.0.1": to dial it elsewhere; Unix links: "" */
uint64_t link_rtt_us(const struct link *l); /* there and back, as the kernel has measured; 0: it has not */
int link_fd(const struct link *l);          /* stays the link's */
int64_t link_peer_pid(const struct link *l);   /* Unix links: SO_PEERCRED, else -1. A socketpair: its maker's */

/* What is queued still goes out (at most 1 s; the loop must run), then all is freed; a link that has not
 * opened yet is dropped at once. *l is NULL afterwards; closed is not called. Also from inside any handler,
 * of this link or of another. */
void link_close(struct link **l);

/* May a peer that misbehaved cost a log line now? Once a minute an address ("127.0.0.1:4711"; the port does
 * not count), and for a bounded number of addresses. */
bool link_complain(const char *from);

/* --- listening --------------------------------------------------------------------------------- */

struct link_listener;

/* The file `name` in the folder of dirfd becomes a SEQPACKET socket; connections of other uids are refused.
 * accepted gets a connected descriptor to keep. A stale file is replaced (the caller holds the folder's lock). */
int link_listen_unix(uv_loop_t *loop, int dirfd, const char *name, void (*accepted)(void *arg, int fd),
                     void *arg, struct link_listener **ll, struct weft_error *e);

/* A node's TCP port. Reads each preamble itself (time and bytes bounded, also the number of strangers at once),
 * refuses other versions in words, and hands over what is left: accepted gets the descriptor to keep.
 * address "" listens on all; ports first..last are tried, 0..0 lets the kernel choose. */
int link_listen_tcp(uv_loop_t *loop, const char *address, uint16_t first, uint16_t last,
                    void (*accepted)(void *arg, int fd, enum link_purpose purpose, const char *from),
                    void *arg, struct link_listener **ll, struct weft_error *e);

/* The same with a socket that listens already, as another process of ours left it; they take *fd, also on failure. */
int link_adopt_unix(uv_loop_t *loop, int *fd, int dirfd, const char *name, void (*accepted)(void *arg, int fd),
                    void *arg, struct link_listener **ll, struct weft_error *e);
int link_adopt_tcp(uv_loop_t *loop, int *fd,
                   void (*accepted)(void *arg, int fd, enum link_purpose purpose, const char *from), void *arg,
                   struct link_listener **ll, struct weft_error *e);

int link_listener_fd(const struct link_listener *ll); /* stays the listener's */
uint16_t link_listener_port(const struct link_listener *ll);
void link_listener_pause(struct link_listener *ll, bool paused); /* who comes waits in the socket's queue */
uint64_t link_listener_refused(const struct link_listener *ll); /* how many were turned away so far */
void link_listener_close(struct link_listener **ll);

/* The command that lets others through this machine's firewall to the port, by the firewall that is installed. */
void link_firewall_line(uint16_t port, char *line, size_t size);

/* --- sockets for tasks ------------------------------------------------------------------------- */

struct link_token {
	uint8_t bytes[LINK_TOKEN_BYTES]; /* first half shown by the dialer, second half by the one that accepts */
};

/* Dial a node's port for LINK_TO_TASK and exchange the token. done gets a connected descriptor to keep, or -1
 * and the reason; within LINK_HANDSHAKE_MS. */
int link_dial_task(uv_loop_t *loop, const char *address, uint16_t port, const struct link_token *token,
                   void (*done)(void *arg, int fd, int code), void *arg);

/* The other side: find looks the first half up and fills in the whole token (once: a token serves one
 * connection); done as above. Takes the descriptor. */
int link_accept_task(uv_loop_t *loop, int *fd, int (*find)(void *arg, struct link_token *token),
                     void (*done)(void *arg, const struct link_token *token, int fd, int code), void *arg);

/* --- keys -------------------------------------------------------------------------------------- */

/* HKDF-SHA256 of the VM's key with a label such as "node 3 7": the key of one node, or of a pair. 0 or WEFT_EINTERNAL. */
int link_key_derive(const uint8_t vm_key[static LINK_KEY_BYTES], const char *label,
                    uint8_t key[static LINK_KEY_BYTES]);

/* For two who have no key in common, and can show each other 32 bytes that others may see but not change. X25519. */
struct link_pair {
	uint8_t secret[LINK_KEY_BYTES], shown[LINK_KEY_BYTES];
};
int link_pair_make(struct link_pair *p); /* another one each time. 0 or WEFT_EINTERNAL */

/* The same on both sides, each with its own pair and what the other one has shown. 0, WEFT_EDENIED (it shows no point),
 * WEFT_EINTERNAL. */
int link_pair_agree(const struct link_pair *own, const uint8_t other[static LINK_KEY_BYTES], const char *label,
                    uint8_t key[static LINK_KEY_BYTES]);

#endif
