/* A far end that is killed at a random moment: what it committed arrives, nothing half, and nothing
 * hangs. test_ring has the ring after each single instruction of its producer. */
#include "config.h"

#include "tests/transport/pair.h"

#include "base/clock.h"
#include "base/rng.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/wait.h>

static void *shared_pages(size_t nbytes)
{
	void *p = mmap(NULL, nbytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(p != MAP_FAILED);
	return p;
}

/* The child: sends for ever and says how much it has committed. */
static void send_until_killed(struct pair *p, _Atomic uint32_t *committed)
{
	pair_drop_end(p, 1);
	pair_open_end(p, 0);
	for (uint32_t n = 0;; n++) {
		struct weft__hdr hdr = message_header(n, mixed_len(n));
		size_t taken = 0;
		int rc;
		while ((rc = p->ends[0]->ops->send(p->ends[0], &hdr, message_bytes(n), &taken)) ==
		       WEFT_EAGAIN)
			;
		if (rc != 0)
			_exit(1);
		atomic_store(committed, n + 1);
	}
}

/* Polls until the channel is empty and its producer dead. */
static void receive_rest(struct pair *p, struct inbox *in)
{
	int rc;
	do
		rc = p->ends[1]->ops->poll(p->ends[1], &in->sink);
	while (rc > 0);
	assert_int_equal(rc, p->kind->socket ? WEFT_ECLOSED : 0);
}

static void what_a_killed_sender_committed_arrives_intact(void **state)
{
	struct weft__rng rng;
	_Atomic uint32_t *committed = shared_pages(4096);
	weft__rng_init(&rng, 3);
	for (int round = 0; round < 60; round++) {
		struct pair p;
		struct inbox in;
		int status;
		inbox_init(&in);
		message_bytes(0);
		atomic_store(committed, 0);
		pair_prepare(&p, *state);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			send_until_killed(&p, committed);
		pair_drop_end(&p, 0);
		pair_open_end(&p, 1);
		uint64_t until = weft__clock_ns() + weft__rng_below(&rng, 8000000);
		bool deaf = round % 4 == 0; /* the channel is full when it dies */
		while (weft__clock_ns() < until)
			if (!deaf)
				assert_true(p.ends[1]->ops->poll(p.ends[1], &in.sink) >= 0);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		receive_rest(&p, &in);
		assert_true(in.next >= atomic_load(committed));
		assert_true(in.next <=
		            atomic_load(committed) + 1); /* died before it could say so */
		pair_close(&p);
		inbox_fini(&in);
	}
	munmap(committed, 4096);
}

static void sending_to_a_killed_receiver_ends(void **state)
{
	struct pair p;
	int status, rc;
	uint64_t deadline = weft__deadline(2000);
	pair_prepare(&p, *state);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pair_open_end(&p, 0);
		for (;;)
			pause();
	}
	pair_drop_end(&p, 0);
	pair_open_end(&p, 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	struct weft__hdr hdr = message_header(0, MESSAGE_MAX);
	size_t taken = 0;
	do /* a socket says so; shared memory is full one day, and the node tells of the death */
		rc = p.ends[1]->ops->send(p.ends[1], &hdr, message_bytes(0), &taken);
	while (rc == WEFT_EAGAIN && p.kind->socket && weft__clock_ns() < deadline);
	assert_int_equal(rc, p.kind->socket ? WEFT_ECLOSED : WEFT_EAGAIN);
	pair_close(&p);
}

int main(void)
{
	static const struct CMUnitTest behaviours[] = {
	        cmocka_unit_test(what_a_killed_sender_committed_arrives_intact),
	        cmocka_unit_test(sending_to_a_killed_receiver_ends),
	};
	return run_over_kinds("a far end is killed", behaviours,
	                      sizeof behaviours / sizeof *behaviours, false);
}
