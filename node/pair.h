/* pair.h - two tasks that want to talk, or do: what introductions (intro.c) know of them. */
#ifndef WEFT_NODE_PAIR_H
#define WEFT_NODE_PAIR_H

#include "node/node.h"

enum pair_state {
	PAIR_WAITING, /* for a task of this node to enrol, or for the first step */
	PAIR_ASKED,   /* INTRO or INTRO_WANTED is out */
	PAIR_DIALLING,
	PAIR_OPEN,
};

enum { LOW, HIGH };

struct pair {
	struct node *node;
	uint64_t tids[2]; /* LOW, HIGH */
	enum pair_state state;
	bool asked[2];    /* that task (of ours) waits for CHANNEL */
	bool invited;     /* INTRO came before our task had enrolled, or we are awaiting the dialler */
	bool has_token, token_used;
	bool turned;      /* the node of the higher tid dials */
	bool dials;       /* we do, with this token: the other node may have the connection before we know */
	bool gone, lost;  /* meanwhile the other task has gone, or its node: told when there is a connection, or none */
	struct link_token token;
	struct weft__list turn; /* in node->dials, redials or unborn, or alone */
	uint64_t told_with;     /* unborn: when the coordinator has heard this heartbeat, and says so, it is known */
	unsigned ntries;
	bool known;       /* OPEN since an earlier daemon, as a task says: */
	bool listed[2];   /* that one */
	uint8_t nshared[2]; /* buffers that this task lets the other read */
	int kept;           /* a copy of our task's end of the connection with another node; -1: none */
};

struct pair *pair_find(const struct node *n, uint64_t a, uint64_t b);
struct pair *pair_make(struct node *n, uint64_t a, uint64_t b); /* finds it, too; NULL: no memory */
void pair_free(struct pair *p);
void pair_step(struct pair *p, enum pair_state to);

/* p->token is expected at our port, once. 0 or WEFT_ENOMEM. */
int pair_token_put(struct pair *p);
void pair_token_forget(struct pair *p); /* and a dial that shows it */
/* Whose token begins like that; NULL: nobody's. */
struct pair *pair_by_token(const struct node *n, const struct link_token *token);

/* With whom a task is in a pair, as of now: what is done with them may change that. The caller frees the tids.
 * NULL: there is nobody, or no memory. */
uint64_t *pair_partners(const struct node *n, uint64_t tid, size_t *count);
/* The tasks of a node, 0: of all, that are in a pair; the caller frees them. */
uint64_t *pair_endpoints(const struct node *n, uint32_t index, size_t *count);

#endif
