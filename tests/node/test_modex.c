/* Where the questions of task VMs that host Open MPI go; all around modex.c is made here. */
#include "config.h"

#include <string.h>

#include "node/node.h"
#include "tests/base/test.h"

enum { HERE = 1, THERE = 2, ASKER = 7, ASKED = 8 };

static struct job jobs[2];
static struct {
	uint64_t job, node; /* to whom the last one went; node HERE: to the job's task VM */
	struct weft__msg_modex m;
	int count;
} sent;
static int peer_code;

struct job *job_find(const struct node *n, uint64_t id)
{
	for (size_t i = 0; i < 2; i++)
		if (jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static void note(uint64_t job, uint64_t node, const struct weft__msg *m)
{
	sent.job = job;
	sent.node = node;
	sent.m = m->modex;
	sent.count++;
}

void taskvm_link_send(struct job *j, const struct weft__msg *m, int fd)
{
	note(j->id, HERE, m);
}

int peer_send(struct node *n, uint64_t index, const struct weft__msg *m)
{
	if (!peer_code)
		note(m->modex.to_job, index, m);
	return peer_code;
}

static struct link *some_link(void)
{
	static char link;
	return (struct link *)(void *)&link;
}

static void begin(struct node *n)
{
	memset(n, 0, sizeof *n);
	memset(jobs, 0, sizeof jobs);
	memset(&sent, 0, sizeof sent);
	peer_code = 0;
	n->index = HERE;
	jobs[0] = (struct job){.node = n, .id = ASKER, .vm = some_link()};
	jobs[1] = (struct job){.node = n, .id = ASKED, .vm = some_link()};
}

static void ask(uint64_t job, uint64_t node, uint64_t token)
{
	struct weft__msg_modex m = {.to_job = job, .to_node = node, .from_job = ASKER, .from_node = HERE, .token = token};
	modex_from_vm(&jobs[0], &m);
}

static void assert_refused(uint64_t token)
{
	assert_int_equal(sent.job, ASKER);
	assert_int_equal(sent.m.is_answer, 1);
	assert_int_equal(sent.m.code, WEFT_ENOTASK);
	assert_int_equal(sent.m.token, token);
}

static void a_question_goes_to_the_task_vm_that_it_is_for(void **state)
{
	static struct node n;
	begin(&n);
	ask(ASKED, HERE, 1);
	assert_int_equal(sent.job, ASKED);
	assert_int_equal(sent.node, HERE);
	ask(ASKED, THERE, 2);
	assert_int_equal(sent.node, THERE);
	assert_int_equal(sent.count, 2);
}

static void what_nobody_can_take_is_refused(void **state)
{
	static struct node n;
	begin(&n);
	ask(99, HERE, 3);
	assert_refused(3);
	jobs[1].vm = NULL;
	ask(ASKED, HERE, 4);
	assert_refused(4);
	peer_code = WEFT_ENONODE;
	ask(ASKED, THERE, 5);
	assert_refused(5);
}

static void questions_wait_for_task_vms_that_are_to_come_back(void **state)
{
	static struct node n;
	begin(&n);
	n.nawaited = 1;
	jobs[1].vm = NULL;
	ask(ASKED, HERE, 6);
	ask(99, HERE, 7);
	assert_int_equal(sent.count, 0);
	jobs[1].vm = some_link();
	n.nawaited = 0;
	modex_resume(&n);
	assert_int_equal(sent.count, 2);
	assert_refused(7); /* which none of them is */
	modex_resume(&n);
	assert_int_equal(sent.count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_question_goes_to_the_task_vm_that_it_is_for),
	        cmocka_unit_test(what_nobody_can_take_is_refused),
	        cmocka_unit_test(questions_wait_for_task_vms_that_are_to_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
