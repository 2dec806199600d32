/* Starting the daemons of other nodes: local ones, and by ssh or the like on other machines. Home does this.
 *
 * Happy path: NODE_START comes with the new node's own key; weftd --join is run, here or through ssh, the key on
 * its standard input; it dials our port and joins. Its output comes to our log through a pipe; the ssh stays as
 * long as the daemon does.
 *
 * What can go wrong: it can't be run, or ends, or takes too long: NODE_FAILED with what it said last, why that
 * may be, and what may mend it (blame.c). A daemon that ends after it has joined is the coordinator's business.
 */
#include "config.h"

#include "node/node.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"
#include "node/addresses.h"
#include "node/hosting.h"
#include "node/launch.h"
#include "node/remote.h"

enum {
	SAID_MAX   = 700,
	LIMIT_S    = 9, /* a little less than the coordinator waits for it */
	LOCAL_ARGS = 32,
};

struct remote {
	struct node *node;
	uint32_t index, incarnation;
	const char *launcher; /* NULL: it is a local one */
	char host[NODE_HOST_MAX + 1], target[2 * NODE_HOST_MAX + 2];
	char addresses[LAUNCH_ADDRESSES_MAX];
	pid_t pid;
	int status;
	bool ended, read_all, told;
	uv_pipe_t output;
	uv_timer_t timer;
	unsigned nhandles; /* live; the struct is freed with the last */
	char release[40];  /* that it says it is */
	unsigned protocol;
	char said[SAID_MAX + 1]; /* the last of its output */
	size_t nsaid;
	char piece[4096];
};

static void on_handle_closed(uv_handle_t *handle)
{
	struct remote *r = handle->data;
	if (--r->nhandles == 0)
		weft__free(r);
}

static void remote_close(struct remote *r)
{
	if (r->nhandles == 0) {
		weft__free(r);
		return;
	}
	if (r->output.data)
		uv_close((uv_handle_t *)&r->output, on_handle_closed);
	uv_close((uv_handle_t *)&r->timer, on_handle_closed);
}

/* --- what is told ----------------------------------------------------------------------------------- */

void remote_failed(struct node *n, uint32_t index, uint32_t incarnation, const struct blame *b, const char *said)
{
	struct weft__msg m = {.code = WEFT__MSG_NODE_FAILED,
	                      .node_failed = {.node = index,
	                                      .incarnation = incarnation,
	                                      .code = b->code,
	                                      .text = weft__str(b->text),
	                                      .said = weft__str(said),
	                                      .fix = weft__str(b->fix)}};
	weft__log(WEFT__LOG_WARN, "WEFT-NODE-FAILED", "node=%u %s", index, b->text);
	if (n->state < NODE_HALTING)
		coord_link_send(n, &m);
}

static void tell_once(struct remote *r, const struct blame *b)
{
	if (!r->told)
		remote_failed(r->node, r->index, r->incarnation, b, r->said);
	r->told = true;
}

static bool has_joined(const struct remote *r)
{
	const struct peer *p = peer_find(r->node, r->index);
	return p && p->incarnation == r->incarnation;
}

/* It ended with this status, or -1: it has not, but its time is over. */
static void blame(struct remote *r, int status)
{
	struct blame b = {0};
	const struct blame_case c = {.launcher = r->launcher,
	                             .host = r->host,
	                             .target = r->target,
	                             .status = status,
	                             .said = r->said,
	                             .release = r->release,
	                             .protocol = r->protocol,
	                             .addresses = r->addresses,
	                             .port = r->node->port,
	                             .limit_s = LIMIT_S};
	if (r->launcher) {
		blame_find(&c, &b);
	} else {
		b.code = WEFT_ENONODE;
		snprintf(b.text, sizeof b.text, "the daemon of local node %u ended with status %d: %.300s", r->index, status,
		         r->nsaid ? r->said : "it said nothing");
	}
	tell_once(r, &b);
}

static void on_limit(uv_timer_t *timer)
{
	struct remote *r = timer->data;
	if (r->ended || has_joined(r))
		return;
	blame(r, -1);
	kill(r->pid, SIGTERM);
}

static void finish(struct remote *r)
{
	if (!r->ended || !r->read_all)
		return;
	while (r->nsaid && isspace((unsigned char)r->said[r->nsaid - 1]))
		r->said[--r->nsaid] = '\0';
	blame(r, WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status));
	remote_close(r);
}

