/* Where tasks go. Anywhere: to the node with the most free cores, and when there are none left, to the one
 * with the least load a core; equals take turns. On named hosts, or in turn: evenly over these, or as NAME:SLOTS and names
 * that stand there several times weigh them. Node after node: to the
 * first one that has a free core, and when there are none left, to the one with the least load a core. The tasks
 * that one node gets have ranks in a row, as neighbours in rank talk the most, unless they are dealt in turn. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "coord/state.h"

typedef bool better_fn(const struct place *a, const struct place *b);

static int64_t load(const struct node *n)
{
	return (int64_t)n->ntasks + n->planned;
}

static int64_t room(const struct node *n)
{
	return (int64_t)(n->slots ? n->slots : n->ncores);
}

static int64_t free_cores(const struct node *n)
{
	return room(n) - load(n);
}

static bool less_a_core(const struct place *a, const struct place *b)
{
	int64_t a_a_core = load(a->node) * room(b->node), b_a_core = load(b->node) * room(a->node);
	return a_a_core != b_a_core ? a_a_core < b_a_core : a->turn < b->turn;
}

static bool less_loaded(const struct place *a, const struct place *b)
{
	int64_t free_a = free_cores(a->node), free_b = free_cores(b->node);
	if (free_a > 0 || free_b > 0)
		return free_a != free_b ? free_a > free_b : a->turn < b->turn;
	return less_a_core(a, b);
}

static bool earlier_with_room(const struct place *a, const struct place *b)
{
	bool room_a = free_cores(a->node) > 0, room_b = free_cores(b->node) > 0;
	if (room_a != room_b)
		return room_a;
	return room_a ? a->turn < b->turn : less_a_core(a, b);
}

static bool fewer_here(const struct place *a, const struct place *b)
{
	uint64_t count_a = (uint64_t)a->count * (b->weight ? b->weight : 1), count_b = (uint64_t)b->count * (a->weight ? a->weight : 1);
	return count_a != count_b ? count_a < count_b : a->turn < b->turn;
}

/* Lets the place at i down to where it belongs in the heap. */
static void settle(struct place *heap, size_t n, size_t i, better_fn *better)
{
	for (;;) {
		size_t best = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < n; child++)
			if (better(&heap[child], &heap[best]))
				best = child;
		if (best == i)
			return;
		struct place swap = heap[i];
		heap[i] = heap[best];
		heap[best] = swap;
		i = best;
	}
}

static int by_turn(const void *a, const void *b)
{
	const struct place *pa = a, *pb = b;
	return pa->turn < pb->turn ? -1 : pa->turn > pb->turn;
}

static int by_index(const void *a, const void *b)
{
	const struct place *pa = a, *pb = b;
	return pa->node->index < pb->node->index ? -1 : pa->node->index > pb->node->index;
}

static void set_limits(const struct weft__msg_spawn *m, struct place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t most = (m->flags & WEFT__SPAWN_FIT ? room(places[i].node) : WEFT__LOCAL_MAX) - load(places[i].node);
		if (m->ppn && most > (int64_t)m->ppn)
			most = (int64_t)m->ppn;
		places[i].count_max = most > 0 ? (uint32_t)most : 0;
	}
}

static int no_room(const struct weft__msg_spawn *m, const struct place *places, size_t n, struct weft_error *e)
{
	uint64_t left = 0, all = 0;
	for (size_t i = 0; i < n; i++) {
		left += places[i].count_max;
		all += (uint64_t)room(places[i].node);
	}
	if (m->flags & WEFT__SPAWN_FIT)
		return weft__err_set(e, WEFT_ENOSPC,
		                     "%" PRIu64 " tasks were asked for, and no more than cores; %" PRIu64 " of %" PRIu64
		                     " cores (or slots) are free",
		                     m->count, left, all);
	if (m->ppn)
		return weft__err_set(e, WEFT_ENOSPC,
		                     "%" PRIu64 " tasks were asked for, at most %" PRIu64 " on a node; %zu node%s take%s %" PRIu64,
		                     m->count, m->ppn, n, n == 1 ? "" : "s", n == 1 ? "s" : "", left);
	return weft__err_set(e, WEFT_ENOSPC, "a node has at most %d tasks at a time, and all have them", WEFT__LOCAL_MAX);
}

