/* test_args.c - what an option table makes of a command line. */
#include "config.h"

#include <string.h>

#include "console/args.h"
#include "console/plan.h"
#include "tests/base/test.h"

/* A command line, cut at the blanks. */
struct line {
	char bytes[512];
	char *argv[64];
	int argc;
};

static void cut(struct line *l, const char *text)
{
	l->argc = 0;
	assert_true(strlen(text) < sizeof l->bytes);
	strcpy(l->bytes, text);
	for (char *word = strtok(l->bytes, " "); word; word = strtok(NULL, " "))
		l->argv[l->argc++] = word;
	l->argv[l->argc] = NULL;
}

static int parse(const struct command *c, const char *text, struct line *l, struct args *a, struct weft_error *e)
{
	cut(l, text);
	return args_parse(c, DIALECT_WEFT, l->argc, l->argv, a, e);
}

static void expect_error(const struct command *c, const char *text, const char *message)
{
	struct line l;
	struct args a;
	struct weft_error e = {0};
	assert_int_equal(parse(c, text, &l, &a, &e), WEFT_EINVAL);
	assert_string_equal(e.text, message);
	args_fini(&a);
}

static void options_are_read_in_all_their_spellings(void **state)
{
	static const char *const lines[] = {"run -n 4 true", "run -n4 true", "run --count 4 true",
	                                    "run --count=4 true", "run --co 4 true", "run -ln4 true"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct line l;
		struct args a;
		struct weft_error e = {0};
		assert_int_equal(parse(&cmd_run, lines[i], &l, &a, &e), 0);
		assert_int_equal(args_count(&a, 'n', 1), 4);
		assert_int_equal(a.noperands, 1);
		assert_string_equal(a.operands[0], "true");
		args_fini(&a);
	}
}

/* Reads it as in PVM's console, or in weft; expects this option with that value (NULL: none), and so many operands. */
static void expect_option(enum dialect dialect, const struct command *c, const char *text, int id, const char *value,
                          int noperands)
{
	struct line l;
	struct args a;
	struct weft_error e = {0};
	cut(&l, text);
	if (args_parse(c, dialect, l.argc, l.argv, &a, &e))
		fail_msg("%s: %s", text, e.text);
	assert_true(args_has(&a, id));
	if (value)
		assert_string_equal(args_text(&a, id), value);
	else
		assert_null(args_text(&a, id));
	assert_int_equal(a.noperands, noperands);
	args_fini(&a);
}

static void pvms_spellings_have_their_values_glued_to_them(void **state)
{
	for (enum dialect d = DIALECT_WEFT; d <= DIALECT_PVM; d++) {
		expect_option(d, &cmd_spawn, "spawn -12 prog a", 'n', "12", 2);
		expect_option(d, &cmd_spawn, "spawn -> prog", OPT_REDIRECT, NULL, 1);
		expect_option(d, &cmd_spawn, "spawn ->file prog", OPT_REDIRECT, "file", 1);
		expect_option(d, &cmd_spawn, "spawn ->>file prog", OPT_REDIRECT, ">file", 1);
		expect_option(d, &cmd_spawn, "spawn -4 -@ -> prog -9", OPT_TRACE, NULL, 2);
		expect_option(d, &cmd_spawn, "spawn -@traces prog", OPT_TRACE, "traces", 1);
		expect_option(d, &cmd_spawn, "spawn -? prog", OPT_DEBUG, NULL, 1);
		expect_option(d, &cmd_spawn, "spawn -:/tmp prog", OPT_WDIR, "/tmp", 1);
		expect_option(d, &cmd_spawn, "spawn -Zeus:/tmp prog", OPT_WHERE, "Zeus:/tmp", 1);
		expect_option(d, &cmd_spawn, "spawn --count 3 prog", 'n', "3", 1);
		expect_option(d, &cmd_spawn, "spawn -3 -- -prog", 'n', "3", 1);
	}
}

static void a_letter_belongs_to_the_dialect(void **state)
{
	expect_option(DIALECT_WEFT, &cmd_spawn, "spawn -n 3 prog", 'n', "3", 1);
	expect_option(DIALECT_PVM, &cmd_spawn, "spawn -n prog", OPT_WHERE, "n", 1);
	expect_option(DIALECT_PVM, &cmd_spawn, "spawn -nohost prog", OPT_WHERE, "nohost", 1);
	expect_option(DIALECT_WEFT, &cmd_ps, "ps -h", 'h', NULL, 0);
	expect_option(DIALECT_PVM, &cmd_ps, "ps -h40000", OPT_HOST_TID, "40000", 0);
	expect_option(DIALECT_PVM, &cmd_ps, "ps --help", 'h', NULL, 0);
	expect_option(DIALECT_PVM, &cmd_ps, "ps -axl", 'l', NULL, 0);
	expect_option(DIALECT_PVM, &cmd_kill, "kill -c t20001", 'c', NULL, 1);
}

