/* The journal's form: what is torn is cut, what is damaged is refused, nothing wrong is ever read. */
#include "config.h"

#include "coord/journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

enum { RECORDS = 6 };

static const char *const bodies[RECORDS] = {"a", "second record", "", "the fourth, somewhat longer than the others", "5", "last"};

/* A journal of all bodies (the empty one is left out); ends[i] is where the i-th record ends. */
static void make(struct weft__buf *b, size_t ends[RECORDS + 1], size_t *n)
{
	*n = 0;
	assert_int_equal(journal_append_head(b), 0);
	ends[0] = b->len;
	for (size_t i = 0; i < RECORDS; i++)
		if (*bodies[i]) {
			assert_int_equal(journal_append(b, bodies[i], strlen(bodies[i])), 0);
			ends[++*n] = b->len;
		}
}

/* Reads as far as it goes; every body must be the one that was written. */
static int read_all(const uint8_t *bytes, size_t nbytes, size_t *at, size_t *count, struct weft_error *e)
{
	const uint8_t *body;
	size_t n, i = 0;
	int rc;
	*at = *count = 0;
	while ((rc = journal_next(bytes, nbytes, at, &body, &n, e)) > 0) {
		while (!*bodies[i])
			i++;
		assert_int_equal(n, strlen(bodies[i]));
		assert_memory_equal(body, bodies[i], n);
		i++;
		++*count;
	}
	return rc;
}

static void what_was_written_is_read(void **state)
{
	struct weft__buf b = {0};
	size_t ends[RECORDS + 1], n, at, count;
	struct weft_error e;
	make(&b, ends, &n);
	assert_int_equal(read_all(b.data, b.len, &at, &count, &e), 0);
	assert_int_equal(count, n);
	assert_int_equal(at, b.len);
	weft__buf_fini(&b);
}

static void a_journal_that_is_torn_at_any_byte_is_read_up_to_there(void **state)
{
	struct weft__buf b = {0};
	size_t ends[RECORDS + 1], n, at, count;
	struct weft_error e;
	make(&b, ends, &n);
	for (size_t cut = 0; cut <= b.len; cut++) {
		size_t whole = 0;
		while (whole < n && ends[whole + 1] <= cut)
			whole++;
		assert_int_equal(read_all(b.data, cut, &at, &count, &e), 0);
		assert_int_equal(count, whole);
		assert_int_equal(at, cut < JOURNAL_HEAD ? 0 : ends[whole]);
	}
	weft__buf_fini(&b);
}

static void a_journal_with_any_bit_flipped_is_refused(void **state)
{
	struct weft__buf b = {0};
	size_t ends[RECORDS + 1], n, at, count;
	make(&b, ends, &n);
	for (size_t i = 0; i < b.len * 8; i++) {
		struct weft_error e = {0};
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
		int rc = read_all(b.data, b.len, &at, &count, &e);
		assert_true(rc == WEFT_EPROTO || rc == WEFT_EVERSION);
		assert_true(*e.text != '\0');
		b.data[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	weft__buf_fini(&b);
}

static void another_version_is_named(void **state)
{
	uint8_t head[JOURNAL_HEAD] = {'W', 'E', 'F', 'T', 'J', JOURNAL_VERSION + 1, 0, 0};
	const uint8_t *body;
	size_t at = 0, n;
	struct weft_error e;
	assert_int_equal(journal_next(head, sizeof head, &at, &body, &n, &e), WEFT_EVERSION);
	assert_non_null(strstr(e.text, "version 2"));
}

static void a_file_of_something_else_is_refused(void **state)
{
	static const uint8_t text[] = "#!/bin/sh\nexit 1\n", zeros[64] = {0};
	const uint8_t *body;
	size_t at = 0, n;
	assert_int_equal(journal_next(text, sizeof text, &at, &body, &n, NULL), WEFT_EPROTO);
	at = 0;
	assert_int_equal(journal_next(zeros, sizeof zeros, &at, &body, &n, NULL), WEFT_EPROTO);
}

static void zeros_after_the_records_are_damage(void **state)
{
	struct weft__buf b = {0};
	static const uint8_t zeros[64];
	size_t ends[RECORDS + 1], n, at, count;
	struct weft_error e;
	make(&b, ends, &n);
	weft__buf_append(&b, zeros, sizeof zeros);
	assert_int_equal(read_all(b.data, b.len, &at, &count, &e), WEFT_EPROTO);
	weft__buf_fini(&b);
}

static void random_bytes_never_give_a_record(void **state)
{
	struct weft__rng rng;
	uint8_t bytes[256];
	const uint8_t *body;
	weft__rng_init(&rng, 3);
	for (int round = 0; round < 20000; round++) {
		size_t at = JOURNAL_HEAD, n, len = JOURNAL_HEAD + weft__rng_below(&rng, sizeof bytes - JOURNAL_HEAD);
		for (size_t i = 0; i < len; i++)
			bytes[i] = (uint8_t)weft__rng_next(&rng);
		assert_true(journal_next(bytes, len, &at, &body, &n, NULL) <= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_written_is_read),
	        cmocka_unit_test(a_journal_that_is_torn_at_any_byte_is_read_up_to_there),
	        cmocka_unit_test(a_journal_with_any_bit_flipped_is_refused),
	        cmocka_unit_test(another_version_is_named),
	        cmocka_unit_test(a_file_of_something_else_is_refused),
	        cmocka_unit_test(zeros_after_the_records_are_damage),
	        cmocka_unit_test(random_bytes_never_give_a_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
