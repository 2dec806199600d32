/* A hoster starts the daemons of other machines. It is asked by SM_STHOST, a message for each host, and answers by
 * SM_STHOSTACK with the line that the daemon has printed, or the name of an error; node/hosting.c has the way that both go.
 * It is home's that is asked, as the master's was in PVM. Registering again takes it back, as with a tasker.
 */
#include "config.h"

#include <string.h>

#include "base/heap.h"
#include "bindings/pvm/calls.h"
#include "bindings/pvm/manager.h"
#include "bindings/pvm/pvmproto.h"

#define HOSTER "###_PVM_HOSTER_###"

enum { START_TAG = SM_STHOST & INT32_MAX, LINE = 1024 };

int weft__call_reg_hoster(void)
{
	static struct weft__pvm_service hoster = {.name = HOSTER, .change = weft__hoster, .tag = START_TAG, .place = -1};
	int rc = weft__pvm_serve(&hoster);
	return rc ? lpvmerr("pvm_reg_hoster", rc) : PvmOk;
}

/* Behind what PVM's manual says there are the command for another system and the name of PVM's machine. */
static int make_order(uint32_t node, const char *options, const char *login, const char *command)
{
	struct weft__talk t;
	weft__talk_begin(&t);
	weft__talk_put_int(&t, 1);
	weft__talk_put_int(&t, weft__pvm_host_of(node));
	weft__talk_put_text(&t, options);
	weft__talk_put_text(&t, login);
	weft__talk_put_text(&t, command);
	weft__talk_put_text(&t, "");
	weft__talk_put_text(&t, "");
	if (t.rc) {
		weft__talk_end(&t);
		return t.rc;
	}
	t.b->src = WEFT__PVM_DAEMON;
	t.b->dst = weft__pvm.tid;
	t.b->tag = SM_STHOST;
	t.b->context = PvmBaseContext;
	return t.id;
}

/* NULL: there is none, or it does not end. */
static const char *next_text(const char **at, const char *end)
{
	const char *text = *at, *nul = text ? memchr(text, 0, (size_t)(end - text)) : NULL;
	*at = nul ? nul + 1 : NULL;
	return nul ? text : NULL;
}

bool weft__pvm_host_order(const void *bytes, size_t nbytes, int *bufid)
{
	struct weft__host_order order;
	if (nbytes < sizeof order || memcmp(bytes, WEFT__HOST_MAGIC, sizeof order.magic) != 0)
		return false;
	memcpy(&order, bytes, sizeof order);
	const char *at = (const char *)bytes + sizeof order, *end = (const char *)bytes + nbytes;
	const char *login = next_text(&at, end), *command = next_text(&at, end), *options = next_text(&at, end);
	if (!options)
		return false;
	*bufid = make_order(order.node, options, login, command);
	return true;
}

/* The manual has no number of hosts in front, PVM's daemon wants one: both are understood. To the message's end. */
int weft__hosts_started(struct weft__pvm_buf *b)
{
	struct weft__talk t = {.b = b};
	char line[LINE];
	int host = weft__talk_get_int(&t);
	if (t.rc == PvmOk && weft__pvm_node_of(host) == 0)
		host = weft__talk_get_int(&t);
	while (t.rc == PvmOk) {
		weft__talk_get_text(&t, line, sizeof line);
		if (t.rc)
			break;
		t.rc = weft__pvm_code(weft__host_started(weft__pvm.e, weft__pvm_node_of(host), line));
		host = weft__talk_get_int(&t);
	}
	return t.rc == PvmNoData ? PvmOk : t.rc;
}
