/* Shared buffers: long messages that their receiver copies itself. The test is the node between the
 * two engines: what one shares it passes on, or not. */
#include "config.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/heap.h"
#include "task/region.h"
#include "task/state.h"
#include "tests/task/tasks.h"
#include "transport/region.h"

#define C WEFT_CONTEXT

enum { BYTES = 300000, PAGE_OF_ACCOUNT = 4096, SLOTS = 64 };

static const struct weft__settings sharing = {.eager_max = 1000,
                                              .segment_bytes = 5000,
                                              .share_min = 2000,
                                              .credit_bytes = 1 << 20,
                                              .spin_ns = 10000};

/* Two tasks; node[i] is the node's end of task i's connection. */
struct pair {
	struct tasks t;
	int node[2];
	uint8_t *out, *in;
	uint64_t last; /* the region that was shared last */
	int nback;     /* how many were taken back */
};

static void open_pair(struct pair *p)
{
	*p = (struct pair){.in = malloc(BYTES)};
	tasks_open(&p->t, 2, SHM, &sharing);
	for (int i = 0; i < 2; i++) {
		int fds[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(weft__control_open(p->t.e[i], &fds[1], NULL), 0);
		p->node[i] = fds[0];
	}
	p->out = weft__region_alloc(BYTES);
	assert_non_null(p->out);
	fill(p->out, BYTES, 1);
}

static void close_pair(struct pair *p)
{
	for (int i = 0; i < 2; i++)
		close(p->node[i]);
	tasks_close(&p->t);
	if (p->out)
		assert_true(weft__region_free(NULL, p->out));
	free(p->in);
}

/* What task 0 said to the node; false: nothing more. *fd is -1 when none came along. */
static bool heard(struct pair *p, struct weft__msg_share *share, int *fd)
{
	static uint8_t packet[WEFT__FRAME_HEADER + 1000];
	static struct weft__arena arena;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} ancillary;
	struct iovec iov = {.iov_base = packet, .iov_len = sizeof packet};
	struct msghdr msg = {.msg_iov = &iov,
	                     .msg_iovlen = 1,
	                     .msg_control = ancillary.bytes,
	                     .msg_controllen = sizeof ancillary.bytes};
	ssize_t n = recvmsg(p->node[0], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct weft__msg m;
	*fd = -1;
	if (n <= WEFT__FRAME_HEADER)
		return false;
	if (CMSG_FIRSTHDR(&msg))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof *fd);
	assert_int_equal(weft__msg_decode(packet + WEFT__FRAME_HEADER,
	                                  (size_t)n - WEFT__FRAME_HEADER, WEFT__ROLE_TASK,
	                                  WEFT__ROLE_NODE, &arena, &m, NULL),
	                 0);
	assert_int_equal(m.code, WEFT__MSG_SHARE);
	*share = m.share;
	weft__arena_fini(&arena);
	return true;
}

static void let_read(struct pair *p, uint64_t region, uint64_t nbytes, int fd)
{
	struct weft__msg_shared m = {
	        .tid = p->t.tid[0].v, .region = region, .nbytes = nbytes};
	weft__on_shared(p->t.e[1], &m, &fd, fd >= 0);
}

/* The node passes on what it was given. */
static int pass_on(struct pair *p)
{
	struct weft__msg_share share;
	int fd, n = 0;
	for (; heard(p, &share, &fd); n++) {
		assert_int_equal(share.tid, p->t.tid[1].v);
		assert_int_equal(fd >= 0, share.nbytes > 0);
		p->nback += share.nbytes == 0;
		if (share.nbytes)
			p->last = share.region;
		let_read(p, share.region, share.nbytes, fd);
		if (fd >= 0)
			close(fd);
	}
	return n;
}

static weft_request_t sends(struct pair *p, int32_t tag, size_t at, size_t n)
{
	weft_request_t r;
	assert_int_equal(weft__isend(p->t.e[0], p->t.tid[1], C, tag, p->out + at, n, &r), 0);
	return r;
}

