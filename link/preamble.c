#include "config.h"

#include "link/preamble.h"

#include <ctype.h>
#include <string.h>

#include "proto/proto.h"

enum { MAGIC_AT = 0, VERSION_AT = 4, PURPOSE_AT = 5, ANSWER_AT = 6, RELEASE_AT = 8 };
enum { MAGIC_BYTES = 4, RELEASE_BYTES = EXCHANGE_BYTES - RELEASE_AT };

static const char magic[] = "WEFT";

static void compose(uint8_t out[static EXCHANGE_BYTES], unsigned purpose,
                    enum preamble_answer answer)
{
	memset(out, 0, EXCHANGE_BYTES);
	memcpy(out + MAGIC_AT, magic, MAGIC_BYTES);
	out[VERSION_AT] = WEFT__PROTO_VERSION;
	out[PURPOSE_AT] = (uint8_t)purpose;
	out[ANSWER_AT] = (uint8_t)answer;
	size_t n = strlen(PACKAGE_VERSION);
	memcpy(out + RELEASE_AT, PACKAGE_VERSION, n < RELEASE_BYTES ? n : RELEASE_BYTES);
}

void preamble_ask(uint8_t out[static EXCHANGE_BYTES], enum link_purpose purpose)
{
	compose(out, purpose, PREAMBLE_ASKS);
}

/* Is it Weft at all, and our version? */
static int judge_version(const uint8_t in[static EXCHANGE_BYTES], struct weft_error *e)
{
	if (memcmp(in + MAGIC_AT, magic, MAGIC_BYTES) != 0)
		return weft__err_set(e, WEFT_EPROTO, "this is not Weft that speaks there");
	if (in[VERSION_AT] == WEFT__PROTO_VERSION)
		return 0;
	char release[RELEASE_BYTES + 1] = "";
	for (size_t i = 0; i < RELEASE_BYTES && in[RELEASE_AT + i]; i++)
		release[i] = isgraph(in[RELEASE_AT + i]) ? (char)in[RELEASE_AT + i] : '?';
	return weft__err_set(e, WEFT_EVERSION,
	                     "the peer is Weft %s (protocol %u), this is Weft %s (protocol %d): "
	                     "install one version on all nodes",
	                     release, in[VERSION_AT], PACKAGE_VERSION, WEFT__PROTO_VERSION);
}

int preamble_answer(const uint8_t in[static EXCHANGE_BYTES], uint8_t out[static EXCHANGE_BYTES],
                    enum link_purpose *purpose, struct weft_error *e)
{
	unsigned wanted = in[PURPOSE_AT];
	int rc = judge_version(in, e);
	if (rc == WEFT_EPROTO)
		return rc;
	if (rc < 0) {
		compose(out, wanted, PREAMBLE_VERSION);
		return rc;
	}
	if (wanted < LINK_TO_COORD || wanted > LINK_TO_KEY || in[ANSWER_AT] != PREAMBLE_ASKS) {
		compose(out, wanted, PREAMBLE_PURPOSE);
		return weft__err_set(e, WEFT_EINVAL, "unknown purpose %u", wanted);
	}
	compose(out, wanted, PREAMBLE_WELCOME);
	*purpose = (enum link_purpose)wanted;
	return 0;
}

int preamble_judge(const uint8_t in[static EXCHANGE_BYTES], struct weft_error *e)
{
	int rc = judge_version(in, e);
	if (rc < 0 || in[ANSWER_AT] == PREAMBLE_WELCOME)
		return rc;
	return weft__err_set(e, WEFT_EDENIED, "the peer refused the connection (answer %u)",
	                     in[ANSWER_AT]);
}
