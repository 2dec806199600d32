#include "config.h"

#include "node/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 8 }; /* ours has 3 */

static void empty(int parent, const char *name, const char *keep, int depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 || depth > DEPTH_MAX ? NULL : fdopendir(fd);
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(dir));) {
		const char *file = entry->d_name;
		if (!strcmp(file, ".") || !strcmp(file, "..") || (keep && !strcmp(file, keep)))
			continue;
		if (!unlinkat(dirfd(dir), file, 0))
			continue;
		empty(dirfd(dir), file, NULL, depth + 1);
		unlinkat(dirfd(dir), file, AT_REMOVEDIR);
	}
	closedir(dir);
}

void folder_empty(int dirfd, const char *keep)
{
	empty(dirfd, ".", keep, 0);
}
