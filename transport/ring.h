/* ring.h - one direction of a shared-memory channel: one producer, one consumer, 64-byte cells.
 *
 * The happy path. The producer fills the next cell, header and small payload in one cache line, and
 * publishes it by one release store of the cell's first word, which names the lap. The consumer
 * polls that word alone; once it sees the lap it expects, all that belongs to the cell is there. A
 * payload of up to WEFT__CELLS_MAX bytes lies in the raw cells behind its header cell; a larger one
 * goes in pieces through the bulk window, so that both sides copy at the same time; where the
 * window gets no memory, pieces go through raw cells. Progress of the consumer is told a quarter of
 * the ring at a time, and when nothing else is to be done: whoever has what it waited for answers
 * first, unless half the ring is done.
 *
 * In a dialogue each line that must be fetched shows. The consumer that waits for an answer looks
 * at two lines at a time; a producer that has just answered makes the cells of the next message its
 * own while the other end thinks. In a stream both would take lines from each other. There the
 * header of each piece shows, so that pieces are longer than those of a message that is waited for.
 *
 * What goes wrong.
 * - The producer is killed: what it did not publish was never there, since a cell becomes visible
 * by its first word alone and that is written last.
 * - A raw cell of the lap before holds a user's bytes where a lap is looked for. Before a cell is
 * published the word of the one after it is therefore made stale, unless it never was a raw cell.
 * So one cell is always free; the FIN of a close goes there, hence a close never waits.
 * - The ring is full: WEFT_EAGAIN. Told progress lags by less than half a ring, which is less
 * than what no message needs, so a waiting producer is always served.
 * - A window whose memory was given back is written again: it gets memory as at first, up to the
 * place that is next. It is given back only when the consumer has told that it has copied all of
 * it, which it does at the latest when it goes to sleep.
 * - The far end writes nonsense: what it says is read once and checked before use, and positions of
 * ours are never read back. WEFT_EPROTO.
 *
 * Sleeping. A consumer arms itself, then looks again; a producer publishes, then looks whether the
 * consumer is armed. Both need their store to be seen before their load is done. A fence in the
 * producer costs a cache miss for every message, so a consumer that has not slept for a while says
 * "cheap", and the producer leaves the fence out; before it sleeps the consumer takes that back and
 * makes the producer's processor execute a barrier (membarrier(2)). A consumer that sleeps often
 * thus never needs the system call, and one that never sleeps has a producer without fences. The
 * armer's flag is cleared by who rings, before ringing.
 */
#ifndef WEFT_TRANSPORT_RING_H
#define WEFT_TRANSPORT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/transport.h"

enum {
	WEFT__CELL_BYTES = 64,
	WEFT__RING_CELLS = 216,
	WEFT__SMALL_MAX = 48,                         /* payload in a cell with the short header */
	WEFT__INLINE_MAX = 24,                        /* payload in a cell with the long header */
	WEFT__CELLS_MAX = 2048,                       /* payload in raw cells behind one cell */
	WEFT__BULK_BYTES = 256 * 1024,                /* the bulk window */
	WEFT__BULK_PIECE = 32 * 1024,                 /* most that one cell announces in it */
	WEFT__BULK_PIECE_SOON = WEFT__BULK_PIECE / 2, /* ... when the first is waited for */
	WEFT__BULK_UNITS = WEFT__BULK_BYTES / WEFT__CELL_BYTES,
	WEFT__TELL_CELLS = WEFT__RING_CELLS / 4, /* progress is told in these steps */
	WEFT__TELL_UNITS = WEFT__BULK_UNITS / 8,
	WEFT__TELL_CELLS_LATEST = 2 * WEFT__TELL_CELLS, /* or these, see must_tell */
	WEFT__TELL_UNITS_LATEST = 2 * WEFT__TELL_UNITS,
};

/* A cell. word, from the low end: lap 16 bits, payload bytes that come with this cell 16, form 8,
 * kind 8, flags 8. */
struct weft__cell {
	_Atomic uint64_t word;
	uint32_t context;
	int32_t tag;
	union {
		uint8_t small[WEFT__SMALL_MAX];
		struct {
			uint64_t len, id, total;
			union {
				uint8_t small[WEFT__INLINE_MAX];
				uint32_t at; /* bulk: where, in units of a cell since the beginning
				                of time */
			};
		} wide;
	};
};

/* One direction as both sides map it. Each part has two cache lines to itself, for processors fetch
 * pairs. */
