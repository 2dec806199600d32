#include "config.h"

#include <string.h>

#include "base/crc.h"
#include "base/rng.h"
#include "tests/base/test.h"

/* RFC 3720, appendix B.4, and the check value of the CRC catalogue. */
static void known_bytes_have_their_known_sums(void **state)
{
	uint8_t bytes[32];
	assert_int_equal(weft__crc32c(0, "123456789", 9), 0xe3069283u);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(weft__crc32c(0, bytes, sizeof bytes), 0x8a9136aau);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(weft__crc32c(0, bytes, sizeof bytes), 0x62a8ab43u);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(weft__crc32c(0, bytes, sizeof bytes), 0x46dd794eu);
	for (unsigned i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(31 - i);
	assert_int_equal(weft__crc32c(0, bytes, sizeof bytes), 0x113fdb5cu);
}

static void no_bytes_leave_the_sum_as_it_was(void **state)
{
	assert_int_equal(weft__crc32c(0, NULL, 0), 0);
	assert_int_equal(weft__crc32c(0xe3069283u, NULL, 0), 0xe3069283u);
}

static void a_sum_made_in_pieces_is_the_same(void **state)
{
	uint8_t bytes[257];
	struct weft__rng r;
	weft__rng_init(&r, 5);
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)weft__rng_next(&r);
	uint32_t whole = weft__crc32c(0, bytes, sizeof bytes);
	for (size_t cut = 0; cut <= sizeof bytes; cut++) {
		uint32_t first = weft__crc32c(0, bytes, cut);
		assert_int_equal(weft__crc32c(first, bytes + cut, sizeof bytes - cut), whole);
	}
}

static void every_flipped_bit_changes_the_sum(void **state)
{
	uint8_t bytes[64] = "a journal record";
	uint32_t whole = weft__crc32c(0, bytes, sizeof bytes);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(weft__crc32c(0, bytes, sizeof bytes), whole);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(known_bytes_have_their_known_sums),
	        cmocka_unit_test(no_bytes_leave_the_sum_as_it_was),
	        cmocka_unit_test(a_sum_made_in_pieces_is_the_same),
	        cmocka_unit_test(every_flipped_bit_changes_the_sum),
	};
	return cmocka_run_group_tests_name("crc", tests, NULL, NULL);
}
