/* The keeper alone, with a daemon of the test's own: it starts children, crashes, and comes again. */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "node/keeper.h"
#include "tests/base/test.h"

enum {
	NCHILDREN   = 600, /* more than a socket has room for words */
	STATUS      = 7,
	PATIENCE_MS = 30000,
	NOT_ENDED   = 3, /* what the second daemon ends with */
	NOT_TOLD    = 4,
	TOLD_WRONG  = 5,
};

struct stage {
	struct keeper k;
	int start[2];
};

static bool in_time(uint64_t began)
{
	return weft__clock_ns() - began < PATIENCE_MS * UINT64_C(1000000);
}

static int wait_for_word(int fd)
{
	char byte;
	return read(fd, &byte, 1) == 1 ? STATUS : 1;
}

/* Starts children, and crashes. */
static int first(struct stage *s)
{
	for (int i = 0; i < NCHILDREN; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(wait_for_word(s->start[0]));
		keeper_child_add(&s->k, pid, KEEPER_OTHER);
	}
	s->k.notes->served = true;
	raise(SIGKILL);
	return 1;
}

static bool all_ended(const struct keeper_notes *n)
{
	for (size_t i = 0; i < n->nchildren; i++)
		if (*(const volatile pid_t *)&n->children[i].pid)
			return false;
	return true;
}

/* Is busy until the last of those has ended, then listens. */
static int second(struct stage *s)
{
	static char bytes[NCHILDREN];
	struct keeper_word word;
	uint64_t began = weft__clock_ns();
	int heard = 0;
	s->k.notes->ended = true;
	if (write(s->start[1], bytes, sizeof bytes) != NCHILDREN)
		return 1;
	while (!all_ended(s->k.notes) && in_time(began))
		poll(NULL, 0, 5);
	if (!all_ended(s->k.notes))
		return NOT_ENDED;
	while (heard < NCHILDREN && in_time(began)) {
		if (!keeper_hear(&s->k, &word)) {
			poll(NULL, 0, 5);
			continue;
		}
		if (!WIFEXITED(word.status) || WEXITSTATUS(word.status) != STATUS)
			return TOLD_WRONG;
		heard++;
	}
	return heard == NCHILDREN ? 0 : NOT_TOLD;
}

static int daemon_run(void *arg)
{
	struct stage *s = arg;
	return s->k.notes->crashes ? second(s) : first(s);
}

static void nothing_to_clean(void *arg)
{
}

/* In a process of its own, as a keeper adopts and kills what nobody has started. */
static void a_busy_daemon_hears_of_all_children_that_ended(void **state)
{
	struct stage s = {0};
	int status;
	assert_int_equal(pipe(s.start), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(keeper_run(&s.k, daemon_run, nothing_to_clean, &s));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(s.start[0]);
	close(s.start[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_busy_daemon_hears_of_all_children_that_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