/* How many tasks fill the places: one for each free core, or as many as were asked for on each. */
static int fill(struct weft__msg_spawn *m, const struct place *places, size_t n, struct weft_error *e)
{
	for (size_t i = 0; i < n; i++) {
		int64_t wanted = m->ppn ? (int64_t)m->ppn : places[i].weight ? places[i].weight : free_cores(places[i].node);
		if (wanted > 0)
			m->count += wanted < (int64_t)places[i].count_max ? (uint64_t)wanted : places[i].count_max;
	}
	if (m->count == 0)
		return weft__err_set(e, WEFT_ENOSPC, "no core is free for a task; say how many are wanted all the same: -n N");
	if (m->count > COORD_JOB_TASKS_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "%" PRIu64 " tasks would fill the nodes; a job has at most %d", m->count,
		                     COORD_JOB_TASKS_MAX);
	return 0;
}

/* Gives the tasks out one by one, each to the best place, which then is a little worse. */
static int share(struct coord *c, struct weft__msg_spawn *m, struct place *places, size_t nplaces, better_fn *better,
                 struct weft_error *e)
{
	size_t n = nplaces;
	set_limits(m, places, n);
	int rc = m->flags & WEFT__SPAWN_FILL ? fill(m, places, n, e) : 0;
	if (rc)
		return rc;
	for (size_t i = n / 2; i-- > 0;)
		settle(places, n, i, better);
	for (uint64_t i = 0; i < m->count; i++) {
		while (n > 0 && places[0].count >= places[0].count_max) {
			struct place swap = places[0];
			places[0] = places[--n];
			places[n] = swap;
			settle(places, n, 0, better);
		}
		if (n == 0)
			return no_room(m, places, nplaces, e);
		places[0].count++;
		places[0].node->planned++;
		c->place_next = places[0].node->index + 1;
		settle(places, n, 0, better);
	}
	return 0;
}

/* Nodes in this state, in turn from the one with index `first` on. */
static size_t candidates(struct coord *c, uint64_t state, uint64_t first, struct place *places)
{
	size_t n = 0;
	for (int lap = 0; lap < 2; lap++)
		for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
			struct node *node = WEFT__CONTAINER(l, struct node, all);
			if (node->state != state || node->drained || (node->index < first) != (lap == 1))
				continue;
			places[n] = (struct place){.node = node, .turn = (uint32_t)n};
			n++;
		}
	return n;
}

/* "alpha (#1), local2 (#2)": what there is, for someone who asked for what there is not. */
static void write_hosts(struct coord *c, char *text, size_t size)
{
	size_t n = 0;
	*text = '\0';
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *node = WEFT__CONTAINER(l, struct node, all);
		if (node->state == WEFT__NODE_STARTING)
			continue;
		int more = snprintf(text + n, size - n, "%s%.40s (#%u)", n ? ", " : "", node->host, node->index);
		if (more < 0 || n + (size_t)more + 6 > size) {
			snprintf(text + n, size - n, " ...");
			return;
		}
		n += (size_t)more;
	}
}

