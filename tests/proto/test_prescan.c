#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "proto/prescan.h"
#include "tests/base/test.h"
#include "tests/proto/sample.h"

static struct sample sample;
static struct weft__buf out;
static struct weft__arena arena;

static int fini(void **state)
{
	weft__buf_fini(&out);
	weft__arena_fini(&arena);
	return 0;
}

/* Decodes a copy that ends where its memory ends, so that a checker sees each byte read beyond it.
 */
static int decode(const struct weft__msg_type *type, const void *body, size_t nbytes)
{
	struct weft__msg m;
	struct weft_error e = {0};
	void *copy = malloc(nbytes ? nbytes : 1);
	if (nbytes)
		memcpy(copy, body, nbytes);
	int rc = weft__msg_decode(copy, nbytes, sample_from(type), sample_to(type), &arena, &m, &e);
	free(copy);
	assert_int_equal(rc, e.code);
	if (rc)
		assert_true(strlen(e.text) > 0);
	return rc;
}

/* The sample with the bytes in place of a field. */
static int decode_with(const struct weft__msg_type *type, size_t field, const void *bytes,
                       size_t nbytes)
{
	out.len = 0;
	sample_pack(&out, &sample.m, (int)field, bytes, nbytes);
	return decode(type, out.data, out.len);
}

static void a_body_cut_at_any_byte_is_refused(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 1);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		sample_fill(&sample, type, &r, SAMPLE_NONE);
		for (int by_hand = 0; by_hand <= 1; by_hand++) {
			out.len = 0;
			if (by_hand)
				sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
			else
				assert_int_equal(weft__msg_encode_body(&out, &sample.m, NULL), 0);
			for (size_t n = 0; n < out.len; n++)
				if (decode(type, out.data, n) != WEFT_EPROTO)
					fail_msg("%s is accepted with %zu of %zu bytes", type->name,
					         n, out.len);
			assert_int_equal(decode(type, out.data, out.len), 0);
		}
	}
}

static void bytes_after_the_end_are_refused(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 2);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		sample_fill(&sample, type, &r, SAMPLE_NONE);
		for (unsigned byte = 0; byte < 256; byte++) {
			out.len = 0;
			sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
			assert_int_equal(weft__buf_append(&out, &(uint8_t){(uint8_t)byte}, 1), 0);
			assert_int_equal(decode(type, out.data, out.len), WEFT_EPROTO);
		}
	}
}

static void numbers_and_lengths_may_be_wider_than_needed(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 3);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		struct weft__msg m;
		sample_fill(&sample, type, &r, SAMPLE_NONE);
		out.len = 0;
		sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
		assert_int_equal(weft__msg_decode(out.data, out.len, sample_from(type),
		                                  sample_to(type), &arena, &m, NULL),
		                 0);
		assert_true(sample_equal(&sample.m, &m));
	}
}

static void a_field_of_none_is_accepted_one_over_its_maximum_is_not(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 4);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		for (size_t k = 0; k < type->nfields; k++) {
			const struct weft__field *f = &type->fields[k];
			if (f->kind == WEFT__FIELD_I64 || f->max == UINT64_MAX)
				continue;
			sample_fill(&sample, type, &r, SAMPLE_NONE);
			for (int over = -1; over <= 1; over++) {
				sample_set(&sample, type, k,
				           over < 0 ? 0 : f->max + (uint64_t)over);
				memset(sample.texts, 0, sizeof sample.texts);
				out.len = 0;
				sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
				if (decode(type, out.data, out.len) != (over > 0 ? WEFT_EPROTO : 0))
					fail_msg("%s.%s: %d over", type->name, f->name, over);
			}
		}
	}
}

static void a_text_of_an_array_has_its_own_maximum(void **state)
{
	static uint8_t bytes[10 + 131072] = {0x91, 0xdb, 0, 2, 0, 0}; /* one text of 131072 */
	memset(bytes + 6, 'x', 131072);
	memset(&sample, 0, sizeof sample);
	sample.m.code = WEFT__MSG_SPAWN;
	const struct weft__msg_type *type = weft__msg_type(WEFT__MSG_SPAWN);
	assert_int_equal(decode_with(type, 7, bytes, 6 + 131072), WEFT_EPROTO);
	memcpy(bytes + 2, "\0\1\xff\xff", 4);
	assert_int_equal(decode_with(type, 7, bytes, 6 + 131071), 0);
}

/* An item, and the kinds of field that it may stand for. */
struct item {
	const char *bytes;
	size_t nbytes;
	unsigned kinds;
};
#define ITEM(bytes, kinds)                                                                         \
	{                                                                                          \
		bytes, sizeof bytes - 1, kinds                                                     \
	}
