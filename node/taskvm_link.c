/* The node's side of a task VM: its process and its connection.
 *
 * Happy path: posix_spawn with one end of a socketpair, ahead of the job: one without a job is kept ready. LAUNCH goes out
 * at once, whether the new process has run or not, and says which job it is; it sends STARTED, OUTPUT, EXITED,
 * OUTPUT_END and ends when nothing is left. What it asks of the coordinator is passed on, as a client's is.
 *
 * What can go wrong: it can't be started (the job's tasks fail with that reason); it ends before its tasks have, or
 * sends bad bytes (it is killed): when its process is reaped and all that it had sent has been read, the
 * rest of its tasks is lost, and the sweep kills them. The two come in either order.
 */
#include "config.h"

#include "node/node.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

enum { SPARE_MS = 5 }; /* a job that was just launched needs the cores more than the next one */

static void check_sent(const struct job *j, int rc, int code)
{
	if (!rc || rc == WEFT_ECLOSED)
		return;
	weft__log(WEFT__LOG_ERROR, "WEFT-TASKVM-SEND", "job=%u %s: %s", j->id, weft__msg_name((enum weft__msg_code)code),
	          weft__err_text(rc));
	if (j->vm_pid)
		kill(j->vm_pid, SIGKILL);
}

void taskvm_link_send(struct job *j, const struct weft__msg *m, int fd)
{
	if (j->vm)
		check_sent(j, link_send(j->vm, m, &fd, fd >= 0 ? 1 : 0), m->code);
}

void taskvm_link_send_body(struct job *j, const void *body, size_t nbytes)
{
	if (j->vm)
		check_sent(j, link_send_body(j->vm, body, nbytes), weft__msg_peek(body, nbytes));
}

static void gone(struct job *j)
{
	if (!j->vm && !j->vm_pid)
		job_vm_gone(j);
}

static void bad(struct job *j, const char *why)
{
	weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "task VM of job=%u pid=%ld: %s", j->id, (long)j->vm_pid, why);
	if (j->vm)
		link_close(&j->vm);
	if (j->vm_pid)
		kill(j->vm_pid, SIGKILL);
	gone(j);
}

static void message(struct job *j, const struct weft__msg *m, const uint8_t *body, size_t nbytes, int *fd)
{
	switch (m->code) {
	case WEFT__MSG_STARTED:
		job_started(j, &m->started);
		break;
	case WEFT__MSG_TASK_SPEAKS:
		job_task_speaks(j, &m->task_speaks, fd);
		break;
	case WEFT__MSG_START_FAILED:
		job_start_failed(j, &m->start_failed);
		break;
	case WEFT__MSG_EXITED:
		job_exited(j, &m->exited);
		break;
	case WEFT__MSG_OUTPUT_BEGIN:
	case WEFT__MSG_OUTPUT:
	case WEFT__MSG_OUTPUT_END:
	case WEFT__MSG_STDIN_ACK:
		output_from_vm(j, m, body, nbytes);
		break;
	case WEFT__MSG_OUTPUT_MOVED:
		output_moved(j->node, &m->output_moved);
		break;
	case WEFT__MSG_MODEX:
		modex_from_vm(j, &m->modex);
		break;
	case WEFT__MSG_REJOIN:
		job_rejoin_as(j, &m->rejoin);
		break;
	case WEFT__MSG_TEAM:
		if (j->rejoining && m->team.job == j->id)
			job_team(j->node, &m->team);
		break;
	case WEFT__MSG_REJOINED:
		job_rejoin_tasks(j, &m->rejoined);
		break;
	default: /* HELLO: it is expected */
		break;
	}
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	struct job *j = arg;
	struct weft__msg m;
	struct weft_error e = {0};
	int fd = nfds > 0 ? fds[0] : -1;
	for (size_t i = 1; i < nfds; i++)
		close(fds[i]);
	int rc = weft__msg_decode(body, nbytes, WEFT__ROLE_TASKVM, WEFT__ROLE_NODE, &j->node->arena, &m, &e);
	bool up = rc == WEFT_EDENIED;
	if (up)
		rc = weft__msg_decode(body, nbytes, WEFT__ROLE_TASKVM, WEFT__ROLE_COORD, &j->node->arena, &m, &e);
	if (rc)
		bad(j, e.text);
	else if (up)
		job_vm_asks(j, body, nbytes);
	else
		message(j, &m, body, nbytes, &fd);
	if (fd >= 0)
		close(fd);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct job *j = arg;
	j->vm = NULL;
	if (code != WEFT_ECLOSED) {
		bad(j, text);
		return;
	}
	gone(j);
}

static void ended(void *arg, int status)
{
	struct job *j = arg;
	struct node *n = j->node;
	j->vm_pid = 0;
	j->vm_status = status;
	gone(j);
	if (uv_is_active((uv_handle_t *)&n->spare_timer)) /* there is nothing better to do now */
		taskvm_link_spare(n);
}

