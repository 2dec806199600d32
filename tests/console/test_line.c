/* test_line.c - the console's lines: their words, and what completes them. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "console/aliases.h"
#include "console/line.h"
#include "console/lines.h"
#include "tests/base/test.h"

static void expect_words(const char *text, size_t n, const char *const *words)
{
	struct line l;
	assert_int_equal(line_split(text, &l), 0);
	assert_int_equal(l.nwords, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(l.words[i], words[i]);
	assert_null(l.words[n]);
	line_fini(&l);
}

static void words_are_taken_apart_as_by_a_shell(void **state)
{
	expect_words("", 0, NULL);
	expect_words("  \t\n", 0, NULL);
	expect_words("run -n 2 true\n", 4, (const char *[]){"run", "-n", "2", "true"});
	expect_words("sh -c 'exit $X' \"a b\"", 4, (const char *[]){"sh", "-c", "exit $X", "a b"});
	expect_words("a\\ b 'c'd\"e\" ''", 3, (const char *[]){"a b", "cde", ""});
	expect_words("conf # the nodes", 1, (const char *[]){"conf"});
	expect_words("# nothing", 0, NULL);
	expect_words("open 'quote", 2, (const char *[]){"open", "quote"});
	expect_words("\"a\\\"b\"", 1, (const char *[]){"a\"b"});
}

static void an_open_quote_is_known(void **state)
{
	static const struct {
		const char *text;
		char quote;
	} lines[] = {{"echo 'one", '\''}, {"echo \"one", '"'}, {"echo 'one'", 0}, {"echo don\\'t", 0}, {"echo \"it's\"", 0}};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct line l;
		assert_int_equal(line_split(lines[i].text, &l), 0);
		assert_int_equal(l.quote, lines[i].quote);
		line_fini(&l);
	}
}

static void an_alias_stands_for_the_first_words_of_a_command(void **state)
{
	static char *const words[] = {(char *)"ps", (char *)"-l"}, *const itself[] = {(char *)"ll", (char *)"-a"};
	struct aliases a;
	struct line l;
	struct weft_error e;
	aliases_init(&a);
	assert_int_equal(aliases_put(&a, "ll", words, 2, &e), 0);
	assert_int_equal(aliases_put(&a, "ps", itself, 2, &e), 0); /* one of the other: each is used once */
	assert_int_equal(line_split("ll x", &l), 0);
	assert_int_equal(aliases_expand(&a, &l), 0);
	assert_int_equal(l.nwords, 4);
	assert_string_equal(l.words[0], "ll");
	assert_string_equal(l.words[1], "-a");
	assert_string_equal(l.words[2], "-l");
	assert_string_equal(l.words[3], "x");
	line_fini(&l);
	assert_true(aliases_remove(&a, "ll"));
	assert_false(aliases_remove(&a, "ll"));
	assert_int_equal(aliases_put(&a, "", words, 2, &e), WEFT_EINVAL);
	aliases_fini(&a);
}

/* What is written comes back in these commands; "!" is one that was left out. */
static void expect_commands(const char *bytes, size_t nbytes, const char *const *wanted)
{
	struct lines l;
	struct weft_error e;
	const char *text = "";
	int fds[2], rc;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], bytes, nbytes), (ssize_t)nbytes);
	close(fds[1]);
	lines_init(&l, fds[0]);
	for (;;) {
		rc = lines_next(&l, &text, &e);
		if (rc == WEFT_EAGAIN) {
			assert_int_equal(lines_fill(&l, &e), 0);
			continue;
		}
		if (rc == 0 && !text)
			break;
		assert_non_null(*wanted);
		assert_string_equal(rc ? "!" : text, *wanted++);
	}
	assert_null(*wanted);
	lines_fini(&l);
	close(fds[0]);
}

