#include "config.h"

#include "coord/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "coord/journal.h"

static const char file_name[] = "journal", new_name[] = "journal.new", lock_name[] = "coord.lock";

static int failed(struct weft_error *e, const char *what, const char *name)
{
	int errnum = errno, code = weft__err_from_errno(errnum);
	return weft__err_set(e, code == WEFT_ENOSPC || code == WEFT_ENOMEM ? code : WEFT_EIO, "can't %s %s: %s", what,
	                     name, strerror(errnum));
}

static int open_file(int dirfd, const char *name, int flags)
{
	return openat(dirfd, name, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int write_all(int fd, const void *bytes, size_t nbytes)
{
	for (size_t done = 0; done < nbytes;) {
		ssize_t n = write(fd, (const char *)bytes + done, nbytes - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

/* --- the lock ------------------------------------------------------------------------------------ */

int store_open(struct store *s, int dirfd, struct weft_error *e)
{
	char pid[32] = "";
	*s = (struct store){.dirfd = dirfd, .lock_fd = -1, .fd = -1};
	int fd = open_file(dirfd, lock_name, O_RDWR);
	if (fd < 0)
		return failed(e, "open", lock_name);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		bool taken = errno == EWOULDBLOCK;
		int rc = failed(e, "lock", lock_name);
		ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
		close(fd);
		pid[n > 0 ? n : 0] = '\0';
		if (taken)
			rc = weft__err_set(e, WEFT_EEXIST, "another coordinator serves this virtual machine%s%s", *pid ? ": pid " : "",
			                   pid);
		return rc;
	}
	int n = snprintf(pid, sizeof pid, "%ld", (long)getpid());
	/* Never empty in between: ext4 then writes it out when it is closed, and the end waits for that. */
	if (pwrite(fd, pid, (size_t)n, 0) != n || ftruncate(fd, n)) {
		int rc = failed(e, "write", lock_name);
		close(fd);
		return rc;
	}
	s->lock_fd = fd;
	return 0;
}

void store_close(struct store *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	s->fd = s->lock_fd = -1;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static int load(struct store *s, struct weft__buf *b, struct weft_error *e)
{
	struct stat st;
	if (fstat(s->fd, &st))
		return failed(e, "read", file_name);
	for (;;) {
		if (weft__buf_reserve(b, st.st_size > (off_t)b->len ? (size_t)st.st_size - b->len : 1))
			return weft__err_set(e, WEFT_ENOMEM, "no memory for the journal's %zu bytes", b->len);
		ssize_t n = read(s->fd, b->data + b->len, b->cap - b->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(e, "read", file_name);
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

static int cut(struct store *s, size_t nbytes, struct weft_error *e)
{
	if (ftruncate(s->fd, (off_t)nbytes))
		return failed(e, "cut the torn end off", file_name);
	return 0;
}

int store_read(struct store *s, int (*replay)(void *arg, const void *body, size_t nbytes, struct weft_error *e),
               void *arg, size_t *nrecords, size_t *ncut, struct weft_error *e)
{
	struct weft__buf b = {0}, head = {0};
	const uint8_t *body;
	size_t nbytes, at = 0;
	s->fd = open_file(s->dirfd, file_name, O_RDWR | O_APPEND);
	int rc = s->fd < 0 ? failed(e, "open", file_name) : load(s, &b, e);
	*nrecords = 0;
	while (!rc && (rc = journal_next(b.data, b.len, &at, &body, &nbytes, e)) > 0) {
		rc = replay(arg, body, nbytes, e);
		++*nrecords;
	}
	*ncut = b.len - at;
	if (!rc && *ncut > 0)
		rc = cut(s, at, e);
	s->nbytes = s->base = at;
	if (!rc && at == 0) {
		rc = journal_append_head(&head);
		rc = rc ? weft__err_set(e, rc, "no memory") : store_append(s, head.data, head.len, e);
	}
	weft__buf_fini(&b);
	weft__buf_fini(&head);
	return rc;
}

/* --- writing ------------------------------------------------------------------------------------------- */

int store_append(struct store *s, const void *records, size_t nbytes, struct weft_error *e)
{
	if (write_all(s->fd, records, nbytes))
		return failed(e, "write", file_name);
	s->nbytes += nbytes;
	return 0;
}

int store_replace(struct store *s, const void *journal, size_t nbytes, struct weft_error *e)
{
	int fd = open_file(s->dirfd, new_name, O_RDWR | O_APPEND | O_TRUNC);
	if (fd < 0)
		return failed(e, "open", new_name);
	if (write_all(fd, journal, nbytes) || renameat(s->dirfd, new_name, s->dirfd, file_name)) {
		int rc = failed(e, "write", new_name);
		close(fd);
		unlinkat(s->dirfd, new_name, 0);
		return rc;
	}
	close(s->fd);
	s->fd = fd;
	s->nbytes = s->base = nbytes;
	return 0;
}

void store_remove(struct store *s)
{
	unlinkat(s->dirfd, new_name, 0);
	unlinkat(s->dirfd, file_name, 0);
	unlinkat(s->dirfd, lock_name, 0);
	store_close(s);
}
