#include "config.h"

#include "coord/journal.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"

static const uint8_t journal_head[JOURNAL_HEAD] = {'W', 'E', 'F', 'T', 'J', JOURNAL_VERSION, 0, 0};

enum { VERSION_AT = 5 };

int journal_append_head(struct weft__buf *b)
{
	return weft__buf_append(b, journal_head, sizeof journal_head);
}

int journal_open_record(struct weft__buf *b, size_t *at)
{
	static const uint8_t blank[JOURNAL_FRAME];
	size_t start = b->len;
	int rc = weft__buf_append(b, blank, sizeof blank);
	if (!rc)
		*at = start;
	return rc;
}

void journal_close_record(struct weft__buf *b, size_t at)
{
	size_t nbytes = b->len - at - JOURNAL_FRAME;
	uint8_t *frame = b->data + at;
	assert(nbytes > 0 && nbytes <= JOURNAL_RECORD_MAX);
	weft__u32_put(frame, (uint32_t)nbytes);
	weft__u32_put(frame + 4, weft__crc32c(0, frame, 4));
	weft__u32_put(frame + 8, weft__crc32c(0, frame + JOURNAL_FRAME, nbytes));
}

int journal_append(struct weft__buf *b, const void *body, size_t nbytes)
{
	size_t at = b->len;
	int rc = weft__buf_reserve(b, JOURNAL_FRAME + nbytes);
	if (rc)
		return rc;
	b->len += JOURNAL_FRAME;
	rc = weft__buf_append(b, body, nbytes);
	journal_close_record(b, at);
	return rc;
}

/* 1: the head is sound; 0: torn. */
static int check_head(const uint8_t *bytes, size_t nbytes, struct weft_error *e)
{
	size_t n = nbytes < JOURNAL_HEAD ? nbytes : JOURNAL_HEAD;
	if (memcmp(bytes, journal_head, n) == 0)
		return n == JOURNAL_HEAD;
	if (n > VERSION_AT && memcmp(bytes, journal_head, VERSION_AT) == 0 && bytes[VERSION_AT] != JOURNAL_VERSION)
		return weft__err_set(e, WEFT_EVERSION, "the journal has version %d, this program reads version %d",
		                     bytes[VERSION_AT], JOURNAL_VERSION);
	return weft__err_set(e, WEFT_EPROTO, "the file does not begin as a journal does");
}

int journal_next(const uint8_t *bytes, size_t nbytes, size_t *at, const uint8_t **body, size_t *body_bytes,
                 struct weft_error *e)
{
	if (*at == 0) {
		if (nbytes == 0)
			return 0;
		int rc = check_head(bytes, nbytes, e);
		if (rc <= 0)
			return rc;
		*at = JOURNAL_HEAD;
	}
	size_t left = nbytes - *at;
	const uint8_t *frame = bytes + *at;
	if (left < JOURNAL_FRAME)
		return 0;
	uint32_t n = weft__u32_get(frame);
	if (weft__u32_get(frame + 4) != weft__crc32c(0, frame, 4) || n == 0 || n > JOURNAL_RECORD_MAX)
		return weft__err_set(e, WEFT_EPROTO, "the journal is damaged: no record at byte %zu of %zu", *at,
		                     nbytes);
	if (left - JOURNAL_FRAME < n)
		return 0;
	if (weft__u32_get(frame + 8) != weft__crc32c(0, frame + JOURNAL_FRAME, n))
		return weft__err_set(e, WEFT_EPROTO, "the journal is damaged: bad checksum of the record at byte %zu of %zu",
		                     *at, nbytes);
	*body = frame + JOURNAL_FRAME;
	*body_bytes = n;
	*at += JOURNAL_FRAME + n;
	return 1;
}
