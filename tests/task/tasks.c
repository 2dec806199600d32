#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/ids.h"
#include "task/state.h"
#include "tests/task/tasks.h"

const char *const wire_names[NWIRES] = {"inproc", "stream, ahead", "stream", "shm"};

const struct weft__settings small = {
        .eager_max = 1000, .segment_bytes = 5000, .credit_bytes = 16 << 10, .spin_ns = 10000};

void wire_open(enum wire wire, const int doorbells[2], struct weft__channel *ends[2])
{
	int fds[2];
	if (wire == INPROC) {
		assert_int_equal(weft__inproc_open(doorbells, ends), 0);
	} else if (wire == STREAM || wire == STREAM_AHEAD) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
		for (int i = 0; i < 2; i++)
			assert_int_equal(weft__stream_open(&fds[i], &ends[i]), 0);
	} else {
		assert_int_equal(weft__shm_create(&fds[0]), 0);
		fds[1] = dup(fds[0]);
		for (int i = 0; i < 2; i++) {
			int bell = dup(doorbells[!i]);
			assert_int_equal(weft__shm_open(&fds[i], &bell, i, &ends[i]), 0);
		}
	}
}

void tasks_open(struct tasks *t, int n, enum wire wire, const struct weft__settings *settings)
{
	struct weft__settings ahead;
	if (wire == STREAM_AHEAD && settings) {
		ahead = *settings;
		ahead.ahead_bytes = 2 * ahead.eager_max;
		settings = &ahead;
	}
	*t = (struct tasks){.n = n};
	for (int i = 0; i < n; i++)
		t->tid[i] = weft__tid_make(1, (uint32_t)i + 1, 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(
		        weft__engine_create(&t->e[i], t->tid, (uint32_t)n, (uint32_t)i, settings),
		        0);
	for (int a = 0; a < n; a++) {
		for (int b = a + 1; b < n; b++) {
			int bells[2] = {weft__engine_doorbell(t->e[a]),
			                weft__engine_doorbell(t->e[b])};
			struct weft__channel *ends[2];
			wire_open(wire, bells, ends);
			assert_int_equal(weft__engine_plug(t->e[a], t->tid[b], &ends[0]), 0);
			assert_int_equal(weft__engine_plug(t->e[b], t->tid[a], &ends[1]), 0);
		}
	}
}

static void tell(struct tasks *t, int who)
{
	for (int i = 0; i < t->n; i++)
		if (t->e[i])
			weft__engine_unplug(t->e[i], t->tid[who], false);
}

void tasks_leave(struct tasks *t, int who)
{
	weft__leave(&t->e[who]);
	tell(t, who);
}

void tasks_kill(struct tasks *t, int who)
{
	weft__engine_destroy(&t->e[who]);
	tell(t, who);
}

void tasks_close(struct tasks *t)
{
	for (int i = 0; i < t->n; i++)
		if (t->e[i])
			weft__leave(&t->e[i]);
}

void tasks_progress(struct tasks *t)
{
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < t->n; i++)
			if (t->e[i])
				weft__progress(t->e[i]);
}

int tasks_finish(struct tasks *t, int who, weft_request_t *r, weft_status_t *status)
{
	uint64_t deadline = weft__deadline(10000);
	for (;;) {
		int rc = weft__test(t->e[who], r, status);
		if (rc != WEFT_EAGAIN)
			return rc;
		if (weft__clock_ns() > deadline)
			fail_msg("a request of task %d does not end", who);
		for (int i = 0; i < t->n; i++)
			if (t->e[i])
				weft__progress(t->e[i]);
	}
}

void fill(void *bytes, size_t n, unsigned seed)
{
	unsigned char *p = bytes;
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(i * 7 + i / 251 + seed);
}

int is_filled(const void *bytes, size_t n, unsigned seed)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i++)
		if (p[i] != (unsigned char)(i * 7 + i / 251 + seed))
			return 0;
	return 1;
}

static enum wire *present;

static int next_wire(void **state)
{
	*present = (enum wire)(uintptr_t)*state;
	return 0;
}

int tasks_run(const struct CMUnitTest *each, int n, enum wire first, enum wire *wire)
{
	enum { TESTS_MAX = 160 };
	static struct CMUnitTest tests[TESTS_MAX];
	static char names[TESTS_MAX][120];
	int ntests = 0;
	present = wire;
	for (enum wire w = first; w < NWIRES; w++) {
		for (int i = 0; i < n; i++, ntests++) {
			assert_true(ntests < TESTS_MAX);
			snprintf(names[ntests], sizeof names[ntests], "%s over %s", each[i].name, wire_names[w]);
			tests[ntests] = each[i];
			tests[ntests].name = names[ntests];
			tests[ntests].setup_func = next_wire;
			tests[ntests].initial_state = (void *)(uintptr_t)w;
		}
	}
	return cmocka_run_group_tests(tests, NULL, NULL); /* what is left empty is no test */
}
