/* calls - a program that uses all of weft.h on a machine of two nodes; calls.sh runs it. It spawns
 * itself with the name of a role. Prints a line for each part that is as it should be, and stops at
 * the first that is not. */
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bindings/c/weft.h"

#define C WEFT_CONTEXT

enum { HELLO = 1, ECHO, LAST, NOTICE, STOP, WAIT_MS = 20000 };

static const char *program;

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(int condition, const char *text, int line)
{
	if (condition)
		return;
	printf("not so: %s (line %d; %s)\n", text, line, weft_last_error());
	exit(1);
}

static void done(const char *what)
{
	printf("%s\n", what);
	fflush(stdout);
}

static weft_tid_t spawn(const char *role, const char *host)
{
	const char *const argv[] = {role, NULL};
	weft_spawn_opts_t opts = {.host = host};
	weft_tid_t tid = WEFT_NO_TID;
	int error = 0;
	CHECK(weft_spawn(program, argv, &opts, 1, &tid, &error) == 1);
	CHECK(tid.v != 0 && error == 0);
	return tid;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* --- roles ------------------------------------------------------------------------------------ */

static int echo(void)
{
	weft_tid_t parent = weft_parent();
	weft_status_t status;
	void *in = NULL;
	CHECK(weft_send(parent, C, HELLO, "hi", 2, WAIT_MS) == 0);
	for (;;) {
		int rc = weft_recv_alloc(WEFT_ANY_TASK, C, WEFT_ANY_TAG, &in, &status, WAIT_MS);
		CHECK(rc == 0);
		if (status.tag == STOP)
			break;
		CHECK(weft_send(status.source, C, status.tag, in, status.nbytes, WAIT_MS) == 0);
		weft_free(in);
	}
	weft_free(in);
	return weft_fini() ? 1 : 0;
}

/* Ends without weft_fini, and with messages that it has not received: what it sent arrives all the
 * same. */
static int last_words(void)
{
	CHECK(weft_send(weft_parent(), C, HELLO, "hi", 2, WAIT_MS) == 0);
	CHECK(weft_recv(weft_parent(), C, ECHO, NULL, 0, NULL, WAIT_MS) == 0);
	for (int i = 0; i < 200; i++)
		CHECK(weft_send(weft_parent(), C, LAST, &i, sizeof i, WAIT_MS) == 0);
	return 5;
}

static int sleeper(void)
{
	CHECK(weft_send(weft_parent(), C, HELLO, "hi", 2, WAIT_MS) == 0);
	pause();
	return 0;
}

static int member(void)
{
	CHECK(weft_group_join("crew") == 1);
	CHECK(weft_name_put("member is here", "yes", 4, 0) == 0);
	CHECK(weft_group_barrier("crew", 2, WAIT_MS) == 0);
	CHECK(weft_group_leave("crew") == 0);
	return 0;
}

/* All tasks of a job meet each other at once. */
static int meet(void)
{
	int64_t sum = 0;
	for (int to = 0; to < weft_size(); to++) {
		int64_t rank = weft_rank();
		CHECK(weft_send(weft_team_tid(weft_team_job(), to), C, HELLO, &rank, sizeof rank,
		                WAIT_MS) == 0);
	}
	for (int i = 0; i < weft_size(); i++) {
		int64_t rank;
		CHECK(weft_recv(WEFT_ANY_TASK, C, HELLO, &rank, sizeof rank, NULL, WAIT_MS) == 0);
		sum += rank;
	}
	CHECK(sum == (int64_t)weft_size() * (weft_size() - 1) / 2);
	return weft_fini() ? 1 : 0;
}

/* All want to meet, and end before it comes to that. */
static int ask_and_go(void)
{
	weft_request_t r;
	for (int to = 0; to < weft_size(); to++)
		weft_isend(weft_team_tid(weft_team_job(), to), C, HELLO, "", 0, &r);
	return 0;
}

/* --- what the first task checks --------------------------------------------------------------- */

static void itself(void)
{
	weft_node_t nodes[8];
	weft_task_t tasks[8];
	int n = 0, found = 0;
	CHECK(weft_init() == 0);
	CHECK(weft_size() == 1 && weft_rank() == 0 && weft_node() >= 1 && weft_parent().v == 0);
	CHECK(weft_nodes(nodes, 8, &n) == 0 && n == 2);
	CHECK(nodes[0].ncores > 0 && nodes[0].host[0] && nodes[0].node != nodes[1].node);
	CHECK(weft_nodes(NULL, 0, &n) == 0 && n == 2);
	CHECK(weft_set_name("first") == 0);
	CHECK(weft_tasks(0, 0, tasks, 8, &n) == 0 && n >= 1);
	for (int i = 0; i < n && i < 8; i++)
		if (weft_tid_equal(tasks[i].tid, weft_self()))
			found = strcmp(tasks[i].name, "first") == 0 && tasks[i].pid == getpid();
	CHECK(found);
	done("itself");
}

static void spawning(void)
{
	weft_tid_t tids[3];
	int errors[3];
	weft_spawn_opts_t nowhere = {.host = "no-such-host"}, second = {.host = "#2", .wdir = "/"};
	const char *const sh[] = {"-c", "test \"$PWD\" = / && test \"$WEFT_NODE\" = 2 && exit 3",
	                          NULL};
	weft_exit_t how;
	CHECK(weft_spawn("/no/such/program", NULL, NULL, 2, tids, errors) == WEFT_ENOFILE);
	CHECK(weft_spawn("/", NULL, NULL, 1, NULL, NULL) == WEFT_ENOEXEC);
	CHECK(weft_spawn(program, NULL, &nowhere, 1, tids, errors) == WEFT_ENONODE);
	CHECK(weft_spawn(program, NULL, NULL, 0, tids, errors) == WEFT_EINVAL);
	CHECK(weft_spawn("sh", sh, &second, 3, tids, errors) == 3);
	for (int i = 0; i < 3; i++) {
		CHECK(weft_wait_exit(tids[i], &how, WAIT_MS) == 0);
		CHECK(how.code == 3 && how.signo == 0 && weft_tid_equal(how.tid, tids[i]));
		CHECK(weft_wait_exit(tids[i], &how, WAIT_MS) == WEFT_ENOTASK);
	}
	CHECK(weft_wait_exit((weft_tid_t){0x1234567}, &how, WAIT_MS) == WEFT_ENOTASK);
	done("spawn");
}

static void messages(const char *host, const char *what)
{
	static char out[3 << 20], in[3 << 20];
	weft_tid_t tid = spawn("echo", host);
	weft_status_t status;
	weft_exit_t how;
	CHECK(weft_wait_exit(tid, &how, 0) == WEFT_ETIMEDOUT);
	CHECK(weft_recv(tid, C, HELLO, in, sizeof in, &status, WAIT_MS) == 0 && status.nbytes == 2);
	for (size_t n = 0; n <= sizeof out; n = n ? n * 8 : 1) {
		for (size_t i = 0; i < n; i++)
			out[i] = (char)(i % 251 + n);
		CHECK(weft_sendrecv(tid, ECHO, out, n, tid, ECHO, in, sizeof in, C, &status,
		                    WAIT_MS) == 0);
		CHECK(status.nbytes == n && memcmp(in, out, n) == 0);
	}
	CHECK(weft_mcast((weft_tid_t[]){tid, weft_self()}, 2, C, ECHO, "both", 4, WAIT_MS) == 0);
	CHECK(weft_recv(weft_self(), C, ECHO, in, 4, NULL, WAIT_MS) == 0);
	CHECK(weft_recv(tid, C, ECHO, in, 4, NULL, WAIT_MS) == 0 && memcmp(in, "both", 4) == 0);
	struct pollfd fd = {.fd = weft_fd(), .events = POLLIN};
	CHECK(weft_progress() == 0);
	CHECK(weft_send(tid, C, ECHO, "poll", 4, WAIT_MS) == 0);
	while (weft_recv(tid, C, ECHO, in, 4, NULL, 0) == WEFT_ETIMEDOUT) {
		CHECK(poll(&fd, 1, WAIT_MS) == 1);
		CHECK(weft_progress() == 0);
	}
	CHECK(weft_send(tid, C, STOP, NULL, 0, WAIT_MS) == 0);
	CHECK(weft_wait_exit(tid, &how, WAIT_MS) == 0 && how.code == 0);
	CHECK(weft_recv(tid, C, ECHO, in, 4, NULL, WAIT_MS) == WEFT_ENOTASK);
	CHECK(weft_send(tid, C, ECHO, in, 4, WAIT_MS) == WEFT_ENOTASK);
	done(what);
}

static void ends(const char *host, const char *what)
{
	weft_status_t status;
	weft_notice_t notice;
	weft_exit_t how;
	int i;
	static char unread[1000];
	weft_tid_t tid = spawn("last_words", host);
	CHECK(weft_recv(tid, C, HELLO, &i, sizeof i, NULL, WAIT_MS) == 0);
	for (int n = 0; n < 50; n++)
		CHECK(weft_send(tid, C, LAST, unread, sizeof unread, WAIT_MS) == 0);
	CHECK(weft_send(tid, C, ECHO, NULL, 0, WAIT_MS) == 0);
	CHECK(weft_send(tid, C, LAST, unread, sizeof unread, 0) == 0);
	CHECK(weft_notify(WEFT_NOTIFY_EXIT, C, NOTICE, &tid.v, 1) == 0);
	CHECK(weft_wait_exit(tid, &how, WAIT_MS) == 0 && how.code == 5);
	for (int n = 0; n < 200; n++)
		CHECK(weft_recv(WEFT_ANY_TASK, C, WEFT_ANY_TAG, &i, sizeof i, &status, WAIT_MS) ==
		              0 &&
		      status.tag == LAST && i == n);
	CHECK(weft_recv(WEFT_ANY_TASK, C, WEFT_ANY_TAG, &notice, sizeof notice, &status, WAIT_MS) ==
	      0);
	CHECK(status.tag == NOTICE && status.nbytes == sizeof notice &&
	      weft_tid_equal(status.source, tid));
	CHECK(notice.what == WEFT_NOTIFY_EXIT && notice.how.code == 5);
	CHECK(weft_notify(WEFT_NOTIFY_EXIT, C, NOTICE, &tid.v, 1) ==
	      0); /* it has happened already */
	CHECK(weft_recv(WEFT_ANY_TASK, C, NOTICE, &notice, sizeof notice, NULL, WAIT_MS) == 0);

	tid = spawn("sleeper", host);
	CHECK(weft_recv(tid, C, HELLO, &i, sizeof i, NULL, WAIT_MS) == 0);
	CHECK(weft_wait_exit(tid, &how, 0) == WEFT_ETIMEDOUT);
	double start = now();
	CHECK(weft_kill(tid) == 0);
	CHECK(weft_recv(tid, C, HELLO, &i, sizeof i, NULL, WAIT_MS) == WEFT_ENOTASK);
	CHECK(now() - start < 2);
	CHECK(weft_wait_exit(tid, &how, WAIT_MS) == 0 && how.signo == SIGKILL && how.code == -1);
	CHECK(weft_kill(tid) == WEFT_ENOTASK);
	tid = spawn("sleeper", host);
	CHECK(weft_recv(tid, C, HELLO, &i, sizeof i, NULL, WAIT_MS) == 0);
	CHECK(weft_signal(tid, SIGUSR1) == 0);
	CHECK(weft_wait_exit(tid, &how, WAIT_MS) == 0 && how.signo == SIGUSR1);
	done(what);
}

static void groups(void)
{
	char value[4];
	size_t n;
	weft_tid_t tid;
	CHECK(weft_group_size("crew") == WEFT_ENOGROUP);
	CHECK(weft_group_join("crew") == 0);
	CHECK(weft_group_join("crew") == WEFT_EALREADY);
	weft_tid_t child = spawn("member", NULL);
	CHECK(weft_name_wait("member is here", value, 1, &n, WAIT_MS) == WEFT_ETRUNC && n == 4);
	CHECK(weft_name_wait("member is here", value, sizeof value, NULL, WAIT_MS) == 0);
	CHECK(strcmp(value, "yes") == 0);
	CHECK(weft_group_size("crew") == 2);
	CHECK(weft_group_member("crew", 1, &tid) == 0 && weft_tid_equal(tid, child));
	CHECK(weft_group_member("crew", 2, &tid) == WEFT_ENOTMEMBER);
	CHECK(weft_group_instance("crew", child) == 1);
	CHECK(weft_group_barrier("crew", 2, WAIT_MS) == 0);
	CHECK(weft_wait_exit(child, NULL, WAIT_MS) == 0);
	CHECK(weft_group_barrier("crew", 2, 50) == WEFT_ETIMEDOUT);
	CHECK(weft_group_leave("crew") == 0);
	CHECK(weft_group_leave("crew") == WEFT_ENOGROUP);
	done("groups");
}

static void names(void)
{
	char value[8];
	CHECK(weft_name_get("a name", value, sizeof value, NULL) == WEFT_ENOENT);
	CHECK(weft_name_wait("a name", value, sizeof value, NULL, 50) == WEFT_ETIMEDOUT);
	CHECK(weft_name_put("a name", "one", 4, 0) == 0);
	CHECK(weft_name_put("a name", "two", 4, 0) == WEFT_EEXIST);
	CHECK(weft_name_put("a name", "two", 4, 1) == 0);
	CHECK(weft_name_get("a name", value, sizeof value, NULL) == 0 && strcmp(value, "two") == 0);
	CHECK(weft_name_delete("a name") == 0);
	CHECK(weft_name_delete("a name") == WEFT_ENOENT);
	weft_context_t one, two;
	CHECK(weft_context_new(&one) == 0 && weft_context_new(&two) == 0);
	CHECK(one.v && two.v && one.v != two.v);
	done("names");
}

static void nodes(void)
{
	uint32_t added = 0;
	weft_notice_t notice;
	weft_status_t status;
	char byte;
	CHECK(weft_notify(WEFT_NOTIFY_ADDED, C, NOTICE, NULL, -1) == 0);
	CHECK(weft_add_node(NULL, &added) == 0 && added >= 3);
	CHECK(weft_recv(weft_self(), C, NOTICE, &notice, sizeof notice, &status, WAIT_MS) == 0);
	CHECK(notice.what == WEFT_NOTIFY_ADDED && notice.node == added);
	uint64_t id = added;
	CHECK(weft_notify(WEFT_NOTIFY_LOST, C, NOTICE, &id, 1) == 0);
	char host[16];
	snprintf(host, sizeof host, "#%u", added);
	weft_tid_t tid = spawn("sleeper", host);
	CHECK(weft_recv(tid, C, HELLO, &byte, 1, NULL, WAIT_MS) == WEFT_ETRUNC);
	CHECK(weft_remove_node(added) == 0);
	CHECK(weft_recv(tid, C, HELLO, &byte, 1, NULL, WAIT_MS) == WEFT_ENOTASK);
	CHECK(weft_recv(weft_self(), C, NOTICE, &notice, sizeof notice, &status, WAIT_MS) == 0);
	CHECK(notice.what == WEFT_NOTIFY_LOST && notice.node == added);
	CHECK(weft_remove_node(added) == WEFT_ENONODE);
	CHECK(weft_remove_node(1) == WEFT_EDENIED);
	done("nodes");
}

/* In the child of a fork: not enrolled, until it enrols as a task of its own. */
static int forked(weft_tid_t parent)
{
	if (weft_rank() != WEFT_ENOTINIT || weft_send(parent, C, 1, "", 0, 0) != WEFT_ENOTINIT)
		return 1;
	if (weft_init() != 0 || weft_tid_equal(weft_self(), parent))
		return 2;
	return weft_send(parent, C, HELLO, "child", 6, WAIT_MS) == 0 ? 0 : 3;
}

static void leaving(void)
{
	char in[8];
	weft_status_t came;
	int status = 0;
	weft_tid_t self = weft_self();
	pid_t pid = fork();
	if (pid == 0)
		_exit(forked(self));
	CHECK(weft_recv(WEFT_ANY_TASK, C, HELLO, in, 8, &came, WAIT_MS) == 0 &&
	      strcmp(in, "child") == 0);
	CHECK(!weft_tid_equal(came.source, self));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	weft_tid_t tid = spawn("echo", "#2"), before = weft_self();
	CHECK(weft_recv(tid, C, HELLO, in, 2, NULL, WAIT_MS) == 0);
	CHECK(weft_fini() == 0);
	CHECK(weft_fini() == WEFT_ENOTINIT && weft_rank() == WEFT_ENOTINIT);
	CHECK(weft_init() == 0);
	CHECK(!weft_tid_equal(before, weft_self()) && weft_size() == 1);
	CHECK(weft_sendrecv(tid, ECHO, "again", 6, tid, ECHO, in, 8, C, NULL, WAIT_MS) == 0);
	CHECK(strcmp(in, "again") == 0);
	CHECK(weft_send(tid, C, STOP, NULL, 0, WAIT_MS) == 0);
	CHECK(weft_fini() == 0);
	done("leaving");
}

/* Buffers of weft_alloc to and fro among tasks of one node, some freed and made anew on the way. */
enum { SHARED_BYTES = 1 << 20, ROUNDS = 12 };

/* Has this process mapped a buffer of another one? Its own it could write. */
static int reads_another_one(void)
{
	char line[512];
	int found = 0;
	FILE *f = fopen("/proc/self/maps", "r");
	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		found |= strstr(line, "weft-buffer") && strstr(line, " r--s ");
	fclose(f);
	return found;
}

static void shared_round(weft_team_t *team, int round, char *out, char *in)
{
	int me = weft_rank(), n = weft_size(), right = (me + 1) % n, left = (me + n - 1) % n;
	weft_tid_t to = weft_team_tid(team, right), from = weft_team_tid(team, left);
	weft_status_t status;
	memset(out, me * ROUNDS + round, SHARED_BYTES);
	CHECK(weft_sendrecv(to, ECHO, out, SHARED_BYTES, from, ECHO, in, SHARED_BYTES, C, &status,
	                    WAIT_MS) == 0);
	CHECK(in[0] == (char)(left * ROUNDS + round) && memcmp(in, in + 1, SHARED_BYTES - 1) == 0);
	CHECK(weft_sendrecv(to, ECHO, out, SHARED_BYTES, from, ECHO, in, 1000, C, &status, WAIT_MS) ==
	      WEFT_ETRUNC);
	CHECK(status.nbytes == SHARED_BYTES);
	if (me == 0)
		memset(out, round, SHARED_BYTES);
	CHECK(weft_bcast(team, out, SHARED_BYTES, WEFT_UINT8, 0) == 0);
	CHECK(out[0] == (char)round && memcmp(out, out + 1, SHARED_BYTES - 1) == 0);
	weft_request_t r;
	CHECK(weft_isend(to, C, LAST, out, SHARED_BYTES, &r) == 0);
	int canceled = weft_cancel(r) == 0;
	CHECK(weft_send(to, C, NOTICE, &canceled, sizeof canceled, WAIT_MS) == 0);
	CHECK(weft_recv(from, C, NOTICE, &canceled, sizeof canceled, NULL, WAIT_MS) == 0);
	if (!canceled)
		CHECK(weft_recv(from, C, LAST, in, SHARED_BYTES, NULL, WAIT_MS) == 0);
	int rc = weft_wait(&r, NULL, WAIT_MS);
	CHECK(rc == 0 || rc == WEFT_ECANCELED);
}

static int shared(void)
{
	weft_team_t *team = weft_team_job();
	char *out = NULL, *in = weft_alloc(SHARED_BYTES);
	for (int round = 0; round < ROUNDS; round++) {
		if (round % 4 == 0) {
			weft_free(out);
			CHECK((out = weft_alloc(SHARED_BYTES)) != NULL);
		}
		shared_round(team, round, out, in);
	}
	const char *least = getenv("WEFT_SHARE_BYTES");
	int expected = least && *least != '0';
	for (double until = now() + 10; expected && !reads_another_one() && now() < until;)
		CHECK(weft_progress() == 0); /* the node may be slow to pass it on */
	CHECK(reads_another_one() == expected);
	CHECK(weft_barrier(team) == 0);
	CHECK(weft_fini() == 0);
	CHECK(!reads_another_one());
	weft_free(out);
	weft_free(in);
	CHECK((in = weft_alloc(SHARED_BYTES)) != NULL); /* of no task: ordinary memory */
	memset(in, 1, SHARED_BYTES);
	weft_free(in);
	return 0;
}

int main(int argc, char **argv)
{
	program = argv[0];
	const char *role = argc > 1 ? argv[1] : "";
	if (*role)
		CHECK(weft_init() == 0);
	if (strcmp(role, "echo") == 0)
		return echo();
	if (strcmp(role, "last_words") == 0)
		return last_words();
	if (strcmp(role, "sleeper") == 0)
		return sleeper();
	if (strcmp(role, "member") == 0)
		return member();
	if (strcmp(role, "meet") == 0)
		return meet();
	if (strcmp(role, "ask_and_go") == 0)
		return ask_and_go();
	if (strcmp(role, "shared") == 0)
		return shared();
	itself();
	spawning();
	messages("#1", "messages on one node");
	messages("#2", "messages between nodes");
	ends("#1", "ends on one node");
	ends("#2", "ends between nodes");
	groups();
	names();
	nodes();
	leaving();
	return 0;
}
