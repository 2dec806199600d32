/* Exchanges: the task VMs that host an MPI give bytes, and each gets the bytes of all.
 *
 * The first EXCHANGE makes it: its members, the task VMs of given jobs on given nodes, are known from then on. When
 * the last one has given, what all gave is put together in the order of jobs and nodes and a piece goes to each;
 * the rest, if there is any, goes out as it is asked for, so that no node's queue has to take it all. Who
 * has the last byte is settled; when all are the exchange is forgotten.
 *
 * What can go wrong: a member has no task any more and had not given, or its task VM is gone (all others get
 * WEFT_ENOTASK); together they give too much (WEFT_ETOOBIG, for all); a member gives twice (WEFT_EALREADY), or
 * somebody gives who is none (WEFT_EDENIED), for this one alone. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "coord/state.h"

enum {
	PIECE_BYTES  = 128 * 1024, /* of one EXCHANGED */
	HEADER_BYTES = 12,         /* before each member's bytes: job, node, length */
};

static uint64_t member_of(uint64_t job, uint64_t node)
{
	return job << WEFT__NODE_BITS | node;
}

/* --- records -------------------------------------------------------------------------------------- */

struct exchange *exchange_create(struct coord *c, struct weft__str name, const uint64_t *members, size_t nmembers)
{
	struct exchange *x = coord_alloc(c, sizeof *x);
	struct gift *gifts = coord_alloc(c, nmembers * sizeof *gifts);
	char *copy = coord_strndup(c, name.p, name.n);
	if (!x || !gifts || !copy) {
		weft__free(x);
		weft__free(gifts);
		weft__free(copy);
		return NULL;
	}
	x->name = copy;
	x->gifts = gifts;
	x->ngifts = x->nawaited = nmembers;
	for (size_t i = 0; i < nmembers; i++) {
		gifts[i].job = (uint32_t)(members[i] >> WEFT__NODE_BITS);
		gifts[i].node = (uint32_t)(members[i] & WEFT__NODE_MAX);
		gifts[i].exchange = x;
		weft__list_init(&gifts[i].at_client);
	}
	weft__list_push(&c->exchanges, &x->all);
	c->nexchanges++;
	exchange_grow(c, x, nmembers * HEADER_BYTES);
	return x;
}

void exchange_bind(struct gift *g, struct client *client, uint64_t req)
{
	g->client = client;
	g->req = req;
	weft__list_push(&client->gifts, &g->at_client);
	client->ngifts++;
}

static void unbind(struct gift *g)
{
	if (!g->client)
		return;
	weft__list_remove(&g->at_client);
	g->client->ngifts--;
	g->client = NULL;
}

void exchange_grow(struct coord *c, struct exchange *x, size_t nbytes)
{
	x->nbytes += nbytes;
	c->exchange_bytes += nbytes;
}

void exchange_destroy(struct coord *c, struct exchange *x)
{
	for (size_t i = 0; i < x->ngifts; i++) {
		unbind(&x->gifts[i]);
		weft__buf_fini(&x->gifts[i].bytes);
	}
	weft__list_remove(&x->all);
	c->nexchanges--;
	c->exchange_bytes -= x->nbytes;
	weft__buf_fini(&x->result);
	weft__free(x->gifts);
	weft__free(x->name);
	weft__free(x);
}

/* --- answering -------------------------------------------------------------------------------------- */

static void refuse(struct coord *c, struct client *to, uint64_t req, int code, const char *text)
{
	send_client(c, to,
	            &(struct weft__msg){.code = WEFT__MSG_EXCHANGED,
	                                .exchanged = {.req = req, .code = code, .text = weft__str(text)}});
}

static void fail(struct coord *c, struct exchange *x, int code, const char *text)
{
	for (size_t i = 0; i < x->ngifts; i++)
		if (x->gifts[i].client)
			refuse(c, x->gifts[i].client, x->gifts[i].req, code, text);
	exchange_destroy(c, x);
}

static void settle(struct coord *c, struct gift *g)
{
	struct exchange *x = g->exchange;
	unbind(g);
	g->state = GIFT_SETTLED;
	for (size_t i = 0; i < x->ngifts; i++)
		if (x->gifts[i].state != GIFT_SETTLED)
			return;
	exchange_destroy(c, x);
}

/* The next piece; the exchange may be gone afterwards. */
static void send_piece(struct coord *c, struct gift *g)
{
	const struct weft__buf *all = &g->exchange->result;
	size_t n = all->len - g->sent < PIECE_BYTES ? all->len - (size_t)g->sent : PIECE_BYTES;
	send_client(c, g->client,
	            &(struct weft__msg){.code = WEFT__MSG_EXCHANGED,
	                                .exchanged = {.req = g->req,
	                                              .text = weft__str(""),
	                                              .total = all->len,
	                                              .offset = g->sent,
	                                              .bytes = {all->data + g->sent, n}}});
	g->sent += n;
	if (g->sent == all->len)
		settle(c, g);
}