static void many_letters_in_one_word_have_room(void **state)
{
	expect_option(DIALECT_WEFT, &cmd_run, "run -lllllllllllllllllllllllllllllllllllllllllllllllllllllllllll true", 'l', NULL, 1);
}

static void the_options_end_where_the_program_begins(void **state)
{
	struct line l;
	struct args a;
	struct weft_error e = {0};
	assert_int_equal(parse(&cmd_run, "run -n 2 ls -l -n 3", &l, &a, &e), 0);
	assert_int_equal(args_count(&a, 'n', 1), 2);
	assert_false(args_has(&a, 'l'));
	assert_int_equal(a.noperands, 4);
	args_fini(&a);
	assert_int_equal(parse(&cmd_run, "run -- -odd", &l, &a, &e), 0);
	assert_string_equal(a.operands[0], "-odd");
	args_fini(&a);
}

static void the_last_one_of_an_option_counts_and_what_is_not_given_has_its_default(void **state)
{
	struct line l;
	struct args a;
	struct weft_error e = {0};
	assert_int_equal(parse(&cmd_run, "run --wdir /a --wdir /b --timeout 1m30s x", &l, &a, &e), 0);
	assert_string_equal(args_text(&a, OPT_WDIR), "/b");
	assert_int_equal(args_duration_ms(&a, OPT_TIMEOUT), 90000);
	assert_int_equal(args_count(&a, 'n', 7), 7);
	assert_null(args_text(&a, OPT_OUTPUT));
	assert_false(args_has(&a, OPT_STDIN));
	args_fini(&a);
	assert_int_equal(parse(&cmd_run, "run --stdin x", &l, &a, &e), 0);
	assert_true(args_has(&a, OPT_STDIN));
	assert_null(args_text(&a, OPT_STDIN));
	args_fini(&a);
}

static void wrong_counts_are_refused_in_words(void **state)
{
	expect_error(&cmd_run, "run -n 0 true", "-n must be a number from 1 to 65536, not '0'");
	expect_error(&cmd_run, "run -n -3 true", "-n must be a number from 1 to 65536, not '-3'");
	expect_error(&cmd_run, "run -n 99999999999999999999 true",
	             "-n must be a number from 1 to 65536, not '99999999999999999999'");
	expect_error(&cmd_run, "run -n 2x true", "-n must be a number from 1 to 65536, not '2x'");
	expect_error(&cmd_run, "run --local-nodes 0 x", "--local-nodes must be a number from 1 to 1024, not '0'");
	expect_error(&cmd_run, "run --timeout 0 x",
	             "--timeout must be a time such as 90, 90s, 5m or 1h30m, not '0'");
	expect_error(&cmd_run, "run -x =1 x", "-x must be NAME or NAME=VALUE, not '=1'");
}

static void unknown_options_name_the_nearest_one(void **state)
{
	expect_error(&cmd_run, "run --lable x", "unknown option --lable; did you mean --label?");
	expect_error(&cmd_run, "run --local-node=2 --timout 3 x",
	             "unknown option --timout; did you mean --timeout?");
	expect_error(&cmd_run, "run --zzzzzz x", "unknown option --zzzzzz; see: weft help run");
	expect_error(&cmd_run, "run -Z x", "unknown option -Z; see: weft help run");
	expect_error(&cmd_run, "run -n 2 --label=3 x", "--label takes no value");
}

static void missing_and_surplus_arguments_are_refused_in_words(void **state)
{
	expect_error(&cmd_run, "run -n", "-n needs a value: -n N");
	expect_error(&cmd_run, "run --host", "--host needs a value: --host HOST[:SLOTS][,HOST...]");
	expect_error(&cmd_conf, "conf x", "unexpected argument 'x'; see: weft help conf");
	expect_error(&cmd_kill, "kill", "an argument is missing; usage: weft kill TASK|JOB ...");
}

