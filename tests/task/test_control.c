/* The connection with the node, against a daemon that says what the test wants: answers, channels,
 * notices, rubbish, nothing. */
#include "config.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/ids.h"
#include "base/rng.h"
#include "base/rundir.h"
#include "task/state.h"
#include "tests/task/tasks.h"

#define C WEFT_CONTEXT

/* --- the daemon ------------------------------------------------------------------------------- */

struct daemon {
	int fd;
	pthread_t thread;
	/* What it does with a message; false: it closes the connection. */
	bool (*hears)(struct daemon *d, const struct weft__msg *m);
	int silent_hellos; /* so many it does not answer */
	uint64_t size;     /* of the task's job */
	int counter;
	struct weft__channel *far; /* the other end of what it introduced */
	uint64_t seed;
	uint64_t heard;                                  /* by the coordinator, when another daemon is there */
	void (*resumed)(struct daemon *d, uint64_t seen); /* then the client goes on, which has seen so much */
};

static void say_bytes(struct daemon *d, const void *bytes, size_t n, int *fds, int nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 6)];
	} ancillary = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (nfds) {
		msg.msg_control = ancillary.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)nfds);
		struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)nfds);
		memcpy(CMSG_DATA(h), fds, sizeof(int) * (size_t)nfds);
	}
	sendmsg(d->fd, &msg, MSG_NOSIGNAL);
	for (int i = 0; i < nfds; i++)
		close(fds[i]);
}

static void say_with(struct daemon *d, const struct weft__msg *m, int *fds, int nfds)
{
	struct weft__buf frame = {0};
	struct weft_error error;
	if (weft__msg_encode(&frame, m, &error) == 0)
		say_bytes(d, frame.data, frame.len, fds, nfds);
	weft__buf_fini(&frame);
}

static void say(struct daemon *d, struct weft__msg m)
{
	say_with(d, &m, NULL, 0);
}

static void result(struct daemon *d, uint64_t req, int code, uint64_t value)
{
	say(d, (struct weft__msg){.code = WEFT__MSG_RESULT,
	                          .result = {.req = req, .code = code, .value = value}});
}

static const weft_tid_t self = {1001}, other = {2002};

static void welcome(struct daemon *d)
{
	int bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct weft__msg m = {.code = WEFT__MSG_WELCOME,
	                      .welcome = {.release = weft__str("0"),
	                                  .vm = weft__str("test"),
	                                  .node = 3,
	                                  .host = weft__str("here"),
	                                  .ncores = 64,
	                                  .tid = self.v,
	                                  .parent = 5,
	                                  .job = 9,
	                                  .rank = 0,
	                                  .size = d->size,
	                                  .nlocal = 1}};
	say_with(d, &m, &bell, 1);
	uint64_t tids[2] = {self.v, other.v};
	if (d->size == 2)
		say(d, (struct weft__msg){
		               .code = WEFT__MSG_TEAM,
		               .team = {.job = 9, .size = 2, .first = 0, .tids = {tids, 2}}});
}

static bool hears(struct daemon *d, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_HELLO && d->silent_hellos-- <= 0)
		welcome(d);
	if (m->code == WEFT__MSG_HELLO && m->hello.again) {
		say(d, (struct weft__msg){.code = WEFT__MSG_RESUMED, .resumed = {.seen = d->heard}});
		if (d->resumed)
			d->resumed(d, m->hello.seen);
	} else if (m->code == WEFT__MSG_BYE)
		result(d, m->bye.req, 0, 0);
	else if (m->code != WEFT__MSG_HELLO)
		return d->hears(d, m);
	return true;
}

static void *daemon_thread(void *arg)
{
	struct daemon *d = arg;
	struct weft__arena arena = {0};
	uint8_t *packet = malloc(WEFT__FRAME_HEADER + WEFT__FRAME_MAX);
	for (;;) {
		struct weft__msg m;
		struct weft_error error;
		ssize_t n = recv(d->fd, packet, WEFT__FRAME_HEADER + WEFT__FRAME_MAX, 0);
		if (n <= WEFT__FRAME_HEADER)
			break;
		const uint8_t *body = packet + WEFT__FRAME_HEADER;
		size_t nbody = (size_t)n - WEFT__FRAME_HEADER;
		int rc = weft__msg_decode(body, nbody, WEFT__ROLE_TASK, WEFT__ROLE_NODE, &arena, &m,
		                          &error);
		if (rc == WEFT_EDENIED)
			rc = weft__msg_decode(body, nbody, WEFT__ROLE_TASK, WEFT__ROLE_COORD,
			                      &arena, &m, &error);
		if (rc || !hears(d, &m))
			break;
	}
	shutdown(d->fd, SHUT_RDWR);
	weft__arena_fini(&arena);
	free(packet);
	return NULL;
}

