/* crashpoint.c - loaded into a daemon (LD_PRELOAD), kills it by SIGKILL before exactly its n-th call that anybody else can
 * see: what it sends, receives, accepts, starts, signals, closes. Between two such calls a crash makes no difference, so
 * that all of them are all the moments there are. Which process, and which n, is in the file that WEFT_CRASH_PAGE names.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/system/crashpoint.h"

static struct crash_page *page;

static __attribute__((constructor)) void begin(void)
{
	const char *file = getenv("WEFT_CRASH_PAGE");
	int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	page = at == MAP_FAILED ? NULL : at;
}

static int is_meant(void)
{
	int pid = page->pid, parent = page->parent;
	if (parent) /* what a daemon has started becomes that one's child, too, when it dies */
		return parent == getppid() && pid != getpid() && !strcmp(program_invocation_short_name, "weftd");
	return pid == getpid();
}

static void point(void)
{
	int saved = errno;
	if (page && page->pid && is_meant() && ++page->count == page->at) {
		page->died = 1;
		page->pid = 0;
		kill(getpid(), SIGKILL);
	}
	errno = saved;
}

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		abort();
	return found;
}

/* Each does what the real one does, behind a point. */
#define CALL(type, name, parameters, arguments) \
	__attribute__((visibility("default"))) type name parameters; \
	type name parameters \
	{ \
		static type(*real) parameters; \
		if (!real) \
			*(void **)&real = next(#name); \
		if (page) \
			point(); \
		return real arguments; \
	}

CALL(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
CALL(ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags))
CALL(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
CALL(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
CALL(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
CALL(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at))
CALL(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n))
CALL(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n))
CALL(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int flags), (fd, a, n, flags))
CALL(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
CALL(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n))
CALL(int, listen, (int fd, int n), (fd, n))
CALL(int, close, (int fd), (fd))
CALL(int, shutdown, (int fd, int how), (fd, how))
CALL(int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds))
CALL(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
CALL(int, posix_spawn,
     (pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
      char *const argv[], char *const env[]),
     (pid, path, actions, attributes, argv, env))
