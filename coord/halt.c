/* The end of the VM: the other nodes first, home last, so that what they still say gets through. */
#include "config.h"

#include "coord/state.h"

/* Answers the halts asked for from this node, NULL: from anywhere. */
static void answer(struct coord *c, const struct node *from)
{
	struct weft__list *next;
	for (struct weft__list *l = c->asks.next; l != &c->asks; l = next) {
		struct ask *a = WEFT__CONTAINER(l, struct ask, all);
		next = l->next;
		if (a->kind != ASK_HALT || (from && a->client->node != from))
			continue;
		send_result(c, a->client, a->req, 0, 0, "%s", "");
		ask_destroy(c, a);
	}
}

void halt_ask(struct coord *c, struct client *from, const struct weft__msg *m)
{
	if (c->halting) {
		send_result(c, from, m->halt.req, WEFT_EALREADY, 0, "the virtual machine is going down already");
		return;
	}
	if (ask_new(c, from, m->halt.req, ASK_HALT))
		halt_begin(c, "a tool asked for it");
}

void halt_begin(struct coord *c, const char *why)
{
	struct weft__list *next;
	if (c->halting)
		return;
	c->halting = HALT_OTHERS;
	send_log(c, WEFT__LOG_INFO, "WEFT-VM-HALT", "%s", why);
	job_unpark(c); /* they are told that it is too late */
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = next) {
		struct node *n = WEFT__CONTAINER(l, struct node, all);
		next = l->next;
		if (n->index == COORD_HOME || n->gone || n->state == WEFT__NODE_LEAVING)
			continue;
		answer(c, n);
		send_node(c, n, &(struct weft__msg){.code = WEFT__MSG_HALT});
		if (n->state == WEFT__NODE_STARTING) {
			member_failed(c, n, WEFT_ECANCELED, "the virtual machine is going down");
			c->nstarting--; /* home ends those that it starts when it halts itself */
		}
		n->state = WEFT__NODE_LEAVING;
	}
	halt_step(c);
}

/* A node that never joined has no link that could close. */
static bool is_waited_for(const struct node *n)
{
	return n->index != COORD_HOME && n->release != NULL;
}

void halt_step(struct coord *c)
{
	if (c->halting != HALT_OTHERS)
		return;
	for (struct weft__list *l = c->nodes.next; l != &c->nodes; l = l->next)
		if (is_waited_for(WEFT__CONTAINER(l, struct node, all)))
			return;
	struct node *home = node_find(c, COORD_HOME);
	answer(c, NULL);
	if (home && !home->gone)
		send_node(c, home, &(struct weft__msg){.code = WEFT__MSG_HALT});
	c->halting = HALT_DONE;
	send_stop(c);
}

void halt_resume(struct coord *c)
{
	if (c->halting == HALT_DONE)
		send_stop(c);
}