#define KIND(name) (1u << WEFT__FIELD_##name)
#define ANY_INT    (KIND(U64) | KIND(I64))
static const struct item items[] = {
        ITEM("\x00", ANY_INT),
        ITEM("\xcc\x00", ANY_INT),
        ITEM("\xcd\x00\x00", ANY_INT),
        ITEM("\xce\x00\x00\x00\x00", ANY_INT),
        ITEM("\xcf\x00\x00\x00\x00\x00\x00\x00\x00", ANY_INT),
        ITEM("\xd0\x00", ANY_INT),
        ITEM("\xd1\x00\x00", ANY_INT),
        ITEM("\xd2\x00\x00\x00\x00", ANY_INT),
        ITEM("\xd3\x00\x00\x00\x00\x00\x00\x00\x00", ANY_INT),
        ITEM("\xff", KIND(I64)),
        ITEM("\xe0", KIND(I64)),
        ITEM("\xd0\x80", KIND(I64)),
        ITEM("\xd1\xff\xff", KIND(I64)),
        ITEM("\xd2\x80\x00\x00\x00", KIND(I64)),
        ITEM("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", KIND(I64)),
        ITEM("\xa0", KIND(STR)),
        ITEM("\xd9\x00", KIND(STR)),
        ITEM("\xda\x00\x00", KIND(STR)),
        ITEM("\xdb\x00\x00\x00\x00", KIND(STR)),
        ITEM("\xa1\x00", 0), /* a NUL */
        ITEM("\xd9\x03"
             "a\0b",
             0),
        ITEM("\xc4\x00", KIND(BIN)),
        ITEM("\xc5\x00\x00", KIND(BIN)),
        ITEM("\xc6\x00\x00\x00\x00", KIND(BIN)),
        ITEM("\xc4\x01\x00", KIND(BIN)),
        ITEM("\x90", KIND(U64S) | KIND(STRS)),
        ITEM("\xdc\x00\x00", KIND(U64S) | KIND(STRS)),
        ITEM("\xdd\x00\x00\x00\x00", KIND(U64S) | KIND(STRS)),
        ITEM("\x92\x01\xcf\xff\xff\xff\xff\xff\xff\xff\xff", KIND(U64S)),
        ITEM("\x92\xa1"
             "a\xa0",
             KIND(STRS)),
        ITEM("\x92\x01\xa0", 0),
        ITEM("\x91\xff", 0),
        ITEM("\x91\xc0", 0),
        ITEM("\x91\xa1\x00", 0),
        ITEM("\x91\xc4\x00", 0),
        ITEM("\x91\x90", 0), /* not flat */
        ITEM("\x91\x91\x01", 0),
        ITEM("\x91\x80", 0),
        ITEM("\xc0", 0),
        ITEM("\xc1", 0),
        ITEM("\xc2", 0),
        ITEM("\xc3", 0),
        ITEM("\xca\x00\x00\x00\x00", 0),
        ITEM("\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 0),
        ITEM("\x80", 0),
        ITEM("\xde\x00\x00", 0),
        ITEM("\xdf\x00\x00\x00\x00", 0),
        ITEM("\xd4\x01\x00", 0),
        ITEM("\xd8\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 0),
        ITEM("\xc7\x00\x01", 0),
        ITEM("\xc8\x00\x00\x01", 0),
        ITEM("\xc9\x00\x00\x00\x00\x01", 0),
};

static void every_field_takes_its_own_kind_and_no_other(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		memset(&sample, 0, sizeof sample);
		sample.m.code = type->code;
		for (size_t k = 0; k < type->nfields; k++)
			for (size_t n = 0; n < sizeof items / sizeof *items; n++) {
				bool fits = items[n].kinds & 1u << type->fields[k].kind;
				if (decode_with(type, k, items[n].bytes, items[n].nbytes) !=
				    (fits ? 0 : WEFT_EPROTO))
					fail_msg("%s.%s: item %zu", type->name,
					         type->fields[k].name, n);
			}
	}
}

static void a_signed_number_too_large_for_its_sign_is_refused(void **state)
{
	const struct weft__msg_type *type = weft__msg_type(WEFT__MSG_RESULT);
	memset(&sample, 0, sizeof sample);
	sample.m.code = type->code;
	assert_int_equal(decode_with(type, 1, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9), 0);
	assert_int_equal(decode_with(type, 1, "\xcf\x80\x00\x00\x00\x00\x00\x00\x00", 9),
	                 WEFT_EPROTO);
}

/* Heads that announce more than any frame has; the first is the one that makes MessagePack-C
 * reserve 2 GiB. */
static const struct item traps[] = {
        ITEM("\xdd\x05\x00\x00\x00", 0),
        ITEM("\xdd\xff\xff\xff\xff", 0),
        ITEM("\xdd\x00\x00\x40\x00", 0),
        ITEM("\xdc\xff\xff", 0),
        ITEM("\x9f", 0),
        ITEM("\xdb\xff\xff\xff\xff", 0),
        ITEM("\xda\xff\xff", 0),
        ITEM("\xd9\xff", 0),
        ITEM("\xbf", 0),
        ITEM("\xc6\xff\xff\xff\xff", 0),
        ITEM("\xc5\xff\xff", 0),
        ITEM("\xc4\xff", 0),
        ITEM("\xdf\xff\xff\xff\xff", 0),
        ITEM("\xc9\xff\xff\xff\xff", 0),
};

static void a_length_beyond_the_frame_is_refused_before_anything_is_allocated(void **state)
{
	weft__arena_fini(&arena);
	for (size_t n = 0; n < sizeof traps / sizeof *traps; n++)
		assert_int_equal(decode(&weft__msg_types[0], traps[n].bytes, traps[n].nbytes),
		                 WEFT_EPROTO);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		memset(&sample, 0, sizeof sample);
		sample.m.code = type->code;
		if (type->nfields == 0)
			continue;
		/* As the last field, so that nothing follows that could be taken for its payload.
		 */
		for (size_t n = 0; n < sizeof traps / sizeof *traps; n++)
			assert_int_equal(decode_with(type, type->nfields - 1, traps[n].bytes,
			                             traps[n].nbytes),
			                 WEFT_EPROTO);
	}
	assert_null(arena.data);
}