static const struct link_handler handler = {.frame = on_frame, .closed = on_closed};

/* Of many tasks' output each piece is acknowledged: that leaves together. */
static void serve(struct job *j)
{
	link_set_handler(j->vm, &handler, j);
	link_gather(j->vm);
}

void taskvm_link_rejoin(struct node *n, struct link **l, pid_t pid, uint64_t id)
{
	struct job *j = job_rejoin(n, id, *l, pid);
	if (!j) {
		link_close(l);
		kill(pid, SIGKILL);
		return;
	}
	*l = NULL;
	serve(j);
	starter_tell(n, pid, ended, j);
	weft__log(WEFT__LOG_INFO, "WEFT-TASKVM-REJOIN", "job=%u pid=%ld", j->id, (long)pid);
}

/* A new task VM: its process, and the link, which `arg` is told about. */
static int start_process(struct node *n, const struct link_handler *told, void (*told_end)(void *arg, int status),
                         void *arg, pid_t *pid, struct link **link, struct weft_error *e)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return weft__err_set(e, WEFT_ENOSPC, "no descriptors left on %s; see ulimit -n", n->host);
	char node[16], orphan[32];
	snprintf(node, sizeof node, "%u", n->index);
	snprintf(orphan, sizeof orphan, "%llu", (unsigned long long)n->orphan_ms);
	const char *argv[] = {"weft-taskvm", "--dir", n->nodedir, "--node", node, "--host", n->host,
	                      "--vm", n->vm, "--orphan-ms", orphan, NULL};
	const struct starter_order order = {.kind = told == &handler ? KEEPER_TASKVM : KEEPER_SPARE,
	                                    .room = "node",
	                                    .program = "weft-taskvm",
	                                    .argv = argv,
	                                    .fd_variable = "WEFT_TASKVM_FD",
	                                    .fd = ends[1],
	                                    .output = -1,
	                                    .ended = told_end,
	                                    .arg = arg};
	int rc = starter_run(n, &order, pid, e);
	close(ends[1]);
	if (rc) {
		close(ends[0]);
		return rc;
	}
	rc = link_open(n->loop, &ends[0], told, arg, link);
	if (rc) {
		weft__err_set(e, rc, "cannot talk to a new task VM: %s", weft__err_text(rc));
		kill(*pid, SIGKILL);
		starter_tell(n, *pid, NULL, NULL);
		*pid = 0;
	}
	return rc;
}

/* --- the spare one --------------------------------------------------------------------------------- */

void taskvm_link_drop(struct node *n)
{
	if (n->spare)
		link_close(&n->spare); /* it has nothing to do, and ends */
}

static void spare_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]); /* HELLO, without any */
}

static void spare_closed(struct link *l, void *arg, int code, const char *text)
{
	struct node *n = arg;
	n->spare = NULL;
}

static void spare_ended(void *arg, int status)
{
	struct node *n = arg;
	n->spare_pid = 0;
	taskvm_link_drop(n);
}

static const struct link_handler spare_handler = {.frame = spare_frame, .closed = spare_closed};

void taskvm_link_spare(struct node *n)
{
	struct weft_error e;
	uv_timer_stop(&n->spare_timer);
	if (n->spare_pid || n->state >= NODE_HALTING)
		return;
	int rc = start_process(n, &spare_handler, spare_ended, n, &n->spare_pid, &n->spare, &e);
	if (rc) /* a job will say what is wrong */
		weft__log(WEFT__LOG_DEBUG, "WEFT-TASKVM-SPARE", "%s", e.text);
}

static void on_spare_time(uv_timer_t *timer)
{
	taskvm_link_spare(timer->data);
}

void taskvm_link_spare_soon(struct node *n)
{
	uv_timer_start(&n->spare_timer, on_spare_time, SPARE_MS, 0);
}

/* The spare one becomes the job's; false: there is none, or it is on its way out. */
static bool take_spare(struct job *j)
{
	struct node *n = j->node;
	if (!n->spare || !n->spare_pid)
		return false;
	j->vm = n->spare;
	j->vm_pid = n->spare_pid;
	n->spare = NULL;
	n->spare_pid = 0;
	starter_tell(n, j->vm_pid, ended, j);
	keeper_child_is(&n->keeper, j->vm_pid, KEEPER_TASKVM);
	return true;
}

int taskvm_link_start(struct job *j, struct weft_error *e)
{
	int rc = take_spare(j) ? 0 : start_process(j->node, &handler, ended, j, &j->vm_pid, &j->vm, e);
	if (rc)
		return rc;
	serve(j);
	weft__log(WEFT__LOG_DEBUG, "WEFT-TASKVM-START", "job=%u pid=%ld", j->id, (long)j->vm_pid);
	return 0;
}
