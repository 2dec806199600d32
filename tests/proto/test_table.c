#include "config.h"

#include <ctype.h>
#include <string.h>

#include "proto/prescan.h"
#include "tests/base/test.h"

enum { ALL_ROLES = 31 };

static void codes_rise_and_lead_to_their_type(void **state)
{
	assert_null(weft__msg_type(0));
	assert_null(weft__msg_type(UINT64_MAX));
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		if (i > 0 && type->code <= weft__msg_types[i - 1].code)
			fail_msg("%s does not rise", type->name);
		assert_ptr_equal(weft__msg_type((uint64_t)type->code), type);
		assert_string_equal(weft__msg_name(type->code), type->name);
	}
	assert_string_equal(weft__msg_name(0), "?");
}

static void every_message_has_a_sender_a_receiver_and_a_first_field(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		assert_true(type->from && type->from <= ALL_ROLES);
		assert_true(type->to && type->to <= ALL_ROLES);
		assert_true(type->nfields > 0);
	}
}

static void every_field_has_a_name_of_its_own_and_a_maximum(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		for (size_t k = 0; k < type->nfields; k++) {
			const struct weft__field *f = &type->fields[k];
			assert_true(f->max > 0 || f->kind == WEFT__FIELD_I64);
			assert_true(f->each > 0 || f->kind != WEFT__FIELD_STRS);
			if (f->kind == WEFT__FIELD_STR || f->kind == WEFT__FIELD_BIN)
				assert_true(f->max <= WEFT__CARRIED_MAX);
			for (size_t other = 0; other < k; other++)
				assert_string_not_equal(f->name, type->fields[other].name);
		}
	}
}

static void assert_is_doc(const char *name, const char *doc)
{
	size_t n = strlen(doc);
	if (n == 0 || strpbrk(doc, "\n\r\t") || (doc[n - 1] == '.' && !strstr(doc, "...")))
		fail_msg("%s: '%s' is not one line of doc without a full stop", name, doc);
}

static void everything_is_documented_in_one_line(void **state)
{
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		const struct weft__msg_type *type = &weft__msg_types[i];
		assert_is_doc(type->name, type->doc);
		for (size_t k = 0; k < type->nfields; k++)
			assert_is_doc(type->name, type->fields[k].doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(codes_rise_and_lead_to_their_type),
	        cmocka_unit_test(every_message_has_a_sender_a_receiver_and_a_first_field),
	        cmocka_unit_test(every_field_has_a_name_of_its_own_and_a_maximum),
	        cmocka_unit_test(everything_is_documented_in_one_line),
	};
	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