static void a_peer_may_send_only_what_the_table_allows_it(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		memset(&sample, 0, sizeof sample);
		sample.m.code = type->code;
		out.len = 0;
		sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
		for (unsigned from = 1; from <= 16; from *= 2)
			for (unsigned to = 1; to <= 16; to *= 2) {
				struct weft__msg m;
				struct weft_error e;
				int rc = weft__msg_decode(out.data, out.len, from, to, &arena, &m,
				                          &e);
				bool allowed = (type->from & from) && (type->to & to);
				assert_int_equal(rc, allowed ? 0 : WEFT_EDENIED);
				if (!allowed)
					assert_non_null(strstr(e.text, type->name));
			}
	}
}

static void the_right_to_send_is_checked_before_the_fields(void **state)
{
	struct weft__msg m;
	uint8_t body[] = {0x92, WEFT__MSG_HALT, 0xc1};
	assert_int_equal(weft__msg_decode(body, sizeof body, WEFT__ROLE_TASK, WEFT__ROLE_COORD,
	                                  &arena, &m, NULL),
	                 WEFT_EDENIED);
	assert_int_equal(weft__msg_decode(body, sizeof body, WEFT__ROLE_TOOL, WEFT__ROLE_COORD,
	                                  &arena, &m, NULL),
	                 WEFT_EPROTO);
}

static void fewer_or_more_fields_than_the_table_has_are_refused(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		memset(&sample, 0, sizeof sample);
		sample.m.code = type->code;
		out.len = 0;
		sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
		uint8_t count = out.data[4];
		for (unsigned other = 0; other < 256; other++) {
			out.data[4] = (uint8_t)other;
			assert_int_equal(decode(type, out.data, out.len),
			                 other == count ? 0 : WEFT_EPROTO);
		}
		out.data[4] = (uint8_t)(count + 1); /* and with the field really there */
		assert_int_equal(weft__buf_append(&out, "\0", 1), 0);
		assert_int_equal(decode(type, out.data, out.len), WEFT_EPROTO);
	}
}

static void what_has_no_known_code_is_refused(void **state)
{
	static const struct item wrong[] = {
	        ITEM("", 0),
	        ITEM("\x90", 0),
	        ITEM("\x91", 0),
	        ITEM("\x01", 0),
	        ITEM("\x81\x01\x01", 0),
	        ITEM("\x92\x00\x01", 0),
	        ITEM("\x92\xcc\xfe\x01", 0), /* 254: no message has it */
	        ITEM("\x92\xff\x01", 0),
	        ITEM("\x92\xa1\x01", 0),
	        ITEM("\x92\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0),
	        ITEM("\x92\xcd\x01\x01\x01", 0),
	        ITEM("\xc1", 0),
	        ITEM("\x92\x90\x01", 0),
	};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(decode(&weft__msg_types[0], wrong[i].bytes, wrong[i].nbytes),
		                 WEFT_EPROTO);
		assert_int_equal(weft__msg_peek(wrong[i].bytes, wrong[i].nbytes), WEFT_EPROTO);
	}
}