static int begin(struct daemon *d, struct weft__engine **e)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	d->fd = fds[0];
	assert_int_equal(pthread_create(&d->thread, NULL, daemon_thread, d), 0);
	*e = NULL;
	return weft__enrol_by(e, &fds[1], NULL, 0);
}

static void finish(struct daemon *d, struct weft__engine **e)
{
	if (*e)
		weft__leave(e);
	shutdown(d->fd, SHUT_RDWR);
	pthread_join(d->thread, NULL);
	if (d->far)
		d->far->ops->close(&d->far);
	close(d->fd);
}

static int count_descriptors(void)
{
	int n = 0;
	for (int fd = 0; fd < 1024; fd++) {
		struct pollfd p = {.fd = fd};
		n += poll(&p, 1, 0) >= 0 && !(p.revents & POLLNVAL);
	}
	return n;
}

/* --- enrolling -------------------------------------------------------------------------------- */

static bool hears_nothing(struct daemon *d, const struct weft__msg *m)
{
	return true;
}

static void a_task_learns_who_it_is(void **state)
{
	struct daemon d = {.hears = hears_nothing, .size = 2};
	struct weft__engine *e;
	assert_int_equal(begin(&d, &e), 0);
	assert_true(weft__tid_equal(weft__self(e), self));
	assert_int_equal(weft__parent(e).v, 5);
	assert_int_equal(weft__size(e), 2);
	assert_int_equal(weft__rank(e), 0);
	assert_int_equal(weft__node(e), 3);
	assert_true(weft__tid_equal(weft__job_tids(e)[1], other));
	finish(&d, &e);
}

static void the_environment_tunes_what_it_may(void **state)
{
	static const struct {
		const char *eager, *spin;
		size_t eager_max;
		uint64_t spin_ns;
	} cases[] = {{"1000", "7", 1000, 7000},
	             {"0", "0", 0, 0},
	             {"-1", "1e3", 65536, 50000},
	             {"99999999999999999999999", "", 65536, 50000},
	             {"16777216", "1000001", 65536, 50000}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct daemon d = {.hears = hears_nothing, .size = 1};
		struct weft__engine *e;
		setenv("WEFT_EAGER_BYTES", cases[i].eager, 1);
		setenv("WEFT_SPIN_US", cases[i].spin, 1);
		assert_int_equal(begin(&d, &e), 0);
		assert_int_equal(e->settings.eager_max, cases[i].eager_max);
		assert_int_equal(e->settings.spin_ns, cases[i].spin_ns);
		finish(&d, &e);
	}
	unsetenv("WEFT_EAGER_BYTES");
	unsetenv("WEFT_SPIN_US");
}

static bool refuses(struct daemon *d, const struct weft__msg *m)
{
	return false;
}

static void a_refusal_is_passed_on_in_words(void **state)
{
	int fds[2];
	struct weft__engine *e = NULL;
	struct weft__buf frame = {0};
	struct weft_error error;
	struct weft__msg m = {
	        .code = WEFT__MSG_REFUSED,
	        .refused = {.code = WEFT_EVERSION, .text = weft__str("I am of 1999")}};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(weft__msg_encode(&frame, &m, &error), 0);
	assert_int_equal(send(fds[0], frame.data, frame.len, 0), frame.len);
	assert_int_equal(weft__ended(weft__enrol_by(&e, &fds[1], NULL, 0)), WEFT_EVERSION);
	assert_string_equal(weft__last_error(), "I am of 1999");
	assert_null(e);
	weft__buf_fini(&frame);
	close(fds[0]);
}

static void a_daemon_that_goes_during_hello_is_no_vm(void **state)
{
	struct daemon d = {.hears = refuses, .size = 0};
	struct weft__engine *e;
	assert_int_equal(begin(&d, &e), WEFT_EPROTO); /* a job of no tasks */
	finish(&d, &e);
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	close(fds[0]);
	assert_int_equal(weft__enrol_by(&e, &fds[1], NULL, 0), WEFT_ENOVM);
	assert_int_equal(fds[1], -1);
}

/* As soon as they have accepted; the one after them, which listens where they did, serves. */
static void *crash_twice(void *arg)
{
	struct daemon *d = arg;
	int listener = d->fd;
	for (int i = 0; i < 2; i++)
		close(accept(listener, NULL, NULL));
	d->fd = accept(listener, NULL, NULL);
	close(listener);
	return daemon_thread(d);
}

