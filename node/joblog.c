/* Output that no tool shows: a file for each job in the folder log of the home node, bounded; and reading it, also
 * for tools of other nodes.
 *
 * Each piece opens the file anew: nothing stays open, whatever the number of jobs.
 */
#include "config.h"

#include "node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

enum { LOG_MAX = 16 << 20, PIECE = 32 * 1024 };

static int log_open(const struct node *n, uint64_t job, int flags)
{
	char name[64];
	if (job == 0)
		return openat(n->dirfd, "weftd.log", flags | O_NOFOLLOW | O_CLOEXEC);
	snprintf(name, sizeof name, "log/j%" PRIu64 ".log", job);
	return openat(n->nodedirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int log_open_to_write(const struct node *n, uint64_t job)
{
	int fd = log_open(n, job, O_WRONLY | O_APPEND | O_CREAT);
	if (fd < 0 && errno == ENOENT && !mkdirat(n->nodedirfd, "log", 0700))
		fd = log_open(n, job, O_WRONLY | O_APPEND | O_CREAT);
	return fd;
}

void joblog_append(struct node *n, uint64_t job, const void *bytes, size_t nbytes)
{
	static const char cut[] = "\nweft: output beyond 16 MiB is not kept\n";
	struct stat st;
	int fd = log_open_to_write(n, job);
	if (fd < 0 || fstat(fd, &st)) {
		weft__log(WEFT__LOG_WARN, "WEFT-JOBLOG", "job=%" PRIu64 " %zu bytes are lost: %s", job, nbytes,
		          strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	bool full = st.st_size >= LOG_MAX, fills = st.st_size + (off_t)nbytes >= LOG_MAX;
	ssize_t written = full ? 0 : write(fd, bytes, nbytes);
	if (!full && fills)
		written = write(fd, cut, sizeof cut - 1);
	if (written < 0)
		weft__log(WEFT__LOG_WARN, "WEFT-JOBLOG", "job=%" PRIu64 " %zu bytes are lost: %s", job, nbytes,
		          strerror(errno));
	close(fd);
}

/* Who asked: a client of this node, or another node that asks for one of its own. */
struct asker {
	struct client *client;
	struct peer *peer;
};

static void answer(const struct asker *to, const struct weft__msg *m)
{
	if (to->client)
		client_send(to->client, m, NULL, 0);
	else
		peer_send(to->peer->node, to->peer->index, m);
}

static void read_here(struct node *n, const struct asker *to, const struct weft__msg_log_read *m)
{
	static uint8_t piece[PIECE];
	struct weft__msg bytes = {.code = WEFT__MSG_LOG_BYTES, .log_bytes = {.req = m->req, .offset = m->offset}};
	int fd = log_open(n, m->job, O_RDONLY);
	if (fd < 0)
		bytes.log_bytes.code = WEFT_ENOENT;
	for (size_t total = 0; fd >= 0 && total <= LOG_MAX && m->offset <= INT64_MAX - LOG_MAX;) {
		ssize_t count = pread(fd, piece, sizeof piece, (off_t)bytes.log_bytes.offset);
		if (count <= 0)
			break;
		bytes.log_bytes.bytes = (struct weft__bin){piece, (size_t)count};
		answer(to, &bytes);
		bytes.log_bytes.offset += (uint64_t)count;
		total += (size_t)count;
	}
	if (fd >= 0)
		close(fd);
	bytes.log_bytes.bytes = (struct weft__bin){0};
	answer(to, &bytes);
}

/* On the way to home and back the question's number has the client's above it. */
void joblog_read(struct node *n, struct client *c, const struct weft__msg_log_read *m)
{
	struct asker here = {.client = c};
	struct weft__msg forward = {.code = WEFT__MSG_LOG_READ, .log_read = *m};
	struct weft__msg failed = {.code = WEFT__MSG_LOG_BYTES, .log_bytes = {.req = m->req, .offset = m->offset}};
	forward.log_read.req = (uint64_t)c->number << 32 | (uint32_t)m->req;
	if (n->home)
		read_here(n, &here, m);
	else if ((failed.log_bytes.code = m->req > UINT32_MAX ? WEFT_EINVAL : peer_send(n, NODE_HOME, &forward)))
		client_send(c, &failed, NULL, 0);
}

void joblog_read_for(struct peer *p, const struct weft__msg_log_read *m)
{
	struct asker there = {.peer = p};
	if (p->node->home)
		read_here(p->node, &there, m);
}

void joblog_bytes(struct peer *p, const struct weft__msg_log_bytes *m)
{
	struct client *c = client_find(p->node, m->req >> 32);
	struct weft__msg bytes = {.code = WEFT__MSG_LOG_BYTES, .log_bytes = *m};
	bytes.log_bytes.req = (uint32_t)m->req;
	if (c && p->index == NODE_HOME)
		client_send(c, &bytes, NULL, 0);
}
