/* Hosting MPICH's programs: the plumbing around pmi1.c.
 *
 * Each task gets one end of a socketpair as PMI_FD. What it writes goes into the server; answers go back; at a barrier the
 * keys that are new go to the task VMs of the other nodes by an exchange, names and spawns to the coordinator.
 *
 * What can go wrong:
 * - A rank ends between init and finalize, or badly before init, or speaks no PMI-1: the whole job is ended, and the
 *   user is told which rank it was and how it ended. After finalize a rank's exit code is its own affair.
 * - A rank has ended, however well, and others of the node wait in a barrier for it: the same.
 * - The exchange fails, because all tasks of a node are gone: the same, in the coordinator's words.
 * - A rank does not read its answers: it is not read from any more until it does, so that nothing grows.
 * - MPICH leaves a file in /dev/shm when it is killed: ranks tell each other its name by PMI, so we know it. Of
 *   UCX's files only a beginning of the name is known: those that appeared here and nobody has open are removed.
 */
#include "config.h"

#include "node/taskvm_mpi.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "node/ask.h"
#include "node/exchange.h"
#include "node/keys.h"
#include "node/pmi1.h"
#include "node/shmclean.h"

enum { READ_BYTES = 8192 };

static const char greeting[] = "pmi-1\n"; /* how `hosting` of a spawned job begins; keys follow */

/* --- what the server wants ------------------------------------------------------------------------- */

static struct taskvm_task *task_at(struct taskvm *vm, uint32_t local)
{
	return vm->pmi1_tasks[local];
}

static void watch(struct taskvm *vm, struct taskvm_task *t)
{
	bool heard = pmi1_state(vm->pmi1, t->local) != PMI1_BAD;
	struct epoll_event event = {.events = t->mpi_out.len ? EPOLLOUT : heard ? EPOLLIN : 0, .data.ptr = t};
	epoll_ctl(vm->mpi_fds, EPOLL_CTL_MOD, t->mpi_fd, &event);
}

