/* weft-taskvm: hosts the tasks of one job on one node.
 *
 * weftd starts it with a connected socket (WEFT_TASKVM_FD) and sends LAUNCH, which names the job, then or later. It starts the tasks, sends
 * STARTED, each one's control socket when it speaks, OUTPUT while they write, EXITED when they end. When the last
 * one has ended and no more will come it kills what the tasks left behind, sends the rest, and exits when the
 * coordinator has it all.
 *
 * What can go wrong: weftd dies (taskvm_conn.c: it is waited for, then everything ends); SIGTERM, or an
 * orphan time that is over (all tasks are killed at once, unsent output is dropped); a process that can't be
 * killed (after 5 s the task VM goes without it, and weftd inherits it).
 */
#include "config.h"

#include "node/taskvm_order.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/heap.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/rundir.h"
#include "node/descriptors.h"
#include "node/taskvm_mpi.h"

enum {
	SPAWNS_A_TURN  = 16,
	GIVE_UP_MS     = 5000,
	HEARD_MS       = 5000,
	CREW_MS        = 2, /* a task that waits for us waits no longer than that for the crew */
	CHUNK_ROOM     = 32 * 1024,
	PACKET_ROOM    = WEFT__FRAME_HEADER + WEFT__FRAME_MAX,
	FIRST_OWN_FD   = TASKVM_PMI_FD + 1,
	ORPHAN_DEFAULT = 60000,
};

static const char *const state_names[] = {"waiting", "starting", "running", "ended", "failed"};

static const bool steps[5][5] = {
        [TASKVM_WAITING] = {[TASKVM_STARTING] = true, [TASKVM_FAILED] = true},
        [TASKVM_STARTING] = {[TASKVM_RUNNING] = true, [TASKVM_FAILED] = true},
        [TASKVM_RUNNING] = {[TASKVM_ENDED] = true},
};

void taskvm_task_step(struct taskvm *vm, struct taskvm_task *t, enum taskvm_state to)
{
	if (!steps[t->state][to]) {
		weft__log(WEFT__LOG_ERROR, "WEFT-TASK-STATE", "job=%u rank=%u %s to %s", vm->job, t->rank,
		          state_names[t->state], state_names[to]);
		abort();
	}
	vm->nwaiting -= t->state == TASKVM_WAITING;
	vm->nstarting -= t->state == TASKVM_STARTING;
	vm->nrunning -= t->state == TASKVM_RUNNING;
	vm->nstarting += to == TASKVM_STARTING;
	vm->nrunning += to == TASKVM_RUNNING;
	t->state = to;
	char tid[WEFT__TID_TEXT];
	weft__tid_format((weft_tid_t){t->tid}, tid);
	if (to == TASKVM_FAILED)
		weft__log(WEFT__LOG_DEBUG, "WEFT-TASK-FAILED", "tid=%s job=%u rank=%u code=%d %s", tid, vm->job, t->rank,
		          t->code, t->text);
	else if (to == TASKVM_ENDED)
		weft__log(WEFT__LOG_DEBUG, "WEFT-TASK-EXIT", "tid=%s job=%u rank=%u pid=%ld code=%lld signo=%llu", tid,
		          vm->job, t->rank, (long)t->pid, (long long)t->exited.exit_code,
		          (unsigned long long)t->exited.signo);
	else if (to == TASKVM_RUNNING)
		weft__log(WEFT__LOG_DEBUG, "WEFT-TASK-START", "tid=%s job=%u rank=%u pid=%ld", tid, vm->job, t->rank,
		          (long)t->pid);
}

/* --- what weftd says ---------------------------------------------------------------------------- */

static void launch(struct taskvm *vm, const struct weft__msg_launch *m)
{
	if (taskvm_launch_add(vm, m))
		taskvm_conn_lost(vm, "weftd sent a LAUNCH that makes no sense");
}

static void terminate(struct taskvm *vm, const char *why)
{
	if (vm->terminating)
		return;
	weft__log(WEFT__LOG_INFO, "WEFT-TASKVM-TERM", "job=%u running=%zu: %s", vm->job, vm->nrunning, why);
	vm->terminating = true;
	vm->give_up_ns = weft__clock_ns() + (uint64_t)GIVE_UP_MS * 1000000;
	taskvm_launch_cancel(vm, 0, "the node goes down");
	taskvm_crew_settle(vm);
	vm->ending = true;
	taskvm_kill_children(vm);
	taskvm_reap(vm);
}

