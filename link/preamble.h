/* preamble.h - the first 16 bytes, in clear, that both sides of a TCP connection show each other.
 *
 * "WEFT", protocol version, purpose, answer, 0, and the release as text, filled up with zeros. Only
 * the first five bytes may be relied on between versions.
 */
#ifndef WEFT_LINK_PREAMBLE_H
#define WEFT_LINK_PREAMBLE_H

#include <stdint.h>

#include "base/err.h"
#include "link/exchange.h"
#include "link/link.h"

enum preamble_answer {
	PREAMBLE_ASKS = 0, /* what the dialer sends */
	PREAMBLE_WELCOME = 1,
	PREAMBLE_VERSION = 2, /* refused: another version */
	PREAMBLE_PURPOSE = 3, /* refused: unknown purpose */
};

void preamble_ask(uint8_t out[static EXCHANGE_BYTES], enum link_purpose purpose);

/* The acceptor's side: judges what came and writes the answer. 0 and the purpose; WEFT_EVERSION,
 * WEFT_EINVAL (both are answered); WEFT_EPROTO: a stranger, who gets no answer. */
int preamble_answer(const uint8_t in[static EXCHANGE_BYTES], uint8_t out[static EXCHANGE_BYTES],
                    enum link_purpose *purpose, struct weft_error *e);

/* The dialer's side: judges the answer. 0, WEFT_EVERSION, WEFT_EDENIED, WEFT_EPROTO. */
int preamble_judge(const uint8_t in[static EXCHANGE_BYTES], struct weft_error *e);

#endif
