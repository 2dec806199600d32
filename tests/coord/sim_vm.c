/* Simulated task VMs that host an MPI: they exchange bytes, put names, spawn, and sometimes end their job. What an exchange
 * brings must be what all its members gave in the same round. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/heap.h"
#include "tests/coord/sim.h"

enum { PIECE = 128 * 1024, LARGEST = 300 * 1024 };

static bool has_task(struct sim_node *n, uint32_t job)
{
	for (struct weft__list *l = n->tasks.next; l != &n->tasks; l = l->next)
		if (WEFT__CONTAINER(l, struct sim_task, all)->job == job)
			return true;
	return false;
}

static struct sim_client *find(struct sim_node *n, uint32_t job)
{
	for (struct weft__list *l = n->clients.next; l != &n->clients; l = l->next)
		if (WEFT__CONTAINER(l, struct sim_client, all)->vm_job == job)
			return WEFT__CONTAINER(l, struct sim_client, all);
	return NULL;
}

void sim_vm_launched(struct sim *s, struct sim_node *n, uint32_t job)
{
	if (find(n, job) || sim_chance(s, 30))
		return;
	sim_client_open_vm(s, n, job);
}

void sim_vm_task_gone(struct sim *s, struct sim_node *n, uint32_t job)
{
	struct sim_client *c = find(n, job);
	if (c && !has_task(n, job))
		sim_client_close(s, c, true);
}

/* --- asking ------------------------------------------------------------------------------------------ */

/* What a member gives can be told from who it is and which round it is. */
static uint8_t byte_at(uint32_t job, uint32_t node, size_t i)
{
	return (uint8_t)(job * 31 + node * 7 + i / 1000);
}

static void give(struct sim *s, struct sim_client *c, uint64_t req)
{
	size_t nbytes = (size_t)(sim_chance(s, 90) ? sim_below(s, 100) : sim_below(s, LARGEST)), at = 0;
	uint8_t *bytes = weft__calloc(1, nbytes + 1);
	for (size_t i = 0; i < nbytes; i++)
		bytes[i] = byte_at(c->vm_job, c->node->index, i);
	c->gave = nbytes;
	do {
		size_t n = nbytes - at < PIECE ? nbytes - at : PIECE;
		struct weft__msg m = {.code = WEFT__MSG_EXCHANGE,
		                      .exchange = {.req = req,
		                                   .more = at + n < nbytes,
		                                   .name = weft__str(at ? "" : "round"),
		                                   .bytes = {bytes + at, n}}};
		if (at == 0)
			sim_client_ask(s, c, &m, req);
		else
			sim_client_up(s, c, &m);
		at += n;
	} while (at < nbytes);
	weft__free(bytes);
}

static void spawn(struct sim *s, struct sim_client *c, uint64_t req)
{
	static const struct weft__str argv[] = {{"child", 5}};
	uint64_t parent = 1;
	for (struct weft__list *l = c->node->tasks.next; l != &c->node->tasks; l = l->next)
		if (WEFT__CONTAINER(l, struct sim_task, all)->job == c->vm_job || sim_chance(s, 10))
			parent = WEFT__CONTAINER(l, struct sim_task, all)->tid;
	sim_client_ask(s, c,
	               &(struct weft__msg){.code = WEFT__MSG_SPAWN,
	                                   .spawn = {.req = req,
	                                             .count = 1 + sim_below(s, 3),
	                                             .argv = {argv, 1},
	                                             .mpi = WEFT__MPI_MPICH,
	                                             .parent = parent,
	                                             .hosting = {"keys", 4}}},
	               req);
}

void sim_vm_act(struct sim *s, struct sim_client *c)
{
	uint64_t req = ++c->next_req, dice = sim_below(s, 100);
	bool gives = false;
	for (struct weft__list *l = c->questions.next; l != &c->questions; l = l->next)
		gives |= WEFT__CONTAINER(l, struct sim_question, all)->code == WEFT__MSG_EXCHANGE;
	if (dice < 70 && !gives)
		give(s, c, req);
	else if (dice < 75)
		sim_client_ask(s, c,
		               &(struct weft__msg){.code = WEFT__MSG_NAME_PUT, .name_put = {req, 1, weft__str("ada"), {"port", 4}}}, req);
	else if (dice < 80)
		sim_client_ask(s, c, &(struct weft__msg){.code = WEFT__MSG_NAME_DEL, .name_del = {req, weft__str("ada")}}, req);
	else if (dice < 83)
		spawn(s, c, req);
	else if (dice < 84)
		sim_client_up(s, c,
		              &(struct weft__msg){.code = WEFT__MSG_JOB_ABORT, .job_abort = {.exit_code = 7, .text = weft__str("abort")}});
	else if (dice < 85) /* nonsense */
		sim_client_up(s, c, &(struct weft__msg){.code = WEFT__MSG_EXCHANGE_READ, .exchange_read = {sim_below(s, 9), 5}});
	sim_plan(s, 20 + sim_below(s, 400), SIM_ACT, c->node->index, c->number, c->node->life);
}

/* --- answers --------------------------------------------------------------------------------------------- */

static uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void check_all(struct sim *s, const struct sim_client *c)
{
	const uint8_t *p = c->all_gave.data;
	size_t at = 0, last = 0, own = SIZE_MAX;
	while (at < c->all_gave.len) {
		sim_check(s, c->all_gave.len - at >= 12, "%s", "a torn header");
		uint32_t job = get_u32(p + at), node = get_u32(p + at + 4), nbytes = get_u32(p + at + 8);
		sim_check(s, job == c->vm_job && node > last && nbytes <= c->all_gave.len - at - 12,
		        "a piece of job %u node %u", job, node);
		for (size_t i = 0; i < nbytes; i += 501)
			sim_check(s, p[at + 12 + i] == byte_at(job, node, i), "wrong bytes of job %u node %u at %zu", job, node, i);
		if (node == c->node->index)
			own = nbytes;
		last = node;
		at += 12 + nbytes;
	}
	sim_check(s, own == c->gave, "node %u gave %zu bytes, and %zu came back", c->node->index, c->gave, own);
}

bool sim_vm_exchanged(struct sim *s, struct sim_client *c, const struct weft__msg_exchanged *m)
{
	if (m->code) {
		c->all_gave.len = 0;
		return true;
	}
	sim_check(s, m->offset == c->all_gave.len && m->bytes.n > 0 && m->offset + m->bytes.n <= m->total,
	          "EXCHANGED at %" PRIu64 " of %" PRIu64 ", %zu have come", m->offset, m->total, c->all_gave.len);
	weft__buf_append(&c->all_gave, m->bytes.p, m->bytes.n);
	if (c->all_gave.len < m->total) {
		sim_client_up(s, c,
		              &(struct weft__msg){.code = WEFT__MSG_EXCHANGE_READ, .exchange_read = {m->req, c->all_gave.len}});
		return false;
	}
	check_all(s, c);
	s->nexchanged++;
	c->all_gave.len = 0;
	return true;
}
