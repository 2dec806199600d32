/* weft-standin PID PATH ARGV0 [ARGUMENT...]: stands for a task that another task, the tasker with process PID, starts.
 *
 * Happy path: we were born as the task, with its connection to the node. The node is asked, on a connection of our own, to
 * have the tasker start PATH. The process that it starts comes to our socket ($WEFT_STANDIN), and gets the task's connection.
 * Signals that we get are passed on to it. The tasker tells how it has ended, and so do we end.
 *
 * What can go wrong: there is no tasker any more before the process has come, or it says that it could not start it: we
 * end with its status, or with 127. The process ends and nobody says how: with 0, as in PVM. The process is no
 * program of Weft and never comes: only the tasker knows when it ends, and signals can't be passed on. The
 * node's daemon goes: the next one is asked, too. Another user comes to our socket: he gets nothing.
 */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/ids.h"
#include "base/rundir.h"
#include "node/standin.h"
#include "proto/proto.h"

enum { RETRY_MS = 200, STATUS_MS = 2000, CANNOT = 127, VARIABLE_MAX = 1000, ROOM = WEFT__FRAME_HEADER + WEFT__FRAME_MAX };
enum watched { NODE, DOOR, TASKER, TASK, SIGNALS, NWATCHED };

static const char *door_name(void)
{
	static char name[40];
	snprintf(name, sizeof name, "standin-%ld", (long)getpid());
	return name;
}

struct standin {
	const char *dir;    /* the node's folder */
	uint64_t tid;
	char *const *argv;  /* PATH ARGV0 ... */
	int fds[NWATCHED];  /* -1: not there */
	int control;        /* the task's connection, until it is the task's */
	bool asked;         /* the tasker has been told */
	pid_t task;         /* 0: it has not come */
	sigset_t waiting;   /* signals for it */
	uint64_t status_ns; /* it has ended: until when its status is waited for; 0: it runs */
	struct weft__arena arena;
};

/* --- ending ------------------------------------------------------------------------------------- */

static void end(const struct standin *s, int status) __attribute__((noreturn));

static void end(const struct standin *s, int status)
{
	if (s->fds[DOOR] >= 0)
		unlink(door_name());
	if (WIFSIGNALED(status)) {
		struct rlimit none = {0, 0};
		sigset_t all;
		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		sigfillset(&all);
		kill(getpid(), WTERMSIG(status));
		sigprocmask(SIG_UNBLOCK, &all, NULL);
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : CANNOT);
}

static void fail(const struct standin *s, const char *what)
{
	fprintf(stderr, "weft-standin: %s: %s\n", s->argv[0], what);
	end(s, CANNOT << 8);
}

static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	(void)pid;
	return -1;
#endif
}

/* --- the node ----------------------------------------------------------------------------------- */

static bool send_message(const struct standin *s, const struct weft__msg *m)
{
	struct weft__buf frame = {0};
	struct weft_error e;
	bool sent = weft__msg_encode(&frame, m, &e) == 0 &&
	            send(s->fds[NODE], frame.data, frame.len, MSG_NOSIGNAL) == (ssize_t)frame.len;
	weft__buf_fini(&frame);
	return sent;
}

/* Is the variable for a process whose environment is otherwise the tasker's? */
static bool is_wanted(const char *variable)
{
	static const char *const always[] = {"WEFT_", "PVM", "LD_LIBRARY_PATH="};
	const char *exported = getenv("PVM_EXPORT");
	size_t n = strcspn(variable, "=");
	if (!strncmp(variable, "WEFT_FD=", 8) || strlen(variable) > VARIABLE_MAX)
		return false; /* who takes PVM's messages may have no more room */
	for (size_t i = 0; i < sizeof always / sizeof *always; i++)
		if (!strncmp(variable, always[i], strlen(always[i])))
			return true;
	for (const char *p = exported; p && *p; p += *p == ':') {
		size_t length = strcspn(p, ":");
		if (length == n && !strncmp(p, variable, n))
			return true;
		p += length;
	}
	return false;
}

