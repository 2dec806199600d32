#include "config.h"

#include "proto/proto.h"

#include <assert.h>

#include "base/bytes.h"

void weft__frame_header(uint8_t header[static WEFT__FRAME_HEADER], size_t nbytes)
{
	assert(nbytes <= WEFT__FRAME_MAX);
	header[0] = 'W';
	header[1] = 'F';
	header[2] = WEFT__PROTO_VERSION;
	header[3] = 0;
	weft__u32_put(header + 4, (uint32_t)nbytes);
}

int weft__frame_length(const uint8_t header[static WEFT__FRAME_HEADER], struct weft_error *e)
{
	if (header[0] != 'W' || header[1] != 'F')
		return weft__err_set(e, WEFT_EPROTO, "not a Weft frame");
	if (header[2] != WEFT__PROTO_VERSION)
		return weft__err_set(e, WEFT_EVERSION,
		                     "the peer speaks protocol version %u, we speak %d", header[2],
		                     WEFT__PROTO_VERSION);
	if (header[3] != 0)
		return weft__err_set(e, WEFT_EPROTO, "unknown frame flags 0x%02x", header[3]);
	uint32_t nbytes = weft__u32_get(header + 4);
	if (nbytes == 0 || nbytes > WEFT__FRAME_MAX)
		return weft__err_set(e, WEFT_EPROTO, "a frame of %u bytes, not 1 to %d", nbytes,
		                     WEFT__FRAME_MAX);
	return (int)nbytes;
}

int weft__frame_count(const uint8_t *packet, size_t nbytes, struct weft_error *e)
{
	int n = 0;
	for (size_t at = 0; at < nbytes; n++) {
		size_t left = nbytes - at;
		if (left < WEFT__FRAME_HEADER)
			return weft__err_set(e, WEFT_EPROTO, "a packet that ends with %zu bytes, shorter than any frame", left);
		int length = weft__frame_length(packet + at, e);
		if (length < 0)
			return length;
		if ((size_t)length > left - WEFT__FRAME_HEADER)
			return weft__err_set(e, WEFT_EPROTO, "a frame of %d bytes in a packet of %zu", length, nbytes);
		at += WEFT__FRAME_HEADER + (size_t)length;
	}
	return n;
}