static void enrolling_outlives_the_daemon(void **state)
{
	struct daemon d = {.hears = refuses, .size = 1, .fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct weft__engine *e = NULL;
	char nodedir[] = "/tmp/weft-test.XXXXXX";
	assert_non_null(mkdtemp(nodedir));
	snprintf(address.sun_path, sizeof address.sun_path, "%s/sock", nodedir);
	assert_int_equal(bind(d.fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(d.fd, 4), 0);
	int fd = weft__rundir_connect(nodedir, "sock", NULL);
	assert_int_equal(pthread_create(&d.thread, NULL, crash_twice, &d), 0);
	assert_int_equal(weft__enrol_by(&e, &fd, nodedir, 0), 0);
	assert_true(weft__tid_equal(weft__self(e), self));
	finish(&d, &e);
	unlink(address.sun_path);
	rmdir(nodedir);
}

static void enrolling_without_memory_fails_cleanly(void **state)
{
	int before = count_descriptors(), failed = 0;
	for (unsigned long n = 1; n <= 20; n++) {
		struct daemon d = {.size = 2};
		struct weft__engine *e = NULL;
		int fds[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
		d.fd = fds[0];
		welcome(&d); /* the answer is there before the question */
		weft__heap_fail_at(n);
		int rc = weft__enrol_by(&e, &fds[1], NULL, 0);
		weft__heap_fail_at(0);
		if (rc) {
			assert_true(rc == WEFT_ENOMEM || rc == WEFT_ENOVM);
			assert_null(e);
			failed++;
		}
		weft__engine_destroy(&e);
		close(d.fd);
	}
	assert_in_range(failed, 4, 19);
	assert_int_equal(count_descriptors(), before);
}

/* --- questions -------------------------------------------------------------------------------- */

static bool answers(struct daemon *d, const struct weft__msg *m)
{
	uint64_t req = m->result.req;
	struct weft__msg row = {.code = WEFT__MSG_NODE_ROW,
	                        .node_row = {.req = req,
	                                     .node = 1,
	                                     .host = weft__str("alpha"),
	                                     .ncores = 4,
	                                     .ntasks = 2,
	                                     .state = 2}};
	uint64_t tids[3] = {11, 12, 13}, errors[3] = {0, -WEFT_ENOFILE, 0};
	switch (m->code) {
	case WEFT__MSG_LIST:
		say(d, row);
		row.node_row.node = 2;
		say(d, row);
		say(d, (struct weft__msg){.code = WEFT__MSG_LIST_END,
		                          .list_end = {.req = req, .count = 2}});
		break;
	case WEFT__MSG_SPAWN:
		say(d, (struct weft__msg){.code = WEFT__MSG_SPAWNED,
		                          .spawned = {.req = req,
		                                      .job = 4,
		                                      .size = 3,
		                                      .tids = {tids, 2},
		                                      .errors = {errors, 2}}});
		say(d, (struct weft__msg){.code = WEFT__MSG_SPAWNED,
		                          .spawned = {.req = req,
		                                      .job = 4,
		                                      .size = 3,
		                                      .first = 2,
		                                      .tids = {tids + 2, 1},
		                                      .errors = {errors + 2, 1}}});
		break;
	case WEFT__MSG_WAIT:
		say(d, (struct weft__msg){.code = WEFT__MSG_STATUS,
		                          .status = {.req = req,
		                                     .tid = m->wait.tid,
		                                     .exit_code = -1,
		                                     .signo = 9,
		                                     .flags = WEFT__EXIT_CORE,
		                                     .utime_us = 17}});
		break;
	case WEFT__MSG_NAME_GET:
		say(d, (struct weft__msg){.code = WEFT__MSG_NAME_VALUE,
		                          .name_value = {.req = req, .value = {"value", 5}}});
		break;
	case WEFT__MSG_SIGNAL:
		say(d,
		    (struct weft__msg){.code = WEFT__MSG_RESULT,
		                       .result = {.req = req,
		                                  .code = WEFT_ENOTASK,
		                                  .text = weft__str("task t7 ended an hour ago")}});
		break;
	case WEFT__MSG_FORGET:
		break;
	default:
		result(d, req + 500, WEFT_EIO, 0); /* nobody asked that */
		result(d, req, 0, 42);
	}
	return true;
}

static void questions_get_their_answers(void **state)
{
	struct daemon d = {.hears = answers, .size = 1};
	struct weft__engine *e;
	weft_node_t nodes[2];
	weft_tid_t tids[3];
	int n = -1, errors[3];
	weft_exit_t how;
	char value[8];
	size_t nbytes = 0;
	uint64_t number = 0;
	weft_context_t context;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__nodes(e, nodes, 1, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(nodes[0].host, "alpha");
	assert_int_equal(nodes[0].ncores, 4);
	assert_int_equal(weft__spawn(e, "prog", NULL, NULL, 3, tids, errors), 2);
	assert_int_equal(tids[0].v, 11);
	assert_int_equal(tids[1].v, 0);
	assert_int_equal(errors[1], WEFT_ENOFILE);
	assert_int_equal(tids[2].v, 13);
	assert_int_equal(weft__wait_exit(e, other, &how, -1), 0);
	assert_int_equal(how.signo, 9);
	assert_int_equal(how.code, -1);
	assert_int_equal(how.core_dumped, 1);
	assert_int_equal(how.utime_us, 17);
	assert_int_equal(weft__name_get(e, "x", value, sizeof value, &nbytes, -1), 0);
	assert_memory_equal(value, "value", 5);
	assert_int_equal(weft__name_get(e, "x", value, 4, &nbytes, 0), WEFT_ETRUNC);
	assert_int_equal(nbytes, 5);
	assert_int_equal(weft__ended(weft__signal(e, other, 15)), WEFT_ENOTASK);
	assert_string_equal(weft__last_error(), "task t7 ended an hour ago");
	assert_int_equal(weft__group(e, WEFT__GROUP_JOIN, "g", 0, &number, -1), 0);
	assert_int_equal(number, 42);
	assert_int_equal(weft__context_new(e, 1, &context), 0);
	assert_int_equal(context.v, 42);
	finish(&d, &e);
}

static void absurd_arguments_do_not_reach_the_daemon(void **state)
{
	struct daemon d = {.hears = refuses, .size = 1};
	struct weft__engine *e;
	char *name = malloc(300);
	memset(name, 'n', 299);
	name[299] = '\0';
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__spawn(e, "p", NULL, NULL, 0, NULL, NULL), WEFT_EINVAL);
	assert_int_equal(weft__spawn(e, "p", NULL, NULL, -1, NULL, NULL), WEFT_EINVAL);
	assert_int_equal(weft__spawn(e, "", NULL, NULL, 1, NULL, NULL), WEFT_EINVAL);
	assert_int_equal(weft__spawn(e, "p", NULL, NULL, 1 << 30, NULL, NULL), WEFT_ETOOBIG);
	assert_int_equal(weft__signal(e, other, 65), WEFT_EINVAL);
	assert_int_equal(weft__signal(e, other, 0), WEFT_EINVAL);
	assert_int_equal(weft__group(e, WEFT__GROUP_JOIN, name, 0, NULL, -1), WEFT_ETOOBIG);
	assert_int_equal(weft__group(e, WEFT__GROUP_JOIN, "", 0, NULL, -1), WEFT_EINVAL);
	assert_int_equal(weft__name_put(e, "n", NULL, 1, false), WEFT_EINVAL);
	assert_int_equal(weft__name_put(e, "n", name, WEFT_VALUE_MAX + 1, false), WEFT_ETOOBIG);
	assert_int_equal(weft__set_name(e, name), WEFT_ETOOBIG);
	assert_int_equal(weft__notify(e, 4, C, 1, NULL, 0), WEFT_EINVAL);
	assert_int_equal(weft__notify(e, WEFT_NOTIFY_EXIT, C, 1, NULL, 1), WEFT_EINVAL);
	assert_int_equal(weft__notify(e, WEFT_NOTIFY_EXIT, C, -1, NULL, 0), WEFT_EINVAL);
	assert_int_equal(weft__context_new(e, 0, NULL), WEFT_EINVAL);
	assert_int_equal(weft__set_name(e, "still here"), WEFT_ENOVM); /* this one did */
	free(name);
	finish(&d, &e);
}

static bool answers_late(struct daemon *d, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_FORGET)
		d->counter++;
	else if (m->code == WEFT__MSG_WAIT && d->counter++ == 0)
		d->seed = m->wait.req; /* the answer comes with the next question */
	else
		answers(d, &(struct weft__msg){.code = WEFT__MSG_WAIT,
		                               .wait = {.req = d->seed, .tid = other.v}});
	if (m->code == WEFT__MSG_TASK_NAME)
		result(d, m->task_name.req, 0, 0);
	return true;
}

static void an_exit_that_was_asked_for_is_kept_for_the_next_call(void **state)
{
	struct daemon d = {.hears = answers_late, .size = 1};
	struct weft__engine *e;
	weft_exit_t how = {.signo = 0};
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__wait_exit(e, other, &how, 0), WEFT_ETIMEDOUT);
	assert_int_equal(weft__wait_exit(e, other, &how, 5), WEFT_ETIMEDOUT);
	assert_int_equal(weft__set_name(e, "go on"), 0);
	assert_int_equal(weft__wait_exit(e, other, &how, 2000), 0);
	assert_int_equal(how.signo, 9);
	finish(&d, &e);
	assert_int_equal(d.counter, 1);
}

static bool forgets(struct daemon *d, const struct weft__msg *m)
{
	d->counter += m->code == WEFT__MSG_FORGET;
	if (m->code == WEFT__MSG_TASK_NAME)
		result(d, m->task_name.req, 0, 0);
	return true;
}

static void a_question_that_times_out_is_taken_back(void **state)
{
	struct daemon d = {.hears = forgets, .size = 1};
	struct weft__engine *e;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__name_get(e, "never", NULL, 0, NULL, 5), WEFT_ETIMEDOUT);
	assert_int_equal(weft__group(e, WEFT__GROUP_BARRIER, "g", 2, NULL, 5), WEFT_ETIMEDOUT);
	assert_int_equal(weft__set_name(e, "after them"), 0);
	finish(&d, &e);
	assert_int_equal(d.counter, 2);
}

