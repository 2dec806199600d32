#include "config.h"

#include "transport/ring.h"

#include <string.h>

#include "transport/barrier.h"
#include "transport/copy.h"

enum form { SMALL = 1, WIDE_INLINE, WIDE_CELLS, WIDE_BULK, MORE_CELLS, MORE_BULK, FIN };

enum {
	POLL_PIECES = 64,        /* a poll takes at most so many cells */
	POLL_BYTES = 256 * 1024, /* and, roughly, bytes */
	CHEAP_CELLS = 32768, /* so many without a sleep are worth one membarrier(2), some 50 us */
	FETCH_BYTES = 2048,  /* of a payload, asked for when its header is there */
	OWN_BYTES = 512,     /* of the next payload, made ours ahead */
	LONG_PIECE = 8192,   /* takes longer to copy than a header to come */
	GROW_PAUSE = 1024,   /* pieces until the window asks for memory again */
};

static uint32_t units_of(size_t nbytes)
{
	return (uint32_t)((nbytes + WEFT__CELL_BYTES - 1) / WEFT__CELL_BYTES);
}

static uint64_t make_word(uint16_t lap, size_t n, enum form form, const struct weft__hdr *hdr)
{
	return lap | (uint64_t)n << 16 | (uint64_t)form << 32 | (uint64_t)hdr->kind << 40 |
	       (uint64_t)hdr->flags << 48;
}

/* Wake who is armed, once. */
static __attribute__((noinline)) void ring_bell(_Atomic uint32_t *armed, int doorbell)
{
	atomic_store_explicit(armed, 0, memory_order_relaxed);
	weft__doorbell_ring(doorbell);
}

/* --- producer ------------------------------------------------------------------------------ */

void weft__ring_tx_init(struct weft__ring_tx *tx, struct weft__ring *ring, uint8_t *bulk,
                        int doorbell)
{
	*tx = (struct weft__ring_tx){
	        .ring = ring,
	        .bulk = bulk,
	        .doorbell = doorbell,
	        .fence = !weft__barrier_register(),
	        .strings = weft__copy_probe(),
	        .lap = 1,
	        .raw_end = 0U - WEFT__RING_CELLS,
	        .uready = WEFT__BULK_UNITS,
	        .piece = WEFT__BULK_PIECE,
	};
}

/* The same after a look at the consumer's progress. */
static __attribute__((noinline)) bool cells_freed(struct weft__ring_tx *tx, uint32_t cells)
{
	uint32_t acked = atomic_load_explicit(&tx->ring->read.cells, memory_order_acquire);
	if (tx->sent - acked > WEFT__RING_CELLS) {
		tx->broken = true;
		return false;
	}
	tx->acked = acked;
	return cells < WEFT__RING_CELLS - (tx->sent - acked);
}

/* Is there room for `cells` and the one that stays free? */
static inline bool cells_free(struct weft__ring_tx *tx, uint32_t cells)
{
	return cells < WEFT__RING_CELLS - (tx->sent - tx->acked) || cells_freed(tx, cells);
}

/* Is the window free up to `end`? */
static bool units_free(struct weft__ring_tx *tx, uint32_t end)
{
	if (end - tx->uacked <= WEFT__BULK_UNITS)
		return true;
	uint32_t uacked = atomic_load_explicit(&tx->ring->read.units, memory_order_acquire);
	if (tx->units - uacked > WEFT__BULK_UNITS) {
		tx->broken = true;
		return false;
	}
	tx->uacked = uacked;
	return end - uacked <= WEFT__BULK_UNITS;
}

/* Wake the consumer if it sleeps. The word of the cell was stored just before. */
static inline void wake_consumer(struct weft__ring_tx *tx)
{
	struct weft__ring *r = tx->ring;
	atomic_signal_fence(
	        memory_order_seq_cst); /* the half of membarrier that is the compiler's */
	if (tx->fence || !atomic_load_explicit(&r->sleep.cheap, memory_order_relaxed))
		weft__fence();
	if (atomic_load_explicit(&r->sleep.armed, memory_order_relaxed))
		ring_bell(&r->sleep.armed, tx->doorbell);
}

