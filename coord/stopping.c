/* The batch system is about to end its job, and with it the VM: a node has been told so by SIGTERM.
 *
 * Happy path: the tasks of all jobs are asked to end, tools that show jobs are told and see to their ends, nothing new
 * is started; when the last job has ended the VM goes down by itself, a private one with its tool.
 *
 * What can go wrong: tasks that stay are killed by their tool, by the daemons that were told to end, and at last by
 * the batch system. More nodes say the same a little later: nothing more follows from that. */
#include "config.h"

#include "coord/state.h"

static void tell_tools(struct coord *c, const struct node *n)
{
	for (struct weft__list *i = n->clients.next; i != &n->clients; i = i->next) {
		struct client *client = WEFT__CONTAINER(i, struct client, at_node);
		char text[200];
		if (client->role != WEFT__ROLE_TOOL || weft__list_empty(&client->jobs))
			continue;
		snprintf(text, sizeof text, "the batch system ends this job: SIGTERM on %.120s", c->stopped_by);
		send_client(c, client, &(struct weft__msg){.code = WEFT__MSG_ENDING, .ending = {.text = weft__str(text)}});
	}
}

void stopping_begin(struct coord *c, struct node *from, const struct weft__msg *m)
{
	if (c->stopped_by)
		return;
	coord_replace(c, &c->stopped_by, weft__str(from->host));
	if (!c->stopped_by)
		return;
	send_log(c, WEFT__LOG_INFO, "WEFT-VM-STOPPING", "node=%u host=%s: its batch system said so", from->index, from->host);
	for (struct weft__list *i = c->nodes.next; i != &c->nodes; i = i->next)
		tell_tools(c, WEFT__CONTAINER(i, struct node, all));
	for (struct weft__list *i = c->live_jobs.next; i != &c->live_jobs; i = i->next)
		job_ask_to_end(c, WEFT__CONTAINER(i, struct job, all));
	stopping_step(c);
}

void stopping_step(struct coord *c)
{
	if (c->stopped_by && !c->private_vm && weft__list_empty(&c->live_jobs))
		halt_begin(c, "the batch system ends its job");
}
