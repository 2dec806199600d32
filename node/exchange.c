/* Happy path: the bytes go out in EXCHANGE, cut to size; EXCHANGED brings the first piece of what all gave, and as long
 * as there is more EXCHANGE_READ asks for the next. When all of it is here it is taken apart and handed over.
 *
 * What can go wrong: the coordinator says why there will be nothing. Pieces that do not fit together would be its fault,
 * and end the exchange with WEFT_EPROTO.
 */
#include "config.h"

#include "node/exchange.h"

#include <string.h>

#include "base/bytes.h"
#include "base/heap.h"
#include "node/taskvm.h"

enum {
	PIECE_BYTES  = 128 * 1024, /* of one EXCHANGE */
	HEADER_BYTES = 12,         /* before each member's bytes in the answer */
	TOTAL_MAX    = 80 << 20,   /* more than the coordinator's bound with all headers */
};

struct exchange {
	struct weft__list link; /* in taskvm.exchanges */
	uint64_t req;
	exchange_done_fn *done;
	void *arg;
	struct weft__buf all; /* as far as it has come */
};

static struct exchange *find(const struct taskvm *vm, uint64_t req)
{
	for (struct weft__list *l = vm->exchanges.next; l != &vm->exchanges; l = l->next) {
		struct exchange *x = WEFT__CONTAINER(l, struct exchange, link);
		if (x->req == req)
			return x;
	}
	return NULL;
}

static void finish(struct exchange *x, int code, const char *text, const struct exchange_piece *pieces, size_t n)
{
	weft__list_remove(&x->link);
	x->done(x->arg, code, text, pieces, n);
	weft__buf_fini(&x->all);
	weft__free(x);
}

int exchange_start(struct taskvm *vm, const char *name, const uint64_t *members, size_t nmembers, const void *bytes,
                   size_t nbytes, exchange_done_fn *done, void *arg)
{
	if (nmembers > 4096 || !*name || strlen(name) > 255)
		return WEFT_ETOOBIG;
	struct exchange *x = weft__calloc(1, sizeof *x);
	if (!x)
		return WEFT_ENOMEM;
	x->req = ++vm->last_req;
	x->done = done;
	x->arg = arg;
	weft__list_push(&vm->exchanges, &x->link);
	uint64_t req = x->req;
	for (size_t at = 0; at == 0 || at < nbytes; at += PIECE_BYTES) {
		size_t n = nbytes - at < PIECE_BYTES ? nbytes - at : PIECE_BYTES;
		struct weft__msg m = {.code = WEFT__MSG_EXCHANGE,
		                      .exchange = {.req = req,
		                                   .more = at + n < nbytes,
		                                   .name = weft__str(at == 0 ? name : ""),
		                                   .members = {members, at == 0 ? nmembers : 0},
		                                   .bytes = {n ? (const char *)bytes + at : NULL, n}}};
		taskvm_conn_send(vm, &m, -1);
	}
	return 0;
}

/* Takes the members' pieces apart; how many, or WEFT_EPROTO. pieces NULL: only counts. */
static int64_t split(const struct weft__buf *all, struct exchange_piece *pieces)
{
	int64_t n = 0;
	size_t at = 0;
	while (at < all->len) {
		if (all->len - at < HEADER_BYTES)
			return WEFT_EPROTO;
		const uint8_t *header = all->data + at;
		size_t nbytes = weft__u32_get(header + 8);
		at += HEADER_BYTES;
		if (nbytes > all->len - at)
			return WEFT_EPROTO;
		if (pieces)
			pieces[n] = (struct exchange_piece){weft__u32_get(header), weft__u32_get(header + 4), all->data + at, nbytes};
		at += nbytes;
		n++;
	}
	return n;
}

static void complete(struct exchange *x)
{
	int64_t n = split(&x->all, NULL);
	if (n < 0) {
		finish(x, (int)n, "the coordinator's answer makes no sense", NULL, 0);
		return;
	}
	struct exchange_piece *pieces = weft__calloc((size_t)n + 1, sizeof *pieces);
	if (!pieces) {
		finish(x, WEFT_ENOMEM, "out of memory", NULL, 0);
		return;
	}
	split(&x->all, pieces);
	finish(x, 0, "", pieces, (size_t)n);
	weft__free(pieces);
}

void exchange_take(struct taskvm *vm, const struct weft__msg_exchanged *m)
{
	struct exchange *x = find(vm, m->req);
	if (!x)
		return;
	if (m->code) {
		finish(x, (int)m->code, m->text.p, NULL, 0);
	} else if (m->offset != x->all.len || m->total > TOTAL_MAX || m->bytes.n > m->total - m->offset) {
		finish(x, WEFT_EPROTO, "the coordinator's answer makes no sense", NULL, 0);
	} else if (weft__buf_append(&x->all, m->bytes.p, m->bytes.n)) {
		finish(x, WEFT_ENOMEM, "out of memory", NULL, 0);
	} else if (x->all.len == m->total) {
		complete(x);
	} else {
		struct weft__msg more = {.code = WEFT__MSG_EXCHANGE_READ,
		                         .exchange_read = {.req = x->req, .offset = x->all.len}};
		taskvm_conn_send(vm, &more, -1);
	}
}
