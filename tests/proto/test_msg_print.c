#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "proto/proto.h"
#include "tests/base/test.h"
#include "tests/proto/sample.h"

static char line[4096];

static const char *printed(const struct weft__msg *m)
{
	weft__msg_print(m, line, sizeof line);
	return line;
}

static void a_line_shows_names_and_values(void **state)
{
	uint64_t tids[] = {0x20001, 0x20002 | UINT64_C(3) << 31};
	struct weft__msg m = {.code = WEFT__MSG_TEAM,
	                      .team = {.job = 5, .size = 2, .tids = {tids, 2}}};
	assert_string_equal(printed(&m), "TEAM job=5 size=2 first=0 tids=2[t20001 t20002.3]");
	m = (struct weft__msg){.code = WEFT__MSG_RESULT,
	                       .result = {.req = 7, .code = -5, .text = weft__str("no \"x\"")}};
	assert_string_equal(printed(&m), "RESULT req=7 code=-5 value=0 text=\"no ?x?\"");
}

static void keys_tokens_and_environments_are_not_shown(void **state)
{
	struct weft__str env[] = {weft__str("PASSWORD=hunter2"), weft__str("B=c")};
	struct weft__msg m = {.code = WEFT__MSG_PEER, .peer.key = {"secretsecret", 12}};
	assert_null(strstr(printed(&m), "secret"));
	assert_non_null(strstr(line, "key=(12 bytes)"));
	m = (struct weft__msg){.code = WEFT__MSG_INTRO, .intro.token = {"secretsecret", 12}};
	assert_null(strstr(printed(&m), "secret"));
	assert_non_null(strstr(line, "token=(12 bytes)"));
	m = (struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn.env = {env, 2}};
	assert_null(strstr(printed(&m), "hunter2"));
	assert_non_null(strstr(line, "env=(2 texts)"));
}

static void a_text_cannot_end_the_line(void **state)
{
	struct weft__msg m = {.code = WEFT__MSG_TASK_NAME,
	                      .task_name.name = weft__str("a\nb\033c\177")};
	assert_string_equal(printed(&m), "TASK_NAME req=0 name=\"a?b?c?\"");
}

static void long_texts_and_arrays_are_cut(void **state)
{
	uint64_t ids[100] = {0};
	char wdir[200];
	memset(wdir, 'x', sizeof wdir);
	struct weft__msg m = {.code = WEFT__MSG_NOTIFY, .notify.ids = {ids, 100}};
	assert_non_null(strstr(printed(&m), "ids=100[0 0 0 0 0 0 0 0 ...]"));
	m = (struct weft__msg){.code = WEFT__MSG_SPAWN, .spawn.wdir = {wdir, sizeof wdir}};
	assert_non_null(strstr(printed(&m), "xxx...\""));
	assert_true(strlen(line) < 450); /* the texts are cut; the names of all fields are there */
}

static void every_message_fits_every_size(void **state)
{
	static struct sample sample;
	struct weft__rng r;
	weft__rng_init(&r, 1);
	for (size_t i = 0; i < weft__msg_ntypes; i++) {
		sample_fill(&sample, &weft__msg_types[i], &r, SAMPLE_NONE);
		size_t whole = strlen(printed(&sample.m));
		char *first = strdup(line);
		for (size_t size = 0; size <= whole + 2; size++) {
			memset(line, 0x7e, sizeof line);
			weft__msg_print(&sample.m, line, size);
			for (size_t k = size; k < size + 8; k++)
				assert_int_equal(line[k], 0x7e);
			if (size > 0) {
				size_t n = size - 1 < whole ? size - 1 : whole;
				assert_int_equal(strlen(line), n);
				assert_memory_equal(line, first, n);
			}
		}
		free(first);
	}
}

static void an_unknown_code_is_a_question_mark(void **state)
{
	struct weft__msg m = {.code = 255};
	assert_string_equal(printed(&m), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_line_shows_names_and_values),
	        cmocka_unit_test(keys_tokens_and_environments_are_not_shown),
	        cmocka_unit_test(a_text_cannot_end_the_line),
	        cmocka_unit_test(long_texts_and_arrays_are_cut),
	        cmocka_unit_test(every_message_fits_every_size),
	        cmocka_unit_test(an_unknown_code_is_a_question_mark),
	};
	return cmocka_run_group_tests_name("msg_print", tests, NULL, NULL);
}