static void peek_gives_the_code_of_every_message(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		memset(&sample, 0, sizeof sample);
		sample.m.code = weft__msg_types[i].code;
		out.len = 0;
		sample_pack(&out, &sample.m, SAMPLE_NONE, NULL, 0);
		assert_int_equal(weft__msg_peek(out.data, out.len), sample.m.code);
		out.len = 0;
		assert_int_equal(weft__msg_encode_body(&out, &sample.m, NULL), 0);
		assert_int_equal(weft__msg_peek(out.data, out.len), sample.m.code);
	}
}

static void a_body_that_no_carrier_could_take_is_refused(void **state)
{
	static char text[131072];
	memset(text, 'x', sizeof text - 1);
	struct weft__str argv = {text, 100000}, env = {text, 96450};
	struct weft__msg m = {.code = WEFT__MSG_SPAWN,
	                      .spawn = {.argv = {&argv, 1}, .env = {&env, 1}}};
	const struct weft__msg_type *type = weft__msg_type(WEFT__MSG_SPAWN);
	for (; env.n < 96600; env.n++) {
		out.len = 0;
		sample_pack(&out, &m, SAMPLE_NONE, NULL, 0);
		assert_int_equal(decode(type, out.data, out.len),
		                 out.len <= WEFT__CARRIED_MAX ? 0 : WEFT_EPROTO);
	}
	assert_true(out.len > WEFT__CARRIED_MAX);
}

static void a_decoder_that_refuses_leaves_the_message_as_it_was(void **state)
{
	struct weft__msg m, untouched;
	memset(&m, 0x55, sizeof m);
	memset(&untouched, 0x55, sizeof untouched);
	/* A RESULT whose last field is wrong. */
	assert_int_equal(weft__msg_decode("\x95\x0a\x01\x02\x03\x04", 6, WEFT__ROLE_NODE,
	                                  WEFT__ROLE_TASK, &arena, &m, NULL),
	                 WEFT_EPROTO);
	assert_memory_equal(&m, &untouched, sizeof m);
}

static void a_token_reaches_to_the_last_byte_and_no_further(void **state)
{
	/* Heads whose payload is 3 bytes or 3 elements. */
	static const struct item heads[] = {
	        ITEM("\xa3", 0),
	        ITEM("\xd9\x03", 0),
	        ITEM("\xda\x00\x03", 0),
	        ITEM("\xdb\x00\x00\x00\x03", 0),
	        ITEM("\xc4\x03", 0),
	        ITEM("\xc5\x00\x03", 0),
	        ITEM("\xc6\x00\x00\x00\x03", 0),
	        ITEM("\x93", 0),
	        ITEM("\xdc\x00\x03", 0),
	        ITEM("\xdd\x00\x00\x00\x03", 0),
	};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		uint8_t bytes[16] = {0};
		struct weft__token t;
		memcpy(bytes, heads[i].bytes, heads[i].nbytes);
		for (size_t n = 0; n < heads[i].nbytes + 3; n++)
			assert_int_equal(weft__token_read(bytes, n, &t), WEFT_EPROTO);
		for (size_t n = heads[i].nbytes + 3; n <= sizeof bytes; n++) {
			assert_int_equal(weft__token_read(bytes, n, &t), 0);
			assert_int_equal(t.head, heads[i].nbytes);
			assert_int_equal(t.value, 3);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_token_reaches_to_the_last_byte_and_no_further),
	        cmocka_unit_test(a_body_cut_at_any_byte_is_refused),
	        cmocka_unit_test(bytes_after_the_end_are_refused),
	        cmocka_unit_test(numbers_and_lengths_may_be_wider_than_needed),
	        cmocka_unit_test(a_field_of_none_is_accepted_one_over_its_maximum_is_not),
	        cmocka_unit_test(a_text_of_an_array_has_its_own_maximum),
	        cmocka_unit_test(every_field_takes_its_own_kind_and_no_other),
	        cmocka_unit_test(a_signed_number_too_large_for_its_sign_is_refused),
	        cmocka_unit_test(a_length_beyond_the_frame_is_refused_before_anything_is_allocated),
	        cmocka_unit_test(a_peer_may_send_only_what_the_table_allows_it),
	        cmocka_unit_test(the_right_to_send_is_checked_before_the_fields),
	        cmocka_unit_test(fewer_or_more_fields_than_the_table_has_are_refused),
	        cmocka_unit_test(what_has_no_known_code_is_refused),
	        cmocka_unit_test(peek_gives_the_code_of_every_message),
	        cmocka_unit_test(a_body_that_no_carrier_could_take_is_refused),
	        cmocka_unit_test(a_decoder_that_refuses_leaves_the_message_as_it_was),
	};
	return cmocka_run_group_tests_name("prescan", tests, NULL, fini);
}
