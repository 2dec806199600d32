/* race.c - which of a node's addresses is the way to it?
 *
 * Happy path: the first address is dialled; when it has not answered within a moment the next one is as
 * well; TLS with the pair's key proves one of them, the others are dropped, the owner has his link.
 *
 * What can go wrong: an address is a hole, refuses, or somebody else listens there, as 172.17.0.1 is every machine
 * with Docker: it loses, and the next one is dialled at once. All lose: the owner is told why each did.
 */
#include "config.h"

#include "node/race.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "node/addresses.h"

enum { HEAD_START_MS = 100, TEXT_MAX = 1000 };

struct runner {
	struct race *race;
	struct link *link; /* NULL: not started, or lost */
	char address[LINK_ADDRESS_TEXT];
	uint16_t port;
	int code;
	char why[160];
};

struct race {
	uv_loop_t *loop;
	uv_timer_t timer; /* the next start; the struct is freed with it */
	const struct race_handler *handler;
	void *arg;
	enum link_purpose purpose;
	char identity[LINK_IDENTITY_MAX + 1];
	uint8_t key[LINK_KEY_BYTES];
	size_t n, nstarted, nlost;
	struct runner runners[RACE_MAX];
};

static void on_timer_closed(uv_handle_t *timer)
{
	weft__free(timer->data);
}

static void end(struct race *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->runners[i].link)
			link_close(&r->runners[i].link);
	explicit_bzero(r->key, sizeof r->key);
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

void race_cancel(struct race **r)
{
	if (*r)
		end(*r);
	*r = NULL;
}

/* The likeliest address knows best; but who speaks another version has surely been a Weft. */
static int verdict(const struct race *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->runners[i].code == WEFT_EVERSION)
			return WEFT_EVERSION;
	return r->runners[0].code;
}

static void tell_lost(struct race *r)
{
	char text[TEXT_MAX];
	size_t at = 0;
	for (size_t i = 0; i < r->n && at < sizeof text; i++) {
		const struct runner *l = &r->runners[i];
		int more = snprintf(text + at, sizeof text - at, "%s%s", i ? "; " : "", l->why);
		at += more > 0 ? (size_t)more : 0;
	}
	const struct race_handler *handler = r->handler;
	void *arg = r->arg;
	int code = verdict(r);
	end(r);
	handler->lost(arg, code, text);
}

static void on_opened(struct link *l, void *arg, const char *identity)
{
	struct runner *w = arg;
	struct race *r = w->race;
	const struct race_handler *handler = r->handler;
	char address[LINK_ADDRESS_TEXT];
	void *owner = r->arg;
	uint16_t port = w->port;
	memcpy(address, w->address, sizeof address);
	w->link = NULL; /* it is the owner's now */
	end(r);
	handler->won(owner, l, address, port);
}

static void on_frame(struct link *l, void *arg, const uint8_t *body, size_t nbytes, const int *fds, size_t nfds)
{
	/* not before it has opened, and then it has another handler */
}

static void start_next(struct race *r);
static void on_timer(uv_timer_t *timer);

static void runner_lost(struct runner *l, int code, const char *text)
{
	struct race *r = l->race;
	l->code = code;
	if (strstr(text, l->address)) /* most texts name it */
		snprintf(l->why, sizeof l->why, "%.159s", text);
	else
		snprintf(l->why, sizeof l->why, "%s:%u: %.80s", l->address, l->port, text);
	r->nlost++;
	if (r->nstarted < r->n)
		start_next(r);
	else if (r->nlost == r->n) /* told in the loop's next turn */
		uv_timer_start(&r->timer, on_timer, 0, 0);
}

static void on_closed(struct link *l, void *arg, int code, const char *text)
{
	struct runner *loser = arg;
	loser->link = NULL;
	runner_lost(loser, code, text);
}

static void on_timer(uv_timer_t *timer)
{
	struct race *r = timer->data;
	if (r->nlost == r->n)
		tell_lost(r);
	else if (r->nstarted < r->n)
		start_next(r);
}

static void start_next(struct race *r)
{
	static const struct link_handler handler = {.opened = on_opened, .frame = on_frame, .closed = on_closed};
	struct runner *l = &r->runners[r->nstarted++];
	uv_timer_start(&r->timer, on_timer, HEAD_START_MS, 0);
	int rc = link_dial(r->loop, l->address, l->port, r->purpose, r->identity, r->key, &handler, l, &l->link);
	if (rc) {
		l->link = NULL;
		runner_lost(l, rc, weft__err_text(rc));
	}
}

/* Each address once. */
static void add(struct race *r, const char *address, uint16_t port)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->runners[i].port == port && !strcmp(r->runners[i].address, address))
			return;
	if (r->n == RACE_MAX)
		return;
	struct runner *l = &r->runners[r->n++];
	l->race = r;
	l->port = port;
	snprintf(l->address, sizeof l->address, "%s", address);
}

int race_start(uv_loop_t *loop, const char *addresses, uint16_t port, enum link_purpose purpose, const char *identity,
               const uint8_t key[static LINK_KEY_BYTES], const struct race_handler *handler, void *arg, struct race **out)
{
	char address[LINK_ADDRESS_TEXT];
	struct race *r = weft__calloc(1, sizeof *r);
	if (!r)
		return WEFT_ENOMEM;
	r->loop = loop;
	r->handler = handler;
	r->arg = arg;
	r->purpose = purpose;
	snprintf(r->identity, sizeof r->identity, "%s", identity);
	memcpy(r->key, key, sizeof r->key);
	while (*addresses) {
		unsigned short its_port = port;
		if (addresses_next(&addresses, address, &its_port) && its_port)
			add(r, address, its_port);
	}
	if (r->n == 0) {
		weft__free(r);
		return WEFT_EINVAL;
	}
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	*out = r;
	start_next(r);
	return 0;
}
