/* fuzz_pmi1.c - libFuzzer's way into the server of PMI-1: make fuzz-pmi1. The first byte of each piece of the input says which
 * rank it comes from. The owner answers everything, in the middle of the question or later. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "node/pmi1.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes);

enum { RANKS = 3 };

struct owner {
	struct pmi1 *s;
	unsigned turn;
	bool asks_spawn[RANKS], asks_name[RANKS];
};

static void on_reply(void *arg, uint32_t local, const char *line, size_t n)
{
	if (local >= RANKS || n < 2 || n > PMI1_LINE_MAX || line[n - 1] != '\n' || memchr(line, '\n', n - 1))
		abort();
}

static void on_fence(void *arg, const void *bytes, size_t n)
{
	struct owner *o = arg;
	if (!pmi1_fence_add(o->s, bytes, n))
		abort(); /* what one server gives another one takes */
	pmi1_fence_end(o->s);
}

static void on_name(void *arg, uint32_t local, enum pmi1_name op, const char *service, const char *port)
{
	struct owner *o = arg;
	if (o->turn++ % 2)
		pmi1_name_done(o->s, local, op == PMI1_LOOKUP ? 0 : -14, "a-port");
	else
		o->asks_name[local] = true;
}

static void on_spawn(void *arg, uint32_t local, const struct pmi1_spawn *s)
{
	struct owner *o = arg;
	for (size_t i = 0; i < s->nprograms; i++)
		if (!s->programs[i].argv[0] || s->programs[i].count == 0)
			abort();
	if (o->turn++ % 2)
		pmi1_spawn_done(o->s, local, 0, NULL, s->count);
	else
		o->asks_spawn[local] = true;
}

static void on_abort(void *arg, uint32_t local, int exit_code)
{
}

static void on_bad(void *arg, uint32_t local, const char *why)
{
	if (!*why)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t nbytes)
{
	static const struct pmi1_ops ops = {on_reply, on_fence, on_name, on_spawn, on_abort, on_bad};
	static const struct pmi1_job job = {.name = "weft_job_7", .nlocal = RANKS, .universe = 8};
	static const char hello[] = "cmd=init pmi_version=1 pmi_subversion=1\n";
	struct owner o = {0};
	if (pmi1_create(&job, &ops, &o, &o.s))
		return 0;
	for (uint32_t i = 0; i < RANKS && nbytes && bytes[0] % 8; i++)
		pmi1_input(o.s, i, hello, sizeof hello - 1);
	while (nbytes > 1) {
		size_t n = 1 + bytes[0] / RANKS * 4u;
		uint32_t local = bytes[0] % RANKS;
		n = n < nbytes - 1 ? n : nbytes - 1;
		pmi1_input(o.s, local, bytes + 1, n);
		for (uint32_t i = 0; i < RANKS; i++) {
			if (o.asks_name[i])
				pmi1_name_done(o.s, i, 0, "a-port");
			if (o.asks_spawn[i])
				pmi1_spawn_done(o.s, i, -21, NULL, 0);
			o.asks_name[i] = o.asks_spawn[i] = false;
		}
		bytes += n + 1;
		nbytes -= n + 1;
	}
	pmi1_destroy(&o.s);
	return 0;
}