struct weft__ring {
	struct {                                      /* written by the consumer, now and then */
		_Alignas(128) _Atomic uint32_t cells; /* cells that it has done with, mod 2^32 */
		_Atomic uint32_t units;               /* and units of the bulk window */
	} read;
	struct { /* written by the consumer, seldom; armed is cleared by the producer */
		_Alignas(128) _Atomic uint32_t armed; /* ring me for a cell */
		_Atomic uint32_t cheap;               /* the producer need not fence */
	} sleep;
	struct { /* written by the producer, seldom; cleared by the consumer */
		_Alignas(128) _Atomic uint32_t armed; /* ring me for room */
	} want;
	_Alignas(512) struct weft__cell cells[WEFT__RING_CELLS];
};

_Static_assert(sizeof(struct weft__cell) == WEFT__CELL_BYTES, "a cell is a cache line");
_Static_assert(sizeof(struct weft__ring) == 14336, "two rings fit into 28 KiB");

/* The producer's private state. */
struct weft__ring_tx {
	struct weft__ring *ring;
	uint8_t *bulk; /* the window */
	int doorbell;  /* the consumer's, -1: none */
	bool fence;    /* always fence: this process is not registered for barriers */
	bool broken;   /* the consumer told nonsense */
	bool strings;  /* see copy.h */
	uint16_t lap;
	uint32_t index;         /* of the next cell */
	uint32_t sent, acked;   /* cells published; cells known to be done with */
	uint32_t raw_end;       /* position after the last raw cell */
	uint32_t units, uacked; /* the same for the bulk window */
	uint32_t uready;        /* units from the window's start on that have memory */
	uint32_t piece;         /* a longer message goes in such pieces */
	uint32_t upause;        /* pieces to send before memory is asked for again */
	uint32_t need, uneed;   /* what WEFT_EAGAIN was for: cells, units */

	/* Give the window memory up to `units` at least, as many as it likes; returns how many
	 * there are. */
	uint32_t (*grow)(void *arg, uint32_t ready, uint32_t units);

	/* Take all of it back; false: it stays. NULL: it always stays. */
	bool (*shrink)(void *arg);
	void *arg;
};

/* The consumer's private state. */
struct weft__ring_rx {
	struct weft__ring *ring;
	const uint8_t *bulk;
	int doorbell;  /* the producer's, -1: none */
	bool barrier;  /* membarrier works here */
	bool cheap;    /* as told */
	bool strings;  /* see copy.h */
	bool awaits;   /* something was sent since: an answer may be due */
	bool answered; /* ... and this may be it */
	bool active;   /* a message is half here: hdr, to, got */
	int closed;    /* 0, or why nothing more comes */
	uint16_t lap;
	uint32_t index;
	uint32_t done, told;   /* cells done with, and told so */
	uint32_t units, utold; /* units of the window */
	uint32_t slept;        /* `done` when it last armed */
	uint32_t cheap_after;  /* cells without a sleep until the producer's fence is spared */
	struct weft__hdr hdr;
	uint8_t *to; /* NULL: throw away */
	uint64_t got;
};

/* `bulk` is the direction's window. Memory is all zeros before the first use of both. */
void weft__ring_tx_init(struct weft__ring_tx *tx, struct weft__ring *ring, uint8_t *bulk,
                        int doorbell);
void weft__ring_rx_init(struct weft__ring_rx *rx, struct weft__ring *ring, const uint8_t *bulk,
                        int doorbell);

/* As in struct weft__channel_ops. */
int weft__ring_send(struct weft__ring_tx *tx, const struct weft__hdr *hdr, const void *payload,
                    size_t *taken);
int weft__ring_poll(struct weft__ring_rx *rx, const struct weft__sink *sink);

/* The next message will be as long, and there is time until then: fetch its cells from the
 * consumer. */
void weft__ring_own(const struct weft__ring_tx *tx, size_t nbytes);

/* The window's memory is given back, now or whenever it is called again: the consumer must be done
 * with all that was sent, and have said so. true: there is some left. */
bool weft__ring_trim(struct weft__ring_tx *tx, bool now);

void weft__ring_fin(struct weft__ring_tx *tx); /* no more will be sent */

/* true: something is there already (room for what got WEFT_EAGAIN). */
bool weft__ring_rx_arm(struct weft__ring_rx *rx);
bool weft__ring_tx_arm(struct weft__ring_tx *tx);
void weft__ring_rx_disarm(struct weft__ring_rx *rx);
void weft__ring_tx_disarm(struct weft__ring_tx *tx);

#endif
