#include "config.h"

#include <string.h>

#include "proto/proto.h"
#include "tests/base/test.h"

static void a_header_gives_its_length_back(void **state)
{
	static const size_t lengths[] = {
	        1, 2, 255, 256, 65535, 65536, WEFT__CARRIED_MAX, WEFT__FRAME_MAX};
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		uint8_t header[WEFT__FRAME_HEADER];
		weft__frame_header(header, lengths[i]);
		assert_int_equal(weft__frame_length(header, NULL), lengths[i]);
	}
}

static void the_bytes_of_a_header_are_fixed(void **state)
{
	uint8_t header[WEFT__FRAME_HEADER];
	weft__frame_header(header, 0x012345);
	assert_memory_equal(header, "WF\1\0\x45\x23\x01\0", WEFT__FRAME_HEADER);
}

static void the_frames_of_a_packet_are_counted_when_they_are_whole(void **state)
{
	uint8_t packet[3 * (WEFT__FRAME_HEADER + 5)];
	for (size_t i = 0; i < 3; i++)
		weft__frame_header(packet + i * (WEFT__FRAME_HEADER + 5), 5);
	assert_int_equal(weft__frame_count(packet, sizeof packet, NULL), 3);
	assert_int_equal(weft__frame_count(packet, WEFT__FRAME_HEADER + 5, NULL), 1);
	for (size_t n = 1; n < sizeof packet; n++)
		if (n % (WEFT__FRAME_HEADER + 5))
			assert_int_equal(weft__frame_count(packet, n, NULL), WEFT_EPROTO);
	packet[WEFT__FRAME_HEADER + 5] = 'X';
	assert_int_equal(weft__frame_count(packet, sizeof packet, NULL), WEFT_EPROTO);
}

static void what_does_not_begin_as_a_frame_is_refused(void **state)
{
	static const char *const wrong[] = {"FW\1\0\1\0\0\0", "WX\1\0\1\0\0\0",
	                                    "XF\1\0\1\0\0\0", "\0\0\0\0\0\0\0\0",
	                                    "GET / HT",       "\x16\3\1\2\0\1\0\1"};
	struct weft_error e;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_int_equal(weft__frame_length((const uint8_t *)wrong[i], &e), WEFT_EPROTO);
}

static void another_version_is_refused_in_words_that_name_both(void **state)
{
	struct weft_error e;
	uint8_t header[WEFT__FRAME_HEADER] = {'W', 'F', 9, 0, 1};
	assert_int_equal(weft__frame_length(header, &e), WEFT_EVERSION);
	assert_non_null(strstr(e.text, "version 9"));
	assert_non_null(strstr(e.text, "we speak 1"));
	/* A later version may use the other bytes as it likes. */
	memset(header + 3, 0xff, 5);
	assert_int_equal(weft__frame_length(header, &e), WEFT_EVERSION);
}

static void lengths_of_none_and_of_too_much_are_refused(void **state)
{
	static const uint32_t wrong[] = {0, WEFT__FRAME_MAX + 1, 0x7fffffff, 0x80000000,
	                                 0xffffffff};
	struct weft_error e;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		uint8_t header[WEFT__FRAME_HEADER] = {'W', 'F', WEFT__PROTO_VERSION, 0};
		for (unsigned k = 0; k < 4; k++)
			header[4 + k] = (uint8_t)(wrong[i] >> 8 * k);
		assert_int_equal(weft__frame_length(header, &e), WEFT_EPROTO);
	}
}

static void the_reserved_byte_must_be_zero(void **state)
{
	struct weft_error e;
	uint8_t header[WEFT__FRAME_HEADER] = {'W', 'F', WEFT__PROTO_VERSION, 1, 1};
	assert_int_equal(weft__frame_length(header, &e), WEFT_EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_header_gives_its_length_back),
	        cmocka_unit_test(the_bytes_of_a_header_are_fixed),
	        cmocka_unit_test(the_frames_of_a_packet_are_counted_when_they_are_whole),
	        cmocka_unit_test(what_does_not_begin_as_a_frame_is_refused),
	        cmocka_unit_test(another_version_is_refused_in_words_that_name_both),
	        cmocka_unit_test(lengths_of_none_and_of_too_much_are_refused),
	        cmocka_unit_test(the_reserved_byte_must_be_zero),
	};
	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