/* The daemon is another one now; the coordinator has heard so many messages of the client. */
static void replace(struct daemon *d, uint64_t heard)
{
	d->heard = heard;
	say(d, (struct weft__msg){.code = WEFT__MSG_AGAIN, .again = {.again = 1}});
}

static bool is_replaced(struct daemon *d, const struct weft__msg *m)
{
	if (m->code != WEFT__MSG_TASK_NAME)
		return true;
	if (d->counter++ == 0)
		replace(d, 0); /* it died with the question */
	else
		result(d, m->task_name.req, 0, 0);
	return true;
}

static void a_new_daemon_is_asked_again(void **state)
{
	struct daemon d = {.hears = is_replaced, .size = 1};
	struct weft__engine *e;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__set_name(e, "survivor"), 0);
	assert_int_equal(d.counter, 2);
	finish(&d, &e);
}

static bool is_replaced_half_way(struct daemon *d, const struct weft__msg *m)
{
	if (m->code != WEFT__MSG_LIST)
		return true;
	struct weft__msg row = {.code = WEFT__MSG_NODE_ROW,
	                        .node_row = {.req = m->list.req, .node = 1}};
	d->counter++;
	d->seed = m->list.req;
	say(d, row);
	replace(d, 1);
	return true;
}

static void the_rest_comes(struct daemon *d, uint64_t seen)
{
	if (seen == 1)
		say(d, (struct weft__msg){.code = WEFT__MSG_LIST_END, .list_end = {.req = d->seed, .count = 1}});
}