static void reply(void *arg, uint32_t local, const char *line, size_t n)
{
	struct taskvm *vm = arg;
	struct taskvm_task *t = task_at(vm, local);
	if (!t || t->mpi_fd < 0)
		return;
	ssize_t sent = t->mpi_out.len ? 0 : send(t->mpi_fd, line, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return; /* it is gone, or will be */
	size_t done = sent > 0 ? (size_t)sent : 0;
	if (done == n)
		return;
	if (weft__buf_append(&t->mpi_out, line + done, n - done))
		taskvm_mpi_blame(vm, t, 1, "can't be hosted any more: out of memory");
	else
		watch(vm, t);
}

static void fenced(void *arg, int code, const char *text, const struct exchange_piece *pieces, size_t npieces)
{
	struct taskvm *vm = arg;
	char what[TASKVM_TEXT];
	const struct taskvm_task *t = task_at(vm, 0);
	bool sense = true;
	for (size_t i = 0; i < npieces && !code; i++)
		if (pieces[i].node != vm->node)
			sense &= pmi1_fence_add(vm->pmi1, pieces[i].bytes, pieces[i].nbytes);
	if (!code && sense) {
		pmi1_fence_end(vm->pmi1);
		return;
	}
	snprintf(what, sizeof what, "waits in a barrier of MPI that will never end: %.160s",
	         code ? text : "the job has more keys than fit");
	if (t)
		taskvm_mpi_blame(vm, t, 1, what);
}

static const struct world *world(struct taskvm *vm)
{
	return taskvm_world(vm, FAMILY_MPICH); /* taskvm_mpi_prepare has made it */
}

/* Among the nodes that have ranks, which need not be all of the job's. */
static void fence(void *arg, const void *bytes, size_t n)
{
	struct taskvm *vm = arg;
	const struct jobmap *map = &world(vm)->map;
	size_t nmembers = world(vm)->size < vm->size ? map->nnodes : 0;
	uint64_t *members = weft__calloc(nmembers + 1, sizeof *members);
	for (size_t i = 0; members && i < nmembers; i++)
		members[i] = exchange_member(vm->job, map->nodes[i]);
	if (map->nnodes == 1)
		pmi1_fence_end(vm->pmi1);
	else if (!members || exchange_start(vm, "pmi-1", members, nmembers, bytes, n, fenced, vm))
		fenced(vm, WEFT_ENOMEM, "out of memory", NULL, 0);
	weft__free(members);
}

static void abort_job(void *arg, uint32_t local, int exit_code)
{
	struct taskvm *vm = arg;
	char what[80];
	snprintf(what, sizeof what, "called MPI_Abort with code %d", exit_code);
	if (task_at(vm, local))
		taskvm_mpi_blame(vm, task_at(vm, local), exit_code ? exit_code : 1, what);
}

static void bad(void *arg, uint32_t local, const char *why)
{
	struct taskvm *vm = arg;
	char what[TASKVM_TEXT];
	snprintf(what, sizeof what, "can't be hosted as a program of MPICH: %.140s", why);
	if (task_at(vm, local))
		taskvm_mpi_blame(vm, task_at(vm, local), 1, what);
}

/* A question of a rank that the coordinator answers. */
struct question {
	struct taskvm *vm;
	uint32_t local;
};

static struct question *question_new(struct taskvm *vm, uint32_t local)
{
	struct question *q = weft__calloc(1, sizeof *q);
	if (q)
		*q = (struct question){vm, local};
	return q;
}

static void name_answered(void *arg, int code, const char *text)
{
	struct question *q = arg;
	pmi1_name_done(q->vm->pmi1, q->local, code, NULL);
	weft__free(q);
}

static void name_found(void *arg, int code, const void *value, size_t nbytes)
{
	struct question *q = arg;
	char port[KEYS_VALUE_MAX] = "";
	if (!code && (nbytes >= sizeof port || memchr(value, '\n', nbytes) || memchr(value, '\0', nbytes)))
		code = WEFT_ENOENT; /* not ours */
	if (!code)
		memcpy(port, value, nbytes);
	pmi1_name_done(q->vm->pmi1, q->local, code, port);
	weft__free(q);
}

static void name(void *arg, uint32_t local, enum pmi1_name op, const char *service, const char *port)
{
	struct taskvm *vm = arg;
	char full[256];
	bool fits = snprintf(full, sizeof full, "mpich:%s", service) < (int)sizeof full && strlen(port) < KEYS_VALUE_MAX;
	struct question *q = fits ? question_new(vm, local) : NULL;
	uint64_t asked = 0;
	if (q && op == PMI1_PUBLISH)
		asked = ask_name_put(vm, full, port, strlen(port), false, name_answered, q);
	else if (q && op == PMI1_UNPUBLISH)
		asked = ask_name_del(vm, full, name_answered, q);
	else if (q)
		asked = ask_name_get(vm, full, false, name_found, q);
	if (asked)
		return;
	weft__free(q);
	pmi1_name_done(vm->pmi1, local, fits ? WEFT_ENOMEM : WEFT_ETOOBIG, NULL);
}

static void spawned(void *arg, const struct ask_job *j)
{
	struct question *q = arg;
	if (j->code)
		weft__log(WEFT__LOG_INFO, "WEFT-MPI-SPAWN", "job=%u %s", q->vm->job, j->text);
	pmi1_spawn_done(q->vm->pmi1, q->local, j->code, j->errors, j->size);
	weft__free(q);
}

static void spawn(void *arg, uint32_t local, const struct pmi1_spawn *s)
{
	struct taskvm *vm = arg;
	const struct taskvm_task *t = task_at(vm, local);
	struct ask_program *programs = weft__calloc(s->nprograms + 1, sizeof *programs);
	struct question *q = question_new(vm, local);
	struct weft__buf hosting = {0};
	uint64_t asked = 0;
	bool memory = programs && q && t && !weft__buf_append(&hosting, greeting, strlen(greeting)) &&
	              !weft__buf_append(&hosting, s->preput, s->npreput);
	for (size_t i = 0; i < s->nprograms && memory; i++)
		programs[i] = (struct ask_program){.count = s->programs[i].count,
		                                   .host = s->programs[i].host,
		                                   .wdir = s->programs[i].wdir ? s->programs[i].wdir : vm->mpi_wdir,
		                                   .argv = s->programs[i].argv,
		                                   .env = (const char *const *)vm->mpi_env,
		                                   .mpi = WEFT__MPI_MPICH};
	if (memory)
		asked = ask_spawn(vm, programs, s->nprograms, t->tid, hosting.data, hosting.len, spawned, q);
	weft__buf_fini(&hosting);
	weft__free(programs);
	if (asked)
		return;
	weft__free(q);
	pmi1_spawn_done(vm->pmi1, local, WEFT_ENOMEM, NULL, 0);
}

static const struct pmi1_ops ops = {reply, fence, name, spawn, abort_job, bad};

/* --- the server --------------------------------------------------------------------------------------- */

/* What spawned tasks get: the environment and folder of the first launch. */
static bool keep_origin(struct taskvm *vm, const struct taskvm_launch *l)
{
	size_t n = 0;
	if (vm->mpi_env)
		return true;
	while (l->env[n])
		n++;
	vm->mpi_env = weft__calloc(n + 1, sizeof(char *));
	vm->mpi_wdir = weft__strdup(l->wdir);
	for (size_t i = 0; vm->mpi_env && i < n; i++)
		if (!(vm->mpi_env[i] = weft__strdup(l->env[i])))
			return false;
	return vm->mpi_env && vm->mpi_wdir;
}

static bool was_spawned(const struct taskvm *vm)
{
	size_t n = strlen(greeting);
	return vm->nhosting >= n && !memcmp(vm->hosting, greeting, n);
}

static void put_first_keys(struct taskvm *vm)
{
	char mapping[KEYS_VALUE_MAX];
	if (pmi1_mapping(world(vm)->map.node_of, world(vm)->size, mapping, sizeof mapping))
		pmi1_preput(vm->pmi1, "PMI_process_mapping", mapping);
	if (was_spawned(vm))
		pmi1_preput_lines(vm->pmi1, (const char *)vm->hosting + strlen(greeting), vm->nhosting - strlen(greeting));
}

int taskvm_pmi1_prepare(struct taskvm *vm, struct taskvm_launch *l, struct weft_error *e)
{
	char space[32];
	const struct jobmap *map = &world(vm)->map;
	uint32_t at = jobmap_position(map, vm->node);
	snprintf(space, sizeof space, "weft_job_%u", vm->job);
	struct pmi1_job job = {.name = space, .universe = vm->universe > map->size ? vm->universe : map->size};
	job.nlocal = at < map->nnodes ? map->ntasks[at] : 0;
	if (!keep_origin(vm, l))
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	if (vm->pmi1)
		return 0;
	vm->pmi1_tasks = weft__calloc(job.nlocal + 1u, sizeof(struct taskvm_task *));
	if (!vm->pmi1_tasks || pmi1_create(&job, &ops, vm, &vm->pmi1))
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	put_first_keys(vm);
	shmclean_begin(&vm->shm);
	return 0;
}

int taskvm_pmi1_open(struct taskvm *vm, struct taskvm_launch *l, struct taskvm_task *t, int *fd)
{
	int ends[2];
	const struct jobmap *map = &world(vm)->map;
	uint32_t here = map->ntasks[map->node_of[t->mpi_rank]];
	t->local = map->local_rank[t->mpi_rank];
	bool set = taskvm_mpi_variable(t, "PMI_FD=%d", TASKVM_PMI_FD) && taskvm_mpi_variable(t, "PMI_RANK=%u", t->mpi_rank) &&
	           taskvm_mpi_variable(t, "PMI_SIZE=%u", map->size) && taskvm_mpi_variable(t, "MPI_LOCALNRANKS=%u", here) &&
	           taskvm_mpi_variable(t, "MPI_LOCALRANKID=%u", t->local) &&
	           (!was_spawned(vm) || taskvm_mpi_variable(t, "PMI_SPAWNED=1"));
	if (!set)
		return ENOMEM;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return errno;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
	if (epoll_ctl(vm->mpi_fds, EPOLL_CTL_ADD, ends[0], &event)) {
		int errnum = errno;
		close(ends[0]);
		close(ends[1]);
		return errnum;
	}
	t->mpi_fd = ends[0];
	*fd = ends[1];
	vm->pmi1_tasks[t->local] = t;
	pmi1_set_program(vm->pmi1, t->local, l->program);
	return 0;
}

static void close_fd(struct taskvm_task *t)
{
	if (t->mpi_fd >= 0)
		close(t->mpi_fd); /* leaves the epoll set with it */
	t->mpi_fd = -1;
	weft__buf_fini(&t->mpi_out);
}

void taskvm_pmi1_started(struct taskvm *vm, struct taskvm_task *t, bool runs)
{
	if (!runs)
		close_fd(t);
}

/* --- what tasks say --------------------------------------------------------------------------------- */

/* A barrier needs all local ranks: one that has ended never comes. */
static void check_barrier(struct taskvm *vm)
{
	if (vm->pmi1_gone && pmi1_waiting(vm->pmi1) > 0)
		taskvm_mpi_blame(vm, vm->pmi1_gone, 1, "has ended, and the other ranks wait for it in MPI");
}

/* False: there is nothing more to read now. */
static bool read_some(struct taskvm *vm, struct taskvm_task *t)
{
	char bytes[READ_BYTES];
	if (t->mpi_fd < 0 || t->mpi_out.len > 0 || pmi1_state(vm->pmi1, t->local) == PMI1_BAD)
		return false;
	ssize_t n = recv(t->mpi_fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close_fd(t);
		return false;
	}
	pmi1_input(vm->pmi1, t->local, bytes, (size_t)n);
	if (pmi1_state(vm->pmi1, t->local) == PMI1_BAD) /* it waits for an answer until it is killed */
		watch(vm, t);
	check_barrier(vm);
	return true;
}

static void write_some(struct taskvm *vm, struct taskvm_task *t)
{
	ssize_t n = send(t->mpi_fd, t->mpi_out.data, t->mpi_out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close_fd(t);
		return;
	}
	weft__buf_consume(&t->mpi_out, n > 0 ? (size_t)n : 0);
	if (t->mpi_out.len == 0)
		watch(vm, t);
}

void taskvm_pmi1_ready(struct taskvm *vm, struct taskvm_task *t, uint32_t events)
{
	if (t->mpi_out.len > 0)
		write_some(vm, t);
	else if (!read_some(vm, t) && events & (EPOLLHUP | EPOLLERR))
		close_fd(t); /* else it would be told for ever */
}

void taskvm_pmi1_ended(struct taskvm *vm, struct taskvm_task *t)
{
	while (read_some(vm, t)) /* what it said before it ended */
		;
	close_fd(t);
	bool well = t->exited.signo == 0 && t->exited.exit_code == 0;
	enum pmi1_state state = pmi1_state(vm->pmi1, t->local);
	if (!vm->pmi1_gone)
		vm->pmi1_gone = t;
	if (state == PMI1_OPEN)
		taskvm_mpi_blame_end(vm, t, "without MPI_Finalize");
	else if (state == PMI1_NEW && !well)
		taskvm_mpi_blame_end(vm, t, "before MPI_Init");
	else
		check_barrier(vm);
}

void taskvm_pmi1_clean(struct taskvm *vm)
{
	static const char *const beginnings[] = {"mpich_shar_tmp", "mpich_shm_", "ucx_shm_posix_", NULL};
	shmclean_end(&vm->shm, beginnings);
}