static weft_request_t receives(struct pair *p, int32_t tag, size_t n)
{
	weft_request_t r;
	memset(p->in, 0, BYTES);
	assert_int_equal(weft__irecv(p->t.e[1], p->t.tid[0], C, tag, p->in, n, &r), 0);
	return r;
}

/* The first message, after which the region is there. */
static void meet(struct pair *p)
{
	weft_request_t s = sends(p, 1, 0, BYTES), r = receives(p, 1, BYTES);
	assert_int_equal(pass_on(p), 2); /* the account, the region */
	assert_int_equal(tasks_finish(&p->t, 1, &r, NULL), 0);
	assert_int_equal(tasks_finish(&p->t, 0, &s, NULL), 0);
	assert_true(is_filled(p->in, BYTES, 1));
}

/* Does the receive end while the sender does nothing? Then the receiver has copied it itself. */
static int ends_alone(struct pair *p, weft_request_t *r, weft_status_t *status)
{
	for (int i = 0; i < 100; i++)
		weft__progress(p->t.e[1]);
	return weft__test(p->t.e[1], r, status);
}

/* --- the good --------------------------------------------------------------------------------- */

static void the_receiver_copies_from_a_region_that_it_has(void **state)
{
	struct pair p;
	weft_status_t status;
	open_pair(&p);
	meet(&p);
	for (size_t at = 0; at < 5000; at += 777) {
		weft_request_t s = sends(&p, 2, at, BYTES - at), r = receives(&p, 2, BYTES);
		assert_int_equal(ends_alone(&p, &r, &status), 0);
		assert_int_equal(status.nbytes, BYTES - at);
		assert_memory_equal(p.in, p.out + at, BYTES - at);
		assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	}
	assert_int_equal(pass_on(&p), 0); /* once was enough */
	close_pair(&p);
}

static void an_unexpected_one_stays_where_it_is_until_it_is_received(void **state)
{
	struct pair p;
	open_pair(&p);
	meet(&p);
	weft_request_t s = sends(&p, 2, 0, BYTES);
	for (int i = 0; i < 10; i++)
		weft__progress(p.t.e[1]);
	assert_int_equal(weft__test(p.t.e[0], &s, NULL), WEFT_EAGAIN);
	weft_request_t r = receives(&p, 2, BYTES);
	assert_int_equal(ends_alone(&p, &r, NULL), 0);
	assert_true(is_filled(p.in, BYTES, 1));
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	close_pair(&p);
}

static void a_short_receive_gets_what_it_has_room_for(void **state)
{
	struct pair p;
	weft_status_t status;
	open_pair(&p);
	meet(&p);
	for (size_t room = 0; room < 3000; room += 1500) {
		weft_request_t s = sends(&p, 2, 0, BYTES), r = receives(&p, 2, room);
		assert_int_equal(ends_alone(&p, &r, &status), WEFT_ETRUNC);
		assert_int_equal(status.nbytes, BYTES);
		assert_true(is_filled(p.in, room, 1));
		assert_int_equal(p.in[room], 0);
		assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	}
	close_pair(&p);
}

static void without_the_region_the_bytes_are_sent(void **state)
{
	struct pair p;
	open_pair(&p);
	for (int i = 0; i < 3; i++) {
		weft_request_t s = sends(&p, 1, 0, BYTES), r = receives(&p, 1, BYTES);
		assert_int_equal(ends_alone(&p, &r, NULL), WEFT_EAGAIN);
		assert_int_equal(tasks_finish(&p.t, 1, &r, NULL), 0);
		assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
		assert_true(is_filled(p.in, BYTES, 1));
	}
	close_pair(&p);
}