static void a_list_that_broke_half_way_goes_on(void **state)
{
	struct daemon d = {.hears = is_replaced_half_way, .resumed = the_rest_comes, .size = 1};
	struct weft__engine *e;
	int n = 0;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__nodes(e, NULL, 0, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(d.counter, 1);
	finish(&d, &e);
}

/* --- introductions ---------------------------------------------------------------------------- */

static bool introduces(struct daemon *d, const struct weft__msg *m)
{
	int fds[2];
	if (m->code == WEFT__MSG_NOTIFY)
		result(d, m->notify.req, 0, 0);
	if (m->code != WEFT__MSG_CONNECT)
		return true;
	struct weft__msg channel = {.code = WEFT__MSG_CHANNEL, .channel = {.tid = m->connect.tid}};
	if (m->connect.tid != other.v) {
		channel.channel.code = m->connect.tid == 0x404 ? WEFT_ENOTASK : WEFT_ENOSPC;
		say(d, channel);
		return true;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) ||
	    weft__stream_open(&fds[0], &d->far))
		return false;
	channel.channel.kind = WEFT__CHANNEL_STREAM;
	struct weft__hdr hello = {.kind = WEFT__EAGER, .tag = 5, .len = 4};
	size_t taken = 0;
	d->far->ops->send(d->far, &hello, "last", &taken);
	/* Its end is told before its channel is read: the message comes first all the same. */
	say_with(d, &channel, &fds[1], 1);
	say(d, (struct weft__msg){.code = WEFT__MSG_NOTICE,
	                          .notice = {.kind = WEFT__NOTIFY_EXIT,
	                                     .tag = 6,
	                                     .tid = other.v,
	                                     .exit_code = 3}});
	d->far->ops->close(&d->far);
	say(d, (struct weft__msg){.code = WEFT__MSG_TASK_GONE, .task_gone = {.tid = other.v}});
	return true;
}