/* Make the cell at the index, and the `cells` - 1 raw ones behind it, the consumer's. */
static inline void publish(struct weft__ring_tx *tx, uint64_t word, uint32_t cells)
{
	struct weft__cell *cell = &tx->ring->cells[tx->index];
	tx->index += cells;
	tx->sent += cells;
	if (tx->index >= WEFT__RING_CELLS) {
		tx->index -= WEFT__RING_CELLS;
		tx->lap++;
	}
	if (cells > 1)
		tx->raw_end = tx->sent;
	if ((int32_t)(tx->raw_end + WEFT__RING_CELLS - tx->sent) >
	    0) /* the next was a raw cell, maybe */
		atomic_store_explicit(&tx->ring->cells[tx->index].word, (uint16_t)(tx->lap - 1),
		                      memory_order_relaxed);
	atomic_store_explicit(&cell->word, word, memory_order_release);
	wake_consumer(tx);
}

static int full(struct weft__ring_tx *tx, uint32_t need, uint32_t uneed)
{
	tx->need = need;
	tx->uneed = uneed;
	return tx->broken ? WEFT_EPROTO : WEFT_EAGAIN;
}

/* The consumer looks at this cell all the time, and each time takes the line away: it is written
 * once, at the end, after what lies elsewhere. */
static void put_header(struct weft__cell *cell, const struct weft__hdr *hdr)
{
	cell->context = hdr->context;
	cell->tag = hdr->tag;
	cell->wide.len = hdr->len;
	cell->wide.id = hdr->id;
	cell->wide.total = hdr->total;
}

/* A piece of at most WEFT__CELLS_MAX bytes into the cells behind the header cell. */
static int send_cells(struct weft__ring_tx *tx, const struct weft__hdr *hdr, const uint8_t *from,
                      size_t n, bool first)
{
	uint32_t cells = 1 + units_of(n);
	if (!cells_free(tx, cells))
		return full(tx, cells, 0);
	struct weft__cell *cell = &tx->ring->cells[tx->index];
	size_t before_end = (WEFT__RING_CELLS - 1 - tx->index) * (size_t)WEFT__CELL_BYTES;
	size_t head = n < before_end ? n : before_end;
	weft__copy((uint8_t *)cell + WEFT__CELL_BYTES, from, head, tx->strings);
	if (head < n)
		memcpy(tx->ring->cells, from + head, n - head);
	if (first)
		put_header(cell, hdr);
	publish(tx, make_word(tx->lap, n, first ? WIDE_CELLS : MORE_CELLS, hdr), cells);
	return 0;
}

/* Has the window memory up to `end` units from its start? */
static bool has_memory(struct weft__ring_tx *tx, uint32_t end)
{
	if (end <= tx->uready)
		return true;
	if (tx->upause > 0) {
		tx->upause--;
		return false;
	}
	tx->uready = tx->grow(tx->arg, tx->uready, end);
	if (end > tx->uready)
		tx->upause = GROW_PAUSE;
	return end <= tx->uready;
}

/* A piece of at most WEFT__BULK_PIECE bytes through the window, or through cells without it; *n is
 * what went. A piece does not wrap: what is left at the window's end is skipped. */
static int send_bulk(struct weft__ring_tx *tx, const struct weft__hdr *hdr, const uint8_t *from,
                     size_t *n, bool first)
{
	uint32_t units = units_of(*n), at = tx->units, slot = at % WEFT__BULK_UNITS;
	if (slot + units > WEFT__BULK_UNITS) {
		at += WEFT__BULK_UNITS - slot;
		slot = 0;
	}
	if (!has_memory(tx, slot + units)) {
		if (*n > WEFT__CELLS_MAX)
			*n = WEFT__CELLS_MAX;
		return send_cells(tx, hdr, from, *n, first);
	}
	if (!cells_free(tx, 1) || !units_free(tx, at + units))
		return full(tx, 1, at + units - tx->units);
	struct weft__cell *cell = &tx->ring->cells[tx->index];
	weft__copy(tx->bulk + (size_t)slot * WEFT__CELL_BYTES, from, *n, tx->strings);
	if (first)
		put_header(cell, hdr);
	cell->wide.at = at;
	tx->units = at + units;
	publish(tx, make_word(tx->lap, *n, first ? WIDE_BULK : MORE_BULK, hdr), 1);
	return 0;
}

