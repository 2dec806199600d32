/* Happy path: the base folder is locked (for a VM with a name), a folder is made under a name that nobody
 * looks at, locked, and renamed. So a folder with a VM's name has been locked ever since it had that name.
 *
 * What can go wrong: the name is taken by a VM that lives (a lock is held: WEFT_EEXIST) or that crashed (both
 * are free: the folder is removed and made anew); two start the same VM at once (the second one waits for
 * the base folder's lock, then finds the first one's VM); we are killed between making and renaming (the
 * folder ".new-<pid>-…" is swept by the next one that starts a private VM, once that pid is gone).
 */
#include "config.h"

#include "console/vmdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/rundir.h"

enum {
	LOCK_WAIT_MS = 15000, /* another one starts its VM */
	LOCK_POLL_MS = 10,
	CREATE_TRIES = 100,
	DEPTH_MAX    = 8, /* folders within a VM's folder */
};

/* --- removal ------------------------------------------------------------------------------------- */

/* Empties an open folder, whatever is in it; takes the descriptor. */
static void empty_folder(int fd, int depth)
{
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0 || depth == DEPTH_MAX)
			continue;
		int below = openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			empty_folder(below, depth + 1);
		unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

static void remove_folder(const char *path, int fd)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (again >= 0)
		empty_folder(again, 0);
	rmdir(path);
	weft__rundir_base_drop(path);
}

/* Does a home daemon live there? A daemon that has not got to its lock yet is covered by its starter's. */
static bool has_daemon(int dirfd)
{
	int fd = openat(dirfd, "n1/lock", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool held = flock(fd, LOCK_EX | LOCK_NB) != 0;
	close(fd);
	return held;
}

bool vmdir_remove_stale(const char *path)
{
	int fd = weft__rundir_open(path, 0, NULL);
	if (fd < 0)
		return fd == WEFT_ENOFILE;
	bool stale = flock(fd, LOCK_EX | LOCK_NB) == 0 && !has_daemon(fd);
	if (stale)
		remove_folder(path, fd);
	close(fd);
	return stale;
}

/* ".new-<pid>-<hex>" of a process that is gone. */
static bool is_unborn(const char *name)
{
	char *end;
	if (strncmp(name, ".new-", 5))
		return false;
	long pid = strtol(name + 5, &end, 10);
	return *end == '-' && pid > 0 && pid < INT32_MAX && kill((pid_t)pid, 0) && errno == ESRCH;
}

void vmdir_sweep(void)
{
	char base[PATH_MAX], path[PATH_MAX + 300];
	if (weft__rundir_base_path(base, sizeof base, NULL))
		return;
	DIR *dir = opendir(base);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strncmp(entry->d_name, "run-", 4) && !is_unborn(entry->d_name))
			continue;
		snprintf(path, sizeof path, "%s/%s", base, entry->d_name);
		vmdir_remove_stale(path);
	}
	closedir(dir);
}

/* --- making -------------------------------------------------------------------------------------- */

/* One after the other may start a VM with a name. */
static int lock_base(struct vmdir *d, const char *base, struct weft_error *e)
{
	uint64_t deadline = weft__deadline(LOCK_WAIT_MS);
	d->base_fd        = weft__rundir_open(base, 1, e);
	if (d->base_fd < 0)
		return d->base_fd;
	while (flock(d->base_fd, LOCK_EX | LOCK_NB)) {
		struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000L};
		if (errno != EWOULDBLOCK && errno != EINTR)
			return weft__err_set(e, WEFT_EIO, "cannot lock %s: %s", base, strerror(errno));
		if (weft__deadline_left_ms(deadline) == 0)
			return weft__err_set(e, WEFT_ETIMEDOUT,
			                     "another weft has been starting a virtual machine for %d s; is it stopped?",
			                     LOCK_WAIT_MS / 1000);
		nanosleep(&pause, NULL);
	}
	return weft__rundir_removed(d->base_fd) ? WEFT_ENOFILE : 0;
}

static int make_folder(struct vmdir *d, const char *base, const char *suffix, struct weft_error *e)
{
	char unborn[PATH_MAX + 64];
	snprintf(unborn, sizeof unborn, "%s/.new-%ld-%s", base, (long)getpid(), suffix);
	d->fd = weft__rundir_open(unborn, 1, e);
	if (d->fd < 0)
		return d->fd;
	if (weft__rundir_removed(d->base_fd)) { /* and another one made: our lock on it is no lock */
		rmdir(unborn);
		return WEFT_ENOFILE;
	}
	if (flock(d->fd, LOCK_EX | LOCK_NB) == 0 && rename(unborn, d->path) == 0)
		return 0;
	int why = errno;
	rmdir(unborn);
	if (why == ENOTEMPTY || why == EEXIST)
		return weft__err_set(e, WEFT_EEXIST, "%s is there already", d->path);
	return weft__err_set(e, WEFT_EIO, "cannot make %s: %s", d->path, strerror(why));
}