static void more_messages_than_slots_all_arrive(void **state)
{
	struct pair p;
	weft_request_t s[SLOTS + 6];
	open_pair(&p);
	meet(&p);
	for (int i = 0; i < SLOTS + 6; i++)
		s[i] = sends(&p, i, (size_t)i * 100, 2500);
	for (int i = SLOTS + 5; i >= 0; i--) {
		weft_request_t r = receives(&p, i, 2500);
		assert_int_equal(tasks_finish(&p.t, 1, &r, NULL), 0);
		assert_memory_equal(p.in, p.out + i * 100, 2500);
		assert_int_equal(tasks_finish(&p.t, 0, &s[i], NULL), 0);
	}
	weft_request_t last = sends(&p, 1, 0, BYTES), r = receives(&p, 1, BYTES);
	assert_int_equal(ends_alone(&p, &r, NULL), 0); /* the slots are free again */
	assert_int_equal(tasks_finish(&p.t, 0, &last, NULL), 0);
	close_pair(&p);
}

static void a_freed_region_is_taken_back_and_its_number_never_used_again(void **state)
{
	struct pair p;
	open_pair(&p);
	meet(&p);
	for (int i = 0; i < 2 * WEFT__REGIONS_MAX; i++) {
		uint64_t before = p.last;
		assert_true(weft__region_free(p.t.e[0], p.out));
		assert_false(weft__region_free(p.t.e[0], p.out));
		assert_int_equal(pass_on(&p), 1);
		assert_int_equal(p.nback, i + 1);
		p.out = weft__region_alloc(BYTES);
		assert_non_null(p.out);
		fill(p.out, BYTES, 1);
		weft_request_t s = sends(&p, 2, 0, BYTES), r;
		assert_int_equal(pass_on(&p), 1);
		r = receives(&p, 2, BYTES);
		assert_int_equal(ends_alone(&p, &r, NULL), 0); /* there was a place for it */
		assert_true(is_filled(p.in, BYTES, 1));
		assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
		assert_true(p.last > before);
	}
	close_pair(&p);
}

static void regions_are_bounded_and_only_for_what_is_long(void **state)
{
	void *at[WEFT__REGIONS_MAX];
	int n = 0;
	assert_null(weft__region_alloc(0));
	assert_null(weft__region_alloc(1000));
	assert_null(weft__region_alloc(SIZE_MAX));
	assert_null(weft__region_alloc(SIZE_MAX / 2));
	for (; n < WEFT__REGIONS_MAX; n++)
		assert_non_null(at[n] = weft__region_alloc(BYTES));
	assert_null(weft__region_alloc(BYTES));
	while (n)
		assert_true(weft__region_free(NULL, at[--n]));
	assert_false(weft__region_free(NULL, NULL));
	assert_false(weft__region_free(NULL, &n));
}

/* --- giving up -------------------------------------------------------------------------------- */

static void what_was_taken_back_is_not_received(void **state)
{
	struct pair p;
	open_pair(&p);
	meet(&p);
	weft_request_t s = sends(&p, 2, 0, BYTES);
	for (int i = 0; i < 10; i++)
		weft__progress(p.t.e[1]); /* it has heard of it */
	assert_int_equal(weft__cancel(p.t.e[0], s), 0);
	memset(p.out, 0xee, BYTES); /* the sender's again */
	weft_request_t r = receives(&p, 2, BYTES);
	assert_int_equal(ends_alone(&p, &r, NULL), WEFT_EAGAIN);
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), WEFT_ECANCELED);
	fill(p.out, BYTES, 3);
	s = sends(&p, 2, 0, BYTES);
	assert_int_equal(tasks_finish(&p.t, 1, &r, NULL), 0);
	assert_true(is_filled(p.in, BYTES, 3));
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	close_pair(&p);
}

