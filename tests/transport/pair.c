#include "config.h"

#include "tests/transport/pair.h"

#include "base/clock.h"
#include "base/rng.h"

#include <dirent.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { SHIFT_MAX = 65536 };

static void unix_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void tcp_pair(int fds[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof a;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(listener >= 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &size), 0);
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[0], (struct sockaddr *)&a, sizeof a), 0);
	fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fds[1] >= 0);
	close(listener);
}

const struct kind kinds[] = {
        {.name = "inproc", .local = true, .bells = true},
        {.name = "shm", .bells = true},
        {.name = "tcp", .socket = true, .socketpair = tcp_pair},
        {.name = "unix", .socket = true, .socketpair = unix_pair},
};
const size_t nkinds = sizeof kinds / sizeof *kinds;

void pair_prepare(struct pair *p, const struct kind *kind)
{
	*p = (struct pair){.kind = kind, .bells = {-1, -1}, .memfds = {-1, -1}, .socks = {-1, -1}};
	for (int i = 0; i < 2 && kind->bells; i++) {
		p->bells[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		assert_true(p->bells[i] >= 0);
	}
	if (kind->socket) {
		kind->socketpair(p->socks);
	} else if (!kind->local) {
		assert_int_equal(weft__shm_create(&p->memfds[0]), 0);
		p->memfds[1] = dup(p->memfds[0]);
		assert_true(p->memfds[1] >= 0);
	}
}

void pair_open_end(struct pair *p, int i)
{
	if (p->kind->socket) {
		assert_int_equal(weft__stream_open(&p->socks[i], &p->ends[i]), 0);
	} else if (p->kind->local) {
		if (!p->ends[0])
			assert_int_equal(weft__inproc_open(p->bells, p->ends), 0);
	} else {
		int bell = dup(p->bells[!i]);
		assert_true(bell >= 0);
		assert_int_equal(weft__shm_open(&p->memfds[i], &bell, i, &p->ends[i]), 0);
		assert_int_equal(bell, -1);
	}
}

void pair_drop_end(struct pair *p, int i)
{
	if (p->memfds[i] >= 0)
		close(p->memfds[i]);
	if (p->socks[i] >= 0)
		close(p->socks[i]);
	p->memfds[i] = p->socks[i] = -1;
}

void pair_open(struct pair *p, const struct kind *kind)
{
	pair_prepare(p, kind);
	pair_open_end(p, 0);
	pair_open_end(p, 1);
}

void pair_close(struct pair *p)
{
	for (int i = 0; i < 2; i++) {
		if (p->ends[i])
			p->ends[i]->ops->close(&p->ends[i]);
		assert_null(p->ends[i]);
		pair_drop_end(p, i);
	}
	for (int i = 0; i < 2; i++)
		if (p->bells[i] >= 0)
			close(p->bells[i]);
}

bool pair_sleep(struct pair *p, int i, bool want_send, int timeout_ms)
{
	struct weft__channel *c = p->ends[i];
	bool ready = c->ops->arm(c, want_send);
	if (!ready) {
		struct pollfd f = {.fd = -1, .events = POLLIN};
		f.fd = c->ops->pollfd(c, &f.events);
		if (f.fd < 0) {
			f.fd = p->bells[i];
			f.events = POLLIN;
		}
		ready = poll(&f, 1, timeout_ms) == 1;
	}
	c->ops->disarm(c);
	weft__doorbell_clear(p->bells[i]);
	return ready;
}

struct weft__hdr message_header(uint32_t n, uint64_t len)
{
	bool wide = n % 5 == 3; /* some have an id and a total, which takes the long header */
	return (struct weft__hdr){
	        .len = len,
	        .id = wide ? UINT64_C(0x1122334455667788) + n : 0,
	        .total = wide ? UINT64_C(0x99aabbccddeeff00) ^ n : 0,
	        .context = 0x80000000U + n,
	        .tag = (int32_t)~n,
	        .kind = (uint8_t)(n * 7),
	        .flags = (uint8_t)(n * 13),
	};
}

const uint8_t *message_bytes(uint32_t n)
{
	static uint8_t *noise;
	if (!noise) {
		struct weft__rng rng;
		weft__rng_init(&rng, 1);
		noise = malloc(MESSAGE_MAX + SHIFT_MAX);
		assert_non_null(noise);
		for (size_t i = 0; i + 8 <= MESSAGE_MAX + SHIFT_MAX; i += 8) {
			uint64_t r = weft__rng_next(&rng);
			memcpy(noise + i, &r, 8);
		}
	}
	return noise + n * 977U % SHIFT_MAX;
}

uint64_t mixed_len(uint32_t n)
{
	struct weft__rng rng;
	weft__rng_init(&rng, n + 17);
	uint64_t r = weft__rng_below(&rng, 1000);
	if (r < 600)
		return weft__rng_below(&rng, 70);
	if (r < 900)
		return weft__rng_below(&rng, 1500);
	if (r < 995)
		return weft__rng_below(&rng, 20000);
	return weft__rng_below(&rng, 400000);
}

/* --- inbox
 * ------------------------------------------------------------------------------------------ */

static void check_header(const struct inbox *in, const struct weft__hdr *hdr)
{
	struct weft__hdr due = message_header(in->next, hdr->len);
	assert_int_equal(hdr->tag, due.tag);
	assert_int_equal(hdr->context, due.context);
	assert_int_equal(hdr->id, due.id);
	assert_int_equal(hdr->total, due.total);
	assert_int_equal(hdr->kind, due.kind);
	assert_int_equal(hdr->flags, due.flags);
	assert_true(hdr->len <= MESSAGE_MAX);
}

static void on_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	struct inbox *in = arg;
	assert_false(in->active);
	check_header(in, hdr);
	assert_true(hdr->len == 0 || memcmp(payload, message_bytes(in->next), hdr->len) == 0);
	in->next++;
}