static void durations_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {{"90", 90000}, {"90s", 90000}, {"5m", 300000},   {"1h30m", 5400000}, {"2d", 172800000},
	             {"0.5", 500},  {".25s", 250},  {"1.5m", 90000},  {"", -1},           {"0", -1},
	             {"-1", -1},    {"5x", -1},     {"30m1h", -1},    {"1m1m", -1},       {"m", -1},
	             {"1e3", -1},   {" 1", -1},     {"nan", -1},      {"inf", -1},        {"99999999d", -1}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ms = -1;
		int rc     = args_parse_duration(cases[i].text, &ms);
		assert_int_equal(rc, cases[i].ms < 0 ? WEFT_EINVAL : 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void signals_are_read_by_name_and_number(void **state)
{
	int signo = 0;
	assert_int_equal(args_parse_signal("15", &signo), 0);
	assert_int_equal(signo, 15);
	assert_int_equal(args_parse_signal("kill", &signo), 0);
	assert_int_equal(signo, 9);
	assert_int_equal(args_parse_signal("SIGUSR1", &signo), 0);
	assert_int_equal(signo, 10);
	assert_int_equal(args_parse_signal("0", &signo), WEFT_EINVAL);
	assert_int_equal(args_parse_signal("65", &signo), WEFT_EINVAL);
	assert_int_equal(args_parse_signal("FOO", &signo), WEFT_EINVAL);
}

/* --- several programs ------------------------------------------------------------------------------ */

static int plan(const char *text, struct line *l, struct plan *p, struct weft_error *e)
{
	struct args a;
	assert_int_equal(parse(&cmd_run, text, l, &a, e), 0);
	int rc = plan_parse(&a, p, e);
	args_fini(&a);
	return rc;
}

static void programs_are_kept_apart_by_colons(void **state)
{
	struct line l;
	struct plan p;
	struct weft_error e = {0};
	assert_int_equal(plan("run -l ./master 7 : -n 8 --wdir /w ./worker a b : true", &l, &p, &e), 0);
	assert_int_equal(p.nprograms, 3);
	assert_int_equal(p.ntasks, 10);
	assert_int_equal(p.programs[0].args.noperands, 2);
	assert_string_equal(p.programs[1].args.operands[0], "./worker");
	assert_int_equal(p.programs[1].args.noperands, 3);
	assert_int_equal(p.programs[2].args.noperands, 1);
	assert_true(plan_has(&p, 'l'));
	assert_string_equal(plan_text(&p, OPT_WDIR), "/w");
	plan_fini(&p);
}

static void a_colon_without_a_program_beside_it_is_refused(void **state)
{
	static const char *const lines[] = {"run true :", "run : true", "run a : -n 2 : b"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct line l;
		struct plan p;
		struct weft_error e = {0};
		assert_int_equal(plan(lines[i], &l, &p, &e), WEFT_EINVAL);
		assert_true(strstr(e.text, "missing") != NULL);
		plan_fini(&p);
	}
}

static void too_many_tasks_in_all_are_refused(void **state)
{
	struct line l;
	struct plan p;
	struct weft_error e = {0};
	assert_int_equal(plan("run -n 65536 a : -n 1 b", &l, &p, &e), WEFT_EINVAL);
	assert_string_equal(e.text, "65537 tasks are too many for one job; at most 65536");
	plan_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(pvms_spellings_have_their_values_glued_to_them),
	        cmocka_unit_test(a_letter_belongs_to_the_dialect),
	        cmocka_unit_test(many_letters_in_one_word_have_room),
	        cmocka_unit_test(options_are_read_in_all_their_spellings),
	        cmocka_unit_test(the_options_end_where_the_program_begins),
	        cmocka_unit_test(the_last_one_of_an_option_counts_and_what_is_not_given_has_its_default),
	        cmocka_unit_test(wrong_counts_are_refused_in_words),
	        cmocka_unit_test(unknown_options_name_the_nearest_one),
	        cmocka_unit_test(missing_and_surplus_arguments_are_refused_in_words),
	        cmocka_unit_test(durations_are_read),
	        cmocka_unit_test(signals_are_read_by_name_and_number),
	        cmocka_unit_test(programs_are_kept_apart_by_colons),
	        cmocka_unit_test(a_colon_without_a_program_beside_it_is_refused),
	        cmocka_unit_test(too_many_tasks_in_all_are_refused),
	};
	return cmocka_run_group_tests_name("console/args", tests, NULL, NULL);
}
