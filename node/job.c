/* The jobs that have tasks on this node, and those tasks.
 *
 * Happy path: TEAM tells all tids of a job, LAUNCH which of them start here; the first LAUNCH starts the job's
 * task VM. The task VM tells STARTED, EXITED; both go on to the coordinator. TASK_SPEAKS makes a task a client. When the
 * task VM has ended and no LAUNCH is to come the job is forgotten.
 *
 * What can go wrong: the task VM can't be started (each task fails with the reason); it dies (its tasks are
 * lost and swept up). A task that enrolled from outside is a job of its own, without a task VM.
 */
#include "config.h"

#include "node/node.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "node/mpi_shm.h"

enum {
	TASKS_MAX = 65536,
	TEAM_PART = 16384,
	OWN_FDS   = 40, /* the daemon's own: sockets, folders, the loop's, what is under way */
};

static const char *const state_names[] = {"expected", "launched", "running", "ended"};
static const bool steps[4][4] = {
        [TASK_EXPECTED] = {[TASK_LAUNCHED] = true, [TASK_ENDED] = true},
        [TASK_LAUNCHED] = {[TASK_RUNNING] = true, [TASK_ENDED] = true},
        [TASK_RUNNING]  = {[TASK_ENDED] = true},
};

static bool task_step(struct task *t, enum task_state to)
{
	char tid[WEFT__TID_TEXT];
	weft__tid_format((weft_tid_t){t->tid}, tid);
	bool fits = steps[t->state][to];
	weft__log(fits ? WEFT__LOG_DEBUG : WEFT__LOG_WARN, "WEFT-TASK-STATE", "tid=%s job=%u pid=%lld from=%s to=%s%s",
	          tid, t->job->id, (long long)t->pid, state_names[t->state], state_names[to],
	          fits ? "" : ": ignored");
	if (!fits)
		return false;
	t->job->nlaunched += t->state == TASK_EXPECTED;
	t->state = to;
	t->job->nended += to == TASK_ENDED;
	return true;
}

struct job *job_find(const struct node *n, uint64_t id)
{
	return weft__map_get(&n->jobs, id);
}

struct task *job_task(const struct node *n, uint64_t tid)
{
	return weft__map_get(&n->tasks, tid);
}

/* --- the records -------------------------------------------------------------------------------- */

static struct job *job_make(struct node *n, uint64_t id)
{
	struct job *j = weft__map_get(&n->jobs, id);
	if (j)
		return j;
	j = weft__calloc(1, sizeof *j);
	if (!j || weft__map_put(&n->jobs, id, j)) {
		weft__free(j);
		return NULL;
	}
	j->node = n;
	j->id = (uint32_t)id;
	weft__list_init(&j->tasks);
	return j;
}

static struct task *task_make(struct job *j, uint64_t tid, uint64_t rank)
{
	struct node *n = j->node;
	struct task *t = weft__map_get(&n->tasks, tid);
	if (t)
		return t->job == j ? t : NULL;
	t = weft__calloc(1, sizeof *t);
	if (!t || weft__map_put(&n->tasks, tid, t)) {
		weft__free(t);
		return NULL;
	}
	t->tid = tid;
	t->rank = (uint32_t)rank;
	t->job = j;
	t->doorbell = -1;
	if (tid > n->newest)
		n->newest = tid;
	weft__list_push(&j->tasks, &t->link);
	j->nlocal++;
	return t;
}

static void task_free(struct task *t)
{
	struct node *n = t->job->node;
	intro_gone(n, t->tid, false);
	if (t->client) {
		struct client *c = t->client;
		t->client = NULL;
		client_close(c);
	}
	if (t->doorbell >= 0)
		close(t->doorbell);
	weft__map_remove(&n->tasks, t->tid);
	weft__list_remove(&t->link);
	weft__free(t);
}

/* The coordinator need not know a task VM that asks it for nothing. */
static void vm_open(struct job *j, bool resume, uint64_t seen)
{
	struct node *n = j->node;
	uint32_t number = client_number(n);
	struct weft__msg m = {.code = WEFT__MSG_CLIENT_OPEN,
	                      .client_open = {.client = number,
	                                      .role = WEFT__ROLE_TASKVM,
	                                      .pid = (uint64_t)j->vm_pid,
	                                      .name = weft__str("weft-taskvm"),
	                                      .job = j->id,
	                                      .resume = resume,
	                                      .seen = seen}};
	if (weft__map_put(&n->askers, number, j))
		return;
	j->vm_client = number;
	coord_link_send(n, &m);
}

