#include "config.h"

#include "console/runhosts.h"

#include <stdio.h>
#include <string.h>

#include "base/heap.h"
#include "console/place.h"

enum { HOSTS_MAX = 4095 }; /* as SPAWN has it */

/* "alpha:4,#1,beta": those that can be other machines. */
static int read_names(struct hostfile *f, const char *names, struct weft_error *e)
{
	char name[HOSTFILE_NAME_MAX + 1];
	int rc = 0;
	while (*names && !rc) {
		size_t n = strcspn(names, ",");
		bool other = n > 0 && *names != '#' && n < sizeof name && strncmp(names, "local", 5);
		snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), names);
		place_cut_slots(name);
		if (other && !hostfile_find(f, name))
			rc = hostfile_add(f, name, e);
		names += n + (names[n] == ',');
	}
	return rc;
}

int runhosts_read(struct runhosts *h, const struct plan *p, bool private_vm, struct weft_error *e)
{
	const char *path = plan_text(p, OPT_HOSTFILE);
	int rc = path ? hostfile_read(&h->list, path, e) : 0;
	if (!rc && path && h->list.n == 0)
		rc = weft__err_set(e, WEFT_EINVAL, "the list of hosts %.100s names none", path);
	h->only = path != NULL;
	for (size_t i = 0; private_vm && i < p->nprograms && !rc; i++)
		if (args_has(&p->programs[i].args, OPT_HOST))
			rc = read_names(&h->list, args_text(&p->programs[i].args, OPT_HOST), e);
	return rc;
}

void runhosts_fini(struct runhosts *h)
{
	hostfile_fini(&h->list);
	weft__free(h->names);
	h->names = NULL;
}

/* Where a standing VM has other nodes as well, the tasks are given the names. */
static int name_them(struct runhosts *h, struct plan *p, struct weft_error *e)
{
	size_t size = 1, at = 0;
	for (size_t i = 0; i < h->list.n; i++)
		size += strlen(h->list.hosts[i].name) + 1;
	if (size > HOSTS_MAX)
		return weft__err_set(e, WEFT_ETOOBIG, "the names of the hosts are longer than %d characters together", HOSTS_MAX);
	h->names = weft__malloc(size);
	if (!h->names)
		return weft__err_set(e, WEFT_ENOMEM, "out of memory");
	for (size_t i = 0; i < h->list.n; i++) {
		const char *name = hostfile_is_here(h->list.hosts[i].name) ? "#1" : h->list.hosts[i].name;
		at += (size_t)snprintf(h->names + at, size - at, "%s%s", i ? "," : "", name);
	}
	p->hosts = h->names;
	return 0;
}

/* In a VM of the run's own the home node takes no tasks unless it is in the list; slots count there. */
static int keep_to_them(struct runhosts *h, struct session *s, struct plan *p, bool private_vm, bool here,
                        struct weft_error *e)
{
	struct weft__msg m = {.code = WEFT__MSG_NODE_SET, .node_set = {.node = 1, .drain = WEFT__DRAIN_YES}};
	if (!h->only)
		return 0;
	if (!private_vm)
		return name_them(h, p, e);
	return here ? 0 : session_request(s, &m, SESSION_TIMEOUT_MS, e);
}

int runhosts_bring(struct runhosts *h, struct context *c, struct session *s, struct plan *p, bool private_vm)
{
	const struct adder_options o = {.ports = plan_text(p, OPT_PORTS), .here_too = true, .there_too = true, .quiet = true,
	                                .out = stderr};
	struct adder_result result;
	struct weft_error e;
	if (h->list.n == 0)
		return 0;
	int rc = adder_run(c, s, &h->list, &o, &result);
	if (rc)
		return rc;
	if (result.failed) {
		context_error(c, "%u of %u hosts did not come; nothing was started", result.failed, result.failed + result.up);
		return WEFT_ENONODE;
	}
	rc = keep_to_them(h, s, p, private_vm, result.here, &e);
	if (rc)
		context_error(c, "%s", e.text);
	return rc;
}