static void close_both(struct vmdir *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->base_fd >= 0)
		close(d->base_fd);
	d->fd = d->base_fd = -1;
}

static int create(const char *name, struct vmdir *d, struct weft_error *e)
{
	char base[PATH_MAX], suffix[17], own[64];
	uint64_t random;
	*d     = (struct vmdir){.fd = -1, .base_fd = -1};
	int rc = weft__rundir_base(base, sizeof base, e);
	if (!rc && weft__random_bytes(&random, sizeof random))
		rc = weft__err_set(e, WEFT_EIO, "the kernel gives no random bytes");
	if (rc)
		return rc;
	snprintf(suffix, sizeof suffix, "%016llx", (unsigned long long)random);
	snprintf(own, sizeof own, "run-%ld-%.8s", (long)getpid(), suffix);
	rc = weft__rundir_vm(name ? name : own, d->path, sizeof d->path, e);
	if (!rc && name)
		rc = lock_base(d, base, e);
	if (!rc && name && !vmdir_remove_stale(d->path))
		rc = weft__err_set(e, WEFT_EEXIST, "the virtual machine '%s' is up already", name);
	if (!rc)
		rc = make_folder(d, base, suffix, e);
	if (rc)
		close_both(d);
	return rc;
}

/* Whoever removed the last VM's folder removes the base folder, too, perhaps while we are at it: then again. */
int vmdir_create(const char *name, struct vmdir *d, struct weft_error *e)
{
	int rc = WEFT_ENOFILE;
	for (int i = 0; i < CREATE_TRIES && rc == WEFT_ENOFILE; i++)
		rc = create(name, d, e);
	return rc;
}

void vmdir_unlock(struct vmdir *d)
{
	close_both(d);
}

void vmdir_abandon(struct vmdir *d)
{
	if (d->fd >= 0)
		remove_folder(d->path, d->fd);
	close_both(d);
}

/* --- the file "vm" ------------------------------------------------------------------------------- */

static void read_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	*line   = '\0';
	if (!f)
		return;
	if (fgets(line, (int)size, f))
		line[strcspn(line, "\n")] = '\0';
	fclose(f);
}

/* When a process started, in clock ticks after boot; 0: there is none. */
static unsigned long long start_time(pid_t pid)
{
	char path[64], line[1024];
	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	read_line(path, line, sizeof line);
	const char *p = strrchr(line, ')'); /* the name before it may have anything in it */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

int vmdir_note(const struct vmdir *d, pid_t daemon, struct weft_error *e)
{
	unsigned char id[VMDIR_ID_BYTES];
	char boot[64];
	if (weft__random_bytes(id, sizeof id))
		return weft__err_set(e, WEFT_EIO, "the kernel gives no random bytes");
	read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
	int fd  = openat(d->fd, "vm", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f)
		return weft__err_set(e, WEFT_EIO, "%s/vm: %s", d->path, strerror(errno));
	fprintf(f, "pid %ld\nstarted %llu\nboot %s\nid ", (long)daemon, start_time(daemon), boot);
	for (size_t i = 0; i < sizeof id; i++)
		fprintf(f, "%02x", id[i]);
	fprintf(f, "\nrelease %s\n", PACKAGE_VERSION);
	if (fclose(f))
		return weft__err_set(e, WEFT_EIO, "%s/vm: %s", d->path, strerror(errno));
	return 0;
}

pid_t vmdir_daemon(const char *path)
{
	char name[PATH_MAX + 8], boot[64], now[64];
	unsigned long long started;
	long pid;
	snprintf(name, sizeof name, "%s/vm", path);
	FILE *f = fopen(name, "re");
	if (!f)
		return -1;
	int n = fscanf(f, "pid %ld\nstarted %llu\nboot %63s", &pid, &started, boot);
	fclose(f);
	read_line("/proc/sys/kernel/random/boot_id", now, sizeof now);
	if (n != 3 || pid <= 0 || strcmp(boot, now) || start_time((pid_t)pid) != started)
		return -1;
	return (pid_t)pid;
}