static void an_exit_notice_comes_after_the_last_message(void **state)
{
	struct daemon d = {.hears = introduces, .size = 1};
	struct weft__engine *e;
	weft_notice_t notice;
	weft_status_t status;
	char in[8];
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__notify(e, WEFT_NOTIFY_EXIT, C, 6, &other.v, 1), 0); /* else it is not waited for */
	assert_int_equal(weft__recv(e, other, C, WEFT_ANY_TAG, in, 8, &status, 5000), 0);
	assert_int_equal(status.tag, 5);
	assert_int_equal(
	        weft__recv(e, other, C, WEFT_ANY_TAG, &notice, sizeof notice, &status, 5000), 0);
	assert_int_equal(status.tag, 6);
	assert_int_equal(notice.what, WEFT_NOTIFY_EXIT);
	assert_int_equal(notice.how.code, 3);
	assert_int_equal(notice.how.tid.v, other.v);
	assert_int_equal(weft__recv(e, other, C, WEFT_ANY_TAG, in, 8, &status, 5000), WEFT_ENOTASK);
	finish(&d, &e);
}

static bool tells_late(struct daemon *d, const struct weft__msg *m)
{
	if (m->code == WEFT__MSG_NOTIFY) {
		result(d, m->notify.req, 0, 0);
		if (!m->notify.cancel)
			say(d, (struct weft__msg){.code = WEFT__MSG_TASK_GONE,
			                          .task_gone = {.tid = other.v}});
	} else if (m->code == WEFT__MSG_TASK_NAME) {
		say(d, (struct weft__msg){.code = WEFT__MSG_NOTICE,
		                          .notice = {.kind = WEFT__NOTIFY_EXIT,
		                                     .tag = 6,
		                                     .tid = other.v,
		                                     .signo = 9}});
		result(d, m->task_name.req, 0, 0);
	}
	return true;
}

static void a_notice_that_comes_late_is_waited_for(void **state)
{
	for (int cancel = 0; cancel < 2; cancel++) {
		struct daemon d = {.hears = tells_late, .size = 1};
		struct weft__engine *e;
		weft_notice_t notice;
		weft_request_t named, any_tag, wrong;
		char in;
		assert_int_equal(begin(&d, &e), 0);
		assert_int_equal(weft__irecv(e, other, C, 6, &notice, sizeof notice, &named), 0);
		assert_int_equal(weft__irecv(e, other, C, WEFT_ANY_TAG, &in, 1, &any_tag), 0);
		assert_int_equal(weft__irecv(e, other, C, 5, &in, 1, &wrong), 0);
		assert_int_equal(weft__notify(e, WEFT_NOTIFY_EXIT, C, 6, &other.v, 1), 0);
		assert_int_equal(weft__wait(e, &wrong, NULL, 5000), WEFT_ENOTASK);
		assert_int_equal(weft__recv(e, other, C, 5, &in, 1, NULL, 5000), WEFT_ENOTASK);
		assert_int_equal(weft__recv(e, other, C, 6, &in, 1, NULL, 5), WEFT_ETIMEDOUT);
		assert_int_equal(weft__test(e, &named, NULL), WEFT_EAGAIN);
		if (cancel)
			assert_int_equal(weft__notify(e, WEFT_NOTIFY_EXIT | WEFT_NOTIFY_CANCEL, C,
			                              6, &other.v, 1),
			                 0);
		else
			assert_int_equal(weft__set_name(e, "go on"), 0);
		assert_int_equal(weft__wait(e, &named, NULL, 5000), cancel ? WEFT_ENOTASK : 0);
		assert_true(cancel || notice.how.signo == 9);
		assert_int_equal(weft__wait(e, &any_tag, NULL, 5000), WEFT_ENOTASK);
		assert_int_equal(weft__recv(e, other, C, 6, &in, 1, NULL, 5000), WEFT_ENOTASK);
		finish(&d, &e);
	}
}

static void a_channel_that_is_not_to_be_had_is_an_error(void **state)
{
	struct daemon d = {.hears = introduces, .size = 1};
	struct weft__engine *e;
	weft_tid_t dead = {0x404}, crowded = {500};
	char byte = 0;
	assert_int_equal(begin(&d, &e), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(weft__ended(weft__send(e, dead, C, 1, &byte, 1, -1)),
		                 WEFT_ENOTASK);
		assert_non_null(strstr(weft__last_error(), "t404"));
		assert_int_equal(weft__recv(e, dead, C, 1, &byte, 1, NULL, -1), WEFT_ENOTASK);
		assert_int_equal(weft__send(e, crowded, C, 1, &byte, 1, -1), WEFT_ENOSPC);
		assert_int_equal(weft__recv(e, crowded, C, 1, &byte, 1, NULL, -1), WEFT_ENOSPC);
	}
	finish(&d, &e);
}

