/* coord.h - the coordinator's core: an event goes in, actions come out.
 *
 * The core knows no clock, no file and no socket. What it must remember it remembers by its inputs: each
 * event that changes its state comes back as a record, and replaying the records through the same
 * functions gives the same state, the messages under way included. So a crash is no more than a pause:
 * nothing leaves before the record that caused it is in the journal, what had left and was not confirmed leaves
 * again, and proto/session.h keeps both sides from counting anything twice.
 *
 * The owner (shell.c, the simulation in tests/coord) does this for ever:
 *
 *     coord_step(c, &event, &actions);                     once or several times: a batch
 *     append actions.records to the journal; when actions.sync is set they must outlive the owner from here on;
 *     carry out actions.items in order; coord_actions_clear(&actions);
 *
 * After a start: coord_create, coord_replay of each record of the journal, then COORD_START.
 *
 * A step that fails (WEFT_ENOMEM) leaves the core unusable: end the process and drop the whole batch. The
 * next process carries on from the journal, which does not have the events; the nodes send them again.
 */
#ifndef WEFT_COORD_H
#define WEFT_COORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "proto/proto.h"

/* --- limits ------------------------------------------------------------------------------------ */

/* Over a limit the asker gets WEFT_ETOOBIG, WEFT_ENOSPC or WEFT_EAGAIN, and a text. */
enum {
	COORD_HOME = 1, /* index and first incarnation of the node that starts the coordinator */

	COORD_TICK_MS      = 250,   /* how often the owner sends COORD_TICK */
	COORD_HEARTBEAT_MS = 500,   /* between heartbeats to a node */
	COORD_SILENCE_MS   = 4000,  /* a node that says nothing, or does not rejoin, so long is lost */
	COORD_REJOIN_MS    = 10000, /* time to rejoin after a restart of the coordinator */
	COORD_START_MS     = 10000, /* a node that is started joins within this, or has failed */
	COORD_LEAVE_MS     = 5000,  /* a node that is told to go is gone within this, or given up */

	COORD_NODES_START     = 1024,       /* nodes that are being started at one time */
	COORD_JOB_TASKS_MAX   = 65536,      /* tasks of one job */
	COORD_JOB_PARTS_MAX   = 64,         /* programs of one job */
	COORD_DRAFTS_MAX      = 4,          /* jobs that one client has described in part or that wait for nodes */
	COORD_TASKS_MAX       = 1 << 20,    /* tasks that have not ended, with those of their jobs that have */
	COORD_ENDED_MAX       = 65536,      /* tasks of ended jobs that are remembered; the oldest go first */
	COORD_DRAFT_BYTES_MAX = 4 << 20,    /* arguments and environments of all programs of one job */
	COORD_CLIENTS_MAX     = 1 << 17,    /* tasks and tools attached */
	COORD_ASKS_MAX        = 4096,       /* questions of one client without an answer so far */
	COORD_WATCHES_MAX     = 1 << 17,    /* notifications that one client waits for */
	COORD_GROUPS_MAX      = 65536,      /* named groups */
	COORD_MEMBERS_MAX     = 131072,     /* members of one group */
	COORD_MEMBERSHIPS_MAX = 1024,       /* groups that one task is in */
	COORD_NAMES_MAX       = 65536,      /* names in the store, those only waited for included */
	COORD_LETTERS_MAX     = 65536,      /* messages in mailboxes */
	COORD_LETTER_PART     = 128 * 1024, /* of a long message in one control message */
	COORD_NAME_BYTES_MAX  = 64 << 20,   /* values in the store and in mailboxes, together */
	COORD_EXCHANGES_MAX   = 4096,       /* exchanges of task VMs under way */
	COORD_GIFT_BYTES_MAX  = 8 << 20,    /* what one task VM gives to an exchange */
	COORD_EXCHANGE_MAX    = 64 << 20,   /* what all give to it */
	COORD_EXCHANGED_MAX   = 256 << 20,  /* what all exchanges take */
	COORD_LIST_ENDED_MAX  = 256,        /* ended jobs that LIST shows, the latest */
	COORD_OUTBOX_BUSY     = 16 << 20,   /* unconfirmed bytes to a node at which LIST and SPAWN must wait */
	COORD_OUTBOX_MAX      = 128 << 20,  /* and at which the node counts as lost */

	COORD_CLIENT_KEPT_MAX = 32 << 20,   /* and to one client, after which it can't outlive its daemon's crash */

