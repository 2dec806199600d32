/* Becoming a task, and leaving.
 *
 * A spawned process was born with a connection to its node ($WEFT_FD). The first engine of the
 * process takes it; any later one, and any other process, connects to a node of the VM by its
 * socket and is a new task of its own. HELLO, then WELCOME with all that there is to know and the
 * doorbell; the job's tids come in TEAMs.
 *
 * What can go wrong: no VM is up; the inherited connection serves another program of this task (a
 * lock on it tells) or has served one (REFUSED with WEFT_EALREADY), or is another descriptor by
 * now: then it enrols as from outside; the process is one of several that a batch system started, which would
 * be tasks of their own, each alone (WEFT_EUNSUP, with the command that makes a team); versions differ (REFUSED,
 * with words); the node does not answer in time (WEFT_ENOVM).
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/batch.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/rundir.h"
#include "task/quick.h"

enum {
	ENROL_MS = 30000,
	FLUSH_MS = 5000,
	BYE_MS = 2000,
	CROWDED_SPIN_NS = 20000, /* more only keeps another task from running */
	CROWDED_SHARE_MIN = 128 << 10, /* with a core each, two that copy at once are as fast */
	SIZE_MAX_TASKS = 1 << 20,
};

/* --- the node's side of it -------------------------------------------------------------------- */

static uint32_t usable_cores(uint32_t ncores)
{
	if (getenv("WEFT_CPUS"))
		return ncores; /* the VM bound us: the other tasks have other processors */
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0 &&
	    (uint32_t)CPU_COUNT(&set) < ncores)
		return (uint32_t)CPU_COUNT(&set);
	return ncores;
}

static void take_doorbell(struct weft__engine *e, int *fd)
{
	weft__wait_forget_fd(e, e->doorbell);
	close(e->doorbell);
	e->doorbell = *fd;
	*fd = -1;
	weft__engine_watch_doorbell(e);
}

void weft__on_welcome(struct weft__engine *e, const struct weft__msg_welcome *m, int *fds,
                      size_t nfds)
{
	e->control.client = m->client;
	e->control.pass = m->pass;
	if (e->welcome) {
		weft__control_again(e);
		weft__tasker_again(e);
		weft__hoster_again(e);
		return;
	}
	e->refused = e->control.cut ? WEFT_ENOSPC : WEFT_EPROTO;
	weft__changed(e); /* in any case */
	if (nfds < 1 || m->tid == 0 || m->size < 1 || m->size > SIZE_MAX_TASKS ||
	    m->rank >= m->size)
		return;
	e->tids = weft__calloc(m->size, sizeof *e->tids);
	if (!e->tids) {
		e->refused = WEFT_ENOMEM;
		return;
	}
	take_doorbell(e, &fds[0]);
	e->refused = 0;
	e->welcome = true;
	e->self.v = m->tid;
	e->parent.v = m->parent;
	e->job = (uint32_t)m->job;
	e->rank = (uint32_t)m->rank;
	e->size = (uint32_t)m->size;
	e->node = (uint32_t)m->node;
	e->tids[e->rank] = e->self;
	e->ntids = 1;
	e->ncores = usable_cores((uint32_t)m->ncores);
	if (m->nlocal > e->ncores) {
		e->crowded = true;
		if (e->settings.share_min == SIZE_MAX)
			e->settings.share_min = CROWDED_SHARE_MIN;
		if (e->spin_ns > CROWDED_SPIN_NS)
			e->settings.spin_ns = e->spin_ns = CROWDED_SPIN_NS;
	}
}

void weft__on_refused(struct weft__engine *e, const struct weft__msg_refused *m)
{
	e->refused = m->code < 0 ? (int)m->code : WEFT_EDENIED;
	if (m->text.n)
		weft__fail(e->refused, "%s", m->text.p);
}

void weft__on_team(struct weft__engine *e, const struct weft__msg_team *m)
{
	if (!e->welcome || m->job != e->job || m->size != e->size || m->first > e->size ||
	    m->tids.n > e->size - m->first)
		return;
	for (size_t i = 0; i < m->tids.n; i++) {
		weft_tid_t *tid = &e->tids[m->first + i];
		e->ntids += tid->v == 0;
		tid->v = m->tids.p[i];
	}
	weft__changed(e);
}

/* --- enrolling -------------------------------------------------------------------------------- */

static pthread_mutex_t born_lock = PTHREAD_MUTEX_INITIALIZER;
static bool born_taken;

