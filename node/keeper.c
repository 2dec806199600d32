/* The keeper: weftd's parent, which does nothing but start another weftd when one crashes.
 *
 * Happy path: it makes the shared notes, forks the daemon and waits for its end; what the daemon returns is its own
 * exit status. SIGTERM is passed on.
 *
 * What can go wrong:
 * - The daemon is killed, or ends without having said that it means to. It is forked anew, from the process that still
 *   has the key, a little later each time. The keeper is a subreaper: the coordinator, the task VMs and the launchers that
 *   the dead daemon had started are its children now; when one of them ends the next daemon is told. What that one has
 *   no room for waits here.
 * - Such a task VM dies: its tasks become the keeper's, which kills what no daemon has started.
 * - It crashes again and again: the keeper gives up, ends all its children, and the node is lost.
 * - The daemon never came up: there is nothing to save, it ends as it did.
 * - The keeper is killed, as whoever is told to kill a daemon does: the daemon ends with it, and the node is lost.
 */
#include "config.h"

#include "node/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/heap.h"
#include "base/log.h"
#include "node/children.h"

enum {
	CRASHES_MAX  = 5, /* within CRASHES_MS, then it gives up */
	CRASHES_MS   = 60000,
	DELAY_MS     = 50, /* before the second one in a row, then twice as long each time */
	TERM_MS      = 2500, /* at the end: children have so long after SIGTERM, */
	KILL_MS      = 5000, /* and until here after SIGKILL */
	LATE_MS      = 10,   /* a busy daemon may have made room for words */
	CHILDREN_MAX = 4096,
};

/* --- notes and pocket --------------------------------------------------------------------------- */

static struct keeper_child *child_find(struct keeper_notes *n, pid_t pid)
{
	for (size_t i = 0; i < n->nchildren; i++)
		if (n->children[i].pid == pid)
			return &n->children[i];
	return NULL;
}

void keeper_child_add(struct keeper *k, pid_t pid, enum keeper_kind kind)
{
	struct keeper_notes *n = k->notes;
	struct keeper_child *c = child_find(n, 0);
	if (!c && n->nchildren == KEEPER_CHILDREN)
		return; /* a crash would cost this one */
	if (!c)
		c = &n->children[n->nchildren];
	c->kind = kind;
	c->pid = pid;
	if (c == &n->children[n->nchildren])
		n->nchildren++;
}

void keeper_child_is(struct keeper *k, pid_t pid, enum keeper_kind kind)
{
	struct keeper_child *c = child_find(k->notes, pid);
	if (c)
		c->kind = kind;
}

static void child_forget(struct keeper_notes *n, pid_t pid)
{
	struct keeper_child *c = child_find(n, pid);
	if (c)
		c->pid = 0;
}

void keeper_child_remove(struct keeper *k, pid_t pid)
{
	struct keeper_notes *n = k->notes;
	child_forget(n, pid);
	while (n->nchildren && !n->children[n->nchildren - 1].pid)
		n->nchildren--;
}

union control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

/* A copy of fd, -1: none. */
static bool put(int sock, const struct keeper_held *h, int fd)
{
	union control control = {{0}};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)h, .iov_len = sizeof *h};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool put_or_tell(int sock, const struct keeper_held *h, int fd)
{
	bool done = put(sock, h, fd);
	if (!done)
		weft__log(WEFT__LOG_WARN, "WEFT-KEEPER-POCKET", "%s", strerror(errno));
	return done;
}

/* A copy of what is in front, which stays there. False: nothing is. */
static bool look(int sock, struct keeper_held *h, int *fd)
{
	union control control;
	struct iovec iov = {.iov_base = h, .iov_len = sizeof *h};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	*fd = -1;
	if (recvmsg(sock, &msg, MSG_DONTWAIT | MSG_PEEK | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *h)
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof *fd);
	return true;
}

