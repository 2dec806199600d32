/* Pairs are found by either task, and by the token that the connection between two nodes shows. */
#include "config.h"

#include "node/pair.h"

#include <string.h>

#include "base/heap.h"
#include "base/log.h"

static const char *const state_names[] = {"waiting", "asked", "dialling", "open"};

/* A task that is in a pair, here or elsewhere. */
struct endpoint {
	uint64_t tid;
	struct weft__map pairs; /* the other's tid: struct pair */
};

void pair_step(struct pair *p, enum pair_state to)
{
	char low[WEFT__TID_TEXT], high[WEFT__TID_TEXT];
	weft__log(WEFT__LOG_DEBUG, "WEFT-PAIR-STATE", "low=%s high=%s from=%s to=%s",
	          weft__tid_format((weft_tid_t){p->tids[LOW]}, low), weft__tid_format((weft_tid_t){p->tids[HIGH]}, high),
	          state_names[p->state], state_names[to]);
	p->state = to;
}

static struct endpoint *endpoint_make(struct node *n, uint64_t tid)
{
	struct endpoint *e = weft__map_get(&n->endpoints, tid);
	if (e)
		return e;
	e = weft__calloc(1, sizeof *e);
	if (!e || weft__map_put(&n->endpoints, tid, e)) {
		weft__free(e);
		return NULL;
	}
	e->tid = tid;
	return e;
}

static void endpoint_trim(struct node *n, struct endpoint *e)
{
	if (!e || e->pairs.count)
		return;
	weft__map_remove(&n->endpoints, e->tid);
	weft__map_fini(&e->pairs);
	weft__free(e);
}

struct pair *pair_find(const struct node *n, uint64_t a, uint64_t b)
{
	struct endpoint *e = weft__map_get(&n->endpoints, a);
	return e ? weft__map_get(&e->pairs, b) : NULL;
}

struct pair *pair_make(struct node *n, uint64_t a, uint64_t b)
{
	struct pair *p = pair_find(n, a, b);
	if (p)
		return p;
	struct endpoint *first = endpoint_make(n, a), *second = endpoint_make(n, b);
	p = weft__calloc(1, sizeof *p);
	bool put = p && first && second && !weft__map_put(&first->pairs, b, p);
	if (put && weft__map_put(&second->pairs, a, p)) {
		weft__map_remove(&first->pairs, b);
		put = false;
	}
	if (!put) {
		weft__free(p);
		endpoint_trim(n, first);
		endpoint_trim(n, second);
		return NULL;
	}
	*p = (struct pair){.node = n, .tids = {a < b ? a : b, a < b ? b : a}, .kept = -1};
	weft__list_init(&p->turn);
	return p;
}

static uint64_t token_key(const struct link_token *token)
{
	uint64_t key;
	memcpy(&key, token->bytes, sizeof key);
	return key;
}

int pair_token_put(struct pair *p)
{
	int rc = weft__map_put(&p->node->tokens, token_key(&p->token), p);
	if (rc)
		return rc;
	p->has_token = true;
	p->token_used = false;
	return 0;
}

void pair_token_forget(struct pair *p)
{
	if (p->has_token)
		weft__map_remove(&p->node->tokens, token_key(&p->token));
	p->has_token = p->dials = false;
}

struct pair *pair_by_token(const struct node *n, const struct link_token *token)
{
	return weft__map_get(&n->tokens, token_key(token));
}

void pair_free(struct pair *p)
{
	struct node *n = p->node;
	pair_token_forget(p);
	linger_drop(n, &p->kept);
	weft__list_remove(&p->turn);
	for (int i = LOW; i <= HIGH; i++) {
		struct endpoint *e = weft__map_get(&n->endpoints, p->tids[i]);
		if (e)
			weft__map_remove(&e->pairs, p->tids[!i]);
		endpoint_trim(n, e);
	}
	weft__free(p);
}

uint64_t *pair_partners(const struct node *n, uint64_t tid, size_t *count)
{
	const struct endpoint *e = weft__map_get(&n->endpoints, tid);
	uint64_t *tids = e ? weft__calloc(e->pairs.count + 1, sizeof *tids) : NULL;
	size_t cursor = 0;
	void *unused;
	*count = 0;
	while (tids && weft__map_next(&e->pairs, &cursor, &tids[*count], &unused))
		++*count;
	return tids;
}

uint64_t *pair_endpoints(const struct node *n, uint32_t index, size_t *count)
{
	size_t cursor = 0;
	uint64_t tid, *tids = weft__calloc(n->endpoints.count + 1, sizeof *tids);
	void *unused;
	*count = 0;
	while (tids && weft__map_next(&n->endpoints, &cursor, &tid, &unused))
		if (index == 0 || weft__tid_node((weft_tid_t){tid}) == index)
			tids[(*count)++] = tid;
	return tids;
}