static int send_pieces(struct weft__ring_tx *tx, const struct weft__hdr *hdr,
                       const uint8_t *payload, size_t *taken)
{
	int rc = 0;
	while (rc == 0 && *taken < hdr->len) {
		size_t n = hdr->len - *taken;
		const uint8_t *from = payload + *taken;
		if (n <= WEFT__CELLS_MAX) {
			rc = send_cells(tx, hdr, from, n, *taken == 0);
		} else {
			n = n < tx->piece ? n : tx->piece;
			rc = send_bulk(tx, hdr, from, &n, *taken == 0);
		}
		if (rc == 0)
			*taken += n;
	}
	return rc;
}

/* A message with the long header, whatever its payload. */
static __attribute__((noinline)) int
send_wide(struct weft__ring_tx *tx, const struct weft__hdr *hdr, const void *payload, size_t *taken)
{
	size_t n = (size_t)hdr->len;
	if (hdr->len > WEFT__INLINE_MAX)
		return hdr->len <= WEFT__LEN_MAX ? send_pieces(tx, hdr, payload, taken)
		                                 : WEFT_ETOOBIG;
	if (!cells_free(tx, 1))
		return full(tx, 1, 0);
	struct weft__cell *cell = &tx->ring->cells[tx->index];
	put_header(cell, hdr);
	if (n > 0)
		memcpy(cell->wide.small, payload, n);
	publish(tx, make_word(tx->lap, n, WIDE_INLINE, hdr), 1);
	*taken = n;
	return 0;
}

int weft__ring_send(struct weft__ring_tx *tx, const struct weft__hdr *hdr, const void *payload,
                    size_t *taken)
{
	size_t n = (size_t)hdr->len;
	if (hdr->len > WEFT__SMALL_MAX || (hdr->id | hdr->total))
		return send_wide(tx, hdr, payload, taken);
	if (!cells_free(tx, 1))
		return full(tx, 1, 0);
	struct weft__cell *cell = &tx->ring->cells[tx->index];
	cell->context = hdr->context;
	cell->tag = hdr->tag;
	if (n == sizeof(uint64_t))
		memcpy(cell->small, payload, sizeof(uint64_t));
	else if (n > 0)
		memcpy(cell->small, payload, n);
	publish(tx, make_word(tx->lap, n, SMALL, hdr), 1);
	*taken = n;
	return 0;
}

void weft__ring_own(const struct weft__ring_tx *tx, size_t nbytes)
{
	if (nbytes <= WEFT__SMALL_MAX || nbytes > WEFT__CELLS_MAX)
		return;
	uint32_t last = tx->index + units_of(nbytes < OWN_BYTES ? nbytes : OWN_BYTES);
	for (uint32_t i = tx->index + 1; i <= last && i < WEFT__RING_CELLS; i++)
		__builtin_prefetch(&tx->ring->cells[i], 1);
}

void weft__ring_fin(struct weft__ring_tx *tx)
{
	/* Into the cell that is always free. Nothing comes after: the next word stays. */
	atomic_store_explicit(&tx->ring->cells[tx->index].word,
	                      make_word(tx->lap, 0, FIN, &(struct weft__hdr){0}),
	                      memory_order_release);
	wake_consumer(tx);
}

bool weft__ring_trim(struct weft__ring_tx *tx, bool now)
{
	if (!tx->shrink || tx->uready == 0)
		return false;
	if (!now ||
	    atomic_load_explicit(&tx->ring->read.units, memory_order_acquire) != tx->units ||
	    !tx->shrink(tx->arg))
		return true;
	tx->uacked = tx->units;
	tx->uready = 0;
	return false;
}

