#include "config.h"

#include "node/descriptors.h"

#include <dirent.h>
#include <stdlib.h>
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
