#include "config.h"

#include "node/descriptors.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

void descriptors_close(int first, int keep)
{
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		int fd = atoi(entry->d_name); /* "." and ".." are 0 */
		if (fd >= first && fd != keep && fd != dirfd(dir))
			close(fd);
	}
	closedir(dir);
}

void descriptors_make_room(int open, size_t n)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur < 1)
		return;
	rlim_t highest = limit.rlim_cur - 1, wanted = (rlim_t)open + n;
	int fd = fcntl(open, F_DUPFD_CLOEXEC, (int)(wanted < highest ? wanted : highest));
	if (fd >= 0)
		close(fd);
}
