/* What task VMs that host Open MPI ask each other, on its way: from one here to one here, or over the link between
 * two nodes. A question that nobody can take is answered with WEFT_ENOTASK; one that is lost with a link ends by the
 * asker's own time limit.
 *
 * Nobody asks a task VM before it is there: the tasks of a job that is on several nodes start when all its task VMs have
 * met (taskvm_world.c), and what another job is called its spawner or partner learns from its tasks, which run. But after a
 * crash of the daemon task VMs come back one after the other: questions wait until the last of them has come.
 */
#include "config.h"

#include "node/node.h"

#include <string.h>

#include "base/log.h"

static void route(struct node *n, const struct weft__msg_modex *m);

static void refuse(struct node *n, const struct weft__msg_modex *m)
{
	const struct weft__msg_modex answer = {.to_job = m->from_job,
	                                       .to_node = m->from_node,
	                                       .from_job = m->to_job,
	                                       .from_node = m->to_node,
	                                       .token = m->token,
	                                       .is_answer = 1,
	                                       .code = WEFT_ENOTASK};
	if (!m->is_answer)
		route(n, &answer);
}

/* 0 or WEFT_ENOMEM. */
static int keep(struct node *n, const struct weft__msg_modex *m)
{
	struct weft__msg_modex question = *m;
	question.bytes = (struct weft__bin){0}; /* a question has none; they would be gone when it is asked */
	return weft__buf_append(&n->modexes, &question, sizeof question);
}

static void route(struct node *n, const struct weft__msg_modex *m)
{
	const struct weft__msg msg = {.code = WEFT__MSG_MODEX, .modex = *m};
	if (m->to_node != n->index) {
		if (peer_send(n, m->to_node, &msg))
			refuse(n, m);
		return;
	}
	struct job *j = job_find(n, m->to_job);
	if (j && j->vm)
		taskvm_link_send(j, &msg, -1);
	else if (m->is_answer || n->nawaited == 0 || keep(n, m))
		refuse(n, m);
}

void modex_resume(struct node *n)
{
	struct weft__buf questions = n->modexes;
	n->modexes = (struct weft__buf){0};
	for (size_t at = 0; at < questions.len; at += sizeof(struct weft__msg_modex)) {
		struct weft__msg_modex m;
		memcpy(&m, questions.data + at, sizeof m);
		route(n, &m);
	}
	weft__buf_fini(&questions);
}

void modex_from_vm(struct job *j, const struct weft__msg_modex *m)
{
	if (m->from_job == j->id && m->from_node == j->node->index)
		route(j->node, m);
	else
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "task VM of job=%u spoke for another", j->id);
}

void modex_from_peer(struct peer *p, const struct weft__msg_modex *m)
{
	if (m->from_node == p->index && m->to_node == p->node->index)
		route(p->node, m);
	else
		weft__log(WEFT__LOG_WARN, "WEFT-PEER-BAD", "node=%u spoke for another", p->index);
}