static void *on_begin(void *arg, const struct weft__hdr *hdr)
{
	struct inbox *in = arg;
	assert_false(in->active);
	check_header(in, hdr);
	in->active = true;
	memset(in->room, 0xee, hdr->len);
	return in->discard ? NULL : in->room;
}

static void on_end(void *arg, const struct weft__hdr *hdr)
{
	struct inbox *in = arg;
	assert_true(in->active);
	check_header(in, hdr);
	if (in->discard)
		in->ndiscarded++;
	else
		assert_memory_equal(in->room, message_bytes(in->next), hdr->len);
	in->active = false;
	in->next++;
}

void inbox_init(struct inbox *in)
{
	*in = (struct inbox){.sink = {.message = on_message, .begin = on_begin, .end = on_end, .arg = in},
	                     .room = malloc(MESSAGE_MAX)};
	assert_non_null(in->room);
}

void inbox_fini(struct inbox *in)
{
	free(in->room);
}

void send_message(struct pair *p, int i, uint32_t n, uint64_t len, struct inbox *in)
{
	struct weft__channel *c = p->ends[i], *far = p->ends[!i];
	struct weft__hdr hdr = message_header(n, len);
	size_t taken = 0, before;
	uint64_t deadline = weft__deadline(20000);
	for (;;) {
		before = taken;
		int rc = c->ops->send(c, &hdr, message_bytes(n), &taken);
		assert_true(taken >= before && taken <= len);
		if (rc == 0)
			break;
		assert_int_equal(rc, WEFT_EAGAIN);
		assert_true(far->ops->poll(far, &in->sink) >= 0);
		assert_true(weft__clock_ns() < deadline);
	}
	assert_int_equal(taken, len);
}

void receive_until(struct pair *p, int i, struct inbox *in, uint32_t next)
{
	uint64_t deadline = weft__deadline(20000);
	while (in->next < next) {
		assert_true(p->ends[i]->ops->poll(p->ends[i], &in->sink) >= 0);
		assert_true(weft__clock_ns() < deadline);
	}
	assert_int_equal(in->next, next);
	assert_false(in->active);
}

int receive_all(struct pair *p, int i, struct inbox *in)
{
	int rc;
	uint64_t deadline = weft__deadline(20000);
	while ((rc = p->ends[i]->ops->poll(p->ends[i], &in->sink)) >= 0)
		assert_true(weft__clock_ns() < deadline);
	return rc;
}

int count_fds(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

void pin_apart(int side)
{
	cpu_set_t may, one;
	CPU_ZERO(&one);
	assert_int_equal(sched_getaffinity(0, sizeof may, &may), 0);
	if (CPU_COUNT(&may) < 2)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET(cpu, &may) && side-- == 0) {
			CPU_SET(cpu, &one);
			assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
			return;
		}
	}
}

int run_over_kinds(const char *group, const struct CMUnitTest *behaviours, size_t n,
                   bool one_process)
{
	static struct CMUnitTest tests[128];
	static char names[128][120];
	size_t count = 0;
	for (size_t k = 0; k < nkinds; k++) {
		for (size_t b = 0; b < n && (one_process || !kinds[k].local); b++, count++) {
			assert_true(count < 128);
			snprintf(names[count], sizeof names[count], "%s: %s", kinds[k].name,
			         behaviours[b].name);
			tests[count] = behaviours[b];
			tests[count].name = names[count];
			tests[count].initial_state = (void *)(uintptr_t)&kinds[k];
		}
	}
	return _cmocka_run_group_tests(group, tests, count, NULL, NULL);
}