static bool ask(struct standin *s)
{
	extern char **environ;
	char door[512], epid[32];
	size_t nargv = 0, nenv = 0;
	while (s->argv[1 + nargv])
		nargv++;
	while (environ[nenv])
		nenv++;
	struct weft__str *room = weft__calloc(nargv + nenv + 3, sizeof *room), *env = room + nargv;
	if (!room)
		fail(s, "out of memory");
	for (size_t i = 0; i < nargv; i++)
		room[i] = weft__str(s->argv[1 + i]);
	size_t n = 0;
	snprintf(door, sizeof door, "WEFT_STANDIN=%.400s/%s", s->dir, door_name());
	snprintf(epid, sizeof epid, "PVMEPID=%ld", (long)getpid());
	env[n++] = weft__str("WEFT_FD="); /* the tasker's own */
	env[n++] = weft__str(door);
	env[n++] = weft__str(epid);
	for (char **variable = environ; *variable; variable++)
		if (is_wanted(*variable))
			env[n++] = weft__str(*variable);
	struct weft__msg m = {.code = WEFT__MSG_START_TASK,
	                      .start_task = {.tid = s->tid,
	                                     .again = s->asked,
	                                     .path = weft__str(s->argv[0]),
	                                     .argv = {room, nargv},
	                                     .env = {env, n}}};
	bool sent = send_message(s, &m);
	weft__free(room);
	return sent;
}

/* Comes again when the node's daemon is a new one. */
static void attach(struct standin *s)
{
	struct weft_error e;
	s->fds[NODE] = weft__rundir_connect(s->dir, "sock", &e);
	if (s->fds[NODE] < 0)
		return;
	struct weft__msg m = {.code = WEFT__MSG_HELLO,
	                      .hello = {.version = WEFT__PROTO_VERSION,
	                                .release = weft__str(PACKAGE_VERSION),
	                                .role = WEFT__ROLE_TOOL,
	                                .pid = (uint64_t)getpid(),
	                                .name = weft__str("weft-standin")}};
	if (send_message(s, &m))
		return;
	close(s->fds[NODE]);
	s->fds[NODE] = -1;
}

static void hear(struct standin *s)
{
	static uint8_t packet[ROOM + 1];
	struct weft_error e;
	struct weft__msg m;
	ssize_t n = recv(s->fds[NODE], packet, ROOM, 0);
	if (n < 0 && errno == EINTR)
		return;
	if (n < WEFT__FRAME_HEADER ||
	    weft__msg_decode(packet + WEFT__FRAME_HEADER, (size_t)n - WEFT__FRAME_HEADER, WEFT__ROLE_NODE, WEFT__ROLE_TOOL,
	                     &s->arena, &m, &e)) {
		close(s->fds[NODE]);
		s->fds[NODE] = -1;
		return;
	}
	if (m.code == WEFT__MSG_WELCOME && ask(s))
		s->asked = true;
	else if (m.code == WEFT__MSG_TASK_ENDED && m.task_ended.tid == s->tid)
		end(s, (int)m.task_ended.status);
	else if (m.code == WEFT__MSG_REFUSED && !s->task)
		fail(s, m.refused.text.p);
	else if (m.code == WEFT__MSG_RESULT && m.result.code && !s->task)
		fail(s, "the tasker that is to start it is gone");
}

/* --- the task ----------------------------------------------------------------------------------- */

static void open_door(struct standin *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof address.sun_path, "%s", door_name());
	int fd = chdir(s->dir) ? -1 : socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		unlink(address.sun_path); /* of an earlier process with our number */
	if (fd < 0 || bind(fd, (const struct sockaddr *)(const void *)&address, sizeof address) || listen(fd, 4))
		fail(s, strerror(errno));
	s->fds[DOOR] = fd;
}

static bool give(const struct standin *s, int to)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct cmsghdr *header = CMSG_FIRSTHDR(&msg);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &s->control, sizeof(int));
	return sendmsg(to, &msg, MSG_NOSIGNAL) == 1;
}

