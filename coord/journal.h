/* journal.h - the form of the journal; no I/O.
 *
 * A journal is an 8-byte head ("WEFTJ", version, 0, 0) and records. A record is a frame of three 32-bit
 * little-endian numbers (length of the body, CRC-32C of these four bytes, CRC-32C of the body) and the
 * body. A crash may leave the last write incomplete. Then the file ends inside a frame, or inside a body
 * whose frame is sound: a torn tail, which is cut off, as nothing that follows from it has left the
 * process. All else that does not fit is damage and refused: state built over a gap would break promises.
 */
#ifndef WEFT_COORD_JOURNAL_H
#define WEFT_COORD_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum {
	JOURNAL_VERSION    = 1,
	JOURNAL_HEAD       = 8,
	JOURNAL_FRAME      = 12,
	JOURNAL_RECORD_MAX = 1 << 30, /* bytes of a body; an empty one is not a record */
};

int journal_append_head(struct weft__buf *b);                             /* 0 or WEFT_ENOMEM */
int journal_append(struct weft__buf *b, const void *body, size_t nbytes); /* 0 or WEFT_ENOMEM */

/* For a body that is written in place: open leaves room for the frame and says where it is, close fills it
 * in when the body stands behind it. */
int journal_open_record(struct weft__buf *b, size_t *at); /* 0 or WEFT_ENOMEM */
void journal_close_record(struct weft__buf *b, size_t at);

/* Reads a journal that is wholly in memory, a record a call. Start with *at = 0.
 * Returns 1: the next body, inside bytes; 0: the end, bytes[0..*at) is sound, what follows is a torn tail;
 * WEFT_EPROTO: damage, WEFT_EVERSION: another version. The text says what and where. */
int journal_next(const uint8_t *bytes, size_t nbytes, size_t *at, const uint8_t **body, size_t *body_bytes,
                 struct weft_error *e);

#endif
