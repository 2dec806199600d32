/* listen_unix.c - listening on a SOCK_SEQPACKET socket in a folder that is ours.
 *
 * Happy path: the socket is bound through the folder's descriptor (its path may be longer than a
 * socket's name), listens, and admits those with our uid.
 *
 * Failure modes:
 * - A socket file is there: the caller holds the folder's lock, so it is left from a daemon that
 * was killed, and goes. Any other kind of file is none of ours to delete: WEFT_EEXIST.
 * - Another uid connects: hung up on, counted and logged.
 * - At the end the file is deleted, but only when it is still ours: a successor may have made its
 * own.
 */
#include "config.h"

#include "link/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 256 };

static void admit(struct link_listener *ll, int fd, const struct sockaddr_storage *from)
{
	struct ucred who = {0};
	socklen_t size = sizeof who;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0 || who.uid != geteuid()) {
		char text[LINK_ADDRESS_TEXT];
		snprintf(text, sizeof text, "uid %lu", (unsigned long)who.uid);
		close(fd);
		listener_refuse(ll, text, "another user");
		return;
	}
	ll->accepted_unix(ll->arg, fd);
}

static void leave(struct link_listener *ll)
{
	struct stat st;
	if (fstatat(ll->dirfd, ll->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == ll->ino)
		unlinkat(ll->dirfd, ll->name, 0);
	close(ll->dirfd);
}

static int remove_stale(int dirfd, const char *name, struct weft_error *e)
{
	struct stat st;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return weft__err_set(e, WEFT_EEXIST,
		                     "\"%s\" is in the way and is no socket: delete it", name);
	if (unlinkat(dirfd, name, 0) < 0)
		return weft__err_set(e, WEFT_EIO, "cannot delete the old socket \"%s\": %s", name,
		                     strerror(errno));
	return 0;
}

/* A socket that listens as `name`, into *fd. */
static int bind_name(int dirfd, const char *name, int *fd, struct weft_error *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dirfd,
	                 name);
	if (n < 0 || (size_t)n >= sizeof address.sun_path)
		return weft__err_set(e, WEFT_ETOOBIG, "the name of the socket is too long: %s",
		                     name);
	int rc = remove_stale(dirfd, name, e);
	if (rc < 0)
		return rc;
	int own = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (own < 0)
		return weft__err_set(e, WEFT_ENOSPC, "cannot make a socket: %s", strerror(errno));
	if (bind(own, (struct sockaddr *)&address, sizeof address) < 0 ||
	    fchmodat(dirfd, name, 0600, 0) < 0 || listen(own, BACKLOG) < 0) {
		rc = weft__err_set(e, WEFT_EIO, "cannot listen on the socket \"%s\": %s", name,
		                   strerror(errno));
		close(own);
		return rc;
	}
	*fd = own;
	return 0;
}

int link_adopt_unix(uv_loop_t *loop, int *fd, int dirfd, const char *name, void (*accepted)(void *arg, int fd),
                    void *arg, struct link_listener **ll, struct weft_error *e)
{
	struct link_listener *new;
	struct stat st = {0};
	int folder = fcntl(dirfd, F_DUPFD_CLOEXEC, 0);
	if (folder < 0) {
		close(*fd);
		*fd = -1;
		return weft__err_set(e, WEFT_ENOSPC, "cannot keep the folder open: %s", strerror(errno));
	}
	int rc = listener_start(loop, fd, &new, e);
	if (rc < 0) {
		close(folder);
		return rc;
	}
	fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW);
	new->admit = admit;
	new->leave = leave;
	new->accepted_unix = accepted;
	new->arg = arg;
	new->dirfd = folder;
	new->ino = st.st_ino;
	snprintf(new->name, sizeof new->name, "%s", name);
	*ll = new;
	return 0;
}

int link_listen_unix(uv_loop_t *loop, int dirfd, const char *name,
                     void (*accepted)(void *arg, int fd), void *arg, struct link_listener **ll,
                     struct weft_error *e)
{
	int fd;
	if (strlen(name) >= sizeof (*ll)->name)
		return weft__err_set(e, WEFT_ETOOBIG, "the name of the socket is too long: %s",
		                     name);
	int rc = bind_name(dirfd, name, &fd, e);
	if (rc < 0)
		return rc;
	rc = link_adopt_unix(loop, &fd, dirfd, name, accepted, arg, ll, e);
	if (rc < 0)
		unlinkat(dirfd, name, 0);
	return rc;
}