/* --- what it says ----------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct remote *r = handle->data;
	*buf = uv_buf_init(r->piece, sizeof r->piece);
}

/* "weftd 1.2 (protocol 3)", the line with which it begins, is taken off again: the user's shell may say more before. */
static void take_release(struct remote *r)
{
	char *line = r->said;
	while (line && strncmp(line, "weftd ", 6))
		line = (line = strchr(line, '\n')) ? line + 1 : NULL;
	char *end = line ? strchr(line, '\n') : NULL;
	if (!end)
		return;
	size_t n = strcspn(line + 6, " \n");
	if (n > 0 && isdigit((unsigned char)line[6])) {
		snprintf(r->release, sizeof r->release, "%.*s", (int)n, line + 6);
		if (sscanf(line + 6 + n, " (protocol %u)", &r->protocol) != 1)
			r->protocol = 0;
	}
	memmove(line, end + 1, strlen(end + 1) + 1);
	r->nsaid = strlen(r->said);
}

/* Goes to our own log as it is, and its end is kept. */
static void keep_said(struct remote *r, const char *from, size_t n)
{
	if (n && write(2, from, n) < 0)
		errno = 0; /* a log that can't be written stops nothing */
	if (n > SAID_MAX) {
		from += n - SAID_MAX;
		n = SAID_MAX;
	}
	size_t keep = r->nsaid < SAID_MAX - n ? r->nsaid : SAID_MAX - n;
	memmove(r->said, r->said + r->nsaid - keep, keep);
	memcpy(r->said + keep, from, n);
	r->nsaid = keep + n;
	r->said[r->nsaid] = '\0';
	for (size_t i = 0; i < r->nsaid; i++) /* it is shown to people */
		if (!r->said[i] || r->said[i] == '\r' || r->said[i] == '\033')
			r->said[i] = ' ';
	if (!*r->release && r->launcher)
		take_release(r);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct remote *r = stream->data;
	if (nread >= 0) {
		keep_said(r, buf->base, (size_t)nread);
		return;
	}
	uv_read_stop(stream);
	r->read_all = true;
	finish(r);
}

/* What it started may have its output open still: what is there now is all that is waited for. */
static void on_ended(void *arg, int status)
{
	struct remote *r = arg;
	uv_os_fd_t fd;
	ssize_t nread;
	r->status = status;
	r->ended = true;
	if (!r->read_all && uv_fileno((uv_handle_t *)&r->output, &fd) == 0) {
		while ((nread = read(fd, r->piece, sizeof r->piece)) > 0)
			keep_said(r, r->piece, (size_t)nread);
		uv_read_stop((uv_stream_t *)&r->output);
		r->read_all = true;
	}
	finish(r);
}

/* --- the command ------------------------------------------------------------------------------------ */