bool weft__ring_tx_arm(struct weft__ring_tx *tx)
{
	atomic_store_explicit(&tx->ring->want.armed, 1, memory_order_relaxed);
	weft__fence();
	return (cells_free(tx, tx->need) && units_free(tx, tx->units + tx->uneed)) || tx->broken;
}

void weft__ring_tx_disarm(struct weft__ring_tx *tx)
{
	atomic_store_explicit(&tx->ring->want.armed, 0, memory_order_relaxed);
}

/* --- consumer ------------------------------------------------------------------------------ */

void weft__ring_rx_init(struct weft__ring_rx *rx, struct weft__ring *ring, const uint8_t *bulk,
                        int doorbell)
{
	*rx = (struct weft__ring_rx){.ring = ring,
	                             .bulk = bulk,
	                             .cheap_after = CHEAP_CELLS,
	                             .doorbell = doorbell,
	                             .barrier = weft__barrier_works(),
	                             .strings = weft__copy_probe(),
	                             .lap = 1};
}

static inline void done_with(struct weft__ring_rx *rx, uint32_t cells)
{
	rx->done += cells;
	rx->index += cells;
	if (rx->index >= WEFT__RING_CELLS) {
		rx->index -= WEFT__RING_CELLS;
		rx->lap++;
	}
}

/* Is there so much that the producer has not been told of? */
static inline bool lags(const struct weft__ring_rx *rx, uint32_t cells, uint32_t units)
{
	return rx->done - rx->told >= cells || rx->units - rx->utold >= units;
}

/* Tell the producer how far we are; wake_producer follows before the poll returns. */
static void tell(struct weft__ring_rx *rx)
{
	struct weft__ring *r = rx->ring;
	rx->told = rx->done;
	rx->utold = rx->units;
	atomic_store_explicit(&r->read.units, rx->units, memory_order_release);
	atomic_store_explicit(&r->read.cells, rx->done, memory_order_release);
	if (!rx->cheap && rx->barrier && rx->done - rx->slept >= rx->cheap_after) {
		rx->cheap = true;
		atomic_store_explicit(&r->sleep.cheap, 1, memory_order_relaxed);
	}
}

/* Wake the producer if it waits for what was told. */
static void wake_producer(struct weft__ring_rx *rx)
{
	struct weft__ring *r = rx->ring;
	weft__fence();
	if (atomic_load_explicit(&r->want.armed, memory_order_relaxed))
		ring_bell(&r->want.armed, rx->doorbell);
}

/* Copy a piece out of the raw cells behind the index; the caller has checked n. */
static void copy_cells(const struct weft__ring_rx *rx, uint8_t *to, size_t n)
{
	size_t before_end = (WEFT__RING_CELLS - 1 - rx->index) * (size_t)WEFT__CELL_BYTES;
	size_t head = n < before_end ? n : before_end;
	weft__copy(to, (const uint8_t *)&rx->ring->cells[rx->index] + WEFT__CELL_BYTES, head,
	           rx->strings);
	if (head < n)
		memcpy(to + head, rx->ring->cells, n - head);
}

/* The next piece, n bytes, of the message that is half here. */
static int take_piece(struct weft__ring_rx *rx, const struct weft__cell *cell, size_t n, bool bulk,
                      const struct weft__sink *sink)
{
	uint32_t cells = 1;
	if (n == 0 || n > rx->hdr.len - rx->got)
		return WEFT_EPROTO;
	if (bulk) {
		uint32_t at = *(const volatile uint32_t *)&cell->wide.at;
		size_t offset = (size_t)(at % WEFT__BULK_UNITS) * WEFT__CELL_BYTES;
		if (n > WEFT__BULK_BYTES - offset)
			return WEFT_EPROTO;
		if (n >= LONG_PIECE) /* another one may be there when this is done */
			__builtin_prefetch(cell + 1);
		if (rx->to)
			weft__copy(rx->to + rx->got, rx->bulk + offset, n, rx->strings);
		rx->units = at + units_of(n);
	} else {
		if (n > WEFT__CELLS_MAX)
			return WEFT_EPROTO;
		if (rx->to)
			copy_cells(rx, rx->to + rx->got, n);
		cells += units_of(n);
	}
	done_with(rx, cells);
	rx->got += n;
	if (rx->got == rx->hdr.len) {
		rx->active = false;
		sink->end(sink->arg, &rx->hdr);
	}
	return 0;
}