static void vm_close(struct job *j)
{
	struct weft__msg m = {.code = WEFT__MSG_CLIENT_CLOSE, .client_close = {.client = j->vm_client}};
	if (!j->vm_client)
		return;
	coord_link_send(j->node, &m);
	weft__map_remove(&j->node->askers, j->vm_client);
	j->vm_client = 0;
}

void job_vm_asks(struct job *j, const uint8_t *body, size_t nbytes)
{
	if (!j->vm_client)
		vm_open(j, false, 0);
	if (j->vm_client)
		coord_link_up(j->node, j->vm_client, body, nbytes);
	else if (j->vm_pid) /* it would wait for ever */
		kill(j->vm_pid, SIGKILL);
}

bool job_vm_down(struct node *n, uint64_t client, const void *body, size_t nbytes)
{
	struct job *j = weft__map_get(&n->askers, client);
	if (j)
		taskvm_link_send_body(j, body, nbytes);
	return j != NULL;
}

static void job_free(struct job *j)
{
	struct node *n = j->node;
	weft__log(WEFT__LOG_DEBUG, "WEFT-JOB-END", "job=%u tasks=%u", j->id, j->nlocal);
	vm_close(j);
	weft__map_remove(&n->jobs, j->id);
	while (!weft__list_empty(&j->tasks))
		task_free(WEFT__CONTAINER(j->tasks.next, struct task, link));
	output_job_fini(j);
	weft__free(j->tids);
	weft__buf_fini(&j->late);
	weft__free(j);
	node_settled(n);
}

int job_outside(struct node *n, struct client *c, uint64_t tid, uint64_t id, struct task **t)
{
	if (job_find(n, id) || job_task(n, tid))
		return WEFT_EEXIST;
	struct job *j = job_make(n, id);
	struct task *new = j ? task_make(j, tid, 0) : NULL;
	uint64_t *tids = new ? weft__malloc(sizeof *tids) : NULL;
	if (!tids) {
		if (j)
			job_free(j);
		return WEFT_ENOMEM;
	}
	*tids = tid;
	j->outside = j->last = true;
	j->size = j->ntids = 1;
	j->tids = tids;
	new->pid = c->pid;
	new->client = c;
	task_step(new, TASK_LAUNCHED);
	task_step(new, TASK_RUNNING);
	new->output_ended = true;
	*t = new;
	return 0;
}

/* --- to the coordinator --------------------------------------------------------------------------- */

/* How a task ended: its task VM keeps that until the coordinator has it. */
static void report(struct job *j, const struct weft__msg *m)
{
	coord_link_send(j->node, m);
	j->reported = j->node->coord.session.sent;
}

/* All of the job that was here has ended, and the coordinator has it: the task VM may go. What was not launched by now had
 * failed when an earlier daemon was here. */
static void release(struct job *j)
{
	if (j->last && j->nended == j->nlaunched && !j->reported)
		taskvm_link_send(j, &(struct weft__msg){.code = WEFT__MSG_RELEASED, .released = {.job = j->id}}, -1);
}

void job_confirmed(struct node *n, uint64_t seen)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		struct job *j = value;
		if (!j->reported || j->reported > seen)
			continue;
		j->reported = 0;
		release(j);
	}
}

static void tell_failed(struct task *t, int64_t code, const char *text)
{
	struct weft__msg m = {.code = WEFT__MSG_START_FAILED,
	                      .start_failed = {.tid = t->tid, .code = code, .text = weft__str(text)}};
	if (!task_step(t, TASK_ENDED))
		return;
	t->output_ended = true;
	report(t->job, &m);
	intro_gone(t->job->node, t->tid, false);
}

static void tell_exited(struct task *t, const struct weft__msg_exited *exited)
{
	struct weft__msg m = {.code = WEFT__MSG_EXITED, .exited = *exited};
	if (!task_step(t, TASK_ENDED))
		return;
	report(t->job, &m);
	intro_gone(t->job->node, t->tid, false);
}

/* --- from the coordinator ------------------------------------------------------------------------- */

