/* A client finds its node through three checked steps: the VM's folder is opened without following
 * a link and must be ours and 0700; the socket in it is reached through the folder's descriptor, so
 * that neither the length of the path nor a folder swapped meanwhile matters; and the server at the
 * other end must have our uid.
 *
 * What can go wrong: a folder of another user, or open to others, in our place (WEFT_EDENIED, with
 * the owner named); no folder, no socket, or a socket that nobody listens to any more, left by a
 * daemon that was killed (WEFT_ENOVM: the next node's folder is tried).
 */
#include "config.h"

#include "base/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/ids.h"

enum {
	NAME_MAX_BYTES = 64,
	MAKE_TRIES = 100, /* an empty base folder may be removed just then by who needs it no more */
};

static int join(char *path, size_t size, const char *dir, const char *name, struct weft_error *e)
{
	int n = snprintf(path, size, "%s/%s", dir, name);
	if (n < 0 || (size_t)n >= size)
		return weft__err_set(e, WEFT_ETOOBIG, "path is too long: %s/%s", dir, name);
	return 0;
}

static bool is_our_folder(const char *path)
{
	struct stat st;
	return path && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

int weft__rundir_base_path(char *path, size_t size, struct weft_error *e)
{
	const char *own = getenv("WEFT_RUNDIR");
	const char *xdg = getenv("XDG_RUNTIME_DIR");
	char text[PATH_MAX];
	int rc = 0;
	if (own && *own == '/') {
		if ((size_t)snprintf(text, sizeof text, "%s", own) >= sizeof text)
			rc = weft__err_set(e, WEFT_ETOOBIG, "$WEFT_RUNDIR is too long: %s", own);
	} else if (own && *own) {
		rc = weft__err_set(e, WEFT_EDENIED, "$WEFT_RUNDIR must start with '/': %s", own);
	} else if (is_our_folder(xdg)) { /* after su it is another's, in containers not there */
		rc = join(text, sizeof text, xdg, "weft", e);
	} else {
		snprintf(text, sizeof text, "/tmp/weft-%lu", (unsigned long)geteuid());
	}
	if (rc)
		return rc;
	if (strlen(text) >= size)
		return weft__err_set(e, WEFT_ETOOBIG, "path is too long: %s", text);
	strcpy(path, text);
	return 0;
}

int weft__rundir_base(char *path, size_t size, struct weft_error *e)
{
	char text[PATH_MAX];
	int rc = weft__rundir_base_path(text, sizeof text < size ? sizeof text : size, e);
	if (rc)
		return rc;
	int fd = weft__rundir_open(text, 1, e);
	if (fd == WEFT_ENOFILE) /* a parent is missing */
		return weft__err_set(e, WEFT_EIO, "cannot make %s: its parent folder is missing",
		                     text);
	if (fd < 0)
		return fd;
	close(fd);
	strcpy(path, text);
	return 0;
}

void weft__rundir_base_drop(const char *vm)
{
	char base[PATH_MAX];
	const char *own = getenv("WEFT_RUNDIR");
	if ((own && *own) || weft__rundir_base_path(base, sizeof base, NULL))
		return;
	size_t n = strlen(base);
	if (!strncmp(vm, base, n) && vm[n] == '/' && !strchr(vm + n + 1, '/'))
		rmdir(base);
}

static bool is_vm_name(const char *name)
{
	static const char allowed[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strlen(name);
	return n >= 1 && n <= NAME_MAX_BYTES && *name != '.' && strspn(name, allowed) == n;
}

const char *weft__rundir_vm_name(char own[static WEFT__BATCH_VM_TEXT])
{
	const char *name = getenv("WEFT_VM");
	struct weft__batch_job job;
	if (name && *name)
		return name;
	if (!weft__batch_job(weft__batch_getenv, &job))
		return "default";
	weft__batch_vm(&job, own);
	return own;
}

int weft__rundir_vm(const char *name, char *path, size_t size, struct weft_error *e)
{
	char own[WEFT__BATCH_VM_TEXT];
	if (!name)
		name = weft__rundir_vm_name(own);
	if (!is_vm_name(name))
		return weft__err_set(
		        e, WEFT_EINVAL,
		        "not a name for a virtual machine: '%.80s' (1 to 64 of A-Z a-z 0-9 . _ -, "
		        "no '.' in front)",
		        name);
	char base[PATH_MAX];
	int rc = weft__rundir_base_path(base, sizeof base, e);
	int fd = rc ? rc : weft__rundir_open(base, 0, e);
	if (fd >= 0)
		close(fd);
	else if (fd != WEFT_ENOFILE)
		return fd;
	return join(path, size, base, name, e);
}

/* An open folder is ours alone, or the error that says what is wrong with it. */
static int check_folder(int fd, const char *path, struct weft_error *e)
{
	struct stat st;
	if (fstat(fd, &st))
		return weft__err_set(e, WEFT_EIO, "%s: %s", path, strerror(errno));
	if (st.st_uid != geteuid())
		return weft__err_set(e, WEFT_EDENIED, "%s belongs to uid %lu, not to us (uid %lu)",
		                     path, (unsigned long)st.st_uid, (unsigned long)geteuid());
	if ((st.st_mode & 0777) != 0700)
		return weft__err_set(e, WEFT_EDENIED,
		                     "%s has mode %03o, not 700; mend it with: chmod 700 '%s'", path,
		                     (unsigned)st.st_mode & 0777, path);
	return 0;
}

int weft__rundir_open(const char *path, int make, struct weft_error *e)
{
	/* With a slash at the end the kernel would follow a link in spite of O_NOFOLLOW. */
	char trimmed[PATH_MAX];
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof trimmed)
		return weft__err_set(e, WEFT_EIO, "path is too long: %s", path);
	memcpy(trimmed, path, n);
	trimmed[n] = '\0';

	int fd, tries = 0;
	do {
		if (make && mkdir(trimmed, 0700) && errno != EEXIST) {
			int rc = weft__err_from_errno(errno);
			if (rc != WEFT_ENOFILE && rc != WEFT_EDENIED)
				rc = WEFT_EIO;
			return weft__err_set(e, rc, "cannot make %s: %s", trimmed, strerror(errno));
		}
		fd = openat(AT_FDCWD, trimmed, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} while (fd < 0 && errno == ENOENT && make && ++tries < MAKE_TRIES);
	if (fd < 0) {
		switch (errno) {
		case ENOENT:
			return weft__err_set(e, WEFT_ENOFILE, "%s: no such folder", trimmed);
		case ENOTDIR:
		case ELOOP:
			return weft__err_set(e, WEFT_EDENIED, "%s is a symbolic link or no folder",
			                     trimmed);
		case EACCES:
			return weft__err_set(e, WEFT_EDENIED, "%s: %s", trimmed, strerror(errno));
		default:
			return weft__err_set(e, WEFT_EIO, "%s: %s", trimmed, strerror(errno));
		}
	}
	int rc = check_folder(fd, trimmed, e);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

bool weft__rundir_removed(int fd)
{
	struct stat st;
	return fd >= 0 && fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* Connects to the socket `name` in an open folder. */
static int connect_in(int dirfd, const char *path, const char *name, struct weft_error *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n = snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", dirfd,
	                 name);
	if (n < 0 || (size_t)n >= sizeof address.sun_path)
		return weft__err_set(e, WEFT_EIO, "name of a socket is too long: %s", name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return weft__err_set(e, WEFT_EIO, "cannot make a socket: %s", strerror(errno));

	int rc;
	do
		rc = connect(fd, (struct sockaddr *)&address, sizeof address);
	while (rc && errno == EINTR);
	struct ucred peer = {0};
	socklen_t size = sizeof peer;
	if (rc && (errno == ENOENT || errno == ECONNREFUSED))
		rc = weft__err_set(e, WEFT_ENOVM, "nobody listens at %s/%s", path, name);
	else if (rc)
		rc = weft__err_set(e, WEFT_EIO, "%s/%s: %s", path, name, strerror(errno));
	else if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		rc = weft__err_set(e, WEFT_EIO, "%s/%s: %s", path, name, strerror(errno));
	else if (peer.uid != geteuid())
		rc = weft__err_set(e, WEFT_EDENIED, "%s/%s is served by uid %lu, not by us", path,
		                   name, (unsigned long)peer.uid);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int weft__rundir_connect(const char *path, const char *name, struct weft_error *e)
{
	int dirfd = weft__rundir_open(path, 0, e);
	if (dirfd == WEFT_ENOFILE)
		return weft__err_set(e, WEFT_ENOVM, "%s: no such folder", path);
	if (dirfd < 0)
		return dirfd;
	int fd = connect_in(dirfd, path, name, e);
	close(dirfd);
	return fd;
}

/* The index in "n<index>", 0 when name is something else. */
static unsigned node_index(const char *name)
{
	unsigned index = 0;
	if (*name != 'n' || name[1] == '0')
		return 0;
	for (const char *p = name + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return 0;
		index = index * 10 + (unsigned)(*p - '0');
		if (index > WEFT__NODE_MAX)
			return 0;
	}
	return index;
}

/* The lowest node index above `after` that has a folder, 0 when there is none. */
static unsigned next_node(DIR *dir, unsigned after)
{
	unsigned lowest = 0;
	rewinddir(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		unsigned index = node_index(entry->d_name);
		if (index > after && (!lowest || index < lowest))
			lowest = index;
	}
	return lowest;
}

/* name: as the user has said it; NULL: the usual one. */
static int attach_lowest(const char *vm, const char *name, char *nodedir, size_t size, struct weft_error *e)
{
	const char *option = name ? " --name " : "";
	int dirfd = weft__rundir_open(vm, 0, e);
	if (dirfd == WEFT_ENOFILE)
		return weft__err_set(e, WEFT_ENOVM,
		                     "no virtual machine is up here (no %s); start one: weft up%s%s", vm, option,
		                     name ? name : "");
	if (dirfd < 0)
		return dirfd;
	DIR *dir = fdopendir(dirfd);
	if (!dir) {
		close(dirfd);
		return weft__err_set(e, WEFT_EIO, "%s: %s", vm, strerror(errno));
	}
	int fd = WEFT_ENOVM;
	for (unsigned index = 0; fd == WEFT_ENOVM && (index = next_node(dir, index)) != 0;) {
		char node[16], path[PATH_MAX];
		snprintf(node, sizeof node, "n%u", index);
		fd = join(path, size < sizeof path ? size : sizeof path, vm, node, e);
		if (fd == 0)
			fd = weft__rundir_connect(path, "sock", e);
		if (fd >= 0)
			strcpy(nodedir, path);
	}
	closedir(dir);
	if (fd == WEFT_ENOVM)
		weft__err_set(e, WEFT_ENOVM,
		              "no node answers below %s; start a virtual machine: weft up%s%s", vm, option, name ? name : "");
	return fd;
}

int weft__rundir_attach(const char *vm_name, char *nodedir, size_t size, struct weft_error *e)
{
	const char *own = getenv("WEFT_DIR");
	if (!vm_name && own && *own) {
		if (strlen(own) >= size)
			return weft__err_set(e, WEFT_ETOOBIG, "$WEFT_DIR is too long: %s", own);
		int fd = weft__rundir_connect(own, "sock", e);
		if (fd >= 0)
			strcpy(nodedir, own);
		return fd;
	}
	char vm[PATH_MAX];
	int rc = weft__rundir_vm(vm_name, vm, sizeof vm, e);
	return rc ? rc : attach_lowest(vm, vm_name, nodedir, size, e);
}

bool weft__rundir_ssh_socket(const char *dir, const char *login, const char *host, char *path, size_t size)
{
	enum { SSH_ADDS = 18, SOCKET_PATH_MAX = 107 }; /* while it makes it, ssh gives it a longer name */
	uint64_t hash = weft__hash(WEFT__HASH_EMPTY, login, strlen(login));
	hash = weft__hash(hash, "@", 1);
	hash = weft__hash(hash, host, strlen(host));
	int n = snprintf(path, size, "%s/ssh.%016" PRIx64, dir, hash);
	return n > 0 && (size_t)n < size && n + SSH_ADDS <= SOCKET_PATH_MAX;
}

bool weft__rundir_is_ssh(const char *program)
{
	const char *slash = strrchr(program, '/');
	return !strcmp(slash ? slash + 1 : program, "ssh");
}
