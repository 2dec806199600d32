/* The numbered session of proto/session.h: two ends and a link that breaks. */
#include "config.h"

#include "proto/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/heap.h"
#include "base/rng.h"

static void push(struct weft__session *s, uint64_t value)
{
	assert_int_equal(weft__session_push(s, &value, sizeof value), 0);
}

static size_t count_kept(const struct weft__session *s)
{
	size_t n = 0;
	for (struct weft__list *l = s->kept.next; l != &s->kept; l = l->next)
		n++;
	return n;
}

static void a_message_is_kept_until_it_is_confirmed(void **state)
{
	struct weft__session s;
	weft__session_init(&s);
	for (uint64_t i = 1; i <= 5; i++)
		push(&s, i);
	assert_int_equal(s.nbytes, 5 * sizeof(uint64_t));
	assert_int_equal(weft__session_confirm(&s, 3), 0);
	assert_int_equal(count_kept(&s), 2);
	struct weft__unseen *k = WEFT__CONTAINER(s.kept.next, struct weft__unseen, link);
	assert_int_equal(k->number, 4);
	assert_int_equal(s.nbytes, 2 * sizeof(uint64_t));
	assert_int_equal(weft__session_confirm(&s, 5), 0);
	assert_int_equal(count_kept(&s), 0);
	assert_int_equal(weft__session_confirm(&s, 5), 0);
	weft__session_fini(&s);
}

static void a_claim_of_more_than_was_sent_or_less_than_confirmed_is_refused(void **state)
{
	struct weft__session s;
	weft__session_init(&s);
	push(&s, 1);
	push(&s, 2);
	assert_int_equal(weft__session_confirm(&s, 3), WEFT_EPROTO);
	assert_int_equal(weft__session_confirm(&s, UINT64_MAX), WEFT_EPROTO);
	assert_int_equal(weft__session_confirm(&s, 1), 0);
	assert_int_equal(weft__session_confirm(&s, 0), WEFT_EPROTO);
	assert_int_equal(count_kept(&s), 1);
	weft__session_fini(&s);
}

static void a_failed_push_changes_nothing(void **state)
{
	struct weft__session s;
	uint64_t v = 1;
	weft__session_init(&s);
	weft__heap_fail_at(1);
	assert_int_equal(weft__session_push(&s, &v, sizeof v), WEFT_ENOMEM);
	weft__heap_fail_at(0);
	assert_int_equal(s.sent, 0);
	assert_int_equal(s.nbytes, 0);
	weft__session_fini(&s);
}

static void link_openers_heartbeats_and_passed_links_are_not_numbered(void **state)
{
	assert_false(weft__session_numbered(WEFT__MSG_JOIN));
	assert_false(weft__session_numbered(WEFT__MSG_HEARTBEAT));
	assert_false(weft__session_numbered(WEFT__MSG_PASS_LINK));
	assert_true(weft__session_numbered(WEFT__MSG_UP));
	assert_true(weft__session_numbered(WEFT__MSG_HALT));
	assert_true(weft__session_numbered(WEFT__MSG_INVENTORY_END));
}

/* The receiver takes the values in order; a link that breaks loses what is under way. */
static void all_arrives_once_and_in_order_over_a_link_that_breaks(void **state)
{
	struct weft__rng rng;
	struct weft__session from, to;
	weft__rng_init(&rng, 7);
	weft__session_init(&from);
	weft__session_init(&to);
	for (uint64_t round = 0, value = 0; round < 2000; round++) {
		for (uint64_t n = weft__rng_below(&rng, 4); n > 0; n--)
			push(&from, ++value);
		/* the link is new: what the receiver has is confirmed, the rest sent until it breaks */
		assert_int_equal(weft__session_confirm(&from, to.received), 0);
		uint64_t arrive = weft__rng_below(&rng, 5);
		for (struct weft__list *l = from.kept.next; l != &from.kept && arrive > 0; l = l->next, arrive--) {
			uint64_t got;
			memcpy(&got, WEFT__CONTAINER(l, struct weft__unseen, link)->body, sizeof got);
			assert_int_equal(got, ++to.received);
		}
	}
	assert_true(to.received > 1000);
	weft__session_fini(&from);
	weft__session_fini(&to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_is_kept_until_it_is_confirmed),
	        cmocka_unit_test(a_claim_of_more_than_was_sent_or_less_than_confirmed_is_refused),
	        cmocka_unit_test(a_failed_push_changes_nothing),
	        cmocka_unit_test(link_openers_heartbeats_and_passed_links_are_not_numbered),
	        cmocka_unit_test(all_arrives_once_and_in_order_over_a_link_that_breaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