/* The connection that a process has for us which stands for us until we come (node/standin.c); -1: there is none. */
static int fetch_from(const char *path)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	char byte, folder[PATH_MAX];
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {
	        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	struct weft_error error;
	const char *name = strrchr(path, '/');
	if (!name || (size_t)(name - path) >= sizeof folder)
		return -1;
	memcpy(folder, path, (size_t)(name - path));
	folder[name - path] = '\0';
	int fd = -1, door = weft__rundir_connect(folder, name + 1, &error);
	if (door < 0)
		return -1;
	ssize_t n;
	do
		n = recvmsg(door, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	const struct cmsghdr *header = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	close(door);
	return fd;
}

/* The connection that a spawned process was born with, once; -1: there is none. */
static int born_with(void)
{
	const char *text = getenv("WEFT_FD"), *standin = getenv("WEFT_STANDIN");
	char *end;
	pthread_mutex_lock(&born_lock);
	bool taken = born_taken;
	born_taken = true;
	pthread_mutex_unlock(&born_lock);
	if (!taken && standin && *standin && (!text || !*text))
		return fetch_from(standin);
	if (taken || !text || !*text)
		return -1;
	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno || *end || fd < 3 || fd > INT_MAX)
		return -1;
	int type = 0, domain = 0;
	socklen_t size = sizeof type;
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET)
		return -1;
	size = sizeof domain;
	if (getsockopt((int)fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || domain != AF_UNIX)
		return -1;
	/* Of several programs that one shell of the task runs at once, the first has it. */
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl((int)fd, F_SETLK, &whole) && (errno == EAGAIN || errno == EACCES))
		return -1;
	fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* it is ours, not our children's */
	return (int)fd;
}

static uint64_t born_tid(void)
{
	const char *text = getenv("WEFT_TID");
	weft_tid_t tid;
	return text && weft__tid_parse(text, &tid) == 0 ? tid.v : 0;
}

static bool enrolled(void *arg)
{
	const struct weft__engine *e = arg;
	return e->refused || e->control.fd < 0 || (e->welcome && e->ntids == e->size);
}

int weft__hello_send(struct weft__engine *e, uint64_t again)
{
	const struct weft__control *c = &e->control;
	struct weft__msg m = {
	        .code = WEFT__MSG_HELLO,
	        .hello = {.version = WEFT__PROTO_VERSION,
	                  .release = weft__str(WEFT_VERSION),
	                  .role = WEFT__ROLE_TASK,
	                  .tid = e->welcome ? e->self.v : e->born,
	                  .job = e->job,
	                  .pid = (uint64_t)getpid(),
	                  .name = weft__str(program_invocation_short_name),
	                  .again = again,
	                  .client = c->client,
	                  .pass = c->pass,
	                  .seen = c->session.received},
	};
	if (m.hello.name.n > 255)
		m.hello.name.n = 255;
	return e->welcome ? weft__control_send_fd(e, &m, e->doorbell) : weft__control_send(e, &m);
}

static int hello(struct weft__engine *e, uint64_t tid)
{
	e->born = tid;
	int rc = weft__hello_send(e, 0);
	if (rc)
		return rc;
	weft__lock(e);
	rc = weft__await(e, enrolled, e, weft__until(ENROL_MS));
	weft__unlock(e);
	if (e->refused)
		return e->refused;
	if (rc)
		return weft__fail(WEFT_ENOVM, "the node's daemon does not answer");
	return e->welcome && e->ntids == e->size ? 0 : WEFT_ENOVM;
}

/* A number of the environment; or the usual one, when there is none, or none that makes sense. */
static uint64_t tuned(const char *variable, uint64_t max, uint64_t usual)
{
	const char *text = getenv(variable);
	char *end;
	if (!text || *text < '0' || *text > '9')
		return usual;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	return errno || *end || value > max ? usual : value;
}

static void tune(struct weft__engine *e)
{
	struct weft__settings *s = &e->settings;
	s->eager_max = tuned("WEFT_EAGER_BYTES", s->credit_bytes / 4, s->eager_max);
	if (getenv("WEFT_EAGER_BYTES") && s->ahead_bytes > s->eager_max)
		s->ahead_bytes = s->eager_max;
	s->share_min = tuned("WEFT_SHARE_BYTES", WEFT_MSG_MAX, s->share_min);
	s->spin_ns = e->spin_ns = 1000 * tuned("WEFT_SPIN_US", 1000000, s->spin_ns / 1000);
}

int weft__enrol_by(struct weft__engine **out, int *fd, const char *nodedir, uint64_t tid)
{
	struct weft__engine *e = NULL;
	int rc = weft__engine_new(&e, NULL);
	if (rc == 0) {
		tune(e);
		rc = weft__control_open(e, fd, nodedir);
	}
	if (rc == 0)
		rc = hello(e, tid);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	if (rc)
		weft__engine_destroy(&e);
	else
		*out = e;
	return rc;
}