static void drop_front(int sock)
{
	struct keeper_held h;
	(void)recv(sock, &h, sizeof h, MSG_DONTWAIT); /* and its descriptor, for which we have no place */
}

/* All that is in a queue goes round, once, but for what keep does not want: how much stays. We may die between any two
 * steps, so each is put at the end before it leaves the front; it may then be there twice. Behind the last comes a mark. */
static size_t go_round(const int queue[2], bool (*keep)(void *arg, const struct keeper_held *h, int fd), void *arg)
{
	static uint32_t nmarks;
	const struct keeper_held mark = {.tid = UINT64_MAX, .client = ++nmarks, .job = (uint32_t)getpid()};
	struct keeper_held h;
	size_t nkept = 0;
	bool marked = put(queue[0], &mark, -1), ours = false;
	for (int fd; !ours && look(queue[1], &h, &fd);) {
		ours = !memcmp(&h, &mark, sizeof h);
		bool kept = h.tid != UINT64_MAX && keep(arg, &h, fd); /* else it is a mark, ours or a dead daemon's */
		bool there = kept && marked && put(queue[0], &h, fd);
		drop_front(queue[1]);
		if (!marked) /* there was no room for it */
			marked = put(queue[0], &mark, -1);
		if (kept && !there)
			there = put_or_tell(queue[0], &h, fd);
		nkept += there;
		if (fd >= 0)
			close(fd);
	}
	return nkept;
}

/* What is in the pocket bears its kind as the client, and when it was put there as the tid. */
struct search {
	uint32_t kind;
	uint64_t put;
	int fd;
};

static bool find_newest(void *arg, const struct keeper_held *h, int fd)
{
	struct search *s = arg;
	if (h->client != s->kind || h->tid < s->put)
		return true;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	s->put = h->tid;
	return true;
}

int keeper_take(struct keeper *k, enum keeper_pocket what)
{
	struct search s = {.kind = what, .fd = -1};
	go_round(k->pocket, find_newest, &s);
	return s.fd;
}

static bool is_other_or_newest(void *arg, const struct keeper_held *h, int fd)
{
	const struct search *s = arg;
	return h->client != s->kind || h->tid == s->put;
}

void keeper_put(struct keeper *k, enum keeper_pocket what, int fd)
{
	struct search s = {.kind = what, .put = weft__clock_ns()};
	if (fd >= 0)
		put_or_tell(k->pocket[0], &(struct keeper_held){.tid = s.put, .client = what}, fd);
	go_round(k->pocket, is_other_or_newest, &s);
}

/* --- tasks from outside ------------------------------------------------------------------------- */

void keeper_hold(struct keeper *k, const struct keeper_held *h, int fd)
{
	if (k->notes->nheld < KEEPER_HELD_MAX && put_or_tell(k->held[0], h, fd))
		k->notes->nheld++;
}

static bool is_another_client(void *arg, const struct keeper_held *h, int fd)
{
	return h->client != *(uint32_t *)arg;
}

void keeper_drop(struct keeper *k, uint32_t client)
{
	k->notes->nheld = go_round(k->held, is_another_client, &client);
}

struct held_list {
	size_t n;
	struct keeper_held held[KEEPER_HELD_MAX];
	int fds[KEEPER_HELD_MAX];
};

static bool list_one(void *arg, const struct keeper_held *h, int fd)
{
	struct held_list *l = arg;
	for (size_t i = 0; i < l->n; i++)
		if (l->held[i].client == h->client)
			return false; /* a daemon died while it had it in its hands */
	if (l->n == KEEPER_HELD_MAX || fd < 0)
		return false;
	l->held[l->n] = *h;
	l->fds[l->n++] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return true;
}

void keeper_each_held(struct keeper *k, void (*each)(void *arg, const struct keeper_held *h, int fd), void *arg)
{
	struct held_list *l = weft__calloc(1, sizeof *l);
	if (!l)
		return;
	k->notes->nheld = go_round(k->held, list_one, l);
	for (size_t i = 0; i < l->n; i++)
		each(arg, &l->held[i], l->fds[i]);
	weft__free(l);
}