static void a_time_out_takes_it_back_and_what_was_taken_counts_as_sent(void **state)
{
	struct pair p;
	open_pair(&p);
	meet(&p);
	assert_int_equal(weft__send(p.t.e[0], p.t.tid[1], C, 2, p.out, BYTES, 0), WEFT_ETIMEDOUT);
	weft_request_t s = sends(&p, 3, 0, BYTES), r = receives(&p, 3, BYTES);
	assert_int_equal(ends_alone(&p, &r, NULL), 0);
	assert_int_equal(weft__cancel(p.t.e[0], s), WEFT_EALREADY);
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	s = sends(&p, 3, 0, BYTES), r = receives(&p, 3, BYTES);
	assert_int_equal(ends_alone(&p, &r, NULL), 0);
	weft__give_up(p.t.e[0], &s);
	tasks_progress(&p.t);
	assert_int_equal(weft__recv(p.t.e[1], p.t.tid[0], C, 2, p.in, BYTES, NULL, 0),
	                 WEFT_ETIMEDOUT);
	close_pair(&p);
}

static void the_sender_may_die(void **state)
{
	struct pair p;
	weft_status_t status;
	open_pair(&p);
	meet(&p);
	weft_request_t r = receives(&p, 2, BYTES);
	sends(&p, 2, 0, BYTES);
	tasks_kill(&p.t, 0);
	/* It was announced: either all of it is here, or none. */
	int rc = tasks_finish(&p.t, 1, &r, &status);
	assert_true(rc == WEFT_ENOTASK || (rc == 0 && is_filled(p.in, BYTES, 1)));
	assert_int_equal(weft__recv(p.t.e[1], p.t.tid[0], C, 2, p.in, BYTES, NULL, 1000),
	                 WEFT_ENOTASK);
	close_pair(&p);
}

static void the_receiver_may_die(void **state)
{
	struct pair p;
	open_pair(&p);
	meet(&p);
	weft_request_t s = sends(&p, 2, 0, BYTES);
	tasks_kill(&p.t, 1);
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), WEFT_ENOTASK);
	assert_true(weft__region_free(p.t.e[0], p.out)); /* with nobody to tell */
	p.out = NULL;
	close_pair(&p);
}

/* --- the bad ---------------------------------------------------------------------------------- */

static void catch_message(void *arg, const struct weft__hdr *hdr, const void *payload)
{
	*(struct weft__hdr *)arg = *hdr;
}

static void *catch_begin(void *arg, const struct weft__hdr *hdr)
{
	return NULL;
}

static void catch_end(void *arg, const struct weft__hdr *hdr)
{
}

/* A peer that announces a message of `total` bytes at that place is asked for so many of them. */
static uint64_t asked_for(struct weft__engine *e, struct weft__channel *c, weft_tid_t from,
                          struct weft__place place, uint64_t id, uint64_t total)
{
	static uint8_t in[BYTES];
	struct weft__hdr got = {0}, hdr = {.kind = WEFT__RTS,
	                                   .tag = 5,
	                                   .context = C.v,
	                                   .id = id,
	                                   .total = total,
	                                   .len = sizeof place};
	struct weft__sink sink = {.message = catch_message, .begin = catch_begin, .end = catch_end, .arg = &got};
	size_t taken = 0;
	weft_request_t r;
	assert_int_equal(weft__irecv(e, from, C, 5, in, sizeof in, &r), 0);
	assert_int_equal(c->ops->send(c, &hdr, &place, &taken), 0);
	for (int i = 0; i < 100 && got.kind != WEFT__CTS; i++) {
		weft__progress(e);
		c->ops->poll(c, &sink);
	}
	assert_int_equal(got.kind, WEFT__CTS);
	assert_int_equal(got.id, id);
	taken = 0;
	hdr = (struct weft__hdr){.kind = WEFT__CANCEL, .id = id};
	assert_int_equal(c->ops->send(c, &hdr, NULL, &taken), 0);
	for (int i = 0; i < 10; i++)
		weft__progress(e);
	if (weft__test(e, &r, NULL) == WEFT_EAGAIN)
		weft__give_up(e, &r);
	return got.total;
}

