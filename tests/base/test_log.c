#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/base/test.h"

/* A packet pipe: each write is one read. */
static int ends[2];

static int open_pipe(void **state)
{
	return pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC);
}

static int close_pipe(void **state)
{
	close(ends[0]);
	close(ends[1]);
	return 0;
}

/* The one line that was written, or "" when none was. */
static const char *line(void)
{
	static char text[8192];
	ssize_t n = read(ends[0], text, sizeof text - 1);
	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void a_line_has_time_level_tag_id_and_text(void **state)
{
	weft__log_open(ends[1], WEFT__LOG_INFO, "weftd n1");
	weft__log(WEFT__LOG_WARN, "WEFT-NODE-LOST", "node=%d silent_ms=%d", 3, 4012);
	const char *text = line();
	int year, month, day, hour, minute, second, ms, length = 0;
	assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour,
	                        &minute, &second, &ms, &length),
	                 7);
	assert_int_equal(length, strlen("2026-01-31T12:00:00.123Z"));
	assert_string_equal(text + length, " warn weftd n1 WEFT-NODE-LOST node=3 silent_ms=4012\n");
}

static void without_a_tag_nothing_stands_in_its_place(void **state)
{
	weft__log_open(ends[1], WEFT__LOG_DEBUG, NULL);
	weft__log(WEFT__LOG_ERROR, "WEFT-X", "a=1");
	assert_string_equal(strchr(line(), ' '), " error WEFT-X a=1\n");
}

static void lines_below_the_level_are_left_out(void **state)
{
	weft__log_open(ends[1], WEFT__LOG_WARN, "x");
	weft__log(WEFT__LOG_DEBUG, "WEFT-X", "a");
	weft__log(WEFT__LOG_INFO, "WEFT-X", "b");
	assert_string_equal(line(), "");
	weft__log(WEFT__LOG_WARN, "WEFT-X", "c");
	assert_non_null(strstr(line(), " warn x WEFT-X c\n"));
}

static void what_a_peer_sent_cannot_make_a_second_line(void **state)
{
	weft__log_open(ends[1], WEFT__LOG_INFO, "x");
	weft__log(WEFT__LOG_INFO, "WEFT-X", "name=%s", "a\nb\033[2Jc\177");
	assert_non_null(strstr(line(), "name=a?b?[2Jc?\n"));
}

static void a_long_line_is_cut_and_says_so(void **state)
{
	weft__log_open(ends[1], WEFT__LOG_INFO, "x");
	weft__log(WEFT__LOG_INFO, "WEFT-X", "%010000d", 1);
	const char *text = line();
	size_t n = strlen(text);
	assert_true(n > 1000 && n <= 4096);
	assert_string_equal(text + n - 4, "...\n");
	assert_string_equal(line(), "");
}

static void a_log_that_cannot_be_written_stops_nobody(void **state)
{
	weft__log_open(-1, WEFT__LOG_INFO, "x");
	errno = ENOENT;
	weft__log(WEFT__LOG_ERROR, "WEFT-X", "lost");
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_line_has_time_level_tag_id_and_text),
	        cmocka_unit_test(without_a_tag_nothing_stands_in_its_place),
	        cmocka_unit_test(lines_below_the_level_are_left_out),
	        cmocka_unit_test(what_a_peer_sent_cannot_make_a_second_line),
	        cmocka_unit_test(a_long_line_is_cut_and_says_so),
	        cmocka_unit_test(a_log_that_cannot_be_written_stops_nobody),
	};
	return cmocka_run_group_tests_name("log", tests, open_pipe, close_pipe);
}