/* Ask for the first lines of a payload, all at once, while others look at its header. */
static void fetch(const struct weft__ring_rx *rx, const struct weft__cell *cell, size_t n,
                  bool bulk)
{
	uint32_t at = *(const volatile uint32_t *)&cell->wide.at % WEFT__BULK_UNITS;
	const uint8_t *from =
	        bulk ? rx->bulk + (size_t)at * WEFT__CELL_BYTES : (const uint8_t *)(cell + 1);
	if (n > FETCH_BYTES)
		n = FETCH_BYTES;
	for (size_t i = 0; i < n; i += WEFT__CELL_BYTES)
		__builtin_prefetch(from + i);
}

/* A message with the long header: all of it is here, or its first piece. */
static int take_wide(struct weft__ring_rx *rx, const struct weft__cell *cell, uint64_t word,
                     const struct weft__sink *sink)
{
	size_t n = word >> 16 & 0xffff;
	enum form form = word >> 32 & 0xff;
	struct weft__cell copy;
	memcpy(&copy.context, &cell->context, sizeof copy - offsetof(struct weft__cell, context));
	rx->hdr.context = copy.context;
	rx->hdr.tag = copy.tag;
	rx->hdr.len = copy.wide.len;
	rx->hdr.id = copy.wide.id;
	rx->hdr.total = copy.wide.total;
	if (form == WIDE_INLINE) {
		if (n > WEFT__INLINE_MAX || n != copy.wide.len)
			return WEFT_EPROTO;
		done_with(rx, 1);
		sink->message(sink->arg, &rx->hdr, copy.wide.small);
		return 0;
	}
	if (rx->hdr.len > WEFT__LEN_MAX || n == 0 || n > rx->hdr.len)
		return WEFT_EPROTO;
	rx->got = 0;
	rx->active = true;
	if (rx->answered)
		fetch(rx, cell, n, form == WIDE_BULK);
	rx->to = sink->begin(sink->arg, &rx->hdr);
	return take_piece(rx, cell, n, form == WIDE_BULK, sink);
}

static inline int take_small(struct weft__ring_rx *rx, const struct weft__cell *cell, uint64_t word,
                             const struct weft__sink *sink)
{
	/* A copy, so that the far end cannot change it while the engine looks. */
	struct weft__cell copy;
	memcpy(&copy.context, &cell->context, sizeof copy - offsetof(struct weft__cell, context));
	struct weft__hdr hdr = {
	        .len = word >> 16 & 0xffff,
	        .context = copy.context,
	        .tag = copy.tag,
	        .kind = (uint8_t)(word >> 40),
	        .flags = (uint8_t)(word >> 48),
	};
	if (hdr.len > WEFT__SMALL_MAX)
		return WEFT_EPROTO;
	done_with(rx, 1);
	sink->message(sink->arg, &hdr, copy.small);
	return 0;
}

/* Take the published cell at the index, which is no small message or comes where one can't. */
static __attribute__((noinline)) int take_other(struct weft__ring_rx *rx,
                                                const struct weft__cell *cell, uint64_t word,
                                                const struct weft__sink *sink)
{
	size_t n = word >> 16 & 0xffff;
	unsigned form = word >> 32 & 0xff;
	if (form == FIN)
		return WEFT_ECLOSED;
	if (rx->active) {
		if (form != MORE_CELLS && form != MORE_BULK)
			return WEFT_EPROTO;
		return take_piece(rx, cell, n, form == MORE_BULK, sink);
	}
	if (form != WIDE_INLINE && form != WIDE_CELLS && form != WIDE_BULK)
		return WEFT_EPROTO;
	rx->hdr.kind = (uint8_t)(word >> 40);
	rx->hdr.flags = (uint8_t)(word >> 48);
	return take_wide(rx, cell, word, sink);
}

