/* proto.h - control messages and their frames; no I/O.
 *
 * A frame is an 8-byte header ('W' 'F', WEFT__PROTO_VERSION, 0, body length as 32 bits little-endian)
 * and a body: a MessagePack array [code, fields...]. msgs.def has every message; the structs here come
 * from it. Field kinds, in the structs: U64 uint64_t, I64 int64_t, STR weft__str, BIN weft__bin,
 * U64S weft__u64s, STRS weft__strs.
 */
#ifndef WEFT_PROTO_H
#define WEFT_PROTO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ids.h"

enum {
	WEFT__PROTO_VERSION = 1,
	WEFT__SINK_MAX = (1 << 18) - 1, /* beside a job and a node in 64 bits */
	WEFT__FRAME_HEADER  = 8,
	WEFT__FRAME_MAX     = 192 * 1024, /* largest body; with its header it fits a Unix packet */
	WEFT__CARRIED_MAX   = WEFT__FRAME_MAX - 64, /* largest body of a message that others may carry */
	WEFT__OUTPUT_WINDOW = 256 * 1024, /* bytes of OUTPUT a task VM may have unacknowledged */
	WEFT__ARGS_MAX      = 4096,       /* arguments of a program, and variables of its environment */
	WEFT__ARGS_BYTES    = 160 * 1024, /* that these take with the folder at most: a LAUNCH fits a frame */
};

#define WEFT__REGION_MAX (UINT64_C(1) << 40) /* bytes of a buffer that a task lets another read */

/* Who is at the end of a connection. */
enum weft__role {
	WEFT__ROLE_TASK   = 1,
	WEFT__ROLE_TASKVM = 2,
	WEFT__ROLE_TOOL   = 4,
	WEFT__ROLE_NODE   = 8,
	WEFT__ROLE_COORD  = 16,
};