static void complete(struct coord *c, struct exchange *x)
{
	for (size_t i = 0; i < x->ngifts; i++) {
		struct gift *g = &x->gifts[i];
		uint8_t header[HEADER_BYTES];
		weft__u32_put(header, g->job);
		weft__u32_put(header + 4, g->node);
		weft__u32_put(header + 8, (uint32_t)g->bytes.len);
		if (weft__buf_append(&x->result, header, sizeof header) ||
		    weft__buf_append(&x->result, g->bytes.data, g->bytes.len)) {
			c->failed = WEFT_ENOMEM;
			return;
		}
		weft__buf_fini(&g->bytes);
	}
	size_t n = x->ngifts;
	struct gift *gifts = x->gifts;
	for (size_t i = 0; i < n; i++) /* the last one that is settled takes the exchange along */
		send_piece(c, &gifts[i]);
}

/* --- giving ----------------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The nodes of a whole job; room for as many as there are. */
static size_t members_of_job(struct coord *c, const struct job *j, uint64_t *members)
{
	uint64_t mark = ++c->mark;
	size_t n = 0;
	for (uint32_t i = 0; i < j->size; i++) {
		struct node *node = node_find(c, j->tasks[i].node_index);
		if (node && node->mark == mark)
			continue;
		if (node)
			node->mark = mark;
		members[n++] = member_of(j->id, j->tasks[i].node_index);
	}
	return n;
}

/* Sorted and without doubles, the caller's to free; NULL: no memory. */
static uint64_t *read_members(struct coord *c, struct client *from, const struct weft__u64s *given, size_t *n)
{
	const struct job *j = job_find(c, from->job);
	size_t max = given->n ? given->n : j ? j->size : 0, kept = 0;
	uint64_t *members = coord_alloc(c, (max + 1) * sizeof *members);
	if (!members)
		return NULL;
	if (given->n)
		memcpy(members, given->p, given->n * sizeof *members);
	*n = given->n || !j ? given->n : members_of_job(c, j, members);
	qsort(members, *n, sizeof *members, compare);
	for (size_t i = 0; i < *n; i++)
		if (i == 0 || members[i] != members[i - 1])
			members[kept++] = members[i];
	*n = kept;
	return members;
}

