#include "config.h"

#include "console/proc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* A descriptor that becomes readable when the process ends; WEFT needs no libc that knows it. */
static int open_pidfd(pid_t pid)
{
#ifdef SYS_pidfd_open
	return (int)syscall(SYS_pidfd_open, pid, 0);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static bool has_ended(pid_t pid)
{
	pid_t got = waitpid(pid, NULL, WNOHANG);
	if (got == pid)
		return true;
	return got < 0 && errno == ECHILD && kill(pid, 0) && errno == ESRCH;
}

bool proc_wait(pid_t pid, int timeout_ms)
{
	uint64_t deadline = weft__deadline(timeout_ms);
	int fd            = open_pidfd(pid);
	bool ended        = has_ended(pid);
	while (!ended) {
		int left           = weft__deadline_left_ms(deadline);
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		if (left == 0)
			break;
		/* A kernel older than 5.3 gives no descriptor: look again and again. */
		int n = poll(&poll_fd, fd >= 0, fd >= 0 || left < 5 ? left : 5);
		ended = n > 0 || has_ended(pid);
	}
	if (ended)
		waitpid(pid, NULL, WNOHANG);
	if (fd >= 0)
		close(fd);
	return ended;
}
