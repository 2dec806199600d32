#include "config.h"

#include "base/list.h"
#include "tests/base/test.h"

struct item {
	int n;
	struct weft__list link;
};

static int pop(struct weft__list *head)
{
	return WEFT__CONTAINER(weft__list_pop(head), struct item, link)->n;
}

static void items_leave_in_the_order_they_came(void **state)
{
	struct weft__list head;
	struct item items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
	weft__list_init(&head);
	assert_true(weft__list_empty(&head));
	for (int i = 0; i < 3; i++)
		weft__list_push(&head, &items[i].link);
	assert_false(weft__list_empty(&head));
	for (int i = 1; i <= 3; i++)
		assert_int_equal(pop(&head), i);
	assert_true(weft__list_empty(&head));
	assert_null(weft__list_pop(&head));
}

static void an_item_can_leave_from_the_middle(void **state)
{
	struct weft__list head;
	struct item items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
	weft__list_init(&head);
	for (int i = 0; i < 3; i++)
		weft__list_push(&head, &items[i].link);
	weft__list_remove(&items[1].link);
	assert_int_equal(pop(&head), 1);
	assert_int_equal(pop(&head), 3);
}

static void an_unlinked_item_can_be_removed_again_and_pushed_again(void **state)
{
	struct weft__list head;
	struct item item = {.n = 7};
	weft__list_init(&head);
	weft__list_init(&item.link);
	weft__list_remove(&item.link);
	weft__list_push(&head, &item.link);
	weft__list_remove(&item.link);
	weft__list_remove(&item.link);
	assert_true(weft__list_empty(&head));
	weft__list_push(&head, &item.link);
	assert_int_equal(pop(&head), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(items_leave_in_the_order_they_came),
	        cmocka_unit_test(an_item_can_leave_from_the_middle),
	        cmocka_unit_test(an_unlinked_item_can_be_removed_again_and_pushed_again),
	};
	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
