/* test_text.c - suggestions, JSON, tables, words and exit codes. */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "console/exitcode.h"
#include "console/json.h"
#include "console/suggest.h"
#include "console/table.h"
#include "console/words.h"
#include "proto/proto.h"
#include "tests/base/test.h"

static void distances_count_the_letters_that_differ(void **state)
{
	assert_int_equal(suggest_distance("run", "run"), 0);
	assert_int_equal(suggest_distance("", "run"), 3);
	assert_int_equal(suggest_distance("rn", "run"), 1);
	assert_int_equal(suggest_distance("rnu", "run"), 1);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
	assert_int_equal(suggest_distance("down", "jobs"), suggest_distance("jobs", "down"));
}

static void only_what_is_near_is_suggested(void **state)
{
	static const char *const names[] = {"run", "down", "doctor", "version", NULL};
	assert_string_equal(suggest_nearest("runn", names), "run");
	assert_string_equal(suggest_nearest("docter", names), "doctor");
	assert_string_equal(suggest_nearest("vers", names), "version");
	assert_string_equal(suggest_nearest("donw", names), "down");
	assert_null(suggest_nearest("zzz", names));
	assert_null(suggest_nearest("", names));
	assert_null(suggest_nearest("a-word-that-is-much-longer-than-any-command-of-this-program-can-ever-be", names));
}

static char *text;
static size_t ntext;

static FILE *open_text(void)
{
	FILE *f = open_memstream(&text, &ntext);
	assert_non_null(f);
	return f;
}

static void expect_text(FILE *f, const char *expected)
{
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
	text = NULL;
}

static void json_nests_and_separates(void **state)
{
	FILE *f = open_text();
	struct json j;
	json_init(&j, f);
	json_open(&j, NULL);
	json_number(&j, "schema", 1);
	json_open_array(&j, "rows");
	for (int i = 0; i < 2; i++) {
		json_open(&j, NULL);
		json_number(&j, "n", i);
		json_bool(&j, "b", i);
		json_null(&j, "z");
		json_close(&j);
	}
	json_close(&j);
	json_open_array(&j, "none");
	json_close(&j);
	json_text(&j, "t", NULL);
	json_close(&j);
	expect_text(f, "{\n  \"schema\": 1,\n  \"rows\": [\n    {\"n\": 0, \"b\": false, \"z\": null},\n"
	               "    {\"n\": 1, \"b\": true, \"z\": null}\n  ],\n  \"none\": [],\n  \"t\": null\n}\n");
}

static void json_escapes_whatever_a_text_may_hold(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	        {"plain", "\"plain\"\n"},
	        {"a\"b\\c", "\"a\\\"b\\\\c\"\n"},
	        {"\n\t\r\x01\x7f", "\"\\n\\t\\u000d\\u0001\\u007f\"\n"},
	        {"\xc3\xa4 \xe2\x9c\x94 \xf0\x9f\x90\xb1", "\"\xc3\xa4 \xe2\x9c\x94 \xf0\x9f\x90\xb1\"\n"},
	        {"\xff", "\"\\ufffd\"\n"},                           /* no UTF-8 */
	        {"\xc3", "\"\\ufffd\"\n"},                           /* cut off */
	        {"\xc0\xaf", "\"\\ufffd\\ufffd\"\n"},                /* overlong */
	        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"\n"},     /* half of a pair */
	        {"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"\n"}, /* beyond U+10FFFF */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		FILE *f = open_text();
		struct json j;
		json_init(&j, f);
		json_text(&j, NULL, cases[i].in);
		putc('\n', f);
		expect_text(f, cases[i].out);
	}
}

static void columns_are_aligned(void **state)
{
	static const char *const names[] = {">N", "NAME", "LAST"};
	FILE *f                          = open_text();
	struct table t;
	table_init(&t, names, 3);
	table_add(&t, "%d", 7);
	table_add(&t, "%s", "\xc3\xa4\xc3\xb6"); /* two characters in four bytes */
	table_add(&t, "x");
	table_add(&t, "%d", 1234);
	table_add(&t, "longer\n");
	table_add(&t, "%s", "");
	assert_int_equal(table_print(&t, f, false), 0);
	table_fini(&t);
	expect_text(f, "   N  NAME     LAST\n   7  \xc3\xa4\xc3\xb6       x\n1234  longer?\n");
}