void job_team(struct node *n, const struct weft__msg_team *m)
{
	struct job *j = job_make(n, m->job);
	bool fits = j && m->size <= TASKS_MAX && m->first + m->tids.n <= m->size;
	if (fits && !j->tids) {
		j->tids = weft__calloc(m->size + 1, sizeof *j->tids);
		j->size = (uint32_t)m->size;
	}
	if (!fits || !j->tids || j->size != m->size) {
		weft__log(WEFT__LOG_ERROR, "WEFT-JOB-TEAM", "job=%" PRIu64 " size=%" PRIu64 ": no memory, or no team", m->job,
		          m->size);
		return;
	}
	for (size_t i = 0; i < m->tids.n; i++) {
		uint64_t tid = m->tids.p[i];
		j->tids[m->first + i] = tid;
		if (weft__tid_node((weft_tid_t){tid}) == n->index)
			task_make(j, tid, m->first + i);
	}
	if (m->first + m->tids.n > j->ntids)
		j->ntids = (uint32_t)(m->first + m->tids.n);
}

uint32_t job_team_part(const struct job *j, uint32_t first, struct weft__msg *m)
{
	uint32_t count = j->ntids - first < TEAM_PART ? j->ntids - first : TEAM_PART;
	*m = (struct weft__msg){.code = WEFT__MSG_TEAM,
	                        .team = {.job = j->id, .size = j->ntids, .first = first, .tids = {j->tids + first, count}}};
	return first + count;
}

static void send_team(struct job *j)
{
	struct weft__msg m;
	for (uint32_t first = 0; first < j->ntids;) {
		first = job_team_part(j, first, &m);
		taskvm_link_send(j, &m, -1);
	}
}

/* The tool's own standard input goes before the LAUNCH that uses it. */
static void send_stdin(struct job *j, const struct weft__msg_launch *m)
{
	struct client *c = m->sink_node == j->node->index ? client_find(j->node, m->sink_client) : NULL;
	bool has_rank_0 = false;
	for (size_t i = 0; i < m->ranks.n; i++)
		has_rank_0 |= m->ranks.p[i] == 0;
	if (!c || c->stdin_fd < 0 || !has_rank_0 || !(m->flags & WEFT__SPAWN_STDIN))
		return;
	struct weft__msg given = {.code = WEFT__MSG_STDIN, .stdin_bytes = {.job = j->id}};
	taskvm_link_send(j, &given, c->stdin_fd);
	close(c->stdin_fd);
	c->stdin_fd = -1;
}

/* How many more tasks the daemon's descriptors can serve: each may need two, for its connection and its doorbell. */
static size_t room_for_tasks(const struct node *n)
{
	size_t cursor = 0, living = 0, limit = n->nofile.rlim_max;
	uint64_t id;
	void *value;
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		const struct job *j = value;
		living += j->nlocal - j->nended;
	}
	size_t taken = OWN_FDS + 2 * living + 2 * n->jobs.count + 2 * n->peers.count + n->clients.count;
	return taken < limit ? (limit - taken) / 2 : 0;
}

/* The tasks of a LAUNCH from the one at `first` on. */
static void fail_from(struct job *j, const struct weft__msg_launch *m, size_t first, int code, const char *text)
{
	for (size_t i = first; i < m->tids.n; i++) {
		struct task *t = job_task(j->node, m->tids.p[i]);
		if (t && t->job == j && t->state == TASK_LAUNCHED)
			tell_failed(t, code, text);
	}
}

/* Those that the daemon could not serve fail at once; how many are left. */
static size_t admit(struct job *j, const struct weft__msg_launch *m, size_t room)
{
	char text[200];
	if (room >= m->tids.n)
		return m->tids.n;
	snprintf(text, sizeof text, "no descriptors left for more tasks (%.100s); raise the hard limit: ulimit -Hn",
	         j->node->host);
	weft__log(WEFT__LOG_WARN, "WEFT-NODE-FULL", "job=%u %zu tasks of %zu: %s", j->id, m->tids.n - room, m->tids.n, text);
	fail_from(j, m, room, WEFT_ENOSPC, text);
	return room;
}

/* No other job has a living task here. */
static bool is_alone(const struct job *j)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&j->node->jobs, &cursor, &id, &value)) {
		const struct job *other = value;
		if (other != j && other->nlocal > other->nended)
			return false;
	}
	return true;
}