/* Parts come in order, before the first LAUNCH; without memory there is no map, and no MPI is hosted. */
static void take_team(struct taskvm *vm, const struct weft__msg_team *m)
{
	if (!vm->tids && m->first == 0 && m->size > 0)
		vm->tids = weft__calloc(m->size, sizeof *vm->tids);
	if (m->first == 0)
		vm->size = (uint32_t)m->size;
	if (vm->tids && m->size == vm->size && m->first + m->tids.n <= m->size)
		memcpy(vm->tids + m->first, m->tids.p, m->tids.n * sizeof *vm->tids);
}

void taskvm_message(struct taskvm *vm, const struct weft__msg *m, int *fd)
{
	switch (m->code) {
	case WEFT__MSG_LAUNCH:
		launch(vm, &m->launch);
		break;
	case WEFT__MSG_TASK_SIGNAL:
		taskvm_signal(vm, &m->task_signal);
		break;
	case WEFT__MSG_OUTPUT_ACK:
		taskvm_output_acknowledged(vm, &m->output_ack);
		break;
	case WEFT__MSG_OUTPUT_MOVE:
		taskvm_output_move(vm, &m->output_move);
		break;
	case WEFT__MSG_STDIN:
		taskvm_stdin_take(vm, &m->stdin_bytes, fd);
		break;
	case WEFT__MSG_TEAM:
		if (vm->job && m->team.job != vm->job)
			ask_take_team(vm, &m->team);
		else
			take_team(vm, &m->team);
		break;
	case WEFT__MSG_MODEX:
		taskvm_pmix_modex(vm, &m->modex);
		break;
	case WEFT__MSG_RESULT:
	case WEFT__MSG_SPAWNED:
	case WEFT__MSG_NAME_VALUE:
		ask_take(vm, m);
		break;
	case WEFT__MSG_EXCHANGED:
		exchange_take(vm, &m->exchanged);
		break;
	case WEFT__MSG_RESUMED:
		taskvm_conn_resumed(vm, m->resumed.seen);
		break;
	case WEFT__MSG_SEEN:
		weft__session_confirm(&vm->session, m->seen.seen);
		break;
	case WEFT__MSG_OUTPUT_AGAIN:
		taskvm_output_again(vm);
		break;
	case WEFT__MSG_RELEASED:
		vm->released = true;
		break;
	case WEFT__MSG_REFUSED:
		terminate(vm, "weftd refused it");
		break;
	default: /* WELCOME: nothing to do */
		break;
	}
}

/* --- the loop ----------------------------------------------------------------------------------- */

static void read_signals(struct taskvm *vm)
{
	struct signalfd_siginfo info;
	bool term = false;
	/* A batch system sends SIGTERM to all processes of a job: while weftd is there, that is for the tasks, and weftd
	 * says when they have had enough time. */
	while (read(vm->signals, &info, sizeof info) == sizeof info)
		term |= info.ssi_signo != SIGCHLD && (vm->conn < 0 || info.ssi_pid == (uint32_t)getppid());
	taskvm_reap(vm);
	if (term)
		terminate(vm, "it was asked to");
}

/* Milliseconds until something is due whatever happens, -1 when nothing is. */
static int time_left_ms(const struct taskvm *vm)
{
	if (taskvm_launch_can(vm))
		return 0;
	uint64_t due = WEFT__NEVER;
	if (vm->conn < 0 && !vm->terminating)
		due = vm->retry_ns < vm->orphan_deadline_ns ? vm->retry_ns : vm->orphan_deadline_ns;
	if (vm->ending && !vm->childless && vm->sweep_ns < due)
		due = vm->sweep_ns;
	if (vm->heard_ns && vm->heard_ns < due)
		due = vm->heard_ns;
	const uint64_t others[] = {taskvm_pmix_due_ns(vm), taskvm_alone_due_ns(vm)};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		due = others[i] < due ? others[i] : due;
	return weft__deadline_left_ms(due);
}

static void run_timers(struct taskvm *vm)
{
	uint64_t now = weft__clock_ns();
	if (vm->conn < 0 && !vm->terminating && vm->job) {
		if (now >= vm->orphan_deadline_ns)
			terminate(vm, "weftd stayed away");
		else if (weft__rundir_removed(vm->dirfd))
			terminate(vm, "its folder was removed: the virtual machine is over");
		else if (now >= vm->retry_ns)
			taskvm_conn_retry(vm);
	}
	if (vm->ending && !vm->childless && now >= vm->sweep_ns)
		taskvm_reap(vm);
	taskvm_pmix_timers(vm, now);
	taskvm_alone_timers(vm, now);
}

/* While many tasks are started their outputs and ends can wait a moment. */
static void let_crew_work(const struct taskvm *vm)
{
	struct pollfd polled[2] = {{.fd = vm->conn, .events = POLLIN}, {.fd = taskvm_crew_fd(vm), .events = POLLIN}};
	if (taskvm_crew_busy(vm))
		poll(polled, 2, CREW_MS);
}

