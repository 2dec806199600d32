#include "config.h"

#include "base/ids.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define GENERATION_MAX ((UINT64_C(1) << 33) - 1)
#define SLOT_MAX       ((UINT64_C(1) << WEFT__SLOT_BITS) - 1)

weft_tid_t weft__tid_make(uint32_t node, uint32_t local, uint64_t generation)
{
	assert(node <= WEFT__NODE_MAX && local <= WEFT__LOCAL_MAX && generation <= GENERATION_MAX);
	uint64_t slot = (uint64_t)node << WEFT__LOCAL_BITS | local;
	return (weft_tid_t){generation << WEFT__SLOT_BITS | slot};
}

uint32_t weft__tid_node(weft_tid_t tid)
{
	return weft__tid_slot(tid) >> WEFT__LOCAL_BITS;
}

uint32_t weft__tid_local(weft_tid_t tid)
{
	return (uint32_t)(tid.v & WEFT__LOCAL_MAX);
}

uint32_t weft__tid_slot(weft_tid_t tid)
{
	return (uint32_t)(tid.v & SLOT_MAX);
}

uint64_t weft__tid_generation(weft_tid_t tid)
{
	return tid.v >> WEFT__SLOT_BITS;
}

bool weft__tid_equal(weft_tid_t a, weft_tid_t b)
{
	return a.v == b.v;
}

char *weft__tid_format(weft_tid_t tid, char text[static WEFT__TID_TEXT])
{
	uint64_t generation = weft__tid_generation(tid);
	int n = snprintf(text, WEFT__TID_TEXT, "t%" PRIx32, weft__tid_slot(tid));
	if (generation)
		snprintf(text + n, WEFT__TID_TEXT - (size_t)n, ".%" PRIu64, generation);
	return text;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Reads at least one digit at *text of a number up to max < 2^59; *text then stands behind it. */
static int read_number(const char **text, int base, uint64_t max, uint64_t *number)
{
	uint64_t n = 0;
	const char *p = *text;
	for (; digit(*p) < base; p++) {
		n = n * (unsigned)base + (unsigned)digit(*p);
		if (n > max)
			return WEFT_EINVAL;
	}
	if (p == *text)
		return WEFT_EINVAL;
	*text = p;
	*number = n;
	return 0;
}

int weft__tid_parse(const char *text, weft_tid_t *tid)
{
	uint64_t slot, generation = 0;
	if (*text == 't')
		text++;
	int rc = read_number(&text, 16, SLOT_MAX, &slot);
	if (!rc && *text == '.') {
		text++;
		rc = read_number(&text, 10, GENERATION_MAX, &generation);
	}
	if (rc || *text != '\0')
		return WEFT_EINVAL;
	weft_tid_t read = {generation << WEFT__SLOT_BITS | slot};
	if (weft__tid_node(read) == 0 || weft__tid_local(read) == 0)
		return WEFT_EINVAL;
	*tid = read;
	return 0;
}
