/* test_mux.c - whole lines come out, whatever the pieces in which they went in; against a model. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rng.h"
#include "console/mux.h"
#include "tests/base/test.h"

/* What came out of a device. */
struct seen {
	struct weft__buf bytes;
	size_t nstream[3];
};

static void take(void *arg, unsigned stream, const void *bytes, size_t nbytes)
{
	struct seen *seen = arg;
	assert_true(stream == 1 || stream == 2);
	seen->nstream[stream] += nbytes;
	assert_int_equal(weft__buf_append(&seen->bytes, bytes, nbytes), 0);
}

static void expect(struct seen *seen, const char *text)
{
	assert_int_equal(weft__buf_append(&seen->bytes, "", 1), 0);
	assert_string_equal((const char *)seen->bytes.data, text);
	seen->bytes.len = 0;
}

static void push(struct mux *m, uint64_t tid, unsigned stream, struct mux_device *d, const char *label,
                 const char *text)
{
	assert_int_equal(mux_push(m, tid, stream, d, label, text, strlen(text)), 0);
}

static void a_line_waits_for_its_end(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	mux_init(&m, take);
	mux_device_init(&d, &seen);
	push(&m, 1, 1, &d, "", "part1 ");
	push(&m, 2, 1, &d, "", "other\n");
	expect(&seen, "other\n");
	push(&m, 1, 1, &d, "", "part2\n");
	expect(&seen, "part1 part2\n");
	assert_int_equal(m.held, 0);
	mux_end(&m, 1);
	mux_end(&m, 2);
	expect(&seen, "");
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void a_label_stands_at_the_start_of_each_line_and_nowhere_else(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	mux_init(&m, take);
	mux_device_init(&d, &seen);
	push(&m, 1, 1, &d, "[0] ", "a");
	push(&m, 1, 1, &d, "[0] ", "b\n\nc");
	push(&m, 1, 1, &d, "[0] ", "\nd\n");
	expect(&seen, "[0] ab\n[0] \n[0] c\n[0] d\n");
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void the_streams_of_a_task_do_not_mix(void **state)
{
	struct seen out = {0}, err = {0};
	struct mux m;
	struct mux_device d[2];
	mux_init(&m, take);
	mux_device_init(&d[0], &out);
	mux_device_init(&d[1], &err);
	push(&m, 1, 1, &d[0], "", "o");
	push(&m, 1, 2, &d[1], "", "e");
	push(&m, 1, 1, &d[0], "", "ut\n");
	push(&m, 1, 2, &d[1], "", "rr\n");
	expect(&out, "out\n");
	expect(&err, "err\n");
	assert_int_equal(out.nstream[2], 0);
	assert_int_equal(err.nstream[1], 0);
	mux_fini(&m);
	weft__buf_fini(&out.bytes);
	weft__buf_fini(&err.bytes);
}

static void a_last_line_without_end_comes_out_unchanged(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	mux_init(&m, take);
	mux_device_init(&d, &seen);
	push(&m, 1, 1, &d, "", "one\ntwo");
	mux_end(&m, 1);
	expect(&seen, "one\ntwo");
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void what_follows_a_line_without_end_starts_a_line(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	mux_init(&m, take);
	mux_device_init(&d, &seen);
	push(&m, 1, 1, &d, "", "one");
	push(&m, 2, 1, &d, "", "two");
	mux_end(&m, 1);
	mux_end(&m, 2);
	expect(&seen, "one\ntwo");
	mux_break(&m, &d);
	mux_break(&m, &d);
	expect(&seen, "\n");
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void others_wait_while_a_long_line_is_written_in_parts(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	mux_init(&m, take);
	m.line_max = 8;
	mux_device_init(&d, &seen);
	push(&m, 1, 1, &d, "[0] ", "123456789");
	expect(&seen, "[0] 123456789");
	push(&m, 2, 1, &d, "[1] ", "two\nthr");
	push(&m, 3, 1, &d, "[2] ", "four\n");
	mux_end(&m, 2); /* it ends while it waits */
	push(&m, 1, 1, &d, "[0] ", "abc");
	expect(&seen, "abc");
	push(&m, 1, 1, &d, "[0] ", "def\nx\ny");
	expect(&seen, "def\n[1] two\n[1] thr\n[2] four\n[0] x\n");
	assert_int_equal(m.held, 1);
	mux_end(&m, 1);
	expect(&seen, "[0] y");
	mux_end(&m, 3);
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void an_endless_line_is_cut_when_too_much_waits_for_it(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	mux_init(&m, take);
	m.line_max = 8;
	m.held_max = 16;
	mux_device_init(&d, &seen);
	push(&m, 1, 1, &d, "[0] ", "endless.1");
	push(&m, 2, 1, &d, "[1] ", "waits\n");
	push(&m, 1, 1, &d, "[0] ", "endless.2");
	expect(&seen, "[0] endless.1endless.2");
	push(&m, 2, 1, &d, "[1] ", "and waits\nand");
	expect(&seen, "\n[1] waits\n[1] and waits\n");
	push(&m, 1, 1, &d, "[0] ", "goes on\n");
	expect(&seen, "[0] goes on\n");
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void memory_stays_bounded_however_many_tasks_leave_lines_open(void **state)
{
	struct seen seen = {0};
	struct mux m;
	struct mux_device d;
	char piece[100];
	memset(piece, 'x', sizeof piece);
	mux_init(&m, take);
	m.held_max = 4096;
	mux_device_init(&d, &seen);
	for (uint64_t tid = 1; tid <= 500; tid++) {
		assert_int_equal(mux_push(&m, tid, 1, &d, "", piece, sizeof piece), 0);
		assert_true(m.held <= m.held_max);
	}
	for (uint64_t tid = 1; tid <= 500; tid++)
		mux_end(&m, tid);
	size_t nx = 0;
	for (size_t i = 0; i < seen.bytes.len; i++)
		nx += seen.bytes.data[i] == 'x';
	assert_int_equal(nx, 500 * sizeof piece);
	assert_int_equal(m.held, 0);
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

/* --- against a model ------------------------------------------------------------------------------- */

enum { TASKS = 6, LINES = 40 };

/* A task of the model writes lines "<task>:<number>:xxx…", LINES of them, the last perhaps without end. */
struct writer {
	struct weft__buf text;
	size_t at;
	bool ended;
	unsigned next; /* line that comes out next */
};

static void write_lines(struct weft__rng *rng, unsigned task, struct writer *w)
{
	for (unsigned i = 0; i < LINES; i++) {
		size_t fill = weft__rng_below(rng, 8) ? weft__rng_below(rng, 40) : weft__rng_below(rng, 3000);
		assert_int_equal(weft__buf_printf(&w->text, "%u:%u:", task, i), 0);
		while (fill-- > 0)
			assert_int_equal(weft__buf_append(&w->text, "x", 1), 0);
		if (i + 1 < LINES || weft__rng_below(rng, 2))
			assert_int_equal(weft__buf_append(&w->text, "\n", 1), 0);
	}
}

/* Each line that came out is one that went in, whole, and each task's lines are in order. */
static void check_lines(struct seen *seen, struct writer *writers)
{
	assert_int_equal(weft__buf_append(&seen->bytes, "\n", 2), 0);
	const char *line = (const char *)seen->bytes.data;
	for (; *line; line = strchr(line, '\n') + 1) {
		unsigned rank, task, number;
		int at = 0;
		if (*line == '\n') /* the newline that the check put at the end */
			continue;
		assert_int_equal(sscanf(line, "[%u] %u:%u:%n", &rank, &task, &number, &at), 3);
		assert_int_equal(rank, task);
		assert_true(task < TASKS);
		assert_int_equal(number, writers[task].next++);
		assert_int_equal(strspn(line + at, "x"), strcspn(line + at, "\n"));
	}
	for (unsigned t = 0; t < TASKS; t++)
		assert_int_equal(writers[t].next, LINES);
}

static void run_model(uint64_t seed, size_t line_max)
{
	struct weft__rng rng;
	struct writer writers[TASKS] = {0};
	struct seen seen             = {0};
	struct mux m;
	struct mux_device d;
	unsigned left = TASKS;
	weft__rng_init(&rng, seed);
	mux_init(&m, take);
	m.line_max = line_max;
	mux_device_init(&d, &seen);
	for (unsigned t = 0; t < TASKS; t++)
		write_lines(&rng, t, &writers[t]);
	while (left > 0) {
		unsigned t       = (unsigned)weft__rng_below(&rng, TASKS);
		struct writer *w = &writers[t];
		char label[16];
		size_t n = weft__rng_below(&rng, 600);
		if (w->ended)
			continue;
		if (n > w->text.len - w->at)
			n = w->text.len - w->at;
		snprintf(label, sizeof label, "[%u] ", t);
		/* Both streams go to one device, as to a terminal. */
		assert_int_equal(mux_push(&m, t + 1, 1 + t % 2, &d, label, w->text.data + w->at, n), 0);
		w->at += n;
		if (w->at == w->text.len) {
			mux_end(&m, t + 1);
			w->ended = true;
			left--;
		}
	}
	assert_int_equal(m.held, 0);
	check_lines(&seen, writers);
	for (unsigned t = 0; t < TASKS; t++)
		weft__buf_fini(&writers[t].text);
	mux_fini(&m);
	weft__buf_fini(&seen.bytes);
}

static void any_pieces_of_any_tasks_come_out_as_whole_lines(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		run_model(seed, MUX_LINE_MAX);
		run_model(seed, 100); /* many lines are longer than is kept */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_line_waits_for_its_end),
	        cmocka_unit_test(a_label_stands_at_the_start_of_each_line_and_nowhere_else),
	        cmocka_unit_test(the_streams_of_a_task_do_not_mix),
	        cmocka_unit_test(a_last_line_without_end_comes_out_unchanged),
	        cmocka_unit_test(what_follows_a_line_without_end_starts_a_line),
	        cmocka_unit_test(others_wait_while_a_long_line_is_written_in_parts),
	        cmocka_unit_test(an_endless_line_is_cut_when_too_much_waits_for_it),
	        cmocka_unit_test(memory_stays_bounded_however_many_tasks_leave_lines_open),
	        cmocka_unit_test(any_pieces_of_any_tasks_come_out_as_whole_lines),
	};
	return cmocka_run_group_tests_name("console/mux", tests, NULL, NULL);
}