static void turn(struct taskvm *vm)
{
	enum { CONN, SIGNALS, OUTPUTS, STDIN, MPI, CONTROLS, CREW, NPOLLED };
	let_crew_work(vm);
	bool flush = vm->conn >= 0 && !weft__list_empty(&vm->packets);
	bool room = taskvm_output_open(vm);
	struct pollfd polled[NPOLLED] = {
	        [CONN]    = {.fd = vm->conn, .events = (short)(POLLIN | (flush ? POLLOUT : 0))},
	        [SIGNALS] = {.fd = vm->signals, .events = POLLIN},
	        [OUTPUTS] = {.fd = room ? vm->outputs : -1, .events = POLLIN},
	        [STDIN]   = {.fd = vm->stdin_bytes.len ? vm->stdin_pipe : -1, .events = POLLOUT},
	        [MPI]     = {.fd = taskvm_mpi_fd(vm), .events = POLLIN},
	        [CONTROLS] = {.fd = vm->controls, .events = POLLIN},
	        [CREW]    = {.fd = taskvm_crew_fd(vm), .events = POLLIN}};
	if (poll(polled, NPOLLED, time_left_ms(vm)) < 0)
		return; /* EINTR */
	if (polled[CONN].revents & POLLOUT)
		taskvm_conn_flush(vm);
	if (polled[CONN].revents & ~POLLOUT && vm->conn == polled[CONN].fd)
		taskvm_conn_read(vm);
	if (polled[CREW].revents) /* before a task that it has started is heard of otherwise */
		taskvm_crew_collect(vm);
	if (polled[OUTPUTS].revents)
		taskvm_output_read(vm);
	if (polled[STDIN].revents)
		taskvm_stdin_write(vm);
	if (polled[MPI].revents)
		taskvm_mpi_ready(vm);
	if (polled[SIGNALS].revents)
		read_signals(vm);
	if (polled[CONTROLS].revents)
		taskvm_control_ready(vm);
	if (!vm->full) /* a slow weftd slows the starting, too */
		taskvm_launch_some(vm, SPAWNS_A_TURN);
	run_timers(vm);
	taskvm_conn_flush(vm);
	taskvm_launch_rest(vm); /* which waits for the threads' ends: nobody waits for that */
}

/* All that was to be said has been said. Who shows the output has it as well, or takes so long that it must be on its way to
 * him: he may be reading slowly, which keeps nobody here. */
static bool is_heard(struct taskvm *vm, bool said)
{
	bool acknowledged = taskvm_output_unacked(vm) == 0;
	if (!said || acknowledged)
		vm->heard_ns = 0;
	else if (!vm->heard_ns)
		vm->heard_ns = weft__clock_ns() + (uint64_t)HEARD_MS * 1000000;
	return said && (acknowledged || weft__clock_ns() >= vm->heard_ns);
}

/* True when all is done. */
static bool finish(struct taskvm *vm)
{
	if (!vm->ending && vm->last_launch && !vm->nwaiting && !vm->nstarting && !vm->nrunning && !vm->meeting) {
		vm->ending = true;
		taskvm_reap(vm);
	}
	if (!vm->ending)
		return vm->job == 0 && vm->conn < 0; /* weftd needs it for no job */
	if (vm->terminating && (vm->childless || weft__clock_ns() >= vm->give_up_ns))
		return true;
	if (vm->childless)
		taskvm_output_drain(vm);
	bool may_go = (vm->released || !vm->holds) && !vm->output_held;
	bool said = vm->childless && !vm->nstreams && vm->conn >= 0 && weft__list_empty(&vm->packets) && may_go;
	return is_heard(vm, said);
}

/* --- start -------------------------------------------------------------------------------------- */

static int options_read(struct taskvm *vm, int argc, char **argv)
{
	enum { DIR_ = 1, JOB, NODE, HOST, VM, ORPHAN };
	static const struct option options[] = {
	        {"dir", required_argument, NULL, DIR_},  {"job", required_argument, NULL, JOB},
	        {"node", required_argument, NULL, NODE}, {"host", required_argument, NULL, HOST},
	        {"vm", required_argument, NULL, VM},     {"orphan-ms", required_argument, NULL, ORPHAN},
	        {NULL, 0, NULL, 0}};
	vm->orphan_ms = ORPHAN_DEFAULT;
	vm->host = vm->vm = "";
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (option) {
		case DIR_:
			vm->dir = optarg;
			break;
		case JOB:
			vm->job = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case NODE:
			vm->node = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case HOST:
			vm->host = optarg;
			break;
		case VM:
			vm->vm = optarg;
			break;
		case ORPHAN:
			vm->orphan_ms = strtoull(optarg, NULL, 10);
			break;
		default:
			return WEFT_EINVAL;
		}
	}
	return vm->dir && vm->node ? 0 : WEFT_EINVAL;
}

