/* Output across daemons that crash: what comes twice or too early, and what is acknowledged. */
#include "config.h"

#include "proto/output.h"
#include "tests/base/test.h"

enum { JOB = 7, NODE = 3 };

static struct weft__output_span bytes(uint64_t offset, size_t nbytes)
{
	static const uint8_t some[64];
	struct weft__msg m = {.code   = WEFT__MSG_OUTPUT,
	                      .output = {.job = JOB, .node = NODE, .offset = offset, .bytes = {some, nbytes}}};
	struct weft__output_span s;
	assert_true(weft__output_span(&m, &s));
	return s;
}

static struct weft__output_span end(uint64_t node, uint64_t offset)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_END, .output_end = {.job = JOB, .node = node, .offset = offset}};
	struct weft__output_span s;
	assert_true(weft__output_span(&m, &s));
	return s;
}

static void comes(struct weft__output_counts *c, struct weft__output_span s, enum weft__output_turn turn)
{
	assert_int_equal(weft__output_came(c, &s), turn);
}

static void each_piece_is_taken_once_and_in_order(void **state)
{
	struct weft__output_counts c = {0};
	comes(&c, bytes(0, 10), WEFT__OUTPUT_NEXT);
	comes(&c, bytes(10, 5), WEFT__OUTPUT_NEXT);
	comes(&c, bytes(0, 10), WEFT__OUTPUT_TWICE);
	comes(&c, bytes(20, 5), WEFT__OUTPUT_EARLY);
	comes(&c, end(NODE, 25), WEFT__OUTPUT_EARLY);
	comes(&c, bytes(15, 5), WEFT__OUTPUT_NEXT);
	comes(&c, bytes(20, 5), WEFT__OUTPUT_NEXT);
	comes(&c, end(NODE, 25), WEFT__OUTPUT_NEXT);
	comes(&c, end(NODE, 25), WEFT__OUTPUT_TWICE);
	comes(&c, bytes(26, 1), WEFT__OUTPUT_NEXT); /* an end counts 1 */
	weft__output_counts_fini(&c);
}

static void task_vms_do_not_count_for_each_other(void **state)
{
	struct weft__output_counts c = {0};
	struct weft__output_span other_node = bytes(0, 4), other_job = bytes(0, 4), other_sink = bytes(0, 4);
	other_node.node = NODE + 1;
	other_job.job = JOB + 1;
	other_sink.sink = WEFT__SINK_MAX;
	comes(&c, bytes(0, 4), WEFT__OUTPUT_NEXT);
	comes(&c, other_node, WEFT__OUTPUT_NEXT);
	comes(&c, other_job, WEFT__OUTPUT_NEXT);
	comes(&c, other_sink, WEFT__OUTPUT_NEXT);
	weft__output_counts_fini(&c);
}

static void an_end_that_a_node_says_has_no_place_in_the_order(void **state)
{
	struct weft__output_counts c = {0};
	comes(&c, end(0, 0), WEFT__OUTPUT_NEXT);
	comes(&c, bytes(0, 4), WEFT__OUTPUT_NEXT);
	comes(&c, end(0, 0), WEFT__OUTPUT_NEXT);
	comes(&c, bytes(4, 4), WEFT__OUTPUT_NEXT);
	weft__output_counts_fini(&c);
}

static void a_key_says_whose_it_is(void **state)
{
	struct weft__output_span s = {.job = UINT32_MAX, .node = WEFT__NODE_MAX - 1, .sink = WEFT__SINK_MAX - 2};
	struct weft__output_span back = weft__output_of_key(weft__output_key(&s));
	assert_true(back.job == s.job && back.node == s.node && back.sink == s.sink);
}

static void an_acknowledgement_says_how_much_in_all(void **state)
{
	struct weft__output_counts c = {0};
	struct weft__output_span s = bytes(0, 10);
	assert_int_equal(weft__output_taken(&c, &s, 10).output_ack.offset, 10);
	assert_int_equal(weft__output_taken(&c, &s, 0).output_ack.offset, 10);
	struct weft__msg m = weft__output_taken(&c, &s, 3);
	assert_int_equal(m.code, WEFT__MSG_OUTPUT_ACK);
	assert_int_equal(m.output_ack.job, JOB);
	assert_int_equal(m.output_ack.node, NODE);
	assert_int_equal(m.output_ack.offset, 13);
	weft__output_counts_fini(&c);
}

static void an_offset_beyond_all_bounds_is_early(void **state)
{
	struct weft__output_counts c = {0};
	struct weft__output_span s = bytes(UINT64_MAX, 10);
	assert_true(s.to == UINT64_MAX);
	comes(&c, s, WEFT__OUTPUT_EARLY);
	weft__output_counts_fini(&c);
}

static void other_messages_are_no_output(void **state)
{
	struct weft__msg m = {.code = WEFT__MSG_OUTPUT_ACK};
	struct weft__output_span s;
	assert_false(weft__output_span(&m, &s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_piece_is_taken_once_and_in_order),
	        cmocka_unit_test(task_vms_do_not_count_for_each_other),
	        cmocka_unit_test(an_end_that_a_node_says_has_no_place_in_the_order),
	        cmocka_unit_test(a_key_says_whose_it_is),
	        cmocka_unit_test(an_acknowledgement_says_how_much_in_all),
	        cmocka_unit_test(an_offset_beyond_all_bounds_is_early),
	        cmocka_unit_test(other_messages_are_no_output),
	};
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