static void pass_on(struct standin *s, int signo)
{
	if (!s->task && signo == STANDIN_KILL)
		end(s, SIGKILL);
	if (!s->task) {
		sigaddset(&s->waiting, signo);
		return;
	}
	if (s->status_ns == 0)
		kill(s->task, signo == STANDIN_KILL ? SIGKILL : signo);
}

/* The task has ended: until when the tasker may say how. */
static uint64_t status_deadline(void)
{
	return weft__clock_ns() + STATUS_MS * UINT64_C(1000000);
}

static void let_in(struct standin *s)
{
	struct ucred who = {0};
	socklen_t size = sizeof who;
	int fd = accept4(s->fds[DOOR], NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) || who.uid != getuid() || !give(s, fd)) {
		close(fd);
		return;
	}
	close(fd);
	unlink(door_name());
	close(s->fds[DOOR]);
	s->fds[DOOR] = -1;
	close(s->control);
	s->task = who.pid;
	s->fds[TASK] = open_pidfd(who.pid);
	if (s->fds[TASK] < 0 && errno == ESRCH) /* it has ended by now */
		s->status_ns = status_deadline();
	for (int signo = 1; signo <= SIGRTMAX; signo++)
		if (sigismember(&s->waiting, signo) == 1)
			pass_on(s, signo);
}

static void take_signal(struct standin *s)
{
	struct signalfd_siginfo info;
	if (read(s->fds[SIGNALS], &info, sizeof info) == sizeof info)
		pass_on(s, (int)info.ssi_signo);
}

/* --- the loop ----------------------------------------------------------------------------------- */

static int timeout(const struct standin *s)
{
	if (s->status_ns)
		return STATUS_MS / 10;
	return s->fds[NODE] < 0 ? RETRY_MS : -1;
}

static void turn(struct standin *s)
{
	struct pollfd polled[NWATCHED];
	for (int i = 0; i < NWATCHED; i++)
		polled[i] = (struct pollfd){.fd = s->fds[i], .events = POLLIN};
	if (s->fds[NODE] < 0)
		attach(s);
	polled[NODE].fd = s->fds[NODE];
	int n = poll(polled, NWATCHED, timeout(s));
	if (s->status_ns && weft__clock_ns() >= s->status_ns)
		end(s, 0);
	if (n <= 0)
		return;
	if (polled[NODE].revents)
		hear(s);
	if (polled[DOOR].revents)
		let_in(s);
	if (polled[SIGNALS].revents)
		take_signal(s);
	if (polled[TASK].revents) {
		s->status_ns = status_deadline();
		close(s->fds[TASK]);
		s->fds[TASK] = -1;
	}
	if (!polled[TASKER].revents)
		return;
	close(s->fds[TASKER]);
	s->fds[TASKER] = -1;
	if (!s->task)
		fail(s, "the tasker that was to start it has ended");
	if (s->fds[TASK] < 0)
		end(s, 0); /* nobody would tell */
}

int main(int argc, char **argv)
{
	const char *control = getenv("WEFT_FD"), *text = getenv("WEFT_TID"), *dir = getenv("WEFT_DIR");
	struct standin s = {.dir = dir, .argv = argv + 2, .fds = {-1, -1, -1, -1, -1}, .control = control ? atoi(control) : -1};
	weft_tid_t tid;
	if (argc < 4 || !dir || s.control < 0 || !text || weft__tid_parse(text, &tid)) {
		fputs("weft-standin: is started by weft-taskvm, not by people\n", stderr);
		return 2;
	}
	s.tid = tid.v;
	sigset_t signals;
	sigfillset(&signals);
	sigdelset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sigemptyset(&s.waiting);
	s.fds[SIGNALS] = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	s.fds[TASKER] = open_pidfd((pid_t)atol(argv[1]));
	if (s.fds[TASKER] < 0 && errno == ESRCH)
		fail(&s, "the tasker that is to start it is gone");
	open_door(&s);
	for (;;)
		turn(&s);
}
