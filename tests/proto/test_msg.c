#include "config.h"

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

/* Encodes the sample as a frame and decodes it again. */
static void assert_comes_back(const struct weft__msg_type *type)
{
	struct weft_error e = {0};
	struct weft__msg read;
	out.len = 0;
	if (weft__msg_encode(&out, &sample.m, &e))
		fail_msg("%s is not encoded: %s", type->name, e.text);
	int nbytes = weft__frame_length(out.data, &e);
	assert_int_equal(nbytes, out.len - WEFT__FRAME_HEADER);
	if (weft__msg_decode(out.data + WEFT__FRAME_HEADER, (size_t)nbytes, sample_from(type),
	                     sample_to(type), &arena, &read, &e))
		fail_msg("%s is not decoded: %s", type->name, e.text);
	if (!sample_equal(&sample.m, &read))
		fail_msg("%s comes back changed", type->name);
}

static void every_message_comes_back_as_it_was_sent(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct weft__rng r;
		weft__rng_init(&r, seed);
		for (size_t i = 0; i < weft__msg_ntypes; i++) {
			sample_fill(&sample, &weft__msg_types[i], &r, SAMPLE_NONE);
			assert_comes_back(&weft__msg_types[i]);
		}
	}
}

static void every_field_may_have_its_maximum(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 7);
	for (size_t i = 0; i < weft__msg_ntypes; i++)
		for (size_t k = 0; k < weft__msg_types[i].nfields; k++) {
			sample_fill(&sample, &weft__msg_types[i], &r, (int)k);
			assert_comes_back(&weft__msg_types[i]);
		}
}

static void every_message_may_be_all_zeros(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		memset(&sample, 0, sizeof sample);
		sample.m.code = weft__msg_types[i].code;
		assert_comes_back(&weft__msg_types[i]);
	}
}

static void one_text_of_an_array_may_have_its_maximum(void **state)
{
	static char text[131072];
	memset(text, 'x', sizeof text - 1);
	struct weft__str env = {text, 131071};
	memset(&sample, 0, sizeof sample);
	sample.m = (struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn.env = {&env, 1}};
	assert_comes_back(weft__msg_type(WEFT__MSG_SPAWN));
	env.n++;
	struct weft_error e;
	assert_int_equal(weft__msg_encode(&out, &sample.m, &e), WEFT_ETOOBIG);
	assert_non_null(strstr(e.text, "SPAWN.env"));
}

static void signed_numbers_keep_their_sign(void **state)
{
	static const int64_t numbers[] = {0,         -1,        -32,       -33,      127,
	                                  128,       -128,      -129,      32767,    -32769,
	                                  INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		memset(&sample, 0, sizeof sample);
		sample.m = (struct weft__msg){.code = WEFT__MSG_RESULT, .result.code = numbers[i]};
		assert_comes_back(weft__msg_type(WEFT__MSG_RESULT));
	}
}

static void a_field_over_its_maximum_is_not_sent(void **state)
{
	struct weft__rng r;
	struct weft_error e;
	weft__rng_init(&r, 8);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		for (size_t k = 0; k < type->nfields; k++) {
			const struct weft__field *f = &type->fields[k];
			if (f->kind == WEFT__FIELD_I64 || f->max == UINT64_MAX)
				continue;
			sample_fill(&sample, type, &r, SAMPLE_NONE);
			sample_set(&sample, type, k, f->max + 1);
			out.len = 0;
			assert_int_equal(weft__buf_append(&out, "before", 6), 0);
			assert_int_equal(weft__msg_encode(&out, &sample.m, &e), WEFT_ETOOBIG);
			assert_non_null(strstr(e.text, type->name));
			assert_non_null(strstr(e.text, f->name));
			assert_int_equal(weft__msg_encode_body(&out, &sample.m, NULL),
			                 WEFT_ETOOBIG);
			assert_int_equal(out.len, 6);
		}
	}
}