static bool same_members(const struct exchange *x, const uint64_t *members, size_t n)
{
	if (x->ngifts != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (member_of(x->gifts[i].job, x->gifts[i].node) != members[i])
			return false;
	return true;
}

static struct exchange *find(const struct coord *c, const char *name, const uint64_t *members, size_t n)
{
	for (struct weft__list *l = c->exchanges.next; l != &c->exchanges; l = l->next) {
		struct exchange *x = WEFT__CONTAINER(l, struct exchange, all);
		if (x->nawaited > 0 && !strcmp(x->name, name) && same_members(x, members, n))
			return x;
	}
	return NULL;
}

static struct gift *find_gift(const struct client *client, uint64_t req)
{
	for (struct weft__list *l = client->gifts.next; l != &client->gifts; l = l->next) {
		struct gift *g = WEFT__CONTAINER(l, struct gift, at_client);
		if (g->req == req)
			return g;
	}
	return NULL;
}

static bool is_member(const struct client *from, const uint64_t *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (members[i] == member_of(from->job, from->node->index))
			return true;
	return false;
}

static struct gift *own_gift(struct exchange *x, const struct client *from)
{
	for (size_t i = 0; i < x->ngifts; i++)
		if (x->gifts[i].job == from->job && x->gifts[i].node == from->node->index)
			return &x->gifts[i];
	return NULL;
}

/* Whether a task of the job lives there, whose task VM may still give. */
static bool may_give(const struct coord *c, uint32_t job, uint32_t node)
{
	const struct node *n = node_find(c, node);
	for (const struct weft__list *l = n ? n->tasks.next : NULL; l && l != &n->tasks; l = l->next)
		if (WEFT__CONTAINER(l, struct task, at_node)->job->id == job)
			return true;
	return false;
}

/* The exchange can't be completed: true, and it has failed. */
static bool check_member(struct coord *c, struct exchange *x, const struct gift *g)
{
	char text[160];
	if (g->state == GIFT_GIVEN || g->state == GIFT_SETTLED || may_give(c, g->job, g->node))
		return false;
	const struct node *n = node_find(c, g->node);
	snprintf(text, sizeof text, "job %u has no task on node %u%s%.60s any more", g->job, g->node, n ? " " : "",
	         n ? n->host : "");
	fail(c, x, WEFT_ENOTASK, text);
	return true;
}

/* The gift that an EXCHANGE begins; NULL: it was answered. */
static struct gift *begin(struct coord *c, struct client *from, const struct weft__msg_exchange *m)
{
	size_t n;
	uint64_t *members = read_members(c, from, &m->members, &n);
	if (!members)
		return NULL;
	bool member = is_member(from, members, n);
	struct exchange *x = member ? find(c, m->name.p, members, n) : NULL;
	bool full = !x && (c->nexchanges >= COORD_EXCHANGES_MAX || from->ngifts >= COORD_ASKS_MAX ||
	                   c->exchange_bytes + n * HEADER_BYTES > COORD_EXCHANGED_MAX);
	if (member && !x && !full)
		x = exchange_create(c, m->name, members, n);
	weft__free(members);
	if (c->failed)
		return NULL;
	struct gift *g = x ? own_gift(x, from) : NULL;
	if (!g || g->state != GIFT_AWAITED || find_gift(from, m->req)) {
		refuse(c, from, m->req, !member ? WEFT_EDENIED : g ? WEFT_EALREADY : WEFT_EAGAIN,
		       !member ? "the task VM is no member of this exchange"
		       : g     ? "the task VM has given to this exchange already"
		               : "too many exchanges are under way");
		return NULL;
	}
	g->state = GIFT_PARTIAL;
	exchange_bind(g, from, m->req);
	for (size_t i = 0; i < x->ngifts; i++)
		if (check_member(c, x, &x->gifts[i]))
			return NULL;
	return g;
}

void exchange_give(struct coord *c, struct client *from, const struct weft__msg *msg)
{
	const struct weft__msg_exchange *m = &msg->exchange;
	struct gift *g = m->name.n ? begin(c, from, m) : find_gift(from, m->req);
	if (!g || g->state != GIFT_PARTIAL)
		return; /* more of what has failed */
	struct exchange *x = g->exchange;
	if (g->bytes.len + m->bytes.n > COORD_GIFT_BYTES_MAX || x->nbytes + m->bytes.n > COORD_EXCHANGE_MAX ||
	    c->exchange_bytes + m->bytes.n > COORD_EXCHANGED_MAX) {
		fail(c, x, WEFT_ETOOBIG, "the task VMs of an MPI exchange too much");
		return;
	}
	if (weft__buf_append(&g->bytes, m->bytes.p, m->bytes.n)) {
		c->failed = WEFT_ENOMEM;
		return;
	}
	exchange_grow(c, x, m->bytes.n);
	if (m->more)
		return;
	g->state = GIFT_GIVEN;
	if (--x->nawaited == 0)
		complete(c, x);
}

void exchange_read(struct coord *c, struct client *from, const struct weft__msg *m)
{
	struct gift *g = find_gift(from, m->exchange_read.req);
	if (g && g->exchange->nawaited == 0 && g->sent == m->exchange_read.offset)
		send_piece(c, g);
}

/* --- ends --------------------------------------------------------------------------------------------- */

void exchange_task_ended(struct coord *c, const struct job *j, uint32_t node)
{
	struct weft__list *next;
	for (struct weft__list *l = c->exchanges.next; l != &c->exchanges; l = next) {
		struct exchange *x = WEFT__CONTAINER(l, struct exchange, all);
		next = l->next;
		for (size_t i = 0; i < x->ngifts; i++)
			if (x->gifts[i].job == j->id && x->gifts[i].node == node && check_member(c, x, &x->gifts[i]))
				break;
	}
}

static void gift_lost(struct coord *c, struct gift *g)
{
	const struct client *client = g->client;
	struct exchange *x = g->exchange;
	char text[160];
	if (x->nawaited == 0) {
		settle(c, g);
		return;
	}
	snprintf(text, sizeof text, "the task VM of job %u on node %u (%.60s) is gone", g->job, g->node, client->node->host);
	unbind(g);
	fail(c, x, WEFT_ENOTASK, text);
}

/* In the order of exchanges, which a snapshot keeps, not in that of the client's gifts. */
void exchange_client_gone(struct coord *c, struct client *client)
{
	struct weft__list *next;
	for (struct weft__list *l = c->exchanges.next; client->ngifts > 0 && l != &c->exchanges; l = next) {
		struct exchange *x = WEFT__CONTAINER(l, struct exchange, all);
		next = l->next;
		struct gift *g = NULL;
		for (size_t i = 0; i < x->ngifts && !g; i++)
			g = x->gifts[i].client == client ? &x->gifts[i] : NULL;
		if (g)
			gift_lost(c, g);
	}
}