static void a_place_that_is_none_is_not_read(void **state)
{
	struct tasks t;
	struct weft__channel *ends[2];
	weft_tid_t from = {77};
	int account, region, bells[2] = {-1, -1};
	void *words, *at;
	tasks_open(&t, 1, INPROC, &sharing);
	wire_open(INPROC, bells, ends);
	assert_int_equal(weft__engine_plug(t.e[0], from, &ends[0]), 0);
	assert_int_equal(weft__region_create(PAGE_OF_ACCOUNT, true, &account, &words), 0);
	assert_int_equal(weft__region_create(65536, false, &region, &at), 0);
	struct weft__msg_shared shared[] = {
	        {from.v, 0, PAGE_OF_ACCOUNT}, {from.v, 9, 65536}, {from.v, 9, 65536}};
	weft__on_shared(t.e[0], &shared[0], &account, 1);
	weft__on_shared(t.e[0], &shared[1], &region, 1);
	weft__on_shared(t.e[0], &shared[2], &region, 1); /* again: passed over */
	for (int i = 0; i < SLOTS; i++)
		((uint64_t *)words)[8 * i] = 4; /* on offer */
	const struct {
		struct weft__place place;
		uint64_t id, total;
	} bad[] = {
	        {{.region = 9, .offset = 65536}, 4, 1},
	        {{.region = 9, .offset = 1}, 4, 65536},
	        {{.region = 9, .offset = UINT64_MAX}, 4, 2},
	        {{.region = 9, .offset = UINT64_MAX - 65535}, 4, 65536},
	        {{.region = 9}, 4, 65537},
	        {{.region = 9}, 4, WEFT_MSG_MAX},
	        {{.region = 9, .slot = SLOTS}, 4, 100},
	        {{.region = 9, .slot = UINT32_MAX}, 4, 100},
	        {{.region = 9}, 6, 100}, /* not on offer */
	        {{.region = 8}, 4, 100}, /* no such region */
	        {{.region = 0}, 4, 100}, /* nor is the account one */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		uint64_t most = bad[i].total < BYTES ? bad[i].total : BYTES;
		assert_int_equal(
		        asked_for(t.e[0], ends[1], from, bad[i].place, bad[i].id, bad[i].total),
		        most);
	}
	for (int i = 0; i < SLOTS; i++)
		assert_int_equal(((uint64_t *)words)[8 * i], 4);
	assert_int_equal(asked_for(t.e[0], ends[1], from,
	                           (struct weft__place){.region = 9, .offset = 65436}, 4, 100),
	                 0); /* that one was good */
	assert_true(((uint64_t *)words)[0] == ~UINT64_C(4));
	ends[1]->ops->close(&ends[1]);
	tasks_close(&t);
	munmap(words, PAGE_OF_ACCOUNT);
	munmap(at, 65536);
	close(account);
	close(region);
}

static void only_sealed_memory_of_the_stated_size_is_mapped(void **state)
{
	struct pair p;
	struct weft__msg_share share;
	int fd, soft = memfd_create("soft", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(soft, BYTES), 0);
	open_pair(&p);
	weft_request_t s = sends(&p, 1, 0, BYTES), r = receives(&p, 1, BYTES);
	assert_true(heard(&p, &share, &fd) && share.region == 0 && share.nbytes == PAGE_OF_ACCOUNT);
	let_read(&p, 0, 0, -1);
	let_read(&p, 0, PAGE_OF_ACCOUNT, fd);
	close(fd);
	assert_true(heard(&p, &share, &fd));
	let_read(&p, share.region, share.nbytes, -1); /* no descriptor */
	let_read(&p, share.region, BYTES, soft);      /* could be cut short */
	let_read(&p, share.region, share.nbytes + 4096, fd);
	let_read(&p, share.region, share.nbytes - 4096, fd);
	let_read(&p, share.region, 1, STDIN_FILENO);
	let_read(&p, share.region, share.nbytes, p.node[0]);
	let_read(&p, share.region, 0, -1); /* takes back what is not there */
	assert_int_equal(ends_alone(&p, &r, NULL), WEFT_EAGAIN);
	assert_int_equal(tasks_finish(&p.t, 1, &r, NULL), 0);
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	s = sends(&p, 1, 0, BYTES);
	let_read(&p, share.region, share.nbytes, fd);
	r = receives(&p, 1, BYTES);
	assert_int_equal(ends_alone(&p, &r, NULL), 0);
	assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
	/* And who is let read it cannot write it. */
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	bool sealed = fcntl(fd, F_GET_SEALS) & 0x10; /* not by a kernel before 5.1 */
	assert_int_equal(at == MAP_FAILED, sealed);
	assert_int_equal(ftruncate(fd, 0), -1);
	close(fd);
	close(soft);
	close_pair(&p);
}