/* Values of fields. */
enum { /* SPAWN.flags, LAUNCH.flags */
	WEFT__SPAWN_ATTACHED = 1, /* output goes to the asking tool; when the tool goes the job is killed */
	WEFT__SPAWN_STDIN    = 2, /* rank 0 reads what the tool sends as STDIN; else /dev/null */
	WEFT__SPAWN_FIT      = 4, /* no more tasks on a node than it has cores: else WEFT_ENOSPC */
	WEFT__SPAWN_FILL     = 8, /* count is 0: a task for each free core, or ppn on each node */
	WEFT__SPAWN_STAYS    = 16, /* with ATTACHED: when the tool goes the job goes on, its output into its log */
	WEFT__SPAWN_USUAL    = 32, /* wdir is only the usual one: a node's own, or where there is no such folder, comes before it */
};
enum { /* TASK_ROW.flags */
	WEFT__TASK_ENROLLED  = 1, /* it came from outside */
	WEFT__TASK_CONNECTED = 2, /* it is a program of Weft, and has said so */
};
enum { WEFT__MAP_FREE = 0, WEFT__MAP_FILL = 1, WEFT__MAP_TURN = 2 }; /* SPAWN.map */
enum { /* SPAWN.bind, SPAWN.deal: parts of a machine, from small to large */
	WEFT__BIND_AUTO    = 0, /* an equal share of the cores when the job is alone on the node, else none */
	WEFT__BIND_NONE    = 1,
	WEFT__BIND_THREAD  = 2, /* hardware thread */
	WEFT__BIND_CORE    = 3,
	WEFT__BIND_L3      = 4, /* cores with a third-level cache in common */
	WEFT__BIND_NUMA    = 5,
	WEFT__BIND_PACKAGE = 6, /* socket */
};
enum { /* STATUS.flags, EXITED.flags */
	WEFT__EXIT_CORE  = 1, /* dumped core */
	WEFT__EXIT_LOST  = 2, /* its node or task VM was lost: nobody saw how it ended */
	WEFT__EXIT_LEFT  = 4, /* an enrolled task that left or whose connection closed */
	WEFT__EXIT_START = 8, /* it never ran: the program could not be started */
	WEFT__EXIT_SPOKE = 16, /* NOTICE: it was a task that could send messages, of which some may be under way */
	WEFT__EXIT_ELSEWHERE = 32, /* JOB_EVENT: what it wrote goes to a task, and not to the tool */
};
enum { WEFT__NODE_STARTING = 1, WEFT__NODE_UP = 2, WEFT__NODE_SUSPECT = 3, WEFT__NODE_LEAVING = 4 };
enum { WEFT__TASK_STARTING = 1, WEFT__TASK_RUNNING = 2, WEFT__TASK_ENDED = 3 };
enum { WEFT__JOB_STARTING = 1, WEFT__JOB_RUNNING = 2, WEFT__JOB_ENDED = 3 };
enum { WEFT__LIST_NODES = 1, WEFT__LIST_TASKS = 2, WEFT__LIST_JOBS = 3 };
enum { WEFT__ADD_LOCAL = 1, WEFT__ADD_SSH = 2, WEFT__ADD_SRUN = 3, WEFT__ADD_QRSH = 4, WEFT__ADD_FLUX = 5 };
enum { WEFT__DRAIN_YES = 1, WEFT__DRAIN_NO = 2 };
enum { WEFT__NOTIFY_EXIT = 1, WEFT__NOTIFY_LOST = 2, WEFT__NOTIFY_ADDED = 3 };
enum {
	WEFT__JOB_EVENT_STARTED = 1,
	WEFT__JOB_EVENT_EXITED  = 2,
	WEFT__JOB_EVENT_DONE    = 3,
	WEFT__JOB_EVENT_ABORTED = 4,
};
enum { WEFT__MPI_AUTO = 0, WEFT__MPI_NONE = 1, WEFT__MPI_OPENMPI = 2, WEFT__MPI_MPICH = 3 };
enum { WEFT__CHANNEL_SHM = 1, WEFT__CHANNEL_STREAM = 2 };
enum {
	WEFT__GROUP_JOIN     = 1,
	WEFT__GROUP_LEAVE    = 2,
	WEFT__GROUP_SIZE     = 3,
	WEFT__GROUP_MEMBER   = 4,
	WEFT__GROUP_INSTANCE = 5,
	WEFT__GROUP_BARRIER  = 6,
	WEFT__GROUP_MEMBERS  = 7,
};
#define WEFT__GROUP_KEPT (UINT64_C(1) << 32) /* beside the count, in what answers GROUP_MEET */
enum { WEFT__GROUP_PAGE_BYTES = 4096, WEFT__GROUP_PAGE_MAX = 1024 }; /* and members that one serves */
enum { /* PVM's flags of mailboxes, with its values */
	WEFT__MBOX_PERSISTENT  = 1,  /* it stays when its owner ends */
	WEFT__MBOX_MULTI       = 2,  /* beside others, at an index that is free */
	WEFT__MBOX_WRITABLE    = 4,  /* others may overwrite and delete it */
	WEFT__MBOX_FIRST       = 8,  /* the first with this index or a higher one */
	WEFT__MBOX_TAKE        = 16, /* and delete it */
	WEFT__MBOX_WAIT        = 32, /* answer when it is there */
	WEFT__MBOX_INDEX_SHIFT = 10,
	WEFT__MBOX_INDEX_MAX   = (1 << 21) - 1,
};

/* Every field takes 8 or 16 bytes, so that a message's struct is its fields one after the other. */
struct weft__str {
	const char *p; /* decoded ones end with a NUL that n does not count */
	size_t n;
};
struct weft__bin {
	const void *p;
	size_t n;
};
struct weft__u64s {
	const uint64_t *p;
	size_t n;
};
struct weft__strs {
	const struct weft__str *p;
	size_t n;
};

#define MSG(code, NAME, name, from, to, doc) struct weft__msg_##name {
#define U64(name, max, doc) uint64_t name;
#define I64(name, doc) int64_t name;
#define STR(name, max, doc) struct weft__str name;
#define BIN(name, max, doc) struct weft__bin name;
#define U64S(name, max, doc) struct weft__u64s name;
#define STRS(name, max, each, doc) struct weft__strs name;
#define END };
#include "proto/msgs.def"
#include "proto/msgs_undef.h"