static void a_text_with_a_nul_inside_is_not_sent(void **state)
{
	struct weft__str argv[] = {weft__str("ok"), {"a\0b", 3}};
	struct weft__msg m = {.code = WEFT__MSG_TASK_NAME, .task_name.name = {"a\0b", 3}};
	out.len = 0;
	assert_int_equal(weft__msg_encode(&out, &m, NULL), WEFT_EINVAL);
	m = (struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn.argv = {argv, 2}};
	assert_int_equal(weft__msg_encode(&out, &m, NULL), WEFT_EINVAL);
	assert_int_equal(out.len, 0);
}

static void a_body_is_bounded_as_a_whole(void **state)
{
	static char text[131072];
	memset(text, 'x', sizeof text - 1);
	struct weft__str argv = {text, 100000}, env = {text, 100000};
	struct weft__msg m = {.code = WEFT__MSG_SPAWN,
	                      .spawn = {.argv = {&argv, 1}, .env = {&env, 1}}};
	struct weft_error e;
	out.len = 0;
	assert_int_equal(weft__msg_encode(&out, &m, &e), WEFT_ETOOBIG);
	assert_int_equal(out.len, 0);
	while (weft__msg_encode_body(&out, &m, NULL))
		env.n--;
	assert_int_equal(out.len, WEFT__CARRIED_MAX);
}

static void the_largest_body_fits_into_its_carrier(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 9);
	static const enum weft__msg_code carriers[] = {WEFT__MSG_UP, WEFT__MSG_DOWN,
	                                               WEFT__MSG_PEER_DOWN, WEFT__MSG_PEER_UP};
	for (size_t i = 0; i < sizeof carriers / sizeof *carriers; i++) {
		const struct weft__msg_type *type = weft__msg_type((uint64_t)carriers[i]);
		assert_int_equal(weft__body_max(type), WEFT__FRAME_MAX);
		sample_fill(&sample, type, &r, SAMPLE_NONE);
		sample_set(&sample, type, 0, type->fields[0].max);
		sample_set(&sample, type, 1, WEFT__CARRIED_MAX);
		assert_comes_back(type);
	}
	assert_int_equal(weft__body_max(weft__msg_type(WEFT__MSG_OUTPUT)), WEFT__CARRIED_MAX);
}

static void no_failed_allocation_leaves_half_a_frame(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 10);
	const struct weft__msg_type *type = weft__msg_type(WEFT__MSG_TEAM);
	sample_fill(&sample, type, &r, 3);
	unsigned long n = 0;
	int rc;
	do {
		struct weft__buf b = {0};
		struct weft_error e = {0};
		weft__heap_fail_at(++n);
		rc = weft__msg_encode(&b, &sample.m, &e);
		weft__heap_fail_at(0);
		if (rc) {
			assert_int_equal(rc, WEFT_ENOMEM);
			assert_int_equal(e.code, WEFT_ENOMEM);
			assert_int_equal(b.len, 0);
		}
		weft__buf_fini(&b);
	} while (rc);
	assert_true(n > 5);
}

static void a_failed_allocation_decodes_nothing(void **state)
{
	struct weft__rng r;
	weft__rng_init(&r, 11);
	struct weft__arena small = {0};
	struct weft__msg m, untouched;
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		sample_fill(&sample, type, &r, SAMPLE_NONE);
		out.len = 0;
		assert_int_equal(weft__msg_encode_body(&out, &sample.m, NULL), 0);
		memset(&m, 0x55, sizeof m);
		memset(&untouched, 0x55, sizeof untouched);
		weft__heap_fail_at(1);
		int rc = weft__msg_decode(out.data, out.len, sample_from(type), sample_to(type),
		                          &small, &m, NULL);
		weft__heap_fail_at(0);
		if (rc) {
			assert_int_equal(rc, WEFT_ENOMEM);
			assert_memory_equal(&m, &untouched, sizeof m);
		}
		rc = weft__msg_decode(out.data, out.len, sample_from(type), sample_to(type), &small,
		                      &m, NULL);
		assert_int_equal(rc, 0);
		weft__heap_fail_at(
		        1); /* and with the arena large enough nothing is allocated at all */
		rc = weft__msg_decode(out.data, out.len, sample_from(type), sample_to(type), &small,
		                      &m, NULL);
		weft__heap_fail_at(0);
		assert_int_equal(rc, 0);
		weft__arena_fini(&small);
	}
}