static void own_folder(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	path[n < 0 ? 0 : n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
}

/* Where it may find us: our addresses with our port. */
static void write_addresses(const struct node *n, char *to, size_t size, const char *toward)
{
	char list[ADDRESSES_TEXT], address[LINK_ADDRESS_TEXT];
	const char *from = list;
	unsigned short unused = 0;
	size_t at = 0;
	addresses_list(list, sizeof list, toward);
	while (*from && addresses_next(&from, address, &unused) && at + strlen(address) + 12 < size)
		at += (size_t)snprintf(to + at, size - at, strchr(address, ':') ? "%s[%s]:%u" : "%s%s:%u", at ? "," : "", address,
		                       n->port);
	if (at == 0) /* no network at all: the other one may be on this machine */
		snprintf(to, size, "127.0.0.1:%u", n->port);
}

/* Where this node was given a range of ports, that is the VM's. */
static struct weft__str ports_of(const struct node *n, char *text, size_t size)
{
	if (!n->port_last || n->port_first == n->port_last)
		return weft__str("");
	snprintf(text, size, "%u-%u", n->port_first, n->port_last);
	return weft__str(text);
}

/* All that the command says. home points into it. */
struct saying {
	struct weft__msg_node_start m;
	struct launch_home home;
	char folder[PATH_MAX], addresses[LAUNCH_ADDRESSES_MAX], range[16];
};

static int prepare(struct node *n, const struct weft__msg_node_start *m, struct saying *s, struct weft_error *e)
{
	s->m = *m;
	if (!m->ports.n)
		s->m.ports = ports_of(n, s->range, sizeof s->range);
	own_folder(s->folder, sizeof s->folder);
	write_addresses(n, s->addresses, sizeof s->addresses, m->address.n ? m->address.p : m->host.p);
	s->home = (struct launch_home){.vm = n->vm,
	                               .addresses = s->addresses,
	                               .port = n->port,
	                               .orphan_ms = n->orphan_ms,
	                               .folder = s->folder,
	                               .dir = n->dir};
	return node_listen_everywhere(n, e);
}

static int run_launcher(struct remote *r, const struct weft__msg_node_start *m, struct starter_order *order, struct blame *b)
{
	static struct launch launch; /* one thread, and it is used before this returns */
	static struct saying s;
	struct weft_error e = {0};
	int rc = prepare(r->node, m, &s, &e);
	memcpy(r->addresses, s.addresses, sizeof r->addresses);
	if (!rc)
		rc = launch_make(&launch, &s.m, &s.home, &e);
	order->argv = launch.argv;
	if (!rc && (rc = starter_run(r->node, order, &r->pid, &e)) != 0) {
		blame_missing(r->launcher, launch.argv[0], weft__err_text(rc), b);
		return rc;
	}
	b->code = rc;
	snprintf(b->text, sizeof b->text, "%s", e.text);
	return rc;
}

int remote_command(struct node *n, const struct weft__msg_node_start *m, const char *half, char *command, size_t size,
                   struct weft_error *e)
{
	static struct saying s;
	int rc = prepare(n, m, &s, e);
	s.home.half = half;
	return rc ? rc : launch_command(command, size, &s.m, &s.home, e);
}

static int run_local(struct remote *r, struct starter_order *order, struct blame *b)
{
	struct node *n = r->node;
	char join[128], node[16], incarnation[16], orphan[32];
	struct weft_error e = {0};
	bool everywhere = !*n->listen_address || !strcmp(n->listen_address, "0.0.0.0") || !strcmp(n->listen_address, "::");
	snprintf(join, sizeof join, strchr(n->listen_address, ':') && !everywhere ? "[%s]:%u" : "%s:%u",
	         everywhere ? "127.0.0.1" : n->listen_address, n->port);
	snprintf(node, sizeof node, "%u", r->index);
	snprintf(incarnation, sizeof incarnation, "%u", r->incarnation);
	snprintf(orphan, sizeof orphan, "%llu", (unsigned long long)n->orphan_ms);
	const char *const argv[LOCAL_ARGS] = {"weftd", "--join", join, "--node", node, "--incarnation", incarnation,
	                                      "--dir", n->dir, "--vm", n->vm, "--host", r->host, "--listen", "127.0.0.1",
	                                      "--orphan-ms", orphan, n->private_vm ? "--private" : NULL, NULL};
	order->argv = argv;
	order->program = "weftd";
	b->code = starter_run(n, order, &r->pid, &e);
	snprintf(b->text, sizeof b->text, "%s", e.text);
	return b->code;
}

static int start(struct remote *r, const struct weft__msg_node_start *m, struct blame *b)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC)) {
		*b = (struct blame){.code = WEFT_ENOSPC, .text = "no descriptors are left", .fix = "ulimit -n"};
		return b->code;
	}
	struct starter_order order = {.room = "node", .fd = -1, .input = m->key.p, .ninput = LINK_KEY_BYTES, .output = ends[1],
	                              .ended = on_ended, .arg = r};
	uv_timer_init(r->node->loop, &r->timer);
	uv_pipe_init(r->node->loop, &r->output, 0);
	r->timer.data = r->output.data = r;
	r->nhandles = 2;
	int rc = uv_pipe_open(&r->output, ends[0]);
	if (!rc)
		rc = uv_read_start((uv_stream_t *)&r->output, on_alloc, on_read);
	if (rc) {
		*b = (struct blame){.code = WEFT_EIO};
		snprintf(b->text, sizeof b->text, "a pipe: %s", uv_strerror(rc));
		rc = b->code;
	} else {
		rc = r->launcher ? run_launcher(r, m, &order, b) : run_local(r, &order, b);
	}
	close(ends[1]);
	if (!rc && r->launcher)
		uv_timer_start(&r->timer, on_limit, LIMIT_S * 1000, 0);
	return rc;
}

static void name_it(struct remote *r, const struct weft__msg_node_start *m)
{
	r->index = (uint32_t)m->node;
	r->incarnation = (uint32_t)m->incarnation;
	if (m->kind == WEFT__ADD_LOCAL) {
		snprintf(r->host, sizeof r->host, "local%u", r->index);
		return;
	}
	snprintf(r->host, sizeof r->host, "%s", m->host.p);
	snprintf(r->target, sizeof r->target, "%s%s%s", m->login.n ? m->login.p : "", m->login.n ? "@" : "",
	         m->address.n ? m->address.p : m->host.p);
	r->launcher = launch_name(m->kind);
	if (!r->launcher)
		r->launcher = "this release";
}

void remote_start(struct node *n, const struct weft__msg_node_start *m)
{
	struct blame b = {.code = WEFT_ECANCELED, .text = "the home node can't start it now"};
	if (n->state < NODE_HALTING && hosting_start(n, m))
		return;
	struct remote *r = weft__calloc(1, sizeof *r);
	if (!r || m->key.n != LINK_KEY_BYTES || n->state >= NODE_HALTING) {
		weft__free(r);
		remote_failed(n, (uint32_t)m->node, (uint32_t)m->incarnation, &b, "");
		return;
	}
	r->node = n;
	name_it(r, m);
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-START", "node=%u incarnation=%u host=%s", r->index, r->incarnation, r->host);
	b = (struct blame){0};
	if (start(r, m, &b)) {
		tell_once(r, &b);
		remote_close(r);
	}
}