bool keeper_hear(struct keeper *k, struct keeper_word *word)
{
	return recv(k->words[1], word, sizeof *word, MSG_DONTWAIT) == (ssize_t)sizeof *word;
}

/* --- children of dead daemons ------------------------------------------------------------------- */

/* What no daemon has started was started by tasks whose task VM is dead. How many there were. */
static size_t sweep(struct keeper *k, pid_t daemon)
{
	static pid_t pids[CHILDREN_MAX];
	size_t count = children_list(pids, CHILDREN_MAX), nstrays = 0;
	for (size_t i = 0; i < count; i++) {
		if (pids[i] == daemon || child_find(k->notes, pids[i]))
			continue;
		kill(pids[i], SIGKILL);
		nstrays++;
	}
	return nstrays;
}

/* Words that there was no room for, the oldest first. */
static struct keeper_word late[KEEPER_CHILDREN];
static size_t nlate;

static bool say(struct keeper *k, const struct keeper_word *word)
{
	return send(k->words[0], word, sizeof *word, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void say_late(struct keeper *k)
{
	size_t n = 0;
	while (n < nlate && say(k, &late[n]))
		n++;
	nlate -= n;
	memmove(late, late + n, nlate * sizeof *late);
}

/* A new daemon has the notes, in which none of those that ended stands any more. */
static void forget_words(struct keeper *k)
{
	struct keeper_word word;
	nlate = 0;
	while (keeper_hear(k, &word))
		;
}

static void child_ended(struct keeper *k, pid_t pid, int status, pid_t daemon)
{
	struct keeper_word word = {.pid = pid, .status = status};
	bool known = child_find(k->notes, pid) != NULL;
	child_forget(k->notes, pid); /* the daemon alone moves nchildren, which it may be about to do now */
	if (known && (nlate || !say(k, &word))) {
		if (nlate < KEEPER_CHILDREN)
			late[nlate++] = word;
		else
			weft__log(WEFT__LOG_WARN, "WEFT-KEEPER-WORD", "pid=%ld: the daemon does not listen", (long)pid);
	}
	sweep(k, daemon);
}

/* Reaps; true when the daemon is among those, with its status. */
static bool reap(struct keeper *k, pid_t daemon, int *status)
{
	bool over = false;
	int how;
	for (pid_t pid; (pid = waitpid(-1, &how, WNOHANG)) > 0;) {
		if (pid != daemon) {
			child_ended(k, pid, how, daemon);
			continue;
		}
		*status = how;
		over = true;
	}
	return over;
}

/* Waits for the daemon's end; daemon 0: for so long. */
static int watch(struct keeper *k, const sigset_t *signals, pid_t daemon, uint64_t wait_ms)
{
	uint64_t until = weft__clock_ns() + wait_ms * 1000000;
	int status = 0;
	while (!reap(k, daemon, &status)) {
		uint64_t now = weft__clock_ns();
		say_late(k);
		uint64_t patience = nlate ? LATE_MS * UINT64_C(1000000) : UINT64_C(3600000000000);
		uint64_t left = daemon ? patience : now < until ? until - now : 0;
		struct timespec limit = {.tv_sec = (time_t)(left / 1000000000), .tv_nsec = (long)(left % 1000000000)};
		if (left == 0)
			break;
		if (sigtimedwait(signals, NULL, &limit) != SIGTERM)
			continue;
		if (daemon)
			kill(daemon, SIGTERM);
		else
			k->notes->halting = true;
	}
	return status;
}

/* --- the end ------------------------------------------------------------------------------------ */

static void signal_children(struct keeper *k, int signo)
{
	for (size_t i = 0; i < k->notes->nchildren; i++)
		if (k->notes->children[i].pid)
			kill(k->notes->children[i].pid, signo);
}

/* Nothing of what daemons have started outlives the keeper. */
static void end_children(struct keeper *k, const sigset_t *signals)
{
	uint64_t began = weft__clock_ns();
	int signo = SIGTERM;
	for (;;) {
		int status;
		siginfo_t one;
		reap(k, 0, &status);
		if (waitid(P_ALL, 0, &one, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
			return;
		uint64_t ms = (weft__clock_ns() - began) / 1000000;
		if (ms >= KILL_MS)
			return;
		if (ms >= TERM_MS)
			signo = SIGKILL;
		signal_children(k, signo);
		sweep(k, 0);
		watch(k, signals, 0, 50);
	}
}

/* --- the keeper --------------------------------------------------------------------------------- */

static int prepare(struct keeper *k, sigset_t *signals, sigset_t *before)
{
	k->notes = mmap(NULL, sizeof *k->notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (k->notes == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, k->pocket) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, k->held) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, k->words))
		return WEFT_ENOSPC;
	sigemptyset(signals);
	sigaddset(signals, SIGCHLD);
	sigaddset(signals, SIGTERM);
	sigaddset(signals, SIGINT);
	sigaddset(signals, SIGHUP);
	signal(SIGPIPE, SIG_IGN); /* who reads what we log may end before us */
	sigprocmask(SIG_BLOCK, signals, before);
	return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) ? WEFT_EIO : 0;
}

/* The crashes of the last minute, with this one. */
static unsigned count_crash(uint64_t at[CRASHES_MAX])
{
	uint64_t now = weft__clock_ns();
	unsigned n = 1;
	for (int i = CRASHES_MAX - 1; i > 0; i--) {
		at[i] = at[i - 1];
		n += at[i] && now - at[i] < CRASHES_MS * UINT64_C(1000000);
	}
	at[0] = now;
	return n;
}

static int exit_status_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int keeper_run(struct keeper *k, int (*daemon)(void *arg), void (*clean)(void *arg), void *arg)
{
	sigset_t signals, before;
	uint64_t crashes[CRASHES_MAX] = {0};
	pid_t keeper = getpid();
	if (prepare(k, &signals, &before)) {
		fprintf(stderr, "weftd: can't watch over itself: %s\n", strerror(errno));
		return 1;
	}
	for (;;) {
		forget_words(k);
		pid_t pid = fork();
		if (pid == 0) {
			prctl(PR_SET_NAME, "weftd", 0, 0, 0);
			prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			if (getppid() != keeper) /* killed before that */
				_exit(1);
			sigprocmask(SIG_SETMASK, &before, NULL);
			return daemon(arg);
		}
		prctl(PR_SET_NAME, "weftd-keeper", 0, 0, 0);
		int status = pid < 0 ? 0 : watch(k, &signals, pid, 0);
		if (pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) /* which came before it watched for that */
			k->notes->halting = true;
		bool well = k->notes->ended || !k->notes->served;
		unsigned ncrashes = well || pid < 0 ? 0 : count_crash(crashes);
		if (well || pid < 0 || ncrashes > CRASHES_MAX - 1) {
			if (!well)
				weft__log(WEFT__LOG_ERROR, "WEFT-NODE-CRASHES",
				          "pid=%ld status=%d: %u crashes within a minute: given up, all that runs here ends", (long)pid,
				          exit_status_of(status), ncrashes);
			end_children(k, &signals);
			if (!well)
				clean(arg);
			return pid < 0 ? 1 : exit_status_of(status);
		}
		k->notes->crashes++;
		weft__log(WEFT__LOG_ERROR, "WEFT-NODE-CRASHED", "pid=%ld status=%d: another daemon takes its place", (long)pid,
		          exit_status_of(status));
		if (ncrashes > 1)
			watch(k, &signals, 0, (uint64_t)DELAY_MS << (ncrashes - 2));
	}
}