/* More descriptors than the task takes: the kernel drops some, as when the process has no place for
 * them. */
static bool sends_too_many_descriptors(struct daemon *d, const struct weft__msg *m)
{
	int fds[6];
	if (m->code != WEFT__MSG_CONNECT)
		return true;
	for (int i = 0; i < 6; i++)
		fds[i] = dup(d->fd);
	struct weft__msg channel = {
	        .code = WEFT__MSG_CHANNEL,
	        .channel = {.tid = m->connect.tid, .kind = WEFT__CHANNEL_STREAM}};
	say_with(d, &channel, fds, 6);
	return true;
}

static void a_channel_whose_descriptors_are_lost_is_an_error(void **state)
{
	int before = count_descriptors();
	struct daemon d = {.hears = sends_too_many_descriptors, .size = 1};
	struct weft__engine *e;
	char byte = 0;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__send(e, other, C, 1, &byte, 1, 5000), WEFT_ENOSPC);
	assert_int_equal(weft__recv(e, other, C, 1, &byte, 1, NULL, 5000), WEFT_ENOSPC);
	finish(&d, &e);
	assert_int_equal(count_descriptors(), before);
}

static void a_task_that_is_gone_for_its_node_ends_those_that_wait(void **state)
{
	struct daemon d = {.hears = hears_nothing, .size = 1};
	struct weft__engine *e;
	weft_request_t r, s;
	char byte = 0;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__irecv(e, other, C, 1, &byte, 1, &r), 0);
	assert_int_equal(weft__isend(e, other, C, 1, &byte, 1, &s), 0);
	say(&d, (struct weft__msg){.code = WEFT__MSG_TASK_GONE,
	                           .task_gone = {.tid = other.v, .lost = 1}});
	assert_int_equal(weft__wait(e, &r, NULL, 5000), WEFT_ENOTASK);
	assert_int_equal(weft__wait(e, &s, NULL, 5000), WEFT_ENOTASK);
	finish(&d, &e);
}

/* --- a daemon that is mad, or gone ------------------------------------------------------------ */

static bool says_rubbish(struct daemon *d, const struct weft__msg *m)
{
	struct weft__rng rng;
	struct weft__buf frame = {0};
	struct weft_error error;
	weft__rng_init(&rng, d->seed);
	struct weft__msg answer = {.code = WEFT__MSG_RESULT, .result = {.req = m->result.req}};
	weft__msg_encode(&frame, &answer, &error);
	int fds[4];
	int nfds = (int)weft__rng_below(&rng, 5);
	for (int i = 0; i < nfds; i++)
		fds[i] = dup(d->fd);
	switch (d->seed % 6) {
	case 0: /* not a frame */
		say_bytes(d, "rubbish", 7, fds, nfds);
		break;
	case 1: /* cut */
		say_bytes(d, frame.data, 1 + weft__rng_below(&rng, frame.len - 1), fds, nfds);
		break;
	case 2: /* longer than it says */
		weft__buf_append(&frame, "more", 4);
		say_bytes(d, frame.data, frame.len, fds, nfds);
		break;
	case 3: /* something that a task is never told */
		weft__buf_fini(&frame);
		answer = (struct weft__msg){.code = WEFT__MSG_HEARTBEAT};
		weft__msg_encode(&frame, &answer, &error);
		say_bytes(d, frame.data, frame.len, fds, nfds);
		break;
	case 4: /* one byte is another */
		frame.data[weft__rng_below(&rng, WEFT__FRAME_HEADER)] ^= 0xff;
		say_bytes(d, frame.data, frame.len, fds, nfds);
		break;
	default: /* empty */
		say_bytes(d, "", 0, fds, nfds);
	}
	weft__buf_fini(&frame);
	return true;
}

static void rubbish_from_the_daemon_is_no_vm(void **state)
{
	int before = count_descriptors();
	for (uint64_t seed = 0; seed < 30; seed++) {
		struct daemon d = {.hears = says_rubbish, .size = 1, .seed = seed};
		struct weft__engine *e;
		char byte;
		assert_int_equal(begin(&d, &e), 0);
		assert_int_equal(weft__set_name(e, "x"), WEFT_ENOVM);
		assert_int_equal(weft__set_name(e, "x"), WEFT_ENOVM);
		/* Messages to oneself need no daemon. */
		assert_int_equal(weft__send(e, self, C, 1, "y", 1, -1), 0);
		assert_int_equal(weft__recv(e, self, C, 1, &byte, 1, NULL, -1), 0);
		finish(&d, &e);
	}
	assert_int_equal(count_descriptors(), before);
}