enum weft__msg_code {
#define MSG(code, NAME, name, from, to, doc) WEFT__MSG_##NAME = code,
#include "proto/msgs_only.h"
#include "proto/msgs.def"
#include "proto/msgs_undef.h"
};

struct weft__msg {
	enum weft__msg_code code;
	union {
#define MSG(code, NAME, name, from, to, doc) struct weft__msg_##name name;
#include "proto/msgs_only.h"
#include "proto/msgs.def"
#include "proto/msgs_undef.h"
	};
};

/* Where decoded texts and arrays live; one serves many messages, each decode takes it anew.
 * All zeros is empty and valid. */
struct weft__arena {
	uint8_t *data;
	size_t cap;
};
void weft__arena_fini(struct weft__arena *a);

/* A text for a field, from a C string (NULL: empty). */
struct weft__str weft__str(const char *s);
size_t weft__strs_bytes(const struct weft__strs *list); /* that they take in a body at most */

/* Appends the whole frame, header and body, to out. Fields over their maximum, or a body over its:
 * WEFT_ETOOBIG; a NUL in a text: WEFT_EINVAL; also WEFT_ENOMEM. Nothing was appended on failure. */
int weft__msg_encode(struct weft__buf *out, const struct weft__msg *m, struct weft_error *e);

/* Appends the body alone: what UP, DOWN, PEER_UP and PEER_DOWN carry. */
int weft__msg_encode_body(struct weft__buf *out, const struct weft__msg *m, struct weft_error *e);

/* Fills the header of a frame whose body, of at most WEFT__FRAME_MAX bytes, exists already. */
void weft__frame_header(uint8_t header[static WEFT__FRAME_HEADER], size_t nbytes);

/* The body length that a frame header announces, or WEFT_EPROTO (not a frame, too long), WEFT_EVERSION. */
int weft__frame_length(const uint8_t header[static WEFT__FRAME_HEADER], struct weft_error *e);

/* How many frames a packet has, or as above when it is not whole frames. Descriptors may come with a single one. */
int weft__frame_count(const uint8_t *packet, size_t nbytes, struct weft_error *e);

/* Decode a body that came from a peer of role `from` to us, `to`. Checks code, direction, the shape
 * and every maximum before anything is allocated. Texts and arrays point into the arena, bytes into the
 * body: valid until the arena is used again or the body goes. WEFT_EPROTO, WEFT_EDENIED (a message that
 * this peer may not send), WEFT_ENOMEM. */
int weft__msg_decode(const void *body, size_t nbytes, enum weft__role from, enum weft__role to,
                     struct weft__arena *arena, struct weft__msg *m, struct weft_error *e);

/* The code of a body without decoding it, or WEFT_EPROTO. */
int weft__msg_peek(const void *body, size_t nbytes);

const char *weft__msg_name(enum weft__msg_code code); /* "SPAWN"; "?" when there is none */

/* One line that shows a message, cut to size: for logs and traces. Keys and tokens are not shown. */
void weft__msg_print(const struct weft__msg *m, char *text, size_t size);

/* The table itself: for the document printer, tests and fuzzers. */
enum weft__field_kind {
	WEFT__FIELD_U64,
	WEFT__FIELD_I64,
	WEFT__FIELD_STR,
	WEFT__FIELD_BIN,
	WEFT__FIELD_U64S,
	WEFT__FIELD_STRS,
};
struct weft__field {
	enum weft__field_kind kind;
	const char *name;
	uint64_t max;  /* value, bytes or count */
	uint64_t each; /* STRS: bytes of one text */
	const char *doc;
};
struct weft__msg_type {
	enum weft__msg_code code;
	const char *name;
	unsigned from, to; /* sets of weft__role */
	const char *doc;
	const struct weft__field *fields;
	size_t nfields;
};
extern const struct weft__msg_type weft__msg_types[];
extern const size_t weft__msg_ntypes;

#endif
