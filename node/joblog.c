/* Output that no tool shows: a file for each job in the folder log of the home node, bounded.
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

void joblog_read(struct node *n, struct client *c, const struct weft__msg_log_read *m)
{
	static uint8_t piece[PIECE];
	struct weft__msg answer = {.code = WEFT__MSG_LOG_BYTES, .log_bytes = {.req = m->req, .offset = m->offset}};
	int fd = log_open(n, m->job, O_RDONLY);
	if (fd < 0)
		answer.log_bytes.code = WEFT_ENOENT;
	for (size_t total = 0; fd >= 0 && total <= LOG_MAX && m->offset <= INT64_MAX - LOG_MAX;) {
		ssize_t count = pread(fd, piece, sizeof piece, (off_t)answer.log_bytes.offset);
		if (count <= 0)
			break;
		answer.log_bytes.bytes = (struct weft__bin){piece, (size_t)count};
		client_send(c, &answer, NULL, 0);
		answer.log_bytes.offset += (uint64_t)count;
		total += (size_t)count;
	}
	if (fd >= 0)
		close(fd);
	answer.log_bytes.bytes = (struct weft__bin){0};
	client_send(c, &answer, NULL, 0);
}