static void a_ledger_full_of_nonsense_loses_only_the_messages_of_who_wrote_it(void **state)
{
	struct pair p;
	struct weft__msg_share share;
	int fd;
	open_pair(&p);
	weft_request_t s = sends(&p, 1, 0, BYTES);
	assert_true(heard(&p, &share, &fd));
	uint8_t *words = weft__region_map(fd, PAGE_OF_ACCOUNT, true);
	assert_non_null(words);
	close(fd);
	memset(words, 0xff, PAGE_OF_ACCOUNT);
	weft__give_up(p.t.e[0], &s); /* it was taken, or so it seems */
	for (int i = 0; i < 300; i++) {
		s = sends(&p, 1, 0, 2500);
		memset(words, i, PAGE_OF_ACCOUNT);
		if (i % 2)
			weft__give_up(p.t.e[0], &s);
		weft_request_t r = receives(&p, 1, BYTES);
		tasks_progress(&p.t);
		weft__give_up(p.t.e[1], &r);
		weft__give_up(p.t.e[0], &s);
	}
	pass_on(&p);
	munmap(words, PAGE_OF_ACCOUNT);
	close_pair(&p);
}

static void without_memory_the_bytes_are_sent(void **state)
{
	for (unsigned long n = 1; n <= 12; n++) {
		struct pair p;
		open_pair(&p);
		weft_request_t s = sends(&p, 0, 0, 10), r = receives(&p, 0, 10);
		assert_int_equal(tasks_finish(&p.t, 1, &r, NULL), 0);
		assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
		r = receives(&p, 1, BYTES);
		weft__heap_fail_at(n);
		int rc = weft__isend(p.t.e[0], p.t.tid[1], C, 1, p.out, BYTES, &s);
		weft__heap_fail_at(0);
		pass_on(&p);
		if (rc == 0) {
			assert_int_equal(tasks_finish(&p.t, 1, &r, NULL), 0);
			assert_true(is_filled(p.in, BYTES, 1));
			assert_int_equal(tasks_finish(&p.t, 0, &s, NULL), 0);
		} else {
			assert_int_equal(rc, WEFT_ENOMEM);
			weft__give_up(p.t.e[1], &r);
		}
		close_pair(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_receiver_copies_from_a_region_that_it_has),
	        cmocka_unit_test(an_unexpected_one_stays_where_it_is_until_it_is_received),
	        cmocka_unit_test(a_short_receive_gets_what_it_has_room_for),
	        cmocka_unit_test(without_the_region_the_bytes_are_sent),
	        cmocka_unit_test(more_messages_than_slots_all_arrive),
	        cmocka_unit_test(a_freed_region_is_taken_back_and_its_number_never_used_again),
	        cmocka_unit_test(regions_are_bounded_and_only_for_what_is_long),
	        cmocka_unit_test(what_was_taken_back_is_not_received),
	        cmocka_unit_test(a_time_out_takes_it_back_and_what_was_taken_counts_as_sent),
	        cmocka_unit_test(the_sender_may_die),
	        cmocka_unit_test(the_receiver_may_die),
	        cmocka_unit_test(a_place_that_is_none_is_not_read),
	        cmocka_unit_test(only_sealed_memory_of_the_stated_size_is_mapped),
	        cmocka_unit_test(a_ledger_full_of_nonsense_loses_only_the_messages_of_who_wrote_it),
	        cmocka_unit_test(without_memory_the_bytes_are_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