static void decoded_texts_end_with_a_nul_and_bytes_are_not_copied(void **state)
{
	struct weft__str argv[] = {weft__str("prog"), weft__str(""), weft__str("x y")};
	struct weft__msg m = {.code = WEFT__MSG_SPAWN,
	                      .spawn = {.host = weft__str("#1"), .argv = {argv, 3}}};
	struct weft__msg read;
	out.len = 0;
	assert_int_equal(weft__msg_encode_body(&out, &m, NULL), 0);
	assert_int_equal(weft__msg_decode(out.data, out.len, WEFT__ROLE_TASK, WEFT__ROLE_COORD,
	                                  &arena, &read, NULL),
	                 0);
	assert_string_equal(read.spawn.host.p, "#1");
	assert_string_equal(read.spawn.wdir.p, "");
	assert_string_equal(read.spawn.argv.p[0].p, "prog");
	assert_string_equal(read.spawn.argv.p[1].p, "");
	assert_string_equal(read.spawn.argv.p[2].p, "x y");

	m = (struct weft__msg){.code = WEFT__MSG_NAME_PUT, .name_put.value = {"\0\1\2", 3}};
	out.len = 0;
	assert_int_equal(weft__msg_encode_body(&out, &m, NULL), 0);
	assert_int_equal(weft__msg_decode(out.data, out.len, WEFT__ROLE_TASK, WEFT__ROLE_COORD,
	                                  &arena, &read, NULL),
	                 0);
	assert_in_range((uintptr_t)read.name_put.value.p, (uintptr_t)out.data,
	                (uintptr_t)out.data + out.len - 3);
}

static void a_null_text_is_an_empty_one(void **state)
{
	assert_int_equal(weft__str(NULL).n, 0);
	assert_string_equal(weft__str(NULL).p, "");
	assert_int_equal(weft__str("abc").n, 3);
}

static void frames_are_appended_one_after_the_other(void **state)
{
	struct weft__msg m = {.code = WEFT__MSG_HEARTBEAT, .heartbeat.seq = 1};
	out.len = 0;
	assert_int_equal(weft__msg_encode(&out, &m, NULL), 0);
	size_t one = out.len;
	assert_int_equal(weft__msg_encode(&out, &m, NULL), 0);
	assert_int_equal(out.len, 2 * one);
	assert_memory_equal(out.data, out.data + one, one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_message_comes_back_as_it_was_sent),
	        cmocka_unit_test(every_field_may_have_its_maximum),
	        cmocka_unit_test(every_message_may_be_all_zeros),
	        cmocka_unit_test(one_text_of_an_array_may_have_its_maximum),
	        cmocka_unit_test(signed_numbers_keep_their_sign),
	        cmocka_unit_test(a_field_over_its_maximum_is_not_sent),
	        cmocka_unit_test(a_text_with_a_nul_inside_is_not_sent),
	        cmocka_unit_test(a_body_is_bounded_as_a_whole),
	        cmocka_unit_test(the_largest_body_fits_into_its_carrier),
	        cmocka_unit_test(no_failed_allocation_leaves_half_a_frame),
	        cmocka_unit_test(a_failed_allocation_decodes_nothing),
	        cmocka_unit_test(decoded_texts_end_with_a_nul_and_bytes_are_not_copied),
	        cmocka_unit_test(a_null_text_is_an_empty_one),
	        cmocka_unit_test(frames_are_appended_one_after_the_other),
	};
	return cmocka_run_group_tests_name("msg", tests, NULL, fini);
}
