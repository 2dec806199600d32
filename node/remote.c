/* Starting the daemons of other nodes: local ones, and by ssh on other machines. Home does this.
 *
 * Happy path: NODE_START comes with the new node's own key; weftd --join is run, here or through ssh, the key on
 * its standard input; it dials our port and joins. Its output comes to our log through a pipe; the ssh stays as
 * long as the daemon does.
 *
 * What can go wrong: it can't be run, or ends: NODE_FAILED with the last that it said, and what may mend
 * it. (A daemon that ends after it has joined is the coordinator's business; it ignores this then.)
 */
#include "config.h"

#include "node/node.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/log.h"

enum { SAID_MAX = 700, ARGV_MAX = 64, COMMAND_MAX = 8192 };

/* No master connection is left behind: it would be our child at last, and end with us. */
static const char default_ssh[] = "ssh -o BatchMode=yes -o ConnectTimeout=8 -o ControlMaster=no";

struct remote {
	struct node *node;
	uint32_t index, incarnation;
	bool by_ssh;
	char host[NODE_HOST_MAX + 1];
	int status;
	bool ended, read_all;
	uv_pipe_t output;
	char said[SAID_MAX + 1]; /* the last of its output */
	size_t nsaid;
	char piece[4096];
};

static void on_output_closed(uv_handle_t *handle)
{
	weft__free(handle->data);
}

static void tell_failed(struct node *n, uint32_t index, uint32_t incarnation, int code, const char *text)
{
	struct weft__msg m = {
	        .code = WEFT__MSG_NODE_FAILED,
	        .node_failed = {.node = index, .incarnation = incarnation, .code = code, .text = weft__str(text)}};
	weft__log(WEFT__LOG_WARN, "WEFT-NODE-FAILED", "node=%u %s", index, text);
	coord_link_send(n, &m);
}