static bool says_odd_things(struct daemon *d, const struct weft__msg *m)
{
	uint64_t tids[3] = {1, 2, 3};
	int fds[4];
	for (int i = 0; i < 4; i++)
		fds[i] = dup(d->fd);
	struct weft__msg channel = {.code = WEFT__MSG_CHANNEL,
	                            .channel = {.tid = 31, .kind = 1, .side = 1}};
	say_with(d, &channel, fds, 4); /* no memfd */
	channel.channel = (struct weft__msg_channel){.tid = 32, .kind = 2};
	say(d, channel); /* no descriptor */
	channel.channel.tid = self.v;
	say(d, channel);
	channel.channel.tid = 0;
	say(d, channel);
	say(d, (struct weft__msg){
	               .code = WEFT__MSG_TEAM,
	               .team = {.job = 9, .size = 1, .first = UINT32_MAX, .tids = {tids, 3}}});
	say(d, (struct weft__msg){.code = WEFT__MSG_TEAM,
	                          .team = {.job = 9, .size = 1, .tids = {tids, 3}}});
	say(d, (struct weft__msg){.code = WEFT__MSG_TASK_GONE, .task_gone = {.tid = 99}});
	say(d, (struct weft__msg){.code = WEFT__MSG_NOTICE,
	                          .notice = {.kind = 3, .tag = -1, .node = 4}});
	say(d, (struct weft__msg){
	               .code = WEFT__MSG_SPAWNED,
	               .spawned = {.req = m->result.req, .first = UINT32_MAX, .tids = {tids, 3}}});
	say(d,
	    (struct weft__msg){.code = WEFT__MSG_LIST_END, .list_end = {.req = m->result.req + 1}});
	result(d, m->result.req, 0, 0);
	return true;
}

static void odd_but_well_formed_messages_do_no_harm(void **state)
{
	int before = count_descriptors();
	struct daemon d = {.hears = says_odd_things, .size = 1};
	struct weft__engine *e;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__set_name(e, "x"), 0);
	assert_true(weft__tid_equal(weft__job_tids(e)[0], self));
	assert_int_equal(weft__set_name(e, "y"), 0);
	finish(&d, &e);
	assert_int_equal(count_descriptors(), before);
}

static void a_daemon_that_goes_ends_what_waits_for_it(void **state)
{
	struct daemon d = {.hears = refuses, .size = 1};
	struct weft__engine *e;
	weft_request_t r;
	weft_exit_t how;
	char byte;
	assert_int_equal(begin(&d, &e), 0);
	assert_int_equal(weft__irecv(e, other, C, 1, &byte, 1, &r),
	                 0); /* asks for a channel: it goes */
	assert_int_equal(weft__wait(e, &r, NULL, 5000), WEFT_ENOVM);
	assert_int_equal(weft__wait_exit(e, other, &how, -1), WEFT_ENOVM);
	assert_int_equal(weft__nodes(e, NULL, 0, (int[]){0}), WEFT_ENOVM);
	assert_int_equal(weft__send(e, other, C, 1, &byte, 1, -1), WEFT_ENOVM);
	finish(&d, &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_task_learns_who_it_is),
	        cmocka_unit_test(the_environment_tunes_what_it_may),
	        cmocka_unit_test(a_refusal_is_passed_on_in_words),
	        cmocka_unit_test(a_daemon_that_goes_during_hello_is_no_vm),
	        cmocka_unit_test(enrolling_outlives_the_daemon),
	        cmocka_unit_test(enrolling_without_memory_fails_cleanly),
	        cmocka_unit_test(questions_get_their_answers),
	        cmocka_unit_test(absurd_arguments_do_not_reach_the_daemon),
	        cmocka_unit_test(an_exit_that_was_asked_for_is_kept_for_the_next_call),
	        cmocka_unit_test(a_question_that_times_out_is_taken_back),
	        cmocka_unit_test(a_new_daemon_is_asked_again),
	        cmocka_unit_test(a_list_that_broke_half_way_goes_on),
	        cmocka_unit_test(an_exit_notice_comes_after_the_last_message),
	        cmocka_unit_test(a_notice_that_comes_late_is_waited_for),
	        cmocka_unit_test(a_channel_that_is_not_to_be_had_is_an_error),
	        cmocka_unit_test(a_channel_whose_descriptors_are_lost_is_an_error),
	        cmocka_unit_test(a_task_that_is_gone_for_its_node_ends_those_that_wait),
	        cmocka_unit_test(rubbish_from_the_daemon_is_no_vm),
	        cmocka_unit_test(odd_but_well_formed_messages_do_no_harm),
	        cmocka_unit_test(a_daemon_that_goes_ends_what_waits_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
