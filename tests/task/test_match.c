/* Matching against a plain model: two lists, searched from their fronts. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/rng.h"
#include "bindings/c/weft.h"
#include "task/match.h"

enum { NITEMS_MAX = 400, NSTEPS = 40000 };

static bool fits(const struct weft__match_key *asked, const struct weft__match_key *key)
{
	return asked->context == key->context &&
	       (asked->source == WEFT_ANY_TASK.v || asked->source == key->source) &&
	       (asked->tag == WEFT_ANY_TAG || asked->tag == key->tag);
}

/* The model: receives and messages in their order. */
struct model {
	struct weft__posted *posted[NITEMS_MAX];
	struct weft__kept *kept[NITEMS_MAX];
	size_t nposted, nkept;
};

static void forget_posted(struct model *model, size_t i)
{
	free(model->posted[i]);
	memmove(&model->posted[i], &model->posted[i + 1],
	        (--model->nposted - i) * sizeof *model->posted);
}

static void forget_kept(struct model *model, size_t i)
{
	free(model->kept[i]);
	memmove(&model->kept[i], &model->kept[i + 1], (--model->nkept - i) * sizeof *model->kept);
}

static struct weft__match_key random_key(struct weft__rng *rng, bool wild)
{
	static const uint64_t sources[] = {1, 2, 1 + WEFT__MATCH_RECENT}; /* two have one place */
	struct weft__match_key key = {
	        .source = sources[weft__rng_below(rng, 3)],
	        .context = (uint32_t)weft__rng_below(rng, 2),
	        .tag = (int32_t)weft__rng_below(rng, 4),
	};
	if (wild && weft__rng_below(rng, 3) == 0)
		key.source = WEFT_ANY_TASK.v;
	if (wild && weft__rng_below(rng, 3) == 0)
		key.tag = WEFT_ANY_TAG;
	return key;
}

static void step_receive(struct weft__match *m, struct model *model, struct weft__rng *rng)
{
	struct weft__match_key key = random_key(rng, true);
	struct weft__kept *found = weft__match_find(m, &key);
	for (size_t i = 0; i < model->nkept; i++) {
		if (!fits(&key, &model->kept[i]->key))
			continue;
		assert_ptr_equal(found, model->kept[i]);
		weft__match_take(m, found);
		forget_kept(model, i);
		return;
	}
	assert_null(found);
	if (model->nposted == NITEMS_MAX)
		return;
	struct weft__posted *p = calloc(1, sizeof *p);
	p->key = key;
	bool exact = key.source != WEFT_ANY_TASK.v && key.tag != WEFT_ANY_TAG;
	if (!exact || !weft__match_post_recent(m, p))
		assert_int_equal(weft__match_post(m, p), 0);
	model->posted[model->nposted++] = p;
}

static void step_message(struct weft__match *m, struct model *model, struct weft__rng *rng)
{
	struct weft__match_key key = random_key(rng, false);
	struct weft__posted *found = weft__match_arrive(m, &key);
	for (size_t i = 0; i < model->nposted; i++) {
		if (!fits(&model->posted[i]->key, &key))
			continue;
		assert_ptr_equal(found, model->posted[i]);
		if (weft__rng_below(rng, 4) ==
		    0) { /* it broke on the way: the receive is as before */
			assert_int_equal(weft__match_repost(m, found), 0);
			return;
		}
		forget_posted(model, i);
		return;
	}
	assert_null(found);
	if (model->nkept == NITEMS_MAX)
		return;
	struct weft__kept *k = calloc(1, sizeof *k);
	k->key = key;
	weft__match_keep(m, k);
	model->kept[model->nkept++] = k;
}

static void step_take_back(struct weft__match *m, struct model *model, struct weft__rng *rng)
{
	if (model->nposted && weft__rng_below(rng, 2)) {
		size_t i = weft__rng_below(rng, model->nposted);
		weft__match_withdraw(m, model->posted[i]);
		forget_posted(model, i);
	} else if (model->nkept) {
		size_t i = weft__rng_below(rng, model->nkept);
		weft__match_take(m, model->kept[i]);
		if (weft__rng_below(rng, 2))
			weft__match_rekeep(m, model->kept[i]);
		else
			forget_kept(model, i);
	}
}

static void run_model(uint64_t seed, bool with_faults)
{
	struct weft__match m;
	struct model *model = calloc(1, sizeof *model);
	struct weft__rng rng;
	weft__match_init(&m);
	weft__rng_init(&rng, seed);
	for (int i = 0; i < NSTEPS; i++) {
		unsigned what = (unsigned)weft__rng_below(&rng, 16);
		/* Phases in which receives, then messages, pile up. */
		unsigned bias = i / 2000 % 2 ? 5 : 9;
		if (what < 2)
			step_take_back(&m, model, &rng);
		else if (what < bias)
			step_receive(&m, model, &rng);
		else {
			/* An index that can't be made costs time, not the right order. */
			if (with_faults)
				weft__heap_fail_at(1 + weft__rng_below(&rng, 3));
			step_message(&m, model, &rng);
			weft__heap_fail_at(0);
		}
	}
	assert_int_equal(m.nkept, model->nkept);
	while (model->nposted) {
		weft__match_withdraw(&m, model->posted[0]);
		forget_posted(model, 0);
	}
	while (model->nkept) {
		weft__match_take(&m, model->kept[0]);
		forget_kept(model, 0);
	}
	weft__match_fini(&m);
	free(model);
}

