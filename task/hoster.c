/* Starting daemons, for a dialect: see node/hosting.c. An order to start one becomes a message to oneself. */
#include "config.h"

#include <string.h>

#include "task/quick.h"

int weft__hoster(struct weft__engine *e, bool on, weft_context_t context, int32_t tag)
{
	struct weft__msg m = {.code = WEFT__MSG_HOSTER, .hoster = {.on = on}};
	return weft__service_change(e, &e->hoster, &m, &(struct weft__service){on, context.v, tag});
}

void weft__hoster_again(struct weft__engine *e)
{
	struct weft__msg m = {.code = WEFT__MSG_HOSTER, .hoster = {.on = 1}};
	if (e->hoster.on)
		weft__control_send(e, &m);
}

int weft__host_started(struct weft__engine *e, uint32_t node, const char *line)
{
	struct weft__msg m = {.code = WEFT__MSG_HOST_STARTED, .host_started = {.node = node, .line = weft__str(line)}};
	weft__lock(e);
	int rc = weft__control_send(e, &m);
	weft__unlock(e);
	return rc;
}

/* With its NUL; where the next one goes. */
static char *append(char *to, struct weft__str text)
{
	if (text.n)
		memcpy(to, text.p, text.n);
	to[text.n] = '\0';
	return to + text.n + 1;
}

void weft__on_start_host(struct weft__engine *e, const struct weft__msg_start_host *m)
{
	struct weft__match_key key = {e->self.v, e->hoster.context, e->hoster.tag};
	struct weft__host_order order = {.magic = WEFT__HOST_MAGIC, .node = (uint32_t)m->node};
	struct weft__message *message = weft__message_new(e, &key, sizeof order + m->login.n + m->command.n + m->start.n + 3);
	if (!message)
		return;
	char *to = (char *)message->bytes;
	memcpy(to, &order, sizeof order);
	to = append(to + sizeof order, m->login);
	to = append(to, m->command);
	append(to, m->start);
	weft__message_deliver(e, message);
}