static inline int take(struct weft__ring_rx *rx, const struct weft__cell *cell, uint64_t word,
                       const struct weft__sink *sink)
{
	bool small = (word >> 32 & 0xff) == SMALL && !rx->active;
	return small ? take_small(rx, cell, word, sink) : take_other(rx, cell, word, sink);
}

/* Nothing is there: the time to say what was done lately. */
static __attribute__((noinline)) void tell_idle(struct weft__ring_rx *rx)
{
	tell(rx);
	wake_producer(rx);
}

/* Is so much done that it must be told before the next cell is taken? Who has what it waited for
 * leaves the ring, as a rule to answer: that goes first. */
static inline bool must_tell(const struct weft__ring_rx *rx, bool sated)
{
	return sated ? lags(rx, WEFT__TELL_CELLS_LATEST, WEFT__TELL_UNITS_LATEST)
	             : lags(rx, WEFT__TELL_CELLS, WEFT__TELL_UNITS);
}

/* The cell at the index is published: take it and what follows. */
static int take_all(struct weft__ring_rx *rx, const struct weft__cell *cell, uint64_t word,
                    const struct weft__sink *sink)
{
	int pieces = 0;
	uint32_t units = rx->units, told = rx->told, utold = rx->utold;
	bool sated = false;
	do {
		rx->answered = rx->awaits;
		rx->awaits = false;
		rx->closed = take(rx, cell, word, sink);
		if (rx->closed)
			break;
		pieces++;
		sated = sink->sated && *sink->sated;
		if (must_tell(rx, sated))
			tell(rx);
		cell = &rx->ring->cells[rx->index];
		if (!sated)
			word = atomic_load_explicit(&cell->word, memory_order_acquire);
	} while (!sated && (uint16_t)word == rx->lap && pieces < POLL_PIECES &&
	         rx->units - units < units_of(POLL_BYTES));
	if (rx->told != told || rx->utold != utold)
		wake_producer(rx);
	return pieces > 0 ? pieces : rx->closed;
}

int weft__ring_poll(struct weft__ring_rx *rx, const struct weft__sink *sink)
{
	const struct weft__cell *cell = &rx->ring->cells[rx->index];
	uint64_t word = atomic_load_explicit(&cell->word, memory_order_acquire);
	if ((uint16_t)word == rx->lap && !rx->closed)
		return take_all(rx, cell, word, sink);
	/* The line behind the one that is looked at, too, so that both come at once. Not in a
	 * stream: there it would be taken from the producer that is about to write it. */
	if (rx->awaits)
		__builtin_prefetch(cell + 1);
	if (lags(rx, WEFT__TELL_CELLS, WEFT__TELL_UNITS))
		tell_idle(rx);
	return rx->closed;
}

bool weft__ring_rx_arm(struct weft__ring_rx *rx)
{
	struct weft__ring *r = rx->ring;
	if (rx->units != rx->utold) /* the producer may want to give its window back */
		tell_idle(rx);
	bool barrier = rx->cheap, sure = true; /* after that, which may make it cheap */
	if (rx->cheap) {
		rx->cheap = false;
		atomic_store_explicit(&r->sleep.cheap, 0, memory_order_relaxed);
	}
	rx->slept = rx->done;
	atomic_store_explicit(&r->sleep.armed, 1, memory_order_relaxed);
	weft__fence();
	if (barrier) /* fails never, or for good: then one more turn, in which the producer fences */
		sure = rx->barrier = weft__barrier();
	uint64_t word = atomic_load_explicit(&r->cells[rx->index].word, memory_order_acquire);
	return (uint16_t)word == rx->lap || rx->closed || !sure;
}

void weft__ring_rx_disarm(struct weft__ring_rx *rx)
{
	atomic_store_explicit(&rx->ring->sleep.armed, 0, memory_order_relaxed);
}