static void finish(struct remote *r)
{
	struct node *n = r->node;
	char text[1024];
	if (!r->ended || !r->read_all)
		return;
	while (r->nsaid && isspace((unsigned char)r->said[r->nsaid - 1]))
		r->said[--r->nsaid] = '\0';
	int code = WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 128 + WTERMSIG(r->status);
	if (r->by_ssh)
		snprintf(text, sizeof text, "the daemon on %.100s ended with status %d: %s; try: ssh -o BatchMode=yes %.100s true",
		         r->host, code, r->nsaid ? r->said : "it said nothing", r->host);
	else
		snprintf(text, sizeof text, "the daemon of local node %u ended with status %d: %s", r->index, code,
		         r->nsaid ? r->said : "it said nothing");
	if (n->state < NODE_HALTING)
		tell_failed(n, r->index, r->incarnation, WEFT_ENONODE, text);
	uv_close((uv_handle_t *)&r->output, on_output_closed);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct remote *r = handle->data;
	*buf = uv_buf_init(r->piece, sizeof r->piece);
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

/* Appends 'text' for a shell. */
static void quote(char *command, size_t size, const char *text)
{
	size_t n = strlen(command);
	if (n + 4 < size)
		command[n++] = '\'';
	for (; *text && n + 6 < size; text++) {
		if (*text == '\'') {
			memcpy(command + n, "'\\''", 4);
			n += 4;
		} else {
			command[n++] = *text;
		}
	}
	command[n++] = '\'';
	command[n] = '\0';
}

static void own_folder(char *path, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", path, size - 1);
	path[n < 0 ? 0 : n] = '\0';
	char *slash = strrchr(path, '/');
	if (slash)
		*slash = '\0';
}

/* What ssh's host shall run: the same weftd at the same place, else the one in its PATH. It finds the way back by
 * SSH_CONNECTION where sshd sets it, for the name of this machine may mean nothing there. */
static void ssh_command(const struct remote *r, char *command, size_t size)
{
	const struct node *n = r->node;
	char folder[PATH_MAX];
	own_folder(folder, sizeof folder);
	snprintf(command, size, "PATH=$PATH:");
	quote(command, size, folder);
	size_t at = strlen(command);
	snprintf(command + at, size - at,
	         "; export PATH; set -- $SSH_CONNECTION; exec weftd --join \"${1:-%s}:%u\" --node %u --incarnation %u "
	         "--orphan-ms %llu --vm ",
	         n->host, n->port, r->index, r->incarnation, (unsigned long long)n->orphan_ms);
	quote(command, size, n->vm);
	at = strlen(command);
	snprintf(command + at, size - at, " --host ");
	quote(command, size, r->host);
}

static size_t ssh_argv(const struct remote *r, char *ssh, const char **argv, const char *command)
{
	size_t n = 0;
	for (char *word = strtok(ssh, " \t"); word && n < ARGV_MAX - 3; word = strtok(NULL, " \t"))
		argv[n++] = word;
	argv[n++] = r->host;
	argv[n++] = command;
	argv[n] = NULL;
	return n;
}

static int run(struct remote *r, const uint8_t *key, int output, struct weft_error *e)
{
	struct node *n = r->node;
	const char *given = getenv("WEFT_SSH");
	char ssh[1024], command[COMMAND_MAX], join[128], node[16], incarnation[16], orphan[32];
	const char *argv[ARGV_MAX];
	struct starter_order order = {.room = "node", .argv = argv, .fd = -1, .input = key, .ninput = LINK_KEY_BYTES,
	                              .output = output, .ended = on_ended, .arg = r};
	pid_t pid;
	if (r->by_ssh) {
		snprintf(ssh, sizeof ssh, "%s", given && *given ? given : default_ssh);
		ssh_command(r, command, sizeof command);
		ssh_argv(r, ssh, argv, command);
		return starter_run(n, &order, &pid, e);
	}
	bool everywhere = !*n->listen_address || !strcmp(n->listen_address, "0.0.0.0") || !strcmp(n->listen_address, "::");
	snprintf(join, sizeof join, "%s:%u", everywhere ? "127.0.0.1" : n->listen_address, n->port);
	snprintf(node, sizeof node, "%u", r->index);
	snprintf(incarnation, sizeof incarnation, "%u", r->incarnation);
	snprintf(orphan, sizeof orphan, "%llu", (unsigned long long)n->orphan_ms);
	const char *const local[] = {"weftd", "--join", join, "--node", node, "--incarnation", incarnation,
	                             "--dir", n->dir, "--vm", n->vm, "--host", r->host, "--listen", "127.0.0.1",
	                             "--orphan-ms", orphan, n->private_vm ? "--private" : NULL, NULL};
	memcpy(argv, local, sizeof local);
	order.program = "weftd";
	return starter_run(n, &order, &pid, e);
}

static int start(struct remote *r, const uint8_t *key, struct weft_error *e)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return weft__err_set(e, WEFT_ENOSPC, "no descriptors left; see ulimit -n");
	int rc = uv_pipe_init(r->node->loop, &r->output, 0);
	r->output.data = r;
	if (!rc)
		rc = uv_pipe_open(&r->output, ends[0]);
	if (!rc)
		rc = uv_read_start((uv_stream_t *)&r->output, on_alloc, on_read);
	rc = rc ? weft__err_set(e, WEFT_EIO, "a pipe: %s", uv_strerror(rc)) : run(r, key, ends[1], e);
	close(ends[1]);
	return rc;
}

void remote_start(struct node *n, const struct weft__msg_node_start *m)
{
	struct weft_error e = {0};
	struct remote *r = weft__calloc(1, sizeof *r);
	if (!r || m->key.n != LINK_KEY_BYTES || n->state >= NODE_HALTING) {
		weft__free(r);
		tell_failed(n, (uint32_t)m->node, (uint32_t)m->incarnation, WEFT_ECANCELED, "the home node can't start it now");
		return;
	}
	r->node = n;
	r->index = (uint32_t)m->node;
	r->incarnation = (uint32_t)m->incarnation;
	r->by_ssh = m->kind == WEFT__ADD_SSH;
	if (r->by_ssh)
		snprintf(r->host, sizeof r->host, "%s", m->host.p);
	else
		snprintf(r->host, sizeof r->host, "local%u", r->index);
	weft__log(WEFT__LOG_INFO, "WEFT-NODE-START", "node=%u incarnation=%u host=%s", r->index, r->incarnation, r->host);
	int rc = r->by_ssh && (*r->host == '-' || !*r->host)
	                 ? weft__err_set(&e, WEFT_EINVAL, "not a host name: \"%s\"", r->host)
	                 : start(r, m->key.p, &e);
	if (!rc)
		return;
	tell_failed(n, r->index, r->incarnation, rc, e.text);
	if (r->output.data)
		uv_close((uv_handle_t *)&r->output, on_output_closed);
	else
		weft__free(r);
}