	COORD_CONTEXT_FIRST = 1024, /* contexts below are the libraries' own; those from 2^31 on too */
	COORD_LABEL_TEXT    = 64,   /* room for a key's label with its NUL */
};

/* --- events ------------------------------------------------------------------------------------ */

enum coord_event_kind {
	COORD_START = 1, /* begin, or begin again after a replay */
	COORD_TICK,      /* time has passed */
	COORD_MESSAGE,   /* a message came on a link */
	COORD_LINK_DOWN, /* a link is closed, not by COORD_CLOSE */
	COORD_HALT,      /* the process is told to end: take the VM down */
};

struct coord_options {
	const char *vm;       /* name of the VM */
	uint64_t private_vm;  /* 1: it goes down soon after its home node is gone */
	uint64_t orphan_ms;   /* how long tasks outlive the coordinator, and the VM its home node */
	uint64_t local_nodes; /* nodes on this machine to begin with, home included; 0 counts as 1 */
};

struct coord_event {
	enum coord_event_kind kind;
	uint64_t now_ms;                     /* always; monotonic */
	const struct coord_options *options; /* START; from the second one on only the journal's count */
	uint64_t link;                       /* MESSAGE, LINK_DOWN: the owner's number of the link, > 0, never used again */
	uint32_t node, incarnation;          /* MESSAGE: whom the link authenticated; Unix socket: home */
	const char *from;                    /* MESSAGE: numeric address where the link comes from; Unix socket: "" */
	const void *body;                    /* MESSAGE: as it came, but for PASS_LINK: that is the owner's */
	size_t nbytes;
};

/* --- actions ----------------------------------------------------------------------------------- */

enum coord_action_kind {
	COORD_SEND = 1, /* send a body on a link */
	COORD_CLOSE,    /* close a link after what is queued there has gone out */
	COORD_LOG,      /* write a log line */
	COORD_STOP,     /* the VM has ended: remove the journal, exit with success */
};

struct coord_action {
	enum coord_action_kind kind;
	uint64_t link;              /* SEND, CLOSE */
	uint32_t node, incarnation; /* SEND: the receiver; 0 when it has not joined */
	enum weft__log_level level; /* LOG */
	const char *id;             /* LOG: "WEFT-NODE-LOST" */
	size_t at, nbytes;          /* in bytes.data: SEND the body, LOG a text (nbytes without its NUL) */
};

struct coord_actions {
	struct weft__buf records; /* for the journal, framed as journal.h says */
	bool sync;                /* they must outlive the owner before the items are carried out */
	struct coord_action *items;
	size_t nitems, items_max;
	struct weft__buf bytes;
};

/* All zeros is empty and valid; clear keeps the memory for the next batch. */
void coord_actions_clear(struct coord_actions *a);
void coord_actions_fini(struct coord_actions *a);

/* Keys never enter the core: PEER, NODE_START, and LAUNCH of a job that has tasks elsewhere, too, leave it without theirs.
 * For those this writes the label of the key that the owner derives from the VM's key and fills in: "pair 1 1 3 4" (lower
 * index first, each with its incarnation), "node 3 4" or "job 5". False for all other messages. */
bool coord_key_label(const struct coord_action *a, const struct weft__msg *m,
                     char label[static COORD_LABEL_TEXT]);

/* --- the core ---------------------------------------------------------------------------------- */

struct coord;

int coord_create(struct coord **c); /* 0 or WEFT_ENOMEM */
void coord_destroy(struct coord **c);

/* 0 or WEFT_ENOMEM. Adds to what out holds. */
int coord_step(struct coord *c, const struct coord_event *ev, struct coord_actions *out);

/* Apply one record. WEFT_ENOMEM; WEFT_EPROTO: it is none, or not one that can follow the ones before. */
int coord_replay(struct coord *c, const void *record, size_t nbytes, struct weft_error *e);

/* The whole state as one record, with which a new journal begins; framed like those of coord_step. */
int coord_save(struct coord *c, struct weft__buf *records); /* 0 or WEFT_ENOMEM */

uint32_t coord_epoch(const struct coord *c); /* counts the starts */

/* How much there is of everything: for the log, and for tests that look for leaks. */
struct coord_counts {
	size_t nodes, clients, live_jobs, ended_jobs, live_tasks, tasks, asks, drafts, watches, groups,
	        members, names, mboxes, letters, takers, exchanges, exchange_bytes, kept_bytes;
};
void coord_count(const struct coord *c, struct coord_counts *n);

#endif