static void matching_agrees_with_the_plain_model(void **state)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		run_model(seed, false);
}

static void kept_messages_stay_in_order_without_memory_for_indexes(void **state)
{
	for (uint64_t seed = 11; seed <= 15; seed++)
		run_model(seed, true);
}

static void posted_receives_of_a_source_are_found(void **state)
{
	struct weft__match m;
	struct weft__posted p[3] = {
	        {.key = {7, 1, 5}}, {.key = {8, 1, 5}}, {.key = {8, 2, WEFT_ANY_TAG}}};
	weft__match_init(&m);
	for (int i = 0; i < 3; i++)
		assert_int_equal(weft__match_post(&m, &p[i]), 0);
	for (int i = 0; i < 2; i++) {
		struct weft__posted *found = weft__match_posted_from(&m, 8);
		assert_true(found == &p[1] || found == &p[2]);
		weft__match_withdraw(&m, found);
	}
	assert_null(weft__match_posted_from(&m, 8));
	assert_null(weft__match_posted_from(&m, 9));
	weft__match_withdraw(&m, &p[0]);
	weft__match_fini(&m);
}

static void a_receive_that_can_not_be_posted_leaves_nothing(void **state)
{
	struct weft__match m;
	struct weft__posted p = {.key = {7, 1, 5}};
	weft__match_init(&m);
	for (unsigned long n = 1; n <= 2; n++) {
		weft__heap_fail_at(n);
		assert_int_equal(weft__match_post(&m, &p), WEFT_ENOMEM);
		weft__heap_fail_at(0);
		assert_null(weft__match_arrive(&m, &p.key));
	}
	assert_int_equal(weft__match_post(&m, &p), 0);
	assert_ptr_equal(weft__match_arrive(&m, &p.key), &p);
	weft__match_fini(&m);
}

/* Nanoseconds for one message and its receive, among n others of each kind of key. */
static uint64_t cost_among(int n, bool kept)
{
	enum { ROUNDS = 2000 };
	struct weft__match m;
	struct weft__posted *posted = calloc((size_t)n, sizeof *posted);
	struct weft__kept *messages = calloc((size_t)n, sizeof *messages);
	weft__match_init(&m);
	for (int i = 0; i < n; i++) {
		struct weft__match_key key = {1 + (uint64_t)i % 100, 0, 10 + i / 200};
		messages[i].key = posted[i].key = key;
		if (kept)
			weft__match_keep(&m, &messages[i]);
		else
			assert_int_equal(weft__match_post(&m, &posted[i]), 0);
	}
	uint64_t best = UINT64_MAX;
	struct weft__match_key key = {50, 0, 1}, any_task = {WEFT_ANY_TASK.v, 0, 1};
	for (int round = 0; round < 5; round++) {
		uint64_t start = weft__clock_ns();
		for (int i = 0; i < ROUNDS; i++) {
			struct weft__posted p = {.key = i & 1 ? key : any_task};
			struct weft__kept k = {.key = key};
			assert_null(weft__match_find(&m, &p.key));
			assert_int_equal(weft__match_post(&m, &p), 0);
			assert_ptr_equal(weft__match_arrive(&m, &key), &p);
			weft__match_keep(&m, &k);
			assert_ptr_equal(weft__match_find(&m, &p.key), &k);
			weft__match_take(&m, &k);
		}
		uint64_t took = (weft__clock_ns() - start) / ROUNDS;
		best = took < best ? took : best;
	}
	weft__match_fini(&m);
	free(posted);
	free(messages);
	return best;
}

static void ten_thousand_others_cost_about_as_ten(void **state)
{
	for (int kept = 0; kept < 2; kept++) {
		uint64_t few = cost_among(10, kept), many = cost_among(10000, kept);
		print_message("# %s: %llu ns among 10, %llu ns among 10,000\n",
		              kept ? "kept" : "posted", (unsigned long long)few,
		              (unsigned long long)many);
		assert_in_range(many, 0,
		                20 * few + 1000); /* a walk would take a thousand times as long */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(matching_agrees_with_the_plain_model),
	        cmocka_unit_test(kept_messages_stay_in_order_without_memory_for_indexes),
	        cmocka_unit_test(posted_receives_of_a_source_are_found),
	        cmocka_unit_test(a_receive_that_can_not_be_posted_leaves_nothing),
	        cmocka_unit_test(ten_thousand_others_cost_about_as_ten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