static void rows_are_sorted_by_number(void **state)
{
	static const char *const names[] = {">N", "NAME"};
	static const char *const rows[]  = {"10", "ten", "9", "nine", "1", "one"};
	FILE *f                          = open_text();
	struct table t;
	table_init(&t, names, 2);
	table_sort(&t);
	for (size_t i = 0; i < 6; i++)
		table_add(&t, "%s", rows[i]);
	table_sort(&t);
	assert_int_equal(table_print(&t, f, false), 0);
	table_fini(&t);
	expect_text(f, " N  NAME\n 1  one\n 9  nine\n10  ten\n");
}

static void targets_are_tasks_or_jobs(void **state)
{
	uint64_t tid = 1;
	uint32_t job = 1;
	char printed[WEFT__TID_TEXT];
	assert_int_equal(words_target("t20001", &tid, &job), 0);
	assert_string_equal(words_tid(tid, printed), "t20001");
	assert_int_equal(job, 0);
	assert_int_equal(words_target("3", &tid, &job), 0);
	assert_int_equal(job, 3);
	assert_int_equal(tid, 0);
	assert_int_equal(words_target("j12", &tid, &job), 0);
	assert_int_equal(job, 12);
	assert_int_equal(words_target("job12", &tid, &job), 0);
	assert_int_equal(words_target("t", &tid, &job), WEFT_EINVAL);
	assert_int_equal(words_target("0", &tid, &job), WEFT_EINVAL);
	assert_int_equal(words_target("-1", &tid, &job), WEFT_EINVAL);
	assert_int_equal(words_target("", &tid, &job), WEFT_EINVAL);
	assert_int_equal(words_target("4294967296", &tid, &job), WEFT_EINVAL);
	assert_string_equal(words_tid(0, printed), "-");
}

static void exit_codes_follow_the_rule(void **state)
{
	static const struct {
		struct exitcode_task how;
		int status;
	} cases[] = {
	        {{.exit_code = 0}, 0},
	        {{.exit_code = 3}, 3},
	        {{.exit_code = 255}, 255},
	        {{.exit_code = -1, .signo = SIGKILL}, 137},
	        {{.exit_code = -1, .signo = SIGSEGV, .flags = WEFT__EXIT_CORE}, 139},
	        {{.exit_code = -1, .flags = WEFT__EXIT_LOST}, 125},
	        {{.exit_code = -1}, 125},
	        {{.exit_code = -1, .flags = WEFT__EXIT_START, .code = WEFT_ENOFILE}, 127},
	        {{.exit_code = -1, .flags = WEFT__EXIT_START, .code = WEFT_ENOEXEC}, 126},
	        {{.exit_code = -1, .flags = WEFT__EXIT_START, .code = WEFT_EDENIED}, 126},
	        {{.exit_code = -1, .flags = WEFT__EXIT_START, .code = WEFT_ENOSPC}, 125},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(exitcode_of(&cases[i].how), cases[i].status);
	assert_int_equal(exitcode_of_start(WEFT_ENONODE), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(distances_count_the_letters_that_differ),
	        cmocka_unit_test(only_what_is_near_is_suggested),
	        cmocka_unit_test(json_nests_and_separates),
	        cmocka_unit_test(json_escapes_whatever_a_text_may_hold),
	        cmocka_unit_test(columns_are_aligned),
	        cmocka_unit_test(rows_are_sorted_by_number),
	        cmocka_unit_test(targets_are_tasks_or_jobs),
	        cmocka_unit_test(exit_codes_follow_the_rule),
	};
	return cmocka_run_group_tests_name("console/text", tests, NULL, NULL);
}