/* N copies that someone else started are no team, and must not take themselves for N teams of one. Who names a VM wants
 * them as tasks of their own. */
static int refuse_copies(void)
{
	const char *vm = getenv("WEFT_VM"), *dir = getenv("WEFT_DIR");
	unsigned copies = weft__batch_copies(weft__batch_getenv);
	if (copies < 2 || (vm && *vm) || (dir && *dir))
		return 0;
	return weft__fail(WEFT_EUNSUP,
	                  "the batch system started %u copies, which do not know of each other; instead of srun use: "
	                  "weft run -n %u %s",
	                  copies, copies, program_invocation_name);
}

/* "one of 4 that mpirun started": what a launcher of MPI programs says. */
static unsigned launched_size(void)
{
	static const char *const sizes[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		const char *size = getenv(sizes[i]);
		unsigned long n = size ? strtoul(size, NULL, 10) : 0;
		if (n > 1 && n <= SIZE_MAX_TASKS)
			return (unsigned)n;
	}
	return 1;
}

static int no_vm(int code, const char *text)
{
	unsigned size = launched_size();
	if (code != WEFT_ENOVM)
		return weft__fail(code, "%s", *text ? text : weft__err_text(code));
	if (size < 2)
		return weft__fail(code, "%s, or use: weft run %s", *text ? text : weft__err_text(code), program_invocation_name);
	return weft__fail(code, "one of %u copies, and no virtual machine is up; use: weft run -n %u %s", size, size,
	                  program_invocation_name);
}

int weft__enrol(struct weft__engine **e)
{
	int fd = born_with();
	if (fd >= 0) {
		int rc = weft__enrol_by(e, &fd, NULL, born_tid());
		if (rc != WEFT_EALREADY)
			return rc;
	}
	char nodedir[PATH_MAX];
	struct weft_error error = {0};
	int rc = refuse_copies();
	if (rc)
		return rc;
	fd = weft__rundir_attach(NULL, nodedir, sizeof nodedir, &error);
	if (fd < 0)
		return no_vm(fd, error.text);
	return weft__enrol_by(e, &fd, nodedir, 0);
}

/* --- leaving ---------------------------------------------------------------------------------- */

static bool flushed(void *arg)
{
	const struct weft__engine *e = arg;
	for (uint32_t i = 0; i < e->nactive; i++) {
		const struct weft__peer *p = e->active[i];
		if (!p->deaf && (p->current || !weft__list_empty(&p->control) ||
		                 !weft__list_empty(&p->streams)))
			return false;
	}
	return true;
}

static bool nothing_queued(void *arg)
{
	const struct weft__engine *e = arg;
	for (uint32_t i = 0; i < e->nactive; i++)
		if (!e->active[i]->deaf && !weft__list_empty(&e->active[i]->messages))
			return false;
	return flushed(arg);
}

static bool nothing_cut(void *arg)
{
	const struct weft__engine *e = arg;
	for (uint32_t i = 0; i < e->nactive; i++)
		if (!e->active[i]->deaf && e->active[i]->current)
			return false;
	return true;
}

/* Conditions are looked at when something changed; what a channel takes changes nothing for others.
 */
static void flush(struct weft__engine *e, weft__condition done, int timeout_ms)
{
	uint64_t deadline = weft__deadline(timeout_ms);
	while (!done(e) && weft__clock_ns() < deadline)
		weft__await(e, done, e, weft__until(1));
}

void weft__leave_behind(struct weft__engine *e)
{
	if (e->polling) /* another thread is in there, and will not come out any more */
		return;
	weft__lock(e); /* for good: no other thread is to use the channels after this */
	flush(e, nothing_cut, FLUSH_MS);
	weft__peers_close(e);
}

void weft__flush(struct weft__engine *e, int timeout_ms)
{
	weft__lock(e);
	flush(e, nothing_queued, timeout_ms);
	weft__unlock(e);
}

void weft__leave(struct weft__engine **engine)
{
	struct weft__engine *e = *engine;
	weft__lock(e);
	weft__requests_cancel(e);
	flush(e, flushed, FLUSH_MS);
	if (e->control.fd >= 0) {
		struct weft__msg m = {.code = WEFT__MSG_BYE};
		struct weft__ask ask = {.answer = weft__answer_result};
		weft__ask(e, &ask, &m, BYE_MS);
	}
	weft__unlock(e);
	weft__engine_destroy(engine);
}