/* Where the tasks start. */
static struct weft__str folder_of(const struct node *n, const struct weft__msg_launch *m)
{
	struct stat st;
	if (!(m->flags & WEFT__SPAWN_USUAL) || m->wdir.n == 0)
		return m->wdir;
	bool there = stat(m->wdir.p, &st) == 0 && S_ISDIR(st.st_mode);
	return *n->wdir || !there ? weft__str(n->wdir) : m->wdir;
}

static void start(struct job *j, const struct weft__msg_launch *m, size_t room)
{
	struct weft_error e;
	struct weft__msg launch = {.code = WEFT__MSG_LAUNCH, .launch = *m};
	char interface[32];
	launch.launch.tids.n = launch.launch.ranks.n = admit(j, m, room);
	launch.launch.alone = is_alone(j);
	launch.launch.wdir = folder_of(j->node, m);
	launch.launch.tasker = (uint64_t)tasker_pid(j->node);
	if (launch.launch.tids.n == 0 && !j->vm) {
		if (j->last)
			job_free(j);
		return;
	}
	bool first = !j->vm;
	int rc = 0;
	if (j->node->state >= NODE_HALTING)
		rc = weft__err_set(&e, WEFT_ECANCELED, "the node goes down");
	else if (j->vm_lost)
		rc = weft__err_set(&e, WEFT_EINTERNAL, "the task VM ended before the task was started");
	else if (first)
		rc = taskvm_link_start(j, &e);
	if (!rc) {
		if (first)
			send_team(j);
		peer_interface(j->node, j, interface, sizeof interface);
		launch.launch.interface = weft__str(interface);
		launch.launch.holds = 1;
		send_stdin(j, &launch.launch);
		taskvm_link_send(j, &launch, -1);
		release(j); /* after a crash it may bring nothing new */
		if (!j->node->private_vm || j->parent) /* a private VM has one job, unless its tasks spawn more */
			taskvm_link_spare_soon(j->node);
		return;
	}
	weft__log(WEFT__LOG_ERROR, "WEFT-TASKVM-FAILED", "job=%u %s", j->id, e.text);
	fail_from(j, m, 0, rc, e.text);
	if (j->last && !j->vm && !j->vm_pid)
		job_free(j);
}

/* The tool whose standard input it gets has not come back to this daemon so far. */
static bool awaits_stdin(const struct job *j, const struct weft__msg_launch *m)
{
	const struct node *n = j->node;
	bool has_rank_0 = false;
	for (size_t i = 0; i < m->ranks.n; i++)
		has_rank_0 |= m->ranks.p[i] == 0;
	return has_rank_0 && m->flags & WEFT__SPAWN_STDIN && m->sink_node == n->index && !client_find(n, m->sink_client) &&
	       takeover_expects(n, m->sink_client);
}

static bool keep_late(struct job *j, const struct weft__msg_launch *m)
{
	struct weft__msg launch = {.code = WEFT__MSG_LAUNCH, .launch = *m};
	struct weft__buf body = {0};
	bool kept = !weft__msg_encode_body(&body, &launch, NULL) && !weft__buf_append(&j->late, &body.len, sizeof body.len) &&
	            !weft__buf_append(&j->late, body.data, body.len);
	weft__buf_fini(&body);
	return kept;
}

static size_t room_for(const struct job *j, size_t ntids)
{
	size_t counted = j->nlocal - j->nended;
	return room_for_tasks(j->node) + (counted < ntids ? counted : ntids);
}

static void launch_late(struct job *j)
{
	struct weft__buf late = j->late;
	j->late = (struct weft__buf){0};
	struct weft__msg m;
	size_t nbytes;
	for (size_t at = 0; at < late.len; at += sizeof nbytes + nbytes) {
		memcpy(&nbytes, late.data + at, sizeof nbytes);
		const uint8_t *body = late.data + at + sizeof nbytes;
		if (!weft__msg_decode(body, nbytes, WEFT__ROLE_COORD, WEFT__ROLE_NODE, &j->node->carried, &m, NULL))
			start(j, &m.launch, room_for(j, m.launch.tids.n));
	}
	weft__buf_fini(&late);
}

void job_launch_late(struct node *n, uint64_t client)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		struct job *j = value;
		if (!j->late.len || (client && client != j->sink_client))
			continue;
		launch_late(j);
		cursor = 0; /* it may be over already */
	}
}