static void commands_are_lines_that_may_go_on(void **state)
{
	expect_commands("", 0, (const char *[]){NULL});
	expect_commands("a\nb\n", 4, (const char *[]){"a", "b", NULL});
	expect_commands("a\nb", 3, (const char *[]){"a", "b", NULL});
	expect_commands("a \\\n b\nc\n", 9, (const char *[]){"a    b", "c", NULL});
	expect_commands("a\\\\\nb\n", 6, (const char *[]){"a\\\\", "b", NULL});
	expect_commands("a\\", 2, (const char *[]){"a\\", NULL});
	expect_commands("a\0b\nc\n", 6, (const char *[]){"!", "c", NULL});
}

static void the_word_at_hand_is_known(void **state)
{
	struct line l;
	assert_int_equal(line_split("kill t2", &l), 0);
	assert_true(l.open_word);
	assert_int_equal(l.word_at, 5);
	line_fini(&l);
	assert_int_equal(line_split("kill ", &l), 0);
	assert_false(l.open_word);
	assert_int_equal(l.word_at, 5);
	line_fini(&l);
}

static const struct line_live live = {
        .hosts = (const char *[]){"alpha", "beta", "local2", NULL},
        .tasks = (const char *[]){"t20001", "t20002", "t40001", NULL},
        .jobs  = (const char *[]){"1", "12", NULL},
};

/* The candidates, with a blank after each. */
static void expect_candidates(const char *text, const char *expected)
{
	struct line l;
	char all[4096] = "";
	assert_int_equal(line_split(text, &l), 0);
	char **candidates = line_candidates(&l, &live);
	assert_non_null(candidates);
	for (char **p = candidates; *p; p++) {
		strcat(strcat(all, *p), " ");
		weft__free(*p);
	}
	weft__free(candidates);
	line_fini(&l);
	assert_string_equal(all, expected);
}

static void commands_options_and_ids_complete(void **state)
{
	expect_candidates("do", "doctor ");
	expect_candidates("h", "halt help ");
	expect_candidates("kill t2", "t20001 t20002 ");
	expect_candidates("kill t4", "t40001 ");
	expect_candidates("kill ", "1 12 t20001 t20002 t40001 ");
	expect_candidates("delete b", "beta ");
	expect_candidates("run --ho", "--host --hostfile ");
	expect_candidates("run --host l", "local2 ");
	expect_candidates("run -n 2 --host a", "alpha ");
	expect_candidates("sig US", "USR1 USR2 ");
	expect_candidates("sig USR1 t4", "t40001 ");
	expect_candidates("logs ", "1 12 ");
	expect_candidates("help ver", "version ");
	expect_candidates("nonsense t", "");
	expect_candidates("conf x", "");
}

static void a_programs_arguments_complete_to_files(void **state)
{
	assert_int_equal(chdir(getenv("WEFT_SRCDIR")), 0);
	expect_candidates("run -n 2 cat READ", "README.md ");
	expect_candidates("run cat tests/consol", "tests/console/ ");
	expect_candidates("run -n 2 a : --ho", "--host --hostfile ");
}

static void the_common_beginning_is_found(void **state)
{
	char *none[] = {NULL}, *one[] = {(char *)"run", NULL},
	     *some[] = {(char *)"t20001", (char *)"t20002", (char *)"t2", NULL};
	assert_int_equal(line_common(none), 0);
	assert_int_equal(line_common(one), 3);
	assert_int_equal(line_common(some), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(words_are_taken_apart_as_by_a_shell),
	        cmocka_unit_test(an_open_quote_is_known),
	        cmocka_unit_test(an_alias_stands_for_the_first_words_of_a_command),
	        cmocka_unit_test(commands_are_lines_that_may_go_on),
	        cmocka_unit_test(the_word_at_hand_is_known),
	        cmocka_unit_test(commands_options_and_ids_complete),
	        cmocka_unit_test(a_programs_arguments_complete_to_files),
	        cmocka_unit_test(the_common_beginning_is_found),
	};
	return cmocka_run_group_tests_name("console/line", tests, NULL, NULL);
}
