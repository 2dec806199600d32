#include "config.h"

#include "tests/node/actor.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/ids.h"
#include "tests/node/fake.h"
#include "transport/region.h"

const char *actor_program(void)
{
	static char self[4096];
	assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
	return self;
}

/* What "mN?" says. */
static void share(struct fake *f, uint64_t with, char how)
{
	int fd, ends[2];
	void *at;
	struct weft__msg m = {.code = WEFT__MSG_SHARE, .share = {.tid = with, .region = 7, .nbytes = 65536}};
	assert_int_equal(weft__region_create(65536, false, &fd, &at), 0);
	if (how == 'u') {
		close(fd);
		fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		assert_int_equal(ftruncate(fd, 65536), 0);
	} else if (how == 's') {
		m.share.nbytes = 65537;
	} else if (how == 'p') {
		close(fd);
		assert_int_equal(pipe(ends), 0);
		close(ends[1]);
		fd = ends[0];
	} else if (how == 'b') {
		m.share.nbytes = 0;
	}
	for (int i = 0; i < (how == 'f' ? 60 : 1); i++)
		fake_send(f, &m, how == 'n' || how == 'b' ? -1 : fd);
	munmap(at, 65536);
	close(fd);
}

static void obey(struct fake *f, const char *step)
{
	struct weft__msg m = {0};
	weft_tid_t tid = WEFT_NO_TID;
	weft__tid_parse(getenv("WEFT_TID"), &tid);
	uint64_t own = tid.v, first = own - strtoull(getenv("WEFT_RANK"), NULL, 10);
	switch (*step) {
	case 'h':
		m.code = WEFT__MSG_HELLO;
		m.hello = (struct weft__msg_hello){.version = WEFT__PROTO_VERSION, .role = WEFT__ROLE_TASK, .tid = own};
		fake_send(f, &m, -1);
		while (m.code != WEFT__MSG_TEAM && m.code != WEFT__MSG_REFUSED)
			assert_true(fake_next(f, &m));
		if (m.code == WEFT__MSG_REFUSED)
			printf("refused %lld\n", (long long)m.refused.code);
		break;
	case 'c':
		m.code = WEFT__MSG_CONNECT;
		m.connect.tid = step[1] == '#' ? strtoull(step + 2, NULL, 10) : first + (uint64_t)atoi(step + 1);
		fake_send(f, &m, -1);
		break;
	case 'w':
		fake_expect(f, WEFT__MSG_CHANNEL, &m);
		printf("channel %lld kind %llu side %llu\n", (long long)m.channel.code, (unsigned long long)m.channel.kind,
		       (unsigned long long)m.channel.side);
		break;
	case 'g':
		fake_expect(f, WEFT__MSG_TASK_GONE, &m);
		if (m.task_gone.tid - first < 100)
			printf("gone %llu\n", (unsigned long long)(m.task_gone.tid - first));
		else
			printf("gone #%llu\n", (unsigned long long)m.task_gone.tid);
		break;
	case 'b':
		m.code = WEFT__MSG_BYE;
		fake_send(f, &m, -1);
		fake_expect(f, WEFT__MSG_RESULT, &m);
		break;
	case 'm':
		share(f, first + (uint64_t)(step[1] - '0'), step[2]);
		break;
	case 'r':
		fake_expect(f, WEFT__MSG_SHARED, &m);
		printf("shared %llu %llu of %llu: %s\n", (unsigned long long)m.shared.region,
		       (unsigned long long)m.shared.nbytes, (unsigned long long)(m.shared.tid - first),
		       f->came_fd >= 0 && weft__region_sound(f->came_fd, 65536) ? "sound" : "nothing");
		break;
	case 's':
		poll(NULL, 0, atoi(step + 1));
		break;
	default:
		abort();
	}
	fflush(stdout);
}

int actor_main(char **argv)
{
	struct fake f;
	char *steps = argv[2 + atoi(getenv("WEFT_RANK"))];
	fake_init(&f, atoi(getenv("WEFT_FD")), WEFT__ROLE_TASK, WEFT__ROLE_NODE);
	for (char *step = strtok(steps, " "); step; step = strtok(NULL, " "))
		obey(&f, step);
	fake_fini(&f);
	return 0;
}