void job_launch(struct node *n, const struct weft__msg_launch *m)
{
	struct job *j = job_make(n, m->job);
	if (!j || m->tids.n != m->ranks.n) {
		weft__log(WEFT__LOG_ERROR, "WEFT-JOB-LAUNCH", "job=%" PRIu64 ": no memory, or no sense", m->job);
		return;
	}
	size_t room = room_for(j, m->tids.n);
	j->size = (uint32_t)m->size;
	j->parent = m->parent;
	j->flags = m->flags;
	j->sink_node = (uint32_t)m->sink_node;
	j->sink_client = (uint32_t)m->sink_client;
	j->last |= m->last;
	for (size_t i = 0; i < m->tids.n; i++) {
		struct task *t = task_make(j, m->tids.p[i], m->ranks.p[i]);
		if (t)
			task_step(t, TASK_LAUNCHED);
	}
	if (!(j->late.len || awaits_stdin(j, m)) || !keep_late(j, m))
		start(j, m, room);
}

static void signal_outside(const struct task *t, int signo)
{
	int64_t pid = t->client && t->client->link ? link_peer_pid(t->client->link) : -1;
	if (pid > 1)
		kill((pid_t)pid, signo);
}

void job_signal(struct node *n, const struct weft__msg_task_signal *m)
{
	struct task *t = m->tid ? job_task(n, m->tid) : NULL;
	struct job *j = m->tid ? (t ? t->job : NULL) : job_find(n, m->job);
	struct weft__msg forward = {.code = WEFT__MSG_TASK_SIGNAL, .task_signal = *m};
	if (!j || (m->signo == SIGTERM && n->stopping && n->slurm)) /* Slurm has sent that one itself */
		return;
	if (!j->outside)
		taskvm_link_send(j, &forward, -1);
	else if (!weft__list_empty(&j->tasks))
		signal_outside(WEFT__CONTAINER(j->tasks.next, struct task, link), (int)m->signo);
}

void job_inventory(struct node *n)
{
	struct weft__msg end = {.code = WEFT__MSG_INVENTORY_END};
	size_t cursor = 0;
	uint64_t tid;
	void *value;
	while (weft__map_next(&n->tasks, &cursor, &tid, &value)) {
		const struct task *t = value;
		struct weft__msg m = {.code = WEFT__MSG_HOSTED,
		                      .hosted = {.tid = tid, .job = t->job->id, .rank = t->rank, .pid = (uint64_t)t->pid}};
		/* One from outside says itself that it is there; it may have left, and the coordinator would have it killed. */
		if (t->state == TASK_ENDED || t->job->outside)
			continue;
		coord_link_send(n, &m);
		end.inventory_end.count++;
	}
	coord_link_send(n, &end);
}

/* --- a task VM of an earlier daemon --------------------------------------------------------------- */

struct job *job_rejoin(struct node *n, uint64_t id, struct link *vm, pid_t pid)
{
	struct job *j = job_make(n, id);
	if (!j || j->vm)
		return NULL;
	j->vm = vm;
	j->vm_pid = pid;
	j->rejoining = true;
	return j;
}

void job_rejoin_as(struct job *j, const struct weft__msg_rejoin *m)
{
	if (!j->rejoining)
		return;
	j->size = (uint32_t)m->size;
	j->parent = m->parent;
	j->flags = m->flags;
	j->sink_node = (uint32_t)m->sink_node;
	j->sink_client = (uint32_t)m->sink_client;
	j->last = m->last;
	if (m->asks)
		vm_open(j, true, m->seen);
}

void job_rejoin_tasks(struct job *j, const struct weft__msg_rejoined *m)
{
	struct node *n = j->node;
	struct child *c = weft__map_get(&n->children, (uint64_t)j->vm_pid);
	if (!j->rejoining || m->tids.n != m->ranks.n)
		return;
	for (size_t i = 0; i < m->tids.n; i++) {
		struct task *t = task_make(j, m->tids.p[i], m->ranks.p[i]);
		if (t && t->state == TASK_EXPECTED)
			task_step(t, TASK_LAUNCHED);
	}
	if (!m->last)
		return;
	j->rejoining = false;
	if (output_may_come(j))
		taskvm_link_send(j, &(struct weft__msg){.code = WEFT__MSG_OUTPUT_AGAIN}, -1);
	if (c)
		starter_settle(n, c);
}

/* --- from the task VM ----------------------------------------------------------------------------- */

