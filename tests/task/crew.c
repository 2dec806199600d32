#include "config.h"

#include "tests/task/crew.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ids.h"
#include "transport/transport.h"

enum { TIME_MAX_S = 60 };

bool crew_note(struct member *m, bool ok, const char *what, const char *file, int line)
{
	if (!ok && !*m->failure)
		snprintf(m->failure, sizeof m->failure, "rank %d of %d, %s:%d: %s (%s)", m->rank, m->size, file, line, what,
		         weft__last_error());
	return ok;
}

static void join_two(struct crew *c, int a, int b, const char *over)
{
	struct weft__channel *ends[2] = {NULL, NULL};
	int bells[2] = {weft__engine_doorbell(c->members[a].e), weft__engine_doorbell(c->members[b].e)};
	if (strcmp(over, "stream") == 0) {
		int fds[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(weft__stream_open(&fds[0], &ends[0]), 0);
		assert_int_equal(weft__stream_open(&fds[1], &ends[1]), 0);
	} else {
		for (int side = 0, memfd; side < 2; side++) {
			static int first;
			if (side == 0)
				assert_int_equal(weft__shm_create(&first), 0);
			memfd = side == 0 ? dup(first) : first;
			int bell = dup(bells[1 - side]);
			assert_int_equal(weft__shm_open(&memfd, &bell, side, &ends[side]), 0);
		}
	}
	assert_int_equal(weft__engine_plug(c->members[a].e, c->tids[b], &ends[0]), 0);
	assert_int_equal(weft__engine_plug(c->members[b].e, c->tids[a], &ends[1]), 0);
}

static void make_hall(struct crew *c, const char *over)
{
	int fd;
	if (strcmp(over, "hall") || c->size < 3 || c->size > WEFT__FLAT_MAX)
		return;
	assert_int_equal(weft__hall_create(weft__team_job(c->members[0].e), &fd, &c->hall), 0);
	close(fd);
}

/* Nobody is in it any more: the engines shall not unmap it, each for itself. */
static void close_hall(struct crew *c)
{
	for (int i = 0; i < c->size && c->hall; i++)
		c->members[i].team->hall = NULL;
	if (c->hall)
		munmap(c->hall, weft__hall_bytes(c->size));
}

static bool enter(struct member *m)
{
	if (!CREW_CHECK(m, m->team != NULL))
		return false;
	if (m->crew->hall)
		weft__hall_enter(m->team, m->crew->hall);
	return true;
}

static void *live(void *arg)
{
	struct member *m = arg;
	m->team = weft__team_job(m->e);
	if (enter(m))
		CREW_CHECK(m, m->crew->story(m, m->crew->arg));
	return NULL;
}

void crew_run(int size, const char *over, size_t eager_max, bool (*story)(struct member *m, void *arg), void *arg)
{
	struct weft__settings settings = {.eager_max = eager_max,
	                                  .segment_bytes = 64 << 10,
	                                  .ahead_bytes = eager_max / 2, /* over streams */
	                                  .credit_bytes = 16 << 20,
	                                  .spin_ns = size > 2 ? 0 : 20000};
	static struct crew crew; /* a thread that hangs must find it there */
	struct crew *c = &crew;
	*c = (struct crew){.size = size, .story = story, .arg = arg};
	for (int i = 0; i < size; i++)
		c->tids[i] = weft__tid_make(1, (uint32_t)i + 1, 0);
	for (int i = 0; i < size; i++) {
		struct member *m = &c->members[i];
		*m = (struct member){.crew = c, .rank = i, .size = size};
		assert_int_equal(weft__engine_create(&m->e, c->tids, (uint32_t)size, (uint32_t)i, &settings), 0);
	}
	for (int a = 0; a < size; a++)
		for (int b = a + 1; b < size; b++)
			join_two(c, a, b, over);

	make_hall(c, over);
	pthread_t threads[CREW_MAX];
	struct timespec end;
	for (int i = 0; i < size; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, live, &c->members[i]), 0);
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += TIME_MAX_S;
	for (int i = 0; i < size; i++)
		if (pthread_timedjoin_np(threads[i], NULL, &end) == ETIMEDOUT) {
			for (int k = 0; k < size; k++)
				if (*c->members[k].failure)
					print_error("%s\n", c->members[k].failure);
			fail_msg("rank %d of %d over %s hangs", i, size, over);
		}
	for (int i = 0; i < size; i++)
		if (*c->members[i].failure)
			fail_msg("over %s: %s", over, c->members[i].failure);
	close_hall(c);
	for (int i = 0; i < size; i++)
		weft__leave(&c->members[i].e);
}

void crew_die(struct member *m)
{
	for (int i = 0; i < m->size; i++)
		if (i != m->rank)
			weft__engine_unplug(m->crew->members[i].e, m->crew->tids[m->rank], true);
}