static bool is_called(const struct node *n, const char *name, size_t len)
{
	const char *names[] = {n->host, n->wanted};
	for (size_t i = 0; i < 2; i++)
		if (names[i] && *names[i] && strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return true;
	return false;
}

static bool has_index(const struct node *n, const char *name, size_t len)
{
	char text[16];
	int digits = snprintf(text, sizeof text, "#%u", n->index);
	return (size_t)digits == len && memcmp(text, name, len) == 0;
}

/* Length of the name in NAME or NAME:SLOTS; slots 0: none were said. An address of many ':' is a name. */
static size_t cut_slots(const char *name, size_t len, uint32_t *slots)
{
	const char *colon = memchr(name, ':', len);
	size_t digits = colon ? len - (size_t)(colon + 1 - name) : 0;
	*slots = 0;
	if (digits < 1 || digits > 5 || colon == name)
		return len;
	for (size_t i = 1; i <= digits; i++) {
		if (colon[i] < '0' || colon[i] > '9') {
			*slots = 0;
			return len;
		}
		*slots = *slots * 10 + (uint32_t)(colon[i] - '0');
	}
	return *slots ? (size_t)(colon - name) : len;
}

/* Adds the nodes that one host name means. */
static int add_named(struct coord *c, const char *name, size_t len, struct place *places, size_t *n,
                     struct weft_error *e)
{
	uint32_t slots;
	len = cut_slots(name, len, &slots);
	char hosts[100];
	bool found = false, drained = false, usable = false;
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next) {
		struct node *node = WEFT__CONTAINER(l, struct node, all);
		if (!is_called(node, name, len) && !has_index(node, name, len))
			continue;
		found = true;
		if (node->state != WEFT__NODE_UP && node->state != WEFT__NODE_SUSPECT)
			continue;
		drained |= node->drained != 0;
		if (node->drained)
			continue;
		usable = true;
		size_t i = 0;
		while (i < *n && places[i].node != node)
			i++;
		if (i < *n) { /* named again */
			places[i].weight = (places[i].weight ? places[i].weight : 1) + (slots ? slots : 1);
			continue;
		}
		places[*n] = (struct place){.node = node, .turn = (uint32_t)*n, .weight = slots};
		++*n;
	}
	if (usable)
		return 0;
	if (drained)
		return weft__err_set(e, WEFT_ENONODE, "node \"%.*s\" takes no new tasks; to change that: weft drain --undo %.*s",
		                     (int)(len < 40 ? len : 40), name, (int)(len < 40 ? len : 40), name);
	if (found)
		return weft__err_set(e, WEFT_ENONODE, "node \"%.*s\" is not up: it is still starting, or leaving",
		                     (int)(len < 60 ? len : 60), name);
	write_hosts(c, hosts, sizeof hosts);
	return weft__err_set(e, WEFT_ENONODE, "no node is called \"%.*s\"; there are %s", (int)(len < 40 ? len : 40),
	                     name, hosts);
}

static int add_hosts(struct coord *c, struct weft__str host, struct place *places, size_t *n, struct weft_error *e)
{
	const char *p = host.p, *end = host.p + host.n;
	for (;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		if (stop == p)
			return weft__err_set(e, WEFT_EINVAL, "an empty host name in \"%.80s\"", host.p);
		int rc = add_named(c, p, (size_t)(stop - p), places, n, e);
		if (rc || !comma)
			return rc;
		p = comma + 1;
	}
}

static int no_node(const struct coord *c, struct weft_error *e)
{
	for (const struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next)
		if (WEFT__CONTAINER(l, struct node, all)->drained)
			return weft__err_set(e, WEFT_ENONODE,
			                     "all nodes that are up are drained and take no new tasks; to change that: "
			                     "weft drain --undo HOST");
	return weft__err_set(e, WEFT_ENONODE, "no node is up");
}

int place_tasks(struct coord *c, struct weft__msg_spawn *m, struct place **out, size_t *nout, struct weft_error *e)
{
	bool named = m->host.n > 0;
	better_fn *better = m->map == WEFT__MAP_FILL ? earlier_with_room : m->map == WEFT__MAP_TURN || named ? fewer_here : less_loaded;
	uint64_t first = m->map == WEFT__MAP_FREE ? c->place_next : 0;
	struct place *places = coord_alloc(c, (c->nnodes + 1) * sizeof *places);
	size_t n = 0;
	int rc = 0;
	if (!places)
		return WEFT_ENOMEM;
	if (named) {
		rc = add_hosts(c, m->host, places, &n, e);
	} else {
		n = candidates(c, WEFT__NODE_UP, first, places);
		if (n == 0)
			n = candidates(c, WEFT__NODE_SUSPECT, first, places);
		if (n == 0)
			rc = no_node(c, e);
	}
	if (!rc)
		rc = share(c, m, places, n, better, e);
	if (rc) {
		weft__free(places);
		return rc;
	}
	qsort(places, n, sizeof *places, named ? by_turn : by_index);
	size_t used = 0;
	for (size_t i = 0; i < n; i++)
		if (places[i].count > 0)
			places[used++] = places[i];
	*out = places;
	*nout = used;
	return 0;
}