static struct task *own_task(const struct job *j, uint64_t tid)
{
	struct task *t = job_task(j->node, tid);
	return t && t->job == j ? t : NULL;
}

void job_started(struct job *j, const struct weft__msg_started *m)
{
	struct task *t = own_task(j, m->tid);
	if (!t)
		return;
	t->pid = (int64_t)m->pid;
	if (!task_step(t, TASK_RUNNING))
		return;
	struct weft__msg started = {.code = WEFT__MSG_STARTED, .started = *m};
	coord_link_send(j->node, &started);
}

void job_task_speaks(struct job *j, const struct weft__msg_task_speaks *m, int *fd)
{
	struct task *t = own_task(j, m->tid);
	if (!t || t->spoke)
		return;
	t->spoke = true;
	int rc = *fd >= 0 ? client_open(j->node, fd, t, false) : WEFT_ENOSPC;
	if (!rc && j->rejoining)
		client_again(t->client);
	if (rc)
		weft__log(WEFT__LOG_WARN, "WEFT-TASK-CONTROL", "job=%u rank=%u pid=%lld can't enrol: %s", j->id, t->rank,
		          (long long)t->pid, weft__err_text(rc));
}

void job_start_failed(struct job *j, const struct weft__msg_start_failed *m)
{
	struct task *t = own_task(j, m->tid);
	if (t)
		tell_failed(t, m->code, m->text.p);
}

void job_exited(struct job *j, const struct weft__msg_exited *m)
{
	struct task *t = own_task(j, m->tid);
	if (t)
		tell_exited(t, m);
}

void job_vm_gone(struct job *j)
{
	struct node *n = j->node;
	bool early = false;
	for (struct weft__list *i = j->tasks.next; i != &j->tasks; i = i->next) {
		struct task *t = WEFT__CONTAINER(i, struct task, link);
		struct weft__msg_exited lost = {.tid = t->tid, .exit_code = -1, .flags = WEFT__EXIT_LOST};
		early |= t->state == TASK_LAUNCHED || t->state == TASK_RUNNING;
		if (t->state == TASK_LAUNCHED)
			tell_failed(t, WEFT_EINTERNAL, "the task VM ended before the task was started");
		if (t->state == TASK_RUNNING)
			tell_exited(t, &lost);
		if (t->state == TASK_ENDED && !t->output_ended)
			output_end(j, t);
	}
	bool signaled = WIFSIGNALED(j->vm_status);
	weft__log(early ? WEFT__LOG_ERROR : WEFT__LOG_DEBUG, early ? "WEFT-TASKVM-LOST" : "WEFT-TASKVM-END",
	          "job=%u code=%d signo=%d", j->id, signaled ? -1 : WEXITSTATUS(j->vm_status),
	          signaled ? WTERMSIG(j->vm_status) : 0);
	starter_sweep(n);
	char shm[MPI_SHM_PATH];
	mpi_shm_path(n->vm, n->index, j->id, shm);
	mpi_shm_remove(shm); /* of one that was killed */
	vm_close(j);
	j->vm_lost = true;
	if (j->last)
		job_free(j);
	else
		node_settled(n);
}

void job_task_left(struct node *n, struct task *t)
{
	struct job *j = t->job;
	t->enrolled = false;
	t->left = true;
	t->client = NULL;
	if (t->doorbell >= 0)
		close(t->doorbell);
	t->doorbell = -1;
	intro_gone(n, t->tid, false);
	if (j->outside) {
		task_step(t, TASK_ENDED);
		job_free(j);
	}
}

void job_kill_all(struct node *n)
{
	size_t cursor = 0;
	uint64_t id;
	void *value;
	/* It heeds a SIGTERM of its parent alone, which we are not when an earlier daemon has started it. */
	const struct weft__msg over = {.code = WEFT__MSG_REFUSED,
	                               .refused = {.code = WEFT_ECANCELED, .text = weft__str("the node goes down")}};
	while (weft__map_next(&n->jobs, &cursor, &id, &value)) {
		struct job *j = value;
		if (j->vm_pid)
			kill(j->vm_pid, SIGTERM);
		taskvm_link_send(j, &over, -1);
	}
}

void job_forget_all(struct node *n)
{
	size_t cursor;
	uint64_t id;
	void *j;
	while (cursor = 0, weft__map_next(&n->jobs, &cursor, &id, &j))
		job_free(j);
}