/* The standard descriptors and those that stand for WEFT_FD and PMI_FD in a task must be taken, so that none of
 * ours ever has a number that a task's shall have. */
static int descriptors_reserve(struct taskvm *vm)
{
	vm->conn = -1;
	const char *conn = getenv("WEFT_TASKVM_FD");
	if (conn && *conn) {
		int fd = atoi(conn);
		vm->conn = fcntl(fd, F_DUPFD_CLOEXEC, FIRST_OWN_FD);
		if (fd > 2)
			close(fd);
	}
	unsetenv("WEFT_TASKVM_FD");
	descriptors_close(TASKVM_TASK_FD, vm->conn);
	int fd;
	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd < FIRST_OWN_FD);
	vm->dev_null = fd;
	vm->dirfd = weft__rundir_open(vm->dir, 0, NULL);
	return fd < 0 || vm->conn < 0 ? WEFT_EIO : 0;
}

static void limits_set(struct taskvm *vm)
{
	getrlimit(RLIMIT_NOFILE, &vm->nofile);
	getrlimit(RLIMIT_CORE, &vm->core);
	struct rlimit all = {vm->nofile.rlim_max, vm->nofile.rlim_max}, no_core = {0, vm->core.rlim_max};
	setrlimit(RLIMIT_NOFILE, &all);
	setrlimit(RLIMIT_CORE, &no_core);
}

static int signals_open(struct taskvm *vm)
{
	sigset_t taken;
	sigemptyset(&taken);
	sigaddset(&taken, SIGCHLD);
	sigaddset(&taken, SIGTERM);
	sigprocmask(SIG_SETMASK, &taken, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* write says it */
	signal(SIGINT, SIG_IGN); /* Ctrl-C in the terminal is the tool's business */
	signal(SIGHUP, SIG_IGN);
	for (int signo = 1; signo < NSIG; signo++) { /* and what we were told to ignore */
		struct sigaction now;
		if (!sigaction(signo, NULL, &now) && now.sa_handler != SIG_DFL)
			vm->changed_signals[vm->nchanged_signals++] = signo;
	}
	vm->signals = signalfd(-1, &taken, SFD_NONBLOCK | SFD_CLOEXEC);
	return vm->signals < 0 ? WEFT_EIO : 0;
}

static int init(struct taskvm *vm)
{
	weft__list_init(&vm->packets);
	taskvm_output_init(vm);
	weft__session_init(&vm->session);
	weft__list_init(&vm->launches);
	weft__list_init(&vm->tasks);
	weft__list_init(&vm->orders);
	weft__list_init(&vm->asks);
	weft__list_init(&vm->exchanges);
	vm->stdin_fd = vm->stdin_pipe = vm->mpi_fds = -1;
	if (descriptors_reserve(vm) || signals_open(vm))
		return WEFT_EIO;
	limits_set(vm);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		return WEFT_EIO;
	vm->controls = epoll_create1(EPOLL_CLOEXEC);
	vm->outputs = epoll_create1(EPOLL_CLOEXEC);
	vm->packet = weft__malloc(PACKET_ROOM);
	vm->chunk = weft__malloc(CHUNK_ROOM);
	if (vm->outputs < 0 || vm->controls < 0)
		return WEFT_EIO;
	return vm->packet && vm->chunk ? 0 : WEFT_ENOMEM;
}

int main(int argc, char **argv)
{
	static struct taskvm vm;
	if (argc == 2 && !strcmp(argv[1], "--version")) { /* weft doctor compares */
		puts("weft-taskvm " PACKAGE_VERSION);
		return 0;
	}
	weft__log_start("taskvm", true);
	if (options_read(&vm, argc, argv)) {
		fprintf(stderr, "weft-taskvm: is started by weftd, not by people\n");
		return 2;
	}
	int rc = init(&vm);
	if (rc) {
		weft__log(WEFT__LOG_ERROR, "WEFT-TASKVM-INIT", "job=%u %s: %s", vm.job, weft__err_text(rc),
		          strerror(errno));
		return 1;
	}
	taskvm_conn_hello(&vm);
	while (!finish(&vm))
		turn(&vm);
	taskvm_mpi_clean(&vm);
	weft__log(WEFT__LOG_DEBUG, "WEFT-TASKVM-END", "job=%u", vm.job);
	return 0;
}
